// SPDX-License-Identifier: GPL-2.0-only
//! Operands and constants.

use super::{BinOp, CastOp, LocalId, SymId, TypeId};

/// An operand.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A parameter or an instruction's result.
    Local(LocalId),
    /// Anything known at link time.
    Const(Const<'a>),
}

/// A constant; its type stands beside it wherever it is used.
#[derive(Debug, Clone, PartialEq)]
pub enum Const<'a> {
    /// An integer, cut to its type's width.
    Int(u128),
    /// A floating-point number, as the bits of a double.
    Float(u64),
    /// `null`
    Null,
    /// `zeroinitializer`
    Zero,
    /// `undef` and `poison`: any value will do.
    Undef,
    /// The address of a symbol.
    Sym(SymId),
    /// A struct, an array or a vector, member by member.
    Agg(Vec<(TypeId, Const<'a>)>),
    /// `splat (…)`: a vector whose elements are all alike.
    Splat(TypeId, Box<Const<'a>>),
    /// `c"…"`, escapes kept.
    Bytes(&'a str),
    /// A constant expression.
    Expr(Box<ConstExpr<'a>>),
}

/// An expression over constants.
#[derive(Debug, Clone, PartialEq)]
pub enum ConstExpr<'a> {
    /// `getelementptr`
    Gep(Gep<Const<'a>>),
    /// `ptrtoint`, `inttoptr`, `trunc` and the like.
    Cast {
        /// Which cast.
        op: CastOp,
        /// The operand's type.
        from: TypeId,
        /// The operand.
        value: Const<'a>,
        /// The result's type.
        to: TypeId,
    },
    /// `add`, `sub`, `xor`
    Bin {
        /// Which operation.
        op: BinOp,
        /// The type of both operands and of the result.
        ty: TypeId,
        /// The left operand.
        a: Const<'a>,
        /// The right operand.
        b: Const<'a>,
    },
}

/// An address computed from a type's layout.
#[derive(Debug, Clone, PartialEq)]
pub struct Gep<V> {
    /// Whether the computation may be assumed to stay inside one object.
    pub inbounds: bool,
    /// The type that the first index counts.
    pub base: TypeId,
    /// Where it starts.
    pub ptr: V,
    /// The indices with their types.
    pub indices: Vec<(TypeId, V)>,
}
