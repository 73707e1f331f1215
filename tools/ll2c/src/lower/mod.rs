// SPDX-License-Identifier: GPL-2.0-only
//! From typed IR to C.
//!
//! Every value has a C variable of its own; blocks are labels and branches `goto`s. Rules are grouped by opcode:
//! [`arith`], [`cmp`], [`cast`], [`mem`], [`atomic`], [`aggregate`], [`vector`], [`call`], [`intrinsic`], [`control`]. The fixed C that
//! they lean on is `support/*.h`.

mod aggregate;
mod alias;
mod arith;
mod asm;
mod atomic;
mod call;
mod cast;
mod cmp;
mod constant;
mod control;
mod ctypes;
mod emit;
mod float;
mod function;
mod global;
mod intrinsic;
mod mem;
mod names;
mod signature;
mod sum;
mod variadic;
mod vector;

use crate::abi::{AtomicRmw, Subject};
use crate::error::Result;
use crate::ir::*;
use crate::layout::is_full;
use crate::meta::Inlined;
use ctypes::CTypes;
use names::Names;
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt::Write;

/// Names and texts of the fixed part of every translated file, each after those that it needs.
pub const SUPPORT: [(&str, &str); 7] = [
    ("base.h", include_str!("../../support/base.h")),
    ("int128.h", include_str!("../../support/int128.h")),
    ("bits.h", include_str!("../../support/bits.h")),
    ("overflow.h", include_str!("../../support/overflow.h")),
    ("float.h", include_str!("../../support/float.h")),
    ("variadic.h", include_str!("../../support/variadic.h")),
    ("atomic.h", include_str!("../../support/atomic.h")),
];

/// Bytes of [`SUPPORT`].
#[must_use]
pub fn support_len() -> usize {
    SUPPORT.iter().map(|(_, text)| text.len()).sum()
}

/// What can be chosen.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which lines `#line` names; `None` for no `#line`.
    pub lines: Option<Inlined>,
}

/// What all functions share.
struct Ctx<'m, 'a> {
    m: &'m Module<'a>,
    subject: &'m Subject,
    options: &'m Options,
    names: Names,
    types: CTypes,
    /// What each alias stands for.
    bases: Vec<(SymId, i64)>,
    /// Symbols that `llvm.used` keeps, or only the assembler sees the use of.
    used: FxHashSet<SymId>,
    /// Whether something reads variable arguments by `va_arg`.
    has_va_arg: bool,
    /// Whether something computes a floating-point number that has to be rounded.
    rounds: bool,
    /// The numbers that stand for the addresses of blocks.
    taken: FxHashMap<(SymId, &'a str), usize>,
    /// Sections with a variable that may change.
    writable: FxHashSet<&'a str>,
}

/// The C text of a verified module.
///
/// # Errors
/// A construct that has no lowering.
pub fn module(m: &mut Module<'_>, subject: &Subject, options: &Options) -> Result<String> {
    for f in &mut m.functions {
        if let Some(group) = f.group.and_then(|g| m.groups.get(&g)) {
            f.attrs = merge(f.attrs, *group);
        }
    }
    let m = &*m;
    let bases = alias::bases(m)?;
    let mut used = global::used(m);
    let places = bases.iter().filter(|(_, offset)| *offset != 0);
    used.extend(places.map(|(base, _)| *base));
    let mut ctx = Ctx {
        bases,
        m,
        subject,
        options,
        names: Names::new(m, subject)?,
        types: CTypes::default(),
        used,
        has_va_arg: variadic::has_va_arg(m),
        rounds: false,
        taken: m.taken.iter().copied().zip(1..).collect(),
        writable: global::writable(m),
    };
    let mut declarations = String::new();
    let mut code = String::new();
    for f in &m.functions {
        let name = m.name(f.head.sym);
        if name.starts_with("llvm.") {
            continue;
        }
        let place = |e: crate::Error| e.at(m.src, f.head.pos).within(name);
        ctx.declare_function(f, &mut declarations).map_err(place)?;
        if f.body.is_some() && f.head.linkage != Linkage::AvailableExternally {
            function::lower(&mut ctx, f, &mut code).map_err(place)?;
        }
    }
    let mut data = String::new();
    for g in &m.globals {
        let place = |e: crate::Error| e.at(m.src, g.head.pos).within(m.name(g.head.sym));
        ctx.global(g, &mut declarations, &mut data).map_err(place)?;
    }
    for (i, a) in m.aliases.iter().enumerate() {
        let place = |e: crate::Error| e.at(m.src, a.head.pos).within(m.name(a.head.sym));
        ctx.alias(i, &mut declarations).map_err(place)?;
    }

    declarations.push_str(&ctx.names.directives(m));

    let size = support_len() + declarations.len() + data.len() + code.len() + 4096;
    let mut out = String::with_capacity(size);
    out.push_str("/* Translated by ll2c; not meant to be edited. */\n");
    let _ = write!(
        out,
        "#ifndef {0}\n#error \"this C was translated for {1}: the compiler does not define {0}\"\n#endif\n",
        subject.macro_name, subject.name
    );
    let _ = writeln!(
        out,
        "#define LL_BIG_ENDIAN {}",
        u8::from(m.types.layout().big_endian)
    );
    let _ = writeln!(out, "#define LL_PTR_SIZE {}", m.types.layout().ptr_size);
    if subject.atomic_rmw == AtomicRmw::Library {
        let _ = writeln!(out, "#define LL_CMPXCHG \"{}\"", subject.cmpxchg);
    }
    if ctx.rounds {
        out.push_str("#define LL_ROUNDS 1\n");
    }
    out.push_str(&ctx.names.macros());
    for (name, text) in SUPPORT {
        if options.lines.is_some() {
            let _ = writeln!(out, "#line 1 \"ll2c/{name}\"");
        }
        out.push_str(text);
    }
    for part in [ctx.types.definitions(), &declarations, &data, &code] {
        out.push('\n');
        out.push_str(part);
    }
    Ok(out)
}

fn merge(a: FnAttrs, b: FnAttrs) -> FnAttrs {
    FnAttrs {
        noreturn: a.noreturn | b.noreturn,
        noinline: a.noinline | b.noinline,
        alwaysinline: a.alwaysinline | b.alwaysinline,
        cold: a.cold | b.cold,
        no_builtins: a.no_builtins | b.no_builtins,
        returns_twice: a.returns_twice | b.returns_twice,
    }
}

/// The three classes of helpers in the support code: integers up to 32, 64 and 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    C32,
    C64,
    C128,
}

impl Class {
    fn of(width: u32) -> Self {
        match width {
            0..=32 => Self::C32,
            33..=64 => Self::C64,
            _ => Self::C128,
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::C32 => "32",
            Self::C64 => "64",
            Self::C128 => "128",
        }
    }

    /// The unsigned C type of the class.
    fn unsigned(self) -> &'static str {
        match self {
            Self::C32 => "u32",
            Self::C64 => "u64",
            Self::C128 => "u128",
        }
    }
}

/// The C type that holds an integer.
fn container(width: u32) -> &'static str {
    match width {
        0..=8 => "u8",
        9..=16 => "u16",
        17..=32 => "u32",
        33..=64 => "u64",
        _ => "u128",
    }
}

/// `expr`, of the container's type, cut to `width` bits.
fn mask(width: u32, expr: &str) -> String {
    if is_full(width) {
        return expr.to_owned();
    }
    match Class::of(width) {
        Class::C128 => format!("ll_mask128({expr}, {width})"),
        Class::C64 => format!("({expr}) & {:#x}ull", (1u64 << width) - 1),
        Class::C32 => format!("({expr}) & {:#x}u", (1u32 << width) - 1),
    }
}

/// A canonical `expr` as a signed C integer: `s32` or `s64`, or a `u128` extended to 128 bits.
fn signed(width: u32, expr: &str) -> String {
    match width {
        8 => format!("(s32)(s8){expr}"),
        16 => format!("(s32)(s16){expr}"),
        32 => format!("(s32){expr}"),
        64 => format!("(s64){expr}"),
        128 => expr.to_owned(),
        _ => format!("ll_sext{}({expr}, {width})", Class::of(width).suffix()),
    }
}
