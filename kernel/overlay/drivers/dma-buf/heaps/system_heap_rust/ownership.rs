// SPDX-License-Identifier: GPL-2.0

//! Who owns a buffer, and what has to happen to the caches when that changes.
//!
//! This is the pure part of the heap: it knows neither pages nor devices, so that it can be checked
//! on a host against a model of the caches. [`Ownership::next`] takes an [`Event`] and answers with
//! the [`Plan`], the maintenance that the event needs, in the order in which it has to happen.
//!
//! # Aliases
//!
//! The CPU can reach one page through the direct map, through the vmap and through any number of
//! user mappings. On a cache that aliases, each of them may hold a copy of its own; where it does
//! not alias, maintenance of the vmap and of user mappings does nothing and all of them share the
//! lines of the direct map. `dma_sync_*()` knows only the direct map.
//!
//! # Who owns the buffer
//!
//! - The *CPU* while it has an access open, from `begin_cpu_access` to `end_cpu_access`, and
//!   whenever nothing is mapped for a device. Then, any alias may hold dirty lines.
//! - The *device* while something is mapped and no access is open. Then no alias holds a dirty
//!   line, since a write-back of it could overwrite what the device writes.
//!
//! Who opens an access reads what was written last. What was written in an access is in memory once
//! that has ended, so an alias that is made later shows it. While nothing is mapped, a single user
//! needs to open none.
//!
//! # What cannot be relied on
//!
//! User space opens and closes accesses too (`DMA_BUF_IOCTL_SYNC`), in whatever order it likes, and
//! a process may die with an access open. Therefore an access that stays open for ever costs later
//! ones speed, not coherency, and one that was never opened may still be closed. What is not
//! repaired:
//!
//! - If user space closes an access that somebody else has opened, then what that somebody writes
//!   afterwards may be lost, once another access is opened while a device has the buffer mapped.
//! - What a process wrote in an access that it never closed may be written back later. Where the
//!   cache aliases that happens when its mapping goes, at the latest when it dies.

/// The direction of an access or of a mapping, in the sense of `enum dma_data_direction`.
///
/// For a mapping this is what the *device* does. For an access this is what the CPU does, named from
/// the memory's point of view like `DMA_BUF_IOCTL_SYNC` does it: the CPU reads what came
/// [`FromDevice`], and writes what goes [`ToDevice`].
///
/// [`FromDevice`]: Direction::FromDevice
/// [`ToDevice`]: Direction::ToDevice
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The device reads; the CPU has written.
    ToDevice,
    /// The device writes; the CPU will read.
    FromDevice,
    /// Both.
    Bidirectional,
}

impl Direction {
    /// The direction in which a mapping that was asked for in this one is made and synced.
    ///
    /// What the device does not write must stay as it is, be it fresh zeros or what the CPU wrote.
    /// But `DMA_FROM_DEVICE` lets an architecture drop dirty lines unseen (`v7_dma_inv_range` on
    /// arm, `dma_cache_inv` on mips), and then the memory's previous contents, possibly of another
    /// owner, show through wherever the device writes nothing. arm64 has stopped doing so in commit
    /// c50f11c6196f ("arm64: mm: Don't invalidate FROM_DEVICE buffers at start of DMA transfer").
    pub const fn mapped_as(self) -> Direction {
        match self {
            Direction::ToDevice => Direction::ToDevice,
            Direction::FromDevice | Direction::Bidirectional => Direction::Bidirectional,
        }
    }

    /// Whether a device with a mapping of this direction may write to the buffer.
    pub const fn device_writes(self) -> bool {
        !matches!(self, Direction::ToDevice)
    }

    /// Whether the CPU may write to the buffer in an access of this direction.
    pub const fn cpu_writes(self) -> bool {
        !matches!(self, Direction::FromDevice)
    }
}

/// What happens to a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// `map_dma_buf`: the device gets to reach the buffer.
    Map(Direction),
    /// `unmap_dma_buf` of something that was mapped in this direction.
    Unmap(Direction),
    /// `begin_cpu_access`.
    ///
    /// It has no direction: a CPU that only writes still fills whole lines, so it must not find an
    /// old one, and whether a device has written is a matter of its mapping.
    Begin,
    /// `end_cpu_access`.
    End(Direction),
}

/// Which mappings a device sync is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mappings {
    /// All of them.
    All,
    /// Those through which a device may write.
    Written,
}

/// One step of maintenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Write dirty lines of the vmap back (`flush_kernel_vmap_range()`).
    WriteBackVmap,
    /// Drop the lines of the vmap, none of which is dirty (`invalidate_kernel_vmap_range()`).
    InvalidateVmap,
    /// Write dirty lines of all user mappings back and drop them (`flush_cache_range()`).
    FlushUser,
    /// Hand these mappings to their devices (`dma_sync_sgtable_for_device()`).
    SyncForDevice(Mappings),
    /// Take these mappings from their devices (`dma_sync_sgtable_for_cpu()`).
    SyncForCpu(Mappings),
    /// Make the mapping that the event is about (`dma_map_sgtable()`).
    Map,
    /// Take the mapping that the event is about away (`dma_unmap_sgtable()`).
    Unmap,
}

/// The steps for one event, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    ops: [Option<Op>; Plan::MAX],
    len: usize,
}

impl Plan {
    /// Steps in the longest plan.
    pub const MAX: usize = 6;

    const fn new() -> Plan {
        Plan {
            ops: [None; Plan::MAX],
            len: 0,
        }
    }

    /// Adds `ops` at the end if `condition` holds.
    ///
    /// What does not fit is a mistake in [`Ownership::next`], which the host tests exclude by going
    /// through all of its branches.
    fn then_if(mut self, condition: bool, ops: &[Op]) -> Plan {
        if condition {
            for (slot, op) in self.ops[self.len..].iter_mut().zip(ops) {
                *slot = Some(*op);
                self.len += 1;
            }
        }
        self
    }

    /// The steps, in order.
    pub fn ops(&self) -> impl Iterator<Item = Op> + '_ {
        self.ops[..self.len].iter().copied().flatten()
    }
}

/// Who owns a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The CPU may read and write; devices may not write.
    Cpu,
    /// Devices may read and write, as their mappings say; the CPU may not.
    Device,
}

/// The state of a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ownership {
    /// Mappings through which a device only reads.
    read: usize,
    /// Mappings through which a device may write.
    written: usize,
    /// Whether there was one of those since something is mapped without interruption.
    was_written: bool,
    /// Accesses of the CPU that are open.
    accesses: usize,
}

impl Ownership {
    /// A buffer that nothing is mapped of and nobody accesses.
    pub const fn new() -> Ownership {
        Ownership {
            read: 0,
            written: 0,
            was_written: false,
            accesses: 0,
        }
    }

    /// Whose turn it is.
    pub const fn owner(&self) -> Owner {
        if self.accesses > 0 || !self.is_mapped() {
            Owner::Cpu
        } else {
            Owner::Device
        }
    }

    const fn is_mapped(&self) -> bool {
        self.read + self.written > 0
    }

    /// The state after `event`, and what has to be done for it.
    pub fn next(self, event: Event) -> (Ownership, Plan) {
        match event {
            Event::Map(dir) => self.map(dir),
            Event::Unmap(dir) => self.unmap(dir),
            Event::Begin => self.begin(),
            Event::End(dir) => self.end(dir),
        }
    }

    fn map(mut self, dir: Direction) -> (Ownership, Plan) {
        use Op::*;

        // While nothing is mapped, the CPU may write without opening an access. While something is,
        // the aliases are clean, or will be written back when the access that is open ends.
        let plan = Plan::new()
            .then_if(!self.is_mapped(), &[WriteBackVmap, FlushUser])
            .then_if(true, &[Map]);

        if dir.device_writes() {
            self.written += 1;
            self.was_written = true;
        } else {
            self.read += 1;
        }
        (self, plan)
    }

    fn unmap(mut self, dir: Direction) -> (Ownership, Plan) {
        use Op::*;

        let count = if dir.device_writes() {
            &mut self.written
        } else {
            &mut self.read
        };
        *count = count.saturating_sub(1);

        // From now on the CPU needs no access to read.
        let stale = !self.is_mapped() && self.was_written;
        if stale {
            self.was_written = false;
        }

        // To invalidate and to unmap, which is to take from the device, may drop dirty lines. The CPU
        // may have some while it has an access open.
        let open = self.accesses > 0;

        let plan = Plan::new()
            .then_if(open && stale, &[WriteBackVmap])
            .then_if(
                open && dir.device_writes(),
                &[SyncForDevice(Mappings::Written)],
            )
            .then_if(true, &[Unmap])
            .then_if(stale, &[FlushUser, InvalidateVmap]);
        (self, plan)
    }

    fn begin(mut self) -> (Ownership, Plan) {
        use Op::*;

        // If the CPU owns the buffer already, then an alias may hold what another one shall read.
        // Write back before anything is dropped, so that what is dropped can't come back old.
        let dirty = self.owner() == Owner::Cpu;
        // If an access is open, then either the device has written nothing since, or that access
        // has been abandoned and it has. Handing the buffer over and back is right for both.
        let hand_over = self.accesses > 0;
        let written = self.written > 0;

        let plan = Plan::new()
            .then_if(dirty, &[WriteBackVmap])
            .then_if(written && hand_over, &[SyncForDevice(Mappings::Written)])
            .then_if(written, &[SyncForCpu(Mappings::Written)])
            .then_if(true, &[FlushUser, InvalidateVmap]);

        self.accesses = self.accesses.saturating_add(1);
        (self, plan)
    }

    fn end(mut self, dir: Direction) -> (Ownership, Plan) {
        use Op::*;

        // Lines that the CPU has only read have to go as well where a device may write: not every
        // architecture drops them when the buffer comes back.
        let (dirty, mappings) = if dir.cpu_writes() {
            (true, Mappings::All)
        } else {
            (false, Mappings::Written)
        };
        let sync = match mappings {
            Mappings::All => self.is_mapped(),
            Mappings::Written => self.written > 0,
        };

        let plan = Plan::new()
            .then_if(dirty, &[WriteBackVmap, FlushUser])
            .then_if(sync, &[SyncForDevice(mappings)]);

        self.accesses = self.accesses.saturating_sub(1);
        (self, plan)
    }
}
