// SPDX-License-Identifier: GPL-2.0-only
//! What went wrong, as data. The words for it are in [`diagnostics`](crate::diagnostics).

use crate::event::Site;
use crate::geometry::Alias;
use crate::line::Bytes;

/// The kinds of hazard, each visible to the access that reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The CPU may read an older value though the newest still exists.
    StaleRead,
    /// A device may read an older value though the newest still exists, dirty in the cache.
    StaleDeviceRead,
    /// The value read may have been overwritten in memory by the write-back of an older copy.
    LostWrite,
    /// The value read may have been dropped by an invalidate before it reached memory.
    DiscardedWrite,
    /// The access may hit a line of another physical page that was left under the same virtual tag.
    Homonym,
}

/// Who made the access that may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Accessor {
    /// The CPU, through this alias.
    Cpu(Alias),
    /// The CPU, past its cache.
    Uncached,
    /// A device.
    Device,
}

/// The copy, or its absence, that makes the access go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The accessor's own alias may still hold an older copy, fetched or last kept valid by `filled_by`.
    OldCopy {
        /// The access that brought the line in.
        filled_by: Site,
        /// Another alias that holds the newest value dirty, if it has not been written back either.
        dirty: Option<Alias>,
    },
    /// Memory may lack the newest value, which this alias holds dirty.
    NotWrittenBack {
        /// The alias.
        dirty: Alias,
    },
    /// This alias was dirty when the newest value was written, or became so from an older copy: its write-back, at any
    /// moment since, overwrites the newest value.
    Overwritten {
        /// The alias.
        alias: Alias,
        /// The store that made its line dirty.
        dirtied_by: Site,
    },
    /// This alias alone held the newest value and was invalidated.
    Discarded {
        /// The alias.
        alias: Alias,
        /// The invalidate.
        by: Site,
    },
    /// The virtual tag may still belong to a line of another page.
    OtherPage {
        /// Physical address of that line.
        paddr: u64,
        /// The access that brought it in.
        filled_by: Site,
    },
}

/// An access that goes wrong in some execution which the hardware is allowed. At most one a line, kind and cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hazard {
    /// What.
    pub kind: Kind,
    /// Physical address of the line.
    pub line: u64,
    /// The bytes of the line that may be wrong, out of those accessed.
    pub bytes: Bytes,
    /// Who accessed.
    pub accessor: Accessor,
    /// The access that may go wrong.
    pub access: Site,
    /// The write that it should have seen, of the first wrong byte.
    pub write: Site,
    /// Why it may not.
    pub cause: Cause,
}

impl Hazard {
    /// Physical address of the first byte that may be wrong.
    #[must_use]
    pub fn paddr(&self) -> u64 {
        self.line + u64::from(self.bytes.trailing_zeros() & 63)
    }
}
