// SPDX-License-Identifier: GPL-2.0-only
//! Constants and conversions: that they have the types that they are used with.

use super::err;
use crate::error::Result;
use crate::ir::*;
use crate::lexer::unescape;

pub(super) fn cast(m: &Module<'_>, op: CastOp, from: TypeId, to: TypeId) -> Result<()> {
    use CastOp::*;
    let t = &m.types;
    if op != Bitcast
        && let (Some((n, from)), Some((count, to))) = (t.lanes(from), t.lanes(to))
        && n == count
    {
        return cast(m, op, from, to);
    }
    let (fi, ti) = (t.int_width(from), t.int_width(to));
    let float = |ty| matches!(t.get(ty), Type::Float | Type::Double);
    let ok = match op {
        Trunc => matches!((fi, ti), (Some(a), Some(b)) if a > b),
        ZExt | SExt => matches!((fi, ti), (Some(a), Some(b)) if a < b),
        PtrToInt | PtrToAddr => from == Types::PTR && ti.is_some(),
        IntToPtr => fi.is_some() && to == Types::PTR,
        Bitcast => {
            let scalar = |ty| t.int_width(ty).is_some() || float(ty);
            let vector = |ty| t.lanes(ty).is_some();
            // Of the vectors that are packed by bits, those of i1 become numbers and come from them.
            let bits = |ty| t.lanes(ty).is_some_and(|(n, e)| n <= 64 && e == Types::I1);
            let plain = |ty| (scalar(ty) || vector(ty)) && t.is_plain_vector(ty);
            let fits = (plain(from) && plain(to))
                || (bits(from) && ti.is_some())
                || (bits(to) && fi.is_some());
            from == to
                || (scalar(from) && scalar(to) && t.store_size(from) == t.store_size(to))
                || (fits && (vector(from) || vector(to)) && t.bits(from) == t.bits(to))
        }
        FpTrunc => *t.get(from) == Type::Double && *t.get(to) == Type::Float,
        FpExt => *t.get(from) == Type::Float && *t.get(to) == Type::Double,
        FpToUi | FpToSi => float(from) && ti.is_some(),
        UiToFp | SiToFp => float(to) && fi.is_some(),
    };
    if ok {
        Ok(())
    } else {
        err(format!(
            "unsupported `{}` from {} to {}",
            op.word(),
            t.show(from),
            t.show(to)
        ))
    }
}

/// That a constant can be a `ty`.
pub(super) fn constant(m: &Module<'_>, ty: TypeId, c: &Const<'_>) -> Result<()> {
    let t = &m.types;
    let ok = match c {
        Const::Int(_) => t.int_width(ty).is_some(),
        Const::Float(_) => matches!(t.get(ty), Type::Float | Type::Double),
        Const::Null | Const::Sym(_) => ty == Types::PTR,
        Const::Zero | Const::Undef => true,
        Const::Agg(members) => match t.get(ty) {
            Type::Struct { fields, .. } => {
                fields.len() == members.len()
                    && fields.iter().zip(members).all(|(f, (t, _))| f == t)
            }
            Type::Array(n, e) | Type::Vector(n, e) => {
                *n == members.len() as u64 && members.iter().all(|(t, _)| t == e)
            }
            _ => false,
        },
        Const::Splat(given, c) => {
            constant(m, *given, c)?;
            t.lanes(ty).is_some_and(|(_, e)| e == *given)
        }
        Const::Bytes(text) => {
            matches!(t.get(ty), Type::Array(n, e) if *e == Types::I8 && *n == unescape(text).len() as u64)
        }
        Const::Expr(e) => match &**e {
            ConstExpr::Gep(_) => ty == Types::PTR,
            ConstExpr::Cast {
                op,
                from,
                value,
                to,
            } => {
                cast(m, *op, *from, *to)?;
                constant(m, *from, value)?;
                *to == ty
            }
            ConstExpr::Bin {
                ty: inner, a, b, ..
            } => {
                constant(m, *inner, a)?;
                constant(m, *inner, b)?;
                *inner == ty
            }
        },
    };
    if !ok {
        return err(format!("a constant that is no {}", t.show(ty)));
    }
    if let Const::Agg(members) = c {
        members.iter().try_for_each(|(t, c)| constant(m, *t, c))?;
    }
    Ok(())
}
