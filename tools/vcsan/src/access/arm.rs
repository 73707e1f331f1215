// SPDX-License-Identifier: GPL-2.0-only
//! ARM, in ARM state: loads and stores at constant offsets, of one register or several, and arithmetic.
//!
//! Source: ARM DDI 0406C, A5 "ARM instruction set encoding".

use super::{ALWAYS, Base, InstructionAccess, MemoryEffect, Registers, only, somewhere};
use crate::decode::{field, register};

const PC: u8 = 15;

/// What a word does.
pub(super) fn memory_effect(word: u32) -> MemoryEffect {
    // CAST: four bits.
    let condition = field(word, 28, 4) as u8;
    if condition > ALWAYS {
        return MemoryEffect::Anything;
    }
    let memory_effect = match field(word, 25, 3) {
        0 if field(word, 4, 1) & field(word, 7, 1) == 1 => extra(word),
        0 | 1 => arithmetic(word),
        2 => single(word),
        3 => indexed_by_register(word),
        4 => several(word),
        _ => MemoryEffect::Anything,
    };
    match memory_effect {
        MemoryEffect::Memory(access) => MemoryEffect::Memory(InstructionAccess {
            condition,
            ..access
        }),
        other => other,
    }
}

/// Data processing. What writes the program counter is something else, and so is most of what stands in the place of
/// comparisons that set no flags.
fn arithmetic(word: u32) -> MemoryEffect {
    let rd = register(word, 12, 4);
    let (compares, flags) = (field(word, 23, 2) == 2, field(word, 20, 1) == 1);
    match (compares, flags) {
        // movw, movt.
        (true, false) if matches!(field(word, 20, 8), 0x30 | 0x34) && rd != PC => {
            MemoryEffect::Nothing { writes: only(rd) }
        }
        (true, true) if rd == 0 => MemoryEffect::Nothing { writes: 0 },
        (false, _) if rd != PC => MemoryEffect::Nothing { writes: only(rd) },
        _ => MemoryEffect::Anything,
    }
}

/// Offset and advance of an address with immediate offset `by`: pre-indexed, post-indexed, or neither.
fn indexed(word: u32, by: i32) -> (i32, i32) {
    let (pre, write_back) = (field(word, 24, 1) == 1, field(word, 21, 1) == 1);
    match (pre, write_back) {
        (true, false) => (by, 0),
        (true, true) => (by, by),
        (false, _) => (0, by),
    }
}

fn one(word: u32, by: i32, bytes: u8, store: bool) -> MemoryEffect {
    let (rn, rt) = (register(word, 16, 4), register(word, 12, 4));
    let by = if field(word, 23, 1) == 1 { by } else { -by };
    let (offset, advance) = indexed(word, by);
    if is_special(word) {
        return MemoryEffect::Anything;
    }
    let writes = loaded(store, rt);
    // A literal.
    if rn == PC {
        return somewhere(bytes, store, writes);
    }
    MemoryEffect::Memory(InstructionAccess {
        base: base(rn),
        offset,
        bytes,
        count: 1,
        store,
        advance,
        writes,
        condition: ALWAYS,
    })
}

/// Unprivileged accesses, and those that would change the program counter for a base.
fn is_special(word: u32) -> bool {
    let (pre, write_back) = (field(word, 24, 1) == 1, field(word, 21, 1) == 1);
    !pre && write_back || register(word, 16, 4) == PC && (!pre || write_back)
}

/// What a load into a register changes.
fn loaded(store: bool, rt: u8) -> Registers {
    match (store, rt) {
        (true, _) => 0,
        (false, PC) => Registers::MAX,
        (false, rt) => only(rt),
    }
}

fn base(register: u8) -> Option<Base> {
    Some(Base { register, space: 0 })
}

/// ldr, ldrb, str, strb with a register for an offset.
fn indexed_by_register(word: u32) -> MemoryEffect {
    let (pre, write_back) = (field(word, 24, 1) == 1, field(word, 21, 1) == 1);
    // Media instructions.
    if field(word, 4, 1) == 1 || is_special(word) {
        return MemoryEffect::Anything;
    }
    let bytes = if field(word, 22, 1) == 1 { 1 } else { 4 };
    let (store, rt) = (field(word, 20, 1) == 0, register(word, 12, 4));
    let changed = if pre && !write_back {
        0
    } else {
        only(register(word, 16, 4))
    };
    somewhere(bytes, store, loaded(store, rt) | changed)
}

/// ldr, ldrb, str, strb with an immediate offset.
fn single(word: u32) -> MemoryEffect {
    let bytes = if field(word, 22, 1) == 1 { 1 } else { 4 };
    // CAST: twelve bits.
    one(
        word,
        field(word, 0, 12) as i32,
        bytes,
        field(word, 20, 1) == 0,
    )
}

/// ldrh, strh, ldrsb, ldrsh with an immediate offset. Not ldrd and strd, multiplications, exclusive accesses.
fn extra(word: u32) -> MemoryEffect {
    let (load, kind) = (field(word, 20, 1) == 1, field(word, 5, 2));
    let bytes = match (load, kind) {
        (_, 1) | (true, 3) => 2,
        (true, 2) => 1,
        _ => return MemoryEffect::Anything,
    };
    if field(word, 22, 1) == 0 {
        return MemoryEffect::Anything;
    }
    // CAST: eight bits.
    let by = (field(word, 8, 4) << 4 | field(word, 0, 4)) as i32;
    one(word, by, bytes, !load)
}

/// ldm and stm of the current mode's registers.
fn several(word: u32) -> MemoryEffect {
    let (list, rn) = (field(word, 0, 16), register(word, 16, 4));
    let (before, up, others_registers, write_back, load) = (
        field(word, 24, 1) == 1,
        field(word, 23, 1) == 1,
        field(word, 22, 1) == 1,
        field(word, 21, 1) == 1,
        field(word, 20, 1) == 1,
    );
    if others_registers || list == 0 || rn == PC {
        return MemoryEffect::Anything;
    }
    // CAST: at most 64.
    let len = 4 * list.count_ones() as i32;
    let offset = match (up, before) {
        (true, false) => 0,
        (true, true) => 4,
        (false, false) => 4 - len,
        (false, true) => -len,
    };
    let writes = match (load, list >> PC) {
        (false, _) => 0,
        (true, 0) => list,
        (true, _) => Registers::MAX,
    };
    MemoryEffect::Memory(InstructionAccess {
        base: base(rn),
        offset,
        bytes: 4,
        // CAST: at most 16.
        count: list.count_ones() as u8,
        store: !load,
        advance: match (write_back, up) {
            (false, _) => 0,
            (true, true) => len,
            (true, false) => -len,
        },
        writes,
        condition: ALWAYS,
    })
}
