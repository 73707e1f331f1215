// SPDX-License-Identifier: GPL-2.0-only
//! Every `ktap/<situation>.log` is read as `ktap/<situation>.snap` says.

use std::fmt::Write;
use std::path::Path;

use xtask::ktap::{self, Report, Test};
use xtask::verdict::Verdict;

/// A report in a form that is easy to compare with its log.
fn render(report: &Report) -> String {
    let mut out = format!("{}\n", report.verdict());
    for stream in &report.streams {
        write!(out, "\nstream at {}", stream.line).unwrap();
        if let Some(planned) = stream.planned {
            write!(out, ", {planned} planned").unwrap();
        }
        if let Some(reason) = &stream.skipped {
            write!(out, ", skipped: {reason}").unwrap();
        }
    }
    out.push_str("\n\n");
    for test in &report.tests {
        render_test(&mut out, test, 0);
    }
    for oddity in &report.oddities {
        writeln!(out, "\nodd at {}: {}", oddity.line, oddity.what).unwrap();
    }
    for splat in &report.splats {
        let test = splat.test.as_deref().unwrap_or("no test");
        writeln!(
            out,
            "\n{:?} at {} in {test}: {}\n    {}",
            splat.kind,
            splat.line,
            splat.title,
            splat.text.join("\n    ")
        )
        .unwrap();
    }
    out
}

fn render_test(out: &mut String, test: &Test, depth: usize) {
    let indent = "  ".repeat(depth);
    write!(
        out,
        "{indent}{} [{}] line {}",
        test.verdict, test.name, test.line
    )
    .unwrap();
    if let Some(planned) = test.planned {
        write!(out, ", {planned} planned").unwrap();
    }
    if let Some(directive) = test.directive {
        write!(out, ", {directive:?}").unwrap();
    }
    if let Some(reason) = &test.reason {
        write!(out, ": {reason}").unwrap();
    }
    out.push('\n');
    for line in &test.diagnostics {
        writeln!(out, "{indent}    | {line}").unwrap();
    }
    for subtest in &test.subtests {
        render_test(out, subtest, depth + 1);
    }
}

#[test]
fn logs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ktap");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "log") {
            let situation = path.file_stem().unwrap().to_str().unwrap();
            let report = ktap::parse(&std::fs::read(&path).unwrap());
            insta::with_settings!({
                snapshot_path => &folder,
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                insta::assert_snapshot!(situation, render(&report));
            });
            seen += 1;
        }
    }
    assert!(seen >= 35, "only {seen} logs in {}", folder.display());
}

#[test]
fn a_log_with_more_tests_than_can_be_kept_does_not_pass() {
    let mut log = "KTAP version 1\n".to_owned();
    for number in 1..=100_001 {
        writeln!(log, "ok {number} t").unwrap();
    }
    assert_eq!(ktap::parse(log.as_bytes()).verdict(), Verdict::Crashed);
}
