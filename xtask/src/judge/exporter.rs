// SPDX-License-Identifier: GPL-2.0-only
//! Puts what a page of `configs/exporters` says into a judgement.

use super::Judgement;
use crate::config::Exporter;
use crate::verdict::Verdict;

/// Gives the cases that were skipped for `exporter` the reason; `whole` if all cases were to run.
///
/// A reason that no case needs any more is a failure: nobody would notice that a case goes by another name now, and runs.
pub fn explain(judgement: &mut Judgement, exporter: &Exporter, whole: bool) {
    let mut needed = vec![false; exporter.cannot.len()];
    for suite in &mut judgement.suites {
        for case in &mut suite.cases {
            let name = format!("{}.{}", suite.name, case.name);
            for (cannot, needed) in exporter.cannot.iter().zip(&mut needed) {
                if case.verdict == Verdict::Skipped && cannot.concerns(&name) {
                    *needed = true;
                    case.message.get_or_insert_with(|| {
                        format!(
                            "{} can't do it: {}: {}",
                            exporter.name, cannot.what, cannot.why
                        )
                    });
                }
            }
        }
    }
    for (cannot, needed) in exporter.cannot.iter().zip(needed) {
        if whole && !needed {
            judgement.worsen(
                Verdict::Failed,
                &format!(
                    "no case was skipped for want of \"{}\", which configs/exporters/{}.yaml names",
                    cannot.what, exporter.name
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::exporter_for_tests;
    use crate::results::{Case, Suite};

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
        explain(&mut judgement, &exporter_for_tests("*_sky.fly"), true);
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
            explain(&mut judgement, &exporter_for_tests("*_sky.fly"), whole);
            assert_eq!(judgement.verdict, verdict);
        }
    }
}
