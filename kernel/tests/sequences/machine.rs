// SPDX-License-Identifier: GPL-2.0

//! A machine that a walk can walk on: the heap's planner, and a model of the cache.

use aliasheap_kernel::model::{Cpu, Maintenance};
use aliasheap_kernel::ownership::{Direction, Event, Op, Ownership};
use aliasheap_kernel::stages::{LINES, Stage, Via, WORD, WORDS, WORDS_OF_LINE};
use aliasheap_kernel::walk::{Dir, MAX_MAPPINGS, Step, Walk};
use vcsan_model::{self as cache, Address, Config, Geometry, Mode, Model, Site};

/// What of the heap is different from how it is.
#[derive(Clone, Debug)]
pub enum Change {
    None,
    /// Step `index` of the plans that are `ops` for `event` is done to the lines of `kept` only.
    Cut {
        event: Event,
        ops: Vec<Op>,
        index: usize,
        kept: Kept,
    },
    /// Of several mappings, one is synced for its device: the first one or the last one.
    OneMapping {
        last: bool,
    },
}

/// Lines to which a step is still done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Nothing,
    FirstLine,
    FirstPage,
    AllButTheLastPage,
}

impl Kept {
    pub const ALL: [Kept; 4] = [
        Kept::Nothing,
        Kept::FirstLine,
        Kept::FirstPage,
        Kept::AllButTheLastPage,
    ];

    fn lines(self) -> usize {
        match self {
            Kept::Nothing => 0,
            Kept::FirstLine => 1,
            Kept::FirstPage => LINES / 3,
            Kept::AllButTheLastPage => LINES - LINES / 3,
        }
    }
}

/// A CPU whose cache has so many colours.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub cpu: &'static Cpu,
    pub colours: usize,
}

impl Cell {
    /// The cache of the CPU, as the pages of `configs/cells` have it.
    pub fn new(cpu: &'static Cpu) -> Cell {
        let colours = match (cpu.aliases, cpu.name) {
            (false, _) => 1,
            (true, "P5600") => 2,
            (true, _) => 4,
        };
        Cell { cpu, colours }
    }

    fn geometry(&self) -> Geometry {
        let (line, ways) = (32, 4);
        let way = PAGE_SIZE as u32 * self.colours as u32;
        let geometry = match self.cpu {
            cpu if !cpu.aliases => Geometry::pipt(line, way, ways),
            cpu if cpu.speculates => Geometry::vipt(line, way, ways),
            _ => Geometry::vivt(line, way, ways, false),
        };
        geometry.expect("a geometry")
    }
}

/// Physical address of the first page.
const BUFFER: u64 = 0x10_0000;
const PAGE_SIZE: usize = 4096;

pub struct Machine<'a> {
    cell: Cell,
    change: &'a Change,
    stage: &'a Stage,
    model: Model,
    ownership: Ownership,
    mapped: [Option<Dir>; MAX_MAPPINGS],
    /// Lines to which maintenance is done.
    lines: usize,
}

/// An alias: that of the direct map, or that of a user.
type Alias = Option<usize>;
const DIRECT_MAP: Alias = None;

impl<'a> Machine<'a> {
    pub fn new(cell: Cell, change: &'a Change, stage: &'a Stage) -> Machine<'a> {
        let mut config = Config::new(cell.geometry());
        if cell.cpu.speculates {
            config.mode = Mode::Speculative;
        }
        let mut machine = Machine {
            cell,
            change,
            stage,
            model: Model::new(config).expect("a model"),
            ownership: Ownership::new(),
            mapped: [None; MAX_MAPPINGS],
            lines: LINES,
        };

        // Pages are cleared through the direct map.
        for line in 0..LINES {
            let at = machine.address(DIRECT_MAP, line * WORDS_OF_LINE);
            let len = (WORDS_OF_LINE * WORD) as u32;
            machine.apply(cache::Event::Store { at, len });
        }
        machine.maintain(DIRECT_MAP, cell.cpu.write_back_fresh);
        machine
    }

    /// Where an alias has a word. Those of the same number lie as far apart as the cache is large.
    fn address(&self, alias: Alias, word: usize) -> Address {
        let offset = self.stage.offset(word, PAGE_SIZE) as u64;
        let via = |user: usize| self.stage.users[user];
        let (number, colour) = match alias.filter(|&user| via(user) != Via::Direct) {
            None => (0, 0),
            Some(user) if via(user) == Via::Vmap => (1, self.stage.colours[1 + user]),
            Some(user) => (2 + user, self.stage.colours[1 + user]),
        };
        let page = number * 4 * self.cell.colours + colour % self.cell.colours;
        Address {
            vaddr: 0xc000_0000 + (page * PAGE_SIZE) as u64 + offset,
            paddr: BUFFER + offset,
            space: 0,
        }
    }

    /// Whether something reads something old.
    fn apply(&mut self, event: cache::Event) -> bool {
        !self.model.apply(event, Site::new(1)).is_empty()
    }

    fn maintain(&mut self, alias: Alias, maintenance: Maintenance) {
        let op = match maintenance {
            Maintenance::Nothing => return,
            Maintenance::WriteBack => cache::Op::WriteBack,
            Maintenance::Flush => cache::Op::WriteBackInvalidate,
            Maintenance::Discard => cache::Op::Invalidate,
        };
        for line in 0..self.lines {
            let at = self.address(alias, line * WORDS_OF_LINE);
            let len = (WORDS_OF_LINE * WORD) as u32;
            self.apply(cache::Event::Maintain { op, at, len });
        }
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Map(index, dir) => {
                self.event(Event::Map(dir.into()));
                self.mapped[index] = Some(dir);
            }
            Step::Unmap(index) => {
                if let Some(dir) = self.mapped[index] {
                    // It is unmapped while the heap still counts it.
                    self.event(Event::Unmap(dir.into()));
                    self.mapped[index] = None;
                }
            }
            Step::Begin(_, dir) | Step::Abandon(dir) => self.event(Event::Begin(dir.into())),
            Step::End(_, dir) | Step::Stray(dir) => self.event(Event::End(dir.into())),
            Step::Leave(_) => {}
            Step::Renew(user) => {
                // Where the cache aliases, who unmaps flushes.
                if self.cell.cpu.aliases {
                    self.maintain(Some(user), Maintenance::Flush);
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        let (ownership, plan) = self.ownership.next(event);
        let plan: Vec<_> = plan.ops().collect();

        for (number, op) in plan.iter().enumerate() {
            self.lines = match self.change {
                Change::Cut {
                    event: e,
                    ops,
                    index,
                    kept,
                } if (e, ops, *index) == (&event, &plan, number) => kept.lines(),
                _ => LINES,
            };
            self.execute(event, *op);
        }
        self.lines = LINES;
        self.ownership = ownership;
    }

    fn execute(&mut self, event: Event, op: Op) {
        let cpu = self.cell.cpu;
        match (op, event) {
            (Op::WriteBackVmap, _) => self.maintain_all(&[Via::Vmap], cpu.write_back_vmap),
            (Op::InvalidateVmap, _) => self.maintain_all(&[Via::Vmap], cpu.invalidate_vmap),
            (Op::FlushUser, _) => {
                self.maintain_all(&[Via::Process, Via::Parts(1)], cpu.flush_user);
            }
            (Op::WriteBackDirectMap, _) => {
                if self.mappings().any(Direction::device_writes) {
                    self.maintain(DIRECT_MAP, cpu.for_device(Direction::ToDevice));
                }
            }
            (Op::SyncForDevice, _) => {
                let mut mappings = self.mappings().collect::<Vec<_>>();
                match self.change {
                    Change::OneMapping { last: true } => drop(mappings.drain(..mappings.len() - 1)),
                    Change::OneMapping { last: false } => mappings.truncate(1),
                    _ => {}
                }
                for dir in mappings {
                    self.maintain(DIRECT_MAP, cpu.for_device(dir.mapped_as()));
                }
            }
            (Op::SyncForDeviceUnwritten, _) => {
                if self.mappings().any(Direction::device_writes) {
                    self.maintain(DIRECT_MAP, cpu.for_device(Direction::FromDevice));
                }
            }
            (Op::SyncForCpu, _) => {
                for dir in self.mappings().collect::<Vec<_>>() {
                    self.maintain(DIRECT_MAP, cpu.for_cpu(dir.mapped_as()));
                }
            }
            (Op::Map, Event::Map(dir)) => {
                self.maintain(DIRECT_MAP, cpu.for_device(dir.mapped_as()));
            }
            (Op::Unmap, Event::Unmap(dir)) => {
                self.maintain(DIRECT_MAP, cpu.for_cpu(dir.mapped_as()));
            }
            (Op::Map | Op::Unmap, _) => panic!("{op:?} is planned for {event:?}"),
        }
    }

    /// Maintains the aliases of those users who have one of these kinds.
    fn maintain_all(&mut self, kinds: &[Via], maintenance: Maintenance) {
        for (user, via) in self.stage.users.iter().enumerate() {
            if kinds.contains(via) {
                self.maintain(Some(user), maintenance);
            }
        }
    }

    fn mappings(&self) -> impl Iterator<Item = Direction> + use<> {
        self.mapped.into_iter().flatten().map(Direction::from)
    }

    /// Users and devices read and write; returns whether one of them reads something old.
    pub fn touch(&mut self, walk: &mut Walk) -> bool {
        let mut old = false;
        let len = WORD as u32;

        for user in 0..self.stage.users.len() {
            if walk.may_read(user) {
                old |= self.words(walk, |at| cache::Event::Load { at, len }, user);
            }
        }
        if let Some(user) = walk.pick_writer() {
            self.words(walk, |at| cache::Event::Store { at, len }, user);
        }
        if walk.pick_device_read().is_some() {
            for word in 0..WORDS {
                let paddr = self.address(DIRECT_MAP, word).paddr;
                old |= self.apply(cache::Event::DeviceRead { paddr, len });
            }
        }
        if walk.pick_device_write().is_some() {
            for word in walk.pick_range(WORDS) {
                let paddr = self.address(DIRECT_MAP, word).paddr;
                self.apply(cache::Event::DeviceWrite { paddr, len });
            }
        }
        old
    }

    fn words(
        &mut self,
        walk: &mut Walk,
        event: impl Fn(Address) -> cache::Event,
        user: usize,
    ) -> bool {
        let mut old = false;
        for line in 0..LINES {
            let words = walk.pick_words();
            for word in (0..WORDS_OF_LINE).filter(|word| words >> word & 1 != 0) {
                let at = self.address(Some(user), line * WORDS_OF_LINE + word);
                old |= self.apply(event(at));
            }
        }
        old
    }
}
