// SPDX-License-Identifier: GPL-2.0-only
//! The report in the format that JUnit's readers know, by quick-junit.
//!
//! A test suite is a suite on a cell, and one more for each boot, whose only case says what happened around the suites.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::shown;
use crate::results::{Case, Cell, Run};
use crate::verdict::Verdict;

/// Writes `run` to `out`.
///
/// # Errors
/// `out` can't be written.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    report(run).serialize(out).map_err(io::Error::other)
}

fn report(run: &Run) -> Report {
    let mut report = Report::new("aliasheap");
    report.set_time(seconds(run.wall_s));
    report.timestamp = run.identity.started.parse().ok();
    for cell in &run.cells {
        let boot = format!("{}.{}", cell.cell, cell.set);
        report.add_test_suite(around(run, cell, &boot));
        for suite in &cell.suites {
            let class = shown(&format!("{boot}.{}", suite.name));
            let mut tests = TestSuite::new(class.as_str());
            tests.set_time(seconds(suite.took_s.unwrap_or_default()));
            for case in &suite.cases {
                tests.add_test_case(test_case(&class, case));
            }
            if suite.cases.is_empty() {
                let case = Case {
                    name: "(no case)".into(),
                    verdict: suite.verdict,
                    ..Case::default()
                };
                tests.add_test_case(test_case(&class, &case));
            }
            report.add_test_suite(tests);
        }
    }
    report
}

/// The suite for what happened around the suites of a boot, with what the run was.
fn around(run: &Run, cell: &Cell, boot: &str) -> TestSuite {
    let mut suite = TestSuite::new(boot);
    let mut property = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            suite.add_property(Property::new(name, shown(value).as_str()));
        }
    };
    let identity = &run.identity;
    property(
        "command",
        Some(&crate::quote::shell_words(&identity.command)),
    );
    property(
        "commit",
        identity.project.as_ref().map(|p| p.commit.as_str()),
    );
    let dirty = identity.project.as_ref().map(|p| p.dirty.to_string());
    property("dirty", dirty.as_deref());
    property("date", Some(&identity.started));
    property(
        "options",
        serde_json::to_string(&identity.options).ok().as_deref(),
    );
    property("kernel", cell.kernel.as_deref());
    property("tools", identity.tools.as_ref().map(|t| t.recipe.as_str()));
    property("host", identity.host.name.as_deref());
    property("cache", cell.mode.map(crate::vcsan::Mode::as_str));
    property("repeat", Some(&cell.repeat));
    suite.set_time(seconds(cell.boot_s));
    let case = Case {
        name: "boot".into(),
        verdict: cell.own_verdict(),
        message: cell.message.clone(),
        took_s: Some(cell.boot_s),
        log: cell.console.clone().filter(|_| cell.verdict.is_failure()),
    };
    suite.add_test_case(test_case(boot, &case));
    suite
}

fn test_case(class: &str, case: &Case) -> TestCase {
    let mut status = match case.verdict {
        Verdict::Passed | Verdict::Known => TestCaseStatus::success(),
        Verdict::Skipped => TestCaseStatus::skipped(),
        Verdict::Failed | Verdict::Hazard | Verdict::Flaky => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        _ => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    let message = case.message.as_deref().map(shown);
    if !matches!(case.verdict, Verdict::Passed | Verdict::Known) {
        status.set_type(case.verdict.as_str());
        let first = message.as_deref().and_then(|m| m.lines().next());
        status.set_message(first.unwrap_or(case.verdict.as_str()));
        if let Some(message) = &message {
            status.set_description(message.as_str());
        }
    }
    let mut test = TestCase::new(shown(&case.name).as_str(), status);
    test.set_classname(class);
    if let Some(took) = case.took_s {
        test.set_time(seconds(took));
    }
    // What is known is a pass for those who don't know of findings.
    let known = message.filter(|_| case.verdict == Verdict::Known);
    let log: Vec<String> = known
        .into_iter()
        .chain(case.log.as_deref().map(shown))
        .collect();
    if !log.is_empty() {
        test.set_system_out(log.join("\n").as_str());
    }
    test
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;
    use crate::results::identity;

    fn text() -> String {
        let mut text = Vec::new();
        write(&example::run(), &mut text).expect("a Vec takes it");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn its_reader_counts_what_the_run_has() {
        let read = Report::deserialize_from_str(&text()).expect("a reader takes it");
        assert_eq!(read.test_suites.len(), 5, "three suites and two boots");
        // Six cases and two boots, of which one has its guest ended.
        assert_eq!((read.tests, read.failures, read.errors), (7, 1, 2));
        let suite = &read.test_suites[4];
        assert_eq!(suite.name.as_str(), "arm-vivt.heap.heap_vmap");
        let case = &suite.test_cases[0];
        assert_eq!(case.time, Some(Duration::from_millis(250)));
        assert!(matches!(
            case.status,
            TestCaseStatus::NonSuccess {
                kind: NonSuccessKind::Failure,
                ..
            }
        ));
        assert!(read.timestamp.is_some());
        let boot = &read.test_suites[0];
        let property = |name: &str| {
            let mut all = boot.properties.iter();
            let property = all.find(|property| property.name.as_str() == name);
            property
                .map(|property| property.value.as_str())
                .expect(name)
        };
        assert_eq!(property("dirty"), "true");
        assert_eq!(property("date"), "2026-11-28T01:02:03Z");
        let options: identity::Options =
            serde_json::from_str(property("options")).expect("options");
        assert_eq!(options, example::run().identity.options);
    }

    #[test]
    fn what_a_guest_printed_is_text_that_xml_can_hold() {
        let text = text();
        assert!(!text.contains("<script>"));
        let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(text.chars().all(allowed));
        assert!(!text.contains('\u{202e}'));
    }
}
