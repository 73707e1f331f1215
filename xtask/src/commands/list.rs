// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask list`

use std::io;

use comfy_table::{Table, presets};
use fs_err as fs;

use walkdir::WalkDir;

use super::Context;
use crate::config::Suites;
use crate::exit::{Exit, Failure};

pub(super) fn list(context: &Context, cases: bool) -> Result<Exit, Failure> {
    let config = context.config()?;
    if cases {
        for set in config.suites.values() {
            for case in self::cases(context, set).map_err(Failure::infra)? {
                println!("{case}");
            }
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
    for set in config.suites.values() {
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
    for set in config.suites.values() {
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

/// `SUITE.CASE` of all cases whose source is the project's own. Those of the kernel's own suites are known to the kernel.
fn cases(context: &Context, set: &Suites) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let overlay = context.project.overlay();
    for dir in set.tests.iter().map(|module| overlay.join(&module.dir)) {
        for file in WalkDir::new(dir).sort_by_file_name() {
            let file = file?;
            if file.path().extension().is_some_and(|e| e == "rs") {
                found.extend(of_rust(&fs::read_to_string(file.path())?));
            }
        }
    }
    if let Some(program) = &set.program
        && let Some(suite) = &program.suite
    {
        let source = context.project.guest().join("programs").join(&program.file);
        let source = fs::read_to_string(source)?;
        found.extend(of_c(&source).map(|case| format!("{suite}.{case}")));
    }
    Ok(found)
}

/// The tests below `#[kunit_tests(SUITE)]`.
fn of_rust(source: &str) -> Vec<String> {
    let (mut suite, mut test) = (None, false);
    let mut found = Vec::new();
    for line in source.lines().map(str::trim_start) {
        let name = line.strip_prefix("#[kunit_tests(");
        if let Some((name, _)) = name.and_then(|rest| rest.split_once(')')) {
            suite = Some(name);
        } else if line == "#[test]" {
            test = true;
        } else if let Some((name, _)) = line.strip_prefix("fn ").and_then(|f| f.split_once('('))
            && std::mem::take(&mut test)
        {
            found.extend(suite.map(|suite| format!("{suite}.{name}")));
        }
    }
    found
}

/// The rows of a program's table `cases`.
fn of_c(source: &str) -> impl Iterator<Item = &str> {
    let table = source
        .split_once("cases[] = {")
        .map_or("", |(_, rest)| rest);
    let rows = table
        .lines()
        .skip(1)
        .map_while(|row| row.trim_start().strip_prefix("{ \""));
    rows.filter_map(|row| Some(row.split_once('"')?.0))
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_of_rust_and_of_c() {
        let rust = "fn helper() {}\n#[kunit_tests(s)]\nmod tests {\n    #[test]\n    fn one() -> Outcome {\n    }\n    fn other() {}\n    #[test]\n    fn two() {}\n}\n";
        assert_eq!(of_rust(rust), ["s.one", "s.two"]);
        let c = "static struct {\n} cases[] = {\n\t{ \"a\", a },\n\t{ \"b\", b },\n};\n\t{ \"c\", c },\n";
        assert_eq!(of_c(c).collect::<Vec<_>>(), ["a", "b"]);
    }
}
