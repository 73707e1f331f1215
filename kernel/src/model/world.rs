// SPDX-License-Identifier: GPL-2.0

//! A buffer, what it is used by, and all that these may do.

use super::caches::{Alias, Caches, Cpu, DIRECT_MAP, Layout, MAX_LINES, Maintenance, WORDS};
use super::step::{Step, User};
use super::{Change, Exception};
use crate::mutation::plan::Kind;
use crate::ownership::{Direction, Event, Op, Ownership, Plan};

/// Mappings at once.
const MAX_MAPPINGS: usize = 2;
/// Processes that die with an access open.
const MAX_ABANDONED: usize = 1;

const USERS: [User; 2] = [User::First, User::Second];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Access {
    Closed,
    /// Begun, but a transfer isn't over.
    Waiting(Direction),
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
    Device,
    /// Who allocated the memory.
    Nobody,
}

/// Somebody has read something old.
pub(super) struct Stale;

/// What the heap is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pending {
    event: Event,
    /// Steps of its plan that it has done.
    done: usize,
    /// One of them took the mapping away that the event is about.
    gone: bool,
    /// Who called it, and goes on when it is done.
    caller: Option<User>,
}

/// What does not change while a world is explored.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) cpu: &'a Cpu,
    pub(super) layout: Layout,
    pub(super) change: Change<'a>,
    pub(super) excused: &'a [Exception],
    /// Operations that flush more than they are asked to do so.
    pub(super) whole: bool,
}

impl Scene<'_> {
    /// Whether a step flushes the whole cache.
    fn flushes_all(&self, op: Op) -> bool {
        let uses = |alias| self.layout.lines_of(alias).next().is_some();

        self.whole
            && match op {
                Op::FlushUser => self.cpu.user_flushes_all && uses(Alias::User),
                Op::WriteBackVmap | Op::InvalidateVmap => {
                    self.cpu.vmap_flushes_all && uses(Alias::Vmap)
                }
                _ => false,
            }
    }

    /// Whether a step of a plan has nothing left to do.
    fn is_done(&self, event: Event, plan: &Plan, index: usize) -> bool {
        let step = |index| self.change.step(event, plan, index);
        // Looking back takes time.
        let Some(Ok((op @ Op::InvalidateVmap, None))) = step(index) else {
            return false;
        };
        let uses = |alias| self.layout.lines_of(alias).next().is_some();
        let last = (0..index).rev().find_map(|index| match step(index)? {
            Ok((Op::FlushUser, _)) if !uses(Alias::User) => None,
            Ok((op, how)) => Some(Some(op).filter(|_| how.is_none())),
            Err(_) => None,
        });
        op.is_done_by(last.flatten(), self.cpu.flushes_written_vmap())
    }

    /// Whether the whole cache is flushed when an alias is made. A user mapping is not there before that, and
    /// for a vmap that comes again `vunmap()` has done so too.
    fn flushes_for_aliases(&self) -> bool {
        self.whole && self.cpu.user_flushes_all
    }

    /// Whether that also does for fresh pages. Their former aliases are unmapped lazily: where there are so few
    /// colours that one of them has that of a new alias, the line may be filled before the zeros are written.
    fn flushes_for_fresh_pages(&self) -> bool {
        let shared = self.cpu.speculates && self.cpu.colours <= MAX_LINES + 1;

        self.flushes_for_aliases() && !shared
    }

    /// The direction in which a mapping that was asked for in `dir` is maintained.
    fn mapped_as(&self, dir: Direction, how: Option<Kind>) -> Direction {
        match (how, dir) {
            (Some(Kind::WrongDirection), Direction::ToDevice) => Direction::FromDevice,
            (Some(Kind::WrongDirection), _) => Direction::ToDevice,
            _ => self.change.mapped_as(dir),
        }
    }

    fn excuses(&self, exception: Exception) -> bool {
        self.excused.contains(&exception)
    }

    fn line(&self, user: User) -> usize {
        self.layout.line(user as usize)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) ownership: Ownership,
    pub(super) caches: Caches,
    /// Mappings in each direction, as they were asked for.
    mapped: [usize; 2],
    accesses: [Access; 2],
    abandoned: usize,
    last_writer: Writer,
    /// The direction of the mapping by which a device transfers data now.
    transfer: Option<Direction>,
    pending: Option<Pending>,
}

/// Directions to explore. [`Direction::Bidirectional`] is planned for and mapped like one of these,
/// which a test of its own asserts.
const DIRECTIONS: [Direction; 2] = [Direction::ToDevice, Direction::FromDevice];

impl World {
    /// The event that the heap is doing something for, and how many steps of its plan are done.
    pub(super) fn pending(&self) -> Option<(Event, usize)> {
        self.pending.map(|pending| (pending.event, pending.done))
    }

    pub(super) fn new(scene: &Scene<'_>) -> World {
        let mut caches = Caches::cleared(scene.cpu);
        if !matches!(scene.change, Change::LeaveFresh) || scene.flushes_for_fresh_pages() {
            caches.maintain(DIRECT_MAP, scene.cpu.write_back_fresh);
        }
        World {
            ownership: Ownership::new(),
            caches,
            mapped: [0; 2],
            accesses: [Access::Closed; 2],
            abandoned: 0,
            last_writer: Writer::Nobody,
            transfer: None,
            pending: None,
        }
    }

    fn access(&mut self, user: User) -> &mut Access {
        &mut self.accesses[user as usize]
    }

    fn closed(&self) -> bool {
        self.accesses == [Access::Closed; 2]
    }

    fn written(&self) -> bool {
        self.mapped[Direction::FromDevice as usize] > 0
    }

    /// Whether somebody has written in an access that is open.
    fn unsaved(&self) -> bool {
        match self.last_writer {
            Writer::User { user, .. } => {
                matches!(self.accesses[user as usize], Access::Open { .. })
            }
            Writer::Device | Writer::Nobody => false,
        }
    }

    fn mappings(&self) -> impl Iterator<Item = Direction> + use<> {
        let mapped = self.mapped;
        DIRECTIONS
            .into_iter()
            .filter(move |&dir| mapped[dir as usize] > 0)
    }

    /// What may come next.
    pub(super) fn steps(&self, scene: &Scene<'_>, steps: &mut Vec<Step>) {
        steps.push(Step::OnItsOwn);
        match self.pending {
            Some(pending) if !self.is_blocked(scene, pending) => steps.push(Step::Continue),
            Some(_) => {}
            None => self.calls(scene, steps),
        }

        for user in USERS {
            self.accesses_of(scene, user, steps);
        }
        self.transfers(scene, steps);
    }

    /// The core waits for transfers when the heap is done.
    fn is_blocked(&self, scene: &Scene<'_>, pending: Pending) -> bool {
        matches!(scene.change, Change::WaitLast)
            && matches!(pending.event, Event::Begin(_))
            && self.transfer.is_some()
            && self.ownership.next(pending.event).1.ops().count() == pending.done
    }

    /// Calls of the heap, one of which it serves at a time.
    fn calls(&self, scene: &Scene<'_>, steps: &mut Vec<Step>) {
        let mapped = self.mapped.iter().sum::<usize>();
        let overlaps = scene.cpu.bounces
            && self.unsaved()
            && self.written()
            && scene.excuses(Exception::Bounced);

        for dir in DIRECTIONS {
            // Two devices that write through a bounce buffer each overwrite one another.
            let shared = scene.cpu.bounces && dir.device_writes() && self.written();
            if mapped < MAX_MAPPINGS && !shared {
                steps.push(Step::Event(Event::Map(dir)));
            }

            let used = self.transfer == Some(dir) && self.mapped[dir as usize] == 1;
            if self.mapped[dir as usize] > 0 && !used && !(overlaps && dir.device_writes()) {
                steps.push(Step::Event(Event::Unmap(dir)));
            }

            // Somebody ends what nobody has begun, or somebody else.
            let overwrites = scene.cpu.bounces
                && dir.cpu_writes()
                && self.written()
                && scene.excuses(Exception::Bounced);
            let strays = self.closed() || !scene.excuses(Exception::Stray);
            if strays && !overwrites {
                steps.push(Step::Event(Event::End(dir)));
            }
        }

        for user in USERS {
            match self.accesses[user as usize] {
                Access::Closed if self.transfer.is_some() => {
                    let wait = |dir| match scene.change {
                        Change::WaitLast => Step::Begin(user, dir),
                        _ => Step::Wait(user, dir),
                    };
                    steps.extend(DIRECTIONS.map(wait));
                }
                Access::Closed if overlaps => {}
                Access::Closed => steps.extend(DIRECTIONS.map(|dir| Step::Begin(user, dir))),
                Access::Waiting(dir) if self.transfer.is_none() && !overlaps => {
                    steps.push(Step::Begin(user, dir));
                }
                Access::Waiting(_) => {}
                Access::Open { dir, .. } => {
                    steps.push(Step::End(user, dir));

                    // What it wrote until then is its loss.
                    let unsaved = self.caches.dirty() || scene.cpu.bounces && self.unsaved();
                    if user == User::Second && self.abandoned < MAX_ABANDONED && !unsaved {
                        steps.push(Step::Die);
                    }
                }
            }
            if let Access::Waiting(_) = self.accesses[user as usize] {
                steps.push(Step::Interrupt(user));
            }
        }
    }

    /// What a user may read and write, also while the heap does something for somebody else.
    fn accesses_of(&self, scene: &Scene<'_>, user: User, steps: &mut Vec<Step>) {
        let writes = (0..WORDS).map(|word| Step::Write(user, word));

        match self.accesses[user as usize] {
            // With nothing mapped, one user needs to open no access.
            Access::Closed => {
                let own = match self.last_writer {
                    Writer::User { user: last, .. } => last == user,
                    Writer::Device | Writer::Nobody => true,
                };
                if self.mapped == [0; 2] && self.closed() && own && self.pending.is_none() {
                    steps.push(Step::Read(user));
                    steps.extend(writes);
                }
            }
            Access::Open { dir, sees: true } => {
                if self.pending.is_some_and(|it| it.caller == Some(user)) {
                    return;
                }
                steps.push(Step::Read(user));

                let taken = self
                    .pending
                    .is_some_and(|it| matches!(it.event, Event::Begin(_) | Event::Unmap(_)));
                let discarded = self.written()
                    || self.pending.is_some_and(|it| it.gone)
                    || scene.cpu.invalidate_vmap == Maintenance::Discard;
                let lost = taken && discarded && scene.excuses(Exception::Meanwhile);
                if dir.cpu_writes() && !lost {
                    steps.extend(writes);
                }
            }
            Access::Open { .. } | Access::Waiting(_) => {}
        }

        let ended = Writer::User { user, ended: true };
        // Nobody but who uses the direct map needs to find in memory what was written through it.
        let shown = scene.layout.users[user as usize] != Alias::DirectMap;
        if self.last_writer == ended && self.pending.is_none() && shown {
            steps.push(Step::ReadNew);
        }
    }

    fn transfers(&self, scene: &Scene<'_>, steps: &mut Vec<Step>) {
        let Some(dir) = self.transfer else {
            if self.closed() && self.pending.is_none() {
                steps.extend(self.mappings().map(Step::Start));
            }
            return;
        };

        let other_device = scene.cpu.bounces
            && self.last_writer == Writer::Device
            && !dir.device_writes()
            && scene.excuses(Exception::Bounced);
        if !other_device {
            steps.push(Step::DeviceRead(dir));
        }
        if dir.device_writes() {
            steps.extend((0..WORDS).map(|word| Step::DeviceWrite(dir, word)));
        }
        steps.push(Step::Finish);
    }

    /// Adds all that a step can lead to. Fails if somebody reads something old.
    pub(super) fn take(
        &self,
        scene: &Scene<'_>,
        step: Step,
        worlds: &mut Vec<World>,
    ) -> Result<(), Stale> {
        let mut next = *self;
        let start = |event, caller| {
            Some(Pending {
                event,
                done: 0,
                gone: false,
                caller,
            })
        };

        match step {
            Step::OnItsOwn => {
                worlds.extend(
                    self.caches
                        .on_their_own(scene.cpu, &scene.layout)
                        .map(|caches| World { caches, ..*self }),
                );
                return Ok(());
            }
            Step::Continue => {
                next.proceed(scene, worlds);
                return Ok(());
            }
            Step::Event(event) => next.pending = start(event, None),
            Step::Wait(user, dir) => *next.access(user) = Access::Waiting(dir),
            Step::Interrupt(user) => *next.access(user) = Access::Closed,
            Step::Begin(user, dir) => {
                *next.access(user) = Access::Open { dir, sees: true };
                next.pending = start(Event::Begin(dir), Some(user));
            }
            Step::End(user, dir) => {
                *next.access(user) = Access::Closed;
                next.pending = start(Event::End(dir), Some(user));
                match &mut next.last_writer {
                    Writer::User { user: last, ended } if *last == user && dir.cpu_writes() => {
                        *ended = true;
                    }
                    _ => {}
                }
            }
            Step::Die => {
                *next.access(User::Second) = Access::Closed;
                next.abandoned += 1;
                // `exit_mmap()` flushes what it unmaps.
                next.caches
                    .maintain(scene.line(User::Second), scene.cpu.flush_user);
            }
            Step::Read(user) => {
                if !next.caches.cpu_read(scene.cpu, scene.line(user)) {
                    return Err(Stale);
                }
            }
            Step::Write(user, word) => {
                next.caches.cpu_write(scene.cpu, scene.line(user), word);
                next.last_writer = Writer::User { user, ended: false };
                if let Access::Open { sees, .. } = next.access(user.other()) {
                    *sees = false;
                }
            }
            Step::ReadNew => {
                if !scene.flushes_for_aliases() && !self.caches.read_new(scene.cpu) {
                    return Err(Stale);
                }
            }
            Step::Start(dir) => next.transfer = Some(dir),
            Step::DeviceRead(dir) => {
                if !next.caches.device_read(dir) {
                    return Err(Stale);
                }
            }
            Step::DeviceWrite(dir, word) => {
                next.caches.device_write(dir, word);
                next.last_writer = Writer::Device;
            }
            Step::Finish => next.transfer = None,
        }
        worlds.push(next);
        Ok(())
    }

    /// The heap does the next step of what it has planned. In between, the caches do what they do.
    fn proceed(mut self, scene: &Scene<'_>, worlds: &mut Vec<World>) {
        let Some(mut pending) = self.pending else {
            return;
        };
        let (ownership, plan) = self.ownership.next(pending.event);

        let Some(step) = scene.change.step(pending.event, &plan, pending.done) else {
            self.pending = None;
            self.ownership = ownership;
            match pending.event {
                Event::Map(dir) => self.mapped[dir as usize] += 1,
                Event::Unmap(dir) if !pending.gone => self.mapped[dir as usize] -= 1,
                Event::Unmap(_) | Event::Begin(_) | Event::End(_) => {}
            }
            worlds.push(self);
            return;
        };
        pending.done += 1;
        self.pending = Some(pending);
        match step {
            Ok(_) if scene.is_done(pending.event, &plan, pending.done - 1) => {}
            Ok((op, _)) if scene.flushes_all(op) => {
                let flushed = self.caches.flushed(scene.cpu, &scene.layout);
                worlds.extend(flushed.into_iter().map(|caches| World { caches, ..self }));
                return;
            }
            Ok((op, how)) => {
                self.execute(scene, pending.event, op, how);
                if let (Op::Unmap, Event::Unmap(dir)) = (op, pending.event) {
                    self.mapped[dir as usize] -= 1;
                    self.pending = Some(Pending {
                        gone: true,
                        ..pending
                    });
                }
            }
            Err(_) => {}
        }
        worlds.push(self);
    }

    fn execute(&mut self, scene: &Scene<'_>, event: Event, op: Op, how: Option<Kind>) {
        let cpu = scene.cpu;
        let lines = |alias| scene.layout.lines_of(alias);

        let op = match (op, how) {
            // The line is one of those that are left out.
            (_, Some(Kind::Line | Kind::Page | Kind::Chunk | Kind::Area)) => return,
            (Op::WriteBackVmap, Some(Kind::WrongDirection)) => Op::InvalidateVmap,
            (Op::InvalidateVmap, Some(Kind::WrongDirection)) => Op::WriteBackVmap,
            _ => op,
        };

        match (op, event) {
            (Op::WriteBackVmap, _) => {
                lines(Alias::Vmap).for_each(|line| self.caches.maintain(line, cpu.write_back_vmap));
            }
            (Op::InvalidateVmap, _) => {
                lines(Alias::Vmap).for_each(|line| self.caches.maintain(line, cpu.invalidate_vmap));
            }
            (Op::FlushUser, _) => {
                lines(Alias::User).for_each(|line| self.caches.maintain(line, cpu.flush_user));
            }
            (Op::WriteBackDirectMap, _) => match scene.change {
                Change::HandOver => self.sync_for_device(scene, Direction::FromDevice, how),
                _ => self.caches.maintain(DIRECT_MAP, cpu.to_device),
            },
            (Op::SyncForDevice, _) => {
                let count = match how {
                    Some(Kind::Mapping) => 1,
                    _ => MAX_MAPPINGS,
                };
                for dir in self.mappings().take(count) {
                    self.sync_for_device(scene, dir, how);
                }
            }
            (Op::SyncForDeviceUnwritten, _) if self.written() => {
                self.caches.maintain(DIRECT_MAP, cpu.from_device);
            }
            (Op::SyncForDeviceUnwritten, _) => {}
            (Op::SyncForCpu, _) if self.written() => {
                self.sync_for_cpu(scene, Direction::FromDevice, how);
            }
            (Op::SyncForCpu, _) => {}
            (Op::Map, Event::Map(dir)) => {
                // One bounce buffer stands for those of all mappings of a direction: what their
                // devices may read is the same.
                if self.mapped[dir as usize] == 0 || !cpu.bounces {
                    self.sync_for_device(scene, dir, how);
                }
            }
            (Op::Unmap, Event::Unmap(dir)) => {
                self.sync_for_cpu(scene, dir, how);
                if self.mapped[dir as usize] == 1 {
                    self.caches.drop_bounce_buffer(dir);
                }
            }
            (Op::Map | Op::Unmap, _) => panic!("{op:?} is planned for {event:?}"),
        }
    }

    /// Hands mappings that were asked for in a direction to their devices.
    fn sync_for_device(&mut self, scene: &Scene<'_>, dir: Direction, how: Option<Kind>) {
        if scene.cpu.bounces {
            self.caches.fill_bounce_buffer(dir);
        } else {
            let dir = scene.mapped_as(dir, how);
            self.caches.maintain(DIRECT_MAP, scene.cpu.for_device(dir));
        }
    }

    /// Takes mappings that were asked for in a direction from their devices.
    fn sync_for_cpu(&mut self, scene: &Scene<'_>, dir: Direction, how: Option<Kind>) {
        if !scene.cpu.bounces {
            let dir = scene.mapped_as(dir, how);
            self.caches.maintain(DIRECT_MAP, scene.cpu.for_cpu(dir));
        } else if dir.device_writes() {
            self.caches.empty_bounce_buffer(dir);
        }
    }
}
