// SPDX-License-Identifier: GPL-2.0-only
//! Instructions.

use super::Parser;
use super::body::BodyBuilder;
use crate::error::Result;
use crate::ir::*;
use crate::lexer::Tok;

impl<'a> Parser<'a> {
    pub(super) fn inst(&mut self, b: &mut BodyBuilder<'a>) -> Result<Inst<'a>> {
        let pos = self.pos;
        let name = if let Tok::Local(name) = self.tok {
            self.bump()?;
            self.expect(b'=')?;
            Some(name)
        } else {
            None
        };
        let (op, ty) = self.op(b)?;
        // `, !dbg !1, !range !2`: metadata may always be dropped.
        let mut dbg = None;
        while self.is(b',') || matches!(self.tok, Tok::Meta(_)) {
            self.accept(b',')?;
            match self.attachment()? {
                Some(("dbg", id)) => dbg = id,
                Some(_) => {}
                None => return self.fail(format!("unsupported operand {}", self.tok)),
            }
        }
        let result = match (name, ty) {
            (Some(name), Some(ty)) => Some(b.define(name.into(), ty, pos)?),
            (Some(name), None) => {
                return self.fail(format!("`%{name}` names an instruction without a result"));
            }
            (None, _) => None,
        };
        Ok(Inst {
            result,
            op,
            pos,
            dbg,
        })
    }

    /// An instruction and the type of its result, if it has one.
    fn op(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        let Tok::Word(opcode) = self.tok else {
            return self.unexpected("an instruction");
        };
        if let Some(mut op) = BinOp::from_word(opcode) {
            self.bump()?;
            let disjoint = self.tok == Tok::Word("disjoint");
            self.skip_flags()?;
            let (ty, a) = self.typed(b)?;
            self.expect(b',')?;
            let rhs = self.value(b, ty)?;
            // The same number, and a machine may shift and add at once. Not where a sum would need a carry or a cut.
            if disjoint && self.m.types.int_width(ty) == Some(32) {
                op = BinOp::Add;
            }
            return Ok((Op::Bin { op, ty, a, b: rhs }, Some(ty)));
        }
        if let Some(op) = CastOp::from_word(opcode) {
            self.bump()?;
            self.skip_flags()?;
            let (from, value) = self.typed(b)?;
            self.expect_word("to")?;
            let to = self.ty()?;
            return Ok((
                Op::Cast {
                    op,
                    from,
                    value,
                    to,
                },
                Some(to),
            ));
        }
        let pos = self.pos;
        self.bump()?;
        match opcode {
            "icmp" => {
                self.skip_flags()?;
                let word = self.any_word("a comparison")?;
                let Some(pred) = IntPred::from_word(word) else {
                    return self.fail(format!("unsupported comparison `{word}`"));
                };
                let (ty, a) = self.typed(b)?;
                self.expect(b',')?;
                let rhs = self.value(b, ty)?;
                Ok((
                    Op::ICmp {
                        pred,
                        ty,
                        a,
                        b: rhs,
                    },
                    Some(self.truth(ty)),
                ))
            }
            "fcmp" => {
                self.skip_flags()?;
                let word = self.any_word("a comparison")?;
                let Some(pred) = FloatPred::from_word(word) else {
                    return self.fail(format!("unsupported comparison `{word}`"));
                };
                let (ty, a) = self.typed(b)?;
                self.expect(b',')?;
                let rhs = self.value(b, ty)?;
                Ok((
                    Op::FCmp {
                        pred,
                        ty,
                        a,
                        b: rhs,
                    },
                    Some(self.truth(ty)),
                ))
            }
            "fneg" => {
                self.skip_flags()?;
                let (ty, a) = self.typed(b)?;
                Ok((Op::FNeg { ty, a }, Some(ty)))
            }
            "select" => {
                self.skip_flags()?;
                let (cond_ty, cond) = self.typed(b)?;
                if self.m.types.scalar(cond_ty) != Types::I1 {
                    return self.fail("`select` on a type that is not i1");
                }
                self.expect(b',')?;
                let (ty, a) = self.typed(b)?;
                self.expect(b',')?;
                let (other, rhs) = self.typed(b)?;
                if other != ty {
                    return self.fail("`select` between values of different types");
                }
                Ok((
                    Op::Select {
                        cond_ty,
                        cond,
                        ty,
                        a,
                        b: rhs,
                    },
                    Some(ty),
                ))
            }
            "phi" => self.phi(b),
            "br" => self.br(b),
            "switch" => self.switch(b),
            "indirectbr" => {
                let ptr = self.pointer(b)?;
                self.expect(b',')?;
                self.expect(b'[')?;
                let mut targets = Vec::new();
                while !self.is(b']') {
                    if !targets.is_empty() {
                        self.expect(b',')?;
                    }
                    targets.push(self.label(b)?);
                }
                self.bump()?;
                Ok((Op::IndirectBr { ptr, targets }, None))
            }
            "va_arg" => {
                let ptr = self.pointer(b)?;
                self.expect(b',')?;
                let ty = self.ty()?;
                Ok((Op::VaArg { ptr, ty }, Some(ty)))
            }
            "ret" => {
                let ty = self.ty()?;
                let value = if ty == Types::VOID {
                    None
                } else {
                    Some(self.value(b, ty)?)
                };
                Ok((Op::Ret { ty, value }, None))
            }
            "unreachable" => Ok((Op::Unreachable, None)),
            "load" => self.load(b),
            "store" => self.store(b),
            "alloca" => self.alloca(b),
            "getelementptr" => {
                let inbounds = self.gep_flags()?;
                let base = self.ty()?;
                self.expect(b',')?;
                let ptr = self.pointer(b)?;
                let mut indices = Vec::new();
                while self.next_operand()? {
                    indices.push(self.typed(b)?);
                }
                Ok((
                    Op::Gep(Gep {
                        inbounds,
                        base,
                        ptr,
                        indices,
                    }),
                    Some(Types::PTR),
                ))
            }
            "freeze" => {
                let (ty, value) = self.typed(b)?;
                Ok((Op::Freeze { ty, value }, Some(ty)))
            }
            "extractvalue" => {
                let (ty, value) = self.typed(b)?;
                let (path, member) = self.path(ty)?;
                Ok((Op::Extract { ty, value, path }, Some(member)))
            }
            "insertvalue" => {
                let (ty, value) = self.typed(b)?;
                self.expect(b',')?;
                let (member_ty, member) = self.typed(b)?;
                let (path, expected) = self.path(ty)?;
                if expected != member_ty {
                    return self.fail("`insertvalue` of a value of another type than the member's");
                }
                Ok((
                    Op::Insert {
                        ty,
                        value,
                        member_ty,
                        member,
                        path,
                    },
                    Some(ty),
                ))
            }
            "extractelement" => self.extract_element(b),
            "insertelement" => self.insert_element(b),
            "shufflevector" => self.shuffle(b),
            "fence" => Ok((Op::Fence(self.atomic()?), None)),
            "cmpxchg" => self.cmpxchg(b),
            "atomicrmw" => self.rmw(b),
            "call" => self.call(b),
            "tail" | "notail" if self.word("call")? => self.call(b),
            "musttail" => self.fail("unsupported `musttail call`"),
            _ => self.fail_at(pos, format!("unsupported instruction `{opcode}`")),
        }
    }

    /// Whether `,` and an operand rather than metadata follow; eats the `,`.
    pub(super) fn next_operand(&mut self) -> Result<bool> {
        if !self.is(b',') {
            return Ok(false);
        }
        let at = self.lx.clone().skip_space();
        if self.m.src.as_bytes().get(at) == Some(&b'!') {
            return Ok(false);
        }
        self.bump()?;
        Ok(true)
    }

    /// Flags that make a result poison: C computes some value instead.
    pub(super) fn skip_flags(&mut self) -> Result<()> {
        while let Tok::Word(
            "nuw" | "nsw" | "exact" | "disjoint" | "nneg" | "samesign" | "fast" | "nnan" | "ninf"
            | "nsz" | "arcp" | "contract" | "afn" | "reassoc",
        ) = self.tok
        {
            self.bump()?;
        }
        Ok(())
    }

    fn path(&mut self, ty: TypeId) -> Result<(Vec<u64>, TypeId)> {
        let mut path = Vec::new();
        let mut member = ty;
        while self.next_operand()? {
            let index = self.number()?;
            member = match self.m.types.member(member, index) {
                Some(m) => m,
                None => {
                    return self.fail(format!(
                        "no member {index} in {}",
                        self.m.types.show(member)
                    ));
                }
            };
            path.push(index);
        }
        if path.is_empty() {
            self.unexpected("an index")
        } else {
            Ok((path, member))
        }
    }

    fn phi(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        self.skip_flags()?;
        let ty = self.ty()?;
        let mut incoming = Vec::new();
        loop {
            self.expect(b'[')?;
            let value = self.value(b, ty)?;
            self.expect(b',')?;
            let Tok::Local(name) = self.tok else {
                return self.unexpected("a block");
            };
            incoming.push((value, b.block(name.into(), self.pos)));
            self.bump()?;
            self.expect(b']')?;
            if !self.next_operand()? {
                return Ok((Op::Phi { ty, incoming }, Some(ty)));
            }
        }
    }

    fn br(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        if self.tok == Tok::Word("label") {
            return Ok((Op::Br { to: self.label(b)? }, None));
        }
        let (ty, cond) = self.typed(b)?;
        if ty != Types::I1 {
            return self.fail("`br` on a type that is not i1");
        }
        self.expect(b',')?;
        let then = self.label(b)?;
        self.expect(b',')?;
        let other = self.label(b)?;
        Ok((Op::CondBr { cond, then, other }, None))
    }

    fn switch(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        let (ty, value) = self.typed(b)?;
        self.expect(b',')?;
        let default = self.label(b)?;
        self.expect(b'[')?;
        let mut cases = Vec::new();
        while !self.is(b']') {
            if self.ty()? != ty {
                return self.fail("`switch` case of another type than the value's");
            }
            let n = self.case_value(ty)?;
            self.expect(b',')?;
            cases.push((n, self.label(b)?));
        }
        self.bump()?;
        Ok((
            Op::Switch {
                ty,
                value,
                default,
                cases,
            },
            None,
        ))
    }
}
