// SPDX-License-Identifier: GPL-2.0-only
//! What the watcher asks of the emulator: the only way to the guest, so that tests can be one.

use crate::decode::Arch;

/// The machine that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// QEMU's name of it, `arm`, `mipsel`, …
    pub name: &'static str,
    /// Its instruction set.
    pub arch: Arch,
    /// Its byte order.
    pub big_endian: bool,
    /// The bits of a virtual address. PA-RISC's carry their space above the 32 of others.
    address_mask: u64,
}

impl Target {
    /// All that can be watched.
    const ALL: [Self; 4] = [
        Self::new("arm", Arch::Arm, false),
        Self::new("mips", Arch::Mips, true),
        Self::new("mipsel", Arch::Mips, false),
        Self::new("hppa", Arch::Parisc, true),
    ];

    const fn new(name: &'static str, arch: Arch, big_endian: bool) -> Self {
        Self {
            name,
            arch,
            big_endian,
            address_mask: match arch {
                Arch::Arm | Arch::Mips => 0xffff_ffff,
                Arch::Parisc => u64::MAX,
            },
        }
    }

    /// The target that QEMU calls `name`.
    ///
    /// # Errors
    ///
    /// A fragment for one that is not known.
    pub fn by_name(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|target| target.name == name)
            .ok_or_else(|| {
                let known = Self::ALL.map(|target| target.name).join(", ");
                format!("watch a guest of architecture {name}: only {known} are known")
            })
    }

    /// A 32-bit word as it lies in memory.
    #[must_use]
    pub fn word(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    /// A 16-bit number as it lies in memory.
    #[must_use]
    pub fn half(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        }
    }

    /// A virtual address cut to what the guest has.
    #[inline]
    #[must_use]
    pub fn vaddr(self, raw: u64) -> u64 {
        raw & self.address_mask
    }
}

/// A register of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// A general register, by the instruction set's number.
    General(u8),
    /// ARM: the flags.
    Cpsr,
    /// MIPS: the coprocessor's register Status. PA-RISC: the processor status word.
    Status,
    /// PA-RISC: a space register, by its number.
    Space(u8),
}

/// The guest's memory, as the CPU sees it at this moment.
pub trait Memory {
    /// Reads virtual memory. False if there is none.
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool;

    /// Reads physical memory. False if there is none, or if the emulator does not offer it.
    fn read_physical(&self, _paddr: u64, _into: &mut [u8]) -> bool {
        false
    }

    /// The physical address that the CPU translates a virtual one to. None if it does not, or if the emulator does not tell.
    fn translate(&self, _vaddr: u64) -> Option<u64> {
        None
    }
}

/// The guest just before an instruction.
pub trait Cpu: Memory {
    /// A register's value.
    ///
    /// # Errors
    ///
    /// A fragment that names the register.
    fn register(&self, register: Register) -> Result<u64, String>;
}

/// Where an access went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Memory at a physical address.
    Ram(u64),
    /// Registers of the device that transfers data for the tests.
    TransferDevice,
    /// Registers of any other device.
    Device,
    /// The emulator does not say.
    Unknown,
}

/// An access that the CPU has just made.
pub trait Access: Memory {
    /// Its length in bytes.
    fn bytes(&self) -> u32;
    /// Where `bytes` at a virtual address in the page of it lie, or in a page that it reaches into.
    fn place(&self, vaddr: u64, bytes: u32) -> Destination;
    /// The value stored, if it has four bytes.
    fn word(&self) -> Option<u32>;
}
