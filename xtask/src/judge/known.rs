// SPDX-License-Identifier: GPL-2.0-only
//! What `configs/findings` knows of the exporter under test, or of a set of suites about none, beside what the cache model saw.

use super::Judgement;
use crate::config::Finding;
use crate::vcsan::Findings;
use crate::vcsan::findings::Hazard;
use crate::verdict::Verdict;

/// What is known of one boot.
#[derive(Debug, Default)]
pub struct Known<'a> {
    /// None where the fixes are applied: then nothing is known any more.
    pub findings: Vec<&'a Finding>,
    /// The exporter under test, or the set of suites.
    pub subject: &'a str,
    /// The cell.
    pub cell: &'a str,
    /// Whether all cases were to run.
    pub whole: bool,
}

impl Known<'_> {
    /// The finding that `hazard` is.
    pub fn find(&self, hazard: &Hazard) -> Option<&Finding> {
        self.findings
            .iter()
            .copied()
            .find(|finding| finding.is(self.subject, self.cell, hazard))
    }

    /// Says which findings a whole run should have shown and did not: the kernel has changed, or the list is wrong.
    pub fn say_what_is_gone(&self, judgement: &mut Judgement, found: &Findings) {
        if !self.whole {
            return;
        }
        for finding in &self.findings {
            let seen = |hazard| finding.is(self.subject, self.cell, hazard);
            if finding.must_be_seen(self.subject, self.cell) && !found.hazards.iter().any(seen) {
                judgement.worsen(
                    Verdict::Failed,
                    &format!(
                        "finding {} is gone: {}; if the kernel was fixed, take {} and {} off configs/findings/{}.yaml",
                        finding.name, finding.summary, self.subject, self.cell, finding.name
                    ),
                );
            }
        }
    }
}

/// One line of a known hazard.
pub fn line(finding: &Finding, hazard: &Hazard) -> String {
    let title = hazard.text.lines().next().unwrap_or(&hazard.title);
    let fixes = finding.fixes.iter().map(|fix| fix.display().to_string());
    let fixes: Vec<String> = fixes.collect();
    let fixed = match fixes.as_slice() {
        [] => String::new(),
        fixes => format!(", fixed by {}", fixes.join(" and ")),
    };
    format!(
        "{} (finding {}, see {}{fixed})",
        title.trim_start_matches("VCSan: "),
        finding.name,
        finding.page.display()
    )
}
