// SPDX-License-Identifier: GPL-2.0

//! What user space has mapped lives as long as the buffer.

use kernel::{dma_buf::UserArea, page::Chunks, prelude::*};

pub fn map<'a>(area: UserArea<'a>) -> Result {
    let chunks = Chunks::new();
    area.map(&chunks)?; //~ E0597
    let _ = &chunks;
    Ok(())
}
