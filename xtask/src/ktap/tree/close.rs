// SPDX-License-Identifier: GPL-2.0-only
//! The end of a level, and what is missing there.

use super::super::block::{Block, Pending};
use super::super::{Event, Stream, Test};
use super::{Tree, limit};
use crate::verdict::Verdict;

impl Tree {
    /// Adds what is missing to a block that gets no more results. Its suite is called `name`; a stream has none.
    pub(super) fn seal(&mut self, block: &mut Block, name: Option<String>) {
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
    pub(super) fn close_from(&mut self, indent: usize) {
        while self.open.last().is_some_and(|top| top.indent >= indent) {
            self.close();
        }
    }

    /// Closes the innermost block; it gets no result.
    pub(super) fn close(&mut self) {
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
    pub(super) fn unfinished(&mut self, block: Block) {
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
}
