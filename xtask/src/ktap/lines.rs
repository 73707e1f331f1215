// SPDX-License-Identifier: GPL-2.0-only
//! From the bytes of a console to lines: line ends, escape sequences, the prefixes of printk, and lines cut in two by a
//! printk in their middle.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::grammar::{self, Kind};

/// Longer lines are cut off here, bytes; the kernel's own limit for a record is 1024.
const LONGEST: usize = 1 << 16;

/// One line as it was printed, without the prefix that printk gave it.
#[derive(Debug)]
pub(super) struct Line {
    /// Its number in the log, from 1.
    pub number: usize,
    /// With its indentation.
    pub text: Vec<u8>,
    /// Whether it certainly is all that was printed.
    pub whole: bool,
}

/// What `print_syslog()`, `print_time()` and `print_caller()` of kernel/printk/printk.c put before a message.
static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r"^(?:<\d{1,3}>)?(?:\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? ?|\[ *[TC]\d+\] ?)|^<\d{1,3}>")
});

/// The same inside a line, where only a time stamp is sure to be one.
static PREFIX_INSIDE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?:<\d{1,3}>)?\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? "));

/// Escape sequences of terminals.
static ESCAPE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78cDEHM])?")
});

/// What may become a version line, a plan or a result when more is added to it.
static FRAGMENT: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"^[ \t]*(?:|n|no|not ?|(?:not )?o|(?:not )?ok(?: .*)?|1|1\.|1\.\.\d*|KT?A?P?|TA?P?|K?TAP (?:v[a-z]* ?\d*)?)$",
    )
});

/// What may become `not` when more is added to it.
static NOT: LazyLock<Regex> = LazyLock::new(|| fixed(r"^[ \t]*(?:n|no|not ?)$"));

fn fixed(pattern: &str) -> Regex {
    Regex::new(&format!("(?s-u){pattern}")).expect("a fixed pattern is valid")
}

/// Cuts what is pushed into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The start of a line whose end has not come.
    open: Vec<u8>,
    /// Complete lines so far.
    count: usize,
    /// The start of a line that a printk cut in two, and whether printk wrote it too.
    fragment: Option<(Line, bool)>,
}

impl Lines {
    /// Calls `each` for every line that `bytes` complete.
    pub fn push(&mut self, bytes: &[u8], each: &mut impl FnMut(Line)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&b| b == b'\n') {
            self.keep(&rest[..end]);
            self.end(true, each);
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    /// Calls `each` for what the log ended in.
    pub fn finish(mut self, each: &mut impl FnMut(Line)) {
        if !self.open.is_empty() {
            self.end(false, each);
        }
        if let Some((fragment, _)) = self.fragment.take() {
            each(fragment);
        }
    }

    /// One byte more than [`LONGEST`] is kept as the sign of a line that is too long.
    fn keep(&mut self, bytes: &[u8]) {
        let room = (LONGEST + 1).saturating_sub(self.open.len());
        self.open.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self, terminated: bool, each: &mut impl FnMut(Line)) {
        self.count += 1;
        let mut open = std::mem::take(&mut self.open);
        let whole = terminated && open.len() <= LONGEST;
        open.truncate(LONGEST);
        let line = match open.contains(&b'\x1b') {
            true => ESCAPE.replace_all(&open, &b""[..]),
            false => Cow::Borrowed(open.as_slice()),
        };
        let line = line.trim_ascii_end();
        // A carriage return alone starts over in the same row.
        let mut rows = line.split(|&b| b == b'\r').peekable();
        while let Some(row) = rows.next() {
            self.row(row, whole || rows.peek().is_some(), each);
        }
        open.clear();
        self.open = open;
    }

    /// Takes a row apart where printk wrote into it.
    fn row(&mut self, row: &[u8], whole: bool, each: &mut impl FnMut(Line)) {
        let number = self.count;
        let (mut rest, mut printk) = match PREFIX.find(row) {
            Some(prefix) => (&row[prefix.end()..], true),
            None => (row, false),
        };
        while let Some(prefix) = PREFIX_INSIDE.find(rest) {
            let before = &rest[..prefix.start()];
            if printk || !before.is_empty() {
                let line = Line {
                    number,
                    text: before.to_vec(),
                    whole: false,
                };
                self.cut(line, printk, each);
            }
            rest = &rest[prefix.end()..];
            printk = true;
        }
        let line = Line {
            number,
            text: rest.to_vec(),
            whole,
        };
        match printk {
            true => each(line),
            false => self.join(line, each),
        }
    }

    /// A line that a printk follows in the same row: the rest of it may come later.
    fn cut(&mut self, line: Line, printk: bool, each: &mut impl FnMut(Line)) {
        if !FRAGMENT.is_match(&line.text) {
            return each(line);
        }
        if let Some((older, _)) = self.fragment.replace((line, printk)) {
            each(older);
        }
    }

    /// A line without printk's prefix, which may be the rest of an earlier one.
    fn join(&mut self, mut line: Line, each: &mut impl FnMut(Line)) {
        let Some((fragment, printk)) = self.fragment.take() else {
            return each(line);
        };
        let joined = [fragment.text.as_slice(), &line.text].concat();
        let joins = matches!(
            grammar::read(&joined).kind,
            Kind::Version { .. } | Kind::Plan { clean: true, .. } | Kind::Result(_)
        );
        let alone = grammar::read(&line.text).kind;
        let stands_alone = match alone {
            Kind::Other | Kind::Unnumbered => false,
            Kind::Diagnostic => !fragment.text.ends_with(b" "),
            _ => true,
        };
        let blank = fragment.text.trim_ascii().is_empty();
        let maybe_not = NOT.is_match(&fragment.text);
        if blank || (joins && (maybe_not || !stands_alone)) {
            return each(Line {
                number: fragment.number,
                text: joined,
                // Printk does not go on without a prefix: the rest may be anybody's.
                whole: line.whole && !printk,
            });
        }
        if !maybe_not {
            each(fragment);
        } else if matches!(alone, Kind::Result(_)) {
            line.whole = false;
        } else {
            self.fragment = Some((fragment, printk));
        }
        each(line);
    }
}
