// SPDX-License-Identifier: GPL-2.0-only
//! A small translation cache of the watcher's own: asking QEMU for the physical address costs more than all the rest of
//! an access.
//!
//! It forgets what a kernel's instructions make a TLB forget, which is what a kernel may depend on: hardware may keep all
//! else for as long as it likes.

use crate::decode::Arch;
use vcsan_model::Shortcut;
use vcsan_model::geometry::PAGE_SIZE;

const SLOTS: usize = 2048;
const PAGE_SHIFT: u32 = PAGE_SIZE.trailing_zeros();
/// Above all bits of a page number: 32-bit offsets, with up to 24 bits of space identifier on PA-RISC.
const GENERATION_SHIFT: u32 = 44;

/// How accesses to a page are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// They go past the cache.
    pub uncached: bool,
    /// Each is noted, for reports.
    pub watched: bool,
}

impl Kind {
    /// What most pages are: cached, and nothing of interest.
    pub const PLAIN: Self = Self {
        uncached: false,
        watched: false,
    };
}

#[derive(Clone, Copy)]
struct Slot {
    key: u64,
    /// Where the model has the page; nowhere unless it is [`Kind::PLAIN`].
    shortcut: Shortcut,
    /// Physical page number.
    frame: u32,
    kind: Kind,
}

/// The cache.
pub struct Slots {
    slots: Box<[Slot; SLOTS]>,
    /// Counts translation changes, shifted by [`GENERATION_SHIFT`].
    generation: u64,
    /// Addresses whose translation never changes: those that agree with `.1` in the bits of `.0`.
    fixed: (u64, u64),
}

const EMPTY: Slot = Slot {
    key: u64::MAX,
    shortcut: Shortcut::NONE,
    frame: 0,
    kind: Kind {
        uncached: false,
        watched: true,
    },
};

impl Slots {
    /// An empty one.
    #[must_use]
    pub fn new(arch: Arch) -> Self {
        Self {
            slots: Box::new([EMPTY; SLOTS]),
            generation: 0,
            fixed: match arch {
                // kseg0 and kseg1.
                Arch::Mips => (0xc000_0000, 0x8000_0000),
                Arch::Arm | Arch::Parisc => (0, 1),
            },
        }
    }

    #[inline]
    fn key(&self, vaddr: u64) -> u64 {
        let page = vaddr >> PAGE_SHIFT;
        if vaddr & self.fixed.0 == self.fixed.1 {
            page
        } else {
            page | self.generation
        }
    }

    /// The physical address and treatment of an address, if known.
    #[inline]
    #[must_use]
    pub fn find(&self, vaddr: u64) -> Option<(u64, Kind)> {
        let slot = &self.slots[(vaddr >> PAGE_SHIFT) as usize % SLOTS];
        let paddr = (u64::from(slot.frame) << PAGE_SHIFT) | (vaddr % PAGE_SIZE);
        (slot.key == self.key(vaddr)).then_some((paddr, slot.kind))
    }

    /// The way to what the model knows of an address, if its page is known.
    #[inline]
    #[must_use]
    pub fn shortcut(&self, vaddr: u64) -> Option<Shortcut> {
        let slot = &self.slots[(vaddr >> PAGE_SHIFT) as usize % SLOTS];
        (slot.key == self.key(vaddr)).then_some(slot.shortcut)
    }

    /// Remembers the way to what the model knows of an address, if its page is remembered and plain.
    pub fn set_shortcut(&mut self, vaddr: u64, shortcut: Shortcut) {
        let key = self.key(vaddr);
        let slot = &mut self.slots[(vaddr >> PAGE_SHIFT) as usize % SLOTS];
        if slot.key == key && slot.kind == Kind::PLAIN {
            slot.shortcut = shortcut;
        }
    }

    /// Remembers a page.
    pub fn insert(&mut self, vaddr: u64, paddr: u64, kind: Kind) {
        self.slots[(vaddr >> PAGE_SHIFT) as usize % SLOTS] = Slot {
            key: self.key(vaddr),
            shortcut: Shortcut::NONE,
            // CAST: physical addresses below 16 TiB: the guests have 32 bits, a few more with LPAE.
            frame: (paddr >> PAGE_SHIFT) as u32,
            kind,
        };
    }

    /// Translations may have changed.
    pub fn forget_translations(&mut self) {
        self.generation = self.generation.wrapping_add(1 << GENERATION_SHIFT);
        if self.generation == 0 {
            self.clear();
        }
    }

    /// The translation of one page may have changed.
    pub fn forget_page(&mut self, vaddr: u64) {
        self.slots[(vaddr >> PAGE_SHIFT) as usize % SLOTS] = EMPTY;
    }

    /// Treatments may have changed.
    pub fn clear(&mut self) {
        self.slots.fill(EMPTY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translations_go_and_fixed_ones_stay() {
        let mut slots = Slots::new(Arch::Mips);
        slots.insert(0x8000_1234, 0x1234, Kind::PLAIN);
        slots.insert(0xc000_2010, 0x7010, Kind::PLAIN);
        slots.forget_translations();
        assert_eq!(slots.find(0x8000_1ff0), Some((0x1ff0, Kind::PLAIN)));
        assert_eq!(slots.find(0xc000_2010), None);
        slots.insert(0xc000_2010, 0x7010, Kind::PLAIN);
        slots.forget_page(0xc000_2fff);
        assert_eq!(slots.find(0xc000_2010), None);
        slots.clear();
        assert_eq!(slots.find(0x8000_1ff0), None);
    }

    #[test]
    fn nothing_is_found_before_it_is_known() {
        let slots = Slots::new(Arch::Arm);
        for vaddr in [0, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(slots.find(vaddr), None);
        }
    }
}
