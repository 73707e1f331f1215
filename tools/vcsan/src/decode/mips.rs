// SPDX-License-Identifier: GPL-2.0-only
//! MIPS: CACHE, CACHEE, SYNCI, PREF, and the TLB registers and instructions of coprocessor 0.
//!
//! Sources: MIPS Architecture For Programmers, Volume II-A (MD00086: CACHE with table 3.x of operations, CACHEE, PREF,
//! SYNCI, TLB*), Volume III (MD00090: coprocessor 0 registers); MIPS R4000 user's manual for "create dirty exclusive".
//! Linux: arch/mips/include/asm/cacheops.h; QEMU: target/mips/tcg/translate.c. Encodings of all releases are told apart
//! by their opcodes, as no release gives another meaning to one that is taken here.

use super::{Bound, Effect, Op, Operand, Stride, TlbOp, TlbRegister, field, register};

/// What a word does.
pub(super) fn decode(word: u32) -> Option<Effect> {
    let base = register(word, 21, 5);
    // CAST: sign-extends 16 bits.
    let long = Operand::BaseOffset {
        base,
        offset: i32::from(word as u16 as i16),
    };
    // CAST: bits 15 to 7 with their sign.
    let short = Operand::BaseOffset {
        base,
        offset: i32::from(word as u16 as i16 >> 7),
    };
    match field(word, 26, 6) {
        CACHE => Some(cache(field(word, 16, 5), long)),
        PREF => Some(Effect::None),
        SPECIAL3 if field(word, 6, 1) == 0 => match field(word, 0, 6) {
            CACHE_R6 | CACHEE => Some(cache(field(word, 16, 5), short)),
            PREF_R6 | PREFE => Some(Effect::None),
            _ => None,
        },
        // As far as instruction fetches need it; on caches of one level that is memory.
        REGIMM if field(word, 16, 5) == SYNCI => Some(Effect::Line {
            op: Op::WriteBack,
            address: long,
        }),
        COP0 => coprocessor_0(word).map(Effect::Tlb),
        _ => None,
    }
}

const REGIMM: u32 = 0x01;
const COP0: u32 = 0x10;
const SPECIAL3: u32 = 0x1f;
const CACHE: u32 = 0x2f;
const PREF: u32 = 0x33;

/// In REGIMM.
const SYNCI: u32 = 0x1f;

/// In SPECIAL3.
const CACHEE: u32 = 0x1b;
const PREFE: u32 = 0x23;
const CACHE_R6: u32 = 0x25;
const PREF_R6: u32 = 0x35;

/// Operations of CACHE: the low two bits name the cache (0 instruction, 1 data, 2 and 3 further levels), the others the
/// operation.
///
/// Those on further levels are nothing to the first, which is what is modelled: kernels that mean both say both, except
/// where hardware keeps the levels inclusive. Fetch-and-lock fills a line as any load might.
fn cache(operation: u32, address: Operand) -> Effect {
    use Op::{Invalidate, WriteBack, WriteBackInvalidate};
    match operation {
        0x01 => Effect::Index {
            op: WriteBackInvalidate,
            address,
        },
        // Index store tag: with the tag that kernels store, 0, it invalidates without a write-back.
        0x09 => Effect::Index {
            op: Invalidate,
            address,
        },
        // Create dirty exclusive (R4000).
        0x0d => Effect::Allocate { address },
        0x11 => Effect::Line {
            op: Invalidate,
            address,
        },
        0x15 => Effect::Line {
            op: WriteBackInvalidate,
            address,
        },
        0x19 => Effect::Line {
            op: WriteBack,
            address,
        },
        // Index load tag 0x05, fetch and lock 0x1d, other caches.
        _ => Effect::None,
    }
}

fn coprocessor_0(word: u32) -> Option<TlbOp> {
    const MTC0: u32 = 4;
    const DMTC0: u32 = 5;
    const CO: u32 = 0x10;
    match field(word, 21, 5) {
        MTC0 | DMTC0 if field(word, 3, 8) == 0 => {
            let to = match (field(word, 11, 5), field(word, 0, 3)) {
                (0, 0) => TlbRegister::Index,
                (2, 0) => TlbRegister::EntryLo0,
                (3, 0) => TlbRegister::EntryLo1,
                (5, 0) => TlbRegister::PageMask,
                (10, 0) => TlbRegister::EntryHi,
                (16, 0) => TlbRegister::Config,
                _ => return None,
            };
            Some(TlbOp::Write {
                to,
                from: register(word, 16, 5),
            })
        }
        CO if field(word, 6, 15) == 0 => Some(match field(word, 0, 6) {
            1 => TlbOp::Read,
            2 => TlbOp::WriteIndexed,
            3 => TlbOp::InvalidateSpace { register: None },
            4 => TlbOp::InvalidateAll,
            6 => TlbOp::WriteRandom,
            8 => TlbOp::Probe,
            _ => return None,
        }),
        _ => None,
    }
}

/// `bne base, end` at `pc`, back to `target`, in whose delay slot `addu base, base, step` stands: the end of a loop over
/// addresses in `base`.
pub(crate) fn loop_end(
    jump: u32,
    slot: u32,
    base: u8,
    pc: u64,
    target: u64,
) -> Option<(Stride, Bound)> {
    const BNE: u32 = 0x05;
    const ADDU: u32 = 0x21;
    let (rs, rt) = (register(jump, 21, 5), register(jump, 16, 5));
    let end = match (rs == base, rt == base) {
        (true, false) => rt,
        (false, true) => rs,
        _ => return None,
    };
    // CAST: sign-extends 16 bits.
    let back = pc.wrapping_add_signed(4 + 4 * i64::from(jump as u16 as i16));
    let (first, second) = (register(slot, 21, 5), register(slot, 16, 5));
    let step = match (first == base, second == base) {
        (true, false) => second,
        (false, true) => first,
        _ => return None,
    };
    let advances = field(slot, 26, 6) == 0
        && field(slot, 0, 11) == ADDU
        && register(slot, 11, 5) == base
        && step != end;
    (field(jump, 26, 6) == BNE && back & 0xffff_ffff == target & 0xffff_ffff && advances)
        .then_some((Stride::Register(step), Bound::Meets { end }))
}
