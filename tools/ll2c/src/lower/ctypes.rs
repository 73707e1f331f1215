// SPDX-License-Identifier: GPL-2.0-only
//! C types for IR types.

use super::{Ctx, container};
use crate::error::{Error, Result};
use crate::ir::{Type, TypeId};
use rustc_hash::FxHashMap;
use std::fmt::Write;
use std::rc::Rc;

/// The C types that were asked for, with the definitions of the structs among them.
#[derive(Debug, Default)]
pub(super) struct CTypes {
    names: FxHashMap<TypeId, Rc<str>>,
    by_value: FxHashMap<(u64, u64), Rc<str>>,
    definitions: String,
}

impl CTypes {
    pub(super) fn definitions(&self) -> &str {
        &self.definitions
    }
}

impl Ctx<'_, '_> {
    /// The C type of values of type `ty`.
    pub(super) fn ctype(&mut self, ty: TypeId) -> Result<Rc<str>> {
        if let Some(name) = self.types.names.get(&ty) {
            return Ok(name.clone());
        }
        let name: Rc<str> = match self.m.types.get(ty) {
            Type::Void => "void".into(),
            Type::Int(width) => container(*width).into(),
            Type::Ptr => "ptr".into(),
            Type::Float => "float".into(),
            Type::Double => "double".into(),
            Type::Metadata | Type::Opaque => {
                return Err(Error::new(format!(
                    "unsupported value of type {}",
                    self.m.types.show(ty)
                )));
            }
            Type::Array(n, e) => {
                let element = self.ctype(*e)?;
                let align = self.m.layout.align(&self.m.types, ty);
                let name: Rc<str> = format!("struct T{}", ty.0).into();
                let _ = writeln!(
                    self.types.definitions,
                    "{name} {{ {element} e[{n}]; }} __attribute__((packed, aligned({align})));"
                );
                name
            }
            Type::Struct { fields, packed } => self.struct_type(ty, fields, *packed)?,
        };
        self.types.names.insert(ty, name.clone());
        Ok(name)
    }

    /// Every byte is spelt out: C's own layout has no say. Only a struct with an odd integer may be laid out differently, where
    /// the variable that holds it is larger; such a struct never goes to memory as a whole.
    fn struct_type(&mut self, ty: TypeId, fields: &[TypeId], packed: bool) -> Result<Rc<str>> {
        let m = self.m;
        let offsets = m.layout.offsets(&m.types, fields, packed);
        let mut body = String::new();
        let mut end = 0;
        for (i, (&field, &offset)) in fields.iter().zip(&offsets).enumerate() {
            let c = self.ctype(field)?;
            if offset > end {
                let _ = write!(body, " u8 p{i}[{}];", offset - end);
            }
            let _ = write!(body, " {c} f{i};");
            end = end.max(offset) + m.layout.size(&m.types, field);
        }
        let total = m.layout.size(&m.types, ty);
        if total > end {
            let _ = write!(body, " u8 p[{}];", total - end);
        }
        let align = m.layout.align(&m.types, ty);
        let name: Rc<str> = format!("struct T{}", ty.0).into();
        let _ = writeln!(
            self.types.definitions,
            "{name} {{{body} }} __attribute__((packed, aligned({align})));"
        );
        Ok(name)
    }

    /// A C struct of `size` bytes aligned to `align`, for calls that pass or return it by value.
    ///
    /// GCC classifies structs by size and alignment on every subject here, so what is inside does not matter.
    pub(super) fn by_value(&mut self, size: u64, align: u64) -> Result<Rc<str>> {
        let round = self.subject.struct_round;
        if !size.is_multiple_of(round) {
            return Err(Error::new(format!(
                "unsupported struct of {size} bytes by value: on {} C rounds it up to {round}",
                self.subject.name
            )));
        }
        // A C struct's size is a multiple of its alignment; what IR says beyond that is about one object only.
        let align = align.clamp(1, 1 << size.trailing_zeros().min(4));
        if let Some(name) = self.types.by_value.get(&(size, align)) {
            return Ok(name.clone());
        }
        let name: Rc<str> = format!("struct B{size}_{align}").into();
        let (unit, bytes) = match align {
            1 => ("u8", 1),
            2 => ("u16", 2),
            4 => ("u32", 4),
            _ => ("u64", 8),
        };
        let _ = writeln!(
            self.types.definitions,
            "{name} {{ {unit} b[{}]; }} __attribute__((aligned({align}), may_alias));",
            size / bytes
        );
        self.types.by_value.insert((size, align), name.clone());
        Ok(name)
    }
}
