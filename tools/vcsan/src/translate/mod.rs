// SPDX-License-Identifier: GPL-2.0-only
//! From virtual to physical addresses, where no access shows it, and whether a mapping is cached, which the emulator
//! does not tell: read from the guest's page tables, as its hardware or its kernel would.

pub mod arm;
pub mod mips;
pub mod parisc;

use crate::decode::{Arch, TlbRegister};
use crate::guest::{Memory, Target};
use std::collections::{HashMap, HashSet};
use vcsan_model::geometry::PAGE_SIZE;

/// What a page table says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Physical address.
    pub paddr: u64,
    /// Whether accesses go through the cache.
    pub cached: bool,
    /// Whether it is of more than a table's worth of pages.
    pub section: bool,
}

/// Which of its mappings an address belongs to, as people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// The kernel's linear map of memory.
    DirectMap,
    /// A mapping that the kernel made: vmap, vmalloc, a module, a fixed mapping.
    Vmap,
    /// A user program's.
    User,
}

impl Region {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DirectMap => "direct map",
            Self::Vmap => "vmap",
            Self::User => "user mapping",
        }
    }
}

/// What translations an instruction ends, as far as a kernel can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// None.
    Nothing,
    /// That of the page around a virtual address.
    Page(u64),
    /// MIPS: those of pairs of pages, which begin at these virtual addresses.
    Pairs([Option<u64>; 2]),
    /// Those of programs.
    Programs,
    /// All.
    Everything,
}

/// Where the kernel's own structures lie, if its symbols are known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Landmarks {
    /// Virtual address of the kernel's first byte.
    pub text: Option<u64>,
    /// Virtual address of the kernel's page directory.
    pub swapper_pg_dir: Option<u64>,
    /// MIPS: virtual address of the pointer to the current page directory.
    pub pgd_current: Option<u64>,
}

/// Which parts the address space has.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    target: Target,
    /// First virtual address of the kernel's linear map.
    linear_start: u64,
    /// Virtual minus physical address in it, once known.
    linear_offset: Option<u64>,
}

/// What is known of the guest's translations.
pub struct Translator {
    target: Target,
    landmarks: Landmarks,
    layout: Layout,
    arm: arm::Mmu,
    mips: mips::Tlb,
    /// The page that an access last showed for a virtual page.
    shown: HashMap<u64, u64>,
    /// ARM: parts of the linear map that are mapped by one descriptor of the first level, cached, by number: in a kernel most
    /// accesses go there, and each look into the tables takes as long as thousands of them.
    sections: HashSet<u64>,
    /// PA-RISC: what the tables said of a page of the kernel's mappings when its translation was last ended.
    ended: HashMap<u64, Mapping>,
}

impl Layout {
    /// What is known of it at reset. `text`: virtual address of the kernel's first byte, if its symbols are known.
    #[must_use]
    pub fn new(target: Target, text: Option<u64>) -> Self {
        let linear_start = match target.arch {
            // PAGE_OFFSET is a multiple of 256 MiB, and the kernel lies in the first of these.
            Arch::Arm => text.map_or(0xc000_0000, |text| text & 0xf000_0000),
            Arch::Mips => mips::KSEG0,
            Arch::Parisc => parisc::PAGE_OFFSET,
        };
        Self {
            target,
            linear_start,
            linear_offset: match target.arch {
                Arch::Arm => None,
                Arch::Mips | Arch::Parisc => Some(linear_start),
            },
        }
    }

    /// What a virtual address belongs to, given its physical one.
    #[must_use]
    pub fn region(&self, vaddr: u64, paddr: u64) -> Region {
        if self.is_user(vaddr) {
            Region::User
        } else if self.in_linear_map(vaddr, paddr) || mips_segment(self.target, vaddr) {
            Region::DirectMap
        } else {
            Region::Vmap
        }
    }

    /// The address of physical memory in the linear map, if that is known by now.
    #[must_use]
    pub fn linear(&self, paddr: u64) -> Option<u64> {
        self.linear_offset
            .map(|offset| self.target.vaddr(paddr.wrapping_add(offset)))
    }

    /// The first address that is the kernel's in every address space.
    fn kernel_start(&self) -> u64 {
        match self.target.arch {
            // Modules lie below the linear map.
            Arch::Arm => self.linear_start - (16 << 20),
            Arch::Mips => self.linear_start,
            // Programs have spaces of their own.
            Arch::Parisc => 0,
        }
    }

    fn in_linear_map(&self, vaddr: u64, paddr: u64) -> bool {
        vaddr >= self.linear_start
            && self.linear(paddr).map(|linear| linear / PAGE_SIZE) == Some(vaddr / PAGE_SIZE)
    }

    /// Whether a virtual address is a program's.
    #[must_use]
    pub fn is_user(&self, vaddr: u64) -> bool {
        let user_space = self.target.arch == Arch::Parisc && vaddr >> 32 != 0;
        vaddr < self.kernel_start() || user_space
    }
}

impl Translator {
    /// A machine at reset.
    #[must_use]
    pub fn new(target: Target, landmarks: Landmarks) -> Self {
        Self {
            target,
            landmarks,
            layout: Layout::new(target, landmarks.text),
            arm: arm::Mmu::default(),
            mips: mips::Tlb::default(),
            shown: HashMap::new(),
            sections: HashSet::new(),
            ended: HashMap::new(),
        }
    }

    /// The kernel ends the translation of a page.
    ///
    /// QEMU 10.0 shows PA-RISC's page tables only where the TLB has them. Here it has: whoever makes a mapping writes the table's
    /// entry just before (`map_pte_uncached()` in arch/parisc/kernel/pci-dma.c).
    ///
    /// Elsewhere what an access has shown of the page counts no more: the tables have it if it is still there.
    pub fn end(&mut self, memory: &impl Memory, vaddr: u64) {
        if self.target.arch != Arch::Parisc {
            self.shown.remove(&(vaddr / PAGE_SIZE));
            self.sections.remove(&(vaddr / arm::SECTION));
            return;
        }
        if parisc::LINEAR.contains(&vaddr) {
            return;
        }
        match self.walk(memory, vaddr) {
            Some(mapping) => self.ended.insert(vaddr / PAGE_SIZE, mapping),
            None => self.ended.remove(&(vaddr / PAGE_SIZE)),
        };
    }

    /// As [`end`](Self::end), for all pages, or for programs' only.
    pub fn end_all(&mut self, programs_only: bool) {
        if self.target.arch == Arch::Parisc {
            return;
        }
        let layout = self.layout;
        self.shown
            .retain(|page, _| programs_only && !layout.is_user(page * PAGE_SIZE));
        if !programs_only {
            self.sections.clear();
        }
    }

    /// An access was seen to go to memory. Whether the [layout](Self::layout) is another one now.
    pub fn show(&mut self, vaddr: u64, paddr: u64) -> bool {
        let layout = &mut self.layout;
        let was_known = layout.linear_offset.is_some();
        if layout.linear_offset.is_none() && self.arm.translates() && vaddr >= layout.linear_start {
            // The kernel's first access after it turned its page tables on is to its own image.
            layout.linear_offset = Some(vaddr.wrapping_sub(paddr));
        }
        if !self.layout.in_linear_map(vaddr, paddr) {
            self.shown.insert(vaddr / PAGE_SIZE, paddr / PAGE_SIZE);
        }
        was_known != self.layout.linear_offset.is_some()
    }

    /// Whether accesses to `vaddr`, which is known to be at `paddr`, go past the cache.
    pub fn is_uncached(&mut self, memory: &impl Memory, vaddr: u64, paddr: u64) -> bool {
        match self.target.arch {
            Arch::Arm if !self.arm.caches() => true,
            Arch::Mips if mips::segment(vaddr).is_some() => mips::in_kseg1(vaddr),
            // Memory for devices may be remapped in place (`__dma_remap()` in arch/arm/mm/dma-mapping.c).
            Arch::Arm if self.layout.in_linear_map(vaddr, paddr) => {
                let section = vaddr / arm::SECTION;
                if self.sections.contains(&section) {
                    return false;
                }
                let mapping = self.walk(memory, vaddr);
                if mapping.is_some_and(|mapping| mapping.section && mapping.cached) {
                    self.sections.insert(section);
                }
                mapping.is_some_and(|mapping| !mapping.cached)
            }
            _ if self.layout.in_linear_map(vaddr, paddr) => false,
            _ => {
                if self.target.arch == Arch::Mips {
                    self.learn_pte_layout(memory, vaddr, paddr);
                }
                // What the tables don't show is an ordinary mapping until an access through it says otherwise.
                let mapping = self.walk(memory, vaddr);
                let ended = || self.ended.get(&(vaddr / PAGE_SIZE)).copied();
                mapping.or_else(ended).is_some_and(|mapping| {
                    mapping.paddr / PAGE_SIZE == paddr / PAGE_SIZE && !mapping.cached
                })
            }
        }
    }

    /// Which parts the address space has, as far as that is known by now.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The physical address of a virtual one.
    pub fn translate(&mut self, memory: &impl Memory, vaddr: u64) -> Option<u64> {
        if self.target.arch == Arch::Arm && !self.arm.translates() {
            return Some(vaddr);
        }
        let found = mips::segment(vaddr)
            .filter(|_| self.target.arch == Arch::Mips)
            .or_else(|| self.walk(memory, vaddr).map(|mapping| mapping.paddr))
            .or_else(|| memory.translate(vaddr));
        found.or_else(|| {
            let page = self.shown.get(&(vaddr / PAGE_SIZE))?;
            Some(page * PAGE_SIZE + vaddr % PAGE_SIZE)
        })
    }

    fn walk(&self, memory: &impl Memory, vaddr: u64) -> Option<Mapping> {
        let read = |paddr| self.read_table(memory, paddr);
        match self.target.arch {
            Arch::Arm => self.arm.walk(vaddr, read).or_else(|| {
                // Other page directories get the kernel's entries when an access misses one. Maintenance would miss
                // it as well; under QEMU it does nothing at all.
                let kernel = self.landmarks.swapper_pg_dir?;
                let base = kernel.wrapping_sub(self.layout.linear_offset?);
                (vaddr >= self.layout.kernel_start())
                    .then(|| self.arm.walk_from(base, vaddr, read))
                    .flatten()
            }),
            Arch::Mips => self.mips.find(vaddr).or_else(|| {
                let read = |vaddr| self.read_word(memory, vaddr);
                self.mips
                    .walk(vaddr, self.mips_directory(vaddr, read)?, read)
            }),
            Arch::Parisc => parisc::walk(vaddr, self.landmarks.swapper_pg_dir?, read),
        }
    }

    fn read_word(&self, memory: &impl Memory, vaddr: u64) -> Option<u32> {
        let mut bytes = [0; 4];
        let found = memory.read(vaddr, &mut bytes);
        found.then(|| self.target.word(bytes))
    }

    /// A word of page tables, by its physical address.
    fn read_table(&self, memory: &impl Memory, paddr: u64) -> Option<u32> {
        let mut bytes = [0; 4];
        if memory.read_physical(paddr, &mut bytes) {
            return Some(self.target.word(bytes));
        }
        self.read_word(memory, self.layout.linear(paddr)?)
    }

    fn mips_directory(&self, vaddr: u64, read: impl Fn(u64) -> Option<u32>) -> Option<u64> {
        if vaddr >= mips::KSEG2 {
            self.landmarks.swapper_pg_dir
        } else {
            read(self.landmarks.pgd_current?).map(u64::from)
        }
    }

    fn learn_pte_layout(&mut self, memory: &impl Memory, vaddr: u64, paddr: u64) {
        let read = |vaddr| self.read_word(memory, vaddr);
        if let Some(directory) = self.mips_directory(vaddr, read)
            && let Some(pte) = mips::pte(vaddr, directory, read)
        {
            self.mips.learn(pte, paddr);
        }
    }

    /// ARM: the system control register gets a new value. Returns whether that changes how accesses are treated.
    pub fn write_control(&mut self, value: u32) -> bool {
        self.arm.write_control(value)
    }

    /// A coprocessor register gets a new value.
    ///
    /// # Errors
    ///
    /// A fragment, if translations are then made in a way that is not understood.
    pub fn write_register(&mut self, to: TlbRegister, value: u32) -> Result<Ended, String> {
        Ok(match self.target.arch {
            Arch::Arm => {
                self.arm.write_register(to, value)?;
                Ended::Programs
            }
            Arch::Mips => self.mips.write_register(to, value)?,
            Arch::Parisc => Ended::Nothing,
        })
    }

    /// MIPS: the TLB is asked for the pages in EntryHi.
    pub fn probe(&mut self, in_exception: bool) -> Ended {
        self.mips.probe(in_exception)
    }

    /// MIPS: the TLB's entry at Index is written.
    ///
    /// # Errors
    ///
    /// A fragment for pages of another size than 4 KiB.
    pub fn write_indexed(&mut self) -> Result<Ended, String> {
        self.mips.write_indexed()
    }

    /// Whether hardware can reach memory through a virtual address for as long as the guest runs.
    #[must_use]
    pub fn is_fixed(&self, vaddr: u64) -> bool {
        mips_segment(self.target, vaddr)
    }

    /// The virtual address by which the cache knows the one that maintenance names. PA-RISC's firmware runs untranslated.
    #[must_use]
    pub fn maintained(&self, vaddr: u64, pc: u64) -> u64 {
        let firmware = parisc::DEVICES..1 << 32;
        if self.target.arch == Arch::Parisc && firmware.contains(&pc) {
            // Absolute addresses have no space.
            parisc::of_absolute(vaddr & 0xffff_ffff)
        } else {
            vaddr
        }
    }

    /// Whether hardware may fill lines through the translation of a virtual address.
    #[must_use]
    pub fn may_speculate(&self, vaddr: u64) -> bool {
        self.target.arch != Arch::Parisc || !parisc::TEMPORARY_ALIAS.contains(&vaddr)
    }
}

fn mips_segment(target: Target, vaddr: u64) -> bool {
    target.arch == Arch::Mips && mips::segment(vaddr).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Page tables, while the TLB has them.
    struct Tables {
        words: HashMap<u64, u32>,
        shown: bool,
        /// The emulator reads physical memory, too.
        physical: bool,
    }

    impl Memory for Tables {
        fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
            let word = self.words.get(&vaddr).copied().unwrap_or(0);
            into.copy_from_slice(&word.to_be_bytes());
            self.shown
        }

        fn read_physical(&self, paddr: u64, into: &mut [u8]) -> bool {
            self.read(paddr + parisc::PAGE_OFFSET, into);
            self.physical
        }

        fn translate(&self, vaddr: u64) -> Option<u64> {
            (self.physical && vaddr == 0x7_0040_0010).then_some(0x0078_9010)
        }
    }

    fn parisc() -> Translator {
        let target = Target::by_name("hppa").unwrap();
        let landmarks = Landmarks {
            swapper_pg_dir: Some(0x1050_0000),
            ..Landmarks::default()
        };
        Translator::new(target, landmarks)
    }

    /// A table at 0x123000, and in it 0x456000, present and uncached.
    fn tables(shown: bool, physical: bool) -> Tables {
        let words = HashMap::from([(0x1050_0004, 0x1233), (0x1012_3780, 0x0045_6280)]);
        Tables {
            words,
            shown,
            physical,
        }
    }

    const UNCACHED: (u64, u64) = (0x005e_0010, 0x0045_6010);

    #[test]
    fn an_uncached_page_of_parisc_is_known_when_its_tables_are_out_of_sight() {
        let (mut tables, mut translator) = (tables(true, false), parisc());
        let (vaddr, paddr) = UNCACHED;
        translator.end(&tables, vaddr);
        tables.shown = false;
        assert!(translator.is_uncached(&tables, vaddr, paddr));
        // Another page is there meanwhile, or none was when it ended.
        assert!(!translator.is_uncached(&tables, vaddr, paddr + PAGE_SIZE));
        tables.words.clear();
        tables.shown = true;
        translator.end(&tables, vaddr);
        tables.shown = false;
        assert!(!translator.is_uncached(&tables, vaddr, paddr));
    }

    #[test]
    fn physical_memory_shows_tables_that_the_tlb_has_not() {
        let (vaddr, paddr) = UNCACHED;
        assert!(!parisc().is_uncached(&tables(false, false), vaddr, paddr));
        assert!(parisc().is_uncached(&tables(false, true), vaddr, paddr));
    }

    #[test]
    fn a_program_s_page_is_where_the_emulator_says() {
        let vaddr = 0x7_0040_0010;
        let found = |physical| parisc().translate(&tables(false, physical), vaddr);
        assert_eq!(found(false), None);
        assert_eq!(found(true), Some(0x0078_9010));
    }
}
