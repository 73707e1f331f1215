// SPDX-License-Identifier: GPL-2.0-only
//! How a data cache finds a line: which virtual addresses of one physical line share a copy, and which are aliases.

use crate::event::Address;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// log2 of the unit in which aliases are told apart. Kernels with larger pages map several of these at once.
pub(crate) const PAGE_SHIFT: u32 = 12;
/// Bytes of that unit.
pub const PAGE_SIZE: u64 = 1 << PAGE_SHIFT;

/// What takes part in finding a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Indexing {
    Physical,
    Colour,
    Virtual { tagged: bool },
    Equivalence { bytes: u64, space_bits: u32 },
}

/// The geometry of a data cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    indexing: Indexing,
    line_shift: u32,
    /// Zero where lines can't be addressed by set and way.
    sets: u32,
    ways: u32,
}

/// Why a geometry can't be modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeometryError {
    /// It is not written as [`Geometry`] is.
    Form,
    /// The line size is not 16, 32 or 64 bytes.
    Line(u32),
    /// The way size is not a power of two of at least one line (and at most 4 MiB).
    WaySize(u32),
    /// There are no ways, or more than 64.
    Ways(u32),
    /// The distance of equivalent aliases is not a power of two of at least one page.
    Equivalence(u64),
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(
                f,
                "understand it: give vivt|vipt|pipt:LINE:WAY:WAYS or parisc:LINE:EQUIVALENCE, sizes in bytes"
            ),
            Self::Line(bytes) => write!(f, "model cache lines of {bytes} bytes: give 16, 32 or 64"),
            Self::WaySize(bytes) => {
                write!(
                    f,
                    "model ways of {bytes} bytes: give a power of two from the line size up to 4 MiB"
                )
            }
            Self::Ways(ways) => write!(f, "model {ways} ways: give 1 to 64"),
            Self::Equivalence(bytes) => {
                write!(
                    f,
                    "model aliases equivalent at {bytes} bytes: give a power of two of at least {PAGE_SIZE}"
                )
            }
        }
    }
}

impl core::error::Error for GeometryError {}

/// As the plugin's option `geometry=` has it: kind, bytes of a line and of a way, ways.
impl fmt::Display for Geometry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.indexing {
            Indexing::Physical => "pipt",
            Indexing::Colour => "vipt",
            Indexing::Virtual { .. } => "vivt",
            Indexing::Equivalence { bytes, .. } => {
                return write!(f, "parisc:{}:{bytes}", self.line());
            }
        };
        let way = self.sets << self.line_shift;
        write!(f, "{kind}:{}:{way}:{}", self.line(), self.ways)
    }
}

/// Of what [`Geometry`] is displayed as; lines of a virtually tagged cache have no tag for the address space.
impl FromStr for Geometry {
    type Err = GeometryError;

    fn from_str(text: &str) -> Result<Geometry, GeometryError> {
        let (kind, numbers) = text.split_once(':').ok_or(GeometryError::Form)?;
        let numbers = numbers.split(':').map(str::parse);
        let numbers = numbers.collect::<Result<Vec<u32>, _>>();
        match (kind, numbers.map_err(|_| GeometryError::Form)?.as_slice()) {
            ("vivt", &[line, way, ways]) => Geometry::vivt(line, way, ways, false),
            ("vipt", &[line, way, ways]) => Geometry::vipt(line, way, ways),
            ("pipt", &[line, way, ways]) => Geometry::pipt(line, way, ways),
            ("parisc", &[line, equivalence]) => Geometry::parisc(line, equivalence.into(), 0),
            _ => Err(GeometryError::Form),
        }
    }
}

/// One way to reach a physical line in the cache. Two addresses of a line with equal aliases share one copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alias {
    /// The only one (PIPT, or ways no larger than a page).
    Only,
    /// An index colour (VIPT): the bits of the virtual page number that take part in the index.
    Colour(u32),
    /// The virtual page (VIVT), and the address space if lines are tagged with it.
    Virtual {
        /// Virtual address of the page.
        page: u64,
        /// Address space; 0 if lines are not tagged with one.
        space: u32,
    },
    /// The offset within the distance of equivalence, in pages, and the space bits that take part in the index (PA-RISC).
    Equivalent {
        /// Pages into the region of equivalence.
        page: u32,
        /// The space bits in use.
        space: u32,
    },
}

/// An [`Alias`] in two words; equal if and only if the aliases are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) page: u64,
    pub(crate) space: u32,
}

impl Geometry {
    fn new(indexing: Indexing, line: u32, way: u32, ways: u32) -> Result<Self, GeometryError> {
        if !matches!(line, 16 | 32 | 64) {
            return Err(GeometryError::Line(line));
        }
        if !way.is_power_of_two() || way < line || way > 4 << 20 {
            return Err(GeometryError::WaySize(way));
        }
        if ways == 0 || ways > 64 {
            return Err(GeometryError::Ways(ways));
        }
        Ok(Self {
            indexing,
            line_shift: line.trailing_zeros(),
            sets: way / line,
            ways,
        })
    }

    /// Physically indexed, physically tagged (ARMv7's data side; any cache that acts like one).
    ///
    /// Line and way size in bytes.
    ///
    /// # Errors
    ///
    /// A size that no cache has, see [`GeometryError`].
    pub fn pipt(line: u32, way: u32, ways: u32) -> Result<Self, GeometryError> {
        Self::new(Indexing::Physical, line, way, ways)
    }

    /// Virtually indexed, physically tagged (ARMv6, MIPS). Aliases if a way is larger than a page.
    ///
    /// # Errors
    ///
    /// A size that no cache has, see [`GeometryError`].
    pub fn vipt(line: u32, way: u32, ways: u32) -> Result<Self, GeometryError> {
        Self::new(Indexing::Colour, line, way, ways)
    }

    /// Virtually indexed, virtually tagged (ARMv5 and before). Every virtual page is an alias. Lines carry the physical
    /// address for their write-back, but are not compared with it.
    ///
    /// `tagged`: lines carry the address space too, so that equal addresses of two spaces don't hit each other's lines.
    ///
    /// # Errors
    ///
    /// A size that no cache has, see [`GeometryError`].
    pub fn vivt(line: u32, way: u32, ways: u32, tagged: bool) -> Result<Self, GeometryError> {
        Self::new(Indexing::Virtual { tagged }, line, way, ways)
    }

    /// PA-RISC: addresses are equivalent if they agree modulo `equivalence` bytes (4 MiB for Linux, `SHM_COLOUR` in
    /// arch/parisc/include/asm/shmparam.h) and in the `space_bits` of the space identifier. Linux turns space hashing off
    /// (`disable_sr_hashing` in arch/parisc/kernel/cache.c), so 0 there. Sets and ways are not architected.
    ///
    /// # Errors
    ///
    /// A size that no cache has, see [`GeometryError`].
    pub fn parisc(line: u32, equivalence: u64, space_bits: u32) -> Result<Self, GeometryError> {
        if !equivalence.is_power_of_two() || !(PAGE_SIZE..=1 << 40).contains(&equivalence) {
            return Err(GeometryError::Equivalence(equivalence));
        }
        let indexing = Indexing::Equivalence {
            bytes: equivalence,
            space_bits,
        };
        Ok(Self {
            sets: 0,
            ways: 0,
            ..Self::new(indexing, line, line, 1)?
        })
    }

    /// Bytes of a line.
    #[inline]
    #[must_use]
    pub fn line(&self) -> u32 {
        1 << self.line_shift
    }

    /// Sets of the cache; 0 if lines can't be addressed by set and way.
    #[inline]
    #[must_use]
    pub fn sets(&self) -> u32 {
        self.sets
    }

    /// Ways of a set; 0 if lines can't be addressed by set and way.
    #[inline]
    #[must_use]
    pub fn ways(&self) -> u32 {
        self.ways
    }

    /// Whether one physical line can have several copies.
    #[must_use]
    pub fn aliases(&self) -> bool {
        match self.indexing {
            Indexing::Physical => false,
            Indexing::Colour => self.colours() > 1,
            Indexing::Virtual { .. } => true,
            Indexing::Equivalence { bytes, space_bits } => bytes > PAGE_SIZE || space_bits != 0,
        }
    }

    fn colours(&self) -> u64 {
        ((u64::from(self.sets) << self.line_shift) >> PAGE_SHIFT).max(1)
    }

    /// The alias by which an access goes.
    #[must_use]
    pub fn alias(&self, at: Address) -> Alias {
        self.name(self.key(at))
    }

    pub(crate) fn name(&self, key: Key) -> Alias {
        // CAST: keys of these kinds are below the number of colours, which fits.
        match self.indexing {
            _ if !self.aliases() => Alias::Only,
            Indexing::Physical => Alias::Only,
            Indexing::Colour => Alias::Colour(key.page as u32),
            Indexing::Virtual { .. } => Alias::Virtual {
                page: key.page << PAGE_SHIFT,
                space: key.space,
            },
            Indexing::Equivalence { .. } => Alias::Equivalent {
                page: key.page as u32,
                space: key.space,
            },
        }
    }

    pub(crate) fn key(&self, at: Address) -> Key {
        let page = at.vaddr >> PAGE_SHIFT;
        match self.indexing {
            Indexing::Physical => Key { page: 0, space: 0 },
            Indexing::Colour => Key {
                page: page & (self.colours() - 1),
                space: 0,
            },
            Indexing::Virtual { tagged } => Key {
                page,
                space: if tagged { at.space } else { 0 },
            },
            Indexing::Equivalence { bytes, space_bits } => Key {
                page: page & ((bytes >> PAGE_SHIFT) - 1),
                space: at.space & space_bits,
            },
        }
    }

    /// Bits of the address space that can make a difference to an alias.
    pub(crate) fn space_mask(&self) -> u32 {
        match self.indexing {
            Indexing::Physical | Indexing::Colour | Indexing::Virtual { tagged: false } => 0,
            Indexing::Virtual { tagged: true } => u32::MAX,
            Indexing::Equivalence { space_bits, .. } => space_bits,
        }
    }

    /// Whether a line is found without regard to its physical address.
    pub(crate) fn virtually_tagged(&self) -> bool {
        matches!(self.indexing, Indexing::Virtual { .. })
    }

    pub(crate) fn line_shift(&self) -> u32 {
        self.line_shift
    }

    /// Lines of a page.
    pub(crate) fn lines(&self) -> usize {
        1 << (PAGE_SHIFT - self.line_shift)
    }

    /// The set of a page's line, if sets are known. `frame` is the physical page number.
    pub(crate) fn set(&self, key: Key, frame: u64, line: usize) -> Option<usize> {
        let page = if self.indexing == Indexing::Physical {
            frame
        } else {
            key.page
        };
        // CAST: below `sets`.
        (self.sets != 0)
            .then(|| (page * self.lines() as u64 + line as u64) as usize & (self.sets as usize - 1))
    }
}
