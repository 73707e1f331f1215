// SPDX-License-Identifier: GPL-2.0-only
//! Where an address is, in words.

use super::Line;
use std::fmt::{self, Display, Formatter};

/// Where in the source an address is, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The module; none in the kernel itself.
    pub module: Option<String>,
    /// The function, with Rust's names demangled.
    pub symbol: String,
    /// Bytes into it.
    pub offset: u64,
    /// Its size in bytes; 0 if the symbol does not tell.
    pub size: u64,
    /// The line, innermost inlined function first; empty if the file has no line tables for it.
    pub lines: Vec<Line>,
}

impl Location {
    /// The function with Rust's generic arguments left out: they can be longer than a screen is wide.
    #[must_use]
    pub fn brief(&self) -> String {
        brief(&self.symbol)
    }

    /// The innermost line that is somebody's own, not one of Rust's libraries or of a header of the kernel's inlined there.
    #[must_use]
    pub fn line(&self) -> Option<&Line> {
        let inlined = |file: &str| file.contains("/lib/rustlib/") || file.starts_with("include/");
        let own = |line: &&Line| line.line != 0 && !inlined(&line.file);
        self.lines.iter().find(own).or(self.lines.first())
    }
}

impl Display for Location {
    /// In the kernel's own manner, with a line after it: `symbol+0x1c/0x80 [module] drivers/dma-buf/heap.rs:12`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:#x}", self.brief(), self.offset)?;
        if self.size != 0 {
            write!(f, "/{:#x}", self.size)?;
        }
        if let Some(module) = &self.module {
            write!(f, " [{module}]")?;
        }
        self.line().map_or(Ok(()), |line| write!(f, " {line}"))
    }
}

/// A name with `…` for what is between angle brackets, except in the type or trait that it begins with.
fn brief(symbol: &str) -> String {
    let mut short = String::new();
    let mut depth = 0_u32;
    // Depth of the brackets whose contents are shown.
    let mut shown = 0;
    let mut before = ' ';
    for letter in symbol.chars() {
        match letter {
            '<' => {
                if short.is_empty() {
                    shown = 1;
                }
                if depth <= shown {
                    short.push('<');
                }
                depth += 1;
                if depth == shown + 1 {
                    short.push('…');
                }
            }
            // Not the arrow of a function's type.
            '>' if before != '-' && depth > 0 => {
                depth -= 1;
                if depth <= shown {
                    short.push('>');
                }
                if depth == 0 {
                    shown = 0;
                }
            }
            _ if depth <= shown => short.push(letter),
            _ => {}
        }
        before = letter;
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{Line, Location, brief};

    #[test]
    fn a_header_s_inline_function_is_not_where_the_mistake_is() {
        let line = |file: &str, line| Line {
            file: file.into(),
            line,
            function: None,
        };
        let location = Location {
            module: None,
            symbol: "probe".into(),
            offset: 0,
            size: 0,
            lines: vec![
                line("include/linux/dma-mapping.h", 535),
                line("drivers/net/nic.c", 7),
            ],
        };
        assert_eq!(location.line(), Some(&line("drivers/net/nic.c", 7)));
        let alone = Location {
            lines: vec![line("include/linux/dma-mapping.h", 535)],
            ..location
        };
        assert_eq!(alone.line(), alone.lines.first());
    }

    #[test]
    fn names_lose_their_generic_arguments() {
        for (name, expected) in [
            ("flush_all", "flush_all"),
            ("demo::heap::flush", "demo::heap::flush"),
            (
                "from_result::<i32, <Callbacks<Buffer>>::vmap::{closure#0}>",
                "from_result::<…>",
            ),
            ("<Vec<Arc<Pages>, Kmalloc>>::dec_len", "<Vec<…>>::dec_len"),
            (
                "<Map<Iter<Span>, F> as Iterator>::fold::<usize, G<H>>",
                "<Map<…> as Iterator>::fold::<…>",
            ),
            (
                "call::<fn(u8) -> Vec<u8>>::{closure#0}",
                "call::<…>::{closure#0}",
            ),
            ("<A>::b::<C>", "<A>::b::<…>"),
            ("odd>name<", "odd>name<…"),
        ] {
            assert_eq!(brief(name), expected);
        }
    }
}
