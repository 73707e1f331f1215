// SPDX-License-Identifier: GPL-2.0-only
//! Groups of accesses.

use super::Judge;
use crate::groups::Known;
use crate::history::What;
use std::sync::Arc;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Shortcut, Site};

impl Judge {
    /// A group of accesses, all in one page that is known, the first of them at `vaddr`.
    #[inline(always)]
    pub(super) fn group(&mut self, vaddr: u64, known: Known, store: bool) {
        let low = vaddr.wrapping_sub(known.below());
        let offset = (low % PAGE_SIZE) as usize;
        if let Some(by) = self.shortcuts.get(vaddr) {
            let quiet = if store {
                self.model.stores_are_quiet(by, offset, known.bytes())
            } else {
                self.model.loads_are_quiet(by, offset, known.bytes())
            };
            if quiet {
                if store {
                    self.note_stores(by, vaddr, offset, known);
                }
                return self.accesses.cached(store, known.count());
            }
        }
        self.group_loudly(vaddr, low, known, store);
    }

    #[inline(always)]
    fn note_stores(&mut self, by: Shortcut, vaddr: u64, offset: usize, known: Known) {
        match known.words() {
            Some(site) if offset.is_multiple_of(4) => {
                self.model.note_words(by, offset, known.count(), site);
            }
            _ => self.note_each_store(by, vaddr, known),
        }
    }

    #[inline(never)]
    fn note_each_store(&mut self, by: Shortcut, vaddr: u64, known: Known) {
        if let Some(group) = self.groups.get(known.number()) {
            let stores = group.all.iter().map(|store| {
                let at = vaddr.wrapping_add_signed(store.distance);
                ((at % PAGE_SIZE) as usize, store.bytes, store.site)
            });
            self.model.note_stores(by, stores);
        }
    }

    #[inline(never)]
    fn group_loudly(&mut self, vaddr: u64, low: u64, known: Known, store: bool) {
        let mut done = 0;
        if let Some(site) = known.words()
            && low.is_multiple_of(4)
        {
            done = self.words(low, known.count(), store, site);
        }
        if done == known.count() {
            return;
        }
        let number = known.number();
        let Some(group) = self.groups.get(number).map(Arc::clone) else {
            return self
                .findings
                .fail(&format!("find group {number} of accesses"));
        };
        for access in &group.all[done as usize..] {
            let vaddr = vaddr.wrapping_add_signed(access.distance);
            self.one(vaddr, access.bytes, store, access.site);
        }
    }

    /// Follows accesses to words side by side in one page, from an address on. Returns how many it could follow together, the
    /// first ones.
    fn words(&mut self, vaddr: u64, count: u32, store: bool, site: Site) -> u32 {
        let offset = (vaddr % PAGE_SIZE) as usize;
        if let Some(by) = self.shortcuts.get(vaddr) {
            let taken = self.model.access_words_by(by, offset, count, store, site);
            self.accesses.cached(store, taken);
            return taken;
        }
        let Some(page) = self.pages.find(vaddr) else {
            return 0;
        };
        let paddr = page.paddr(vaddr);
        match (page.uncached, self.watches.has_page(paddr)) {
            (true, false) if self.model.memory_is_in_order(paddr, 4 * count) => {
                if store {
                    self.model.note_words_in_memory(paddr, count, site);
                }
                self.accesses.uncached += u64::from(count);
                count
            }
            (false, true) => {
                let Some(by) = self.shortcuts.watched(vaddr) else {
                    return 0;
                };
                let taken = self.model.access_words_by(by, offset, count, store, site);
                self.accesses.cached(store, taken);
                self.remember_words(vaddr, paddr, taken, store, site);
                taken
            }
            _ => 0,
        }
    }

    /// Puts accesses to words side by side into the history of their lines.
    fn remember_words(&mut self, vaddr: u64, paddr: u64, count: u32, store: bool, site: Site) {
        let what = if store { What::Store } else { What::Load };
        let line = self.line_len();
        let mut done = 0;
        while done < count {
            let at = paddr + 4 * u64::from(done);
            // CAST: lines have at most 64 bytes.
            let words = ((line - at % line) as u32 / 4).min(count - done);
            let last = Site::new(site.id() + done + words - 1);
            let vaddr = vaddr + 4 * u64::from(done);
            self.history
                .add(self.line(at), what, Some(vaddr), words, last);
            done += words;
        }
    }
}
