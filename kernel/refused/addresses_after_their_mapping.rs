// SPDX-License-Identifier: GPL-2.0

//! Addresses are not used once the buffer was unmapped.

use kernel::{
    dma_buf::{Importer, Mapping},
    prelude::*,
};

pub fn transfer(importer: &Importer, mapping: Mapping<'_>) -> Result<usize> {
    let access = importer.device_access(&mapping)?;
    drop(mapping); //~ E0505
    Ok(access.sg_table().iter().count())
}
