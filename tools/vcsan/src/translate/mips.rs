// SPDX-License-Identifier: GPL-2.0-only
//! MIPS32: fixed segments, Linux's two-level page tables, and what the kernel writes into the TLB by hand.

use super::Mapping;
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

/// What the kernel put into the TLB with its own hands, and how its page tables look.
///
/// `kmap_coherent` makes mappings in wired entries that no page table has (arch/mips/mm/init.c).
#[derive(Clone, Debug, Default)]
pub struct Tlb {
    entry_hi: u32,
    entry_lo: [u32; 2],
    /// By virtual address of the pair of pages.
    kernel: HashMap<u64, [u32; 2]>,
    /// Place of the frame number in page table entries, once known: above software bits, which depend on the kernel.
    frame_shift: Option<u32>,
}

impl Tlb {
    /// A new value of a coprocessor register.
    pub fn write_register(&mut self, to: TlbRegister, value: u32) {
        match to {
            TlbRegister::EntryHi => self.entry_hi = value,
            TlbRegister::EntryLo0 => self.entry_lo[0] = value,
            TlbRegister::EntryLo1 => self.entry_lo[1] = value,
            _ => {}
        }
    }

    /// An entry is written. Returns the address of its pair of pages.
    pub fn write_entry(&mut self) -> u64 {
        let pair = u64::from(self.entry_hi & !0x1fff);
        if pair >= KSEG2 {
            if self.entry_lo.iter().any(|lo| lo & 2 != 0) {
                self.kernel.insert(pair, self.entry_lo);
            } else {
                self.kernel.remove(&pair);
            }
        }
        pair
    }

    /// The mapping that the kernel wrote last for an address of its own.
    #[must_use]
    pub fn find(&self, vaddr: u64) -> Option<Mapping> {
        let lo = self.kernel.get(&(vaddr & !0x1fff))?[(vaddr >> 12 & 1) as usize];
        // EntryLo: frame number in bits 29 to 6, attributes in 5 to 3, valid in 1.
        (lo & 2 != 0).then(|| Mapping {
            paddr: u64::from(lo >> 6 & 0xff_ffff) << 12 | vaddr & 0xfff,
            cached: cached(lo >> 3),
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

    #[test]
    fn entries_written_by_hand() {
        let mut tlb = Tlb::default();
        tlb.write_register(TlbRegister::EntryHi, 0xfffe_8000);
        tlb.write_register(TlbRegister::EntryLo0, 0x1234 << 6 | 3 << 3 | 7);
        tlb.write_register(TlbRegister::EntryLo1, 0x1235 << 6 | 2 << 3 | 7);
        assert_eq!(tlb.write_entry(), 0xfffe_8000);
        let found = |paddr, cached| Some(Mapping { paddr, cached });
        assert_eq!(tlb.find(0xfffe_8010), found(0x123_4010, true));
        assert_eq!(tlb.find(0xfffe_9010), found(0x123_5010, false));
        tlb.write_register(TlbRegister::EntryLo0, 0);
        tlb.write_register(TlbRegister::EntryLo1, 0);
        tlb.write_entry();
        assert_eq!(tlb.find(0xfffe_8010), None);
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
                cached: true
            })
        );
        assert_eq!(tlb.walk(0xc000_2008, 0x8060_0000, read), None);
    }
}
