// SPDX-License-Identifier: GPL-2.0-only
//! What the commands of `cargo xtask self` take.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Cells;

/// `mutants`
#[derive(Debug, Clone, Default, Args)]
pub struct Mutants {
    /// Mutants by glob: names from configs/mutants, or 'plan:EVENT:STEPS:INDEX:KIND' [default: all]
    #[arg(value_name = "MUTANT")]
    pub names: Vec<String>,
    /// Only cells that match this glob
    #[arg(long = "cell", value_name = "GLOB")]
    pub globs: Vec<String>,
    /// Run each in all modes of the cache model that a cell's CPU allows, not only in the one that is true to it
    #[arg(long)]
    pub all_modes: bool,
    /// Also boot mutants of the plans that make no difference on a cell, by the host's model of its CPU
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

/// `history`
#[derive(Debug, Clone, Default, Args)]
pub struct History {
    /// Bugs from configs/history, by name or glob [default: all]
    #[arg(value_name = "BUG")]
    pub names: Vec<String>,
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
    /// Skip what has passed before with the same ll2c, suites and tools
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
    /// Also build this cell's kernel with each patch and none that follow it, and run its suites with all
    #[arg(long, value_name = "CELL")]
    pub build: Option<String>,
}
