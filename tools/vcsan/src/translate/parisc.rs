// SPDX-License-Identifier: GPL-2.0-only
//! Linux's page tables on 32-bit PA-RISC (arch/parisc/include/asm/pgtable.h). Hardware has only a TLB.

use super::Mapping;
use std::ops::Range;

/// First virtual address of the kernel's linear map.
pub const PAGE_OFFSET: u64 = 0x1000_0000;
/// First address of firmware and devices.
pub const DEVICES: u64 = 0xf000_0000;

/// The kernel's linear map.
pub const LINEAR: Range<u64> = PAGE_OFFSET..DEVICES;

const PRESENT: u32 = 1 << 9;
const NO_CACHE: u32 = 1 << 7;

/// Where the kernel maps one page for each CPU and moment, to flush it under the alias of a program
/// (`TMPALIAS_MAP_START` in arch/parisc/include/asm/fixmap.h). What its miss handler inserts for that has nothing but the T
/// bit, which keeps data from being moved in (`do_alias` in arch/parisc/kernel/entry.S).
pub const TEMPORARY_ALIAS: Range<u64> = PAGE_OFFSET - (8 << 20)..PAGE_OFFSET;

/// The virtual address by which memory is reached in the cache like by an absolute one: modulo the distance of
/// equivalence, 4 MiB, both are the same.
#[must_use]
pub fn of_absolute(address: u64) -> u64 {
    if address < DEVICES - PAGE_OFFSET {
        address + PAGE_OFFSET
    } else {
        address
    }
}

/// Walks the kernel's tables. `directory` is its virtual address; `read` reads a word of physical memory. User spaces
/// have tables of their own, which are not looked at.
pub fn walk(vaddr: u64, directory: u64, read: impl Fn(u64) -> Option<u32>) -> Option<Mapping> {
    if vaddr >> 32 != 0 {
        return None;
    }
    // The linear map never changes, and QEMU shows memory, page tables too, only where the TLB has it.
    if LINEAR.contains(&vaddr) {
        return Some(Mapping {
            paddr: vaddr - PAGE_OFFSET,
            cached: true,
            section: false,
        });
    }
    let entry = read((directory - PAGE_OFFSET) + (vaddr >> 22) * 4)?;
    // The low four bits are flags; the rest is the table's address, shifted by eight.
    let table = u64::from(entry & !0xf) << 8;
    if table == 0 {
        return None;
    }
    let pte = read(table + (vaddr >> 12 & 0x3ff) * 4)?;
    (pte & PRESENT != 0).then(|| Mapping {
        paddr: u64::from(pte & !0xfff) | vaddr & 0xfff,
        cached: pte & NO_CACHE == 0,
        section: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_addresses() {
        assert_eq!(of_absolute(0x50_0010), 0x1050_0010);
        assert_eq!(of_absolute(0xf000_0010), 0xf000_0010);
    }

    #[test]
    fn cached_and_uncached_pages() {
        let read = |paddr: u64| match paddr {
            // The directory's entry for 0x0fc00000: a table at 0x123000.
            0x50_00fc => Some(0x0000_1233),
            0x12_3004 => Some(0x0045_6000 | PRESENT),
            0x12_3008 => Some(0x0045_7000 | PRESENT | NO_CACHE),
            _ => Some(0),
        };
        let walk = |vaddr| walk(vaddr, PAGE_OFFSET + 0x50_0000, read);
        let found = |paddr, cached| {
            Some(Mapping {
                paddr,
                cached,
                section: false,
            })
        };
        assert_eq!(walk(0x0fc0_1010), found(0x45_6010, true));
        assert_eq!(walk(0x0fc0_2010), found(0x45_7010, false));
        assert_eq!(walk(0x0fc0_3010), None);
        assert_eq!(walk(0x1_0fc0_1010), None);
        assert_eq!(walk(PAGE_OFFSET + 0x1234), found(0x1234, true));
    }
}
