// SPDX-License-Identifier: GPL-2.0-only
//! Instructions that change translations: what is remembered of them goes, and in speculative mode so do the mappings
//! through which hardware may fill lines.

use super::Watcher;
use crate::decode::{TlbOp, TlbRegister};
use crate::guest::Cpu;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Event, Site};

impl Watcher {
    pub(super) fn forget_translations(&mut self) {
        self.slots.forget_translations();
        self.maintenance.last = None;
    }

    /// A translation goes, says the guest: in speculative mode nothing is filled through it any more.
    fn unmap(&mut self, vaddr: u64) {
        self.apply(Event::Unmap { vaddr, space: 0 }, None, Site::NONE);
    }

    /// The address space of a program goes, or all do: its pages are reached no more, until they are accessed again.
    fn unmap_programs(&mut self) {
        for page in self.user_pages.iter_mut().flat_map(std::mem::take) {
            let vaddr = page * PAGE_SIZE;
            self.model
                .apply(Event::Unmap { vaddr, space: 0 }, Site::NONE);
        }
    }

    pub(super) fn change_translation(
        &mut self,
        cpu: &impl Cpu,
        change: TlbOp,
    ) -> Result<(), String> {
        self.maintenance.translation_changes += 1;
        match change {
            TlbOp::Write { to, from } => {
                // CAST: 32-bit registers.
                let value = self.general(cpu, from)? as u32;
                self.translator.write_register(to, value);
                let only_latches = matches!(
                    to,
                    TlbRegister::Index
                        | TlbRegister::EntryLo0
                        | TlbRegister::EntryLo1
                        | TlbRegister::PageMask
                );
                if !only_latches {
                    self.unmap_programs();
                    self.forget_translations();
                }
            }
            TlbOp::Read | TlbOp::Probe => {}
            TlbOp::WriteIndexed | TlbOp::WriteRandom => {
                self.translator.write_entry();
                self.forget_translations();
            }
            TlbOp::InvalidatePage { register } => {
                let vaddr = self.general(cpu, register)?;
                self.unmap(vaddr);
                self.slots.forget_page(vaddr);
                self.maintenance.last = None;
            }
            TlbOp::InvalidateAll
            | TlbOp::InvalidateSpace { .. }
            | TlbOp::Purge { .. }
            | TlbOp::PurgeEntry { .. }
            | TlbOp::Insert { .. } => {
                self.unmap_programs();
                self.forget_translations();
            }
        }
        Ok(())
    }
}
