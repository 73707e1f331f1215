// SPDX-License-Identifier: GPL-2.0-only
//! Maintenance instructions, just before they are executed.

use super::{Operation, Watcher};
use crate::decode::{Arch, Bound, Effect, Op, Operand, Stride, condition_holds};
use crate::event::address;
use crate::guest::{Cpu, Memory, Register};
use crate::queue::Sink;
use crate::runs::Run;
use crate::stats::Form;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Event, Site};

/// The longest range that one instruction is believed to maintain.
const LONGEST: u64 = 1 << 26;

/// A loop of maintenance that has begun: nothing else happens until it ends, or something does.
pub(super) enum Repeated {
    /// Over lines.
    Lines {
        operation: Operation,
        op: Op,
        /// The first address.
        vaddr: u64,
        /// Where its pages are, found when the loop began.
        pages: Vec<Option<u64>>,
    },
    /// Of [steps](Effect::LoopStep), which has been followed already.
    Steps { op: Op },
}

/// More steps than any loop has.
const ENDLESS: u64 = 1 << 62;

/// The key of the score that all steps of an operation share, see [`LoopCounter`].
fn steps_key(op: Op) -> u32 {
    u32::MAX - op as u32
}

/// How the CPU is to count executions of an operation in a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopCounter {
    /// Of the score, which [`enter`](super::Watcher::enter) says the first value of.
    pub key: u32,
    /// What it drops by each time.
    pub by: u32,
}

/// What to do before an instruction of a block that was translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaintenanceCallback {
    /// Index of the instruction.
    pub index: usize,
    /// What to [`execute`](super::Watcher::execute).
    pub number: u32,
    /// To [`enter`](super::Watcher::enter) instead, while the score is 0.
    pub counted: Option<LoopCounter>,
}

impl MaintenanceCallback {
    pub(super) fn new(index: usize, number: u32, run: &Run) -> Self {
        let counted = match run.instruction.effect {
            Effect::LoopStep { op } if run.instruction.condition.is_none() => Some(LoopCounter {
                key: steps_key(op),
                by: run.len,
            }),
            _ => run.repeat.map(|_| LoopCounter { key: number, by: 1 }),
        };
        Self {
            index,
            number,
            counted,
        }
    }
}

impl<S: Sink> Watcher<S> {
    /// The CPU is about to execute what [`translate`](Self::translate) gave this number.
    pub fn execute(&mut self, cpu: &impl Cpu, number: u32) {
        let Some(&operation) = self.operations.get(number as usize) else {
            return self.fail(&format!("find maintenance instruction {number}"));
        };
        if let Err(text) = self.try_execute(cpu, operation) {
            let pc = operation.pc;
            self.fail(&format!("follow the instruction at {pc:#x}: {text}"));
        }
    }

    /// As [`execute`](Self::execute), for an operation that a loop repeats: how often the CPU will execute it from now on
    /// if nothing interrupts that. How often it did until then is to be told to [`leave`](Self::leave), before anything
    /// else is.
    pub fn enter(&mut self, cpu: &impl Cpu, number: u32) -> u64 {
        let Some(&operation) = self.operations.get(number as usize) else {
            self.fail(&format!("find maintenance instruction {number}"));
            return 1;
        };
        match self.plan(cpu, operation) {
            Ok(Some(times)) => times,
            // Anything but a loop over consecutive lines.
            Ok(None) => {
                self.execute(cpu, number);
                1
            }
            Err(text) => {
                let pc = operation.pc;
                self.fail(&format!("follow the loop at {pc:#x}: {text}"));
                1
            }
        }
    }

    fn plan(&mut self, cpu: &impl Cpu, operation: Operation) -> Result<Option<u64>, String> {
        let run = operation.run;
        let (op, address, repeat) = match (run.instruction.effect, run.repeat) {
            (Effect::Line { op, address }, Some(repeat)) => (op, address, repeat),
            (Effect::LoopStep { op }, _) => {
                self.loop_step(op, operation.site);
                self.repeated = Some(Repeated::Steps { op });
                return Ok(Some(ENDLESS));
            }
            _ => return Ok(None),
        };
        let line = u64::from(self.cache.geometry.line());
        if self.stride(cpu, repeat.step)? != line {
            return Ok(None);
        }
        let vaddr = self.operand(cpu, address)?;
        let bytes = match repeat.bound {
            Bound::Reaches { end } => self.general(cpu, end)?.saturating_sub(vaddr),
            Bound::Meets { end } => match self.general(cpu, end)?.checked_sub(vaddr) {
                Some(bytes) if bytes.is_multiple_of(line) => bytes + line,
                _ => return Ok(None),
            },
            Bound::UsedUp { left, by } if self.stride(cpu, by)? == line => {
                self.general(cpu, left)?
            }
            Bound::UsedUp { .. } => return Ok(None),
        };
        if bytes > LONGEST {
            return Err(format!("range of {bytes:#x} bytes from {vaddr:#x}"));
        }
        let times = bytes.div_ceil(line).max(1);
        let first = vaddr - vaddr % PAGE_SIZE;
        let last = vaddr + (times - 1) * line;
        let pages = (first..=last).step_by(PAGE_SIZE as usize);
        self.repeated = Some(Repeated::Lines {
            operation,
            op,
            vaddr,
            pages: pages.map(|page| self.place(cpu, page)).collect(),
        });
        Ok(Some(times))
    }

    /// The loop that was [entered](Self::enter), if any, was executed so often.
    pub fn leave(&mut self, times: u64) {
        let (operation, op, vaddr, pages) = match self.repeated.take() {
            Some(Repeated::Lines {
                operation,
                op,
                vaddr,
                pages,
            }) => (operation, op, vaddr, pages),
            Some(Repeated::Steps { op }) => {
                let lines = times * self.lines_of_step();
                return self.maintenance.add(op, Form::Loop, times, lines);
            }
            None => return,
        };
        self.maintenance.add(op, Form::Line, times, times);
        let Operation { pc, site, .. } = operation;
        self.maintain(op, vaddr, times, site, pc, |_, page| {
            let index = (page / PAGE_SIZE - vaddr / PAGE_SIZE) as usize;
            pages.get(index).copied().flatten()
        });
    }

    fn try_execute(&mut self, cpu: &impl Cpu, operation: Operation) -> Result<(), String> {
        let Operation { pc, site, run, .. } = operation;
        let Run {
            instruction, len, ..
        } = run;
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
                let vaddr = self.in_space(cpu, address)?;
                let len = u64::from(len);
                self.maintenance.add(op, Form::Line, len, len);
                self.lines(cpu, op, vaddr, operation)?;
            }
            Effect::Range { op, first, last } => {
                let (first, last) = (self.general(cpu, first)?, self.general(cpu, last)?);
                let line = u64::from(self.cache.geometry.line());
                let first = first & !(line - 1);
                if last.wrapping_sub(first) > LONGEST {
                    return Err(format!("range from {first:#x} to {last:#x}"));
                }
                let lines = (last - first) / line + 1;
                self.maintenance.add(op, Form::Range, 1, lines);
                self.maintain(op, first, lines, site, pc, |watcher, page| {
                    watcher.place(cpu, page)
                });
            }
            Effect::SetWay { op, register } => {
                let value = word(register)?;
                self.set_way(op, value, site);
            }
            Effect::Index { op, address } => {
                let vaddr = self.operand(cpu, address)?;
                let stride = self.stride(cpu, run.stride)?;
                self.index(op, vaddr, len, stride, site);
            }
            Effect::Whole { op } => {
                let lines = self.lines_of_cache();
                self.maintenance.add(op, Form::WholeCache, 1, lines);
                self.whole_cache(op, site);
            }
            Effect::LoopStep { op } => {
                let len = u64::from(len);
                let lines = len * self.lines_of_step();
                self.maintenance.add(op, Form::Loop, len, lines);
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

    /// Bytes from one address to the next, as unsigned 32-bit arithmetic has it.
    fn stride(&self, cpu: &impl Cpu, stride: Stride) -> Result<u64, String> {
        match stride {
            // CAST: a negative one wraps, as in the guest.
            Stride::Bytes(bytes) => Ok(u64::from(bytes as u32)),
            Stride::Register(register) => self.general(cpu, register),
        }
    }

    /// The lines of a run by virtual address, the first of which is given.
    fn lines(
        &mut self,
        cpu: &impl Cpu,
        op: Op,
        vaddr: u64,
        operation: Operation,
    ) -> Result<(), String> {
        let Operation { pc, site, run, .. } = operation;
        let vaddr = self.translator.maintained(vaddr, pc);
        let line = u64::from(self.cache.geometry.line());
        let stride = self.stride(cpu, run.stride)?;
        // The page that a temporary alias stands for.
        let temporary = match operation.names_page {
            true => {
                let page = self.general(cpu, 26)?;
                // Some kernels convert it to what a TLB is given before they flush.
                if !page.is_multiple_of(PAGE_SIZE) {
                    return Err(format!(
                        "find the page that {page:#x} stands for: register 26 is no address of a page"
                    ));
                }
                Some(page)
            }
            false => None,
        };
        let place = |watcher: &mut Self, page| temporary.or_else(|| watcher.place(cpu, page));
        let len = u64::from(run.len);
        if len == 1 || stride == line {
            self.maintain(op, vaddr, len, site, pc, place);
        } else {
            for index in 0..len {
                let (space, offset) = (vaddr & !0xffff_ffff, vaddr.wrapping_add(index * stride));
                let vaddr = space | offset & 0xffff_ffff;
                self.maintain(op, vaddr, 1, site, pc, place);
            }
        }
        Ok(())
    }

    /// Consecutive lines, from the one at a virtual address on. `place` finds the physical address of a page.
    fn maintain(
        &mut self,
        op: Op,
        vaddr: u64,
        lines: u64,
        site: Site,
        pc: u64,
        place: impl Fn(&mut Self, u64) -> Option<u64>,
    ) {
        let line = u64::from(self.cache.geometry.line());
        let first = vaddr & !(line - 1);
        let end = first + lines * line;
        let mut at = first;
        while at < end {
            let inside = at % PAGE_SIZE;
            let len = (end - at).min(PAGE_SIZE - inside);
            let page = at - inside;
            let paddr = place(self, page).map(|paddr| paddr + inside);
            self.maintain_in_page(op, at, paddr, len, site, pc);
            at += len;
        }
    }

    /// Lines of one page.
    fn maintain_in_page(
        &mut self,
        op: Op,
        vaddr: u64,
        paddr: Option<u64>,
        len: u64,
        site: Site,
        pc: u64,
    ) {
        let line = u64::from(self.cache.geometry.line());
        // The virtual address alone finds a line with a virtual tag.
        let Some(paddr) = paddr.or_else(|| self.virtually_tagged().then_some(vaddr)) else {
            *self.untranslated.entry(pc).or_default() += len / line;
            return;
        };
        let at = address(vaddr, paddr);
        // CAST: at most a page.
        let len = len as u32;
        self.event(Event::Maintain { op, at, len }, Some(vaddr), site);
    }

    fn virtually_tagged(&self) -> bool {
        use vcsan_model::Alias;
        let alias = self.cache.geometry.alias(address(0, 0));
        matches!(alias, Alias::Virtual { .. })
    }

    /// The physical address that maintenance at a virtual one is about.
    fn place(&mut self, memory: &impl Memory, vaddr: u64) -> Option<u64> {
        let paddr = self.find_place(memory, vaddr)?;
        self.translate_for_maintenance(memory, vaddr, paddr);
        Some(paddr)
    }

    fn find_place(&mut self, memory: &impl Memory, vaddr: u64) -> Option<u64> {
        if let Some(page) = self.pages.find(vaddr) {
            return Some(page.paddr(vaddr));
        }
        if let Some((page, frame)) = self.last_translated
            && page == vaddr / PAGE_SIZE
        {
            return Some(frame * PAGE_SIZE + vaddr % PAGE_SIZE);
        }
        let paddr = self.translator.translate(memory, vaddr)?;
        self.last_translated = Some((vaddr / PAGE_SIZE, paddr / PAGE_SIZE));
        Some(paddr)
    }

    /// ARM: set, way and level as the cache's own geometry codes them (DDI 0406C, B4.2.1; the same on v5 and v6).
    fn set_way(&mut self, op: Op, value: u32, site: Site) {
        // Second levels are not modelled.
        if value >> 1 & 7 != 0 {
            return;
        }
        let geometry = self.cache.geometry;
        let set = value >> geometry.line().trailing_zeros();
        let way_bits = geometry.ways().next_power_of_two().trailing_zeros();
        let way = if way_bits == 0 {
            0
        } else {
            value >> (32 - way_bits)
        };
        self.sweep(op, set, 1, way, site);
    }

    /// MIPS: way above set above line in the address. `len` of them, `stride` bytes apart.
    fn index(&mut self, op: Op, vaddr: u64, len: u32, stride: u64, site: Site) {
        let geometry = self.cache.geometry;
        let sets = geometry.sets().max(1);
        // CAST: 32-bit addresses.
        let line = |place: u64| (vaddr + place * stride) as u32 >> geometry.line().trailing_zeros();
        let first = line(0);
        if stride == u64::from(geometry.line()) && first % sets + len <= sets {
            self.sweep(op, first % sets, len, first / sets, site);
        } else {
            for place in 0..u64::from(len) {
                self.sweep(op, line(place) % sets, 1, line(place) / sets, site);
            }
        }
    }

    /// One way of `sets` sets, from `set` on.
    fn sweep(&mut self, op: Op, set: u32, sets: u32, way: u32, site: Site) {
        let lines = u64::from(sets);
        self.maintenance.add(op, Form::SetWay, lines, lines);
        let event = Event::SetWay { op, set, sets, way };
        self.event(event, None, site);
    }

    fn lines_of_cache(&self) -> u64 {
        let geometry = self.cache.geometry;
        u64::from(geometry.sets()) * u64::from(geometry.ways())
    }

    /// How many lines a step of a loop is about, see [`loop_step`](Self::loop_step): ARM926's is the whole loop.
    fn lines_of_step(&self) -> u64 {
        match self.target.arch {
            Arch::Arm => self.lines_of_cache(),
            Arch::Mips | Arch::Parisc => 1,
        }
    }

    fn whole_cache(&mut self, op: Op, site: Site) {
        self.event(Event::WholeCache { op }, None, site);
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
        let len = self.cache.geometry.line();
        let vaddr = vaddr & !u64::from(len - 1);
        if let Some(paddr) = self.place(cpu, vaddr) {
            let at = address(vaddr, paddr);
            self.event(Event::Store { at, len }, Some(vaddr), site);
        }
    }
}
