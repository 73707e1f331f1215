// SPDX-License-Identifier: GPL-2.0-only
//! `icmp`, `fcmp`, `select`.

use super::function::Lower;
use super::{Class, signed};
use crate::error::Result;
use crate::ir::*;

impl Lower<'_, '_, '_> {
    pub(super) fn icmp(
        &mut self,
        result: Option<LocalId>,
        pred: IntPred,
        ty: TypeId,
        a: &Value<'_>,
        b: &Value<'_>,
    ) -> Result<()> {
        let a = self.value(ty, a)?;
        let b = self.value(ty, b)?;
        // Pointers are compared as numbers: C orders only those into one object.
        let expr = match self.ctx.m.types.int_width(ty) {
            None => int_cmp(pred, 32, &format!("(uptr){a}"), &format!("(uptr){b}")),
            Some(width) => int_cmp(pred, width, &a, &b),
        };
        self.set(result, &expr)
    }

    pub(super) fn fcmp(
        &mut self,
        result: Option<LocalId>,
        pred: FloatPred,
        ty: TypeId,
        a: &Value<'_>,
        b: &Value<'_>,
    ) -> Result<()> {
        let a = self.value(ty, a)?;
        let b = self.value(ty, b)?;
        let expr = match pred {
            FloatPred::False => "0".to_owned(),
            FloatPred::True => "1".to_owned(),
            FloatPred::Oeq => format!("{a} == {b}"),
            FloatPred::Ogt => format!("{a} > {b}"),
            FloatPred::Oge => format!("{a} >= {b}"),
            FloatPred::Olt => format!("{a} < {b}"),
            FloatPred::Ole => format!("{a} <= {b}"),
            FloatPred::One => format!("{a} < {b} || {a} > {b}"),
            FloatPred::Ord => format!("{a} == {a} && {b} == {b}"),
            // The unordered ones are the ordered opposites, negated.
            FloatPred::Ueq => format!("!({a} < {b} || {a} > {b})"),
            FloatPred::Ugt => format!("!({a} <= {b})"),
            FloatPred::Uge => format!("!({a} < {b})"),
            FloatPred::Ult => format!("!({a} >= {b})"),
            FloatPred::Ule => format!("!({a} > {b})"),
            FloatPred::Une => format!("{a} != {b}"),
            FloatPred::Uno => format!("{a} != {a} || {b} != {b}"),
        };
        self.set(result, &expr)
    }

    pub(super) fn select(
        &mut self,
        result: Option<LocalId>,
        cond: &Value<'_>,
        ty: TypeId,
        a: &Value<'_>,
        b: &Value<'_>,
    ) -> Result<()> {
        let cond = self.value(Types::I1, cond)?;
        let a = self.value(ty, a)?;
        let b = self.value(ty, b)?;
        self.set(result, &format!("{cond} ? {a} : {b}"))
    }
}

/// A comparison of canonical operands: 0 or 1.
pub(super) fn int_cmp(pred: IntPred, width: u32, a: &str, b: &str) -> String {
    use IntPred::*;
    if Class::of(width) == Class::C128 {
        let (sa, sb) = (signed(width, a), signed(width, b));
        return match pred {
            Eq => format!("ll_eq128({a}, {b})"),
            Ne => format!("!ll_eq128({a}, {b})"),
            Ult => format!("ll_ult128({a}, {b})"),
            Ugt => format!("ll_ult128({b}, {a})"),
            Uge => format!("!ll_ult128({a}, {b})"),
            Ule => format!("!ll_ult128({b}, {a})"),
            Slt => format!("ll_slt128({sa}, {sb})"),
            Sgt => format!("ll_slt128({sb}, {sa})"),
            Sge => format!("!ll_slt128({sa}, {sb})"),
            Sle => format!("!ll_slt128({sb}, {sa})"),
        };
    }
    let op = match pred {
        Eq => "==",
        Ne => "!=",
        Ult | Slt => "<",
        Ugt | Sgt => ">",
        Ule | Sle => "<=",
        Uge | Sge => ">=",
    };
    match pred {
        Slt | Sgt | Sle | Sge => format!("{} {op} {}", signed(width, a), signed(width, b)),
        _ => format!("{a} {op} {b}"),
    }
}
