// SPDX-License-Identifier: GPL-2.0-only
//! Groups of accesses.

use super::Driver;
use crate::contract::Area;
use crate::groups::{PackedGroup, SitedGroup};
use crate::history::PastKind;
use std::sync::Arc;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Fast, Shortcut, Site};

impl Driver {
    /// A group of accesses, all in one page that is known, the first of them at `vaddr`.
    #[inline(always)]
    pub(super) fn group(&mut self, vaddr: u64, group: PackedGroup, store: bool) {
        let low = vaddr.wrapping_sub(group.below());
        let offset = (low % PAGE_SIZE) as usize;
        if let Some(by) = self.shortcuts.get(vaddr)
            && let Some(mut fast) = self.model.fast(by)
        {
            let hit = match (store, group.words()) {
                (false, _) => fast.loads(offset, group.bytes()),
                (true, Some(site)) if offset.is_multiple_of(4) => {
                    fast.store_words(offset, group.count(), site)
                }
                (true, _) => fast_stores(&mut fast, &self.groups, vaddr, offset, group),
            };
            if hit {
                return self.accesses.add_cached(store, group.count());
            }
        }
        self.group_slowly(vaddr, low, group, store);
    }

    #[inline(never)]
    fn group_slowly(&mut self, vaddr: u64, low: u64, group: PackedGroup, store: bool) {
        let mut done = 0;
        if let Some(site) = group.words()
            && low.is_multiple_of(4)
        {
            done = self.words(low, group.count(), store, site);
        }
        if done == group.count() {
            return;
        }
        let number = group.number();
        let Some(group) = self.groups.get(number).map(Arc::clone) else {
            return self.fail(format!("find group {number} of accesses"));
        };
        for access in &group.all[done as usize..] {
            let vaddr = vaddr.wrapping_add_signed(access.distance);
            self.access(vaddr, access.bytes, store, access.site);
        }
    }

    /// Follows accesses to words side by side in one page, from an address on. Returns how many it could follow together, the
    /// first ones.
    fn words(&mut self, vaddr: u64, count: u32, store: bool, site: Site) -> u32 {
        let offset = (vaddr % PAGE_SIZE) as usize;
        if let Some(by) = self.shortcuts.get(vaddr) {
            return self.cached_words(by, offset, count, store, site);
        }
        let Some(page) = self.pages.find(vaddr) else {
            return 0;
        };
        let paddr = page.paddr(vaddr);
        match (page.uncached, self.traces(paddr)) {
            (true, false) if self.model.fast_words_past_cache(paddr, count, store, site) => {
                self.accesses.uncached += u64::from(count);
                count
            }
            (false, true) => {
                let Some(by) = self.shortcuts.watched(vaddr) else {
                    return 0;
                };
                let taken = self.cached_words(by, offset, count, store, site);
                self.record_words(vaddr, paddr, taken, store, site);
                let area = Area {
                    first: paddr,
                    len: 4 * u64::from(taken),
                };
                self.check_owner(vaddr, area, store, site);
                taken
            }
            _ => 0,
        }
    }

    /// As [`words`](Self::words), by a shortcut.
    fn cached_words(
        &mut self,
        by: Shortcut,
        offset: usize,
        count: u32,
        store: bool,
        site: Site,
    ) -> u32 {
        let fast = self.model.fast(by);
        let taken = fast.map_or(0, |mut fast| fast.access_words(offset, count, store, site));
        self.accesses.add_cached(store, taken);
        taken
    }

    /// Puts accesses to words side by side into the history of their lines.
    fn record_words(&mut self, vaddr: u64, paddr: u64, count: u32, store: bool, site: Site) {
        let kind = if store {
            PastKind::Store
        } else {
            PastKind::Load
        };
        let line = self.line_len();
        let mut done = 0;
        while done < count {
            let at = paddr + 4 * u64::from(done);
            // CAST: lines have at most 64 bytes.
            let words = ((line - at % line) as u32 / 4).min(count - done);
            let last = Site::new(site.id() + done + words - 1);
            let vaddr = vaddr + 4 * u64::from(done);
            self.history
                .add(self.line(at), kind, Some(vaddr), words, last);
            done += words;
        }
    }
}

/// Takes the stores of a group one by one, if all of them are hits.
#[inline(never)]
fn fast_stores(
    fast: &mut Fast<'_>,
    groups: &[Arc<SitedGroup>],
    vaddr: u64,
    offset: usize,
    packed: PackedGroup,
) -> bool {
    let Some(group) = groups.get(packed.number()) else {
        return false;
    };
    let stores = group.all.iter().map(|store| {
        let at = vaddr.wrapping_add_signed(store.distance);
        ((at % PAGE_SIZE) as usize, store.bytes, store.site)
    });
    fast.stores(offset, packed.bytes(), stores)
}
