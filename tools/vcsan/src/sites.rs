// SPDX-License-Identifier: GPL-2.0-only
//! Numbers for the places that events come from, as the model wants them.

use std::collections::HashMap;
use std::ops::Range;
use vcsan_model::Site;

/// Where an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The address of an instruction.
    pub pc: u64,
    /// A device, which the instruction announced; else the instruction itself.
    pub device: bool,
    /// How many modules had been loaded when the number was given: later ones may have other code at the address.
    pub generation: u32,
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
    /// Of devices, by the instruction.
    devices: HashMap<u64, u32>,
    origins: Vec<Origin>,
    generation: u32,
}

impl Sites {
    /// The number of an instruction.
    pub fn instruction(&mut self, pc: u64) -> Site {
        let stretch = self.stretch(pc >> STRETCH_SHIFT);
        let known = &mut self.instructions[stretch][(pc >> 1) as usize % STRETCH];
        Site::new(number(known, &mut self.origins, pc, false, self.generation))
    }

    /// The number of a device whose transfer an instruction announces.
    pub fn device(&mut self, pc: u64) -> Site {
        let known = self.devices.entry(pc).or_default();
        Site::new(number(known, &mut self.origins, pc, true, self.generation))
    }

    /// Another module has been loaded, with code in these places: what is executed there gets new numbers.
    pub fn loaded(&mut self, code: &[Range<u64>]) {
        self.generation += 1;
        for range in code {
            self.devices.retain(|pc, _| !range.contains(pc));
            let (first, last) = (range.start >> STRETCH_SHIFT, range.end >> STRETCH_SHIFT);
            for (stretch, &index) in &self.stretches {
                if (first..=last).contains(stretch) {
                    self.instructions[index].fill(0);
                }
            }
        }
    }

    /// All sites of devices.
    pub fn of_devices(&self) -> impl Iterator<Item = (Site, Origin)> {
        // CAST: as above.
        let numbered = self.origins.iter().zip(1_u32..);
        numbered
            .filter(|(origin, _)| origin.device)
            .map(|(origin, number)| (Site::new(number), *origin))
    }

    /// New numbers, side by side, of instructions that may have others as well. The first one.
    pub fn consecutive(&mut self, pcs: impl IntoIterator<Item = u64>) -> Site {
        // CAST: as above.
        let first = Site::new(self.origins.len() as u32 + 1);
        let generation = self.generation;
        self.origins.extend(pcs.into_iter().map(|pc| Origin {
            pc,
            device: false,
            generation,
        }));
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
            + (self.stretches.capacity() + self.devices.capacity()) * 28
    }
}

/// The number there is, or a new one.
fn number(
    known: &mut u32,
    origins: &mut Vec<Origin>,
    pc: u64,
    device: bool,
    generation: u32,
) -> u32 {
    if *known == 0 {
        origins.push(Origin {
            pc,
            device,
            generation,
        });
        // CAST: memory ends before four billion of them; site 0 is taken, so they count from 1.
        *known = origins.len() as u32;
    }
    *known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable() {
        let mut sites = Sites::default();
        let pc = 0xc000_8000;
        let first = sites.instruction(pc);
        assert_ne!(first, Site::NONE);
        assert_ne!(sites.device(pc), first);
        assert_eq!(sites.instruction(pc), first);
        let load = sites.origin(first);
        assert_eq!(
            load.map(|origin| (origin.pc, origin.device)),
            Some((pc, false))
        );
        assert_eq!(sites.origin(Site::NONE), None);
        let again = sites.consecutive([0xc000_9000, pc]);
        assert_eq!(sites.origin(Site::new(again.id() + 1)), load);
        assert_eq!(sites.instruction(pc), first);
    }

    #[test]
    fn code_of_another_module_has_other_numbers() {
        let mut sites = Sites::default();
        let (kernel, module) = (0xc000_8000, 0xbf00_0010);
        let before = [sites.instruction(kernel), sites.instruction(module)];
        let device = sites.device(module);
        let code = 0xbf00_0000..0xbf00_0800;
        sites.loaded(std::slice::from_ref(&code));
        assert_eq!(sites.instruction(kernel), before[0]);
        let after = sites.instruction(module);
        assert_ne!(after, before[1]);
        assert_ne!(sites.device(module), device);
        let generation = |site| sites.origin(site).unwrap().generation;
        assert_eq!((generation(before[1]), generation(after)), (0, 1));
    }
}
