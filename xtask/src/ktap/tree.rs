// SPDX-License-Identifier: GPL-2.0-only
//! Puts the tests of a log together, line by line.

use super::block::{Block, Pending};
use super::grammar::{self, Kind as LineKind, Outcome};
use super::lines::Line;
use super::rules::{joint_verdict, name, own_verdict};
use super::splat::{self, Role};
use super::{Directive, Event, Oddity, Report, Said, Splat, Stream, Test, text};
use crate::verdict::Verdict;

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

/// What a suite says that came of its tests: `# suite: pass:1 fail:0 skip:0 total:1`, see `kunit_print_test_stats()`.
struct Totals {
    name: String,
    pass: u64,
    fail: u64,
    skip: u64,
}

impl Totals {
    fn read(line: &[u8]) -> Option<Totals> {
        let line = std::str::from_utf8(line).ok()?.strip_prefix("# ")?;
        let (name, counts) = line.split_once(": pass:")?;
        let mut counts = counts.split_whitespace();
        let pass = counts.next()?.parse().ok()?;
        let fail = counts.next()?.strip_prefix("fail:")?.parse().ok()?;
        let skip = counts.next()?.strip_prefix("skip:")?.parse().ok()?;
        Some(Totals {
            name: name.to_owned(),
            pass,
            fail,
            skip,
        })
    }
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

    /// Compares what a suite says of its results with the results.
    fn totals(&mut self, said: &Totals) {
        let line = self.line;
        let Some(block) = self.open.last_mut() else {
            return;
        };
        // What is lost or doubtful is told otherwise.
        if block.name.as_deref() != Some(said.name.as_str())
            || !block.doubtful.is_empty()
            || block.tests.iter().any(|t| t.said == Said::Nothing)
        {
            return;
        }
        let count = |wanted: &dyn Fn(&Test) -> bool| {
            block.tests.iter().filter(|t| wanted(t)).count() as u64
        };
        let is_skip = |t: &Test| t.directive == Some(Directive::Skip);
        let skip = count(&is_skip);
        let fail = count(&|t| t.said == Said::NotOk && !is_skip(t));
        let pass = count(&|t| t.said == Said::Ok && !is_skip(t));
        if (pass, fail, skip) != (said.pass, said.fail, said.skip) {
            let what = format!(
                "its totals are pass:{} fail:{} skip:{}, its results pass:{pass} fail:{fail} skip:{skip}",
                said.pass, said.fail, said.skip
            );
            if block.damage(what.clone(), line) {
                self.odd(what);
            }
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

    fn other(&mut self, line: &[u8]) {
        if let Some(index) = self.capture {
            let splat = &mut self.report.splats[index];
            if splat.text.len() < limit::SPLAT_LINES {
                splat.text.push(text(line));
            }
            if splat::ends(line) {
                self.capture = None;
            }
            return;
        }
        if !line.starts_with(b"#") {
            self.glued(line);
        }
        if self.collecting() {
            self.diagnostic(line);
        }
    }

    fn diagnostic(&mut self, line: &[u8]) {
        let full = self.pending.diagnostics.len() >= limit::DIAGNOSTICS
            || self.diagnostics >= limit::ALL_DIAGNOSTICS;
        if full {
            self.pending.omitted += 1;
        } else {
            self.diagnostics += 1;
            self.pending.diagnostics.push(text(line));
        }
    }

    /// Other output may have swallowed a result.
    fn glued(&mut self, line: &[u8]) {
        if let Some(outcome) = grammar::glued(line) {
            self.doubt(&outcome, "its result is glued to other output");
        }
    }

    /// Keeps a result that is used only if no better one comes.
    fn doubt(&mut self, outcome: &Outcome<'_>, why: &str) {
        let line = self.line;
        if let Some(block) = self.open.last_mut()
            && block.doubtful.len() < limit::DOUBTFUL
        {
            block.doubtful.push(Test {
                name: name(outcome),
                number: Some(outcome.number),
                verdict: if outcome.ok {
                    Verdict::Crashed
                } else {
                    Verdict::Failed
                },
                reason: Some(why.into()),
                line,
                ..Test::default()
            });
        }
    }

    fn splat(&mut self, kind: splat::Kind, role: Role, line: &[u8]) {
        if self.collecting() {
            self.pending.floor = self.pending.floor.max(Some(kind.verdict()));
        }
        if let Some(index) = self.capture {
            let splat = &mut self.report.splats[index];
            let untitled = splat.title.is_empty();
            let continues = match role {
                Role::Frame => false,
                Role::Title => untitled,
                Role::More => true,
            };
            if continues {
                if untitled {
                    splat.title = text(line);
                    splat.kind = kind;
                } else if kind.verdict() > splat.kind.verdict() {
                    splat.kind = kind;
                }
                return self.other(line);
            }
        }
        self.capture = None;
        if self.report.splats.len() == limit::SPLATS {
            return;
        }
        let index = self.report.splats.len();
        self.report.splats.push(Splat {
            kind,
            line: self.line,
            title: if role == Role::Frame {
                String::new()
            } else {
                text(line)
            },
            text: vec![text(line)],
            test: None,
        });
        self.capture = Some(index);
        if self.collecting() {
            self.pending.splats.push(index);
        }
    }

    fn version(&mut self, indent: usize, known: bool) {
        if !known {
            self.odd("this version is not known");
        }
        match self.open.last() {
            Some(top) if top.indent == indent && top.is_fresh() => {
                self.odd("the version line is repeated");
            }
            _ => self.open_at(indent, None),
        }
    }

    /// Closes what is as deep as `indent` or deeper, and opens a block there.
    fn open_at(&mut self, indent: usize, odd: Option<&str>) {
        self.close_from(indent);
        let line = self.line;
        if self.open.len() == limit::DEPTH {
            let top = self.open.last_mut();
            if top
                .is_some_and(|top| top.damage("tests in it are nested too deeply to be read", line))
            {
                self.odd("nested too deeply");
            }
            return;
        }
        if let Some(what) = odd {
            self.odd(what);
        }
        let pending = std::mem::take(&mut self.pending);
        let own = if self.open.is_empty() {
            Pending::default()
        } else {
            pending
        };
        self.open.push(Block {
            line,
            indent,
            own,
            ..Block::default()
        });
    }

    fn subtest(&mut self, indent: usize, name: &[u8], line: &[u8]) {
        if self.open.len() == 1 && self.open[0].indent == indent && !self.open[0].is_fresh() {
            return self.other(line);
        }
        if !matches!(self.open.last(), Some(top) if top.indent == indent && top.is_fresh()) {
            self.open_at(indent, None);
        }
        // Too deep, otherwise.
        if let Some(top) = self.open.last_mut()
            && top.indent == indent
        {
            top.name = Some(text(name));
            let suite = self.path();
            self.events.push(Event::SuiteStarted { suite });
        }
    }

    fn plan(&mut self, indent: usize, count: u64, clean: bool, skip: Option<&[u8]>, line: &[u8]) {
        let at = self.open.iter().position(|b| b.indent == indent);
        if !clean && at.is_none_or(|at| self.open[at].plan.is_some()) {
            return self.other(line);
        }
        if !clean {
            self.odd("the plan is cut off, or something is glued to it");
        }
        match at {
            Some(at) if at + 1 == self.open.len() => {}
            // Too late for what was open inside, but that may still get its result.
            Some(at) if self.open[at].plan.is_none() => {
                self.odd("the plan comes before the result of a subtest");
            }
            _ => self.open_at(indent, Some("the plan follows no version line")),
        }
        let Some(at) = self.open.iter().position(|b| b.indent == indent) else {
            return;
        };
        if let Some(plan) = self.open[at].plan {
            if !self.open[at].tests.is_empty() && self.open[at].is_complete() {
                self.open_at(indent, Some("the plan follows no version line"));
            } else {
                self.odd(format!("there is a plan already, 1..{plan}"));
            }
        }
        let number = self.line;
        let Some(block) = self.open.get_mut(at) else {
            return;
        };
        block.plan = block.plan.max(Some(count));
        if !clean {
            block.damage("the plan is cut off", number);
        }
        if count == 0 {
            block.skipped = skip.map(text);
        }
        if at + 1 == self.open.len() && self.open[at].tests.is_empty() {
            let header = std::mem::take(&mut self.pending.diagnostics);
            if at > 0 {
                self.open[at].own.diagnostics.extend(header);
            }
        }
    }

    fn result(&mut self, indent: usize, outcome: &Outcome<'_>) {
        let mut child = None;
        while self.open.last().is_some_and(|top| top.indent > indent) {
            // The one directly inside may be what this is the result of; what is deeper has got none.
            if self.open.len() >= 2 && self.open[self.open.len() - 2].indent > indent {
                self.close();
            } else {
                child = self.open.pop();
            }
        }
        if self.open.last().is_none_or(|top| top.indent != indent) {
            let what = match self.open.len() {
                0 => "the result belongs to no stream",
                _ => "the result is on a level that no version line opened",
            };
            // What was printed before the result stays with the result.
            let pending = std::mem::take(&mut self.pending);
            self.open_at(indent, Some(what));
            self.pending = pending;
            if self.open.last().is_none_or(|top| top.indent != indent) {
                return;
            }
        }
        let named = |block: &Block| match &block.name {
            None => true,
            Some(name) => {
                let name = name.as_bytes();
                text(outcome.name).as_bytes() == name
                    || text(outcome.description)
                        .as_bytes()
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b" #"))
            }
        };
        let child = match child {
            Some(block) if named(&block) => Some(block),
            Some(block) => {
                let name = block.name.clone().unwrap_or_default();
                self.odd(format!("{name} has no result"));
                self.unfinished(block);
                None
            }
            None => None,
        };
        let best = self.check_number(outcome.number);
        if let Some(what) = outcome.odd {
            self.odd(what);
        }
        let (own, what) = own_verdict(outcome);
        if let Some(what) = what {
            self.odd(what);
        }
        let mut test = Test {
            name: name(outcome),
            number: Some(outcome.number),
            verdict: own,
            said: if outcome.ok { Said::Ok } else { Said::NotOk },
            directive: outcome.directive,
            reason: Some(text(outcome.reason)).filter(|r| !r.is_empty()),
            line: self.line,
            ..Test::default()
        };
        let is_suite = child.is_some();
        if let Some(block) = child {
            if let Some(name) = &block.name {
                test.name.clone_from(name);
            }
            let parts = self.fill(&mut test, block);
            let (verdict, what) = joint_verdict(own, parts);
            test.verdict = test.verdict.max(verdict);
            if let Some(what) = what {
                self.odd(what);
            }
        }
        if best > test.verdict {
            test.verdict = best;
            test.reason
                .get_or_insert_with(|| "it was not planned".into());
        }
        std::mem::take(&mut self.pending).settle(&mut test);
        self.attach(test, is_suite);
    }

    /// Gives the best verdict that a test with this number can have.
    fn check_number(&mut self, number: u64) -> Verdict {
        let (last, plan) = self.open.last().map_or((0, None), |b| (b.last, b.plan));
        let expected = last.saturating_add(1);
        if number != expected {
            self.odd(format!("number {expected} was expected, not {number}"));
        }
        match plan {
            Some(plan) if number > plan => {
                self.odd(format!("there are more results than the plan 1..{plan}"));
                Verdict::Failed
            }
            _ => Verdict::Passed,
        }
    }

    /// Puts what belongs to `block` into `test`, whose verdict it leaves to the caller, and gives that of the parts.
    fn fill(&mut self, test: &mut Test, mut block: Block) -> Verdict {
        test.planned = block.plan;
        let name = block.name.clone().unwrap_or_else(|| test.name.clone());
        self.seal(&mut block, Some(name));
        let parts = Verdict::of_parts(block.tests.iter().map(|t| t.verdict));
        test.subtests = block.tests;
        if test.reason.is_none() {
            test.reason = block.skipped.clone().filter(|r| !r.is_empty());
        }
        block.own.settle(test);
        parts.unwrap_or(match block.skipped {
            Some(_) => Verdict::Skipped,
            None => Verdict::NoTests,
        })
    }

    /// Adds what is missing to a block that gets no more results. Its suite is called `name`; a stream has none.
    fn seal(&mut self, block: &mut Block, name: Option<String>) {
        let line = self.line;
        let beyond = |plan: &u64| {
            let accepted = |t: &&Test| t.verdict < Verdict::Failed;
            block
                .tests
                .iter()
                .filter(accepted)
                .any(|t| t.number > Some(*plan))
        };
        if let Some(plan) = block.plan.filter(beyond) {
            block.damage(
                format!("there are more results than the plan 1..{plan}"),
                line,
            );
        }
        let absent = block.absent(line);
        for mut test in absent {
            if self.full() {
                return;
            }
            self.odd(match &test.reason {
                Some(reason) => format!("{}: {reason}", test.name),
                None => test.name.clone(),
            });
            // It was the first without a result that ran when there was nothing more to read.
            if test.number > Some(block.last) {
                std::mem::take(&mut self.pending).settle(&mut test);
            }
            let suite = self.path_with(name.as_deref());
            self.events.push(Event::CaseFinished {
                suite,
                case: test.name.clone(),
                verdict: test.verdict,
            });
            block.tests.push(test);
        }
    }

    /// Closes all blocks that are as deep as `indent` or deeper; they get no results.
    fn close_from(&mut self, indent: usize) {
        while self.open.last().is_some_and(|top| top.indent >= indent) {
            self.close();
        }
    }

    /// Closes the innermost block; it gets no result.
    fn close(&mut self) {
        let Some(mut block) = self.open.pop() else {
            return;
        };
        if self.open.is_empty() {
            self.seal(&mut block, None);
            self.pending = Pending::default();
            if self.report.streams.len() < limit::TESTS {
                self.report.streams.push(Stream {
                    line: block.line,
                    planned: block.plan,
                    skipped: block.skipped,
                });
            }
            self.report.tests.append(&mut block.tests);
        } else {
            let name = block.name.clone().unwrap_or_else(|| "a suite".into());
            self.odd(format!("{name} has no result"));
            self.unfinished(block);
        }
    }

    /// Makes a test without a result of `block`, in the innermost open block.
    fn unfinished(&mut self, block: Block) {
        let number = self
            .open
            .last()
            .map_or(1, |parent| parent.last.saturating_add(1));
        let mut test = Test {
            name: block.name.clone().unwrap_or_else(|| format!("#{number}")),
            number: Some(number),
            reason: Some("it has no result".into()),
            line: self.line,
            ..Test::default()
        };
        self.fill(&mut test, block);
        std::mem::take(&mut self.pending).settle(&mut test);
        self.attach(test, true);
    }

    /// Counts a test, and tells whether it is one too many to be kept.
    fn full(&mut self) -> bool {
        self.tests += 1;
        self.tests > limit::TESTS
    }

    fn attach(&mut self, test: Test, is_suite: bool) {
        let suite = self.path();
        let full = self.full();
        let Some(parent) = self.open.last_mut() else {
            return;
        };
        parent.last = test.number.unwrap_or(parent.last);
        if full {
            return;
        }
        self.events.push(match (is_suite, suite.as_str()) {
            (false, _) => Event::CaseFinished {
                suite,
                case: test.name.clone(),
                verdict: test.verdict,
            },
            (true, "") => Event::SuiteFinished {
                suite: test.name.clone(),
                verdict: test.verdict,
            },
            (true, _) => Event::SuiteFinished {
                suite: format!("{suite}.{}", test.name),
                verdict: test.verdict,
            },
        });
        parent.tests.push(test);
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
