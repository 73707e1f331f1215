// SPDX-License-Identifier: GPL-2.0-only
//! Branches and the phis on their edges, `switch`, `ret`.

use super::function::Lower;
use super::{Class, container};
use crate::error::Result;
use crate::ir::*;
use std::fmt::Write;

impl Lower<'_, '_, '_> {
    /// What going from the current block to `to` does: all phis of `to` at once, then the jump.
    fn edge(&mut self, to: BlockId) -> Result<String> {
        let body = self.body;
        let from = BlockId(self.block as u32);
        // (variable, its type, what it becomes, the variable that this reads)
        let mut copies: Vec<(LocalId, TypeId, String, Option<LocalId>)> = Vec::new();
        for inst in &body.blocks[to.0 as usize].insts {
            let Op::Phi { ty, incoming } = &inst.op else {
                break;
            };
            let Some(id) = inst.result.filter(|&id| self.is_read(id)) else {
                continue;
            };
            let Some((value, _)) = incoming.iter().find(|(_, b)| *b == from) else {
                continue;
            };
            let source = match value {
                Value::Local(l) if *l == id => continue,
                Value::Local(l) => Some(*l),
                Value::Const(Const::Undef) => continue,
                Value::Const(_) => None,
            };
            let text = self.value(*ty, value)?;
            copies.push((id, *ty, text, source));
        }
        let mut out = String::new();
        // A copy may go once no other one still reads its target. When only cycles are left, one is broken by a temporary.
        while !copies.is_empty() {
            let free = copies
                .iter()
                .position(|(target, ..)| !copies.iter().any(|(_, _, _, s)| *s == Some(*target)));
            match free {
                Some(i) => {
                    let (target, _, text, _) = copies.remove(i);
                    let _ = write!(out, "{} = {text}; ", self.var(target));
                }
                None => {
                    let (target, ty) = (copies[0].0, copies[0].1);
                    let temp = format!("t{}", self.temps);
                    self.temps += 1;
                    let c = self.ctx.ctype(ty)?;
                    let _ = writeln!(self.extra, "\t{c} {temp};");
                    let _ = write!(out, "{temp} = {}; ", self.var(target));
                    for (_, _, text, source) in &mut copies {
                        if *source == Some(target) {
                            text.clone_from(&temp);
                            *source = None;
                        }
                    }
                }
            }
        }
        let _ = write!(out, "goto {};", self.block_label(to));
        Ok(out)
    }

    pub(super) fn br(&mut self, to: BlockId) -> Result<()> {
        let edge = self.edge(to)?;
        self.e.statement(&edge);
        Ok(())
    }

    pub(super) fn cond_br(
        &mut self,
        cond: &Value<'_>,
        then: BlockId,
        other: BlockId,
    ) -> Result<()> {
        let cond = self.value(Types::I1, cond)?;
        let then = self.edge(then)?;
        let other = self.edge(other)?;
        self.e
            .statement(&format!("if ({cond}) {{ {then} }} else {{ {other} }}"));
        Ok(())
    }

    pub(super) fn switch(
        &mut self,
        ty: TypeId,
        value: &Value<'_>,
        default: BlockId,
        cases: &[(u128, BlockId)],
    ) -> Result<()> {
        let width = self.int_width(ty)?;
        let v = self.value(ty, value)?;
        // Cases with the same target share one edge.
        let mut groups: Vec<(BlockId, Vec<u128>)> = Vec::new();
        for &(n, to) in cases {
            match groups.iter_mut().find(|(b, _)| *b == to) {
                Some((_, list)) => list.push(n),
                None => groups.push((to, vec![n])),
            }
        }
        let default = self.edge(default)?;
        if Class::of(width) == Class::C128 {
            for (to, list) in groups {
                let edge = self.edge(to)?;
                let tests: Vec<String> = list
                    .iter()
                    .map(|n| {
                        format!(
                            "ll_eq128({v}, LL128({:#x}ull, {:#x}ull))",
                            n >> 64,
                            *n as u64
                        )
                    })
                    .collect();
                self.e
                    .statement(&format!("if ({}) {{ {edge} }}", tests.join(" || ")));
            }
            self.e.statement(&default);
            return Ok(());
        }
        let suffix = if container(width) == "u64" {
            "ull"
        } else {
            "u"
        };
        self.e.statement(&format!("switch ({v}) {{"));
        for (to, list) in groups {
            let edge = self.edge(to)?;
            let labels: String = list.iter().map(|n| format!("case {n}{suffix}: ")).collect();
            self.e.statement(&format!("{labels}{edge}"));
        }
        self.e.statement(&format!("default: {default} }}"));
        Ok(())
    }

    pub(super) fn ret(&mut self, ty: TypeId, value: Option<&Value<'_>>) -> Result<()> {
        let text = match value {
            None => "return;".to_owned(),
            Some(v) => {
                let v = self.value(ty, v)?;
                format!("return {v};")
            }
        };
        self.e.statement(&text);
        Ok(())
    }
}
