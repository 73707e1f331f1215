// SPDX-License-Identifier: GPL-2.0-only
//! The contract of the kernel's streaming DMA API (Documentation/core-api/dma-api.rst), followed by the functions that carry
//! it out: what is handed to a device to read counts as read then, what a device may write counts as written when it is taken
//! back, and in between the device owns the bytes. Nobody has to announce a transfer.
//!
//! [`Calls`] watches the guest enter and leave those functions and says what passes from the CPU to a device or back.
//! [`Mappings`] keeps what is mapped, and says which accesses and calls break the contract.

mod areas;
mod breach;
mod calls;
mod mapping;
mod mappings;

pub use areas::Areas;
pub use breach::{Breach, Breaking, Broken};
pub use calls::{BufferCall, Calls, FreeCall, Hook};
pub use mappings::Mappings;

use vcsan_model::Site;

/// `enum dma_data_direction`, but for `DMA_NONE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both may write.
    Bidirectional,
    /// The device only reads.
    ToDevice,
    /// The device writes.
    FromDevice,
}

impl Direction {
    /// The direction that the kernel has this number for; none for `DMA_NONE`, and for what is no direction.
    #[must_use]
    pub fn of(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Bidirectional),
            1 => Some(Self::ToDevice),
            2 => Some(Self::FromDevice),
            _ => None,
        }
    }

    /// Whether the device may read what the CPU has written.
    #[must_use]
    pub fn device_reads(self) -> bool {
        self != Self::FromDevice
    }

    /// Whether the device may write.
    #[must_use]
    pub fn device_writes(self) -> bool {
        self != Self::ToDevice
    }

    /// As the kernel calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bidirectional => "DMA_BIDIRECTIONAL",
            Self::ToDevice => "DMA_TO_DEVICE",
            Self::FromDevice => "DMA_FROM_DEVICE",
        }
    }
}

/// Physical memory that a call of the API is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// First physical address.
    pub first: u64,
    /// Bytes.
    pub len: u64,
}

impl Area {
    /// The address after the last byte.
    #[must_use]
    pub fn end(self) -> u64 {
        self.first.saturating_add(self.len)
    }

    /// Whether they have a byte in common.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.first < other.end() && other.first < self.end()
    }

    /// Whether `other` lies within.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.end() <= self.end()
    }
}

/// What a driver calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// `dma_map_*()`
    Map,
    /// `dma_unmap_*()`
    Unmap,
    /// `dma_sync_*_for_device()`
    SyncForDevice,
    /// `dma_sync_*_for_cpu()`
    SyncForCpu,
}

/// Who called which function of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What for; none if the function is not known, as in other versions of the kernel.
    pub request: Option<Request>,
    /// The address of the scatterlist, if the call has one: all that it maps is unmapped together.
    pub list: Option<u64>,
    /// The device, by the address of its structure; 0 where the function is not told.
    pub device: u64,
    /// The dma-buf whose function calls it (`dma_buf_begin_cpu_access()` and its like), by the address of its structure. Of an
    /// object that is freed its address, as it may be one.
    pub buffer: Option<u64>,
    /// Where it was called from.
    pub site: Site,
}

/// A step of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Memory is mapped.
    Mapped {
        /// What.
        area: Area,
        /// How.
        dir: Direction,
    },
    /// Memory is allocated that is mapped for as long as it is there (`dma_alloc_pages()`), and is handed over by syncs alone.
    Allocated {
        /// What.
        area: Area,
        /// How.
        dir: Direction,
    },
    /// Maintenance is done: the device may go on.
    ForDevice {
        /// What.
        area: Area,
        /// How.
        dir: Direction,
    },
    /// The device is done; maintenance begins.
    ForCpu {
        /// What.
        area: Area,
        /// How.
        dir: Direction,
    },
    /// Maintenance is done: the CPU may go on.
    AtCpu {
        /// What.
        area: Area,
        /// How.
        dir: Direction,
    },
    /// What was mapped by a table, whose address the caller gave for a list, has this list.
    Listed {
        /// The list's address.
        list: u64,
    },
    /// Memory is unmapped: this area, or all of the caller's list.
    Unmapped {
        /// What, unless it was a list.
        area: Option<Area>,
        /// How.
        dir: Direction,
    },
    /// Memory is freed.
    Freed {
        /// What. Of an object of a slab only its first byte is known.
        area: Area,
    },
    /// The CPU may access a dma-buf from now on, once more (`dma_buf_begin_cpu_access()`).
    Begun,
    /// One of those accesses is over (`dma_buf_end_cpu_access()`).
    Ended,
}
