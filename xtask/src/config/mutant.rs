// SPDX-License-Identifier: GPL-2.0-only
//! A mutant: the heap with one maintenance step removed or broken, and where the cache model must see it.

use serde::Deserialize;

use super::{Cell, Edit};
use crate::verdict::Verdict;

/// One page of `configs/mutants`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// What is wrong.
    pub summary: String,
    /// What is changed in a checkout to make it so.
    pub edits: Vec<Edit>,
    /// The cells on which the cache model must see it. On the others it must be silent.
    pub caught_on: Vec<String>,
    /// The cells on which it depends on the pages that a guest gets whether anything can go wrong: either verdict will do.
    #[serde(default)]
    pub by_chance_on: Vec<String>,
}

impl Mutant {
    /// The verdict that `cell` must have; none if it may be `hazard` or `passed`.
    pub fn verdict(&self, cell: &Cell) -> Option<Verdict> {
        if self.by_chance_on.contains(&cell.name) {
            return None;
        }
        Some(if self.caught_on.contains(&cell.name) {
            Verdict::Hazard
        } else {
            Verdict::Passed
        })
    }

    /// Whether `cell` has a verdict that it may have.
    pub fn allows(&self, cell: &Cell, got: &str) -> bool {
        let chance = [Verdict::Hazard, Verdict::Passed];
        match self.verdict(cell) {
            Some(expected) => expected.as_str() == got,
            None => chance.iter().any(|verdict| verdict.as_str() == got),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_depends_on_chance_is_seen_or_not_and_nothing_else() {
        let cell = crate::judge::tests::cell();
        let mutant = |caught_on: &[&str], by_chance_on: &[&str]| Mutant {
            summary: String::new(),
            edits: Vec::new(),
            caught_on: caught_on.iter().map(|&c| c.into()).collect(),
            by_chance_on: by_chance_on.iter().map(|&c| c.into()).collect(),
        };
        let chance = mutant(&[], &[&cell.name]);
        assert!(chance.allows(&cell, "hazard") && chance.allows(&cell, "passed"));
        assert!(!chance.allows(&cell, "crashed"));
        let caught = mutant(&[&cell.name], &[]);
        assert!(caught.allows(&cell, "hazard") && !caught.allows(&cell, "passed"));
        let silent = mutant(&[], &[]);
        assert!(silent.allows(&cell, "passed") && !silent.allows(&cell, "hazard"));
    }
}
