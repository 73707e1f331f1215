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
const QUICK: usize = 1024;
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
    /// Physical page number.
    frame: u32,
    kind: Kind,
}

const EMPTY: Slot = Slot {
    key: u64::MAX,
    frame: 0,
    kind: Kind {
        uncached: false,
        watched: true,
    },
};

/// Where the model has a page that is [`Kind::PLAIN`].
#[derive(Clone, Copy)]
struct Quick {
    key: u64,
    shortcut: Shortcut,
}

const NOWHERE: Quick = Quick {
    key: u64::MAX,
    shortcut: Shortcut::NONE,
};

/// A generation for each quarter of the 32-bit address space, shifted by [`GENERATION_SHIFT`]: one of them may be
/// translated in a fixed way.
#[derive(Clone, Copy, Default)]
struct Generations([u64; 4]);

impl Generations {
    /// Of no key.
    const BLOCKED: Self = Self([1 << 63; 4]);

    #[inline(always)]
    fn key(&self, vaddr: u64) -> u64 {
        vaddr >> PAGE_SHIFT | self.0[(vaddr >> 30) as usize % 4]
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

/// The cache.
pub struct Slots {
    slots: Box<[Slot; SLOTS]>,
    generations: Generations,
    /// What most accesses look at, and nothing else of this.
    quick: Box<[Quick; QUICK]>,
    quick_generations: Generations,
    /// The same of the watched page that was accessed last.
    watched: Option<(u64, Shortcut)>,
    /// What `quick_generations` would be if it were not blocked.
    unblocked: Option<Generations>,
    /// Why it is.
    sees_all: bool,
    sweeps: bool,
    /// The quarter of the address space whose translations never change.
    fixed: Option<usize>,
    /// [`Model::epoch`](vcsan_model::Model::epoch) of all shortcuts.
    epoch: u64,
}

impl Slots {
    /// An empty one.
    #[must_use]
    pub fn new(arch: Arch) -> Self {
        Self {
            slots: Box::new([EMPTY; SLOTS]),
            generations: Generations::default(),
            quick: Box::new([NOWHERE; QUICK]),
            quick_generations: Generations::default(),
            watched: None,
            unblocked: None,
            sees_all: false,
            sweeps: false,
            fixed: match arch {
                // kseg0 and kseg1.
                Arch::Mips => Some(2),
                Arch::Arm | Arch::Parisc => None,
            },
            epoch: 0,
        }
    }

    /// The physical address and treatment of an address, if known.
    #[inline]
    #[must_use]
    pub fn find(&self, vaddr: u64) -> Option<(u64, Kind)> {
        let slot = &self.slots[(vaddr >> PAGE_SHIFT) as usize % SLOTS];
        let paddr = (u64::from(slot.frame) << PAGE_SHIFT) | (vaddr % PAGE_SIZE);
        (slot.key == self.generations.key(vaddr)).then_some((paddr, slot.kind))
    }

    /// The way to what the model knows of an address, if its page is known, plain, and was accessed lately.
    #[inline(always)]
    #[must_use]
    pub fn shortcut(&self, vaddr: u64) -> Option<Shortcut> {
        let quick = &self.quick[(vaddr >> PAGE_SHIFT) as usize % QUICK];
        (quick.key == self.quick_generations.key(vaddr)).then_some(quick.shortcut)
    }

    /// As [`shortcut`](Self::shortcut), for a page whose accesses are all noted.
    #[must_use]
    pub fn watched_shortcut(&self, vaddr: u64) -> Option<Shortcut> {
        let (key, shortcut) = self.watched?;
        (key == self.quick_generations.key(vaddr)).then_some(shortcut)
    }

    /// Remembers the way to what the model knows of an address whose page is cached.
    pub fn set_shortcut(&mut self, vaddr: u64, kind: Kind, shortcut: Shortcut) {
        let key = self.quick_generations.key(vaddr);
        match kind {
            _ if self.unblocked.is_some() => {}
            Kind::PLAIN => {
                self.quick[(vaddr >> PAGE_SHIFT) as usize % QUICK] = Quick { key, shortcut };
            }
            _ => self.watched = Some((key, shortcut)),
        }
    }

    /// From now on there are no shortcuts, until [`unblock`](Self::unblock): somebody has to see each access.
    pub fn block(&mut self) {
        self.sees_all = true;
        self.choose_generations();
    }

    /// There may be shortcuts again.
    pub fn unblock(&mut self) {
        self.sees_all = false;
        self.choose_generations();
    }

    /// The model has come to an epoch: shortcuts of another one are none, and those there are can't be used while it sweeps.
    #[inline]
    pub fn follow(&mut self, epoch: u64, sweeps: bool) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.forget_shortcuts(None);
        }
        if self.sweeps != sweeps {
            self.sweeps = sweeps;
            self.choose_generations();
        }
    }

    fn choose_generations(&mut self) {
        if self.sees_all || self.sweeps {
            let now = std::mem::replace(&mut self.quick_generations, Generations::BLOCKED);
            self.unblocked.get_or_insert(now);
        } else if let Some(before) = self.unblocked.take() {
            self.quick_generations = before;
        }
    }

    fn forget_shortcuts(&mut self, but: Option<usize>) {
        let generations = self
            .unblocked
            .as_mut()
            .unwrap_or(&mut self.quick_generations);
        if !generations.advance(but) {
            *generations = Generations::default();
            self.quick.fill(NOWHERE);
            self.watched = None;
        }
    }

    /// Remembers a page.
    pub fn insert(&mut self, vaddr: u64, paddr: u64, kind: Kind) {
        self.slots[(vaddr >> PAGE_SHIFT) as usize % SLOTS] = Slot {
            key: self.generations.key(vaddr),
            // CAST: physical addresses below 16 TiB: the guests have 32 bits, a few more with LPAE.
            frame: (paddr >> PAGE_SHIFT) as u32,
            kind,
        };
        self.quick[(vaddr >> PAGE_SHIFT) as usize % QUICK] = NOWHERE;
        self.watched = None;
    }

    /// Translations may have changed.
    pub fn forget_translations(&mut self) {
        if !self.generations.advance(self.fixed) {
            self.generations = Generations::default();
            self.slots.fill(EMPTY);
        }
        self.forget_shortcuts(self.fixed);
    }

    /// The translation of one page may have changed.
    pub fn forget_page(&mut self, vaddr: u64) {
        self.slots[(vaddr >> PAGE_SHIFT) as usize % SLOTS] = EMPTY;
        self.quick[(vaddr >> PAGE_SHIFT) as usize % QUICK] = NOWHERE;
        self.watched = None;
    }

    /// Treatments may have changed.
    pub fn clear(&mut self) {
        self.slots.fill(EMPTY);
        self.quick.fill(NOWHERE);
        self.watched = None;
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
