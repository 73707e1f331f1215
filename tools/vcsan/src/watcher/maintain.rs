// SPDX-License-Identifier: GPL-2.0-only
//! Maintenance instructions, just before they are executed.

use super::{Operation, Watcher, address};
use crate::decode::{Arch, Effect, Op, Operand, condition_holds};
use crate::guest::{Cpu, Memory, Register};
use crate::history::{What, maintenance};
use std::cell::Cell;
use std::collections::BTreeMap;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Event, Site};

/// The longest range that one instruction is believed to maintain.
const LONGEST: u64 = 1 << 26;

/// What was maintained.
#[derive(Default)]
pub struct Maintenance {
    /// Instructions that do something to the data cache, by operation and form.
    counts: [[u64; FORMS.len()]; OPS.len()],
    /// Lines at addresses that could not be translated, by address of the instruction.
    pub untranslated: BTreeMap<u64, u64>,
    /// Instructions that change translations.
    pub translation_changes: u64,
    /// The page that was translated last, and where it was.
    pub(super) last: Option<(u64, u64)>,
}

const OPS: [Op; 3] = [Op::WriteBack, Op::Invalidate, Op::WriteBackInvalidate];
const FORMS: [&str; 5] = ["line", "range", "set and way", "whole cache", "loop"];

/// How an instruction names what it maintains: an index into [`FORMS`].
#[derive(Clone, Copy)]
enum Form {
    Line,
    Range,
    SetWay,
    WholeCache,
    Loop,
}

impl Maintenance {
    fn count(&mut self, op: Op, form: Form) {
        let op = match op {
            Op::WriteBack => 0,
            Op::Invalidate => 1,
            Op::WriteBackInvalidate => 2,
        };
        self.counts[op][form as usize] += 1;
    }

    /// How many of each kind there were, without those that there were none of.
    #[must_use]
    pub fn by_kind(&self) -> BTreeMap<String, u64> {
        let kinds = OPS.iter().zip(&self.counts).flat_map(|(op, counts)| {
            let named = FORMS.iter().zip(counts);
            named.map(|(form, count)| (format!("{}, {form}", maintenance(*op)), *count))
        });
        kinds.filter(|(_, count)| *count != 0).collect()
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }
}

/// A CPU whose registers don't change: remembers the last one.
struct Remembering<'a, C> {
    cpu: &'a C,
    last: Cell<Option<(Register, u64)>>,
}

impl<C: Cpu> Memory for Remembering<'_, C> {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        self.cpu.read(vaddr, into)
    }
}

impl<C: Cpu> Cpu for Remembering<'_, C> {
    fn register(&self, register: Register) -> Result<u64, String> {
        if let Some((last, value)) = self.last.get()
            && last == register
        {
            return Ok(value);
        }
        let value = self.cpu.register(register)?;
        self.last.set(Some((register, value)));
        Ok(value)
    }
}

impl Watcher {
    /// The CPU is about to execute an instruction that [`instruction`](Watcher::instruction) gave this number, and `len`
    /// ones in all that are [joined](Watcher::join).
    pub fn execute(&mut self, cpu: &impl Cpu, number: u32, len: u32) {
        let cpu = Remembering {
            cpu,
            last: Cell::new(None),
        };
        let mut next = Some(number);
        for _ in 0..len {
            let Some(&operation) = next.and_then(|next| self.operations.get(next as usize)) else {
                return self.fail(&format!("find maintenance instruction {number}"));
            };
            if let Err(text) = self.try_execute(&cpu, operation) {
                let pc = operation.pc;
                return self.fail(&format!("follow the instruction at {pc:#x}: {text}"));
            }
            next = operation.next;
        }
    }

    fn try_execute(&mut self, cpu: &impl Cpu, operation: Operation) -> Result<(), String> {
        let Operation {
            pc,
            site,
            instruction,
            ..
        } = operation;
        if let Some(condition) = instruction.condition {
            // CAST: the register has 32 bits.
            let flags = cpu.register(Register::Cpsr)? as u32;
            if !condition_holds(condition, flags) {
                return Ok(());
            }
        }
        // CAST: registers that hold 32-bit values.
        let word = |register| self.general(cpu, register).map(|value| value as u32);
        match instruction.effect {
            Effect::None => {}
            Effect::Line { op, address } => {
                let vaddr = self.operand(cpu, address)?;
                self.maintenance.count(op, Form::Line);
                self.maintain(cpu, op, vaddr, site, pc);
            }
            Effect::Range { op, first, last } => {
                let (first, last) = (self.general(cpu, first)?, self.general(cpu, last)?);
                self.maintenance.count(op, Form::Range);
                let line = u64::from(self.model.config().geometry.line());
                let first = first & !(line - 1);
                if last.wrapping_sub(first) > LONGEST {
                    return Err(format!("range from {first:#x} to {last:#x}"));
                }
                for vaddr in (first..=last).step_by(line as usize) {
                    self.maintain(cpu, op, vaddr, site, pc);
                }
            }
            Effect::SetWay { op, register } => {
                let value = word(register)?;
                self.set_way(op, value, site);
            }
            Effect::Index { op, address } => {
                let vaddr = self.operand(cpu, address)?;
                self.index(op, vaddr, site);
            }
            Effect::Whole { op } => {
                self.maintenance.count(op, Form::WholeCache);
                self.whole_cache(op, site);
            }
            Effect::LoopStep { op } => {
                self.maintenance.count(op, Form::Loop);
                self.loop_step(op, site);
            }
            Effect::Allocate { address } => {
                let vaddr = self.operand(cpu, address)?;
                self.allocate(cpu, vaddr, site);
            }
            Effect::Control { register } => {
                let value = word(register)?;
                if self.translator.write_control(value) {
                    self.forget_translations();
                }
            }
            Effect::Tlb(change) => self.change_translation(cpu, change)?,
        }
        Ok(())
    }

    pub(super) fn general(&self, cpu: &impl Cpu, register: u8) -> Result<u64, String> {
        if register == 0 && self.target.arch != Arch::Arm {
            return Ok(0);
        }
        let value = cpu.register(Register::General(register))?;
        Ok(value & 0xffff_ffff)
    }

    pub(super) fn operand(&self, cpu: &impl Cpu, operand: Operand) -> Result<u64, String> {
        let mut error = None;
        let vaddr = operand.address(|register| {
            self.general(cpu, register).unwrap_or_else(|text| {
                error = Some(text);
                0
            })
        });
        match error {
            Some(text) => Err(text),
            None => Ok(vaddr & 0xffff_ffff),
        }
    }

    /// One line by virtual address.
    fn maintain(&mut self, cpu: &impl Cpu, op: Op, vaddr: u64, site: Site, pc: u64) {
        let line = u64::from(self.model.config().geometry.line());
        let vaddr = self.translator.maintained(vaddr & !(line - 1), pc);
        let paddr = match self.place(cpu, vaddr, pc) {
            Some(paddr) => paddr,
            None if self.virtually_tagged() => {
                // The virtual address alone finds the line.
                let at = address(vaddr, vaddr);
                return self.apply(Event::Maintain { op, at, len: 1 }, Some(vaddr), site);
            }
            None => {
                *self.maintenance.untranslated.entry(pc).or_default() += 1;
                return;
            }
        };
        if self.watches.has_page(paddr) {
            let line = self.line(paddr);
            self.history
                .add(line, What::Maintain(op), Some(vaddr), site);
        }
        self.translate_for_maintenance(cpu, vaddr, paddr);
        let at = address(vaddr, paddr);
        self.apply(Event::Maintain { op, at, len: 1 }, Some(vaddr), site);
    }

    fn virtually_tagged(&self) -> bool {
        use vcsan_model::Alias;
        let alias = self.model.config().geometry.alias(address(0, 0));
        matches!(alias, Alias::Virtual { .. })
    }

    /// The physical address that maintenance at a virtual one is about.
    fn place(&mut self, cpu: &impl Cpu, vaddr: u64, pc: u64) -> Option<u64> {
        if let Some((paddr, _)) = self.slots.find(vaddr) {
            return Some(paddr);
        }
        if let Some((page, frame)) = self.maintenance.last
            && page == vaddr / PAGE_SIZE
        {
            return Some(frame * PAGE_SIZE + vaddr % PAGE_SIZE);
        }
        let paddr = self
            .temporary_alias(cpu, vaddr, pc)
            .or_else(|| self.translator.translate(cpu, vaddr))?;
        self.maintenance.last = Some((vaddr / PAGE_SIZE, paddr / PAGE_SIZE));
        Some(paddr)
    }

    /// PA-RISC: the kernel flushes a page through an alias that its TLB miss handler makes up; nothing but the first
    /// argument of its functions names the page (`flush_dcache_page_asm` in arch/parisc/kernel/pacache.S).
    fn temporary_alias(&mut self, cpu: &impl Cpu, vaddr: u64, pc: u64) -> Option<u64> {
        if self.target.arch != Arch::Parisc {
            return None;
        }
        let (function, _) = self.symbols.function(pc)?;
        let by_page = [
            "flush_dcache_page_asm",
            "purge_dcache_page_asm",
            "flush_icache_page_asm",
        ];
        if !by_page.contains(&function) {
            return None;
        }
        let page = self.general(cpu, 26).ok()?;
        Some(page - page % PAGE_SIZE + vaddr % PAGE_SIZE)
    }

    /// ARM: set, way and level as the cache's own geometry codes them (DDI 0406C, B4.2.1; the same on v5 and v6).
    fn set_way(&mut self, op: Op, value: u32, site: Site) {
        // Second levels are not modelled.
        if value >> 1 & 7 != 0 {
            return;
        }
        let geometry = self.model.config().geometry;
        let set = value >> geometry.line().trailing_zeros();
        let way_bits = geometry.ways().next_power_of_two().trailing_zeros();
        let way = if way_bits == 0 {
            0
        } else {
            value >> (32 - way_bits)
        };
        self.sweep(op, set, way, site);
    }

    /// MIPS: way above set above line in the address.
    fn index(&mut self, op: Op, vaddr: u64, site: Site) {
        let geometry = self.model.config().geometry;
        // CAST: 32-bit addresses.
        let line = vaddr as u32 >> geometry.line().trailing_zeros();
        let sets = geometry.sets().max(1);
        self.sweep(op, line % sets, line / sets, site);
    }

    fn sweep(&mut self, op: Op, set: u32, way: u32, site: Site) {
        self.maintenance.count(op, Form::SetWay);
        self.history.add_everything(op, site);
        self.apply(Event::SetWay { op, set, way }, None, site);
    }

    fn whole_cache(&mut self, op: Op, site: Site) {
        self.history.add_everything(op, site);
        self.apply(Event::WholeCache { op }, None, site);
    }

    /// ARM926's test-and-clean instruction tells whether it has to be repeated, and QEMU says that it has not: the loop
    /// ends with its first step.
    ///
    /// PA-RISC's `fdce` flushes entries chosen by an address that each model reads in its own way, in a loop whose bounds
    /// come from firmware (`flush_data_cache_local` in arch/parisc/kernel/pacache.S). Interrupts are off in it and it
    /// accesses no memory, so nobody can tell its first step from all of them: each is taken for the whole loop.
    fn loop_step(&mut self, op: Op, site: Site) {
        self.whole_cache(op, site);
    }

    /// The line gets dirty without a fill: as good as a store of all of it.
    fn allocate(&mut self, cpu: &impl Cpu, vaddr: u64, site: Site) {
        let len = self.model.config().geometry.line();
        let vaddr = vaddr & !u64::from(len - 1);
        if let Some(paddr) = self.place(cpu, vaddr, 0) {
            let at = address(vaddr, paddr);
            self.apply(Event::Store { at, len }, Some(vaddr), site);
        }
    }
}
