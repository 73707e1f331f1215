// SPDX-License-Identifier: GPL-2.0-only
//! Instructions in words: for reports, and for tests to be read.

use super::{Effect, Index, InsertPart, Instruction, Op, Operand, Space, TlbOp, TlbRegister};
use core::fmt::{self, Display, Formatter};

/// ARM's names of conditions (ARM DDI 0406C, A8.3).
pub(crate) const CONDITIONS: [&str; 16] = [
    "eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv",
];

impl Display for Instruction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(condition) = self.condition {
            write!(f, "if {}: ", CONDITIONS[usize::from(condition & 15)])?;
        }
        self.effect.fmt(f)
    }
}

fn verb(op: Op) -> &'static str {
    match op {
        Op::WriteBack => "write back",
        Op::Invalidate => "invalidate",
        Op::WriteBackInvalidate => "write back and invalidate",
    }
}

impl Display for Effect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Line { op, address } => write!(f, "{} the line at {address}", verb(op)),
            Self::Range { op, first, last } => {
                write!(f, "{} the lines from r{first} to r{last}", verb(op))
            }
            Self::SetWay { op, register } => {
                write!(f, "{} the line of the set and way in r{register}", verb(op))
            }
            Self::Index { op, address } => {
                write!(f, "{} the line of the set and way in {address}", verb(op))
            }
            Self::Whole { op } => write!(f, "{} every line", verb(op)),
            Self::LoopStep { op } => write!(f, "{} every line, one step", verb(op)),
            Self::Allocate { address } => {
                write!(f, "make the line at {address} dirty without a fill")
            }
            Self::None => f.write_str("nothing to the data cache"),
            Self::Control { register } => write!(f, "set the control register from r{register}"),
            Self::Tlb(op) => op.fmt(f),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Register(register) => write!(f, "r{register}"),
            Self::BaseOffset { base, offset } => write!(f, "{offset}(${base})"),
            Self::Parisc {
                base,
                index,
                space,
                modify,
            } => {
                match index {
                    Index::Register(index) => write!(f, "%r{index}(")?,
                    Index::Immediate(bytes) => write!(f, "{bytes}(")?,
                }
                if let Space::Register(register) = space {
                    write!(f, "%sr{register},")?;
                }
                write!(f, "%r{base})")?;
                if modify { f.write_str(",m") } else { Ok(()) }
            }
        }
    }
}

impl Display for TlbOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let side = |data| if data { "data" } else { "instruction" };
        match *self {
            Self::Write { to, from } => write!(f, "set {to} from r{from}"),
            Self::WriteIndexed => f.write_str("write a translation"),
            Self::WriteRandom => f.write_str("write a translation somewhere"),
            Self::Read => f.write_str("read a translation"),
            Self::Probe => f.write_str("look for a translation"),
            Self::InvalidateAll => f.write_str("drop all translations"),
            Self::InvalidateSpace {
                register: Some(register),
            } => {
                write!(f, "drop the translations of the space in r{register}")
            }
            Self::InvalidateSpace { register: None } => {
                f.write_str("drop the translations of the current space")
            }
            Self::InvalidatePage { register } => write!(f, "drop the translation of r{register}"),
            Self::Purge { data, address } => {
                write!(f, "drop the {} translation of {address}", side(data))
            }
            Self::PurgeEntry { data, address } => {
                write!(
                    f,
                    "drop the {} translation in the entry of {address}",
                    side(data)
                )
            }
            Self::Insert {
                data,
                part,
                register,
                address,
            } => {
                match part {
                    InsertPart::Address => write!(f, "insert the frame %r{register}")?,
                    InsertPart::Protection => write!(f, "insert the rights %r{register}")?,
                    InsertPart::Both { protection } => {
                        write!(
                            f,
                            "insert the frame %r{register} and the rights %r{protection}"
                        )?;
                    }
                }
                match address {
                    Some(address) => write!(f, " of {address}")?,
                    None => f.write_str(" of the interrupted access")?,
                }
                write!(f, " as {} translation", side(data))
            }
        }
    }
}

impl Display for TlbRegister {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Index => "Index",
            Self::EntryLo0 => "EntryLo0",
            Self::EntryLo1 => "EntryLo1",
            Self::PageMask => "PageMask",
            Self::EntryHi => "EntryHi",
            Self::Config => "Config",
            Self::Ttbr0 => "TTBR0",
            Self::Ttbr1 => "TTBR1",
            Self::Ttbcr => "TTBCR",
            Self::ContextId => "CONTEXTIDR",
            Self::FcsePid => "FCSEIDR",
        })
    }
}
