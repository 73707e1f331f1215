// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask list`

use std::collections::BTreeSet;

use comfy_table::{Table, presets};

use super::Context;
use crate::cases;
use crate::exit::{Exit, Failure};

pub(super) fn list(context: &Context, all_cases: bool) -> Result<Exit, Failure> {
    let config = context.config()?;
    if all_cases {
        // Those of several sets once.
        let mut found = BTreeSet::new();
        for set in config.sets.values() {
            found.extend(cases::of(&context.project, set).map_err(Failure::infra)?);
        }
        for case in found {
            println!("{case}");
        }
        return Ok(Exit::Ok);
    }
    let mut cells = table(["cell", "role", "d-cache", "kernel", "machine"]);
    for cell in config.cells.values() {
        let role = format!("{:?}", cell.role).to_lowercase();
        let dcache = format!("{:?}", cell.dcache).to_uppercase();
        cells.add_row([&cell.name, &role, &dcache, &cell.kernel, &cell.summary]);
    }
    let mut sets = table(["set of suites", "default", "suites", "checks"]);
    for set in config.sets.values() {
        let default = if set.by_default { "yes" } else { "no" };
        sets.add_row([
            &set.name,
            default,
            &set.expect.len().to_string(),
            &set.summary,
        ]);
    }
    let mut exporters = table(["exporter", "from", "kernel", "what"]);
    for exporter in config.exporters.values() {
        let from = format!("{:?}", exporter.from).to_lowercase();
        let kernel = exporter
            .variant()
            .map_or("the cell's".to_owned(), |variant| format!("*-{variant}"));
        exporters.add_row([&exporter.name, &from, &kernel, &exporter.summary]);
    }
    let mut kernels = table(["kernel", "architecture", "tools"]);
    for kernel in config.kernels.values() {
        kernels.add_row([&kernel.name, &kernel.arch, &kernel.cross]);
    }
    let mut suites = table(["suite", "set"]);
    for set in config.sets.values() {
        for suite in &set.expect {
            suites.add_row([suite, &set.name]);
        }
    }
    let mut mutants = table(["mutant", "what is wrong"]);
    for (name, mutant) in &config.mutants {
        mutants.add_row([name, &mutant.summary]);
    }
    for table in [cells, kernels, sets, suites, exporters, mutants] {
        for line in table.lines() {
            println!("{}", line.trim_end());
        }
        println!();
    }
    Ok(Exit::Ok)
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}
