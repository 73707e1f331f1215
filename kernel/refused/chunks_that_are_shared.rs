// SPDX-License-Identifier: GPL-2.0

//! Pages that somebody has a reference to do not change.

use kernel::{
    page::{Chunks, Pages},
    prelude::*,
    sync::Arc,
};

pub fn add(chunks: Arc<Chunks>) -> Result {
    let pages = Pages::alloc(0, GFP_KERNEL)?;
    chunks.push(pages, GFP_KERNEL)?; //~ E0596
    let _ = chunks;
    Ok(())
}
