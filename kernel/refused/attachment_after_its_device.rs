// SPDX-License-Identifier: GPL-2.0

//! An attachment does not outlive the time in which its device is bound.

use kernel::{
    device::{Bound, Device},
    dma_buf::{Attachment, Importer},
    prelude::*,
};

pub struct Kept {
    attachment: Attachment<'static>,
}

pub fn forever(importer: &Importer, device: &Device<Bound>) -> Result {
    let keep = |attachment| Kept { attachment };
    let _kept = importer.attach(device).map(keep); //~ E0521
    let _ = (importer, device, keep);
    Ok(())
}
