// SPDX-License-Identifier: GPL-2.0-only
//! Accesses in words: for differences from a disassembler, and for tests to be read.

use super::{ALWAYS, InstructionAccess, MemoryEffect, Registers};
use crate::decode::CONDITIONS;
use core::fmt::{self, Display, Formatter};

impl Display for MemoryEffect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing { writes } => {
                f.write_str("no access")?;
                changes(*writes, f)
            }
            Self::Memory(access) => access.fmt(f),
            Self::Anything => f.write_str("anything"),
        }
    }
}

impl Display for InstructionAccess {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.condition != ALWAYS {
            write!(f, "if {}: ", CONDITIONS[usize::from(self.condition & 15)])?;
        }
        let kind = if self.store { "store" } else { "load" };
        match self.count {
            1 => write!(f, "{kind}")?,
            count => write!(f, "{count} {kind}s")?,
        }
        match self.bytes {
            1 => f.write_str(" of a byte")?,
            bytes => write!(f, " of {bytes} bytes")?,
        }
        match self.base {
            Some(base) => write!(f, " at r{}{:+}", base.register, self.offset)?,
            None => f.write_str(" somewhere")?,
        }
        if let Some(base) = self.base.filter(|base| base.space != 0) {
            write!(f, " in space {}", base.space)?;
        }
        if self.advance != 0 {
            write!(f, ", which grows by {}", self.advance)?;
        }
        changes(self.writes, f)
    }
}

fn changes(writes: Registers, f: &mut Formatter<'_>) -> fmt::Result {
    if writes == Registers::MAX {
        return f.write_str(", goes elsewhere");
    }
    let registers: Vec<_> = (0..Registers::BITS)
        .filter(|register| writes >> register & 1 == 1)
        .map(|register| format!("r{register}"))
        .collect();
    if registers.is_empty() {
        Ok(())
    } else {
        write!(f, ", changes {}", registers.join(" "))
    }
}
