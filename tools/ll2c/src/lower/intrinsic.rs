// SPDX-License-Identifier: GPL-2.0-only
//! `llvm.*` functions.

use super::cmp::int_cmp;
use super::function::Lower;
use super::{Class, container, mask, signed};
use crate::error::{Error, Result};
use crate::ir::*;

/// Intrinsics that only promise or mark something. Matched up to the first type suffix.
const NOTHING: &[&str] = &[
    "lifetime.start",
    "lifetime.end",
    "assume",
    "experimental.noalias.scope.decl",
    "dbg.declare",
    "dbg.value",
    "dbg.label",
    "dbg.assign",
    "invariant.end",
    "donothing",
    "sideeffect",
    "prefetch",
    "var.annotation",
    "fake.use",
];

/// Whether `name` is `base` or `base.` and type suffixes.
fn names(name: &str, base: &str) -> bool {
    name.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl<'a> Lower<'_, '_, 'a> {
    pub(super) fn intrinsic(
        &mut self,
        result: Option<LocalId>,
        call: &Call<'a>,
        name: &str,
    ) -> Result<()> {
        let unsupported = || Err(Error::new(format!("unsupported intrinsic `llvm.{name}`")));
        if NOTHING.iter().any(|n| names(name, n)) {
            return if result.is_some_and(|id| self.is_read(id)) {
                unsupported()
            } else {
                Ok(())
            };
        }
        if !self.by_element
            && call
                .args
                .iter()
                .any(|a| self.ctx.m.types.lanes(a.ty).is_some())
        {
            return self.vector_intrinsic(result, call, name);
        }
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            args.push(if *self.ctx.m.types.get(arg.ty) == Type::Metadata {
                String::new()
            } else {
                self.value(arg.ty, &arg.value)?
            });
        }
        let a = |i: usize| args.get(i).map_or("", String::as_str);
        match name {
            "trap" | "ubsantrap" => {
                self.e.statement("__builtin_trap();");
                return Ok(());
            }
            // A debugger may go on behind it, and GCC drops what is behind a trap.
            "debugtrap" => {
                self.e.statement(
                    "{ u32 t = 1; __asm__(\"\" : \"+r\"(t)); if (t) __builtin_trap(); }",
                );
                return Ok(());
            }
            // Of elements that must not be torn, which no function of C's promises.
            _ if name.contains(".element.") => return unsupported(),
            _ if names(name, "memcpy")
                || names(name, "memcpy.inline")
                || names(name, "memmove") =>
            {
                return self.copy(call, &args, name);
            }
            _ if names(name, "memset") || names(name, "memset.inline") => {
                return self.fill(call, &args);
            }
            "stacksave" | "stacksave.p0" => {
                return self.set(result, "(ptr)__builtin_stack_save()");
            }
            "stackrestore" | "stackrestore.p0" => {
                self.e
                    .statement(&format!("__builtin_stack_restore({});", a(0)));
                return Ok(());
            }
            "frameaddress.p0" | "returnaddress" => {
                let builtin = if name == "returnaddress" {
                    "return"
                } else {
                    "frame"
                };
                return self.set(result, &format!("__builtin_{builtin}_address({})", a(0)));
            }
            "invariant.start.p0" => return self.set(result, a(1)),
            "launder.invariant.group.p0" | "strip.invariant.group.p0" | "ptr.annotation.p0" => {
                return self.set(result, a(0));
            }
            "allow.runtime.check" | "allow.ubsan.check" => return self.set(result, "1"),
            // To nearest, which is what all else that IR computes is rounded to. GCC's <float.h> says so, too.
            "get.rounding" => return self.set(result, "1u"),
            _ => {}
        }
        if names(name, "expect")
            || names(name, "expect.with.probability")
            || names(name, "ssa.copy")
        {
            return self.set(result, a(0));
        }
        if names(name, "is.constant") {
            return self.set(result, "0");
        }
        if names(name, "threadlocal.address") || names(name, "annotation") {
            return self.set(result, a(0));
        }
        if names(name, "clear_cache") {
            self.e
                .statement(&format!("__builtin___clear_cache({}, {});", a(0), a(1)));
            return Ok(());
        }
        if names(name, "objectsize") {
            // Unknown: the least or the most that it can be.
            let least = matches!(
                call.args.get(1).map(|a| &a.value),
                Some(Value::Const(Const::Int(1)))
            );
            let width = self.int_width(call.ret)?;
            let size = if least {
                0
            } else {
                crate::parse::cut(u128::MAX, width)
            };
            let text = self.ctx.constant(call.ret, &Const::Int(size))?;
            return self.set(result, &text);
        }
        if let Some(list) = name.strip_prefix("va_") {
            return self.va(call, list, &args);
        }
        if names(name, "ptrmask") {
            return self.set(result, &format!("(ptr)((uptr){} & {})", a(0), a(1)));
        }
        if names(name, "load.relative") {
            return unsupported();
        }
        let Some(first) = call.args.first() else {
            return unsupported();
        };
        let types = &self.ctx.m.types;
        let text = match (types.int_width(first.ty), types.get(first.ty)) {
            (Some(width), _) => self.integer(result, call, name, width, &args)?,
            (None, Type::Float | Type::Double) => self.float(result, call, name, &args)?,
            _ => None,
        };
        match text {
            Some(text) if text.is_empty() => Ok(()), // emitted already
            Some(text) => self.set(result, &text),
            None => unsupported(),
        }
    }

    fn copy(&mut self, call: &Call<'a>, args: &[String], name: &str) -> Result<()> {
        let [d, s, n, volatile] = args else {
            return Err(Error::new(format!(
                "`llvm.{name}` with {} arguments",
                args.len()
            )));
        };
        let volatile = volatile_flag(call, 3, volatile)?;
        let n = self.length(call.args[2].ty, n)?;
        let text = if volatile {
            format!("ll_memmove_volatile({d}, {s}, {n});")
        } else {
            let d = Self::assume_aligned(d, call.args[0].attrs.align);
            let s = Self::assume_aligned(s, call.args[1].attrs.align);
            let f = if name.starts_with("memmove") {
                "memmove"
            } else {
                "memcpy"
            };
            format!("ll_{f}({d}, {s}, {n});")
        };
        self.e.statement(&text);
        Ok(())
    }

    fn fill(&mut self, call: &Call<'a>, args: &[String]) -> Result<()> {
        let [d, c, n, volatile] = args else {
            return Err(Error::new(format!(
                "`llvm.memset` with {} arguments",
                args.len()
            )));
        };
        let volatile = volatile_flag(call, 3, volatile)?;
        let n = self.length(call.args[2].ty, n)?;
        let text = if volatile {
            format!("ll_memset_volatile({d}, {c}, {n});")
        } else {
            format!(
                "ll_memset({}, {c}, {n});",
                Self::assume_aligned(d, call.args[0].attrs.align)
            )
        };
        self.e.statement(&text);
        Ok(())
    }

    fn length(&self, ty: TypeId, n: &str) -> Result<String> {
        match Class::of(self.int_width(ty)?) {
            Class::C32 => Ok(n.to_owned()),
            _ => Ok(format!("(uptr){n}")),
        }
    }

    /// An expression; the empty one if statements were written; `None` if unknown.
    fn integer(
        &mut self,
        result: Option<LocalId>,
        call: &Call<'a>,
        name: &str,
        width: u32,
        args: &[String],
    ) -> Result<Option<String>> {
        let (base, rest) = name.split_once('.').unwrap_or((name, ""));
        let class = Class::of(width);
        let n = class.suffix();
        let t = container(width);
        let narrow = |e: String| {
            if t == class.unsigned() {
                e
            } else {
                format!("({t}){e}")
            }
        };
        let a = |i: usize| args.get(i).map_or("", String::as_str);
        // The result in the operand's class, cut to `width` by the helper.
        let helper = |f: &str, list: &[&str]| {
            let call = format!("ll_{f}{n}({}, {width})", list.join(", "));
            if t == class.unsigned() {
                call
            } else {
                format!("({t}){call}")
            }
        };
        let pick =
            |pred: IntPred| format!("{} ? {} : {}", int_cmp(pred, width, a(0), a(1)), a(0), a(1));
        let arity = match base {
            "fshl" | "fshr" => 3,
            "ctpop" | "bswap" | "bitreverse" => 1,
            _ => 2,
        };
        if args.len() != arity {
            return Ok(None);
        }
        Ok(Some(match (base, rest) {
            ("umin", _) => pick(IntPred::Ult),
            ("umax", _) => pick(IntPred::Ugt),
            ("smin", _) => pick(IntPred::Slt),
            ("smax", _) => pick(IntPred::Sgt),
            ("abs", _) => {
                let zero = if class == Class::C128 {
                    "LL128(0, 0)"
                } else {
                    "0"
                };
                let negative = match class {
                    Class::C128 => int_cmp(IntPred::Slt, width, a(0), zero),
                    _ => format!("{} < 0", signed(width, a(0))),
                };
                let minus = match class {
                    Class::C128 => mask(width, &format!("ll_neg128({})", a(0))),
                    _ => mask(width, &format!("({t})-{}", a(0))),
                };
                format!(
                    "{negative} ? {} : {}",
                    narrow(format!("({minus})")).replace("(u128)", ""),
                    a(0)
                )
            }
            ("ucmp" | "scmp", _) => {
                let (less, more) = if base == "ucmp" {
                    (IntPred::Ult, IntPred::Ugt)
                } else {
                    (IntPred::Slt, IntPred::Sgt)
                };
                let to = self.int_width(call.ret)?;
                let sign = format!(
                    "(({}) - ({}))",
                    int_cmp(more, width, a(0), a(1)),
                    int_cmp(less, width, a(0), a(1))
                );
                match Class::of(to) {
                    Class::C128 => return Ok(None),
                    _ => mask(to, &format!("({}){sign}", container(to))),
                }
            }
            ("ctpop", _) => helper("ctpop", &[a(0)]),
            ("ctlz", _) => helper("ctlz", &[a(0)]),
            ("cttz", _) => helper("cttz", &[a(0)]),
            ("bswap", _) => helper("bswap", &[a(0)]),
            ("bitreverse", _) => helper("bitreverse", &[a(0)]),
            ("fshl", _) => helper("fshl", &[a(0), a(1), a(2)]),
            ("fshr", _) => helper("fshr", &[a(0), a(1), a(2)]),
            ("uadd" | "usub" | "ushl" | "sadd" | "ssub" | "sshl", sat)
                if sat.starts_with("sat.") =>
            {
                helper(&format!("{base}_sat"), &[a(0), a(1)])
            }
            ("uadd" | "usub" | "umul" | "sadd" | "ssub" | "smul", o)
                if o.starts_with("with.overflow.") =>
            {
                let Some(id) = result.filter(|&id| self.is_read(id)) else {
                    return Ok(Some(String::new()));
                };
                let op = match &base[1..] {
                    "add" => BinOp::Add,
                    "sub" => BinOp::Sub,
                    _ => BinOp::Mul,
                };
                let value = super::arith::int_bin(op, width, a(0), a(1))?;
                let var = self.var(id).to_owned();
                self.e.statement(&format!("{var}.f0 = {value};"));
                self.e.statement(&format!(
                    "{var}.f1 = ll_{base}_o{n}({}, {}, {width});",
                    a(0),
                    a(1)
                ));
                String::new()
            }
            _ => return Ok(None),
        }))
    }
}

fn volatile_flag(call: &Call<'_>, at: usize, text: &str) -> Result<bool> {
    match call.args.get(at).map(|a| &a.value) {
        Some(Value::Const(Const::Int(n))) => Ok(*n != 0),
        _ => Err(Error::new(format!("unsupported volatile flag `{text}`"))),
    }
}
