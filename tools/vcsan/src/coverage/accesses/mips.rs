// SPDX-License-Identifier: GPL-2.0-only
//! MIPS: `lw a0,-4(sp)`.
//!
//! Source: MIPS Architecture For Programmers, Volume II-A (MD00086), and how binutils print it (opcodes/mips-dis.c).

use super::Text;
use crate::access::{ALWAYS, Base, InstructionAccess, Registers, only};

/// The ABI's names of registers.
const NAMES: [&str; 32] = [
    "zero", "at", "v0", "v1", "a0", "a1", "a2", "a3", "t0", "t1", "t2", "t3", "t4", "t5", "t6",
    "t7", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "t8", "t9", "k0", "k1", "gp", "sp", "s8",
    "ra",
];
/// Registers 8 to 15 in the ABIs of 64-bit machines.
const WIDE_NAMES: [&str; 8] = ["a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3"];

pub(super) fn read(wide: bool, mnemonic: &str, operands: &str) -> Text {
    let (bytes, store) = match mnemonic {
        "lb" | "lbu" => (1, false),
        "lh" | "lhu" => (2, false),
        "lw" => (4, false),
        "sb" => (1, true),
        "sh" => (2, true),
        "sw" => (4, true),
        _ if is_other_access(mnemonic) => return Text::OtherAccess,
        _ => return arithmetic(wide, mnemonic, operands).map_or(Text::Other, Text::Arithmetic),
    };
    access(wide, bytes, store, operands).map_or(Text::OtherAccess, Text::InstructionAccess)
}

/// `a0,-4(sp)`. A load into register 0 may be a prefetch.
fn access(wide: bool, bytes: u8, store: bool, operands: &str) -> Option<InstructionAccess> {
    let (target, address) = operands.split_once(',')?;
    let (offset, base) = address.strip_suffix(')')?.split_once('(')?;
    let target = register(wide, target)?;
    (store || target != 0).then_some(InstructionAccess {
        base: Some(Base {
            register: register(wide, base)?,
            space: 0,
        }),
        offset: offset.parse().ok()?,
        bytes,
        count: 1,
        store,
        advance: 0,
        writes: if store { 0 } else { only(target) },
        condition: ALWAYS,
    })
}

/// Parts of words, linked, of coprocessors, indexed, of programs, of 64 bits, of vectors.
fn is_other_access(mnemonic: &str) -> bool {
    matches!(
        mnemonic,
        "lwl"
            | "lwr"
            | "swl"
            | "swr"
            | "ldl"
            | "ldr"
            | "sdl"
            | "sdr"
            | "ll"
            | "lld"
            | "llwp"
            | "sc"
            | "scd"
            | "scwp"
            | "lwc1"
            | "ldc1"
            | "swc1"
            | "sdc1"
            | "lwc2"
            | "ldc2"
            | "swc2"
            | "sdc2"
            | "lwxc1"
            | "ldxc1"
            | "luxc1"
            | "swxc1"
            | "sdxc1"
            | "suxc1"
            | "lwx"
            | "lhx"
            | "lbux"
            | "lbe"
            | "lbue"
            | "lhe"
            | "lhue"
            | "lwe"
            | "lwle"
            | "lwre"
            | "lle"
            | "sbe"
            | "she"
            | "swe"
            | "swle"
            | "swre"
            | "sce"
            | "lwu"
            | "ld"
            | "sd"
            | "lwpc"
            | "lwupc"
            | "ldpc"
            | "ld.b"
            | "ld.h"
            | "ld.w"
            | "ld.d"
            | "st.b"
            | "st.h"
            | "st.w"
            | "st.d"
    )
}

/// What is changed. Those that trap on overflow, and traps, are something else.
fn arithmetic(wide: bool, mnemonic: &str, operands: &str) -> Option<Registers> {
    let target = || register(wide, operands.split(',').next()?).map(only);
    match mnemonic {
        "nop" | "ssnop" | "ehb" | "pause" | "mthi" | "mtlo" => Some(0),
        // The result is in hi and lo.
        "mult" | "multu" | "madd" | "maddu" | "msub" | "msubu" => Some(0),
        "li" | "move" | "not" | "negu" | "addu" | "subu" | "and" | "or" | "xor" | "nor" | "slt"
        | "sltu" | "addiu" | "slti" | "sltiu" | "andi" | "ori" | "xori" | "lui" | "aui" | "sll"
        | "srl" | "sra" | "sllv" | "srlv" | "srav" | "ror" | "rorv" | "movz" | "movn" | "mfhi"
        | "mflo" | "mul" | "clz" | "clo" | "ext" | "ins" | "seb" | "seh" | "wsbh" => target(),
        // Of release 6; before it, the first operand of a division is register 0.
        "muh" | "mulu" | "muhu" | "div" | "divu" | "mod" | "modu" | "align" | "bitswap" => target(),
        _ => None,
    }
}

fn register(wide: bool, name: &str) -> Option<u8> {
    let wide_name = WIDE_NAMES.iter().position(|known| *known == name);
    let number = match wide_name {
        Some(place) if wide => 8 + place,
        _ => NAMES.iter().position(|known| *known == name)?,
    };
    u8::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::coverage::accesses::Text;

    #[test]
    fn names_depend_on_the_width() {
        let registers = |wide| match read(wide, "lw", "t0,8(t1)") {
            Text::InstructionAccess(access) => {
                (access.writes, access.base.map(|base| base.register))
            }
            text => panic!("{text:?}"),
        };
        assert_eq!(registers(false), (1 << 8, Some(9)));
        assert_eq!(registers(true), (1 << 12, Some(13)));
        assert_eq!(
            read(true, "lw", "a4,8(a5)"),
            read(false, "lw", "t0,8(t1)"),
            "only the names differ"
        );
    }
}
