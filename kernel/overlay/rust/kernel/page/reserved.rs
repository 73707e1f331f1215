// SPDX-License-Identifier: GPL-2.0

//! Memory that was reserved at boot, and allocations from it.

use super::{
    PagePool,
    Pages,
    PAGE_SHIFT,
    PAGE_SIZE, //
};
use crate::{
    alloc::AllocError,
    bindings,
    bitmap::BitmapVec,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use core::ptr::NonNull;

/// Memory that the command line reserves: `reserve_mem=SIZE:ALIGN:NAME`.
///
/// # Invariants
///
/// The memory from `first` on, as many pages as `used` has bits, is reserved for ever, and only
/// used through this object. A bit of `used` is set while its page is allocated.
#[pin_data]
pub struct ReservedMem {
    first: NonNull<bindings::page>,
    #[pin]
    used: Mutex<BitmapVec>,
}

// SAFETY: Nothing is bound to a thread.
unsafe impl Send for ReservedMem {}

// SAFETY: What changes is protected by the mutex.
unsafe impl Sync for ReservedMem {}

impl ReservedMem {
    /// Takes the memory that was reserved under `name`, or as many whole pages as there are in it.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is no such memory, or not a page of it; `ENOTSUPP` where consecutive pages
    /// need not have consecutive `struct page`s (`SPARSEMEM` without `SPARSEMEM_VMEMMAP`);
    /// `ENOMEM`.
    ///
    /// # Safety
    ///
    /// Nothing else may use this memory, now or later.
    pub unsafe fn take(name: &CStr) -> Result<Arc<Self>> {
        let (mut start, mut size) = (0, 0);

        // SAFETY: The name is valid, and the pointers are valid for writing.
        let found = unsafe {
            bindings::reserve_mem_find_by_name(name.as_char_ptr(), &mut start, &mut size)
        };
        if found == 0 {
            return Err(ENODEV);
        }
        // The `struct page`s of what spans sections may be anywhere then.
        if cfg!(all(CONFIG_SPARSEMEM, not(CONFIG_SPARSEMEM_VMEMMAP))) {
            return Err(ENOTSUPP);
        }
        let first = start.div_ceil(PAGE_SIZE as bindings::phys_addr_t);
        let end = (start + size) >> PAGE_SHIFT;
        let count = usize::try_from(end.saturating_sub(first))?;
        if count == 0 {
            return Err(ENODEV);
        }

        // SAFETY: This is a page of memory, which has a `struct page`.
        let first = unsafe { bindings::pfn_to_page(first.try_into()?) };

        // INVARIANT: Reserved memory is not given back but by who took it, and the caller lets
        // nobody else have it. Nothing is allocated yet.
        Arc::pin_init(
            try_pin_init!(Self {
                first: NonNull::new(first).ok_or(ENODEV)?,
                used <- new_mutex!(BitmapVec::new(count, GFP_KERNEL)?),
            }),
            GFP_KERNEL,
        )
    }

    /// Allocates `count` contiguous pages, from the first hole that is large enough.
    ///
    /// What they hold is up to whoever had them before.
    ///
    /// # Errors
    ///
    /// [`AllocError`] if there is no such hole, or no page asked for.
    pub fn alloc(self: &Arc<Self>, count: usize) -> Result<Pages, AllocError> {
        // An entry of a scatterlist takes less than 4 GiB.
        if count == 0 || count > u32::MAX as usize >> PAGE_SHIFT {
            return Err(AllocError);
        }
        let mut used = self.used.lock();
        let mut from = 0;

        while let Some(start) = used.next_zero_bit(from) {
            let end = used.next_bit(start).unwrap_or(used.len());
            if end - start < count {
                from = end;
                continue;
            }
            for index in start..start + count {
                used.set_bit(index);
            }

            // SAFETY: This is within the memory, and `take` has seen to it that the `struct page`s
            // are consecutive like the pages.
            let page = unsafe { self.first.add(start) };

            // SAFETY: Allocated above, and less than 4 GiB.
            return Ok(unsafe { Pages::from_pool(page, count, self.clone()) });
        }
        Err(AllocError)
    }
}

impl PagePool for ReservedMem {
    unsafe fn free(&self, page: NonNull<bindings::page>, count: usize) {
        // SAFETY: By the safety requirements, both are pages of this memory.
        // CAST: It is not negative: `first` is the first page.
        let start = unsafe { page.as_ptr().offset_from(self.first.as_ptr()) } as usize;
        let mut used = self.used.lock();

        for index in start..start + count {
            used.clear_bit(index);
        }
    }
}
