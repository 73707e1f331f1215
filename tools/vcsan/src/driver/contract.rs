// SPDX-License-Identifier: GPL-2.0-only
//! What passes between CPU and devices by the kernel's DMA API.

use super::Driver;
use super::hazards::Fingerprint;
use crate::contract::{Area, Breaking, Broken, Caller, Request, Step};
use crate::finding::{CapturedBreach, Finding};
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Cause, Event, Hazard, Site};

impl Driver {
    /// A call of the DMA API has come to a step.
    pub(super) fn dma(&mut self, step: Step, caller: Caller) {
        if let Step::Freed { area } = step
            && !self.mappings.has_page(area.first)
            && !self.mappings.is_accessed(caller)
        {
            return;
        }
        let transferred = match step {
            Step::ForCpu { area, .. } => self.mappings.transferred(area, caller),
            _ => self.mappings.released(step, caller),
        };
        let handed_over = self.mappings.is_handed_over(caller);
        let broken = self.mappings.follow(step, caller);
        // What goes wrong because of it is told with it, and not twice.
        let wrong = match step {
            Step::ForDevice { area, dir } if dir.device_reads() && handed_over => {
                self.transfer(area, false, caller.site)
            }
            Step::ForCpu { dir, .. } | Step::Unmapped { dir, .. } => {
                // Until now the device may have read, or written.
                let write = dir.device_writes();
                if write {
                    self.mappings.writes_at(caller.site);
                }
                let parts = transferred.iter();
                let wrong: Vec<_> = parts
                    .map(|part| self.transfer(part, write, caller.site))
                    .collect();
                wrong.concat()
            }
            _ => Vec::new(),
        };
        for Broken {
            breaking,
            area,
            access,
        } in broken
        {
            let lines = self.line(area.first)..area.end();
            if access.is_some() && wrong.iter().any(|line| lines.contains(line)) {
                continue;
            }
            let (vaddr, site) = match access {
                Some((vaddr, site)) => (Some(vaddr), site),
                None => (None, caller.site),
            };
            self.breach(breaking, caller.request, area, vaddr, site);
        }
        self.shortcuts.clear();
    }

    /// A module is unloaded that has called the DMA API at these sites.
    pub(super) fn unloaded(&mut self, calls: &[Site], site: Site) {
        for Broken { breaking, area, .. } in self.mappings.unloaded(calls) {
            self.breach(breaking, None, area, None, site);
        }
        self.shortcuts.clear();
    }

    /// A device has had memory. The lines in which that goes wrong.
    fn transfer(&mut self, area: Area, write: bool, site: Site) -> Vec<u64> {
        // CAST: guests have 32 bits.
        let (paddr, len) = (area.first, area.len as u32);
        let event = if write {
            Event::DeviceWrite { paddr, len }
        } else {
            Event::DeviceRead { paddr, len }
        };
        self.record(event, None, site);
        self.apply(event, None, site)
    }

    /// The CPU has accessed a page with memory that is mapped for a device, or was lately.
    pub(super) fn check_owner(&mut self, vaddr: u64, area: Area, store: bool, site: Site) {
        if let Some(broken) = self.mappings.access(vaddr, area, store, site) {
            self.breach(broken, None, area, Some(vaddr), site);
        }
    }

    #[cold]
    fn breach(
        &mut self,
        broken: Breaking,
        request: Option<Request>,
        area: Area,
        vaddr: Option<u64>,
        site: Site,
    ) {
        let print = Fingerprint::Breach(broken.breach, site, broken.mapped_by);
        if !self
            .reported
            .is_new(print, || broken.breach.title(request).to_owned())
        {
            return;
        }
        let captured = CapturedBreach {
            broken,
            request,
            area,
            vaddr,
            site,
            test: self.test.clone(),
            past: self.history.of(self.line(area.first)),
            stacks: self.trace.of(area.first / PAGE_SIZE),
        };
        self.findings.push(Finding::Breach(Box::new(captured)));
    }

    /// Whether a hazard is about what devices transfer by the DMA API: a device ran into it, or what a device wrote got lost,
    /// or what a driver did for a transfer lost somebody's data.
    pub(super) fn concerns_dma(&self, hazard: &Hazard) -> bool {
        let lost = matches!(
            hazard.cause,
            Cause::Discarded { .. } | Cause::Overwritten { .. }
        );
        self.mappings.is_writer(hazard.write)
            || self.mappings.has_page(hazard.paddr())
                && (lost || hazard.accessor == vcsan_model::Accessor::Device)
    }
}
