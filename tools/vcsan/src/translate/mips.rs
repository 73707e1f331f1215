// SPDX-License-Identifier: GPL-2.0-only
//! MIPS32: fixed segments, Linux's two-level page tables, and what the kernel writes into the TLB by hand.

use super::{Ended, Mapping};
use crate::decode::TlbRegister;
use std::collections::HashMap;

/// First address of the cached fixed segment.
pub const KSEG0: u64 = 0x8000_0000;
/// First address of the kernel's mapped segment.
pub const KSEG2: u64 = 0xc000_0000;

/// The physical address of one in a fixed segment.
#[must_use]
pub fn segment(vaddr: u64) -> Option<u64> {
    (KSEG0..KSEG2)
        .contains(&vaddr)
        .then_some(vaddr & 0x1fff_ffff)
}

/// Whether an address lies in the fixed segment that is not cached.
#[must_use]
pub fn in_kseg1(vaddr: u64) -> bool {
    vaddr >> 29 == 0b101
}

/// The page table entry of an address: `directory` is the virtual address of the page directory (pgd), whose entries
/// are virtual addresses of tables (arch/mips/include/asm/pgtable-32.h).
pub fn pte(vaddr: u64, directory: u64, read: impl Fn(u64) -> Option<u32>) -> Option<u32> {
    let table = read(directory + (vaddr >> 22) * 4)?;
    let entry = read(u64::from(table) + (vaddr >> 12 & 0x3ff) * 4)?;
    (entry != 0).then_some(entry)
}

/// Whether cache coherency attributes (3 bits) mean that accesses go through the cache.
fn cached(attributes: u32) -> bool {
    // 2: uncached; 7: uncached accelerated.
    !matches!(attributes & 7, 2 | 7)
}

/// In EntryHi: the number of an address space.
const ASID: u32 = 0x3ff;
/// In EntryHi: the pair of pages.
const PAIR: u32 = !0x1fff;

/// What the kernel does to the TLB with its own hands, and how its page tables look.
///
/// Translations come into the TLB unseen, be it by a walker in hardware, which P5600 has and Linux turns on, or by the
/// handlers of exceptions, for which hardware sets EntryHi. They leave it as unseen, for others. But a kernel does not know
/// what has left, so what a translation's end may mean to it begins where it has seen to it (arch/mips/mm/tlb-r4k.c):
///
/// - One pair of pages: it probes for it, and overwrites the entry if it is there. After the probe it is in none.
/// - All: it overwrites all entries behind the wired ones, or has them invalidated (`tlbinvf`).
/// - A program's: it is given another address space, and the number of its old one comes back only after all have gone.
/// - Wired ones: it overwrites the entry. `kmap_coherent` makes mappings there that no page table has (arch/mips/mm/init.c).
#[derive(Clone, Debug, Default)]
pub struct Tlb {
    entry_hi: u32,
    entry_lo: [u32; 2],
    page_mask: u32,
    /// Index, if the kernel has written it; a probe leaves there what only hardware knows.
    index: Option<u32>,
    /// The current address space.
    space: u32,
    /// The pairs of pages of the kernel's that it wrote to entries of its choice.
    by_hand: HashMap<u32, u64>,
    /// What it wrote there, by address of the pair.
    kernel: HashMap<u64, [u32; 2]>,
    /// How many entries in a row were emptied, and the last of them.
    emptied: (u32, u32),
    /// Place of the frame number in page table entries, once known: above software bits, which depend on the kernel.
    frame_shift: Option<u32>,
}

impl Tlb {
    /// A new value of a coprocessor register.
    ///
    /// # Errors
    ///
    /// A fragment, if page tables look different from then on.
    pub fn write_register(&mut self, to: TlbRegister, value: u32) -> Result<Ended, String> {
        match to {
            TlbRegister::EntryHi => return Ok(self.write_entry_hi(value)),
            // Whether kseg0 is cached.
            TlbRegister::Config => return Ok(Ended::Everything),
            TlbRegister::PageMask => self.page_mask = value,
            TlbRegister::EntryLo0 => self.entry_lo[0] = value,
            TlbRegister::EntryLo1 => self.entry_lo[1] = value,
            TlbRegister::Index => self.index = Some(value),
            _ => {}
        }
        Ok(Ended::Nothing)
    }

    fn write_entry_hi(&mut self, value: u32) -> Ended {
        self.entry_hi = value;
        let pair = u64::from(value & PAIR);
        // `local_flush_tlb_all` puts EntryHi back when it is through; nothing else empties entries in a row.
        if segment(pair).is_none() && std::mem::take(&mut self.emptied).0 > 1 {
            self.space = value & ASID;
            return Ended::Everything;
        }
        // Where it is about an entry, EntryHi names its pages, and no program's pages begin at 0. After a flush it gets
        // back what it had, which is the current space, and the pages of the last exception.
        if pair == 0 && value & ASID != self.space {
            self.space = value & ASID;
            return Ended::Programs;
        }
        Ended::Nothing
    }

    /// `tlbp`. `in_exception`: EntryHi is hardware's, so that this is no flush.
    pub fn probe(&mut self, in_exception: bool) -> Ended {
        self.index = None;
        let pair = u64::from(self.entry_hi & PAIR);
        let other_space = pair < KSEG0 && self.entry_hi & ASID != self.space;
        if in_exception || other_space || segment(pair).is_some() {
            return Ended::Nothing;
        }
        Ended::Pairs([Some(pair), None])
    }

    /// `tlbwi`: an entry is written at Index.
    ///
    /// # Errors
    ///
    /// A fragment for pages of another size than 4 KiB.
    pub fn write_indexed(&mut self) -> Result<Ended, String> {
        // Bits 12 and 11 are of pages of 1 KiB, and read as the hardware likes.
        if self.page_mask & 0x1fff_e000 != 0 {
            let kib = ((self.page_mask | 0x1fff) + 1) >> 11;
            return Err(format!(
                "follow pages of {kib} KiB: build the kernel with those of 4 KiB, and without huge ones"
            ));
        }
        Ok(self.write_entry())
    }

    fn write_entry(&mut self) -> Ended {
        // What a probe found has ended with it, and goes on with the next access if it is written again.
        let Some(index) = self.index else {
            return Ended::Nothing;
        };
        let before = self.by_hand.remove(&index);
        if let Some(pair) = before {
            self.kernel.remove(&pair);
        }
        let pair = u64::from(self.entry_hi & PAIR);
        if segment(pair).is_some() {
            let row = match self.emptied {
                (row, last) if row != 0 && last + 1 == index => row + 1,
                _ => 1,
            };
            self.emptied = (row, index);
            return Ended::Pairs([before, None]);
        }
        if pair >= KSEG2 {
            self.by_hand.insert(index, pair);
            self.kernel.insert(pair, self.entry_lo);
        }
        Ended::Pairs([before, Some(pair)])
    }

    /// The mapping that the kernel wrote last for an address of its own.
    #[must_use]
    pub fn find(&self, vaddr: u64) -> Option<Mapping> {
        let lo = self.kernel.get(&(vaddr & !0x1fff))?[(vaddr >> 12 & 1) as usize];
        // EntryLo: frame number in bits 29 to 6, attributes in 5 to 3, valid in 1.
        (lo & 2 != 0).then(|| Mapping {
            paddr: u64::from(lo >> 6 & 0xff_ffff) << 12 | vaddr & 0xfff,
            cached: cached(lo >> 3),
            section: false,
        })
    }

    /// Finds the frame number in a page table entry of known translation.
    pub fn learn(&mut self, pte: u32, paddr: u64) {
        if self.frame_shift.is_none() && paddr >> 12 != 0 {
            self.frame_shift = (9..=16).find(|shift| u64::from(pte >> shift) == paddr >> 12);
        }
    }

    /// Walks the tables.
    pub fn walk(
        &self,
        vaddr: u64,
        directory: u64,
        read: impl Fn(u64) -> Option<u32>,
    ) -> Option<Mapping> {
        let shift = self.frame_shift?;
        let entry = pte(vaddr, directory, read)?;
        // Below the frame number: attributes, dirty, valid (arch/mips/include/asm/pgtable-bits.h).
        (entry >> (shift - 5) & 1 != 0).then(|| Mapping {
            paddr: u64::from(entry >> shift) << 12 | vaddr & 0xfff,
            cached: cached(entry >> (shift - 3)),
            section: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments() {
        assert_eq!(segment(0x8000_1234), Some(0x1234));
        assert_eq!(segment(0xa100_1234), Some(0x100_1234));
        assert!(in_kseg1(0xa000_0000) && !in_kseg1(0x9fff_ffff) && !in_kseg1(0xc000_0000));
        assert_eq!((segment(0x7fff_ffff), segment(KSEG2)), (None, None));
    }

    fn pair(vaddr: u64) -> Ended {
        Ended::Pairs([Some(vaddr), None])
    }

    /// Writes an entry as the kernel does.
    fn write_at(tlb: &mut Tlb, index: u32, entry_hi: u32, entry_lo: [u32; 2]) -> Ended {
        tlb.write_register(TlbRegister::EntryHi, entry_hi).unwrap();
        tlb.write_register(TlbRegister::EntryLo0, entry_lo[0])
            .unwrap();
        tlb.write_register(TlbRegister::EntryLo1, entry_lo[1])
            .unwrap();
        tlb.write_register(TlbRegister::Index, index).unwrap();
        tlb.write_indexed().unwrap()
    }

    #[test]
    fn entries_written_by_hand() {
        let mut tlb = Tlb::default();
        let lo = [0x1234 << 6 | 3 << 3 | 7, 0x1235 << 6 | 2 << 3 | 7];
        let written = Ended::Pairs([None, Some(0xfffe_8000)]);
        assert_eq!(write_at(&mut tlb, 0, 0xfffe_8000, lo), written);
        let found = |paddr, cached| {
            Some(Mapping {
                paddr,
                cached,
                section: false,
            })
        };
        assert_eq!(tlb.find(0xfffe_8010), found(0x123_4010, true));
        assert_eq!(tlb.find(0xfffe_9010), found(0x123_5010, false));
        assert_eq!(
            write_at(&mut tlb, 0, 0x8000_0000, [0; 2]),
            pair(0xfffe_8000)
        );
        assert_eq!(tlb.find(0xfffe_8010), None);
        // One entry is no flush.
        let back = tlb
            .write_register(TlbRegister::EntryHi, 0xc000_0000)
            .unwrap();
        assert_eq!(back, Ended::Nothing);
    }

    #[test]
    fn a_flush_of_a_pair_is_a_probe_for_it() {
        let mut tlb = Tlb::default();
        tlb.write_register(TlbRegister::EntryHi, 7).unwrap();
        for (entry_hi, in_exception, ended) in [
            (0xc000_2000, false, pair(0xc000_2000)),
            (0xc000_2000, true, Ended::Nothing),
            (0x0040_0007, false, pair(0x0040_0000)),
            // Another program's, which went when this one came.
            (0x0040_0008, false, Ended::Nothing),
        ] {
            tlb.write_register(TlbRegister::EntryHi, entry_hi).unwrap();
            assert_eq!(tlb.probe(in_exception), ended);
            // What was found is overwritten, where hardware says.
            tlb.write_register(TlbRegister::EntryHi, 0x8000_2000)
                .unwrap();
            assert_eq!(tlb.write_indexed().unwrap(), Ended::Nothing);
        }
    }

    #[test]
    fn a_flush_of_everything_is_a_loop() {
        let mut tlb = Tlb::default();
        for index in 1..16 {
            let ended = write_at(&mut tlb, index, 0x8000_0000 + (index << 13), [0; 2]);
            assert_eq!(ended, Ended::Pairs([None, None]));
        }
        let back = |tlb: &mut Tlb| {
            tlb.write_register(TlbRegister::EntryHi, 0xc000_0000)
                .unwrap()
        };
        assert_eq!(back(&mut tlb), Ended::Everything);
        assert_eq!(back(&mut tlb), Ended::Nothing);
    }

    #[test]
    fn another_address_space() {
        let mut tlb = Tlb::default();
        for (value, ended) in [
            (1, Ended::Programs),
            (0xc000_0000, Ended::Nothing),
            (1, Ended::Nothing),
            (2, Ended::Programs),
        ] {
            assert_eq!(
                tlb.write_register(TlbRegister::EntryHi, value).unwrap(),
                ended
            );
        }
    }

    #[test]
    fn page_tables_whose_layout_an_access_shows() {
        let mut tlb = Tlb::default();
        // Frame at bit 14, attributes 3, dirty, valid.
        let page = 0x1234 << 14 | 3 << 11 | 1 << 10 | 1 << 9 | 0x1f;
        let read = |vaddr: u64| match vaddr {
            0x8060_0c00 => Some(0x8070_0000),
            0x8070_0004 => Some(page),
            _ => Some(0),
        };
        assert_eq!(tlb.walk(0xc000_1008, 0x8060_0000, read), None);
        tlb.learn(page, 0x123_4000);
        let found = tlb.walk(0xc000_1008, 0x8060_0000, read);
        assert_eq!(
            found,
            Some(Mapping {
                paddr: 0x123_4008,
                cached: true,
                section: false,
            })
        );
        assert_eq!(tlb.walk(0xc000_2008, 0x8060_0000, read), None);
    }

    #[test]
    fn pages_of_another_size_are_refused() {
        let mut tlb = Tlb::default();
        // What a probe for them leaves is no page.
        for (mask, refused) in [
            (0x1800, None),
            (0x6000, Some("16 KiB")),
            (0x1f_e000, Some("1024 KiB")),
        ] {
            tlb.write_register(TlbRegister::PageMask, mask).unwrap();
            tlb.write_register(TlbRegister::Index, 0).unwrap();
            let error = tlb.write_indexed().err();
            let says = |says| error.as_ref().is_some_and(|error| error.contains(says));
            assert!(
                refused.map_or(error.is_none(), says),
                "{mask:#x}: {error:?}"
            );
        }
    }
}
