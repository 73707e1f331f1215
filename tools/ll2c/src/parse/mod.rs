// SPDX-License-Identifier: GPL-2.0-only
//! Reads textual LLVM IR, versions 19 to 22 (opaque pointers), into [`crate::ir`].
//!
//! Grammar: LLVM Language Reference. What the parser does not know it rejects, with its name and its line.

mod attrs;
mod body;
mod call;
mod function;
mod inst;
mod memory;
mod types;
mod value;
mod vector;

pub(crate) use value::cut;

use crate::error::{Error, Result};
use crate::ir::*;
use crate::layout::DataLayout;
use crate::lexer::{Lexer, Tok};
use crate::meta::Metadata;
use rustc_hash::FxHashMap;

/// Reads a whole file.
///
/// # Errors
/// Anything malformed or unsupported, with its line.
pub fn parse(src: &str) -> Result<Module<'_>> {
    if u32::try_from(src.len()).is_err() {
        return Err(Error::new("more than 4 GiB of IR"));
    }
    let mut parser = Parser::new(src)?;
    parser.module().map_err(|e| e.at(src, parser.pos))?;
    Ok(parser.m)
}

/// A named type: not looked at yet, being read, or known.
enum Named {
    At(usize),
    Busy,
    Known(TypeId),
}

struct Parser<'a> {
    lx: Lexer<'a>,
    /// The token not consumed yet, and where it starts.
    tok: Tok<'a>,
    pos: u32,
    m: Module<'a>,
    named: FxHashMap<&'a str, Named>,
    syms: FxHashMap<&'a str, SymId>,
    taken: FxHashMap<(SymId, &'a str), u128>,
    /// How deep types and constants are nested.
    depth: u32,
}

/// Deeper nesting than this is taken for an attack on the stack.
const MAX_DEPTH: u32 = 200;

impl<'a> Parser<'a> {
    fn new(src: &'a str) -> Result<Self> {
        let m = Module {
            src,
            has_layout: false,
            types: Types::default(),
            symbols: Vec::new(),
            functions: Vec::new(),
            globals: Vec::new(),
            aliases: Vec::new(),
            taken: Vec::new(),
            groups: FxHashMap::default(),
            meta: Metadata::new(src),
        };
        let mut named = FxHashMap::default();
        // Types may be used before their definition: find all definitions first.
        let mut start = 0;
        for line in src.split_inclusive('\n') {
            let mut lexer = Lexer::new(line, 0);
            if line.starts_with('%')
                && let Ok(Tok::Local(name)) = lexer.next_token()
                && line[lexer.pos()..].starts_with(" = type ")
            {
                named.insert(name, Named::At(start + lexer.pos() + " = type ".len()));
            }
            start += line.len();
        }
        Ok(Self {
            lx: Lexer::new(src, 0),
            tok: Tok::End,
            pos: 0,
            m,
            named,
            syms: FxHashMap::default(),
            taken: FxHashMap::default(),
            depth: 0,
        })
    }

    fn bump(&mut self) -> Result<Tok<'a>> {
        self.pos = self.lx.skip_space() as u32;
        let next = self.lx.next_token()?;
        Ok(std::mem::replace(&mut self.tok, next))
    }

    fn fail<T>(&self, what: impl Into<String>) -> Result<T> {
        self.fail_at(self.pos, what)
    }

    /// For a token that was consumed: the current one may be on another line.
    fn fail_at<T>(&self, pos: u32, what: impl Into<String>) -> Result<T> {
        Err(Error::new(what).at(self.m.src, pos))
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T> {
        self.fail(format!("expected {wanted}, found {}", self.tok))
    }

    fn is(&self, c: u8) -> bool {
        self.tok == Tok::Punct(c)
    }

    fn accept(&mut self, c: u8) -> Result<bool> {
        let yes = self.is(c);
        if yes {
            self.bump()?;
        }
        Ok(yes)
    }

    fn expect(&mut self, c: u8) -> Result<()> {
        if self.accept(c)? {
            Ok(())
        } else {
            self.unexpected(&format!("`{}`", c as char))
        }
    }

    fn word(&mut self, w: &str) -> Result<bool> {
        let yes = self.tok == Tok::Word(w);
        if yes {
            self.bump()?;
        }
        Ok(yes)
    }

    fn expect_word(&mut self, w: &str) -> Result<()> {
        if self.word(w)? {
            Ok(())
        } else {
            self.unexpected(&format!("`{w}`"))
        }
    }

    fn any_word(&mut self, what: &str) -> Result<&'a str> {
        match self.tok {
            Tok::Word(w) => {
                self.bump()?;
                Ok(w)
            }
            _ => self.unexpected(what),
        }
    }

    fn number<N: std::str::FromStr>(&mut self) -> Result<N> {
        if let Tok::Num(n) = self.tok
            && let Ok(v) = n.parse()
        {
            self.bump()?;
            return Ok(v);
        }
        self.unexpected("a number")
    }

    fn string(&mut self) -> Result<&'a str> {
        match self.tok {
            Tok::Str(s) => {
                self.bump()?;
                Ok(s)
            }
            _ => self.unexpected("a string"),
        }
    }

    /// Skips a balanced group that starts at the current token.
    fn skip_group(&mut self) -> Result<()> {
        let mut depth = 0u32;
        loop {
            match self.bump()? {
                Tok::Punct(b'(' | b'[' | b'{') => depth += 1,
                Tok::Punct(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
                Tok::End => return self.unexpected("a closing bracket"),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn sym(&mut self, name: &'a str) -> SymId {
        let pos = self.pos;
        let symbols = &mut self.m.symbols;
        *self.syms.entry(name).or_insert_with(|| {
            symbols.push(Symbol {
                name,
                def: Def::Nothing,
                pos,
            });
            SymId(symbols.len() as u32 - 1)
        })
    }

    fn global_name(&mut self) -> Result<SymId> {
        match self.tok {
            Tok::Global(name) => {
                let sym = self.sym(name);
                self.bump()?;
                Ok(sym)
            }
            _ => self.unexpected("a symbol"),
        }
    }

    fn define_symbol(&mut self, sym: SymId, def: Def) -> Result<()> {
        let symbol = &mut self.m.symbols[sym.0 as usize];
        if symbol.def != Def::Nothing {
            let name = symbol.name;
            return self.fail(format!("`@{name}` is defined twice"));
        }
        symbol.def = def;
        Ok(())
    }

    fn module(&mut self) -> Result<()> {
        // Top-level entities start at a line's start. Metadata is most of a file: its lines are only noted.
        loop {
            let start = self.lx.skip_space();
            let b = self.m.src.as_bytes();
            match b.get(start) {
                None => return Ok(()),
                Some(b'!') => {
                    self.m.meta.note_line(start);
                    self.lx.skip_line();
                    continue;
                }
                // Type definitions are read where they are used; module summaries say nothing of code.
                Some(b'%' | b'^') => {
                    self.lx.skip_line();
                    continue;
                }
                _ => {}
            }
            self.bump()?; // the stale token
            match self.tok {
                Tok::Word("define") => {
                    self.bump()?;
                    self.function(true)?;
                }
                Tok::Word("declare") => {
                    self.bump()?;
                    self.function(false)?;
                }
                Tok::Word("attributes") => self.attribute_group()?,
                Tok::Word("source_filename") => {
                    self.bump()?;
                    self.expect(b'=')?;
                    self.end_at_string()?;
                }
                Tok::Word("target") => self.target()?,
                Tok::Word("module") => return self.fail("unsupported `module asm`"),
                Tok::Word(w @ ("uselistorder" | "uselistorder_bb")) => {
                    return self.fail(format!("unsupported `{w}`"));
                }
                Tok::Comdat(_) => self.lx.skip_line(),
                Tok::Global(_) => self.variable()?,
                _ => return self.unexpected("a top-level entity"),
            }
        }
    }

    /// A string that ends a top-level entity: the token after it is not read.
    fn end_at_string(&mut self) -> Result<&'a str> {
        match self.tok {
            Tok::Str(s) => Ok(s),
            _ => self.unexpected("a string"),
        }
    }

    fn target(&mut self) -> Result<()> {
        self.bump()?;
        let what = self.any_word("`datalayout` or `triple`")?;
        self.expect(b'=')?;
        let text = self.end_at_string()?;
        match what {
            "datalayout" => {
                self.m.types.lay_out(DataLayout::parse(text)?);
                self.m.has_layout = true;
                Ok(())
            }
            "triple" => Ok(()),
            other => self.fail(format!("unsupported `target {other}`")),
        }
    }

    /// Goes back to before the current token, so that the top level sees it.
    fn unread(&mut self) {
        self.lx = Lexer::new(self.m.src, self.pos as usize);
    }

    /// Linkage and what else precedes a type in a declaration.
    fn head(&mut self, sym: SymId) -> Result<Head<'a>> {
        let mut head = Head {
            sym,
            linkage: Linkage::External,
            visibility: Visibility::Default,
            thread_local: false,
            section: None,
            align: 0,
            pos: self.pos,
        };
        while let Tok::Word(w) = self.tok {
            if let Some(l) = Linkage::from_word(w) {
                head.linkage = l;
            } else if let Some(v) = Visibility::from_word(w) {
                head.visibility = v;
            } else {
                match w {
                    "dso_local" | "dso_preemptable" | "unnamed_addr" | "local_unnamed_addr" => {}
                    "thread_local" => {
                        head.thread_local = true;
                        self.bump()?;
                        // A model says how far away it may be, which the C compiler finds out.
                        if self.is(b'(') {
                            self.skip_group()?;
                        }
                        continue;
                    }
                    "dllimport" | "dllexport" | "addrspace" | "externally_initialized" => {
                        return self.fail(format!("unsupported `{w}`"));
                    }
                    _ => break,
                }
            }
            self.bump()?;
        }
        Ok(head)
    }

    fn variable(&mut self) -> Result<()> {
        let sym = self.global_name()?;
        self.expect(b'=')?;
        let mut head = self.head(sym)?;
        let kind = self.any_word("`global`, `constant` or `alias`")?;
        match kind {
            "global" | "constant" => {
                let ty = self.ty()?;
                let external = matches!(head.linkage, Linkage::External | Linkage::ExternWeak);
                let bare = self.is(b',')
                    || self.at_top_level()
                    || matches!(self.tok, Tok::Meta(_) | Tok::End);
                let init = if external && bare {
                    None
                } else {
                    Some(self.constant(ty)?)
                };
                self.variable_tail(&mut head)?;
                let def = Def::Global(self.m.globals.len() as u32);
                self.define_symbol(sym, def)?;
                self.m.globals.push(Global {
                    head,
                    constant: kind == "constant",
                    ty,
                    init,
                });
            }
            "alias" => {
                self.ty()?;
                if self.is(b'(') {
                    self.skip_group()?;
                }
                self.expect(b',')?;
                // The type stands before an address, and inside an expression.
                if self.at_type() {
                    self.ty()?;
                }
                let target = self.constant(Types::PTR)?;
                if self.accept(b',')? {
                    let what = self.any_word("`partition`")?;
                    return self.fail(format!("unsupported `{what}` of an alias"));
                }
                let def = Def::Alias(self.m.aliases.len() as u32);
                self.define_symbol(sym, def)?;
                self.m.aliases.push(Alias { head, target });
            }
            other => return self.fail(format!("unsupported `{other}`")),
        }
        self.unread();
        Ok(())
    }

    /// Whether the current token starts a line.
    fn at_top_level(&self) -> bool {
        self.pos == 0 || self.m.src.as_bytes()[self.pos as usize - 1] == b'\n'
    }

    fn variable_tail(&mut self, head: &mut Head<'a>) -> Result<()> {
        while self.accept(b',')? {
            match self.tok {
                Tok::Meta(_) => drop(self.attachment()?),
                Tok::Word("align") => {
                    self.bump()?;
                    head.align = self.alignment()?;
                }
                Tok::Word("section") => {
                    self.bump()?;
                    head.section = Some(self.string()?);
                }
                Tok::Word("comdat") => {
                    self.bump()?;
                    if self.is(b'(') {
                        self.skip_group()?;
                    }
                }
                Tok::Word(
                    "no_sanitize_address"
                    | "no_sanitize_hwaddress"
                    | "sanitize_memtag"
                    | "sanitize_address_dyninit",
                ) => {
                    self.bump()?;
                }
                _ => return self.fail(format!("unsupported attribute {} of a variable", self.tok)),
            }
        }
        while let Tok::Hash(_) = self.tok {
            self.bump()?;
        }
        Ok(())
    }

    /// `!kind !12` or `!kind !{…}`.
    fn attachment(&mut self) -> Result<Option<(&'a str, Option<u32>)>> {
        let Tok::Meta(kind) = self.tok else {
            return Ok(None);
        };
        self.bump()?;
        match self.tok {
            Tok::Meta("") => {
                self.bump()?;
                self.skip_group()?;
                Ok(Some((kind, None)))
            }
            Tok::Meta(id) => {
                self.bump()?;
                if self.is(b'(') {
                    self.skip_group()?;
                }
                Ok(Some((kind, id.parse().ok())))
            }
            _ => self.unexpected("a metadata node"),
        }
    }
}
