// SPDX-License-Identifier: GPL-2.0-only
//! ARM: coprocessor 15, in ARM and in Thumb-2 encoding.
//!
//! Sources: ARM Architecture Reference Manual, ARM DDI 0100I, B3.3 (TLB), B4.2 (control register), B6.6 (register 7:
//! cache management) for ARMv4 to v6; ARM DDI 0406C, B3.17 and B4.2.1 (CP15 c7) for v7; technical reference manuals of
//! ARM926EJ-S (DDI 0198, 2.3.8: test and clean), ARM1136 (DDI 0211, 3.3.17: ranges by MCRR), Intel XScale (273473,
//! 7.2.8: line allocate). Linux: arch/arm/mm/cache-*.S, proc-*.S, tlb-*.S; QEMU: target/arm/helper.c and cpregs.

use super::{Bound, Effect, Instruction, Op, Operand, Stride, TlbOp, TlbRegister, field, register};

/// Whether an instruction with this condition field executes, given the flags in the CPSR before it.
///
/// DDI 0406C, A8.3. Conditions from 14 on always do.
#[must_use]
pub fn condition_holds(condition: u8, cpsr: u32) -> bool {
    let [v, c, z, n] = [28, 29, 30, 31].map(|bit| cpsr >> bit & 1 == 1);
    let plain = match condition >> 1 {
        0 => z,
        1 => c,
        2 => n,
        3 => v,
        4 => c && !z,
        5 => n == v,
        6 => n == v && !z,
        _ => return true,
    };
    plain != (condition & 1 == 1)
}

/// What a word of ARM code does. In Thumb-2 state the first halfword holds the upper half, so that in little-endian
/// memory the halves look swapped; both orders are tried. One taken for the other would be a supervisor call with an odd
/// number, or an Advanced SIMD instruction with the link register's number in a place where kernels have none.
pub(super) fn decode(word: u32, big_endian: bool) -> Option<Instruction> {
    let (condition, effect) = match coprocessor_15(word) {
        Some(effect) => (field(word, 28, 4), effect),
        None if !big_endian => {
            let word = word.rotate_left(16);
            // An IT block may make it conditional, see `super::thumb`.
            (
                ALWAYS,
                (field(word, 28, 4) == ALWAYS).then(|| coprocessor_15(word))??,
            )
        }
        None => return None,
    };
    // CAST: four bits.
    let condition = (condition != ALWAYS).then_some(condition as u8);
    Some(Instruction { condition, effect })
}

/// The condition field's "always".
const ALWAYS: u32 = 14;

fn coprocessor_15(word: u32) -> Option<Effect> {
    let unconditional_space = field(word, 28, 4) == 15;
    if unconditional_space || field(word, 8, 4) != 15 {
        return None;
    }
    let opc1 = field(word, 21, 3);
    if field(word, 24, 4) == 0b1110 && field(word, 4, 1) == 1 {
        let (rt, read) = (register(word, 12, 4), field(word, 20, 1) == 1);
        let (crn, crm, opc2) = (field(word, 16, 4), field(word, 0, 4), field(word, 5, 3));
        return match (crn, read) {
            (7, false) => write_c7(opc1, crm, opc2, rt),
            (7, true) => read_c7(opc1, crm, opc2),
            (8, false) => write_c8(opc1, crm, opc2, rt),
            (_, false) => write_other(crn, opc1, crm, opc2, rt),
            (_, true) => None,
        };
    }
    if field(word, 20, 8) == 0b1100_0100 {
        return double(
            field(word, 4, 4),
            field(word, 0, 4),
            register(word, 12, 4),
            register(word, 16, 4),
        );
    }
    None
}

/// MCR to c7: cache maintenance and what shares its register.
fn write_c7(opc1: u32, crm: u32, opc2: u32, rt: u8) -> Option<Effect> {
    use Op::{Invalidate, WriteBack, WriteBackInvalidate};
    let line = |op| Effect::Line {
        op,
        address: Operand::Register(rt),
    };
    let set_way = |op| Effect::SetWay { op, register: rt };
    let whole = |op| Effect::Whole { op };
    Some(match (opc1, crm, opc2) {
        // Wait for interrupt.
        (0, 0, 0 | 4) => Effect::None,
        // Instruction caches and branch predictors, inner shareable.
        (0, 1, 0 | 6) => Effect::None,
        // XScale: allocate a line without a fill.
        (0, 2, 5) => Effect::Allocate {
            address: Operand::Register(rt),
        },
        // The result of an address translation.
        (0, 4, 0) => Effect::None,
        // Instruction caches, prefetch buffers (4), branch predictors; Faraday's scratchpad (5).
        (0, 5, 0 | 1 | 2 | 4 | 5 | 6 | 7) => Effect::None,
        (0, 6, 0) => whole(Invalidate),
        (0, 6, 1) => line(Invalidate),
        (0, 6, 2) => set_way(Invalidate),
        // Both caches, or a unified one.
        (0, 7, 0) => whole(Invalidate),
        (0, 7, 1) => line(Invalidate),
        (0, 7, 2) => set_way(Invalidate),
        // Address translations.
        (0 | 4, 8, _) => Effect::None,
        (0, 10, 0) => whole(WriteBack),
        (0, 10, 1) => line(WriteBack),
        (0, 10, 2) => set_way(WriteBack),
        // Drain the write buffer (DSB), DMB.
        (0, 10, 4 | 5) => Effect::None,
        // A unified cache; since ARMv7 to the point of unification.
        (0, 11, 0) => whole(WriteBack),
        (0, 11, 1) => line(WriteBack),
        (0, 11, 2) => set_way(WriteBack),
        // Stop a prefetch of a range (5), prefetch an instruction line (c13).
        (0, 12, 5) | (0, 13, 1) => Effect::None,
        (0, 14, 0) => whole(WriteBackInvalidate),
        (0, 14, 1) => line(WriteBackInvalidate),
        (0, 14, 2) => set_way(WriteBackInvalidate),
        // A unified cache.
        (0, 15, 0) => whole(WriteBackInvalidate),
        (0, 15, 1) => line(WriteBackInvalidate),
        (0, 15, 2) => set_way(WriteBackInvalidate),
        // Second-level caches of XScale 3 and Tauros 2.
        (1, 7 | 11 | 15, 0..=3) => Effect::None,
        _ => return None,
    })
}

/// MRC from c7.
fn read_c7(opc1: u32, crm: u32, opc2: u32) -> Option<Effect> {
    Some(match (opc1, crm, opc2) {
        // The result of an address translation.
        (0, 4, 0) => Effect::None,
        // ARM926, ARM1026: one dirty line, if there is any; the flags say whether there was none.
        (0, 10, 3) => Effect::LoopStep { op: Op::WriteBack },
        (0, 14, 3) => Effect::LoopStep {
            op: Op::WriteBackInvalidate,
        },
        // ARM1136: is anything dirty, is a range being prefetched.
        (0, 10, 6) | (0, 12, 4) => Effect::None,
        _ => return None,
    })
}

/// MCR to c8: TLBs. `crm` is the kind of TLB: 3 unified and inner shareable, 5 instruction, 6 data, 7 unified.
fn write_c8(opc1: u32, crm: u32, opc2: u32, rt: u8) -> Option<Effect> {
    let op = match opc2 {
        0 => TlbOp::InvalidateAll,
        // 3 is for all address spaces, 5 and 7 are for last levels only.
        1 | 3 | 5 | 7 => TlbOp::InvalidatePage { register: rt },
        2 => TlbOp::InvalidateSpace { register: Some(rt) },
        _ => return None,
    };
    match (opc1, crm) {
        (0, 3 | 6 | 7) => Some(Effect::Tlb(op)),
        // Instruction TLBs, and those of a hypervisor (4).
        (0, 5) | (4, 3 | 7) => Some(Effect::None),
        _ => None,
    }
}

/// MCR to registers that select translations or turn caches on.
fn write_other(crn: u32, opc1: u32, crm: u32, opc2: u32, rt: u8) -> Option<Effect> {
    let to = match (opc1, crn, crm, opc2) {
        (0, 1, 0, 0) => return Some(Effect::Control { register: rt }),
        (0, 2, 0, 0) => TlbRegister::Ttbr0,
        (0, 2, 0, 1) => TlbRegister::Ttbr1,
        (0, 2, 0, 2) => TlbRegister::Ttbcr,
        (0, 13, 0, 0) => TlbRegister::FcsePid,
        (0, 13, 0, 1) => TlbRegister::ContextId,
        _ => return None,
    };
    Some(Effect::Tlb(TlbOp::Write { to, from: rt }))
}

/// MCRR: ARMv6 ranges (`rt` has the last address, `rt2` the first), and the long page table registers.
fn double(opc1: u32, crm: u32, rt: u8, rt2: u8) -> Option<Effect> {
    let range = |op| Effect::Range {
        op,
        first: rt2,
        last: rt,
    };
    Some(match (opc1, crm) {
        (0, 2) => Effect::Tlb(TlbOp::Write {
            to: TlbRegister::Ttbr0,
            from: rt,
        }),
        (1, 2) => Effect::Tlb(TlbOp::Write {
            to: TlbRegister::Ttbr1,
            from: rt,
        }),
        // Invalidates instructions; the result of an address translation.
        (0, 5 | 7) => Effect::None,
        (0, 6) => range(Op::Invalidate),
        (0, 12) => range(Op::WriteBack),
        (0, 14) => range(Op::WriteBackInvalidate),
        // Prefetches a range of instructions, of data.
        (1 | 2, 12) => Effect::None,
        _ => return None,
    })
}

/// The condition of the jump back in a loop that ends so.
pub(crate) fn jump_condition(bound: Bound) -> Option<u32> {
    match bound {
        Bound::Reaches { .. } => Some(3),
        Bound::UsedUp { .. } => Some(8),
        Bound::Meets { .. } => None,
    }
}

/// `add base, base, #bytes` or `add base, base, register`: how far that is. The register is another one.
pub(crate) fn advance(word: u32, base: u8) -> Option<Stride> {
    data_processing(word, 0b0100, false, base, base)
}

/// What ends a loop whose address is in `base`.
pub(crate) fn bound(word: u32, base: u8) -> Option<Bound> {
    if let Some(Stride::Register(end)) = data_processing(word, 0b1010, true, base, 0) {
        return Some(Bound::Reaches { end });
    }
    let left = register(word, 16, 4);
    let by = data_processing(word, 0b0010, true, left, left)?;
    (left != base && by != Stride::Register(base)).then_some(Bound::UsedUp { left, by })
}

/// The target of a `b` with this condition, at `pc`.
pub(crate) fn jump(word: u32, condition: u32, pc: u64) -> Option<u64> {
    // CAST: 24 bits with their sign, in words; the program counter is two instructions ahead.
    let words = i64::from((word << 8) as i32 >> 8);
    (field(word, 28, 4) == condition && field(word, 24, 4) == 0b1010)
        .then(|| pc.wrapping_add_signed(8 + words * 4))
}

/// The second operand of an unconditional instruction of this opcode, from `rn` to `rd`: a number or a plain register
/// that is not `rn`.
fn data_processing(word: u32, opcode: u32, flags: bool, rn: u8, rd: u8) -> Option<Stride> {
    let fits = field(word, 28, 4) == ALWAYS
        && field(word, 26, 2) == 0
        && field(word, 21, 4) == opcode
        && (field(word, 20, 1) == 1) == flags
        && register(word, 16, 4) == rn
        && register(word, 12, 4) == rd;
    let number = field(word, 25, 1) == 1;
    let other = register(word, 0, 4);
    match number {
        _ if !fits => None,
        // CAST: a byte, rotated; negative numbers are no strides.
        true => i32::try_from(field(word, 0, 8).rotate_right(2 * field(word, 8, 4)))
            .ok()
            .map(Stride::Bytes),
        false => (field(word, 4, 8) == 0 && other != rn).then_some(Stride::Register(other)),
    }
}
