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
}

impl Mutant {
    /// The verdict that `cell` must have.
    pub fn verdict(&self, cell: &Cell) -> Verdict {
        if self.caught_on.contains(&cell.name) {
            Verdict::Hazard
        } else {
            Verdict::Passed
        }
    }
}
