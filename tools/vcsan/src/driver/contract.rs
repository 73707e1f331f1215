// SPDX-License-Identifier: GPL-2.0-only
//! What passes between CPU and devices by the kernel's DMA API.

use super::Driver;
use super::hazards::Fingerprint;
use crate::contract::{Area, Breaking, Caller, Request, Step};
use crate::finding::{CapturedBreach, Finding};
use vcsan_model::{Cause, Event, Hazard, Site};

impl Driver {
    /// A call of the DMA API has come to a step.
    pub(super) fn dma(&mut self, step: Step, caller: Caller) {
        if let Some(broken) = self.mappings.follow(step, caller) {
            let area = match step {
                Step::Mapped { area, .. }
                | Step::ForDevice { area, .. }
                | Step::ForCpu { area, .. }
                | Step::AtCpu { area, .. } => Some(area),
                Step::Unmapped { area, .. } => area,
                Step::Listed { .. } => None,
            };
            if let Some(area) = area {
                self.breach(broken, caller.request, area, None, caller.site);
            }
        }
        match step {
            Step::ForDevice { area, dir } if dir.device_reads() => {
                self.transfer(area, false, caller.site);
            }
            Step::ForCpu { area, dir } if dir.device_writes() => {
                self.mappings.writes_at(caller.site);
                self.transfer(area, true, caller.site);
            }
            // Until now the device may have read.
            Step::ForCpu { area, .. } => self.transfer(area, false, caller.site),
            _ => {}
        }
        self.shortcuts.clear();
    }

    fn transfer(&mut self, area: Area, write: bool, site: Site) {
        // CAST: guests have 32 bits.
        let (paddr, len) = (area.first, area.len as u32);
        let event = if write {
            Event::DeviceWrite { paddr, len }
        } else {
            Event::DeviceRead { paddr, len }
        };
        self.record(event, None, site);
        self.apply(event, None, site);
    }

    /// The CPU has accessed a page with memory that is mapped for a device, or was lately.
    pub(super) fn check_owner(&mut self, vaddr: u64, area: Area, store: bool, site: Site) {
        if let Some(broken) = self.mappings.access(area, store) {
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
