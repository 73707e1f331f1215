// SPDX-License-Identifier: GPL-2.0

//! Pages that are mapped for a device, and can be taken from it.

use crate::{
    bindings,
    device::Device,
    dma::DataDirection,
    error::to_result,
    new_mutex,
    page::{
        Chunks,
        Pages, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        Mutex, //
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
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It can, but nobody has been told the addresses.
    Mapped,
    /// It can, and somebody was told the addresses.
    Claimed,
    /// It can't, or not any longer.
    Unmapped,
}

/// Each device has a mapping of its own of the same pages, and what is shared is synced by who
/// shares it. Without this, `CONFIG_DMA_API_DEBUG` takes the second mapping for a mistake.
const ATTRS: usize = bindings::DMA_ATTR_DEBUGGING_IGNORE_CACHELINES as usize;

/// Pages that are mapped for a device, and belong to it unless they are taken from it by
/// [`MappedPages::sync_for_cpu`].
///
/// # Invariants
///
/// Unless `state` is [`State::Unmapped`], `table` is mapped for `device` in direction `dir`.
#[pin_data(PinnedDrop)]
#[repr(C)]
pub struct MappedPages {
    // Stays first, so that a pointer to it is one to the whole, see `from_raw`.
    table: Table,
    device: ARef<Device>,
    dir: DataDirection,
    #[pin]
    state: Mutex<State>,
}

// SAFETY: Tables and DMA mappings are bound to no thread.
unsafe impl Send for MappedPages {}

// SAFETY: What changes is protected by the mutex.
unsafe impl Sync for MappedPages {}

impl MappedPages {
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
        let mapped = Self::unmapped(device, chunks, dir)?;

        // SAFETY: By the safety requirements, and those of this device and direction are above.
        unsafe { Self::map(mapped, device, dir) }
    }

    /// Maps the pages of an earlier mapping for a device, in the memory that this one took, if
    /// nobody else has a reference to it. Takes them from the earlier device first.
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
        let chunks = spare.table.chunks.clone();

        spare.unmap();
        let mapped = match Arc::into_unique_or_drop(spare) {
            Some(mut unique) => {
                // SAFETY: What is pinned, the mutex, is not moved.
                let this = unsafe { unique.as_mut().get_unchecked_mut() };

                this.device = device.into();
                this.dir = dir;
                unique.into()
            }
            None => Self::unmapped(device, chunks, dir)?,
        };

        // SAFETY: By the safety requirements, and those of this device and direction are above.
        unsafe { Self::map(mapped, device, dir) }
    }

    /// Allocates what a mapping takes.
    fn unmapped(device: &Device, chunks: Arc<Chunks>, dir: DataDirection) -> Result<Arc<Self>> {
        if dir == DataDirection::None {
            return Err(EINVAL);
        }

        Arc::pin_init(
            pin_init!(Self {
                table: Table::new(chunks)?,
                device: device.into(),
                dir,
                // INVARIANT: There is nothing to hold yet.
                state <- new_mutex!(State::Unmapped),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Maps what is not mapped yet.
    ///
    /// # Safety
    ///
    /// As [`MappedPages::new`], for the device and the direction of `mapped`, which are these.
    unsafe fn map(mapped: Arc<Self>, device: &Device, dir: DataDirection) -> Result<Arc<Self>> {
        // SAFETY: Memory can be mapped for the device, as the caller has promised, and the table is
        // valid.
        to_result(unsafe {
            bindings::dma_map_sgtable(device.as_raw(), mapped.as_raw(), dir.into(), ATTRS)
        })?;

        // INVARIANT: Mapped above.
        *mapped.state.lock() = State::Mapped;
        Ok(mapped)
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
        let mut state = self.state.lock();

        if *state != State::Mapped {
            return Err(EBUSY);
        }
        *state = State::Claimed;
        Ok(())
    }

    /// Makes what the device wrote visible to the CPU, through the direct map.
    ///
    /// This may drop cache lines that are dirty. Does nothing if the pages aren't mapped any more.
    pub fn sync_for_cpu(&self) {
        let state = self.state.lock();

        if *state != State::Unmapped {
            // SAFETY: By the type invariant, the table is mapped, and stays so while the state is
            // locked.
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
    pub fn sync_for_device(&self) {
        let state = self.state.lock();

        if *state != State::Unmapped {
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
    pub fn sync_for_device_unwritten(&self) {
        let state = self.state.lock();

        if *state != State::Unmapped && self.dir != DataDirection::ToDevice {
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
    pub fn write_back(&self) -> Result {
        let state = self.state.lock();

        if *state != State::Unmapped {
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
        let mut state = self.state.lock();

        if *state != State::Unmapped {
            *state = State::Unmapped;
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
        }
    }
}

#[pinned_drop]
impl PinnedDrop for MappedPages {
    fn drop(self: Pin<&mut Self>) {
        self.unmap();
    }
}
