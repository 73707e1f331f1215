// SPDX-License-Identifier: GPL-2.0-only
//! C types for IR types.

use super::{Class, Ctx, container, mask};
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
    /// Functions for aggregates with odd integers in them.
    helpers: FxHashMap<(TypeId, Helper), Rc<str>>,
    definitions: String,
}

/// What a function for an aggregate type does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Helper {
    /// Cuts every integer to its width.
    Cut,
    /// Reads one from memory, member by member.
    Read,
    /// Writes one to memory, member by member.
    Write,
    /// Reads one from volatile memory that is so aligned, each scalar by an access of its own size.
    ReadVolatile(u64),
    /// Writes one to volatile memory that is so aligned, each scalar by an access of its own size.
    WriteVolatile(u64),
}

impl Helper {
    /// The same for a member that lies `offset` bytes behind the start.
    fn behind(self, offset: u64) -> Self {
        let left = |align: u64| match offset {
            0 => align,
            n => align.min(1 << n.trailing_zeros()),
        };
        match self {
            Helper::ReadVolatile(align) => Helper::ReadVolatile(left(align)),
            Helper::WriteVolatile(align) => Helper::WriteVolatile(left(align)),
            same => same,
        }
    }
}

/// Refuses what is larger than half of the address space, as GCC does.
pub(super) fn fits(what: &str, bytes: u64) -> Result<()> {
    if bytes > i32::MAX as u64 {
        return Err(Error::new(format!("unsupported {what} of {bytes} bytes")));
    }
    Ok(())
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
        fits("value", self.m.types.size(ty))?;
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
            Type::Array(n, e) | Type::Vector(n, e) => {
                let element = self.ctype(*e)?;
                let align = self.m.types.align(ty);
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
    /// the variable that holds it is larger; such a struct goes to memory member by member.
    fn struct_type(&mut self, ty: TypeId, fields: &[TypeId], packed: bool) -> Result<Rc<str>> {
        let m = self.m;
        let offsets = m.types.offsets(fields, packed);
        let mut body = String::new();
        let mut end = 0;
        for (i, (&field, &offset)) in fields.iter().zip(&offsets).enumerate() {
            let c = self.ctype(field)?;
            if offset > end {
                let _ = write!(body, " u8 p{i}[{}];", offset - end);
            }
            let _ = write!(body, " {c} f{i};");
            end = end.max(offset) + m.types.size(field);
        }
        let total = m.types.size(ty);
        if total > end {
            let _ = write!(body, " u8 p[{}];", total - end);
        }
        let align = m.types.align(ty);
        let name: Rc<str> = format!("struct T{}", ty.0).into();
        let _ = writeln!(
            self.types.definitions,
            "{name} {{{body} }} __attribute__((packed, aligned({align})));"
        );
        Ok(name)
    }

    /// The function that cuts every integer in an aggregate to its width.
    pub(super) fn cutter(&mut self, ty: TypeId) -> Result<Rc<str>> {
        self.helper(ty, Helper::Cut)
    }

    /// The function that reads an aggregate from memory, member by member.
    pub(super) fn reader(&mut self, ty: TypeId) -> Result<Rc<str>> {
        self.helper(ty, Helper::Read)
    }

    /// The function that writes an aggregate to memory, member by member.
    pub(super) fn writer(&mut self, ty: TypeId) -> Result<Rc<str>> {
        self.helper(ty, Helper::Write)
    }

    /// The function that reads an aggregate from volatile memory.
    pub(super) fn volatile_reader(&mut self, ty: TypeId, align: u32) -> Result<Rc<str>> {
        let align = self.m.types.align(ty).min(align.into());
        self.helper(ty, Helper::ReadVolatile(align))
    }

    /// The function that writes an aggregate to volatile memory.
    pub(super) fn volatile_writer(&mut self, ty: TypeId, align: u32) -> Result<Rc<str>> {
        let align = self.m.types.align(ty).min(align.into());
        self.helper(ty, Helper::WriteVolatile(align))
    }

    fn helper(&mut self, ty: TypeId, what: Helper) -> Result<Rc<str>> {
        if let Some(name) = self.types.helpers.get(&(ty, what)) {
            return Ok(name.clone());
        }
        let m = self.m;
        let c = self.ctype(ty)?;
        let mut body = String::new();
        match m.types.get(ty) {
            Type::Array(n, e) | Type::Vector(n, e) => {
                let size = m.types.size(*e);
                let place = format!("(p + i * {size}u)");
                let step = self.member(*e, what.behind(size), "x.e[i]", &place)?;
                let _ = write!(body, "for (u32 i = 0; i < {n}u; i++) {{ {step}}} ");
            }
            Type::Struct { fields, packed } => {
                let offsets = m.types.offsets(fields, *packed);
                for (i, (&field, offset)) in fields.iter().zip(offsets).enumerate() {
                    let (x, place) = (format!("x.f{i}"), format!("(p + {offset})"));
                    let step = self.member(field, what.behind(offset), &x, &place)?;
                    body.push_str(&step);
                }
            }
            _ => return Err(Error::new(format!("no aggregate: {}", m.types.show(ty)))),
        }
        let (name, parameters): (String, String) = match what {
            Helper::Cut => ("cut".into(), format!("{c} x")),
            Helper::Read => ("read".into(), "const u8 *p".into()),
            Helper::Write => ("write".into(), format!("u8 *p, {c} x")),
            Helper::ReadVolatile(align) => (format!("read_volatile{align}"), "ptr p".into()),
            Helper::WriteVolatile(align) => {
                (format!("write_volatile{align}"), format!("ptr p, {c} x"))
            }
        };
        let name: Rc<str> = format!("T{}_{name}", ty.0).into();
        let (ret, local, tail) = match what {
            Helper::Cut => (&*c, String::new(), "return x; "),
            Helper::Read | Helper::ReadVolatile(_) => (&*c, format!("{c} x; "), "return x; "),
            Helper::Write | Helper::WriteVolatile(_) => ("void", String::new(), ""),
        };
        let _ = writeln!(
            self.types.definitions,
            "LL_FN {ret} {name}({parameters}) {{ {local}{body}{tail}}}"
        );
        self.types.helpers.insert((ty, what), name.clone());
        Ok(name)
    }

    /// What a helper does for one member: the C lvalue `x`, in memory at `p`.
    fn member(&mut self, ty: TypeId, what: Helper, x: &str, p: &str) -> Result<String> {
        let m = self.m;
        let measure = m.types.measure(ty);
        let bytes = m.types.store_size(ty);
        Ok(match (what, m.types.int_width(ty)) {
            (Helper::Cut, _) if !measure.odd => String::new(),
            (Helper::Cut, Some(width)) => format!("{x} = {}; ", mask(width, x)),
            (Helper::Cut, None) => format!("{x} = {}({x}); ", self.cutter(ty)?),
            (Helper::Read | Helper::ReadVolatile(_), Some(width)) if measure.spread => {
                let text = format!("ll_load_bytes({p}, {bytes})");
                let text = match Class::of(width) {
                    Class::C128 => text,
                    _ => format!("({}){text}.lo", container(width)),
                };
                format!("{x} = {}; ", mask(width, &text))
            }
            (Helper::Write | Helper::WriteVolatile(_), Some(width)) if measure.spread => {
                match Class::of(width) {
                    Class::C128 => format!("ll_store_bytes({p}, {x}, {bytes}); "),
                    _ => format!("ll_store_bytes({p}, ll_zext128({x}), {bytes}); "),
                }
            }
            (Helper::ReadVolatile(_) | Helper::WriteVolatile(_), None)
                if m.types.is_aggregate(ty) =>
            {
                let f = self.helper(ty, what)?;
                match what {
                    Helper::ReadVolatile(_) => format!("{x} = {f}({p}); "),
                    _ => format!("{f}({p}, {x}); "),
                }
            }
            (Helper::ReadVolatile(align), width) => {
                let c = self.ctype(ty)?;
                let text = format!("*(volatile {c}_a{} *){p}", align.min(bytes));
                let text = width.map_or(text.clone(), |width| mask(width, &text));
                format!("{x} = {text}; ")
            }
            (Helper::WriteVolatile(align), _) => {
                let c = self.ctype(ty)?;
                format!("*(volatile {c}_a{} *){p} = {x}; ", align.min(bytes))
            }
            (Helper::Read, None) if measure.spread => format!("{x} = {}({p}); ", self.reader(ty)?),
            (Helper::Write, None) if measure.spread => format!("{}({p}, {x}); ", self.writer(ty)?),
            // What lies in memory as it does in C is copied as bytes.
            (Helper::Read, _) => {
                let copy = format!("__builtin_memcpy(&{x}, {p}, sizeof({x})); ");
                copy + &self.member(ty, Helper::Cut, x, p)?
            }
            (Helper::Write, _) => format!("__builtin_memcpy({p}, &{x}, sizeof({x})); "),
        })
    }

    /// A C struct of `size` bytes aligned to `align`, for calls that pass or return it by value.
    ///
    /// GCC classifies structs by size and alignment on every subject here, so what is inside does not matter.
    pub(super) fn by_value(&mut self, size: u64, align: u64) -> Result<Rc<str>> {
        fits("value", size)?;
        let round = self.subject.struct_round;
        if !size.is_multiple_of(round) {
            return Err(Error::new(format!(
                "unsupported struct of {size} bytes by value: on {} C rounds it up to {round}",
                self.subject.name
            )));
        }
        // A C struct's size is a multiple of its alignment; what IR says beyond that is about one object only.
        let align = align.clamp(1, 1 << size.trailing_zeros().min(12));
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
