// SPDX-License-Identifier: GPL-2.0-only
//! Linux's page tables on 32-bit PA-RISC (arch/parisc/include/asm/pgtable.h). Hardware has only a TLB.

use super::Mapping;

/// First virtual address of the kernel's linear map.
pub const PAGE_OFFSET: u64 = 0x1000_0000;

const PRESENT: u32 = 1 << 9;
const NO_CACHE: u32 = 1 << 7;

/// Walks the kernel's tables. `directory` is its virtual address; `read` reads a word of physical memory. User spaces
/// have tables of their own, which are not looked at.
pub fn walk(vaddr: u64, directory: u64, read: impl Fn(u64) -> Option<u32>) -> Option<Mapping> {
    if vaddr >> 32 != 0 {
        return None;
    }
    let entry = read((directory - PAGE_OFFSET) + (vaddr >> 22) * 4)?;
    // The low four bits are flags, and the rest is the table's address without its low eight bits.
    let table = u64::from(entry & !0xf) << 4;
    if table == 0 {
        return None;
    }
    let pte = read(table + (vaddr >> 12 & 0x3ff) * 4)?;
    (pte & PRESENT != 0).then(|| Mapping {
        paddr: u64::from(pte & !0xfff) | vaddr & 0xfff,
        cached: pte & NO_CACHE == 0,
    })
}
