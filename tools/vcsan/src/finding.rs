// SPDX-License-Identifier: GPL-2.0-only
//! What the model's driver has to say, before it is put into words.

use crate::contract::{Area, Breaking, Request};
use crate::history::PastEvent;
use crate::stack::Stacks;
use crate::stats::Measured;
use vcsan_model::{Geometry, Hazard, Site};

/// A hazard and what will be forgotten when it is described.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The hazard.
    pub hazard: Hazard,
    /// The virtual address of the access, if it has one.
    pub vaddr: Option<u64>,
    /// The running test.
    pub test: Option<String>,
    /// The buffer's name, and the offset of the first wrong byte in it, or none if that is beside it, in the same line.
    pub buffer: Option<(String, Option<u64>)>,
    /// What happened to the line before, oldest first.
    pub past: Vec<PastEvent>,
    /// Who called, where that is wanted.
    pub stacks: Stacks,
}

/// A breach of the DMA API's contract and what will be forgotten when it is described.
#[derive(Clone, Debug)]
pub struct CapturedBreach {
    /// What.
    pub broken: Breaking,
    /// What was called, if it is a call.
    pub request: Option<Request>,
    /// Which memory was accessed, or named by the call.
    pub area: Area,
    /// The virtual address of the access, if it is one.
    pub vaddr: Option<u64>,
    /// The access or the call.
    pub site: Site,
    /// The running test.
    pub test: Option<String>,
    /// What happened to the first line before, oldest first.
    pub past: Vec<PastEvent>,
    /// Who called, where that is wanted.
    pub stacks: Stacks,
}

/// In the order in which it was found.
#[derive(Clone, Debug)]
pub enum Finding {
    /// A hazard that was not seen before in its test. They are numbered from 0 on.
    Hazard(Box<Captured>),
    /// A breach of the DMA API's contract, likewise, and numbered with them.
    Breach(Box<CapturedBreach>),
    /// The running test provokes one, as its note says.
    Expect {
        /// The test.
        test: Option<String>,
        /// The note.
        text: String,
    },
    /// The running test is over.
    TestEnd {
        /// How often its hazards were seen, by number.
        counts: Vec<(usize, u64)>,
        /// Hazards seen that were not kept, as there were too many like them: by title.
        surplus: Vec<(String, u64)>,
    },
    /// What the guest wanted counted.
    Measured(Measured),
    /// Code of a module has names now: what its note says.
    Named(String),
    /// The cache is this one, as was found out.
    Geometry(Geometry),
    /// Something went wrong in here: the run proves nothing.
    Failure(String),
}
