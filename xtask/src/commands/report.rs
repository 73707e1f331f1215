// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask report` and `runs`: runs of before.

use std::collections::BTreeSet;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};

use super::{Context, prepare, runs};
use crate::cause::chain;
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::mutants::table::KEPT;
use crate::report::diff::Diff;
use crate::report::{self, json};
use crate::results::{Kill, Run};
use crate::verdict::Verdict;

pub(super) fn report(context: &Context, args: &cli::Report) -> Result<Exit, Failure> {
    if args.schema {
        print!("{}", json::schema());
        return Ok(Exit::Ok);
    }
    for target in &args.report {
        target.check().map_err(Failure::usage)?;
    }
    let mut run = find(context, args.run.as_deref().unwrap_or("last"))?;
    let before = args.compare.as_deref().map(|text| find(context, text));
    let before = before.transpose()?;
    if let Some(file) = &args.mutants {
        run.mutants = kills(file).map_err(Failure::usage)?;
    }
    if args.report.is_empty() {
        print!("{}", report::text::render(&run));
    }
    for target in &args.report {
        target
            .write(&run, before.as_ref())
            .map_err(Failure::infra)?;
    }
    Ok(Exit::Ok)
}

/// A kill matrix, a line an outcome.
pub(super) fn kills(path: &Path) -> Result<Vec<Kill>, String> {
    let fail = |why: &dyn std::fmt::Display| format!("failed to read {}: {why}", path.display());
    let text = fs_err::read_to_string(path).map_err(|e| chain(&e))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).map_err(|e| fail(&e)))
        .collect()
}

pub(super) fn diff(context: &Context, before: &str, after: &str) -> Result<Exit, Failure> {
    let diff = Diff::between(&find(context, before)?, &find(context, after)?);
    print!("{}", diff.text());
    Ok(if diff.failures.is_empty() {
        Exit::Ok
    } else {
        Exit::Tests
    })
}

/// The run that the user calls `text`.
pub(super) fn find(context: &Context, text: &str) -> Result<Run, Failure> {
    let runs = prepare::cache(context)?.path("runs");
    runs::find(&runs, text).map_err(Failure::usage)
}

pub(super) fn list(context: &Context) -> Result<Exit, Failure> {
    let folder = prepare::cache(context)?.path("runs");
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "run", "commit", "verdict", "cells", "cases", "failed", "time", "command",
    ]);
    for name in runs::names(&folder).iter().rev() {
        match runs::find(&folder, name) {
            Ok(run) => table.add_row(row(name, &run)),
            Err(_) => match kills(&folder.join(name).join(KEPT)) {
                Ok(kills) => table.add_row(of_mutants(name, &kills)),
                Err(_) => table.add_row(without_report(name, &folder.join(name))),
            },
        };
    }
    for column in table.column_iter_mut().skip(3).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
    Ok(Exit::Ok)
}

/// Its cases are outcomes.
fn of_mutants(name: &str, kills: &[Kill]) -> [String; 8] {
    let cells: BTreeSet<&str> = kills.iter().map(|kill| kill.cell.as_str()).collect();
    let wrong = kills.iter().filter(|kill| !kill.is_right()).count();
    [
        name.to_owned(),
        String::new(),
        "mutants".into(),
        cells.len().to_string(),
        kills.len().to_string(),
        wrong.to_string(),
        String::new(),
        "self mutants".into(),
    ]
}

/// One that goes on, was killed, or writes none, such as `debug`.
fn without_report(name: &str, folder: &Path) -> [String; 8] {
    let mut row = [const { String::new() }; 8];
    row[0] = name.to_owned();
    row[2] = "no report".into();
    row[7] = runs::command(folder);
    row
}

fn row(name: &str, run: &Run) -> [String; 8] {
    let count = |wanted: fn(Verdict) -> bool| {
        let verdicts = run.cases().map(|(_, _, case)| case.verdict);
        verdicts.filter(|verdict| wanted(*verdict)).count()
    };
    let commit = run.identity.project.as_ref().map(report::short);
    let command = run.identity.command.iter().skip(2);
    [
        name.to_owned(),
        commit.unwrap_or_default(),
        run.verdict.to_string(),
        run.names().len().to_string(),
        count(|_| true).to_string(),
        count(Verdict::is_failure).to_string(),
        format!("{:.1} s", run.wall_s),
        crate::quote::shell_words(command),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_report_has_its_command() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let made = runs::RunFolder::make(dir.path()).expect("made");
        let row = without_report(&made.name(), made.path());
        let words = std::env::args_os().skip(1);
        assert_eq!((&*row[0], &*row[2]), (&*made.name(), "no report"));
        assert_eq!(row[7], crate::quote::shell_words(words));
        assert_eq!(without_report("old", dir.path())[7], "");
    }

    #[test]
    fn a_run_of_mutants_has_cells_outcomes_and_those_that_are_wrong() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join(KEPT);
        let line = |cell: &str, outcome: &str| {
            format!(
                r#"{{"mutant":"m","cell":"{cell}","mode":"architectural","outcome":"{outcome}"}}"#
            )
        };
        let lines = [
            line("a", "killed"),
            line("b", "survived"),
            line("b", "equivalent"),
        ];
        fs_err::write(&file, lines.join("\n")).expect("written");
        let row = of_mutants("1", &kills(&file).expect("outcomes"));
        assert_eq!(row.join("|"), "1||mutants|2|3|1||self mutants");
    }
}
