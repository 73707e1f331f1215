// SPDX-License-Identifier: GPL-2.0-only
//! Many mutants in one boot: what the guest is ordered to do, and which mutant what it printed and what the cache model
//! reported belongs to.

use crate::boot::End;
use crate::config::Set;
use crate::judge;
use crate::ktap;
use crate::media::orders::list;
use crate::vcsan::Findings;
use crate::vcsan::findings::{Expected, Hazard};

use super::Trial;
use super::outcome::Sighting;

/// The parameter of the kernel's helpers for Rust that says which mutant it is.
const CHOICE: &str = "/sys/module/helpers/parameters/mutant";
/// KUnit's that says which suites run when a module is loaded.
const FILTER: &str = "/sys/module/kunit/parameters/filter_glob";
/// Between a mutant's name and a case in the reports of the cache model.
const SLASH: char = '/';

/// What is said of a mutant without any suite.
const NOTHING_RAN: &str = "no suite ran";

/// What a guest is to do for some mutants, one after the other.
pub fn orders(set: &Set, trials: &[Trial<'_>]) -> Vec<String> {
    let mut orders = set.parameters(true);
    orders.extend(list("modules", set.exporters_modules()));
    for Trial {
        mutant,
        suites,
        limit,
    } in trials
    {
        let limit = limit.map_or_else(String::new, |(stage, steps)| format!(":{stage}:{steps}"));
        orders.push(format!("aliasheap.write={FILTER},{suites}"));
        orders.push(format!("aliasheap.write={CHOICE},{mutant}{limit}"));
        orders.extend(list("modules", set.tests.iter()));
        orders.extend(list("unload", set.tests.iter()));
    }
    orders
}

/// What one boot showed of its mutants.
#[derive(Debug)]
pub struct Seen {
    /// Of each that ran, in order: its name, and what showed it.
    pub mutants: Vec<(String, Vec<Sighting>)>,
    /// Whether the last of them was the end of the guest.
    pub died: bool,
}

/// Takes the hazards away that cases provoke on purpose. Returns what was to be provoked and was not reported.
///
/// # Errors
/// A case does not say what it provokes.
pub fn take_provoked(findings: &mut Findings) -> Result<Vec<Expected>, String> {
    let mut unmet = Vec::new();
    for expected in std::mem::take(&mut findings.expected) {
        let pattern = expected.pattern()?;
        let before = findings.hazards.len();
        findings.hazards.retain(|hazard| {
            hazard.test.as_ref() != Some(&expected.test) || !pattern.is_met_by(hazard)
        });
        if findings.hazards.len() == before {
            unmet.push(expected);
        }
    }
    Ok(unmet)
}

/// Reads what a boot printed, the hazards that the cache model reported, and those that it should have.
pub fn read(log: &[u8], end: &End, hazards: &[Hazard], unmet: &[Expected]) -> Seen {
    let text = String::from_utf8_lossy(log);
    let mut seen = Seen {
        mutants: Vec::new(),
        died: !matches!(end, End::Exited) || !text.contains(judge::DONE),
    };
    for (name, segment, last) in segments(&text) {
        let hung = last && matches!(end, End::Silent(_) | End::TooLong(_));
        let mut sightings = of_log(segment, hung, last && seen.died);
        sightings.extend(hazards.iter().filter_map(|hazard| {
            let (mutant, case) = hazard.test.as_deref()?.split_once(SLASH)?;
            (mutant == name).then(|| Sighting::hazard(case, hazard))
        }));
        sightings.extend(unmet.iter().filter_map(|expected| {
            let (mutant, case) = expected.test.split_once(SLASH)?;
            (mutant == name).then(|| Sighting {
                case: case.into(),
                what: "failed".into(),
                missing: format!("the hazard \"{}\" was not reported", expected.text),
                is_hazard: false,
                written: None,
            })
        }));
        seen.mutants
            .push((without_limit(name).to_owned(), sightings));
    }
    seen
}

/// The name of a mutation of a plan has five words, and what comes then is how much of a case runs.
fn without_limit(name: &str) -> &str {
    let fifth = name.match_indices(':').nth(4);
    fifth.map_or(name, |(end, _)| &name[..end])
}

/// Hazards outside of any case of a mutant.
pub fn strays(hazards: &[Hazard]) -> impl Iterator<Item = &Hazard> {
    let has_mutant = |h: &&Hazard| h.test.as_ref().is_some_and(|t| t.contains(SLASH));
    hazards.iter().filter(move |h| !has_mutant(h))
}

/// Each mutant with what was printed from its choice to the next one's, and whether it is the last.
fn segments(text: &str) -> Vec<(&str, &str, bool)> {
    let mut starts = Vec::new();
    for (at, _) in text.match_indices("aliasheap: writing ") {
        let rest = &text[at + "aliasheap: writing ".len()..];
        let line = rest.lines().next().unwrap_or_default().trim_end();
        if let Some(name) = line.strip_suffix(&format!(" to {CHOICE}")) {
            starts.push((at, name));
        }
    }
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    let last = starts.len();
    let with_ends = starts.iter().zip(ends).enumerate();
    with_ends
        .map(|(index, ((at, name), end))| (*name, &text[*at..end], index + 1 == last))
        .collect()
}

/// What a mutant's part of the log shows.
fn of_log(segment: &str, hung: bool, died: bool) -> Vec<Sighting> {
    let report = ktap::parse(segment.as_bytes());
    // A mutant that was not chosen is none.
    if let Some(failed) = failure(segment) {
        return vec![Sighting::no_proof(failed)];
    }
    let suites = judge::suites(&report, segment.as_bytes(), hung);
    let mut sightings = Vec::new();
    for suite in &suites {
        for case in suite.cases.iter().filter(|c| c.verdict.is_failure()) {
            let why = case.message.as_deref().unwrap_or_default();
            sightings.push(Sighting {
                case: format!("{}.{}", suite.name, case.name),
                what: case.verdict.to_string(),
                missing: why.lines().next().unwrap_or_default().into(),
                is_hazard: false,
                written: None,
            });
        }
        if suite.verdict.is_failure() && !suite.cases.iter().any(|c| c.verdict.is_failure()) {
            sightings.push(Sighting {
                case: suite.name.clone(),
                what: suite.verdict.to_string(),
                missing: String::new(),
                is_hazard: false,
                written: None,
            });
        }
    }
    for splat in &report.splats {
        sightings.push(Sighting {
            case: splat.test.clone().unwrap_or_default(),
            what: splat.kind.verdict().to_string(),
            missing: splat.title.clone(),
            is_hazard: false,
            written: None,
        });
    }
    if died && sightings.is_empty() {
        sightings.push(Sighting {
            case: String::new(),
            what: if hung { "hung" } else { "crashed" }.into(),
            missing: String::new(),
            is_hazard: false,
            written: None,
        });
    }
    if suites.is_empty() && sightings.is_empty() {
        sightings.push(Sighting::no_proof(NOTHING_RAN));
    }
    sightings
}

/// What the guest says that it could not do, if anything.
pub fn failure(log: &str) -> Option<&str> {
    let line = log.lines().find(|l| l.contains(judge::FAILED))?;
    Some(line[line.find(judge::FAILED)?..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(names: &[&str], result: &str) -> String {
        let one = |name: &&str| {
            format!(
                "[    1.0] aliasheap: writing {name} to {CHOICE}\n[    1.1] KTAP version 1\n1..1\n    KTAP version 1\n    \
                # Subtest: s\n    1..1\n    {result} 1 c\n{result} 1 s\n"
            )
        };
        names.iter().map(one).collect()
    }

    fn hazard(test: &str) -> Hazard {
        Hazard {
            title: "stale read".into(),
            test: Some(test.into()),
            missing: "invalidate the vmap".into(),
            count: 1,
            ..Hazard::default()
        }
    }

    #[test]
    fn what_is_seen_belongs_to_the_mutant_that_ran() {
        let log = log(&["a", "b"], "ok") + judge::DONE;
        let seen = read(
            log.as_bytes(),
            &End::Exited,
            &[hazard("b/s.c"), hazard("s.c")],
            &[],
        );
        assert!(!seen.died);
        assert_eq!(seen.mutants[0], ("a".into(), Vec::new()));
        assert_eq!(seen.mutants[1].1.len(), 1);
        assert_eq!(seen.mutants[1].1[0].case, "s.c");
    }

    #[test]
    fn how_much_of_a_case_runs_is_not_in_the_mutants_name() {
        let name = "plan:begin-to:wui:1:left-out";
        let log = log(&[&format!("{name}:0:41")], "ok") + judge::DONE;
        let seen = read(
            log.as_bytes(),
            &End::Exited,
            &[hazard("plan:begin-to:wui:1:left-out:0:41/s.c")],
            &[],
        );
        assert_eq!(seen.mutants[0].0, name);
        assert_eq!(seen.mutants[0].1.len(), 1);
    }

    #[test]
    fn a_case_that_fails_shows_the_mutant() {
        let log = log(&["a"], "not ok") + judge::DONE;
        let seen = read(log.as_bytes(), &End::Exited, &[], &[]);
        assert_eq!(seen.mutants[0].1[0].case, "s.c");
        assert_eq!(seen.mutants[0].1[0].what, "failed");
    }

    #[test]
    fn the_last_mutant_of_a_guest_that_died_has_killed_it() {
        let log = log(&["a", "b"], "ok");
        let seen = read(log.as_bytes(), &End::Exited, &[], &[]);
        assert!(seen.died);
        assert_eq!(seen.mutants[0].1, []);
        assert_eq!(seen.mutants[1].1[0].what, "crashed");
    }

    #[test]
    fn what_a_case_provokes_is_seen_where_it_is_missing() {
        let expected = |test: &str| Expected {
            test: test.into(),
            text: "stale read | | * | *".into(),
        };
        let mut findings = Findings {
            hazards: vec![hazard("a/s.c"), hazard("a/s.other")],
            expected: vec![expected("a/s.c"), expected("b/s.c")],
            ..Findings::default()
        };
        let unmet = take_provoked(&mut findings).expect("patterns");
        assert_eq!(findings.hazards, [hazard("a/s.other")]);
        assert_eq!(unmet, [expected("b/s.c")]);
        let log = log(&["a", "b"], "ok") + judge::DONE;
        let seen = read(log.as_bytes(), &End::Exited, &[], &unmet);
        assert_eq!(seen.mutants[0].1, []);
        assert_eq!(seen.mutants[1].1[0].case, "s.c");
    }

    #[test]
    fn a_mutant_that_could_not_be_chosen_proves_nothing() {
        let log = log(&["a"], "ok") + judge::FAILED + "write to x: No such file\n" + judge::DONE;
        let seen = read(log.as_bytes(), &End::Exited, &[], &[]);
        let why = "aliasheap: failed to write to x: No such file";
        assert_eq!(seen.mutants[0].1, [Sighting::no_proof(why)]);
    }

    #[test]
    fn a_mutant_without_any_suite_proves_nothing() {
        let log = format!("aliasheap: writing a to {CHOICE}\n{}", judge::DONE);
        let seen = read(log.as_bytes(), &End::Exited, &[], &[]);
        assert_eq!(seen.mutants[0].1, [Sighting::no_proof(NOTHING_RAN)]);
    }
}
