// SPDX-License-Identifier: GPL-2.0-only
//! Maintenance by set and way: which ways a line can still be in, unmaintained.
//!
//! A line may be in any way of its set, and nobody knows in which. Only once an operation was done on every way is it
//! certain that the line met one; until then the model must allow that the line sits in a way not done yet.
//!
//! A line that is accessed in the middle may have been dropped and filled into a way that was already done, so it is
//! kept *apart*, with the ways in which it can be dirty, be old, and be at all.

use crate::event::Op;
use crate::page::LineSet;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// Ways as bits.
pub(crate) type WayMask = u64;

/// Ways in which a line can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ways {
    /// Dirty.
    pub(crate) dirty: WayMask,
    /// With bytes that are older than memory's.
    pub(crate) stale: WayMask,
    /// At all.
    pub(crate) valid: WayMask,
}

/// Ways of a set that were done since the last time that all of them were.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// By an operation after which nothing there is dirty.
    cleaned: WayMask,
    /// By one after which nothing is there.
    emptied: WayMask,
}

impl Progress {
    fn idle(self) -> bool {
        self.cleaned | self.emptied == 0
    }
}

/// Identifies a line kept apart: set, alias index, line of the page.
pub(crate) type Apart = (usize, usize, usize);

/// All sweeps over sets in progress.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sweep {
    /// All ways of a set.
    all: WayMask,
    /// By set; empty until the first operation.
    sets: Vec<Progress>,
    /// Sets that are not idle.
    busy: usize,
    /// Sets, one bit each, of which every line is to be written back, not applied to the lines yet.
    clean_due: Vec<u64>,
    /// The same for invalidation.
    empty_due: Vec<u64>,
    due: bool,
    apart: BTreeMap<Apart, Ways>,
    /// Sets, one bit each, that have lines apart.
    apart_sets: Vec<u64>,
}

impl Sweep {
    pub(crate) fn new(sets: u32, ways: u32) -> Self {
        let words = (sets as usize).div_ceil(64);
        Self {
            all: crate::page::ones(ways),
            sets: vec![Progress::default(); sets as usize],
            clean_due: vec![0; words],
            empty_due: vec![0; words],
            apart_sets: vec![0; words],
            ..Self::default()
        }
    }

    /// Whether accesses must be told to [`Sweep::access`].
    pub(crate) fn active(&self) -> bool {
        self.busy != 0 || self.due
    }

    /// Whether no line needs to be told of what happens.
    pub(crate) fn idle(&self) -> bool {
        !self.active() && self.apart.is_empty()
    }

    /// Whether lines of a set are kept apart.
    pub(crate) fn has_apart(&self, set: usize) -> bool {
        bit(&self.apart_sets, set)
    }

    /// Whether lines of completed sets have yet to be maintained.
    pub(crate) fn due(&self) -> bool {
        self.due
    }

    pub(crate) fn clean_due(&self, set: usize) -> bool {
        bit(&self.clean_due, set)
    }

    pub(crate) fn empty_due(&self, set: usize) -> bool {
        bit(&self.empty_due, set)
    }

    /// The lines whose sets are due, of a page of `lines` in each place that one can have among the sets.
    pub(crate) fn due_lines(&self, lines: usize) -> Vec<LineSet> {
        let places = (self.sets.len() / lines).max(1);
        let due = |place: usize| {
            let mut due = LineSet::default();
            for line in 0..lines {
                let set = (place * lines + line) & self.sets.len().wrapping_sub(1);
                due.put(line, self.clean_due(set) || self.empty_due(set));
            }
            due
        };
        (0..places).map(due).collect()
    }

    /// All that was due has been applied.
    pub(crate) fn settle(&mut self) {
        self.due = false;
        self.clean_due.fill(0);
        self.empty_due.fill(0);
    }

    #[inline]
    pub(crate) fn is_apart(&self, line: Apart) -> bool {
        bit(&self.apart_sets, line.0) && self.apart.contains_key(&line)
    }

    /// An alias's index is another one's from now on.
    pub(crate) fn forget(&mut self, alias: usize) {
        self.apart.retain(|line, _| line.1 != alias);
        self.apart_sets.fill(0);
        for line in self.apart.keys() {
            put_bit(&mut self.apart_sets, line.0, true);
        }
    }

    /// A line is kept apart no more.
    fn join(&mut self, line: Apart) {
        if self.apart.remove(&line).is_some() {
            let set = line.0;
            let others = self.apart.range((set, 0, 0)..(set + 1, 0, 0)).next();
            put_bit(&mut self.apart_sets, set, others.is_some());
        }
    }

    /// Where a line can be.
    pub(crate) fn ways(&self, line: Apart) -> Ways {
        self.apart
            .get(&line)
            .copied()
            .unwrap_or_else(|| self.usual(line.0))
    }

    /// Where a line can be that was not accessed since the operations began.
    fn usual(&self, set: usize) -> Ways {
        let progress = self.sets.get(set).copied().unwrap_or_default();
        Ways {
            dirty: self.all & !progress.cleaned,
            stale: self.all & !progress.emptied,
            valid: self.all & !progress.emptied,
        }
    }

    /// The line may have moved: it was accessed, or hardware may have filled it. `store`: it is dirty wherever it is. `old`: so are
    /// its bytes, as others have written, or as memory was behind when it was filled.
    pub(crate) fn access(&mut self, line: Apart, store: bool, old: bool) {
        let before = self.ways(line);
        let everywhere = |is: bool, before| if is { self.all } else { before };
        let now = Ways {
            dirty: everywhere(store, before.dirty),
            stale: everywhere(old, before.stale),
            valid: self.all,
        };
        if now == self.usual(line.0) {
            self.join(line);
        } else {
            self.apart.insert(line, now);
            put_bit(&mut self.apart_sets, line.0, true);
        }
    }

    /// What a line kept apart holds may be old wherever it is.
    pub(crate) fn make_old(&mut self, line: Apart) {
        if self.is_apart(line)
            && let Some(ways) = self.apart.get_mut(&line)
        {
            ways.stale = ways.valid;
        }
    }

    /// One way of one set is done. Completed sets become due; lines apart that from now on can't be dirty, can't be old, or can't
    /// be there, are returned with what they can be. `behind`: whether memory is, so that a line is filled with old bytes.
    pub(crate) fn advance(
        &mut self,
        op: Op,
        set: usize,
        way: u32,
        behind: impl Fn(Apart) -> bool,
    ) -> Vec<(Apart, Ways)> {
        let mask: WayMask = 1 << (way & 63);
        let mut done = Vec::new();
        for (line, ways) in self.apart.range_mut((set, 0, 0)..(set + 1, 0, 0)) {
            let before = *ways;
            ways.dirty &= !mask;
            if op.empties() {
                ways.valid &= !mask;
                if !behind(*line) {
                    ways.stale &= !mask;
                }
            }
            let no_more = |before: WayMask, now: WayMask| before != 0 && now == 0;
            if no_more(before.dirty, ways.dirty)
                || no_more(before.stale, ways.stale)
                || ways.valid == 0
            {
                done.push((*line, *ways));
            }
        }
        for (line, ways) in &done {
            if ways.valid == 0 {
                self.join(*line);
            }
        }
        self.progress(op, set, way);
        done
    }

    /// As [`advance`](Self::advance), where no line of the set is kept apart.
    #[inline]
    pub(crate) fn progress(&mut self, op: Op, set: usize, way: u32) {
        let way = 1 << (way & 63);
        let all = self.all;
        if let Some(progress) = self.sets.get_mut(set) {
            let idle = progress.idle();
            progress.cleaned |= way;
            if op.empties() {
                progress.emptied |= way;
            }
            if progress.cleaned == all {
                progress.cleaned = 0;
                self.clean_due[set / 64] |= 1 << (set % 64);
                self.due = true;
            }
            if progress.emptied == all {
                progress.emptied = 0;
                self.empty_due[set / 64] |= 1 << (set % 64);
                self.due = true;
            }
            self.busy = self.busy + usize::from(idle) - usize::from(progress.idle());
        }
    }

    pub(crate) fn memory(&self) -> usize {
        self.sets.len() * (size_of::<Progress>() + 1) + self.apart.len() * 64
    }
}

fn put_bit(bits: &mut [u64], at: usize, value: bool) {
    if let Some(word) = bits.get_mut(at / 64) {
        let bit = 1 << (at % 64);
        *word = if value { *word | bit } else { *word & !bit };
    }
}

fn bit(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64)
        .is_some_and(|word| word >> (at % 64) & 1 != 0)
}
