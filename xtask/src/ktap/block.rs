// SPDX-License-Identifier: GPL-2.0-only
//! One level of nesting while its end has not come.

use super::Test;
use crate::verdict::Verdict;

/// What was printed before it is known which test it belongs to.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub diagnostics: Vec<String>,
    pub omitted: usize,
    pub splats: Vec<usize>,
    /// The best that a test with these splats can be.
    pub floor: Option<Verdict>,
}

impl Pending {
    pub fn settle(mut self, test: &mut Test) {
        if self.omitted > 0 {
            let lines = format!("({} more lines are in the log)", self.omitted);
            self.diagnostics.push(lines);
        }
        test.diagnostics.append(&mut self.diagnostics);
        test.splats.append(&mut self.splats);
        test.verdict = test.verdict.max(self.floor.unwrap_or(Verdict::Passed));
    }
}

/// One level of nesting: a version line and what belongs to it.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub line: usize,
    pub indent: usize,
    pub name: Option<String>,
    pub plan: Option<u64>,
    /// Why its plan has no tests.
    pub skipped: Option<String>,
    pub tests: Vec<Test>,
    /// The number of the last of them.
    pub last: u64,
    /// Results that cannot be relied on.
    pub doubtful: Vec<Test>,
    /// What belongs to the suite and to no case of it.
    pub own: Pending,
    /// Set once its tests cannot be told completely any more.
    pub damaged: bool,
}

impl Block {
    /// Nothing but its version line has come.
    pub fn is_fresh(&self) -> bool {
        self.name.is_none() && self.plan.is_none() && self.tests.is_empty()
    }

    /// As many tests as were planned have come.
    pub fn is_complete(&self) -> bool {
        self.plan
            .is_some_and(|plan| self.tests.len() as u64 >= plan)
    }

    /// Adds a test in the place of those whose results are lost. Once is enough: says whether it was the first time.
    pub fn damage(&mut self, why: impl Into<String>, line: usize) -> bool {
        let first = !std::mem::replace(&mut self.damaged, true);
        if first {
            self.tests.push(Test {
                name: "#?".into(),
                reason: Some(why.into()),
                line,
                ..Test::default()
            });
        }
        first
    }

    /// The tests that must be there and have no result of their own, in the order of their numbers.
    pub fn absent(&mut self, line: usize) -> Vec<Test> {
        let numbers = |tests: &[Test]| tests.iter().filter_map(|t| t.number).collect::<Vec<_>>();
        let mut seen = numbers(&self.tests);
        seen.sort_unstable();
        let mut absent: Vec<Test> = Vec::new();
        for test in self.doubtful.drain(..).rev() {
            let number = test.number.unwrap_or(0);
            let end = self.plan.max(seen.last().copied());
            let expected = end.is_none_or(|end| number <= end || number == self.last + 1);
            if let (true, Err(at)) = (expected, seen.binary_search(&number)) {
                seen.insert(at, number);
                absent.push(test);
            }
        }
        let mut next = 1u64;
        let end = self.plan.unwrap_or(0).saturating_add(1);
        for number in seen.into_iter().chain([end]) {
            // The one behind the last result ran, those behind it did not.
            if next == self.last.saturating_add(1) && next < number {
                absent.push(missing(next, next, line));
                next += 1;
            }
            if next < number {
                absent.push(missing(next, number - 1, line));
            }
            next = next.max(number.saturating_add(1));
        }
        absent.sort_by_key(|t| t.number);
        absent
    }
}

/// The tests `from` to `to`, which have no result.
pub(super) fn missing(from: u64, to: u64, line: usize) -> Test {
    let (name, reason) = match to - from {
        0 => (format!("#{from}"), "it has no result".to_owned()),
        more => (
            format!("#{from}-#{to}"),
            format!("{} tests have no result", more.saturating_add(1)),
        ),
    };
    Test {
        name,
        number: Some(from),
        reason: Some(reason),
        line,
        ..Test::default()
    }
}
