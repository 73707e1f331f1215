// SPDX-License-Identifier: GPL-2.0

//! A buffer, what it is used by, and all that these may do.

use super::caches::{Alias, Caches, Cpu, Maintenance, WORDS};
use crate::ownership::{Direction, Event, Mappings, Op, Ownership};
use std::collections::HashSet;

/// Mappings at once.
const MAX_MAPPINGS: usize = 2;
/// Processes that die with an access open.
const MAX_ABANDONED: usize = 1;

/// What of the heap is different from how it is.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Nothing.
    None,
    /// Step `index` is left out of the plans that are `ops` for `event`.
    LeaveOut {
        /// The event.
        event: Event,
        /// Its plan, so that the step goes from this plan alone if the event has several.
        ops: &'a [Op],
        /// The step, counted from 0.
        index: usize,
    },
    /// Mappings are made in the direction that is asked for.
    MapAsAsked,
    /// Fresh pages are not written back.
    LeaveFresh,
}

/// Who uses the buffer by the CPU, each through an alias of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum User {
    /// The kernel, through a vmap.
    Kernel,
    /// A process, through a mapping of user space.
    Process,
}

impl User {
    fn alias(self) -> Alias {
        match self {
            User::Kernel => Alias::Vmap,
            User::Process => Alias::User,
        }
    }

    fn other(self) -> User {
        match self {
            User::Kernel => User::Process,
            User::Process => User::Kernel,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Access {
    Closed,
    Open {
        dir: Direction,
        /// Nobody else has written since it was opened.
        sees: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Writer {
    User {
        user: User,
        /// In an access that has ended.
        ended: bool,
    },
    /// A device, or who allocated.
    Other,
}

/// One step of somebody.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A line is written back, dropped or filled with no access.
    OnItsOwn,
    /// The heap does the next thing that it has planned.
    Continue,
    /// A device is given a mapping or loses one, or a stranger ends an access.
    Event(Event),
    /// Somebody opens an access.
    Begin(User, Direction),
    /// Somebody closes the access that they have opened.
    End(User, Direction),
    /// The process dies with an access open.
    Die,
    /// Somebody reads all words.
    Read(User),
    /// Somebody writes a word.
    Write(User, usize),
    /// Somebody reads through an alias that nobody has used yet.
    ReadNew,
    /// A device reads all words.
    DeviceRead,
    /// A device writes a word.
    DeviceWrite(usize),
}

impl Step {
    /// What the heap gets to know of it.
    fn event(self) -> Option<Event> {
        match self {
            Step::Event(event) => Some(event),
            Step::Begin(..) => Some(Event::Begin),
            Step::End(_, dir) => Some(Event::End(dir)),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct World {
    ownership: Ownership,
    caches: Caches,
    /// Mappings in each direction, as they were asked for.
    mapped: [usize; 2],
    kernel: Access,
    process: Access,
    abandoned: usize,
    last_writer: Writer,
    /// What the heap is doing, and how many steps of its plan it has done.
    pending: Option<(Event, usize)>,
}

/// Directions to explore. [`Direction::Bidirectional`] is planned for and mapped like one of these,
/// which a test of its own asserts.
const DIRECTIONS: [Direction; 2] = [Direction::ToDevice, Direction::FromDevice];

impl World {
    fn new(cpu: &Cpu, change: Change) -> World {
        let mut caches = Caches::cleared();
        if !matches!(change, Change::LeaveFresh) {
            caches.maintain(cpu, Alias::DirectMap, cpu.write_back_fresh);
        }
        World {
            ownership: Ownership::new(),
            caches,
            mapped: [0; 2],
            kernel: Access::Closed,
            process: Access::Closed,
            abandoned: 0,
            last_writer: Writer::Other,
            pending: None,
        }
    }

    fn access(&mut self, user: User) -> &mut Access {
        match user {
            User::Kernel => &mut self.kernel,
            User::Process => &mut self.process,
        }
    }

    fn closed(&self) -> bool {
        self.kernel == Access::Closed && self.process == Access::Closed
    }

    fn mappings(&self, which: Mappings) -> impl Iterator<Item = Direction> {
        let mapped = self.mapped;
        DIRECTIONS.into_iter().filter(move |&dir| {
            mapped[dir as usize] > 0 && (which == Mappings::All || dir.device_writes())
        })
    }

    /// What may come next.
    fn steps(&self) -> Vec<Step> {
        if self.pending.is_some() {
            return vec![Step::Continue];
        }
        let mut steps = Vec::new();
        let mapped = self.mapped.iter().sum::<usize>();

        for dir in DIRECTIONS {
            if mapped < MAX_MAPPINGS {
                steps.push(Step::Event(Event::Map(dir)));
            }
            if self.mapped[dir as usize] > 0 {
                steps.push(Step::Event(Event::Unmap(dir)));
            }
            // Somebody ends what nobody has begun.
            if self.closed() {
                steps.push(Step::Event(Event::End(dir)));
            }
        }

        for (user, access) in [(User::Kernel, self.kernel), (User::Process, self.process)] {
            match access {
                Access::Closed => {
                    steps.push(Step::Begin(user, Direction::FromDevice));
                    steps.push(Step::Begin(user, Direction::ToDevice));

                    // With nothing mapped, one user needs to open no access.
                    let own = match self.last_writer {
                        Writer::Other => true,
                        Writer::User { user: last, .. } => last == user,
                    };
                    if mapped == 0 && self.closed() && own {
                        steps.push(Step::Read(user));
                        steps.extend((0..WORDS).map(|word| Step::Write(user, word)));
                    }
                }
                Access::Open { dir, sees } => {
                    steps.push(Step::End(user, dir));
                    if sees {
                        steps.push(Step::Read(user));
                        if dir.cpu_writes() {
                            steps.extend((0..WORDS).map(|word| Step::Write(user, word)));
                        }
                    }
                    // What it wrote until then is its loss.
                    let dies = user == User::Process
                        && self.abandoned < MAX_ABANDONED
                        && !self.caches.dirty();
                    if dies {
                        steps.push(Step::Die);
                    }
                }
            }
        }

        if matches!(self.last_writer, Writer::User { ended: true, .. }) {
            steps.push(Step::ReadNew);
        }
        if mapped > 0 && self.closed() {
            steps.push(Step::DeviceRead);
            if self.mappings(Mappings::Written).next().is_some() {
                steps.extend((0..WORDS).map(Step::DeviceWrite));
            }
        }
        steps
    }

    /// All that a step can lead to, or `Err` if somebody reads something old.
    fn take(&self, cpu: &Cpu, change: Change, step: Step) -> Result<Vec<World>, ()> {
        let mut next = *self;
        match step {
            Step::OnItsOwn => {
                return Ok(self
                    .caches
                    .on_their_own(cpu)
                    .map(|caches| World { caches, ..*self })
                    .collect());
            }
            Step::Continue => next.proceed(cpu, change),
            Step::Event(event) => next.pending = Some((event, 0)),
            Step::Begin(user, dir) => {
                *next.access(user) = Access::Open { dir, sees: true };
                next.pending = Some((Event::Begin, 0));
            }
            Step::End(user, dir) => {
                *next.access(user) = Access::Closed;
                next.pending = Some((Event::End(dir), 0));
                match &mut next.last_writer {
                    Writer::User { user: last, ended } if *last == user && dir.cpu_writes() => {
                        *ended = true;
                    }
                    _ => {}
                }
            }
            Step::Die => {
                next.process = Access::Closed;
                next.abandoned += 1;
                // `exit_mmap()` flushes what it unmaps.
                if cpu.aliases {
                    next.caches.maintain(cpu, Alias::User, Maintenance::Flush);
                }
            }
            Step::Read(user) => {
                if !next.caches.cpu_read(cpu, user.alias()) {
                    return Err(());
                }
            }
            Step::Write(user, word) => {
                next.caches.cpu_write(cpu, user.alias(), word);
                next.last_writer = Writer::User { user, ended: false };
                if let Access::Open { sees, .. } = next.access(user.other()) {
                    *sees = false;
                }
            }
            Step::ReadNew => {
                if !next.caches.read_new(cpu) {
                    return Err(());
                }
            }
            Step::DeviceRead => {
                if !next.caches.device_read() {
                    return Err(());
                }
            }
            Step::DeviceWrite(word) => {
                next.caches.device_write(word);
                next.last_writer = Writer::Other;
            }
        }
        Ok(vec![next])
    }

    /// The heap does the next step of what it has planned. In between, the caches do what they do.
    fn proceed(&mut self, cpu: &Cpu, change: Change) {
        let Some((event, done)) = self.pending else {
            return;
        };
        let (ownership, plan) = self.ownership.next(event);
        let planned = plan.ops().collect::<Vec<_>>();

        if let Some(op) = planned.get(done) {
            let left_out = matches!(
                change,
                Change::LeaveOut { event: e, ops, index } if (e, ops, index) == (event, &planned, done)
            );
            if !left_out {
                self.execute(cpu, change, event, *op);
            }
            self.pending = Some((event, done + 1));
        } else {
            self.pending = None;
            self.ownership = ownership;
            match event {
                Event::Map(dir) => self.mapped[dir as usize] += 1,
                Event::Unmap(dir) => self.mapped[dir as usize] -= 1,
                Event::Begin | Event::End(_) => {}
            }
        }
    }

    fn execute(&mut self, cpu: &Cpu, change: Change, event: Event, op: Op) {
        use Alias::{DirectMap, User, Vmap};
        let mapped_as = |dir: Direction| match change {
            Change::MapAsAsked => dir,
            _ => dir.mapped_as(),
        };

        match (op, event) {
            (Op::WriteBackVmap, _) => self.caches.maintain(cpu, Vmap, cpu.write_back_vmap),
            (Op::InvalidateVmap, _) => self.caches.maintain(cpu, Vmap, cpu.invalidate_vmap),
            (Op::FlushUser, _) if cpu.aliases => {
                self.caches.maintain(cpu, User, Maintenance::Flush)
            }
            (Op::FlushUser, _) => {}
            (Op::SyncForDevice(which), _) => {
                for dir in self.mappings(which).collect::<Vec<_>>() {
                    self.caches
                        .maintain(cpu, DirectMap, cpu.for_device(mapped_as(dir)));
                }
            }
            (Op::SyncForCpu(which), _) => {
                for dir in self.mappings(which).collect::<Vec<_>>() {
                    self.caches
                        .maintain(cpu, DirectMap, cpu.for_cpu(mapped_as(dir)));
                }
            }
            (Op::Map, Event::Map(dir)) => {
                self.caches
                    .maintain(cpu, DirectMap, cpu.for_device(mapped_as(dir)));
            }
            (Op::Unmap, Event::Unmap(dir)) => {
                self.caches
                    .maintain(cpu, DirectMap, cpu.for_cpu(mapped_as(dir)));
            }
            (Op::Map | Op::Unmap, _) => panic!("{op:?} is planned for {event:?}"),
        }
    }
}

/// What exploring found.
pub struct Explored {
    /// States.
    pub states: usize,
    /// A shortest way to a read of something old.
    pub failure: Option<Vec<Step>>,
    /// All plans, with the events they are for.
    pub plans: HashSet<(Event, Vec<Op>)>,
    /// All states of the ownership.
    pub ownerships: HashSet<Ownership>,
}

/// Goes through everything that can happen, until somebody reads something old.
pub fn explore(cpu: &Cpu, change: Change) -> Explored {
    let start = World::new(cpu, change);
    let mut seen = HashSet::from([start]);
    let mut plans = HashSet::new();
    // Each with the index of the one it comes from, and how.
    let mut found = vec![(start, None)];
    let mut failure = None;
    let mut index = 0;

    'all: while let Some((world, _)) = found.get(index).copied() {
        for step in [Step::OnItsOwn].into_iter().chain(world.steps()) {
            if let Some(event) = step.event() {
                plans.insert((event, world.ownership.next(event).1.ops().collect()));
            }
            let Ok(next) = world.take(cpu, change, step) else {
                failure = Some(way(&found, index, step));
                break 'all;
            };
            for mut next in next {
                next.caches = next.caches.canonical(cpu);
                if seen.insert(next) {
                    found.push((next, Some((index, step))));
                }
            }
        }
        index += 1;
    }

    Explored {
        states: found.len(),
        failure,
        plans,
        ownerships: found.iter().map(|(world, _)| world.ownership).collect(),
    }
}

/// The steps from the start to `found[index]`, and `last`.
fn way(found: &[(World, Option<(usize, Step)>)], mut index: usize, last: Step) -> Vec<Step> {
    let mut way = vec![last];
    while let Some((from, step)) = found[index].1 {
        way.push(step);
        index = from;
    }
    way.reverse();
    way
}
