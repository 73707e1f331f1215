// SPDX-License-Identifier: GPL-2.0-only
//! What becomes of findings that are provoked, known, new, or missing.

use super::*;
use crate::config::finding_for_tests;
use crate::vcsan::findings::{Party, Summary};

fn passed() -> Judgement {
    let case = |name: &str| Case {
        name: name.into(),
        verdict: Verdict::Passed,
        ..Case::default()
    };
    Judgement {
        verdict: Verdict::Passed,
        cache_proof: None,
        suites: vec![Suite {
            name: "s".into(),
            verdict: Verdict::Passed,
            cases: vec![case("one"), case("two")],
            ..Suite::default()
        }],
        message: None,
        oddities: Vec::new(),
        hazards: Vec::new(),
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
        access: Party {
            by: "cpu".into(),
            symbol: Some("m::read [m]".into()),
            alias: Some("vmap".into()),
            ..Party::default()
        },
        missing: "invalidate the vmap between".into(),
        count: 2,
        text: "stale read in f\n".into(),
        ..Hazard::default()
    }
}

fn expected(text: &str) -> Expected {
    Expected {
        test: "s.one".into(),
        text: text.into(),
    }
}

fn judged(found: &Findings) -> Judgement {
    let mut judgement = passed();
    let wanted = Wanted {
        transfers: &["s".into()],
        modules: &[],
    };
    add(&mut judgement, wanted, found, &Known::default(), false);
    judgement
}

#[test]
fn silence_changes_nothing() {
    assert_eq!(judged(&quiet()), passed());
}

#[test]
fn a_case_with_a_hazard_says_so_whatever_it_printed() {
    let mut found = quiet();
    found.hazards.push(hazard(Some("s.two")));
    let judgement = judged(&found);
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
        let judgement = judged(&found);
        assert_eq!(judgement.verdict, Verdict::Hazard);
        assert!(judgement.message.is_some());
    }
}

#[test]
fn a_hazard_that_is_provoked_must_be_seen() {
    let mut found = quiet();
    found.expected.push(expected(
        "stale read | vmap | m::read* | invalidate the vmap*",
    ));
    assert_eq!(judged(&found).verdict, Verdict::Failed);
    found.hazards.push(hazard(Some("s.one")));
    let judgement = judged(&found);
    assert_eq!(judgement.verdict, Verdict::Passed);
    assert_eq!(judgement.hazards[0].status, Status::Provoked);
}

#[test]
fn another_hazard_than_the_provoked_one_is_a_hazard() {
    for other in [
        "lost write | vmap | m::read* | invalidate the vmap*",
        "stale read | direct map | m::read* | invalidate the vmap*",
        "stale read | vmap | m::write* | invalidate the vmap*",
        "stale read | vmap | m::read* | write back*",
    ] {
        let mut found = quiet();
        found.expected.push(expected(other));
        found.hazards.push(hazard(Some("s.one")));
        assert_eq!(judged(&found).verdict, Verdict::Hazard, "{other}");
    }
    // What another case provokes is no excuse.
    let mut found = quiet();
    found.expected.push(expected("stale read | vmap | * | *"));
    found.hazards.push(hazard(Some("s.two")));
    assert_eq!(judged(&found).verdict, Verdict::Hazard);
}

#[test]
fn the_dma_api_finds_a_provoked_mistake_by_another_name() {
    let mut found = quiet();
    found.contract = true;
    found.expected.push(expected("lost write | vmap | * | *"));
    assert_eq!(judged(&found).verdict, Verdict::Failed);
    found.hazards.push(hazard(Some("s.one")));
    assert_eq!(judged(&found).verdict, Verdict::Passed);
    found.hazards.push(hazard(Some("s.two")));
    assert_eq!(judged(&found).verdict, Verdict::Hazard);
    let mut found = quiet();
    found.contract = true;
    found
        .expected
        .push(expected("unmap of memory that is not mapped | | * | *"));
    found.hazards.push(hazard(Some("s.one")));
    assert_eq!(judged(&found).verdict, Verdict::Hazard);
}

#[test]
fn by_another_name_is_not_beside_the_name_and_not_anything() {
    let in_contract = |hazards: Vec<Hazard>, expected_text: &str| {
        let mut found = Findings { hazards, ..quiet() };
        found.contract = true;
        found.expected.push(expected(expected_text));
        judged(&found).verdict
    };
    let seen = hazard(Some("s.one"));
    let other = Hazard {
        title: "lost write".into(),
        ..seen.clone()
    };
    // What was provoked is there: the other one is something else.
    let provoked = "stale read | vmap | * | *";
    let both = vec![seen.clone(), other];
    assert_eq!(in_contract(both, provoked), Verdict::Hazard);
    // Neither its alias nor its cure.
    let direct = "lost write | direct map | * | write back the direct map*";
    assert_eq!(in_contract(vec![seen.clone()], direct), Verdict::Hazard);
    let breach = Hazard {
        title: "read of memory that a device may write".into(),
        ..seen
    };
    assert_eq!(in_contract(vec![breach], direct), Verdict::Passed);
}

fn judged_module(found: &Findings) -> Judgement {
    let mut judgement = passed();
    let wanted = Wanted {
        transfers: &[],
        modules: &["my-bus.ko".into(), "my.ko".into()],
    };
    add(&mut judgement, wanted, found, &Known::default(), false);
    judgement
}

#[test]
fn a_module_s_author_knows_what_it_provokes() {
    let mut found = quiet();
    found.contract = true;
    found.end.as_mut().expect("an end").callers = vec!["my".into()];
    found.expected.push(expected("lost write | vmap | * | *"));
    found.hazards.push(hazard(Some("s.one")));
    assert_eq!(judged_module(&found).verdict, Verdict::Hazard);
    found.hazards[0].title = "lost write".into();
    assert_eq!(judged_module(&found).verdict, Verdict::Passed);
}

#[test]
fn a_module_that_maps_nothing_proves_nothing() {
    let mut found = quiet();
    found.contract = true;
    for callers in [vec![], vec!["other".to_owned()]] {
        found.end.as_mut().expect("an end").callers = callers;
        let judgement = judged_module(&found);
        assert_eq!(judgement.verdict, Verdict::NotProven);
        let why = judgement.message.expect("a reason");
        assert!(
            why.contains("my-bus.ko, my.ko handed no memory to a device"),
            "{why}"
        );
    }
    // One of them is enough: others may be what it stands on.
    for caller in ["my", "my_bus"] {
        found.end.as_mut().expect("an end").callers = vec![caller.into()];
        assert_eq!(judged_module(&found).verdict, Verdict::Passed);
    }
}

#[test]
fn a_case_that_does_not_describe_what_it_provokes_fails() {
    let mut found = quiet();
    found.expected.push(expected("stale read"));
    assert_eq!(judged(&found).verdict, Verdict::Failed);
}

#[test]
fn what_the_model_could_not_know_proves_nothing() {
    let doubts: [fn(&mut Summary); 5] = [
        |end| end.surplus = 1,
        |end| end.unknown = 1,
        |end| end.untranslated = 1,
        |end| end.doubtful_transfers = 1,
        |end| end.doubts = [("things".into(), 1)].into(),
    ];
    for doubt in doubts {
        let mut found = quiet();
        doubt(found.end.as_mut().expect("an end"));
        assert_eq!(judged(&found).verdict, Verdict::NotProven, "{found:?}");
    }
}

#[test]
fn hazards_of_a_guest_that_had_to_be_ended_are_shown() {
    let mut found = quiet();
    found.end = None;
    found.expected.push(expected("lost write | vmap | * | *"));
    found.hazards.push(hazard(Some("s.two")));
    let mut judgement = passed();
    add(
        &mut judgement,
        Wanted::default(),
        &found,
        &Known::default(),
        true,
    );
    assert_eq!(judgement.suites[0].cases[1].verdict, Verdict::Hazard);
    // What it did not come to is not missing.
    assert_eq!(judgement.suites[0].cases[0].verdict, Verdict::Passed);
    assert_eq!(judgement.verdict, Verdict::Hazard);
}

#[test]
fn a_model_that_saw_nothing_proves_nothing() {
    let mut found = quiet();
    found.end.as_mut().expect("an end").maintenance = 0;
    assert_eq!(judged(&found).verdict, Verdict::NotProven);
    let mut found = quiet();
    found.end.as_mut().expect("an end").device_reads = 0;
    assert_eq!(judged(&found).verdict, Verdict::NotProven);
}

#[test]
fn a_model_that_failed_is_no_pass() {
    let mut found = quiet();
    found.end.as_mut().expect("an end").failure = Some("a panic".into());
    assert_eq!(judged(&found).verdict, Verdict::Infra);
    found.end = None;
    assert_eq!(judged(&found).verdict, Verdict::Infra);
}

fn with_finding(hazards: Vec<Hazard>, cell: &str, whole: bool) -> Judgement {
    let finding = finding_for_tests::finding();
    let known = Known {
        findings: vec![&finding],
        subject: "system",
        cell,
        whole,
    };
    let found = Findings { hazards, ..quiet() };
    let mut judgement = passed();
    judgement.suites[0].name = "s_mmap".into();
    add(&mut judgement, Wanted::default(), &found, &known, false);
    judgement
}

#[test]
fn what_is_known_is_told_from_what_is_new() {
    let known = finding_for_tests::hazard("s_mmap.one");
    let judgement = with_finding(vec![known.clone()], "arm-vivt", true);
    assert_eq!(judgement.verdict, Verdict::Known);
    assert_eq!(judgement.hazards[0].status, Status::Known);
    assert_eq!(judgement.hazards[0].finding.as_deref(), Some("01-stale"));
    assert_eq!(
        judgement.suites[0].cases[0].message.as_deref(),
        Some("stale read in copy_from_user (finding 01-stale, see p, fixed by f)")
    );
    let other = hazard(Some("s_mmap.two"));
    let judgement = with_finding(vec![known.clone(), other], "arm-vivt", true);
    assert_eq!(judgement.verdict, Verdict::Hazard);
    assert_eq!(judgement.suites[0].cases[0].verdict, Verdict::Known);
    // Elsewhere it is new.
    let judgement = with_finding(vec![known], "parisc", true);
    assert_eq!(judgement.verdict, Verdict::Hazard);
}

#[test]
fn a_finding_that_is_gone_fails_a_whole_run() {
    let gone = with_finding(Vec::new(), "arm-vivt", true);
    assert_eq!(gone.verdict, Verdict::Failed);
    assert!(
        gone.message
            .expect("a message")
            .contains("finding 01-stale is gone")
    );
    assert_eq!(
        with_finding(Vec::new(), "arm-vivt", false).verdict,
        Verdict::Passed
    );
    assert_eq!(
        with_finding(Vec::new(), "mips-be", true).verdict,
        Verdict::Passed
    );
}
