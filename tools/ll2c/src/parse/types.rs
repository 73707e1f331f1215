// SPDX-License-Identifier: GPL-2.0-only
//! Types.

use super::{MAX_DEPTH, Named, Parser};
use crate::error::Result;
use crate::ir::{Type, TypeId, Types};
use crate::lexer::{Lexer, Tok};

/// Wider integers than two limbs of 64 bits are rejected.
pub(super) const MAX_WIDTH: u32 = 128;

/// Larger vectors are taken for a mistake.
const MAX_LANES: u64 = 1024;

impl Parser<'_> {
    /// Whether the current token can start a type.
    pub(super) fn at_type(&self) -> bool {
        match self.tok {
            Tok::Word(w) => {
                matches!(
                    w,
                    "void"
                        | "ptr"
                        | "float"
                        | "double"
                        | "metadata"
                        | "label"
                        | "half"
                        | "bfloat"
                        | "fp128"
                        | "token"
                ) || w
                    .strip_prefix('i')
                    .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            }
            Tok::Local(_) => true,
            Tok::Punct(c) => matches!(c, b'[' | b'{' | b'<'),
            _ => false,
        }
    }

    pub(super) fn ty(&mut self) -> Result<TypeId> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("types nested too deeply");
        }
        let pos = self.pos;
        let ty = self.ty_inner();
        self.depth -= 1;
        if let Ok(ty) = ty
            && self.m.types.size(ty) > u64::from(u32::MAX)
        {
            let shown = self.m.types.show(ty);
            return self.fail_at(pos, format!("unsupported type of more than 4 GiB: {shown}"));
        }
        ty
    }

    fn ty_inner(&mut self) -> Result<TypeId> {
        let ty = match self.tok {
            Tok::Word("ptr") => {
                self.bump()?;
                if self.tok == Tok::Word("addrspace") {
                    return self.fail("unsupported type `ptr addrspace`");
                }
                return Ok(Types::PTR);
            }
            Tok::Word("void") => Type::Void,
            Tok::Word("float") => Type::Float,
            Tok::Word("double") => Type::Double,
            Tok::Word("metadata") => Type::Metadata,
            Tok::Word(w) if self.at_type() => {
                match w.strip_prefix('i').and_then(|n| n.parse().ok()) {
                    Some(n @ 1..=MAX_WIDTH) => Type::Int(n),
                    Some(n) => {
                        return self.fail(format!(
                            "unsupported type `i{n}`: integers are 1 to {MAX_WIDTH} bits wide here"
                        ));
                    }
                    None => return self.fail(format!("unsupported type `{w}`")),
                }
            }
            Tok::Local(name) => {
                let ty = self.named_type(name)?;
                self.bump()?;
                return Ok(ty);
            }
            Tok::Punct(b'[') => {
                self.bump()?;
                let n = self.number()?;
                self.expect_word("x")?;
                let e = self.ty()?;
                self.in_memory(e)?;
                self.expect(b']')?;
                return Ok(self.m.types.intern(Type::Array(n, e)));
            }
            Tok::Punct(b'{') => {
                let fields = self.fields()?;
                return Ok(self.m.types.intern(Type::Struct {
                    fields,
                    packed: false,
                }));
            }
            Tok::Punct(b'<') => {
                self.bump()?;
                if !self.is(b'{') {
                    return self.vector();
                }
                let fields = self.fields()?;
                self.expect(b'>')?;
                return Ok(self.m.types.intern(Type::Struct {
                    fields,
                    packed: true,
                }));
            }
            _ => return self.unexpected("a type"),
        };
        self.bump()?;
        Ok(self.m.types.intern(ty))
    }

    fn fields(&mut self) -> Result<Vec<TypeId>> {
        self.expect(b'{')?;
        let mut fields = Vec::new();
        while !self.is(b'}') {
            if !fields.is_empty() {
                self.expect(b',')?;
            }
            let field = self.ty()?;
            self.in_memory(field)?;
            fields.push(field);
        }
        self.bump()?;
        Ok(fields)
    }

    /// `N x T>`
    fn vector(&mut self) -> Result<TypeId> {
        if self.tok == Tok::Word("vscale") {
            return self.fail("unsupported vector of a size that the machine chooses");
        }
        let n = self.number()?;
        if !(1..=MAX_LANES).contains(&n) {
            return self.fail(format!(
                "unsupported vector of {n} elements: at most {MAX_LANES} here"
            ));
        }
        self.expect_word("x")?;
        let e = self.ty()?;
        if !matches!(
            self.m.types.get(e),
            Type::Int(_) | Type::Ptr | Type::Float | Type::Double
        ) {
            let shown = self.m.types.show(e);
            return self.fail(format!("unsupported vector of {shown}"));
        }
        self.expect(b'>')?;
        Ok(self.m.types.intern(Type::Vector(n, e)))
    }

    /// Refuses a vector that is packed by bits as a part of a type that C must lay out.
    fn in_memory(&mut self, ty: TypeId) -> Result<()> {
        if self.m.types.is_plain_vector(ty) {
            return Ok(());
        }
        let shown = self.m.types.show(ty);
        self.fail(format!(
            "unsupported {shown} in memory: it is packed by bits"
        ))
    }

    /// The type that `%name` stands for, read at its definition on first use.
    fn named_type(&mut self, name: &str) -> Result<TypeId> {
        let at = match self.named.get_mut(name) {
            Some(Named::Known(ty)) => return Ok(*ty),
            Some(Named::Busy) => return self.fail(format!("type `%{name}` contains itself")),
            Some(slot @ Named::At(_)) => match std::mem::replace(slot, Named::Busy) {
                Named::At(at) => at,
                _ => 0,
            },
            None => return self.fail(format!("type `%{name}` is not defined")),
        };
        let saved = (self.lx.clone(), self.tok, self.pos);
        self.lx = Lexer::new(self.m.src, at);
        self.bump()?;
        let ty = if self.tok == Tok::Word("opaque") {
            self.m.types.intern(Type::Opaque)
        } else {
            self.ty()?
        };
        (self.lx, self.tok, self.pos) = saved;
        if let Some(slot) = self.named.get_mut(name) {
            *slot = Named::Known(ty);
        }
        Ok(ty)
    }
}
