// SPDX-License-Identifier: GPL-2.0

//! Mappings of pages into the kernel's address space.
//!
//! C headers: [`include/linux/vmalloc.h`](srctree/include/linux/vmalloc.h),
//! [`include/linux/cacheflush.h`](srctree/include/linux/cacheflush.h)

use crate::{
    bindings,
    page::{
        Chunks,
        Pages,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc, //
};
use core::ptr::NonNull;

/// Pages that are mapped one after the other into the kernel's address space.
///
/// This is a second alias of each of them, besides the direct map. Where the data cache aliases,
/// the two are not coherent with each other, nor is this one with devices; see
/// `Documentation/core-api/cachetlb.rst` on `flush_kernel_vmap_range()`.
///
/// Making and dropping a mapping flushes all that it may have in the cache.
///
/// # Invariants
///
/// `addr` is the start of a mapping by `vmap()` of `len` bytes, a multiple of [`PAGE_SIZE`], of the
/// pages in `_pages`.
pub struct Vmap {
    addr: NonNull<c_void>,
    len: usize,
    // Unmapped before they are dropped.
    _pages: Arc<Chunks>,
}

// SAFETY: A mapping is bound to no thread.
unsafe impl Send for Vmap {}

// SAFETY: What can be done through a shared reference needs no synchronization.
unsafe impl Sync for Vmap {}

impl Vmap {
    /// Maps all of `pages`. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are no pages, `ENOMEM` if memory or room for the mapping is short.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     mm::vmap::Vmap,
    ///     page::{Chunks, Pages, PAGE_SIZE},
    ///     prelude::*,
    ///     sync::Arc,
    /// };
    ///
    /// let mut chunks = Chunks::new();
    /// for _ in 0..2 {
    ///     chunks.push(Pages::alloc(0, GFP_KERNEL | __GFP_ZERO)?, GFP_KERNEL)?;
    /// }
    /// let vmap = Vmap::new(Arc::new(chunks, GFP_KERNEL)?)?;
    /// assert_eq!(vmap.len(), 2 * PAGE_SIZE);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new(pages: Arc<Chunks>) -> Result<Self> {
        let count = pages.page_count();
        if count == 0 {
            return Err(EINVAL);
        }

        let mut list = KVVec::with_capacity(count, GFP_KERNEL)?;
        for page in pages.iter().flat_map(Pages::iter) {
            list.push(page.as_ptr(), GFP_KERNEL)?;
        }

        // SAFETY: It is a constant of the architecture, or set when that is initialized.
        let prot = unsafe { bindings::PAGE_KERNEL() };

        // SAFETY: These are `count` valid pages. They stay so until they are unmapped, as `_pages`
        // is dropped after that.
        let addr = unsafe {
            bindings::vmap(
                list.as_mut_ptr(),
                list.len().try_into()?,
                // CAST: A flag.
                bindings::VM_MAP as usize,
                prot,
            )
        };

        // INVARIANT: Mapped above.
        Ok(Self {
            addr: NonNull::new(addr).ok_or(ENOMEM)?,
            len: count * PAGE_SIZE,
            _pages: pages,
        })
    }
}

impl Vmap {
    /// Returns the start of the mapping.
    #[inline]
    pub fn as_ptr(&self) -> *mut c_void {
        self.addr.as_ptr()
    }

    /// The size in bytes, a multiple of [`PAGE_SIZE`].
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "there is always a page")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether [`Vmap::write_back`] drops all lines too, as [`Vmap::invalidate`] does: these have
    /// one operation for both, see `flush_kernel_vmap_range()`.
    pub const WRITE_BACK_DROPS: bool = cfg!(any(CONFIG_ARM, CONFIG_MIPS, CONFIG_PARISC));

    /// Writes what the CPU wrote through this mapping back to memory.
    pub fn write_back(&self) {
        for (addr, len) in self.parts() {
            // SAFETY: By the type invariant, this is mapped.
            unsafe { bindings::flush_kernel_vmap_range(addr, len) };
        }
    }

    /// Drops what the cache holds of this mapping, so that the CPU sees what is in memory.
    ///
    /// Anything that was written through the mapping must have been written back before: if this
    /// drops dirty lines or writes them back is up to the architecture.
    pub fn invalidate(&self) {
        for (addr, len) in self.parts() {
            // SAFETY: By the type invariant, this is mapped.
            unsafe { bindings::invalidate_kernel_vmap_range(addr, len) };
        }
    }

    /// The mapping in parts whose length an `int` can hold.
    fn parts(&self) -> impl Iterator<Item = (*mut c_void, i32)> + '_ {
        const MAX: usize = 1 << 30;

        (0..self.len).step_by(MAX).map(|offset| {
            let len = core::cmp::min(self.len - offset, MAX);
            // CAST: At most 1 GiB.
            (self.addr.as_ptr().wrapping_byte_add(offset), len as i32)
        })
    }
}

impl Drop for Vmap {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, this is a mapping by `vmap()`, and ours.
        unsafe { bindings::vunmap(self.addr.as_ptr()) };
    }
}
