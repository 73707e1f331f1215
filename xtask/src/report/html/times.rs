// SPDX-License-Identifier: GPL-2.0-only
//! How long each stage took, as bars, and as a table for those who don't see them.

use maud::{Markup, html};

use super::{scroll, shown};
use crate::results::Run;

/// Pixels of the longest bar, and of a row.
const LONGEST: f64 = 480.0;
const ROW: usize = 26;
const NAMES: usize = 220;

/// One bar: whose, and its parts with their class, seconds each.
struct Bar {
    name: String,
    parts: Vec<(&'static str, f64)>,
}

pub(super) fn times(run: &Run) -> Markup {
    let mut bars: Vec<Bar> = Vec::new();
    for stage in &run.stages {
        bars.push(Bar {
            name: stage.name.clone(),
            parts: vec![("setup", stage.took_s)],
        });
    }
    for cell in &run.cells {
        let name = format!("{} ({})", cell.cell, cell.set);
        bars.push(Bar {
            name,
            parts: vec![("build", cell.build_s), ("boot", cell.boot_s)],
        });
    }
    let total = |bar: &Bar| bar.parts.iter().map(|(_, s)| s).sum::<f64>();
    let most = bars.iter().map(total).fold(0.001, f64::max);
    let height = ROW * bars.len() + 8;
    let width = NAMES + 600;
    let chart = html! {
        svg width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } role="img"
            aria-label="Times of stages and boots; the table below says the same" {
            @for (at, bar) in bars.iter().enumerate() {
                @let y = ROW * at;
                text x="0" y=(y + 17) { (shown(&short(&bar.name))) }
                @for (from, part) in starts(bar) {
                    rect class=(part.0) x=(format!("{:.1}", pixels(from, most) + 220.0)) y=(y + 4)
                        width=(format!("{:.1}", pixels(part.1, most))) height=(ROW - 8) {}
                }
                text.faint x=(format!("{:.1}", pixels(total(bar), most) + 228.0)) y=(y + 17) { (format!("{:.1} s", total(bar))) }
            }
        }
    };
    html! {
        (scroll("Chart of times", &chart))
        p.legend {
            span.swatch.setup {} " whole run "
            span.swatch.build {} " build, of the first cell of a kernel "
            span.swatch.boot {} " boot; by the host's clock"
        }
        details {
            summary { "as a table" }
            div.scroll role="group" aria-label="Times" tabindex="0" {
                table {
                    thead { tr { th scope="col" { "what" } th scope="col" { "build, s" } th scope="col" { "boot, s" } } }
                    tbody {
                        @for stage in &run.stages {
                            tr { th scope="row" { (shown(&stage.name)) } td colspan="2" { (format!("{:.1}", stage.took_s)) } }
                        }
                        @for cell in &run.cells {
                            tr {
                                th scope="row" { (cell.cell) " (" (shown(&cell.set)) ")" }
                                td { (format!("{:.1}", cell.build_s)) }
                                td { (format!("{:.1}", cell.boot_s)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn short(name: &str) -> String {
    match name.char_indices().nth(26) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_owned(),
    }
}

/// A time that is none is nothing.
fn pixels(seconds: f64, most: f64) -> f64 {
    if seconds.is_finite() && seconds > 0.0 {
        seconds / most * LONGEST
    } else {
        0.0
    }
}

fn starts(bar: &Bar) -> Vec<(f64, (&'static str, f64))> {
    let mut from = 0.0;
    let part = |part: &(&'static str, f64)| {
        let at = from;
        from += part.1;
        (at, *part)
    };
    bar.parts.iter().map(part).collect()
}
