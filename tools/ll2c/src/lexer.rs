// SPDX-License-Identifier: GPL-2.0-only
//! Tokens of textual LLVM IR, borrowed from the text.

use crate::error::{Error, Result};

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tok<'a> {
    /// A keyword, a type such as `i32`, or a bare label.
    Word(&'a str),
    /// `%name`, without the `%` and without quotes.
    Local(&'a str),
    /// `@name`.
    Global(&'a str),
    /// `!name`, `!12`; a lone `!` is the empty name.
    Meta(&'a str),
    /// `#12`, or the name of a debug record.
    Hash(&'a str),
    /// `$name`.
    Comdat(&'a str),
    /// `"text"`, escapes kept.
    Str(&'a str),
    /// `c"text"`, escapes kept.
    Bytes(&'a str),
    /// A decimal number, perhaps negative, perhaps a decimal fraction or a `0x…` bit pattern.
    Num(&'a str),
    /// A label's name, its `:` eaten.
    Label(&'a str),
    /// `...`
    Dots,
    /// One of `[ ] { } ( ) < > , = * | : ^`.
    Punct(u8),
    /// The end of the text.
    End,
}

/// Splits IR text into tokens. Comments and white space vanish.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    src: &'a str,
    pos: usize,
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'$')
}

impl<'a> Lexer<'a> {
    /// A lexer at byte `pos` of `src`.
    pub fn new(src: &'a str, pos: usize) -> Self {
        Self { src, pos }
    }

    /// The text that is read.
    pub fn src(&self) -> &'a str {
        self.src
    }

    /// Where the next token is looked for.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Moves to the start of the next line.
    pub fn skip_line(&mut self) {
        let rest = &self.src.as_bytes()[self.pos..];
        self.pos += rest
            .iter()
            .position(|&b| b == b'\n')
            .map_or(rest.len(), |n| n + 1);
    }

    /// Skips white space and comments, and returns where the next token starts.
    pub fn skip_space(&mut self) -> usize {
        let b = self.src.as_bytes();
        while let Some(&c) = b.get(self.pos) {
            match c {
                b' ' | b'\n' | b'\t' | b'\r' => self.pos += 1,
                b';' => self.skip_line(),
                _ => break,
            }
        }
        self.pos
    }

    fn names(&mut self) -> &'a str {
        let b = self.src.as_bytes();
        let start = self.pos;
        while b.get(self.pos).is_some_and(|&c| is_name(c)) {
            self.pos += 1;
        }
        &self.src[start..self.pos]
    }

    /// The inside of a string whose opening quote is at the current position.
    fn quoted(&mut self) -> Result<&'a str> {
        let start = self.pos + 1;
        // An escape is `\` and two hex digits or `\\`: neither has a quote in it.
        match self.src.as_bytes()[start..].iter().position(|&c| c == b'"') {
            Some(n) => {
                self.pos = start + n + 1;
                Ok(&self.src[start..start + n])
            }
            None => {
                Err(Error::new("string without its closing quote").at(self.src, self.pos as u32))
            }
        }
    }

    fn sigil(&mut self) -> Result<&'a str> {
        self.pos += 1;
        if self.src.as_bytes().get(self.pos) == Some(&b'"') {
            self.quoted()
        } else {
            Ok(self.names())
        }
    }

    fn label_colon(&mut self) -> bool {
        let colon = self.src.as_bytes().get(self.pos) == Some(&b':');
        self.pos += usize::from(colon);
        colon
    }

    /// The next token; [`Tok::End`] for ever at the end.
    pub fn next_token(&mut self) -> Result<Tok<'a>> {
        self.skip_space();
        let b = self.src.as_bytes();
        let Some(&c) = b.get(self.pos) else {
            return Ok(Tok::End);
        };
        let start = self.pos;
        Ok(match c {
            b'%' => Tok::Local(self.sigil()?),
            b'@' => Tok::Global(self.sigil()?),
            b'$' => Tok::Comdat(self.sigil()?),
            b'#' => {
                self.pos += 1;
                Tok::Hash(self.names())
            }
            b'!' => {
                self.pos += 1;
                if b.get(self.pos) == Some(&b'"') {
                    Tok::Meta("")
                } else {
                    // Metadata names escape odd bytes as \xx; only their extent matters here.
                    while b.get(self.pos).is_some_and(|&c| is_name(c) || c == b'\\') {
                        self.pos += 1;
                    }
                    Tok::Meta(&self.src[start + 1..self.pos])
                }
            }
            b'"' => {
                let s = self.quoted()?;
                if self.label_colon() {
                    Tok::Label(s)
                } else {
                    Tok::Str(s)
                }
            }
            b'c' if b.get(start + 1) == Some(&b'"') => {
                self.pos += 1;
                Tok::Bytes(self.quoted()?)
            }
            b'.' if b[start..].starts_with(b"...") => {
                self.pos += 3;
                Tok::Dots
            }
            b'0'..=b'9' | b'-' | b'+' => {
                self.pos += 1;
                while b.get(self.pos).is_some_and(|&c| {
                    is_name(c) || (c == b'+' && matches!(b[self.pos - 1], b'e' | b'E'))
                }) {
                    self.pos += 1;
                }
                let s = &self.src[start..self.pos];
                if self.label_colon() {
                    Tok::Label(s)
                } else {
                    Tok::Num(s)
                }
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' => {
                let s = self.names();
                if self.label_colon() {
                    Tok::Label(s)
                } else {
                    Tok::Word(s)
                }
            }
            b'[' | b']' | b'{' | b'}' | b'(' | b')' | b'<' | b'>' | b',' | b'=' | b'*' | b'|'
            | b':' | b'^' => {
                self.pos += 1;
                Tok::Punct(c)
            }
            _ => {
                let ch = self.src[start..].chars().next().unwrap_or('?');
                return Err(
                    Error::new(format!("unexpected character {ch:?}")).at(self.src, start as u32)
                );
            }
        })
    }
}

impl std::fmt::Display for Tok<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Tok::Word(s) | Tok::Num(s) => write!(f, "`{s}`"),
            Tok::Local(s) => write!(f, "`%{s}`"),
            Tok::Global(s) => write!(f, "`@{s}`"),
            Tok::Meta(s) => write!(f, "`!{s}`"),
            Tok::Hash(s) => write!(f, "`#{s}`"),
            Tok::Comdat(s) => write!(f, "`${s}`"),
            Tok::Str(s) => write!(f, "`\"{s}\"`"),
            Tok::Bytes(s) => write!(f, "`c\"{s}\"`"),
            Tok::Label(s) => write!(f, "`{s}:`"),
            Tok::Dots => f.write_str("`...`"),
            Tok::Punct(c) => write!(f, "`{}`", *c as char),
            Tok::End => f.write_str("the end of the text"),
        }
    }
}

/// The bytes that an escaped IR string or name stands for.
pub fn unescape(raw: &str) -> Vec<u8> {
    let b = raw.as_bytes();
    let mut out = Vec::with_capacity(b.len());
    let mut i = 0;
    while i < b.len() {
        let hex = |n: usize| b.get(n).and_then(|&c| (c as char).to_digit(16));
        if b[i] == b'\\' && b.get(i + 1) == Some(&b'\\') {
            out.push(b'\\');
            i += 2;
        } else if b[i] == b'\\'
            && let (Some(h), Some(l)) = (hex(i + 1), hex(i + 2))
        {
            out.push((h * 16 + l) as u8);
            i += 3;
        } else {
            out.push(b[i]);
            i += 1;
        }
    }
    out
}
