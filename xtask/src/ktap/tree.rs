// SPDX-License-Identifier: GPL-2.0-only
//! Puts the tests of a log together, line by line.

mod close;
mod open;
mod output;
mod result;

use super::block::{Block, Pending};
use super::grammar::{self, Kind as LineKind};
use super::lines::Line;
use super::splat;
use super::{Event, Oddity, Report, Test};
use result::Totals;

/// Bounds on what is kept of a hostile log. What exceeds them is never counted as passed.
mod limit {
    /// Levels of nesting; KUnit has three.
    pub const DEPTH: usize = 16;
    /// Tests in a log, and streams.
    pub const TESTS: usize = 100_000;
    /// Oddities in a log.
    pub const ODDITIES: usize = 1_000;
    /// Splats in a log.
    pub const SPLATS: usize = 1_000;
    /// Lines of a splat.
    pub const SPLAT_LINES: usize = 200;
    /// Diagnostic lines of a test.
    pub const DIAGNOSTICS: usize = 500;
    /// Diagnostic lines in a log.
    pub const ALL_DIAGNOSTICS: usize = 1_000_000;
    /// Unreliable results on one level.
    pub const DOUBTFUL: usize = 64;
}

/// What the lines so far make together.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The stream and the suites in it whose results have not come, each indented deeper than the one before.
    open: Vec<Block>,
    /// What was printed since the last result.
    pending: Pending,
    /// The splat that is being printed.
    capture: Option<usize>,
    report: Report,
    events: Vec<Event>,
    /// The current line.
    line: usize,
    tests: usize,
    diagnostics: usize,
}

impl Tree {
    /// Reads on.
    pub fn line(&mut self, line: &Line) {
        self.line = line.number;
        let parsed = grammar::read(&line.text);
        if parsed.text.is_empty() {
            return;
        }
        let splat = match parsed.kind {
            LineKind::Diagnostic | LineKind::Subtest(_) => None,
            LineKind::Other => splat::recognise(parsed.text),
            _ if splat::inside(parsed.text) => splat::recognise(parsed.text),
            _ => None,
        };
        if let Some((kind, role)) = splat {
            self.glued(parsed.text);
            return self.splat(kind, role, parsed.text);
        }
        if !matches!(parsed.kind, LineKind::Other) {
            self.capture = None;
        }
        if let LineKind::Diagnostic = parsed.kind
            && line.whole
            && let Some(totals) = Totals::read(parsed.text)
        {
            self.totals(&totals);
        }
        match parsed.kind {
            LineKind::Version { known } if line.whole => self.version(parsed.indent, known),
            LineKind::Plan { count, clean, skip } => {
                self.plan(parsed.indent, count, clean && line.whole, skip, parsed.text);
            }
            LineKind::Subtest(name) if line.whole => self.subtest(parsed.indent, name, parsed.text),
            LineKind::Result(outcome) if line.whole => self.result(parsed.indent, &outcome),
            LineKind::Result(outcome) => {
                if self.collecting() {
                    self.odd("the result is cut off");
                }
                self.doubt(&outcome, "its result is cut off");
            }
            LineKind::Version { .. } | LineKind::Subtest(_) => {
                self.odd("the line is cut off");
                self.other(parsed.text);
            }
            LineKind::Unnumbered if self.collecting() => {
                self.odd("the result has no number");
                self.other(parsed.text);
            }
            _ => self.other(parsed.text),
        }
    }

    /// What happened since this was asked last.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// There are no more lines.
    pub fn finish(mut self) -> Report {
        self.close_from(0);
        if self.tests > limit::TESTS {
            self.report.tests.push(Test {
                name: "#?".into(),
                reason: Some("there are more tests than can be kept".into()),
                line: self.line,
                ..Test::default()
            });
        }
        self.report
    }

    fn odd(&mut self, what: impl Into<String>) {
        let line = self.line;
        match self.report.oddities.len() {
            limit::ODDITIES => {}
            n => self.report.oddities.push(Oddity {
                line,
                what: match n + 1 {
                    limit::ODDITIES => "there is more than can be listed".into(),
                    _ => what.into(),
                },
            }),
        }
    }

    /// Whether what is printed now may belong to a test.
    fn collecting(&self) -> bool {
        match self.open.as_slice() {
            [] => false,
            [stream] => !stream.is_complete(),
            _ => true,
        }
    }

    /// Counts a test, and tells whether it is one too many to be kept.
    fn full(&mut self) -> bool {
        self.tests += 1;
        self.tests > limit::TESTS
    }

    /// The path of the innermost open suite.
    fn path(&self) -> String {
        self.path_with(None)
    }

    /// The path of the suite `inner` in the innermost open one.
    fn path_with(&self, inner: Option<&str>) -> String {
        let suites = self.open.iter().skip(1);
        let names = suites.map(|b| b.name.as_deref().unwrap_or("?"));
        names.chain(inner).collect::<Vec<_>>().join(".")
    }
}
