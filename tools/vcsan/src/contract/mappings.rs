// SPDX-License-Identifier: GPL-2.0-only
//! What is mapped for devices, and who owns it.

use super::mapping::Mapping;
use super::{Area, Areas, Breach, Breaking, Broken, Caller, Direction, Request, Step};
use std::collections::{HashMap, HashSet, VecDeque};
use vcsan_model::Site;
use vcsan_model::geometry::PAGE_SIZE;

/// Pages whose lines are still drawn after they were unmapped.
const RECENT: usize = 512;

/// All mappings of a guest.
#[derive(Debug, Default)]
pub struct Mappings {
    /// By a number that is never used again.
    mappings: HashMap<u64, Mapping>,
    next: u64,
    /// The mappings that have a byte in a page.
    pages: HashMap<u64, Vec<u64>>,
    /// Pages that were unmapped, the latest last.
    recent: VecDeque<u64>,
    recently: HashSet<u64>,
    /// Lists with mappings.
    lists: HashMap<u64, Vec<u64>>,
    /// Accesses of the CPU to dma-bufs that are not over, by the buffer.
    accesses: HashMap<u64, usize>,
    /// Where devices were taken to have written.
    writers: HashSet<Site>,
    /// All maps are seen, so that what is not known is not mapped.
    complete: bool,
    /// Bytes of a cache line.
    line: u64,
}

fn pages(area: Area) -> impl Iterator<Item = u64> {
    area.first / PAGE_SIZE..=area.end().saturating_sub(1).max(area.first) / PAGE_SIZE
}

impl Mappings {
    /// Nothing is mapped. `complete`: all that will be is told of. `line`: bytes of a cache line.
    #[must_use]
    pub fn new(complete: bool, line: u32) -> Self {
        Self {
            complete,
            line: line.into(),
            ..Self::default()
        }
    }

    /// Lines have so many bytes.
    pub fn set_line(&mut self, line: u32) {
        self.line = line.into();
    }

    /// Whether anything in the page of a physical address is mapped, or was lately.
    #[must_use]
    pub fn has_page(&self, paddr: u64) -> bool {
        let page = paddr / PAGE_SIZE;
        self.pages.contains_key(&page) || self.recently.contains(&page)
    }

    /// Devices are taken to have written at this site.
    pub fn writes_at(&mut self, site: Site) {
        self.writers.insert(site);
    }

    /// Whether a device wrote at this site.
    #[must_use]
    pub fn is_writer(&self, site: Site) -> bool {
        self.writers.contains(&site)
    }

    /// Mappings that are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mappings.len()
    }

    /// Whether nothing is mapped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mappings.is_empty()
    }

    fn meeting(&self, area: Area) -> impl Iterator<Item = (u64, &Mapping)> {
        // A mapping is met in each page that it shares with the area: the first one tells.
        let numbers = pages(area).flat_map(|page| self.pages.get(&page).into_iter().flatten());
        numbers
            .filter_map(|number| Some((*number, self.mappings.get(number)?)))
            .filter(move |(_, mapping)| mapping.area.meets(area))
    }

    /// The CPU reads or writes memory. What of the contract that breaks.
    pub fn access(&mut self, vaddr: u64, area: Area, store: bool, site: Site) -> Option<Breaking> {
        let breach = if store { Breach::Write } else { Breach::Read };
        // Of an aligned word a part may be wanted, as where memcpy() ends.
        let word = area.len <= 4 && area.first.is_multiple_of(area.len);
        let reads = |mapping: &Mapping| store || !word || mapping.has_all(area);
        let owned = self.meeting(area).find(|(_, mapping)| {
            mapping.dir.device_writes() && mapping.owns(area) && reads(mapping)
        });
        let owned = owned.map(|(_, mapping)| mapping.broken(breach));
        for number in self.numbers(area) {
            if let Some(mapping) = self.mappings.get_mut(&number) {
                mapping.accessed(vaddr, area, store, site);
            }
        }
        if owned.is_some() || !store {
            return owned;
        }
        let first = area.first - area.first % self.line;
        let lines = Area {
            first,
            len: area.end().next_multiple_of(self.line) - first,
        };
        let beside = self.meeting(lines).find(|(_, mapping)| {
            mapping.dir.device_writes() && !mapping.area.meets(area) && mapping.owns(lines)
        });
        beside.map(|(_, mapping)| mapping.broken(Breach::SharedLine))
    }

    /// The parts of an area that a device has transferred until the CPU takes it back: all of it, but for what the CPU has
    /// already. If it has everything, its sync says that a device had it in between.
    #[must_use]
    pub fn transferred(&self, area: Area, caller: Caller) -> Areas {
        let mut parts = Areas::default();
        if self.is_accessed(caller) {
            return parts;
        }
        parts.add(area);
        for (_, mapping) in self.meeting(area) {
            for taken in mapping.at_cpu.iter() {
                parts.remove(taken);
            }
        }
        if caller.request != Some(Request::Unmap) && parts.iter().next().is_none() {
            parts.add(area);
        }
        parts
    }

    /// Whether the CPU accesses the dma-buf that a call is about, which no device then has.
    #[must_use]
    pub fn is_accessed(&self, caller: Caller) -> bool {
        caller
            .buffer
            .is_some_and(|buffer| self.accesses.contains_key(&buffer))
    }

    /// Whether the device may read what it is handed at this step: not while others access the same dma-buf.
    #[must_use]
    pub fn is_handed_over(&self, caller: Caller) -> bool {
        let open = caller.buffer.and_then(|buffer| self.accesses.get(&buffer));
        let ends = caller.request == Some(Request::SyncForDevice);
        open.is_none_or(|open| *open <= usize::from(ends))
    }

    /// The parts of what is unmapped that a device had until now, if no maintenance has said so (`DMA_ATTR_SKIP_CPU_SYNC`): what
    /// the device may have written counts as written.
    #[must_use]
    pub fn released(&self, step: Step, caller: Caller) -> Areas {
        let (Step::Unmapped { area, dir }, Some(Request::Unmap)) = (step, caller.request) else {
            return Areas::default();
        };
        let numbers = match (area, caller.list) {
            (Some(area), _) => self.like(area, dir, caller).into_iter().collect(),
            (None, Some(list)) => self.lists.get(&list).cloned().unwrap_or_default(),
            (None, None) => Vec::new(),
        };
        let mut released = Areas::default();
        let mappings = || numbers.iter().filter_map(|n| self.mappings.get(n));
        if mappings().any(|mapping| mapping.unmapping) {
            return released;
        }
        for mapping in mappings().filter(|mapping| !mapping.lapsed) {
            for part in mapping.owned_of(mapping.area).iter() {
                released.add(part);
            }
        }
        released
    }

    /// A call has come to a step. What of the contract that breaks.
    pub fn follow(&mut self, step: Step, caller: Caller) -> Vec<Broken> {
        match step {
            Step::Mapped { area, dir } => self.mapped(area, dir, caller),
            Step::Allocated { area, dir } => self.map(area, dir, caller, true),
            Step::ForDevice { area, dir } => match caller.request {
                Some(Request::SyncForDevice) => {
                    let broken = self.check(area, dir, caller);
                    // Of a dma-buf that others access as well: they go on.
                    let others = caller
                        .buffer
                        .and_then(|buffer| self.accesses.get(&buffer))
                        .is_some_and(|open| *open > 1);
                    self.each(area, dir, caller, |mapping, part| {
                        mapping.give(part);
                        if others {
                            mapping.take(part);
                        }
                    });
                    broken
                }
                Some(Request::Map) | None => self.map(area, dir, caller, false),
                Some(Request::Unmap | Request::SyncForCpu) => Vec::new(),
            },
            Step::ForCpu { area, dir } => match caller.request {
                Some(Request::Unmap | Request::SyncForCpu) | None => {
                    let mut broken = self.check(area, dir, caller);
                    if !self.is_accessed(caller) {
                        broken.extend(self.unsynced(area, dir));
                    }
                    broken.extend(self.not_handed_back(area, caller));
                    broken
                }
                Some(Request::Map | Request::SyncForDevice) => Vec::new(),
            },
            Step::AtCpu { area, dir } => {
                match caller.request {
                    Some(Request::SyncForCpu) => {
                        self.each(area, dir, caller, |mapping, part| {
                            mapping.give(part);
                            mapping.take(part);
                        });
                    }
                    None => self.unmap(area, dir, caller),
                    // What is unmapped goes when the call returns, as it may maintain nothing.
                    Some(Request::Unmap) => {
                        self.each(area, dir, caller, |mapping, _| mapping.unmapping = true);
                    }
                    Some(Request::Map | Request::SyncForDevice) => {}
                }
                Vec::new()
            }
            Step::Listed { list } => {
                let numbers = caller.list.and_then(|table| self.lists.remove(&table));
                for number in numbers.unwrap_or_default() {
                    if let Some(mapping) = self.mappings.get_mut(&number) {
                        mapping.caller.list = Some(list);
                        self.lists.entry(list).or_default().push(number);
                    }
                }
                Vec::new()
            }
            Step::Unmapped { area, dir } => {
                if let Some(area) = area {
                    self.unmap(area, dir, caller);
                }
                match caller.list {
                    Some(list) => self.unmap_list(list),
                    None => Vec::new(),
                }
            }
            Step::Freed { area } => {
                // Whoever accessed the dma-buf has died, or has closed it. The next one may lie where it did.
                if let Some(object) = caller.buffer {
                    self.accesses.remove(&object);
                }
                let meets = |mapping: &Mapping| mapping.area.meets(area);
                self.lapse(Breach::Freed, meets, Some(area))
            }
            Step::Begun | Step::Ended => {
                if let Some(buffer) = caller.buffer {
                    let open = self.accesses.entry(buffer).or_default();
                    *open = match step {
                        Step::Begun => *open + 1,
                        _ => open.saturating_sub(1),
                    };
                    if *open == 0 {
                        self.accesses.remove(&buffer);
                    }
                }
                Vec::new()
            }
        }
    }

    /// A module is unloaded that has mapped memory at these sites.
    pub fn unloaded(&mut self, sites: &[Site]) -> Vec<Broken> {
        let by_it = |mapping: &Mapping| sites.contains(&mapping.caller.site);
        self.lapse(Breach::LeftBehind, by_it, None)
    }

    /// A call to map one area has returned, which may have been seen to maintain it.
    fn mapped(&mut self, area: Area, dir: Direction, caller: Caller) -> Vec<Broken> {
        let same = |mapping: &Mapping| {
            !mapping.returned && (mapping.area, mapping.dir, mapping.caller) == (area, dir, caller)
        };
        let number = self
            .meeting(area)
            .find(|(_, mapping)| same(mapping))
            .map(|(number, _)| number);
        match number.and_then(|number| self.mappings.get_mut(&number)) {
            Some(mapping) => {
                mapping.returned = true;
                Vec::new()
            }
            None => self.map(area, dir, caller, true),
        }
    }

    /// `kept`: nothing was maintained for it.
    fn map(&mut self, area: Area, dir: Direction, caller: Caller, kept: bool) -> Vec<Broken> {
        if area.len == 0 {
            return Vec::new();
        }
        // As in kernel/dma/debug.c: what devices only read may be mapped as often as one likes. Another list of the same memory
        // is another matter, as each importer of a dma-buf has one.
        let again = |mapping: &Mapping| {
            let writes = mapping.dir.device_writes() || dir.device_writes();
            let known = caller.device != 0 && mapping.caller.device == caller.device;
            // None, or the same.
            let list = mapping.caller.list == caller.list;
            mapping.area.meets(area) && writes && known && list
        };
        let broken = self.lapse(Breach::MappedAgain, again, Some(area));
        let number = self.next;
        self.next += 1;
        for page in pages(area) {
            self.pages.entry(page).or_default().push(number);
        }
        if let Some(list) = caller.list {
            self.lists.entry(list).or_default().push(number);
        }
        let mut mapping = Mapping {
            area,
            dir,
            caller,
            at_cpu: Areas::default(),
            used: Areas::default(),
            kept: Areas::default(),
            unsynced: Vec::new(),
            returned: kept,
            unmapping: false,
            lapsed: false,
        };
        if kept {
            mapping.kept.add(area);
        }
        // A dma-buf that is mapped while the CPU accesses it is the device's when that access ends.
        let open = |buffer| self.accesses.contains_key(&buffer);
        if caller.buffer.is_some_and(open) {
            mapping.at_cpu.add(area);
        }
        self.mappings.insert(number, mapping);
        broken
    }

    /// Reports mappings, those of `near` if that is given, and holds them against nobody from now on.
    fn lapse(
        &mut self,
        breach: Breach,
        which: impl Fn(&Mapping) -> bool,
        near: Option<Area>,
    ) -> Vec<Broken> {
        let numbers = match near {
            Some(area) => self.numbers(area),
            None => self.mappings.keys().copied().collect(),
        };
        let mut broken = Vec::new();
        for number in numbers {
            if let Some(mapping) = self.mappings.get_mut(&number)
                && !mapping.lapsed
                && which(mapping)
            {
                mapping.lapsed = true;
                broken.push(Broken {
                    breaking: mapping.broken(breach),
                    area: mapping.area,
                    access: None,
                });
            }
        }
        broken
    }

    fn numbers(&self, area: Area) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.meeting(area).map(|(number, _)| number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Does something to the part that each mapping which a caller syncs in this direction has of an area.
    fn each(
        &mut self,
        area: Area,
        dir: Direction,
        caller: Caller,
        mut what: impl FnMut(&mut Mapping, Area),
    ) {
        for number in self.synced(area, dir, caller) {
            if let Some(mapping) = self.mappings.get_mut(&number) {
                what(mapping, mapping.part_of(area));
            }
        }
    }

    /// The mappings that a caller syncs: those of its list, or else those of its device. Where none is known, all.
    fn synced(&self, area: Area, dir: Direction, caller: Caller) -> Vec<u64> {
        let known = |number| Some((number, self.mappings.get(&number)?));
        let all = self.numbers(area).into_iter().filter_map(known);
        let all: Vec<_> = all.filter(|(_, mapping)| mapping.syncs(dir)).collect();
        let likeness = |mapping: &Mapping| {
            let by = mapping.caller;
            let list = caller.list.is_some() && by.list == caller.list;
            (list, by.device == caller.device)
        };
        let most = all.iter().map(|(_, mapping)| likeness(mapping)).max();
        let (list, device) = most.unwrap_or_default();
        let its = |mapping: &Mapping| match likeness(mapping) {
            (its, _) if list => its,
            (_, its) if device => its,
            _ => true,
        };
        let its = all.into_iter().filter(|(_, mapping)| its(mapping));
        its.map(|(number, _)| number).collect()
    }

    /// What the CPU has written of an area that a device has read until now, without a sync.
    fn unsynced(&self, area: Area, dir: Direction) -> Vec<Broken> {
        if dir.device_writes() {
            return Vec::new();
        }
        let mut broken = Vec::new();
        for (_, mapping) in self.meeting(area) {
            let writes = mapping.unsynced.iter();
            let writes = writes.filter(|write| write.area.meets(area));
            broken.extend(writes.map(|write| Broken {
                breaking: mapping.broken(Breach::NotSynced),
                area: write.area,
                access: Some((write.vaddr, write.site)),
            }));
        }
        broken
    }

    /// Whether an area is synced for the CPU that the CPU has, and has used, so that no device can have had it since. CPU
    /// accesses to a dma-buf may overlap.
    fn not_handed_back(&self, area: Area, caller: Caller) -> Option<Broken> {
        if caller.request != Some(Request::SyncForCpu) || caller.buffer.is_some() {
            return None;
        }
        let (_, mapping) = self.meeting(area).find(|(_, mapping)| {
            mapping.dir.device_writes() && mapping.at_cpu.contains(area) && mapping.used.meets(area)
        })?;
        Some(Broken {
            breaking: mapping.broken(Breach::NotHandedBack),
            area,
            access: None,
        })
    }

    /// Whether an area that is synced or unmapped is mapped so.
    fn check(&self, area: Area, dir: Direction, caller: Caller) -> Vec<Broken> {
        let breaking = self.contradiction(area, dir, caller);
        let broken = |breaking| Broken {
            breaking,
            area,
            access: None,
        };
        breaking.into_iter().map(broken).collect()
    }

    fn contradiction(&self, area: Area, dir: Direction, caller: Caller) -> Option<Breaking> {
        if area.len == 0 {
            return None;
        }
        let whole = caller.request == Some(Request::Unmap);
        let fits = |mapping: &Mapping| {
            if whole {
                mapping.area == area
            } else {
                mapping.area.contains(area)
            }
        };
        let mut other_direction = None;
        let mut other_length = None;
        for (_, mapping) in self.meeting(area) {
            let same = mapping.dir == dir || !whole && mapping.syncs(dir);
            match (fits(mapping), same) {
                (true, true) => return None,
                (true, false) => other_direction = Some(mapping),
                (false, _) => other_length = Some(mapping),
            }
        }
        match (other_direction, other_length) {
            (Some(mapping), _) => Some(mapping.broken(Breach::Direction)),
            (None, Some(mapping)) => Some(mapping.broken(Breach::Length)),
            (None, None) => (self.complete && caller.request.is_some() && !self.is_unseen(caller))
                .then_some(Breaking {
                    breach: Breach::NotMapped,
                    mapped_by: None,
                    dir: None,
                    mapping: None,
                }),
        }
    }

    /// A list that was mapped without maintenance (`DMA_ATTR_SKIP_CPU_SYNC`) has mappings that nobody has seen.
    fn is_unseen(&self, caller: Caller) -> bool {
        caller
            .list
            .is_some_and(|list| !self.lists.contains_key(&list))
    }

    /// The mapping that is most like what a caller unmaps.
    fn like(&self, area: Area, dir: Direction, caller: Caller) -> Option<u64> {
        self.meeting(area)
            .max_by_key(|(number, mapping)| {
                let its = mapping.caller.device == caller.device;
                // What was mapped by itself is not unmapped as a part of a list, nor the other way round.
                let list = mapping.caller.list == caller.list;
                let same = (mapping.area == area, mapping.dir == dir, its, list);
                (same, !mapping.lapsed, u64::MAX - number)
            })
            .filter(|(_, mapping)| mapping.area.first == area.first || mapping.dir == dir)
            .map(|(number, _)| number)
    }

    fn unmap(&mut self, area: Area, dir: Direction, caller: Caller) {
        if let Some(number) = self.like(area, dir, caller) {
            self.remove(number);
        }
    }

    /// All that a list has mapped goes. If some of it was maintained for that, all of it should have been.
    fn unmap_list(&mut self, list: u64) -> Vec<Broken> {
        let numbers = self.lists.remove(&list).unwrap_or_default();
        let mappings = || {
            numbers
                .iter()
                .filter_map(|number| self.mappings.get(number))
        };
        let some = mappings().any(|mapping| mapping.unmapping);
        let left = mappings().find(|mapping| !mapping.unmapping && !mapping.lapsed);
        let broken = left.filter(|_| some).map(|mapping| Broken {
            breaking: mapping.broken(Breach::Entries),
            area: mapping.area,
            access: None,
        });
        for number in numbers {
            self.remove(number);
        }
        broken.into_iter().collect()
    }

    fn remove(&mut self, number: u64) {
        let Some(mapping) = self.mappings.remove(&number) else {
            return;
        };
        if let Some(list) = mapping.caller.list
            && let Some(numbers) = self.lists.get_mut(&list)
        {
            numbers.retain(|other| *other != number);
        }
        for page in pages(mapping.area) {
            if let Some(numbers) = self.pages.get_mut(&page) {
                numbers.retain(|other| *other != number);
                if numbers.is_empty() {
                    self.pages.remove(&page);
                }
            }
            if !self.recently.insert(page) {
                self.recent.retain(|other| *other != page);
            }
            self.recent.push_back(page);
        }
        while self.recent.len() > RECENT {
            if let Some(page) = self.recent.pop_front() {
                self.recently.remove(&page);
            }
        }
    }
}
