// SPDX-License-Identifier: GPL-2.0-only
//! Function bodies: blocks, locals, operands.

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

    pub(super) fn define(&mut self, name: &'a str, ty: TypeId, pos: u32) -> Result<LocalId> {
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

    pub(super) fn block(&mut self, name: &'a str, pos: u32) -> BlockId {
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

    pub(super) fn value(&mut self, b: &mut BodyBuilder<'a>, ty: TypeId) -> Result<Value<'a>> {
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
                let id = b.block(name, self.pos);
                self.bump()?;
                Ok(id)
            }
            _ => self.unexpected("a block"),
        }
    }
}
