// SPDX-License-Identifier: GPL-2.0-only
//! ARM: `ldrbne r3, [r4, #-8]!`, `ldm r0!, {r1, pc}`.
//!
//! Source: ARM DDI 0406C, A8.8, and how binutils print it (opcodes/arm-dis.c).

use super::Text;
use crate::access::{ALWAYS, Base, InstructionAccess, Registers, only};
use crate::decode::CONDITIONS;

const PC: u8 = 15;

/// What loads and stores begin with. Nothing else does.
const ACCESSES: [&str; 11] = [
    "ld", "st", "push", "pop", "swp", "vld", "vst", "vpush", "vpop", "srs", "rfe",
];

pub(super) fn read(mnemonic: &str, operands: &str) -> Text {
    let conditional = mnemonic
        .len()
        .checked_sub(2)
        .and_then(|at| mnemonic.split_at_checked(at))
        .and_then(|(name, suffix)| {
            let (condition, _) = (0..ALWAYS)
                .zip(CONDITIONS)
                .find(|(_, condition)| *condition == suffix)?;
            Some((name, condition))
        });
    [Some((mnemonic, ALWAYS)), conditional]
        .into_iter()
        .flatten()
        .find_map(|(name, condition)| {
            let access = |access| {
                Text::InstructionAccess(InstructionAccess {
                    condition,
                    ..access
                })
            };
            single(name, operands)
                .or_else(|| several(name, operands))
                .map(access)
                .or_else(|| arithmetic(name, operands).map(Text::Arithmetic))
        })
        .unwrap_or_else(|| {
            if ACCESSES.iter().any(|start| mnemonic.starts_with(start)) {
                Text::OtherAccess
            } else {
                Text::Other
            }
        })
}

/// `r3, [r4]`, `r3, [r4, #8]`, `r3, [r4, #8]!`, `r3, [r4], #8`. Others have a register in the number's place, or literals:
/// their base is the program counter.
fn single(name: &str, operands: &str) -> Option<InstructionAccess> {
    let (bytes, store) = match name {
        "ldrb" | "ldrsb" => (1, false),
        "ldrh" | "ldrsh" => (2, false),
        "ldr" => (4, false),
        "strb" => (1, true),
        "strh" => (2, true),
        "str" => (4, true),
        _ => return None,
    };
    let (target, address) = operands.split_once(", ")?;
    let (inside, after) = address.strip_prefix('[')?.split_once(']')?;
    let (base, inside) = inside.split_once(", ").unwrap_or((inside, "#0"));
    let base = register(base)?;
    let (by, before, changes) = match after {
        "" => (inside, true, false),
        "!" => (inside, true, true),
        _ => (after.strip_prefix(", ")?, false, true),
    };
    let target = register(target)?;
    let access = InstructionAccess {
        base: None,
        offset: 0,
        bytes,
        count: 1,
        store,
        advance: 0,
        writes: if store { 0 } else { changed(only(target)) },
        condition: ALWAYS,
    };
    Some(match number(by) {
        Some(by) if base != PC => InstructionAccess {
            base: Some(Base {
                register: base,
                space: 0,
            }),
            offset: if before { by } else { 0 },
            advance: if changes { by } else { 0 },
            ..access
        },
        _ if changes => InstructionAccess {
            writes: access.writes | changed(only(base)),
            ..access
        },
        _ => access,
    })
}

/// `r0, {r1, r2}`, `r0!, {r1, r2}`; with `^` behind, the registers are others. `push` and `pop` of one register are what
/// `str` and `ldr` do.
fn several(name: &str, operands: &str) -> Option<InstructionAccess> {
    let (before, up, store) = match name {
        "ldm" | "ldmia" | "ldmfd" | "pop" => (false, true, false),
        "ldmib" => (true, true, false),
        "ldmda" => (false, false, false),
        "ldmdb" => (true, false, false),
        "stm" | "stmia" => (false, true, true),
        "stmib" => (true, true, true),
        "stmda" => (false, false, true),
        "stmdb" | "stmfd" | "push" => (true, false, true),
        _ => return None,
    };
    let (base, list) = match name {
        "push" | "pop" => ("sp!", operands),
        _ => operands.split_once(", ")?,
    };
    let list = list.strip_prefix('{')?.strip_suffix('}')?;
    let list: Vec<u8> = list.split(", ").map(register).collect::<Option<_>>()?;
    let (base, write_back) = match base.strip_suffix('!') {
        Some(base) => (base, true),
        None => (base, false),
    };
    let base = register(base).filter(|&base| base != PC)?;
    let count = u8::try_from(list.len()).ok()?;
    let (one, all) = if up {
        (4, 4 * i32::from(count))
    } else {
        (-4, -4 * i32::from(count))
    };
    // The first or, downwards, the last of them to be stepped to is the lowest.
    let lowest = if up { 0 } else { all - one };
    let writes = list.iter().fold(0, |set, &register| set | only(register));
    Some(InstructionAccess {
        base: Some(Base {
            register: base,
            space: 0,
        }),
        offset: if before { lowest + one } else { lowest },
        bytes: 4,
        count,
        store,
        advance: if write_back { all } else { 0 },
        writes: if store { 0 } else { changed(writes) },
        condition: ALWAYS,
    })
}

/// What is changed, `s` for the flags or not. A result in the program counter is a branch.
fn arithmetic(name: &str, operands: &str) -> Option<Registers> {
    if matches!(name, "nop" | "cmp" | "cmn" | "tst" | "teq") {
        return Some(0);
    }
    if !matches!(
        name.strip_suffix('s').unwrap_or(name),
        "and"
            | "eor"
            | "sub"
            | "rsb"
            | "add"
            | "adc"
            | "sbc"
            | "rsc"
            | "orr"
            | "bic"
            | "mov"
            | "mvn"
            | "movw"
            | "movt"
            | "lsl"
            | "lsr"
            | "asr"
            | "ror"
            | "rrx"
    ) {
        return None;
    }
    let target = register(operands.split(',').next()?)?;
    (target != PC).then(|| only(target))
}

/// A load of the program counter does not go on.
fn changed(targets: Registers) -> Registers {
    if targets >> PC & 1 == 1 {
        Registers::MAX
    } else {
        targets
    }
}

fn number(text: &str) -> Option<i32> {
    text.strip_prefix('#')?.parse().ok()
}

fn register(name: &str) -> Option<u8> {
    Some(match name {
        "sl" => 10,
        "fp" => 11,
        "ip" => 12,
        "sp" => 13,
        "lr" => 14,
        "pc" => PC,
        _ => name
            .strip_prefix('r')?
            .parse()
            .ok()
            .filter(|&number| number < 10)?,
    })
}
