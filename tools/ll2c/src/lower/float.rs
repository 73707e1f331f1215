// SPDX-License-Identifier: GPL-2.0-only
//! `llvm.*` functions of floating-point numbers.

use super::cast::float_suffix;
use super::container;
use super::function::Lower;
use crate::error::{Error, Result};
use crate::ir::*;

impl<'a> Lower<'_, '_, 'a> {
    /// An expression; the empty one if statements were written; `None` if unknown.
    pub(super) fn float(
        &mut self,
        result: Option<LocalId>,
        call: &Call<'a>,
        name: &str,
        args: &[String],
    ) -> Result<Option<String>> {
        let types = &self.ctx.m.types;
        let bits = float_suffix(types, call.args[0].ty);
        let f = if bits == "f32" { "f" } else { "" };
        let (base, rest) = match name.strip_prefix("is.fpclass.") {
            Some(rest) => ("is_class", rest),
            None => name.split_once('.').unwrap_or((name, "")),
        };
        let list = args.join(", ");
        let builtin = |n: &str| Ok(Some(format!("__builtin_{n}{f}({list})")));
        let ret = types.int_width(call.ret);
        let arity = match base {
            "copysign" | "pow" | "powi" | "ldexp" | "atan2" | "minnum" | "maxnum" | "minimum"
            | "maximum" | "minimumnum" | "maximumnum" | "is_class" => 2,
            "fma" | "fmuladd" => 3,
            _ => 1,
        };
        if args.len() != arity {
            return Ok(None);
        }
        self.ctx.rounds |= !matches!(base, "fabs" | "copysign" | "is_class");
        match base {
            "fabs" | "copysign" | "is_class" | "canonicalize" | "minimum" | "maximum"
            | "minimumnum" | "maximumnum" => Ok(Some(format!("ll_{base}_{bits}({list})"))),
            "sqrt" | "floor" | "ceil" | "trunc" | "rint" | "nearbyint" | "round" | "roundeven"
            | "fma" | "pow" | "exp" | "exp2" | "exp10" | "log" | "log2" | "log10" | "sin"
            | "cos" | "tan" | "asin" | "acos" | "atan" | "atan2" | "sinh" | "cosh" | "tanh" => {
                builtin(base)
            }
            "powi" | "ldexp" => {
                let width = self.int_width(call.args[1].ty)?;
                let n = super::signed(width, &args[1]);
                Ok((width <= 32).then(|| format!("__builtin_{base}{f}({}, {n})", args[0])))
            }
            "fmuladd" => Ok(Some(format!("{} * {} + {}", args[0], args[1], args[2]))),
            // Not libm's: what LLVM takes for a quiet NaN may be a signalling one to the machine.
            "minnum" => Ok(Some(format!("ll_minimumnum_{bits}({list})"))),
            "maxnum" => Ok(Some(format!("ll_maximumnum_{bits}({list})"))),
            // `long` is as wide as a pointer, whatever the name says.
            "lrint" | "llrint" | "lround" | "llround" => {
                let base = base.trim_start_matches('l');
                match ret {
                    Some(32) => builtin(&format!("l{base}")),
                    Some(64) => builtin(&format!("ll{base}")),
                    _ => Ok(None),
                }
            }
            "frexp" => {
                let Some(id) = result.filter(|&id| self.is_read(id)) else {
                    return Ok(Some(String::new()));
                };
                let var = self.var(id).to_owned();
                let exponent = self.ctx.m.types.member(call.ret, 1);
                if exponent != Some(Types::I32) {
                    return Err(Error::new(
                        "unsupported `llvm.frexp` with another exponent than i32",
                    ));
                }
                self.e.statement(&format!(
                    "{{ int t = 0; {var}.f0 = __builtin_frexp{f}({list}, &t); {var}.f1 = (u32)t; }}"
                ));
                Ok(Some(String::new()))
            }
            "fptoui" | "fptosi" if rest.starts_with("sat.") => Ok(ret.map(|width| {
                let wide = if width > 64 { "128" } else { "" };
                let cast = if width > 64 {
                    String::new()
                } else {
                    format!("({})", container(width))
                };
                format!("{cast}ll_{base}_sat{wide}({list}, {width})")
            })),
            _ => Ok(None),
        }
    }
}
