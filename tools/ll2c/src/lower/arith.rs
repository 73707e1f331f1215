// SPDX-License-Identifier: GPL-2.0-only
//! `add` … `ashr`, `fadd` … `frem`, `fneg`.

use super::function::Lower;
use super::{Class, container, is_full, mask, signed};
use crate::error::{Error, Result};
use crate::ir::*;

impl Lower<'_, '_, '_> {
    pub(super) fn bin(
        &mut self,
        result: Option<LocalId>,
        op: BinOp,
        ty: TypeId,
        a: &Value<'_>,
        b: &Value<'_>,
    ) -> Result<()> {
        let a = self.value(ty, a)?;
        let b = self.value(ty, b)?;
        let expr = match self.ctx.m.types.int_width(ty) {
            None => {
                self.ctx.rounds = true;
                float_bin(op, *self.ctx.m.types.get(ty) == Type::Float, &a, &b)?
            }
            Some(width) => int_bin(op, width, &a, &b)?,
        };
        self.set(result, &expr)
    }

    pub(super) fn fneg(
        &mut self,
        result: Option<LocalId>,
        ty: TypeId,
        a: &Value<'_>,
    ) -> Result<()> {
        let a = self.value(ty, a)?;
        let suffix = if *self.ctx.m.types.get(ty) == Type::Float {
            "f32"
        } else {
            "f64"
        };
        self.set(result, &format!("ll_fneg_{suffix}({a})"))
    }
}

/// An integer operation on canonical operands; the result is canonical.
pub(super) fn int_bin(op: BinOp, width: u32, a: &str, b: &str) -> Result<String> {
    if Class::of(width) == Class::C128 {
        return wide_bin(op, width, a, b);
    }
    let class = Class::of(width);
    let (t, u) = (container(width), class.unsigned());
    // C would compute u8 and u16 as int.
    let wide = |x: &str| {
        if t == u {
            x.to_owned()
        } else {
            format!("({u}){x}")
        }
    };
    let (wa, wb) = (wide(a), wide(b));
    // A shift by the width or more is poison, but in C it would be undefined: cut the amount to what C allows.
    let amount = format!("({b} & {})", if class == Class::C64 { 63 } else { 31 });
    let narrow = |expr: String| {
        if t == u {
            expr
        } else {
            format!("({t})({expr})")
        }
    };
    Ok(match op {
        BinOp::Add => narrow(mask(width, &format!("({wa} + {wb})"))),
        BinOp::Sub => narrow(mask(width, &format!("({wa} - {wb})"))),
        BinOp::Mul => narrow(mask(width, &format!("({wa} * {wb})"))),
        BinOp::UDiv => narrow(format!("{wa} / {wb}")),
        BinOp::URem => narrow(format!("{wa} % {wb}")),
        BinOp::SDiv => narrow(mask(
            width,
            &format!("({u})({} / {})", signed(width, a), signed(width, b)),
        )),
        BinOp::SRem => narrow(mask(
            width,
            &format!("({u})({} % {})", signed(width, a), signed(width, b)),
        )),
        BinOp::And => narrow(format!("{wa} & {wb}")),
        BinOp::Or => narrow(format!("{wa} | {wb}")),
        BinOp::Xor => narrow(format!("{wa} ^ {wb}")),
        BinOp::Shl => narrow(mask(width, &format!("({wa} << {amount})"))),
        BinOp::LShr => narrow(format!("{wa} >> {amount}")),
        BinOp::AShr => narrow(mask(
            width,
            &format!("({u})({} >> {amount})", signed(width, a)),
        )),
        _ => {
            return Err(Error::new(format!(
                "unsupported `{}` on an integer",
                op.word()
            )));
        }
    })
}

fn wide_bin(op: BinOp, width: u32, a: &str, b: &str) -> Result<String> {
    let (sa, sb) = (signed(width, a), signed(width, b));
    let amount = format!("(unsigned){b}.lo");
    let expr = match op {
        BinOp::Add => format!("ll_add128({a}, {b})"),
        BinOp::Sub => format!("ll_sub128({a}, {b})"),
        BinOp::Mul => format!("ll_mul128({a}, {b})"),
        BinOp::UDiv => format!("ll_udiv128({a}, {b})"),
        BinOp::URem => format!("ll_urem128({a}, {b})"),
        BinOp::SDiv => format!("ll_sdiv128({sa}, {sb})"),
        BinOp::SRem => format!("ll_srem128({sa}, {sb})"),
        BinOp::And => format!("ll_and128({a}, {b})"),
        BinOp::Or => format!("ll_or128({a}, {b})"),
        BinOp::Xor => format!("ll_xor128({a}, {b})"),
        BinOp::Shl => format!("ll_shl128({a}, {amount})"),
        BinOp::LShr => format!("ll_lshr128({a}, {amount})"),
        BinOp::AShr => format!("ll_ashr128({sa}, {amount})"),
        _ => {
            return Err(Error::new(format!(
                "unsupported `{}` on an integer",
                op.word()
            )));
        }
    };
    // These cannot set a bit above the width.
    let canonical = matches!(
        op,
        BinOp::UDiv | BinOp::URem | BinOp::And | BinOp::Or | BinOp::Xor | BinOp::LShr
    );
    Ok(if canonical || is_full(width) {
        expr
    } else {
        mask(width, &expr)
    })
}

/// A floating-point operation.
pub(super) fn float_bin(op: BinOp, single: bool, a: &str, b: &str) -> Result<String> {
    Ok(match op {
        BinOp::FAdd => format!("{a} + {b}"),
        BinOp::FSub => format!("{a} - {b}"),
        BinOp::FMul if single => format!("LL_PRODUCT(float, {a} * {b})"),
        BinOp::FMul => format!("LL_PRODUCT(double, {a} * {b})"),
        BinOp::FDiv => format!("{a} / {b}"),
        BinOp::FRem if single => format!("__builtin_fmodf({a}, {b})"),
        BinOp::FRem => format!("__builtin_fmod({a}, {b})"),
        _ => {
            return Err(Error::new(format!(
                "unsupported `{}` on a floating-point number",
                op.word()
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_operands_are_not_promoted_to_int() {
        assert_eq!(
            int_bin(BinOp::Mul, 16, "a", "b").unwrap(),
            "(u16)(((u32)a * (u32)b))"
        );
        assert_eq!(int_bin(BinOp::Add, 32, "a", "b").unwrap(), "(a + b)");
    }

    #[test]
    fn odd_widths_stay_canonical() {
        assert_eq!(
            int_bin(BinOp::Add, 24, "a", "b").unwrap(),
            "((a + b)) & 0xffffffu"
        );
        assert_eq!(
            int_bin(BinOp::AShr, 33, "a", "b").unwrap(),
            "((u64)(ll_sext64(a, 33) >> (b & 63))) & 0x1ffffffffull"
        );
        assert_eq!(
            int_bin(BinOp::Sub, 100, "a", "b").unwrap(),
            "ll_mask128(ll_sub128(a, b), 100)"
        );
    }

    #[test]
    fn shift_amounts_are_defined_in_c() {
        assert_eq!(
            int_bin(BinOp::Shl, 32, "a", "b").unwrap(),
            "(a << (b & 31))"
        );
    }
}
