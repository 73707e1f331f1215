// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask report` and `runs`: runs of before.

use comfy_table::{CellAlignment, Table, presets};

use super::{Context, prepare, runs};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::report::{self, json};
use crate::results::Run;
use crate::verdict::Verdict;

pub(super) fn report(context: &Context, args: &cli::Report) -> Result<Exit, Failure> {
    if args.schema {
        print!("{}", json::schema());
        return Ok(Exit::Ok);
    }
    for target in &args.report {
        target.check().map_err(Failure::usage)?;
    }
    let run = find(context, args.run.as_deref().unwrap_or("last"))?;
    if args.report.is_empty() {
        print!("{}", report::text::render(&run));
    }
    for target in &args.report {
        target.write(&run).map_err(Failure::infra)?;
    }
    Ok(Exit::Ok)
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
            Err(_) => table.add_row([name, "", "no report"]),
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

fn row(name: &str, run: &Run) -> [String; 8] {
    let count = |wanted: fn(Verdict) -> bool| {
        let verdicts = run.cases().map(|(_, _, case)| case.verdict);
        verdicts.filter(|verdict| wanted(*verdict)).count()
    };
    let commit = run.identity.project.as_ref().map(|project| {
        let commit = project.commit.get(..12).unwrap_or(&project.commit);
        format!("{commit}{}", if project.dirty { "+" } else { "" })
    });
    let command = run.identity.command.iter().skip(2);
    [
        name.to_owned(),
        commit.unwrap_or_default(),
        run.verdict.to_string(),
        run.cells.len().to_string(),
        count(|_| true).to_string(),
        count(Verdict::is_failure).to_string(),
        format!("{:.1} s", run.wall_s),
        crate::quote::shell_words(command),
    ]
}
