// SPDX-License-Identifier: GPL-2.0

//! Reserved memory needs a promise that nobody else uses it.

use kernel::{page::ReservedMem, prelude::*};

pub fn take() -> Result {
    ReservedMem::take(c"ramoops")?; //~ E0133
    let _ = size_of::<ReservedMem>();
    Ok(())
}
