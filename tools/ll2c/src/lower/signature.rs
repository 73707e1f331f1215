// SPDX-License-Identifier: GPL-2.0-only
//! What C says of a function before its body: its type, its attributes, its prototypes.

use super::Ctx;
use crate::error::Result;
use crate::ir::*;
use crate::lexer::unescape;
use std::fmt::Write;
use std::rc::Rc;

/// A function's type in C.
pub(super) struct CSignature {
    /// What it returns.
    pub(super) ret: Rc<str>,
    /// What each IR parameter becomes; `None` for the `sret` one, which becomes the result.
    pub(super) params: Vec<Option<Rc<str>>>,
    /// The struct that stands for `sret`.
    pub(super) sret: Option<Rc<str>>,
    pub(super) variadic: bool,
    /// Whether the module defines it.
    pub(super) defined: bool,
}

impl CSignature {
    /// Whether a definition is written as two: one that takes the pointer of `sret` and one that returns the struct. What is
    /// variadic can't call another one with the same arguments.
    pub(super) fn is_split(&self) -> bool {
        self.sret.is_some() && !self.variadic
    }

    /// `(T, T, ...)`, with names for a definition.
    pub(super) fn params_text(&self, name: impl Fn(usize) -> Option<String>) -> String {
        let mut list: Vec<String> = Vec::new();
        for (i, ty) in self.params.iter().enumerate() {
            if let Some(ty) = ty {
                list.push(match name(i) {
                    Some(name) => format!("{ty} {name}"),
                    None => ty.to_string(),
                });
            }
        }
        if self.variadic {
            list.push("...".into());
        }
        if list.is_empty() || (self.variadic && list.len() == 1) {
            // `f(...)` without a named parameter is no C before C23: an old-style declaration says the same, but no definition does.
            return match (self.variadic, self.defined) {
                (true, true) => "(...)".into(),
                (true, false) => "(LL_ANY)".into(),
                (false, _) => "(void)".into(),
            };
        }
        format!("({})", list.join(", "))
    }
}

/// The alignment of what `sret(T)` or `byval(T)` points to.
pub(super) fn declared_align(types: &Types, ty: TypeId, align: u32) -> u64 {
    if align == 0 {
        types.align(ty)
    } else {
        u64::from(align)
    }
}

impl Ctx<'_, '_> {
    /// The C type of a scalar that crosses a call, with its extension: what a C header would say.
    fn passed(&mut self, ty: TypeId, ext: Ext) -> Result<Rc<str>> {
        Ok(match (self.m.types.int_width(ty), ext) {
            (Some(..=8), Ext::Sign) => "s8".into(),
            (Some(9..=16), Ext::Sign) => "s16".into(),
            (Some(17..=31), Ext::Sign) => "s32".into(),
            (Some(33..=63), Ext::Sign) => "s64".into(),
            _ => self.ctype(ty)?,
        })
    }

    /// The width of an integer that crosses a call as a wider signed one.
    pub(super) fn widened(&self, ty: TypeId, ext: Ext) -> Option<u32> {
        let width = self.m.types.int_width(ty)?;
        (ext == Ext::Sign && width <= 64 && !super::is_full(width)).then_some(width)
    }

    /// The struct that a pointer attribute `sret(T)` or `byval(T)` stands for.
    pub(super) fn pointee(&mut self, ty: TypeId, align: u32) -> Result<Rc<str>> {
        let m = self.m;
        self.by_value(m.types.size(ty), declared_align(&m.types, ty, align))
    }

    /// The C type of a function of type `sig`.
    pub(super) fn c_signature(&mut self, sig: &Signature) -> Result<CSignature> {
        let mut params = Vec::with_capacity(sig.params.len());
        let mut sret = None;
        for &(ty, attrs) in &sig.params {
            params.push(if let Some(pointee) = attrs.sret {
                sret = Some(self.pointee(pointee, attrs.align)?);
                None
            } else if let Some(pointee) = attrs.byval {
                Some(self.pointee(pointee, attrs.align)?)
            } else {
                Some(self.passed(ty, attrs.ext)?)
            });
        }
        let ret = match &sret {
            Some(c) => c.clone(),
            None => self.passed(sig.ret, sig.ret_attrs.ext)?,
        };
        Ok(CSignature {
            ret,
            params,
            sret,
            variadic: sig.variadic,
            defined: false,
        })
    }

    /// The prototypes of a function.
    pub(super) fn declare_function(&mut self, f: &Function<'_>, out: &mut String) -> Result<()> {
        let mut sig = self.c_signature(&f.sig)?;
        let sym = f.head.sym;
        let defined = f.body.is_some() && f.head.linkage != Linkage::AvailableExternally;
        sig.defined = defined;
        let mut attrs = self.head_attributes(&f.head, defined);
        if f.attrs.cold {
            attrs.push("cold".into());
        }
        if f.attrs.noreturn {
            attrs.push("noreturn".into());
        }
        if f.attrs.returns_twice {
            attrs.push("returns_twice".into());
        }
        if defined && f.attrs.noinline {
            attrs.push("noinline".into());
        }
        let name = self.names.c(sym);
        // LLVM has inlined what must be inlined; what is left may be recursive, which GCC refuses for `always_inline`.
        let inline = f.attrs.alwaysinline && !f.attrs.noinline;
        let storage = if defined && f.head.linkage.is_local() && inline {
            "static inline "
        } else if defined && f.head.linkage.is_local() {
            "static "
        } else {
            "extern "
        };
        let attributes = attribute_list(&attrs);
        let _ = writeln!(
            out,
            "{storage}{} {name}{}{}{attributes};",
            sig.ret,
            sig.params_text(|_| None),
            self.names.label(sym)
        );
        if defined && sig.is_split() {
            attrs.retain(|a| !matches!(a.as_str(), "weak") && !a.starts_with("visibility"));
            let body = pointer_params(&sig).params_text(|_| None);
            let _ = writeln!(
                out,
                "static void {name}__sret{body}{};",
                attribute_list(&attrs)
            );
        }
        Ok(())
    }

    /// The attributes that functions and variables have in common.
    pub(super) fn head_attributes(&self, head: &Head<'_>, defined: bool) -> Vec<String> {
        let mut attrs = Vec::new();
        if defined {
            if head.align > 1 {
                attrs.push(format!("aligned({})", head.align));
            }
            if let Some(section) = head.section {
                attrs.push(format!("section(\"{}\")", section_name(section)));
            }
            attrs.push(if self.used.contains(&head.sym) {
                "used".into()
            } else {
                "unused".into()
            });
        }
        if (defined && head.linkage.is_weak()) || head.linkage == Linkage::ExternWeak {
            attrs.push("weak".into());
        }
        match head.visibility {
            Visibility::Default => {}
            v => attrs.push(format!("visibility(\"{}\")", v.word())),
        }
        attrs
    }
}

/// The same function with the pointer that `sret` says as a plain parameter.
pub(super) fn pointer_params(sig: &CSignature) -> CSignature {
    CSignature {
        ret: "void".into(),
        params: sig
            .params
            .iter()
            .map(|p| Some(p.clone().unwrap_or_else(|| "ptr".into())))
            .collect(),
        sret: None,
        variadic: sig.variadic,
        defined: sig.defined,
    }
}

/// A section's name as a C string's inside. GCC passes it to the assembler as it is, which wants odd names in quotes.
fn section_name(raw: &str) -> String {
    let bytes = unescape(raw);
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$' | b'-');
    let mut name = String::new();
    if bytes.iter().all(plain) {
        name.extend(bytes.iter().map(|&b| b as char));
        return name;
    }
    name.push_str("\\\"");
    for b in bytes {
        match b {
            b'"' | b'\\' => {
                let _ = write!(name, "\\\\\\{}", b as char);
            }
            b' '..=b'~' => name.push(b as char),
            _ => {
                let _ = write!(name, "\\\\{b:03o}");
            }
        }
    }
    name.push_str("\\\"");
    name
}

pub(super) fn attribute_list(attrs: &[String]) -> String {
    if attrs.is_empty() {
        String::new()
    } else {
        format!(" __attribute__(({}))", attrs.join(", "))
    }
}
