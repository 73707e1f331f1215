// SPDX-License-Identifier: GPL-2.0-only
//! What is mapped for devices, and who owns it.

use super::{Area, Caller, Direction, Request, Step};
use std::collections::{HashMap, HashSet, VecDeque};
use vcsan_model::Site;
use vcsan_model::geometry::PAGE_SIZE;

/// Pages whose lines are still drawn after they were unmapped.
const RECENT: usize = 512;

/// In which way something is against the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Breach {
    /// The CPU writes what a device may write, too.
    Write,
    /// The CPU reads what a device may be writing.
    Read,
    /// The CPU writes to a line of which a device may write another part.
    SharedLine,
    /// Memory is synced or unmapped that is not mapped.
    NotMapped,
    /// It is mapped in another direction.
    Direction,
    /// What is mapped begins or ends elsewhere.
    Length,
}

impl Breach {
    /// A stable title, without addresses, of an access or of a call to do this.
    #[must_use]
    pub fn title(self, request: Option<Request>) -> &'static str {
        let unmap = request == Some(Request::Unmap);
        match self {
            Self::Write => "write to memory that a device owns",
            Self::Read => "read of memory that a device may write",
            Self::SharedLine => "write to a cache line shared with a device's buffer",
            Self::NotMapped if unmap => "unmap of memory that is not mapped",
            Self::NotMapped => "sync of memory that is not mapped",
            Self::Direction if unmap => "unmap in another direction than mapped",
            Self::Direction => "sync in another direction than mapped",
            Self::Length if unmap => "unmap of another area than mapped",
            Self::Length => "sync beyond what is mapped",
        }
    }
}

/// What breaks the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaking {
    /// How.
    pub breach: Breach,
    /// Where the mapping was made that it is about, if there is one.
    pub mapped_by: Option<Site>,
    /// The direction of that mapping.
    pub dir: Option<Direction>,
    /// What is mapped.
    pub mapping: Option<Area>,
}

/// A mapping.
#[derive(Debug)]
struct Mapping {
    area: Area,
    dir: Direction,
    caller: Caller,
    /// What of it the CPU has taken back by a sync.
    at_cpu: Vec<Area>,
    /// The call that made it has returned.
    returned: bool,
}

impl Mapping {
    /// Whether the device owns any byte of `area`.
    fn owns(&self, area: Area) -> bool {
        self.area.meets(area) && !self.at_cpu.iter().any(|taken| taken.contains(area))
    }

    /// Whether it can be synced in a direction. As in kernel/dma/debug.c, one of both directions can in any.
    fn syncs(&self, dir: Direction) -> bool {
        self.dir == dir || self.dir == Direction::Bidirectional
    }

    fn give(&mut self, area: Area) {
        let mut left = Vec::new();
        for taken in self.at_cpu.drain(..) {
            let parts = [
                (taken.first, area.first.min(taken.end())),
                (area.end().max(taken.first), taken.end()),
            ];
            for (first, end) in parts {
                if first < end {
                    left.push(Area {
                        first,
                        len: end - first,
                    });
                }
            }
        }
        self.at_cpu = left;
    }

    /// Takes an area, which makes one with those that it meets or touches.
    fn take(&mut self, mut area: Area) {
        self.at_cpu.retain(|taken| {
            let apart = taken.end() < area.first || area.end() < taken.first;
            if !apart {
                let first = area.first.min(taken.first);
                area = Area {
                    first,
                    len: area.end().max(taken.end()) - first,
                };
            }
            apart
        });
        self.at_cpu.push(area);
    }

    fn broken(&self, breach: Breach) -> Breaking {
        Breaking {
            breach,
            mapped_by: Some(self.caller.site),
            dir: Some(self.dir),
            mapping: Some(self.area),
        }
    }
}

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
    #[must_use]
    pub fn access(&self, area: Area, store: bool) -> Option<Breaking> {
        let breach = if store { Breach::Write } else { Breach::Read };
        let owned = self
            .meeting(area)
            .find(|(_, mapping)| mapping.dir.device_writes() && mapping.owns(area));
        if let Some((_, mapping)) = owned {
            return Some(mapping.broken(breach));
        }
        if !store {
            return None;
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

    /// A call has come to a step. What of the contract that breaks.
    pub fn follow(&mut self, step: Step, caller: Caller) -> Option<Breaking> {
        match step {
            Step::Mapped { area, dir } => {
                self.mapped(area, dir, caller);
                None
            }
            Step::ForDevice { area, dir } => match caller.request {
                Some(Request::SyncForDevice) => {
                    let broken = self.check(area, dir, caller);
                    self.each(area, dir, |mapping, part| mapping.give(part));
                    broken
                }
                Some(Request::Map) | None => {
                    self.map(area, dir, caller, false);
                    None
                }
                Some(Request::Unmap | Request::SyncForCpu) => None,
            },
            Step::ForCpu { area, dir } => match caller.request {
                Some(Request::Unmap | Request::SyncForCpu) | None => self.check(area, dir, caller),
                Some(Request::Map | Request::SyncForDevice) => None,
            },
            Step::AtCpu { area, dir } => {
                match caller.request {
                    Some(Request::SyncForCpu) => {
                        self.each(area, dir, |mapping, part| mapping.take(part));
                    }
                    None => self.unmap(area, dir),
                    // What is unmapped goes when the call returns, as it may maintain nothing.
                    Some(Request::Map | Request::Unmap | Request::SyncForDevice) => {}
                }
                None
            }
            Step::Listed { list } => {
                let numbers = caller.list.and_then(|table| self.lists.remove(&table));
                for number in numbers.unwrap_or_default() {
                    if let Some(mapping) = self.mappings.get_mut(&number) {
                        mapping.caller.list = Some(list);
                        self.lists.entry(list).or_default().push(number);
                    }
                }
                None
            }
            Step::Unmapped { area, dir } => {
                if let Some(area) = area {
                    self.unmap(area, dir);
                }
                if let Some(list) = caller.list {
                    for number in self.lists.remove(&list).unwrap_or_default() {
                        self.remove(number);
                    }
                }
                None
            }
        }
    }

    /// A call to map one area has returned, which may have been seen to maintain it.
    fn mapped(&mut self, area: Area, dir: Direction, caller: Caller) {
        let same = |mapping: &Mapping| {
            !mapping.returned && (mapping.area, mapping.dir, mapping.caller) == (area, dir, caller)
        };
        let number = self
            .meeting(area)
            .find(|(_, mapping)| same(mapping))
            .map(|(number, _)| number);
        match number.and_then(|number| self.mappings.get_mut(&number)) {
            Some(mapping) => mapping.returned = true,
            None => self.map(area, dir, caller, true),
        }
    }

    fn map(&mut self, area: Area, dir: Direction, caller: Caller, returned: bool) {
        if area.len == 0 {
            return;
        }
        let number = self.next;
        self.next += 1;
        for page in pages(area) {
            self.pages.entry(page).or_default().push(number);
        }
        if let Some(list) = caller.list {
            self.lists.entry(list).or_default().push(number);
        }
        let mapping = Mapping {
            area,
            dir,
            caller,
            at_cpu: Vec::new(),
            returned,
        };
        self.mappings.insert(number, mapping);
    }

    /// Does something to the part that each mapping that can be synced in this direction has of an area.
    fn each(&mut self, area: Area, dir: Direction, mut what: impl FnMut(&mut Mapping, Area)) {
        let numbers: HashSet<u64> = self
            .meeting(area)
            .filter(|(_, mapping)| mapping.syncs(dir))
            .map(|(number, _)| number)
            .collect();
        for number in numbers {
            if let Some(mapping) = self.mappings.get_mut(&number) {
                let first = area.first.max(mapping.area.first);
                let end = area.end().min(mapping.area.end());
                what(
                    mapping,
                    Area {
                        first,
                        len: end - first,
                    },
                );
            }
        }
    }

    /// Whether an area that is synced or unmapped is mapped so.
    fn check(&self, area: Area, dir: Direction, caller: Caller) -> Option<Breaking> {
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

    /// An area is unmapped: the mapping that is most like it.
    fn unmap(&mut self, area: Area, dir: Direction) {
        let best = self
            .meeting(area)
            .max_by_key(|(number, mapping)| {
                (mapping.area == area, mapping.dir == dir, u64::MAX - number)
            })
            .filter(|(_, mapping)| mapping.area.first == area.first || mapping.dir == dir)
            .map(|(number, _)| number);
        if let Some(number) = best {
            self.remove(number);
        }
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
            if self.recently.insert(page) {
                self.recent.push_back(page);
            }
        }
        while self.recent.len() > RECENT {
            if let Some(page) = self.recent.pop_front() {
                self.recently.remove(&page);
            }
        }
    }
}
