// SPDX-License-Identifier: GPL-2.0

//! Writes C that compares how the C compiler lays out structs and unions with how Rust does.
//!
//! Rust has them from `bindgen`, which parses headers with libclang. That is the C compiler that
//! compiles the kernel only if the kernel is compiled by Clang for a target that Clang knows.
//!
//! Usage: `rust_layout_check HEADER BINDINGS <PREPROCESSED >CHECK`, where `HEADER` is what `CHECK`
//! includes, `BINDINGS` is `bindgen`'s output for it, with layout tests (which is what Rust
//! believes), and `PREPROCESSED` is the header after the preprocessor (which tells tags from
//! typedefs).

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::io::Read;

/// What can be a name in C and not in Rust, or is the name of a type there: `bindgen` appends an
/// underscore.
const RESERVED: [&str; 54] = [
    "abstract", "as", "async", "await", "become", "bool", "box", "char", "crate", "dyn", "f32",
    "f64", "false", "final", "fn", "gen", "i128", "i16", "i32", "i64", "i8", "impl", "in", "isize",
    "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "self", "str", "super", "trait", "true", "try", "type", "u128", "u16", "u32", "u64", "u8",
    "unsafe", "unsized", "use", "usize", "virtual", "where", "yield",
];

/// What `bindgen` says of a struct or union.
#[derive(Default)]
struct Layout<'a> {
    size: usize,
    align: Option<usize>,
    /// Name, type and offset.
    fields: Vec<(&'a str, &'a str, usize)>,
}

/// The number and the rest of `text`, up to and after the next `usize];`.
fn number(text: &str) -> (usize, &str) {
    let (before, rest) = text
        .split_once("usize]")
        .expect("a layout test ends with a number of `usize`");
    let digits = before.rsplit(' ').next().unwrap_or(before);
    (digits.parse().expect("a decimal number"), rest)
}

/// Reads `bindgen`'s output.
fn layouts(bindings: &str) -> Vec<(&str, Layout<'_>)> {
    // The types of all fields, by the names of their structs and their own.
    let mut types = HashMap::new();
    let mut within = "";
    for line in bindings.lines() {
        let words = line
            .strip_prefix("pub struct ")
            .or_else(|| line.strip_prefix("pub union "));
        if let Some(words) = words {
            within = words.split([' ', '<', '(']).next().unwrap_or_default();
        } else if let Some((name, of)) = line.trim_start().split_once(": ") {
            let name = name.strip_prefix("pub ").unwrap_or(name);
            types.insert((within, name), of.trim_end_matches(','));
        } else if line == "}" {
            within = "";
        }
    }

    let mut found: Vec<(&str, Layout<'_>)> = Vec::new();
    let mut rest = bindings;
    while let Some((_, test)) = rest.split_once("[\"") {
        let (title, test) = test.split_once('"').expect("a title is quoted");
        rest = test;
        if let Some(name) = title.strip_prefix("Size of ") {
            let (size, after) = number(test);
            let layout = Layout {
                size,
                ..Default::default()
            };
            found.push((name, layout));
            rest = after;
        } else if title.starts_with("Alignment of ") {
            let (align, after) = number(test);
            if let Some((_, layout)) = found.last_mut() {
                layout.align = Some(align);
            }
            rest = after;
        } else if let Some(field) = title.strip_prefix("Offset of field: ") {
            let (of, name) = field.split_once("::").expect("a field has a struct");
            let (offset, after) = number(test);
            if let Some((_, layout)) = found.last_mut() {
                let r#type = types.get(&(of, name)).copied().unwrap_or_default();
                layout.fields.push((name, r#type, offset));
            }
            rest = after;
        }
    }
    found
}

/// The words and signs of C.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        if c.is_ascii_alphanumeric() || c == '_' {
            start.get_or_insert(at);
            continue;
        }
        if let Some(start) = start.take() {
            tokens.push(&text[start..at]);
        }
        if !c.is_whitespace() {
            tokens.push(&text[at..at + c.len_utf8()]);
        }
    }
    tokens
}

/// The tags that C defines, each with its keyword.
fn tags<'a>(tokens: &[&'a str]) -> HashMap<&'a str, &'a str> {
    // `at`, or what follows the attributes there.
    let after_attributes = |mut at: usize| {
        while tokens.get(at) == Some(&"__attribute__") {
            let mut depth = 0;
            at += 1;
            while let Some(&token) = tokens.get(at) {
                depth += i32::from(token == "(") - i32::from(token == ")");
                at += 1;
                if depth == 0 {
                    break;
                }
            }
        }
        at
    };

    let mut tags = HashMap::new();
    for (at, &keyword) in tokens.iter().enumerate() {
        if keyword == "struct" || keyword == "union" {
            let name = after_attributes(at + 1);
            if tokens.get(after_attributes(name + 1)) == Some(&"{") {
                tags.insert(tokens[name], keyword);
            }
        }
    }
    tags
}

/// A type as C has it, which is a typedef if there is no such tag.
///
/// `bindgen` calls a tag that is defined within another struct by the names of both.
fn c_type(name: &str, tokens: &HashSet<&str>, tags: &HashMap<&str, &str>) -> String {
    let name = c_name(name);
    let within = || {
        name.match_indices('_')
            .map(|(at, _)| &name[at + 1..])
            .find(|inner| tags.contains_key(inner) && !tokens.contains(name))
    };
    match tags
        .get_key_value(name)
        .or_else(|| tags.get_key_value(within()?))
    {
        Some((tag, keyword)) => format!("{keyword} {tag}"),
        None => name.to_string(),
    }
}

/// A name as C has it.
fn c_name(name: &str) -> &str {
    match name.strip_suffix('_') {
        Some(keyword) if RESERVED.contains(&keyword) => keyword,
        _ => name,
    }
}

/// Writes assertions about the fields of `layout`, which is at `base` in `c_type`, where its fields
/// are reached by `path`.
fn check_fields(
    out: &mut String,
    all: &HashMap<&str, &Layout<'_>>,
    c_type: &str,
    path: &str,
    base: usize,
    layout: &Layout<'_>,
) {
    for &(name, r#type, offset) in &layout.fields {
        let offset = base + offset;
        let (r#type, index) = match r#type.strip_prefix('[') {
            Some(array) => (array.split(';').next().unwrap_or(array), "[0]"),
            None => (r#type, ""),
        };
        // A type that has no name in C, and thus is checked as a part of those that have.
        let unnamed = match all.get(r#type) {
            Some(&unnamed) if r#type.contains("__bindgen_ty_") => Some(unnamed),
            _ => None,
        };
        if name.starts_with("__bindgen_anon_") {
            if let Some(unnamed) = unnamed {
                check_fields(out, all, c_type, path, offset, unnamed);
            }
            continue;
        }
        // What `bindgen` adds: bit-fields have no address in C.
        if ["_bitfield_", "__bindgen_padding_", "_bindgen_", "_address"]
            .iter()
            .any(|own| name.starts_with(own))
        {
            continue;
        }
        let path = format!("{path}{}", c_name(name));
        writeln!(out, "CHECK_OFFSET({c_type}, {path}, {offset});").expect("memory is writable");
        if let Some(unnamed) = unnamed {
            let path = format!("{path}{index}.");
            check_fields(out, all, c_type, &path, offset, unnamed);
        }
    }
}

/// The C that compares.
fn check(header: &str, bindings: &str, preprocessed: &str) -> String {
    let (layouts, tokens) = (layouts(bindings), tokens(preprocessed));
    let tags = tags(&tokens);
    let words = tokens.iter().copied().collect();
    let all: HashMap<_, _> = layouts.iter().map(|(name, l)| (*name, l)).collect();
    let mut out = format!(
        "/* Generated by scripts/rust_layout_check.rs. */\n\
         #include <linux/stddef.h>\n\
         #include \"{header}\"\n\n\
         #define CHECK_SIZE(type, size)\t\t\t\t\t\t\\\n\
         \t_Static_assert(sizeof(type) == (size),\t\t\t\t\\\n\
         \t\t       \"C and Rust disagree about the size of \" #type)\n\
         #define CHECK_ALIGN(type, align)\t\t\t\t\t\\\n\
         \t_Static_assert(_Alignof(type) == (align),\t\t\t\\\n\
         \t\t       \"C and Rust disagree about the alignment of \" #type)\n\
         #define CHECK_OFFSET(type, field, offset)\t\t\t\t\\\n\
         \t_Static_assert(__builtin_offsetof(type, field) == (offset),\t\t\\\n\
         \t\t       \"C and Rust disagree about \" #field \" in \" #type)\n\n"
    );
    for (name, layout) in &layouts {
        if name.contains("__bindgen_ty_") {
            continue;
        }
        let c_type = c_type(name, &words, &tags);
        writeln!(out, "CHECK_SIZE({c_type}, {});", layout.size).expect("memory is writable");
        if let Some(align) = layout.align {
            writeln!(out, "CHECK_ALIGN({c_type}, {align});").expect("memory is writable");
        }
        check_fields(&mut out, &all, &c_type, "", 0, layout);
    }
    out
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(header), Some(bindings), None) = (args.next(), args.next(), args.next()) else {
        panic!("usage: rust_layout_check HEADER BINDINGS <PREPROCESSED >CHECK");
    };
    let bindings = std::fs::read_to_string(bindings).expect("bindgen's output can be read");
    let mut preprocessed = String::new();
    std::io::stdin()
        .read_to_string(&mut preprocessed)
        .expect("the preprocessor's output can be read");

    let out = check(&header, &bindings, &preprocessed);
    if !out.contains("CHECK_SIZE(struct ") {
        panic!("no struct found: do the bindings have layout tests?");
    }
    print!("{out}");
}
