// SPDX-License-Identifier: GPL-2.0-only
//! Vectors. In C one is a struct with an array of its elements; what is done to two vectors is done to each pair of elements in a
//! loop, by the code for scalars. Loads, stores, phis and calls treat a vector as they do any struct.

use super::arith::{float_bin, int_bin};
use super::cmp::int_cmp;
use super::function::Lower;
use super::{Class, container, mask};
use crate::error::{Error, Result};
use crate::ir::*;
use crate::layout::is_full;

/// Which element.
#[derive(Debug, Clone, Copy)]
pub(super) enum Index<'i> {
    /// The one that the loop is at.
    Each,
    /// This one.
    At(u64),
    /// The one that a C expression says, which is less than the number of elements.
    Expr(&'i str),
}

impl<'m, 'a> Lower<'_, 'm, 'a> {
    /// The number of elements, if an instruction does the same to each element of its operands.
    pub(super) fn elements(&self, op: &Op<'_>) -> Option<u64> {
        let ty = match op {
            Op::Bin { ty, .. }
            | Op::FNeg { ty, .. }
            | Op::ICmp { ty, .. }
            | Op::FCmp { ty, .. }
            | Op::Select { cond_ty: ty, .. } => *ty,
            Op::Cast { op, from, .. } if *op != CastOp::Bitcast => *from,
            _ => return None,
        };
        self.ctx.m.types.lanes(ty).map(|(n, _)| n)
    }

    pub(super) fn each_element(&mut self, n: u64, inst: &'m Inst<'a>) -> Result<()> {
        let types = &self.ctx.m.types;
        let result = inst.result;
        self.looped(result, n, |lower| match &inst.op {
            Op::Bin { op, ty, a, b } => lower.bin(result, *op, types.scalar(*ty), a, b),
            Op::FNeg { ty, a } => lower.fneg(result, types.scalar(*ty), a),
            Op::ICmp { pred, ty, a, b } => lower.icmp(result, *pred, types.scalar(*ty), a, b),
            Op::FCmp { pred, ty, a, b } => lower.fcmp(result, *pred, types.scalar(*ty), a, b),
            Op::Select { cond, ty, a, b, .. } => {
                lower.select(result, cond, types.scalar(*ty), a, b)
            }
            Op::Cast {
                op,
                from,
                value,
                to,
            } => lower.cast(result, *op, types.scalar(*from), value, types.scalar(*to)),
            _ => Err(Error::new("unsupported instruction on vectors")),
        })
    }

    /// What `lower` writes, for each element of `result`; nothing, if nobody reads that.
    fn looped(
        &mut self,
        result: Option<LocalId>,
        n: u64,
        lower: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if !result.is_some_and(|id| self.is_read(id)) {
            return Ok(());
        }
        self.e
            .statement(&format!("for (u32 ll_i = 0; ll_i < {n}u; ll_i++) {{"));
        self.by_element = true;
        let done = lower(self);
        self.by_element = false;
        self.e.statement("}");
        done
    }

    /// An element of an operand whose elements are `ty`; the operand itself, if it is a scalar.
    pub(super) fn element(
        &mut self,
        ty: TypeId,
        value: &Value<'_>,
        index: Index<'_>,
    ) -> Result<String> {
        let at = match index {
            Index::Each => "ll_i".to_owned(),
            Index::At(n) => n.to_string(),
            Index::Expr(text) => text.to_owned(),
        };
        match value {
            Value::Local(id) if self.ctx.m.types.lanes(self.type_of(*id)).is_none() => {
                Ok(self.var(*id).to_owned())
            }
            Value::Local(id) => Ok(format!("{}.e[{at}]", self.var(*id))),
            Value::Const(Const::Splat(_, c)) => self.ctx.constant(ty, c),
            Value::Const(Const::Agg(members)) => {
                if let Index::At(n) = index
                    && let Some((_, c)) = members.get(n as usize)
                {
                    return self.ctx.constant(ty, c);
                }
                let whole = Type::Vector(members.len() as u64, ty);
                let Some(whole) = self.ctx.m.types.find(&whole) else {
                    return Err(Error::new("a constant that is no vector"));
                };
                let Value::Const(c) = value else {
                    return Err(Error::new("a constant that is none"));
                };
                Ok(format!("{}.e[{at}]", self.ctx.constant(whole, c)?))
            }
            Value::Const(c) => self.ctx.constant(ty, c),
        }
    }

    /// An index as C; one that is too large is poison, but must not leave the array.
    fn index(&mut self, n: u64, ty: TypeId, index: &Value<'_>) -> Result<String> {
        match index {
            Value::Const(Const::Int(at)) => Ok((at % u128::from(n)).to_string()),
            Value::Const(Const::Zero | Const::Undef) => Ok("0".into()),
            _ => {
                let low = if Class::of(self.int_width(ty)?) == Class::C128 {
                    ".lo"
                } else {
                    ""
                };
                let v = self.value(ty, index)?;
                Ok(format!("{v}{low} % {n}u"))
            }
        }
    }

    pub(super) fn extract_element(
        &mut self,
        result: Option<LocalId>,
        ty: TypeId,
        value: &Value<'_>,
        index_ty: TypeId,
        index: &Value<'_>,
    ) -> Result<()> {
        let Some((n, element)) = self.ctx.m.types.lanes(ty) else {
            return Ok(());
        };
        let text = match index {
            Value::Const(Const::Int(at)) => {
                let at = Index::At((at % u128::from(n)) as u64);
                self.element(element, value, at)?
            }
            _ => {
                let at = self.index(n, index_ty, index)?;
                self.element(element, value, Index::Expr(&at))?
            }
        };
        self.set(result, &text)
    }

    pub(super) fn insert_element(
        &mut self,
        result: Option<LocalId>,
        (ty, value): (TypeId, &Value<'_>),
        element: &Value<'_>,
        (index_ty, index): (TypeId, &Value<'_>),
    ) -> Result<()> {
        let Some(id) = result.filter(|&id| self.is_read(id)) else {
            return Ok(());
        };
        let types = &self.ctx.m.types;
        let Some((n, e)) = types.lanes(ty) else {
            return Ok(());
        };
        let keep = *value == Value::Const(Const::Undef) && !types.measure(ty).narrow;
        let at = self.index(n, index_ty, index)?;
        let element = self.value(e, element)?;
        let var = self.var(id).to_owned();
        // As for `insertvalue`.
        if !keep {
            let whole = self.value(ty, value)?;
            self.e.statement(&format!("{var} = {whole};"));
        }
        self.e.statement(&format!("{var}.e[{at}] = {element};"));
        Ok(())
    }

    pub(super) fn shuffle(
        &mut self,
        result: Option<LocalId>,
        ty: TypeId,
        [a, b]: [&Value<'_>; 2],
        mask: &[Option<u64>],
        to: TypeId,
    ) -> Result<()> {
        let Some(id) = result.filter(|&id| self.is_read(id)) else {
            return Ok(());
        };
        let Some((n, e)) = self.ctx.m.types.lanes(ty) else {
            return Ok(());
        };
        let var = self.var(id).to_owned();
        let mut from = |at: Option<u64>| match at {
            None => self.ctx.constant(e, &Const::Zero),
            Some(at) if at < n => self.element(e, a, Index::At(at)),
            Some(at) => self.element(e, b, Index::At(at - n)),
        };
        // The same for all is written once.
        if let Some((first, rest)) = mask.split_first()
            && rest.iter().all(|at| at == first)
        {
            let text = from(*first)?;
            let n = self.ctx.m.types.lanes(to).map_or(0, |(n, _)| n);
            return self.looped(result, n, |lower| lower.set(result, &text));
        }
        let mut list = Vec::with_capacity(mask.len());
        for (i, at) in mask.iter().enumerate() {
            list.push(format!("{var}.e[{i}] = {};", from(*at)?));
        }
        self.e.statement(&list.join(" "));
        Ok(())
    }

    pub(super) fn is_vector(&self, from: TypeId, to: TypeId) -> bool {
        let types = &self.ctx.m.types;
        types.lanes(from).is_some() || types.lanes(to).is_some()
    }

    /// What a store of one type and a load of the other do.
    pub(super) fn vector_bitcast(
        &mut self,
        result: Option<LocalId>,
        from: TypeId,
        value: &Value<'_>,
        to: TypeId,
    ) -> Result<()> {
        let Some(id) = result.filter(|&id| self.is_read(id)) else {
            return Ok(());
        };
        let types = &self.ctx.m.types;
        let big = types.layout().big_endian;
        let bytes = types.store_size(from);
        let var = self.var(id).to_owned();
        let odd = |ty| types.int_width(ty).filter(|&w| !is_full(w));
        // The first element of a vector of i1 is the most significant bit on a big-endian machine.
        let bit = |n: u64| match big {
            true => format!("({}u - ll_i)", n - 1),
            false => "ll_i".to_owned(),
        };
        if let (Some((n, Types::I1)), Some(width)) = (types.lanes(from), types.int_width(to)) {
            let c = container(width);
            self.e.statement(&format!("{var} = 0;"));
            let each = self.element_of_each(value)?;
            self.e.statement(&format!(
                "for (u32 ll_i = 0; ll_i < {n}u; ll_i++) {var} = ({c})({var} | ({c})(({c}){each} << {}));",
                bit(n)
            ));
            return Ok(());
        }
        if let (Some(_), Some((n, Types::I1))) = (types.int_width(from), types.lanes(to)) {
            let v = self.value(from, value)?;
            return self.looped(result, n, |lower| {
                lower.set(result, &format!("{v} >> {} & 1", bit(n)))
            });
        }
        let (from_odd, to_odd) = (odd(from), odd(to));
        let v = self.value(from, value)?;
        let c = self.ctx.ctype(from)?;
        let text = match (from_odd, to_odd) {
            (Some(width), _) => {
                let wide = match Class::of(width) {
                    Class::C128 => v,
                    _ => format!("ll_zext128({v})"),
                };
                format!("ll_store_bytes((u8 *)&{var}, {wide}, {bytes});")
            }
            (None, Some(width)) => {
                let read = format!("ll_load_bytes((u8 *)&t, {bytes})");
                let read = match Class::of(width) {
                    Class::C128 => mask(width, &read),
                    _ => mask(width, &format!("({}){read}.lo", container(width))),
                };
                format!("{{ {c} t = {v}; {var} = {read}; }}")
            }
            (None, None) => {
                format!("{{ {c} t = {v}; __builtin_memcpy(&{var}, &t, {bytes}); }}")
            }
        };
        self.e.statement(&text);
        Ok(())
    }

    /// The element that a loop is at, of a vector of i1.
    fn element_of_each(&mut self, value: &Value<'_>) -> Result<String> {
        self.element(Types::I1, value, Index::Each)
    }

    /// An intrinsic with a vector among its arguments.
    pub(super) fn vector_intrinsic(
        &mut self,
        result: Option<LocalId>,
        call: &Call<'a>,
        name: &str,
    ) -> Result<()> {
        if let Some(rest) = name.strip_prefix("vector.reduce.") {
            return self.reduce(result, call, rest);
        }
        let types = &self.ctx.m.types;
        let lanes = |ty| types.lanes(ty).map(|(n, _)| n);
        let unsupported = || Err(Error::new(format!("unsupported intrinsic `llvm.{name}`")));
        let Some(n) = lanes(call.ret) else {
            return unsupported();
        };
        if call
            .args
            .iter()
            .any(|a| lanes(a.ty).is_some_and(|m| m != n))
        {
            return unsupported();
        }
        // The same of scalars; what knows no scalars of that name refuses it.
        let mut scalar = call.clone();
        scalar.ret = types.scalar(call.ret);
        for arg in &mut scalar.args {
            arg.ty = types.scalar(arg.ty);
        }
        self.looped(result, n, |lower| lower.intrinsic(result, &scalar, name))
    }

    /// All elements in one, from the first to the last.
    fn reduce(&mut self, result: Option<LocalId>, call: &Call<'a>, name: &str) -> Result<()> {
        let Some(id) = result.filter(|&id| self.is_read(id)) else {
            return Ok(());
        };
        let what = name.split('.').next().unwrap_or_default();
        let types = &self.ctx.m.types;
        let (start, vector) = match &call.args[..] {
            [vector] => (None, vector),
            [start, vector] => (Some(start), vector),
            _ => return Err(Error::new("a reduction of three arguments")),
        };
        let Some((n, e)) = types.lanes(vector.ty) else {
            return Err(Error::new("a reduction of what is no vector"));
        };
        let width = types.int_width(e);
        let suffix = super::cast::float_suffix(types, e);
        let var = self.var(id).to_owned();
        let first = match start {
            Some(start) => self.value(start.ty, &start.value)?,
            None => self.element(e, &vector.value, Index::At(0))?,
        };
        let next = self.element(e, &vector.value, Index::Each)?;
        let pick = |pred, width| {
            let less = int_cmp(pred, width, &next, &var);
            format!("{less} ? {next} : {var}")
        };
        let bin = |op, width| int_bin(op, width, &var, &next);
        let step = match (what, width) {
            ("add", Some(w)) => bin(BinOp::Add, w)?,
            ("mul", Some(w)) => bin(BinOp::Mul, w)?,
            ("and", Some(w)) => bin(BinOp::And, w)?,
            ("or", Some(w)) => bin(BinOp::Or, w)?,
            ("xor", Some(w)) => bin(BinOp::Xor, w)?,
            ("umin", Some(w)) => pick(IntPred::Ult, w),
            ("umax", Some(w)) => pick(IntPred::Ugt, w),
            ("smin", Some(w)) => pick(IntPred::Slt, w),
            ("smax", Some(w)) => pick(IntPred::Sgt, w),
            ("fadd" | "fmul", None) => {
                self.ctx.rounds = true;
                let op = if what == "fadd" {
                    BinOp::FAdd
                } else {
                    BinOp::FMul
                };
                float_bin(op, suffix == "f32", &var, &next)?
            }
            ("fmin", None) => format!("ll_minimumnum_{suffix}({var}, {next})"),
            ("fmax", None) => format!("ll_maximumnum_{suffix}({var}, {next})"),
            ("fminimum", None) => format!("ll_minimum_{suffix}({var}, {next})"),
            ("fmaximum", None) => format!("ll_maximum_{suffix}({var}, {next})"),
            _ => {
                return Err(Error::new(format!(
                    "unsupported intrinsic `llvm.vector.reduce.{name}`"
                )));
            }
        };
        let from = u8::from(start.is_none());
        self.e.statement(&format!("{var} = {first};"));
        self.e.statement(&format!(
            "for (u32 ll_i = {from}; ll_i < {n}u; ll_i++) {var} = {step};"
        ));
        Ok(())
    }
}
