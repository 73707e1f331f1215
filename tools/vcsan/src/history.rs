// SPDX-License-Identifier: GPL-2.0-only
//! The last events on each watched line, for the drawing in a report.

use std::collections::{HashMap, VecDeque};
use vcsan_model::{Op, Site};

/// Events kept for a line.
const DEPTH: usize = 12;
/// Events kept that concern every line.
const WHOLE_DEPTH: usize = 8;

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
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

impl What {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Store => "store",
            Self::UncachedLoad => "uncached load",
            Self::UncachedStore => "uncached store",
            Self::Maintain(op) => maintenance(op),
            Self::Everything(Op::WriteBack) => "write back all",
            Self::Everything(Op::Invalidate) => "invalidate all",
            Self::Everything(Op::WriteBackInvalidate) => "flush all",
            Self::DeviceRead => "device read",
            Self::DeviceWrite => "device write",
        }
    }
}

/// A maintenance operation in words.
#[must_use]
pub fn maintenance(op: Op) -> &'static str {
    match op {
        Op::WriteBack => "write back",
        Op::Invalidate => "invalidate",
        Op::WriteBackInvalidate => "flush",
    }
}

/// One event, or several of a kind in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// When: counts all events that are kept.
    order: u64,
    /// What.
    pub what: What,
    /// The virtual address, if it has one.
    pub vaddr: Option<u64>,
    /// Where the last of them came from.
    pub site: Site,
    /// How many.
    pub count: u32,
}

impl Past {
    /// Whether another event is the same once more: of the same kind, through the same virtual page.
    fn takes(&self, what: What, vaddr: Option<u64>) -> bool {
        self.what == what && self.vaddr.map(|v| v >> 12) == vaddr.map(|v| v >> 12)
    }
}

/// The last events.
#[derive(Default)]
pub struct History {
    lines: HashMap<u64, usize>,
    rings: Vec<VecDeque<Past>>,
    /// The line of the last event, and its ring.
    last: Option<(u64, usize)>,
    whole: VecDeque<Past>,
    order: u64,
}

impl History {
    /// Something happened to the line at a physical address.
    pub fn add(&mut self, line: u64, what: What, vaddr: Option<u64>, site: Site) {
        self.order += 1;
        let newer = self.whole.back().map_or(0, |past| past.order);
        let past = Past {
            order: self.order,
            what,
            vaddr,
            site,
            count: 1,
        };
        let ring = match self.last {
            Some((last, ring)) if last == line => ring,
            _ => *self.lines.entry(line).or_insert_with(|| {
                self.rings.push(VecDeque::new());
                self.rings.len() - 1
            }),
        };
        self.last = Some((line, ring));
        push(&mut self.rings[ring], past, newer, DEPTH);
    }

    /// Something happened to every line. Cheap enough for each step of a loop over sets and ways.
    pub fn add_everything(&mut self, op: Op, site: Site) {
        self.order += 1;
        let past = Past {
            order: self.order,
            what: What::Everything(op),
            vaddr: None,
            site,
            count: 1,
        };
        push(&mut self.whole, past, 0, WHOLE_DEPTH);
    }

    /// What is kept of a line, oldest first.
    #[must_use]
    pub fn of(&self, line: u64) -> Vec<Past> {
        let own = self.lines.get(&line).map(|&ring| &self.rings[ring]);
        let own = own.into_iter().flatten();
        let since = own.clone().next().map_or(u64::MAX, |past| past.order);
        let whole = self.whole.iter().filter(|past| past.order > since);
        let mut all: Vec<Past> = own.chain(whole).copied().collect();
        all.sort_by_key(|past| past.order);
        all
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.rings.clear();
        self.last = None;
        self.whole.clear();
    }

    /// Bytes in use, roughly.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.lines.capacity() * 24 + self.rings.len() * (DEPTH * size_of::<Past>() + 32)
    }
}

/// Adds to the last event if it is the same once more and nothing `newer` came in between.
fn push(ring: &mut VecDeque<Past>, past: Past, newer: u64, depth: usize) {
    if let Some(last) = ring.back_mut()
        && last.takes(past.what, past.vaddr)
        && last.order >= newer
    {
        last.count = last.count.saturating_add(1);
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
        history.add_everything(Op::WriteBackInvalidate, site);
        for offset in 0..8 {
            history.add(0x1000, What::Store, Some(0xc000_1000 + offset * 4), site);
        }
        history.add_everything(Op::WriteBack, site);
        history.add(0x1000, What::Store, Some(0xc000_1000), site);
        history.add(0x1000, What::DeviceRead, None, site);
        let past = history.of(0x1000);
        let seen: Vec<_> = past.iter().map(|past| (past.what, past.count)).collect();
        let everything = What::Everything(Op::WriteBack);
        let expected = [
            (What::Store, 8),
            (everything, 1),
            (What::Store, 1),
            (What::DeviceRead, 1),
        ];
        assert_eq!(seen, expected);
        assert!(history.of(0x2000).is_empty());
    }

    #[test]
    fn old_events_go() {
        let mut history = History::default();
        for page in 0..100 {
            history.add(0x1000, What::Load, Some(page << 12), Site::NONE);
        }
        let past = history.of(0x1000);
        assert_eq!(past.len(), DEPTH);
        assert_eq!(past.last().unwrap().vaddr, Some(99 << 12));
    }
}
