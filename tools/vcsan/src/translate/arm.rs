// SPDX-License-Identifier: GPL-2.0-only
//! ARM's short-descriptor page tables (ARM DDI 0406C, B3.5; v5: DDI 0198, 3.2), as its hardware walks them.

use super::Mapping;
use crate::decode::TlbRegister;

/// System control register: translation is on.
const SCTLR_M: u32 = 1;
/// System control register: the data cache is on.
const SCTLR_C: u32 = 1 << 2;
/// System control register: pages as ARMv6 has them, with TEX where ARMv5 has access rights of subpages. Always 1 on ARMv7.
const SCTLR_XP: u32 = 1 << 23;

/// Bytes that a descriptor of the first level maps.
pub const SECTION: u64 = 1 << 20;
/// Translation table base control register: descriptors have eight bytes (LPAE).
const TTBCR_EAE: u32 = 1 << 31;

/// What the registers say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mmu {
    control: u32,
    ttbr0: u32,
    ttbr1: u32,
    ttbcr: u32,
}

impl Mmu {
    /// Whether virtual addresses are translated.
    #[must_use]
    pub fn translates(&self) -> bool {
        self.control & SCTLR_M != 0
    }

    /// Whether data accesses can go through the cache: only where translation is on, too (without, memory is strongly
    /// ordered).
    #[must_use]
    pub fn caches(&self) -> bool {
        self.translates() && self.control & SCTLR_C != 0
    }

    /// A new value of the system control register. Returns whether it changes how accesses are treated.
    pub fn write_control(&mut self, value: u32) -> bool {
        let changed = (self.control ^ value) & (SCTLR_M | SCTLR_C | SCTLR_XP) != 0;
        self.control = value;
        changed
    }

    /// A new value of another one.
    ///
    /// # Errors
    ///
    /// A fragment, if tables look different from then on.
    pub fn write_register(&mut self, to: TlbRegister, value: u32) -> Result<(), String> {
        match to {
            TlbRegister::Ttbcr if value & TTBCR_EAE != 0 => {
                return Err("walk page tables with long descriptors: \
                            build the kernel without CONFIG_ARM_LPAE"
                    .into());
            }
            TlbRegister::Ttbr0 => self.ttbr0 = value,
            TlbRegister::Ttbr1 => self.ttbr1 = value,
            TlbRegister::Ttbcr => self.ttbcr = value & 7,
            _ => {}
        }
        Ok(())
    }

    /// Walks the tables; `read` reads a word of physical memory.
    pub fn walk(&self, vaddr: u64, read: impl Fn(u64) -> Option<u32>) -> Option<Mapping> {
        // CAST: the guest has 32-bit addresses.
        let va = vaddr as u32;
        let split = self.ttbcr;
        let base = if split != 0 && va >> (32 - split) != 0 {
            self.ttbr1 & !0x3fff
        } else {
            self.ttbr0 & !(0x3fff >> split)
        };
        if self.ttbr0 == 0 {
            return None;
        }
        let lower = base != self.ttbr1 & !0x3fff;
        let va = if lower { va << split >> split } else { va };
        self.walk_from(u64::from(base), u64::from(va), read)
    }

    /// Walks tables that begin at physical address `base`.
    pub fn walk_from(
        &self,
        base: u64,
        vaddr: u64,
        read: impl Fn(u64) -> Option<u32>,
    ) -> Option<Mapping> {
        // CAST: the guest has 32-bit addresses.
        let va = vaddr as u32;
        let first = read(base + u64::from(va >> 20) * 4)?;
        match first & 3 {
            1 => {
                let second = read(u64::from(first & !0x3ff) + u64::from(va >> 12 & 0xff) * 4)?;
                match second & 3 {
                    0 => None,
                    1 => mapping(second & !0xffff, va & 0xffff, second, Some(12), false),
                    2 if self.control & SCTLR_XP == 0 => {
                        mapping(second & !0xfff, va & 0xfff, second, None, false)
                    }
                    _ => mapping(second & !0xfff, va & 0xfff, second, Some(6), false),
                }
            }
            // A supersection's addresses above 4 GiB are no memory of the machines that have one.
            2 if first & 1 << 18 != 0 => {
                mapping(first & !0xff_ffff, va & 0xff_ffff, first, Some(12), true)
            }
            2 => mapping(first & !0xf_ffff, va & 0xf_ffff, first, Some(12), true),
            _ => None,
        }
    }
}

/// `tex` is the place of the field TEX, if there is one.
#[expect(
    clippy::unnecessary_wraps,
    reason = "reads better among branches that have none"
)]
fn mapping(
    frame: u32,
    offset: u32,
    descriptor: u32,
    tex: Option<u32>,
    section: bool,
) -> Option<Mapping> {
    let (b, c) = (descriptor >> 2 & 1 != 0, descriptor >> 3 & 1 != 0);
    // With TEX[2] set, C and B are the inner policy, of which 0 is "not cached". In all other codings (with remapping too,
    // as Linux programs it), memory is cached where C is set.
    let inner = tex.is_some_and(|tex| descriptor >> (tex + 2) & 1 != 0);
    Some(Mapping {
        paddr: u64::from(frame | offset),
        cached: c || inner && b,
        section,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mmu() -> Mmu {
        let mut mmu = Mmu::default();
        mmu.write_register(TlbRegister::Ttbr0, 0x4059).unwrap();
        mmu
    }

    #[test]
    fn control_register() {
        let mut mmu = Mmu::default();
        assert!(mmu.write_control(SCTLR_C) && !mmu.caches());
        assert!(mmu.write_control(SCTLR_C | SCTLR_M) && mmu.caches());
        assert!(!mmu.write_control(SCTLR_C | SCTLR_M | 1 << 12));
    }

    #[test]
    fn sections_and_pages() {
        let read = |paddr: u64| match paddr {
            0x7000 => Some(0x0000_0c0e),            // section, C and B
            0x7224 => Some(0x0000_8811),            // table for 0xc89
            0x8840 => Some(0x0123_445e),            // page 0x10: C and B
            0x8844 => Some(0x0123_5452),            // page 0x11: neither
            0x8848 => Some(0x0001_1045 | 0xa << 4), // page 0x12: large page, B only
            _ => Some(0),
        };
        let walk = |vaddr| mmu().walk(vaddr, read);
        let found = |paddr, cached| {
            Some(Mapping {
                paddr,
                cached,
                section: false,
            })
        };
        let section = walk(0xc001_2345).unwrap();
        assert_eq!(
            (section.paddr, section.cached, section.section),
            (0x1_2345, true, true)
        );
        assert_eq!(walk(0xc891_0004), found(0x0123_4004, true));
        assert_eq!(walk(0xc891_1004), found(0x0123_5004, false));
        assert_eq!(walk(0xc891_2004), found(0x0001_2004, false));
        assert_eq!(walk(0xc891_3004), None);
        assert_eq!(walk(0xd000_0000), None);
        assert_eq!(Mmu::default().walk(0xc000_0000, read), None);
    }

    #[test]
    fn small_pages_have_access_rights_or_a_memory_type() {
        // B, and what is four times "kernel only" or TEX 5: not cached inside, and cached.
        let read = |paddr: u64| match paddr {
            0x7224 => Some(0x0000_8811),
            0x8840 => Some(0x0123_4556),
            _ => Some(0),
        };
        let mut mmu = mmu();
        let cached = |mmu: &Mmu| mmu.walk(0xc891_0000, read).map(|found| found.cached);
        assert_eq!(cached(&mmu), Some(false));
        assert!(mmu.write_control(SCTLR_XP));
        assert_eq!(cached(&mmu), Some(true));
    }

    #[test]
    fn long_descriptors_are_refused() {
        let error = mmu().write_register(TlbRegister::Ttbcr, 0x8000_0000);
        assert!(error.unwrap_err().contains("CONFIG_ARM_LPAE"));
    }

    #[test]
    fn two_table_bases() {
        let mut mmu = mmu();
        mmu.write_register(TlbRegister::Ttbr1, 0x2_4000).unwrap();
        mmu.write_register(TlbRegister::Ttbcr, 1).unwrap();
        let read = |paddr: u64| (paddr == 0x2_4000 + 0xc00 * 4).then_some(0x0030_0c0e);
        let found = mmu.walk(0xc000_0010, read).unwrap();
        assert_eq!(found.paddr, 0x30_0010);
    }
}
