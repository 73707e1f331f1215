// SPDX-License-Identifier: GPL-2.0-only
//! C names for symbols.

use crate::abi::Subject;
use crate::error::{Error, Result};
use crate::ir::{Def, Linkage, Module, SymId, Visibility};
use crate::lexer::unescape;
use rustc_hash::FxHashSet;
use std::fmt::Write;
use std::sync::LazyLock;

/// Functions that GCC knows by their names, for any of the subjects: what `__builtin_NAME` stands for.
const BUILTINS: &str = include_str!("../../support/builtins.txt");

/// Whether GCC has an idea of its own of what a function of this name does.
fn is_builtin(name: &str) -> bool {
    static SET: LazyLock<FxHashSet<&str>> =
        LazyLock::new(|| BUILTINS.lines().filter(|l| !l.starts_with('#')).collect());
    SET.contains(name)
}

/// The functions that a compiler makes calls of where it finds a loop that does the same.
const LIBRARY: [&str; 6] = ["memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen"];

/// What C and the support code have taken. Other words with `_` in front are taken as a whole: [`is_taken`]. A subject's page has the
/// names of its compiler's macros.
const RESERVED: &[&str] = &[
    "alignas",
    "alignof",
    "and",
    "asm",
    "auto",
    "bool",
    "break",
    "case",
    "char",
    "const",
    "constexpr",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extern",
    "false",
    "float",
    "for",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "nullptr",
    "ptr",
    "register",
    "restrict",
    "return",
    "s16",
    "s32",
    "s64",
    "s8",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "struct",
    "switch",
    "thread_local",
    "true",
    "typedef",
    "typeof",
    "typeof_unqual",
    "u128",
    "u16",
    "u32",
    "u64",
    "u8",
    "union",
    "unsigned",
    "uptr",
    "void",
    "volatile",
    "while",
];

/// A C identifier for every symbol, and the assembler's name, as a C string's inside, where that differs.
#[derive(Debug)]
pub(super) struct Names {
    list: Vec<(String, Option<String>)>,
    /// Symbols that other files know by names which an assembler takes in quotes only, and those.
    odd: Vec<(SymId, String)>,
    /// Symbols that other files know by names which a helper of the support code may have.
    helpers: Vec<String>,
    library: bool,
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.as_bytes()[0].is_ascii_digit()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a name could be mistaken for a local's, a type's or a helper's.
fn is_taken(name: &str) -> bool {
    let b = name.as_bytes();
    let local = matches!(b[0], b'v' | b't' | b'm' | b'a' | b'T' | b'B' | b'G')
        && b.get(1).is_some_and(|c| c.is_ascii_digit() || *c == b'_');
    local
        || name == "t"
        || name.starts_with("ll_")
        || name.starts_with("ll2c_")
        || name.starts_with("LL")
        || name.starts_with("struct_")
        || RESERVED.binary_search(&name).is_ok()
        || name.ends_with("__sret")
        || is_access_type(name)
        || is_implementations(name)
}

/// `u32_a4`, `u32_rmw` and the like.
fn is_access_type(name: &str) -> bool {
    name.split_once('_').is_some_and(|(t, n)| {
        RESERVED.binary_search(&t).is_ok()
            && (n == "rmw"
                || n.strip_prefix('a')
                    .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())))
    })
}

/// Whether C leaves a name to the compiler, which may have a macro, a keyword or a function of that name. Those that Rust and
/// C++ make are too long for that.
fn is_implementations(name: &str) -> bool {
    let b = name.as_bytes();
    b[0] == b'_'
        && b.get(1)
            .is_some_and(|c| *c == b'_' || c.is_ascii_uppercase())
        && !["_R", "_ZN"].iter().any(|made| {
            name.strip_prefix(made)
                .is_some_and(|rest| rest.len() > 2 && name.bytes().any(|b| b.is_ascii_digit()))
        })
}

/// A name in the assembler's quotes, as a C string's inside, if it can be written so.
fn quoted(bytes: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(bytes).ok()?;
    if name.is_empty() || name.bytes().any(|b| b.is_ascii_control()) {
        return None;
    }
    // Escaped for the assembler, then for C.
    let inside = name.replace('\\', "\\\\\\\\").replace('"', "\\\\\\\"");
    Some(format!("\\\"{inside}\\\""))
}

impl Names {
    pub(super) fn new(m: &Module<'_>, subject: &Subject) -> Result<Self> {
        let mut list = Vec::with_capacity(m.symbols.len());
        let no_builtins = m.functions.iter().any(|f| f.attrs.no_builtins);
        let mut library = false;
        let mut odd = Vec::new();
        let mut helpers = Vec::new();
        for (i, symbol) in m.symbols.iter().enumerate() {
            // A name after \01 is the assembler's, whatever the platform would put before it.
            let raw = symbol.name.strip_prefix("\\01").unwrap_or(symbol.name);
            // A definition is this module's, whatever GCC believes that a function of the name does.
            let builtin = match symbol.def {
                Def::Function(n) => {
                    let defined = m.functions[n as usize].body.is_some();
                    library |= defined && LIBRARY.contains(&raw);
                    (no_builtins || defined) && is_builtin(raw)
                }
                _ => false,
            };
            let is_macro = subject.macros.iter().any(|m| m == raw);
            if is_identifier(raw) && !is_taken(raw) && !is_macro && !builtin {
                list.push((raw.to_owned(), None));
                continue;
            }
            let bytes = unescape(raw);
            let clean: String = bytes
                .iter()
                .map(|&b| {
                    if b.is_ascii_alphanumeric() || b == b'_' {
                        b as char
                    } else {
                        '_'
                    }
                })
                .collect();
            let assembler_safe = !bytes.first().is_none_or(u8::is_ascii_digit)
                && bytes
                    .iter()
                    .all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$'));
            let local = match symbol.def {
                Def::Function(n) => m.functions[n as usize].head.linkage.is_local(),
                Def::Global(n) => m.globals[n as usize].head.linkage.is_local(),
                Def::Alias(n) => m.aliases[n as usize].head.linkage.is_local(),
                Def::Nothing => true,
            };
            let helper = raw.starts_with("ll_") && is_identifier(raw);
            if helper && !local {
                helpers.push(raw.to_owned());
            }
            let label = if helper && local {
                None
            } else if assembler_safe {
                Some(String::from_utf8_lossy(&bytes).into_owned())
            } else if local {
                None
            } else if let Some(quoted) = quoted(&bytes) {
                odd.push((SymId(i as u32), quoted));
                None
            } else {
                return Err(
                    Error::new(format!("unsupported symbol name `{raw}`")).at(m.src, symbol.pos)
                );
            };
            list.push((format!("G{i}_{clean}"), label));
        }
        Ok(Self {
            list,
            odd,
            helpers,
            library,
        })
    }

    /// Macros that give helpers of the support code other names where the module has symbols of those names.
    pub(super) fn macros(&self) -> String {
        let line = |name: &String| format!("#define {name} ll2c_{name}\n");
        self.helpers.iter().map(line).collect()
    }

    /// Directives that give symbols names which the assembler does not take wherever C would write them.
    pub(super) fn directives(&self, m: &Module<'_>) -> String {
        let mut text = String::new();
        for (sym, quoted) in &self.odd {
            let (head, defined) = match m.symbols[sym.0 as usize].def {
                Def::Function(n) => {
                    let f = &m.functions[n as usize];
                    (f.head, f.body.is_some())
                }
                Def::Global(n) => {
                    let g = &m.globals[n as usize];
                    (g.head, g.init.is_some())
                }
                Def::Alias(n) => (m.aliases[n as usize].head, true),
                Def::Nothing => continue,
            };
            let defined = defined && head.linkage != Linkage::AvailableExternally;
            let c = self.c(*sym);
            let weak = head.linkage.is_weak() || head.linkage == Linkage::ExternWeak;
            let mut lines = Vec::new();
            match (weak, defined) {
                (true, _) => lines.push(format!(".weak {quoted}")),
                (false, true) => lines.push(format!(".globl {quoted}")),
                (false, false) => {}
            }
            if head.visibility != Visibility::Default {
                lines.push(format!(".{} {quoted}", head.visibility.word()));
            }
            lines.push(if defined {
                format!(".set {quoted}, {c}")
            } else {
                format!(".set {c}, {quoted}")
            });
            let _ = writeln!(text, "__asm__(\"{}\");", lines.join("\\n\\t"));
        }
        text
    }

    /// Whether the module defines what a compiler makes of loops: memcpy and the like.
    pub(super) fn is_library(&self) -> bool {
        self.library
    }

    /// The C identifier.
    pub(super) fn c(&self, sym: SymId) -> &str {
        &self.list[sym.0 as usize].0
    }

    /// ` __asm__("name")`, or nothing.
    pub(super) fn label(&self, sym: SymId) -> String {
        match &self.list[sym.0 as usize].1 {
            Some(name) => format!(" __asm__(\"{name}\")"),
            None => String::new(),
        }
    }

    /// The assembler's name, as a C string's inside.
    pub(super) fn assembler(&self, sym: SymId) -> &str {
        let (c, label) = &self.list[sym.0 as usize];
        label.as_ref().unwrap_or(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_sorted() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn builtins_are_those_of_c() {
        assert!(is_builtin("isascii") && is_builtin("memcpy"));
        assert!(!is_builtin("checksum") && !is_builtin("") && !BUILTINS.contains("\n\n"));
    }

    #[test]
    fn names_of_locals_types_and_helpers_are_taken() {
        for name in [
            "v1",
            "v_x",
            "t",
            "ll_mask32",
            "u32",
            "u32_a4",
            "int",
            "LL_FN",
            "f__sret",
            "T3",
            "u32_rmw",
            "_Bool",
            "_Generic",
            "__real__",
            "__alignof__",
            "__func__",
            "__LINE__",
            "_R",
        ] {
            assert!(is_taken(name), "{name}");
        }
        for name in [
            "_RNvC1a1b",
            "_ZN1a1bEv",
            "_exit",
            "value",
            "tail",
            "u32_add",
            "main",
        ] {
            assert!(!is_taken(name), "{name}");
        }
    }
}
