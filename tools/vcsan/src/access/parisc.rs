// SPDX-License-Identifier: GPL-2.0-only
//! PA-RISC: loads and stores with displacements, and arithmetic that does not nullify what follows.
//!
//! Source: PA-RISC 1.1 Architecture and Instruction Set Reference Manual (HP 09740-90039), chapter 5, appendix C
//! "Operation codes"; QEMU: target/hppa/translate.c (expand_16, for wide mode). Here bit 0 is the least significant.

use super::{Base, InstructionAccess, MemoryEffect, only, plain, somewhere};
use crate::decode::{field, register};

/// What a word does.
pub(super) fn memory_effect(word: u32) -> MemoryEffect {
    let (high, middle, low) = (
        register(word, 21, 5),
        register(word, 16, 5),
        register(word, 0, 5),
    );
    let base = Base {
        register: high,
        space: register(word, 14, 2),
    };
    let nothing = |writes| MemoryEffect::Nothing { writes };
    let long = low_sign(word, 14);
    // Condition and negation: never.
    let goes_on = field(word, 12, 4) == 0;
    // Of bits: constant, or that in sar, in which case these fields are reserved.
    let position = field(word, 11, 1) == 1 || field(word, 5, 5) == 0;
    match field(word, 26, 6) {
        0x02 if goes_on && is_arithmetic(field(word, 6, 6)) => nothing(only(low)),
        0x03 if field(word, 12, 1) == 1 => short(word, base),
        0x03 => indexed(word, base),
        // ldil, addil, ldo.
        0x08 => nothing(only(high)),
        0x0a => nothing(only(1)),
        0x0d => nothing(only(middle)),
        // In the wide mode of 2.0 the space's bits are part of the displacement, which is the same if they are 0.
        0x10..=0x13 | 0x18..=0x1b if base.space != 0 => MemoryEffect::Anything,
        // ldb, ldh, ldw, ldwm.
        0x10 => load(base, long, 1, middle),
        0x11 => load(base, long, 2, middle),
        0x12 => load(base, long, 4, middle),
        0x13 => modified(load(base, long.min(0), 4, middle), long),
        0x18 => plain(base, long, 1, true, 0),
        0x19 => plain(base, long, 2, true, 0),
        0x1a => plain(base, long, 4, true, 0),
        0x1b => modified(plain(base, long.min(0), 4, true, 0), long),
        // subi, addi.
        0x25 | 0x2d if goes_on && field(word, 11, 1) == 0 => nothing(only(middle)),
        // Shifts and extractions; deposits.
        0x34 if field(word, 13, 3) == 0 && position => nothing(only(middle) | only(low)),
        0x35 if field(word, 13, 3) == 0 && position => nothing(only(high)),
        _ => MemoryEffect::Anything,
    }
}

/// andcm, and, or, xor, uxor; sub, subb; add, addc, addl, sh1add and their like; ds. Neither those that trap, nor those that
/// only compare.
fn is_arithmetic(operation: u32) -> bool {
    matches!(
        operation,
        0x00 | 0x08
            | 0x09
            | 0x0a
            | 0x0e
            | 0x10
            | 0x11
            | 0x14
            | 0x18..=0x1c
            | 0x28..=0x2b
    )
}

/// The forms with five bits of displacement.
fn short(word: u32, base: Base) -> MemoryEffect {
    let (before, modifies) = (field(word, 13, 1) == 1, field(word, 5, 1) == 1);
    let operation = field(word, 6, 4);
    let by = low_sign(if operation < 8 { word >> 16 } else { word }, 5);
    // What is added to the base, and whether that is done before the access or after it.
    let (offset, advance) = match (modifies, before) {
        (false, _) => (by, 0),
        (true, true) => (by, by),
        (true, false) => (0, by),
    };
    let load = |bytes| load(base, offset, bytes, register(word, 0, 5));
    let store = |bytes| plain(base, offset, bytes, true, 0);
    let memory_effect = match operation {
        0x0 => load(1),
        0x1 => load(2),
        0x2 => load(4),
        0x8 => store(1),
        0x9 => store(2),
        0xa => store(4),
        _ => MemoryEffect::Anything,
    };
    modified(memory_effect, advance)
}

/// Loads whose offset is in a register.
fn indexed(word: u32, base: Base) -> MemoryEffect {
    let target = register(word, 0, 5);
    let bytes = match field(word, 6, 4) {
        0x0 => 1,
        0x1 => 2,
        0x2 => 4,
        _ => return MemoryEffect::Anything,
    };
    let changed = match field(word, 5, 1) {
        1 => only(base.register),
        _ => 0,
    };
    match target {
        0 => MemoryEffect::Anything,
        _ => somewhere(bytes, false, only(target) | changed),
    }
}

/// A load into register 0 is a prefetch.
fn load(base: Base, offset: i32, bytes: u8, target: u8) -> MemoryEffect {
    match target {
        0 => MemoryEffect::Anything,
        _ => plain(base, offset, bytes, false, only(target)),
    }
}

/// ldwm and stwm: a negative displacement is added before the access, another one after it.
fn modified(memory_effect: MemoryEffect, by: i32) -> MemoryEffect {
    match memory_effect {
        MemoryEffect::Memory(access) => MemoryEffect::Memory(InstructionAccess {
            advance: by,
            ..access
        }),
        other => other,
    }
}

/// A number whose sign is its lowest bit.
fn low_sign(word: u32, width: u32) -> i32 {
    // CAST: at most 13 bits.
    let magnitude = field(word, 1, width - 1) as i32;
    magnitude - (i32::from(word & 1 == 1) << (width - 1))
}
