// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask self drivers`: small drivers that know nothing of the cache model, with a mistake in each copy, and whether it is
//! reported. All copies are modules of one folder, so that a cell boots once for them.

use std::ffi::OsString;
use std::path::Path;

use comfy_table::{Table, presets};
use fs_err as fs;

use super::scratch::Scratch;
use super::{Context, chosen};
use crate::cli;
use crate::config::{Driver, Slip};
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;
use crate::results::Cell;
use crate::vcsan::findings::Hazard;
use crate::verdict::Verdict;

/// A driver as it is, or with a mistake.
struct Copy<'a> {
    module: String,
    driver: &'a Driver,
    slip: Option<&'a Slip>,
}

pub(super) fn drivers(context: &Context, args: &cli::Drivers) -> Result<Exit, Failure> {
    let config = context.config()?;
    let mut copies = Vec::new();
    for (_, driver) in chosen("driver", &args.names, &config.drivers)? {
        let slips = driver.bugs.iter().enumerate();
        let slips = slips.map(|(number, slip)| (Some(number), Some(slip)));
        copies.extend(
            std::iter::once((None, None))
                .chain(slips)
                .map(|(number, slip)| Copy {
                    module: driver.module(number),
                    driver,
                    slip,
                }),
        );
    }
    let scratch = Scratch::new(context).map_err(Failure::infra)?;
    let folder = scratch.path("drivers");
    write(context, &copies, &folder)?;

    let mut all: Vec<OsString> = Vec::new();
    for glob in &args.globs {
        all.extend(["--cell".into(), glob.into()]);
    }
    all.extend(["--module".into(), folder.into()]);
    let task = context.ui.task("drivers");
    task.step(&format!("{} modules", copies.len()));
    let (run, report) = scratch.run(context, &all)?;
    let output = String::from_utf8_lossy(&run.stdout);
    task.output(&output);
    let cells = report.map(|report| report.cells).unwrap_or_default();
    if cells.is_empty() {
        return Err(Failure::infra(format!(
            "failed to run the drivers:\n{output}"
        )));
    }

    let mut seen = Vec::new();
    for cell in cells {
        let failed = |why: &str| {
            let name = &cell.cell;
            Failure::infra(format!(
                "failed to run the drivers on {name}: {why}\n{output}"
            ))
        };
        // Hazards are what most copies are for; anything worse says that some did not run.
        if ![Verdict::Hazard, Verdict::Passed].contains(&cell.verdict) {
            return Err(failed(&format!("the verdict is {}", cell.verdict)));
        }
        if let Some(step) = failed_step(&cell) {
            return Err(failed(&step));
        }
        let hazards = cell.hazards.into_iter().map(|hazard| hazard.seen);
        seen.push((cell.cell, hazards.collect()));
    }
    Ok(print(&copies, &seen))
}

/// A module that did not come or go as it should.
fn failed_step(cell: &Cell) -> Option<String> {
    let modules = cell.suites.iter().filter(|suite| suite.name == "module");
    let mut cases = modules.flat_map(|suite| &suite.cases);
    let case = cases.find(|case| case.verdict != Verdict::Passed)?;
    let message = case.message.as_deref().unwrap_or("no result");
    Some(format!("{}: {message}", case.name))
}

/// Writes all copies, and what builds them.
fn write(context: &Context, copies: &[Copy<'_>], folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::infra)?;
    let mut kbuild = "# SPDX-License-Identifier: GPL-2.0\n".to_owned();
    for Copy {
        module,
        driver,
        slip,
    } in copies
    {
        let source = context.project.root().join(&driver.file);
        let mut text = fs::read_to_string(source).map_err(Failure::infra)?;
        if let Some(slip) = slip {
            text = slip.apply(&text).ok_or_else(|| {
                Failure::usage(format!("failed to make the mistake \"{}\"", slip.bug))
            })?;
        }
        fs::write(folder.join(format!("{module}.c")), text).map_err(Failure::infra)?;
        kbuild += &format!("obj-m += {module}.o\n");
    }
    // A mistake may leave something unused.
    kbuild += "ccflags-y += -Wno-unused\n";
    fs::write(folder.join("Kbuild"), kbuild).map_err(Failure::infra)
}

/// What was reported of a module, without repetitions.
fn titles<'a>(module: &str, hazards: &'a [Hazard]) -> Vec<&'a str> {
    let mut titles: Vec<&str> = hazards
        .iter()
        .filter(|hazard| concerns(module, hazard))
        .map(|hazard| hazard.title.as_str())
        .collect();
    titles.sort_unstable();
    titles.dedup();
    titles
}

/// Whether a hazard is about a module. A call of the DMA API is about the module that calls: another one may have mapped the
/// memory beside.
fn concerns(module: &str, hazard: &Hazard) -> bool {
    let suffix = format!("[{module}]");
    let caller = hazard.access.symbol.as_deref();
    match caller.filter(|symbol| hazard.access.by == "call" && symbol.ends_with(']')) {
        Some(caller) => caller.ends_with(&suffix),
        None => hazard.symbols().any(|symbol| symbol.ends_with(&suffix)),
    }
}

/// What becomes of data. Which of these follow from a mistake depends on what was in the memory before.
const OF_DATA: [&str; 4] = [
    "stale read",
    "stale device read",
    "lost write",
    "discarded write",
];

/// Whether that is what a page lets be reported of a mistake, or, without one, nothing.
fn fits(page: Option<&[String]>, titles: &[&str]) -> bool {
    let Some(page) = page else {
        return titles.is_empty();
    };
    let named = |title: &&str| page.iter().any(|one| one == title);
    titles.iter().any(named)
        && titles
            .iter()
            .all(|title| named(title) || OF_DATA.contains(title))
}

/// The table, and whether all is as the pages say.
fn print(copies: &[Copy<'_>], seen: &[(String, Vec<Hazard>)]) -> Exit {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["driver", "mistake", "cells", "reported"]);
    let (mut wrong, mut caught) = (Vec::new(), 0);
    for Copy {
        module,
        driver,
        slip,
    } in copies
    {
        let (mut right, mut all) = (0, Vec::new());
        for (cell, hazards) in seen {
            let titles = titles(module, hazards);
            if fits(slip.map(|slip| &*slip.reported), &titles) {
                right += 1;
            } else {
                wrong.push(format!("{module} on {cell}: reported was {titles:?}"));
            }
            all.extend(titles);
        }
        caught += usize::from(slip.is_some() && right == seen.len());
        all.sort_unstable();
        all.dedup();
        table.add_row([
            driver.module(None),
            slip.map_or("none", |slip| slip.bug.as_str()).to_owned(),
            format!("{right} of {}", seen.len()),
            match all.is_empty() {
                true => "nothing".to_owned(),
                false => all.join(", "),
            },
        ]);
    }
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
    for line in &wrong {
        println!("{line}");
    }
    let bugs = copies.iter().filter(|copy| copy.slip.is_some()).count();
    let cells: Vec<&str> = seen.iter().map(|(cell, _)| cell.as_str()).collect();
    println!(
        "{bugs} mistakes, {caught} reported on each of {}",
        cells.join(", ")
    );
    match wrong.is_empty() {
        true => Exit::Ok,
        false => Exit::Tests,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vcsan::findings::Party;

    #[test]
    fn what_becomes_of_data_may_come_along() {
        let page = ["sync of memory that is not mapped".to_owned()];
        let fits = |titles: &[&str]| fits(Some(&page), titles);
        assert!(fits(&[&page[0]]) && fits(&[&page[0], "lost write"]));
        assert!(!fits(&[]) && !fits(&["lost write"]));
        assert!(!fits(&[&page[0], "unmap of memory that is not mapped"]));
    }

    #[test]
    fn a_call_is_about_who_calls_and_an_access_about_who_has_mapped_the_memory_too() {
        let party = |by: &str, symbol: &str| Party {
            by: by.into(),
            symbol: Some(symbol.into()),
            ..Party::default()
        };
        let hazard = |access| Hazard {
            access,
            mapped: Some(party("call", "give+0x20/0x40 [halves_2]")),
            ..Hazard::default()
        };
        let concerned = |access| {
            let hazard = hazard(access);
            ["halves_2", "halves_3"].map(|module| concerns(module, &hazard))
        };
        let (call, access) = ("take+0x1c/0x84 [halves_3]", "kfree+0x10/0x20");
        assert_eq!(concerned(party("call", call)), [false, true]);
        assert_eq!(concerned(party("call", access)), [true, false]);
        assert_eq!(concerned(party("cpu", call)), [true, true]);
    }

    #[test]
    fn nothing_is_reported_of_a_driver_without_a_mistake() {
        assert!(fits(None, &[]) && !fits(None, &["lost write"]));
    }
}
