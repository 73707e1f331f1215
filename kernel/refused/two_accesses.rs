// SPDX-License-Identifier: GPL-2.0

//! One importer has one access at a time.

use kernel::{dma::DataDirection, dma_buf::Importer, prelude::*};

pub fn twice(importer: &mut Importer) -> Result {
    let first = importer.begin_cpu_access(DataDirection::ToDevice)?;
    importer.begin_cpu_access(DataDirection::ToDevice)?.end()?; //~ E0499
    first.end()
}
