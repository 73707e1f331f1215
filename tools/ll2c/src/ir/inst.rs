// SPDX-License-Identifier: GPL-2.0-only
//! Instructions.

use super::{BlockId, Gep, LocalId, SymId, TypeId, Value, words};

words! {
    /// A binary operation.
    BinOp {
        Add = "add", Sub = "sub", Mul = "mul", UDiv = "udiv", SDiv = "sdiv", URem = "urem", SRem = "srem",
        And = "and", Or = "or", Xor = "xor", Shl = "shl", LShr = "lshr", AShr = "ashr",
        FAdd = "fadd", FSub = "fsub", FMul = "fmul", FDiv = "fdiv", FRem = "frem",
    }
}
words! {
    /// A conversion.
    CastOp {
        Trunc = "trunc", ZExt = "zext", SExt = "sext", PtrToInt = "ptrtoint", IntToPtr = "inttoptr", Bitcast = "bitcast",
        PtrToAddr = "ptrtoaddr",
        FpTrunc = "fptrunc", FpExt = "fpext", FpToUi = "fptoui", FpToSi = "fptosi", UiToFp = "uitofp", SiToFp = "sitofp",
    }
}
words! {
    /// An integer or pointer comparison.
    IntPred {
        Eq = "eq", Ne = "ne", Ugt = "ugt", Uge = "uge", Ult = "ult", Ule = "ule",
        Sgt = "sgt", Sge = "sge", Slt = "slt", Sle = "sle",
    }
}
words! {
    /// A floating-point comparison.
    FloatPred {
        False = "false", Oeq = "oeq", Ogt = "ogt", Oge = "oge", Olt = "olt", Ole = "ole", One = "one", Ord = "ord",
        Ueq = "ueq", Ugt = "ugt", Uge = "uge", Ult = "ult", Ule = "ule", Une = "une", Uno = "uno", True = "true",
    }
}
words! {
    /// A memory ordering.
    Ordering {
        Unordered = "unordered", Monotonic = "monotonic", Acquire = "acquire", Release = "release",
        AcqRel = "acq_rel", SeqCst = "seq_cst",
    }
}
words! {
    /// The operation of an `atomicrmw`.
    RmwOp {
        Xchg = "xchg", Add = "add", Sub = "sub", And = "and", Nand = "nand", Or = "or", Xor = "xor",
        Max = "max", Min = "min", UMax = "umax", UMin = "umin",
    }
}

/// Ordering and scope of an atomic access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Atomic {
    /// The ordering.
    pub order: Ordering,
    /// `syncscope("singlethread")`: ordered against a signal handler only.
    pub single: bool,
}

/// How a memory access is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Bytes; a power of two.
    pub align: u32,
    /// Made exactly once, as written.
    pub volatile: bool,
    /// Atomic, and how.
    pub atomic: Option<Atomic>,
}

/// How a narrow integer is widened where the C ABI passes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Ext {
    /// `zeroext`, or nothing said.
    #[default]
    Zero,
    /// `signext`
    Sign,
}

/// The attributes of a parameter, an argument or a result that change what is emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ParamAttrs {
    /// Widening.
    pub ext: Ext,
    /// `sret(T)`
    pub sret: Option<TypeId>,
    /// `byval(T)`
    pub byval: Option<TypeId>,
    /// `elementtype(T)`, what an operand of inline assembly points to.
    pub element: Option<TypeId>,
    /// `align N`, 0 if absent.
    pub align: u32,
}

/// The attributes of a function or a call that change what is emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FnAttrs {
    /// `noreturn`
    pub noreturn: bool,
    /// `noinline`
    pub noinline: bool,
    /// `alwaysinline`
    pub alwaysinline: bool,
    /// `cold`
    pub cold: bool,
    /// `"no-builtins"`
    pub no_builtins: bool,
    /// `returns_twice`
    pub returns_twice: bool,
}

/// One argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Arg<'a> {
    /// Its type.
    pub ty: TypeId,
    /// Its value; [`Const::Undef`] for metadata.
    pub value: Value<'a>,
    /// Its attributes.
    pub attrs: ParamAttrs,
}

/// What is called.
#[derive(Debug, Clone, PartialEq)]
pub enum Callee<'a> {
    /// A symbol, by name: perhaps an intrinsic.
    Sym(SymId),
    /// A pointer.
    Value(Value<'a>),
    /// Inline assembly.
    Asm {
        /// The text.
        template: &'a str,
        /// The operands' constraints.
        constraints: &'a str,
    },
}

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call<'a> {
    /// What it returns.
    pub ret: TypeId,
    /// The result's attributes.
    pub ret_attrs: ParamAttrs,
    /// The number of named parameters of a variadic callee.
    pub variadic: Option<usize>,
    /// What is called.
    pub callee: Callee<'a>,
    /// The arguments.
    pub args: Vec<Arg<'a>>,
    /// Its own attributes.
    pub attrs: FnAttrs,
    /// Its attribute group, read after the functions.
    pub group: Option<u32>,
}

/// An instruction's operation and operands.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    missing_docs,
    reason = "the operands of an opcode are named as the language reference names them"
)]
pub enum Op<'a> {
    /// Integer and floating-point arithmetic.
    Bin {
        op: BinOp,
        ty: TypeId,
        a: Value<'a>,
        b: Value<'a>,
    },
    /// `fneg`
    FNeg { ty: TypeId, a: Value<'a> },
    /// `icmp`
    ICmp {
        pred: IntPred,
        ty: TypeId,
        a: Value<'a>,
        b: Value<'a>,
    },
    /// `fcmp`
    FCmp {
        pred: FloatPred,
        ty: TypeId,
        a: Value<'a>,
        b: Value<'a>,
    },
    /// `select`; the condition is i1, or a vector of them.
    Select {
        cond_ty: TypeId,
        cond: Value<'a>,
        ty: TypeId,
        a: Value<'a>,
        b: Value<'a>,
    },
    /// `phi`; the incoming values are sorted by their blocks.
    Phi {
        ty: TypeId,
        incoming: Vec<(Value<'a>, BlockId)>,
    },
    /// `br label`
    Br { to: BlockId },
    /// `br i1`
    CondBr {
        cond: Value<'a>,
        then: BlockId,
        other: BlockId,
    },
    /// `switch`
    Switch {
        ty: TypeId,
        value: Value<'a>,
        default: BlockId,
        cases: Vec<(u128, BlockId)>,
    },
    /// `indirectbr`
    IndirectBr {
        ptr: Value<'a>,
        targets: Vec<BlockId>,
    },
    /// `ret`; the type is `void` where there is no value.
    Ret {
        ty: TypeId,
        value: Option<Value<'a>>,
    },
    /// `unreachable`
    Unreachable,
    /// `load`
    Load {
        ty: TypeId,
        ptr: Value<'a>,
        access: Access,
    },
    /// `store`
    Store {
        ty: TypeId,
        value: Value<'a>,
        ptr: Value<'a>,
        access: Access,
    },
    /// `alloca`
    Alloca {
        ty: TypeId,
        count: Option<(TypeId, Value<'a>)>,
        align: u32,
    },
    /// `getelementptr`
    Gep(Gep<Value<'a>>),
    /// A conversion.
    Cast {
        op: CastOp,
        from: TypeId,
        value: Value<'a>,
        to: TypeId,
    },
    /// `freeze`
    Freeze { ty: TypeId, value: Value<'a> },
    /// `call`
    Call(Box<Call<'a>>),
    /// `extractvalue`
    Extract {
        ty: TypeId,
        value: Value<'a>,
        path: Vec<u64>,
    },
    /// `insertvalue`
    Insert {
        ty: TypeId,
        value: Value<'a>,
        member_ty: TypeId,
        member: Value<'a>,
        path: Vec<u64>,
    },
    /// `extractelement`
    ExtractElement {
        ty: TypeId,
        value: Value<'a>,
        index_ty: TypeId,
        index: Value<'a>,
    },
    /// `insertelement`
    InsertElement {
        ty: TypeId,
        value: Value<'a>,
        element: Value<'a>,
        index_ty: TypeId,
        index: Value<'a>,
    },
    /// `shufflevector`: which element of both together each one is; `None` may be anything.
    Shuffle {
        ty: TypeId,
        a: Value<'a>,
        b: Value<'a>,
        mask: Vec<Option<u64>>,
        to: TypeId,
    },
    /// `va_arg`
    VaArg { ptr: Value<'a>, ty: TypeId },
    /// `fence`
    Fence(Atomic),
    /// `cmpxchg`
    CmpXchg {
        ty: TypeId,
        ptr: Value<'a>,
        expected: Value<'a>,
        new: Value<'a>,
        access: Access,
        failure: Ordering,
        weak: bool,
    },
    /// `atomicrmw`
    Rmw {
        op: RmwOp,
        ty: TypeId,
        ptr: Value<'a>,
        value: Value<'a>,
        access: Access,
    },
}

/// An instruction.
#[derive(Debug, Clone, PartialEq)]
pub struct Inst<'a> {
    /// What it defines.
    pub result: Option<LocalId>,
    /// What it does.
    pub op: Op<'a>,
    /// Where it stands: byte offset in the text.
    pub pos: u32,
    /// The number of its `!dbg` location.
    pub dbg: Option<u32>,
}

impl<'a> Op<'a> {
    /// Calls `see` with every block that a terminator may go to.
    pub fn targets(&self, see: &mut impl FnMut(BlockId)) {
        match self {
            Op::Br { to } => see(*to),
            Op::CondBr { then, other, .. } => {
                see(*then);
                see(*other);
            }
            Op::Switch { default, cases, .. } => {
                see(*default);
                cases.iter().for_each(|&(_, to)| see(to));
            }
            Op::IndirectBr { targets, .. } => targets.iter().for_each(|&to| see(to)),
            _ => {}
        }
    }

    /// Calls `see` with every operand.
    pub fn operands(&self, see: &mut impl FnMut(&Value<'a>)) {
        match self {
            Op::Bin { a, b, .. }
            | Op::ICmp { a, b, .. }
            | Op::FCmp { a, b, .. }
            | Op::ExtractElement {
                value: a, index: b, ..
            }
            | Op::Shuffle { a, b, .. } => {
                see(a);
                see(b);
            }
            Op::Select { cond, a, b, .. } => {
                see(cond);
                see(a);
                see(b);
            }
            Op::Phi { incoming, .. } => incoming.iter().for_each(|(v, _)| see(v)),
            Op::Br { .. } | Op::Unreachable | Op::Fence(_) => {}
            Op::CondBr { cond: v, .. }
            | Op::Switch { value: v, .. }
            | Op::FNeg { a: v, .. }
            | Op::Load { ptr: v, .. }
            | Op::IndirectBr { ptr: v, .. }
            | Op::VaArg { ptr: v, .. }
            | Op::Cast { value: v, .. }
            | Op::Freeze { value: v, .. }
            | Op::Extract { value: v, .. } => see(v),
            Op::Ret { value, .. } => value.iter().for_each(see),
            Op::Store { value, ptr, .. } | Op::Rmw { value, ptr, .. } => {
                see(value);
                see(ptr);
            }
            Op::Alloca { count, .. } => count.iter().for_each(|(_, v)| see(v)),
            Op::Gep(gep) => {
                see(&gep.ptr);
                gep.indices.iter().for_each(|(_, v)| see(v));
            }
            Op::Call(call) => {
                if let Callee::Value(v) = &call.callee {
                    see(v);
                }
                call.args.iter().for_each(|a| see(&a.value));
            }
            Op::Insert { value, member, .. } => {
                see(value);
                see(member);
            }
            Op::InsertElement {
                value,
                element,
                index,
                ..
            } => {
                see(value);
                see(element);
                see(index);
            }
            Op::CmpXchg {
                ptr, expected, new, ..
            } => {
                see(ptr);
                see(expected);
                see(new);
            }
        }
    }
}
