// SPDX-License-Identifier: GPL-2.0-only
//! `load`, `store`, `alloca`, `cmpxchg`, `atomicrmw`, and the orderings of `fence`.

use super::Parser;
use super::body::BodyBuilder;
use crate::error::Result;
use crate::ir::*;
use crate::lexer::Tok;

impl<'a> Parser<'a> {
    fn ordering(&mut self) -> Result<Ordering> {
        let pos = self.pos;
        let word = self.any_word("a memory ordering")?;
        match Ordering::from_word(word) {
            Some(order) => Ok(order),
            None => self.fail_at(pos, format!("unsupported memory ordering `{word}`")),
        }
    }

    fn scope(&mut self) -> Result<bool> {
        if !self.word("syncscope")? {
            return Ok(false);
        }
        self.expect(b'(')?;
        let scope = self.string()?;
        self.expect(b')')?;
        match scope {
            "singlethread" => Ok(true),
            "" => Ok(false),
            other => self.fail(format!("unsupported `syncscope(\"{other}\")`")),
        }
    }

    pub(super) fn atomic(&mut self) -> Result<Atomic> {
        let single = self.scope()?;
        Ok(Atomic {
            order: self.ordering()?,
            single,
        })
    }

    /// `, align N`; without it the ABI alignment of `ty`.
    fn access_align(&mut self, ty: TypeId) -> Result<u32> {
        if self.next_operand()? {
            self.expect_word("align")?;
            return self.promised_alignment();
        }
        Ok(self.m.types.align(ty) as u32)
    }

    pub(super) fn load(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        let is_atomic = self.word("atomic")?;
        let volatile = self.word("volatile")?;
        let ty = self.ty()?;
        self.expect(b',')?;
        let ptr = self.pointer(b)?;
        let atomic = if is_atomic {
            Some(self.atomic()?)
        } else {
            None
        };
        let align = self.access_align(ty)?;
        Ok((
            Op::Load {
                ty,
                ptr,
                access: Access {
                    align,
                    volatile,
                    atomic,
                },
            },
            Some(ty),
        ))
    }

    pub(super) fn store(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        let is_atomic = self.word("atomic")?;
        let volatile = self.word("volatile")?;
        let (ty, value) = self.typed(b)?;
        self.expect(b',')?;
        let ptr = self.pointer(b)?;
        let atomic = if is_atomic {
            Some(self.atomic()?)
        } else {
            None
        };
        let align = self.access_align(ty)?;
        Ok((
            Op::Store {
                ty,
                value,
                ptr,
                access: Access {
                    align,
                    volatile,
                    atomic,
                },
            },
            None,
        ))
    }

    pub(super) fn alloca(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        if let Tok::Word(w @ ("inalloca" | "swifterror")) = self.tok {
            return self.fail(format!("unsupported `alloca {w}`"));
        }
        let ty = self.ty()?;
        let mut align = self.m.types.align(ty) as u32;
        let mut count = None;
        while self.next_operand()? {
            match self.tok {
                Tok::Word("align") => {
                    self.bump()?;
                    align = self.alignment()?;
                }
                Tok::Word("addrspace") => {
                    return self.fail("unsupported `alloca` in an address space");
                }
                _ => count = Some(self.typed(b)?),
            }
        }
        Ok((Op::Alloca { ty, count, align }, Some(Types::PTR)))
    }

    pub(super) fn cmpxchg(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        let weak = self.word("weak")?;
        let volatile = self.word("volatile")?;
        let ptr = self.pointer(b)?;
        self.expect(b',')?;
        let (ty, expected) = self.typed(b)?;
        self.expect(b',')?;
        let (new_ty, new) = self.typed(b)?;
        if ty != new_ty {
            return self.fail("`cmpxchg` of values of different types");
        }
        let atomic = Some(self.atomic()?);
        let failure = self.ordering()?;
        let align = self.atomic_align(ty)?;
        let result = self.m.types.intern(Type::Struct {
            fields: vec![ty, Types::I1],
            packed: false,
        });
        let access = Access {
            align,
            volatile,
            atomic,
        };
        Ok((
            Op::CmpXchg {
                ty,
                ptr,
                expected,
                new,
                access,
                failure,
                weak,
            },
            Some(result),
        ))
    }

    pub(super) fn rmw(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        let volatile = self.word("volatile")?;
        let word = self.any_word("an operation")?;
        let Some(op) = RmwOp::from_word(word) else {
            return self.fail(format!("unsupported `atomicrmw {word}`"));
        };
        let ptr = self.pointer(b)?;
        self.expect(b',')?;
        let (ty, value) = self.typed(b)?;
        let atomic = Some(self.atomic()?);
        let align = self.atomic_align(ty)?;
        Ok((
            Op::Rmw {
                op,
                ty,
                ptr,
                value,
                access: Access {
                    align,
                    volatile,
                    atomic,
                },
            },
            Some(ty),
        ))
    }

    /// Without `align`, read-modify-write is aligned to its size.
    fn atomic_align(&mut self, ty: TypeId) -> Result<u32> {
        let size = self.m.types.store_size(ty) as u32;
        if self.is(b',') {
            self.access_align(ty)
        } else {
            Ok(size.next_power_of_two())
        }
    }
}
