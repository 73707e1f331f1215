// SPDX-License-Identifier: GPL-2.0-only
//! Instructions that change translations: what is remembered of them goes, and in speculative mode so do the mappings
//! through which hardware may fill lines.
//!
//! Hardware fills through translations: those in the TLB, and where hardware walks page tables, those in them. Nobody sees
//! it drop one from the TLB and take it up again, so a mapping counts from its first use, by an access or by maintenance at
//! its address, until an instruction of the kernel's ends it, and no change that it does not tell the TLB of is one.
//!
//! - ARM: pages end by TLB maintenance; a program's all end with its address space.
//! - MIPS: see [`Tlb`](crate::translate::mips::Tlb).
//! - PA-RISC: "The CPU is entitled to speculate any page with a TLB mapping", says arch/parisc/kernel/cache.c, and so its
//!   flushes "kill the mapping" first, that of the linear map included: a page ends by `pdtlb`, all by `pdtlbe`. Other
//!   programs' translations stay, as they do in the TLB. An insertion ends nothing: it follows a miss, or a trap at the same
//!   translation, and the miss handler's temporary alias is purged before it gets another page.

use super::Watcher;
use crate::decode::{Arch, Operand, TlbOp};
use crate::event::{Command, address};
use crate::guest::{Cpu, Memory, Register};
use crate::queue::Sink;
use crate::translate::Ended;
use std::collections::HashSet;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Event, Site};

/// MIPS, Status: the CPU handles an exception, and EntryHi is what hardware made it for that.
const EXL: u64 = 1 << 1;

/// Pages through which hardware may fill lines.
#[derive(Default)]
pub(super) struct Mapped {
    /// Those that end with an address space, or with all that the TLB has.
    pages: HashSet<u64>,
    /// The page that was maintained last, and has not ended since.
    maintained: Option<u64>,
}

impl<S: Sink> Watcher<S> {
    pub(super) fn forget_translations(&mut self) {
        self.pages.forget_all();
        self.queue.command(Command::ForgetPages);
        self.last_translated = None;
    }

    /// A page is used, through the cache, for the first time since its translation may have changed.
    pub(super) fn begin_mapping(&mut self, vaddr: u64) {
        let Some(mapped) = &mut self.mapped else {
            return;
        };
        // The kernel's page tables are there for all of ARM's address spaces; what it unmaps, it unmaps by the page.
        let by_page = self.target.arch == Arch::Arm && !self.translator.layout().is_user(vaddr);
        if !by_page && !self.translator.is_fixed(vaddr) {
            mapped.pages.insert(vaddr / PAGE_SIZE);
        }
    }

    /// Maintenance at a virtual address needs its translation, as an access does.
    pub(super) fn translate_for_maintenance(
        &mut self,
        memory: &impl Memory,
        vaddr: u64,
        paddr: u64,
    ) {
        let page = Some(vaddr / PAGE_SIZE);
        match &mut self.mapped {
            Some(mapped) if mapped.maintained != page => mapped.maintained = page,
            _ => return,
        }
        let uncached = match self.pages.find(vaddr) {
            Some(page) => page.uncached,
            None => self.is_uncached(memory, vaddr, paddr),
        };
        if !uncached && self.translator.may_speculate(vaddr) {
            self.begin_mapping(vaddr);
            let at = address(vaddr, paddr);
            self.event(Event::Map { at }, None, Site::NONE);
        }
    }

    /// Nothing is filled through a page any more, until it is used again.
    fn end_page(&mut self, vaddr: u64) {
        self.pages.forget(vaddr);
        self.queue.command(Command::ForgetPage(vaddr));
        self.last_translated = None;
        if let Some(mapped) = &mut self.mapped {
            mapped.maintained = None;
            mapped.pages.remove(&(vaddr / PAGE_SIZE));
            self.event(Event::Unmap { vaddr, space: 0 }, None, Site::NONE);
        }
    }

    /// As [`end_page`](Self::end_page), for all pages, or for programs' only.
    fn end_pages(&mut self, programs_only: bool) {
        self.forget_translations();
        self.translator.end_all(programs_only);
        let (queue, translator) = (&mut self.queue, &self.translator);
        if let Some(mapped) = &mut self.mapped {
            mapped.maintained = None;
            mapped.pages.retain(|page| {
                let vaddr = page * PAGE_SIZE;
                let stays = programs_only && !translator.layout().is_user(vaddr);
                if !stays {
                    queue.command(Command::Event {
                        event: Event::Unmap { vaddr, space: 0 },
                        vaddr: None,
                        site: Site::NONE,
                    });
                }
                stays
            });
        }
    }

    pub(super) fn change_translation(
        &mut self,
        cpu: &impl Cpu,
        change: TlbOp,
    ) -> Result<(), String> {
        self.counts.translation_changes += 1;
        match self.ended(cpu, change)? {
            Ended::Nothing => {}
            Ended::Page(vaddr) => {
                self.translator.end(cpu, vaddr);
                self.end_page(vaddr);
            }
            Ended::Pairs(pairs) => {
                for pair in pairs.into_iter().flatten() {
                    self.translator.end(cpu, pair);
                    self.translator.end(cpu, pair + PAGE_SIZE);
                    self.end_page(pair);
                    self.end_page(pair + PAGE_SIZE);
                }
            }
            Ended::Programs => self.end_pages(true),
            Ended::Everything => self.end_pages(false),
        }
        Ok(())
    }

    fn ended(&mut self, cpu: &impl Cpu, change: TlbOp) -> Result<Ended, String> {
        Ok(match change {
            TlbOp::Write { to, from } => {
                // CAST: 32-bit registers.
                let value = self.general(cpu, from)? as u32;
                self.translator.write_register(to, value)?
            }
            TlbOp::Probe => {
                let in_exception = cpu.register(Register::Status)? & EXL != 0;
                self.translator.probe(in_exception)
            }
            TlbOp::WriteIndexed => self.translator.write_indexed()?,
            TlbOp::InvalidatePage { register } => Ended::Page(self.general(cpu, register)?),
            TlbOp::Purge {
                data: true,
                address,
            } => Ended::Page(self.in_space(cpu, address)?),
            TlbOp::PurgeEntry { data: true, .. } => Ended::Everything,
            TlbOp::InvalidateAll if self.target.arch == Arch::Mips => Ended::Everything,
            TlbOp::InvalidateAll | TlbOp::InvalidateSpace { .. } => Ended::Programs,
            // A new entry ends no translation that was not ended before. Those for instructions fill nothing with data.
            TlbOp::Read
            | TlbOp::WriteRandom
            | TlbOp::Insert { .. }
            | TlbOp::Purge { .. }
            | TlbOp::PurgeEntry { .. } => Ended::Nothing,
        })
    }

    /// PA-RISC: an address with its space above, as accesses have it. Elsewhere the address.
    pub(super) fn in_space(&self, cpu: &impl Cpu, operand: Operand) -> Result<u64, String> {
        let offset = self.operand(cpu, operand)?;
        let base = match operand {
            Operand::Parisc { base, .. } => self.general(cpu, base)?,
            _ => offset,
        };
        // CAST: 32-bit registers.
        let space = match operand.space_register(base as u32) {
            Some(register) => cpu.register(Register::Space(register))?,
            None => 0,
        };
        Ok(space << 32 | offset)
    }
}
