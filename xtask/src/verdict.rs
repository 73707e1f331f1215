// SPDX-License-Identifier: GPL-2.0-only
//! The one scale on which cases, suites, cells and runs are judged.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came of a test, from best to worst, so that the worst of several is their maximum.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It ran to its end, and all that it checked held.
    Passed,
    /// It said itself that it could not run here, and why.
    Skipped,
    /// The cache model saw what `configs/findings` says of the exporter under test, and nothing else.
    Known,
    /// It passed in one boot and not in another of the same run.
    Flaky,
    /// It ran, and there was nothing in it.
    NoTests,
    /// It ran on a kernel that did not prove the kind of cache that it was to run on.
    NotProven,
    /// Something that it checked did not hold.
    Failed,
    /// The cache model saw an access that could go wrong on real hardware.
    Hazard,
    /// It did not come to an end: a panic, an oops, or simply no result. Anything without a clear result is this.
    #[default]
    Crashed,
    /// The guest exceeded a time limit.
    Hung,
    /// The guest did not reach its first program.
    BootFailed,
    /// Kernel, modules or guest could not be built.
    BuildFailed,
    /// The tools failed, so that nothing is known.
    Infra,
}

impl Verdict {
    /// Whether somebody has to look at it: everything but passed, skipped and known.
    pub fn is_failure(self) -> bool {
        !matches!(self, Verdict::Passed | Verdict::Skipped | Verdict::Known)
    }

    /// What `parts` make together: the worst of them, where one that is skipped does not matter beside one that passed.
    /// None without parts.
    pub fn of_parts(parts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
        parts.into_iter().reduce(|a, b| match a.max(b) {
            Verdict::Skipped => a.min(b),
            worst => worst,
        })
    }

    /// The verdict in the words of reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Skipped => "skipped",
            Verdict::Known => "known",
            Verdict::Flaky => "flaky",
            Verdict::NoTests => "no-tests",
            Verdict::NotProven => "not-proven",
            Verdict::Failed => "failed",
            Verdict::Hazard => "hazard",
            Verdict::Crashed => "crashed",
            Verdict::Hung => "hung",
            Verdict::BootFailed => "boot-failed",
            Verdict::BuildFailed => "build-failed",
            Verdict::Infra => "infra",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
