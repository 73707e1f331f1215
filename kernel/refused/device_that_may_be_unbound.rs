// SPDX-License-Identifier: GPL-2.0

//! Only a device that is known to be bound can be attached.

use kernel::{device::Device, dma_buf::Importer, prelude::*};

pub fn attach(importer: &Importer, device: &Device) -> Result {
    importer.attach(device)?; //~ E0308
    let _ = (importer, device);
    Ok(())
}
