// SPDX-License-Identifier: GPL-2.0-only
//! The last events on each watched line, for the drawing in a report.

use crate::stats::op_name;
use std::collections::{HashMap, VecDeque};
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Op, Site};

/// Events kept for a line.
const DEPTH: usize = 12;
/// Events kept that concern every line.
const WHOLE_DEPTH: usize = 8;

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastKind {
    /// The CPU read it.
    Load,
    /// The CPU wrote it.
    Store,
    /// The CPU read past its cache.
    UncachedLoad,
    /// The CPU wrote past its cache.
    UncachedStore,
    /// A maintenance instruction by address.
    Maintain(Op),
    /// Maintenance of the whole cache, or by set and way.
    Everything(Op),
    /// A device read it.
    DeviceRead,
    /// A device wrote it.
    DeviceWrite,
}

impl PastKind {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Store => "store",
            Self::UncachedLoad => "uncached load",
            Self::UncachedStore => "uncached store",
            Self::Maintain(op) => op_name(op),
            Self::Everything(Op::WriteBack) => "write back all",
            Self::Everything(Op::Invalidate) => "invalidate all",
            Self::Everything(Op::WriteBackInvalidate) => "flush all",
            Self::DeviceRead => "device read",
            Self::DeviceWrite => "device write",
        }
    }
}

/// One event, or several of a kind in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastEvent {
    /// When: counts all events that are kept.
    order: u64,
    /// What.
    pub kind: PastKind,
    /// The virtual address, if it has one.
    pub vaddr: Option<u64>,
    /// Where the last of them came from.
    pub site: Site,
    /// How many.
    pub count: u32,
}

impl PastEvent {
    /// Whether another event is the same once more: of the same kind, through the same virtual page.
    fn takes(&self, kind: PastKind, vaddr: Option<u64>) -> bool {
        self.kind == kind && self.vaddr.map(|v| v / PAGE_SIZE) == vaddr.map(|v| v / PAGE_SIZE)
    }
}

/// Bytes of the shortest line.
const LINE: u64 = 16;

/// The lines of a page, by the first bytes of each.
type Lines = [VecDeque<PastEvent>; (PAGE_SIZE / LINE) as usize];

fn place(line: u64) -> usize {
    // CAST: inside of a page.
    (line % PAGE_SIZE / LINE) as usize
}

/// The last events.
#[derive(Default)]
pub struct History {
    /// Indices into `pages`, by page number.
    numbers: HashMap<u64, usize>,
    /// Those that no number leads to are empty, kept for their allocations.
    pages: Vec<Box<Lines>>,
    /// The page of the last event, and its index.
    last: Option<(u64, usize)>,
    whole: VecDeque<PastEvent>,
    order: u64,
}

impl History {
    /// Something happened to the line at a physical address, `count` times.
    pub fn add(&mut self, line: u64, kind: PastKind, vaddr: Option<u64>, count: u32, site: Site) {
        self.order += 1;
        let newer = self.whole.back().map_or(0, |past| past.order);
        let past = PastEvent {
            order: self.order,
            kind,
            vaddr,
            site,
            count,
        };
        let page = line / PAGE_SIZE;
        let index = match self.last {
            Some((last, index)) if last == page => index,
            _ => {
                let next = self.numbers.len();
                *self.numbers.entry(page).or_insert_with(|| {
                    if next == self.pages.len() {
                        self.pages.push(Box::new([const { VecDeque::new() }; _]));
                    }
                    next
                })
            }
        };
        self.last = Some((page, index));
        push(&mut self.pages[index][place(line)], past, newer, DEPTH);
    }

    /// Something happened to every line, `count` times. Cheap enough for each step of a loop over sets and ways.
    pub fn add_everything(&mut self, op: Op, count: u32, site: Site) {
        self.order += 1;
        let past = PastEvent {
            order: self.order,
            kind: PastKind::Everything(op),
            vaddr: None,
            site,
            count,
        };
        push(&mut self.whole, past, 0, WHOLE_DEPTH);
    }

    /// What is kept of a line, oldest first.
    #[must_use]
    pub fn of(&self, line: u64) -> Vec<PastEvent> {
        let page = self.numbers.get(&(line / PAGE_SIZE));
        let own = page.map(|&page| &self.pages[page][place(line)]);
        let own = own.into_iter().flatten();
        let since = own.clone().next().map_or(u64::MAX, |past| past.order);
        let whole = self.whole.iter().filter(|past| past.order > since);
        let mut all: Vec<PastEvent> = own.chain(whole).copied().collect();
        all.sort_by_key(|past| past.order);
        all
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        let used = self.numbers.len();
        self.numbers.clear();
        for page in &mut self.pages[..used] {
            page.iter_mut().for_each(VecDeque::clear);
        }
        self.last = None;
        self.whole.clear();
    }

    /// Bytes in use, roughly.
    #[must_use]
    pub fn memory(&self) -> usize {
        let rings = self.pages.iter().flat_map(|page| page.iter());
        let kept: usize = rings.map(VecDeque::capacity).sum();
        self.numbers.capacity() * 24
            + self.pages.len() * size_of::<Lines>()
            + kept * size_of::<PastEvent>()
    }
}

/// Adds to the last event if it is the same once more and nothing `newer` came in between.
fn push(ring: &mut VecDeque<PastEvent>, past: PastEvent, newer: u64, depth: usize) {
    if let Some(last) = ring.back_mut()
        && last.takes(past.kind, past.vaddr)
        && last.order >= newer
    {
        last.count = last.count.saturating_add(past.count);
        (last.order, last.site, last.vaddr) = (past.order, past.site, past.vaddr);
        return;
    }
    if ring.len() == depth {
        ring.pop_front();
    }
    ring.push_back(past);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_counted_and_order_is_kept() {
        let mut history = History::default();
        let site = Site::new(1);
        history.add_everything(Op::WriteBackInvalidate, 1, site);
        for offset in 0..8 {
            history.add(
                0x1000,
                PastKind::Store,
                Some(0xc000_1000 + offset * 4),
                1,
                site,
            );
        }
        history.add_everything(Op::WriteBack, 1, site);
        history.add(0x1000, PastKind::Store, Some(0xc000_1000), 1, site);
        history.add(0x1000, PastKind::DeviceRead, None, 1, site);
        let past = history.of(0x1000);
        let seen: Vec<_> = past.iter().map(|past| (past.kind, past.count)).collect();
        let everything = PastKind::Everything(Op::WriteBack);
        let expected = [
            (PastKind::Store, 8),
            (everything, 1),
            (PastKind::Store, 1),
            (PastKind::DeviceRead, 1),
        ];
        assert_eq!(seen, expected);
        assert!(history.of(0x2000).is_empty());
    }

    #[test]
    fn old_events_go() {
        let mut history = History::default();
        for page in 0..100 {
            history.add(0x1000, PastKind::Load, Some(page << 12), 1, Site::NONE);
        }
        let past = history.of(0x1000);
        assert_eq!(past.len(), DEPTH);
        assert_eq!(past.last().unwrap().vaddr, Some(99 << 12));
    }
}
