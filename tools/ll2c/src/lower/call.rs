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
                if defined && c.sret.is_some() && !f.head.linkage.is_weak() {
                    let args = self.arguments(call, true)?;
                    self.e.statement(&format!("{c_name}__sret({args});"));
                    return Ok(());
                }
                return self.emit_call(result, call, &c_name);
            }
        }
        // Another type than the declaration's: GCC would take a cast of the name for a mistake and trap, so hide the name.
        let cast = format!(
            "({{ ptr t = (ptr){c_name}; __asm__(\"\" : \"+r\"(t)); ({} (*){})t; }})",
            c.ret,
            c.params_text(|_| None)
        );
        self.emit_call(result, call, &cast)
    }

    fn emit_call(&mut self, result: Option<LocalId>, call: &Call<'a>, callee: &str) -> Result<()> {
        let args = self.arguments(call, false)?;
        let expr = format!("{callee}({args})");
        let Some(first) = call.args.first().filter(|a| a.attrs.sret.is_some()) else {
            return self.set_effect(result, &expr);
        };
        let Some(pointee) = first.attrs.sret else {
            return Ok(());
        };
        let slot = self.value(Types::PTR, &first.value)?;
        let c = self.ctx.pointee(pointee, first.attrs.align)?;
        self.e.statement(&format!("*({c} *){slot} = {expr};"));
        Ok(())
    }

    fn arguments(&mut self, call: &Call<'a>, keep_sret: bool) -> Result<String> {
        let mut list = Vec::with_capacity(call.args.len());
        for (i, arg) in call.args.iter().enumerate() {
            if arg.attrs.sret.is_some() && !keep_sret {
                continue;
            }
            let v = self.value(arg.ty, &arg.value)?;
            list.push(match arg.attrs.byval {
                Some(pointee) => {
                    let c = self.ctx.pointee(pointee, arg.attrs.align)?;
                    format!("*({c} *){v}")
                }
                // Behind the named parameters C promotes to int, and the sign must go along.
                None if call.variadic.is_some_and(|named| i >= named) => {
                    match (self.ctx.m.types.int_width(arg.ty), arg.attrs.ext) {
                        (Some(w), Ext::Sign) if w < 32 => super::signed(w, &v),
                        _ => v,
                    }
                }
                None => v,
            });
        }
        Ok(list.join(", "))
    }

    /// Only the barrier that is empty: text for the stand-in's assembler means nothing here.
    fn asm(
        &mut self,
        result: Option<LocalId>,
        call: &Call<'a>,
        template: &str,
        constraints: &str,
    ) -> Result<()> {
        let bad = |what: &str| {
            Err(Error::new(format!(
                "unsupported inline assembly \"{template}\", \"{constraints}\": {what}"
            )))
        };
        if !template.trim().is_empty() {
            return bad("instructions of the stand-in");
        }
        if result.is_some() {
            return bad("a result");
        }
        let mut args = call.args.iter();
        let mut inputs = Vec::new();
        let mut clobbers = Vec::new();
        for constraint in constraints.split(',').filter(|c| !c.is_empty()) {
            match constraint {
                "~{memory}" => clobbers.push("\"memory\""),
                // Registers of the stand-in: an empty text changes none.
                c if c.starts_with("~{") => {}
                "r" | "X" => {
                    let Some(arg) = args.next() else {
                        return bad("an operand is missing");
                    };
                    let narrow = self.ctx.m.types.int_width(arg.ty).is_none_or(|w| w <= 64);
                    if !narrow || self.ctx.m.types.is_aggregate(arg.ty) {
                        return bad("an operand that fits no register");
                    }
                    let v = self.value(arg.ty, &arg.value)?;
                    inputs.push(format!(
                        "\"{}\"({v})",
                        if constraint == "r" { "r" } else { "X" }
                    ));
                }
                other => return bad(&format!("constraint `{other}`")),
            }
        }
        let text = format!(
            "__asm__ __volatile__(\"\" : : {} : {});",
            inputs.join(", "),
            clobbers.join(", ")
        );
        let text = text
            .replace(" : );", ");")
            .replace(": : )", ")")
            .replace(" : : )", ")");
        self.e.statement(&text);
        Ok(())
    }
}
