// SPDX-License-Identifier: GPL-2.0-only
//! What became of programs, and the sums of it.

use serde::Serialize;
use std::collections::BTreeMap;

/// What became of one program at one pair of levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does what it should.
    Right,
    /// ll2c, or the stand-in, said that it can't, and why.
    Refused(String),
    /// It does something else, or was not accepted by GCC, or ll2c crashed.
    Wrong(String),
    /// LLVM's or GCC's own code fails as well.
    NotApplicable(String),
}

/// Sums for one suite, subject and pair of levels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name.
    pub suite: String,
    /// ll2c's page.
    pub subject: String,
    /// Optimisation levels of both compilers.
    pub levels: String,
    /// What is counted: programs, tests, lines.
    pub unit: String,
    /// Numbers of each verdict.
    pub right: usize,
    /// See [`Verdict`].
    pub refused: usize,
    /// See [`Verdict`].
    pub wrong: usize,
    /// See [`Verdict`].
    pub not_applicable: usize,
}

impl Row {
    /// Counts one.
    pub fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Right => self.right += 1,
            Verdict::Refused(_) => self.refused += 1,
            Verdict::Wrong(_) => self.wrong += 1,
            Verdict::NotApplicable(_) => self.not_applicable += 1,
        }
    }

    /// The share of right ones among those that apply.
    pub fn share(&self) -> f64 {
        self.right as f64 / (self.right + self.refused + self.wrong).max(1) as f64
    }
}

/// Reasons with how often they were met, the most frequent ones first. Names and numbers in a reason are left out.
pub fn reasons<'a>(all: impl Iterator<Item = &'a str>) -> Vec<(usize, String)> {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for reason in all {
        *count.entry(kind(reason)).or_default() += 1;
    }
    let mut list: Vec<(usize, String)> = count.into_iter().map(|(r, n)| (n, r)).collect();
    list.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    list
}

/// A reason without what differs from program to program: the file, its line, the function.
fn kind(reason: &str) -> String {
    let text = reason.strip_prefix("ll2c: ").unwrap_or(reason);
    let text = match text.strip_prefix("failed to translate ") {
        Some(rest) => rest.split_once(": ").map_or(rest, |(_, rest)| rest),
        None => text,
    };
    let text = match text.strip_prefix("line ") {
        Some(rest) => rest.split_once(": ").map_or(rest, |(_, rest)| rest),
        None => text,
    };
    let text = match text.strip_prefix("in `") {
        Some(rest) => rest.split_once("`: ").map_or(text, |(_, rest)| rest),
        None => text,
    };
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_one_kind_are_counted_together() {
        let list = [
            "ll2c: failed to translate a.ll: line 3: unsupported vector type",
            "ll2c: failed to translate b.ll: line 71: unsupported vector type",
            "ll2c: failed to translate b.ll: line 71: unsupported `x`",
        ];
        let counted = reasons(list.into_iter());
        assert_eq!(counted[0], (2, "unsupported vector type".into()));
        assert_eq!(counted.len(), 2);
    }

    #[test]
    fn only_what_applies_counts_for_the_share() {
        let mut row = Row::default();
        row.add(&Verdict::Right);
        row.add(&Verdict::NotApplicable(String::new()));
        assert_eq!(row.share(), 1.0);
        row.add(&Verdict::Refused(String::new()));
        assert_eq!(row.share(), 0.5);
    }
}
