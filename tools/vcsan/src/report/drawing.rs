// SPDX-License-Identifier: GPL-2.0-only
//! A line's history as a small table: a row an event, a column an alias, one for memory.

use crate::history::{PastEvent, PastKind};
use crate::translate::Region;
use serde::Serialize;
use std::fmt::{self, Display};
use vcsan_model::Op;

/// The table, for whoever draws it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drawing {
    /// Physical address of the line.
    pub line: String,
    /// The ways to the line: the virtual pages that were used, then memory itself.
    pub columns: Vec<String>,
    /// Oldest first.
    pub events: Vec<Event>,
}

/// A row of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// In words, such as "write back".
    pub what: &'static str,
    /// `R` read, `W` write, `w` write back, `i` invalidate, `f` flush.
    pub letter: char,
    /// Indices of the columns that it concerns.
    pub columns: Vec<usize>,
    /// How often in a row.
    pub count: u32,
    /// Function and offset, where that is known.
    pub by: Option<String>,
}

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

impl Drawing {
    /// The history of the line at physical address `line`, oldest event first. `places` are the events' functions.
    pub(super) fn new(
        line: u64,
        past: &[PastEvent],
        places: Vec<Option<String>>,
        region: impl Fn(u64) -> Region,
    ) -> Drawing {
        let page = |vaddr: u64| vaddr & !0xfff;
        let mut pages: Vec<u64> = Vec::new();
        for seen in past.iter().filter_map(|past| past.vaddr).map(page) {
            if !pages.contains(&seen) {
                pages.push(seen);
            }
        }
        let name = |seen: &u64| format!("{} {seen:#x}", region(seen | line & 0xfff).name());
        let mut columns: Vec<String> = pages.iter().map(name).collect();
        columns.push("memory".to_owned());
        let concerned = |event: &PastEvent| -> Vec<usize> {
            match event.kind {
                PastKind::Everything(_) => (0..pages.len()).collect(),
                PastKind::UncachedLoad
                | PastKind::UncachedStore
                | PastKind::DeviceRead
                | PastKind::DeviceWrite => vec![pages.len()],
                PastKind::Load | PastKind::Store | PastKind::Maintain(_) => {
                    let of = |seen: &u64| event.vaddr.map(page) == Some(*seen);
                    pages.iter().position(of).into_iter().collect()
                }
            }
        };
        let events = past.iter().zip(places).map(|(event, by)| Event {
            what: event.kind.name(),
            letter: letter(event.kind),
            columns: concerned(event),
            count: event.count,
            by,
        });
        Drawing {
            line: format!("{line:#x}"),
            events: events.collect(),
            columns,
        }
    }
}

impl Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  history of the line at physical {} (R read, W write, w write back, i invalidate, f flush):",
            self.line
        )?;
        f.write_str("    ")?;
        for name in &self.columns {
            write!(f, "{name} | ")?;
        }
        writeln!(f)?;
        for event in &self.events {
            f.write_str("    ")?;
            for (at, name) in self.columns.iter().enumerate() {
                let mark = if event.columns.contains(&at) {
                    event.letter
                } else {
                    '.'
                };
                write!(f, "{mark:^width$} | ", width = name.len())?;
            }
            f.write_str(event.what)?;
            if event.count != 1 {
                write!(f, " x{}", event.count)?;
            }
            writeln!(f, ", {}", event.by.as_deref().unwrap_or("?"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;
    use vcsan_model::Site;

    #[test]
    fn the_table_and_its_text_say_the_same() {
        let mut history = History::default();
        let site = Site::NONE;
        history.add(0x1000, PastKind::Store, Some(0xc001_1000), 2, site);
        history.add(
            0x1000,
            PastKind::Maintain(Op::WriteBack),
            Some(0xd002_2000),
            1,
            site,
        );
        history.add(0x1000, PastKind::DeviceRead, None, 1, site);
        history.add_everything(Op::Invalidate, 1, site);
        let past = history.of(0x1000);
        let mut places = vec![None; past.len()];
        places[0] = Some("f+0x4".to_owned());
        let drawing = Drawing::new(0x1000, &past, places, |_| Region::Vmap);
        assert_eq!(
            drawing.columns,
            ["vmap 0xc0011000", "vmap 0xd0022000", "memory"]
        );
        let rows: Vec<_> = drawing
            .events
            .iter()
            .map(|e| (e.letter, e.columns.as_slice(), e.count))
            .collect();
        assert_eq!(
            rows,
            [
                ('W', [0].as_slice(), 2),
                ('w', &[1], 1),
                ('R', &[2], 1),
                ('i', &[0, 1], 1),
            ]
        );
        let text = drawing.to_string();
        let lines: Vec<&str> = text.lines().skip(2).map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "W        |        .        |   .    | store x2, f+0x4",
                ".        |        w        |   .    | write back, ?",
                ".        |        .        |   R    | device read, ?",
                "i        |        i        |   .    | invalidate all, ?",
            ]
        );
    }
}
