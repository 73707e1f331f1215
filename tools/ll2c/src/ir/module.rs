// SPDX-License-Identifier: GPL-2.0-only
//! Functions, variables and the whole of a file.

use super::{Const, FnAttrs, Inst, ParamAttrs, SymId, TypeId, Types, words};
use crate::meta::Metadata;
use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// A local value.
#[derive(Debug, Clone)]
pub struct Local<'a> {
    /// Its name without `%`.
    pub name: Cow<'a, str>,
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
    pub name: Cow<'a, str>,
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
    /// Whether each thread has its own.
    pub thread_local: bool,
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
    /// What it names: an address.
    pub target: Const<'a>,
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
    /// The blocks whose addresses are taken. The address of the first one is 1, of the next one 2.
    pub taken: Vec<(SymId, &'a str)>,
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
