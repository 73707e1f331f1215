// SPDX-License-Identifier: GPL-2.0

//! What can happen, one step at a time.

use crate::ownership::{Direction, Event};

/// Who uses the buffer by the CPU, each through an alias of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum User {
    /// The kernel through a vmap, or a process.
    First,
    /// A process.
    Second,
}

impl User {
    pub(super) fn other(self) -> User {
        match self {
            User::First => User::Second,
            User::Second => User::First,
        }
    }
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
    /// Somebody asks for an access, and waits for transfers.
    Wait(User, Direction),
    /// A signal ends the wait.
    Interrupt(User),
    /// Somebody opens an access.
    Begin(User, Direction),
    /// Somebody closes the access that they have opened.
    End(User, Direction),
    /// The second user, a process, dies with an access open.
    Die,
    /// Somebody reads all words.
    Read(User),
    /// Somebody writes a word.
    Write(User, usize),
    /// Somebody maps the buffer once more, for which `remap_pfn_range()` calls `flush_cache_range()`, and
    /// reads.
    ReadNew,
    /// A device starts a transfer through a mapping of this direction.
    Start(Direction),
    /// A device reads all words, through a mapping of this direction.
    DeviceRead(Direction),
    /// A device writes a word.
    DeviceWrite(Direction, usize),
    /// The transfer is over.
    Finish,
}

impl Step {
    /// What the heap gets to know of it.
    pub(super) fn event(self) -> Option<Event> {
        match self {
            Step::Event(event) => Some(event),
            Step::Begin(_, dir) => Some(Event::Begin(dir)),
            Step::End(_, dir) => Some(Event::End(dir)),
            _ => None,
        }
    }
}
