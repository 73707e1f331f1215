// SPDX-License-Identifier: GPL-2.0-only
//! A hazard as a picture: time goes down, a rail for each alias of the line and one for memory, a mark for each event.
//!
//! A thick rail is a line that may be dirty, a thin coloured one a line that may be held: what the events before say, no more.

use maud::{Markup, html};

use super::{scroll, shown};
use crate::vcsan::findings::{Event, Hazard, History};

/// Pixels between rails, between events, and of a letter.
const RAIL: usize = 104;
const ROW: usize = 34;
const LETTER: usize = 8;
/// Above the first event.
const TOP: usize = 56;
/// More rails or events than a history of the cache model has are of another's making.
const MOST: usize = 64;

/// What a rail is like between two events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Nothing,
    Held,
    Dirty,
}

impl State {
    fn after(self, event: &Event) -> State {
        match event.letter {
            'W' => State::Dirty,
            'R' if self == State::Nothing => State::Held,
            'w' if self == State::Dirty => State::Held,
            'i' | 'f' => State::Nothing,
            _ => self,
        }
    }

    fn class(self) -> &'static str {
        match self {
            State::Nothing => "rail",
            State::Held => "held",
            State::Dirty => "dirty",
        }
    }
}

/// One event with the place of its row.
struct Row<'a> {
    event: &'a Event,
    y: usize,
    label: String,
    class: &'static str,
}

/// The picture of `history`, whose last event is the access of `hazard`.
pub(super) fn line(hazard: &Hazard, history: &History) -> Markup {
    let columns = &history.columns[..history.columns.len().min(MOST)];
    let events = &history.events[history.events.len().saturating_sub(MOST)..];
    let last = events.len().saturating_sub(1);
    let write = events[..last].iter().rposition(|e| e.letter == 'W');
    let mut rows = Vec::new();
    for (at, event) in events.iter().enumerate() {
        // Between what was written and the access is what was left out.
        let gap = usize::from(at == last);
        let times = if event.count > 1 {
            format!(" ×{}", event.count)
        } else {
            String::new()
        };
        let by = event.by.as_deref().unwrap_or("?");
        let (note, class) = match at {
            _ if at == last => (" ← may go wrong", "mark wrong"),
            _ if Some(at) == write => (" ← the write", "mark write"),
            _ => ("", "mark"),
        };
        rows.push(Row {
            event,
            y: TOP + ROW * (at + gap),
            label: shown(&format!("{}{times}, {by}{note}", event.what)),
            class,
        });
    }
    let missing = shown(&format!("missing: {}", hazard.missing));
    let longest = rows
        .iter()
        .map(|r| r.label.chars().count())
        .max()
        .unwrap_or(0);
    let longest = longest.max(missing.chars().count());
    let labels = RAIL * columns.len() + 8;
    let (width, height) = (
        labels + LETTER * longest + 16,
        TOP + ROW * (events.len() + 1),
    );
    let x = |column: usize| RAIL * column + RAIL / 2;
    let missing_y = TOP + ROW * last;
    let described = format!(
        "{}: {} events on the line at physical {}; {missing}",
        shown(&hazard.title),
        events.len(),
        shown(&history.line)
    );
    let picture = html! {
        svg width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(described) {
            @for (column, name) in columns.iter().enumerate() {
                @let (kind, address) = name.rsplit_once(' ').unwrap_or((name, ""));
                text.mid x=(x(column)) y="16" { (shown(kind)) }
                text.mid.faint x=(x(column)) y="34" { (shown(address)) }
                @for (from, to, state) in rail(column, columns.len(), &rows, height) {
                    line class=(state.class()) x1=(x(column)) x2=(x(column)) y1=(from) y2=(to) {}
                }
            }
            line.missing x1="8" x2=(labels) y1=(missing_y) y2=(missing_y) {}
            text.missing x=(labels + 8) y=(missing_y + 5) { (missing) }
            @for row in &rows {
                @for column in row.event.columns.iter().filter(|c| **c < columns.len()) {
                    circle class=(row.class) cx=(x(*column)) cy=(row.y) r="12" {}
                    text.mid x=(x(*column)) y=(row.y + 5) { (shown(&row.event.letter.to_string())) }
                }
                text.wrong[row.class == "mark wrong"] x=(labels + 8) y=(row.y + 5) { (row.label) }
            }
        }
    };
    html! {
        (scroll("History of the line", &picture))
        p.legend {
            "Line at physical " (shown(&history.line)) ", time goes down. R read, W write, w write back, i invalidate, f flush. "
            "Thick: may be dirty there; thin: may be held there."
        }
    }
}

/// The parts of a rail between the events on it. Memory, the last one, holds no line.
fn rail(column: usize, columns: usize, rows: &[Row<'_>], end: usize) -> Vec<(usize, usize, State)> {
    let mut parts = Vec::new();
    let (mut from, mut state) = (TOP - ROW / 2, State::Nothing);
    let memory = column + 1 == columns;
    for row in rows
        .iter()
        .filter(|row| row.event.columns.contains(&column))
    {
        parts.push((from, row.y, state));
        from = row.y;
        state = if memory {
            State::Nothing
        } else {
            state.after(row.event)
        };
    }
    parts.push((from, end - ROW / 2, state));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(letter: char, columns: &[usize]) -> Event {
        Event {
            what: letter.to_string(),
            letter,
            columns: columns.into(),
            count: 1,
            by: None,
        }
    }

    #[test]
    fn a_rail_is_dirty_from_a_write_to_what_writes_it_back() {
        let events = [
            event('R', &[0]),
            event('W', &[0]),
            event('w', &[0]),
            event('R', &[1]),
            event('f', &[0]),
        ];
        let rows: Vec<Row<'_>> = events
            .iter()
            .enumerate()
            .map(|(y, event)| Row {
                event,
                y: 100 * (y + 1),
                label: String::new(),
                class: "mark",
            })
            .collect();
        let states = |column| {
            rail(column, 2, &rows, 600)
                .into_iter()
                .map(|(_, _, s)| s)
                .collect::<Vec<_>>()
        };
        use State::{Dirty, Held, Nothing};
        assert_eq!(states(0), [Nothing, Held, Dirty, Held, Nothing]);
        assert_eq!(states(1), [Nothing, Nothing], "memory holds no line");
    }

    #[test]
    fn the_write_the_access_and_what_is_missing_are_marked() {
        let hazard = Hazard {
            missing: "write back <it>".into(),
            ..Hazard::default()
        };
        let history = History {
            line: "0x1000".into(),
            columns: vec!["vmap 0xd000".into(), "memory".into()],
            events: vec![event('W', &[0]), event('R', &[1])],
        };
        let text = line(&hazard, &history).into_string();
        assert_eq!(text.matches("mark wrong").count(), 1, "{text}");
        assert_eq!(text.matches("mark write").count(), 1, "{text}");
        assert!(text.contains("missing: write back &lt;it&gt;"), "{text}");
    }

    #[test]
    fn a_history_that_makes_no_sense_is_drawn_without_harm() {
        let hazard = Hazard::default();
        for history in [
            History::default(),
            History {
                events: vec![event('?', &[7])],
                ..History::default()
            },
            History {
                columns: vec!["a".into(); 10_000],
                events: vec![event('W', &[9_999]); 10_000],
                ..History::default()
            },
        ] {
            assert!(line(&hazard, &history).into_string().len() < 1 << 20);
        }
    }
}
