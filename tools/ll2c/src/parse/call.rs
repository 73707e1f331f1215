// SPDX-License-Identifier: GPL-2.0-only
//! `call`.

use super::Parser;
use super::body::BodyBuilder;
use crate::error::Result;
use crate::ir::*;
use crate::lexer::Tok;

impl<'a> Parser<'a> {
    pub(super) fn call(&mut self, b: &mut BodyBuilder<'a>) -> Result<(Op<'a>, Option<TypeId>)> {
        self.skip_flags()?;
        self.calling_convention()?;
        let ret_attrs = self.param_attrs()?;
        let ret = self.ty()?;
        let mut variadic = None;
        if self.is(b'(') {
            variadic = self.function_type()?;
        }
        let callee = match self.tok {
            Tok::Global(_) => Callee::Sym(self.global_name()?),
            Tok::Word("asm") => {
                self.bump()?;
                while let Tok::Word(w) = self.tok {
                    if !matches!(w, "sideeffect" | "alignstack" | "unwind") {
                        return self.fail(format!("unsupported `asm {w}`"));
                    }
                    self.bump()?;
                }
                let template = self.string()?;
                self.expect(b',')?;
                Callee::Asm {
                    template,
                    constraints: self.string()?,
                }
            }
            _ => Callee::Value(self.value(b, Types::PTR)?),
        };
        let args = self.arguments(b)?;
        // Most of a call's own attributes only promise something: a call that does not return is followed by `unreachable`.
        let mut attrs = FnAttrs::default();
        let mut group = None;
        loop {
            match self.tok {
                _ if self.starts_line() => break,
                Tok::Hash(n) => {
                    group = n.parse().ok();
                    self.bump()?;
                }
                Tok::Punct(b'[') => self.bundles()?,
                Tok::Word(_) | Tok::Str(_) => self.fn_attr(&mut attrs)?,
                _ => break,
            }
        }
        let result = (ret != Types::VOID).then_some(ret);
        Ok((
            Op::Call(Box::new(Call {
                ret,
                ret_attrs,
                variadic,
                callee,
                args,
                attrs,
                group,
            })),
            result,
        ))
    }

    /// Whether only white space stands before the current token on its line.
    fn starts_line(&self) -> bool {
        let before = &self.m.src.as_bytes()[..self.pos as usize];
        before
            .iter()
            .rev()
            .find(|&&c| c != b' ' && c != b'\t')
            .is_none_or(|&c| c == b'\n')
    }

    /// `(T, T, ...)` after the result's type: the number of named parameters if it ends in `...`.
    fn function_type(&mut self) -> Result<Option<usize>> {
        self.expect(b'(')?;
        let mut named = 0;
        let mut variadic = false;
        while !self.is(b')') {
            if named > 0 {
                self.expect(b',')?;
            }
            if self.tok == Tok::Dots {
                self.bump()?;
                variadic = true;
                break;
            }
            self.ty()?;
            self.param_attrs()?;
            named += 1;
        }
        self.expect(b')')?;
        Ok(variadic.then_some(named))
    }

    fn arguments(&mut self, b: &mut BodyBuilder<'a>) -> Result<Vec<Arg<'a>>> {
        self.expect(b'(')?;
        let mut args = Vec::new();
        while !self.is(b')') {
            if !args.is_empty() {
                self.expect(b',')?;
            }
            let ty = self.ty()?;
            if *self.m.types.get(ty) == Type::Metadata {
                // Only intrinsics take metadata, and those that are known ignore it.
                while !self.is(b',') && !self.is(b')') {
                    if self.is(b'(') {
                        self.skip_group()?
                    } else {
                        self.bump().map(drop)?
                    }
                    if self.tok == Tok::End {
                        return self.unexpected("`)`");
                    }
                }
                args.push(Arg {
                    ty,
                    value: Value::Const(Const::Undef),
                    attrs: ParamAttrs::default(),
                });
                continue;
            }
            let attrs = self.param_attrs()?;
            args.push(Arg {
                ty,
                value: self.value(b, ty)?,
                attrs,
            });
        }
        self.bump()?;
        Ok(args)
    }

    /// Operand bundles, of which only the promises of `llvm.assume` are known.
    fn bundles(&mut self) -> Result<()> {
        self.bump()?;
        loop {
            let tag = self.string()?;
            if tag == "kcfi" {
                return self
                    .fail("unsupported operand bundle `kcfi`: compile without the sanitizer kcfi");
            }
            if !matches!(
                tag,
                "align"
                    | "nonnull"
                    | "dereferenceable"
                    | "dereferenceable_or_null"
                    | "noundef"
                    | "ignore"
                    | "cold"
                    | "separate_storage"
            ) {
                return self.fail(format!("unsupported operand bundle `{tag}`"));
            }
            self.skip_group()?;
            if !self.accept(b',')? {
                return self.expect(b']');
            }
        }
    }
}
