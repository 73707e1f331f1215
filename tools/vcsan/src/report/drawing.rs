// SPDX-License-Identifier: GPL-2.0-only
//! A line's history as a small table: a row an event, a column an alias, one for memory.

use crate::history::{PastEvent, PastKind};
use crate::translate::Region;
use std::fmt::Write;
use vcsan_model::Op;

/// A letter for what happens: upper case for accesses, lower case for maintenance.
fn letter(kind: PastKind) -> char {
    match kind {
        PastKind::Load | PastKind::UncachedLoad | PastKind::DeviceRead => 'R',
        PastKind::Store | PastKind::UncachedStore | PastKind::DeviceWrite => 'W',
        PastKind::Maintain(op) | PastKind::Everything(op) => match op {
            Op::WriteBack => 'w',
            Op::Invalidate => 'i',
            Op::WriteBackInvalidate => 'f',
        },
    }
}

/// Draws the history of the line at physical address `line`, oldest event first. `places` are the events' functions.
pub(super) fn draw(
    line: u64,
    past: &[PastEvent],
    places: &[String],
    region: impl Fn(u64) -> Region,
) -> String {
    let mut columns: Vec<(Option<u64>, String)> = Vec::new();
    for page in past
        .iter()
        .filter_map(|past| past.vaddr)
        .map(|v| v & !0xfff)
    {
        if !columns.iter().any(|(known, _)| *known == Some(page)) {
            let name = format!("{} {page:#x}", region(page | line & 0xfff).name());
            columns.push((Some(page), name));
        }
    }
    columns.push((None, "memory".to_owned()));
    let mut text = format!(
        "  history of the line at physical {line:#x} (R read, W write, w write back, i invalidate, f flush):\n    "
    );
    for (_, name) in &columns {
        let _ = write!(text, "{name} | ");
    }
    text.push('\n');
    for (event, place) in past.iter().zip(places) {
        text.push_str("    ");
        let all = matches!(event.kind, PastKind::Everything(_));
        let beyond = matches!(
            event.kind,
            PastKind::UncachedLoad
                | PastKind::UncachedStore
                | PastKind::DeviceRead
                | PastKind::DeviceWrite
        );
        for (page, name) in &columns {
            let here = match page {
                Some(_) if all => true,
                Some(page) => !beyond && event.vaddr.map(|v| v & !0xfff) == Some(*page),
                None => beyond,
            };
            let mark = if here { letter(event.kind) } else { '.' };
            let _ = write!(text, "{mark:^width$} | ", width = name.len());
        }
        let count = if event.count == 1 {
            String::new()
        } else {
            format!(" x{}", event.count)
        };
        let place = if place.is_empty() { "?" } else { place };
        let _ = writeln!(text, "{}{count}, {place}", event.kind.name());
    }
    text
}
