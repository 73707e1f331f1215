// SPDX-License-Identifier: GPL-2.0-only
//! The report in the schema of KCIDB, version 5.3, to which the kernel community's CI systems submit (package kcidb-io).
//!
//! A run is a checkout, each kernel of it a build, each case and each boot a test. A commit is named only where the kernel is
//! a git tree of the user's: a distribution's source has none.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::shown;
use crate::results::bound::excerpt;
use crate::results::{Cell, Run};
use crate::verdict::Verdict;

/// Who submits.
const ORIGIN: &str = "aliasheap";
/// Characters of an excerpt of a log that the schema allows, with room for the line that says what is left out.
const EXCERPT: usize = 16_000;

/// Writes `run` to `out`.
///
/// # Errors
/// `out` can't be written.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &report(run))?;
    out.write_all(b"\n")
}

fn report(run: &Run) -> Value {
    let identity = &run.identity;
    let name = identity.name.as_deref().unwrap_or(&identity.started);
    let id = |parts: &[&str]| shown(&format!("{ORIGIN}:{}", parts.join("/")));
    let kernel = identity.kernel.as_ref();
    let comment = kernel.map(|k| match &k.package {
        Some(package) => format!("{} ({package}) with aliasheap", k.version),
        None => format!("{} with aliasheap", k.version),
    });
    let commit = kernel.and_then(|k| k.commit.as_ref()).filter(|c| !c.dirty);
    let checkout = object([
        ("id", Some(id(&[name]).into())),
        ("origin", Some(ORIGIN.into())),
        ("comment", comment.map(Into::into)),
        ("git_commit_hash", commit.map(|c| c.commit.clone().into())),
        ("start_time", Some(identity.started.clone().into())),
        ("valid", Some(kernel.is_some().into())),
        ("misc", serde_json::to_value(identity).ok()),
    ]);
    let mut builds: BTreeMap<&str, Value> = BTreeMap::new();
    let mut tests = Vec::new();
    for cell in &run.cells {
        let built = cell.built.as_deref().unwrap_or("none");
        let build = id(&[name, built]);
        let failed = cell.verdict == Verdict::BuildFailed;
        let status = match (failed, &cell.built) {
            (true, _) => "FAIL",
            (false, Some(_)) => "PASS",
            (false, None) => "MISS",
        };
        let made = object([
            ("id", Some(build.clone().into())),
            ("checkout_id", Some(id(&[name]).into())),
            ("origin", Some(ORIGIN.into())),
            ("config_name", Some(built.into())),
            ("architecture", cell.arch.clone().map(Into::into)),
            ("duration", Some(cell.build_s.into())),
            ("status", Some(status.into())),
            (
                "log_excerpt",
                cell.message.as_ref().filter(|_| failed).map(|m| log(m)),
            ),
        ]);
        // What was spent on a build is said of its first boot.
        builds.entry(built).or_insert(made);
        let boot = [name, built, &cell.cell, &cell.set];
        let test = |more: &[&str],
                    path: &str,
                    verdict,
                    took: Option<f64>,
                    said: Option<&str>,
                    text: Option<&str>| {
            object([
                ("id", Some(id(&[&boot[..], more].concat()).into())),
                ("build_id", Some(build.clone().into())),
                ("origin", Some(ORIGIN.into())),
                ("path", Some(path.into())),
                ("environment", Some(environment(cell))),
                ("status", Some(status_of(verdict).into())),
                ("duration", took.map(Into::into)),
                ("comment", said.map(|said| first(said).into())),
                ("log_excerpt", text.or(said).map(log)),
                ("misc", Some(json!({ "verdict": verdict }))),
            ])
        };
        let path = |parts: &[&str]| {
            let parts = [ORIGIN, &cell.set].into_iter().chain(parts.iter().copied());
            parts.map(node).collect::<Vec<_>>().join(".")
        };
        let console = cell
            .console
            .as_deref()
            .filter(|_| cell.verdict.is_failure());
        let message = cell.message.as_deref();
        tests.push(test(
            &["boot"],
            &path(&["boot"]),
            cell.own_verdict(),
            Some(cell.boot_s),
            message,
            console,
        ));
        for suite in &cell.suites {
            for case in &suite.cases {
                let names = [suite.name.as_str(), case.name.as_str()];
                let (said, text) = (case.message.as_deref(), case.log.as_deref());
                tests.push(test(
                    &names,
                    &path(&names),
                    case.verdict,
                    case.took_s,
                    said,
                    text,
                ));
            }
            if suite.cases.is_empty() {
                let names = [suite.name.as_str()];
                tests.push(test(&names, &path(&names), suite.verdict, None, None, None));
            }
        }
    }
    json!({
        "version": { "major": 5, "minor": 3 },
        "checkouts": [checkout],
        "builds": builds.into_values().collect::<Vec<_>>(),
        "tests": tests,
    })
}

fn environment(cell: &Cell) -> Value {
    let mode = cell.mode.map_or("none", crate::vcsan::Mode::as_str);
    json!({
        "comment": format!("{} under QEMU, cache model: {mode}", cell.cell),
        "misc": { "cell": cell.cell, "repeat": shown(&cell.repeat) },
    })
}

fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let there = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}

fn status_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed | Verdict::Known => "PASS",
        Verdict::Skipped => "SKIP",
        Verdict::Flaky => "FAIL",
        Verdict::Failed | Verdict::Hazard => "FAIL",
        Verdict::Crashed | Verdict::Hung | Verdict::BootFailed => "ERROR",
        Verdict::NoTests | Verdict::NotProven | Verdict::BuildFailed | Verdict::Infra => "MISS",
    }
}

/// A step of a path in the tree of tests: letters, digits, `_` and `-`.
fn node(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = name
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    if name.is_empty() { "_".into() } else { name }
}

fn first(text: &str) -> String {
    shown(text.lines().next().unwrap_or_default())
}

fn log(text: &str) -> Value {
    shown(&excerpt(text.as_bytes(), EXCERPT)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    /// As `kcidb_io.schema.V5_3` has it; kcidb-io is licensed under GPL-2.0-or-later.
    const SCHEMA: &str = include_str!("kcidb.schema.json");

    fn complaints(report: &Value) -> Vec<String> {
        // This reader of patterns knows no \0.
        let schema = SCHEMA.replace(r"\\0", r"\\x00");
        let schema = serde_json::from_str(&schema).expect("JSON");
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .expect("a schema");
        let errors = validator.iter_errors(report);
        errors
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect()
    }

    #[test]
    fn reports_are_valid_by_its_schema_and_others_are_not() {
        let mut run = example::run();
        let huge = "a line\n".repeat(10_000);
        run.cells[1].suites[1].cases[0].log = Some(huge.clone());
        run.cells[1].suites[1].cases[0].name = "odd name.é/1".into();
        run.cells[1].verdict = Verdict::BuildFailed;
        run.cells[1].message = Some(huge);
        for run in [run, Run::new(Default::default(), Vec::new(), 0.0)] {
            let mut run = run;
            run.identity.started = example::run().identity.started;
            let report = report(&run);
            let said = complaints(&report);
            assert!(said.is_empty(), "{said:#?}");
        }
        let mut report = report(&example::run());
        report["tests"][0]["status"] = "FINE".into();
        assert_eq!(complaints(&report).len(), 1);
    }

    #[test]
    fn each_case_and_each_boot_is_a_test_of_its_own() {
        let report = report(&example::run());
        let tests = report["tests"].as_array().expect("tests");
        assert_eq!(tests.len(), 7);
        let mut ids: Vec<&Value> = tests.iter().map(|t| &t["id"]).collect();
        ids.dedup();
        assert_eq!(ids.len(), 7);
        let reads = tests
            .iter()
            .find(|t| t["path"] == "aliasheap.heap.heap_vmap.reads");
        assert_eq!(reads.expect("there")["status"], "FAIL");
    }
}
