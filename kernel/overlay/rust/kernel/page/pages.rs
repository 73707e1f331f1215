// SPDX-License-Identifier: GPL-2.0

//! Physically contiguous runs of pages.

use super::{
    BorrowedPage,
    PAGE_SIZE, //
};
use crate::{
    alloc::{
        flags::__GFP_COMP,
        AllocError,
        Flags,
        KVVec, //
    },
    bindings,
    error::Result,
    sync::Arc, //
};
use core::ptr::NonNull;

/// Memory that [`Pages`] come from other than by the page allocator, such as a CMA area.
///
/// # Examples
///
/// ```
/// use core::ptr::NonNull;
/// use kernel::{
///     bindings,
///     page::{PagePool, Pages},
///     sync::{
///         atomic::{Atomic, Relaxed},
///         Arc, //
///     },
/// };
///
/// /// Lends its pages, and counts those that came back.
/// struct Lender {
///     pages: Pages,
///     back: Atomic<usize>,
/// }
///
/// impl PagePool for Lender {
///     unsafe fn free(&self, _page: NonNull<bindings::page>, count: usize) {
///         self.back.store(count, Relaxed);
///     }
/// }
///
/// let lender = Arc::new(
///     Lender {
///         pages: Pages::alloc(1, GFP_KERNEL)?,
///         back: Atomic::new(0),
///     },
///     GFP_KERNEL,
/// )?;
/// let first = NonNull::new(lender.pages.as_ptr()).ok_or(ENOMEM)?;
///
/// // SAFETY: These are two pages in a row, and lent only here.
/// let pages = unsafe { Pages::from_pool(first, 2, lender.clone()) };
/// assert_eq!(pages.count(), 2);
/// assert_eq!(lender.back.load(Relaxed), 0);
/// drop(pages);
/// assert_eq!(lender.back.load(Relaxed), 2);
/// # Ok::<(), Error>(())
/// ```
pub trait PagePool: Send + Sync {
    /// Takes pages back. May sleep.
    ///
    /// # Safety
    ///
    /// `page` and `count` must be those of a call of [`Pages::from_pool`] with this pool, and the
    /// caller must give the pages away.
    unsafe fn free(&self, page: NonNull<bindings::page>, count: usize);
}

/// Where pages come from, and go back to.
enum Source {
    /// The page allocator.
    Buddy { order: u32 },
    /// Something else.
    Pool(Arc<dyn PagePool>),
}

/// Physically contiguous pages.
///
/// # Invariants
///
/// `page` is the first one of `count` pages that `source` has allocated and that this object owns.
pub struct Pages {
    page: NonNull<bindings::page>,
    count: usize,
    source: Source,
}

// SAFETY: Pages can be freed on any thread.
unsafe impl Send for Pages {}

// SAFETY: Nothing that can be done through a shared reference needs synchronization.
unsafe impl Sync for Pages {}

impl Pages {
    /// Allocates `2^order` pages, as one compound page if there are several.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::page::{Pages, PAGE_SIZE};
    ///
    /// let pages = Pages::alloc(1, GFP_KERNEL | __GFP_ZERO)?;
    /// assert_eq!(pages.len(), 2 * PAGE_SIZE);
    /// # Ok::<(), kernel::alloc::AllocError>(())
    /// ```
    pub fn alloc(order: u32, flags: Flags) -> Result<Self, AllocError> {
        // Several pages are one folio, so that it takes one call to write them back.
        let flags = if order > 0 { flags | __GFP_COMP } else { flags };

        // SAFETY: Depending on the flags this may sleep. Other than that, it is always safe to
        // call.
        let page = unsafe { bindings::alloc_pages(flags.as_raw(), order) };

        // INVARIANT: The allocation succeeded, and nothing else has it.
        Ok(Self {
            page: NonNull::new(page).ok_or(AllocError)?,
            count: 1 << order,
            source: Source::Buddy { order },
        })
    }

    /// Takes over pages that `pool` has allocated, and which go back to it.
    ///
    /// # Safety
    ///
    /// `page` must be the first one of `count` pages, at least one, that lie in a row as their
    /// `struct page`s do, with less than 4 GiB in them. Nothing else may use them until they go
    /// back.
    pub unsafe fn from_pool(
        page: NonNull<bindings::page>,
        count: usize,
        pool: Arc<dyn PagePool>,
    ) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            page,
            count,
            source: Source::Pool(pool),
        }
    }

    /// The number of pages.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The size in bytes.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "there is always a page")]
    pub fn len(&self) -> usize {
        self.count * PAGE_SIZE
    }

    /// Returns a raw pointer to the first page.
    #[inline]
    pub fn as_ptr(&self) -> *mut bindings::page {
        self.page.as_ptr()
    }

    /// Returns page number `index`, counted from 0.
    pub fn get(&self, index: usize) -> Option<BorrowedPage<'_>> {
        if index >= self.count() {
            return None;
        }

        // SAFETY: By the type invariant and the check above, this is within the allocation, whose
        // pages have consecutive `struct page`s.
        let page = unsafe { self.page.add(index) };

        // SAFETY: The page is valid for as long as `self` is.
        Some(unsafe { BorrowedPage::from_raw(page) })
    }

    /// Iterates over the pages.
    pub fn iter(&self) -> impl Iterator<Item = BorrowedPage<'_>> {
        (0..self.count()).filter_map(|index| self.get(index))
    }

    /// Fills the pages with zeros, through the direct map or a mapping of the moment.
    ///
    /// # Errors
    ///
    /// None that can happen: the range lies within each page.
    pub fn fill_zero(&mut self) -> Result {
        for page in self.iter() {
            // SAFETY: This object owns the pages and is borrowed mutably, so that nobody else
            // accesses them.
            unsafe { page.fill_zero_raw(0, PAGE_SIZE) }?;
        }
        Ok(())
    }

    /// Makes what was written through the direct map visible to other mappings of the pages.
    ///
    /// This is `flush_dcache_folio()`. For pages that are in no page cache it does not only mark
    /// them, as it may for others, but writes them back at once wherever the data cache aliases:
    ///
    /// - arm: `flush_dcache_folio()` in arch/arm/mm/flush.c cleans and invalidates, highmem
    ///   included, unless the cache is of the kind that does not alias;
    /// - mips: `__flush_dcache_folio_pages()` in arch/mips/mm/cache.c does so for every page;
    /// - parisc: `flush_dcache_folio()` in arch/parisc/kernel/cache.c does so for every page.
    ///
    /// Where the cache does not alias this need not do anything, so it does not make the contents
    /// visible to a *device*. That is what mapping the pages for DMA is for.
    pub fn write_back(&self) {
        let mut index = 0;

        while let Some(page) = self.get(index) {
            // SAFETY: This is a valid page.
            let folio = unsafe { bindings::page_folio(page.as_ptr()) };

            // SAFETY: A page's folio is valid as long as the page is.
            unsafe { bindings::flush_dcache_folio(folio) };

            // SAFETY: As above.
            index += unsafe { bindings::folio_nr_pages(folio) };
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        match &self.source {
            Source::Buddy { order } => {
                // SAFETY: By the type invariant, we own this allocation, and it has this order.
                unsafe { bindings::__free_pages(self.as_ptr(), *order) };
            }
            // SAFETY: By the type invariant, these pages come from `pool`, and we own them.
            Source::Pool(pool) => unsafe { pool.free(self.page, self.count) },
        }
    }
}

/// A list of [`Pages`] that together hold a buffer, in the buffer's order.
///
/// Once it is shared it doesn't change, so whoever has a reference, such as a mapping, knows that
/// the pages stay.
///
/// There are no more chunks than a scatterlist can have entries, so that a device can always be
/// told of them.
#[derive(Default)]
pub struct Chunks {
    list: KVVec<Pages>,
}

impl Chunks {
    /// Creates an empty list.
    pub const fn new() -> Self {
        Self { list: KVVec::new() }
    }

    /// The most chunks that a list can have: a page of entries on architectures that have no chains
    /// of tables, such as parisc.
    pub const MAX: usize = if cfg!(CONFIG_ARCH_NO_SG_CHAIN) {
        PAGE_SIZE / size_of::<bindings::scatterlist>()
    } else {
        i32::MAX as usize
    };

    /// Adds a chunk at the end. The flags are for the list.
    ///
    /// # Errors
    ///
    /// [`AllocError`] if there are [`Chunks::MAX`] chunks or if memory is short.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::page::{Chunks, Pages};
    ///
    /// let mut chunks = Chunks::new();
    /// let count = 300;
    /// for index in 0..count {
    ///     let pushed = chunks.push(Pages::alloc(0, GFP_KERNEL)?, GFP_KERNEL);
    ///     assert_eq!(pushed.is_ok(), index < Chunks::MAX);
    /// }
    /// assert_eq!(chunks.count(), count.min(Chunks::MAX));
    /// # Ok::<(), kernel::alloc::AllocError>(())
    /// ```
    pub fn push(&mut self, chunk: Pages, flags: Flags) -> Result<(), AllocError> {
        if self.count() >= Self::MAX {
            return Err(AllocError);
        }
        self.list.push(chunk, flags).map_err(|_| AllocError)
    }

    /// Iterates over the chunks.
    pub fn iter(&self) -> core::slice::Iter<'_, Pages> {
        self.list.iter()
    }

    /// The number of chunks.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// The number of pages in all chunks.
    pub fn page_count(&self) -> usize {
        self.iter().map(Pages::count).sum()
    }
}

/// Returns whether the CPU's data cache may have lines of their own for two mappings of a page.
///
/// Where it does not, what is done through one of them is seen through all others, and what is
/// maintained of one is maintained of all.
pub fn dcache_is_aliasing() -> bool {
    // SAFETY: There are no requirements.
    unsafe { bindings::cpu_dcache_is_aliasing() }
}

/// Returns how many pages of memory the machine has in total, `totalram_pages()`.
pub fn total_ram() -> usize {
    // SAFETY: There are no requirements.
    unsafe { bindings::totalram_pages() }
}
