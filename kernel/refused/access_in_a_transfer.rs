// SPDX-License-Identifier: GPL-2.0

//! There is no access of the CPU while a device has the buffer.

use kernel::{
    dma::DataDirection,
    dma_buf::{Importer, Mapping},
    prelude::*,
};

pub fn read(importer: &mut Importer, mapping: &Mapping<'_>) -> Result<usize> {
    let transfer = importer.device_access(mapping)?;
    let _ = importer.begin_cpu_access(DataDirection::FromDevice); //~ E0502
    let _ = DataDirection::FromDevice;
    Ok(transfer.sg_table().iter().count())
}
