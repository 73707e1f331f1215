// SPDX-License-Identifier: GPL-2.0-only
//! Transfers by devices, as the guest announces them.

use super::Watcher;
use crate::history::What;
use crate::sites::Origin;
use vcsan_model::{Event, Site};

/// The transfer device, seen from its registers: a transfer that no store started is a tale.
#[derive(Default)]
pub(super) struct Devices {
    /// A register was stored to since the test began.
    pub(super) programmed: bool,
    /// Transfers were announced since the test began.
    pub(super) announced: bool,
}

impl Watcher {
    /// A device reads or writes physical memory, says the instruction at `pc`.
    pub(super) fn transfer(&mut self, first: u64, len: u64, write: bool, pc: u64) {
        let Ok(bytes) = u32::try_from(len) else {
            return self.fail(&format!(
                "follow a transfer of {len:#x} bytes at {first:#x}"
            ));
        };
        self.devices.announced = true;
        let site = self.sites.number(Origin::Device(pc));
        let (event, what) = if write {
            self.counts.device_writes += 1;
            let event = Event::DeviceWrite {
                paddr: first,
                len: bytes,
            };
            (event, What::DeviceWrite)
        } else {
            self.counts.device_reads += 1;
            let event = Event::DeviceRead {
                paddr: first,
                len: bytes,
            };
            (event, What::DeviceRead)
        };
        self.remember(first, len, what, site);
        self.apply(event, None, site);
    }

    /// Puts an event into the history of every watched line of a physical range.
    fn remember(&mut self, first: u64, len: u64, what: What, site: Site) {
        let line_len = u64::from(self.model.config().geometry.line());
        let mut line = self.line(first);
        while line < first.saturating_add(len) {
            if self.watches.has_page(line) {
                self.history.add(line, what, None, 1, site);
            }
            line += line_len;
        }
    }

    /// Counts what is doubtful about a test's transfers.
    pub(super) fn settle_transfers(&mut self) {
        let devices = std::mem::take(&mut self.devices);
        self.counts.doubtful_transfers += u64::from(devices.announced && !devices.programmed);
    }
}
