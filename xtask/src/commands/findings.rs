// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask findings`: hazards of runs that no page of `configs/findings` knows, in the form of such a page.
//!
//! Which finding each belongs to, or whether it is a new one, is for somebody to say who has looked at it.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::{Context, report};
use crate::config::{Config, Finding};
use crate::exit::{Exit, Failure};
use crate::results::{Run, Status};
use crate::vcsan::findings::Hazard;

/// `runs`: as `report` names them.
pub(super) fn findings(context: &Context, runs: &[String]) -> Result<Exit, Failure> {
    let config = context.config()?;
    let last = ["last".to_owned()];
    let names = if runs.is_empty() { &last } else { runs };
    let runs = names.iter().map(|name| report::find(context, name));
    let new = New::of(&config, &runs.collect::<Result<Vec<Run>, _>>()?);
    print!("{}", new.page());
    Ok(if new.0.is_empty() {
        Exit::Ok
    } else {
        Exit::Tests
    })
}

/// Where a hazard is seen.
#[derive(Debug, Default)]
struct Places {
    /// Exporter or set, and cell.
    boots: BTreeSet<(String, String)>,
    /// Suites.
    suites: BTreeSet<String>,
    /// Findings that know it of another exporter, on another cell or in another test.
    like: BTreeSet<String>,
}

/// An entry of the list `seen`, but for the hazards.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Block<'a> {
    subjects: Vec<&'a str>,
    cells: Vec<&'a str>,
    suites: Vec<&'a str>,
}

/// What is not known, by hazard as a page gives it.
#[derive(Debug, Default)]
struct New(BTreeMap<String, Places>);

impl New {
    fn of(config: &Config, runs: &[Run]) -> New {
        let mut new = New::default();
        for cell in runs.iter().flat_map(|run| &run.cells) {
            for hazard in &cell.hazards {
                // A page may have been written since that run.
                let is_known = config
                    .findings
                    .values()
                    .any(|finding| finding.is(&cell.set, &cell.cell, &hazard.seen));
                if hazard.status != Status::New || is_known {
                    continue;
                }
                let places = new.0.entry(pattern(&hazard.seen)).or_default();
                places.boots.insert((cell.set.clone(), cell.cell.clone()));
                let test = hazard.seen.test.as_deref().unwrap_or_default();
                let suite = test.split('.').next().unwrap_or_default();
                places.suites.insert(suite.to_owned());
                let like = |finding: &&Finding| finding.is_elsewhere(&hazard.seen);
                let like = config.findings.values().filter(like);
                places.like.extend(like.map(|finding| finding.name.clone()));
            }
        }
        new
    }

    /// The list `seen` of a page: what is seen of the same subjects, on the same cells and in the same suites is together.
    fn page(&self) -> String {
        let mut blocks: BTreeMap<Block<'_>, Vec<String>> = BTreeMap::new();
        for (hazard, places) in &self.0 {
            let mut cells: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
            for (subject, cell) in &places.boots {
                cells.entry(subject).or_default().insert(cell);
            }
            let mut subjects: BTreeMap<BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
            for (subject, cells) in cells {
                subjects.entry(cells).or_default().push(subject);
            }
            let suites: Vec<&str> = places.suites.iter().map(String::as_str).collect();
            let like: Vec<&str> = places.like.iter().map(String::as_str).collect();
            let like = if like.is_empty() {
                "like none that is known".to_owned()
            } else {
                format!("like {}", like.join(" and "))
            };
            for (cells, subjects) in subjects {
                let block = Block {
                    subjects,
                    cells: cells.into_iter().collect(),
                    suites: suites.clone(),
                };
                let line = format!("      # {like}\n      - '{hazard}'\n");
                blocks.entry(block).or_default().push(line);
            }
        }
        let mut text = String::new();
        for (block, hazards) in blocks {
            let suites = block.suites.iter().map(|suite| format!("{suite}.*"));
            let suites: Vec<String> = suites.collect();
            text += &format!(
                "  - exporters: [{}]\n    cells: [{}]\n    tests: [{}]\n    hazards:\n{}",
                block.subjects.join(", "),
                block.cells.join(", "),
                suites.join(", "),
                hazards.concat()
            );
        }
        text
    }
}

/// The hazard as a page gives it: which colour of the cache it was in is luck, and which call would have done what is missing goes
/// without saying.
fn pattern(hazard: &Hazard) -> String {
    let replace = |text: &str, what: &str, with: &str| {
        Regex::new(what).map_or(text.to_owned(), |re| {
            re.replace_all(text, with).into_owned()
        })
    };
    let cpu = hazard.cpu();
    let function = cpu.and_then(|party| party.symbol.as_deref());
    // A module's name in brackets would be a set of letters.
    let function = replace(function.unwrap_or_default(), r" \[.*\]$", "*");
    let alias = cpu.and_then(|party| party.alias.as_deref());
    let missing = replace(&hazard.missing, r", as .*", "*");
    let missing = replace(&missing, r" \(colour \d+\)", "*");
    let missing = replace(&missing, r"colour \d+", "colour *");
    let missing = replace(&missing, r"\*+", "*");
    format!(
        "{} | {} | {function} | {missing}",
        hazard.title,
        alias.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::finding_for_tests;
    use crate::results::{self, Cell};

    fn run(status: Status, set: &str, test: &str) -> Run {
        let mut seen = finding_for_tests::hazard(test);
        seen.missing = "invalidate the user mapping (colour 3), as f() does".into();
        let hazard = results::Hazard {
            status,
            finding: None,
            seen,
        };
        let cell = Cell {
            cell: "parisc".into(),
            set: set.into(),
            hazards: vec![hazard],
            ..Cell::default()
        };
        Run {
            cells: vec![cell],
            ..Run::default()
        }
    }

    fn config() -> Config {
        let configs = crate::project::Project::this().configs();
        let mut config = Config::load(&configs).expect("configs/ loads");
        let known = finding_for_tests::finding();
        config.findings = [(known.name.clone(), known)].into();
        config
    }

    #[test]
    fn what_is_not_known_is_proposed_as_a_page_gives_it() {
        let runs = [
            run(Status::New, "udmabuf", "s_mmap.one"),
            run(Status::New, "cma", "s_mmap.two"),
            run(Status::Known, "cma", "s_vmap.one"),
        ];
        let page = New::of(&config(), &runs).page();
        assert_eq!(
            page,
            "  - exporters: [cma, udmabuf]\n    cells: [parisc]\n    tests: [s_mmap.*]\n    hazards:\n      \
             # like 01-stale\n      - 'stale read | user mapping | copy_from_user | invalidate the user mapping*'\n"
        );
        let hazard = page.rsplit('\'').nth(1).expect("a hazard");
        let pattern = crate::vcsan::findings::Pattern::parse(hazard).expect("a pattern");
        assert!(pattern.is_met_by(&runs[0].cells[0].hazards[0].seen));
    }

    #[test]
    fn what_a_page_knows_by_now_is_not_proposed() {
        let mut run = run(Status::New, "system", "s_mmap.one");
        run.cells[0].cell = "mips-be".into();
        assert!(New::of(&config(), &[run]).0.is_empty());
    }
}
