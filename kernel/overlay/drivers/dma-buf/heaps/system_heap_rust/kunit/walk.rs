// SPDX-License-Identifier: GPL-2.0

//! Sequences of what may happen to a buffer, and who may read and write it in between.
//!
//! This is the pure part of the suite `sequences`: it knows neither buffers nor devices, so that a
//! host can check that a walk finds each bug that a model of the caches says can be found.
//!
//! A [`Walk`] takes the steps of a tour, which [`tours`](crate::tours) has. Between two steps, the
//! users and the devices read and write, as dma-buf and the heap allow them to:
//!
//! - A user with an access open may read and write until somebody else writes, and write if the
//!   direction says so. To write a part of a line is to read the rest, so an access that is opened
//!   to write only may be read in as well.
//! - While nothing is mapped, a single user needs to open no access.
//! - A device may read and write as its mapping says, while no user has an access open.
//! - While nothing is mapped, an alias that was just made shows what was written in an access that
//!   has ended.
//!
//! Which words each of them reads and writes differs from line to line, so each line of the cache
//! has a history of its own: one step of maintenance is tried on lines that are absent, clean or
//! dirty in each of the aliases.

use crate::ownership::{
    Direction,
    Event,
    Ownership, //
};
use core::str::SplitAsciiWhitespace;

/// Users at most.
pub const MAX_USERS: usize = 2;
/// Mappings for devices at most.
pub const MAX_MAPPINGS: usize = 2;

/// The direction of a mapping or of an access: `enum dma_data_direction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// The device reads, the CPU writes.
    To,
    /// The device writes, the CPU reads.
    From,
    /// Both.
    Both,
}

impl Dir {
    /// All directions.
    pub const ALL: [Dir; 3] = [Dir::To, Dir::From, Dir::Both];

    /// Whether a device with such a mapping may read.
    pub fn device_reads(self) -> bool {
        self != Dir::From
    }

    /// Whether a device with such a mapping may write.
    pub fn device_writes(self) -> bool {
        self != Dir::To
    }

    /// Whether the CPU may write in such an access.
    pub fn cpu_writes(self) -> bool {
        self != Dir::From
    }
}

impl From<Dir> for Direction {
    fn from(dir: Dir) -> Direction {
        match dir {
            Dir::To => Direction::ToDevice,
            Dir::From => Direction::FromDevice,
            Dir::Both => Direction::Bidirectional,
        }
    }
}

/// Something that happens to a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Mapping number `.0` is made.
    Map(usize, Dir),
    /// That mapping goes.
    Unmap(usize),
    /// User number `.0` opens an access.
    Begin(usize, Dir),
    /// That user closes its access.
    End(usize, Dir),
    /// A process that neither reads nor writes opens an access, and dies.
    Abandon(Dir),
    /// A process closes an access that has been abandoned, or that nobody has opened.
    Stray(Dir),
    /// User number `.0`, which has written nothing in its access, never closes it.
    Leave(usize),
    /// The alias of user number `.0` goes, and a new one is made.
    Renew(usize),
}

/// The state of a buffer, as far as it says which steps are possible and what the heap does for
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// What the heap knows.
    pub ownership: Ownership,
    /// The directions of the mappings that there are.
    pub mapped: [Option<Dir>; MAX_MAPPINGS],
    /// The directions of the accesses that users have open.
    pub open: [Option<Dir>; MAX_USERS],
    /// An access that nobody uses is open.
    pub abandoned: bool,
}

impl State {
    /// Whether something is mapped.
    pub fn is_mapped(&self) -> bool {
        self.mapped.iter().any(Option::is_some)
    }

    /// Whether a user has an access open.
    pub fn is_open(&self) -> bool {
        self.open.iter().any(Option::is_some)
    }

    /// The step that a word of a tour stands for: a letter, the number of a mapping or of a user,
    /// and a direction. `None` if it stands for none, or for one that is not possible now.
    pub fn step(&self, word: &str) -> Option<Step> {
        let mut chars = word.chars();
        let kind = chars.next()?;
        let number = |limit: u32| {
            let number = word.chars().find_map(|c| c.to_digit(limit))?;
            Some(number as usize)
        };
        let mapping = || number(MAX_MAPPINGS as u32);
        let user = || number(MAX_USERS as u32);
        let dir = || match word.chars().last()? {
            't' => Some(Dir::To),
            'f' => Some(Dir::From),
            'b' => Some(Dir::Both),
            _ => None,
        };

        match kind {
            'm' => Some(Step::Map(mapping()?, dir()?)),
            'u' => Some(Step::Unmap(mapping()?)),
            'b' => Some(Step::Begin(user()?, dir()?)),
            'e' => Some(Step::End(user()?, self.open[user()?]?)),
            'a' => Some(Step::Abandon(dir()?)),
            's' => Some(Step::Stray(dir()?)),
            'l' => Some(Step::Leave(user()?)),
            'r' => Some(Step::Renew(user()?)),
            _ => None,
        }
    }

    /// What the heap gets to know of a step.
    pub fn event(&self, step: Step) -> Option<Event> {
        match step {
            Step::Map(_, dir) => Some(Event::Map(dir.into())),
            Step::Unmap(mapping) => self.mapped[mapping].map(|dir| Event::Unmap(dir.into())),
            Step::Begin(_, dir) | Step::Abandon(dir) => Some(Event::Begin(dir.into())),
            Step::End(_, dir) | Step::Stray(dir) => Some(Event::End(dir.into())),
            Step::Leave(_) | Step::Renew(_) => None,
        }
    }

    /// The state after a step.
    pub fn after(mut self, step: Step) -> State {
        if let Some(event) = self.event(step) {
            self.ownership = self.ownership.next(event).0;
        }
        match step {
            Step::Map(mapping, dir) => self.mapped[mapping] = Some(dir),
            Step::Unmap(mapping) => self.mapped[mapping] = None,
            Step::Begin(user, dir) => self.open[user] = Some(dir),
            Step::End(user, _) => self.open[user] = None,
            Step::Abandon(_) => self.abandoned = true,
            Step::Stray(_) => self.abandoned = false,
            Step::Leave(user) => {
                self.open[user] = None;
                self.abandoned = true;
            }
            Step::Renew(_) => {}
        }
        self
    }
}

/// Who wrote last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// A device, or who cleared the pages.
    Other,
    /// A user.
    User {
        user: usize,
        /// In an access that it has closed.
        ended: bool,
    },
}

/// Numbers that look random and are the same in each run.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        // Xorshift, by George Marsaglia; the low bits are the worse ones.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 >> 4
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// What a walk does.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// Its steps.
    pub tour: &'static str,
    /// Steps at most.
    pub limit: usize,
    /// Users, each through an alias.
    pub users: usize,
    /// Whether users write in their accesses only, so that what is in memory then is there for who
    /// makes an alias later.
    pub in_accesses: bool,
    /// What chance begins with; not 0.
    pub seed: u32,
}

/// A walk through the states of a buffer.
pub struct Walk {
    course: Course,
    words: core::iter::Take<SplitAsciiWhitespace<'static>>,
    random: Random,
    state: State,
    /// The user has an access open, and nobody else has written since.
    sees: [bool; MAX_USERS],
    /// The alias has been made since what was written last was in an access that has ended.
    new: [bool; MAX_USERS],
    writer: Writer,
}

impl Walk {
    /// A walk from a buffer that was just allocated.
    pub fn new(course: Course) -> Walk {
        Walk {
            course,
            words: course.tour.split_ascii_whitespace().take(course.limit),
            random: Random(course.seed),
            state: State::default(),
            sees: [false; MAX_USERS],
            new: [false; MAX_USERS],
            writer: Writer::Other,
        }
    }

    /// Takes a step, unless all have been taken.
    pub fn advance(&mut self) -> Option<Step> {
        let step = self.state.step(self.words.next()?)?;

        self.state = self.state.after(step);
        match step {
            Step::Begin(user, _) => self.sees[user] = true,
            Step::End(user, dir) => {
                self.sees[user] = false;
                match &mut self.writer {
                    Writer::User { user: last, ended } if *last == user && dir.cpu_writes() => {
                        *ended = true;
                    }
                    _ => {}
                }
            }
            Step::Leave(user) => self.sees[user] = false,
            Step::Renew(user) => {
                self.new[user] = matches!(self.writer, Writer::User { ended: true, .. });
            }
            Step::Map(..) | Step::Unmap(_) | Step::Abandon(_) | Step::Stray(_) => {}
        }
        Some(step)
    }

    fn is_idle(&self) -> bool {
        !self.state.is_mapped() && !self.state.is_open()
    }

    /// Whether a user may be at the buffer without an access.
    fn alone(&self, user: usize) -> bool {
        let own = match self.writer {
            Writer::Other => true,
            Writer::User { user: last, .. } => last == user,
        };
        self.is_idle() && own
    }

    /// Whether a user may read now.
    pub fn may_read(&self, user: usize) -> bool {
        self.sees[user] || self.alone(user) || self.new[user] && self.is_idle()
    }

    fn may_write(&self, user: usize) -> bool {
        match self.state.open[user] {
            Some(dir) => self.sees[user] && dir.cpu_writes(),
            None => self.alone(user) && !self.course.in_accesses,
        }
    }

    /// Who writes now, if anybody may. Others who had an access open read no more.
    pub fn pick_writer(&mut self) -> Option<usize> {
        let users = self.course.users;
        let first = self.random.below(users);
        let user = (0..users)
            .map(|user| (first + user) % users)
            .find(|&user| self.may_write(user))?;

        // As often nobody writes, so that what is there is handed on.
        if self.random.coin() {
            return None;
        }
        for (other, sees) in self.sees.iter_mut().enumerate() {
            *sees &= other == user;
        }
        self.new = [false; MAX_USERS];
        self.writer = Writer::User { user, ended: false };
        Some(user)
    }

    /// A mapping through which a device reads now, if any may.
    pub fn pick_device_read(&mut self) -> Option<usize> {
        self.pick_mapping(Dir::device_reads)
    }

    /// A mapping through which a device writes now, if any may.
    pub fn pick_device_write(&mut self) -> Option<usize> {
        if self.random.coin() {
            return None;
        }
        let mapping = self.pick_mapping(Dir::device_writes)?;
        self.new = [false; MAX_USERS];
        self.writer = Writer::Other;
        Some(mapping)
    }

    fn pick_mapping(&mut self, suits: fn(Dir) -> bool) -> Option<usize> {
        if self.state.is_open() {
            return None;
        }
        let first = self.random.below(MAX_MAPPINGS);

        (0..MAX_MAPPINGS)
            .map(|mapping| (first + mapping) % MAX_MAPPINGS)
            .find(|&mapping| self.state.mapped[mapping].is_some_and(suits))
    }

    /// Which words of a line somebody reads or writes now: bit 0 and bit 1.
    pub fn pick_words(&mut self) -> u32 {
        // As often none as all, and each alone.
        self.random.next() & 3
    }

    /// The first of `limit` things and the one after the last, in any order of chance; not empty.
    /// As often from the first, and as often to the last.
    pub fn pick_range(&mut self, limit: usize) -> core::ops::Range<usize> {
        let start = self.random.below(limit) * self.random.below(2);
        let len = 1 + self.random.below(limit - start);

        start..if self.random.coin() {
            limit
        } else {
            start + len
        }
    }
}
