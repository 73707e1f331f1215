// SPDX-License-Identifier: GPL-2.0-only
//! Numbers for the places that events come from, as the model wants them.

use std::collections::HashMap;
use vcsan_model::Site;

/// Where an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The instruction at this address.
    Instruction(u64),
    /// A device, which the instruction at this address announced.
    Device(u64),
}

/// All origins so far.
#[derive(Default)]
pub struct Sites {
    numbers: HashMap<Origin, u32>,
    origins: Vec<Origin>,
}

impl Sites {
    /// The number of an origin.
    pub fn number(&mut self, origin: Origin) -> Site {
        let next = &mut self.origins;
        let id = *self.numbers.entry(origin).or_insert_with(|| {
            next.push(origin);
            // CAST: memory ends before four billion of them; site 0 is taken, so they count from 1.
            next.len() as u32
        });
        Site::new(id)
    }

    /// What a number stands for; none for "no access known".
    #[must_use]
    pub fn origin(&self, site: Site) -> Option<Origin> {
        let index = (site.id() as usize).checked_sub(1)?;
        self.origins.get(index).copied()
    }

    /// Bytes in use, roughly.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.origins.capacity() * size_of::<Origin>() + self.numbers.capacity() * 28
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable() {
        let mut sites = Sites::default();
        let (load, device) = (
            Origin::Instruction(0xc000_8000),
            Origin::Device(0xc000_8000),
        );
        let first = sites.number(load);
        assert_ne!(first, Site::NONE);
        assert_ne!(sites.number(device), first);
        assert_eq!(sites.number(load), first);
        assert_eq!(sites.origin(first), Some(load));
        assert_eq!(sites.origin(Site::NONE), None);
    }
}
