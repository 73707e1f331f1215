// SPDX-License-Identifier: GPL-2.0-only
//! Calls: the C ABI of the subject, whatever the stand-in's was.
//!
//! A parameter `sret(T)` is the C result `struct T`, `byval(T)` is a parameter `struct T`, in declarations, definitions,
//! direct and indirect calls alike, so that functions of the Rust ABI agree with themselves and functions of the C ABI agree
//! with C. Inside a module, calls of a defined `sret` function keep the pointer: LLVM may have relied on what the callee does
//! not write.

use super::function::Lower;
use crate::error::{Error, Result};
use crate::ir::*;
use crate::verify::call_signature;

impl<'a> Lower<'_, '_, 'a> {
    pub(super) fn call(&mut self, result: Option<LocalId>, call: &Call<'a>) -> Result<()> {
        match &call.callee {
            Callee::Asm {
                template,
                constraints,
            } => self.asm(result, call, template, constraints),
            Callee::Sym(sym) => {
                let name = self.ctx.m.name(*sym);
                if let Some(intrinsic) = name.strip_prefix("llvm.") {
                    return self.intrinsic(result, call, intrinsic);
                }
                self.direct(result, call, *sym)
            }
            Callee::Value(v) => {
                let sig = call_signature(call);
                let callee = self.value(Types::PTR, v)?;
                let c = self.ctx.c_signature(&sig)?;
                let cast = format!("(({} (*){}){callee})", c.ret, c.params_text(|_| None));
                self.emit_call(result, call, &cast)
            }
        }
    }

    fn direct(&mut self, result: Option<LocalId>, call: &Call<'a>, sym: SymId) -> Result<()> {
        let m = self.ctx.m;
        let sig = call_signature(call);
        let declared = match m.symbols[sym.0 as usize].def {
            Def::Function(n) => Some(&m.functions[n as usize]),
            _ => None,
        };
        let c_name = self.names().c(sym).to_owned();
        let c = self.ctx.c_signature(&sig)?;
        if let Some(f) = declared {
            let own = self.ctx.c_signature(&f.sig)?;
            if own.ret == c.ret && own.params == c.params && own.variadic == c.variadic {
                let defined = f.body.is_some() && f.head.linkage != Linkage::AvailableExternally;
                if defined && c.is_split() && !f.head.linkage.is_weak() {
                    let args = self.arguments(call, true)?;
                    self.e.statement(&format!("{c_name}__sret({args});"));
                    return Ok(());
                }
                return self.emit_call(result, call, &c_name);
            }
        }
        // Another type than the declaration's: GCC would take a cast of the name for a mistake and trap, so hide the name.
        // What is called may be a variable, in C that does not know its own functions' types.
        let address = self.ctx.address(sym);
        let cast = format!(
            "({{ ptr t = {address}; __asm__(\"\" : \"+r\"(t)); ({} (*){})t; }})",
            c.ret,
            c.params_text(|_| None)
        );
        self.emit_call(result, call, &cast)
    }

    fn emit_call(&mut self, result: Option<LocalId>, call: &Call<'a>, callee: &str) -> Result<()> {
        let args = self.arguments(call, false)?;
        let expr = format!("{callee}({args})");
        let Some(first) = call.args.first().filter(|a| a.attrs.sret.is_some()) else {
            return match self.ctx.widened(call.ret, call.ret_attrs.ext) {
                Some(width) if result.is_some_and(|id| self.is_read(id)) => {
                    self.set(result, &super::mask(width, &expr))
                }
                _ => self.set_effect(result, &expr),
            };
        };
        let Some(pointee) = first.attrs.sret else {
            return Ok(());
        };
        // LLVM passes poison where it has seen that nobody reads the result.
        if first.value == Value::Const(Const::Undef) {
            self.e.statement(&format!("{expr};"));
            return Ok(());
        }
        let slot = self.value(Types::PTR, &first.value)?;
        let c = self.ctx.pointee(pointee, first.attrs.align)?;
        self.e.statement(&format!("*({c} *){slot} = {expr};"));
        Ok(())
    }

    /// Whether a call is one of a function that this module defines; `None` if that cannot be told.
    fn is_own(&self, call: &Call<'a>) -> Option<bool> {
        let Callee::Sym(sym) = call.callee else {
            return None;
        };
        let sym = self.ctx.aliased(sym);
        match self.ctx.m.symbols[sym.0 as usize].def {
            Def::Function(n) => Some(self.ctx.m.functions[n as usize].body.is_some()),
            _ => None,
        }
    }

    /// Whether a struct behind `...` goes as the address of a copy, which is what `va_arg` of this module reads.
    fn by_address(&self, call: &Call<'a>) -> Result<bool> {
        match self.is_own(call) {
            Some(own) => Ok(own),
            None if self.ctx.has_va_arg => Err(Error::new(
                "unsupported struct behind `...` of a call through a pointer",
            )),
            None => Ok(false),
        }
    }

    fn arguments(&mut self, call: &Call<'a>, keep_sret: bool) -> Result<String> {
        let mut list = Vec::with_capacity(call.args.len());
        for (i, arg) in call.args.iter().enumerate() {
            if arg.attrs.sret.is_some() && !keep_sret {
                continue;
            }
            let v = self.value(arg.ty, &arg.value)?;
            let behind = call.variadic.is_some_and(|named| i >= named);
            list.push(match arg.attrs.byval {
                Some(pointee) if behind && self.by_address(call)? => {
                    let c = self.ctx.pointee(pointee, arg.attrs.align)?;
                    let temp = self.temporary(&c);
                    self.e.statement(&format!("{temp} = *({c} *){v};"));
                    format!("(ptr)&{temp}")
                }
                Some(pointee) => {
                    let c = self.ctx.pointee(pointee, arg.attrs.align)?;
                    format!("*({c} *){v}")
                }
                // Behind the named parameters C promotes to int, and the sign must go along.
                None if behind => match (self.ctx.m.types.int_width(arg.ty), arg.attrs.ext) {
                    (Some(w), Ext::Sign) if w < 32 => super::signed(w, &v),
                    _ => v,
                },
                None => match self.ctx.widened(arg.ty, arg.attrs.ext) {
                    Some(width) => super::signed(width, &v),
                    None => v,
                },
            });
        }
        Ok(list.join(", "))
    }
}
