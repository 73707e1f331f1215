// SPDX-License-Identifier: GPL-2.0-only
//! What happens to memory, as the model's caller sees it.

/// Where an access came from: an opaque number of the caller's (an index into its table of instructions, tests, devices).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site(u32);

impl Site {
    /// No access that the model was told of: what memory held at reset, or a speculative fill.
    pub const NONE: Self = Self(0);
    /// Taken for the model's own use.
    pub(crate) const SPLIT: Self = Self(u32::MAX);

    /// A site. Numbers 0 and `u32::MAX` are taken; both become [`Site::NONE`].
    #[must_use]
    #[inline]
    pub const fn new(id: u32) -> Self {
        if id == u32::MAX { Self::NONE } else { Self(id) }
    }

    /// The caller's number.
    #[inline]
    #[must_use]
    pub const fn id(self) -> u32 {
        self.0
    }
}

/// A place as the CPU names it. The offsets within the page of `vaddr` and `paddr` are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Address {
    /// Virtual address.
    pub vaddr: u64,
    /// Physical address that it translates to.
    pub paddr: u64,
    /// Address space: ASID, context or space identifier; 0 for mappings that all spaces share. Only looked at where
    /// lines are tagged or indexed with it, and to tell mappings apart in speculative mode.
    pub space: u32,
}

impl Address {
    /// The address `bytes` further on.
    #[must_use]
    pub(crate) fn plus(self, bytes: u64) -> Self {
        Self {
            vaddr: self.vaddr.wrapping_add(bytes),
            paddr: self.paddr.wrapping_add(bytes),
            ..self
        }
    }
}

/// What a maintenance instruction does to a line that it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Write back ("clean"): memory gets what the line holds; the line stays.
    WriteBack,
    /// Invalidate ("purge"): the line is gone without a write-back.
    Invalidate,
    /// Write back, then invalidate ("flush").
    WriteBackInvalidate,
}

impl Op {
    pub(crate) fn empties(self) -> bool {
        self != Self::WriteBack
    }
}

/// Everything that the model wants to know. Lengths are in bytes; a length of 0 is no event.
///
/// Accesses and ranges may cross lines and pages; beyond the first page of an access both addresses are taken to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The CPU reads through the cache.
    Load {
        /// Where.
        at: Address,
        /// How much.
        len: u32,
    },
    /// The CPU writes through the cache.
    Store {
        /// Where.
        at: Address,
        /// How much.
        len: u32,
    },
    /// The CPU reads through an uncached mapping. Not for MMIO, which is no memory.
    UncachedLoad {
        /// Physical address.
        paddr: u64,
        /// How much.
        len: u32,
    },
    /// The CPU writes through an uncached mapping.
    UncachedStore {
        /// Physical address.
        paddr: u64,
        /// How much.
        len: u32,
    },
    /// A device reads memory.
    DeviceRead {
        /// Physical address.
        paddr: u64,
        /// How much.
        len: u32,
    },
    /// A device writes memory.
    DeviceWrite {
        /// Physical address.
        paddr: u64,
        /// How much.
        len: u32,
    },
    /// Maintenance by address: every line that the range touches, whole, in the alias that the address selects. A
    /// virtually tagged cache finds it by the virtual address alone.
    Maintain {
        /// What is done.
        op: Op,
        /// Where.
        at: Address,
        /// How much.
        len: u32,
    },
    /// Maintenance of whatever line is in one way of one set, or of several in a row. Numbers beyond the geometry wrap, as
    /// index bits do.
    SetWay {
        /// What is done.
        op: Op,
        /// The set, or the first one.
        set: u32,
        /// How many sets.
        sets: u32,
        /// The way.
        way: u32,
    },
    /// Maintenance of every line there is: one instruction, or a complete loop that can't miss any (test-and-clean,
    /// fdce). In which order is not known. The flush at a context switch of a virtually tagged cache is one of these.
    WholeCache {
        /// What is done.
        op: Op,
    },
    /// A page gets mapped cached: from now on hardware may fill this alias. Only matters in speculative mode, where
    /// any cached access implies it.
    Map {
        /// Any address of the page.
        at: Address,
    },
    /// The translation of a virtual page is gone. Lines may stay, but are not filled any more. Only matters in speculative mode.
    Unmap {
        /// Any virtual address of the page.
        vaddr: u64,
        /// Its address space.
        space: u32,
    },
    /// The contents stop mattering, as when a page is freed: reading them is no hazard until they are written again.
    /// Copies in the cache stay, dirty ones included.
    Free {
        /// Physical address.
        paddr: u64,
        /// How much.
        len: u32,
    },
}
