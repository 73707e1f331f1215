// SPDX-License-Identifier: GPL-2.0-only
//! What one instruction does to the data cache, or to the translations that select its lines.
//!
//! [`decode`] is a pure function of the instruction's bytes. It knows the maintenance instructions of ARM ([`arm`]),
//! MIPS ([`mips`]) and PA-RISC ([`parisc`]), and says [`Effect::None`] for those of their neighbours that leave data
//! caches alone, so that `None` always means "not one of these" and a missing case can be found: [`crate::coverage`]
//! compares it with a disassembler over whole kernels.

pub mod arm;
pub mod mips;
pub mod parisc;
pub mod thumb;
mod words;

pub use arm::condition_holds;
pub use vcsan_model::Op;
pub(crate) use words::CONDITIONS;

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// 32-bit ARM, ARM and Thumb-2 state: ARMv4 to ARMv7.
    Arm,
    /// MIPS32 and MIPS64, before and since release 6; neither microMIPS nor MIPS16.
    Mips,
    /// PA-RISC 1.1 and 2.0.
    Parisc,
}

/// A maintenance instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// ARM's condition field, if it is not "always". See [`condition_holds`].
    pub condition: Option<u8>,
    /// What it does when it is executed.
    pub effect: Effect,
}

/// What an instruction does. Register numbers are the instruction set's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The line at a virtual address, in the alias which that address selects.
    Line {
        /// What is done to it.
        op: Op,
        /// Where.
        address: Operand,
    },
    /// Every line from the one at the address in register `first` to the one at the address in `last`, both included.
    Range {
        /// What is done to them.
        op: Op,
        /// Register of the first address.
        first: u8,
        /// Register of the last address.
        last: u8,
    },
    /// ARM: the line in one way of one set; which, stands in a register, coded as the cache's geometry demands.
    SetWay {
        /// What is done to it.
        op: Op,
        /// Register of set, way and level.
        register: u8,
    },
    /// MIPS: the line in one way of one set; which, stands in the low bits of an address.
    Index {
        /// What is done to it.
        op: Op,
        /// The address.
        address: Operand,
    },
    /// Every line of the cache.
    Whole {
        /// What is done to them.
        op: Op,
    },
    /// One step of a loop that, once it is complete, has treated every line: ARM926's test-and-clean instructions,
    /// PA-RISC's `fdce`.
    LoopStep {
        /// What is done to the line or lines of this step.
        op: Op,
    },
    /// The line at a virtual address becomes dirty without being filled first: whatever it holds is no copy of memory.
    Allocate {
        /// Where.
        address: Operand,
    },
    /// Nothing that a data cache would notice: instruction caches, write buffers, barriers, branch predictors, levels
    /// beyond the first, hints.
    None,
    /// ARM: a write of the system control register, which turns caches on and off.
    Control {
        /// Register of the new value.
        register: u8,
    },
    /// Something about translations.
    Tlb(TlbOp),
}

/// How an instruction names a virtual address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// ARM: the address is in a register.
    Register(u8),
    /// MIPS: a register and a signed offset in bytes.
    BaseOffset {
        /// Register.
        base: u8,
        /// Bytes.
        offset: i32,
    },
    /// PA-RISC: a space and an offset in it.
    Parisc {
        /// Register of the offset's first part.
        base: u8,
        /// Its second part.
        index: Index,
        /// Where the space stands.
        space: Space,
        /// `,m`: the address is the base as it was, and the index is added to the base afterwards.
        modify: bool,
    },
}

/// How far an address is from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stride {
    /// Bytes.
    Bytes(i32),
    /// As many as a register says.
    Register(u8),
}

/// When a loop over lines ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// ARM `cmp base, end; bcc`: the next address has reached the one in a register.
    Reaches {
        /// The register.
        end: u8,
    },
    /// ARM `subs left, left, by; bhi`: nothing is left.
    UsedUp {
        /// Register of what is left.
        left: u8,
        /// What is taken each time.
        by: Stride,
    },
    /// MIPS `bne base, end`: the address was the one in a register.
    Meets {
        /// The register.
        end: u8,
    },
}

/// The second part of a PA-RISC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Index {
    /// A register.
    Register(u8),
    /// A displacement in bytes, -16 to 15.
    Immediate(i8),
}

/// How a PA-RISC instruction chooses a space register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// One of `%sr4` to `%sr7`, by the top two bits of the base register.
    Implicit,
    /// This space register.
    Register(u8),
}

/// What an instruction does to translations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlbOp {
    /// A coprocessor register gets a new value.
    Write {
        /// Which.
        to: TlbRegister,
        /// Register of the value; of its low word where it has two.
        from: u8,
    },
    /// MIPS `tlbwi`: the entry at `Index` is written from `EntryHi`, `EntryLo0`, `EntryLo1` and `PageMask`.
    WriteIndexed,
    /// MIPS `tlbwr`: as [`TlbOp::WriteIndexed`], at a place of hardware's choice.
    WriteRandom,
    /// MIPS `tlbr`: an entry is read into those registers.
    Read,
    /// MIPS `tlbp`: `Index` becomes the entry that `EntryHi` matches.
    Probe,
    /// Every translation goes.
    InvalidateAll,
    /// Every translation of an address space goes.
    InvalidateSpace {
        /// ARM: register of the ASID. MIPS `tlbinv` has none: the ASID stands in `EntryHi`.
        register: Option<u8>,
    },
    /// ARM: the translation of one page goes.
    InvalidatePage {
        /// Register of its virtual address (and ASID, in the low bits).
        register: u8,
    },
    /// PA-RISC `pdtlb` and `pitlb`: translations of a page go.
    Purge {
        /// In the data TLB; else in the instruction TLB.
        data: bool,
        /// An address in the page.
        address: Operand,
    },
    /// PA-RISC `pdtlbe` and `pitlbe`: whatever stands in one TLB entry goes; a loop of them empties the TLB.
    PurgeEntry {
        /// In the data TLB; else in the instruction TLB.
        data: bool,
        /// Selects the entry in a way that each model defines for itself.
        address: Operand,
    },
    /// PA-RISC `idtlb*` and `iitlb*`: a translation, or half of one, is inserted.
    Insert {
        /// Into the data TLB; else into the instruction TLB.
        data: bool,
        /// What `register` holds.
        part: InsertPart,
        /// Register of that.
        register: u8,
        /// The virtual address; without one it stands in the control registers of the interrupted access.
        address: Option<Operand>,
    },
}

/// What is inserted into a PA-RISC TLB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InsertPart {
    /// The physical address (`idtlba`, `idtlbaf`).
    Address,
    /// Access rights and protection identifier (`idtlbp`, `idtlbpf`), which completes the entry.
    Protection,
    /// Both at once (`idtlbt`).
    Both {
        /// Register of access rights and protection identifier.
        protection: u8,
    },
}

/// A coprocessor register that has to do with translations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlbRegister {
    /// MIPS: place in the TLB.
    Index,
    /// MIPS: frame and attributes of the even page.
    EntryLo0,
    /// MIPS: frame and attributes of the odd page.
    EntryLo1,
    /// MIPS: size of the pages.
    PageMask,
    /// MIPS: virtual page and address space, the current one's included.
    EntryHi,
    /// MIPS: with it, whether the unmapped segment kseg0 is cached.
    Config,
    /// ARM: page tables of the lower addresses.
    Ttbr0,
    /// ARM: page tables of the upper addresses.
    Ttbr1,
    /// ARM: where the upper addresses begin.
    Ttbcr,
    /// ARM: process and address space identifier.
    ContextId,
    /// ARM: fast context switch extension, which changes virtual addresses below 32 MiB.
    FcsePid,
}

/// What the instruction in `bytes` does, if it has to do with caches or translations.
///
/// `bytes` are the instruction as it lies in memory, `big_endian` the byte order of instructions there (which on ARM is
/// little for BE-8 kernels). Anything but four bytes is no such instruction.
#[must_use]
pub fn decode(arch: Arch, bytes: &[u8], big_endian: bool) -> Option<Instruction> {
    let bytes: [u8; 4] = bytes.try_into().ok()?;
    let word = if big_endian {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    };
    match arch {
        Arch::Arm => arm::decode(word, big_endian),
        Arch::Mips => mips::decode(word).map(Instruction::always),
        Arch::Parisc => parisc::decode(word).map(Instruction::always),
    }
}

impl Instruction {
    fn always(effect: Effect) -> Self {
        Self {
            condition: None,
            effect,
        }
    }
}

impl Operand {
    /// The virtual address, from the registers' values before the instruction.
    ///
    /// Cut it to the guest's width. `read` answers 0 for a register that is hard-wired to it (MIPS `$0`, PA-RISC `%r0`).
    pub fn address(self, mut read: impl FnMut(u8) -> u64) -> u64 {
        match self {
            Self::Register(register) => read(register),
            Self::BaseOffset { base, offset } => read(base).wrapping_add_signed(i64::from(offset)),
            Self::Parisc {
                base, modify: true, ..
            } => read(base),
            Self::Parisc {
                base,
                index: Index::Register(index),
                ..
            } => read(base).wrapping_add(read(index)),
            Self::Parisc {
                base,
                index: Index::Immediate(bytes),
                ..
            } => read(base).wrapping_add_signed(i64::from(bytes)),
        }
    }

    /// PA-RISC: which space register holds the space, given the base register's value. Narrow (32-bit) addresses.
    #[must_use]
    pub fn space_register(self, base_value: u32) -> Option<u8> {
        match self {
            Self::Parisc {
                space: Space::Register(register),
                ..
            } => Some(register),
            // CAST: two bits.
            Self::Parisc {
                space: Space::Implicit,
                ..
            } => Some(4 + (base_value >> 30) as u8),
            _ => None,
        }
    }
}

/// `width` bits of a word from bit `low` on, the least significant being 0.
pub(crate) fn field(word: u32, low: u32, width: u32) -> u32 {
    word >> low & ((1 << width) - 1)
}

/// The five bits of a register number, or the four on ARM.
pub(crate) fn register(word: u32, low: u32, width: u32) -> u8 {
    debug_assert!(width <= 5);
    // CAST: at most five bits.
    field(word, low, width) as u8
}
