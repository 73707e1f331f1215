// SPDX-License-Identifier: GPL-2.0-only
//! Memory that is mapped for a device, and which part of it who owns.

use super::{Area, Areas, Breach, Breaking, Caller, Direction};
use vcsan_model::Site;

/// What the CPU has written of what a device reads, and not synced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsynced {
    pub area: Area,
    pub vaddr: u64,
    pub site: Site,
}

/// Of one mapping. More are told with the last one.
const MOST_UNSYNCED: usize = 32;

/// A mapping.
#[derive(Debug)]
pub(super) struct Mapping {
    pub area: Area,
    pub dir: Direction,
    pub caller: Caller,
    /// What of it the CPU has taken back by a sync.
    pub at_cpu: Areas,
    /// What of that the CPU has accessed.
    pub used: Areas,
    /// What was never handed over: the device may have it, as nobody said when, and so may the CPU.
    pub kept: Areas,
    pub unsynced: Vec<Unsynced>,
    /// The call that made it has returned.
    pub returned: bool,
    /// A call that unmaps its list has come to it.
    pub unmapping: bool,
    /// It was reported that nobody will unmap it, so that it is not held against others.
    pub lapsed: bool,
}

impl Mapping {
    /// Whether the device owns any byte of `area`.
    pub fn owns(&self, area: Area) -> bool {
        if self.lapsed || !self.area.meets(area) {
            return false;
        }
        let part = self.part_of(area);
        let elsewhere = self.at_cpu.contains(part) || self.kept.contains(part);
        !elsewhere && !self.owned_of(area).is_empty()
    }

    /// Whether the device owns all of `area`.
    pub fn has_all(&self, area: Area) -> bool {
        let untouched = self.at_cpu.is_empty() && self.kept.is_empty();
        self.part_of(area) == area && (untouched || self.owned_of(area).contains(area))
    }

    /// What of `area` the device owns.
    pub fn owned_of(&self, area: Area) -> Areas {
        let mut owned = Areas::default();
        if self.area.meets(area) {
            owned.add(self.part_of(area));
        }
        for not in self.at_cpu.iter().chain(self.kept.iter()) {
            owned.remove(not);
        }
        owned
    }

    /// Whether it can be synced in a direction. As in kernel/dma/debug.c, one of both directions can in any.
    pub fn syncs(&self, dir: Direction) -> bool {
        self.dir == dir || self.dir == Direction::Bidirectional
    }

    /// The part of `area` that is mapped.
    pub fn part_of(&self, area: Area) -> Area {
        let first = area.first.max(self.area.first);
        Area {
            first,
            len: area.end().min(self.area.end()).saturating_sub(first),
        }
    }

    /// The device gets `area`, and has seen what was written of it.
    pub fn give(&mut self, area: Area) {
        self.kept.remove(area);
        self.at_cpu.remove(area);
        self.used.remove(area);
        let unsynced = std::mem::take(&mut self.unsynced);
        for write in unsynced {
            for area in super::areas::outside(write.area, area) {
                let vaddr = write.vaddr + (area.first - write.area.first);
                self.unsynced.push(Unsynced {
                    area,
                    vaddr,
                    ..write
                });
            }
        }
    }

    /// The CPU gets `area`.
    pub fn take(&mut self, area: Area) {
        self.kept.remove(area);
        self.at_cpu.add(area);
        self.used.remove(area);
    }

    /// The CPU accesses a part of it.
    pub fn accessed(&mut self, vaddr: u64, area: Area, store: bool, site: Site) {
        let part = self.part_of(area);
        if self.lapsed || part.len == 0 {
            return;
        }
        if self.at_cpu.contains(part) {
            self.used.add(part);
        }
        if !store || self.dir.device_writes() {
            return;
        }
        let write = Unsynced {
            area: part,
            vaddr: vaddr + (part.first - area.first),
            site,
        };
        let full = self.unsynced.len() == MOST_UNSYNCED;
        match self.unsynced.last_mut() {
            // A loop that goes through memory.
            Some(last) if last.area.end() == part.first && last.site == site => {
                last.area.len += part.len;
            }
            Some(last) if full => *last = write,
            _ => self.unsynced.push(write),
        }
    }

    /// A breach of the contract that is about it.
    pub fn broken(&self, breach: Breach) -> Breaking {
        Breaking {
            breach,
            mapped_by: Some(self.caller.site),
            dir: Some(self.dir),
            mapping: Some(self.area),
        }
    }
}
