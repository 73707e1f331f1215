// SPDX-License-Identifier: GPL-2.0-only
//! Results, and whether they agree with what is inside of them.

use super::super::block::Block;
use super::super::grammar::Outcome;
use super::super::rules::{joint_verdict, name, own_verdict};
use super::super::{Directive, Event, Said, Test, text};
use super::Tree;
use crate::verdict::Verdict;

/// What a suite says that came of its tests: `# suite: pass:1 fail:0 skip:0 total:1`, see `kunit_print_test_stats()`.
pub(super) struct Totals {
    name: String,
    pass: u64,
    fail: u64,
    skip: u64,
}

impl Totals {
    pub(super) fn read(line: &[u8]) -> Option<Totals> {
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

impl Tree {
    pub(super) fn result(&mut self, indent: usize, outcome: &Outcome<'_>) {
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
    pub(super) fn check_number(&mut self, number: u64) -> Verdict {
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
    pub(super) fn fill(&mut self, test: &mut Test, mut block: Block) -> Verdict {
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

    pub(super) fn attach(&mut self, test: Test, is_suite: bool) {
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

    /// Compares what a suite says of its results with the results.
    pub(super) fn totals(&mut self, said: &Totals) {
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
}
