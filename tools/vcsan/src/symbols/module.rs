// SPDX-License-Identifier: GPL-2.0-only
//! Where a module's code lies.

use std::fmt::{self, Display, Formatter};

/// A module that a guest loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Its sections with code, and the virtual addresses where they are.
    pub sections: Vec<(String, u64)>,
}

impl Display for Module {
    /// `name .text=0x7f000000 .init.text=0x7f008000 …`
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.sections
            .iter()
            .try_for_each(|(name, address)| write!(f, " {name}={address:#x}"))
    }
}
