// SPDX-License-Identifier: GPL-2.0-only
//! The report as JSON: [`Run`] as serde writes it, and reads it back.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Deserialize;
use serde_json::Value;

use crate::results::{Run, SCHEMA};
use crate::ui::printable;

/// Writes `run` to `out`.
///
/// # Errors
/// `out` can't be written.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, run)?;
    out.write_all(b"\n")
}

/// The run in `text`.
///
/// # Errors
/// A fragment: `text` is no report, or one of another version.
pub fn read(text: &[u8]) -> Result<Run, String> {
    read_by(text, |_| ())
}

/// The same of a report that may come from anywhere: what a terminal would obey is gone from its texts.
///
/// # Errors
/// Those of [`read`].
pub fn read_printable(text: &[u8]) -> Result<Run, String> {
    read_by(text, make_printable)
}

fn read_by(text: &[u8], change: impl FnOnce(&mut Value)) -> Result<Run, String> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let wrong = |e| format!("it is no report: {e}");
    let version: Version = serde_json::from_slice(text).map_err(wrong)?;
    if version.schema != SCHEMA {
        return Err(format!(
            "its schema is {} and not {SCHEMA}: it was written by another version",
            version.schema
        ));
    }
    let mut all: Value = serde_json::from_slice(text).map_err(wrong)?;
    change(&mut all);
    serde_json::from_value(all).map_err(wrong)
}

fn make_printable(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(clean) = printable(text) {
                *text = clean;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(make_printable),
        Value::Object(values) => values.values_mut().for_each(make_printable),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The JSON Schema of reports, as `docs/report.schema.json` has it.
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(Run);
    schema.insert(
        "title".into(),
        "aliasheap: report of a run over the matrix".into(),
    );
    let text = serde_json::to_string_pretty(&schema);
    // PANIC: its keys are strings, and there is nothing else that JSON could not hold.
    text.expect("a schema is JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;
    use crate::report::example;
    use crate::results::Cell;

    fn written(run: &Run) -> Vec<u8> {
        let mut text = Vec::new();
        write(run, &mut text).expect("a Vec takes it");
        text
    }

    #[test]
    fn nothing_of_a_report_is_obeyed_by_a_terminal() {
        let mut run = example::run();
        run.cells[0].cell = "\u{1b}]0;title\u{7}a\u{202e}".into();
        run.cells[0].suites[0].name = "b\u{9b}2J".into();
        let read = read_printable(&written(&run)).expect("a report");
        assert_eq!(read.cells[0].cell, "·]0;title·a·");
        assert_eq!(read.cells[0].suites[0].name, "b·2J");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut run = example::run();
        run.cells.push(Cell::default());
        assert_eq!(read(&written(&run)), Ok(run));
    }

    #[test]
    fn another_version_and_what_is_no_report_are_refused_with_the_reason() {
        let mut run = example::run();
        run.schema = 1;
        let said = read(&written(&run)).expect_err("refused");
        assert!(said.contains("its schema is 1 and not 2"), "{said}");
        for text in ["", "{}", "[]", r#"{"schema":2}"#] {
            let said = read(text.as_bytes()).expect_err(text);
            assert!(said.contains("no report"), "{said}");
        }
    }

    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let path = Project::this().root().join("docs/report.schema.json");
        let published = fs_err::read_to_string(&path).unwrap_or_default();
        assert!(
            published == schema(),
            "{} is not what the types say; write it anew by `cargo xtask report --schema > docs/report.schema.json`",
            path.display()
        );
    }

    #[test]
    fn reports_are_valid_by_the_schema_and_others_are_not() {
        let schema = serde_json::from_str(&schema()).expect("JSON");
        let validator = jsonschema::draft202012::new(&schema).expect("a schema");
        let mut run = example::run();
        run.cells.push(Cell::default());
        let mut report: serde_json::Value = serde_json::from_slice(&written(&run)).expect("JSON");
        let complaints: Vec<String> = validator
            .iter_errors(&report)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
        report["cells"][0]["suites"][0]["cases"][0]["verdict"] = "fine".into();
        assert!(!validator.is_valid(&report));
    }
}
