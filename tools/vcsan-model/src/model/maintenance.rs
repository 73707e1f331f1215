// SPDX-License-Identifier: GPL-2.0-only
//! Cache maintenance: by address, of the whole cache, by set and way.

use super::Model;
use crate::config::Mode;
use crate::event::{Address, Op, Site};
use crate::geometry::{PAGE_SHIFT, PAGE_SIZE};
use crate::line::{Bytes, LineEvent};
use crate::page::{LinePlace, LineSet};
use crate::sweep::Apart;
use alloc::vec::Vec;

impl Model {
    pub(super) fn maintain(&mut self, op: Op, at: Address, len: u32, site: Site) {
        let (mut at, mut rest) = (at, len);
        while rest != 0 {
            // CAST: at most a page.
            let len = rest.min((PAGE_SIZE - at.paddr % PAGE_SIZE) as u32);
            self.maintain_in_page(op, at, len, site);
            at = at.plus(u64::from(len));
            rest -= len;
        }
    }

    fn maintain_in_page(&mut self, op: Op, at: Address, len: u32, site: Site) {
        let offset = (at.paddr % PAGE_SIZE) as usize;
        let last = (offset + len as usize - 1) >> self.line_shift;
        let lines = LineSet::range(offset >> self.line_shift, last);
        let key = self.config.geometry.key(at);
        let frame = at.paddr >> PAGE_SHIFT;
        let alias = match self.maintained {
            Some((known, of, alias)) if known == key && of == frame => alias,
            _ => {
                if self.config.geometry.virtually_tagged()
                    && let Some(several) = self.tags.get(&key).filter(|same| same.len() > 1)
                {
                    for alias in several.clone() {
                        self.step_lines(alias, lines, op, site);
                    }
                    return;
                }
                let alias = if self.config.geometry.virtually_tagged() {
                    self.tags.get(&key).and_then(|same| same.first().copied())
                } else {
                    let page = self.find_page(frame);
                    page.and_then(|page| self.find_alias(page, key))
                };
                self.maintained = Some((key, frame, alias));
                alias
            }
        };
        if let Some(alias) = alias {
            self.step_lines(alias, lines, op, site);
        }
    }

    fn step_lines(&mut self, alias: usize, lines: LineSet, op: Op, site: Site) {
        // Without speculation, maintenance of a line that is not there does nothing.
        let lines = match self.config.mode {
            Mode::Architectural => lines.and(self.aliases[alias].valid),
            Mode::Speculative => lines,
        };
        if !lines.any() || self.maintain_row_alone(alias, lines, op) {
            return;
        }
        for line in lines.iter() {
            self.step_alias(alias, line, op, site);
        }
    }

    pub(super) fn whole_cache(&mut self, op: Op, site: Site) {
        let refills = if op.empties() {
            self.refills_of_old_values()
        } else {
            Vec::new()
        };
        let mut active = core::mem::take(&mut self.active);
        active.retain(|&alias| {
            let lines = if op == Op::WriteBack {
                self.aliases[alias].dirty
            } else {
                self.aliases[alias].valid
            };
            let refilled = self.speculates_in(alias) && !self.aliases[alias].stale.any();
            for line in lines.iter() {
                // A clean line that is filled again at once, with what it held, needs no step.
                if !refilled || self.aliases[alias].dirty.has(line) {
                    self.step_alias(alias, line, op, site);
                }
            }
            let stays = self.is_active(alias);
            self.aliases[alias].listed = stays;
            stays
        });
        active.append(&mut self.active);
        self.active = active;
        for (alias, line, old) in refills {
            let place = LinePlace::new(line, self.line_shift);
            let slot = &mut self.aliases[alias];
            let stale = slot.stale.get(place) | old;
            slot.stale.set(place, stale);
            self.list(alias);
            self.find_hits(self.aliases[alias].page, line);
        }
    }

    /// Lines that speculation may fill with values made old only by another alias's dirty line, whose turn comes later.
    pub(super) fn refills_of_old_values(&self) -> Vec<(usize, usize, Bytes)> {
        let mut refills = Vec::new();
        if self.config.mode == Mode::Architectural {
            return refills;
        }
        for &dirty in &self.active {
            for line in self.aliases[dirty].dirty.iter() {
                let place = LinePlace::new(line, self.line_shift);
                let index = self.aliases[dirty].page;
                let page = &self.pages[index];
                let newest =
                    self.written[index].unsaved(place) & !self.aliases[dirty].stale.get(place);
                let others = page
                    .aliases
                    .iter()
                    .filter(|&&a| a != dirty && self.aliases[a].mapped());
                refills.extend(
                    others
                        .filter(|_| newest != 0)
                        .map(|&alias| (alias, line, newest)),
                );
            }
        }
        refills
    }

    /// Puts an alias on the list for whole-cache maintenance if it belongs there.
    pub(super) fn list(&mut self, alias: usize) {
        if !self.aliases[alias].listed && self.is_active(alias) {
            self.aliases[alias].listed = true;
            self.active.push(alias);
        }
    }

    pub(super) fn set_ways(&mut self, op: Op, first: u32, sets: u32, way: u32, site: Site) {
        let geometry = self.config.geometry;
        if geometry.sets() == 0 {
            if op == Op::Invalidate {
                self.may_invalidate(|_, _| true, site);
            }
            return;
        }
        let sets = sets.min(geometry.sets());
        let way = way % geometry.ways();
        for place in 0..sets {
            // CAST: lines of a page.
            if place != 0 && place.is_multiple_of(geometry.lines() as u32) {
                self.settle_row();
            }
            let set = (first.wrapping_add(place) & (geometry.sets() - 1)) as usize;
            self.set_way(op, set, way, site);
        }
        self.settle_row();
    }

    /// Maintains the lines of a row of sets: no more than a page has, so no two of them hold the same line, and their order does
    /// not matter. The order of rows does where hardware may fill a line between two of them, from memory as it is then.
    fn settle_row(&mut self) {
        if self.config.mode == Mode::Speculative {
            self.settle_sweep();
        }
    }

    fn set_way(&mut self, op: Op, set: usize, way: u32, site: Site) {
        if op == Op::Invalidate {
            self.settle_sweep();
            self.may_invalidate(
                |model, (alias, line)| {
                    let apart = model.apart(alias, line);
                    apart.0 == set && model.sweep.ways(apart).dirty >> way & 1 != 0
                },
                site,
            );
        }
        if !self.sweep.has_apart(set) {
            return self.sweep.progress(op, set, way);
        }
        let (written, aliases, shift) = (&self.written, &self.aliases, self.line_shift);
        let speculates = self.config.mode == Mode::Speculative;
        let behind = |(_, alias, line): Apart| {
            let unsaved = written[aliases[alias].page].unsaved(LinePlace::new(line, shift));
            speculates && unsaved != 0
        };
        for ((_, alias, line), ways) in self.sweep.advance(op, set, way, behind) {
            if ways.dirty == 0 {
                self.step_alias(alias, line, Op::WriteBack, site);
            }
            if ways.valid == 0 {
                self.step_alias(alias, line, Op::Invalidate, site);
            } else if ways.stale == 0 && !self.aliases[alias].dirty.has(line) {
                self.freshen(alias, line);
            }
        }
    }

    /// Where a clean line is now, it has been filled since memory has the newest value.
    fn freshen(&mut self, alias: usize, line: usize) {
        let place = LinePlace::new(line, self.line_shift);
        let page = self.aliases[alias].page;
        self.aliases[alias].stale.set(place, 0);
        self.find_hits(page, line);
    }

    /// An invalidate may hit each dirty line that `hits`.
    pub(super) fn may_invalidate(
        &mut self,
        hits: impl Fn(&Self, (usize, usize)) -> bool,
        site: Site,
    ) {
        for alias in self.active.clone() {
            let page = self.aliases[alias].page;
            let Some(copy) = self.pages[page].aliases.iter().position(|&a| a == alias) else {
                continue;
            };
            for line in self.aliases[alias].dirty.iter() {
                if hits(self, (alias, line)) {
                    self.step(page, line, LineEvent::MayInvalidate { copy }, site);
                }
            }
        }
    }

    /// Maintains the lines of sets of which all ways are done.
    #[inline]
    pub(super) fn settle_sweep(&mut self) {
        if self.sweep.due() {
            self.settle_due_sets();
        }
    }

    #[cold]
    fn settle_due_sets(&mut self) {
        let due = self.sweep.due_lines(self.config.geometry.lines());
        let mut active = core::mem::take(&mut self.active);
        active.retain(|&alias| {
            let copy = &self.aliases[alias];
            let frame = self.pages[copy.page].frame;
            let first = self.config.geometry.set(copy.key, frame, 0).unwrap_or(0);
            let page = first / self.config.geometry.lines() % due.len();
            let mut lines = copy.valid.and(due[page]);
            if self.speculates_in(alias) && !copy.stale.any() {
                // A clean line that is filled again at once, with what it held, needs no step.
                lines = lines.and(copy.dirty);
            }
            for line in lines.iter() {
                self.settle_line(alias, line);
            }
            let stays = self.is_active(alias);
            self.aliases[alias].listed = stays;
            stays
        });
        active.append(&mut self.active);
        self.active = active;
        self.sweep.settle();
    }

    pub(super) fn settle_line(&mut self, alias: usize, line: usize) {
        let apart = self.apart(alias, line);
        let (clean, empty) = (self.sweep.clean_due(apart.0), self.sweep.empty_due(apart.0));
        if (clean || empty) && !self.sweep.is_apart(apart) {
            // What gets emptied is written back by that.
            if clean && !empty && self.aliases[alias].dirty.has(line) {
                self.step_alias(alias, line, Op::WriteBack, Site::NONE);
            }
            if empty && self.aliases[alias].valid.has(line) && !self.is_refilled(alias, line) {
                self.step_alias(alias, line, Op::WriteBackInvalidate, Site::NONE);
            }
        }
    }

    /// Whether to empty a line changes nothing: it is clean, and speculation fills it again at once, with what it held.
    fn is_refilled(&self, alias: usize, line: usize) -> bool {
        let copy = &self.aliases[alias];
        self.speculates_in(alias)
            && !copy.dirty.has(line)
            && copy.stale.get(LinePlace::new(line, self.line_shift)) == 0
    }

    pub(super) fn apart(&self, alias: usize, line: usize) -> (usize, usize, usize) {
        let copy = &self.aliases[alias];
        let set = self
            .config
            .geometry
            .set(copy.key, self.pages[copy.page].frame, line);
        (set.unwrap_or(0), alias, line)
    }

    /// Tells sweeps that a line may be in another way now.
    pub(super) fn sweep_access(&mut self, page: usize, alias: usize, line: usize, store: bool) {
        if self.config.geometry.sets() == 0 {
            return;
        }
        let apart = self.apart(alias, line);
        if self.sweep.active() || self.sweep.is_apart(apart) {
            // Where a clean line was dirty doesn't matter.
            let dirty = self.aliases[alias].dirty.has(line);
            let place = LinePlace::new(line, self.line_shift);
            let behind = self.written[page].unsaved(place) != 0;
            self.sweep.access(apart, store || !dirty, store || behind);
            self.find_hits(page, line);
        }
    }

    pub(super) fn step_alias(&mut self, alias: usize, line: usize, op: Op, site: Site) {
        if self.maintain_alone(alias, line, op) {
            return;
        }
        let page = self.aliases[alias].page;
        if let Some(copy) = self.pages[page].aliases.iter().position(|&a| a == alias) {
            let event = match op {
                Op::WriteBack => LineEvent::WriteBack { copy },
                Op::Invalidate => LineEvent::Invalidate { copy },
                Op::WriteBackInvalidate => LineEvent::WriteBackInvalidate { copy },
            };
            self.step(page, line, event, site);
        }
    }
}
