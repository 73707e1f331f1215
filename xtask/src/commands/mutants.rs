// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask mutants`: silence of the cache model is worth something only if it is not silent about a broken heap.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};

use super::scratch::Scratch;
use super::{Context, named};
use crate::cli;
use crate::config::Mutant;
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;
use crate::ui::Task;

/// The verdict of each cell, or why there is none.
type Verdicts = BTreeMap<String, String>;

pub(super) fn mutants(context: &Context, args: &cli::Mutants) -> Result<Exit, Failure> {
    let config = context.config()?;
    let all: Vec<&String> = if args.names.is_empty() {
        config.mutants.keys().collect()
    } else {
        args.names.iter().collect()
    };
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for name in &all {
        let mutant = named("mutant", name, &config.mutants)?;
        let task = context.ui.task(name);
        task.step(&mutant.summary);
        let got = run(context, mutant, &args.globs, &task)?;
        for (cell, got) in &got {
            let known = config.cells.get(cell);
            if !known.is_some_and(|c| mutant.allows(c, got)) {
                let expected = known.and_then(|c| mutant.verdict(c));
                let expected = expected.map_or("hazard or passed", |e| e.as_str());
                wrong.push(format!("{name} on {cell}: {got} instead of {expected}"));
            }
        }
        rows.push((name, got));
    }
    print!("{}", table(&rows));
    for line in &wrong {
        println!("{line}");
    }
    println!("{} mutants, {} verdicts wrong", all.len(), wrong.len());
    Ok(if wrong.is_empty() {
        Exit::Ok
    } else {
        Exit::Tests
    })
}

/// Runs the matrix on the heap with the mutant's change.
fn run(
    context: &Context,
    mutant: &Mutant,
    globs: &[String],
    task: &Task<'_>,
) -> Result<Verdicts, Failure> {
    let scratch = Scratch::new(context).map_err(Failure::infra)?;
    scratch.edit(&mutant.edits)?;
    let globs = globs.iter().flat_map(|g| ["--cell".into(), g.into()]);
    let (run, report) = scratch.test(context, &globs.collect::<Vec<_>>())?;
    let output = String::from_utf8_lossy(&run.stdout);
    task.output(&output);
    let cells = report.as_ref().and_then(|r| r["cells"].as_array());
    let Some(cells) = cells else {
        return Err(Failure::infra(format!(
            "failed to run the matrix on a mutant: {}",
            output.trim()
        )));
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("nothing").to_owned();
    Ok(cells
        .iter()
        .map(|c| (text(&c["cell"]), text(&c["verdict"])))
        .collect())
}

/// Mutants down, cells across.
fn table(rows: &[(&&String, Verdicts)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let cells: Vec<&String> = rows.first().map_or(Vec::new(), |(_, v)| v.keys().collect());
    table.set_header(std::iter::once("mutant").chain(cells.iter().map(|c| c.as_str())));
    for (name, verdicts) in rows {
        let row = cells
            .iter()
            .map(|c| verdicts.get(*c).map_or("-", String::as_str));
        table.add_row(std::iter::once(name.as_str()).chain(row));
    }
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}
