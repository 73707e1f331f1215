// SPDX-License-Identifier: GPL-2.0-only
//! One function: its variables, its blocks.

use super::emit::{Emitter, line_directive};
use super::names::Names;
use super::signature::{CSignature, declared_align, pointer_params};
use super::vector::Index;
use super::{Ctx, container};
use crate::error::{Error, Result};
use crate::ir::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt::Write;
use std::rc::Rc;

/// A function while it is lowered.
pub(super) struct Lower<'c, 'm, 'a> {
    pub(super) ctx: &'c mut Ctx<'m, 'a>,
    pub(super) f: &'m Function<'a>,
    pub(super) body: &'m Body<'a>,
    pub(super) e: Emitter<'m, 'a>,
    /// The C variable of each local.
    vars: Vec<String>,
    /// Locals that something reads.
    read: Vec<bool>,
    /// More declarations at the top: storage of allocas, temporaries.
    pub(super) extra: String,
    pub(super) block: usize,
    pub(super) temps: u32,
    /// Whether what is lowered is done to one element of each vector: `ll_i`.
    pub(super) by_element: bool,
}

fn local_names(body: &Body<'_>) -> Vec<String> {
    let mut seen = FxHashSet::default();
    body.locals
        .iter()
        .enumerate()
        .map(|(i, local)| {
            if local.name.bytes().all(|b| b.is_ascii_digit()) {
                return format!("v{}", local.name);
            }
            let clean: String = local
                .name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
            let name = format!("v_{clean}");
            if seen.insert(name.clone()) {
                name
            } else {
                format!("v{i}_{clean}")
            }
        })
        .collect()
}

fn mark_read(body: &Body<'_>) -> Vec<bool> {
    let mut read = vec![false; body.locals.len()];
    let mut see = |v: &Value<'_>| {
        if let Value::Local(id) = v {
            read[id.0 as usize] = true;
        }
    };
    for inst in body.blocks.iter().flat_map(|b| &b.insts) {
        inst.op.operands(&mut see);
    }
    read
}

/// The C definition of a function.
pub(super) fn lower<'m, 'a>(
    ctx: &mut Ctx<'m, 'a>,
    f: &'m Function<'a>,
    out: &mut String,
) -> Result<()> {
    let Some(body) = &f.body else { return Ok(()) };
    let mut sig = ctx.c_signature(&f.sig)?;
    sig.defined = true;
    let m = ctx.m;
    let lines = ctx.options.lines;
    let mut lw = Lower {
        f,
        e: Emitter::new(&m.meta, lines),
        body,
        vars: local_names(body),
        read: mark_read(body),
        extra: String::new(),
        block: 0,
        temps: 0,
        by_element: false,
        ctx,
    };
    lw.e.start(body.dbg);
    lw.statements()?;
    let head = lw.declarations(f, &sig)?;
    let text = lw.e.finish();
    let location = lines.and(body.dbg.and_then(|d| m.meta.subprogram(d)));
    let place = location.map(|l| line_directive(&m.meta, l));
    out.push('\n');
    // All of the head is on the line where the function starts.
    match &place {
        Some(place) => {
            out.push_str(place);
            let words: Vec<&str> = head.lines().map(str::trim_start).collect();
            out.push_str(&words.join(" "));
            out.push('\n');
        }
        None => out.push_str(&head),
    }
    out.push_str(&text);
    out.push_str("}\n");
    if let Some(sret) = sig.sret.as_ref().filter(|_| sig.is_split()) {
        out.push('\n');
        out.push_str(place.as_deref().unwrap_or_default());
        wrapper(ctx, f, &sig, sret, out);
    }
    Ok(())
}

/// `struct f(args)` around `void f__sret(ptr, args)`: calls inside the module keep the pointer, the ABI gets its struct.
fn wrapper(ctx: &Ctx<'_, '_>, f: &Function<'_>, sig: &CSignature, sret: &str, out: &mut String) {
    let name = ctx.names.c(f.head.sym);
    let storage = if f.head.linkage.is_local() {
        "static "
    } else {
        ""
    };
    let align = f
        .sig
        .params
        .iter()
        .find_map(|(_, attrs)| Some(declared_align(&ctx.m.types, attrs.sret?, attrs.align)));
    let align = align.unwrap_or(1);
    let params = sig.params_text(|i| Some(format!("a{i}")));
    let mut args: Vec<String> = Vec::new();
    for (i, p) in sig.params.iter().enumerate() {
        args.push(if p.is_some() {
            format!("a{i}")
        } else {
            "(ptr)&t".into()
        });
    }
    let _ = writeln!(
        out,
        "{storage}{sret} {name}{params} {{ {sret} t __attribute__((aligned({align}))); {name}__sret({}); return t; }}",
        args.join(", ")
    );
}

impl<'m, 'a> Lower<'_, 'm, 'a> {
    fn statements(&mut self) -> Result<()> {
        let m = self.ctx.m;
        let body = self.body;
        let heads = if self.ctx.names.is_library() {
            loop_heads(body)
        } else {
            Vec::new()
        };
        for (i, block) in body.blocks.iter().enumerate() {
            self.block = i;
            if i > 0 {
                let label = format!("{}: ;", self.block_label(BlockId(i as u32)));
                self.e.locate(block.insts.first().and_then(|inst| inst.dbg));
                self.e.label(&label);
                if heads.get(i) == Some(&true) {
                    self.e
                        .statement("__asm__ __volatile__(\"\" : : : \"memory\");");
                }
            }
            for inst in &block.insts {
                self.e.locate(inst.dbg);
                self.inst(inst).map_err(|e| e.at(m.src, inst.pos))?;
            }
        }
        Ok(())
    }

    /// Signature, variables, and the copies that parameters need.
    fn declarations(&mut self, f: &Function<'_>, sig: &CSignature) -> Result<String> {
        let mut head = String::new();
        let mut copies = String::new();
        let full = pointer_params(sig);
        let mut names = Vec::new();
        for (i, (ty, attrs)) in f.sig.params.iter().enumerate() {
            let var = &self.vars[i];
            if let Some((pointee, c)) = attrs.sret.zip(sig.sret.as_ref())
                && !sig.is_split()
            {
                let align = declared_align(&self.ctx.m.types, pointee, attrs.align);
                let _ = writeln!(
                    copies,
                    "\t{c} a{i} __attribute__((aligned({align})));\n\tptr {var} = (ptr)&a{i};"
                );
                names.push(var.clone());
            } else if let Some(pointee) = attrs.byval {
                let types = &self.ctx.m.types;
                let align = declared_align(types, pointee, attrs.align);
                // C's place for arguments is as aligned as its largest scalar and no more.
                let place = if align > types.layout().int_align(64) {
                    let storage = var.replacen('v', "m", 1);
                    let c = full.params[i].as_deref().unwrap_or("ptr");
                    let _ = writeln!(
                        copies,
                        "\t{c} {storage} __attribute__((aligned({align}))) = a{i};"
                    );
                    storage
                } else {
                    format!("a{i}")
                };
                let _ = writeln!(copies, "\tptr {var} = (ptr)&{place};");
                names.push(format!("a{i}"));
            } else if attrs.ext == Ext::Sign && self.ctx.m.types.int_width(*ty).is_some() {
                let width = self.ctx.m.types.int_width(*ty).unwrap_or(32);
                let given = format!("a{i}");
                let canonical = match self.ctx.widened(*ty, attrs.ext) {
                    Some(width) => super::mask(width, &given),
                    None => given,
                };
                let _ = writeln!(copies, "\t{} {var} = {canonical};", container(width));
                names.push(format!("a{i}"));
            } else {
                names.push(var.clone());
            }
        }
        let c = self.ctx.names.c(f.head.sym);
        let local = f.head.linkage.is_local();
        let (storage, ret, suffix, shape) = match sig.sret {
            Some(_) if sig.is_split() => ("static ", "void", "__sret", &full),
            _ => (if local { "static " } else { "" }, &*sig.ret, "", sig),
        };
        let _ = writeln!(
            head,
            "{storage}{ret} {c}{suffix}{}\n{{",
            shape.params_text(|i| Some(names[i].clone()))
        );
        head.push_str(&copies);
        // One line a type.
        let mut by_type: Vec<(Rc<str>, Vec<&str>)> = Vec::new();
        let mut lines: FxHashMap<Rc<str>, usize> = FxHashMap::default();
        for (i, local) in self.body.locals.iter().enumerate().skip(f.sig.params.len()) {
            if !self.read[i] {
                continue;
            }
            let ty = self.ctx.ctype(local.ty)?;
            let line = *lines.entry(ty.clone()).or_insert(by_type.len());
            match by_type.get_mut(line) {
                Some((_, list)) => list.push(&self.vars[i]),
                None => by_type.push((ty, vec![&self.vars[i]])),
            }
        }
        for (ty, list) in by_type {
            let _ = writeln!(head, "\t{ty} {};", list.join(", "));
        }
        head.push_str(&self.extra);
        Ok(head)
    }

    fn inst(&mut self, inst: &'m Inst<'a>) -> Result<()> {
        let result = inst.result;
        if let Some(n) = self.elements(&inst.op) {
            return self.each_element(n, inst);
        }
        match &inst.op {
            Op::Bin { op, ty, a, b } => self.bin(result, *op, *ty, a, b),
            Op::FNeg { ty, a } => self.fneg(result, *ty, a),
            Op::ICmp { pred, ty, a, b } => self.icmp(result, *pred, *ty, a, b),
            Op::FCmp { pred, ty, a, b } => self.fcmp(result, *pred, *ty, a, b),
            Op::Select { cond, ty, a, b, .. } => self.select(result, cond, *ty, a, b),
            Op::Phi { .. } => Ok(()), // assigned on each edge
            Op::Br { to } => self.br(*to),
            Op::CondBr { cond, then, other } => self.cond_br(cond, *then, *other),
            Op::Switch {
                ty,
                value,
                default,
                cases,
            } => self.switch(*ty, value, *default, cases),
            Op::IndirectBr { ptr, targets } => self.indirect_br(ptr, targets),
            Op::VaArg { ptr, ty } => self.va_arg(result, *ty, ptr),
            Op::Ret { ty, value } => self.ret(*ty, value.as_ref()),
            Op::Unreachable => {
                self.e.statement("__builtin_unreachable();");
                Ok(())
            }
            Op::Load { ty, ptr, access } => self.load(result, *ty, ptr, access),
            Op::Store {
                ty,
                value,
                ptr,
                access,
            } => self.store(*ty, value, ptr, access),
            Op::Alloca { ty, count, align } => self.alloca(result, *ty, count.as_ref(), *align),
            Op::Gep(gep) => self.gep(result, gep),
            Op::Cast {
                op,
                from,
                value,
                to,
            } => self.cast(result, *op, *from, value, *to),
            Op::Freeze { ty, value } => self.freeze(result, *ty, value),
            Op::Call(call) => self.call(result, call),
            Op::Extract { ty, value, path } => self.extract(result, *ty, value, path),
            Op::Insert {
                ty,
                value,
                member_ty,
                member,
                path,
            } => self.insert(result, *ty, value, *member_ty, member, path),
            Op::ExtractElement {
                ty,
                value,
                index_ty,
                index,
            } => self.extract_element(result, *ty, value, *index_ty, index),
            Op::InsertElement {
                ty,
                value,
                element,
                index_ty,
                index,
            } => self.insert_element(result, (*ty, value), element, (*index_ty, index)),
            Op::Shuffle { ty, a, b, mask, to } => self.shuffle(result, *ty, [a, b], mask, *to),
            Op::Fence(atomic) => self.fence(*atomic),
            Op::CmpXchg { .. } => self.cmpxchg(result, &inst.op),
            Op::Rmw {
                op,
                ty,
                ptr,
                value,
                access,
            } => self.rmw(result, *op, *ty, ptr, value, access),
        }
    }

    /// A C variable that nothing was assigned to may read differently each time: fix what it reads, and make it canonical.
    fn freeze(&mut self, result: Option<LocalId>, ty: TypeId, value: &Value<'_>) -> Result<()> {
        let Some(id) = result.filter(|&id| self.is_read(id)) else {
            return Ok(());
        };
        let v = self.value(ty, value)?;
        self.set(result, &v)?;
        let var = self.var(id).to_owned();
        let types = &self.ctx.m.types;
        let width = types.int_width(ty);
        let place = if width.is_some_and(|w| w <= 64) || ty == Types::PTR {
            "r"
        } else {
            "m"
        };
        self.e
            .statement(&format!("__asm__(\"\" : \"+{place}\"({var}));"));
        self.cut(ty, &var)
    }

    /// Cuts each integer in the variable `var` to its width.
    pub(super) fn cut(&mut self, ty: TypeId, var: &str) -> Result<()> {
        let types = &self.ctx.m.types;
        if !types.measure(ty).odd {
            return Ok(());
        }
        let text = match types.int_width(ty) {
            Some(width) => super::mask(width, var),
            None => format!("{}({var})", self.ctx.cutter(ty)?),
        };
        self.e.statement(&format!("{var} = {text};"));
        Ok(())
    }

    /// `result = expr;`, or nothing if nobody reads it. For expressions without a side effect.
    pub(super) fn set(&mut self, result: Option<LocalId>, expr: &str) -> Result<()> {
        if let Some(id) = result
            && self.is_read(id)
        {
            let element = if self.by_element { ".e[ll_i]" } else { "" };
            let text = format!("{}{element} = {expr};", self.var(id));
            self.e.statement(&text);
        }
        Ok(())
    }

    /// `result = expr;`, or `expr;` if nobody reads it.
    pub(super) fn set_effect(&mut self, result: Option<LocalId>, expr: &str) -> Result<()> {
        match result {
            Some(id) if self.is_read(id) => self.set(result, expr),
            _ => {
                self.e.statement(&format!("{expr};"));
                Ok(())
            }
        }
    }

    /// What a parameter is called where C declares it.
    pub(super) fn parameter(&self, i: usize) -> String {
        let (ty, attrs) = self.f.sig.params[i];
        let widened = attrs.ext == Ext::Sign && self.ctx.m.types.int_width(ty).is_some();
        if attrs.byval.is_some() || widened {
            format!("a{i}")
        } else {
            self.vars[i].clone()
        }
    }

    /// A new variable of C type `c`.
    pub(super) fn temporary(&mut self, c: &str) -> String {
        let temp = format!("t{}", self.temps);
        self.temps += 1;
        let _ = writeln!(self.extra, "\t{c} {temp};");
        temp
    }

    /// The type of a local.
    pub(super) fn type_of(&self, id: LocalId) -> TypeId {
        self.body.locals[id.0 as usize].ty
    }

    pub(super) fn is_read(&self, id: LocalId) -> bool {
        self.read[id.0 as usize]
    }

    pub(super) fn var(&self, id: LocalId) -> &str {
        &self.vars[id.0 as usize]
    }

    /// An operand as a C expression that may stand anywhere.
    pub(super) fn value(&mut self, ty: TypeId, value: &Value<'_>) -> Result<String> {
        if self.by_element {
            return self.element(ty, value, Index::Each);
        }
        match value {
            Value::Local(id) => Ok(self.vars[id.0 as usize].clone()),
            Value::Const(c) => self.ctx.constant(ty, c),
        }
    }

    pub(super) fn int_width(&self, ty: TypeId) -> Result<u32> {
        self.ctx.m.types.int_width(ty).ok_or_else(|| {
            Error::new(format!(
                "unsupported operand of type {}",
                self.ctx.m.types.show(ty)
            ))
        })
    }

    pub(super) fn block_label(&self, id: BlockId) -> String {
        let name = &self.body.blocks[id.0 as usize].name;
        if name.bytes().all(|b| b.is_ascii_digit()) {
            format!("b{name}")
        } else {
            format!("b{}_{}", id.0, clean_label(name))
        }
    }

    pub(super) fn names(&self) -> &Names {
        &self.ctx.names
    }
}

/// The blocks that a later one, or they themselves, branch to: each loop has one.
fn loop_heads(body: &Body<'_>) -> Vec<bool> {
    let mut heads = vec![false; body.blocks.len()];
    for (i, block) in body.blocks.iter().enumerate() {
        if let Some(last) = block.insts.last() {
            last.op
                .targets(&mut |to| heads[to.0 as usize] |= to.0 as usize <= i);
        }
    }
    heads
}

fn clean_label(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}
