// SPDX-License-Identifier: GPL-2.0-only
//! Constants.

use super::{MAX_DEPTH, Parser};
use crate::error::Result;
use crate::ir::{BinOp, CastOp, Const, ConstExpr, Gep, Type, TypeId, Types};
use crate::lexer::Tok;

/// `value` cut to `width` bits.
pub(crate) fn cut(value: u128, width: u32) -> u128 {
    if width >= 128 {
        value
    } else {
        value & ((1 << width) - 1)
    }
}

impl<'a> Parser<'a> {
    pub(super) fn constant(&mut self, ty: TypeId) -> Result<Const<'a>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("constants nested too deeply");
        }
        let c = self.constant_inner(ty);
        self.depth -= 1;
        c
    }

    fn constant_inner(&mut self, ty: TypeId) -> Result<Const<'a>> {
        let c = match self.tok {
            Tok::Num(text) => self.literal(text, ty)?,
            Tok::Global(name) => Const::Sym(self.sym(name)),
            Tok::Bytes(text) => Const::Bytes(text),
            Tok::Word("true") => Const::Int(1),
            Tok::Word("false") => Const::Int(0),
            Tok::Word("null") => Const::Null,
            Tok::Word("zeroinitializer") => Const::Zero,
            Tok::Word("undef" | "poison") => Const::Undef,
            Tok::Word("getelementptr") => return self.const_gep(),
            Tok::Word("splat") => return self.splat(ty),
            Tok::Word("blockaddress") => return self.block_address(),
            Tok::Word(w) => {
                if let Some(op) = CastOp::from_word(w) {
                    return self.const_cast(op);
                }
                if let Some(op @ (BinOp::Add | BinOp::Sub | BinOp::Xor)) = BinOp::from_word(w) {
                    return self.const_bin(op);
                }
                return self.fail(format!("unsupported constant `{w}`"));
            }
            Tok::Punct(b'{') => return self.members(b'}'),
            Tok::Punct(b'[') => return self.members(b']'),
            Tok::Punct(b'<') => {
                self.bump()?;
                if !self.is(b'{') {
                    return self.members_until(b'>');
                }
                let agg = self.members(b'}')?;
                self.expect(b'>')?;
                return Ok(agg);
            }
            _ => return self.unexpected("a constant"),
        };
        self.bump()?;
        Ok(c)
    }

    /// A number of type `ty`.
    fn literal(&self, text: &str, ty: TypeId) -> Result<Const<'a>> {
        match self.m.types.get(ty) {
            Type::Int(width) => self.integer(text, *width).map(Const::Int),
            Type::Float | Type::Double => {
                let bits = match text.strip_prefix("0x") {
                    Some(hex) => u64::from_str_radix(hex, 16).ok(),
                    None => text.parse::<f64>().ok().map(f64::to_bits),
                };
                match bits {
                    Some(bits) => Ok(Const::Float(bits)),
                    None => self.fail(format!("unsupported floating-point constant `{text}`")),
                }
            }
            _ => self.fail(format!(
                "number `{text}` for type {}",
                self.m.types.show(ty)
            )),
        }
    }

    fn integer(&self, text: &str, width: u32) -> Result<u128> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        match digits.parse::<u128>() {
            Ok(n) => Ok(cut(if negative { n.wrapping_neg() } else { n }, width)),
            Err(_) => self.fail(format!("unsupported integer constant `{text}`")),
        }
    }

    /// Only `indirectbr` and comparisons look at the address of a block: a number is as good, and needs no label.
    fn block_address(&mut self) -> Result<Const<'a>> {
        self.bump()?;
        self.expect(b'(')?;
        let function = self.global_name()?;
        self.expect(b',')?;
        let Tok::Local(block) = self.tok else {
            return self.unexpected("a block");
        };
        self.bump()?;
        self.expect(b')')?;
        let next = self.m.taken.len() as u128 + 1;
        let number = *self.taken.entry((function, block)).or_insert(next);
        if number == next {
            self.m.taken.push((function, block));
        }
        Ok(Const::Expr(Box::new(ConstExpr::Cast {
            op: CastOp::IntToPtr,
            from: Types::I32,
            value: Const::Int(number),
            to: Types::PTR,
        })))
    }

    /// The integer of a `switch` case.
    pub(super) fn case_value(&mut self, ty: TypeId) -> Result<u128> {
        let value = self.constant(ty)?;
        match value {
            Const::Int(n) => Ok(n),
            _ => self.fail("unsupported `switch` case that is no number"),
        }
    }

    /// `splat (T c)`
    fn splat(&mut self, ty: TypeId) -> Result<Const<'a>> {
        self.bump()?;
        self.expect(b'(')?;
        let element = self.ty()?;
        let value = self.constant(element)?;
        self.expect(b')')?;
        if self.m.types.lanes(ty).is_none() {
            return self.fail("`splat` of what is no vector");
        }
        Ok(Const::Splat(element, Box::new(value)))
    }

    fn members(&mut self, close: u8) -> Result<Const<'a>> {
        self.bump()?;
        self.members_until(close)
    }

    fn members_until(&mut self, close: u8) -> Result<Const<'a>> {
        let mut members = Vec::new();
        while !self.is(close) {
            if !members.is_empty() {
                self.expect(b',')?;
            }
            let ty = self.ty()?;
            members.push((ty, self.constant(ty)?));
        }
        self.bump()?;
        Ok(Const::Agg(members))
    }

    /// Flags of an expression that only promise something.
    fn flags(&mut self, known: &[&str]) -> Result<bool> {
        let mut inbounds = false;
        while let Tok::Word(w) = self.tok
            && known.contains(&w)
        {
            inbounds |= w == "inbounds";
            self.bump()?;
            if w == "inrange" {
                self.skip_group()?;
            }
        }
        Ok(inbounds)
    }

    /// `inbounds nuw nusw inrange(…)`; whether `inbounds` is among them.
    pub(super) fn gep_flags(&mut self) -> Result<bool> {
        self.flags(&["inbounds", "nuw", "nusw", "inrange"])
    }

    fn const_gep(&mut self) -> Result<Const<'a>> {
        self.bump()?;
        let inbounds = self.gep_flags()?;
        self.expect(b'(')?;
        let base = self.ty()?;
        self.expect(b',')?;
        if self.ty()? != Types::PTR {
            return self.fail("unsupported `getelementptr` base that is no `ptr`");
        }
        let ptr = self.constant(Types::PTR)?;
        let mut indices = Vec::new();
        while self.accept(b',')? {
            let ty = self.ty()?;
            indices.push((ty, self.constant(ty)?));
        }
        self.expect(b')')?;
        Ok(Const::Expr(Box::new(ConstExpr::Gep(Gep {
            inbounds,
            base,
            ptr,
            indices,
        }))))
    }

    fn const_cast(&mut self, op: CastOp) -> Result<Const<'a>> {
        self.bump()?;
        self.flags(&["nuw", "nsw"])?;
        self.expect(b'(')?;
        let from = self.ty()?;
        let value = self.constant(from)?;
        self.expect_word("to")?;
        let to = self.ty()?;
        self.expect(b')')?;
        Ok(Const::Expr(Box::new(ConstExpr::Cast {
            op,
            from,
            value,
            to,
        })))
    }

    fn const_bin(&mut self, op: BinOp) -> Result<Const<'a>> {
        self.bump()?;
        self.flags(&["nuw", "nsw"])?;
        self.expect(b'(')?;
        let ty = self.ty()?;
        let a = self.constant(ty)?;
        self.expect(b',')?;
        if self.ty()? != ty {
            return self.fail("constant operands of different types");
        }
        let b = self.constant(ty)?;
        self.expect(b')')?;
        Ok(Const::Expr(Box::new(ConstExpr::Bin { op, ty, a, b })))
    }
}
