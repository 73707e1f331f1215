// SPDX-License-Identifier: GPL-2.0-only
//! The command line.

use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::again::Again;
use crate::report::{Format, Target};
use crate::results::Shard;
use crate::toolchain::{Choice, Version};

/// What `cargo xtask` takes.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about, after_long_help = crate::exit::HELP, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command understands.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Folder for everything that is made or downloaded [default: $ALIASHEAP_CACHE, else $XDG_CACHE_HOME/aliasheap]
    #[arg(long, global = true, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Where compilers and QEMU come from: a Debian root of the project's own, or PATH
    #[arg(long, global = true, value_enum, default_value_t)]
    pub toolchain: Choice,
    /// Debian mirror for the root [default: the one that this machine uses, else Debian's]
    #[arg(long, global = true, value_name = "URL")]
    pub mirror: Option<String>,
    /// A kernel tree of your own; it is copied and never written to
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        conflicts_with = "kernel_version"
    )]
    pub kernel: Option<PathBuf>,
    /// The series of the distribution's kernel source, such as 7.2 [default: see configs/toolchain.yaml]
    #[arg(long, global = true, value_name = "X.Y")]
    pub kernel_version: Option<Version>,
    /// A checkout whose configs/ and kernel/ are used instead of this one's
    #[arg(long, global = true, value_name = "DIR", hide_short_help = true)]
    pub checkout: Option<PathBuf>,
    /// How much to run at once [default: the number of cores]
    #[arg(long, short, global = true, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Give guests N times as long before they count as hung, on a slow or busy machine
    #[arg(long, global = true, value_name = "N", default_value = "1")]
    pub patience: NonZeroU32,
    /// Show all output of the tools and the guests
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say which tools are needed, which are there, and what to do about the others
    Doctor,
    /// Make the toolchain root and fetch the kernel source
    Setup(Setup),
    /// List cells, kernels, sets of suites, suites, exporters and mutants
    List {
        /// List the cases of the suites
        #[arg(long)]
        cases: bool,
    },
    /// Print what makes a shell complete the words after `xtask`
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Build the kernels of cells, their modules and guests
    Build(Cells),
    /// Run sets of suites on cells; without further words the heap's suites on every cell, which is the main job
    #[command(visible_alias = "test-all")]
    Test(Box<Test>),
    /// Repeat what failed in a run, from its folder or from a report of it
    Repro(Repro),
    /// Boot a cell with gdb attached: at its beginning, where a case begins, or at the access that the cache model reports
    Debug(Box<Debug>),
    /// Find the commit of a kernel's git tree with which a cell began to fail
    Bisect(Bisect),
    /// Boot a cell and talk to a shell of busybox over its serial console
    ///
    /// What comes from a pipe or a file instead of a terminal is a script: the guest runs it to its end, and its exit code
    /// becomes that of this command.
    Shell {
        /// The cell
        cell: String,
        /// A folder whose files the guest has in /folder; they are copied, and changes there are lost
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Write a LAVA job that boots a cell's kernel, modules and initramfs, on a board or in LAVA's own QEMU, and reads its results
    Lava(Lava),
    /// Boot a cell with the heap, run a program there, and return what it prints and its exit code
    Run(RunProgram),
    /// Remove what was made
    Clean(Clean),
    /// Measure the matrix and print each figure beside its limit
    Bench(Bench),
    /// Break one thing at a time in a copy and check that each gets the verdict it should
    Verdicts {
        /// Breakages from configs/breakages, by name or glob [default: all]
        #[arg(value_name = "BREAKAGE")]
        names: Vec<String>,
    },
    /// Break one thing of the heap at a time and check that the suites see it wherever it matters
    Mutants(Mutants),
    /// Put bugs back that the kernel once had and has fixed, and check that the cache model sees each where it hit
    History(History),
    /// Make a mistake in each of many copies of small drivers and check that the cache model reports every one
    Drivers(Drivers),
    /// Check that the cache model knows every maintenance instruction of the kernels of cells
    Instructions(Cells),
    /// Compare what LLVM and ll2c with GCC make of the same programs
    Differential(Differential),
    /// Check that the compiler refuses wrong uses of the kernel crate, on the first cell of which rustc makes the kernel
    Refused(Cells),
    /// Show an earlier run again, or write its report to files
    Report(Report),
    /// List the runs whose folders are kept
    Runs,
    /// Join the reports of all shards of a run; whatever is missing is a failure
    Merge(Merge),
    /// Write the nightly pipelines in ci/ from configs/ci.yaml
    Pipelines,
    /// Compare a run with an earlier one: new failures, fixes, what is slower
    Diff {
        /// The earlier run, as `report` names it
        #[arg(value_name = "RUN")]
        before: String,
        /// The later run
        #[arg(value_name = "RUN")]
        after: String,
    },
    /// Write patches as mails, with a cover letter, and check that they apply one by one
    Series(Series),
    /// Check the house rules that no other tool checks
    Tidy,
}

/// Which cells.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Cells {
    /// Cells, by name or by glob, such as 'mips-*' [default: all]
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

/// What of the suites to run, and where to report.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Suites {
    /// Only suites, or cases of them, that match, such as 'system_heap_rust_vmap.*'
    #[arg(long, value_name = "SUITE[.CASE]")]
    pub filter: Option<String>,
    /// Also write the report as JSON, like --report json=FILE
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also write the report to a file; may be given several times
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<Target>,
    /// Do the I-th of N parts of the run, for one of N machines; `merge` joins their reports
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// A run by whose times the shards are balanced, as `report` names it: all must be given the same
    #[arg(long, value_name = "RUN", requires = "shard")]
    pub times: Option<String>,
    /// A run that reports are compared with, as `report` names it
    #[arg(long, value_name = "RUN")]
    pub compare: Option<String>,
    /// Run without the cache model: quicker, and blind to hazards
    #[arg(long)]
    pub no_vcsan: bool,
    /// Let the modelled cache fill lines by accesses only, also where the CPU may fill any mapped alias at any moment
    #[arg(long, conflicts_with = "no_vcsan")]
    pub architectural: bool,
    /// Follow the kernel's DMA API instead of what suites say of transfers, and report what breaks its contract
    #[arg(long, conflicts_with = "no_vcsan")]
    pub contract: bool,
    /// Boot a guest in which something is found once more, for the call stacks of the accesses that are reported
    #[arg(long, conflicts_with = "no_vcsan")]
    pub stacks: bool,
    /// Findings that are not to be reported, a line each: TITLE | FUNCTION | FUNCTION | REASON; what is not needed is named
    #[arg(long, value_name = "FILE", conflicts_with = "no_vcsan")]
    pub suppress: Option<PathBuf>,
}

impl Suites {
    /// The files that are to be written.
    pub fn reports(&self) -> impl Iterator<Item = Target> {
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
    /// Sets of suites from configs/suites [default: those that `list` marks]
    #[arg(long = "set", alias = "suite", value_name = "SET")]
    pub sets: Vec<String>,
    /// Run the suites on the buffers of exporters from configs/exporters, or of `all`
    #[arg(long = "exporter", value_name = "NAME")]
    pub exporters: Vec<String>,
    /// Build the modules of a folder out of tree, load them, watch them and unload them, and run no suites of this project
    ///
    /// What it maps for devices is watched, by the kernel's DMA API, as with --contract; it can name more by
    /// include/linux/vcsan.h. KUnit suites in it run too.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["exporters", "sets"])]
    pub module: Option<PathBuf>,
    /// What the guest runs between loading and unloading: a program for its CPU, or C source of one
    #[arg(long, value_name = "PROGRAM", requires = "module")]
    pub init: Option<PathBuf>,
    /// Apply the patches of kernel/fixes, with which nothing of configs/findings may be seen any more
    #[arg(long, requires = "exporters")]
    pub fixes: bool,
    /// What of them.
    #[command(flatten)]
    pub suites: Suites,
    /// How often.
    #[command(flatten)]
    pub again: Again,
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
    #[arg(long, value_name = "TYPE", default_value = crate::commands::QEMU_DEVICE)]
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

/// `run`
#[derive(Debug, Clone, Args)]
pub struct RunProgram {
    /// The cell
    pub cell: String,
    /// What the guest runs once the heap is loaded: a static program for its CPU, or C source of one
    ///
    /// The guest's own first program starts it as root, with /proc, /sys, /dev and /tmp mounted. What it prints comes out line by line,
    /// and its exit code becomes that of this command; codes of a run that did not get so far are those listed below.
    #[arg(long, value_name = "PROGRAM")]
    pub init: PathBuf,
    /// A guest that runs for so long is ended, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// What the program is given, without commas
    #[arg(value_name = "ARGUMENT", last = true)]
    pub arguments: Vec<String>,
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
    /// Only suites, or cases of them, that match
    #[arg(long, value_name = "SUITE[.CASE]")]
    pub filter: Option<String>,
    /// For git: one revision, and a status that says what came of it
    #[arg(long, hide = true)]
    pub step: bool,
}

/// `debug`
#[derive(Debug, Clone, Args)]
pub struct Debug {
    /// A cell, or what `repro` takes: a run, such as `last`, and after a # what of it
    #[arg(value_name = "CELL|RUN[#WHAT]")]
    pub what: String,
    /// Stop after the access that the cache model reports; the first that is no test's own purpose
    #[arg(long, conflicts_with_all = ["no_vcsan", "break_at"])]
    pub at_hazard: bool,
    /// Stop where this case begins
    #[arg(long = "break", value_name = "SUITE.CASE")]
    pub break_at: Option<String>,
    /// Give gdb this command once the guest has stopped, and end; may be given several times
    #[arg(long, value_name = "COMMAND")]
    pub gdb_command: Vec<String>,
    /// The set of suites [default: the first that `list` marks]
    #[arg(long, value_name = "SET")]
    pub set: Option<String>,
    /// The exporter that the suites run on
    #[arg(long, value_name = "NAME")]
    pub exporter: Option<String>,
    /// Apply the patches of kernel/fixes
    #[arg(long, requires = "exporter")]
    pub fixes: bool,
    /// A module out of tree
    #[arg(long, value_name = "DIR", conflicts_with_all = ["exporter", "set"])]
    pub module: Option<PathBuf>,
    /// What the guest runs between loading and unloading that
    #[arg(long, value_name = "PROGRAM", requires = "module")]
    pub init: Option<PathBuf>,
    /// Only suites, or cases of them, that match
    #[arg(long, value_name = "SUITE[.CASE]")]
    pub filter: Option<String>,
    /// Run without the cache model
    #[arg(long)]
    pub no_vcsan: bool,
    /// As of `test`
    #[arg(long, conflicts_with = "no_vcsan")]
    pub architectural: bool,
    /// As of `test`
    #[arg(long, conflicts_with = "no_vcsan")]
    pub contract: bool,
}

impl From<&Debug> for Test {
    fn from(debug: &Debug) -> Test {
        let cells = Cells {
            cells: vec![debug.what.clone()],
            globs: Vec::new(),
        };
        Test {
            cells,
            sets: debug.set.iter().cloned().collect(),
            exporters: debug.exporter.iter().cloned().collect(),
            module: debug.module.clone(),
            init: debug.init.clone(),
            fixes: debug.fixes,
            suites: Suites {
                // Nothing else has to run before the guest gets there.
                filter: debug.filter.clone().or_else(|| debug.break_at.clone()),
                no_vcsan: debug.no_vcsan,
                architectural: debug.architectural,
                contract: debug.contract,
                ..Suites::default()
            },
            again: Again::default(),
        }
    }
}

/// `mutants`
#[derive(Debug, Clone, Default, Args)]
pub struct Mutants {
    /// Mutants by glob: names from configs/mutants, or 'plan:EVENT:STEPS:INDEX:KIND' [default: all]
    #[arg(value_name = "MUTANT")]
    pub names: Vec<String>,
    /// Only cells that match this glob
    #[arg(long = "cell", value_name = "GLOB")]
    pub globs: Vec<String>,
    /// Run each in all modes of a cell's CPU, not only in what it really does
    #[arg(long)]
    pub all_modes: bool,
    /// Also boot those of the plans that make no difference on a cell, says the host's model of its CPU
    #[arg(long)]
    pub equivalent: bool,
    /// Also write each outcome as a line of JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Mutants {
    /// The cells that these are for.
    pub fn cells(&self) -> Cells {
        Cells {
            cells: Vec::new(),
            globs: self.globs.clone(),
        }
    }
}

/// `differential`
#[derive(Debug, Clone, Default, Args)]
pub struct Differential {
    /// Programs: the project's own, or others' [default: own]
    #[arg(long = "suite", value_enum, value_name = "SUITE")]
    pub suites: Vec<Programs>,
    /// Only the machines of these pages of tools/ll2c/suites/subjects [default: all]
    #[arg(long = "subject", value_name = "SUBJECT")]
    pub subjects: Vec<String>,
    /// A part of each suite that takes minutes at most: what .ci/run runs
    #[arg(long)]
    pub sample: bool,
    /// Run only what has not ended well before with the same ll2c, suites and tools
    #[arg(long)]
    pub resume: bool,
    /// Break ll2c in one place at a time, by tools/ll2c/suites/mutations.yaml, and check that the samples notice
    #[arg(long, conflicts_with_all = ["suites", "subjects", "sample", "resume"])]
    pub mutations: bool,
    /// Only these mutations
    #[arg(long = "mutation", value_name = "NAME", requires = "mutations")]
    pub names: Vec<String>,
}

/// Where the programs of `differential` come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Programs {
    /// Every opcode at every width, random programs, and Rust programs with C beside them
    Own,
    /// GCC's execution tests
    CTorture,
    /// Tests of Rust's core and alloc
    Coretests,
    /// Crates of the registry
    Crates,
    /// Instructions that ten kernels take
    Cost,
    /// All of these
    All,
}

/// `history`
#[derive(Debug, Clone, Default, Args)]
pub struct History {
    /// Bugs from configs/history, by name or glob [default: all]
    #[arg(value_name = "BUG")]
    pub names: Vec<String>,
}

/// `merge`
#[derive(Debug, Clone, Default, Args)]
pub struct Merge {
    /// The shards' JSON reports, or the folders of their runs
    #[arg(value_name = "REPORT", required = true)]
    pub shards: Vec<PathBuf>,
    /// Write the report to a file; may be given several times
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<Target>,
    /// A run to compare it with, in formats that show such
    #[arg(long, value_name = "RUN")]
    pub compare: Option<String>,
}

/// `report`
#[derive(Debug, Clone, Default, Args)]
pub struct Report {
    /// A run that `runs` lists, `last`, the folder of one, or its JSON report
    #[arg(value_name = "RUN", required_unless_present = "schema")]
    pub run: Option<String>,
    /// Write the report to a file instead of standard output; may be given several times
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<Target>,
    /// A run to compare it with, in formats that show such
    #[arg(long, value_name = "RUN")]
    pub compare: Option<String>,
    /// A kill matrix to be put into the report: a JSON object with mutant, cell, mode and outcome a line
    #[arg(long, value_name = "FILE")]
    pub mutants: Option<PathBuf>,
    /// Print the JSON Schema of reports
    #[arg(long, conflicts_with_all = ["run", "report"])]
    pub schema: bool,
}

/// `drivers`
#[derive(Debug, Clone, Default, Args)]
pub struct Drivers {
    /// Drivers from configs/drivers, by name or glob [default: all]
    #[arg(value_name = "DRIVER")]
    pub names: Vec<String>,
    /// Only cells that match this glob
    #[arg(long = "cell", value_name = "GLOB")]
    pub globs: Vec<String>,
}

/// `setup`
#[derive(Debug, Clone, Default, Args)]
pub struct Setup {
    /// As root, install on this machine, with its package manager, what making the toolchain root takes
    #[arg(long)]
    pub install: bool,
    /// Write to configs/toolchain.lock which packages the toolchain root was made of
    #[arg(long)]
    pub lock: bool,
}

/// `clean`
#[derive(Debug, Clone, Default, Args)]
pub struct Clean {
    /// Remove the toolchain root and the kernel source too
    #[arg(long)]
    pub all: bool,
    /// Remove only what nothing can use any more: roots by other recipes, and trees and builds whose source is gone
    #[arg(long, conflicts_with = "all")]
    pub stale: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// `bench`
#[derive(Debug, Clone, Default, Args)]
pub struct Bench {
    /// Also measure a run from nothing, in a cache folder of its own: that takes up to 25 minutes
    #[arg(long)]
    pub from_nothing: bool,
    /// Also write the figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Measure something else
    #[command(subcommand)]
    pub what: Option<BenchWhat>,
}

/// What else `bench` can measure.
#[derive(Debug, Clone, Subcommand)]
pub enum BenchWhat {
    /// What calls of the heap cost, in guest instructions and maintained lines, beside mainline's heap in the same guest
    Heap(BenchHeap),
}

/// `series`
#[derive(Debug, Clone, Args)]
pub struct Series {
    /// The series, from configs/series
    #[arg(default_value = "system-heap-rust")]
    pub name: String,
    /// Where the mails go
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// The run of which the cover letter says what passed: `last`, a folder or a JSON report
    #[arg(long, value_name = "RUN")]
    pub report: Option<String>,
}

/// `bench heap`
#[derive(Debug, Clone, Args)]
pub struct BenchHeap {
    /// Which cells.
    #[command(flatten)]
    pub cells: Cells,
    /// Also write the figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Test {
    /// These options as they are written on a command line, but for where reports go.
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = self.cells.globs().map(Into::into).collect();
        let mut several = |name: &str, values: &[String]| {
            let values = values.iter();
            words.extend(values.flat_map(|value| [name.into(), value.into()]));
        };
        several("--set", &self.sets);
        several("--exporter", &self.exporters);
        let mut one = |name: &str, value: Option<OsString>| {
            words.extend(value.into_iter().flat_map(|value| [name.into(), value]));
        };
        one("--module", self.module.clone().map(Into::into));
        one("--init", self.init.clone().map(Into::into));
        one("--filter", self.suites.filter.clone().map(Into::into));
        one("--suppress", self.suites.suppress.clone().map(Into::into));
        let suites = &self.suites;
        let flags = [
            ("--fixes", self.fixes),
            ("--no-vcsan", suites.no_vcsan),
            ("--architectural", suites.architectural),
            ("--contract", suites.contract),
            ("--stacks", suites.stacks),
        ];
        let given = flags.into_iter().filter(|(_, given)| *given);
        words.extend(given.map(|(flag, _)| flag.into()));
        words
    }
}

impl Global {
    /// The same, with paths that hold wherever the words are read.
    ///
    /// # Errors
    /// The current folder is gone.
    pub fn absolute(self) -> std::io::Result<Global> {
        let absolute = |path: Option<PathBuf>| path.map(std::path::absolute).transpose();
        Ok(Global {
            cache: absolute(self.cache)?,
            kernel: absolute(self.kernel)?,
            checkout: absolute(self.checkout)?,
            ..self
        })
    }

    /// These options as they are written on a command line, but for `--verbose`.
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let mut add = |name: &str, value: Option<OsString>| {
            if let Some(value) = value {
                words.extend([name.into(), value]);
            }
        };
        let path = |path: &Option<PathBuf>| path.clone().map(Into::into);
        add("--checkout", path(&self.checkout));
        add("--cache", path(&self.cache));
        let host = self.toolchain == Choice::Host;
        add("--toolchain", host.then(|| "host".into()));
        add("--mirror", self.mirror.clone().map(Into::into));
        add("--kernel", path(&self.kernel));
        let version = self.kernel_version.as_ref();
        add("--kernel-version", version.map(|v| v.to_string().into()));
        add("--jobs", self.jobs.map(|n| n.to_string().into()));
        let patience = self.patience.get();
        add(
            "--patience",
            (patience != 1).then(|| patience.to_string().into()),
        );
        words
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_are_read_back_as_they_are_written() {
        let line = [
            "xtask",
            "--cache",
            "/a b",
            "--toolchain",
            "host",
            "--mirror",
            "http://m",
            "--kernel",
            "/k",
            "--jobs",
            "3",
            "--patience",
            "4",
            "list",
        ];
        let first = Cli::parse_from(line).global;
        let words = first.words();
        assert_eq!(words.len(), line.len() - 2);
        let again = std::iter::once("xtask".into())
            .chain(words.clone())
            .chain(["list".into()]);
        assert_eq!(Cli::parse_from(again).global.words(), words);
        let version = Cli::parse_from(["xtask", "--kernel-version", "7.2", "list"]).global;
        assert_eq!(version.words(), ["--kernel-version", "7.2"]);
        assert!(Cli::parse_from(["xtask", "list"]).global.words().is_empty());
    }
}
