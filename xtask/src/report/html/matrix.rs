// SPDX-License-Identifier: GPL-2.0-only
//! Tables with cells across.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::{anchor, class, scroll, shown, verdict};
use crate::report::text::common_prefix;
use crate::results::{Cell, Run, Suite};
use crate::vcsan::Mode;
use crate::verdict::Verdict;

/// Suites down: the number of cases where all passed, else the verdict. One table for each set.
pub(super) fn suites(run: &Run) -> Markup {
    let mut sets: Vec<&str> = Vec::new();
    for cell in &run.cells {
        if !sets.contains(&cell.set.as_str()) {
            sets.push(&cell.set);
        }
    }
    html! {
        @if sets.is_empty() { p { "Nothing was to run." } }
        @for set in sets { (of_set(run, set)) }
    }
}

fn of_set(run: &Run, set: &str) -> Markup {
    let boots: Vec<&Cell> = run.cells.iter().filter(|c| c.set == set).collect();
    let all = boots.iter().flat_map(|c| &c.suites);
    let names: BTreeSet<&str> = all.map(|s| s.name.as_str()).collect();
    let prefix = common_prefix(&names);
    let mode = |c: &Cell| c.mode.map_or("-", Mode::as_str);
    let table = html! {
        table {
            caption {
                "Suites of " (shown(set))
                @if let Some(first) = names.first().filter(|_| prefix > 0) { ", " code { (shown(&first[..prefix])) "*" } }
                ", by cells: how many cases passed, or the verdict"
            }
            thead {
                tr {
                    th scope="col" { "suite" }
                    @for cell in &boots { th scope="col" { a href={ "#" (anchor(cell, &[])) } { (cell.cell) } } }
                }
            }
            tbody {
                @for name in &names {
                    tr {
                        th scope="row" { (shown(&name[prefix..])) }
                        @for cell in &boots {
                            @match cell.suites.iter().find(|s| s.name == *name) {
                                Some(suite) => td class=(class(suite.verdict)) {
                                    a href={ "#" (anchor(cell, &[name])) } { (summary(suite)) }
                                },
                                None => td.none { "-" },
                            }
                        }
                    }
                }
                tr { th scope="row" { "cache" } @for cell in &boots { td { (mode(cell)) } } }
                tr { th scope="row" { "verdict" } @for cell in &boots { td { (verdict(cell.verdict)) } } }
            }
        }
    };
    scroll(&format!("Matrix of {}", shown(set)), &table)
}

fn summary(suite: &Suite) -> String {
    let passed = suite
        .cases
        .iter()
        .filter(|c| c.verdict == Verdict::Passed)
        .count();
    match suite.verdict {
        Verdict::Passed if passed == suite.cases.len() => passed.to_string(),
        Verdict::Passed => format!("{passed}/{}", suite.cases.len()),
        other => other.to_string(),
    }
}

/// Sets or exporters down, where there are several.
pub(super) fn sets(run: &Run) -> Option<Markup> {
    let sets: BTreeSet<&str> = run.cells.iter().map(|c| c.set.as_str()).collect();
    let cells: BTreeSet<&str> = run.cells.iter().map(|c| c.cell.as_str()).collect();
    if sets.len() < 2 {
        return None;
    }
    let find = |set: &str, cell: &str| {
        let mut boots = run.cells.iter();
        boots.find(|c| c.set == set && c.cell == cell)
    };
    let table = html! {
        table {
            caption { "The verdict of each set of suites, or of each exporter that they ran on, by cells" }
            thead { tr { th scope="col" { "set" } @for cell in &cells { th scope="col" { (cell) } } } }
            tbody {
                @for set in &sets {
                    tr {
                        th scope="row" { (shown(set)) }
                        @for cell in &cells {
                            @match find(set, cell) {
                                Some(boot) => td { a href={ "#" (anchor(boot, &[])) } { (verdict(boot.verdict)) } },
                                None => td.none { "-" },
                            }
                        }
                    }
                }
            }
        }
    };
    Some(scroll("Sets and exporters", &table))
}

/// Mutants down, where the run has such.
pub(super) fn mutants(run: &Run) -> Option<Markup> {
    let mut columns: BTreeSet<(&str, Mode)> = BTreeSet::new();
    let mut rows: BTreeMap<&str, BTreeMap<(&str, Mode), &crate::results::Kill>> = BTreeMap::new();
    for kill in &run.mutants {
        let at = (kill.cell.as_str(), kill.mode);
        columns.insert(at);
        rows.entry(&kill.mutant).or_default().insert(at, kill);
    }
    if rows.is_empty() {
        return None;
    }
    let colour = |outcome: &str| match outcome {
        "killed" => "good",
        "equivalent" => "none",
        _ => "bad",
    };
    let table = html! {
        table {
            caption { "What came of each mutant: killed if what it breaks was seen" }
            thead {
                tr {
                    th scope="col" { "mutant" }
                    @for (cell, mode) in &columns { th scope="col" { (cell) br; (mode.as_str()) } }
                }
            }
            tbody {
                @for (mutant, row) in &rows {
                    tr {
                        th scope="row" { (shown(mutant)) }
                        @for at in &columns {
                            @match row.get(at) {
                                Some(kill) => td class=(colour(&kill.outcome)) title=[kill.why().map(|why| shown(&why))] { (shown(&kill.outcome)) },
                                None => td.none { "-" },
                            }
                        }
                    }
                }
            }
        }
    };
    Some(scroll("Mutants", &table))
}
