// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask self bench heap`: what calls of this project's heap cost, for one of mainline's.
//!
//! Both heaps are in one guest. A module there makes the same calls of each, and tells the cache model where each begins and
//! ends, which counts instructions and maintained lines between: no times, so that the machine makes no difference.

mod rows;

use comfy_table::{CellAlignment, Table, presets};

use super::super::{Context, prepare, test};
use crate::again::Again;
use crate::cli;
use crate::config::{Cell, HeapBench, Own, Set, Watched};
use crate::exit::{Exit, Failure};
use crate::matrix;
use crate::results;
use crate::session::{Selection, Session};
use crate::vcsan::{Findings, Plugin};
use crate::verdict::Verdict;
use rows::{Row, of_call, rows};

pub(super) fn heap(context: &Context, args: &cli::BenchHeap) -> Result<Exit, Failure> {
    let config = context.config()?;
    let bench = &config.bench;
    let cells = test::cells(&config, &args.cells)?;
    let set = set(context, &config.exporters[&bench.ours], bench);
    let selection = Selection {
        cells: cells.clone(),
        sets: vec![&set],
        filter: None,
        stacks: false,
        again: Again::default(),
        repeat: test::repeat(context, &cli::Test::default()),
        kernels: None,
    };
    let task = context.ui.task("bench");
    task.detail("building the cache model");
    let plugin = Plugin::build(false, false, &context.stop).map_err(Failure::infra)?;
    let mut prepared = prepare::prepare(context, &context.ui.task("setup"))?;
    let lock = prepared.lock.take();
    let media = prepared.run.path().join("media");
    let plugin = plugin
        .counting()
        .publish(prepared.emulator(), &media)
        .map_err(Failure::infra)?;
    let session = Session {
        vcsan: Some(&plugin),
        ..test::session(context, &config, &prepared)
    };
    let results = matrix::run(&session, &selection, move || drop(lock)).map_err(Failure::infra)?;
    if context.stop.requested() {
        return Ok(Exit::Interrupted);
    }

    let mut measured = Vec::new();
    let (mut exit, mut over) = (Exit::Ok, 0);
    for (cell, result) in cells.iter().zip(&results) {
        match of_cell(bench, cell, result) {
            Ok(rows) => {
                over += rows.iter().filter(|row| row.is_over()).count();
                print_table(&format!("{}: {}", cell.name, cell.summary), &table(&rows));
                measured.push((cell.name.clone(), rows));
            }
            Err(why) => {
                println!("{}: {why}\n", cell.name);
                exit = Exit::Tests;
            }
        }
    }
    print_table("all cells, instructions and lines", &summary(&measured));
    let short = short(&measured, &bench.theirs);
    print_table(
        &format!(
            "instructions and lines for one of {}'s, in all rows of a call in which that heap is right",
            bench.theirs
        ),
        &short,
    );
    let count: usize = measured.iter().map(|(_, rows)| rows.len()).sum();
    let wrong = measured.iter().flat_map(|(_, rows)| rows);
    let wrong = wrong.filter(|row| !row.wrong.is_empty()).count();
    println!(
        "{count} rows on {} cells: {over} over their limit, {wrong} in which {} is wrong",
        measured.len(),
        bench.theirs
    );
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&measured).map_err(Failure::infra)?;
        fs_err::write(path, json + "\n").map_err(Failure::infra)?;
    }
    if over != 0 {
        exit = Exit::Tests;
    }
    Ok(exit)
}

/// What the guest loads: the heap, and the module that measures.
fn set(context: &Context, ours: &crate::config::Exporter, bench: &HeapBench) -> Set {
    let own = Own {
        dir: context.project.root().join(&bench.module),
        init: None,
    };
    Set {
        name: "bench".into(),
        of: Some(ours.clone()),
        vcsan: Some(Watched {
            orders: bench.orders.clone(),
            ..Watched::default()
        }),
        silence_s: 600,
        ..Set::of_module(own, None)
    }
}

/// The rows of one boot, if it went through and our heap was right in it.
fn of_cell(bench: &HeapBench, cell: &Cell, result: &results::Cell) -> Result<Vec<Row>, String> {
    let folder = result.folder.as_deref();
    let log = folder.map_or_else(String::new, |folder| {
        format!(
            "; the console is in {}",
            folder.join("console.log").display()
        )
    });
    let went_through = result
        .suites
        .iter()
        .any(|suite| suite.verdict == Verdict::Passed);
    let (Some(folder), true) = (folder, went_through) else {
        let why = result
            .message
            .as_deref()
            .unwrap_or("the module did not run to its end");
        return Err(format!("{}: {why}{log}", result.verdict));
    };
    let found = Findings::read(&folder.join("vcsan.jsonl"))?;
    match &found.end {
        None => return Err(format!("the cache model did not get to its end{log}")),
        Some(end) => {
            if let Some(failure) = &end.failure {
                return Err(format!("the cache model failed to {failure}"));
            }
        }
    }
    let rows = rows(bench, &cell.name, &found)?;
    Ok(rows)
}

fn print_table(title: &str, table: &Table) {
    println!("{title}");
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
    println!();
}

fn blank(header: &[String]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

fn align_right(table: &mut Table, skip: usize, take: usize) {
    for column in table.column_iter_mut().skip(skip).take(take) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// The figures of one cell.
fn table(rows: &[Row]) -> Table {
    let header = [
        "row",
        "instructions",
        "mainline",
        "ratio",
        "limit",
        "lines",
        "mainline",
        "ratio",
        "limit",
        "",
    ];
    let mut table = blank(&header.map(str::to_owned));
    for row in rows {
        let mut cells = vec![row.name.clone()];
        for figure in [row.instructions, row.lines] {
            cells.push(figure.ours.to_string());
            cells.push(figure.theirs.to_string());
            cells.push(figure.to_string());
            cells.push(if row.wrong.is_empty() {
                figure.limit()
            } else {
                "-".into()
            });
        }
        cells.push(row.remark());
        table.add_row(cells);
    }
    align_right(&mut table, 1, 8);
    table
}

/// The ratios of all cells, a line for each call, and how often `theirs` is wrong.
fn short(measured: &[(String, Vec<Row>)], theirs: &str) -> Table {
    let cells = measured.iter().map(|(cell, _)| cell.clone());
    let header: Vec<String> = std::iter::once("call".to_owned()).chain(cells).collect();
    let mut table = blank(&header);
    let mut calls: Vec<&str> = Vec::new();
    for row in measured.iter().flat_map(|(_, rows)| rows) {
        if !calls.contains(&row.call()) {
            calls.push(row.call());
        }
    }
    for call in calls {
        let ratios = measured.iter();
        let ratios = ratios.map(|(_, rows)| of_call(rows, call).unwrap_or_else(|| "-".into()));
        table.add_row(std::iter::once(call.to_owned()).chain(ratios));
    }
    let wrong = measured.iter().map(|(_, rows)| {
        let wrong = rows.iter().filter(|row| !row.wrong.is_empty()).count();
        format!("{wrong} of {}", rows.len())
    });
    let title = format!("rows in which {theirs} is wrong");
    table.add_row(std::iter::once(title).chain(wrong));
    align_right(&mut table, 1, measured.len());
    table
}

/// The ratios of all cells.
fn summary(measured: &[(String, Vec<Row>)]) -> Table {
    let cells = measured.iter().map(|(cell, _)| cell.clone());
    let header: Vec<String> = std::iter::once("row".to_owned()).chain(cells).collect();
    let mut table = blank(&header);
    let mut names: Vec<&str> = Vec::new();
    for row in measured.iter().flat_map(|(_, rows)| rows) {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    for name in names {
        let of = |rows: &[Row]| {
            let row = rows.iter().find(|row| row.name == name);
            row.map_or("-".to_owned(), Row::ratios)
        };
        let ratios = measured.iter().map(|(_, rows)| of(rows));
        table.add_row(std::iter::once(name.to_owned()).chain(ratios));
    }
    align_right(&mut table, 1, measured.len());
    table
}
