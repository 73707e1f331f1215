// SPDX-License-Identifier: GPL-2.0-only
//! The fast path: accesses of which it is known beforehand that they change nothing, or only what is to be expected.
//!
//! A caller that remembers translations of its own keeps a [`Shortcut`] for each, and asks for the [`Fast`] path by it. What
//! that refuses is to be told by [`Model::apply`]. A shortcut that is good no more leads nowhere, so there is nothing to
//! keep in step.
//!
//! Two things are recognised:
//! - Hits that change nothing, by one bit.
//! - Steps of a line that is in order and that one alias alone holds, or, where the CPU speculates, that no other alias has
//!   dirty: nearly all steps that a guest takes. They are what [`Line::step`](crate::line::Line::step) comes to if no byte of
//!   that alias is stale, none lost, and none only in another alias; without the unpacking. The tests of the whole model run
//!   through both.

use super::{Model, Piece};
use crate::config::Mode;
use crate::event::{Address, Op, Site};
use crate::geometry::{PAGE_SHIFT, PAGE_SIZE};
use crate::line::Bytes;
use crate::page::{AliasPage, FastHits, Grains, LinePlace, LineSet, ones};
use core::ops::RangeInclusive;

/// Counts how often shortcuts became worthless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Epoch(u32);

impl Epoch {
    /// Of no shortcut: the last one of all, from which on nothing is fast.
    const NEVER: Self = Self(u32::MAX);

    pub(super) fn advance(&mut self) {
        self.0 = self.0.saturating_add(1);
    }
}

/// Where the model keeps what it knows of a page in one alias. One that is good no more is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortcut {
    /// Indices into [`Model::pages`] and [`Model::aliases`].
    page: u32,
    alias: u32,
    epoch: Epoch,
}

impl Shortcut {
    /// Leads nowhere.
    pub const NONE: Self = Self {
        page: u32::MAX,
        alias: u32::MAX,
        epoch: Epoch::NEVER,
    };
}

/// The fast path to a page in one alias. Each method takes accesses, or says that it does not: then they are to be told by
/// [`Model::apply`]. Offsets are those in the page.
pub struct Fast<'a> {
    model: &'a mut Model,
    page: usize,
    alias: usize,
}

impl Fast<'_> {
    #[inline(always)]
    fn hits(&self) -> Option<&FastHits> {
        self.model.hits.get(self.alias)
    }

    /// Takes a load that changes nothing and is no hazard.
    #[inline(always)]
    #[must_use]
    pub fn load(&self, offset: usize, len: u32) -> bool {
        self.hits()
            .is_some_and(|hits| hits.loads.have_one(offset, len))
    }

    /// Takes a store that changes nothing but who wrote.
    #[inline(always)]
    #[must_use]
    pub fn store(&mut self, offset: usize, len: u32, site: Site) -> bool {
        let hit = self
            .hits()
            .is_some_and(|hits| hits.stores.have_one(offset, len));
        if hit {
            self.note([(offset, len, site)]);
        }
        hit
    }

    /// As [`load`](Self::load), for loads of any bytes from `offset` on, up to `len` of them.
    #[inline(always)]
    #[must_use]
    pub fn loads(&self, offset: usize, len: u32) -> bool {
        self.all_hit(offset, len, |hits| &hits.loads)
    }

    /// As [`store`](Self::store), for stores from `offset` on, up to `len` bytes: offset, length and site of each, all
    /// within these.
    #[inline(always)]
    #[must_use]
    pub fn stores(
        &mut self,
        offset: usize,
        len: u32,
        stores: impl IntoIterator<Item = (usize, u32, Site)>,
    ) -> bool {
        let hit = self.all_hit(offset, len, |hits| &hits.stores);
        if hit {
            let end = offset + len as usize;
            self.note(stores.into_iter().inspect(|&(at, len, _)| {
                debug_assert!(offset <= at && at + len as usize <= end);
            }));
        }
        hit
    }

    /// As [`stores`](Self::stores), for words side by side from an offset on, which is a word's: the first by `site`, each
    /// other one by the next site.
    #[inline(always)]
    #[must_use]
    pub fn store_words(&mut self, offset: usize, count: u32, site: Site) -> bool {
        let hit = self.all_hit(offset, 4 * count, |hits| &hits.stores);
        if hit {
            self.note_words(offset, count, site);
        }
        hit
    }

    #[inline(always)]
    fn all_hit(&self, offset: usize, len: u32, kind: impl FnOnce(&FastHits) -> &Grains) -> bool {
        let last = offset + len as usize - 1;
        last < PAGE_SIZE as usize
            && self
                .hits()
                .is_some_and(|hits| kind(hits).have(offset, last))
    }

    #[inline(always)]
    fn note(&mut self, stores: impl IntoIterator<Item = (usize, u32, Site)>) {
        if let Some(written) = self.model.written.get_mut(self.page) {
            for (offset, len, site) in stores {
                written.add_store(offset, len, site);
            }
        }
    }

    #[inline(always)]
    fn note_words(&mut self, offset: usize, count: u32, site: Site) {
        if let Some(written) = self.model.written.get_mut(self.page) {
            written.add_words(offset, count, site);
        }
    }

    /// Whether no other page has the virtual tag of this one.
    #[inline]
    fn has_own_tag(&self) -> bool {
        let alias = self.model.aliases.get(self.alias);
        alias.is_some_and(|alias| !alias.shares_tag)
    }

    /// Takes an access that does change something, but nothing that is not to be expected: a line that nobody else holds is
    /// filled, or gets dirty.
    #[must_use]
    pub fn access(&mut self, offset: usize, len: u32, store: bool, site: Site) -> bool {
        let line = offset >> self.model.line_shift;
        let bytes = ones(len) << (offset & ((1 << self.model.line_shift) - 1));
        let alone = self.has_own_tag()
            && self.model.in_one_line(offset, len)
            && self
                .model
                .enter_alone(self.page, self.alias, line, bytes, store, site);
        if alone && store {
            self.note([(offset, len, site)]);
        }
        alone
    }

    /// As [`access`](Self::access), for `count` words side by side, some or all of which may be hits. Sites are as for
    /// [`store_words`](Self::store_words). Returns how many it has taken, the first ones.
    #[must_use]
    pub fn access_words(&mut self, offset: usize, count: u32, store: bool, site: Site) -> u32 {
        if !self.has_own_tag() {
            return 0;
        }
        let (page, alias, shift) = (self.page, self.alias, self.model.line_shift);
        let lines = (offset >> shift)..=(offset + 4 * count as usize - 1) >> shift;
        if lines.start() != lines.end()
            && self
                .model
                .enter_row_alone(page, alias, lines, offset, store, site)
        {
            if store {
                self.note_words(offset, count, site);
            }
            return count;
        }
        let line_len = 1 << shift;
        let mut done = 0;
        while done < count {
            let at = offset + 4 * done as usize;
            // CAST: lines have at most 64 bytes.
            let words = ((line_len - at % line_len) as u32 / 4).min(count - done);
            let site = Site::new(site.id() + done);
            let hit = self.all_hit(at, 4 * words, |hits| match store {
                true => &hits.stores,
                false => &hits.loads,
            });
            let bytes = ones(4 * words) << (at % line_len);
            if !hit
                && !self
                    .model
                    .enter_alone(page, alias, at >> shift, bytes, store, site)
            {
                break;
            }
            if store {
                self.note_words(at, words, site);
            }
            done += words;
        }
        done
    }
}

impl Model {
    /// The shortcut to what an address leads to, if it was accessed lately.
    #[inline]
    #[must_use]
    pub fn shortcut(&self, at: Address) -> Shortcut {
        let vpage = at.vaddr >> PAGE_SHIFT;
        let entry = self.lookup[vpage as usize % super::ENTRIES];
        let known = entry.vpage == vpage
            && entry.frame == at.paddr >> PAGE_SHIFT
            && entry.space == at.space & self.space_mask;
        if !known {
            return Shortcut::NONE;
        }
        Shortcut {
            page: entry.page,
            alias: entry.alias,
            epoch: self.epoch,
        }
    }

    /// The fast path by a shortcut, unless that is good no more, or a loop over sets and ways goes on, in which each access
    /// counts.
    #[inline(always)]
    #[must_use]
    pub fn fast(&mut self, by: Shortcut) -> Option<Fast<'_>> {
        let good = by.epoch == self.epoch && by.epoch != Epoch::NEVER && !self.sweep.active();
        good.then_some(Fast {
            page: by.page as usize,
            alias: by.alias as usize,
            model: self,
        })
    }

    /// Takes accesses past the cache to words side by side from a physical address on, in one page, if they change nothing
    /// but who wrote, and are no hazard. Sites are as for [`Fast::store_words`]. If not, or if the model can't tell so
    /// quickly, they are to be told by [`Model::apply`].
    #[must_use]
    pub fn fast_words_past_cache(
        &mut self,
        paddr: u64,
        count: u32,
        store: bool,
        site: Site,
    ) -> bool {
        if !self.memory_is_in_order(paddr, 4 * count) {
            return false;
        }
        if store {
            let page = self.page(paddr >> PAGE_SHIFT);
            self.written[page].set_writers((paddr % PAGE_SIZE) as usize, count, site);
        }
        true
    }

    /// Whether no line of these bytes, all in one page, is in the cache, or may be, and memory has the newest value of each.
    fn memory_is_in_order(&self, paddr: u64, len: u32) -> bool {
        // Speculation may hold lines of a page that the model has not met yet.
        if self.config.mode == Mode::Speculative
            || self.config.coherent_devices
            || self.sweep.active()
        {
            return false;
        }
        let Some(page) = self.find_page(paddr >> PAGE_SHIFT) else {
            return true;
        };
        let slot = &self.pages[page];
        let first = (paddr % PAGE_SIZE) as usize;
        let mut lines = first >> self.line_shift..=(first + len as usize - 1) >> self.line_shift;
        lines.all(|line| {
            let place = LinePlace::new(line, self.line_shift);
            let mut copies = slot.aliases.iter();
            self.written[page].is_in_order(place, false)
                && copies.all(|&alias| !self.aliases[alias].valid.has(line))
        })
    }

    /// Whether a line is in order and nobody but `alias` may hold it; or, where the CPU speculates, whether it may fill `alias`,
    /// and nobody else has the line dirty.
    #[inline]
    fn is_alone(&self, page: usize, alias: usize, line: usize, place: LinePlace) -> bool {
        let copy = &self.aliases[alias];
        // What is unsaved of a line without a dirty copy, or with a stale one, is another alias's.
        copy.stale.get(place) == 0
            && self.written[page].is_in_order(place, copy.dirty.has(line))
            && match self.config.mode {
                Mode::Architectural => {
                    !copy.in_company || self.no_other(page, alias, |other| other.valid.has(line))
                }
                Mode::Speculative => {
                    copy.mapped()
                        && (!copy.in_company
                            || self.no_other(page, alias, |other| other.dirty.has(line)))
                }
            }
    }

    /// Whether no other alias of the page is like this.
    fn no_other(&self, page: usize, alias: usize, is: impl Fn(&AliasPage) -> bool) -> bool {
        let aliases = self.pages[page].aliases.iter();
        let mut others = aliases.filter(|&&other| other != alias);
        others.all(|&other| !is(&self.aliases[other]))
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
        let alone = self.enter_alone(page, alias, piece.line, piece.bytes, store, site);
        if alone && store {
            self.written[page].add_store(piece.offset, piece.len, site);
        }
        alone
    }

    /// The CPU accesses these bytes of a line that is [alone](Self::is_alone). False if it is not, or if that is not known.
    #[inline]
    fn enter_alone(
        &mut self,
        page: usize,
        alias: usize,
        line: usize,
        bytes: Bytes,
        store: bool,
        site: Site,
    ) -> bool {
        let place = LinePlace::new(line, self.line_shift);
        if !self.undisturbed(page, line) || !self.is_alone(page, alias, line, place) {
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
        let in_company = copy.in_company && self.config.mode == Mode::Speculative;
        let stored = if store { bytes } else { 0 };
        if in_company && store {
            self.supersede_others(page, alias, line, stored);
        }
        let again = !in_company || self.is_old_elsewhere(page, alias, line, stored);
        self.set_hits(alias, line, true, again && (store || !clean));
        self.list(alias);
        true
    }

    /// What other aliases hold of these bytes of a line gets old: the line is stored to.
    fn supersede_others(&mut self, page: usize, alias: usize, line: usize, bytes: Bytes) {
        let place = LinePlace::new(line, self.line_shift);
        for copy in 0..self.pages[page].aliases.len() {
            let other = self.pages[page].aliases[copy];
            let held = &mut self.aliases[other];
            if other == alias || !held.valid.has(line) {
                continue;
            }
            let before = held.stale.get(place);
            if before | bytes != before {
                held.stale.set(place, before | bytes);
                self.set_hits(other, line, false, false);
                self.list(other);
            }
        }
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
        if !self.all_undisturbed(page, all) || !self.are_alone(page, alias, all) {
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
            self.set_hits(alias, line, true, store || !clean.has(line));
        }
        self.list(alias);
        true
    }

    /// Whether lines are in order and nobody but `alias` may hold them, as far as that is known without a look at each byte.
    fn are_alone(&self, page: usize, alias: usize, lines: LineSet) -> bool {
        let copy = &self.aliases[alias];
        let written = &self.written[page];
        let is_saved = |line| written.unsaved(LinePlace::new(line, self.line_shift)) == 0;
        copy.stale.is_none()
            && written.lost_nothing()
            && lines.without(copy.dirty).iter().all(is_saved)
            && match self.config.mode {
                Mode::Architectural => {
                    !copy.in_company
                        || self.no_other(page, alias, |other| other.valid.and(lines).any())
                }
                Mode::Speculative => copy.mapped() && !copy.in_company,
            }
    }

    /// Whether the lines of an alias that is [alone](Self::is_alone) are gone after maintenance: speculation fills them again.
    fn goes(&self, op: Op) -> bool {
        op.empties() && self.config.mode == Mode::Architectural
    }

    /// Maintenance of lines of an alias. False if it takes a look at each.
    pub(super) fn maintain_row_alone(&mut self, alias: usize, lines: LineSet, op: Op) -> bool {
        let copy = &self.aliases[alias];
        let (page, dirty) = (copy.page, lines.and(copy.dirty));
        let discards = op == Op::Invalidate && dirty.any();
        let goes = self.goes(op);
        if discards
            || !goes && !self.all_undisturbed(page, lines)
            || !self.are_alone(page, alias, lines)
        {
            return false;
        }
        for line in dirty.iter() {
            let place = LinePlace::new(line, self.line_shift);
            self.written[page].set_unsaved(place, 0);
        }
        let copy = &mut self.aliases[alias];
        copy.dirty.put_all(lines, false);
        if goes {
            copy.valid.put_all(lines, false);
        }
        for line in lines.iter() {
            self.set_hits(alias, line, !goes, false);
        }
        true
    }

    /// Maintenance of an alias. False if it takes a whole step.
    pub(super) fn maintain_alone(&mut self, alias: usize, line: usize, op: Op) -> bool {
        let copy = &self.aliases[alias];
        let (page, speculates) = (copy.page, self.speculates_in(alias));
        let (valid, dirty) = (copy.valid.has(line), copy.dirty.has(line));
        if self.config.mode == Mode::Architectural && !valid {
            return true;
        }
        let place = LinePlace::new(line, self.line_shift);
        let (discards, goes) = (op == Op::Invalidate && dirty, self.goes(op));
        let is_swept = !goes && !self.undisturbed(page, line);
        if discards || is_swept && !self.ends_settled(alias, line, place) {
            return false;
        }
        if !goes && !dirty && (!valid && !speculates || !op.empties()) {
            return true;
        }
        if valid && !dirty && speculates {
            // Emptied, it is filled again at once, from memory.
            let unsaved = self.written[page].unsaved(place);
            if self.aliases[alias].stale.get(place) != unsaved {
                self.aliases[alias].stale.set(place, unsaved);
                self.list(alias);
                self.find_hits(page, line);
            }
            return true;
        }
        if !self.is_alone(page, alias, line, place) {
            return false;
        }
        if dirty {
            self.written[page].set_unsaved(place, 0);
        }
        let copy = &mut self.aliases[alias];
        copy.dirty.put(line, false);
        copy.valid.put(line, !goes);
        self.set_hits(alias, line, !goes, false);
        true
    }

    /// Whether maintenance of a line, that discards nothing, leaves it as good as memory is, with no other alias of its page and
    /// in no way in particular. Then a loop over sets and ways that goes on has not to know: emptied, it is filled again.
    fn ends_settled(&self, alias: usize, line: usize, place: LinePlace) -> bool {
        let copy = &self.aliases[alias];
        let is_in_order = copy.stale.get(place) == 0
            && self.written[copy.page].is_in_order(place, copy.dirty.has(line));
        self.speculates_in(alias)
            && !copy.in_company
            && copy.valid.has(line)
            && is_in_order
            && !self.sweep.is_apart(self.apart(alias, line))
    }

    /// A write to memory, past the cache, of bytes of a line that nobody has dirty: what copies hold of them gets old. False if
    /// it takes a whole step.
    pub(super) fn write_memory_alone(&mut self, page: usize, line: usize, bytes: Bytes) -> bool {
        let place = LinePlace::new(line, self.line_shift);
        let aliases = self.pages[page].aliases.iter();
        let mut copies = aliases.map(|&alias| &self.aliases[alias]);
        let is_calm = |copy: &AliasPage| {
            !copy.dirty.has(line)
                && (copy.valid.has(line)
                    || self.config.mode == Mode::Architectural
                    || !copy.mapped())
        };
        if !self.undisturbed(page, line)
            || !self.written[page].is_in_order(place, false)
            || !copies.all(is_calm)
        {
            return false;
        }
        for copy in 0..self.pages[page].aliases.len() {
            let alias = self.pages[page].aliases[copy];
            let held = &mut self.aliases[alias];
            let before = held.stale.get(place);
            if held.valid.has(line) && before | bytes != before {
                held.stale.set(place, before | bytes);
                self.set_hits(alias, line, false, false);
                self.list(alias);
            }
        }
        true
    }

    /// Speculation may bring in a line that is in order. False if it takes a whole step.
    pub(super) fn fill_alone(&mut self, page: usize, alias: usize, line: usize) -> bool {
        let place = LinePlace::new(line, self.line_shift);
        if !self.undisturbed(page, line) || self.written[page].lost(place) != 0 {
            return false;
        }
        let unsaved = self.written[page].unsaved(place);
        let copy = &mut self.aliases[alias];
        if copy.dirty.has(line) {
            return true;
        }
        if !copy.valid.has(line) {
            copy.valid.put(line, true);
            if let Some(sites) = copy.sites_mut(line) {
                sites.filled_by = Site::NONE;
            }
        }
        copy.stale.set(place, copy.stale.get(place) | unsaved);
        self.list(alias);
        self.find_hits(page, line);
        true
    }

    /// Whether no loop over sets and ways has to know what becomes of a line: none goes on, and after the last one nobody's
    /// copy of the line is known to be in some ways only.
    #[inline]
    pub(super) fn undisturbed(&self, page: usize, line: usize) -> bool {
        self.sweep.idle()
            || !self.sweep.active()
                && self.pages[page]
                    .aliases
                    .iter()
                    .all(|&alias| !self.sweep.is_apart(self.apart(alias, line)))
    }

    /// As [`undisturbed`](Self::undisturbed), of several lines.
    fn all_undisturbed(&self, page: usize, lines: LineSet) -> bool {
        self.sweep.idle() || lines.iter().all(|line| self.undisturbed(page, line))
    }
}
