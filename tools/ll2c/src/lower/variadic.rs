// SPDX-License-Identifier: GPL-2.0-only
//! `va_arg`, `llvm.va_start` and the like.

use super::function::Lower;
use crate::error::{Error, Result};
use crate::ir::*;
use rustc_hash::FxHashSet;

impl<'a> Lower<'_, '_, 'a> {
    pub(super) fn va_arg(
        &mut self,
        result: Option<LocalId>,
        ty: TypeId,
        ptr: &Value<'_>,
    ) -> Result<()> {
        let p = self.value(Types::PTR, ptr)?;
        let c = self.ctx.ctype(ty)?;
        self.set_effect(result, &format!("LL_VA_ARG({c}, {p})"))
    }

    /// `llvm.va_start`, `llvm.va_end` and `llvm.va_copy`, by what follows `va_`.
    pub(super) fn va(&mut self, call: &Call<'a>, what: &str, args: &[String]) -> Result<()> {
        let what = what.split('.').next().unwrap_or_default();
        let text = match (what, args) {
            ("start", [list]) => {
                if !self.f.sig.variadic {
                    return Err(Error::new("`va_start` in a function that is not variadic"));
                }
                if let [
                    Arg {
                        value: Value::Local(list),
                        ..
                    },
                ] = &call.args[..]
                {
                    self.read_by_va_arg(*list)?;
                }
                let named = |(_, attrs): &(TypeId, ParamAttrs)| attrs.sret.is_none();
                let last = self.f.sig.params.iter().rposition(named);
                let name = last.map_or_else(|| "0".into(), |last| self.parameter(last));
                format!("LL_VA_START({list}, {name});")
            }
            // What va_start has taken, it has taken from the frame.
            ("end", [_]) => return Ok(()),
            ("copy", [to, from]) => format!("LL_VA_COPY({to}, {from});"),
            _ => {
                return Err(Error::new(format!(
                    "unsupported intrinsic `llvm.va_{what}`"
                )));
            }
        };
        self.e.statement(&text);
        Ok(())
    }

    /// A front end reads variable arguments by `va_arg`, or by loads from where its own ABI puts them: the stand-in's, which says
    /// nothing here. Such code has no `va_arg`, and it looks into the list, or hands it to what does.
    fn read_by_va_arg(&self, list: LocalId) -> Result<()> {
        if self.ctx.has_va_arg {
            return Ok(());
        }
        let m = self.ctx.m;
        let external = |call: &Call<'_>| match call.callee {
            Callee::Sym(sym) => match m.symbols[sym.0 as usize].def {
                Def::Function(n) => m.functions[n as usize].body.is_none(),
                _ => false,
            },
            _ => false,
        };
        let insts = || self.body.blocks.iter().flat_map(|b| &b.insts);
        // The list by value: what is loaded from where it lies.
        let mut values = FxHashSet::default();
        let mut plain = true;
        for inst in insts() {
            let mut used = false;
            inst.op.operands(&mut |v| used |= *v == Value::Local(list));
            match &inst.op {
                _ if !used => {}
                Op::Load { .. } => values.extend(inst.result),
                Op::Call(call) => plain &= external(call),
                _ => plain = false,
            }
        }
        for inst in insts() {
            let mut used = false;
            inst.op.operands(&mut |v| {
                used |= matches!(v, Value::Local(id) if values.contains(id));
            });
            plain &= match &inst.op {
                Op::Call(call) => !used || external(call),
                _ => !used,
            };
        }
        if plain {
            Ok(())
        } else {
            Err(Error::new(
                "unsupported variable arguments that are read as the stand-in passes them: compile for a stand-in whose \
                 front end writes `va_arg`",
            ))
        }
    }
}

/// Whether a module reads variable arguments by `va_arg`.
pub(super) fn has_va_arg(m: &Module<'_>) -> bool {
    let bodies = m.functions.iter().filter_map(|f| f.body.as_ref());
    bodies
        .flat_map(|b| &b.blocks)
        .flat_map(|b| &b.insts)
        .any(|i| matches!(i.op, Op::VaArg { .. }))
}
