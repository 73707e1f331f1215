// SPDX-License-Identifier: GPL-2.0-only
//! Puts what a page of `configs/exporters` or `configs/suites` says that can't be done into a judgement.

use super::Judgement;
use crate::config::Cannot;
use crate::verdict::Verdict;

/// Who says what can't be done.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Below `configs`.
    pub folder: &'a str,
    /// The file's stem.
    pub name: &'a str,
    /// What can't be done.
    pub cannot: &'a [Cannot],
}

/// Gives the cases that were skipped for what `page` says the reason; `whole` if all cases were to run.
///
/// A reason that no case needs any more is a failure: nobody would notice that a case goes by another name now, and runs.
pub fn explain(judgement: &mut Judgement, page: Page<'_>, whole: bool) {
    let mut needed = vec![false; page.cannot.len()];
    for suite in &mut judgement.suites {
        for case in &mut suite.cases {
            let name = format!("{}.{}", suite.name, case.name);
            for (cannot, needed) in page.cannot.iter().zip(&mut needed) {
                if case.verdict == Verdict::Skipped && cannot.concerns(&name) {
                    *needed = true;
                    case.message.get_or_insert_with(|| {
                        format!("{} can't do it: {}: {}", page.name, cannot.what, cannot.why)
                    });
                }
            }
        }
    }
    for (cannot, needed) in page.cannot.iter().zip(needed) {
        if whole && !needed {
            judgement.worsen(
                Verdict::Failed,
                &format!(
                    "no case was skipped for want of \"{}\", which configs/{}/{}.yaml names",
                    cannot.what, page.folder, page.name
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Exporter, exporter_for_tests};
    use crate::results::{Case, Suite};

    fn page(exporter: &Exporter) -> Page<'_> {
        Page {
            folder: "exporters",
            name: &exporter.name,
            cannot: &exporter.cannot,
        }
    }

    fn judgement(verdict: Verdict) -> Judgement {
        let case = |name: &str, verdict| Case {
            name: name.into(),
            verdict,
            ..Case::default()
        };
        Judgement {
            verdict: Verdict::Passed,
            cache_proof: None,
            suites: vec![Suite {
                name: "heap_sky".into(),
                verdict: Verdict::Passed,
                cases: vec![case("fly", verdict), case("look", Verdict::Passed)],
                ..Suite::default()
            }],
            message: None,
            oddities: Vec::new(),
            hazards: Vec::new(),
        }
    }

    #[test]
    fn a_skipped_case_gets_the_reason() {
        let mut judgement = judgement(Verdict::Skipped);
        let bird = exporter_for_tests("*_sky.fly");
        explain(&mut judgement, page(&bird), true);
        assert_eq!(judgement.verdict, Verdict::Passed);
        assert_eq!(
            judgement.suites[0].cases[0].message.as_deref(),
            Some("bird can't do it: to fly: it has no wings")
        );
    }

    #[test]
    fn a_reason_that_skips_nothing_fails_a_whole_run_only() {
        for (whole, verdict) in [(true, Verdict::Failed), (false, Verdict::Passed)] {
            let mut judgement = judgement(Verdict::Passed);
            let bird = exporter_for_tests("*_sky.fly");
            explain(&mut judgement, page(&bird), whole);
            assert_eq!(judgement.verdict, verdict);
        }
    }
}
