// SPDX-License-Identifier: GPL-2.0-only
//! What can go wrong with an input, said so that the place can be found.

use std::fmt;

/// An input that cannot be translated.
///
/// Displays as `line 12: in function `f`: what`, a lowercase fragment that fits "failed to translate x.ll: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Line of the IR text, from 1; 0 where no line applies.
    pub line: u32,
    /// The function (or global) it happened in.
    pub symbol: Option<String>,
    /// What is wrong, with the construct's name.
    pub what: String,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error that belongs to no line.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            line: 0,
            symbol: None,
            what: what.into(),
        }
    }

    /// The same error, with the line at byte `pos` of `src`, unless it has a line already.
    #[must_use]
    pub fn at(mut self, src: &str, pos: u32) -> Self {
        if self.line == 0 {
            self.line = line_of(src, pos);
        }
        self
    }

    /// The same error, inside the symbol `name`, unless it names one already.
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        if self.symbol.is_none() {
            self.symbol = Some(name.to_owned());
        }
        self
    }
}

/// The line, from 1, of byte `pos`.
pub fn line_of(src: &str, pos: u32) -> u32 {
    let end = (pos as usize).min(src.len());
    1 + src.as_bytes()[..end]
        .iter()
        .filter(|&&b| b == b'\n')
        .count() as u32
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line != 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if let Some(symbol) = &self.symbol {
            write!(f, "in `{symbol}`: ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}
