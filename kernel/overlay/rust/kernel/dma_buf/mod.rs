// SPDX-License-Identifier: GPL-2.0

//! Buffers that are shared between devices.
//!
//! C header: [`include/linux/dma-buf.h`](srctree/include/linux/dma-buf.h)
//!
//! A [`DmaBuf`] is a reference-counted buffer. Whoever has the memory *exports* it: see
//! [`Exporter`]. Whoever wants to use it *imports* it: see [`Importer`].

use crate::{
    bindings,
    error::{
        from_err_ptr,
        Result, //
    },
    sync::aref::{
        ARef,
        AlwaysRefCounted, //
    },
    types::Opaque,
};
use core::ptr::NonNull;

mod dma_resv;
mod exporter;
mod importer;

pub use self::dma_resv::DmaResv;
pub use self::exporter::{
    Exporter,
    MapRequest,
    UserArea, //
};
pub use self::importer::{
    Attachment,
    CpuAccess,
    DeviceAccess,
    Importer,
    Mapping,
    VMap, //
};

/// A buffer that can be shared, `struct dma_buf`.
///
/// The last reference is put by `fput()`, which does its work later: a kernel thread that has to
/// know that the memory is free calls `flush_delayed_fput()`.
///
/// # Invariants
///
/// Every instance is an exported `struct dma_buf`, reference-counted by its file.
#[repr(transparent)]
pub struct DmaBuf(Opaque<bindings::dma_buf>);

// SAFETY: References can be put on any thread.
unsafe impl Send for DmaBuf {}

// SAFETY: The methods can be called on any thread; the C side does its own locking.
unsafe impl Sync for DmaBuf {}

// SAFETY: By the type invariant, all instances are reference-counted.
unsafe impl AlwaysRefCounted for DmaBuf {
    fn inc_ref(&self) {
        // SAFETY: The reference that `self` is shows that the count isn't zero.
        unsafe { bindings::get_dma_buf(self.as_raw()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives a reference away.
        unsafe { bindings::dma_buf_put(obj.as_ptr().cast()) };
    }
}

impl DmaBuf {
    /// Gets the buffer that a file descriptor of the current process stands for.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such descriptor, `EINVAL` if it is of something else.
    pub fn from_fd(fd: i32) -> Result<ARef<Self>> {
        // SAFETY: There are no requirements.
        let buf = from_err_ptr(unsafe { bindings::dma_buf_get(fd) })?;

        // SAFETY: `dma_buf_get()` has taken a reference for us.
        Ok(unsafe { Self::from_owned(buf) })
    }

    /// Takes over a reference.
    ///
    /// # Safety
    ///
    /// `buf` must be a valid buffer, and the caller must give one reference away.
    pub(crate) unsafe fn from_owned(buf: *mut bindings::dma_buf) -> ARef<Self> {
        // SAFETY: By the safety requirements, `buf` is valid, hence not null.
        let buf = unsafe { NonNull::new_unchecked(buf.cast()) };

        // SAFETY: By the safety requirements.
        unsafe { ARef::from_raw(buf) }
    }

    /// Borrows a buffer.
    ///
    /// # Safety
    ///
    /// `buf` must be a valid buffer, and stay so for `'a`.
    pub(crate) unsafe fn from_raw<'a>(buf: *mut bindings::dma_buf) -> &'a Self {
        // SAFETY: By the safety requirements; `Self` is a transparent wrapper.
        unsafe { &*buf.cast() }
    }

    /// Returns a raw pointer to the buffer.
    #[inline]
    pub fn as_raw(&self) -> *mut bindings::dma_buf {
        self.0.get()
    }

    /// The size in bytes.
    #[inline]
    pub fn size(&self) -> usize {
        // SAFETY: The size doesn't change once the buffer is exported.
        unsafe { (*self.as_raw()).size }
    }

    /// The fences of the buffer.
    #[inline]
    pub fn resv(&self) -> &DmaResv {
        // SAFETY: The reservation object is set when the buffer is exported, and lives as long.
        unsafe { DmaResv::from_raw((*self.as_raw()).resv) }
    }

    /// Whether the buffer is mapped into the address space of any process.
    #[inline]
    pub fn has_user_mappings(&self) -> bool {
        // SAFETY: The file is set once the buffer is exported, and its mapping is set for all of
        // its life.
        unsafe { bindings::mapping_mapped((*(*self.as_raw()).file).f_mapping) != 0 }
    }

    /// Writes back and drops all that the caches hold of the buffer's user mappings, in all
    /// processes, including those of processes that don't run.
    ///
    /// This is `flush_cache_range()` for the areas that map the buffer's file. It may sleep. Where
    /// the data cache doesn't alias, or nobody maps the buffer, it does nothing, and takes no lock.
    ///
    /// Returns whether there was something to flush.
    ///
    /// An area that is being made while this runs may be missed: its pages are mapped before it can
    /// be found by the file. Whoever made it can't have used it yet.
    pub fn flush_user_mappings(&self) -> bool {
        // SAFETY: The file is set once the buffer is exported, and its mapping is set for all of
        // its life.
        unsafe { bindings::flush_cache_mapping((*(*self.as_raw()).file).f_mapping) }
    }
}
