// SPDX-License-Identifier: GPL-2.0-only
//! Which findings are the same: they come by the million, and are counted instead of captured.

use crate::contract::Breach;
use crate::finding::Finding;
use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use vcsan_model::{Accessor, Cause, Hazard, Kind, Site};

/// Hazards of one kind, of what one instruction wrote, that are kept for one test; of what nobody is known to have written, as
/// many. More are only counted. So that one mistake, however often it shows, hides no other one.
const MOST: usize = 64;

/// Equal for findings that are certainly the same, and cheap to tell.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fingerprint {
    /// Kind, accessor, access, write, cause, who caused it, in which buffer.
    Hazard(Kind, u8, Site, Site, u8, Site, Option<usize>),
    /// What, where, where the mapping was made.
    Breach(Breach, Site, Option<Site>),
}

impl Fingerprint {
    fn likes(self) -> Likes {
        match self {
            Self::Hazard(kind, accessor, _, write, ..) => Likes::Hazards(kind, accessor, write),
            Self::Breach(breach, ..) => Likes::Breaches(breach),
        }
    }
}

/// Findings of one kind, of what one instruction wrote.
#[derive(PartialEq, Eq, Hash)]
enum Likes {
    Hazards(Kind, u8, Site),
    Breaches(Breach),
}

pub(super) fn fingerprint(hazard: &Hazard, buffer: Option<usize>) -> Fingerprint {
    let accessor = match hazard.accessor {
        Accessor::Cpu(_) => 0,
        Accessor::Uncached => 1,
        Accessor::Device => 2,
    };
    let (cause, by) = match hazard.cause {
        Cause::OldCopy { filled_by, dirty } => (u8::from(dirty.is_some()), filled_by),
        Cause::NotWrittenBack { .. } => (2, Site::NONE),
        Cause::Overwritten { dirtied_by, .. } => (3, dirtied_by),
        Cause::Discarded { by, .. } => (4, by),
        Cause::OtherPage { filled_by, .. } => (5, filled_by),
    };
    Fingerprint::Hazard(
        hazard.kind,
        accessor,
        hazard.access,
        hazard.write,
        cause,
        by,
        buffer,
    )
}

/// What was reported.
#[derive(Default)]
pub(super) struct Reported {
    /// Of the running test: the number of each, and how often it was seen.
    known: HashMap<Fingerprint, (usize, u64)>,
    /// Of the running test: how many are kept of each kind and writer.
    likes: HashMap<Likes, usize>,
    /// Of all tests.
    count: usize,
    /// Seen in the running test after there were too many like them, by title.
    surplus: BTreeMap<String, u64>,
}

impl Reported {
    /// Counts a finding. Whether it gets the next number and is to be kept.
    pub(super) fn is_new(&mut self, print: Fingerprint, title: impl FnOnce() -> String) -> bool {
        match self.known.entry(print) {
            Entry::Occupied(mut known) => known.get_mut().1 += 1,
            Entry::Vacant(new) => {
                let likes = self.likes.entry(print.likes()).or_default();
                if *likes == MOST {
                    *self.surplus.entry(title()).or_default() += 1;
                    return false;
                }
                *likes += 1;
                new.insert((self.count, 1));
                self.count += 1;
                return true;
            }
        }
        false
    }

    /// The test that runs is over.
    pub(super) fn end_test(&mut self) -> Option<Finding> {
        let mut counts: Vec<_> = self.known.drain().map(|(_, counted)| counted).collect();
        counts.sort_unstable();
        self.likes.clear();
        let surplus: Vec<_> = std::mem::take(&mut self.surplus).into_iter().collect();
        (!counts.is_empty()).then_some(Finding::TestEnd { counts, surplus })
    }
}
