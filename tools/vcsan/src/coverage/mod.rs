// SPDX-License-Identifier: GPL-2.0-only
//! Whether the decoder knows every maintenance instruction of a kernel, and what others access: it against a disassembler.
//!
//! [`compare`] reads a kernel or module (ELF) and what `objdump -d` printed of it. Which words are instructions is
//! objdump's view (it knows literal pools from mapping symbols); what their bytes are is read from the file. Each
//! instruction must be one of two things to both sides: something that [`decode`] knows, or not. What [`memory_effect`] says of
//! loads, stores and arithmetic must be so; it may leave any of them out.

mod accesses;

pub use accesses::Counts;

use crate::access::{MemoryEffect, memory_effect};
use crate::decode::{Arch, Effect, Instruction, Op, TlbOp, decode};
use accesses::Text;
use object::{Object, ObjectSection};
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display, Formatter};

/// Why a file can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no ELF file.
    #[error("failed to read the file as ELF")]
    Elf(#[from] object::Error),
    /// It is for another machine.
    #[error("failed to compare code for {0:?}: the decoder knows arm, mips and hppa")]
    Architecture(object::Architecture),
    /// The listing names what the file does not have.
    #[error(
        "failed to find section `{section}`, address {address:#x} in the file: is the listing of another one?"
    )]
    Elsewhere {
        /// Section.
        section: String,
        /// Address as listed.
        address: u64,
    },
    /// The listing has no instructions.
    #[error("failed to find instructions in the listing: give what `objdump -d` prints")]
    Empty,
}

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Instructions seen, of whatever kind.
    pub instructions: u64,
    /// How many of each kind of maintenance the decoder and the disassembler agree on.
    pub known: BTreeMap<&'static str, u64>,
    /// How much is understood of the others.
    pub accesses: Counts,
    /// Where the two don't agree.
    pub differences: Vec<Difference>,
}

/// An instruction that is one thing to the disassembler and another to the decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Section of the file.
    pub section: String,
    /// Address as listed.
    pub address: u64,
    /// The disassembler's text.
    pub assembly: String,
    /// What the decoder made of it.
    pub taken: Taken,
}

/// What the decoder makes of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// No maintenance.
    Missed,
    /// Maintenance.
    Maintenance(Instruction),
    /// An access, or none.
    MemoryEffect(MemoryEffect),
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:#x}: `{}` ",
            self.section, self.address, self.assembly
        )?;
        match self.taken {
            Taken::Missed => f.write_str("missed"),
            Taken::Maintenance(decoded) => write!(f, "taken for \"{decoded}\""),
            Taken::MemoryEffect(memory_effect) => write!(f, "taken for \"{memory_effect}\""),
        }
    }
}

impl Display for Coverage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let total: u64 = self.known.values().sum();
        writeln!(
            f,
            "{} instructions, {total} of them maintenance",
            self.instructions
        )?;
        for (kind, count) in &self.known {
            writeln!(f, "{count:8}  {kind}")?;
        }
        self.accesses.fmt(f)?;
        for difference in &self.differences {
            writeln!(f, "  {difference}")?;
        }
        Ok(())
    }
}

/// Compares what the decoder says of every instruction in `elf` with `listing`, the output of `objdump -d` for it.
///
/// # Errors
///
/// A file that is not ELF for a known machine, or a listing that is not of this file, see [`Error`].
pub fn compare(elf: &[u8], listing: &str) -> Result<Coverage, Error> {
    let file = object::File::parse(elf)?;
    let arch = match file.architecture() {
        object::Architecture::Arm => Arch::Arm,
        object::Architecture::Mips | object::Architecture::Mips64 => Arch::Mips,
        object::Architecture::Hppa => Arch::Parisc,
        other => return Err(Error::Architecture(other)),
    };
    let sections: HashMap<_, _> = file
        .sections()
        .filter_map(|section| {
            Some((
                section.name().ok()?.to_owned(),
                (section.address(), section.data().ok()?),
            ))
        })
        .collect();

    let mut coverage = Coverage::default();
    let mut section = "";
    for line in listing.lines() {
        if let Some(name) = line.strip_prefix("Disassembly of section ") {
            section = name.trim_end_matches(':');
        }
        let Some(listed) = Listed::parse(line) else {
            continue;
        };
        let bytes = sections
            .get(section)
            .and_then(|(start, data)| {
                let at = usize::try_from(listed.address.checked_sub(*start)?).ok()?;
                data.get(at..at.checked_add(listed.bytes)?)
            })
            .ok_or_else(|| Error::Elsewhere {
                section: section.into(),
                address: listed.address,
            })?;
        coverage.instructions += 1;
        let big_endian = !file.is_little_endian();
        let maintenance = match decode(arch, bytes, big_endian) {
            Some(decoded) if listed.is_maintenance(arch) => {
                *coverage.known.entry(kind(decoded.effect)).or_default() += 1;
                None
            }
            Some(decoded) => Some(Taken::Maintenance(decoded)),
            None => listed.is_maintenance(arch).then_some(Taken::Missed),
        };
        let memory_effect = memory_effect(arch, bytes, big_endian);
        let text = Text::read(arch, file.is_64(), listed.mnemonic, listed.operands());
        // `memory_effect` would take Thumb's for ARM's.
        let right = listed.halves || coverage.accesses.add(memory_effect, text);
        let memory_effect = (!right).then_some(Taken::MemoryEffect(memory_effect));
        coverage
            .differences
            .extend(
                maintenance
                    .into_iter()
                    .chain(memory_effect)
                    .map(|taken| Difference {
                        section: section.into(),
                        address: listed.address,
                        assembly: format!("{} {}", listed.mnemonic, listed.operands),
                        taken,
                    }),
            );
    }
    if coverage.instructions == 0 {
        Err(Error::Empty)
    } else {
        Ok(coverage)
    }
}

/// An instruction in objdump's listing: `  address:<tab>bytes<tab>mnemonic<tab or space>operands`.
struct Listed<'a> {
    address: u64,
    bytes: usize,
    /// They are in units of two, as Thumb's are.
    halves: bool,
    mnemonic: &'a str,
    operands: &'a str,
}

impl<'a> Listed<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (address, rest) = line.split_once(":\t")?;
        let (bytes, assembly) = rest.split_once('\t')?;
        let (mnemonic, operands) = assembly.split_once(['\t', ' ']).unwrap_or((assembly, ""));
        // Data among code, and words that are no instruction.
        let data =
            mnemonic.starts_with('.') || matches!(mnemonic, "#" | "@" | ";" | "undefined" | "");
        (!data).then_some(Self {
            address: u64::from_str_radix(address.trim_start(), 16).ok()?,
            halves: bytes.split(' ').next().is_some_and(|unit| unit.len() == 4),
            bytes: bytes.bytes().filter(u8::is_ascii_hexdigit).count() / 2,
            mnemonic,
            operands,
        })
    }

    /// Operands without the comment behind.
    fn operands(&self) -> &'a str {
        let end = self.operands.find(['@', ';', '<']);
        self.operands[..end.unwrap_or(self.operands.len())].trim()
    }

    /// Whether the disassembler's text is one of those that the decoder should know.
    fn is_maintenance(&self, arch: Arch) -> bool {
        let operands: Vec<&str> = self.operands().split(',').map(str::trim).collect();
        match arch {
            Arch::Arm => is_arm_maintenance(self.mnemonic, &operands),
            Arch::Mips => match self.mnemonic {
                "cache" | "cachee" | "synci" | "pref" | "prefe" => true,
                "tlbwi" | "tlbwr" | "tlbr" | "tlbp" | "tlbinv" | "tlbinvf" => true,
                "mtc0" | "dmtc0" => matches!(
                    operands[1..],
                    ["c0_index"
                        | "c0_entrylo0"
                        | "c0_entrylo1"
                        | "c0_pagemask"
                        | "c0_entryhi"
                        | "c0_config"]
                ),
                _ => false,
            },
            Arch::Parisc => matches!(
                self.mnemonic.split(',').next().unwrap_or_default(),
                "fdc"
                    | "fdce"
                    | "pdc"
                    | "fic"
                    | "fice"
                    | "sync"
                    | "syncdma"
                    | "pdtlb"
                    | "pdtlbe"
                    | "pitlb"
                    | "pitlbe"
                    | "idtlba"
                    | "idtlbp"
                    | "idtlbt"
                    | "idtlbaf"
                    | "idtlbpf"
                    | "iitlba"
                    | "iitlbp"
                    | "iitlbt"
                    | "iitlbaf"
                    | "iitlbpf"
            ),
        }
    }
}

/// `mcr 15, opc1, rt, crn, crm, {opc2}`, `mcrr 15, opc1, rt, rt2, crm`.
fn is_arm_maintenance(mnemonic: &str, operands: &[&str]) -> bool {
    let is = |name| {
        mnemonic
            .strip_prefix(name)
            .is_some_and(|condition| matches!(condition.len(), 0 | 2))
    };
    match *operands {
        ["15", opc1, _, crn, crm, opc2] if is("mcr") => matches!(
            (crn, opc1, crm, opc2),
            ("cr7" | "cr8", ..)
                | ("cr1", "0", "cr0", "{0}")
                | ("cr2", "0", "cr0", "{0}" | "{1}" | "{2}")
                | ("cr13", "0", "cr0", "{0}" | "{1}")
        ),
        ["15", _, _, "cr7", _, _] => is("mrc"),
        [
            "15",
            "0",
            _,
            _,
            "cr2" | "cr5" | "cr6" | "cr7" | "cr12" | "cr14",
        ] => is("mcrr"),
        ["15", "1", _, _, "cr2" | "cr12"] | ["15", "2", _, _, "cr12"] => is("mcrr"),
        _ => false,
    }
}

fn kind(effect: Effect) -> &'static str {
    use Op::{Invalidate, WriteBack, WriteBackInvalidate};
    match effect {
        Effect::Line { op: WriteBack, .. } => "write back a line",
        Effect::Line { op: Invalidate, .. } => "invalidate a line",
        Effect::Line {
            op: WriteBackInvalidate,
            ..
        } => "write back and invalidate a line",
        Effect::Range { .. } => "a range of lines",
        Effect::SetWay { .. } | Effect::Index { .. } => "a line by set and way",
        Effect::Whole { .. } => "every line",
        Effect::LoopStep { .. } => "a step of a loop over every line",
        Effect::Allocate { .. } => "a line made dirty without a fill",
        Effect::None => "nothing to the data cache",
        Effect::Control { .. } => "control register",
        Effect::Tlb(TlbOp::Write { .. }) => "registers of translations",
        Effect::Tlb(_) => "translations",
    }
}
