// SPDX-License-Identifier: GPL-2.0

//! Heaps of memory that is reserved at boot: physically contiguous buffers.
//!
//! There is one for each name in [`NAMES`] under which the command line reserves memory, such as
//! `reserve_mem=16M:4K:carveout0`. The heap has that name.

use crate::buffer::Buffer;
use kernel::{
    dma_heap::{
        Heap,
        Heaps, //
    },
    page::{
        Chunks,
        ReservedMem,
        PAGE_SHIFT, //
    },
    prelude::*,
    sync::Arc, //
};

/// Reserved memory that these heaps use. Parameters of Rust modules are numbers only, so that the
/// names can't be had from there.
const NAMES: [&CStr; 2] = [c"carveout0", c"carveout1"];

/// Adds a heap for each carve-out that the machine has.
pub(crate) fn add_heaps(heaps: &Heaps) -> Result {
    for name in NAMES {
        // SAFETY: These names are for this module, and each is in the list once.
        match unsafe { ReservedMem::take(name) } {
            Ok(memory) => heaps.add(name, CarveoutHeap { memory })?,
            Err(ENODEV) => {}
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

struct CarveoutHeap {
    memory: Arc<ReservedMem>,
}

impl Heap for CarveoutHeap {
    type Buffer = Buffer;

    fn allocate(&self, len: usize, _flags: u64) -> Result<impl PinInit<Buffer, Error>> {
        if kernel::current!().fatal_signal_pending() {
            return Err(EINTR);
        }
        let mut pages = self.memory.alloc(len >> PAGE_SHIFT)?;
        // Whoever sees the pages from here on may do so through another alias.
        pages.fill_zero()?;
        pages.write_back();

        let mut chunks = Chunks::new();
        chunks.push(pages, GFP_KERNEL)?;

        Ok(Buffer::new(Arc::new(chunks, GFP_KERNEL)?))
    }
}
