// SPDX-License-Identifier: GPL-2.0-only
//! Maintenance instructions that can be followed together.
//!
//! Kernels maintain ranges line by line: millions of instructions a boot, in loops that do nothing else. Following each
//! by itself costs more than all the rest of the guest. So what stands side by side in a translation block, and differs
//! in nothing but its address, is one [`Run`]; and a run that is the whole body of a loop, of which the registers tell how
//! often it will be executed, is looked at once, see [`Repeat`].

use crate::decode::thumb::ItBlock;
use crate::decode::{self, Arch, Bound, Effect, Index, Instruction, Operand, Stride, arm, mips};

/// One instruction of a translation block.
#[derive(Clone, Copy, Debug, Default)]
pub struct Code {
    /// Its virtual address.
    pub pc: u64,
    bytes: [u8; 8],
    len: usize,
}

impl Code {
    /// An instruction of at most 8 bytes, as it lies in memory; of a longer one the first 8.
    #[must_use]
    pub fn new(pc: u64, code: &[u8]) -> Self {
        let mut bytes = [0; 8];
        let len = code.len().min(bytes.len());
        bytes[..len].copy_from_slice(&code[..len]);
        Self { pc, bytes, len }
    }

    /// As it lies in memory.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// As a word, in this byte order.
    fn word(&self, big_endian: bool) -> Option<u32> {
        let bytes = <[u8; 4]>::try_from(self.bytes()).ok()?;
        Some(if big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    /// As a word of ARM, in ARM state.
    fn arm(&self) -> Option<u32> {
        self.word(false)
    }
}

/// Until when a run is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Repeat {
    /// What the address grows by each time.
    pub step: Stride,
    /// When it ends.
    pub bound: Bound,
}

/// Maintenance instructions that are followed together: one, or several in a row that do the same at addresses that are
/// equally far apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The first.
    pub instruction: Instruction,
    /// How many.
    pub len: u32,
    /// From one address to the next, where there are several.
    pub stride: Stride,
    /// How often all of this is executed.
    pub repeat: Option<Repeat>,
}

impl Run {
    fn one(instruction: Instruction) -> Self {
        Self {
            instruction,
            len: 1,
            stride: Stride::Bytes(0),
            repeat: None,
        }
    }

    /// The run with one more instruction, if that one continues it.
    fn with(self, next: Instruction) -> Option<Self> {
        let continued = self.instruction.condition.is_none() && next.condition.is_none();
        let stride = continued
            .then(|| stride(self.instruction.effect, next.effect, self.len))
            .flatten()?;
        (self.len == 1 || stride == self.stride).then_some(Self {
            len: self.len + 1,
            stride,
            ..self
        })
    }
}

/// How far the address of the `place`th instruction after the first is from the one before it, if the two go together.
fn stride(first: Effect, next: Effect, place: u32) -> Option<Stride> {
    match (first, next) {
        (
            Effect::Line { op, address },
            Effect::Line {
                op: other,
                address: at,
            },
        )
        | (
            Effect::Index { op, address },
            Effect::Index {
                op: other,
                address: at,
            },
        ) => (op == other).then(|| operand_stride(address, at, place))?,
        (Effect::LoopStep { op }, Effect::LoopStep { op: other }) => {
            (op == other).then_some(Stride::Bytes(0))
        }
        _ => None,
    }
}

fn operand_stride(first: Operand, next: Operand, place: u32) -> Option<Stride> {
    match (first, next) {
        // MIPS: the offset grows.
        (
            Operand::BaseOffset { base, offset },
            Operand::BaseOffset {
                base: same,
                offset: later,
            },
        ) if base == same => {
            let (apart, place) = (later - offset, i32::try_from(place).ok()?);
            (apart % place == 0).then_some(Stride::Bytes(apart / place))
        }
        // PA-RISC: the instruction itself advances its base.
        (
            Operand::Parisc {
                base,
                index: Index::Register(index),
                modify: true,
                ..
            },
            same,
        ) if first == same && base != index => Some(Stride::Register(index)),
        _ => None,
    }
}

/// The runs of a translation block, by index of their first instruction.
#[must_use]
pub fn find(arch: Arch, big_endian: bool, block: &[Code]) -> Vec<(usize, Run)> {
    let mut runs: Vec<(usize, Run)> = Vec::new();
    let mut it_block = ItBlock::default();
    for (index, code) in block.iter().enumerate() {
        let in_block = it_block.step(code.bytes());
        let Some(mut instruction) = decode::decode(arch, code.bytes(), big_endian)
            .filter(|instruction| instruction.effect != Effect::None)
        else {
            continue;
        };
        instruction.condition = instruction.condition.or(in_block);
        let longer = runs.last_mut().and_then(|(first, run)| {
            let adjacent = *first + run.len as usize == index;
            adjacent
                .then(|| run.with(instruction))
                .flatten()
                .map(|longer| (run, longer))
        });
        match longer {
            Some((run, longer)) => *run = longer,
            None => runs.push((index, Run::one(instruction))),
        }
    }
    for (first, run) in &mut runs {
        let code = &block[*first..];
        run.repeat = match arch {
            Arch::Arm if !big_endian => repeat(run, code),
            Arch::Mips => repeat_mips(run, code, big_endian),
            Arch::Arm | Arch::Parisc => None,
        };
    }
    runs
}

/// ARM: the run's line is all that a loop maintains, which ends with a jump back to it.
///
/// The kernel's loops are `mcr`; perhaps one more for the instruction cache; `add` of a line's length to the address; then
/// `cmp` with the end and `bcc`, or `subs` of the length from what is left and `bhi` (arch/arm/mm/cache-v6.S, proc-*.S).
fn repeat(run: &Run, code: &[Code]) -> Option<Repeat> {
    let Instruction {
        condition: None,
        effect:
            Effect::Line {
                address: Operand::Register(base),
                ..
            },
    } = run.instruction
    else {
        return None;
    };
    let mut rest = code.iter().skip(run.len as usize).skip_while(|code| {
        decode::decode(Arch::Arm, code.bytes(), false)
            .is_some_and(|instruction| instruction.effect == Effect::None)
    });
    let step = arm::advance(rest.next()?.arm()?, base)?;
    let bound = arm::bound(rest.next()?.arm()?, base)?;
    let back = rest.next()?;
    let registers_stay = !matches!(
        (step, bound),
        (Stride::Register(by), Bound::UsedUp { left, .. }) if by == left
    );
    let target = arm::jump(back.arm()?, arm::jump_condition(bound)?, back.pc)?;
    (run.len == 1 && registers_stay && target == code[0].pc).then_some(Repeat { step, bound })
}

/// MIPS: as [`repeat`]. The kernel's loops are `cache`; `bne` of the address and the last one; `addu` of a line's length to
/// the address in the delay slot (`blast_dcache_range` of arch/mips/include/asm/r4kcache.h, as compiled).
fn repeat_mips(run: &Run, code: &[Code], big_endian: bool) -> Option<Repeat> {
    let Effect::Line {
        address: Operand::BaseOffset { base, offset: 0 },
        ..
    } = run.instruction.effect
    else {
        return None;
    };
    let [first, jump, slot, ..] = code else {
        return None;
    };
    let (word, slot) = (jump.word(big_endian)?, slot.word(big_endian)?);
    let (step, bound) = mips::loop_end(word, slot, base, jump.pc, first.pc)?;
    (run.len == 1).then_some(Repeat { step, bound })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vcsan_model::Op;

    fn block(words: &[u32], big_endian: bool) -> Vec<Code> {
        let bytes = |word: &u32| {
            if big_endian {
                word.to_be_bytes()
            } else {
                word.to_le_bytes()
            }
        };
        let pcs = (0xc000_1000..).step_by(4);
        let each = pcs.zip(words);
        each.map(|(pc, word)| Code::new(pc, &bytes(word))).collect()
    }

    fn arm(words: &[u32]) -> Vec<(usize, Run)> {
        find(Arch::Arm, false, &block(words, false))
    }

    const MCR_FLUSH_R0: u32 = 0xee07_0f3e;
    const MCR_ICACHE_R0: u32 = 0xee07_0f35;
    const ADD_R0_32: u32 = 0xe280_0020;
    const ADD_R0_R2: u32 = 0xe080_0002;
    const CMP_R0_R1: u32 = 0xe150_0001;
    const SUBS_R1_32: u32 = 0xe251_1020;

    #[test]
    fn a_loop_up_to_an_address() {
        // bcc to the mcr, which stands behind a bic.
        let words = [0xe3c0_001f, MCR_FLUSH_R0, ADD_R0_32, CMP_R0_R1, 0x3aff_fffb];
        let found = arm(&words);
        assert_eq!(found.len(), 1);
        let (index, run) = found[0];
        assert_eq!((index, run.len), (1, 1));
        let bound = Bound::Reaches { end: 1 };
        let step = Stride::Bytes(32);
        assert_eq!(run.repeat, Some(Repeat { step, bound }));
    }

    #[test]
    fn a_loop_over_what_is_left_with_both_caches() {
        let words = [
            MCR_FLUSH_R0,
            MCR_ICACHE_R0,
            ADD_R0_R2,
            SUBS_R1_32,
            0x8aff_fffa,
        ];
        let bound = Bound::UsedUp {
            left: 1,
            by: Stride::Bytes(32),
        };
        let step = Stride::Register(2);
        assert_eq!(arm(&words)[0].1.repeat, Some(Repeat { step, bound }));
    }

    #[test]
    fn what_is_no_such_loop() {
        let jump = 0x3aff_fffb;
        for words in [
            // Ends elsewhere, on another condition, at another instruction, with another register, or not here.
            [MCR_FLUSH_R0, ADD_R0_32, CMP_R0_R1, 0x3aff_fffa],
            [MCR_FLUSH_R0, ADD_R0_32, CMP_R0_R1, 0x8aff_fffb],
            [MCR_FLUSH_R0, CMP_R0_R1, ADD_R0_32, jump],
            [MCR_FLUSH_R0, ADD_R0_32, 0xe151_0000, jump],
            [MCR_FLUSH_R0, ADD_R0_32, CMP_R0_R1, 0xe12f_ff1e],
            // The condition is the instruction's own; the address advances only sometimes.
            [0x3e07_0f3e, ADD_R0_32, CMP_R0_R1, jump],
            [MCR_FLUSH_R0, 0x3280_0020, CMP_R0_R1, jump],
        ] {
            assert_eq!(arm(&words)[0].1.repeat, None, "{words:x?}");
        }
    }

    #[test]
    fn an_unrolled_loop_of_mips() {
        // cache 0x15, 0($4); 32($4); 64($4); then 128($4); then another operation.
        let words = [
            0xbc95_0000,
            0xbc95_0020,
            0xbc95_0040,
            0xbc95_0080,
            0xbc91_00a0,
        ];
        let found = find(Arch::Mips, true, &block(&words, true));
        let lens: Vec<(usize, u32)> = found.iter().map(|(at, run)| (*at, run.len)).collect();
        assert_eq!(lens, [(0, 3), (3, 1), (4, 1)]);
        assert_eq!(found[0].1.stride, Stride::Bytes(32));
    }

    #[test]
    fn a_loop_of_mips_up_to_an_address() {
        // cache 0x15, 0($4); bne $4, $5, back; addu $4, $4, $2.
        let (cache, bne, addu) = (0xbc95_0000, 0x1485_fffe, 0x0082_2021);
        let repeat = |words: [u32; 3]| find(Arch::Mips, true, &block(&words, true))[0].1.repeat;
        let step = Stride::Register(2);
        let bound = Bound::Meets { end: 5 };
        assert_eq!(repeat([cache, bne, addu]), Some(Repeat { step, bound }));
        // To elsewhere; beq; of another register; with the end moving; the address moves by something else.
        assert_eq!(repeat([cache, 0x1485_fffd, addu]), None);
        assert_eq!(repeat([cache, 0x1085_fffe, addu]), None);
        assert_eq!(repeat([cache, 0x14c5_fffe, addu]), None);
        assert_eq!(repeat([cache, bne, 0x0085_2021]), None);
        assert_eq!(repeat([cache, bne, 0x0082_2023]), None);
        assert_eq!(repeat([0xbc95_0020, bne, addu]), None);
    }

    #[test]
    fn flushes_of_parisc_that_advance_their_base() {
        // fdc,m r23(r26), three times; then nop; then fdce,m r25(sr1,r26) twice.
        let (fdc, fdce) = (0x0757_12a0, 0x0759_52e0);
        let words = [fdc, fdc, fdc, 0x0800_0240, fdce, fdce];
        let found = find(Arch::Parisc, true, &block(&words, true));
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].1.len, found[0].1.stride),
            (3, Stride::Register(23))
        );
        let step = Effect::LoopStep {
            op: Op::WriteBackInvalidate,
        };
        assert_eq!((found[1].1.len, found[1].1.instruction.effect), (2, step));
    }
}
