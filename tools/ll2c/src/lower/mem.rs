// SPDX-License-Identifier: GPL-2.0-only
//! `load`, `store`, `alloca`, `getelementptr`.

use super::function::Lower;
use super::{Class, container, mask};
use crate::error::{Error, Result};
use crate::ir::*;
use std::fmt::Write;

/// How values of a type lie in memory.
enum Form {
    /// As a C type that has `_aN` variants up to its own size.
    Direct(&'static str, u64),
    /// So many bytes of an integer of this width.
    Bytes(u64, u32),
    /// As a struct, copied.
    Aggregate(u64),
}

impl Lower<'_, '_, '_> {
    fn form(&self, ty: TypeId) -> Result<Form> {
        let m = self.ctx.m;
        Ok(match m.types.get(ty) {
            // A container with more bytes than the value would touch its neighbours.
            Type::Int(width) => match (container(*width), u64::from(width.div_ceil(8))) {
                (c @ "u8", 1) => Form::Direct(c, 1),
                (c @ "u16", 2) => Form::Direct(c, 2),
                (c @ "u32", 4) => Form::Direct(c, 4),
                (c @ "u64", 8) => Form::Direct(c, 8),
                (c @ "u128", 16) => Form::Direct(c, 16),
                (_, bytes) => Form::Bytes(bytes, *width),
            },
            Type::Ptr => Form::Direct("ptr", m.types.layout().ptr_size),
            Type::Float => Form::Direct("float", 4),
            Type::Double => Form::Direct("double", 8),
            Type::Array(..) | Type::Struct { .. } | Type::Vector(..) => {
                Form::Aggregate(m.types.store_size(ty))
            }
            _ => {
                return Err(Error::new(format!(
                    "unsupported value of type {} in memory",
                    m.types.show(ty)
                )));
            }
        })
    }

    /// A pointer that the compiler may take to be so aligned.
    pub(super) fn assume_aligned(p: &str, align: u32) -> String {
        if align > 1 {
            format!("__builtin_assume_aligned({p}, {align})")
        } else {
            p.to_owned()
        }
    }

    pub(super) fn load(
        &mut self,
        result: Option<LocalId>,
        ty: TypeId,
        ptr: &Value<'_>,
        access: &Access,
    ) -> Result<()> {
        if access.atomic.is_some() {
            return self.atomic_load(result, ty, ptr, access);
        }
        let p = self.value(Types::PTR, ptr)?;
        let expr = match self.form(ty)? {
            Form::Direct(c, size) => {
                let align = u64::from(access.align).min(size);
                let volatile = if access.volatile { "volatile " } else { "" };
                let text = format!("*({volatile}{c}_a{align} *){p}");
                match self.ctx.m.types.int_width(ty) {
                    Some(width) => mask(width, &text),
                    None => text,
                }
            }
            Form::Bytes(n, width) => {
                let text = format!("ll_load_bytes({p}, {n})");
                match Class::of(width) {
                    Class::C128 => mask(width, &text),
                    _ => mask(width, &format!("({}){text}.lo", container(width))),
                }
            }
            Form::Aggregate(size) => {
                if access.volatile {
                    let reader = self.ctx.volatile_reader(ty, access.align)?;
                    return self.set_effect(result, &format!("{reader}({p})"));
                }
                let Some(id) = result.filter(|&id| self.is_read(id)) else {
                    return Ok(());
                };
                let var = self.var(id).to_owned();
                if self.ctx.m.types.measure(ty).spread {
                    let reader = self.ctx.reader(ty)?;
                    return self.set(result, &format!("{reader}({p})"));
                }
                let text = format!(
                    "__builtin_memcpy(&{var}, {}, {size});",
                    Self::assume_aligned(&p, access.align)
                );
                self.e.statement(&text);
                return self.cut(ty, &var);
            }
        };
        if access.volatile {
            self.set_effect(result, &expr)
        } else {
            self.set(result, &expr)
        }
    }

    pub(super) fn store(
        &mut self,
        ty: TypeId,
        value: &Value<'_>,
        ptr: &Value<'_>,
        access: &Access,
    ) -> Result<()> {
        if access.atomic.is_some() {
            return self.atomic_store(ty, value, ptr, access);
        }
        let p = self.value(Types::PTR, ptr)?;
        if *value == Value::Const(Const::Undef) && !access.volatile {
            return Ok(()); // any value will do, also the one that is there
        }
        let v = self.value(ty, value)?;
        let text = match self.form(ty)? {
            Form::Direct(c, size) => {
                let align = u64::from(access.align).min(size);
                let volatile = if access.volatile { "volatile " } else { "" };
                format!("*({volatile}{c}_a{align} *){p} = {v};")
            }
            Form::Bytes(n, width) => {
                let wide = if Class::of(width) == Class::C128 {
                    v
                } else {
                    format!("ll_zext128({v})")
                };
                format!("ll_store_bytes({p}, {wide}, {n});")
            }
            Form::Aggregate(size) => {
                if access.volatile {
                    let writer = self.ctx.volatile_writer(ty, access.align)?;
                    self.e.statement(&format!("{writer}({p}, {v});"));
                    return Ok(());
                }
                let c = self.ctx.ctype(ty)?;
                if self.ctx.m.types.measure(ty).spread {
                    let writer = self.ctx.writer(ty)?;
                    self.e.statement(&format!("{writer}({p}, {v});"));
                    return Ok(());
                }
                format!(
                    "{{ {c} t = {v}; __builtin_memcpy({}, &t, {size}); }}",
                    Self::assume_aligned(&p, access.align)
                )
            }
        };
        self.e.statement(&text);
        Ok(())
    }

    pub(super) fn alloca(
        &mut self,
        result: Option<LocalId>,
        ty: TypeId,
        count: Option<&(TypeId, Value<'_>)>,
        align: u32,
    ) -> Result<()> {
        let Some(id) = result.filter(|&id| self.is_read(id)) else {
            return Ok(());
        };
        let m = self.ctx.m;
        let size = m.types.size(ty);
        let fixed = match count {
            None => Some(size),
            Some((_, Value::Const(Const::Int(n)))) => {
                Some(u64::try_from(*n).unwrap_or(u64::MAX).saturating_mul(size))
            }
            Some(_) => None,
        };
        super::ctypes::fits("`alloca`", fixed.unwrap_or(0))?;
        let var = self.var(id).to_owned();
        match fixed {
            Some(bytes) if self.block == 0 => {
                let storage = var.replacen('v', "m", 1);
                let _ = writeln!(
                    self.extra,
                    "\tu8 {storage}[{}] __attribute__((aligned({align})));",
                    bytes.max(1)
                );
                self.set(result, &storage)
            }
            _ => {
                let bytes = match (fixed, count) {
                    (Some(bytes), _) => bytes.to_string(),
                    (None, Some((ty, n))) => {
                        let width = self.int_width(*ty)?;
                        let n = self.value(*ty, n)?;
                        let n = if Class::of(width) == Class::C128 {
                            format!("{n}.lo")
                        } else {
                            n
                        };
                        format!("(uptr){n} * {size}")
                    }
                    (None, None) => return Err(Error::new("unsupported `alloca` of that size")),
                };
                self.set(
                    result,
                    &format!(
                        "__builtin_alloca_with_align({bytes}, {})",
                        u64::from(align) * 8
                    ),
                )
            }
        }
    }

    pub(super) fn gep(&mut self, result: Option<LocalId>, gep: &Gep<Value<'_>>) -> Result<()> {
        let p = self.value(Types::PTR, &gep.ptr)?;
        let mut constant: i128 = 0;
        let mut terms: Vec<String> = Vec::new();
        let m = self.ctx.m;
        let mut ty = gep.base;
        for (i, (index_ty, index)) in gep.indices.iter().enumerate() {
            if i > 0
                && let Type::Struct { fields, packed } = m.types.get(ty)
            {
                let Value::Const(Const::Int(n)) = index else {
                    return Err(Error::new(
                        "`getelementptr` into a struct by an index that is no number",
                    ));
                };
                let offsets = m.types.offsets(fields, *packed);
                let n = usize::try_from(*n).unwrap_or(usize::MAX);
                let (Some(offset), Some(&field)) = (offsets.get(n), fields.get(n)) else {
                    return Err(Error::new(format!("no member {n} in {}", m.types.show(ty))));
                };
                constant = constant.wrapping_add(i128::from(*offset));
                ty = field;
                continue;
            }
            if i > 0 {
                ty = match m.types.get(ty) {
                    Type::Array(_, e) | Type::Vector(_, e) => *e,
                    _ => {
                        return Err(Error::new(format!(
                            "`getelementptr` into {}",
                            m.types.show(ty)
                        )));
                    }
                };
            }
            let size = m.types.size(ty);
            let width = self.int_width(*index_ty)?;
            match index {
                Value::Const(Const::Int(n)) => {
                    constant = constant
                        .wrapping_add(signed_value(*n, width).wrapping_mul(i128::from(size)));
                }
                Value::Const(Const::Zero) => {}
                _ => {
                    let v = self.value(*index_ty, index)?;
                    // Indices are signed and cut or extended to a pointer's width.
                    let v = match width {
                        32 => v,
                        65.. => format!("(u32){v}.lo"),
                        33.. => format!("(u32){v}"),
                        8 => format!("(u32)(s8){v}"),
                        16 => format!("(u32)(s16){v}"),
                        _ => format!("(u32)ll_sext32({v}, {width})"),
                    };
                    match size {
                        0 => {}
                        1 => terms.push(v),
                        _ => terms.push(format!("{v} * {size}u")),
                    }
                }
            }
        }
        let constant = constant as i32;
        if terms.is_empty() {
            let sign = if constant < 0 { '-' } else { '+' };
            let expr = match (constant, gep.inbounds) {
                (0, _) => p,
                (_, true) => format!("{p} {sign} {}", constant.unsigned_abs()),
                (_, false) => format!("(ptr)((uptr){p} {sign} {}u)", constant.unsigned_abs()),
            };
            return self.set(result, &expr);
        }
        if constant != 0 {
            terms.push(format!("{}u", constant as u32));
        }
        let offset = terms.join(" + ");
        // Outside an object, C's pointers must not go; numbers may.
        let expr = if gep.inbounds {
            format!("{p} + (s32)({offset})")
        } else {
            format!("(ptr)((uptr){p} + ({offset}))")
        };
        self.set(result, &expr)
    }
}

/// A canonical number as what it means signed.
pub(super) fn signed_value(n: u128, width: u32) -> i128 {
    ((n << (128 - width)) as i128) >> (128 - width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_values_of_odd_widths() {
        assert_eq!(signed_value(0xff_ffff, 24), -1);
        assert_eq!(signed_value(0x7f_ffff, 24), 0x7f_ffff);
        assert_eq!(signed_value(u128::MAX, 128), -1);
    }
}
