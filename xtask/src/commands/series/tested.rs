// SPDX-License-Identifier: GPL-2.0-only
//! What a cover letter says of tests: what a run's report says, and no more.

use std::fmt::Write as _;

use crate::config::{Config, Series};
use crate::results::{Cell, Run};
use crate::vcsan::Mode;
use crate::verdict::Verdict;

/// In words, with a line for each boot.
pub(super) fn text(run: &Run, config: &Config) -> String {
    let kernel = run.identity.kernel.as_ref();
    let version = kernel.map_or("an unknown Linux", |kernel| kernel.version.as_str());
    let mut text = format!("On Linux {version} under QEMU");
    let commit = run.identity.project.as_ref();
    if let Some(commit) = commit {
        let dirty = if commit.dirty {
            ", with changes that are not committed"
        } else {
            ""
        };
        let short = commit.commit.get(..12).unwrap_or(&commit.commit);
        let _ = write!(text, ", at commit {short} of the tests' project{dirty}");
    }
    let _ = writeln!(
        text,
        " ({}). \"model\" is that\nof the cache, which reports accesses that could go wrong on hardware.\n",
        run.identity.started
    );
    let mut sets: Vec<&str> = Vec::new();
    for cell in &run.cells {
        if !sets.contains(&cell.set.as_str()) {
            sets.push(&cell.set);
        }
    }
    for set in sets {
        match config.sets.get(set) {
            Some(page) => {
                let _ = writeln!(text, "{}:", page.summary);
            }
            None => {
                let _ = writeln!(text, "{set}:");
            }
        }
        for cell in run.cells.iter().filter(|cell| cell.set == set) {
            let _ = writeln!(text, "  {}", line(cell, config));
        }
    }
    text
}

/// That each patch was built.
pub(super) fn built(cell: &str) -> String {
    format!(
        "\nThe kernel of {cell} was built with each patch and none that follow it, and passed the\nsuites with all.\n"
    )
}

/// What nobody has tested, nor `run`; `built` if each patch was.
pub(super) fn untested<'a>(series: &'a Series, run: Option<&Run>, built: bool) -> Vec<&'a str> {
    let passed = |set: &String| {
        let cells = run.iter().flat_map(|run| &run.cells);
        let mut boots = cells
            .filter(|cell| cell.set == *set && cell.verdict != Verdict::Skipped)
            .peekable();
        boots.peek().is_some() && boots.all(|cell| cell.verdict == Verdict::Passed)
    };
    let untested = series
        .not_tested
        .iter()
        .filter(|untested| !untested.unless.as_ref().is_some_and(passed))
        .filter(|untested| !(untested.unless_built && built));
    untested.map(|untested| untested.what.as_str()).collect()
}

fn line(cell: &Cell, config: &Config) -> String {
    let cases = || cell.suites.iter().flat_map(|suite| &suite.cases);
    let count = |verdict| cases().filter(|case| case.verdict == verdict).count();
    let failed = cases().filter(|case| case.verdict.is_failure()).count();
    let summary = config.cells.get(&cell.cell).map(|page| &page.summary);
    let model = match cell.mode {
        None => "no model",
        Some(Mode::Architectural) => "model",
        Some(Mode::Speculative) => "model, speculative",
    };
    format!(
        "{:<12} {}: {} cases passed, {failed} failed, {} skipped; {model}; {}",
        cell.cell,
        cell.verdict,
        count(Verdict::Passed),
        count(Verdict::Skipped),
        summary.map_or("", String::as_str)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;
    use crate::report::example;

    #[test]
    fn what_a_set_tests_is_tested_once_all_of_it_passed() {
        let config = Config::load(&Project::this().configs()).expect("configs/ loads");
        let series = config.series.values().next().expect("a series");
        let page = series
            .not_tested
            .iter()
            .find(|page| page.unless.as_deref() == Some("highmem"))
            .expect("a set tests high memory");
        let has = |run: Option<&Run>| untested(series, run, false).contains(&page.what.as_str());
        let mut run = example::run();
        assert!(has(None) && has(Some(&run)));

        let boot = |verdict| Cell {
            set: "highmem".into(),
            verdict,
            ..Cell::default()
        };
        run.cells.push(boot(Verdict::Skipped));
        assert!(has(Some(&run)));
        run.cells.push(boot(Verdict::Passed));
        assert!(!has(Some(&run)));
        run.cells.push(boot(Verdict::Failed));
        assert!(has(Some(&run)));
    }

    #[test]
    fn patches_that_were_built_are_no_gap() {
        let config = Config::load(&Project::this().configs()).expect("configs/ loads");
        let series = config.series.values().next().expect("a series");
        let gaps = |built| untested(series, None, built).len();
        assert_eq!(gaps(false), gaps(true) + 1);
    }

    #[test]
    fn a_letter_counts_what_the_report_has() {
        let config = Config::load(&Project::this().configs()).expect("configs/ loads");
        let run = example::run();
        let text = text(&run, &config);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.contains(" cases passed, "))
            .collect();
        assert_eq!(lines.len(), run.cells.len(), "{text}");
        for (line, cell) in lines.iter().zip(&run.cells) {
            let cases = cell.suites.iter().flat_map(|suite| &suite.cases);
            let failed = cases.filter(|case| case.verdict.is_failure()).count();
            assert!(line.contains(&format!("{}: ", cell.verdict)), "{text}");
            assert!(line.contains(&format!(" {failed} failed, ")), "{text}");
        }
        assert!(text.contains("at commit 0123456789ab"), "{text}");
        assert!(text.contains("not committed"), "{text}");
    }
}
