// SPDX-License-Identifier: GPL-2.0-only
//! In which ways something is against the contract.

use super::{Area, Direction, Request};
use vcsan_model::Site;

/// In which way something is against the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Breach {
    /// The CPU writes what a device may write, too.
    Write,
    /// The CPU reads what a device may be writing.
    Read,
    /// The CPU writes to a line of which a device may write another part.
    SharedLine,
    /// The CPU has written what a device reads, and did not sync that.
    NotSynced,
    /// Memory is synced or unmapped that is not mapped.
    NotMapped,
    /// It is mapped in another direction.
    Direction,
    /// What is mapped begins or ends elsewhere.
    Length,
    /// Some of a list's entries are not unmapped.
    Entries,
    /// Memory is synced for the CPU that it has already, and has used since.
    NotHandedBack,
    /// Memory is mapped for a device that it is mapped for already.
    MappedAgain,
    /// Memory is freed while it is mapped.
    Freed,
    /// A module is unloaded while something is mapped that it has mapped.
    LeftBehind,
}

impl Breach {
    /// A stable title, without addresses, of an access or of a call to do this.
    #[must_use]
    pub fn title(self, request: Option<Request>) -> &'static str {
        let unmap = request == Some(Request::Unmap);
        match self {
            Self::Write => "write to memory that a device owns",
            Self::Read => "read of memory that a device may write",
            Self::SharedLine => "write to a cache line shared with a device's buffer",
            Self::NotSynced => "write to memory that a device reads",
            Self::NotMapped if unmap => "unmap of memory that is not mapped",
            Self::NotMapped => "sync of memory that is not mapped",
            Self::Direction if unmap => "unmap in another direction than mapped",
            Self::Direction => "sync in another direction than mapped",
            Self::Length if unmap => "unmap of another area than mapped",
            Self::Length => "sync beyond what is mapped",
            Self::Entries => "unmap of a part of a list",
            Self::NotHandedBack => "sync for the CPU of memory that was not handed back",
            Self::MappedAgain => "map of memory that is mapped already",
            Self::Freed => "free of memory that a device owns",
            Self::LeftBehind => "memory left mapped by a module that is unloaded",
        }
    }
}

/// What breaks the contract, and which mapping that is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaking {
    /// How.
    pub breach: Breach,
    /// Where the mapping was made that it is about, if there is one.
    pub mapped_by: Option<Site>,
    /// The direction of that mapping.
    pub dir: Option<Direction>,
    /// What is mapped.
    pub mapping: Option<Area>,
}

/// What a call has shown to break the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What.
    pub breaking: Breaking,
    /// The memory that it is about.
    pub area: Area,
    /// The access before, if it is to blame and not the call: the virtual address and the site.
    pub access: Option<(u64, Site)>,
}
