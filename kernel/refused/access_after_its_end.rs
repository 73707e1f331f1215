// SPDX-License-Identifier: GPL-2.0

//! Nothing is read after an access has ended.

use kernel::{
    dma_buf::{CpuAccess, VMap},
    prelude::*,
};

pub fn read(access: CpuAccess<'_>, vmap: &VMap) -> Result<u8> {
    let mut byte = [0];
    access.read(vmap, 0, &mut byte)?;
    access.end()?;
    access.read(vmap, 0, &mut byte)?; //~ E0382
    Ok(byte[0])
}
