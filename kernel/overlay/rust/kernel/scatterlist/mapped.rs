// SPDX-License-Identifier: GPL-2.0

//! Pages that are mapped for a device, and can be taken from it.

use crate::{
    bindings,
    device::Device,
    dma::DataDirection,
    error::to_result,
    page::{
        Chunks,
        Pages, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    types::Opaque,
};

/// A `struct sg_table` with one entry for each of some [`Chunks`], not mapped for any device.
///
/// # Invariants
///
/// The table is allocated, and its entries are set to the chunks in `chunks`.
#[repr(C)]
struct Table {
    inner: Opaque<bindings::sg_table>,
    // Dropped after the table.
    chunks: Arc<Chunks>,
}

impl Table {
    fn new(chunks: Arc<Chunks>) -> Result<Self> {
        if chunks.count() == 0 {
            return Err(EINVAL);
        }
        let inner = Opaque::zeroed();

        // SAFETY: The pointer is valid for writing, and there is at least one entry.
        to_result(unsafe {
            bindings::sg_alloc_table(inner.get(), chunks.count().try_into()?, GFP_KERNEL.as_raw())
        })?;

        // SAFETY: The table was initialized above.
        let mut entry = unsafe { (*inner.get()).sgl };

        for chunk in chunks.iter() {
            // CAST: The page allocator's largest allocation is way below 4 GiB.
            let len = chunk.len() as u32;

            // SAFETY: The table has as many entries as there are chunks, so this one is valid.
            unsafe { bindings::sg_set_page(entry, chunk.as_ptr(), len, 0) };

            // SAFETY: As above. After the last entry this returns NULL, which isn't used.
            entry = unsafe { bindings::sg_next(entry) };
        }

        // INVARIANT: Allocated and set above.
        Ok(Self { inner, chunks })
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the table is allocated.
        unsafe { bindings::sg_free_table(self.inner.get()) };
    }
}

/// Whether a device can reach the pages.
mod state {
    /// It can't, or not any longer.
    pub(super) const UNMAPPED: u32 = 0;
    /// Somebody is mapping or unmapping them.
    pub(super) const CHANGING: u32 = 1;
    /// It can, but nobody has been told the addresses.
    pub(super) const MAPPED: u32 = 2;
    /// It can, and somebody was told the addresses.
    pub(super) const CLAIMED: u32 = 3;
}

/// Each device has a mapping of its own of the same pages, and what is shared is synced by who
/// shares it. Without this, `CONFIG_DMA_API_DEBUG` takes the second mapping for a mistake.
const ATTRS: usize = bindings::DMA_ATTR_DEBUGGING_IGNORE_CACHELINES as usize;

/// Pages that are mapped for a device, and belong to it unless they are taken from it by
/// [`MappedPages::sync_for_cpu`].
///
/// # Invariants
///
/// If `state` is `MAPPED` or `CLAIMED`, `table` is mapped for `device` in direction `dir`. If it is
/// `CHANGING`, who has set it has `table` for itself.
#[repr(C)]
pub struct MappedPages {
    // Stays first, so that a pointer to it is one to the whole, see `from_raw`.
    table: Table,
    device: ARef<Device>,
    dir: DataDirection,
    state: Atomic<u32>,
}

// SAFETY: Tables and DMA mappings are bound to no thread.
unsafe impl Send for MappedPages {}

// SAFETY: What changes is protected by the state, or is up to who calls unsafe methods.
unsafe impl Sync for MappedPages {}

impl MappedPages {
    /// Whether [`MappedPages::sync_for_cpu`] and [`MappedPages::unmap`] drop all lines of the
    /// direct map, so that clean ones may stay when a device gets the pages.
    ///
    /// - arm: since ARMv6, see `v6_dma_unmap_area()` and `v7_dma_unmap_area()`, since a CPU may
    ///   fill lines while the device has the pages; before, they do nothing;
    /// - parisc: see `arch_sync_dma_for_cpu()`.
    pub const SYNC_FOR_CPU_DROPS: bool = cfg!(any(
        CONFIG_CPU_32v6,
        CONFIG_CPU_32v6K,
        CONFIG_CPU_32v7,
        CONFIG_PARISC
    ));

    /// Maps all of `chunks` for a device.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are no pages or no direction, `ENOMEM`, or what `dma_map_sgtable()`
    /// returns.
    ///
    /// # Safety
    ///
    /// Until [`MappedPages::unmap`] is called or the last reference is dropped, memory must stay
    /// mappable for `device`: if it has a driver, it must stay bound.
    pub unsafe fn new(
        device: &Device,
        chunks: Arc<Chunks>,
        dir: DataDirection,
    ) -> Result<Arc<Self>> {
        let mapped = Self::changing(device, chunks, dir)?;

        // SAFETY: By the safety requirements, and those of this device and direction are above.
        unsafe { Self::map(mapped, device, dir) }
    }

    /// Maps the pages of an earlier mapping for a device. If that is the same device and direction,
    /// or nobody else has a reference to the earlier one, this takes no memory. Takes the pages
    /// from the earlier device first.
    ///
    /// # Errors
    ///
    /// As [`MappedPages::new`].
    ///
    /// # Safety
    ///
    /// As [`MappedPages::new`].
    pub unsafe fn again(
        spare: Arc<Self>,
        device: &Device,
        dir: DataDirection,
    ) -> Result<Arc<Self>> {
        if dir == DataDirection::None {
            return Err(EINVAL);
        }
        if core::ptr::eq(spare.device.as_raw(), device.as_raw()) && spare.dir == dir {
            // For who maps and unmaps in turn, nothing else changes.
            if spare.change(state::UNMAPPED) {
                // SAFETY: By the safety requirements, for the same device and direction.
                return unsafe { Self::map(spare, device, dir) };
            }
        }
        let chunks = spare.table.chunks.clone();

        spare.unmap();
        let mapped = match Arc::into_unique_or_drop(spare) {
            Some(mut unique) => {
                // SAFETY: Nothing is moved.
                let this = unsafe { unique.as_mut().get_unchecked_mut() };

                this.device = device.into();
                this.dir = dir;
                *this.state.get_mut() = state::CHANGING;
                unique.into()
            }
            None => Self::changing(device, chunks, dir)?,
        };

        // SAFETY: By the safety requirements, and those of this device and direction are above.
        unsafe { Self::map(mapped, device, dir) }
    }

    /// Allocates what a mapping takes, to be mapped.
    fn changing(device: &Device, chunks: Arc<Chunks>, dir: DataDirection) -> Result<Arc<Self>> {
        if dir == DataDirection::None {
            return Err(EINVAL);
        }

        let mapped = Self {
            table: Table::new(chunks)?,
            device: device.into(),
            dir,
            // INVARIANT: Nobody else has it.
            state: Atomic::new(state::CHANGING),
        };

        Ok(Arc::new(mapped, GFP_KERNEL)?)
    }

    /// Takes the table for whoever changes the state, if that is `from`.
    #[inline]
    fn change(&self, from: u32) -> bool {
        self.state.cmpxchg(from, state::CHANGING, Acquire).is_ok()
    }

    /// Whether the table is mapped.
    #[inline]
    fn is_mapped(&self) -> bool {
        self.state.load(Relaxed) >= state::MAPPED
    }

    /// Maps what the caller is changing, and is not mapped.
    ///
    /// # Safety
    ///
    /// As [`MappedPages::new`], for the device and the direction of `mapped`, which are these.
    unsafe fn map(mapped: Arc<Self>, device: &Device, dir: DataDirection) -> Result<Arc<Self>> {
        // SAFETY: Memory can be mapped for the device, as the caller has promised, and the table is
        // valid.
        let result = to_result(unsafe {
            bindings::dma_map_sgtable(device.as_raw(), mapped.as_raw(), dir.into(), ATTRS)
        });

        // INVARIANT: Mapped above, or not.
        let state = if result.is_ok() {
            state::MAPPED
        } else {
            state::UNMAPPED
        };
        mapped.state.store(state, Release);
        result.map(|()| mapped)
    }

    /// Returns the table. A pointer to it is also one to `self`.
    #[inline]
    pub fn as_raw(&self) -> *mut bindings::sg_table {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// The device that the pages are mapped for.
    #[inline]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The direction of the mapping.
    #[inline]
    pub fn direction(&self) -> DataDirection {
        self.dir
    }

    /// Claims the addresses for one user. Fails if they have one, or had.
    pub(crate) fn claim(&self) -> Result {
        let claimed = self.state.cmpxchg(state::MAPPED, state::CLAIMED, Relaxed);

        claimed.map_or(Err(EBUSY), |_| Ok(()))
    }

    /// Makes what the device wrote visible to the CPU, through the direct map.
    ///
    /// This may drop cache lines that are dirty. Does nothing if the pages aren't mapped any more.
    ///
    /// # Safety
    ///
    /// Nobody may unmap them until this returns, nor map them again.
    pub unsafe fn sync_for_cpu(&self) {
        if self.is_mapped() {
            // SAFETY: By the type invariant, the table is mapped, and by the safety requirements it
            // stays so.
            unsafe {
                bindings::dma_sync_sgtable_for_cpu(
                    self.device.as_raw(),
                    self.as_raw(),
                    self.dir.into(),
                )
            };
        }
    }

    /// Makes what the CPU wrote through the direct map visible to the device.
    ///
    /// Does nothing if the pages aren't mapped any more.
    ///
    /// # Safety
    ///
    /// Nobody may unmap them until this returns, nor map them again.
    pub unsafe fn sync_for_device(&self) {
        if self.is_mapped() {
            // SAFETY: As in `sync_for_cpu`.
            unsafe {
                bindings::dma_sync_sgtable_for_device(
                    self.device.as_raw(),
                    self.as_raw(),
                    self.dir.into(),
                )
            };
        }
    }

    /// The same, after the CPU has only read: no line of the direct map may be dirty, and may be
    /// dropped if it is.
    ///
    /// What the device has written to a bounce buffer stays there. Does nothing if the device only
    /// reads.
    ///
    /// # Safety
    ///
    /// Nobody may unmap them until this returns, nor map them again.
    pub unsafe fn sync_for_device_unwritten(&self) {
        if self.is_mapped() && self.dir != DataDirection::ToDevice {
            // SAFETY: As in `sync_for_cpu`. A mapping that goes both ways can be synced for either.
            unsafe {
                bindings::dma_sync_sgtable_for_device(
                    self.device.as_raw(),
                    self.as_raw(),
                    DataDirection::FromDevice.into(),
                )
            };
        }
    }

    /// Writes dirty lines of the direct map back, and leaves what the device has written to a
    /// bounce buffer there.
    ///
    /// There is no call of the DMA API for that. So the pages are mapped once more, to the device,
    /// and unmapped: chunk by chunk, which takes no memory. Does nothing if the pages aren't mapped
    /// any more.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if a chunk can't be mapped once more, for want of bounce buffers or of addresses.
    /// Some chunks have been written back then.
    ///
    /// # Safety
    ///
    /// Nobody may unmap them until this returns, nor map them again.
    pub unsafe fn write_back(&self) -> Result {
        if self.is_mapped() {
            self.table
                .chunks
                .iter()
                .try_for_each(|chunk| self.write_chunk_back(chunk))?;
        }
        Ok(())
    }

    fn write_chunk_back(&self, chunk: &Pages) -> Result {
        let (device, dir) = (self.device.as_raw(), DataDirection::ToDevice.into());

        // SAFETY: Memory can be mapped for the device, as the pages of the table are, and the chunk
        // has this length.
        let addr = unsafe {
            bindings::dma_map_page_attrs(device, chunk.as_ptr(), 0, chunk.len(), dir, ATTRS)
        };

        // SAFETY: This is what the device's mapping was answered with.
        if unsafe { bindings::dma_mapping_error(device, addr) } != 0 {
            return Err(ENOMEM);
        }

        // SAFETY: Mapped above, like this.
        unsafe { bindings::dma_unmap_page_attrs(device, addr, chunk.len(), dir, ATTRS) };
        Ok(())
    }

    /// Takes the pages from the device for good. Does nothing if that was done before.
    pub fn unmap(&self) {
        let was = self.state.load(Relaxed);

        if was >= state::MAPPED && self.change(was) {
            // SAFETY: By the type invariant, the table was mapped, for this device and in this
            // direction. The state says by now that it isn't any longer.
            unsafe {
                bindings::dma_unmap_sgtable(
                    self.device.as_raw(),
                    self.as_raw(),
                    self.dir.into(),
                    ATTRS,
                )
            };
            self.state.store(state::UNMAPPED, Release);
        }
    }
}

impl Drop for MappedPages {
    fn drop(&mut self) {
        self.unmap();
    }
}
