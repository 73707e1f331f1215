// SPDX-License-Identifier: GPL-2.0-only
//! Functions: what stands before and around their bodies.

use super::{Parser, body};
use crate::error::Result;
use crate::ir::*;
use crate::lexer::Tok;

impl<'a> Parser<'a> {
    pub(super) fn function(&mut self, defined: bool) -> Result<()> {
        // `declare` may carry attachments first.
        while let Tok::Meta(_) = self.tok {
            self.function_attachment()?;
        }
        let mut head = self.head(SymId(0))?;
        self.calling_convention()?;
        let ret_attrs = self.param_attrs()?;
        let ret = self.ty()?;
        head.sym = self.global_name()?;
        let name = self.m.name(head.sym).to_owned();
        self.function_rest(defined, head, ret, ret_attrs)
            .map_err(|e| e.at(self.m.src, self.pos).within(&name))
    }

    fn function_rest(
        &mut self,
        defined: bool,
        mut head: Head<'a>,
        ret: TypeId,
        ret_attrs: ParamAttrs,
    ) -> Result<()> {
        let mut body = body::BodyBuilder::default();
        let mut sig = Signature {
            ret,
            ret_attrs,
            params: Vec::new(),
            variadic: false,
        };
        self.expect(b'(')?;
        while !self.is(b')') {
            if !sig.params.is_empty() || sig.variadic {
                self.expect(b',')?;
            }
            if self.tok == Tok::Dots {
                self.bump()?;
                sig.variadic = true;
                continue;
            }
            let ty = self.ty()?;
            let attrs = self.param_attrs()?;
            sig.params.push((ty, attrs));
            let name = if let Tok::Local(n) = self.tok {
                self.bump()?;
                Some(n)
            } else {
                None
            };
            if defined {
                self.parameter(&mut body, name, ty)?;
            }
        }
        self.bump()?;
        let mut attrs = FnAttrs::default();
        let mut group = None;
        let mut dbg = None;
        loop {
            match self.tok {
                Tok::Word("section") => {
                    self.bump()?;
                    head.section = Some(self.string()?);
                }
                Tok::Word("align") => {
                    self.bump()?;
                    head.align = self.alignment()?;
                }
                Tok::Word("comdat") => {
                    self.bump()?;
                    if self.is(b'(') {
                        self.skip_group()?;
                    }
                }
                Tok::Word("unnamed_addr" | "local_unnamed_addr") => {
                    self.bump()?;
                }
                Tok::Word("personality") => {
                    // Only invoke and landingpad use it, and those are rejected.
                    self.bump()?;
                    let ty = self.ty()?;
                    self.constant(ty)?;
                }
                Tok::Word(w @ ("prefix" | "prologue" | "gc" | "partition" | "addrspace")) => {
                    return self.fail(format!("unsupported `{w}` of a function"));
                }
                Tok::Meta(_) => {
                    if let Some(("dbg", id)) = self.function_attachment()? {
                        dbg = id;
                    }
                }
                Tok::Hash(n) => {
                    group = n.parse().ok();
                    self.bump()?;
                }
                _ if !defined && (self.at_top_level() || self.tok == Tok::End) => break,
                Tok::Punct(b'{') if defined => break,
                _ => self.fn_attr(&mut attrs)?,
            }
        }
        let body = if defined {
            self.bump()?;
            let mut body = self.body(body)?;
            body.dbg = dbg;
            Some(body)
        } else {
            self.unread();
            None
        };
        let def = Def::Function(self.m.functions.len() as u32);
        self.define_symbol(head.sym, def)?;
        self.m.functions.push(Function {
            head,
            sig,
            attrs,
            group,
            body,
        });
        Ok(())
    }

    /// Metadata of a function, unless a check at run time reads it where the code starts.
    fn function_attachment(&mut self) -> Result<Option<(&'a str, Option<u32>)>> {
        match self.tok {
            Tok::Meta("kcfi_type") => {
                self.fail("unsupported `!kcfi_type`: compile without the sanitizer kcfi")
            }
            Tok::Meta("func_sanitize") => {
                self.fail("unsupported `!func_sanitize`: compile without the sanitizer function")
            }
            _ => self.attachment(),
        }
    }
}
