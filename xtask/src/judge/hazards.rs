// SPDX-License-Identifier: GPL-2.0-only
//! Puts what the cache model saw into a judgement.

use super::Judgement;
use super::known::{self, Known};
use crate::results::{self, Case, Status, Suite};
use crate::vcsan::Findings;
use crate::vcsan::findings::{Expected, Hazard, Pattern};
use crate::verdict::Verdict;

/// Of what the cache model must have seen something, or its silence proves nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Suites of which every case makes a device read or write memory.
    pub transfers: &'a [String],
    /// Modules out of tree that are under test, by their files, such as `a.ko`. One of them must map memory for a device.
    pub modules: &'a [String],
}

/// Adds the cache model's findings to the judgement of a boot. A guest that had to be ended took the model with it: what that
/// had found is added all the same.
pub fn add(
    judgement: &mut Judgement,
    wanted: Wanted<'_>,
    found: &Findings,
    known: &Known<'_>,
    was_ended: bool,
) {
    let mut patterns = Vec::new();
    for expected in &found.expected {
        match expected.pattern() {
            Ok(pattern) => patterns.push((expected, pattern)),
            Err(why) => {
                let message = format!("provokes a hazard that it does not describe: {why}");
                blame(judgement, Some(&expected.test), Verdict::Failed, &message);
            }
        }
    }
    let provoked = |hazard: &Hazard, expected: &Expected, pattern: &Pattern| {
        let its = |hazard: &&Hazard| hazard.test.as_ref() == Some(&expected.test);
        // Where the DMA API tells of transfers, a mistake of this project's suites, which announce them, is found at another
        // moment, by another name. The author of a module knows what it does.
        let renamed = || {
            let by_name = |hazard: &Hazard| pattern.is_met_by(hazard);
            found.contract
                && wanted.modules.is_empty()
                && pattern.is_of_the_cache()
                && pattern.is_resembled_by(hazard)
                && !found.hazards.iter().filter(its).any(by_name)
        };
        its(&hazard) && (pattern.is_met_by(hazard) || renamed())
    };
    for hazard in &found.hazards {
        let (status, finding) = if patterns
            .iter()
            .any(|(e, pattern)| provoked(hazard, e, pattern))
        {
            (Status::Provoked, None)
        } else if let Some(finding) = known.find(hazard) {
            let message = known::line(finding, hazard);
            blame(judgement, hazard.test.as_deref(), Verdict::Known, &message);
            (Status::Known, Some(finding.name.clone()))
        } else {
            let times = match hazard.count {
                1 => String::new(),
                n => format!("\n(seen {n} times)"),
            };
            let message = format!("{}{times}", hazard.text.trim_end());
            blame(judgement, hazard.test.as_deref(), Verdict::Hazard, &message);
            (Status::New, None)
        };
        judgement.hazards.push(results::Hazard {
            status,
            finding,
            seen: hazard.clone(),
        });
    }

    let Some(end) = &found.end else {
        if !was_ended {
            judgement.worsen(
                Verdict::Infra,
                "the cache model did not come to its end, so that not all is known of hazards",
            );
        }
        return;
    };
    if let Some(failure) = &end.failure {
        judgement.worsen(
            Verdict::Infra,
            &format!("the cache model failed: {failure}"),
        );
    }
    for (expected, pattern) in &patterns {
        if !found.hazards.iter().any(|h| provoked(h, expected, pattern)) {
            let message = format!(
                "provokes the hazard \"{}\", which the cache model did not report",
                expected.text
            );
            blame(judgement, Some(&expected.test), Verdict::Failed, &message);
        }
    }
    known.say_what_is_gone(judgement, found);
    for doubt in end.doubts() {
        judgement.worsen(
            Verdict::NotProven,
            &format!("the cache model saw {doubt}, so that its silence proves nothing"),
        );
    }
    if end.maintenance == 0 {
        judgement.worsen(
            Verdict::NotProven,
            "the cache model saw no cache maintenance at all, so that its silence proves nothing",
        );
    }
    let name = |file: &String| file.trim_end_matches(".ko").replace('-', "_");
    let is_silent = |file: &String| !end.callers.contains(&name(file));
    if found.contract && !wanted.modules.is_empty() && wanted.modules.iter().all(is_silent) {
        let modules = wanted.modules.join(", ");
        judgement.worsen(
            Verdict::NotProven,
            &format!(
                "{modules} handed no memory to a device, so that there was nothing to watch: is the device in this machine, and was it used?"
            ),
        );
    }
    let transferred = |suite: &Suite| {
        wanted.transfers.contains(&suite.name)
            && suite.cases.iter().any(|c| c.verdict == Verdict::Passed)
    };
    if end.device_reads + end.device_writes == 0 && judgement.suites.iter().any(transferred) {
        judgement.worsen(
            Verdict::NotProven,
            "the cache model saw no device transfer, though there were some",
        );
    }
}

/// Gives a case its verdict, or the run where there is no such case.
fn blame(judgement: &mut Judgement, test: Option<&str>, verdict: Verdict, message: &str) {
    let found = test
        .and_then(|t| t.split_once('.'))
        .and_then(|(suite, case)| find(&mut judgement.suites, suite, case));
    match found {
        Some((suite_verdict, case)) => {
            case.verdict = case.verdict.max(verdict);
            *suite_verdict = (*suite_verdict).max(verdict);
            let text = case.message.get_or_insert_default();
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(message);
            judgement.verdict = judgement.verdict.max(verdict);
        }
        None => judgement.worsen(verdict, message),
    }
}

fn find<'a>(
    suites: &'a mut [Suite],
    suite: &str,
    case: &str,
) -> Option<(&'a mut Verdict, &'a mut Case)> {
    let suite = suites.iter_mut().find(|s| s.name == suite)?;
    let case = suite.cases.iter_mut().find(|c| c.name == case)?;
    Some((&mut suite.verdict, case))
}

#[cfg(test)]
mod tests;
