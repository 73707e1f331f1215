// SPDX-License-Identifier: GPL-2.0-only
//! What a run found, in the shape of its JSON report.
//!
//! `docs/report.schema.json` is made from these types; `cargo xtask report --schema` prints it.

pub mod bound;
pub mod identity;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::config::Role;
use crate::vcsan::findings;
use crate::verdict::Verdict;

pub use identity::Identity;

/// The version of the JSON report's shape; it grows when a consumer would have to change.
pub const SCHEMA: u32 = 2;

/// One run over the matrix.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The version of this shape: 2.
    pub schema: u32,
    /// What was tested, with what, by which command, where and when.
    pub identity: Identity,
    /// The worst of its cells.
    pub verdict: Verdict,
    /// From the command's start to its report, seconds.
    pub wall_s: f64,
    /// What the command did, one after the other.
    pub stages: Vec<Stage>,
    /// Which part of the whole this is; none if it is the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// All boots of the whole, also those of other shards, in the order of the matrix.
    pub planned: Vec<Planned>,
    /// In the order of the matrix.
    pub cells: Vec<Cell>,
    /// The kill matrix, where one was added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mutants: Vec<Kill>,
}

/// What came of a mutant on a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Kill {
    /// Its name.
    pub mutant: String,
    /// The cell.
    pub cell: String,
    /// What the modelled cache might do on its own.
    pub mode: crate::vcsan::Mode,
    /// Such as `killed` or `survived`.
    pub outcome: String,
    /// What was seen.
    #[serde(default, alias = "saw", skip_serializing_if = "Option::is_none")]
    pub by: Option<Sighting>,
}

/// Something that was seen while a mutant ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sighting {
    /// `SUITE.CASE`
    pub case: String,
    /// The hazard, or the verdict.
    pub what: String,
    /// What maintenance is missing, or the first line of a failure.
    pub missing: String,
}

impl Kill {
    /// Whether that is what should come of a mutant.
    pub fn is_right(&self) -> bool {
        ["killed", "equivalent"].contains(&self.outcome.as_str())
    }

    /// What was seen, in a line.
    pub fn why(&self) -> Option<String> {
        let by = self.by.as_ref()?;
        Some(format!("{}: {}; {}", by.case, by.what, by.missing))
    }
}

/// Something that a command did before or between or after the boots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// Such as `setup`.
    pub name: String,
    /// Seconds.
    pub took_s: f64,
}

/// A part of a run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Shard {
    /// Which, from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
}

/// A boot that a run is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// See [`Cell::cell`].
    pub cell: String,
    /// See [`Cell::set`].
    pub set: String,
    /// The suites that must show; empty where that is not known before.
    pub suites: Vec<String>,
}

/// One boot of one cell with one set of suites.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// Its name in `configs/cells`.
    pub cell: String,
    /// Aliasing or control; none only while nothing has run.
    pub role: Option<Role>,
    /// The worst of its suites and of what happened around them.
    pub verdict: Verdict,
    /// The release that the guest's kernel calls itself, as `uname -r` prints it.
    pub kernel: Option<String>,
    /// The kernel in `configs/kernels` that was built for it, with the exporter's name where it needs one of its own.
    #[serde(default)]
    pub built: Option<String>,
    /// Kbuild's name of its architecture.
    #[serde(default)]
    pub arch: Option<String>,
    /// The line of the kernel's log that proves the cache's kind.
    pub cache_proof: Option<String>,
    /// What the modelled cache might do on its own; none where none was modelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<crate::vcsan::Mode>,
    /// What was spent on building, seconds; other cells of the same kernel spend nothing.
    pub build_s: f64,
    /// From QEMU's start to its end, seconds.
    pub boot_s: f64,
    /// What the guest's log showed.
    pub suites: Vec<Suite>,
    /// Why the verdict is what it is, where the suites do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the cache model counted; none where it did not watch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcsan: Option<findings::Summary>,
    /// What the cache model reported, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hazards: Vec<Hazard>,
    /// The set of suites that ran, from `configs/suites`, or the exporter that they ran on.
    pub set: String,
    /// The suite among them that a program in the guest runs, and not KUnit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The folder with logs, command lines and findings of this boot.
    pub folder: Option<std::path::PathBuf>,
    /// Oddities of the log, each with its line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oddities: Vec<String>,
    /// The guest's console: its beginning and its end where it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
    /// The command that repeats just this.
    pub repeat: String,
}

/// One KUnit suite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suite {
    /// As the guest names it.
    pub name: String,
    /// The worst of its cases and of its own result line.
    pub verdict: Verdict,
    /// What its cases took, by the guest's clock, seconds; none where the log does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_s: Option<f64>,
    /// In the order of the log.
    pub cases: Vec<Case>,
}

/// One case of a suite; a parameter of a parameterized case is a case `case.parameter`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// As the guest names it.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// Why, where there is more to say than the verdict.
    pub message: Option<String>,
    /// By the guest's clock, seconds; none where the log does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_s: Option<f64>,
    /// What the console printed meanwhile: its beginning and its end where it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// Something that the cache model reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hazard {
    /// Whether somebody expected it.
    pub status: Status,
    /// The page of `configs/findings` that it is known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// What was seen.
    #[serde(flatten)]
    pub seen: findings::Hazard,
}

/// What a hazard means for the verdict.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nobody expected it: its case has the verdict `hazard`.
    New,
    /// A page of `configs/findings` says of the exporter under test that it is there.
    Known,
    /// The case does wrong on purpose and says which hazard must be reported.
    Provoked,
}

impl Cell {
    /// What happened around the suites: passed where the verdict is that of the suites and there is nothing else to say.
    pub fn own_verdict(&self) -> Verdict {
        let suites = Verdict::of_parts(self.suites.iter().map(|s| s.verdict));
        match suites {
            Some(suites) if self.verdict <= suites && self.message.is_none() => Verdict::Passed,
            _ => self.verdict,
        }
    }
}

impl Run {
    /// Puts `cells` together.
    pub fn new(identity: Identity, cells: Vec<Cell>, wall_s: f64) -> Run {
        let mut run = Run {
            schema: SCHEMA,
            identity,
            wall_s,
            cells,
            ..Run::default()
        };
        run.judge();
        run
    }

    /// The lines of the file of suppressions that nothing found in any boot is like.
    pub fn needless_suppressions(&self) -> Vec<String> {
        let all = self.cells.iter().filter_map(|cell| cell.vcsan.as_ref());
        let mut findings: BTreeMap<usize, (u64, String)> = BTreeMap::new();
        for line in all.flat_map(|summary| &summary.suppressions) {
            let text = || format!("{} | {} | {}", line.title, line.access, line.write);
            let entry = findings.entry(line.line).or_insert_with(|| (0, text()));
            entry.0 += line.findings;
        }
        let needless = findings.into_values().filter(|(found, _)| *found == 0);
        needless.map(|(_, text)| text).collect()
    }

    /// The names of the cells, each once, however often it was booted.
    pub fn names(&self) -> BTreeSet<&str> {
        self.cells.iter().map(|boot| boot.cell.as_str()).collect()
    }

    /// Takes the verdict from the cells.
    pub fn judge(&mut self) {
        let verdicts = self.cells.iter().map(|c| c.verdict);
        self.verdict = Verdict::of_parts(verdicts).unwrap_or(Verdict::NoTests);
    }

    /// All cases, with their cell and their suite.
    pub fn cases(&self) -> impl Iterator<Item = (&Cell, &Suite, &Case)> {
        self.cells.iter().flat_map(|cell| {
            let suites = cell.suites.iter();
            suites.flat_map(move |suite| suite.cases.iter().map(move |case| (cell, suite, case)))
        })
    }
}
