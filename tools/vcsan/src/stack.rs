// SPDX-License-Identifier: GPL-2.0-only
//! Who called: the kernel's stack before an instruction.
//!
//! Kernels have no frame pointers on some of these machines and no unwind tables on others, so the stack is searched for
//! addresses behind calls, as the kernel itself does for want of something better. A call whose target is known and is another
//! function than the one that was found before it may be left over from an earlier call, or its function may have jumped to the
//! next one: it is marked.

use crate::convention::Convention;
use crate::decode::Arch;
use crate::guest::{Cpu, Register, Target};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use vcsan_model::geometry::PAGE_SIZE;

/// Calls of a stack, at most.
const DEEPEST: usize = 64;
/// Bytes that are searched, at most.
const LONGEST: u64 = 8 << 10;

/// What may be a call that has not returned: an address behind it is on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its address.
    pub pc: u64,
    /// What it goes to, if the instruction says so.
    to: Option<u64>,
}

/// Innermost call first.
pub type Stack = Arc<[Call]>;

/// A call, once its function is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its address.
    pub pc: u64,
    /// That it belongs here is certain as far as can be seen.
    pub certain: bool,
}

/// The stacks of accesses and calls, by their addresses, as they are known when something is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stacks {
    /// When they were executed last.
    last: HashMap<u64, Stack>,
    /// When they last accessed the page that it is about.
    here: HashMap<u64, Stack>,
}

impl Stacks {
    /// Of what has just been executed: the access that is wrong, or the call.
    #[must_use]
    pub fn now(&self, pc: u64) -> Option<&Stack> {
        self.last.get(&pc)
    }

    /// Of the access before, which is what it is about.
    #[must_use]
    pub fn before(&self, pc: u64) -> Option<&Stack> {
        self.here.get(&pc).or_else(|| self.last.get(&pc))
    }
}

/// Keeps stacks.
#[derive(Default)]
pub struct Trace {
    last: HashMap<u64, Stack>,
    /// By address and page.
    by_page: HashMap<(u64, u64), Stack>,
    /// Of the instruction that is next.
    next: Option<u64>,
}

impl Trace {
    /// The instruction at `pc` is next.
    pub fn add(&mut self, pc: u64, stack: Stack) {
        self.last.insert(pc, stack);
        self.next = Some(pc);
    }

    /// Whether it is known what led to the access that is next.
    #[inline(always)]
    #[must_use]
    pub fn awaits_access(&self) -> bool {
        self.next.is_some()
    }

    /// It goes to this page.
    pub fn accesses(&mut self, page: u64) {
        if let Some(pc) = self.next.take()
            && let Some(stack) = self.last.get(&pc)
        {
            self.by_page.insert((pc, page), Arc::clone(stack));
        }
    }

    /// What is known of accesses to a page.
    #[must_use]
    pub fn of(&self, page: u64) -> Stacks {
        let here = self.by_page.iter().filter(|((_, of), _)| *of == page);
        Stacks {
            last: self.last.clone(),
            here: here.map(|((pc, _), s)| (*pc, Arc::clone(s))).collect(),
        }
    }
}

/// The addresses of the accesses and calls in what an earlier run has found.
///
/// # Errors
///
/// A fragment that names the file, and the line that is no record.
pub fn wanted(path: &Path) -> Result<HashSet<u64>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| addresses(&text))
        .map_err(|why| format!("read {}: {why}", path.display()))
}

/// The same of records, a line each.
fn addresses(records: &str) -> Result<HashSet<u64>, String> {
    let mut wanted = HashSet::new();
    for (number, line) in (1..).zip(records.lines()) {
        let record: Value = serde_json::from_str(line)
            .map_err(|error| format!("line {number} is no record: {error}"))?;
        for party in ["access", "write", "mapped"] {
            let pc = record[party]["pc"].as_str();
            let pc = pc.and_then(|pc| u64::from_str_radix(pc.strip_prefix("0x")?, 16).ok());
            wanted.extend(pc);
        }
    }
    if wanted.is_empty() {
        return Err("it has no finding".to_owned());
    }
    Ok(wanted)
}

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Callee {
    /// To this address.
    At(u64),
    /// To wherever a register says.
    Somewhere,
}

/// Where the instruction at `pc` goes to, if it is a call.
fn callee(arch: Arch, pc: u64, word: u32) -> Option<Callee> {
    // CAST: kernels of 32 bits.
    let target =
        |base: u64, offset: i32| Callee::At(u64::from((base as u32).wrapping_add_signed(offset)));
    match arch {
        Arch::Arm => match word {
            // bl
            _ if word & 0x0f00_0000 == 0x0b00_0000 => {
                Some(target(pc + 8, (word.cast_signed() << 8) >> 6))
            }
            // blx register; mov pc, register and ldr pc, where lr was set before
            _ if word & 0x0fff_fff0 == 0x012f_ff30
                || word & 0x0fff_fff0 == 0x01a0_f000
                || word & 0x0e50_f000 == 0x0410_f000 =>
            {
                Some(Callee::Somewhere)
            }
            _ => None,
        },
        Arch::Mips => match word >> 26 {
            // jal
            3 => Some(Callee::At(
                (pc + 4) & 0xf000_0000 | u64::from(word & 0x03ff_ffff) << 2,
            )),
            // jalr
            0 if word & 0x3f == 9 => Some(Callee::Somewhere),
            // bal
            1 if word & 0x001f_0000 == 0x0011_0000 => {
                Some(target(pc + 4, (word.cast_signed() << 16) >> 14))
            }
            _ => None,
        },
        // b,l and be,l
        Arch::Parisc => matches!(word >> 26, 0x39 | 0x3a).then_some(Callee::Somewhere),
    }
}

/// All that may be return addresses of calls on the stack, the innermost first: the register, and each word of the stack as far
/// as it can be read.
fn candidates(cpu: &impl Cpu, target: Target) -> Vec<u64> {
    let convention = Convention::of(target.arch);
    let register = |number| {
        let value = cpu.register(Register::General(number));
        value.unwrap_or_default() & 0xffff_ffff
    };
    let stack = register(convention.stack) & !3;
    let first = stack & !(LONGEST - 1);
    let grows_up = target.arch == Arch::Parisc;
    let used = match grows_up {
        false => stack..first + LONGEST,
        true => first..stack + 4,
    };
    let pages = used.start / PAGE_SIZE..used.end.div_ceil(PAGE_SIZE);
    let pages: Vec<u64> = match grows_up {
        false => pages.collect(),
        true => pages.rev().collect(),
    };
    let mut candidates = vec![register(convention.return_address)];
    let mut bytes = Vec::new();
    for page in pages {
        let from = used.start.max(page * PAGE_SIZE);
        let to = used.end.min((page + 1) * PAGE_SIZE);
        // CAST: a page at most.
        bytes.resize((to - from) as usize, 0);
        if !cpu.read(from, &mut bytes) {
            break;
        }
        let words = bytes.as_chunks().0.iter();
        let words = words.map(|word| u64::from(target.word(*word)));
        match grows_up {
            false => candidates.extend(words),
            true => candidates.extend(words.rev()),
        }
    }
    candidates
}

/// Addresses on the stack that code may return to, or be: of what has been called and has not returned, and of what is left over
/// from earlier calls.
pub fn return_addresses(cpu: &impl Cpu, target: Target) -> Vec<u64> {
    let convention = Convention::of(target.arch);
    let candidates = candidates(cpu, target).into_iter();
    candidates.map(|word| word & !convention.flags).collect()
}

/// The calls on the stack before an instruction. Nothing has to have a name yet.
pub fn unwind(cpu: &impl Cpu, target: Target) -> Vec<Call> {
    let convention = Convention::of(target.arch);
    let stack = cpu.register(Register::General(convention.stack));
    let first = stack.unwrap_or_default() & 0xffff_ffff & !(LONGEST - 1);
    let word_at = |vaddr: u64| {
        let mut bytes = [0; 4];
        cpu.read(vaddr, &mut bytes).then(|| target.word(bytes))
    };
    let mut calls: Vec<Call> = Vec::new();
    for candidate in candidates(cpu, target) {
        let pc = (candidate & !3).wrapping_sub(convention.call);
        // Most words are small numbers, or point to the stack itself.
        if pc < LONGEST || (first..first + LONGEST).contains(&pc) {
            continue;
        }
        let Some(callee) = word_at(pc).and_then(|word| callee(target.arch, pc, word)) else {
            continue;
        };
        // The register may be on the stack as well.
        if calls.last().is_some_and(|last| last.pc == pc) {
            continue;
        }
        let to = match callee {
            Callee::At(to) => Some(to),
            Callee::Somewhere => None,
        };
        calls.push(Call { pc, to });
        if calls.len() == DEEPEST {
            break;
        }
    }
    calls
}

/// The calls of a stack that have led to the instruction at `pc`. `function` says where the function around an address begins.
pub fn frames(calls: &[Call], pc: u64, function: impl Fn(u64) -> Option<u64>) -> Vec<Frame> {
    // Functions that the next call may have gone to.
    let mut inside = Vec::from_iter(function(pc));
    let mut frames = Vec::new();
    for Call { pc, to } in calls {
        let Some(begins) = function(*pc) else {
            continue;
        };
        let certain = to.is_none_or(|to| inside.contains(&to));
        if certain {
            inside.clear();
        }
        inside.push(begins);
        frames.push(Frame { pc: *pc, certain });
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::Memory;
    use std::collections::BTreeMap;

    /// An ARM kernel whose functions are 0x100 bytes long, from 0xc0008000 on.
    #[derive(Default)]
    struct Guest {
        words: BTreeMap<u64, u32>,
        registers: BTreeMap<u8, u64>,
    }

    impl Memory for Guest {
        fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
            (vaddr..)
                .step_by(4)
                .zip(into.chunks_mut(4))
                .all(|(at, to)| {
                    let word = self.words.get(&at).copied();
                    to.copy_from_slice(&word.unwrap_or_default().to_le_bytes());
                    word.is_some() || (0xc100_0000..0xc100_2000).contains(&at)
                })
        }
    }

    impl Cpu for Guest {
        fn register(&self, register: Register) -> Result<u64, String> {
            match register {
                Register::General(number) => Ok(self.registers.get(&number).copied().unwrap_or(0)),
                _ => Err("read it".into()),
            }
        }
    }

    fn function(pc: u64) -> Option<u64> {
        (0xc000_8000..0xc000_9000)
            .contains(&pc)
            .then_some(pc & !0xff)
    }

    fn bl(from: u64, to: u64) -> u32 {
        // CAST: distances in a small kernel.
        0xeb00_0000 | (((to as i64 - from as i64 - 8) >> 2) as u32 & 0x00ff_ffff)
    }

    #[test]
    fn calls_are_found_behind_their_return_addresses() {
        let mut guest = Guest::default();
        let (leaf, middle, outer, other) = (0xc000_8000, 0xc000_8100, 0xc000_8200, 0xc000_8300);
        guest.words.insert(middle + 0x10, bl(middle + 0x10, leaf));
        guest.words.insert(other + 0x20, bl(other + 0x20, outer));
        // By a pointer.
        guest.words.insert(outer + 0x30, 0xe12f_ff33);
        guest.registers.insert(13, 0xc100_1000);
        guest.registers.insert(14, middle + 0x14);
        guest.words.insert(0xc100_1004, (middle + 0x14) as u32);
        // Data, an address of no function, one that is behind no call.
        guest.words.insert(0xc100_1008, 17);
        guest.words.insert(0xc100_100c, 0xc100_1000);
        guest.words.insert(0xc100_1010, (leaf + 0x40) as u32);
        // Left over: it called another function.
        guest.words.insert(0xc100_1014, (other + 0x24) as u32);
        guest.words.insert(0xc100_1018, (outer + 0x34) as u32);
        guest.words.insert(0xc100_1020, (other + 0x24) as u32);
        let target = Target::by_name("arm").expect("known");
        let frames = frames(&unwind(&guest, target), leaf + 8, function);
        let frame = |pc, certain| Frame { pc, certain };
        assert_eq!(
            frames,
            [
                frame(middle + 0x10, true),
                frame(other + 0x20, false),
                frame(outer + 0x30, true),
                frame(other + 0x20, true),
            ]
        );
    }

    #[test]
    fn a_write_has_the_stack_of_its_last_time_in_its_page() {
        let stack = |pc| Stack::from([Call { pc, to: None }]);
        let mut trace = Trace::default();
        assert!(!trace.awaits_access());
        for (by, page) in [(1, 10), (2, 11)] {
            trace.add(0x100, stack(by));
            assert!(trace.awaits_access());
            trace.accesses(page);
            // Of another instruction.
            trace.accesses(12);
        }
        trace.add(0x200, stack(3));
        let stacks = trace.of(10);
        assert_eq!(stacks.before(0x100), Some(&stack(1)));
        assert_eq!(stacks.now(0x100), Some(&stack(2)));
        assert_eq!(trace.of(12).before(0x100), Some(&stack(2)));
        assert_eq!(stacks.before(0x200), Some(&stack(3)));
        assert_eq!(stacks.now(0x300), None);
    }

    #[test]
    fn what_an_earlier_run_has_found_is_read() {
        let found = addresses(
            "{\"record\":\"start\"}\n{\"record\":\"hazard\",\"access\":{\"pc\":\"0x10\"},\"write\":{\"pc\":\"0x20\"},\"mapped\":null}\n",
        );
        assert_eq!(found, Ok(HashSet::from([0x10, 0x20])));
        assert!(
            addresses("{\"record\":\"start\"}\n")
                .unwrap_err()
                .contains("has no finding")
        );
        assert!(
            addresses("{}\n{\n")
                .unwrap_err()
                .contains("line 2 is no record")
        );
    }

    #[test]
    fn calls_are_told_from_other_instructions() {
        let at = |arch, word| callee(arch, 0x8000_1000, word);
        assert_eq!(at(Arch::Arm, 0xebff_fffe), Some(Callee::At(0x8000_1000)));
        assert_eq!(at(Arch::Arm, 0xeaff_fffe), None);
        assert_eq!(at(Arch::Mips, 0x0c00_0400), Some(Callee::At(0x8000_1000)));
        assert_eq!(at(Arch::Mips, 0x0040_f809), Some(Callee::Somewhere));
        assert_eq!(at(Arch::Mips, 0x0411_ffff), Some(Callee::At(0x8000_1000)));
        assert_eq!(at(Arch::Mips, 0x0800_0400), None);
        assert_eq!(at(Arch::Parisc, 0xe840_0000), Some(Callee::Somewhere));
        assert_eq!(at(Arch::Parisc, 0x0fc0_1283), None);
    }
}
