// SPDX-License-Identifier: GPL-2.0-only
//! The fast paths to pages that were accessed lately: one look for most accesses.

use crate::decode::Arch;
use crate::pages::{Keys, fixed_quarter};
use vcsan_model::Shortcut;
use vcsan_model::geometry::PAGE_SIZE;

const SLOTS: usize = 1024;

/// The way to a page.
#[derive(Clone, Copy)]
struct CachedShortcut {
    key: u64,
    shortcut: Shortcut,
}

const EMPTY: CachedShortcut = CachedShortcut {
    key: u64::MAX,
    shortcut: Shortcut::NONE,
};

/// The ways to pages.
pub(super) struct Shortcuts {
    /// To pages that nobody watches.
    slots: Box<[CachedShortcut; SLOTS]>,
    /// To the watched page that was accessed last.
    watched: CachedShortcut,
    keys: Keys,
    fixed: Option<usize>,
}

impl Shortcuts {
    pub(super) fn new(arch: Arch) -> Self {
        Self {
            slots: Box::new([EMPTY; SLOTS]),
            watched: EMPTY,
            keys: Keys::default(),
            fixed: fixed_quarter(arch),
        }
    }

    #[inline(always)]
    fn index(vaddr: u64) -> usize {
        (vaddr / PAGE_SIZE) as usize % SLOTS
    }

    /// The way to what the model knows of an address, if its page is cached, not watched, and was accessed lately.
    #[inline(always)]
    pub(super) fn get(&self, vaddr: u64) -> Option<Shortcut> {
        let slot = &self.slots[Self::index(vaddr)];
        (slot.key == self.keys.of(vaddr)).then_some(slot.shortcut)
    }

    /// As [`get`](Self::get), for a page that is watched.
    pub(super) fn watched(&self, vaddr: u64) -> Option<Shortcut> {
        let CachedShortcut { key, shortcut } = self.watched;
        (key == self.keys.of(vaddr)).then_some(shortcut)
    }

    /// Remembers the way to what the model knows of an address.
    pub(super) fn set(&mut self, vaddr: u64, watched: bool, shortcut: Shortcut) {
        let slot = CachedShortcut {
            key: self.keys.of(vaddr),
            shortcut,
        };
        match watched {
            true => self.watched = slot,
            false => self.slots[Self::index(vaddr)] = slot,
        }
    }

    /// Translations may have changed.
    pub(super) fn forget_translations(&mut self) {
        if !self.keys.advance(self.fixed) {
            self.clear();
        }
    }

    /// That of one page may have.
    pub(super) fn forget(&mut self, vaddr: u64) {
        self.slots[Self::index(vaddr)] = EMPTY;
        self.watched = EMPTY;
    }

    /// Other pages may be watched.
    pub(super) fn clear(&mut self) {
        self.slots.fill(EMPTY);
        self.watched = EMPTY;
    }
}
