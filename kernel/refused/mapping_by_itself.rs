// SPDX-License-Identifier: GPL-2.0

//! A mapping that nobody has asked for needs a promise that its device stays bound.

use kernel::{
    device::Device, dma::DataDirection, page::Chunks, prelude::*, scatterlist::MappedPages,
    sync::Arc,
};

pub fn map(device: &Device, chunks: Arc<Chunks>) -> Result {
    MappedPages::new(device, chunks.clone(), DataDirection::ToDevice)?; //~ E0133
    let _ = (
        device,
        chunks,
        DataDirection::ToDevice,
        size_of::<MappedPages>(),
    );
    Ok(())
}
