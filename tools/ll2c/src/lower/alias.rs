// SPDX-License-Identifier: GPL-2.0-only
//! Other names of functions and variables, and of places inside variables.

use super::Ctx;
use super::constant::gep_offset;
use super::signature::attribute_list;
use crate::error::{Error, Result};
use crate::ir::*;
use std::fmt::Write;

/// The symbol that each alias stands for in the end, and how many bytes behind it.
pub(super) fn bases(m: &Module<'_>) -> Result<Vec<(SymId, i64)>> {
    let mut known: Vec<Option<(SymId, i64)>> = vec![None; m.aliases.len()];
    let mut list = Vec::with_capacity(known.len());
    for first in 0..known.len() {
        let a = &m.aliases[first];
        let base = base(m, &mut known, first);
        list.push(base.map_err(|e| e.at(m.src, a.head.pos).within(m.name(a.head.sym)))?);
    }
    Ok(list)
}

/// What one alias stands for. Those on the way to it are known from then on.
fn base(m: &Module<'_>, known: &mut [Option<(SymId, i64)>], first: usize) -> Result<(SymId, i64)> {
    let mut way = Vec::new();
    let mut at = first;
    let mut base = loop {
        if let Some(base) = known[at] {
            break base;
        }
        if way.len() == known.len() {
            return Err(Error::new("an alias of itself"));
        }
        let (sym, offset) = below(m, &m.aliases[at].target)?;
        way.push((at, offset));
        match m.symbols[sym.0 as usize].def {
            Def::Alias(n) => at = n as usize,
            _ => break (sym, 0),
        }
    };
    for (at, offset) in way.into_iter().rev() {
        base.1 = base.1.wrapping_add(offset);
        known[at] = Some(base);
    }
    Ok(base)
}

/// The symbol at the bottom of an address, which may be an alias, and how many bytes the address is behind it.
pub(super) fn below(m: &Module<'_>, address: &Const<'_>) -> Result<(SymId, i64)> {
    let mut address = address;
    let mut offset: i64 = 0;
    loop {
        match address {
            Const::Sym(sym) => return Ok((*sym, offset)),
            Const::Expr(e) => match &**e {
                ConstExpr::Gep(gep) => {
                    offset = offset.wrapping_add(gep_offset(m, gep)?);
                    address = &gep.ptr;
                }
                ConstExpr::Cast {
                    op: CastOp::Bitcast,
                    value,
                    ..
                } => address = value,
                _ => return Err(Error::new("unsupported alias of an expression")),
            },
            _ => return Err(Error::new("unsupported alias of an expression")),
        }
    }
}

impl Ctx<'_, '_> {
    /// What a symbol stands for, if it is an alias; else the symbol.
    pub(super) fn aliased(&self, sym: SymId) -> SymId {
        match self.m.symbols[sym.0 as usize].def {
            Def::Alias(n) => self.bases[n as usize].0,
            _ => sym,
        }
    }

    pub(super) fn alias(&mut self, index: usize, declarations: &mut String) -> Result<()> {
        let m = self.m;
        let a = &m.aliases[index];
        let (base, offset) = self.bases[index];
        let c = self.names.c(a.head.sym).to_owned();
        let label = self.names.label(a.head.sym);
        let storage = if a.head.linkage.is_local() {
            "static"
        } else {
            "extern"
        };
        let mut attrs = self.head_attributes(&a.head, false);
        if a.head.linkage.is_weak() {
            attrs.push("weak".into());
        }
        attrs.push(format!("alias(\"{}\")", self.names.assembler(base)));
        let attrs = attribute_list(&attrs);
        match m.symbols[base.0 as usize].def {
            Def::Function(n) if m.functions[n as usize].body.is_some() => {
                if offset != 0 {
                    return Err(Error::new("unsupported alias of a place inside a function"));
                }
                let sig = self.c_signature(&m.functions[n as usize].sig)?;
                let params = sig.params_text(|_| None);
                let _ = writeln!(
                    declarations,
                    "{storage} {} {c}{params}{label}{attrs};",
                    sig.ret
                );
            }
            Def::Global(n) if m.globals[n as usize].init.is_some() => {
                let g = &m.globals[n as usize];
                if offset != 0 {
                    if g.head.thread_local {
                        return Err(Error::new(
                            "unsupported alias of a place inside a thread-local variable",
                        ));
                    }
                    self.place(a, base, offset, declarations);
                    return Ok(());
                }
                let qualifiers = self.qualifiers(g);
                let tag = self.names.c(base);
                let _ = writeln!(
                    declarations,
                    "{storage} {qualifiers}struct G_{tag} {c}{label}{attrs};"
                );
            }
            _ => return Err(Error::new("unsupported alias of what is not defined here")),
        }
        Ok(())
    }

    /// C has no name for a place inside a variable: the assembler does.
    fn place(&self, a: &Alias<'_>, base: SymId, offset: i64, declarations: &mut String) {
        let name = self.names.assembler(a.head.sym);
        let mut text = String::new();
        if !a.head.linkage.is_local() {
            let scope = if a.head.linkage.is_weak() {
                "weak"
            } else {
                "globl"
            };
            let _ = write!(text, ".{scope} {name}\\n\\t");
        }
        match a.head.visibility {
            Visibility::Default => {}
            v => {
                let _ = write!(text, ".{} {name}\\n\\t", v.word());
            }
        }
        let base = self.names.assembler(base);
        let _ = writeln!(
            declarations,
            "__asm__(\"{text}.set {name}, {base} + {offset}\");\nextern u8 {}[]{};",
            self.names.c(a.head.sym),
            self.names.label(a.head.sym)
        );
    }
}
