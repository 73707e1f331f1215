// SPDX-License-Identifier: GPL-2.0-only
//! Conversions.

use super::function::Lower;
use super::{Class, container, mask, signed};
use crate::error::{Error, Result};
use crate::ir::*;

impl Lower<'_, '_, '_> {
    pub(super) fn cast(
        &mut self,
        result: Option<LocalId>,
        op: CastOp,
        from: TypeId,
        value: &Value<'_>,
        to: TypeId,
    ) -> Result<()> {
        if op == CastOp::Bitcast && from != to && self.is_vector(from, to) {
            return self.vector_bitcast(result, from, value, to);
        }
        if let CastOp::FpTrunc | CastOp::UiToFp | CastOp::SiToFp = op {
            self.ctx.rounds = true;
        }
        let v = self.value(from, value)?;
        let types = &self.ctx.m.types;
        let (fw, tw) = (types.int_width(from), types.int_width(to));
        let expr = match (op, fw, tw) {
            (CastOp::Trunc, Some(fw), Some(tw)) => int_trunc(fw, tw, &v),
            (CastOp::ZExt, Some(fw), Some(tw)) => int_zext(fw, tw, &v),
            (CastOp::SExt, Some(fw), Some(tw)) => int_sext(fw, tw, &v),
            (CastOp::PtrToInt | CastOp::PtrToAddr, _, Some(tw)) => ptr_to_int(tw, &v),
            (CastOp::IntToPtr, Some(fw), _) => int_to_ptr(fw, &v),
            (CastOp::Bitcast, _, _) => bitcast(types, from, to, &v)?,
            (CastOp::FpTrunc | CastOp::FpExt, _, _) => format!(
                "({}){v}",
                if op == CastOp::FpTrunc {
                    "float"
                } else {
                    "double"
                }
            ),
            (CastOp::FpToUi, _, Some(tw @ 65..)) => mask(tw, &format!("ll_whole128({v})")),
            (CastOp::FpToSi, _, Some(tw @ 65..)) => mask(tw, &format!("ll_fptosi128({v})")),
            (CastOp::UiToFp, Some(65..), _) => format!("ll_u128_{}({v})", float_suffix(types, to)),
            (CastOp::SiToFp, Some(fw @ 65..), _) => {
                format!("ll_s128_{}({})", float_suffix(types, to), signed(fw, &v))
            }
            (CastOp::FpToUi, _, Some(tw)) => {
                // Out of range is poison; through the wider signed type the conversion is defined for more.
                let wide = if tw < 32 {
                    "(s32)"
                } else if tw < 64 {
                    "(s64)"
                } else {
                    "(u64)"
                };
                mask(tw, &format!("({}){wide}{v}", container(tw)))
            }
            (CastOp::FpToSi, _, Some(tw)) => mask(
                tw,
                &format!(
                    "({})({}){v}",
                    container(tw),
                    if tw <= 32 { "s32" } else { "s64" }
                ),
            ),
            (CastOp::UiToFp, Some(_), _) => format!("({}){v}", float_name(types, to)),
            (CastOp::SiToFp, Some(fw), _) => {
                format!("({})({})", float_name(types, to), signed(fw, &v))
            }
            _ => {
                return Err(Error::new(format!(
                    "unsupported `{}` from {} to {}",
                    op.word(),
                    types.show(from),
                    types.show(to)
                )));
            }
        };
        self.set(result, &expr)
    }
}

fn float_name(types: &Types, ty: TypeId) -> &'static str {
    if *types.get(ty) == Type::Float {
        "float"
    } else {
        "double"
    }
}

/// What helpers for a floating-point type are called.
pub(super) fn float_suffix(types: &Types, ty: TypeId) -> &'static str {
    if *types.get(ty) == Type::Float {
        "f32"
    } else {
        "f64"
    }
}

/// `v` cut from `from` to `to` bits.
pub(super) fn int_trunc(from: u32, to: u32, v: &str) -> String {
    if Class::of(from) == Class::C128 {
        return match Class::of(to) {
            Class::C128 => mask(to, v),
            _ => mask(to, &format!("({}){v}.lo", container(to))),
        };
    }
    mask(to, &format!("({}){v}", container(to)))
}

pub(super) fn int_zext(from: u32, to: u32, v: &str) -> String {
    match (Class::of(from), Class::of(to)) {
        (Class::C128, _) => v.to_owned(),
        (_, Class::C128) => format!("ll_zext128({v})"),
        _ => format!("({}){v}", container(to)),
    }
}

fn int_sext(from: u32, to: u32, v: &str) -> String {
    match (Class::of(from), Class::of(to)) {
        (Class::C128, _) => mask(to, &format!("ll_sext128({v}, {from})")),
        (_, Class::C128) => mask(to, &format!("ll_sext128(ll_zext128({v}), {from})")),
        _ => mask(to, &format!("({})({})", container(to), signed(from, v))),
    }
}

/// To a width other than a pointer's, the number is cut or zero-extended.
pub(super) fn ptr_to_int(to: u32, v: &str) -> String {
    match Class::of(to) {
        Class::C128 => format!("ll_zext128((uptr){v})"),
        _ => mask(to, &format!("({})(uptr){v}", container(to))),
    }
}

pub(super) fn int_to_ptr(from: u32, v: &str) -> String {
    match Class::of(from) {
        Class::C128 => format!("(ptr)(uptr){v}.lo"),
        _ => format!("(ptr)(uptr){v}"),
    }
}

fn bitcast(types: &Types, from: TypeId, to: TypeId, v: &str) -> Result<String> {
    Ok(match (types.get(from), types.get(to)) {
        (a, b) if a == b => v.to_owned(),
        (Type::Float, Type::Int(32)) => format!("ll_bits_f32({v})"),
        (Type::Double, Type::Int(64)) => format!("ll_bits_f64({v})"),
        (Type::Int(32), Type::Float) => format!("ll_f32({v})"),
        (Type::Int(64), Type::Double) => format!("ll_f64({v})"),
        _ => {
            return Err(Error::new(format!(
                "unsupported `bitcast` from {} to {}",
                types.show(from),
                types.show(to)
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_extension_stops_at_the_width() {
        assert_eq!(int_sext(8, 24, "x"), "((u32)((s32)(s8)x)) & 0xffffffu");
        assert_eq!(int_sext(32, 64, "x"), "(u64)((s32)x)");
        assert_eq!(int_sext(64, 128, "x"), "ll_sext128(ll_zext128(x), 64)");
    }
}
