// SPDX-License-Identifier: GPL-2.0-only
//! Accesses that can be followed together.
//!
//! A callback for each access costs more than the access. Half of them stand side by side: registers saved to the stack,
//! members of a structure, loops of memset and memcpy that were unrolled. Where neighbours in a translation block access
//! memory at constant distances, one callback, at the first, tells of all.
//!
//! That is exact because nothing comes between them, and the first has been made:
//! - No other access and no maintenance is between two accesses of a group, and nothing that may jump, trap, or change
//!   the base but by a constant.
//! - All are of one kind, so that in its page none of them faults if the first did not. An access in the next page may: it
//!   faults before it is made, and whatever comes back to it starts a block there, and a group. It is then told of twice,
//!   which is as if it had been made twice.
//! - An instruction that may be skipped does not begin a group of several: ARM's with conditions (but for neighbours with
//!   the same one), and PA-RISC's behind any that may nullify it. Of a block's first one the processor status tells, which
//!   QEMU makes blocks for.
//! - A program's instructions are in no group of several, as a fault of theirs may also put another page in place.

mod packed;
pub use packed::{PackedGroup, SitedAccess, SitedGroup};

use crate::access::{ALWAYS, InstructionAccess, MemoryEffect, Registers};
use crate::decode::Arch;

/// The most accesses of a group.
const LONGEST: usize = 64;
/// The farthest from the first byte of a group to its last, so that it is in one page or in two.
const WIDEST: i32 = 1024;

/// One access of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// Bytes from the first access's address to this one's.
    pub distance: i16,
    /// Its length in bytes.
    pub bytes: u8,
    /// Index of its instruction in the block.
    pub index: u16,
}

/// Accesses of one instruction or of several, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// Stores, not loads.
    pub store: bool,
    /// Index of the first instruction in the block.
    pub first: usize,
    /// How many of the accesses are the first instruction's.
    pub own: u8,
    /// All of them. The first one's distance is 0.
    pub members: Vec<Member>,
}

/// A group that may get longer.
struct Open {
    group: Group,
    first: InstructionAccess,
    /// What the base has grown by since before the first instruction.
    grown: i32,
    /// Bytes from the first address, both ends of all.
    low: i32,
    high: i32,
    /// Index of the last instruction.
    last: usize,
    several: bool,
}

impl Open {
    fn new(index: usize, access: InstructionAccess, several: bool) -> Self {
        let mut open = Self {
            group: Group {
                store: access.store,
                first: index,
                own: access.count,
                members: Vec::new(),
            },
            first: access,
            grown: 0,
            low: 0,
            high: 0,
            last: index,
            several,
        };
        open.add(index, access);
        open
    }

    /// Bytes from the group's first address to an instruction's.
    fn distance(&self, access: InstructionAccess) -> i32 {
        (self.grown + access.offset).wrapping_sub(self.first.offset)
    }

    fn add(&mut self, index: usize, access: InstructionAccess) {
        let distance = self.distance(access);
        let bytes = i32::from(access.bytes);
        for place in 0..i32::from(access.count) {
            self.group.members.push(Member {
                // CAST: see `takes`, and blocks are short.
                distance: (distance + place * bytes) as i16,
                bytes: access.bytes,
                index: index as u16,
            });
        }
        self.low = self.low.min(distance);
        self.high = self.high.max(distance + i32::from(access.count) * bytes);
        self.last = index;
        self.grown += access.advance;
        self.several &= !self.changes_base(access.writes);
    }

    fn changes_base(&self, writes: Registers) -> bool {
        self.first
            .base
            .is_none_or(|base| writes >> (base.register & 31) & 1 == 1)
    }

    fn takes(&self, index: usize, access: InstructionAccess) -> bool {
        let distance = self.distance(access);
        let end = distance + i32::from(access.count) * i32::from(access.bytes);
        self.several
            && access.base == self.first.base
            && access.store == self.first.store
            && access.condition == self.first.condition
            && (access.condition == ALWAYS || index == self.last + 1)
            && self.group.members.len() + usize::from(access.count) <= LONGEST
            && (self.high.max(end) - self.low.min(distance)) <= WIDEST
    }
}

/// The groups of a translation block, of whose instructions this is what they do. Accesses of those that may do anything are
/// in none.
///
/// `several`: whether a group may have more than one instruction. `nullified`: whether the first one may be.
#[must_use]
pub fn find(arch: Arch, block: &[MemoryEffect], several: bool, nullified: bool) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut open: Option<Open> = None;
    let may_nullify =
        |memory_effect| arch == Arch::Parisc && memory_effect == MemoryEffect::Anything;
    let mut before = if nullified {
        MemoryEffect::Anything
    } else {
        MemoryEffect::Nothing { writes: 0 }
    };
    for (index, &memory_effect) in block.iter().enumerate() {
        match memory_effect {
            MemoryEffect::Memory(access) => match &mut open {
                Some(open) if open.takes(index, access) => open.add(index, access),
                _ => {
                    let new = Open::new(index, access, several && !may_nullify(before));
                    groups.extend(open.replace(new).map(|open| open.group));
                }
            },
            MemoryEffect::Nothing { writes } => {
                if let Some(open) = &mut open {
                    open.several &= !open.changes_base(writes);
                }
            }
            MemoryEffect::Anything => groups.extend(open.take().map(|open| open.group)),
        }
        before = memory_effect;
    }
    groups.extend(open.map(|open| open.group));
    groups
}
