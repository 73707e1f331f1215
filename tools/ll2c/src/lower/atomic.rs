// SPDX-License-Identifier: GPL-2.0-only
//! Atomic loads and stores, `cmpxchg`, `atomicrmw`, `fence`.

use super::container;
use super::function::Lower;
use crate::abi::AtomicRmw;
use crate::error::{Error, Result};
use crate::ir::*;

fn order(order: Ordering) -> &'static str {
    match order {
        Ordering::Unordered | Ordering::Monotonic => "__ATOMIC_RELAXED",
        Ordering::Acquire => "__ATOMIC_ACQUIRE",
        Ordering::Release => "__ATOMIC_RELEASE",
        Ordering::AcqRel => "__ATOMIC_ACQ_REL",
        Ordering::SeqCst => "__ATOMIC_SEQ_CST",
    }
}

/// An atomic access's C type, size in bits, ordering.
struct Cell {
    c: &'static str,
    bits: u64,
    order: &'static str,
    volatile: &'static str,
}

impl Lower<'_, '_, '_> {
    fn cell(&self, what: &str, ty: TypeId, access: &Access) -> Result<Cell> {
        let m = self.ctx.m;
        let size = m.types.store_size(ty);
        let bad = |why: &str| {
            Err(Error::new(format!(
                "unsupported `{what}` of {} on {}: {why}",
                m.types.show(ty),
                self.ctx.subject.name
            )))
        };
        let c = match m.types.get(ty) {
            Type::Int(w) if matches!(*w, 8 | 16 | 32 | 64) => container(*w),
            Type::Ptr => "u32",
            Type::Float => "float",
            _ => return bad("not of a size that the machine has"),
        };
        if !self.ctx.subject.atomic_load_store.contains(&size) {
            return bad(&format!("no atomic access of {size} bytes"));
        }
        if u64::from(access.align) < size {
            return bad("not aligned to its size");
        }
        let order = access.atomic.map_or("__ATOMIC_SEQ_CST", |a| order(a.order));
        Ok(Cell {
            c,
            bits: size * 8,
            order,
            volatile: if access.volatile { "volatile " } else { "" },
        })
    }

    /// `p` as a pointer to the cell, of a type that may alias anything.
    fn at(cell: &Cell, p: &str) -> String {
        format!("({}{}_a{} *){p}", cell.volatile, cell.c, cell.bits / 8)
    }

    pub(super) fn atomic_load(
        &mut self,
        result: Option<LocalId>,
        ty: TypeId,
        ptr: &Value<'_>,
        access: &Access,
    ) -> Result<()> {
        let cell = self.cell("load atomic", ty, access)?;
        let p = self.value(Types::PTR, ptr)?;
        let expr = if cell.c == "float" {
            format!(
                "ll_f32(__atomic_load_n(({}u32_a4 *){p}, {}))",
                cell.volatile, cell.order
            )
        } else {
            format!("__atomic_load_n({}, {})", Self::at(&cell, &p), cell.order)
        };
        let expr = if ty == Types::PTR {
            format!("(ptr){expr}")
        } else {
            expr
        };
        self.set_effect(result, &expr)
    }

    pub(super) fn atomic_store(
        &mut self,
        ty: TypeId,
        value: &Value<'_>,
        ptr: &Value<'_>,
        access: &Access,
    ) -> Result<()> {
        let cell = self.cell("store atomic", ty, access)?;
        let p = self.value(Types::PTR, ptr)?;
        let v = self.value(ty, value)?;
        // A plain store between another processor's load and store, inside the library, would be lost.
        let text = if self.ctx.subject.atomic_rmw == AtomicRmw::Library {
            let (c, v) = match cell.c {
                "float" => ("u32", format!("ll_bits_f32({v})")),
                c => (c, format!("({c}){v}")),
            };
            format!("LL_RMW_LIBRARY({c}, {}, {p}, {v});", cell.bits)
        } else if cell.c == "float" {
            format!(
                "__atomic_store_n(({}u32_a4 *){p}, ll_bits_f32({v}), {});",
                cell.volatile, cell.order
            )
        } else {
            format!(
                "__atomic_store_n({}, ({}){v}, {});",
                Self::at(&cell, &p),
                cell.c,
                cell.order
            )
        };
        self.e.statement(&text);
        Ok(())
    }

    pub(super) fn fence(&mut self, atomic: Atomic) -> Result<()> {
        let kind = if atomic.single { "signal" } else { "thread" };
        self.e
            .statement(&format!("__atomic_{kind}_fence({});", order(atomic.order)));
        Ok(())
    }

    fn rejected(&self, what: &str) -> Result<()> {
        if self.ctx.subject.atomic_rmw == AtomicRmw::Reject {
            return Err(Error::new(format!(
                "unsupported `{what}`: {} has no atomic read-modify-write",
                self.ctx.subject.name
            )));
        }
        Ok(())
    }

    pub(super) fn cmpxchg(&mut self, result: Option<LocalId>, op: &Op<'_>) -> Result<()> {
        let Op::CmpXchg {
            ty,
            ptr,
            expected,
            new,
            access,
            failure,
            weak,
        } = op
        else {
            return Ok(());
        };
        self.rejected("cmpxchg")?;
        let cell = self.cell("cmpxchg", *ty, access)?;
        let p = self.value(Types::PTR, ptr)?;
        let old = self.value(*ty, expected)?;
        let new = self.value(*ty, new)?;
        let c = cell.c;
        let at = Self::at(&cell, &p);
        // Without a reader of the result the exchange must still happen.
        let (seen, success) = match result.filter(|&id| self.is_read(id)) {
            Some(id) => {
                let var = self.var(id);
                let cast = if *ty == Types::PTR { "(ptr)" } else { "" };
                (format!(" {var}.f0 = {cast}t;"), format!("{var}.f1 = "))
            }
            None => (String::new(), String::new()),
        };
        let text = match self.ctx.subject.atomic_rmw {
            AtomicRmw::Library => format!(
                "{{ {c} t = ll_cmpxchg_{}({p}, ({c}){old}, ({c}){new}); {success}t == ({c}){old};{seen} }}",
                cell.bits
            ),
            _ => format!(
                "{{ {c} t = ({c}){old}; {success}__atomic_compare_exchange_n({at}, &t, ({c}){new}, {}, {}, {});{seen} }}",
                u8::from(*weak),
                cell.order,
                order(*failure)
            ),
        };
        self.e.statement(&text);
        Ok(())
    }

    pub(super) fn rmw(
        &mut self,
        result: Option<LocalId>,
        op: RmwOp,
        ty: TypeId,
        ptr: &Value<'_>,
        value: &Value<'_>,
        access: &Access,
    ) -> Result<()> {
        self.rejected("atomicrmw")?;
        let cell = self.cell("atomicrmw", ty, access)?;
        let p = self.value(Types::PTR, ptr)?;
        let v = format!("({}){}", cell.c, self.value(ty, value)?);
        let at = Self::at(&cell, &p);
        let c = cell.c;
        let builtin = |name: &str| format!("__atomic_{name}({at}, {v}, {})", cell.order);
        let s = format!("s{}", cell.bits);
        let new = match op {
            RmwOp::Xchg => v.clone(),
            RmwOp::Add => format!("ll_old + {v}"),
            RmwOp::Sub => format!("ll_old - {v}"),
            RmwOp::And => format!("ll_old & {v}"),
            RmwOp::Nand => format!("~(ll_old & {v})"),
            RmwOp::Or => format!("ll_old | {v}"),
            RmwOp::Xor => format!("ll_old ^ {v}"),
            RmwOp::UMax => format!("ll_old > {v} ? ll_old : {v}"),
            RmwOp::UMin => format!("ll_old < {v} ? ll_old : {v}"),
            RmwOp::Max => format!("({s})ll_old > ({s}){v} ? ll_old : {v}"),
            RmwOp::Min => format!("({s})ll_old < ({s}){v} ? ll_old : {v}"),
        };
        let expr = if self.ctx.subject.atomic_rmw == AtomicRmw::Library {
            format!("LL_RMW_LIBRARY({c}, {}, {p}, {new})", cell.bits)
        } else {
            match op {
                RmwOp::Xchg => builtin("exchange_n"),
                RmwOp::Add => builtin("fetch_add"),
                RmwOp::Sub => builtin("fetch_sub"),
                RmwOp::And => builtin("fetch_and"),
                RmwOp::Nand => builtin("fetch_nand"),
                RmwOp::Or => builtin("fetch_or"),
                RmwOp::Xor => builtin("fetch_xor"),
                _ => format!("LL_RMW_LOOP({c}, {p}, {}, {new})", cell.order),
            }
        };
        let expr = if ty == Types::PTR {
            format!("(ptr){expr}")
        } else {
            expr
        };
        self.set_effect(result, &expr)
    }
}
