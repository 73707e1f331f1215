// SPDX-License-Identifier: GPL-2.0-only
//! Where a module's code lies.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;

/// A section with code, in the kernel's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Virtual addresses.
    pub code: Range<u64>,
}

/// A module that a guest loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Its sections with code.
    pub sections: Vec<Section>,
}

impl Display for Module {
    /// `name .text=0x7f000000 .init.text=0x7f008000 …`
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.sections
            .iter()
            .try_for_each(|section| write!(f, " {}={:#x}", section.name, section.code.start))
    }
}
