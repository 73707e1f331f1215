// SPDX-License-Identifier: GPL-2.0-only
//! Function bodies: blocks, locals, operands.

use super::Parser;
use crate::error::{Error, Result};
use crate::ir::*;
use crate::lexer::Tok;
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;

/// A body while it is read.
#[derive(Default)]
pub(super) struct BodyBuilder<'a> {
    body: Body<'a>,
    locals: FxHashMap<Cow<'a, str>, LocalId>,
    blocks: FxHashMap<Cow<'a, str>, BlockId>,
    /// The blocks in the order of the text; ids are given in the order of naming.
    order: Vec<BlockId>,
    /// The same ones.
    placed: FxHashSet<BlockId>,
    /// Unnamed parameters so far: the entry block's number if it has no name.
    unnamed: u32,
}

impl<'a> BodyBuilder<'a> {
    fn local(&mut self, name: Cow<'a, str>, pos: u32) -> LocalId {
        if let Some(&id) = self.locals.get(&name) {
            return id;
        }
        let id = LocalId(self.body.locals.len() as u32);
        self.body.locals.push(Local {
            name: name.clone(),
            ty: Types::VOID,
            defined: false,
            pos,
        });
        self.locals.insert(name, id);
        id
    }

    pub(super) fn define(&mut self, name: Cow<'a, str>, ty: TypeId, pos: u32) -> Result<LocalId> {
        let id = self.local(name, pos);
        let local = &mut self.body.locals[id.0 as usize];
        if local.defined {
            return Err(Error::new(format!("`%{}` is defined twice", local.name)));
        }
        local.ty = ty;
        local.defined = true;
        local.pos = pos;
        Ok(id)
    }

    pub(super) fn block(&mut self, name: Cow<'a, str>, pos: u32) -> BlockId {
        if let Some(&id) = self.blocks.get(&name) {
            return id;
        }
        let id = BlockId(self.body.blocks.len() as u32);
        self.body.blocks.push(Block {
            name: name.clone(),
            insts: Vec::new(),
            pos,
        });
        self.blocks.insert(name, id);
        id
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
            Some(n) => Cow::Borrowed(n),
            None => Cow::Owned(b.unnamed.to_string()),
        };
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
                let id = b.block(name.into(), self.pos);
                if !b.placed.insert(id) {
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
                    let id = b.block(b.unnamed.to_string().into(), self.pos);
                    b.placed.insert(id);
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
                Op::Phi { incoming, .. } => {
                    incoming.iter_mut().for_each(|(_, b)| mv(b));
                    incoming.sort_by_key(|(_, b)| *b);
                }
                Op::IndirectBr { targets, .. } => targets.iter_mut().for_each(mv),
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

    pub(super) fn value(&mut self, b: &mut BodyBuilder<'a>, ty: TypeId) -> Result<Value<'a>> {
        if let Tok::Local(name) = self.tok {
            let id = b.local(name.into(), self.pos);
            self.bump()?;
            return Ok(Value::Local(id));
        }
        if self.tok == Tok::Word("asm") {
            return self.fail("unsupported inline assembly as a value");
        }
        self.constant(ty).map(Value::Const)
    }

    pub(super) fn typed(&mut self, b: &mut BodyBuilder<'a>) -> Result<(TypeId, Value<'a>)> {
        let ty = self.ty()?;
        Ok((ty, self.value(b, ty)?))
    }

    pub(super) fn pointer(&mut self, b: &mut BodyBuilder<'a>) -> Result<Value<'a>> {
        let (ty, value) = self.typed(b)?;
        if ty == Types::PTR {
            Ok(value)
        } else {
            self.fail(format!("expected a `ptr`, found {}", self.m.types.show(ty)))
        }
    }

    pub(super) fn label(&mut self, b: &mut BodyBuilder<'a>) -> Result<BlockId> {
        self.expect_word("label")?;
        match self.tok {
            Tok::Local(name) => {
                let id = b.block(name.into(), self.pos);
                self.bump()?;
                Ok(id)
            }
            _ => self.unexpected("a block"),
        }
    }
}
