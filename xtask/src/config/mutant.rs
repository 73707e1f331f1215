// SPDX-License-Identifier: GPL-2.0-only
//! A mutant: the heap with one maintenance step removed or broken, and where the cache model must see it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Cell, Edit, Role};
use crate::verdict::Verdict;

/// One page of `configs/mutants`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// What is wrong.
    pub summary: String,
    /// What is changed in a checkout to make it so.
    pub edits: Vec<Edit>,
    /// Aliasing cells that do not need the step, and why.
    #[serde(default)]
    pub not_needed: BTreeMap<String, String>,
}

impl Mutant {
    /// The verdict that `cell` must have: a hazard where the cache aliases and the step is needed, and silence elsewhere.
    pub fn verdict(&self, cell: &Cell) -> Verdict {
        if cell.role == Role::Aliasing && !self.not_needed.contains_key(&cell.name) {
            Verdict::Hazard
        } else {
            Verdict::Passed
        }
    }
}
