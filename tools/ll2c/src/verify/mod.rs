// SPDX-License-Identifier: GPL-2.0-only
//! Checks that parsed IR is consistent, so that lowering may rely on it.
//!
//! Not checked: that a definition dominates its uses. rustc's own verifier does that.

mod constant;

use crate::error::{Error, Result};
use crate::ir::*;
use constant::{cast, constant};
use rustc_hash::{FxHashMap, FxHashSet};

/// Checks a whole module.
///
/// # Errors
/// The first inconsistency, or the first construct that is known but not supported, with function and line.
pub fn verify(m: &Module<'_>) -> Result<()> {
    for symbol in &m.symbols {
        if symbol.def == Def::Nothing && !symbol.name.starts_with("llvm.") {
            return Err(
                Error::new(format!("`@{}` is not declared", symbol.name)).at(m.src, symbol.pos)
            );
        }
    }
    blocks_exist(m)?;
    for g in &m.globals {
        let checked = match (&g.init, m.types.get(g.ty)) {
            (_, Type::Void | Type::Metadata) | (Some(_), Type::Opaque) => {
                err(format!("a variable of type {}", m.types.show(g.ty)))
            }
            _ if !m.types.is_plain_vector(g.ty) => {
                err(format!("unsupported {} in memory", m.types.show(g.ty)))
            }
            (Some(init), _) => constant(m, g.ty, init),
            (None, _) => Ok(()),
        };
        checked.map_err(|e| e.at(m.src, g.head.pos).within(m.name(g.head.sym)))?;
    }
    for f in &m.functions {
        let name = m.name(f.head.sym);
        signature(m, f).map_err(|e| e.at(m.src, f.head.pos).within(name))?;
        if let Some(body) = &f.body {
            Verifier { m, f, body }
                .body()
                .map_err(|e| e.at(m.src, f.head.pos).within(name))?;
        }
    }
    Ok(())
}

fn signature(m: &Module<'_>, f: &Function<'_>) -> Result<()> {
    let name = m.name(f.head.sym);
    if name.starts_with("llvm.") {
        return Ok(()); // judged where it is called
    }
    parameters(m, &f.sig, f.head.linkage.is_local())
}

/// That each block whose address is taken is there.
fn blocks_exist(m: &Module<'_>) -> Result<()> {
    let mut known: FxHashMap<SymId, FxHashSet<&str>> = FxHashMap::default();
    for &(sym, block) in &m.taken {
        let names = known.entry(sym).or_insert_with(|| {
            let body = match m.symbols[sym.0 as usize].def {
                Def::Function(n) => m.functions[n as usize].body.as_ref(),
                _ => None,
            };
            body.map_or_else(FxHashSet::default, |body| {
                body.blocks.iter().map(|b| &*b.name).collect()
            })
        });
        if !names.contains(block) {
            let name = m.name(sym);
            return err(format!(
                "`@{name}` has no block `{block}` to take the address of"
            ));
        }
    }
    Ok(())
}

fn parameters(m: &Module<'_>, sig: &Signature, local: bool) -> Result<()> {
    for (i, (ty, attrs)) in sig.params.iter().enumerate() {
        if attrs.sret.is_some() && (i != 0 || sig.ret != Types::VOID) {
            return Err(Error::new(
                "unsupported `sret` that is not the first parameter of a void function",
            ));
        }
        if (attrs.sret.is_some() || attrs.byval.is_some()) && *ty != Types::PTR {
            return Err(Error::new(
                "`sret` or `byval` on a parameter that is no pointer",
            ));
        }
        // A C struct that the stand-in's ABI packed into words has lost its size and its alignment.
        if matches!(m.types.get(*ty), Type::Array(..)) && !local {
            return Err(Error::new(format!(
                "unsupported parameter of type {}: a C struct in the stand-in's own ABI; compile for a stand-in that passes `byval`",
                m.types.show(*ty)
            )));
        }
        if matches!(m.types.get(*ty), Type::Void | Type::Opaque) {
            return Err(Error::new(format!(
                "parameter of type {}",
                m.types.show(*ty)
            )));
        }
    }
    Ok(())
}

struct Verifier<'m, 'a> {
    m: &'m Module<'a>,
    f: &'m Function<'a>,
    body: &'m Body<'a>,
}

fn err<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::new(what))
}

impl Verifier<'_, '_> {
    fn body(&self) -> Result<()> {
        for local in &self.body.locals {
            if !local.defined {
                return Err(Error::new(format!("`%{}` is not defined", local.name))
                    .at(self.m.src, local.pos));
            }
        }
        let preds = self.predecessors();
        if !preds[0].is_empty() {
            return err("a branch to the entry block");
        }
        for (i, block) in self.body.blocks.iter().enumerate() {
            let Some(last) = block.insts.last() else {
                return Err(Error::new(format!("block `{}` is empty", block.name))
                    .at(self.m.src, block.pos));
            };
            if !is_terminator(&last.op) {
                return Err(
                    Error::new(format!("block `{}` has no terminator", block.name))
                        .at(self.m.src, last.pos),
                );
            }
            let mut phis_over = false;
            for (n, inst) in block.insts.iter().enumerate() {
                let at = |e: Error| e.at(self.m.src, inst.pos);
                if is_terminator(&inst.op) && n + 1 != block.insts.len() {
                    return err("an instruction after the terminator").map_err(at);
                }
                let phi = matches!(inst.op, Op::Phi { .. });
                if phi && phis_over {
                    return err("a `phi` after other instructions").map_err(at);
                }
                phis_over |= !phi;
                self.op(&inst.op, &preds[i]).map_err(at)?;
            }
        }
        Ok(())
    }

    /// The blocks that branch to each block, sorted.
    fn predecessors(&self) -> Vec<Vec<BlockId>> {
        let mut preds = vec![Vec::new(); self.body.blocks.len()];
        for (i, block) in self.body.blocks.iter().enumerate() {
            let mut edge = |to: BlockId| {
                let list: &mut Vec<BlockId> = &mut preds[to.0 as usize];
                if list.last() != Some(&BlockId(i as u32)) {
                    list.push(BlockId(i as u32));
                }
            };
            if let Some(last) = block.insts.last() {
                last.op.targets(&mut edge);
            }
        }
        preds
    }

    fn show(&self, ty: TypeId) -> String {
        self.m.types.show(ty)
    }

    /// That `value` can be a `ty`.
    fn value(&self, ty: TypeId, value: &Value<'_>) -> Result<()> {
        match value {
            Value::Local(id) => {
                let local = &self.body.locals[id.0 as usize];
                if local.ty == ty {
                    Ok(())
                } else {
                    err(format!(
                        "`%{}` is {}, used as {}",
                        local.name,
                        self.show(local.ty),
                        self.show(ty)
                    ))
                }
            }
            Value::Const(c) => constant(self.m, ty, c),
        }
    }

    fn is_int(&self, ty: TypeId) -> bool {
        self.m.types.int_width(ty).is_some()
    }

    /// Whether it is an integer, or a vector of them.
    fn are_ints(&self, ty: TypeId) -> bool {
        self.is_int(self.m.types.scalar(ty))
    }

    fn are_floats(&self, ty: TypeId) -> bool {
        self.is_float(self.m.types.scalar(ty))
    }

    fn is_float(&self, ty: TypeId) -> bool {
        matches!(self.m.types.get(ty), Type::Float | Type::Double)
    }

    fn require(&self, ok: bool, what: &str, ty: TypeId) -> Result<()> {
        if ok {
            Ok(())
        } else {
            err(format!("unsupported `{what}` on type {}", self.show(ty)))
        }
    }

    fn first_class(&self, what: &str, ty: TypeId) -> Result<()> {
        self.require(
            !matches!(
                self.m.types.get(ty),
                Type::Void | Type::Opaque | Type::Metadata
            ),
            what,
            ty,
        )
    }

    fn op(&self, op: &Op<'_>, preds: &[BlockId]) -> Result<()> {
        match op {
            Op::Bin { op, ty, a, b } => {
                let float = matches!(
                    op,
                    BinOp::FAdd | BinOp::FSub | BinOp::FMul | BinOp::FDiv | BinOp::FRem
                );
                self.require(
                    if float {
                        self.are_floats(*ty)
                    } else {
                        self.are_ints(*ty)
                    },
                    op.word(),
                    *ty,
                )?;
                self.value(*ty, a)?;
                self.value(*ty, b)
            }
            Op::FNeg { ty, a } => {
                self.require(self.are_floats(*ty), "fneg", *ty)?;
                self.value(*ty, a)
            }
            Op::ICmp { ty, a, b, .. } => {
                let pointers = self.m.types.scalar(*ty) == Types::PTR;
                self.require(self.are_ints(*ty) || pointers, "icmp", *ty)?;
                self.value(*ty, a)?;
                self.value(*ty, b)
            }
            Op::FCmp { ty, a, b, .. } => {
                self.require(self.are_floats(*ty), "fcmp", *ty)?;
                self.value(*ty, a)?;
                self.value(*ty, b)
            }
            Op::Select {
                cond_ty,
                cond,
                ty,
                a,
                b,
            } => {
                self.first_class("select", *ty)?;
                let lanes = |ty| self.m.types.lanes(ty).map(|(n, _)| n);
                if lanes(*cond_ty).is_some_and(|n| lanes(*ty) != Some(n)) {
                    return err("`select` of as many elements as it has no conditions for");
                }
                self.value(*cond_ty, cond)?;
                self.value(*ty, a)?;
                self.value(*ty, b)
            }
            Op::Phi { ty, incoming } => {
                self.first_class("phi", *ty)?;
                for pred in preds {
                    if incoming.binary_search_by_key(pred, |(_, b)| *b).is_err() {
                        return err(format!(
                            "`phi` has no value for block `{}`",
                            self.body.blocks[pred.0 as usize].name
                        ));
                    }
                }
                for (value, block) in incoming {
                    if preds.binary_search(block).is_err() {
                        return err(format!(
                            "`phi` has a value for block `{}`, which does not branch here",
                            self.body.blocks[block.0 as usize].name
                        ));
                    }
                    self.value(*ty, value)?;
                }
                Ok(())
            }
            Op::Br { .. } | Op::Unreachable => Ok(()),
            Op::IndirectBr { ptr, .. } => self.value(Types::PTR, ptr),
            Op::VaArg { ptr, ty } => {
                let ok = *ty == Types::PTR
                    || *self.m.types.get(*ty) == Type::Double
                    || self.m.types.lanes(*ty).is_some()
                    || matches!(self.m.types.int_width(*ty), Some(32 | 64));
                self.require(ok, "va_arg", *ty)?;
                self.value(Types::PTR, ptr)
            }
            Op::CondBr { cond, .. } => self.value(Types::I1, cond),
            Op::Switch {
                ty, value, cases, ..
            } => {
                self.require(self.is_int(*ty), "switch", *ty)?;
                let mut seen = FxHashSet::default();
                if let Some((n, _)) = cases.iter().find(|(n, _)| !seen.insert(*n)) {
                    return err(format!("`switch` with two cases {n}"));
                }
                self.value(*ty, value)
            }
            Op::Ret { ty, value } => {
                if *ty != self.f.sig.ret {
                    return err(format!(
                        "`ret {}` from a function that returns {}",
                        self.show(*ty),
                        self.show(self.f.sig.ret)
                    ));
                }
                value.as_ref().map_or(Ok(()), |v| self.value(*ty, v))
            }
            Op::Load { ty, ptr, access } => {
                self.access("load", *ty, access)?;
                self.value(Types::PTR, ptr)
            }
            Op::Store {
                ty,
                value,
                ptr,
                access,
            } => {
                self.access("store", *ty, access)?;
                self.value(*ty, value)?;
                self.value(Types::PTR, ptr)
            }
            Op::Alloca { ty, count, .. } => {
                self.first_class("alloca", *ty)?;
                self.require(self.m.types.is_plain_vector(*ty), "alloca", *ty)?;
                match count {
                    Some((ty, n)) => {
                        self.require(self.is_int(*ty), "alloca", *ty)?;
                        self.value(*ty, n)
                    }
                    None => Ok(()),
                }
            }
            Op::Gep(gep) => {
                self.value(Types::PTR, &gep.ptr)?;
                for (ty, index) in &gep.indices {
                    self.require(self.is_int(*ty), "getelementptr", *ty)?;
                    self.value(*ty, index)?;
                }
                Ok(())
            }
            Op::Cast {
                op,
                from,
                value,
                to,
            } => {
                cast(self.m, *op, *from, *to)?;
                self.value(*from, value)
            }
            Op::Freeze { ty, value } => self.value(*ty, value),
            Op::Call(call) => self.call(call),
            Op::Extract { ty, value, .. } => self.value(*ty, value),
            Op::Insert {
                ty,
                value,
                member_ty,
                member,
                ..
            } => {
                self.value(*ty, value)?;
                self.value(*member_ty, member)
            }
            Op::ExtractElement {
                ty,
                value,
                index_ty,
                index,
            } => {
                self.require(self.is_int(*index_ty), "extractelement", *index_ty)?;
                self.value(*ty, value)?;
                self.value(*index_ty, index)
            }
            Op::InsertElement {
                ty,
                value,
                element,
                index_ty,
                index,
            } => {
                self.require(self.is_int(*index_ty), "insertelement", *index_ty)?;
                self.value(*ty, value)?;
                self.value(self.m.types.scalar(*ty), element)?;
                self.value(*index_ty, index)
            }
            Op::Shuffle { ty, a, b, mask, .. } => {
                let both = self.m.types.lanes(*ty).map_or(0, |(n, _)| 2 * n);
                if mask.iter().flatten().any(|&at| at >= both) {
                    return err("`shufflevector` of an element that neither has");
                }
                self.value(*ty, a)?;
                self.value(*ty, b)
            }
            Op::Fence(_) => Ok(()),
            Op::CmpXchg {
                ty,
                ptr,
                expected,
                new,
                ..
            } => {
                self.require(self.is_int(*ty) || *ty == Types::PTR, "cmpxchg", *ty)?;
                self.value(Types::PTR, ptr)?;
                self.value(*ty, expected)?;
                self.value(*ty, new)
            }
            Op::Rmw { ty, ptr, value, .. } => {
                self.require(self.is_int(*ty) || *ty == Types::PTR, "atomicrmw", *ty)?;
                self.value(Types::PTR, ptr)?;
                self.value(*ty, value)
            }
        }
    }

    fn access(&self, what: &str, ty: TypeId, access: &Access) -> Result<()> {
        self.first_class(what, ty)?;
        self.require(self.m.types.is_plain_vector(ty), what, ty)?;
        if access.atomic.is_some() {
            self.require(
                self.is_int(ty) || ty == Types::PTR || self.is_float(ty),
                &format!("{what} atomic"),
                ty,
            )?;
        }
        Ok(())
    }

    /// Only a function that is declared so may return twice: C says it where it declares it.
    fn returns_once(&self, call: &Call<'_>) -> Result<()> {
        let m = self.m;
        let twice = |attrs: &FnAttrs, group: Option<u32>| {
            let group = group.and_then(|g| m.groups.get(&g));
            attrs.returns_twice || group.is_some_and(|a| a.returns_twice)
        };
        let declared = match &call.callee {
            Callee::Sym(sym) => match m.symbols[sym.0 as usize].def {
                Def::Function(n) => {
                    let f = &m.functions[n as usize];
                    twice(&f.attrs, f.group) && f.sig == call_signature(call)
                }
                _ => false,
            },
            _ => false,
        };
        if twice(&call.attrs, call.group) && !declared {
            return err("unsupported `returns_twice` of a call whose callee is not declared so");
        }
        Ok(())
    }

    fn call(&self, call: &Call<'_>) -> Result<()> {
        self.returns_once(call)?;
        for arg in &call.args {
            if *self.m.types.get(arg.ty) != Type::Metadata {
                self.value(arg.ty, &arg.value)?;
            }
        }
        match &call.callee {
            Callee::Asm { .. } => Ok(()),
            Callee::Value(v) => {
                self.value(Types::PTR, v)?;
                parameters(self.m, &call_signature(call), false)
            }
            Callee::Sym(_) => Ok(()),
        }
    }
}

/// The type of the function that a call calls, as the call has it.
pub fn call_signature(call: &Call<'_>) -> Signature {
    let named = call.variadic.unwrap_or(call.args.len());
    Signature {
        ret: call.ret,
        ret_attrs: call.ret_attrs,
        params: call
            .args
            .iter()
            .take(named)
            .map(|a| (a.ty, a.attrs))
            .collect(),
        variadic: call.variadic.is_some(),
    }
}

fn is_terminator(op: &Op<'_>) -> bool {
    matches!(
        op,
        Op::Br { .. }
            | Op::CondBr { .. }
            | Op::Switch { .. }
            | Op::IndirectBr { .. }
            | Op::Ret { .. }
            | Op::Unreachable
    )
}
