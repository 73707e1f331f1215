// SPDX-License-Identifier: GPL-2.0-only
//! What a run found, in the shape of its JSON report.

use serde::{Deserialize, Serialize};

use crate::config::Role;
use crate::verdict::Verdict;

/// The version of the JSON report's shape; it grows when a consumer would have to change.
pub const SCHEMA: u32 = 1;

/// One run over the matrix.
#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The worst of its cells.
    pub verdict: Verdict,
    /// From the command's start to its report, seconds.
    pub wall_s: f64,
    /// In the order of the matrix.
    pub cells: Vec<Cell>,
}

/// One boot of one cell with one set of suites.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Cell {
    /// Its name in `configs/cells`.
    pub cell: String,
    /// Aliasing or control; none only while nothing has run.
    pub role: Option<Role>,
    /// The worst of its suites and of what happened around them.
    pub verdict: Verdict,
    /// The release that the guest's kernel calls itself, as `uname -r` prints it.
    pub kernel: Option<String>,
    /// The line of the kernel's log that proves the cache's kind.
    pub cache_proof: Option<String>,
    /// What the modelled cache might do on its own; none where none was modelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<crate::vcsan::Mode>,
    /// What was spent on building, seconds; other cells of the same kernel spend nothing.
    pub build_s: f64,
    /// From QEMU's start to its end, seconds.
    pub boot_s: f64,
    /// What the guest's log showed.
    pub suites: Vec<Suite>,
    /// Why the verdict is what it is, where the suites do not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the cache model counted; none where it did not watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcsan: Option<crate::vcsan::findings::Summary>,
    /// The set of suites that ran, from `configs/suites`.
    pub set: String,
    /// The folder with logs, command lines and findings of this boot.
    pub folder: Option<std::path::PathBuf>,
    /// Oddities of the log, each with its line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oddities: Vec<String>,
    /// The command that repeats just this.
    pub repeat: String,
}

/// One KUnit suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// As the guest names it.
    pub name: String,
    /// The worst of its cases and of its own result line.
    pub verdict: Verdict,
    /// In the order of the log.
    pub cases: Vec<Case>,
}

/// One case of a suite; a parameter of a parameterized case is a case `case.parameter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// As the guest names it.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// Why, where there is more to say than the verdict.
    pub message: Option<String>,
}

impl Run {
    /// Puts `cells` together.
    pub fn new(cells: Vec<Cell>, wall_s: f64) -> Run {
        let verdict =
            Verdict::of_parts(cells.iter().map(|c| c.verdict)).unwrap_or(Verdict::NoTests);
        Run {
            schema: SCHEMA,
            verdict,
            wall_s,
            cells,
        }
    }
}
