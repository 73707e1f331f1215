// SPDX-License-Identifier: GPL-2.0-only
//! `extractelement`, `insertelement`, `shufflevector`.

use super::Parser;
use super::body::BodyBuilder;
use crate::error::Result;
use crate::ir::*;

impl<'a> Parser<'a> {
    /// What comparing values of type `ty` gives.
    pub(super) fn truth(&mut self, ty: TypeId) -> TypeId {
        match self.m.types.lanes(ty) {
            Some((n, _)) => self.m.types.intern(Type::Vector(n, Types::I1)),
            None => Types::I1,
        }
    }

    fn typed_vector(&mut self, b: &mut BodyBuilder<'a>) -> Result<(TypeId, Value<'a>, TypeId)> {
        let pos = self.pos;
        let (ty, value) = self.typed(b)?;
        match self.m.types.lanes(ty) {
            Some((_, element)) => Ok((ty, value, element)),
            None => {
                let shown = self.m.types.show(ty);
                self.fail_at(pos, format!("elements of {shown}, which is no vector"))
            }
        }
    }

    pub(super) fn extract_element(
        &mut self,
        b: &mut BodyBuilder<'a>,
    ) -> Result<(Op<'a>, Option<TypeId>)> {
        let (ty, value, element) = self.typed_vector(b)?;
        self.expect(b',')?;
        let (index_ty, index) = self.typed(b)?;
        Ok((
            Op::ExtractElement {
                ty,
                value,
                index_ty,
                index,
            },
            Some(element),
        ))
    }

    pub(super) fn insert_element(
        &mut self,
        b: &mut BodyBuilder<'a>,
    ) -> Result<(Op<'a>, Option<TypeId>)> {
        let (ty, value, expected) = self.typed_vector(b)?;
        self.expect(b',')?;
        let (given, element) = self.typed(b)?;
        if given != expected {
            return self.fail("`insertelement` of a value of another type than the elements'");
        }
        self.expect(b',')?;
        let (index_ty, index) = self.typed(b)?;
        Ok((
            Op::InsertElement {
                ty,
                value,
                element,
                index_ty,
                index,
            },
            Some(ty),
        ))
    }

    pub(super) fn shuffle(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        let (ty, a, element) = self.typed_vector(b)?;
        self.expect(b',')?;
        let (other, rhs) = self.typed(b)?;
        if other != ty {
            return self.fail("`shufflevector` of values of different types");
        }
        self.expect(b',')?;
        let mask_ty = self.ty()?;
        let Some((n, Types::I32)) = self.m.types.lanes(mask_ty) else {
            return self.fail("`shufflevector` by a mask that is no vector of i32");
        };
        let mask = match self.constant(mask_ty)? {
            Const::Zero => vec![Some(0); n as usize],
            Const::Undef => vec![None; n as usize],
            Const::Splat(_, c) => vec![index(&c); n as usize],
            Const::Agg(list) if list.len() as u64 == n => {
                list.iter().map(|(_, c)| index(c)).collect()
            }
            _ => return self.fail("unsupported mask of `shufflevector`"),
        };
        let to = self.m.types.intern(Type::Vector(n, element));
        Ok((
            Op::Shuffle {
                ty,
                a,
                b: rhs,
                mask,
                to,
            },
            Some(to),
        ))
    }
}

/// An element of a mask.
fn index(c: &Const<'_>) -> Option<u64> {
    match c {
        Const::Int(n) => u64::try_from(*n).ok(),
        Const::Zero => Some(0),
        _ => None,
    }
}
