// SPDX-License-Identifier: GPL-2.0-only
//! Constants as sums of addresses and a number: the difference of two places in one variable is a number, however it is written.

use super::constant::gep_offset;
use super::mem::signed_value;
use crate::ir::*;
use crate::parse::cut;
use std::collections::BTreeMap;

/// A constant integer or address, modulo 2 to the power of its width.
pub(super) struct Sum {
    width: u32,
    /// How often each symbol's address is in it; never 0 times.
    pub terms: BTreeMap<SymId, u128>,
    pub number: u128,
}

impl Sum {
    fn number(width: u32, n: u128) -> Self {
        Self {
            width,
            terms: BTreeMap::new(),
            number: cut(n, width),
        }
    }

    /// Adds `other`, `times` times.
    fn add(mut self, other: &Sum, times: u128) -> Self {
        for (&sym, n) in &other.terms {
            let all = self.terms.entry(sym).or_default();
            *all = cut(all.wrapping_add(n.wrapping_mul(times)), self.width);
        }
        self.terms.retain(|_, n| *n != 0);
        self.number = cut(
            self.number.wrapping_add(other.number.wrapping_mul(times)),
            self.width,
        );
        self
    }

    /// The same of another width. A wider one is only known where no address is left, as that may wrap around.
    fn resize(self, width: u32) -> Option<Self> {
        if width > self.width && !self.terms.is_empty() {
            return None;
        }
        Some(Self::number(width, 0).add(&self, 1))
    }

    /// The address in it, if there is one alone and once.
    pub fn only_address(&self) -> Option<SymId> {
        match self.terms.iter().next() {
            Some((&sym, 1)) if self.terms.len() == 1 => Some(sym),
            _ => None,
        }
    }

    /// Whether a term is to be subtracted, once.
    pub fn is_minus(&self, times: u128) -> bool {
        times == cut(u128::MAX, self.width)
    }
}

/// `c` of type `ty` as a sum, if it is one.
pub(super) fn sum(m: &Module<'_>, ty: TypeId, c: &Const<'_>) -> Option<Sum> {
    let pointer = m.types.layout().ptr_size as u32 * 8;
    let width = |ty: TypeId| match m.types.get(ty) {
        Type::Int(width) => Some(*width),
        Type::Ptr => Some(pointer),
        _ => None,
    };
    let own = width(ty)?;
    match c {
        Const::Int(n) => Some(Sum::number(own, *n)),
        Const::Zero | Const::Null => Some(Sum::number(own, 0)),
        Const::Sym(sym) => {
            let mut sum = Sum::number(own, 0);
            sum.terms.insert(*sym, 1);
            Some(sum)
        }
        Const::Expr(e) => match &**e {
            ConstExpr::Cast {
                op:
                    CastOp::PtrToInt
                    | CastOp::PtrToAddr
                    | CastOp::IntToPtr
                    | CastOp::Trunc
                    | CastOp::ZExt,
                from,
                value,
                ..
            } => sum(m, *from, value)?.resize(own),
            ConstExpr::Bin { op, ty, a, b } => {
                let (a, b) = (sum(m, *ty, a)?, sum(m, *ty, b)?);
                match op {
                    BinOp::Add => Some(a.add(&b, 1)),
                    BinOp::Sub => Some(a.add(&b, u128::MAX)),
                    BinOp::Xor if a.terms.is_empty() && b.terms.is_empty() => {
                        Some(Sum::number(own, a.number ^ b.number))
                    }
                    _ => None,
                }
            }
            ConstExpr::Gep(gep) => {
                let base = sum(m, Types::PTR, &gep.ptr)?;
                let [(index_ty, index)] = &gep.indices[..] else {
                    let offset = gep_offset(m, gep).ok()?;
                    return Some(base.add(&Sum::number(own, offset as u128), 1));
                };
                let mut index = sum(m, *index_ty, index)?;
                if index.width != own {
                    let signed = signed_value(index.number, index.width);
                    index = (index.terms.is_empty()).then(|| Sum::number(own, signed as u128))?;
                }
                Some(base.add(&index, u128::from(m.types.size(gep.base))))
            }
            ConstExpr::Cast { .. } => None,
        },
        _ => None,
    }
}

/// The number that a constant without an address left in it is, canonical for its type's width.
pub(super) fn fold(m: &Module<'_>, ty: TypeId, c: &Const<'_>) -> Option<u128> {
    let sum = sum(m, ty, c)?;
    sum.terms.is_empty().then_some(sum.number)
}
