// SPDX-License-Identifier: GPL-2.0

//! A mapping is not used once its device was detached.

use kernel::{
    device::{Bound, Device},
    dma::DataDirection,
    dma_buf::Importer,
    prelude::*,
};

pub fn transfer(importer: &Importer, device: &Device<Bound>) -> Result {
    let attachment = importer.attach(device)?;
    let mapping = attachment.map(DataDirection::FromDevice)?;
    drop(attachment); //~ E0505
    importer.device_access(&mapping)?;
    Ok(())
}
