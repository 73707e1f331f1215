// SPDX-License-Identifier: GPL-2.0

//! Sequences of what may happen to a buffer, and who may read and write it in between.
//!
//! This is the pure part of the suite `sequences`: it knows neither buffers nor devices, so that a
//! host can check that a walk finds each bug that a model of the caches says can be found.
//!
//! A [`Walk`] goes through the states of a buffer: what is mapped for devices, and who has an
//! access
//! open. In each state it takes the step that it has taken the least after what it did just before.
//! It ends when none is left, or when it has taken as many as it may. Between two steps, the users
//! and the devices read and
//! write, as dma-buf and the heap allow them to:
//!
//! - A user with an access open may read and write as the direction of the access says, until
//!   somebody else writes.
//! - While nothing is mapped, a single user needs to open no access.
//! - A device may read and write as its mapping says, while no user has an access open.
//! - While nothing is mapped, an alias that was just made shows what was written in an access that
//!   has ended.
//!
//! Some sequences are too long and too special to be met by chance: [`SCRIPTS`] go first.
//!
//! Which words each of them reads and writes differs from line to line, so each line of the cache
//! has a history of its own: one step of maintenance is tried on lines that are absent, clean or
//! dirty in each of the aliases.

/// Users at most.
pub const MAX_USERS: usize = 3;
/// Mappings for devices at most.
pub const MAX_MAPPINGS: usize = 2;

/// The direction of a mapping or of an access: `enum dma_data_direction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dir {
    /// The device reads, the CPU writes.
    To,
    /// The device writes, the CPU reads.
    From,
    /// Both.
    Both,
}

impl Dir {
    /// Whether a device with such a mapping may read.
    pub fn device_reads(self) -> bool {
        self != Dir::From
    }

    /// Whether a device with such a mapping may write.
    pub fn device_writes(self) -> bool {
        self != Dir::To
    }

    /// Whether the CPU may read in such an access.
    pub fn cpu_reads(self) -> bool {
        self != Dir::To
    }

    /// Whether the CPU may write in such an access.
    pub fn cpu_writes(self) -> bool {
        self != Dir::From
    }
}

/// Something that happens to a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Sequences that a walk begins with. Each leaves the buffer as it was: not mapped, no access open.
const SCRIPTS: [&[Step]; 3] = [
    // An access is left open, then the device writes, and is done.
    &[
        Step::Map(0, Dir::From),
        Step::Begin(0, Dir::From),
        Step::Leave(0),
        Step::Unmap(0),
        Step::Stray(Dir::From),
    ],
    // The same, while the buffer stays mapped for a device that reads.
    &[
        Step::Map(0, Dir::To),
        Step::Begin(0, Dir::From),
        Step::Map(1, Dir::From),
        Step::Leave(0),
        Step::Unmap(1),
        Step::Begin(0, Dir::From),
        Step::End(0, Dir::From),
        Step::Unmap(0),
        Step::Stray(Dir::From),
    ],
    // What the user has read before is old when the last device goes.
    &[
        Step::Map(0, Dir::To),
        Step::Abandon(Dir::From),
        Step::Begin(0, Dir::From),
        Step::End(0, Dir::From),
        Step::Map(1, Dir::From),
        Step::Unmap(1),
        Step::Unmap(0),
        Step::Stray(Dir::From),
    ],
];

/// Who writes is left to chance, so each script runs more than once.
const RUNS: usize = 6;

/// Kinds of steps: those of each mapping, of each user, and of nobody.
const KINDS: usize = 3 * MAX_MAPPINGS + 5 * MAX_USERS + 2;

/// What may have happened just before: a step of some kind, after which somebody wrote or not.
const PASTS: usize = 2 * KINDS + 1;
/// Nothing has.
const START: usize = 2 * KINDS;

/// How often each kind of step has been taken in one state with one past.
#[derive(Clone, Copy)]
pub struct Tried {
    visited: bool,
    times: [u8; KINDS],
}

impl Tried {
    /// Nothing of it.
    pub const NONE: Tried = Tried {
        visited: false,
        times: [0; KINDS],
    };
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

/// An access that is open.
#[derive(Clone, Copy, Debug)]
struct Access {
    dir: Dir,
    /// Nobody else has written since.
    sees: bool,
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

/// What takes part in a walk.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    /// Users, each through an alias.
    pub users: usize,
    /// Mappings for devices.
    pub mappings: usize,
    /// Whether processes leave accesses open, and close what they did not open.
    pub strays: bool,
    /// Whether aliases go and come again.
    pub renewals: bool,
    /// How often each step is taken at least.
    pub rounds: u8,
    /// Steps at most.
    pub limit: usize,
}

impl Cast {
    /// How many [`Tried::NONE`] a walk needs.
    pub fn tried(&self) -> usize {
        // A mapping or an access is none, one that writes or one that does not.
        3_usize.pow((self.mappings + self.users) as u32) * 2 * PASTS
    }
}

const ALONE: Cast = Cast {
    users: 1,
    mappings: 1,
    strays: false,
    renewals: false,
    rounds: 8,
    limit: 150,
};
const STRAYS: Cast = Cast {
    strays: true,
    limit: 700,
    ..ALONE
};

/// Walks of one user. The simple ones come first: what goes wrong in one of them is easier to
/// follow.
pub const WALKS_ALONE: [Cast; 4] = [
    ALONE,
    Cast {
        mappings: 2,
        limit: 400,
        ..ALONE
    },
    STRAYS,
    Cast {
        mappings: 2,
        ..STRAYS
    },
];

/// Walks of two users.
pub const WALKS_TOGETHER: [Cast; 4] = [
    Cast { users: 2, ..ALONE },
    Cast {
        users: 2,
        mappings: 2,
        limit: 400,
        ..ALONE
    },
    Cast { users: 2, ..STRAYS },
    Cast {
        users: 2,
        mappings: 2,
        limit: 1000,
        ..STRAYS
    },
];

/// Walks of two users whose aliases come and go.
pub const WALKS_RENEWED: [Cast; 1] = [Cast {
    users: 2,
    mappings: 0,
    renewals: true,
    limit: 400,
    ..ALONE
}];

/// A walk through the states of a buffer.
pub struct Walk<'a> {
    cast: Cast,
    tried: &'a mut [Tried],
    taken: usize,
    /// Steps of the scripts that have been taken.
    scripted: usize,
    /// Steps that have still to be taken in the states where the walk has been.
    left: usize,
    random: Random,
    /// What happened last.
    past: usize,

    mapped: [Option<Dir>; MAX_MAPPINGS],
    open: [Option<Access>; MAX_USERS],
    /// An access that nobody uses is open.
    abandoned: bool,
    /// The alias has been made since what was written last was in an access that has ended.
    new: [bool; MAX_USERS],
    writer: Writer,
}

impl<'a> Walk<'a> {
    /// A walk from a buffer that was just allocated. `tried` has [`Cast::tried`] of
    /// [`Tried::NONE`].
    pub fn new(cast: Cast, tried: &'a mut [Tried]) -> Walk<'a> {
        Walk {
            cast,
            tried,
            taken: 0,
            scripted: 0,
            left: 0,
            random: Random(0x9e37_79b9),
            past: START,
            mapped: [None; MAX_MAPPINGS],
            open: [None; MAX_USERS],
            abandoned: false,
            new: [false; MAX_USERS],
            writer: Writer::Other,
        }
    }

    /// The state, with the past.
    fn state(&self) -> usize {
        let mapped = self.mapped[..self.cast.mappings]
            .iter()
            .map(|dir| dir.map(Dir::device_writes));
        let open = self.open[..self.cast.users]
            .iter()
            .map(|open| open.map(|access| access.dir.cpu_writes()));

        let state = mapped
            .chain(open)
            .fold(usize::from(self.abandoned), |state, part| {
                state * 3 + part.map_or(0, |writes| 1 + usize::from(writes))
            });
        state * PASTS + self.past
    }

    fn is_mapped(&self) -> bool {
        self.mapped.iter().any(Option::is_some)
    }

    fn is_open(&self) -> bool {
        self.open.iter().any(Option::is_some)
    }

    /// The step of a kind, if it is possible. Which of two directions that the heap treats alike it
    /// has is left to chance.
    fn step(&mut self, kind: usize) -> Option<Step> {
        const USERS: usize = 3 * MAX_MAPPINGS;
        const STRAYS: usize = USERS + 5 * MAX_USERS;

        let both = self.random.coin();
        let or_both = |dir| if both { Dir::Both } else { dir };
        let any = [Dir::To, Dir::From, Dir::Both][self.random.below(3)];

        match kind {
            0..USERS => {
                let mapping = kind / 3;
                if mapping >= self.cast.mappings {
                    return None;
                }
                match (kind % 3, self.mapped[mapping]) {
                    (0, None) => Some(Step::Map(mapping, Dir::To)),
                    (1, None) => Some(Step::Map(mapping, or_both(Dir::From))),
                    (2, Some(_)) => Some(Step::Unmap(mapping)),
                    _ => None,
                }
            }
            USERS..STRAYS => {
                let user = (kind - USERS) / 5;
                if user >= self.cast.users {
                    return None;
                }
                match ((kind - USERS) % 5, self.open[user]) {
                    (0, None) => Some(Step::Begin(user, Dir::From)),
                    (1, None) => Some(Step::Begin(user, or_both(Dir::To))),
                    (2, Some(access)) => Some(Step::End(user, access.dir)),
                    (3, None) if self.cast.renewals => Some(Step::Renew(user)),
                    (4, Some(access)) if self.cast.strays && !self.abandoned => {
                        (!access.dir.cpu_writes()).then_some(Step::Leave(user))
                    }
                    _ => None,
                }
            }
            _ if !self.cast.strays => None,
            STRAYS => (!self.abandoned).then_some(Step::Abandon(any)),
            // To close somebody else's access is not repaired.
            _ => (self.abandoned || !self.is_open()).then_some(Step::Stray(any)),
        }
    }

    /// The next step of the scripts, if there is one.
    fn scripted(&mut self) -> Option<Step> {
        if !self.cast.strays || self.cast.mappings < 2 {
            return None;
        }
        let mut number = self.scripted;
        let script = SCRIPTS.iter().cycle().take(RUNS * SCRIPTS.len());

        for steps in script {
            if let Some(step) = steps.get(number) {
                self.scripted += 1;
                return Some(*step);
            }
            number -= steps.len();
        }
        None
    }

    /// Takes a step, unless all have been taken.
    pub fn advance(&mut self) -> Option<Step> {
        if let Some(step) = self.scripted() {
            self.take(step);
            self.past = START;
            return Some(step);
        }
        let state = self.state();
        let mut best = None;
        let mut count = 0;

        // Start anywhere, so that equals get their turns in another order each time.
        let first = self.random.below(KINDS);
        for kind in (0..KINDS).map(|kind| (first + kind) % KINDS) {
            let Some(step) = self.step(kind) else {
                continue;
            };
            let times = self.tried[state].times[kind];
            count += 1;
            if best.is_none_or(|(_, _, least)| times < least) {
                best = Some((kind, step, times));
            }
        }

        let tried = &mut self.tried[state];
        if !tried.visited {
            tried.visited = true;
            // It starts only once.
            self.left += if self.past == START {
                1
            } else {
                count * usize::from(self.cast.rounds)
            };
        }
        if self.left == 0 || self.taken == self.cast.limit {
            return None;
        }
        self.taken += 1;
        let (kind, step, times) = best?;
        tried.times[kind] = times.saturating_add(1);
        if times < self.cast.rounds {
            self.left -= 1;
        }
        self.past = 2 * kind;
        self.take(step);
        Some(step)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Map(mapping, dir) => self.mapped[mapping] = Some(dir),
            Step::Unmap(mapping) => self.mapped[mapping] = None,
            Step::Begin(user, dir) => self.open[user] = Some(Access { dir, sees: true }),
            Step::End(user, dir) => {
                self.open[user] = None;
                match &mut self.writer {
                    Writer::User { user: last, ended } if *last == user && dir.cpu_writes() => {
                        *ended = true;
                    }
                    _ => {}
                }
            }
            Step::Abandon(_) => self.abandoned = true,
            Step::Stray(_) => self.abandoned = false,
            Step::Leave(user) => {
                self.open[user] = None;
                self.abandoned = true;
            }
            Step::Renew(user) => self.new[user] = self.ended(),
        }
    }

    /// Whether what was written last was so in an access that has ended.
    fn ended(&self) -> bool {
        matches!(self.writer, Writer::User { ended: true, .. })
    }

    /// Whether a user may be at the buffer without an access.
    fn alone(&self, user: usize) -> bool {
        let own = match self.writer {
            Writer::Other => true,
            Writer::User { user: last, .. } => last == user,
        };
        !self.is_mapped() && !self.is_open() && own
    }

    /// Whether a user may read now.
    pub fn may_read(&self, user: usize) -> bool {
        match self.open[user] {
            Some(access) => access.sees && access.dir.cpu_reads(),
            None => self.alone(user) || self.new[user] && !self.is_mapped() && !self.is_open(),
        }
    }

    fn may_write(&self, user: usize) -> bool {
        match self.open[user] {
            Some(access) => access.sees && access.dir.cpu_writes(),
            // So that what was written in an access stays for who makes an alias later.
            None => self.alone(user) && !self.cast.renewals,
        }
    }

    fn wrote(&mut self) {
        if self.past != START {
            self.past |= 1;
        }
    }

    /// Who writes now, if anybody may. Others who had an access open read no more.
    pub fn pick_writer(&mut self) -> Option<usize> {
        let first = self.random.below(self.cast.users);
        let user = (0..self.cast.users)
            .map(|user| (first + user) % self.cast.users)
            .find(|&user| self.may_write(user))?;

        // As often nobody writes, so that what is there is handed on.
        if self.random.coin() {
            return None;
        }
        for (other, open) in self.open.iter_mut().enumerate() {
            match open {
                Some(access) if other != user => access.sees = false,
                _ => {}
            }
        }
        self.new = [false; MAX_USERS];
        self.writer = Writer::User { user, ended: false };
        self.wrote();
        Some(user)
    }

    /// A mapping through which a device reads now, if any may.
    pub fn pick_device_read(&mut self) -> Option<usize> {
        if self.is_open() {
            return None;
        }
        self.pick_mapping(Dir::device_reads)
    }

    /// A mapping through which a device writes now, if any may.
    pub fn pick_device_write(&mut self) -> Option<usize> {
        if self.is_open() || self.random.coin() {
            return None;
        }
        let mapping = self.pick_mapping(Dir::device_writes)?;
        self.new = [false; MAX_USERS];
        self.writer = Writer::Other;
        self.wrote();
        Some(mapping)
    }

    fn pick_mapping(&mut self, suits: fn(Dir) -> bool) -> Option<usize> {
        let first = self.random.below(MAX_MAPPINGS);

        (0..MAX_MAPPINGS)
            .map(|mapping| (first + mapping) % MAX_MAPPINGS)
            .find(|&mapping| self.mapped[mapping].is_some_and(suits))
    }

    /// Which words of a line somebody reads or writes now: bit 0 and bit 1.
    pub fn pick_words(&mut self) -> u32 {
        // As often none as all, and each alone.
        self.random.next() & 3
    }

    /// The first of `limit` things and the one after the last, in any order of chance; not empty.
    pub fn pick_range(&mut self, limit: usize) -> core::ops::Range<usize> {
        let start = self.random.below(limit);

        start..start + 1 + self.random.below(limit - start)
    }
}
