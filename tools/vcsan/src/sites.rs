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

/// Log2 of the bytes of a stretch of code.
const STRETCH_SHIFT: u32 = 12;
/// Instructions of a stretch: they are aligned to two bytes at least.
const STRETCH: usize = 1 << (STRETCH_SHIFT - 1);

/// All origins so far.
#[derive(Default)]
pub struct Sites {
    /// Indices into `instructions`, by stretch of code.
    stretches: HashMap<u64, usize>,
    /// The numbers of a stretch's instructions, 0 for what has none: an emulator translates code in order, again and again.
    instructions: Vec<Box<[u32; STRETCH]>>,
    /// The stretch of the last instruction, and its index.
    last: Option<(u64, usize)>,
    /// Other origins.
    numbers: HashMap<Origin, u32>,
    origins: Vec<Origin>,
}

impl Sites {
    /// The number of an origin.
    pub fn number(&mut self, origin: Origin) -> Site {
        let known = match origin {
            Origin::Instruction(pc) => {
                let stretch = self.stretch(pc >> STRETCH_SHIFT);
                &mut self.instructions[stretch][(pc >> 1) as usize % STRETCH]
            }
            Origin::Device(_) => self.numbers.entry(origin).or_default(),
        };
        if *known == 0 {
            self.origins.push(origin);
            // CAST: memory ends before four billion of them; site 0 is taken, so they count from 1.
            *known = self.origins.len() as u32;
        }
        Site::new(*known)
    }

    /// New numbers, side by side, of instructions that may have others as well. The first one.
    pub fn consecutive(&mut self, pcs: impl IntoIterator<Item = u64>) -> Site {
        // CAST: as above.
        let first = Site::new(self.origins.len() as u32 + 1);
        self.origins
            .extend(pcs.into_iter().map(Origin::Instruction));
        first
    }

    fn stretch(&mut self, stretch: u64) -> usize {
        if let Some((last, index)) = self.last
            && last == stretch
        {
            return index;
        }
        let instructions = &mut self.instructions;
        let index = *self.stretches.entry(stretch).or_insert_with(|| {
            instructions.push(Box::new([0; STRETCH]));
            instructions.len() - 1
        });
        self.last = Some((stretch, index));
        index
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
        self.origins.capacity() * size_of::<Origin>()
            + self.instructions.len() * size_of::<[u32; STRETCH]>()
            + (self.stretches.capacity() + self.numbers.capacity()) * 28
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
        let again = sites.consecutive([0xc000_9000, 0xc000_8000]);
        assert_eq!(sites.origin(Site::new(again.id() + 1)), Some(load));
        assert_eq!(sites.number(load), first);
    }
}
