// SPDX-License-Identifier: GPL-2.0-only
//! The steps of a line that is in order and that one alias alone holds: nearly all steps that a guest takes.
//!
//! They are what [`Line::step`](crate::line::Line::step) comes to if no other alias may hold the line and no byte is stale,
//! lost, or only in another alias; without the unpacking. The tests of the whole model run through both.

use super::{Model, Piece, Shortcut};
use crate::config::Mode;
use crate::event::{Op, Site};
use crate::geometry::{PAGE_SHIFT, PAGE_SIZE};
use crate::page::{AliasPage, LinePlace, LineSet};
use core::ops::RangeInclusive;

impl Model {
    /// Whether a line is in order and nobody but `alias` may hold it.
    #[inline]
    fn is_alone(&self, page: usize, alias: usize, line: usize, place: LinePlace) -> bool {
        let copy = &self.aliases[alias];
        // What is unsaved of a line without a dirty copy, or with a stale one, is another alias's.
        self.config.mode == Mode::Architectural
            && copy.stale.get(place) == 0
            && self.written[page].is_in_order(place, copy.dirty.has(line))
            && (!copy.in_company || self.no_other(page, alias, |other| other.valid.has(line)))
    }

    /// Whether no other alias of the page is like this.
    fn no_other(&self, page: usize, alias: usize, is: impl Fn(&AliasPage) -> bool) -> bool {
        let aliases = self.pages[page].aliases.iter();
        let mut others = aliases.filter(|&&other| other != alias);
        others.all(|&other| !is(&self.aliases[other]))
    }

    /// Takes accesses to `count` words side by side, `offset` being the first one's in the page, if they are quiet or change
    /// nothing but what is to be expected: a line that nobody else holds is filled, or gets dirty. Sites are as for
    /// [`Model::note_words`]. Returns how many it has taken, the first ones; the next one is to be told by [`Model::load`] or
    /// [`Model::store`].
    pub fn access_words_by(
        &mut self,
        by: Shortcut,
        offset: usize,
        count: u32,
        store: bool,
        site: Site,
    ) -> u32 {
        let Some((page, alias)) = self.only(by) else {
            return 0;
        };
        let lines =
            (offset >> self.line_shift)..=(offset + 4 * count as usize - 1) >> self.line_shift;
        if lines.start() != lines.end()
            && self.enter_row_alone(page, alias, lines, offset, store, site)
        {
            if store {
                self.note_words(by, offset, count, site);
            }
            return count;
        }
        let line_len = 1 << self.line_shift;
        let mut done = 0;
        while done < count {
            let at = offset + 4 * done as usize;
            // CAST: lines have at most 64 bytes.
            let words = ((line_len - at % line_len) as u32 / 4).min(count - done);
            let site = Site::new(site.id() + done);
            let quiet = if store {
                self.stores_are_quiet(by, at, 4 * words)
            } else {
                self.loads_are_quiet(by, at, 4 * words)
            };
            if !quiet && !self.enter_alone(page, alias, at >> self.line_shift, store, site) {
                break;
            }
            if store {
                self.note_words(by, at, words, site);
            }
            done += words;
        }
        done
    }

    /// As [`Model::loads_are_quiet`] and [`Model::store_quietly`], for an access that does change something, but nothing
    /// that is not to be expected: a line that nobody else holds is filled, or gets dirty.
    #[must_use]
    pub fn access_alone_by(
        &mut self,
        by: Shortcut,
        offset: usize,
        len: u32,
        store: bool,
        site: Site,
    ) -> bool {
        let Some((page, alias)) = self.only(by) else {
            return false;
        };
        let alone = self.in_one_line(offset, len)
            && self.enter_alone(page, alias, offset >> self.line_shift, store, site);
        if alone && store {
            self.note_stores(by, [(offset, len, site)]);
        }
        alone
    }

    /// Whether accesses past the cache to any bytes from a physical address on, up to `len` of them in one page, change nothing
    /// but who wrote, and are no hazard. If not, or if the model can't tell so quickly, they are to be told.
    #[must_use]
    pub fn memory_is_in_order(&self, paddr: u64, len: u32) -> bool {
        let Some(page) = self.find_page(paddr >> PAGE_SHIFT) else {
            return !self.sweep.active();
        };
        let slot = &self.pages[page];
        let first = (paddr % PAGE_SIZE) as usize;
        let lines = first >> self.line_shift..=(first + len as usize - 1) >> self.line_shift;
        self.config.mode == Mode::Architectural
            && !self.config.coherent_devices
            && !self.sweep.active()
            && lines.into_iter().all(|line| {
                let place = LinePlace::new(line, self.line_shift);
                let copies = slot.aliases.iter();
                self.written[page].is_in_order(place, false)
                    && copies
                        .copied()
                        .all(|alias| !self.aliases[alias].valid.has(line))
            })
    }

    /// Takes stores past the cache to words side by side from a physical address on, in one page whose memory [is in
    /// order](Self::memory_is_in_order) there. Sites are as for [`Model::note_words`].
    pub fn note_words_in_memory(&mut self, paddr: u64, count: u32, site: Site) {
        let page = self.page(paddr >> PAGE_SHIFT);
        self.written[page].set_writers((paddr % PAGE_SIZE) as usize, count, site);
    }

    /// Page and alias of a shortcut that leads to one, whose virtual tags no other page has.
    #[inline]
    fn only(&self, by: Shortcut) -> Option<(usize, usize)> {
        let alias = by.alias as usize;
        let only = self.aliases.get(alias).filter(|copy| !copy.shares_tag);
        only.map(|_| (by.page as usize, alias))
    }

    /// An access by the CPU. False if it takes a whole step.
    pub(super) fn access_alone(
        &mut self,
        page: usize,
        alias: usize,
        piece: Piece,
        store: bool,
        site: Site,
    ) -> bool {
        let alone = self.enter_alone(page, alias, piece.line, store, site);
        if alone && store {
            self.written[page].add_store(piece.offset, piece.len, site);
        }
        alone
    }

    /// The CPU accesses a line that is in order, and that nobody else holds. False if it is not so, or if that is not known.
    #[inline]
    fn enter_alone(
        &mut self,
        page: usize,
        alias: usize,
        line: usize,
        store: bool,
        site: Site,
    ) -> bool {
        let place = LinePlace::new(line, self.line_shift);
        if !self.sweep.idle() || !self.is_alone(page, alias, line, place) {
            return false;
        }
        let copy = &mut self.aliases[alias];
        let (absent, clean) = (!copy.valid.has(line), !copy.dirty.has(line));
        copy.valid.put(line, true);
        if store {
            copy.dirty.put(line, true);
        }
        if let Some(sites) = copy.sites_mut(line) {
            if absent {
                sites.filled_by = site;
            }
            if store && clean {
                sites.dirtied_by = site;
            }
        }
        self.set_quiet(alias, line, true, store || !clean);
        self.list(alias);
        true
    }

    /// As [`enter_alone`](Self::enter_alone), for words side by side from an offset on, in all of these lines.
    fn enter_row_alone(
        &mut self,
        page: usize,
        alias: usize,
        lines: RangeInclusive<usize>,
        offset: usize,
        store: bool,
        site: Site,
    ) -> bool {
        let all = LineSet::range(*lines.start(), *lines.end());
        if !self.sweep.idle() || !self.are_alone(page, alias, all) {
            return false;
        }
        let copy = &mut self.aliases[alias];
        let clean = all.without(copy.dirty);
        let absent = all.without(copy.valid);
        copy.valid.put_all(all, true);
        if store {
            copy.dirty.put_all(all, true);
        }
        for line in if store { clean } else { absent }.iter() {
            let Some(sites) = copy.sites_mut(line) else {
                continue;
            };
            // CAST: words of a page.
            let words = ((line << self.line_shift).saturating_sub(offset) / 4) as u32;
            let site = Site::new(site.id() + words);
            if absent.has(line) {
                sites.filled_by = site;
            }
            if store {
                sites.dirtied_by = site;
            }
        }
        for line in all.iter() {
            self.set_quiet(alias, line, true, store || !clean.has(line));
        }
        self.list(alias);
        true
    }

    /// Whether lines are in order and nobody but `alias` may hold them, as far as that is known without a look at each byte.
    fn are_alone(&self, page: usize, alias: usize, lines: LineSet) -> bool {
        let copy = &self.aliases[alias];
        let written = &self.written[page];
        let is_saved = |line| written.unsaved(LinePlace::new(line, self.line_shift)) == 0;
        self.config.mode == Mode::Architectural
            && copy.stale.is_none()
            && written.lost_nothing()
            && lines.without(copy.dirty).iter().all(is_saved)
            && (!copy.in_company
                || self.no_other(page, alias, |other| other.valid.and(lines).any()))
    }

    /// Maintenance of lines of an alias. False if it takes a look at each.
    pub(super) fn maintain_row_alone(&mut self, alias: usize, lines: LineSet, op: Op) -> bool {
        let copy = &self.aliases[alias];
        let (page, dirty) = (copy.page, lines.and(copy.dirty));
        let discards = op == Op::Invalidate && dirty.any();
        if discards || !op.empties() && !self.sweep.idle() || !self.are_alone(page, alias, lines) {
            return false;
        }
        for line in dirty.iter() {
            let place = LinePlace::new(line, self.line_shift);
            self.written[page].set_unsaved(place, 0);
        }
        let copy = &mut self.aliases[alias];
        copy.dirty.put_all(lines, false);
        if op.empties() {
            copy.valid.put_all(lines, false);
        }
        for line in lines.iter() {
            self.set_quiet(alias, line, !op.empties(), false);
        }
        true
    }

    /// Maintenance of an alias. False if it takes a whole step.
    pub(super) fn maintain_alone(&mut self, alias: usize, line: usize, op: Op) -> bool {
        let copy = &self.aliases[alias];
        if self.config.mode == Mode::Architectural && !copy.valid.has(line) {
            return true;
        }
        let (page, dirty) = (copy.page, copy.dirty.has(line));
        let place = LinePlace::new(line, self.line_shift);
        let discards = op == Op::Invalidate && dirty;
        if discards
            || !op.empties() && !self.sweep.idle()
            || !self.is_alone(page, alias, line, place)
        {
            return false;
        }
        if dirty {
            self.written[page].set_unsaved(place, 0);
        }
        let copy = &mut self.aliases[alias];
        copy.dirty.put(line, false);
        copy.valid.put(line, !op.empties());
        self.set_quiet(alias, line, !op.empties(), false);
        true
    }
}
