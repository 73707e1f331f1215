// SPDX-License-Identifier: GPL-2.0-only
//! Transfers by devices, as the guest announces them.

use super::Watcher;
use crate::queue::Sink;
use vcsan_model::Event;

/// The transfer device, seen from its registers: a transfer that no store started is a tale.
#[derive(Default)]
pub(super) struct Devices {
    /// A register was stored to since the test began.
    pub(super) programmed: bool,
    /// Transfers were announced since the test began.
    pub(super) announced: bool,
}

impl<S: Sink> Watcher<S> {
    /// A device reads or writes physical memory, says the instruction at `pc`.
    pub(super) fn transfer(&mut self, first: u64, len: u64, write: bool, pc: u64) {
        let Ok(bytes) = u32::try_from(len) else {
            return self.fail(&format!(
                "follow a transfer of {len:#x} bytes at {first:#x}"
            ));
        };
        self.devices.announced = true;
        let site = self.names.lock().sites.device(pc);
        let event = if write {
            self.counts.device_writes += 1;
            Event::DeviceWrite {
                paddr: first,
                len: bytes,
            }
        } else {
            self.counts.device_reads += 1;
            Event::DeviceRead {
                paddr: first,
                len: bytes,
            }
        };
        self.event(event, None, site);
    }

    /// Counts what is doubtful about a test's transfers.
    pub(super) fn settle_transfers(&mut self) {
        let devices = std::mem::take(&mut self.devices);
        self.counts.doubtful_transfers += u64::from(devices.announced && !devices.programmed);
    }
}
