// SPDX-License-Identifier: GPL-2.0-only
//! The command line: all commands, and what each of them understands. What they take themselves is cut by who asks: [`boot`] of
//! who boots cells, [`own`] of the project's self-tests.

mod boot;
mod own;

use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use boot::{Bisect, Cells, Debug, Lava, QEMU_DEVICE, Reports, Repro, RunProgram, Test, Tested};
pub use own::{
    Bench, BenchHeap, BenchWhat, Differential, Drivers, History, Mutants, Programs, Series,
};

use crate::report::Target;
use crate::source::Asked;
use crate::toolchain::Choice;

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
    /// Debian mirror for the root, also one of snapshot.debian.org at a date [default: the one that this machine uses, else Debian's]
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
    /// The series of the distribution's kernel source, such as 7.2, or `newest` [default: see configs/toolchain.yaml]
    #[arg(long, global = true, value_name = "X.Y")]
    pub kernel_version: Option<Asked>,
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
    /// List cells, kernels, sets of suites, suites, exporters, mutants, breakages, bugs of history and drivers
    List {
        /// List the cases of the suites
        #[arg(long)]
        cases: bool,
    },
    /// Print a script by which a shell completes the words after `xtask`
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Build the kernels of cells, their modules and guests
    Build(Cells),
    /// Run sets of suites on cells; with no more said, the heap's suites on all cells that run by default
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
    /// What comes from a pipe or a file instead of a terminal is a script: the guest runs it to its end. What it prints comes
    /// out line by line, and its exit code becomes that of this command.
    Shell {
        /// The cell
        cell: String,
        /// Copy this folder into the guest as /folder; what the guest changes there is lost
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
        /// End a script that takes longer, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 600)]
        timeout: u64,
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
    /// Check that the cache model knows every cache maintenance instruction in the cells' kernels
    Instructions(Cells),
    /// Compile the same programs with LLVM and with ll2c and GCC, run both, and compare what they print
    Differential(Differential),
    /// Check that the compiler refuses wrong uses of the kernel crate, on the first cell of which rustc makes the kernel
    Refused(Cells),
    /// Check the project's Rust in the kernel by clippy, with the kernel's lints, on the first cell of which rustc makes the kernel
    Clippy(Cells),
    /// Print hazards of runs that configs/findings does not know, in the form of its pages
    Findings {
        /// Runs, as `report` names them [default: last]
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
    },
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
        let newest = Cli::parse_from(["xtask", "--kernel-version", "newest", "list"]).global;
        assert_eq!(newest.words(), ["--kernel-version", "newest"]);
        assert!(Cli::parse_from(["xtask", "list"]).global.words().is_empty());
    }
}
