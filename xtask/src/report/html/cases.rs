// SPDX-License-Identifier: GPL-2.0-only
//! All cases, with filters.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{anchor, failures, seconds, shown, verdict};
use crate::results::{Case, Cell, Run, Suite};
use crate::verdict::Verdict;

pub(super) fn cases(run: &Run) -> Markup {
    let cells: BTreeSet<&str> = run.cells.iter().map(|c| c.cell.as_str()).collect();
    let verdicts: BTreeSet<Verdict> = run.cases().map(|(_, _, case)| case.verdict).collect();
    html! {
        form id="filters" hidden onsubmit="return false" {
            fieldset {
                legend { "Show" }
                label { "words of the name" input type="search" id="filter-text"; }
                label {
                    "cell"
                    select id="filter-cell" {
                        option value="" { "all" }
                        @for cell in cells { option value=(cell) { (cell) } }
                    }
                }
                label {
                    "verdict"
                    select id="filter-verdict" {
                        option value="" { "all" }
                        option value="failure" { "all failures" }
                        @for verdict in verdicts { option value=(verdict) { (verdict) } }
                    }
                }
                output id="shown" aria-live="polite" {}
            }
        }
        @for cell in &run.cells { (boot(cell)) }
    }
}

fn boot(cell: &Cell) -> Markup {
    html! {
        details.group id=(anchor(cell, &[])) {
            summary { strong { (cell.cell) } " (" (shown(&cell.set)) ") " (verdict(cell.verdict)) }
            dl {
                @if let Some(kernel) = &cell.kernel {
                    dt { "kernel" } dd { (shown(kernel)) @if let Some(built) = &cell.built { ", built as " (built) } }
                }
                @if let Some(proof) = &cell.cache_proof { dt { "its cache" } dd { code { (shown(proof)) } } }
                @if let Some(vcsan) = &cell.vcsan {
                    dt { "cache model" }
                    dd {
                        (vcsan.loads) " loads, " (vcsan.stores) " stores, " (vcsan.maintenance) " maintenance instructions, "
                        (vcsan.device_reads) " device reads, " (vcsan.device_writes) " device writes, "
                        (vcsan.watched_pages) " pages watched"
                    }
                }
                dt { "repeat" } dd { code { (shown(&cell.repeat)) } }
            }
            @for suite in &cell.suites { (self::suite(cell, suite)) }
            @if let Some(console) = &cell.console {
                details { summary { "console" } pre tabindex="0" { (shown(console)) } }
            }
        }
    }
}

fn suite(cell: &Cell, suite: &Suite) -> Markup {
    html! {
        details.group id=(anchor(cell, &[&suite.name])) {
            summary {
                (shown(&suite.name)) " " (verdict(suite.verdict)) " "
                span.time { (suite.cases.len()) " cases " } (seconds(suite.took_s))
            }
            @for case in &suite.cases { (self::case(cell, suite, case)) }
        }
    }
}

fn case(cell: &Cell, suite: &Suite, case: &Case) -> Markup {
    let name = format!("{} {}.{}", cell.cell, suite.name, case.name);
    let kind = if case.verdict.is_failure() {
        "failure"
    } else {
        ""
    };
    let full = format!("{}.{}", suite.name, case.name);
    let hazards = cell.hazards.iter();
    let hazards: Vec<_> = hazards
        .filter(|h| h.seen.test.as_deref() == Some(&full))
        .collect();
    html! {
        details.case id=(anchor(cell, &[&suite.name, &case.name])) data-cell=(cell.cell) data-name=(shown(&name))
            data-verdict=(case.verdict) data-kind=(kind) {
            summary { (shown(&case.name)) " " (verdict(case.verdict)) " " (seconds(case.took_s)) }
            @if let Some(message) = &case.message { pre tabindex="0" { (shown(message)) } }
            @for hazard in hazards { (failures::hazard(hazard)) }
            @if let Some(log) = &case.log { pre tabindex="0" aria-label="log" { (shown(log)) } }
        }
    }
}
