// SPDX-License-Identifier: GPL-2.0-only
//! One boot made several times: what passes and fails is flaky.

use std::num::NonZeroU32;

use clap::Args;

use crate::results::{Case, Cell, Suite};
use crate::verdict::Verdict;

/// How often each cell is booted, and what that means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Args)]
pub struct Again {
    /// Boot each cell N times
    #[arg(long, value_name = "N", conflicts_with = "retries")]
    pub repeat: Option<NonZeroU32>,
    /// Boot each cell until it fails, or, with --repeat, N times
    #[arg(long, conflicts_with = "retries")]
    pub until_fail: bool,
    /// Boot a cell that fails up to N times more, until it does not
    #[arg(long, value_name = "N", default_value_t)]
    pub retries: u32,
    /// Let the command succeed if nothing is worse than flaky
    #[arg(long)]
    pub allow_flaky: bool,
}

impl Again {
    /// Boots by `boot`, which is given the number of the boot, from 1 on, as often as it takes. `stop` says whether the user
    /// has had enough.
    pub fn run(self, stop: impl Fn() -> bool, mut boot: impl FnMut(u32) -> Cell) -> Cell {
        let mut last = boot(1);
        let mut all = last.clone();
        let mut boots = 1;
        while !stop() && self.goes_on(boots, last.verdict.is_failure()) {
            boots += 1;
            last = boot(boots);
            if stop() && last.verdict == Verdict::Infra {
                // What the guest had not come to says nothing of it.
                let why = last.message.as_deref().unwrap_or("interrupted");
                all.message = Some(format!("boot {boots}: {why}"));
                all.verdict = Verdict::Infra;
                return all;
            }
            all = merged(all, &last, boots);
        }
        all
    }

    fn goes_on(self, boots: u32, failed: bool) -> bool {
        let repeat = self.repeat.map(NonZeroU32::get);
        if self.until_fail {
            !failed && repeat.is_none_or(|most| boots < most)
        } else if let Some(repeat) = repeat {
            boots < repeat
        } else {
            failed && boots <= self.retries
        }
    }
}

/// What earlier boots and the one of this number make together.
fn merged(all: Cell, next: &Cell, number: u32) -> Cell {
    let own = |cell: &Cell| {
        Verdict::of_parts(cell.suites.iter().map(|s| s.verdict)) != Some(cell.verdict)
    };
    let parts = !own(&all) && !own(next);
    let suites = paired(
        &all.suites,
        &next.suites,
        |s| &s.name,
        |before, now| suite(before, now, number),
    );
    let verdict = match Verdict::of_parts(suites.iter().map(|s| s.verdict)) {
        Some(verdict) if parts => verdict,
        _ => both(all.verdict, next.verdict),
    };
    let boot_s = all.boot_s + next.boot_s;
    // Somebody will look at what was left by a boot that failed.
    let shown = if next.verdict.is_failure() && !all.verdict.is_failure() {
        let message = next
            .message
            .as_ref()
            .map(|why| format!("boot {number}: {why}"));
        Cell {
            build_s: all.build_s,
            message,
            ..next.clone()
        }
    } else {
        all
    };
    Cell {
        suites,
        verdict,
        boot_s,
        ..shown
    }
}

fn suite(before: Option<&Suite>, now: Option<&Suite>, number: u32) -> Suite {
    // A guest that ends early leaves tests that the log has numbers of and no names. A boot that ran them has the names.
    let nameless = |case: &Case| case.name.starts_with('#');
    let named = |suite: Option<&Suite>| suite.is_some_and(|s| !s.cases.iter().any(nameless));
    let cases = |suite: Option<&Suite>, other: Option<&Suite>| {
        let all = suite.map_or(&[][..], |suite| &suite.cases);
        let kept = all.iter().filter(|c| !nameless(c) || !named(other));
        kept.cloned().collect::<Vec<_>>()
    };
    let own = |suite: Option<&Suite>| {
        suite
            .is_none_or(|s| Verdict::of_parts(s.cases.iter().map(|c| c.verdict)) != Some(s.verdict))
    };
    let (parts, merged) = (
        !own(before) && !own(now),
        paired(
            &cases(before, now),
            &cases(now, before),
            |c| &c.name,
            |before, now| case(before, now, number),
        ),
    );
    let verdict = |suite: Option<&Suite>| suite.map_or(Verdict::Crashed, |suite| suite.verdict);
    let shown = before.or(now).cloned().unwrap_or_default();
    Suite {
        verdict: match Verdict::of_parts(merged.iter().map(|c| c.verdict)) {
            Some(verdict) if parts => verdict,
            _ => both(verdict(before), verdict(now)),
        },
        cases: merged,
        ..shown
    }
}

fn case(before: Option<&Case>, now: Option<&Case>, number: u32) -> Case {
    let verdict = |case: Option<&Case>| case.map_or(Verdict::Crashed, |case| case.verdict);
    let (was, is) = (verdict(before), verdict(now));
    let shown = match (before, now) {
        (Some(_), Some(now)) if is.is_failure() && !was.is_failure() => Case {
            message: Some(in_boot(number, is, now.message.as_deref())),
            ..now.clone()
        },
        (Some(before), None) if !was.is_failure() => Case {
            message: Some(in_boot(number, is, None)),
            ..before.clone()
        },
        (Some(before), _) if was.is_failure() && was != Verdict::Flaky && !is.is_failure() => {
            Case {
                message: Some(in_boot(number - 1, was, before.message.as_deref())),
                ..before.clone()
            }
        }
        _ => before.or(now).cloned().unwrap_or_default(),
    };
    Case {
        verdict: both(was, is),
        ..shown
    }
}

fn in_boot(number: u32, verdict: Verdict, why: Option<&str>) -> String {
    let why = why.map_or(String::new(), |why| format!(": {why}"));
    format!("{verdict} in boot {number}{why}")
}

/// What two boots make together.
fn both(before: Verdict, now: Verdict) -> Verdict {
    match (before, now) {
        // What could not run has neither passed nor failed.
        (Verdict::Infra, _) | (_, Verdict::Infra) => Verdict::Infra,
        (Verdict::Flaky, _) | (_, Verdict::Flaky) => Verdict::Flaky,
        _ if before.is_failure() != now.is_failure() => Verdict::Flaky,
        _ => before.max(now),
    }
}

/// All that is in one list or the other, in their order.
fn paired<T>(
    before: &[T],
    now: &[T],
    name: impl Fn(&T) -> &String,
    pair: impl Fn(Option<&T>, Option<&T>) -> T,
) -> Vec<T> {
    let find =
        |list: &'_ [T], wanted: &T| list.iter().position(|other| name(other) == name(wanted));
    let first = before
        .iter()
        .map(|one| pair(Some(one), find(now, one).map(|at| &now[at])));
    let new = now.iter().filter(|one| find(before, one).is_none());
    first.chain(new.map(|one| pair(None, Some(one)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(cases: &[(&str, Verdict)]) -> Cell {
        let cases: Vec<Case> = cases
            .iter()
            .map(|&(name, verdict)| Case {
                name: name.into(),
                verdict,
                message: verdict.is_failure().then(|| "no".into()),
                ..Case::default()
            })
            .collect();
        let verdict =
            Verdict::of_parts(cases.iter().map(|c| c.verdict)).unwrap_or(Verdict::NoTests);
        Cell {
            verdict,
            boot_s: 1.0,
            suites: vec![Suite {
                name: "s".into(),
                verdict,
                cases,
                ..Suite::default()
            }],
            ..Cell::default()
        }
    }

    /// All boots by `again` where the case `a` has these verdicts, and how many there were.
    fn run(again: Again, verdicts: &[Verdict]) -> (Cell, u32) {
        let mut boots = 0;
        let cell = again.run(
            || false,
            |number| {
                boots += 1;
                assert_eq!(number, boots);
                boot(&[("a", verdicts[number as usize - 1]), ("b", Verdict::Passed)])
            },
        );
        (cell, boots)
    }

    #[test]
    fn an_interruption_is_no_flakiness() {
        let again = Again {
            repeat: NonZeroU32::new(9),
            ..Again::default()
        };
        let stopped = std::cell::Cell::new(false);
        let all = again.run(
            || stopped.get(),
            |number| {
                let mut cell = boot(&[("a", PASSED), ("b", PASSED)]);
                if number == 3 {
                    stopped.set(true);
                    cell.suites[0].cases.truncate(1);
                    cell.verdict = Verdict::Infra;
                    cell.message = Some("interrupted".into());
                }
                cell
            },
        );
        assert_eq!(all.verdict, Verdict::Infra);
        assert_eq!(all.message.as_deref(), Some("boot 3: interrupted"));
        assert!(all.suites[0].cases.iter().all(|c| c.verdict == PASSED));
    }

    #[test]
    fn a_boot_that_could_not_run_is_never_forgiven() {
        for (before, now) in [
            (Verdict::Passed, Verdict::Infra),
            (Verdict::Infra, Verdict::Passed),
            (Verdict::Infra, Verdict::Flaky),
        ] {
            assert_eq!(both(before, now), Verdict::Infra);
        }
    }

    const PASSED: Verdict = Verdict::Passed;
    const FAILED: Verdict = Verdict::Failed;

    #[test]
    fn what_passes_and_fails_is_flaky_whichever_comes_first() {
        let again = Again {
            repeat: NonZeroU32::new(3),
            ..Again::default()
        };
        for (verdicts, expected, says) in [
            ([PASSED; 3], PASSED, None),
            ([FAILED; 3], FAILED, Some("no")),
            (
                [PASSED, FAILED, PASSED],
                Verdict::Flaky,
                Some("failed in boot 2: no"),
            ),
            (
                [FAILED, PASSED, FAILED],
                Verdict::Flaky,
                Some("failed in boot 1: no"),
            ),
            (
                [FAILED, Verdict::Hazard, FAILED],
                Verdict::Hazard,
                Some("no"),
            ),
        ] {
            let (cell, boots) = run(again, &verdicts);
            assert_eq!(boots, 3);
            assert_eq!(
                (cell.verdict, cell.suites[0].verdict),
                (expected, expected),
                "{verdicts:?}"
            );
            let case = &cell.suites[0].cases[0];
            assert_eq!((case.verdict, case.message.as_deref()), (expected, says));
            assert_eq!(cell.suites[0].cases[1].verdict, PASSED);
            assert!((cell.boot_s - 3.0).abs() < 1e-9);
        }
    }

    #[test]
    fn two_cases_that_fail_in_turn_are_both_flaky_and_so_is_all() {
        let again = Again {
            repeat: NonZeroU32::new(2),
            ..Again::default()
        };
        let cell = again.run(
            || false,
            |number| match number {
                1 => boot(&[("a", FAILED), ("b", PASSED)]),
                _ => boot(&[("a", PASSED), ("b", FAILED)]),
            },
        );
        assert_eq!(cell.verdict, Verdict::Flaky);
        assert!(
            cell.suites[0]
                .cases
                .iter()
                .all(|c| c.verdict == Verdict::Flaky)
        );
    }

    #[test]
    fn a_boot_that_never_gets_to_a_case_makes_it_flaky() {
        let again = Again {
            retries: 1,
            ..Again::default()
        };
        let hung = Cell {
            verdict: Verdict::Hung,
            message: Some("silent".into()),
            ..Cell::default()
        };
        let cell = again.run(
            || false,
            |number| match number {
                1 => hung.clone(),
                _ => boot(&[("a", PASSED)]),
            },
        );
        assert_eq!(cell.verdict, Verdict::Flaky);
        assert_eq!(cell.message.as_deref(), Some("silent"));
        assert_eq!(cell.suites[0].cases[0].verdict, Verdict::Flaky);
    }

    #[test]
    fn a_boot_that_ends_before_its_cases_have_names_makes_them_flaky() {
        let again = Again {
            retries: 1,
            ..Again::default()
        };
        let cell = again.run(
            || false,
            |number| match number {
                1 => boot(&[("#1", Verdict::Hung), ("#2-#3", Verdict::Hung)]),
                _ => boot(&[("a", PASSED), ("b", PASSED), ("c", PASSED)]),
            },
        );
        assert_eq!(cell.verdict, Verdict::Flaky);
        let cases = &cell.suites[0].cases;
        let names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(cases.iter().all(|case| case.verdict == Verdict::Flaky));
        // Of tests that never ran, nobody knows the names.
        let cell = again.run(
            || false,
            |_| boot(&[("a", PASSED), ("#2-#3", Verdict::Hung)]),
        );
        assert_eq!(cell.suites[0].cases.len(), 2);
        assert_eq!(cell.verdict, Verdict::Hung);
    }

    #[test]
    fn boots_end_as_soon_as_they_may() {
        let again = |text: &str| {
            #[derive(clap::Parser)]
            struct Line {
                #[command(flatten)]
                again: Again,
            }
            let words = std::iter::once("x").chain(text.split_whitespace());
            <Line as clap::Parser>::parse_from(words).again
        };
        for (text, verdicts, boots) in [
            ("", &[FAILED, PASSED][..], 1),
            ("--repeat 2", &[FAILED, PASSED], 2),
            ("--until-fail", &[PASSED, PASSED, FAILED, PASSED], 3),
            ("--until-fail --repeat 2", &[PASSED, PASSED, FAILED], 2),
            ("--retries 3", &[FAILED, PASSED, FAILED], 2),
            ("--retries 1", &[FAILED, FAILED, PASSED], 2),
            ("--retries 1", &[PASSED, FAILED], 1),
        ] {
            assert_eq!(run(again(text), verdicts).1, boots, "{text}");
        }
        let endless = Again {
            until_fail: true,
            ..Again::default()
        };
        let mut boots = 0;
        let cell = endless.run(
            || true,
            |_| {
                boots += 1;
                boot(&[("a", PASSED)])
            },
        );
        assert_eq!((boots, cell.verdict), (1, PASSED));
    }
}
