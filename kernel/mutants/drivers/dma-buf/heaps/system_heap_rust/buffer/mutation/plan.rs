// SPDX-License-Identifier: GPL-2.0

//! How one step of one plan is done wrong. Pure, and shared by the guest, which does it, and the
//! host, which names all that there are and works out where they matter.

// The host uses all of it.
#![allow(dead_code)]

use crate::ownership::{
    Direction,
    Event,
    Op, //
};

/// What is wrong with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It is not done.
    LeftOut,
    /// It is done after the next one.
    Moved,
    /// It is done for the first cache line only.
    Line,
    /// It is done for the first page only.
    Page,
    /// It is done for the first physically contiguous chunk only.
    Chunk,
    /// It is done for the first mapping of a device only.
    Mapping,
    /// It is done for the first user mapping only.
    Area,
    /// A mapping is made, synced or taken away in another direction; of a vmap, dropping is writing
    /// back and the reverse.
    WrongDirection,
}

/// All of them.
pub const KINDS: [Kind; 8] = [
    Kind::LeftOut,
    Kind::Moved,
    Kind::Line,
    Kind::Page,
    Kind::Chunk,
    Kind::Mapping,
    Kind::Area,
    Kind::WrongDirection,
];

impl Kind {
    /// As names have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::LeftOut => "left-out",
            Kind::Moved => "moved",
            Kind::Line => "line",
            Kind::Page => "page",
            Kind::Chunk => "chunk",
            Kind::Mapping => "mapping",
            Kind::Area => "area",
            Kind::WrongDirection => "direction",
        }
    }

    /// Whether `op` can be done wrong like that.
    pub const fn is_of(self, op: Op) -> bool {
        match op {
            Op::WriteBackVmap | Op::InvalidateVmap => !matches!(self, Kind::Mapping | Kind::Area),
            Op::FlushUser => matches!(self, Kind::LeftOut | Kind::Moved | Kind::Page | Kind::Area),
            Op::SyncForDevice | Op::SyncForCpu => !matches!(self, Kind::Area),
            // These have a direction of their own.
            Op::WriteBackDirectMap | Op::SyncForDeviceUnwritten => {
                !matches!(self, Kind::Area | Kind::WrongDirection)
            }
            // Without a mapping there is nothing to do wrong, and what is not taken away here is
            // taken away right after.
            Op::Map => matches!(self, Kind::Moved | Kind::WrongDirection),
            Op::Unmap => matches!(self, Kind::Moved | Kind::WrongDirection),
        }
    }
}

/// The event by which an event is planned for: a mapping or an access in both directions is like
/// one of the others.
pub const fn canonical(event: Event) -> Event {
    match event {
        Event::Map(Direction::Bidirectional) => Event::Map(Direction::FromDevice),
        Event::Unmap(Direction::Bidirectional) => Event::Unmap(Direction::FromDevice),
        Event::Begin(Direction::Bidirectional) => Event::Begin(Direction::ToDevice),
        Event::End(Direction::Bidirectional) => Event::End(Direction::ToDevice),
        other => other,
    }
}

/// As names have it.
pub const fn event_name(event: Event) -> &'static str {
    match canonical(event) {
        Event::Map(Direction::ToDevice) => "map-to",
        Event::Map(_) => "map-from",
        Event::Unmap(Direction::ToDevice) => "unmap-to",
        Event::Unmap(_) => "unmap-from",
        Event::Begin(Direction::FromDevice) => "begin-from",
        Event::Begin(_) => "begin-to",
        Event::End(Direction::FromDevice) => "end-from",
        Event::End(_) => "end-to",
    }
}

/// As plans are written in names: a letter for each step.
pub const fn letter(op: Op) -> u8 {
    match op {
        Op::WriteBackVmap => b'w',
        Op::InvalidateVmap => b'i',
        Op::FlushUser => b'u',
        Op::WriteBackDirectMap => b'b',
        Op::SyncForDevice => b'd',
        Op::SyncForDeviceUnwritten => b'r',
        Op::SyncForCpu => b'c',
        Op::Map => b'M',
        Op::Unmap => b'U',
    }
}

const OPS: [Op; 9] = [
    Op::WriteBackVmap,
    Op::InvalidateVmap,
    Op::FlushUser,
    Op::WriteBackDirectMap,
    Op::SyncForDevice,
    Op::SyncForDeviceUnwritten,
    Op::SyncForCpu,
    Op::Map,
    Op::Unmap,
];

/// A step of a plan that is done wrong, by its name `plan:EVENT:STEPS:INDEX:KIND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mutation<'a> {
    event: &'a str,
    plan: &'a str,
    /// Which step, counted from 0.
    pub step: usize,
    /// What is wrong with it.
    pub kind: Kind,
}

impl<'a> Mutation<'a> {
    /// The mutation of that name; none if it is no such name. More words after it say how much of a
    /// case is enough to show it.
    pub fn parse(name: &'a str) -> Option<Self> {
        let mut words = name.strip_prefix("plan:")?.split(':');
        let (event, plan) = (words.next()?, words.next()?);
        let (step, kind) = (words.next()?, words.next()?);

        Some(Self {
            event,
            plan,
            step: step.parse().ok()?,
            kind: KINDS.into_iter().find(|k| k.as_str() == kind)?,
        })
    }

    /// The same step, done wrong like that.
    pub const fn done(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The step that is done wrong.
    pub fn op(&self) -> Option<Op> {
        let named = *self.plan.as_bytes().get(self.step)?;

        OPS.into_iter().find(|op| letter(*op) == named)
    }

    /// Whether it is about the plan `ops` for `event`.
    pub fn is_of(&self, event: Event, ops: impl Iterator<Item = Op>) -> bool {
        self.event == event_name(event) && self.plan.bytes().eq(ops.map(letter))
    }

    /// What comes instead of step `index` of a plan: another step of the same plan, and how that is
    /// done if it is done wrong; or nothing.
    pub fn instead(&self, index: usize) -> Option<(usize, Option<Kind>)> {
        match self.kind {
            Kind::LeftOut if index == self.step => None,
            Kind::Moved if index == self.step => Some((index + 1, None)),
            Kind::Moved if index == self.step + 1 => Some((index - 1, None)),
            Kind::LeftOut | Kind::Moved => Some((index, None)),
            kind => Some((index, (index == self.step).then_some(kind))),
        }
    }
}
