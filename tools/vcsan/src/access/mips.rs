// SPDX-License-Identifier: GPL-2.0-only
//! MIPS: loads and stores, and arithmetic.
//!
//! Source: MIPS Architecture For Programmers, Volume II-A (MD00086), appendix A "Instruction bit encodings".

use super::{Base, MemoryEffect, only, plain};
use crate::decode::{field, register};

/// What a word does.
pub(super) fn memory_effect(word: u32) -> MemoryEffect {
    let (rt, rd) = (register(word, 16, 5), register(word, 11, 5));
    let base = Base {
        register: register(word, 21, 5),
        space: 0,
    };
    // CAST: sign-extends 16 bits.
    let offset = i32::from(word as u16 as i16);
    // Some take a load into register 0 for a prefetch.
    let load = |bytes| match rt {
        0 => MemoryEffect::Anything,
        _ => plain(base, offset, bytes, false, only(rt)),
    };
    let store = |bytes| plain(base, offset, bytes, true, 0);
    match field(word, 26, 6) {
        // lb, lbu; lh, lhu; lw.
        0x20 | 0x24 => load(1),
        0x21 | 0x25 => load(2),
        0x23 => load(4),
        0x28 => store(1),
        0x29 => store(2),
        0x2b => store(4),
        0 => match field(word, 0, 6) {
            // sll, srl and rotr, sra, sllv, srlv and rotrv, srav, movz, movn.
            0x00 | 0x02 | 0x03 | 0x04 | 0x06 | 0x07 | 0x0a | 0x0b
            // mfhi to mtlo, mult to divu, which before release 6 have hi and lo for a result.
            | 0x10..=0x13 | 0x18..=0x1b
            // addu, subu, and, or, xor, nor, slt, sltu. Those that trap on overflow are others.
            | 0x21 | 0x23..=0x27 | 0x2a | 0x2b => MemoryEffect::Nothing { writes: only(rd) },
            _ => MemoryEffect::Anything,
        },
        // addiu, slti, sltiu, andi, ori, xori, lui; release 6 adds two registers in aui.
        0x09..=0x0f => MemoryEffect::Nothing { writes: only(rt) },
        // mul, clz, clo, madd and their like; ext, ins, seb, seh, wsbh.
        0x1c if matches!(field(word, 0, 6), 0x00..=0x02 | 0x04 | 0x05 | 0x20 | 0x21) => {
            MemoryEffect::Nothing {
                writes: only(rd) | only(rt),
            }
        }
        0x1f if matches!(field(word, 0, 6), 0x00 | 0x04 | 0x20) => MemoryEffect::Nothing {
            writes: only(rd) | only(rt),
        },
        _ => MemoryEffect::Anything,
    }
}
