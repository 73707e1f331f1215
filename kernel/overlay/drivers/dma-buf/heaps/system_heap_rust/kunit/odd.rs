// SPDX-License-Identifier: GPL-2.0

//! An exporter in safe code that does what it must not.

use crate::{
    heap::{
        ARef,
        DataDirection,
        DmaBuf, //
    },
    sys, //
};
use kernel::{
    bindings,
    dma_buf::{
        Exporter,
        MapRequest,
        UserArea, //
    },
    mm::vmap::Vmap,
    new_mutex,
    page::{
        Chunks,
        Pages, //
    },
    prelude::*,
    scatterlist::MappedPages,
    sync::{
        Arc,
        Mutex, //
    }, //
};

/// Maps the buffer once, and returns that mapping whoever asks. Its memory is shorter than its
/// buffer.
#[pin_data]
struct Odd {
    chunks: Arc<Chunks>,
    #[pin]
    only: Mutex<Option<Arc<MappedPages>>>,
}

impl Exporter for Odd {
    fn map(&self, _buf: &DmaBuf, request: MapRequest<'_>) -> Result<Arc<MappedPages>> {
        let mut only = self.only.lock();

        if let Some(mapping) = &*only {
            return Ok(mapping.clone());
        }
        let mapping = request.map(self.chunks.clone(), DataDirection::Bidirectional)?;
        *only = Some(mapping.clone());
        Ok(mapping)
    }

    fn unmap(&self, _buf: &DmaBuf, _mapping: &Arc<MappedPages>) {}

    fn begin_cpu_access(&self, _buf: &DmaBuf, _dir: DataDirection) -> Result {
        Ok(())
    }

    fn end_cpu_access(&self, _buf: &DmaBuf, _dir: DataDirection) -> Result {
        Ok(())
    }

    fn mmap<'a>(&'a self, area: UserArea<'a>) -> Result {
        area.map(&self.chunks)
    }

    fn vmap(&self, _buf: &DmaBuf) -> Result<Arc<Vmap>> {
        Ok(Arc::new(Vmap::new(self.chunks.clone())?, GFP_KERNEL)?)
    }

    fn vunmap(&self, _buf: &DmaBuf) {}
}

/// A buffer of `size` bytes, of which there are `pages` single pages.
pub(crate) fn buffer(size: usize, pages: usize) -> Result<ARef<DmaBuf>> {
    let mut chunks = Chunks::new();
    for _ in 0..pages {
        chunks.push(Pages::alloc(0, GFP_KERNEL | __GFP_ZERO)?, GFP_KERNEL)?;
    }
    let chunks = Arc::new(chunks, GFP_KERNEL)?;
    let odd = try_pin_init!(Odd {
        chunks,
        only <- new_mutex!(None),
    }? Error);

    // SAFETY: This module has the code of `Odd`.
    unsafe {
        DmaBuf::export(
            &sys::this_module(),
            c"heap_test_odd",
            size,
            bindings::O_RDWR,
            odd,
        )
    }
}
