// SPDX-License-Identifier: GPL-2.0

//! A machine that a walk can walk on: the heap's planner, and the model of the cache that watches
//! guests. It tells, without a guest, what the walks of the suite `sequences` find.

use crate::model::{Cpu, Maintenance, is_of_pages_by_dma};
use crate::mutation::plan::{Kind, Mutation};
use crate::ownership::{Direction, Event, Op, Ownership, Plan};
use crate::stages::{self, LINES, Stage, Via, WORD, WORDS, WORDS_OF_LINE};
use crate::walk::{Course, Step, Walk};
use vcsan_model::{self as cache, Address, Config, Geometry, Mode, Model, Site};

/// What of the heap is different from how it is.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// Nothing.
    None,
    /// One step of one plan is done wrong.
    Mutated(Mutation<'a>),
    /// Step `index` of the plans that are `ops` for `event` is done to the lines of `kept` only.
    Cut {
        /// The event.
        event: Event,
        /// Its plan.
        ops: Vec<Op>,
        /// The step, counted from 0.
        index: usize,
        /// What it is still done to.
        kept: Kept,
    },
    /// Of several mappings, one is synced for its device: the first one or the last one.
    OneMapping {
        /// Which.
        last: bool,
    },
}

/// Lines to which a step is still done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// None.
    Nothing,
    /// The first one.
    FirstLine,
    /// Those of the first page.
    FirstPage,
    /// Those of all pages but the last one.
    AllButTheLastPage,
}

impl Kept {
    /// All of them.
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
    /// The CPU.
    pub cpu: Cpu,
    /// The colours of its cache; 4 where tags are virtual.
    pub colours: usize,
    /// Whether operations that flush more than they are asked to do so.
    pub whole: bool,
}

impl Cell {
    /// The cache of the CPU, as the pages of `configs/cells` have it.
    pub fn new(cpu: &Cpu) -> Cell {
        let colours = match (cpu.aliases, cpu.colours) {
            (false, _) => 1,
            (true, 2) => 2,
            (true, _) => 4,
        };
        Cell {
            cpu: *cpu,
            colours,
            whole: false,
        }
    }

    fn geometry(&self) -> Geometry {
        let (line, ways) = (32, 4);
        let way = PAGE_SIZE as u32 * self.colours as u32;
        let geometry = match self.cpu {
            cpu if !cpu.aliases => Geometry::pipt(line, way, ways),
            cpu if cpu.colours == usize::MAX => Geometry::vivt(line, way, ways, false),
            _ => Geometry::vipt(line, way, ways),
        };
        geometry.expect("a geometry")
    }
}

/// Where a walk shows a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The case of the suite `sequences`.
    pub case: &'static str,
    /// Which of its stages, counted from 0.
    pub stage: usize,
    /// Steps that are taken until something old is read.
    pub steps: usize,
}

/// The shortest walk that shows a change on a CPU, if any does.
pub fn shown(cell: Cell, change: &Change<'_>) -> Option<Shown> {
    let mut best: Option<Shown> = None;

    for (case, stages) in stages::ALL {
        for (number, stage) in stages.iter().enumerate() {
            if !stage.runs(cell.colours) {
                continue;
            }
            for course in stage.walks {
                let limit = best.map_or(usize::MAX, |best| best.steps - 1);
                let (found, steps) = walk(cell, change, stage, *course, limit);
                if found {
                    best = Some(Shown {
                        case,
                        stage: number,
                        steps,
                    });
                }
            }
        }
    }
    best
}

/// Walks until somebody reads something old, or to the end, or `limit` steps. Returns whether something
/// old was read, and how many steps were taken.
pub fn walk(
    cell: Cell,
    change: &Change<'_>,
    stage: &Stage,
    course: Course,
    limit: usize,
) -> (bool, usize) {
    let mut walk = Walk::new(course);
    let mut machine = Machine::new(cell, change, stage);
    let mut steps = 0;

    while steps < limit
        && let Some(next) = walk.advance()
    {
        steps += 1;
        machine.step(next);
        if machine.touch(&mut walk) {
            return (true, steps);
        }
    }
    (false, steps)
}

/// Physical address of the first page.
const BUFFER: u64 = 0x10_0000;
const PAGE_SIZE: usize = 4096;

/// A mapping for a device.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    /// Which of the walk's it is.
    number: usize,
    dir: Direction,
    /// Its device has lost it, in the middle of a plan.
    gone: bool,
}

struct Machine<'a> {
    cell: Cell,
    change: &'a Change<'a>,
    stage: &'a Stage,
    model: Model,
    ownership: Ownership,
    /// In the order in which they were made.
    mapped: Vec<Mapping>,
    /// Lines to which maintenance is done.
    lines: usize,
    /// Users by when they have made their aliases.
    made: Vec<usize>,
}

/// An alias: that of the direct map, or that of a user.
type Alias = Option<usize>;
const DIRECT_MAP: Alias = None;

impl<'a> Machine<'a> {
    fn new(cell: Cell, change: &'a Change<'a>, stage: &'a Stage) -> Machine<'a> {
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
            mapped: Vec::new(),
            lines: LINES,
            made: (0..stage.users.len()).collect(),
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

    fn step(&mut self, step: Step) {
        match step {
            Step::Map(number, dir) => {
                let dir = dir.into();
                self.event(Event::Map(dir), None);
                self.mapped.push(Mapping {
                    number,
                    dir,
                    gone: false,
                });
            }
            Step::Unmap(number) => {
                let mut all = self.mapped.iter();
                if let Some(index) = all.position(|mapping| mapping.number == number) {
                    // It is unmapped while the heap still counts it.
                    self.event(Event::Unmap(self.mapped[index].dir), Some(index));
                    self.mapped.remove(index);
                }
            }
            Step::Begin(_, dir) | Step::Abandon(dir) => self.event(Event::Begin(dir.into()), None),
            Step::End(_, dir) | Step::Stray(dir) => self.event(Event::End(dir.into()), None),
            Step::Leave(_) => {}
            Step::Renew(user) => {
                if !matches!(self.stage.users[user], Via::Parts(_)) {
                    self.made.retain(|other| *other != user);
                    self.made.push(user);
                }
                // Where the cache aliases, who unmaps flushes: vunmap() and vmap() always all of it.
                let all = self.stage.users[user] == Via::Vmap || self.cell.cpu.user_flushes_all;
                if self.cell.whole && self.cell.cpu.aliases && all {
                    self.flush_all();
                    self.flush_all();
                } else if self.cell.cpu.aliases {
                    self.maintain(Some(user), Maintenance::Flush);
                }
            }
        }
    }

    /// Does what is planned for an event, which may be about one of the mappings.
    fn event(&mut self, event: Event, about: Option<usize>) {
        let (ownership, plan) = self.ownership.next(event);
        let ops: Vec<_> = plan.ops().collect();
        let mut last = None;

        for (number, (op, how)) in self.instead(event, &plan).into_iter().enumerate() {
            self.lines = match self.change {
                Change::Cut {
                    event: e,
                    ops: cut,
                    index,
                    kept,
                } if (e, cut, *index) == (&event, &ops, number) => kept.lines(),
                _ => LINES,
            };
            let complete = how.is_none() && self.lines == LINES;
            if !complete || !op.is_done_by(last, self.cell.cpu.flushes_written_vmap()) {
                self.execute(event, op, how);
            }
            last = match op {
                Op::FlushUser if self.areas() == 0 => last,
                op => Some(op).filter(|_| complete),
            };
            if let (Op::Unmap, Some(index)) = (op, about) {
                self.mapped[index].gone = true;
            }
        }
        self.lines = LINES;
        self.ownership = ownership;
    }

    /// The steps of a plan as they are done, and how.
    fn instead(&self, event: Event, plan: &Plan) -> Vec<(Op, Option<Kind>)> {
        let mutation = match self.change {
            Change::Mutated(mutation) if mutation.is_of(event, plan.ops()) => Some(mutation),
            _ => None,
        };
        let steps = (0..Plan::MAX).filter_map(|index| {
            let (index, how) = match mutation {
                Some(mutation) => mutation.instead(index)?,
                None => (index, None),
            };
            Some((plan.ops().nth(index)?, how))
        });
        steps.collect()
    }

    fn execute(&mut self, event: Event, op: Op, how: Option<Kind>) {
        let cpu = self.cell.cpu;
        if self.flushes_all(op) {
            self.flush_all();
            return;
        }
        let how = how.filter(|kind| !(cpu.dma_flushes_all && is_of_pages_by_dma(op, *kind)));
        match how {
            Some(Kind::Line) => self.lines = 1,
            Some(Kind::Page) if op == Op::FlushUser => {
                self.lines = self.lines_up_to(self.last_area())
            }
            Some(Kind::Page) => self.lines = self.lines_up_to(0),
            Some(Kind::Chunk) => self.lines = self.stage.lines_of_first_chunk(),
            _ => {}
        }
        let op = match (op, how) {
            (Op::WriteBackVmap, Some(Kind::WrongDirection)) => Op::InvalidateVmap,
            (Op::InvalidateVmap, Some(Kind::WrongDirection)) => Op::WriteBackVmap,
            _ => op,
        };
        let as_done = |dir: Direction| match (how, dir.mapped_as()) {
            (Some(Kind::WrongDirection), Direction::ToDevice) => Direction::FromDevice,
            (Some(Kind::WrongDirection), _) => Direction::ToDevice,
            (_, dir) => dir,
        };
        let count = match (how, self.change, op) {
            (Some(Kind::Mapping), ..) => 1,
            (_, Change::OneMapping { last: false }, Op::SyncForDevice) => 1,
            _ => usize::MAX,
        };
        let mappings = self.mapped.iter().filter(|mapping| !mapping.gone);
        let all: Vec<_> = mappings.map(|mapping| mapping.dir).collect();
        let written = all.iter().copied().filter(|dir| dir.device_writes());
        let written: Vec<_> = written.take(count).collect();

        match (op, event) {
            (Op::WriteBackVmap, _) => self.maintain_all(&[Via::Vmap], cpu.write_back_vmap),
            (Op::InvalidateVmap, _) => self.maintain_all(&[Via::Vmap], cpu.invalidate_vmap),
            (Op::FlushUser, _) if how == Some(Kind::Area) => self.flush_first_area(),
            (Op::FlushUser, _) => {
                self.maintain_all(&[Via::Process, Via::Parts(1)], cpu.flush_user);
            }
            (Op::WriteBackDirectMap, _) => {
                for _ in written {
                    self.maintain(DIRECT_MAP, cpu.for_device(Direction::ToDevice));
                }
            }
            (Op::SyncForDevice, _) => {
                let first = match self.change {
                    Change::OneMapping { last: true } => all.len() - 1,
                    _ => 0,
                };
                for dir in all.into_iter().skip(first).take(count) {
                    self.maintain(DIRECT_MAP, cpu.for_device(as_done(dir)));
                }
            }
            (Op::SyncForDeviceUnwritten, _) => {
                for _ in written {
                    self.maintain(DIRECT_MAP, cpu.for_device(Direction::FromDevice));
                }
            }
            (Op::SyncForCpu, _) => {
                for dir in written {
                    self.maintain(DIRECT_MAP, cpu.for_cpu(as_done(dir)));
                }
            }
            (Op::Map, Event::Map(dir)) => {
                self.maintain(DIRECT_MAP, cpu.for_device(as_done(dir)));
            }
            (Op::Unmap, Event::Unmap(dir)) => {
                self.maintain(DIRECT_MAP, cpu.for_cpu(as_done(dir)));
            }
            (Op::Map | Op::Unmap, _) => panic!("{op:?} is planned for {event:?}"),
        }
        self.lines = LINES;
    }

    fn flush_all(&mut self) {
        let op = cache::Op::WriteBackInvalidate;
        self.apply(cache::Event::WholeCache { op });
    }

    /// Whether a step flushes the whole cache.
    fn flushes_all(&self, op: Op) -> bool {
        let uses = |kinds: &[Via]| self.stage.users.iter().any(|via| kinds.contains(via));

        self.cell.whole
            && match op {
                Op::FlushUser => {
                    self.cell.cpu.user_flushes_all && uses(&[Via::Process, Via::Parts(1)])
                }
                Op::WriteBackVmap | Op::InvalidateVmap => {
                    self.cell.cpu.vmap_flushes_all && self.has_vmap()
                }
                _ => false,
            }
    }

    /// Areas of user space that are mapped.
    fn areas(&self) -> usize {
        let users = self.stage.users.iter();
        users
            .filter(|via| matches!(via, Via::Process | Via::Parts(_)))
            .count()
    }

    fn has_vmap(&self) -> bool {
        self.stage.users.contains(&Via::Vmap)
    }

    /// The lines of those pages that come no later than this one.
    fn lines_up_to(&self, page: usize) -> usize {
        let used = self.stage.used.iter().filter(|used| **used <= page);
        used.count() * LINES / stages::PAGES
    }

    /// The page that the last of the user mappings begins with.
    fn last_area(&self) -> usize {
        let users = self.stage.users.iter();
        let firsts = users.map(|via| match *via {
            Via::Parts(first) => first,
            _ => 0,
        });
        firsts.max().unwrap_or(0)
    }

    /// Flushes the user mapping that comes first: of those of the first page, the one that was made first.
    fn flush_first_area(&mut self) {
        let via = |user: &usize| self.stage.users[*user];
        let mut users = self.made.iter().copied();
        let Some(user) = users.find(|user| matches!(via(user), Via::Process | Via::Parts(_)))
        else {
            return;
        };
        if let Via::Parts(pages) = via(&user) {
            self.lines = self.lines_up_to(pages - 1);
        }
        self.maintain(Some(user), self.cell.cpu.flush_user);
    }

    /// Maintains the aliases of those users who have one of these kinds.
    fn maintain_all(&mut self, kinds: &[Via], maintenance: Maintenance) {
        for (user, via) in self.stage.users.iter().enumerate() {
            if kinds.contains(via) {
                self.maintain(Some(user), maintenance);
            }
        }
    }

    /// Users and devices read and write; returns whether one of them reads something old.
    fn touch(&mut self, walk: &mut Walk) -> bool {
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
