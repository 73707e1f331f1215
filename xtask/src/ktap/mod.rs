// SPDX-License-Identifier: GPL-2.0-only
//! Reads KTAP, the kernel's test output, out of a console log.
//!
//! The format is that of Documentation/dev-tools/ktap.rst, as KUnit prints it (lib/kunit/test.c). A console carries more
//! than KTAP, so a log goes through three stages: [`lines`] undoes what a console does to text, [`grammar`] and
//! [`splat`] tell what one line is, [`tree`] puts tests together as [`rules`] say.
//!
//! The reader is strict in one direction: whatever is missing, cut off or contradicts itself never counts as passed, and
//! is listed as an [`Oddity`]. It cannot detect a test that neither a plan nor a gap in the numbers betrays.

mod block;
mod grammar;
mod lines;
mod parser;
mod rules;
mod splat;
mod tree;

use serde::Serialize;

pub use grammar::Directive;
pub use parser::Parser;
pub use splat::{Kind, Splat};

use crate::verdict::Verdict;

/// All that a log says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// The outermost tests of all streams, in the order of the log: with KUnit, the suites.
    pub tests: Vec<Test>,
    /// The streams, one for the built-in suites and one for every module with suites.
    pub streams: Vec<Stream>,
    /// What the format does not allow, or what only looks like a mistake.
    pub oddities: Vec<Oddity>,
    /// What the kernel complained of.
    pub splats: Vec<Splat>,
}

impl Report {
    /// The worst of the tests and of the panics, oopses and BUGs between them. A log without tests has the verdict
    /// no-tests (or skipped) where a stream says so, else crashed.
    pub fn verdict(&self) -> Verdict {
        let tests = match Verdict::of_parts(self.tests.iter().map(|t| t.verdict)) {
            Some(verdict) => verdict,
            None => match self.streams.as_slice() {
                [] => Verdict::Crashed,
                streams if streams.iter().all(|s| s.skipped.is_some()) => Verdict::Skipped,
                streams if streams.iter().all(|s| s.planned == Some(0)) => Verdict::NoTests,
                _ => Verdict::Crashed,
            },
        };
        let crash = self.splats.iter().map(|s| s.kind.verdict());
        crash
            .filter(|&v| v == Verdict::Crashed)
            .fold(tests, Verdict::max)
    }
}

/// A version line with what follows it on the outermost level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stream {
    /// The line that opened it, from 1.
    pub line: usize,
    /// The number of tests that its plan promised.
    pub planned: Option<u64>,
    /// Why it was skipped as a whole, where its plan is `1..0 # SKIP`.
    pub skipped: Option<String>,
}

/// A test: with KUnit a suite, a case, or a parameter of a case.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Test {
    /// As printed; `#3` or `#3-#5` where no result line names it.
    pub name: String,
    /// The number in its result line, or the one that it should have had.
    pub number: Option<u64>,
    /// What came of it: never better than its result line, its subtests and the splats while it ran.
    pub verdict: Verdict,
    /// What its own result line said.
    pub said: Said,
    /// The directive of its result line.
    pub directive: Option<Directive>,
    /// The text behind the `#` of its result line without the directive, or why it has no result.
    pub reason: Option<String>,
    /// The lines before its result that belong to no other test.
    pub diagnostics: Vec<String>,
    /// Of its result; without one, the line after which it is missing. From 1.
    pub line: usize,
    /// The number of subtests that a plan promised.
    pub planned: Option<u64>,
    /// What it is made of.
    pub subtests: Vec<Test>,
    /// What the kernel complained of while it ran: indices into [`Report::splats`].
    pub splats: Vec<usize>,
}

/// What a result line says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// `ok`
    Ok,
    /// `not ok`
    NotOk,
    /// Nothing that can be relied on.
    #[default]
    Nothing,
}

/// Something in the log that should not be there, or is not there and should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Oddity {
    /// From 1.
    pub line: usize,
    /// A fragment such as "number 2 was expected, not 3".
    pub what: String,
}

/// Something that happened while a log was being read. A suite is named by its path, outermost first, with dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A suite announced itself.
    SuiteStarted {
        /// Its path.
        suite: String,
    },
    /// A test without subtests is over.
    CaseFinished {
        /// The path of its suite, empty on the outermost level.
        suite: String,
        /// Its name.
        case: String,
        /// The one that the report will give.
        verdict: Verdict,
    },
    /// A test with subtests is over.
    SuiteFinished {
        /// Its path.
        suite: String,
        /// The one that the report will give.
        verdict: Verdict,
    },
}

/// Reads a whole log. Use a [`Parser`] for one that is still being written.
pub fn parse(log: &[u8]) -> Report {
    let mut parser = Parser::new();
    for piece in log.chunks(1 << 16) {
        let _ = parser.push(piece);
    }
    parser.finish()
}

/// What the log says, as text: bytes that are not UTF-8 and control characters are replaced.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = |c: char| {
        if c.is_control() && c != '\t' {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    text.trim_end().chars().map(shown).collect()
}
