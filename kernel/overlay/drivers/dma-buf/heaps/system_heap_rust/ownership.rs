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
//! ones speed, not coherency, and one that was never opened may still be closed.
//!
//! It follows that an open access says nothing about devices: if whoever opened it is gone, a
//! device may have written since. Opening another access always takes the buffer from its devices
//! first. So does unmapping.
//!
//! # What is not repaired
//!
//! - What a process writes in its access may be lost if it does so at the moment in which somebody
//!   else opens one, or in which a mapping goes, while a device may write to the buffer. To take
//!   the buffer from a device is to write dirty lines back and to invalidate, and the DMA API has
//!   no call that does both at once.
//! - Where memory is bounced, page and bounce buffer are two copies, and each sync overwrites one
//!   of them. What a process has written in an access that is open is lost when somebody else opens
//!   one, or when a mapping goes, while a device may write to the buffer. If nobody has an access
//!   open and somebody closes one for writing, then what a device has written since is lost. And
//!   what one device writes reaches another one by way of an access of the CPU that writes. All of
//!   that is so for every exporter that uses the DMA API.
//! - If user space closes an access that somebody else has opened, then what that somebody writes
//!   at that moment or later may be lost, or be seen late by who opens another access, while a
//!   device has the buffer mapped.
//! - What a process wrote in an access that it never closed may be written back later. Where the
//!   cache aliases that happens when its mapping goes, at the latest when it dies.

/// The direction of an access or of a mapping, in the sense of `enum dma_data_direction`.
///
/// For a mapping this is what the *device* does. For an access this is what the CPU does, named
/// from the memory's point of view like `DMA_BUF_IOCTL_SYNC` does it: the CPU reads what came
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
    /// The direction says whether the CPU is going to write. Maintenance does not depend on it: a
    /// CPU that only writes still fills whole lines, so it must not find an old one, and whether a
    /// device has written is a matter of its mapping.
    Begin(Direction),
    /// `end_cpu_access`.
    End(Direction),
}

/// One step of maintenance.
///
/// The steps of a plan happen in this order, whatever the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Write dirty lines of the vmap back (`flush_kernel_vmap_range()`).
    WriteBackVmap,
    /// Write dirty lines of the direct map back, and hand nothing to any device.
    ///
    /// `dma_sync_sgtable_for_device()` would do more: it overwrites a bounce buffer, and what a
    /// device has written there. So the pages are mapped once more, to the device
    /// (`dma_map_page(.., DMA_TO_DEVICE)`), and unmapped, for each device that may write.
    WriteBackDirectMap,
    /// Hand those mappings to their devices through which they may write, after the CPU has only
    /// read, so that no line is dirty.
    ///
    /// `dma_sync_sgtable_for_device(.., DMA_FROM_DEVICE)`, which leaves a bounce buffer as it is.
    /// Where taking a mapping from its device drops lines anyway, clean ones may stay until then.
    SyncForDeviceUnwritten,
    /// Take those mappings from their devices through which they may write
    /// (`dma_sync_sgtable_for_cpu()`).
    SyncForCpu,
    /// Take the mapping that the event is about away (`dma_unmap_sgtable()`).
    Unmap,
    /// Write dirty lines of all user mappings back and drop them (`flush_cache_range()`).
    FlushUser,
    /// Drop the lines of the vmap, none of which is dirty (`invalidate_kernel_vmap_range()`).
    InvalidateVmap,
    /// Hand all mappings to their devices, after the CPU has written.
    ///
    /// `dma_sync_sgtable_for_device()` in the direction of the mapping.
    SyncForDevice,
    /// Make the mapping that the event is about (`dma_map_sgtable()`).
    Map,
}

impl Op {
    /// All of them, in their order.
    const ALL: [Op; 9] = [
        Op::WriteBackVmap,
        Op::WriteBackDirectMap,
        Op::SyncForDeviceUnwritten,
        Op::SyncForCpu,
        Op::Unmap,
        Op::FlushUser,
        Op::InvalidateVmap,
        Op::SyncForDevice,
        Op::Map,
    ];

    /// The steps that maintain the vmap.
    pub const OF_VMAP: &'static [Op] = &[Op::WriteBackVmap, Op::InvalidateVmap];

    /// Whether the step has nothing left to do once `last` was done, the last step before it that
    /// did anything.
    ///
    /// `drops` says whether `flush_kernel_vmap_range()` drops the lines too. With another step in
    /// between, lines may have been filled with what that one has changed in memory.
    pub fn is_done_by(self, last: Option<Op>, drops: bool) -> bool {
        drops && self == Op::InvalidateVmap && last == Some(Op::WriteBackVmap)
    }
}

/// The steps for one event: a set, as their order is always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// A bit for each, in the order of [`Op::ALL`].
    steps: u32,
}

impl Plan {
    /// Steps in the longest plan.
    pub const MAX: usize = Op::ALL.len();

    const fn new() -> Plan {
        Plan { steps: 0 }
    }

    /// The bits of `ops`.
    #[inline(always)]
    const fn bits(ops: &[Op]) -> u32 {
        let mut bits = 0;
        let mut index = 0;

        while index < ops.len() {
            bits |= 1 << ops[index] as u32;
            index += 1;
        }
        bits
    }

    /// Adds `ops` if `condition` holds. They come after all that is there, in the order of
    /// [`Op::ALL`].
    #[inline(always)]
    const fn then_if(self, condition: bool, ops: &[Op]) -> Plan {
        if condition {
            self.then_bits(Plan::bits(ops))
        } else {
            self
        }
    }

    /// Adds the steps of another plan.
    #[inline(always)]
    const fn then(self, other: Plan) -> Plan {
        self.then_bits(other.steps)
    }

    #[inline(always)]
    const fn then_bits(mut self, bits: u32) -> Plan {
        debug_assert!(
            bits == 0 || self.steps >> bits.trailing_zeros() == 0,
            "a step is out of order"
        );
        self.steps |= bits;
        self
    }

    /// Takes `ops` out, for which there is nothing to do.
    #[inline(always)]
    pub const fn without(mut self, ops: &[Op]) -> Plan {
        self.steps &= !Plan::bits(ops);
        self
    }

    /// Whether there is nothing to do.
    #[inline(always)]
    pub const fn is_empty(self) -> bool {
        self.steps == 0
    }

    /// Whether `op` is one of the steps.
    #[inline(always)]
    pub const fn has(self, op: Op) -> bool {
        self.steps & Plan::bits(&[op]) != 0
    }

    /// The steps, in order.
    #[inline(always)]
    pub fn ops(self) -> impl Iterator<Item = Op> {
        let mut left = self.steps;

        core::iter::from_fn(move || {
            // CAST: At most 32; without a step there is none.
            let op = *Op::ALL.get(left.trailing_zeros() as usize)?;

            left &= left - 1;
            Some(op)
        })
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
    /// Accesses that are open.
    open: usize,
    /// Whether the CPU may write in one of those. Not how many: user space need not close an access
    /// in the direction in which it has opened it.
    writer: bool,
    /// Whether no line of a user mapping can be dirty or older than the memory.
    user_current: bool,
    /// The same for the vmap.
    vmap_current: bool,
}

impl Ownership {
    /// A buffer that nothing is mapped of and nobody accesses.
    pub const fn new() -> Ownership {
        Ownership {
            read: 0,
            written: 0,
            was_written: false,
            open: 0,
            writer: false,
            user_current: false,
            vmap_current: false,
        }
    }

    /// Whose turn it is.
    pub const fn owner(&self) -> Owner {
        if self.open > 0 || !self.is_mapped() {
            Owner::Cpu
        } else {
            Owner::Device
        }
    }

    const fn is_mapped(&self) -> bool {
        self.read + self.written > 0
    }

    /// Whether aliases stay as they are until the next event: devices only read, as does the CPU.
    const fn only_reads(&self) -> bool {
        self.read > 0 && self.written == 0 && !self.writer
    }

    /// The state after `event`, and what has to be done for it.
    ///
    /// Callers know the kind of event: inlined, most of this goes.
    #[inline(always)]
    pub fn next(self, event: Event) -> (Ownership, Plan) {
        match event {
            Event::Map(dir) => self.map(dir),
            Event::Unmap(dir) => self.unmap(dir),
            Event::Begin(dir) => self.begin(dir),
            Event::End(dir) => self.end(dir),
        }
    }

    /// What has to happen to the direct map so that a device may write, or can have written.
    ///
    /// The lines of an access that is open must be gone, since not every architecture drops them
    /// when the buffer is taken from the device, and must not be dirty, since others do drop them.
    const fn clean(&self, written: bool) -> Plan {
        let may_be_filled = written && self.open > 0;

        Plan::new()
            .then_if(may_be_filled && self.writer, &[Op::WriteBackDirectMap])
            .then_if(may_be_filled, &[Op::SyncForDeviceUnwritten])
    }

    #[inline(always)]
    fn map(mut self, dir: Direction) -> (Ownership, Plan) {
        use Op::*;

        // While nothing is mapped, the CPU may write without opening an access. While something is,
        // the aliases are clean, or will be written back when the access that is open ends.
        let first = !self.is_mapped();

        if dir.device_writes() {
            self.written += 1;
            self.was_written = true;
        } else {
            self.read += 1;
        }
        // One alias may have been written back after another one was filled: only user mappings are
        // dropped here.
        self.user_current = self.only_reads() && (first || self.user_current);
        self.vmap_current &= self.only_reads();

        let plan = Plan::new()
            .then_if(first, &[WriteBackVmap, FlushUser])
            .then_if(true, &[Map]);
        (self, plan)
    }

    #[inline(always)]
    fn unmap(mut self, dir: Direction) -> (Ownership, Plan) {
        use Op::*;

        let count = if dir.device_writes() {
            &mut self.written
        } else {
            &mut self.read
        };
        *count = count.saturating_sub(1);

        // With nothing mapped, the CPU may read without opening an access, and write.
        let last = !self.is_mapped();
        let stale = last && self.was_written;
        if last {
            self.was_written = false;
            self.user_current = false;
            self.vmap_current = false;
        }

        let plan = Plan::new()
            .then_if(self.writer && stale, &[WriteBackVmap])
            .then(self.clean(dir.device_writes()))
            .then_if(true, &[Unmap])
            .then_if(stale, &[FlushUser, InvalidateVmap]);
        (self, plan)
    }

    #[inline(always)]
    fn begin(mut self, dir: Direction) -> (Ownership, Plan) {
        use Op::*;

        // An alias may hold what another one shall read. Write back before anything is dropped, so
        // that what is dropped can't come back old.
        let dirty = self.writer || !self.is_mapped();
        let written = self.written > 0;

        let plan = Plan::new()
            .then_if(dirty, &[WriteBackVmap])
            .then(self.clean(written))
            .then_if(written, &[SyncForCpu])
            .then_if(!self.user_current, &[FlushUser])
            .then_if(!self.vmap_current, &[InvalidateVmap]);

        self.open = self.open.saturating_add(1);
        self.writer |= dir.cpu_writes();
        self.user_current = self.only_reads();
        self.vmap_current = self.only_reads();
        (self, plan)
    }

    #[inline(always)]
    fn end(mut self, dir: Direction) -> (Ownership, Plan) {
        use Op::*;

        let plan = if dir.cpu_writes() {
            Plan::new()
                .then_if(true, &[WriteBackVmap, FlushUser])
                .then_if(self.is_mapped(), &[SyncForDevice])
        } else {
            // Lines that the CPU has only read have to go as well where a device may write. While
            // somebody else has an access open, it may not, or whoever takes the buffer sees to it.
            self.clean(self.open == 1 && self.written > 0)
        };

        self.open = self.open.saturating_sub(1);
        self.writer &= self.open > 0;
        if dir.cpu_writes() {
            // The vmap may have been filled before the user mappings were written back.
            self.user_current = self.only_reads();
            self.vmap_current = false;
        }
        (self, plan)
    }
}
