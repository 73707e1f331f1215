// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask history`: bugs that the kernel has had and fixed, put back one at a time, and whether the cache model sees them.

use std::ffi::OsString;

use comfy_table::{Table, presets};

use super::scratch::Scratch;
use super::{Context, chosen, of_page};
use crate::cli;
use crate::config::{How, Shown};
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;
use crate::ui::Task;
use crate::verdict::Verdict;

/// After all patches of the project's own.
const UNDO: &str = "kernel/patches/9999-undo.patch";

pub(super) fn history(context: &Context, args: &cli::History) -> Result<Exit, Failure> {
    let config = context.config()?;
    let all = chosen("bug", &args.names, &config.history)?;
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["bug", "commit", "year", "cell", "hazard"]);
    let (mut caught, mut wrong, mut reasons) = (0, 0, Vec::new());
    for &(name, bug) in &all {
        let task = context.ui.task(name);
        let (cell, hazard) = match &bug.shown {
            Err(why) => {
                reasons.push(format!("{name} can't be shown: {why}"));
                ("-".to_owned(), "not shown".to_owned())
            }
            Ok(shown) => {
                task.step(&bug.bug);
                let seen = of_page(run(context, shown, &task))?.flatten();
                match &seen {
                    Ok(_) => caught += 1,
                    Err(why) => {
                        wrong += 1;
                        reasons.push(format!("{name} was not reported: {why}"));
                    }
                }
                (shown.cell.clone(), seen.unwrap_or_else(|_| "missed".into()))
            }
        };
        table.add_row([
            &bug.bug,
            bug.commit.as_deref().unwrap_or("?"),
            &bug.year.map_or("?".to_owned(), |year| year.to_string()),
            &cell,
            &hazard,
        ]);
    }
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
    for line in reasons {
        println!("{line}");
    }
    println!("{} bugs, {caught} caught, {wrong} missed", all.len());
    Ok(if wrong == 0 { Exit::Ok } else { Exit::Tests })
}

/// Puts the bug back and runs what shows it. The hazard's first line, or why there is none.
fn run(
    context: &Context,
    shown: &Shown,
    task: &Task<'_>,
) -> Result<Result<String, String>, Failure> {
    let mut scratch = Scratch::new(context).map_err(Failure::infra)?;
    let mut args: Vec<OsString> = vec![shown.cell.clone().into()];
    if let Some(undo) = &shown.undo {
        fs_err::copy(undo, scratch.path(UNDO)).map_err(Failure::infra)?;
    }
    match &shown.how {
        How::OnExporter { exporter, filter } => {
            args.extend(["--exporter".into(), exporter.into()]);
            args.extend(["--filter".into(), filter.into()]);
        }
        How::InSet { set, filter } => {
            args.extend(["--set".into(), set.into()]);
            args.extend(["--filter".into(), filter.into()]);
        }
        How::InModule { dir, edits } => {
            scratch.edit(edits)?;
            args.extend(["--module".into(), scratch.path(dir).into()]);
        }
    }
    let (run, report) = scratch.run(context, &args)?;
    let output = String::from_utf8_lossy(&run.stdout);
    task.output(&output);
    let Some(cell) = report.as_ref().and_then(|report| report.cells.first()) else {
        return Ok(Err(format!("there is no report: {}", output.trim())));
    };
    if cell.verdict != Verdict::Hazard {
        return Ok(Err(format!("the verdict is {}:\n{output}", cell.verdict)));
    }
    let mut hazards = cell.hazards.iter().map(|hazard| &hazard.seen);
    let hazard = hazards.find(|hazard| shown.is(hazard));
    Ok(match hazard {
        Some(hazard) => {
            let line = hazard.text.lines().next().unwrap_or(&hazard.title);
            Ok(line.trim_start_matches("VCSan: ").to_owned())
        }
        None => Err(format!("other hazards were:\n{output}")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::scratch::tests::checkout;
    use super::*;

    #[test]
    fn a_page_that_does_not_fit_is_said_of_it_alone() {
        let page = "bug: none\nhit: nobody\nshown:\n  cell: arm-vivt\n  hazard: 'stale read | * | * | *'\n  \
            in_module: {dir: docs/examples/drivers, edits: [{file: configs/suites/heap.yaml, from: 'not there', to: ''}]}\n";
        let (scratch, context) = checkout("history", |dir| {
            fs_err::write(dir.join("first.yaml"), page)?;
            fs_err::write(dir.join("second.yaml"), page)
        });
        let args = cli::History { names: Vec::new() };
        let exit = history(&context, &args).expect("the other has its turn");
        assert_eq!(exit, Exit::Tests);
        drop(scratch);
    }
}
