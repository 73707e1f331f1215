// SPDX-License-Identifier: GPL-2.0-only
//! The report for people: the matrix, then each failure with what is needed to look into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use console::{Style, StyledObject};

use crate::repeat::Repeat;
use crate::results::{Cell, Identity, Run, Suite};
use crate::ui::printable;
use crate::vcsan::Mode;
use crate::verdict::Verdict;

/// How many lines of a log are worth printing under a failure.
const TAIL: usize = 12;

/// The matrix, the failures, and one line for all of it.
pub fn render(run: &Run) -> String {
    let sets: BTreeSet<&str> = run.cells.iter().map(|c| c.set.as_str()).collect();
    let mut out = if sets.len() > 1 {
        verdicts(run, &sets)
    } else {
        matrix(run)
    };
    for cell in run.cells.iter().filter(|c| c.verdict.is_failure()) {
        out.push('\n');
        failure(&mut out, cell);
    }
    known(&mut out, run);
    skipped(&mut out, run);
    let cases = || {
        run.cells
            .iter()
            .flat_map(|c| &c.suites)
            .flat_map(|s| &s.cases)
    };
    let passed = cases().filter(|c| c.verdict == Verdict::Passed).count();
    let skipped = cases().filter(|c| c.verdict == Verdict::Skipped).count();
    let known = cases().filter(|c| c.verdict == Verdict::Known).count();
    let other = cases().count() - passed - skipped - known;
    let known = match known {
        0 => String::new(),
        n => format!("{n} known, "),
    };
    let (cells, boots) = (run.names().len(), run.cells.len());
    let cells = match cells {
        1 => "1 cell".to_owned(),
        n => format!("{n} cells"),
    };
    let boots = match boots == run.names().len() {
        true => String::new(),
        false => format!("{boots} boots, "),
    };
    let identity = identity(&run.identity);
    out += &identity.map_or(String::new(), |line| format!("\n{}\n", printable(&line)));
    let _ = writeln!(
        out,
        "\n{}: {cells}, {boots}{passed} cases passed, {known}{other} failed, {skipped} skipped, in {:.1} s",
        paint(run.verdict),
        run.wall_s
    );
    out
}

/// What was tested, with what and how; none where nothing is known of that.
fn identity(identity: &Identity) -> Option<String> {
    let commit = identity.project.as_ref();
    let commit = commit.map(|commit| format!("commit {}", super::short(commit)));
    let kernel = identity.kernel.as_ref().map(|kernel| {
        let commit = kernel.commit.as_ref();
        let commit = commit.map(|commit| format!("commit {}", super::short(commit)));
        let from = kernel.package.clone().or(commit);
        let from = from.map_or(String::new(), |from| format!(" ({from})"));
        format!("Linux {}{from}", kernel.version)
    });
    let tools = identity.tools.as_ref();
    let tools = tools.map(|tools| format!("tools {} ({})", tools.recipe, tools.from));
    let options = &identity.options;
    let mode = [
        (options.fixes, "with the fixes"),
        (options.architectural, "architectural"),
        (options.contract, "by the DMA API"),
        (!options.vcsan, "without the cache model"),
    ];
    let mode = mode.iter().filter(|(is, _)| *is);
    let mode = mode.map(|(_, word)| (*word).to_owned());
    let qemu = options
        .qemu
        .as_ref()
        .map(|name| format!("booted by {name}"));
    let known = [commit, kernel, tools, qemu].into_iter().flatten();
    let known: Vec<String> = known.collect();
    if known.is_empty() {
        return None;
    }
    let name = identity.name.as_deref().unwrap_or("run");
    let parts: Vec<String> = known.into_iter().chain(mode).collect();
    Some(format!("{name}: {}", parts.join(", ")))
}

/// Suites down, cells across: the number of cases where all passed, else the verdict.
fn matrix(run: &Run) -> String {
    let names: BTreeSet<&str> = run
        .cells
        .iter()
        .flat_map(|c| &c.suites)
        .map(|s| s.name.as_str())
        .collect();
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(std::iter::once("suite").chain(run.cells.iter().map(|c| c.cell.as_str())));
    let prefix = common_prefix(&names);
    for name in &names {
        let row = run
            .cells
            .iter()
            .map(|c| match c.suites.iter().find(|s| s.name == *name) {
                Some(suite) if suite.verdict == Verdict::Passed => {
                    Style::new().green().apply_to(passed(suite)).to_string()
                }
                Some(suite) => paint(suite.verdict).to_string(),
                None => "-".into(),
            });
        table.add_row(std::iter::once(name[prefix..].to_owned()).chain(row));
    }
    let seconds = |f: fn(&Cell) -> f64| run.cells.iter().map(move |c| format!("{:.1} s", f(c)));
    table.add_row(std::iter::once("build".to_owned()).chain(seconds(|c| c.build_s)));
    table.add_row(std::iter::once("boot".to_owned()).chain(seconds(|c| c.boot_s)));
    if run.cells.iter().any(|c| c.mode.is_some()) {
        let mode = |c: &Cell| c.mode.map_or("-", Mode::as_str).to_owned();
        table.add_row(std::iter::once("cache".to_owned()).chain(run.cells.iter().map(mode)));
    }
    table.add_row(
        std::iter::once("verdict".to_owned())
            .chain(run.cells.iter().map(|c| paint(c.verdict).to_string())),
    );
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut out = String::new();
    if prefix > 0
        && let Some(first) = names.first()
    {
        let _ = writeln!(out, "suites {}*, cases passed", &first[..prefix]);
    }
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// Sets of suites down, cells across: the verdict of each.
fn verdicts(run: &Run, sets: &BTreeSet<&str>) -> String {
    let cells = run.names();
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(std::iter::once("set").chain(cells.iter().copied()));
    for set in sets {
        let row = cells.iter().map(|cell| {
            let mut boots = run.cells.iter();
            match boots.find(|c| c.cell == *cell && c.set == *set) {
                Some(boot) => paint(boot.verdict).to_string(),
                None => "-".to_owned(),
            }
        });
        table.add_row(std::iter::once((*set).to_owned()).chain(row));
    }
    let lines = table.lines();
    lines.map(|line| format!("{}\n", line.trim_end())).collect()
}

fn failure(out: &mut String, cell: &Cell) {
    let _ = writeln!(
        out,
        "{} ({}): {}",
        Style::new().bold().apply_to(&cell.cell),
        cell.set,
        paint(cell.verdict)
    );
    for line in cell.message.iter().flat_map(|m| m.lines()) {
        let _ = writeln!(out, "  {}", printable(line));
    }
    for suite in cell.suites.iter().filter(|s| s.verdict.is_failure()) {
        let failed: Vec<_> = suite
            .cases
            .iter()
            .filter(|c| c.verdict.is_failure())
            .collect();
        if failed.is_empty() {
            let _ = writeln!(out, "  {} {}", paint(suite.verdict), printable(&suite.name));
            repeat(out, cell, |repeat| repeat.filtered(suite.name.clone()));
        }
        for case in failed {
            let _ = writeln!(
                out,
                "  {} {}.{}",
                paint(case.verdict),
                printable(&suite.name),
                printable(&case.name)
            );
            for line in case.message.iter().flat_map(|m| m.lines()) {
                let _ = writeln!(out, "      {}", printable(line));
            }
            repeat(out, cell, |repeat| repeat.of_case(&suite.name, &case.name));
        }
    }
    for oddity in &cell.oddities {
        let _ = writeln!(out, "  odd: {}", printable(oddity));
    }
    if let Some(console) = &cell.console {
        let lines: Vec<&str> = console.lines().collect();
        let _ = writeln!(out, "  the last lines of its log:");
        for line in &lines[lines.len().saturating_sub(TAIL)..] {
            let _ = writeln!(
                out,
                "  | {}",
                printable(&console::strip_ansi_codes(line.trim_end()))
            );
        }
    }
    if let Some(folder) = &cell.folder {
        let _ = writeln!(out, "  folder: {}", folder.display());
    }
    let _ = writeln!(out, "  repeat: {}", cell.repeat);
}

/// The command that repeats a part of a boot. Of a report whose command is of another version only that of the boot is shown.
fn repeat(out: &mut String, cell: &Cell, part: impl Fn(&Repeat) -> Repeat) {
    if let Ok(repeat) = Repeat::read(&cell.repeat) {
        let line = part(&repeat).line();
        let _ = writeln!(out, "      repeat: {}", printable(&line));
    }
}

/// What was known already, a line for each finding of each boot: how many kinds of hazard, in how many cases.
fn known(out: &mut String, run: &Run) {
    let mut lines = Vec::new();
    for cell in &run.cells {
        let mut found: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let cases = cell.suites.iter().flat_map(|s| &s.cases);
        for case in cases.filter(|c| c.verdict == Verdict::Known) {
            let mut counted = BTreeSet::new();
            for line in case.message.iter().flat_map(|m| m.lines()) {
                // As `judge::known::line` writes it.
                let Some((_, finding)) = line.split_once(" (finding ") else {
                    continue;
                };
                let (hazards, cases) = found.entry(finding.trim_end_matches(')')).or_default();
                *hazards += 1;
                *cases += usize::from(counted.insert(finding));
            }
        }
        lines.extend(found.into_iter().map(|(finding, (hazards, cases))| {
            format!(
                "{} {}: {hazards} hazards in {cases} cases are finding {finding}",
                cell.cell, cell.set
            )
        }));
    }
    if !lines.is_empty() {
        out.push_str("\nknown:\n");
        for line in lines {
            let _ = writeln!(out, "  {}", printable(&line));
        }
    }
}

/// What was skipped, and why: cells that an exporter can't be tested on, and cases. What several cells skip for one reason is
/// one line.
fn skipped(out: &mut String, run: &Run) {
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for cell in &run.cells {
        let why = |message: &Option<String>| message.clone().unwrap_or("no reason given".into());
        if cell.verdict == Verdict::Skipped && cell.suites.is_empty() {
            let line = format!("{}: {}", cell.set, why(&cell.message));
            lines.entry(line).or_default().push(&cell.cell);
        }
        for suite in &cell.suites {
            for case in suite.cases.iter().filter(|c| c.verdict == Verdict::Skipped) {
                let line = format!("{}.{}: {}", suite.name, case.name, why(&case.message));
                lines.entry(line).or_default().push(&cell.cell);
            }
        }
    }
    if !lines.is_empty() {
        out.push_str("\nskipped:\n");
        for (line, cells) in lines {
            let _ = writeln!(out, "  {} {line}", cells.join(", "));
        }
    }
}

/// "7", or "6/7" where one was skipped.
fn passed(suite: &Suite) -> String {
    match (count(suite, Verdict::Passed), suite.cases.len()) {
        (passed, all) if passed == all => all.to_string(),
        (passed, all) => format!("{passed}/{all}"),
    }
}

fn count(suite: &Suite, verdict: Verdict) -> usize {
    suite.cases.iter().filter(|c| c.verdict == verdict).count()
}

/// A verdict in its colour; without one where standard output is no terminal.
pub fn paint(verdict: Verdict) -> StyledObject<Verdict> {
    match verdict {
        Verdict::Passed => Style::new().green(),
        Verdict::Skipped | Verdict::Known | Verdict::NoTests | Verdict::NotProven => {
            Style::new().yellow()
        }
        _ => Style::new().red().bold(),
    }
    .apply_to(verdict)
}

/// How much of the names, up to an underscore, is the same in all of them.
pub(super) fn common_prefix(names: &BTreeSet<&str>) -> usize {
    // Sorted, the first and the last differ the most.
    let (Some(first), Some(last)) = (names.first(), names.last()) else {
        return 0;
    };
    if names.len() < 2 {
        return 0;
    }
    let same = first
        .bytes()
        .zip(last.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    first[..same].rfind('_').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;
    use crate::report::example;
    use crate::results::Case;

    fn case(name: &str, verdict: Verdict, message: Option<&str>) -> Case {
        Case {
            name: name.into(),
            verdict,
            message: message.map(Into::into),
            ..Case::default()
        }
    }

    fn cell(name: &str, verdict: Verdict, suites: Vec<Suite>) -> Cell {
        Cell {
            cell: name.into(),
            role: Some(Role::Aliasing),
            verdict,
            build_s: 12.34,
            boot_s: 1.25,
            suites,
            mode: Some(Mode::Speculative),
            set: "heap".into(),
            repeat: format!("cargo xtask test {name} --set heap"),
            ..Cell::default()
        }
    }

    fn suite(name: &str, verdict: Verdict, cases: Vec<Case>) -> Suite {
        Suite {
            name: name.into(),
            verdict,
            cases,
            ..Suite::default()
        }
    }

    fn run(cells: Vec<Cell>, wall_s: f64) -> Run {
        Run::new(example::run().identity, cells, wall_s)
    }

    #[test]
    fn a_run_says_what_it_was_as_far_as_that_is_known() {
        assert_eq!(identity(&Identity::default()), None);
        let mut of = example::run().identity;
        of.options.contract = true;
        of.options.qemu = Some("qemu-11".into());
        of.name = None;
        of.tools = None;
        let project = of.project.as_mut().expect("a commit");
        project.dirty = false;
        let kernel = of.kernel.as_mut().expect("a kernel");
        kernel.package = None;
        kernel.commit = Some(project.clone());
        assert_eq!(
            identity(&of).as_deref(),
            Some(
                "run: commit 0123456789ab, Linux 7.3.4 (commit 0123456789ab), booted by qemu-11, by the DMA API"
            )
        );
    }

    #[test]
    fn a_run_with_a_failure_a_hang_and_a_skip() {
        console::set_colors_enabled(false);
        let skip = case("in_range", Verdict::Skipped, Some("one page only"));
        let good = vec![
            suite(
                "heap_alloc",
                Verdict::Passed,
                vec![case("zero", Verdict::Passed, None), skip],
            ),
            suite(
                "heap_vmap",
                Verdict::Passed,
                vec![case("counts", Verdict::Passed, None)],
            ),
        ];
        let failed = case(
            "zero",
            Verdict::Failed,
            Some("expected 0, got 165 at offset 4096"),
        );
        let bad = vec![
            suite("heap_alloc", Verdict::Failed, vec![failed]),
            suite("heap_vmap", Verdict::Hung, vec![]),
        ];
        let mut second = cell("mips-be", Verdict::Hung, bad);
        second.message = Some("the guest printed nothing for 30 s and was ended".into());
        second.folder = Some("runs/1/mips-be-heap".into());
        second.oddities = vec!["line 7: number 2 was expected, not 3".into()];
        second.console = Some((1..=20).map(|n| format!("line {n}\n")).collect());
        let run = run(vec![cell("arm-vivt", Verdict::Passed, good), second], 14.0);
        insta::assert_snapshot!(render(&run));
    }

    #[test]
    fn a_cell_that_boots_for_two_sets_is_one() {
        console::set_colors_enabled(false);
        let boot = |name: &str, set: &str| Cell {
            set: set.into(),
            ..cell(name, Verdict::Passed, Vec::new())
        };
        let mut boots = vec![boot("parisc", "heap"), boot("parisc", "stress")];
        let last = |boots: &[Cell]| {
            let text = render(&run(boots.to_vec(), 1.0));
            text.lines().last().map(str::to_owned)
        };
        let words = |text: &str| {
            Some(format!(
                "passed: {text}, 0 cases passed, 0 failed, 0 skipped, in 1.0 s"
            ))
        };
        assert_eq!(last(&boots[..1]), words("1 cell"));
        assert_eq!(last(&boots), words("1 cell, 2 boots"));
        boots.push(boot("arm-vivt", "heap"));
        assert_eq!(last(&boots), words("2 cells, 3 boots"));
        boots.remove(1);
        assert_eq!(last(&boots), words("2 cells"));
    }

    #[test]
    fn a_run_that_could_not_build() {
        console::set_colors_enabled(false);
        let mut cell = cell("arm-vivt", Verdict::BuildFailed, Vec::new());
        cell.message = Some("failed to build kernel arm-v5:\na.c:1:1: error: no".into());
        insta::assert_snapshot!(render(&run(vec![cell], 3.0)));
    }
}
