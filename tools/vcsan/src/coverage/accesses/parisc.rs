// SPDX-License-Identifier: GPL-2.0-only
//! PA-RISC: `ldw,mb -40(sr1,sp),r3`, numbers being hexadecimal.
//!
//! Source: PA-RISC 2.0 Architecture, chapters 6 and 7, and how binutils print it (opcodes/hppa-dis.c), which is in its
//! syntax for PA-RISC 1.1, too.

use super::Text;
use crate::access::{ALWAYS, Base, InstructionAccess, Registers, only};

pub(super) fn read(mnemonic: &str, operands: &str) -> Text {
    let (name, completer) = mnemonic.split_once(',').unwrap_or((mnemonic, ""));
    let (bytes, store) = match name {
        "ldb" => (1, false),
        "ldh" => (2, false),
        "ldw" => (4, false),
        "stb" => (1, true),
        "sth" => (2, true),
        "stw" => (4, true),
        // Of 64 bits, physical, with a lock, parts of words, of coprocessors.
        "ldd" | "std" | "ldwa" | "stwa" | "ldda" | "stda" | "ldcw" | "ldcd" | "stby" | "stdby"
        | "fldw" | "fldd" | "fstw" | "fstd" | "cldw" | "cldd" | "cstw" | "cstd" => {
            return Text::OtherAccess;
        }
        _ => return arithmetic(mnemonic, operands).map_or(Text::Other, Text::Arithmetic),
    };
    access(completer, bytes, store, operands).map_or(Text::OtherAccess, Text::InstructionAccess)
}

/// `4(sr1,r3),r4` or, stored, `r4,4(sr1,r3)`. A load into register 0 is a prefetch.
fn access(completer: &str, bytes: u8, store: bool, operands: &str) -> Option<InstructionAccess> {
    let (target, address) = if store {
        operands.split_once(',')?
    } else {
        let (address, target) = operands.rsplit_once(',')?;
        (target, address)
    };
    let (by, inside) = address.strip_suffix(')')?.split_once('(')?;
    let (space, base) = match inside.split_once(',') {
        Some((space, base)) => (space.strip_prefix("sr")?.parse().ok()?, base),
        None => (0, inside),
    };
    let base = register(base)?;
    // Others are hints to the cache.
    let mut completers = completer.split(',');
    let completer = completers.find(|name| !matches!(*name, "sl" | "bc"));
    let completer = completer.unwrap_or_default();
    // An index register's name is no number.
    let Ok(by) = i32::from_str_radix(by, 16) else {
        return indexed(completer, bytes, register(target)?, base);
    };
    let (offset, advance) = match completer {
        "" => (by, 0),
        // Negative ones are added before. Beyond these bounds binutils take another bit for the sign.
        "ma" | "mb" if !(-0x1000..0x1000).contains(&by) => (by.min(0), by),
        "ma" | "o" => (0, by),
        "mb" => (by, by),
        _ => return None,
    };
    let target = register(target)?;
    (store || target != 0).then_some(InstructionAccess {
        base: Some(Base {
            register: base,
            space,
        }),
        offset,
        bytes,
        count: 1,
        store,
        advance,
        writes: if store { 0 } else { only(target) },
        condition: ALWAYS,
    })
}

/// `r5(r3),r4`, the index scaled or not; with `m`, it is added to the base.
fn indexed(completer: &str, bytes: u8, target: u8, base: u8) -> Option<InstructionAccess> {
    let changed = match completer {
        "" | "s" => 0,
        "m" | "sm" => only(base),
        _ => return None,
    };
    (target != 0).then_some(InstructionAccess {
        base: None,
        offset: 0,
        bytes,
        count: 1,
        store: false,
        advance: 0,
        writes: only(target) | changed,
        condition: ALWAYS,
    })
}

/// What is changed. With a condition, or a trap on one, a mnemonic is longer; `*` alone is "never" for 64 bits.
fn arithmetic(mnemonic: &str, operands: &str) -> Option<Registers> {
    match mnemonic.strip_suffix(",*").unwrap_or(mnemonic) {
        "nop" => Some(0),
        "copy" | "ldi" | "ldil" | "addil" | "ldo" | "and" | "or" | "xor" | "andcm" | "uxor"
        | "add" | "add,l" | "add,c" | "add,dc" | "shladd" | "shladd,l" | "addi" | "sub"
        | "sub,b" | "sub,db" | "subi" | "ds" | "shrpw" | "extrw,u" | "extrw,s" | "depw"
        | "depw,z" | "depwi" | "depwi,z" | "shrpd" | "extrd,u" | "extrd,s" | "depd" | "depd,z"
        | "depdi" | "depdi,z" => {
            let (_, target) = operands.rsplit_once(',')?;
            register(target).map(only)
        }
        _ => None,
    }
}

fn register(name: &str) -> Option<u8> {
    Some(match name {
        "rp" => 2,
        "dp" => 27,
        "ret0" => 28,
        "ret1" => 29,
        "sp" => 30,
        _ => name
            .strip_prefix('r')?
            .parse()
            .ok()
            .filter(|&number| number < 32)?,
    })
}
