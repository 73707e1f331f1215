// SPDX-License-Identifier: GPL-2.0-only
//! Puts what the cache model saw into a judgement.

use super::Judgement;
use crate::config::{Cell, Role};
use crate::results::{Case, Suite};
use crate::vcsan::Findings;
use crate::verdict::Verdict;

/// Adds the cache model's findings to the judgement of a boot of `cell`. `transfers` are the suites of which every case
/// makes a device read or write memory.
pub fn add(judgement: &mut Judgement, cell: &Cell, transfers: &[String], found: &Findings) {
    let Some(end) = &found.end else {
        judgement.worsen(
            Verdict::Infra,
            "the cache model did not come to its end, so that nothing is known of hazards",
        );
        return;
    };
    if let Some(failure) = &end.failure {
        judgement.worsen(
            Verdict::Infra,
            &format!("the cache model failed: {failure}"),
        );
    }

    for expected in &found.expected {
        let seen = found
            .hazards
            .iter()
            .any(|h| h.test.as_ref() == Some(&expected.test) && h.title == expected.title);
        if cell.role == Role::Aliasing && !seen {
            let message = format!(
                "provokes the hazard \"{}\", which the cache model did not report",
                expected.title
            );
            blame(judgement, Some(&expected.test), Verdict::Failed, &message);
        }
    }
    for hazard in &found.hazards {
        let provoked = cell.role == Role::Aliasing
            && found
                .expected
                .iter()
                .any(|e| Some(&e.test) == hazard.test.as_ref() && e.title == hazard.title);
        if !provoked {
            let times = match hazard.count {
                1 => String::new(),
                n => format!("\n(seen {n} times)"),
            };
            let message = format!("{}{times}", hazard.text.trim_end());
            blame(judgement, hazard.test.as_deref(), Verdict::Hazard, &message);
        }
    }

    if end.maintenance == 0 {
        judgement.worsen(
            Verdict::NotProven,
            "the cache model saw no cache maintenance at all, so that its silence proves nothing",
        );
    }
    let transferred = |suite: &Suite| {
        transfers.contains(&suite.name) && suite.cases.iter().any(|c| c.verdict == Verdict::Passed)
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
mod tests {
    use super::super::tests::cell;
    use super::*;
    use crate::vcsan::findings::{Expected, Hazard, Summary};

    fn passed() -> Judgement {
        let case = |name: &str| Case {
            name: name.into(),
            verdict: Verdict::Passed,
            message: None,
        };
        Judgement {
            verdict: Verdict::Passed,
            cache_proof: None,
            suites: vec![Suite {
                name: "s".into(),
                verdict: Verdict::Passed,
                cases: vec![case("one"), case("two")],
            }],
            message: None,
            oddities: Vec::new(),
        }
    }

    fn quiet() -> Findings {
        Findings {
            end: Some(Summary {
                maintenance: 1,
                device_reads: 1,
                ..Summary::default()
            }),
            ..Findings::default()
        }
    }

    fn hazard(test: Option<&str>) -> Hazard {
        Hazard {
            title: "stale read".into(),
            test: test.map(Into::into),
            count: 2,
            text: "stale read in f\n".into(),
        }
    }

    fn judged(role: Role, found: &Findings) -> Judgement {
        let mut judgement = passed();
        let cell = Cell { role, ..cell() };
        add(&mut judgement, &cell, &["s".into()], found);
        judgement
    }

    #[test]
    fn silence_changes_nothing() {
        assert_eq!(judged(Role::Aliasing, &quiet()), passed());
    }

    #[test]
    fn a_case_with_a_hazard_says_so_whatever_it_printed() {
        let mut found = quiet();
        found.hazards.push(hazard(Some("s.two")));
        let judgement = judged(Role::Aliasing, &found);
        let verdicts: Vec<_> = judgement.suites[0]
            .cases
            .iter()
            .map(|c| c.verdict)
            .collect();
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Hazard]);
        assert_eq!(judgement.suites[0].verdict, Verdict::Hazard);
        assert_eq!(judgement.verdict, Verdict::Hazard);
        let message = judgement.suites[0].cases[1].message.as_deref();
        assert_eq!(message, Some("stale read in f\n(seen 2 times)"));
    }

    #[test]
    fn a_hazard_outside_of_any_case_is_the_run_s() {
        for test in [None, Some("s.three"), Some("no dot")] {
            let mut found = quiet();
            found.hazards.push(hazard(test));
            let judgement = judged(Role::Aliasing, &found);
            assert_eq!(judgement.verdict, Verdict::Hazard);
            assert!(judgement.message.is_some());
        }
    }

    #[test]
    fn a_hazard_that_is_provoked_must_be_seen_where_the_cache_aliases() {
        let mut found = quiet();
        found.expected.push(Expected {
            test: "s.one".into(),
            title: "stale read".into(),
        });
        assert_eq!(judged(Role::Aliasing, &found).verdict, Verdict::Failed);
        assert_eq!(judged(Role::Control, &found).verdict, Verdict::Passed);
        found.hazards.push(hazard(Some("s.one")));
        assert_eq!(judged(Role::Aliasing, &found).verdict, Verdict::Passed);
        assert_eq!(judged(Role::Control, &found).verdict, Verdict::Hazard);
    }

    #[test]
    fn another_hazard_than_the_provoked_one_is_a_hazard() {
        let mut found = quiet();
        found.expected.push(Expected {
            test: "s.one".into(),
            title: "lost write".into(),
        });
        found.hazards.push(hazard(Some("s.one")));
        let judgement = judged(Role::Aliasing, &found);
        assert_eq!(judgement.verdict, Verdict::Hazard);
    }

    #[test]
    fn a_model_that_saw_nothing_proves_nothing() {
        let mut found = quiet();
        found.end.as_mut().expect("an end").maintenance = 0;
        assert_eq!(judged(Role::Control, &found).verdict, Verdict::NotProven);
        let mut found = quiet();
        found.end.as_mut().expect("an end").device_reads = 0;
        assert_eq!(judged(Role::Control, &found).verdict, Verdict::NotProven);
    }

    #[test]
    fn a_model_that_failed_is_no_pass() {
        let mut found = quiet();
        found.end.as_mut().expect("an end").failure = Some("a panic".into());
        assert_eq!(judged(Role::Control, &found).verdict, Verdict::Infra);
        found.end = None;
        assert_eq!(judged(Role::Control, &found).verdict, Verdict::Infra);
    }
}
