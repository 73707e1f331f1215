// SPDX-License-Identifier: GPL-2.0

//! The importer's side of buffers.

use super::DmaBuf;
use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    devres::Devres,
    dma::DataDirection,
    error::{
        from_err_ptr,
        to_result, //
    },
    new_mutex,
    prelude::*,
    scatterlist::SGTable,
    sync::{
        aref::ARef,
        Mutex, //
    }, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};

/// One importer's use of a buffer.
///
/// At any time a buffer belongs either to devices or to the CPU. Within one importer the borrow
/// checker sees to it that both keep to their turn: [`Importer::device_access`], which a device
/// transfer needs, borrows the importer, and so does [`Importer::begin_cpu_access`], mutably,
/// without which the memory can't be read or written.
///
/// That other importers, or user space, keep to theirs is what fences are for.
///
/// # Examples
///
/// ```
/// use kernel::{
///     device::{Bound, Device},
///     dma::DataDirection,
///     dma_buf::Importer,
///     prelude::*,
/// };
///
/// /// Has a device fill the buffer and returns its first byte.
/// fn first_byte(
///     importer: &mut Importer,
///     dev: &Device<Bound>,
///     fill: impl FnOnce(u64, u64),
/// ) -> Result<u8> {
///     let attachment = importer.attach(dev)?;
///     let mapping = attachment.map(DataDirection::FromDevice)?;
///     let vmap = importer.vmap()?;
///
///     let access = importer.device_access(&mapping)?;
///     for entry in access.sg_table().iter() {
///         fill(entry.dma_address().into(), entry.dma_len().into());
///         break;
///     }
///
///     let mut byte = [0];
///     let access = importer.begin_cpu_access(DataDirection::FromDevice)?;
///     access.read(&vmap, 0, &mut byte)?;
///     access.end()?;
///     Ok(byte[0])
/// }
/// ```
pub struct Importer {
    buf: ARef<DmaBuf>,
}

impl Importer {
    /// Makes use of a buffer.
    pub fn new(buf: ARef<DmaBuf>) -> Self {
        Self { buf }
    }

    /// The buffer.
    pub fn dma_buf(&self) -> &DmaBuf {
        &self.buf
    }

    /// Attaches a device to the buffer.
    ///
    /// When the device is unbound from its driver, it is detached at the latest.
    ///
    /// C equivalent: `dma_buf_attach()`.
    pub fn attach<'dev>(&self, device: &'dev Device<Bound>) -> Result<Attachment<'dev>> {
        let attached = Devres::new(
            device,
            try_pin_init!(Attached {
                raw: {
                    // SAFETY: The buffer and the device are valid.
                    let raw = from_err_ptr(unsafe {
                        bindings::dma_buf_attach(self.buf.as_raw(), device.as_raw())
                    })?;

                    // INVARIANT: This is a new attachment of the buffer below, and not mapped.
                    // SAFETY: It isn't an error, and `dma_buf_attach()` doesn't return null.
                    unsafe { NonNull::new_unchecked(raw) }
                },
                buf: self.buf.clone(),
                mapped <- new_mutex!(None),
            }? Error),
        )?;

        Ok(Attachment { attached, device })
    }

    /// Maps the buffer into the kernel's address space. `dma_buf_vmap_unlocked()`
    ///
    /// # Errors
    ///
    /// `EINVAL` if the exporter has no such thing, `ENOTSUPP` if what it has isn't memory, or what
    /// the exporter fails with.
    pub fn vmap(&self) -> Result<VMap> {
        let mut map = bindings::iosys_map::default();

        // SAFETY: The buffer is valid, and `map` is valid for writing.
        to_result(unsafe { bindings::dma_buf_vmap_unlocked(self.buf.as_raw(), &mut map) })?;

        // INVARIANT: Mapped above.
        let vmap = VMap {
            map,
            buf: self.buf.clone(),
        };
        if vmap.map.is_iomem {
            return Err(ENOTSUPP);
        }
        Ok(vmap)
    }

    /// Takes the buffer for the CPU. `dma_buf_begin_cpu_access()`
    ///
    /// This waits for the transfers that the buffer's fences stand for. With
    /// [`DataDirection::FromDevice`] the CPU can only read. Otherwise it can write too, and can
    /// read what it wrote; if it sees what a device wrote with [`DataDirection::ToDevice`] is up to
    /// the exporter.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no direction, `ERESTARTSYS` if a signal ends the wait, or what the
    /// exporter fails with.
    pub fn begin_cpu_access(&mut self, dir: DataDirection) -> Result<CpuAccess<'_>> {
        if dir == DataDirection::None {
            return Err(EINVAL);
        }

        // SAFETY: The buffer is valid.
        to_result(unsafe { bindings::dma_buf_begin_cpu_access(self.buf.as_raw(), dir.into()) })?;

        Ok(CpuAccess {
            buf: &self.buf,
            dir,
        })
    }

    /// Lends the addresses for a device transfer.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the mapping is one of another buffer.
    pub fn device_access<'a>(&'a self, mapping: &'a Mapping<'_>) -> Result<DeviceAccess<'a>> {
        if !core::ptr::eq(self.buf.as_raw(), mapping.attached.buf.as_raw()) {
            return Err(EINVAL);
        }

        Ok(DeviceAccess {
            // SAFETY: The table is valid for as long as the mapping, and isn't changed until then.
            table: unsafe { SGTable::from_raw(mapping.as_raw()) },
        })
    }
}

/// What a device has of a buffer that it is attached to.
///
/// # Invariants
///
/// `raw` is attached to `buf`, and is mapped once if `mapped` says so: then this is the table, and
/// the direction.
#[pin_data(PinnedDrop)]
struct Attached {
    raw: NonNull<bindings::dma_buf_attachment>,
    buf: ARef<DmaBuf>,
    #[pin]
    mapped: Mutex<Option<(NonNull<bindings::sg_table>, DataDirection)>>,
}

// SAFETY: Attachments and tables are bound to no thread.
unsafe impl Send for Attached {}

// SAFETY: What changes is protected by the mutex.
unsafe impl Sync for Attached {}

impl Attached {
    fn unmap(&self) {
        if let Some((table, dir)) = self.mapped.lock().take() {
            // SAFETY: By the type invariant, the table is what mapping the attachment in this
            // direction returned, and the attachment isn't detached yet.
            unsafe {
                bindings::dma_buf_unmap_attachment_unlocked(
                    self.raw.as_ptr(),
                    table.as_ptr(),
                    dir.into(),
                )
            };
        }
    }
}

#[pinned_drop]
impl PinnedDrop for Attached {
    fn drop(self: Pin<&mut Self>) {
        // Whoever had it mapped may have leaked the mapping.
        self.unmap();

        // SAFETY: By the type invariant, this is attached to the buffer. It is not mapped any more.
        unsafe { bindings::dma_buf_detach(self.buf.as_raw(), self.raw.as_ptr()) };
    }
}

/// A device that is attached to a buffer, `struct dma_buf_attachment`.
///
/// The device is detached when this is dropped. If that never happens, it is detached when it is
/// unbound from its driver.
pub struct Attachment<'dev> {
    attached: Devres<Attached>,
    device: &'dev Device<Bound>,
}

// SAFETY: Attachments are bound to no thread.
unsafe impl Send for Attachment<'_> {}

// SAFETY: What can be done through a shared reference is locked.
unsafe impl Sync for Attachment<'_> {}

impl Attachment<'_> {
    /// Maps the buffer for the device.
    ///
    /// C equivalent: `dma_buf_map_attachment_unlocked()`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no direction, `EBUSY` if there is a mapping: many exporters have one
    /// table for each attachment, which a second mapping would change. Otherwise what the exporter
    /// fails with.
    pub fn map(&self, dir: DataDirection) -> Result<Mapping<'_>> {
        if dir == DataDirection::None {
            return Err(EINVAL);
        }
        let attached = self.attached.access(self.device)?;
        let mut mapped = attached.mapped.lock();

        if mapped.is_some() {
            return Err(EBUSY);
        }

        // SAFETY: By the type invariant, the attachment is valid.
        let table = from_err_ptr(unsafe {
            bindings::dma_buf_map_attachment_unlocked(attached.raw.as_ptr(), dir.into())
        })?;

        // SAFETY: It isn't an error, and null is one to `dma_buf_map_attachment()`.
        let table = unsafe { NonNull::new_unchecked(table) };

        // INVARIANT: Mapped above.
        *mapped = Some((table, dir));
        Ok(Mapping {
            table,
            attached,
            dir,
        })
    }
}

/// A buffer that a device can reach.
///
/// It is unmapped when this is dropped. If that never happens, it is unmapped when the device is
/// detached.
///
/// # Invariants
///
/// `table` is what mapping `attached` in direction `dir` returned, and stays so.
pub struct Mapping<'a> {
    table: NonNull<bindings::sg_table>,
    attached: &'a Attached,
    dir: DataDirection,
}

// SAFETY: Mappings are bound to no thread.
unsafe impl Send for Mapping<'_> {}

// SAFETY: Nothing is changed through a shared reference.
unsafe impl Sync for Mapping<'_> {}

impl Mapping<'_> {
    /// Returns what the device may do.
    pub fn direction(&self) -> DataDirection {
        self.dir
    }

    /// Returns a raw pointer to the table.
    #[inline]
    pub fn as_raw(&self) -> *mut bindings::sg_table {
        self.table.as_ptr()
    }
}

impl Drop for Mapping<'_> {
    fn drop(&mut self) {
        self.attached.unmap();
    }
}

/// Shows that it is the devices' turn, and where the buffer is for one of them.
///
/// A transfer has to be over when this is dropped.
pub struct DeviceAccess<'a> {
    table: &'a SGTable,
}

impl<'a> DeviceAccess<'a> {
    /// The table with the addresses.
    pub fn sg_table(&self) -> &'a SGTable {
        self.table
    }
}

/// A mapping of a buffer into the kernel's address space.
///
/// What it maps can be read and written through a [`CpuAccess`].
///
/// # Invariants
///
/// `map` is a mapping of `buf`. Unless it `is_iomem`, it is one of memory, of the buffer's size.
pub struct VMap {
    map: bindings::iosys_map,
    buf: ARef<DmaBuf>,
}

// SAFETY: Mappings are bound to no thread.
unsafe impl Send for VMap {}

// SAFETY: Nothing but the address can be had through a shared reference.
unsafe impl Sync for VMap {}

impl VMap {
    /// The size in bytes.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "there are no empty buffers")]
    pub fn len(&self) -> usize {
        self.buf.size()
    }

    /// Returns the start of the mapping.
    ///
    /// To use it is to take care of everything that a [`CpuAccess`] does.
    #[inline]
    pub fn as_ptr(&self) -> *mut u8 {
        // SAFETY: Both members of the union are pointers.
        unsafe { self.map.__bindgen_anon_1.vaddr }.cast()
    }

    /// Checks that this is a mapping of `buf` that has `len` bytes from `offset` on, and returns
    /// where these start.
    fn range(&self, buf: &DmaBuf, offset: usize, len: usize) -> Result<*mut u8> {
        let end = offset.checked_add(len).ok_or(EINVAL)?;

        if end > self.len() || !core::ptr::eq(self.buf.as_raw(), buf.as_raw()) {
            return Err(EINVAL);
        }

        // SAFETY: The offset is at most the size of the mapping.
        Ok(unsafe { self.as_ptr().add(offset) })
    }
}

impl Drop for VMap {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::dma_buf_vunmap_unlocked(self.buf.as_raw(), &mut self.map) };
    }
}

/// Shows that it is the CPU's turn.
///
/// The memory is copied, not lent: a Rust reference to memory that others may change would be
/// unsound. A copy may see what others write meanwhile in any order, or halfway.
///
/// When this is dropped, the turn is over; [`CpuAccess::end`] can say that this failed.
pub struct CpuAccess<'a> {
    buf: &'a DmaBuf,
    dir: DataDirection,
}

impl CpuAccess<'_> {
    /// Copies from the buffer.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the range is not within the buffer, or `vmap` is of another one.
    pub fn read(&self, vmap: &VMap, offset: usize, dst: &mut [u8]) -> Result {
        let src = vmap.range(self.buf, offset, dst.len())?;

        // SAFETY: The range has been checked. The C function doesn't mind if somebody else writes.
        unsafe { bindings::memcpy(dst.as_mut_ptr().cast(), src.cast(), dst.len()) };
        Ok(())
    }

    /// Copies into the buffer.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the range is not within the buffer, or `vmap` is of another one; `EPERM` if this
    /// is an access to read only.
    pub fn write(&mut self, vmap: &VMap, offset: usize, src: &[u8]) -> Result {
        let dst = self.range_to_write(vmap, offset, src.len())?;

        // SAFETY: The range has been checked. The C function doesn't mind if somebody else writes.
        unsafe { bindings::memcpy(dst.cast(), src.as_ptr().cast(), src.len()) };
        Ok(())
    }

    /// Sets `len` bytes of the buffer.
    ///
    /// # Errors
    ///
    /// As [`CpuAccess::write`].
    pub fn fill(&mut self, vmap: &VMap, offset: usize, len: usize, byte: u8) -> Result {
        let dst = self.range_to_write(vmap, offset, len)?;

        // SAFETY: The range has been checked. The C function doesn't mind if somebody else writes.
        unsafe { bindings::memset(dst.cast(), byte.into(), len) };
        Ok(())
    }

    fn range_to_write(&self, vmap: &VMap, offset: usize, len: usize) -> Result<*mut u8> {
        let dst = vmap.range(self.buf, offset, len)?;
        if self.dir == DataDirection::FromDevice {
            return Err(EPERM);
        }
        Ok(dst)
    }

    /// Gives the buffer back. `dma_buf_end_cpu_access()`
    pub fn end(self) -> Result {
        ManuallyDrop::new(self).do_end()
    }

    fn do_end(&mut self) -> Result {
        // SAFETY: The buffer is valid, and was taken by `dma_buf_begin_cpu_access()`.
        to_result(unsafe { bindings::dma_buf_end_cpu_access(self.buf.as_raw(), self.dir.into()) })
    }
}

impl Drop for CpuAccess<'_> {
    fn drop(&mut self) {
        // Whoever wants to know calls `end`.
        let _ = self.do_end();
    }
}
