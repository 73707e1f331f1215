// SPDX-License-Identifier: GPL-2.0

//! The system heap: buffers from the page allocator, `/dev/dma_heap/system`. And heaps of memory
//! that is reserved at boot, see [`carveout`].
//!
//! Like `system_heap.c`, it hands out pages of the buddy allocator. Unlike it, it keeps buffers
//! coherent on CPUs whose data caches alias. There, the direct map, a vmap and each user mapping of
//! a page may have a cache line each, and `dma_sync_*()` knows about those of the direct map alone.
//! [`ownership`] has the rules, [`buffer`] follows them.
//!
//! # Differences from the heap in C
//!
//! Of coherency:
//!
//! - Fresh zeros are written back before anybody can see the buffer.
//! - What an access of the CPU needs is done for user mappings too. An area in a user's address
//!   space is found by the buffer's file, like `flush_dcache_folio()` finds areas of page cache,
//!   and flushed by `flush_cache_range()`. Uncached user mappings would need no maintenance, but
//!   cost each access, and not every aliasing CPU allows a page to be mapped cached and uncached at
//!   once (parisc). To choose addresses of the same colour would do nothing for a cache that is
//!   indexed and tagged virtually, nor for the vmap. To zap the page tables, and have accesses
//!   fault, flushes just the same, and costs faults besides.
//! - `begin_cpu_access` waits for fences, then takes the buffer from its devices, and then
//!   invalidates the other aliases; `end_cpu_access` goes the other way.
//! - A device sync has the direction of the mapping, as the DMA API asks for, not that of the
//!   access. A mapping from the device is made bidirectional, so that what the device does not
//!   write stays. An IOMMU then lets the device read too.
//! - An access that somebody else has open does not lose what was written in it, but for what
//!   [`ownership`] names.
//!
//! What users see otherwise:
//!
//! - In a kernel that has the heap in C too, that one is `system`, and this one `system_rust`.
//! - It is for 32-bit machines with one CPU, as it has been run on no others.
//! - There is no `system_cc_shared`, memory that is shared with a hypervisor. Only 64-bit machines
//!   encrypt theirs.
//! - A private user mapping can't be made writable: a copy of a shared buffer's page would not see
//!   what a device writes. If it is writable from the start, it is refused.
//! - A request for more memory than the machine has fails at once, before any page is taken: the
//!   heap in C allocates until the OOM killer has ended others for it.
//! - To open an access can fail with `ENOMEM` where memory is bounced: what an open access has
//!   written is written back through one more mapping, for which bounce buffers may be short.
//! - The pages are kept in a list beside the tables, which is one more allocation per buffer.
//! - Each mapping has a table of its own, so an attachment can be mapped more than once. To map
//!   allocates memory, unless a mapping was unmapped and no device detached since: then its table
//!   is taken.
//! - Where scatterlists can't be chained (parisc), a buffer that would take more entries than fit
//!   into a page is refused with `ENOMEM`, and without a warning.
//!
//! # Limits
//!
//! - The data are coherent for who opens and closes accesses, as dma-buf asks for. Within one
//!   access a process has to use one mapping: two mappings of one page, in one process or as a vmap
//!   and a user mapping, are coherent with each other only from one access to the next.
//! - A user mapping that is being made has page table entries before the file knows of it, and is
//!   not flushed meanwhile. No thread knows its address yet, but a CPU that fills lines by
//!   speculation may do so, and keep one that another process writes at that moment.
//! - Bounce buffers are filled and emptied through the direct map, so on an aliasing CPU what came
//!   through one would stay in the direct map's lines. No such CPU has `swiotlb` today.
//! - A bounce buffer takes 256 KiB at most, so a device that needs one can't have a buffer with a
//!   larger chunk mapped, of this heap or of the one in C.
//! - On PA-RISC, `dma_sync_*()` does not wait for transfers to reach memory (`syncdma`);
//!   `invalidate_kernel_vmap_range()` does. So without a vmap it is up to the device's driver that
//!   a transfer has ended, as it is for every user of the DMA API there.
//! - PA8800 and PA8900 allow no writable aliases of different colours at all.
//! - As said in [`ownership`], user space that closes an access it didn't open can hurt others that
//!   have one open.

use kernel::{
    alloc::{
        AllocError,
        Flags, //
    },
    dma_heap::{
        self,
        Heap,
        HeapModule,
        Heaps, //
    },
    page::{
        self,
        Chunks,
        Pages,
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc, //
};

mod buffer;
mod carveout;
pub mod ownership;

use buffer::Buffer;

kernel::module_dma_heap! {
    type: RustHeaps,
    name: "system_heap_rust",
    authors: ["aliasheap developers"],
    description: "DMA-BUF System Heap in Rust",
    license: "GPL",
    imports_ns: ["DMA_BUF", "DMA_BUF_HEAP"],
}

/// By the name, users choose memory, not who wrote the code, unless there are both.
const NAME: &CStr = if cfg!(CONFIG_DMABUF_HEAPS_SYSTEM) {
    c"system_rust"
} else {
    c"system"
};

struct RustHeaps;

impl HeapModule for RustHeaps {
    fn init(heaps: &Heaps) -> Result {
        heaps.add(NAME, SystemHeap)?;
        carveout::add_heaps(heaps)
    }
}

struct SystemHeap;

impl Heap for SystemHeap {
    type Buffer = Buffer;

    fn allocate(&self, len: usize, _flags: u64) -> Result<impl PinInit<Buffer, Error>> {
        let chunks = Arc::new(allocate_chunks(len)?, GFP_KERNEL)?;

        Ok(Buffer::new(chunks))
    }
}

/// Orders to allocate in, the largest first: 1 MiB, 64 KiB and 4 KiB, with pages of 4 KiB.
///
/// These match the sizes that IOMMUs often have, as in `system_heap.c`.
const ORDERS: [u32; 3] = [8, 4, 0];

/// Allocates zeroed pages for `len` bytes, a multiple of [`PAGE_SIZE`].
///
/// # Errors
///
/// `ENOMEM`, or `EINTR` if the current task is about to be killed.
fn allocate_chunks(len: usize) -> Result<Chunks> {
    if len >> PAGE_SHIFT > page::total_ram() {
        return Err(ENOMEM);
    }

    let mut chunks = Chunks::new();
    let mut left = len;
    let mut max_order = ORDERS[0];

    while left > 0 {
        if kernel::current!().fatal_signal_pending() {
            return Err(EINTR);
        }

        let chunk = allocate_largest(left, max_order)?;
        // Whoever sees the pages from here on may do so through another alias.
        chunk.write_back();

        left = left.saturating_sub(chunk.len());
        max_order = chunk.count().ilog2();
        chunks.push(chunk, GFP_KERNEL)?;
    }
    Ok(chunks)
}

/// Allocates the largest chunk that fits into `size` bytes, is of `max_order` at most, and can be
/// had.
fn allocate_largest(size: usize, max_order: u32) -> Result<Pages, AllocError> {
    ORDERS
        .into_iter()
        .filter(|&order| order <= max_order && PAGE_SIZE << order <= size)
        .find_map(|order| Pages::alloc(order, flags(order)).ok())
        .ok_or(AllocError)
}

/// Flags for chunks of an order. Only for single pages it is worth to reclaim memory.
fn flags(order: u32) -> Flags {
    let mut flags = GFP_HIGHUSER | __GFP_ZERO;

    if order > 0 {
        flags = ((flags | __GFP_NOWARN | __GFP_NORETRY) & !__GFP_RECLAIM) | __GFP_COMP;
    }
    if dma_heap::mem_accounting() {
        flags = flags | __GFP_ACCOUNT;
    }
    flags
}
