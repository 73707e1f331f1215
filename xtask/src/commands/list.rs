// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask list`

use std::collections::BTreeSet;

use comfy_table::{Table, presets};

use super::Context;
use crate::cases;
use crate::config::Config;
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
    for table in tables(&config) {
        for line in table.lines() {
            println!("{}", line.trim_end());
        }
        println!();
    }
    Ok(Exit::Ok)
}

/// All that a command line can name.
fn tables(config: &Config) -> Vec<Table> {
    let by_default = |it: bool| if it { "yes" } else { "no" };
    let mut cells = table(["cell", "default", "role", "d-cache", "kernel", "machine"]);
    for cell in config.cells.values() {
        let role = format!("{:?}", cell.role).to_lowercase();
        let dcache = format!("{:?}", cell.dcache).to_uppercase();
        let default = by_default(cell.by_default);
        cells.add_row([
            &cell.name,
            default,
            &role,
            &dcache,
            &cell.kernel,
            &cell.summary,
        ]);
    }
    let mut sets = table(["set of suites", "default", "suites", "checks"]);
    for set in config.sets.values() {
        let default = by_default(set.by_default);
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
    let mut breakages = table(["breakage", "verdict", "what is wrong"]);
    for (name, breakage) in &config.breakages {
        breakages.add_row([name, &breakage.verdict.to_string(), &breakage.summary]);
    }
    let mut history = table(["bug", "cell", "what was wrong"]);
    for (name, bug) in &config.history {
        let cell = bug.shown.as_ref().map_or("-", |shown| &shown.cell);
        history.add_row([name, cell, &bug.bug]);
    }
    let mut drivers = table(["driver", "mistakes", "what it does"]);
    for (name, driver) in &config.drivers {
        drivers.add_row([name, &driver.bugs.len().to_string(), &driver.summary]);
    }
    vec![
        cells, kernels, sets, suites, exporters, mutants, breakages, history, drivers,
    ]
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn all_that_a_command_line_can_name_is_listed() {
        let config = Config::load(&Project::this().configs()).expect("configs/ loads");
        let tables = tables(&config);
        let firsts = |table: &Table| -> Vec<String> {
            let cells = table.row_iter().filter_map(|row| row.cell_iter().next());
            cells.map(|cell| cell.content()).collect()
        };
        let listed: Vec<Vec<String>> = tables.iter().map(firsts).collect();
        let names = [
            Vec::from_iter(config.cells.keys()),
            Vec::from_iter(config.kernels.keys()),
            Vec::from_iter(config.sets.keys()),
            Vec::from_iter(config.exporters.keys()),
            Vec::from_iter(config.mutants.keys()),
            Vec::from_iter(config.breakages.keys()),
            Vec::from_iter(config.history.keys()),
            Vec::from_iter(config.drivers.keys()),
        ];
        for names in names {
            assert!(!names.is_empty());
            let whole = |table: &&Vec<String>| table.iter().eq(names.iter().copied());
            assert_eq!(listed.iter().filter(whole).count(), 1, "{names:?}");
        }
    }
}
