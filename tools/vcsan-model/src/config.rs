// SPDX-License-Identifier: GPL-2.0-only
//! What is modelled: the cache, and how badly hardware may behave.

use crate::geometry::Geometry;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// What hardware may do on its own besides write-backs and drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Lines are filled by accesses only.
    #[default]
    Architectural,
    /// A mapped alias may be filled at any moment (ARMv6 and later, PA8x00).
    Speculative,
}

/// Virtual addresses that are mapped to consecutive physical ones from the start and for ever: the kernel's linear map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinearMap {
    /// Its first virtual address.
    pub vaddr: u64,
    /// The physical address of that.
    pub paddr: u64,
    /// Bytes.
    pub len: u64,
}

/// `VIRTUAL:PHYSICAL:LENGTH`, each decimal or with 0x before it.
impl FromStr for LinearMap {
    type Err = LinearMapError;

    fn from_str(text: &str) -> Result<LinearMap, LinearMapError> {
        let numbers = text.split(':').map(|text| match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => text.parse(),
        });
        let numbers = numbers.collect::<Result<Vec<u64>, _>>();
        match numbers.map_err(|_| LinearMapError)?.as_slice() {
            &[vaddr, paddr, len] => Ok(LinearMap { vaddr, paddr, len }),
            _ => Err(LinearMapError),
        }
    }
}

/// A text is no linear map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearMapError;

impl fmt::Display for LinearMapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("understand it: give VIRTUAL:PHYSICAL:LENGTH")
    }
}

impl core::error::Error for LinearMapError {}

/// What is modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The data cache.
    pub geometry: Geometry,
    /// What hardware may do on its own.
    pub mode: Mode,
    /// Only matters in speculative mode: lines that may be filled though nobody used the mapping.
    pub linear: Option<LinearMap>,
    /// Devices see the cache (dma-coherent). Only for caches that don't alias.
    pub coherent_devices: bool,
}

impl Config {
    /// Architectural mode, no linear map, devices that don't see the cache.
    #[must_use]
    pub fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            mode: Mode::Architectural,
            linear: None,
            coherent_devices: false,
        }
    }
}

/// Why a configuration can't be modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// No virtually tagged cache speculates, and the model has no notion of the current page tables that it would need.
    SpeculativeVirtualTags,
    /// Which of the aliases a device would see is nowhere defined.
    CoherentAliases,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SpeculativeVirtualTags => {
                "model speculation in a virtually tagged cache: use the architectural mode"
            }
            Self::CoherentAliases => {
                "model coherent devices on an aliasing cache: use a geometry without aliases"
            }
        })
    }
}

impl core::error::Error for ConfigError {}
