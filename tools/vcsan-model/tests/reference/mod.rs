// SPDX-License-Identifier: GPL-2.0-only
//! The meaning of the model, spelled out: the set of all states that a line of a concrete write-back cache can be in.
//!
//! Nothing here is shared with the crate but the event type.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test binary uses another part"
)]

use std::collections::HashMap;
use std::rc::Rc;
use vcsan_model::line::{Bytes, LineEvent, LossKind};

/// A line of at most [`World::bytes`] bytes and [`World::copies`] aliases in one concrete state. A value is only "newest
/// or older". Packed, because sets of them are hashed by the million.
pub type State = u32;

/// Who lost the newest value of a byte in a concrete state.
pub type Cause = (LossKind, usize);

/// The size of the line, which aliases hardware may fill on its own, and how much a set of states tells.
#[derive(Clone, Copy, Debug)]
pub struct World {
    pub bytes: usize,
    pub copies: usize,
    pub speculative: u32,
    /// States remember who lost a value, and sets hold what can be reached and no more. Otherwise sets are padded with
    /// [dominated](World::dominated) states, so that fewer of them differ; that changes no answer but the kind of one.
    pub causes: bool,
}

const ABSENT: u32 = 0;
const CLEAN: u32 = 1;
const DIRTY: u32 = 2;

/// One read of one concrete state: bytes answered wrongly, and for each the cause if the newest value is gone.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    pub wrong: Bytes,
    /// Wrong although memory or a dirty copy has the newest value.
    pub wrong_while_safe: Bytes,
    /// Wrong after the newest value was lost.
    pub wrong_when_lost: Bytes,
    /// (byte, cause) of these, if the world has causes.
    pub causes: Vec<(usize, Cause)>,
}

impl World {
    fn all(&self) -> u32 {
        (1 << self.bytes) - 1
    }

    /// Every byte newest in memory, nobody a copy.
    pub fn reset(&self) -> State {
        self.all()
    }

    fn memory(&self, s: State) -> u32 {
        s & self.all()
    }

    fn with_memory(&self, s: State, value: u32) -> State {
        s & !self.all() | value
    }

    fn copy_shift(&self, copy: usize) -> usize {
        self.bytes + copy * (2 + self.bytes)
    }

    fn copy(&self, s: State, copy: usize) -> (u32, u32) {
        let field = s >> self.copy_shift(copy);
        (field & 3, field >> 2 & self.all())
    }

    fn with_copy(&self, s: State, copy: usize, presence: u32, value: u32) -> State {
        let shift = self.copy_shift(copy);
        let field = (4 << self.bytes) - 1;
        let value = if presence == ABSENT { 0 } else { value };
        s & !(field << shift) | (value << 2 | presence) << shift
    }

    fn cause_shift(&self, byte: usize) -> usize {
        self.bytes + self.copies * (2 + self.bytes) + 3 * byte
    }

    fn cause(&self, s: State, byte: usize) -> Option<Cause> {
        let code = s >> self.cause_shift(byte) & 7;
        let kind = if code & 1 == 0 {
            LossKind::Overwritten
        } else {
            LossKind::Discarded
        };
        (code != 0).then(|| (kind, (code as usize - 2) / 2))
    }

    /// Memory is old, and no dirty copy will change that.
    fn is_lost(&self, s: State, byte: usize) -> bool {
        self.memory(s) >> byte & 1 == 0
            && !(0..self.copies).any(|c| {
                let (presence, value) = self.copy(s, c);
                presence == DIRTY && value >> byte & 1 == 1
            })
    }

    /// Notes or forgets why a byte is lost, after a step for which `blame` would be at fault.
    fn settle(&self, mut s: State, blame: Option<Cause>) -> State {
        for byte in (0..self.bytes).filter(|_| self.causes) {
            let saved = !self.is_lost(s, byte);
            let shift = self.cause_shift(byte);
            if saved {
                s &= !(7 << shift);
            } else if s >> shift & 7 == 0 {
                let (kind, copy) = blame.expect("only a write-back or a discard loses a value");
                s |= (2 + 2 * copy as u32 + u32::from(kind == LossKind::Discarded)) << shift;
            }
        }
        s
    }

    fn fill(&self, s: State, copy: usize) -> State {
        match self.copy(s, copy).0 {
            ABSENT => self.with_copy(s, copy, CLEAN, self.memory(s)),
            _ => s,
        }
    }

    fn write_back(&self, s: State, copy: usize) -> State {
        let (presence, value) = self.copy(s, copy);
        if presence != DIRTY {
            return s;
        }
        let s = self.with_memory(self.with_copy(s, copy, CLEAN, value), value);
        self.settle(s, Some((LossKind::Overwritten, copy)))
    }

    fn invalidate(&self, s: State, copy: usize) -> State {
        self.settle(
            self.with_copy(s, copy, ABSENT, 0),
            Some((LossKind::Discarded, copy)),
        )
    }

    /// A write of `bytes` makes all values but the writer's old.
    fn write(&self, mut s: State, bytes: u32, writer: Option<usize>) -> State {
        if let Some(copy) = writer {
            s = self.fill(s, copy);
        }
        let memory = self.memory(s);
        s = self.with_memory(
            s,
            if writer.is_some() {
                memory & !bytes
            } else {
                memory | bytes
            },
        );
        for c in 0..self.copies {
            let (presence, value) = self.copy(s, c);
            if presence != ABSENT {
                s = if Some(c) == writer {
                    self.with_copy(s, c, DIRTY, value | bytes)
                } else {
                    self.with_copy(s, c, presence, value & !bytes)
                };
            }
        }
        self.settle(s, None)
    }

    /// What hardware may do by itself, one step at a time.
    pub fn spontaneous(&self, s: State, next: &mut Vec<State>) {
        for c in 0..self.copies {
            match self.copy(s, c).0 {
                DIRTY => next.push(self.write_back(s, c)),
                CLEAN => next.push(self.with_copy(s, c, ABSENT, 0)),
                _ if self.speculative >> c & 1 == 1 => next.push(self.fill(s, c)),
                _ => {}
            }
        }
    }

    /// States, one step away, from which nothing goes wrong that does not from `s`: a value becomes the newest, or a
    /// dirty copy clean whose write-back would only have made memory older. `line_laws` checks this claim.
    pub fn dominated(&self, s: State, next: &mut Vec<State>) {
        let memory = self.memory(s);
        for byte in 0..self.bytes {
            next.push(self.with_memory(s, memory | 1 << byte));
        }
        for c in 0..self.copies {
            let (presence, value) = self.copy(s, c);
            if presence == DIRTY && value & !memory == 0 {
                next.push(self.with_copy(s, c, CLEAN, value));
            }
            for byte in (0..self.bytes).filter(|_| presence != ABSENT) {
                next.push(self.with_copy(s, c, presence, value | 1 << byte));
            }
        }
    }

    /// Every state there is, whether it can be reached or not.
    pub fn states(&self) -> impl Iterator<Item = State> {
        let world = *self;
        (0..1 << self.cause_shift(0)).filter(move |&s| {
            (0..world.copies).all(|c| match world.copy(s, c) {
                (ABSENT, value) => value == 0,
                (presence, _) => presence <= DIRTY,
            })
        })
    }

    /// The event in one concrete state: the states that it may lead to, before hardware moves again.
    pub fn step(&self, s: State, event: LineEvent, next: &mut Vec<State>) {
        let after = match event {
            LineEvent::Load { copy, .. } => self.fill(s, copy),
            LineEvent::Store { copy, bytes } => self.write(s, bytes as u32, Some(copy)),
            LineEvent::WriteBack { copy } => self.write_back(s, copy),
            LineEvent::Invalidate { copy } => self.invalidate(s, copy),
            LineEvent::WriteBackInvalidate { copy } => {
                self.invalidate(self.write_back(s, copy), copy)
            }
            LineEvent::MayInvalidate { copy } => {
                next.push(s);
                self.invalidate(s, copy)
            }
            LineEvent::MemoryRead { .. } => s,
            LineEvent::MemoryWrite { bytes } => self.write(s, bytes as u32, None),
            LineEvent::Forget { bytes } => {
                let mut s = self.with_memory(s, self.memory(s) | bytes as u32);
                for c in 0..self.copies {
                    let (presence, value) = self.copy(s, c);
                    s = self.with_copy(s, c, presence, value | bytes as u32);
                }
                self.settle(s, None)
            }
        };
        next.push(after);
    }

    /// Which bytes a read gets wrong in this state.
    pub fn answers(&self, s: State, event: LineEvent, answers: &mut Answers) {
        let (value, bytes) = match event {
            LineEvent::Load { copy, bytes } => match self.copy(s, copy) {
                (ABSENT, _) => (self.memory(s), bytes),
                (_, value) => (value, bytes),
            },
            LineEvent::MemoryRead { bytes } => (self.memory(s), bytes),
            _ => return,
        };
        for byte in (0..self.bytes).filter(|b| bytes >> b & 1 == 1 && value >> b & 1 == 0) {
            answers.wrong |= 1 << byte;
            if self.is_lost(s, byte) {
                answers.wrong_when_lost |= 1 << byte;
            } else {
                answers.wrong_while_safe |= 1 << byte;
            }
            if let Some(cause) = self.cause(s, byte)
                && !answers.causes.contains(&(byte, cause))
            {
                answers.causes.push((byte, cause));
            }
        }
    }
}

/// A set of states, one bit each.
type Set = Vec<u64>;

fn members(set: &[u64]) -> impl Iterator<Item = State> {
    set.iter().enumerate().flat_map(|(i, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros())?;
            rest &= rest - 1;
            Some(i as u32 * 64 + bit)
        })
    })
}

fn join(set: &mut Set, other: &Set) {
    for (word, other) in set.iter_mut().zip(other) {
        *word |= other;
    }
}

/// What an event does to one state and all that hardware can make of it, before the event and after.
struct Move {
    set: Set,
    answers: Answers,
}

/// The sets of states of a world, numbered, with every transition computed once.
pub struct Sets {
    pub world: World,
    sets: Vec<Rc<Set>>,
    /// Members of each set from which hardware reaches all others.
    generators: Vec<Rc<[State]>>,
    numbers: HashMap<Rc<Set>, usize>,
    closures: HashMap<State, Rc<Set>>,
    moves: HashMap<(State, LineEvent), Move>,
    transitions: HashMap<(usize, LineEvent), (usize, Rc<Answers>)>,
}

impl Sets {
    /// The number of the set after reset is 0.
    pub fn new(world: World) -> Self {
        let mut sets = Self {
            world,
            sets: Vec::new(),
            generators: Vec::new(),
            numbers: HashMap::new(),
            closures: HashMap::new(),
            moves: HashMap::new(),
            transitions: HashMap::new(),
        };
        let start = sets.close(vec![world.reset()]);
        sets.number(start);
        sets
    }

    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether some member has lost the byte.
    pub fn lost(&self, set: usize, byte: usize) -> bool {
        members(&self.sets[set]).any(|s| self.world.is_lost(s, byte))
    }

    fn number(&mut self, set: Set) -> usize {
        if let Some(&number) = self.numbers.get(&set) {
            return number;
        }
        let mut generators = Vec::new();
        let mut covered = vec![0; set.len()];
        let mut states: Vec<State> = members(&set).collect();
        // Dirty copies have the larger codes, and lead to the rest.
        states.reverse();
        for s in states {
            if covered[s as usize / 64] >> (s % 64) & 1 == 0 {
                generators.push(s);
                join(&mut covered, &self.closure(s));
            }
        }
        let set = Rc::new(set);
        self.sets.push(set.clone());
        self.generators.push(generators.into());
        self.numbers.insert(set, self.sets.len() - 1);
        self.sets.len() - 1
    }

    fn closure(&mut self, s: State) -> Rc<Set> {
        if let Some(set) = self.closures.get(&s) {
            return set.clone();
        }
        let set = Rc::new(self.close(vec![s]));
        self.closures.insert(s, set.clone());
        set
    }

    /// Closes under what hardware may do by itself.
    fn close(&self, mut work: Vec<State>) -> Set {
        let bits = self.world.cause_shift(if self.world.causes {
            self.world.bytes
        } else {
            0
        });
        let mut set = vec![0; (1_usize << bits).div_ceil(64)];
        let mut next = Vec::new();
        while let Some(s) = work.pop() {
            let (word, bit) = (&mut set[s as usize / 64], 1 << (s % 64));
            if *word & bit == 0 {
                *word |= bit;
                self.world.spontaneous(s, &mut next);
                if !self.world.causes {
                    self.world.dominated(s, &mut next);
                }
                work.append(&mut next);
            }
        }
        set
    }

    /// All that is in one set or the other.
    pub fn union(&mut self, one: usize, other: usize) -> usize {
        let mut set = Set::clone(&self.sets[one]);
        join(&mut set, &self.sets[other]);
        self.number(set)
    }

    /// The set after the event, and what a read in it may answer.
    pub fn step(&mut self, set: usize, event: LineEvent) -> (usize, Rc<Answers>) {
        if let Some((set, answers)) = self.transitions.get(&(set, event)) {
            return (*set, answers.clone());
        }
        let mut to = vec![0; self.sets[set].len()];
        let mut answers = Answers::default();
        for &s in self.generators[set].clone().iter() {
            if !self.moves.contains_key(&(s, event)) {
                let (mut next, mut answers) = (Vec::new(), Answers::default());
                for s in members(&self.closure(s)) {
                    self.world.answers(s, event, &mut answers);
                    self.world.step(s, event, &mut next);
                }
                self.moves.insert(
                    (s, event),
                    Move {
                        set: self.close(next),
                        answers,
                    },
                );
            }
            let step = &self.moves[&(s, event)];
            join(&mut to, &step.set);
            answers.wrong |= step.answers.wrong;
            answers.wrong_while_safe |= step.answers.wrong_while_safe;
            answers.wrong_when_lost |= step.answers.wrong_when_lost;
            answers.causes.extend(&step.answers.causes);
        }
        answers.causes.sort_unstable_by_key(|(byte, (kind, copy))| {
            (*byte, *kind == LossKind::Discarded, *copy)
        });
        answers.causes.dedup();
        let result = (self.number(to), Rc::new(answers));
        self.transitions.insert((set, event), result.clone());
        result
    }
}
