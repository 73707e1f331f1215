// SPDX-License-Identifier: GPL-2.0-only
//! `extractvalue`, `insertvalue`.

use super::Ctx;
use super::function::Lower;
use crate::error::{Error, Result};
use crate::ir::*;
use std::fmt::Write;

impl Ctx<'_, '_> {
    /// `.f0.e[3]`
    pub(super) fn member_path(&self, ty: TypeId, path: &[u64]) -> Result<String> {
        let types = &self.m.types;
        let mut text = String::new();
        let mut ty = ty;
        for &index in path {
            let _ = match types.get(ty) {
                Type::Array(..) => write!(text, ".e[{index}]"),
                _ => write!(text, ".f{index}"),
            };
            ty = types
                .member(ty, index)
                .ok_or_else(|| Error::new(format!("no member {index} in {}", types.show(ty))))?;
        }
        Ok(text)
    }
}

impl Lower<'_, '_, '_> {
    pub(super) fn extract(
        &mut self,
        result: Option<LocalId>,
        ty: TypeId,
        value: &Value<'_>,
        path: &[u64],
    ) -> Result<()> {
        let v = self.value(ty, value)?;
        let member = self.ctx.member_path(ty, path)?;
        self.set(result, &format!("{v}{member}"))
    }

    pub(super) fn insert(
        &mut self,
        result: Option<LocalId>,
        ty: TypeId,
        value: &Value<'_>,
        member_ty: TypeId,
        member: &Value<'_>,
        path: &[u64],
    ) -> Result<()> {
        let Some(id) = result.filter(|&id| self.is_read(id)) else {
            return Ok(());
        };
        let m = self.value(member_ty, member)?;
        let at = self.ctx.member_path(ty, path)?;
        let var = self.var(id).to_owned();
        // Over an undefined aggregate, the rest may stay what it was, if its type has any value that its variable may have.
        if *value != Value::Const(Const::Undef) || self.ctx.m.types.measure(ty).narrow {
            let v = self.value(ty, value)?;
            self.e.statement(&format!("{var} = {v};"));
        }
        self.e.statement(&format!("{var}{at} = {m};"));
        Ok(())
    }
}
