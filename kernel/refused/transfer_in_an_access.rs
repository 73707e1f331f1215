// SPDX-License-Identifier: GPL-2.0

//! There is no transfer while the CPU has the buffer.

use kernel::{
    dma::DataDirection,
    dma_buf::{Importer, Mapping},
    prelude::*,
};

pub fn transfer(importer: &mut Importer, mapping: &Mapping<'_>) -> Result {
    let access = importer.begin_cpu_access(DataDirection::FromDevice)?;
    importer.device_access(mapping)?; //~ E0502
    let _ = mapping;
    access.end()
}
