// SPDX-License-Identifier: GPL-2.0-only
//! Constants as C expressions inside functions, and what both uses of constants share.

use super::mem::signed_value;
use super::sum::{Sum, fold, sum};
use super::{Class, Ctx, container};
use crate::error::{Error, Result};
use crate::ir::*;
use crate::lexer::unescape;
use std::fmt::Write as _;

/// The bits of the `float` that IR writes as these bits of a `double`. A conversion would make a signalling NaN a quiet one.
pub(super) fn single_bits(bits: u64) -> u32 {
    let x = f64::from_bits(bits);
    if !x.is_nan() {
        return (x as f32).to_bits();
    }
    let sign = (bits >> 32) as u32 & 1 << 31;
    let payload = (bits >> 29) as u32 & 0x7f_ffff;
    // A payload that a `float` has no room for must not make it an infinity.
    sign | 0x7f80_0000 | if payload == 0 { 1 << 22 } else { payload }
}

impl Ctx<'_, '_> {
    /// A constant of type `ty` as a C expression.
    pub(super) fn constant(&mut self, ty: TypeId, c: &Const<'_>) -> Result<String> {
        Ok(match c {
            Const::Int(n) => {
                let width = self.m.types.int_width(ty).unwrap_or(32);
                match Class::of(width) {
                    Class::C128 => format!("LL128({:#x}ull, {:#x}ull)", n >> 64, *n as u64),
                    Class::C64 => format!("{n}ull"),
                    Class::C32 if container(width) == "u32" => format!("{n}u"),
                    // Cast, so that a wrapped-around sum is not computed wider than the value is.
                    Class::C32 => format!("(({}){n})", container(width)),
                }
            }
            Const::Float(bits) => match self.m.types.get(ty) {
                Type::Float => format!("ll_f32({:#x}u)", single_bits(*bits)),
                _ => format!("ll_f64({bits:#x}ull)"),
            },
            Const::Null => "((ptr)0)".into(),
            Const::Sym(sym) => self.address(*sym),
            Const::Zero | Const::Undef => {
                let c = self.ctype(ty)?;
                match self.m.types.get(ty) {
                    Type::Struct { .. } | Type::Array(..) | Type::Vector(..) => {
                        format!("(({c}){{}})")
                    }
                    Type::Int(w) if Class::of(*w) == Class::C128 => "LL128(0, 0)".into(),
                    _ => format!("(({c})0)"),
                }
            }
            Const::Agg(members) => {
                let c = self.ctype(ty)?;
                let array = matches!(self.m.types.get(ty), Type::Array(..) | Type::Vector(..));
                let mut parts = Vec::new();
                for (i, (t, m)) in members.iter().enumerate() {
                    let v = self.constant(*t, m)?;
                    parts.push(if array {
                        format!("[{i}] = {v}")
                    } else {
                        format!(".f{i} = {v}")
                    });
                }
                let parts = parts.join(", ");
                if array {
                    format!("(({c}){{ {{ {parts} }} }})")
                } else {
                    format!("(({c}){{ {parts} }})")
                }
            }
            Const::Splat(element, value) => {
                let c = self.ctype(ty)?;
                let v = self.constant(*element, value)?;
                let last = self.m.types.lanes(ty).map_or(0, |(n, _)| n - 1);
                format!("(({c}){{ {{ [0 ... {last}] = {v} }} }})")
            }
            Const::Bytes(text) => {
                let c = self.ctype(ty)?;
                let list = unescape(text)
                    .iter()
                    .map(u8::to_string)
                    .collect::<Vec<_>>()
                    .join(", ");
                format!("(({c}){{ {{ {list} }} }})")
            }
            Const::Expr(e) => match &**e {
                ConstExpr::Gep(gep) => match self.const_gep(gep) {
                    Ok((base, 0)) => base,
                    Ok((base, offset)) => format!("((ptr)((uptr){base} + {}u))", offset as u32),
                    Err(error) => {
                        let sum = sum(self.m, ty, c).ok_or(error)?;
                        self.sum(&sum)
                    }
                },
                ConstExpr::Cast {
                    op,
                    from,
                    value,
                    to,
                } => {
                    let v = self.constant(*from, value)?;
                    let fw = self.m.types.int_width(*from);
                    match (op, fw, self.m.types.int_width(*to)) {
                        (CastOp::PtrToInt | CastOp::PtrToAddr, _, Some(tw)) => {
                            format!("({})", super::cast::ptr_to_int(tw, &v))
                        }
                        (CastOp::IntToPtr, Some(fw), _) => {
                            format!("({})", super::cast::int_to_ptr(fw, &v))
                        }
                        (CastOp::Trunc, Some(fw), Some(tw)) => {
                            format!("({})", super::cast::int_trunc(fw, tw, &v))
                        }
                        (CastOp::ZExt, Some(fw), Some(tw)) => {
                            format!("({})", super::cast::int_zext(fw, tw, &v))
                        }
                        (CastOp::Bitcast, _, _) if from == to => v,
                        _ => {
                            return Err(Error::new(format!(
                                "unsupported constant `{}`",
                                op.word()
                            )));
                        }
                    }
                }
                ConstExpr::Bin { op, ty, a, b } => {
                    let width = self.m.types.int_width(*ty).unwrap_or(32);
                    let a = self.constant(*ty, a)?;
                    let b = self.constant(*ty, b)?;
                    format!("({})", super::arith::int_bin(*op, width, &a, &b)?)
                }
            },
        })
    }

    /// A symbol's address. A function's is taken as a function's: on some subjects that is a descriptor.
    pub(super) fn address(&self, sym: SymId) -> String {
        let name = self.names.c(sym);
        let base = self.aliased(sym);
        if let Def::Function(_) = self.m.symbols[base.0 as usize].def {
            format!("((ptr){name})")
        } else {
            format!("((ptr)&{name})")
        }
    }

    /// The base and the byte offset of a constant address.
    pub(super) fn const_gep(&mut self, gep: &Gep<Const<'_>>) -> Result<(String, i64)> {
        let offset = gep_offset(self.m, gep)?;
        if let Const::Expr(inner) = &gep.ptr
            && let ConstExpr::Gep(inner) = &**inner
        {
            let (base, more) = self.const_gep(inner)?;
            return Ok((base, offset.wrapping_add(more)));
        }
        Ok((self.constant(Types::PTR, &gep.ptr)?, offset))
    }

    /// An address that is a sum of several, as a number.
    fn sum(&self, sum: &Sum) -> String {
        let mut text = String::from("((ptr)(");
        for (&sym, &times) in &sum.terms {
            let address = self.address(sym);
            let _ = if sum.is_minus(times) {
                write!(text, "0u - (uptr){address} + ")
            } else {
                write!(text, "{}u * (uptr){address} + ", times as u32)
            };
        }
        let _ = write!(text, "{}u))", sum.number as u32);
        text
    }
}

/// How many bytes a constant address is from its base.
pub(super) fn gep_offset(m: &Module<'_>, gep: &Gep<Const<'_>>) -> Result<i64> {
    let mut offset: i64 = 0;
    let mut ty = gep.base;
    for (i, (index_ty, index)) in gep.indices.iter().enumerate() {
        let n = match index {
            Const::Int(n) => signed_value(*n, m.types.int_width(*index_ty).unwrap_or(32)) as i64,
            Const::Zero => 0,
            _ if let Some(n) = fold(m, *index_ty, index) => {
                signed_value(n, m.types.int_width(*index_ty).unwrap_or(32)) as i64
            }
            _ => {
                return Err(Error::new(
                    "unsupported constant `getelementptr` by an index that is no number",
                ));
            }
        };
        match m.types.get(ty) {
            Type::Struct { fields, packed } if i > 0 => {
                let at = usize::try_from(n).ok().filter(|&n| n < fields.len());
                let Some(at) = at else {
                    return Err(Error::new(format!("no member {n} in {}", m.types.show(ty))));
                };
                offset = offset.wrapping_add(m.types.offsets(fields, *packed)[at] as i64);
                ty = fields[at];
                continue;
            }
            Type::Array(_, e) | Type::Vector(_, e) if i > 0 => ty = *e,
            _ if i > 0 => {
                return Err(Error::new(format!(
                    "`getelementptr` into {}",
                    m.types.show(ty)
                )));
            }
            _ => {}
        }
        offset = offset.wrapping_add(n.wrapping_mul(m.types.size(ty) as i64));
    }
    Ok(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nans_keep_their_bits() {
        for (double, single) in [
            (0x7ff4_0000_0000_0000, 0x7fa0_0000),
            (0xfff0_0000_2000_0000, 0xff80_0001),
            (0x7ff8_0000_0000_0000, 0x7fc0_0000),
            (0x7ff0_0000_0000_0001, 0x7fc0_0000),
            (0x7ff0_0000_0000_0000, 0x7f80_0000),
            (0x3ff0_0000_0000_0000, 0x3f80_0000),
        ] {
            assert_eq!(single_bits(double), single, "{double:x}");
        }
    }
}
