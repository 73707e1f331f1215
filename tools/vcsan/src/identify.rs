// SPDX-License-Identifier: GPL-2.0-only
//! The cache's geometry, from the registers that the kernel reads to find it out, with the same rules.
//!
//! ARM: MIDR, CTR and, since ARMv7, CCSIDR (DDI 0100I B6.5, DDI 0406C B4.1); `cacheid_init()` in arch/arm/kernel/setup.c. MIPS:
//! Config1 (MD00090, 9.34); `probe_pcache()` in arch/mips/mm/c-r4k.c. PA-RISC's kernel asks its firmware, and keeps the
//! answer in `dcache_stride`.

use crate::decode::Arch;
use crate::guest::Target;
use crate::runs::Code;
use vcsan_model::Geometry;
use vcsan_model::geometry::{GeometryError, PAGE_SIZE};

/// PA-RISC: aliases so far apart are the same to the cache (`SHM_COLOUR` in arch/parisc/include/asm/shmparam.h).
const EQUIVALENCE: u64 = 4 << 20;

/// A register that tells of the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// ARM: MIDR is read.
    Main,
    /// ARM: CTR is read.
    CacheType,
    /// ARMv7: CSSELR is written, which says which cache CCSIDR is about.
    CacheSelect,
    /// ARMv7: CCSIDR is read.
    CacheSize,
    /// MIPS: Config1 is read.
    Config1,
}

const IDENTITIES: [Identity; 5] = [
    Identity::Main,
    Identity::CacheType,
    Identity::CacheSelect,
    Identity::CacheSize,
    Identity::Config1,
];

/// A transfer between a general register and one that tells of the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which.
    pub identity: Identity,
    /// The general register.
    pub register: u8,
}

impl Reading {
    /// In a number.
    #[must_use]
    pub fn number(self) -> usize {
        let place = IDENTITIES.iter().position(|one| *one == self.identity);
        place.unwrap_or(0) << 8 | usize::from(self.register)
    }

    /// What a number stands for.
    #[must_use]
    pub fn of_number(number: usize) -> Option<Self> {
        Some(Self {
            identity: *IDENTITIES.get(number >> 8)?,
            // CAST: the low byte.
            register: number as u8,
        })
    }
}

/// Transfers in a block, each with the instruction before which the general register has the value.
#[must_use]
pub fn find(target: Target, block: &[Code]) -> Vec<(usize, Reading)> {
    let transfers = block.iter().enumerate().filter_map(|(index, code)| {
        let bytes: [u8; 4] = code.bytes().try_into().ok()?;
        let reading = transfer(target, target.word(bytes))?;
        let written = reading.identity == Identity::CacheSelect;
        Some((index + usize::from(!written), reading))
    });
    // One that ends a block is read again elsewhere.
    transfers
        .filter(|(index, _)| *index < block.len())
        .collect()
}

fn transfer(target: Target, word: u32) -> Option<Reading> {
    // CAST: masked.
    let register = |word: u32, shift: u32, bits: u32| (word >> shift & bits) as u8;
    match target.arch {
        Arch::Arm => {
            // Thumb-2 has its halves the other way round.
            let word = match word & 0xffff {
                0xee10 | 0xee30 | 0xee40 => word.rotate_left(16),
                _ => word,
            };
            let identity = match word & 0x0fff_0fff {
                0x0e10_0f10 => Identity::Main,
                0x0e10_0f30 => Identity::CacheType,
                0x0e40_0f10 => Identity::CacheSelect,
                0x0e30_0f10 => Identity::CacheSize,
                _ => return None,
            };
            Some(Reading {
                identity,
                register: register(word, 12, 15),
            })
        }
        Arch::Mips if word & 0xffe0_ffff == 0x4000_8001 => Some(Reading {
            identity: Identity::Config1,
            register: register(word, 16, 31),
        }),
        Arch::Mips | Arch::Parisc => None,
    }
}

/// What the registers have said.
#[derive(Debug, Default)]
pub struct Identified {
    main: Option<u32>,
    cache_type: Option<u32>,
    selected: Option<u32>,
    cache_size: Option<u32>,
    config1: Option<u32>,
}

impl Identified {
    /// A register has this value.
    pub fn learn(&mut self, identity: Identity, value: u32) {
        match identity {
            Identity::Main => self.main = Some(value),
            Identity::CacheType => self.cache_type = Some(value),
            Identity::CacheSelect => self.selected = Some(value),
            // The first level's for data.
            Identity::CacheSize if self.selected == Some(0) => self.cache_size = Some(value),
            Identity::CacheSize => {}
            Identity::Config1 => self.config1 = Some(value),
        }
    }

    /// The cache, as soon as enough is known.
    ///
    /// # Errors
    ///
    /// A fragment, for one that the model does not know.
    pub fn geometry(&self) -> Result<Option<Geometry>, String> {
        let made = match (self.config1, self.main, self.cache_type) {
            (Some(config1), ..) => mips(config1),
            (_, Some(_), Some(cache_type)) if cache_type >> 29 == 4 => {
                let Some(size) = self.cache_size else {
                    return Ok(None);
                };
                let (line, ways) = (16 << (size & 7), (size >> 3 & 0x3ff) + 1);
                let sets = (size >> 13 & 0x7fff) + 1;
                // The first level's data cache never aliases.
                Geometry::pipt(line, sets * line, ways)
            }
            (_, Some(main), Some(cache_type)) => arm_before_v7(main, cache_type),
            _ => return Ok(None),
        };
        made.map(Some).map_err(|error| error.to_string())
    }

    /// The cache of a CPU whose kernel does not look: one for ARMv5 only takes for granted that it is virtual. ARM926EJ-S: 4 ways,
    /// lines of 32 bytes (DDI 0198E, 4.1); how many, nobody needs to know, as it is flushed by test-and-clean.
    #[must_use]
    pub fn assumed(&self) -> Option<Geometry> {
        const ARM926: u32 = 0x4100_9260;
        let is = self.main.is_some_and(|main| main & 0xff00_fff0 == ARM926);
        is.then(|| Geometry::vivt(32, 16 << 10, 4, false).ok())
            .flatten()
    }
}

type Made = Result<Geometry, GeometryError>;

fn arm_before_v7(main: u32, cache_type: u32) -> Made {
    let data = cache_type >> 12 & 0xfff;
    let line = 8 << (data & 3);
    // With M, half as much again.
    let (base, third) = (2 + (data >> 2 & 1), data >> 3 & 7);
    let ways = (base << third) >> 1;
    let size = (base << 8) << (data >> 6 & 15);
    let way = size / ways.max(1);
    let (v6, colours) = (main >> 16 & 15 >= 7, data >> 11 & 1 == 1);
    if !v6 {
        Geometry::vivt(line, way, ways, false)
    } else if colours && u64::from(way) > PAGE_SIZE {
        Geometry::vipt(line, way, ways)
    } else {
        Geometry::pipt(line, way, ways)
    }
}

fn mips(config1: u32) -> Made {
    let sets = match config1 >> 13 & 7 {
        7 => 32,
        shift => 64 << shift,
    };
    let line = 2 << (config1 >> 10 & 7);
    Geometry::vipt(line, sets * line, (config1 >> 7 & 7) + 1)
}

/// PA-RISC's, whose lines have so many bytes.
///
/// # Errors
///
/// A fragment, for one that the model does not know.
pub fn parisc(line: u32) -> Result<Geometry, String> {
    Geometry::parisc(line, EQUIVALENCE, 0).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(main: u32, cache_type: u32) -> Geometry {
        let mut identified = Identified::default();
        identified.learn(Identity::Main, main);
        assert_eq!(identified.geometry(), Ok(None));
        identified.learn(Identity::CacheType, cache_type);
        identified.geometry().unwrap().unwrap()
    }

    #[test]
    fn registers_of_qemu_s_machines() {
        let vivt = Geometry::vivt(32, 16384, 4, false).unwrap();
        let vipt = Geometry::vipt(32, 16384, 4).unwrap();
        // ARM926EJ-S, ARM1136, ARM1176.
        for (main, assumed) in [(0x4106_9265, Some(vivt)), (0x4107_b362, None)] {
            let mut identified = Identified::default();
            identified.learn(Identity::Main, main);
            assert_eq!(identified.assumed(), assumed);
        }
        assert_eq!(arm(0x4106_9265, 0x01dd_20d2), vivt);
        assert_eq!(arm(0x4107_b362, 0x01dd_20d2), vipt);
        assert_eq!(arm(0x410f_b767, 0x01dd_20d2), vipt);
        // Cortex-A15, which has a cache for each number in CSSELR.
        let mut identified = Identified::default();
        for (identity, value) in [
            (Identity::Main, 0x412f_c0f1),
            (Identity::CacheType, 0x8444_c004),
            (Identity::CacheSelect, 1),
            (Identity::CacheSize, 0x201f_e00a),
        ] {
            identified.learn(identity, value);
            assert_eq!(identified.geometry(), Ok(None));
        }
        identified.learn(Identity::CacheSelect, 0);
        identified.learn(Identity::CacheSize, 0x701f_e00a);
        assert_eq!(
            identified.geometry(),
            Ok(Some(Geometry::pipt(64, 16384, 2).unwrap()))
        );
        // P5600, 24Kf.
        for (config1, (line, way, ways)) in [
            (2 << 13 | 4 << 10 | 3 << 7, (32, 8192, 4)),
            (3 << 10 | 1 << 7, (16, 1024, 2)),
        ] {
            let mut identified = Identified::default();
            identified.learn(Identity::Config1, config1);
            let wanted = Geometry::vipt(line, way, ways).unwrap();
            assert_eq!(identified.geometry(), Ok(Some(wanted)));
        }
        assert_eq!(parisc(32).unwrap().to_string(), "parisc:32:4194304");
    }

    #[test]
    fn instructions_that_read_them() {
        let block = |words: &[u32], big: bool| -> Vec<Code> {
            let bytes = |word: &u32| {
                if big {
                    word.to_be_bytes()
                } else {
                    word.to_le_bytes()
                }
            };
            let pcs = (0..).step_by(4);
            words
                .iter()
                .zip(pcs)
                .map(|(word, pc)| Code::new(pc, &bytes(word)))
                .collect()
        };
        let arm = Target::by_name("arm").unwrap();
        let reading = |identity, register| Reading { identity, register };
        // mrc p15, 0, r9, c0, c0, 0; mcr p15, 2, r0, c0, c0, 0; mrc p15, 1, r0, c0, c0, 0; nop
        let found = find(
            arm,
            &block(&[0xee10_9f10, 0xee40_0f10, 0xee30_0f10, 0xe1a0_0000], false),
        );
        assert_eq!(
            found,
            [
                (1, reading(Identity::Main, 9)),
                (1, reading(Identity::CacheSelect, 0)),
                (3, reading(Identity::CacheSize, 0)),
            ]
        );
        // The same in Thumb-2: the halves as they lie in memory. And one at a block's end.
        let found = find(arm, &block(&[0x9f30_ee10, 0xbf00_bf00, 0xee10_9f10], false));
        assert_eq!(found, [(1, reading(Identity::CacheType, 9))]);
        // mfc0 $2, $16, 1
        for (name, big) in [("mips", true), ("mipsel", false)] {
            let found = find(
                Target::by_name(name).unwrap(),
                &block(&[0x4002_8001, 0], big),
            );
            assert_eq!(found, [(1, reading(Identity::Config1, 2))]);
        }
        for (_, reading) in found {
            assert_eq!(Reading::of_number(reading.number()), Some(reading));
        }
    }
}
