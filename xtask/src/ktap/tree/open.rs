// SPDX-License-Identifier: GPL-2.0-only
//! Lines that open a level: a version, the name of a suite, a plan.

use super::super::block::{Block, Pending};
use super::super::{Event, text};
use super::{Tree, limit};

impl Tree {
    pub(super) fn version(&mut self, indent: usize, known: bool) {
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
    pub(super) fn open_at(&mut self, indent: usize, odd: Option<&str>) {
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

    pub(super) fn subtest(&mut self, indent: usize, name: &[u8], line: &[u8]) {
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

    pub(super) fn plan(
        &mut self,
        indent: usize,
        count: u64,
        clean: bool,
        skip: Option<&[u8]>,
        line: &[u8],
    ) {
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
}
