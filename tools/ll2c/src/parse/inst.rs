// SPDX-License-Identifier: GPL-2.0-only
//! Function bodies.

use super::Parser;
use crate::error::{Error, Result};
use crate::ir::*;
use crate::lexer::Tok;
use rustc_hash::FxHashMap;

/// A body while it is read.
#[derive(Default)]
pub(super) struct BodyBuilder<'a> {
    body: Body<'a>,
    locals: FxHashMap<&'a str, LocalId>,
    blocks: FxHashMap<&'a str, BlockId>,
    /// The blocks in the order of the text; ids are given in the order of naming.
    order: Vec<BlockId>,
    /// Unnamed parameters so far: the entry block's number if it has no name.
    unnamed: u32,
}

/// Decimal names of unnamed locals.
fn number_name(n: u32) -> &'static str {
    const NAMES: [&str; 40] = [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
        "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31",
        "32", "33", "34", "35", "36", "37", "38", "39",
    ];
    NAMES.get(n as usize).copied().unwrap_or("")
}

impl<'a> BodyBuilder<'a> {
    fn local(&mut self, name: &'a str, pos: u32) -> LocalId {
        let locals = &mut self.body.locals;
        *self.locals.entry(name).or_insert_with(|| {
            locals.push(Local {
                name,
                ty: Types::VOID,
                defined: false,
                pos,
            });
            LocalId(locals.len() as u32 - 1)
        })
    }

    fn define(&mut self, name: &'a str, ty: TypeId, pos: u32) -> Result<LocalId> {
        let id = self.local(name, pos);
        let local = &mut self.body.locals[id.0 as usize];
        if local.defined {
            return Err(Error::new(format!("`%{name}` is defined twice")));
        }
        *local = Local {
            name,
            ty,
            defined: true,
            pos,
        };
        Ok(id)
    }

    fn block(&mut self, name: &'a str, pos: u32) -> BlockId {
        let blocks = &mut self.body.blocks;
        *self.blocks.entry(name).or_insert_with(|| {
            blocks.push(Block {
                name,
                insts: Vec::new(),
                pos,
            });
            BlockId(blocks.len() as u32 - 1)
        })
    }
}

impl<'a> Parser<'a> {
    pub(super) fn parameter(
        &mut self,
        b: &mut BodyBuilder<'a>,
        name: Option<&'a str>,
        ty: TypeId,
    ) -> Result<()> {
        let name = match name {
            Some(n) => n,
            None => number_name(b.unnamed),
        };
        if name.is_empty() {
            return self.fail("unnamed parameter after the fortieth");
        }
        if name.bytes().all(|c| c.is_ascii_digit()) {
            b.unnamed += 1;
        }
        b.define(name, ty, self.pos)?;
        Ok(())
    }

    pub(super) fn body(&mut self, mut b: BodyBuilder<'a>) -> Result<Body<'a>> {
        let mut current: Option<BlockId> = None;
        while !self.is(b'}') {
            if let Tok::Label(name) = self.tok {
                let id = b.block(name, self.pos);
                if b.order.contains(&id) && !b.body.blocks[id.0 as usize].insts.is_empty() {
                    return self.fail(format!("block `{name}` is defined twice"));
                }
                b.order.push(id);
                current = Some(id);
                self.bump()?;
                continue;
            }
            if let Tok::Hash(name) = self.tok {
                // A debug record: `#dbg_value(…)`, one line.
                if !name.starts_with("dbg_") {
                    return self.unexpected("an instruction");
                }
                self.lx.skip_line();
                self.bump()?;
                continue;
            }
            if self.tok == Tok::Word("uselistorder") {
                return self.fail("unsupported `uselistorder`");
            }
            let id = match current {
                Some(id) => id,
                None => {
                    let name = number_name(b.unnamed);
                    let id = b.block(if name.is_empty() { "entry" } else { name }, self.pos);
                    b.order.push(id);
                    current = Some(id);
                    id
                }
            };
            let inst = self.inst(&mut b)?;
            b.body.blocks[id.0 as usize].insts.push(inst);
        }
        self.finish(b)
    }

    /// Puts the blocks into the order of the text.
    fn finish(&self, b: BodyBuilder<'a>) -> Result<Body<'a>> {
        let mut body = b.body;
        let mut place = vec![u32::MAX; body.blocks.len()];
        for (i, id) in b.order.iter().enumerate() {
            place[id.0 as usize] = i as u32;
        }
        if let Some(i) = place.iter().position(|&p| p == u32::MAX) {
            let block = &body.blocks[i];
            return Err(Error::new(format!("block `{}` is not defined", block.name))
                .at(self.m.src, block.pos));
        }
        if body.blocks.is_empty() {
            return self.fail("function without a block");
        }
        let mut blocks: Vec<Block<'a>> = b
            .order
            .iter()
            .map(|id| std::mem::take(&mut body.blocks[id.0 as usize]))
            .collect();
        let mv = |id: &mut BlockId| id.0 = place[id.0 as usize];
        for inst in blocks.iter_mut().flat_map(|b| &mut b.insts) {
            match &mut inst.op {
                Op::Phi { incoming, .. } => incoming.iter_mut().for_each(|(_, b)| mv(b)),
                Op::Br { to } => mv(to),
                Op::CondBr { then, other, .. } => {
                    mv(then);
                    mv(other);
                }
                Op::Switch { default, cases, .. } => {
                    mv(default);
                    cases.iter_mut().for_each(|(_, b)| mv(b));
                }
                _ => {}
            }
        }
        body.blocks = blocks;
        Ok(body)
    }

    fn value(&mut self, b: &mut BodyBuilder<'a>, ty: TypeId) -> Result<Value<'a>> {
        if let Tok::Local(name) = self.tok {
            let id = b.local(name, self.pos);
            self.bump()?;
            return Ok(Value::Local(id));
        }
        if self.tok == Tok::Word("asm") {
            return self.fail("unsupported inline assembly as a value");
        }
        self.constant(ty).map(Value::Const)
    }

    fn typed(&mut self, b: &mut BodyBuilder<'a>) -> Result<(TypeId, Value<'a>)> {
        let ty = self.ty()?;
        Ok((ty, self.value(b, ty)?))
    }

    fn pointer(&mut self, b: &mut BodyBuilder<'a>) -> Result<Value<'a>> {
        let (ty, value) = self.typed(b)?;
        if ty == Types::PTR {
            Ok(value)
        } else {
            self.fail(format!("expected a `ptr`, found {}", self.m.types.show(ty)))
        }
    }

    fn label(&mut self, b: &mut BodyBuilder<'a>) -> Result<BlockId> {
        self.expect_word("label")?;
        match self.tok {
            Tok::Local(name) => {
                let id = b.block(name, self.pos);
                self.bump()?;
                Ok(id)
            }
            _ => self.unexpected("a block"),
        }
    }

    fn inst(&mut self, b: &mut BodyBuilder<'a>) -> Result<Inst<'a>> {
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
            (Some(name), Some(ty)) => Some(b.define(name, ty, pos)?),
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
        if let Some(op) = BinOp::from_word(opcode) {
            self.bump()?;
            self.skip_flags()?;
            let (ty, a) = self.typed(b)?;
            self.expect(b',')?;
            let rhs = self.value(b, ty)?;
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
                    Some(Types::I1),
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
                    Some(Types::I1),
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
                if cond_ty != Types::I1 {
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
            "fence" => Ok((Op::Fence(self.atomic()?), None)),
            "cmpxchg" => self.cmpxchg(b),
            "atomicrmw" => self.rmw(b),
            "call" => self.call(b),
            "tail" | "notail" if self.word("call")? => self.call(b),
            "musttail" => self.fail("unsupported `musttail call`"),
            _ => self.fail(format!("unsupported instruction `{opcode}`")),
        }
    }

    /// Whether `,` and an operand rather than metadata follow; eats the `,`.
    fn next_operand(&mut self) -> Result<bool> {
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
    fn skip_flags(&mut self) -> Result<()> {
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
            incoming.push((value, b.block(name, self.pos)));
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

    fn ordering(&mut self) -> Result<Ordering> {
        let word = self.any_word("a memory ordering")?;
        match Ordering::from_word(word) {
            Some(order) => Ok(order),
            None => self.fail(format!("unsupported memory ordering `{word}`")),
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

    fn atomic(&mut self) -> Result<Atomic> {
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
            let align: u32 = self.number()?;
            if !align.is_power_of_two() {
                return self.fail(format!("alignment {align} is no power of two"));
            }
            return Ok(align);
        }
        Ok(self.m.layout.align(&self.m.types, ty) as u32)
    }

    fn load(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
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

    fn store(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
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

    fn alloca(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        if let Tok::Word(w @ ("inalloca" | "swifterror")) = self.tok {
            return self.fail(format!("unsupported `alloca {w}`"));
        }
        let ty = self.ty()?;
        let mut align = self.m.layout.align(&self.m.types, ty) as u32;
        let mut count = None;
        while self.next_operand()? {
            match self.tok {
                Tok::Word("align") => {
                    self.bump()?;
                    align = self.number()?;
                }
                Tok::Word("addrspace") => {
                    return self.fail("unsupported `alloca` in an address space");
                }
                _ => count = Some(self.typed(b)?),
            }
        }
        if !align.is_power_of_two() {
            return self.fail(format!("alignment {align} is no power of two"));
        }
        Ok((Op::Alloca { ty, count, align }, Some(Types::PTR)))
    }

    fn cmpxchg(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
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

    fn rmw(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
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
        let size = self.m.layout.store_size(&self.m.types, ty) as u32;
        if self.is(b',') {
            self.access_align(ty)
        } else {
            Ok(size.next_power_of_two())
        }
    }

    fn call(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        self.skip_flags()?;
        self.calling_convention()?;
        let ret_attrs = self.param_attrs()?;
        let ret = self.ty()?;
        let mut variadic = None;
        if self.is(b'(') {
            variadic = self.function_type()?;
        }
        let callee = match self.tok {
            Tok::Global(_) => Callee::Sym(self.global_name()?),
            Tok::Word("asm") => {
                self.bump()?;
                while let Tok::Word(w) = self.tok {
                    if !matches!(w, "sideeffect" | "alignstack" | "unwind") {
                        return self.fail(format!("unsupported `asm {w}`"));
                    }
                    self.bump()?;
                }
                let template = self.string()?;
                self.expect(b',')?;
                Callee::Asm {
                    template,
                    constraints: self.string()?,
                }
            }
            _ => Callee::Value(self.value(b, Types::PTR)?),
        };
        let args = self.arguments(b)?;
        // A call's own attributes only promise something: a call that does not return is followed by `unreachable`.
        loop {
            match self.tok {
                _ if self.starts_line() => break,
                Tok::Hash(_) => {
                    self.bump()?;
                }
                Tok::Punct(b'[') => self.bundles()?,
                Tok::Word(_) | Tok::Str(_) => self.fn_attr(&mut FnAttrs::default())?,
                _ => break,
            }
        }
        let result = (ret != Types::VOID).then_some(ret);
        Ok((
            Op::Call(Box::new(Call {
                ret,
                ret_attrs,
                variadic,
                callee,
                args,
            })),
            result,
        ))
    }

    /// Whether only white space stands before the current token on its line.
    fn starts_line(&self) -> bool {
        let before = &self.m.src.as_bytes()[..self.pos as usize];
        before
            .iter()
            .rev()
            .find(|&&c| c != b' ' && c != b'\t')
            .is_none_or(|&c| c == b'\n')
    }

    /// `(T, T, ...)` after the result's type: the number of named parameters if it ends in `...`.
    fn function_type(&mut self) -> Result<Option<usize>> {
        self.expect(b'(')?;
        let mut named = 0;
        let mut variadic = false;
        while !self.is(b')') {
            if named > 0 {
                self.expect(b',')?;
            }
            if self.tok == Tok::Dots {
                self.bump()?;
                variadic = true;
                break;
            }
            self.ty()?;
            self.param_attrs()?;
            named += 1;
        }
        self.expect(b')')?;
        Ok(variadic.then_some(named))
    }

    fn arguments(&mut self, b: &mut BodyBuilder<'a>) -> Result<Vec<Arg<'a>>> {
        self.expect(b'(')?;
        let mut args = Vec::new();
        while !self.is(b')') {
            if !args.is_empty() {
                self.expect(b',')?;
            }
            let ty = self.ty()?;
            if *self.m.types.get(ty) == Type::Metadata {
                // Only intrinsics take metadata, and those that are known ignore it.
                while !self.is(b',') && !self.is(b')') {
                    if self.is(b'(') {
                        self.skip_group()?
                    } else {
                        self.bump().map(drop)?
                    }
                    if self.tok == Tok::End {
                        return self.unexpected("`)`");
                    }
                }
                args.push(Arg {
                    ty,
                    value: Value::Const(Const::Undef),
                    attrs: ParamAttrs::default(),
                });
                continue;
            }
            let attrs = self.param_attrs()?;
            args.push(Arg {
                ty,
                value: self.value(b, ty)?,
                attrs,
            });
        }
        self.bump()?;
        Ok(args)
    }

    /// Operand bundles, of which only the promises of `llvm.assume` are known.
    fn bundles(&mut self) -> Result<()> {
        self.bump()?;
        loop {
            let tag = self.string()?;
            if !matches!(
                tag,
                "align"
                    | "nonnull"
                    | "dereferenceable"
                    | "dereferenceable_or_null"
                    | "noundef"
                    | "ignore"
                    | "cold"
                    | "separate_storage"
            ) {
                return self.fail(format!("unsupported operand bundle `{tag}`"));
            }
            self.skip_group()?;
            if !self.accept(b',')? {
                return self.expect(b']');
            }
        }
    }
}
