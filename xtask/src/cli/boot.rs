// SPDX-License-Identifier: GPL-2.0-only
//! What commands take that boot cells for a user.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use clap::Args;

use crate::again::Again;
use crate::report::{Format, Target};
use crate::results::Shard;

/// LAVA's device type for QEMU, which takes the machine from the job.
pub const QEMU_DEVICE: &str = "qemu";

/// Which cells.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Cells {
    /// Cells, by name or by glob, such as 'mips-*' [default: those that `list` marks]
    #[arg(value_name = "CELL")]
    pub cells: Vec<String>,
    /// The same
    #[arg(long = "cell", value_name = "GLOB", hide = true)]
    pub globs: Vec<String>,
}

impl Cells {
    /// All that were named.
    pub fn globs(&self) -> impl Iterator<Item = &String> {
        self.cells.iter().chain(&self.globs)
    }
}

/// What is tested, and what watches it.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Tested {
    /// Sets of suites from configs/suites [default: those that `list` marks]
    #[arg(long = "set", alias = "suite", value_name = "SET")]
    pub sets: Vec<String>,
    /// Run the suites on the buffers of exporters from configs/exporters, or of `all`
    #[arg(long = "exporter", value_name = "NAME")]
    pub exporters: Vec<String>,
    /// Build the modules of a folder out of tree, load them, watch them and unload them
    ///
    /// What it maps for devices is watched, by the kernel's DMA API, as with --contract; it can name more by
    /// include/linux/vcsan.h. KUnit suites in it run too. With --set SET it is loaded into that set's kernel, with its devices,
    /// before the set's own modules and instead of those of the same name, and the set's program runs.
    #[arg(long, value_name = "DIR", conflicts_with = "exporters")]
    pub module: Option<PathBuf>,
    /// What the guest runs between loading and unloading: a program for its CPU, or C source of one
    #[arg(long, value_name = "PROGRAM", requires = "module")]
    pub init: Option<PathBuf>,
    /// Apply the patches of kernel/fixes; then none of configs/findings is expected any more
    #[arg(long)]
    pub fixes: bool,
    /// Only suites, or cases of them, that match, such as 'system_heap_rust_vmap.*'
    #[arg(long, value_name = "SUITE[.CASE]")]
    pub filter: Option<String>,
    /// Run without the cache model: quicker, and blind to hazards
    #[arg(long)]
    pub no_vcsan: bool,
    /// Let the modelled cache fill lines by accesses only, even where the CPU may speculate
    #[arg(long, conflicts_with = "no_vcsan")]
    pub architectural: bool,
    /// Follow the kernel's DMA API instead of what suites say of transfers, and report what breaks its contract
    #[arg(long, conflicts_with = "no_vcsan")]
    pub contract: bool,
    /// Boot with another QEMU than the toolchain's, and the cache model that fits it: a root of configs/toolchain.yaml, such as
    /// qemu-11, which is made when it is first asked for
    #[arg(long, value_name = "NAME")]
    pub qemu: Option<String>,
}

impl Tested {
    /// The same where the module and its program lie elsewhere than they did.
    #[must_use]
    pub fn moved(self, module: Option<&PathBuf>, init: Option<&PathBuf>) -> Tested {
        let moved = |then: Option<PathBuf>, now: Option<&PathBuf>| match (then, now) {
            (Some(_), Some(now)) => Some(now.clone()),
            (then, _) => then,
        };
        Tested {
            module: moved(self.module, module),
            init: moved(self.init, init),
            ..self
        }
    }

    /// The same, with paths that hold wherever the words are read.
    ///
    /// # Errors
    /// The current folder is gone.
    pub fn absolute(self) -> io::Result<Tested> {
        Ok(Tested {
            module: self.module.map(std::path::absolute).transpose()?,
            init: self.init.map(std::path::absolute).transpose()?,
            ..self
        })
    }

    /// These options as they are written on a command line.
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        for (name, values) in [("--set", &self.sets), ("--exporter", &self.exporters)] {
            words.extend(values.iter().flat_map(|value| [name.into(), value.into()]));
        }
        let path = |path: &Option<PathBuf>| path.clone().map(OsString::from);
        for (name, value) in [
            ("--module", path(&self.module)),
            ("--init", path(&self.init)),
            ("--filter", self.filter.clone().map(Into::into)),
            ("--qemu", self.qemu.clone().map(Into::into)),
        ] {
            words.extend(value.into_iter().flat_map(|value| [name.into(), value]));
        }
        for (flag, given) in [
            ("--fixes", self.fixes),
            ("--no-vcsan", self.no_vcsan),
            ("--architectural", self.architectural),
            ("--contract", self.contract),
        ] {
            words.extend(given.then(|| flag.into()));
        }
        words
    }
}

/// Where reports of a run go, and which part of it this is.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Reports {
    /// Also write the report as JSON, like --report json=FILE
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also write the report to a file; may be given several times
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<Target>,
    /// Do the I-th of N parts of the run, for one of N machines; `merge` joins their reports
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Balance the shards by the times of this run, as `report` names it; give all shards the same one
    #[arg(long, value_name = "RUN", requires = "shard")]
    pub times: Option<String>,
    /// A run that reports are compared with, as `report` names it
    #[arg(long, value_name = "RUN")]
    pub compare: Option<String>,
}

impl Reports {
    /// The files that are to be written.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        let json = self.json.iter().map(|path| Target {
            format: Format::Json,
            path: path.clone(),
        });
        json.chain(self.report.iter().cloned())
    }
}

/// `test`
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Test {
    /// Which cells.
    #[command(flatten)]
    pub cells: Cells,
    /// What on them.
    #[command(flatten)]
    pub tested: Tested,
    /// Where something is found, boot the guest once more to get call stacks of the reported accesses
    #[arg(long, conflicts_with = "no_vcsan")]
    pub stacks: bool,
    /// A file of findings not to report, one a line: TITLE | FUNCTION | FUNCTION | REASON; lines that match nothing are named
    #[arg(long, value_name = "FILE", conflicts_with = "no_vcsan")]
    pub suppress: Option<PathBuf>,
    /// Where to report.
    #[command(flatten)]
    pub reports: Reports,
    /// How often.
    #[command(flatten)]
    pub again: Again,
}

impl Test {
    /// The same, with paths that hold wherever the words are read, but for where reports go.
    ///
    /// # Errors
    /// The current folder is gone.
    pub fn absolute(self) -> io::Result<Test> {
        Ok(Test {
            tested: self.tested.absolute()?,
            suppress: self.suppress.map(std::path::absolute).transpose()?,
            ..self
        })
    }

    /// These options as they are written on a command line, but for where reports go and how often it runs.
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = self.cells.globs().map(Into::into).collect();
        words.extend(self.tested.words());
        if let Some(file) = &self.suppress {
            words.extend(["--suppress".into(), file.into()]);
        }
        words.extend(self.stacks.then(|| "--stacks".into()));
        words
    }
}

/// `repro`
#[derive(Debug, Clone, Args)]
pub struct Repro {
    /// A run as `report` names it, such as `last`, and after a # what of it: CELL, SUITE.CASE or CELL/SUITE.CASE, of a run of mutants MUTANT or CELL/MUTANT [default: all that failed]
    #[arg(value_name = "RUN[#WHAT]")]
    pub what: String,
    /// Print the commands, and run nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Where the module of that run is, if not where it was
    #[arg(long, value_name = "DIR")]
    pub module: Option<PathBuf>,
    /// Where its program is, if not where it was
    #[arg(long, value_name = "PROGRAM")]
    pub init: Option<PathBuf>,
}

/// `debug`
#[derive(Debug, Clone, Args)]
pub struct Debug {
    /// A cell, or what `repro` takes: a run, such as `last`, and after a # what of it
    #[arg(value_name = "CELL|RUN[#WHAT]")]
    pub what: String,
    /// Stop after the first access that the cache model reports and no test provokes on purpose
    #[arg(long, conflicts_with_all = ["no_vcsan", "break_at"])]
    pub at_hazard: bool,
    /// Stop where this case begins
    #[arg(long = "break", value_name = "SUITE.CASE")]
    pub break_at: Option<String>,
    /// Give gdb this command once the guest has stopped, and end; may be given several times
    #[arg(long, value_name = "COMMAND")]
    pub gdb_command: Vec<String>,
    /// One set or exporter, and what of it.
    #[command(flatten)]
    pub tested: Tested,
}

impl From<&Debug> for Test {
    fn from(debug: &Debug) -> Test {
        let cells = Cells {
            cells: vec![debug.what.clone()],
            globs: Vec::new(),
        };
        let mut tested = debug.tested.clone();
        // Nothing else has to run before the guest gets there.
        tested.filter = tested.filter.or_else(|| debug.break_at.clone());
        Test {
            cells,
            tested,
            ..Test::default()
        }
    }
}

/// `bisect`
#[derive(Debug, Clone, Args)]
pub struct Bisect {
    /// The cell
    pub cell: String,
    /// A revision of the tree given by --kernel with which it passes
    #[arg(long, value_name = "REV")]
    pub good: Option<String>,
    /// A later one with which it does not
    #[arg(long, value_name = "REV")]
    pub bad: Option<String>,
    /// What must pass.
    #[command(flatten)]
    pub tested: Tested,
    /// For git: one revision, and a status that says what came of it
    #[arg(long, hide = true)]
    pub step: bool,
}

/// `run`
#[derive(Debug, Clone, Args)]
pub struct RunProgram {
    /// The cell
    pub cell: String,
    /// What the guest runs once the heap is loaded: a static program for its CPU, or C source of one
    ///
    /// The guest's own first program starts it as root, with /proc, /sys, /dev and /tmp mounted. What it writes comes out line by line
    /// (to a pipe: C's library holds lines back there, unless setvbuf() or fflush() is called), and its exit code becomes that of
    /// this command; codes of a run that did not get so far are those listed below.
    #[arg(long, value_name = "PROGRAM")]
    pub init: PathBuf,
    /// End a guest that takes longer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// Arguments of the program, none with a comma
    #[arg(value_name = "ARGUMENT", last = true)]
    pub arguments: Vec<String>,
}

/// `lava`
#[derive(Debug, Args)]
pub struct Lava {
    /// The cell
    pub cell: String,
    /// The folder for job.yaml and what it boots
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// LAVA's device type; all but qemu are boards that U-Boot starts
    #[arg(long, value_name = "TYPE", default_value = QEMU_DEVICE)]
    pub device_type: String,
    /// Where the dispatcher finds the files of DIR [default: on its own disk, in DIR]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The set of suites [default: the first that `list` marks]
    #[arg(long, value_name = "SET")]
    pub set: Option<String>,
    /// Only suites, or cases of them, that match
    #[arg(long, value_name = "SUITE[.CASE]")]
    pub filter: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_there_can_be_elsewhere() {
        let (module, init) = (PathBuf::from("/here"), PathBuf::from("/here.c"));
        let moved = |then: Tested| {
            let now = then.moved(Some(&module), Some(&init));
            (now.module, now.init)
        };
        let then = Tested {
            module: Some("/there".into()),
            ..Tested::default()
        };
        assert_eq!(moved(then.clone()), (Some(module.clone()), None));
        assert_eq!(moved(Tested::default()), (None, None));
        assert_eq!(then.clone().moved(None, None), then);
    }
}
