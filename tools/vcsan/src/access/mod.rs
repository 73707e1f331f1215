// SPDX-License-Identifier: GPL-2.0-only
//! What one instruction does to memory, as far as its bytes tell: which it loads or stores, at which register's value.
//!
//! [`groups`](crate::groups) needs it to know several accesses by the address of one. Whatever is not understood is
//! [`MemoryEffect::Anything`], which is always right; [`crate::coverage`] compares the rest with a disassembler over whole kernels.

mod arm;
mod mips;
mod parisc;
mod words;

use crate::decode::Arch;

/// A set of general registers, a bit each.
pub type Registers = u32;

/// What an instruction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryEffect {
    /// It accesses no memory, goes on with the next instruction, and changes no other registers than these.
    Nothing {
        /// Registers that it may change.
        writes: Registers,
    },
    /// It accesses memory at a register's value, and goes on with the next instruction unless it changes all registers.
    Memory(InstructionAccess),
    /// Anything at all.
    Anything,
}

/// Accesses of one instruction: one, or several of four bytes side by side, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstructionAccess {
    /// What the first address counts from, if that is a register and a number.
    pub base: Option<Base>,
    /// Bytes from there to the first address.
    pub offset: i32,
    /// Bytes of each access.
    pub bytes: u8,
    /// How many.
    pub count: u8,
    /// Stores, not loads.
    pub store: bool,
    /// What the base register grows by.
    pub advance: i32,
    /// Registers that it may change otherwise. All, if it does not go on with the next instruction.
    pub writes: Registers,
    /// ARM's condition field.
    pub condition: u8,
}

/// What an address counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// A register.
    pub register: u8,
    /// PA-RISC: which space register, 0 for one that the base chooses.
    pub space: u8,
}

/// ARM's "always", and what instruction sets without conditions have.
pub const ALWAYS: u8 = 14;

/// What the instruction in `bytes` does, which are as in [`decode`](crate::decode::decode). ARM: in ARM state.
#[must_use]
pub fn memory_effect(arch: Arch, bytes: &[u8], big_endian: bool) -> MemoryEffect {
    let Ok(bytes) = <[u8; 4]>::try_from(bytes) else {
        return MemoryEffect::Anything;
    };
    let word = if big_endian {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    };
    match arch {
        Arch::Arm => arm::memory_effect(word),
        Arch::Mips => mips::memory_effect(word),
        Arch::Parisc => parisc::memory_effect(word),
    }
}

/// One access at a register and a constant, which changes `writes`.
fn plain(base: Base, offset: i32, bytes: u8, store: bool, writes: Registers) -> MemoryEffect {
    one(Some(base), offset, bytes, store, writes)
}

/// One access anywhere.
fn somewhere(bytes: u8, store: bool, writes: Registers) -> MemoryEffect {
    one(None, 0, bytes, store, writes)
}

fn one(base: Option<Base>, offset: i32, bytes: u8, store: bool, writes: Registers) -> MemoryEffect {
    MemoryEffect::Memory(InstructionAccess {
        base,
        offset,
        bytes,
        count: 1,
        store,
        advance: 0,
        writes,
        condition: ALWAYS,
    })
}

/// Only one register.
pub(crate) fn only(register: u8) -> Registers {
    1 << (register & 31)
}
