// SPDX-License-Identifier: GPL-2.0-only
//! Branches and the phis on their edges, `switch`, `ret`.

use super::function::Lower;
use super::{Class, container};
use crate::error::Result;
use crate::ir::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt::Write;

/// A phi that becomes what another variable is.
#[derive(Clone, Copy)]
struct Copy {
    target: LocalId,
    ty: TypeId,
    source: LocalId,
}

impl Lower<'_, '_, '_> {
    /// What going from the current block to `to` does: all phis of `to` at once, then the jump.
    fn edge(&mut self, to: BlockId) -> Result<String> {
        let body = self.body;
        let from = BlockId(self.block as u32);
        let mut out = String::new();
        let mut copies: Vec<Copy> = Vec::new();
        for inst in &body.blocks[to.0 as usize].insts {
            let Op::Phi { ty, incoming } = &inst.op else {
                break;
            };
            let Some(target) = inst.result.filter(|&id| self.is_read(id)) else {
                continue;
            };
            let value = match incoming.binary_search_by_key(&from, |(_, b)| *b) {
                Ok(at) => &incoming[at].0,
                Err(_) => continue,
            };
            match value {
                Value::Local(source) if *source == target => {}
                Value::Local(source) => copies.push(Copy {
                    target,
                    ty: *ty,
                    source: *source,
                }),
                // Any value will do that its type has; a variable may hold others.
                Value::Const(Const::Undef) if !self.ctx.m.types.measure(*ty).narrow => {}
                Value::Const(_) => {
                    let text = self.value(*ty, value)?;
                    let _ = write!(out, "{} = {text}; ", self.var(target));
                }
            }
        }
        // Constants come last: their targets may still be read.
        let constants = std::mem::take(&mut out);
        for (target, source) in self.in_order(&copies)? {
            let _ = write!(out, "{target} = {source}; ");
        }
        let _ = write!(out, "{constants}goto {};", self.block_label(to));
        Ok(out)
    }

    /// Copies that happen at once as copies one after the other: a target is written when no other copy still reads it, and
    /// where only cycles are left, a temporary breaks one.
    fn in_order(&mut self, copies: &[Copy]) -> Result<Vec<(String, String)>> {
        if let [Copy { target, source, .. }] = copies {
            return Ok(vec![(
                self.var(*target).to_owned(),
                self.var(*source).to_owned(),
            )]);
        }
        let mut writer: FxHashMap<LocalId, usize> = FxHashMap::default();
        let mut readers: FxHashMap<LocalId, u32> = FxHashMap::default();
        for (i, copy) in copies.iter().enumerate() {
            writer.insert(copy.target, i);
            *readers.entry(copy.source).or_default() += 1;
        }
        let is_free = |readers: &FxHashMap<LocalId, u32>, i: usize| {
            readers.get(&copies[i].target).is_none_or(|&n| n == 0)
        };
        let mut list = Vec::with_capacity(copies.len());
        let mut done = vec![false; copies.len()];
        // Where the value of a variable is that was written already.
        let mut moved: FxHashMap<LocalId, String> = FxHashMap::default();
        for start in 0..copies.len() {
            let mut next = Some(start);
            while let Some(i) = next.filter(|&i| !done[i] && is_free(&readers, i)) {
                done[i] = true;
                let Copy { target, source, .. } = copies[i];
                list.push((self.var(target).to_owned(), self.var(source).to_owned()));
                if let Some(n) = readers.get_mut(&source) {
                    *n -= 1;
                }
                next = writer.get(&source).copied();
            }
        }
        for start in 0..copies.len() {
            if done[start] {
                continue;
            }
            // A cycle: every variable in it is written once and read once.
            let Copy { target, ty, .. } = copies[start];
            let c = self.ctx.ctype(ty)?;
            let temp = self.temporary(&c);
            list.push((temp.clone(), self.var(target).to_owned()));
            moved.insert(target, temp);
            let mut i = start;
            loop {
                done[i] = true;
                let Copy { target, source, .. } = copies[i];
                let text = match moved.get(&source) {
                    Some(temp) => temp.clone(),
                    None => self.var(source).to_owned(),
                };
                list.push((self.var(target).to_owned(), text));
                match writer.get(&source) {
                    Some(&next) if !done[next] => i = next,
                    _ => break,
                }
            }
        }
        Ok(list)
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
        let mut place: FxHashMap<BlockId, usize> = FxHashMap::default();
        for &(n, to) in cases {
            let at = *place.entry(to).or_insert(groups.len());
            match groups.get_mut(at) {
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

    /// A block's address is its number in [`Module::taken`].
    pub(super) fn indirect_br(&mut self, ptr: &Value<'_>, targets: &[BlockId]) -> Result<()> {
        let p = self.value(Types::PTR, ptr)?;
        self.e.statement(&format!("switch ((uptr){p}) {{"));
        let mut seen = FxHashSet::default();
        for &to in targets {
            let number = self
                .ctx
                .taken
                .get(&(self.f.head.sym, &*self.body.blocks[to.0 as usize].name))
                .copied();
            // Where no address leads, nothing goes.
            if let Some(number) = number
                && seen.insert(to)
            {
                let edge = self.edge(to)?;
                self.e.statement(&format!("case {number}u: {edge}"));
            }
        }
        self.e.statement("default: __builtin_unreachable(); }");
        Ok(())
    }

    fn returns_struct(&self) -> bool {
        let sig = &self.f.sig;
        sig.variadic && sig.params.iter().any(|(_, attrs)| attrs.sret.is_some())
    }

    pub(super) fn ret(&mut self, ty: TypeId, value: Option<&Value<'_>>) -> Result<()> {
        let text = match value {
            // The struct that a variadic function returns: others take a pointer to it.
            None if self.returns_struct() => "return a0;".to_owned(),
            None => "return;".to_owned(),
            Some(v) => {
                let v = self.value(ty, v)?;
                match self.ctx.widened(ty, self.f.sig.ret_attrs.ext) {
                    Some(width) => format!("return {};", super::signed(width, &v)),
                    None => format!("return {v};"),
                }
            }
        };
        self.e.statement(&text);
        Ok(())
    }
}
