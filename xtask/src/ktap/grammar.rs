// SPDX-License-Identifier: GPL-2.0-only
//! What one line is, by itself: Documentation/dev-tools/ktap.rst.

use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};
use serde::Serialize;

/// A line and how far it is indented.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    /// Columns of white space before it; tabs go to multiples of eight.
    pub indent: usize,
    /// The line without its indentation.
    pub text: &'a [u8],
    /// What it is.
    pub kind: Kind<'a>,
}

/// The kinds of lines that the format knows.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    /// `KTAP version 1`
    Version {
        /// Whether the format names this version.
        known: bool,
    },
    /// `1..N`
    Plan {
        /// N; more than a `u64` holds is its maximum.
        count: u64,
        /// Nothing but a comment follows.
        clean: bool,
        /// Why all is skipped: `1..0 # SKIP reason`.
        skip: Option<&'a [u8]>,
    },
    /// `# Subtest: name`
    Subtest(&'a [u8]),
    /// `ok 1 name # DIRECTIVE reason`
    Result(Outcome<'a>),
    /// A result line without the number that it must have.
    Unnumbered,
    /// `# text`
    Diagnostic,
    /// Anything else.
    Other,
}

/// A result line.
#[derive(Debug)]
pub(super) struct Outcome<'a> {
    pub ok: bool,
    /// More than a `u64` holds is its maximum.
    pub number: u64,
    /// All behind the number.
    pub description: &'a [u8],
    /// The description up to what follows a `#`.
    pub name: &'a [u8],
    pub directive: Option<Directive>,
    /// What stands behind the `#` and the directive.
    pub reason: &'a [u8],
    /// What is wrong with the line.
    pub odd: Option<&'static str>,
}

/// A keyword that changes what a result means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Directive {
    /// It did not run.
    Skip,
    /// It is not expected to pass yet.
    Todo,
    /// It is expected to fail.
    Xfail,
    /// It took too long.
    Timeout,
    /// It could not be run to its end.
    Error,
}

macro_rules! pattern {
    ($name:ident, $pattern:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(concat!("(?s-u)", $pattern)).expect("a fixed pattern is valid")
        });
    };
}

pattern!(VERSION, r"^(K?TAP) version (\d+)$");
pattern!(PLAN, r"^1\.\.(\d+)(?:(?:[ \t]+|$)(#.*)?|(.))");
pattern!(RESULT, r"^(not )?ok (\d+)(?:[ \t]+(?:- )?(.*))?$");
pattern!(UNNUMBERED, r"^(?:not )?ok(?: |$)");
pattern!(GLUED, r"(not )?ok (\d+)(?:[ \t]+(?:- )?(.*))?$");
pattern!(SUBTEST, r"^#[ \t]*Subtest: *(.*)$");

/// Tells what `line`, which has no line end, is.
pub(super) fn read(line: &[u8]) -> Parsed<'_> {
    let blank = |&b: &u8| b == b' ' || b == b'\t';
    let start = line.iter().position(|b| !blank(b)).unwrap_or(line.len());
    let indent = line[..start].iter().fold(0, |column, &b| match b {
        b'\t' => (column / 8 + 1) * 8,
        _ => column + 1,
    });
    let text = line[start..].trim_ascii_end();
    Parsed {
        indent,
        text,
        kind: kind(text),
    }
}

fn kind(text: &[u8]) -> Kind<'_> {
    match text.first() {
        Some(b'#') => match SUBTEST.captures(text) {
            Some(c) => Kind::Subtest(group(&c, 1)),
            None => Kind::Diagnostic,
        },
        Some(b'K' | b'T') => match VERSION.captures(text) {
            Some(c) => Kind::Version {
                known: matches!(
                    (group(&c, 1), group(&c, 2)),
                    (b"KTAP", b"1") | (b"TAP", b"13" | b"14")
                ),
            },
            None => Kind::Other,
        },
        Some(b'1') => match PLAN.captures(text) {
            Some(c) => plan(&c, text),
            None => Kind::Other,
        },
        Some(b'o' | b'n') => match RESULT.captures(text) {
            Some(c) => Kind::Result(outcome(&c)),
            None if UNNUMBERED.is_match(text) => Kind::Unnumbered,
            None => Kind::Other,
        },
        _ => Kind::Other,
    }
}

/// The result line that other output in the same line may hide.
pub(super) fn glued(text: &[u8]) -> Option<Outcome<'_>> {
    GLUED.captures(text).map(|c| outcome(&c))
}

/// Empty where the group took no part in the match.
fn group<'a>(captures: &Captures<'a>, index: usize) -> &'a [u8] {
    captures.get(index).map_or(b"", |m| m.as_bytes())
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n: u64, d| {
        n.saturating_mul(10).saturating_add(u64::from(d - b'0'))
    })
}

fn plan<'a>(c: &Captures<'a>, text: &'a [u8]) -> Kind<'a> {
    let (count, comment) = (number(group(c, 1)), group(c, 2));
    let skip = match comment.strip_prefix(b"#").and_then(directive) {
        Some((Directive::Skip, reason, _)) => Some(reason),
        _ => None,
    };
    let end = c.get(0).map_or(0, |m| m.end());
    Kind::Plan {
        count,
        clean: c.get(3).is_none() && end == text.len(),
        skip,
    }
}

fn outcome<'a>(c: &Captures<'a>) -> Outcome<'a> {
    let description = group(c, 3);
    let mut outcome = Outcome {
        ok: c.get(1).is_none(),
        number: number(group(c, 2)),
        description,
        name: description,
        directive: None,
        reason: b"",
        odd: None,
    };
    // A `#` with a blank before and behind it ends the name. Another one is part of the name, unless a directive that makes
    // the result worse follows: then it is safer to believe that.
    let mut ended = false;
    for (at, _) in description.iter().enumerate().filter(|&(_, &b)| b == b'#') {
        let behind = &description[at + 1..];
        let blank_before = at == 0 || description[at - 1].is_ascii_whitespace();
        let blank_behind = behind.first().is_none_or(u8::is_ascii_whitespace);
        let regular = !ended && blank_before && blank_behind;
        match directive(behind) {
            Some((found, reason, exact)) if (regular && exact) || (blank_before && outcome.ok) => {
                outcome.directive = Some(found);
                outcome.reason = reason;
                if !ended {
                    outcome.name = &description[..at];
                }
                if !(regular && exact) {
                    outcome.odd = Some("the directive is not in the place or form that KTAP wants");
                }
                break;
            }
            _ if regular => {
                outcome.name = &description[..at];
                outcome.reason = behind.trim_ascii();
                ended = true;
            }
            _ => {}
        }
    }
    outcome.name = outcome.name.trim_ascii();
    outcome
}

/// The directive that `text`, found behind a `#`, starts with, what is behind it, and whether it has the exact form.
fn directive(text: &[u8]) -> Option<(Directive, &[u8], bool)> {
    let text = text.trim_ascii();
    let letters = text.iter().position(|b| !b.is_ascii_alphabetic());
    let (word, rest) = text.split_at(letters.unwrap_or(text.len()));
    let (found, exact) = match word.to_ascii_lowercase().as_slice() {
        b"skip" => (Directive::Skip, true),
        b"skipped" => (Directive::Skip, false),
        b"todo" => (Directive::Todo, true),
        b"xfail" => (Directive::Xfail, true),
        b"timeout" => (Directive::Timeout, true),
        b"error" => (Directive::Error, true),
        _ => return None,
    };
    match rest.first() {
        None | Some(b' ' | b'\t') => Some((found, rest.trim_ascii(), exact)),
        Some(b':' | b',' | b';' | b'-') => Some((found, rest[1..].trim_ascii(), false)),
        Some(_) => None,
    }
}
