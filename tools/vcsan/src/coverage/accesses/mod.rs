// SPDX-License-Identifier: GPL-2.0-only
//! Whether [`memory_effect`](crate::access::memory_effect) is right about what an instruction accesses: it against a disassembler.
//!
//! The disassembler's text is read on its own, into the same terms. What `memory_effect` takes for an access must be that access,
//! what it takes for none must be arithmetic; what it leaves as anything can't be wrong, and is counted.

mod arm;
mod mips;
mod parisc;

use crate::access::{InstructionAccess, MemoryEffect, Registers};
use crate::decode::Arch;
use std::fmt::{self, Display, Formatter};

/// What the text of an instruction says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// Loads or stores of the kinds that [`InstructionAccess`] has. All registers change if it does not go on.
    InstructionAccess(InstructionAccess),
    /// Another load or store, a prefetch in their guise among them.
    OtherAccess,
    /// No access, no branch, no trap, nothing nullified; it changes these.
    Arithmetic(Registers),
    /// Anything else.
    Other,
}

impl Text {
    /// Reads what `objdump -d` prints. `wide`: for a machine of 64 bits.
    pub(super) fn read(arch: Arch, wide: bool, mnemonic: &str, operands: &str) -> Self {
        match arch {
            Arch::Arm => arm::read(mnemonic, operands),
            Arch::Mips => mips::read(wide, mnemonic, operands),
            Arch::Parisc => parisc::read(mnemonic, operands),
        }
    }
}

/// How many instructions are understood, Thumb's left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Loads and stores.
    pub accesses: u64,
    /// Loads and stores that are left as anything.
    pub other_accesses: u64,
    /// Those that access nothing.
    pub arithmetic: u64,
    /// What else is left as anything.
    pub others: u64,
}

impl Counts {
    /// Counts one, and tells whether the text agrees.
    pub(super) fn add(&mut self, memory_effect: MemoryEffect, text: Text) -> bool {
        let count = match (memory_effect, text) {
            (MemoryEffect::Memory(_), _) => &mut self.accesses,
            (MemoryEffect::Nothing { .. }, _) => &mut self.arithmetic,
            (MemoryEffect::Anything, Text::InstructionAccess(_) | Text::OtherAccess) => {
                &mut self.other_accesses
            }
            (MemoryEffect::Anything, _) => &mut self.others,
        };
        *count += 1;
        match (memory_effect, text) {
            (MemoryEffect::Memory(access), Text::InstructionAccess(told)) => {
                let writes = access.writes;
                told.writes & !writes == 0 && InstructionAccess { writes, ..told } == access
            }
            (MemoryEffect::Nothing { writes }, Text::Arithmetic(told)) => told & !writes == 0,
            (MemoryEffect::Anything, _) => true,
            _ => false,
        }
    }
}

impl Display for Counts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (count, kind) in [
            (self.accesses, "loads and stores, understood"),
            (self.other_accesses, "loads and stores, not understood"),
            (self.arithmetic, "arithmetic"),
            (self.others, "anything else"),
        ] {
            writeln!(f, "{count:8}  {kind}")?;
        }
        Ok(())
    }
}
