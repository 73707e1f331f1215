// SPDX-License-Identifier: GPL-2.0-only
//! A small translation cache of the plugin's own: asking QEMU for the physical address costs more than all the rest of
//! an access.
//!
//! It forgets what a kernel's instructions make a TLB forget, which is what a kernel may depend on: hardware may keep all
//! else for as long as it likes.

use crate::decode::Arch;
use vcsan_model::geometry::PAGE_SIZE;

const SLOTS: usize = 2048;
/// Above all bits of a page number: 32-bit offsets, with up to 24 bits of space identifier on PA-RISC.
const GENERATION_SHIFT: u32 = 44;

/// Where a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Physical page number.
    pub frame: u32,
    /// Accesses go past the cache.
    pub uncached: bool,
}

impl Page {
    /// The physical address of a virtual one in it.
    #[must_use]
    pub fn paddr(self, vaddr: u64) -> u64 {
        u64::from(self.frame) * PAGE_SIZE + vaddr % PAGE_SIZE
    }
}

#[derive(Clone, Copy)]
struct Slot {
    key: u64,
    page: Page,
}

const EMPTY: Slot = Slot {
    key: u64::MAX,
    page: Page {
        frame: 0,
        uncached: false,
    },
};

/// A generation for each quarter of the 32-bit address space, shifted by [`GENERATION_SHIFT`]: one of them may be
/// translated in a fixed way.
#[derive(Clone, Copy, Default)]
struct Generations([u64; 4]);

impl Generations {
    /// Of no key.
    const BLOCKED: Self = Self([1 << 63; 4]);

    /// A page number and its quarter's generation.
    #[inline(always)]
    fn key(&self, vaddr: u64) -> u64 {
        (vaddr / PAGE_SIZE) | self.0[(vaddr >> 30) as usize % 4]
    }

    /// Makes all keys new but those of quarter `stays`. False if there are no new ones left.
    fn advance(&mut self, stays: Option<usize>) -> bool {
        let moving = (0..4).filter(|quarter| Some(*quarter) != stays);
        let mut left = true;
        for quarter in moving {
            self.0[quarter] += 1 << GENERATION_SHIFT;
            left &= self.0[quarter] < 1 << 62;
        }
        left
    }
}

/// Keys of a table of pages: it forgets, or is not to be looked into for a while, without being touched.
#[derive(Default)]
pub(crate) struct Keys {
    now: Generations,
    /// The same, or blocked.
    open: Generations,
    blocked: bool,
}

impl Keys {
    /// What a page is found by, unless that is blocked.
    #[inline(always)]
    pub(crate) fn open(&self, vaddr: u64) -> u64 {
        self.open.key(vaddr)
    }

    /// What a page is put in by.
    #[inline(always)]
    pub(crate) fn of(&self, vaddr: u64) -> u64 {
        self.now.key(vaddr)
    }

    /// From now on nothing is found, or all that is there is again.
    #[inline]
    pub(crate) fn block(&mut self, blocked: bool) {
        self.blocked = blocked;
        self.open = if blocked {
            Generations::BLOCKED
        } else {
            self.now
        };
    }

    /// Makes all keys new but those of quarter `stays`. False if they begin anew: the table is to be emptied.
    #[must_use]
    pub(crate) fn advance(&mut self, stays: Option<usize>) -> bool {
        let left = self.now.advance(stays);
        if !left {
            self.now = Generations::default();
        }
        self.block(self.blocked);
        left
    }
}

/// The quarter of the 32-bit address space whose translations never change.
pub(crate) fn fixed_quarter(arch: Arch) -> Option<usize> {
    match arch {
        // kseg0 and kseg1.
        Arch::Mips => Some(2),
        Arch::Arm | Arch::Parisc => None,
    }
}

/// The cache.
pub struct Pages {
    slots: Box<[Slot; SLOTS]>,
    keys: Keys,
    fixed: Option<usize>,
}

impl Pages {
    /// An empty one.
    #[must_use]
    pub fn new(arch: Arch) -> Self {
        Self {
            slots: Box::new([EMPTY; SLOTS]),
            keys: Keys::default(),
            fixed: fixed_quarter(arch),
        }
    }

    #[inline(always)]
    fn place(vaddr: u64) -> usize {
        (vaddr / PAGE_SIZE) as usize % SLOTS
    }

    /// The page of an address, if known.
    #[inline]
    #[must_use]
    pub fn find(&self, vaddr: u64) -> Option<Page> {
        let slot = &self.slots[Self::place(vaddr)];
        (slot.key == self.keys.of(vaddr)).then_some(slot.page)
    }

    /// Whether `len` bytes are in one page, and it is known, and this is not [blocked](Self::block).
    #[inline(always)]
    #[must_use]
    pub fn covers(&self, vaddr: u64, len: u32) -> bool {
        let key = self.slots[Self::place(vaddr)].key;
        key == self.keys.open(vaddr) && vaddr % PAGE_SIZE + u64::from(len) <= PAGE_SIZE
    }

    /// From now on none is said to be known, until [`unblock`](Self::unblock).
    pub fn block(&mut self) {
        self.keys.block(true);
    }

    /// What is known is said to be again.
    pub fn unblock(&mut self) {
        self.keys.block(false);
    }

    /// Remembers where an address is.
    pub fn insert(&mut self, vaddr: u64, page: Page) {
        self.slots[Self::place(vaddr)] = Slot {
            key: self.keys.of(vaddr),
            page,
        };
    }

    /// Translations may have changed.
    pub fn forget_all(&mut self) {
        if !self.keys.advance(self.fixed) {
            self.slots.fill(EMPTY);
        }
    }

    /// The translation of one page may have changed.
    pub fn forget(&mut self, vaddr: u64) {
        self.slots[Self::place(vaddr)] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Page = Page {
        frame: 7,
        uncached: false,
    };

    #[test]
    fn translations_go_and_fixed_ones_stay() {
        let mut pages = Pages::new(Arch::Mips);
        pages.insert(0x8000_1234, PAGE);
        pages.insert(0xc000_2010, PAGE);
        pages.forget_all();
        assert_eq!(pages.find(0x8000_1ff0), Some(PAGE));
        assert_eq!(pages.find(0xc000_2010), None);
        pages.insert(0xc000_2010, PAGE);
        assert_eq!(
            pages.find(0xc000_2018).map(|page| page.paddr(0xc000_2018)),
            Some(0x7018)
        );
        pages.forget(0xc000_2fff);
        assert_eq!(pages.find(0xc000_2010), None);
    }

    #[test]
    fn nothing_is_found_before_it_is_known() {
        let pages = Pages::new(Arch::Arm);
        for vaddr in [0, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(pages.find(vaddr), None);
            assert!(!pages.covers(vaddr, 1));
        }
    }

    #[test]
    fn known_is_what_is_in_one_page_and_not_blocked() {
        let mut pages = Pages::new(Arch::Arm);
        pages.insert(0x2000, PAGE);
        assert!(pages.covers(0x2ffc, 4) && !pages.covers(0x2ffd, 4));
        pages.block();
        pages.forget_all();
        pages.insert(0x2000, PAGE);
        assert!(!pages.covers(0x2000, 4) && pages.find(0x2000).is_some());
        pages.unblock();
        assert!(pages.covers(0x2000, 4));
    }
}
