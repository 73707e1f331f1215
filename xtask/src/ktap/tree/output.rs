// SPDX-License-Identifier: GPL-2.0-only
//! What is printed between results: whose it is, and whether a result is hidden in it.

use super::super::grammar::{self, Outcome};
use super::super::rules::name;
use super::super::splat::{self, Role};
use super::super::{Splat, Test, text};
use super::{Tree, limit};
use crate::verdict::Verdict;

impl Tree {
    pub(super) fn other(&mut self, line: &[u8]) {
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

    pub(super) fn diagnostic(&mut self, line: &[u8]) {
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
    pub(super) fn glued(&mut self, line: &[u8]) {
        if let Some(outcome) = grammar::glued(line) {
            self.doubt(&outcome, "its result is glued to other output");
        }
    }

    /// Keeps a result that is used only if no better one comes.
    pub(super) fn doubt(&mut self, outcome: &Outcome<'_>, why: &str) {
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

    pub(super) fn splat(&mut self, kind: splat::Kind, role: Role, line: &[u8]) {
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
}
