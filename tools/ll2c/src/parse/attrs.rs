// SPDX-License-Identifier: GPL-2.0-only
//! Attributes and calling conventions: those that matter, those that may be dropped, and the rest, which is rejected.

use super::Parser;
use crate::error::Result;
use crate::ir::{Ext, FnAttrs, ParamAttrs};
use crate::lexer::Tok;

/// What a parameter attribute promises about values that are passed anyway. Dropping a promise is safe.
const PARAM_PROMISES: &[&str] = &[
    "noundef",
    "noalias",
    "nonnull",
    "nocapture",
    "nofree",
    "readonly",
    "writeonly",
    "readnone",
    "returned",
    "immarg",
    "noext",
    "dead_on_unwind",
    "dead_on_return",
    "writable",
    "dereferenceable",
    "dereferenceable_or_null",
    "range",
    "captures",
    "initializes",
    "nofpclass",
    "elementtype",
    "allocptr",
    "allocalign",
];

/// What a function attribute promises, or asks of a code generator that C does not have.
const FN_PROMISES: &[&str] = &[
    "nounwind",
    "norecurse",
    "nosync",
    "nofree",
    "nocallback",
    "willreturn",
    "mustprogress",
    "memory",
    "readnone",
    "readonly",
    "writeonly",
    "argmemonly",
    "inaccessiblememonly",
    "inaccessiblemem_or_argmemonly",
    "speculatable",
    "convergent",
    "inlinehint",
    "minsize",
    "optsize",
    "optnone",
    "uwtable",
    "allockind",
    "allocsize",
    "nonlazybind",
    "nomerge",
    "noprofile",
    "skipprofile",
    "nosanitize_coverage",
    "nosanitize_bounds",
    "hot",
    "builtin",
    "nobuiltin",
    "nocf_check",
    "fn_ret_thunk_extern",
    "disable_sanitizer_instrumentation",
    "noredzone",
    "noimplicitfloat",
    "mustcall",
    "vscale_range",
    "noduplicate",
    "nocreateundeforpoison",
    "nodivergencesource",
    "noipa",
];

/// Function attributes, by key, that ask for more code than the IR has, and the option that did. GCC has one for each, too.
const MORE_CODE: &[(&str, &str)] = &[
    ("instrument-function-", "-finstrument-functions or -pg"),
    ("function-instrument", "-fxray-instrument"),
    ("patchable-function", "-fpatchable-function-entry"),
    ("fentry-call", "-mfentry"),
    ("interrupt", "__attribute__((interrupt))"),
];

/// GCC's largest alignment, in bytes.
const MAX_ALIGN: u32 = 1 << 28;

/// Conventions of functions that only IR calls: C's own does as well, on both sides.
const CONVENTIONS: &[&str] = &[
    "ccc",
    "fastcc",
    "coldcc",
    "preserve_mostcc",
    "preserve_allcc",
    "preserve_nonecc",
    "tailcc",
];

impl Parser<'_> {
    pub(super) fn calling_convention(&mut self) -> Result<()> {
        while let Tok::Word(w) = self.tok {
            if CONVENTIONS.contains(&w) {
                self.bump()?;
            } else if w == "cc" || w.ends_with("cc") || w.ends_with("_kernel") {
                return self.fail(format!("unsupported calling convention `{w}`"));
            } else {
                break;
            }
        }
        Ok(())
    }

    /// `4` or `(4)`, after `align`.
    fn align_value(&mut self) -> Result<u32> {
        if self.accept(b'(')? {
            let n = self.promised_alignment()?;
            self.expect(b')')?;
            Ok(n)
        } else {
            self.promised_alignment()
        }
    }

    fn power_of_two(&mut self) -> Result<u64> {
        let pos = self.pos;
        let n: u64 = self.number()?;
        if n.is_power_of_two() {
            Ok(n)
        } else {
            self.fail_at(pos, format!("alignment {n} is no power of two"))
        }
    }

    /// The alignment that something is to have: one that C has, too.
    pub(super) fn alignment(&mut self) -> Result<u32> {
        let pos = self.pos;
        let n = self.power_of_two()?;
        match u32::try_from(n) {
            Ok(n) if n <= MAX_ALIGN => Ok(n),
            _ => self.fail_at(pos, format!("unsupported alignment {n}")),
        }
    }

    /// The alignment that an address is said to have. LLVM says 4 GiB of a null pointer; less is true as well.
    pub(super) fn promised_alignment(&mut self) -> Result<u32> {
        let n = self.power_of_two()?;
        Ok(u32::try_from(n).map_or(MAX_ALIGN, |n| n.min(MAX_ALIGN)))
    }

    pub(super) fn param_attrs(&mut self) -> Result<ParamAttrs> {
        let mut attrs = ParamAttrs::default();
        loop {
            match self.tok {
                Tok::Word("zeroext") => {
                    self.bump()?;
                    attrs.ext = Ext::Zero;
                }
                Tok::Word("signext") => {
                    self.bump()?;
                    attrs.ext = Ext::Sign;
                }
                Tok::Word("align") => {
                    self.bump()?;
                    attrs.align = self.align_value()?;
                }
                Tok::Word(w @ ("sret" | "byval" | "elementtype")) => {
                    self.bump()?;
                    self.expect(b'(')?;
                    let ty = Some(self.ty()?);
                    self.expect(b')')?;
                    match w {
                        "sret" => attrs.sret = ty,
                        "byval" => attrs.byval = ty,
                        _ => attrs.element = ty,
                    }
                }
                Tok::Word(w) if PARAM_PROMISES.contains(&w) => {
                    self.bump()?;
                    if self.is(b'(') {
                        self.skip_group()?;
                    }
                }
                // A type, or the word of a constant, ends the attributes.
                Tok::Word(w) if self.at_type() || is_value_word(w) => return Ok(attrs),
                Tok::Word(w) => return self.fail(format!("unsupported parameter attribute `{w}`")),
                Tok::Str(_) => {
                    self.bump()?;
                    if self.accept(b'=')? {
                        self.string()?;
                    }
                }
                _ => return Ok(attrs),
            }
        }
    }

    /// One function attribute.
    pub(super) fn fn_attr(&mut self, attrs: &mut FnAttrs) -> Result<()> {
        match self.tok {
            Tok::Word(w) => {
                let pos = self.pos;
                self.bump()?;
                match w {
                    "noreturn" => attrs.noreturn = true,
                    "noinline" => attrs.noinline = true,
                    "alwaysinline" => attrs.alwaysinline = true,
                    "cold" => attrs.cold = true,
                    "returns_twice" => attrs.returns_twice = true,
                    // Stack protection and the rest of code generation are the C compiler's flags.
                    "ssp" | "sspreq" | "sspstrong" => {}
                    "align" | "alignstack" if self.accept(b'=')? => {
                        self.number::<u32>()?;
                    }
                    "alignstack" => {}
                    _ if FN_PROMISES.contains(&w) => {}
                    _ => {
                        return self.fail_at(pos, format!("unsupported function attribute `{w}`"));
                    }
                }
                if self.is(b'(') {
                    self.skip_group()?;
                }
                Ok(())
            }
            Tok::Str(key) => {
                if let Some((_, option)) = MORE_CODE.iter().find(|(k, _)| key.starts_with(k)) {
                    return self.fail(format!(
                        "unsupported function attribute \"{key}\": compile without {option}"
                    ));
                }
                self.bump()?;
                if self.accept(b'=')? {
                    self.string()?;
                }
                attrs.no_builtins |= key == "no-builtins";
                Ok(())
            }
            _ => self.unexpected("a function attribute"),
        }
    }

    /// `attributes #0 = { … }`
    pub(super) fn attribute_group(&mut self) -> Result<()> {
        self.bump()?;
        let Tok::Hash(id) = self.tok else {
            return self.unexpected("an attribute group");
        };
        let Ok(id) = id.parse() else {
            return self.unexpected("an attribute group's number");
        };
        self.bump()?;
        self.expect(b'=')?;
        self.expect(b'{')?;
        let mut attrs = FnAttrs::default();
        while !self.is(b'}') {
            self.fn_attr(&mut attrs)?;
        }
        self.m.groups.insert(id, attrs);
        Ok(())
    }
}

fn is_value_word(w: &str) -> bool {
    matches!(
        w,
        "null"
            | "undef"
            | "poison"
            | "true"
            | "false"
            | "zeroinitializer"
            | "none"
            | "asm"
            | "getelementptr"
            | "ptrtoint"
            | "inttoptr"
            | "bitcast"
            | "trunc"
            | "add"
            | "sub"
            | "xor"
            | "splat"
            | "blockaddress"
            | "dso_local_equivalent"
            | "no_cfi"
            | "ptrtoaddr"
            | "unnamed_addr"
            | "local_unnamed_addr"
    )
}
