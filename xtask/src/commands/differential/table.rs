// SPDX-License-Identifier: GPL-2.0-only
//! What came out of the suites: rows, the table of them, and what is wrong with it.

use std::path::Path;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use fs_err as fs;
use serde::Deserialize;

use crate::exit::Failure;

/// Sums for one suite, subject and pair of levels.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) suite: String,
    pub(super) subject: String,
    pub(super) levels: String,
    pub(super) unit: String,
    pub(super) right: usize,
    pub(super) refused: usize,
    pub(super) wrong: usize,
    pub(super) not_applicable: usize,
    /// How long the suite took on the subject: in the first of its rows.
    #[serde(default)]
    pub(super) seconds: Option<u64>,
}

impl Row {
    /// Per cent of right ones among those that apply.
    fn share(&self) -> f64 {
        100.0 * self.right as f64 / (self.right + self.refused + self.wrong).max(1) as f64
    }
}

/// Rows, one a line, as a suite wrote them, with the time that it took in the first.
pub(super) fn timed(rows: &str, time: Duration) -> Result<String, Failure> {
    let Some((first, rest)) = rows.split_once('\n') else {
        return Ok(rows.to_owned());
    };
    let mut row: serde_json::Value = serde_json::from_str(first).map_err(Failure::infra)?;
    row["seconds"] = time.as_secs().into();
    Ok(format!("{row}\n{rest}"))
}

/// Reads rows, one a line. Those that differ in nothing but numbers become one, where the first of them is.
pub(super) fn read(path: &Path) -> Result<Vec<Row>, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::infra)?;
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines() {
        let row: Row = serde_json::from_str(line).map_err(Failure::infra)?;
        let same = |r: &&mut Row| {
            (&r.suite, &r.subject, &r.levels, &r.unit)
                == (&row.suite, &row.subject, &row.levels, &row.unit)
        };
        match rows.iter_mut().find(same) {
            Some(sum) => {
                sum.right += row.right;
                sum.refused += row.refused;
                sum.wrong += row.wrong;
                sum.not_applicable += row.not_applicable;
                sum.seconds = match (sum.seconds, row.seconds) {
                    (Some(a), Some(b)) => Some(a + b),
                    (a, b) => a.or(b),
                };
            }
            None => rows.push(row),
        }
    }
    Ok(rows)
}

/// One line a row.
pub(super) fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "suite",
        "subject",
        "levels",
        "of",
        "right",
        "refused",
        "wrong",
        "n/a",
        "right of all",
        "time",
    ]);
    for row in rows {
        table.add_row([
            row.suite.clone(),
            row.subject.clone(),
            row.levels.clone(),
            row.unit.clone(),
            row.right.to_string(),
            row.refused.to_string(),
            row.wrong.to_string(),
            row.not_applicable.to_string(),
            format!("{:.1} %", row.share()),
            row.seconds.map_or_else(String::new, |s| format!("{s} s")),
        ]);
    }
    for column in table.column_iter_mut().skip(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// What is wrong with rows: a wrong result, nothing right, or less right than `at_least` wants of the suite, in per cent.
pub(super) fn complaints(rows: &[Row], at_least: impl Fn(&str) -> f64) -> Vec<String> {
    let mut list = Vec::new();
    for row in rows {
        let least = at_least(&row.suite);
        let what = if row.wrong > 0 {
            format!("{} wrong", row.wrong)
        } else if row.right == 0 {
            "nothing right".into()
        } else if row.share() < least {
            format!("{:.1} % right, less than {least} %", row.share())
        } else {
            continue;
        };
        list.push(format!(
            "{} on {} at {}: {what}",
            row.suite, row.subject, row.levels
        ));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(right: usize, refused: usize, wrong: usize) -> Row {
        Row {
            suite: "a".into(),
            subject: "b".into(),
            levels: "-O2".into(),
            unit: "programs".into(),
            right,
            refused,
            wrong,
            not_applicable: 7,
            seconds: Some(3),
        }
    }

    #[test]
    fn the_first_row_of_a_suite_has_its_time() {
        let line = r#"{"suite":"a","subject":"b","levels":"-O2","unit":"c","right":1,"refused":0,"wrong":0,"not_applicable":0}"#;
        let text = timed(&format!("{line}\n{line}\n"), Duration::from_secs(90)).expect("rows");
        let (first, rest) = text.split_once('\n').expect("two lines");
        assert!(first.contains("\"seconds\":90"), "{first}");
        assert_eq!(rest, format!("{line}\n"));
        let row: Row = serde_json::from_str(first).expect("a row");
        assert!(table(&[row]).contains(" 90 s"));
        assert_eq!(timed("", Duration::ZERO).expect("none"), "");
    }

    #[test]
    fn wrong_ones_none_and_too_few_are_complaints() {
        let said = |row| complaints(&[row], |_| 95.0);
        assert!(said(row(95, 5, 0)).is_empty());
        assert_eq!(
            said(row(94, 6, 0)),
            ["a on b at -O2: 94.0 % right, less than 95 %"]
        );
        assert_eq!(said(row(99, 0, 1)), ["a on b at -O2: 1 wrong"]);
        assert_eq!(said(row(0, 0, 0)), ["a on b at -O2: nothing right"]);
    }

    #[test]
    fn a_row_is_a_line() {
        let text = table(&[row(95, 5, 0)]);
        assert!(text.trim_start().starts_with("suite"), "{text}");
        assert!(text.contains("95.0 %"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }
}
