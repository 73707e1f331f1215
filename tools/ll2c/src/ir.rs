// SPDX-License-Identifier: GPL-2.0-only
//! The IR as typed data: what the parser makes, the verifier checks and the lowering reads.

use crate::layout::DataLayout;
use crate::meta::Metadata;
use rustc_hash::FxHashMap;

/// An index into [`Types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);
/// An index into [`Module::symbols`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SymId(pub u32);
/// An index into [`Body::locals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LocalId(pub u32);
/// An index into [`Body::blocks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u32);

/// A type. Equal types have equal [`TypeId`]s; a named struct is the struct it names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `void`
    Void,
    /// `iN`
    Int(u32),
    /// `ptr`, in address space 0
    Ptr,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `metadata`, an operand of some intrinsics
    Metadata,
    /// `[N x T]`
    Array(u64, TypeId),
    /// `{ … }` or `<{ … }>`
    Struct {
        /// The members, in order.
        fields: Vec<TypeId>,
        /// No padding, alignment 1.
        packed: bool,
    },
    /// A struct without a body.
    Opaque,
}

/// All types of a module, each once.
#[derive(Debug)]
pub struct Types {
    list: Vec<Type>,
    ids: FxHashMap<Type, TypeId>,
}

impl Types {
    /// `void`
    pub const VOID: TypeId = TypeId(0);
    /// `ptr`
    pub const PTR: TypeId = TypeId(1);
    /// `i1`
    pub const I1: TypeId = TypeId(2);
    /// `i32`
    pub const I32: TypeId = TypeId(3);
    /// `i8`
    pub const I8: TypeId = TypeId(4);

    /// The id of a type, new or known.
    pub fn intern(&mut self, ty: Type) -> TypeId {
        if let Some(&id) = self.ids.get(&ty) {
            return id;
        }
        let id = TypeId(self.list.len() as u32);
        self.list.push(ty.clone());
        self.ids.insert(ty, id);
        id
    }

    /// The type of an id.
    pub fn get(&self, id: TypeId) -> &Type {
        &self.list[id.0 as usize]
    }

    /// The width of an integer type.
    pub fn int_width(&self, id: TypeId) -> Option<u32> {
        match self.get(id) {
            Type::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The type of member `index` of an aggregate.
    pub fn member(&self, id: TypeId, index: u64) -> Option<TypeId> {
        match self.get(id) {
            Type::Struct { fields, .. } => fields.get(usize::try_from(index).ok()?).copied(),
            Type::Array(n, e) => (index < *n).then_some(*e),
            _ => None,
        }
    }

    /// Whether it is a struct or an array.
    pub fn is_aggregate(&self, id: TypeId) -> bool {
        matches!(self.get(id), Type::Struct { .. } | Type::Array(..))
    }

    /// The type as IR text.
    pub fn show(&self, id: TypeId) -> String {
        match self.get(id) {
            Type::Void => "void".into(),
            Type::Int(n) => format!("i{n}"),
            Type::Ptr => "ptr".into(),
            Type::Float => "float".into(),
            Type::Double => "double".into(),
            Type::Metadata => "metadata".into(),
            Type::Array(n, e) => format!("[{n} x {}]", self.show(*e)),
            Type::Struct { fields, packed } => {
                let inner = fields
                    .iter()
                    .map(|&f| self.show(f))
                    .collect::<Vec<_>>()
                    .join(", ");
                if *packed {
                    format!("<{{ {inner} }}>")
                } else {
                    format!("{{ {inner} }}")
                }
            }
            Type::Opaque => "opaque".into(),
        }
    }
}

impl Default for Types {
    fn default() -> Self {
        let mut types = Self {
            list: Vec::new(),
            ids: FxHashMap::default(),
        };
        for ty in [
            Type::Void,
            Type::Ptr,
            Type::Int(1),
            Type::Int(32),
            Type::Int(8),
        ] {
            types.intern(ty);
        }
        types
    }
}

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
    /// A struct or an array, member by member.
    Agg(Vec<(TypeId, Const<'a>)>),
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

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $(#[doc = concat!("`", $word, "`")] $variant),* }
        impl $name {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
            /// By its keyword.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
            /// The keyword.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
    };
}

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
    /// `select`
    Select {
        cond: Value<'a>,
        ty: TypeId,
        a: Value<'a>,
        b: Value<'a>,
    },
    /// `phi`
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

/// A local value.
#[derive(Debug, Clone)]
pub struct Local<'a> {
    /// Its name without `%`.
    pub name: &'a str,
    /// Its type; `void` until defined.
    pub ty: TypeId,
    /// Whether something defines it.
    pub defined: bool,
    /// Where it is first named.
    pub pos: u32,
}

/// A basic block.
#[derive(Debug, Clone, Default)]
pub struct Block<'a> {
    /// Its label.
    pub name: &'a str,
    /// Its instructions, the last one a terminator.
    pub insts: Vec<Inst<'a>>,
    /// Where it is first named.
    pub pos: u32,
}

/// The inside of a function.
#[derive(Debug, Clone, Default)]
pub struct Body<'a> {
    /// Parameters first, then results.
    pub locals: Vec<Local<'a>>,
    /// In the order in which they are written; the first is the entry.
    pub blocks: Vec<Block<'a>>,
    /// The `!dbg` subprogram.
    pub dbg: Option<u32>,
}

words! {
    /// Linkage.
    Linkage {
        External = "external", Private = "private", Internal = "internal", AvailableExternally = "available_externally",
        LinkOnce = "linkonce", LinkOnceOdr = "linkonce_odr", Weak = "weak", WeakOdr = "weak_odr", Common = "common",
        Appending = "appending", ExternWeak = "extern_weak",
    }
}

impl Linkage {
    /// Whether the symbol is known in this module only.
    pub fn is_local(self) -> bool {
        matches!(self, Self::Private | Self::Internal)
    }

    /// Whether another definition may replace this one.
    pub fn is_weak(self) -> bool {
        matches!(
            self,
            Self::LinkOnce | Self::LinkOnceOdr | Self::Weak | Self::WeakOdr
        )
    }
}

words! {
    /// Visibility.
    Visibility { Default = "default", Hidden = "hidden", Protected = "protected" }
}

/// What functions, variables and aliases have in common.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The symbol.
    pub sym: SymId,
    /// Its linkage.
    pub linkage: Linkage,
    /// Its visibility.
    pub visibility: Visibility,
    /// Its section.
    pub section: Option<&'a str>,
    /// Its alignment in bytes, 0 if not said.
    pub align: u32,
    /// Where it is written.
    pub pos: u32,
}

/// A function's type, as the IR has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signature {
    /// The result.
    pub ret: TypeId,
    /// Its attributes.
    pub ret_attrs: ParamAttrs,
    /// The parameters.
    pub params: Vec<(TypeId, ParamAttrs)>,
    /// Whether `...` follows them.
    pub variadic: bool,
}

/// A function, declared or defined.
#[derive(Debug, Clone)]
pub struct Function<'a> {
    /// Name, linkage and the like.
    pub head: Head<'a>,
    /// Its type.
    pub sig: Signature,
    /// Its attributes.
    pub attrs: FnAttrs,
    /// Its attribute group, read after the functions.
    pub group: Option<u32>,
    /// Its body, if defined.
    pub body: Option<Body<'a>>,
}

/// A variable.
#[derive(Debug, Clone)]
pub struct Global<'a> {
    /// Name, linkage and the like.
    pub head: Head<'a>,
    /// `constant` rather than `global`.
    pub constant: bool,
    /// What it holds.
    pub ty: TypeId,
    /// Its value, if defined.
    pub init: Option<Const<'a>>,
}

/// Another name.
#[derive(Debug, Clone)]
pub struct Alias<'a> {
    /// Name, linkage and the like.
    pub head: Head<'a>,
    /// What it names.
    pub target: SymId,
}

/// What a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Def {
    /// Named but not declared.
    Nothing,
    /// An index into [`Module::functions`].
    Function(u32),
    /// An index into [`Module::globals`].
    Global(u32),
    /// An index into [`Module::aliases`].
    Alias(u32),
}

/// A symbol.
#[derive(Debug, Clone)]
pub struct Symbol<'a> {
    /// Its name without `@`, escapes kept.
    pub name: &'a str,
    /// What it is.
    pub def: Def,
    /// Where it is first named.
    pub pos: u32,
}

/// A whole file.
#[derive(Debug)]
pub struct Module<'a> {
    /// The text.
    pub src: &'a str,
    /// `target datalayout`
    pub layout: DataLayout,
    /// Whether the file says a layout.
    pub has_layout: bool,
    /// All types.
    pub types: Types,
    /// All names with `@`.
    pub symbols: Vec<Symbol<'a>>,
    /// All functions.
    pub functions: Vec<Function<'a>>,
    /// All variables.
    pub globals: Vec<Global<'a>>,
    /// All aliases.
    pub aliases: Vec<Alias<'a>>,
    /// `attributes #N`
    pub groups: FxHashMap<u32, FnAttrs>,
    /// Debug metadata, read when asked for.
    pub meta: Metadata<'a>,
}

impl Module<'_> {
    /// A symbol's name.
    pub fn name(&self, sym: SymId) -> &str {
        self.symbols[sym.0 as usize].name
    }
}

impl<'a> Op<'a> {
    /// Calls `see` with every operand.
    pub fn operands(&self, see: &mut impl FnMut(&Value<'a>)) {
        match self {
            Op::Bin { a, b, .. } | Op::ICmp { a, b, .. } | Op::FCmp { a, b, .. } => {
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
