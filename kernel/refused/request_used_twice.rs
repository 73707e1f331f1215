// SPDX-License-Identifier: GPL-2.0

//! A request of the core is for one mapping.

use kernel::{
    dma::DataDirection, dma_buf::MapRequest, page::Chunks, prelude::*, scatterlist::MappedPages,
    sync::Arc,
};

pub fn map(request: MapRequest<'_>, chunks: Arc<Chunks>) -> Result<Arc<MappedPages>> {
    let mapping = request.map(chunks.clone(), DataDirection::Bidirectional)?;
    request.map(chunks, DataDirection::Bidirectional)?; //~ E0382
    Ok(mapping)
}
