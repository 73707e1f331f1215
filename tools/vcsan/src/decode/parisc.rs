// SPDX-License-Identifier: GPL-2.0-only
//! PA-RISC: flushes, purges, and insertion into TLBs.
//!
//! Sources: PA-RISC 1.1 Architecture and Instruction Set Reference Manual (HP 09740-90039, chapters 5 "System control
//! instructions" and C "Operation codes"), PA-RISC 2.0 Architecture (chapter 7: FDC, FDCE, PDC, FIC, FICE, PDTLB, ...);
//! Linux: arch/parisc/kernel/pacache.S; QEMU: target/hppa/insns.decode.
//!
//! PA-RISC numbers bits from the most significant; here bit 0 is the least significant, as elsewhere in this module.

use super::{Effect, Index, InsertPart, Op, Operand, Space, TlbOp, field, register};

/// What a word does.
pub(super) fn decode(word: u32) -> Option<Effect> {
    match field(word, 26, 6) {
        0 => system_control(word),
        1 => memory_management(word),
        _ => None,
    }
}

/// `sync` and `syncdma`.
fn system_control(word: u32) -> Option<Effect> {
    (field(word, 0, 16) == 0x0400).then_some(Effect::None)
}

fn memory_management(word: u32) -> Option<Effect> {
    let base = register(word, 21, 5);
    let modify = field(word, 5, 1) == 1;
    let indexed = |space| Operand::Parisc {
        base,
        index: Index::Register(register(word, 16, 5)),
        space,
        modify,
    };
    let no_target = field(word, 0, 5) == 0;

    // Data side: bits 15 to 14 select the space, 13 to 6 the operation.
    let address = indexed(data_space(word));
    let data_effect = match field(word, 6, 8) {
        0b0100_1010 => Effect::Line {
            op: Op::WriteBackInvalidate,
            address,
        }, // fdc
        0b1100_1010 if !modify => {
            let address = Operand::Parisc {
                base,
                index: Index::Immediate(low_sign_5(word, 16)),
                space: data_space(word),
                modify: false,
            };
            Effect::Line {
                op: Op::WriteBackInvalidate,
                address,
            }
        }
        0b0100_1011 => Effect::LoopStep {
            op: Op::WriteBackInvalidate,
        }, // fdce
        0b0100_1110 if no_target => Effect::Line {
            op: Op::Invalidate,
            address,
        }, // pdc
        0b0100_1111 if no_target => Effect::None, // fic, short form
        0b0100_1000 | 0b0101_1000 => Effect::Tlb(TlbOp::Purge {
            data: true,
            address,
        }), // pdtlb, pdtlb,l
        0b0100_1001 => Effect::Tlb(TlbOp::PurgeEntry {
            data: true,
            address,
        }), // pdtlbe
        _ => return instruction_effect(word, indexed(instruction_space(word))),
    };
    Some(data_effect)
}

/// Instruction side, and insertions: bits 15 to 13 select the space, 12 to 6 the operation.
fn instruction_effect(word: u32, address: Operand) -> Option<Effect> {
    let insertion = field(word, 0, 6) == 0;
    let no_space = field(word, 13, 3) == 0;
    let data_form = field(word, 13, 1) == 0;
    let r = register(word, 16, 5);
    let by_address = |data| Operand::Parisc {
        base: register(word, 21, 5),
        index: Index::Immediate(0),
        space: if data {
            data_space(word)
        } else {
            instruction_space(word)
        },
        modify: false,
    };
    let insert = |data, part, address| {
        Some(Effect::Tlb(TlbOp::Insert {
            data,
            part,
            register: r,
            address,
        }))
    };
    match field(word, 6, 7) {
        0b000_1010 | 0b000_1011 => Some(Effect::None), // fic, fice
        0b000_1000 | 0b001_1000 => Some(Effect::Tlb(TlbOp::Purge {
            data: false,
            address,
        })), // pitlb, pitlb,l
        0b000_1001 => Some(Effect::Tlb(TlbOp::PurgeEntry {
            data: false,
            address,
        })), // pitlbe
        // PA 1.1: idtlba, idtlbp, iitlba, iitlbp.
        0b100_0001 if insertion && data_form => {
            insert(true, InsertPart::Address, Some(by_address(true)))
        }
        0b100_0000 if insertion && data_form => {
            insert(true, InsertPart::Protection, Some(by_address(true)))
        }
        0b000_0001 if insertion => insert(false, InsertPart::Address, Some(by_address(false))),
        0b000_0000 if insertion => insert(false, InsertPart::Protection, Some(by_address(false))),
        // PA 7100LC and 7300LC: idtlbaf, idtlbpf, iitlbaf, iitlbpf.
        0b101_0001 if insertion && no_space => insert(true, InsertPart::Address, None),
        0b101_0000 if insertion && no_space => insert(true, InsertPart::Protection, None),
        0b001_0001 if insertion && no_space => insert(false, InsertPart::Address, None),
        0b001_0000 if insertion && no_space => insert(false, InsertPart::Protection, None),
        // PA 2.0: idtlbt, iitlbt.
        side @ (0b110_0000 | 0b010_0000) if insertion && no_space => {
            let protection = register(word, 21, 5);
            insert(side == 0b110_0000, InsertPart::Both { protection }, None)
        }
        _ => None,
    }
}

/// Two bits: 0 leaves the choice to the base, 1 to 3 are registers.
fn data_space(word: u32) -> Space {
    match register(word, 14, 2) {
        0 => Space::Implicit,
        s => Space::Register(s),
    }
}

/// Three bits, of which the most significant is the lowest of the field: a register.
fn instruction_space(word: u32) -> Space {
    Space::Register(register(word, 13, 1) << 2 | register(word, 14, 2))
}

/// A five-bit number whose sign is its lowest bit.
fn low_sign_5(word: u32, low: u32) -> i8 {
    // CAST: four bits.
    let magnitude = field(word, low + 1, 4) as i8;
    if field(word, low, 1) == 1 {
        magnitude - 16
    } else {
        magnitude
    }
}
