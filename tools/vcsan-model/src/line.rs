// SPDX-License-Identifier: GPL-2.0-only
//! One physical cache line: what memory and every alias may hold, and how an event changes it.
//!
//! A concrete cache makes choices: when a dirty line is written back, when a clean one is dropped, and (where the CPU
//! speculates) when one is filled. A [`Line`] stands for *all* states that any choices could have led to. It needs no
//! version numbers: a value is either the newest one of its byte or an older one, and an older one never becomes
//! the newest again.
//!
//! # Why two masks and one state per alias are enough
//!
//! Take one byte and the set of concrete states that it can be in. A covering write leaves one worst member: the
//! writer alone holds the newest value, everybody else keeps an older one. All other members follow from it by
//! spontaneous write-backs and drops. From there on:
//!
//! - The greatest presence of each alias (absent < clean < dirty) does not depend on choices, so it is one value.
//! - Once an alias may be *dirty with an older value*, it may be written back after everybody else was: the newest
//!   value may be gone from memory with no dirty copy to restore it. Nothing but a new write repairs that, and
//!   meanwhile any read may go wrong, because any clean copy may have been dropped first. That is [`Line::lost`].
//! - Otherwise all dirty copies hold the newest value, so at most the last writer can be ahead of memory. That is
//!   [`Line::unsaved`], and the holder is the dirty alias whose copy is not [stale](Held::stale).
//!
//! The crate's tests compare this with the explicit sets over every reachable state.

use alloc::vec::Vec;

/// Bytes of a line, one bit each; bit 0 is the lowest address.
pub type Bytes = u64;

/// The most that one alias can hold of the line, whatever the hardware chose so far.
///
/// Ordered: a state stands for itself and for all smaller ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// Represents: the line is not in the cache under this alias. Allows: nothing until the next fill. Rejects: hits
    /// and write-backs.
    #[default]
    Absent,
    /// Represents: a valid copy that was not stored to, or absence. Allows: hits with the copied value for ever, and
    /// a silent drop at any moment. Rejects: write-backs.
    Clean,
    /// Represents: a copy that was stored to, or anything below. Allows: a write-back of the *whole* line at any
    /// moment. Rejects: a drop without write-back, unless by an explicit invalidate.
    Dirty,
}

/// What one alias may hold of the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Held {
    /// The greatest presence.
    pub presence: Presence,
    /// Bytes of which a valid copy may be older than the newest value. Empty while absent.
    pub stale: Bytes,
}

/// A physical line: all that memory and the aliases may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Line {
    /// Bytes of which memory may hold an older value while the last writer's dirty copy holds the newest. A
    /// write-back of that copy by instruction settles the matter; a discard loses the value.
    pub unsaved: Bytes,
    /// Bytes of which the newest value may be gone: memory is old and no dirty copy has it. Lasts until the next write.
    pub lost: Bytes,
    /// Every alias of the line; events name one by its index.
    pub copies: Vec<Held>,
}

/// What can happen to a line. `copy` is an index into [`Line::copies`]; one that does not exist makes the event a no-op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineEvent {
    /// The CPU reads `bytes` through an alias; no bytes at all stand for a fill that nobody reads (speculation).
    Load {
        /// The alias.
        copy: usize,
        /// What is read.
        bytes: Bytes,
    },
    /// The CPU writes `bytes` through an alias. Covers write-back caches that allocate on a write, those that do
    /// not, and write-through: the latter two are an allocation, a write-back and a drop in a row.
    Store {
        /// The alias.
        copy: usize,
        /// What is written.
        bytes: Bytes,
    },
    /// The alias is not dirty afterwards; what it held is in memory.
    WriteBack {
        /// The alias.
        copy: usize,
    },
    /// The alias is absent afterwards; what only it held is gone.
    Invalidate {
        /// The alias.
        copy: usize,
    },
    /// Write back, then invalidate.
    WriteBackInvalidate {
        /// The alias.
        copy: usize,
    },
    /// An invalidate that may or may not have hit (by index, when the way is unknown).
    MayInvalidate {
        /// The alias.
        copy: usize,
    },
    /// A device, or the CPU past its cache, reads memory.
    MemoryRead {
        /// What is read.
        bytes: Bytes,
    },
    /// A device, or the CPU past its cache, writes memory. Exactly these bytes, not the line.
    MemoryWrite {
        /// What is written.
        bytes: Bytes,
    },
    /// The contents stop mattering (a page is freed): every value in sight is as good as the newest. Copies stay.
    Forget {
        /// What is forgotten.
        bytes: Bytes,
    },
}

/// How the newest value of some bytes may have got lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossKind {
    /// The alias may be written back, with an older value, over the newest.
    Overwritten,
    /// The alias alone held the newest value and was invalidated.
    Discarded,
}

/// Bytes that an event put into [`Line::lost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Loss {
    /// How.
    pub kind: LossKind,
    /// The alias at fault, an index into [`Line::copies`].
    pub copy: usize,
    /// Which bytes.
    pub bytes: Bytes,
}

/// What an event did besides the new state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes read that may be answered with an older value though the newest still exists, in memory or in a dirty copy.
    pub stale: Bytes,
    /// Bytes read of which the newest value may be gone ([`Line::lost`]).
    pub gone: Bytes,
    /// Bytes with a new newest value: what was known about their loss is void.
    pub rewritten: Bytes,
    /// What may be lost from now on, in order of blame.
    pub losses: [Option<Loss>; 2],
}

impl Line {
    /// A line as it is after reset: memory holds the newest values, nobody a copy.
    #[must_use]
    pub fn new(copies: usize) -> Self {
        let mut line = Self::default();
        line.copies.resize(copies, Held::default());
        line
    }

    /// The state after `event`, and what may go wrong in it.
    #[must_use]
    pub fn step(mut self, event: LineEvent) -> (Self, Outcome) {
        let outcome = match event {
            LineEvent::Load { copy, bytes } if copy < self.copies.len() => self.load(copy, bytes),
            LineEvent::Store { copy, bytes } if copy < self.copies.len() => self.store(copy, bytes),
            LineEvent::WriteBack { copy } if copy < self.copies.len() => self.write_back(copy),
            LineEvent::Invalidate { copy } if copy < self.copies.len() => {
                let outcome = self.may_invalidate(copy);
                self.drop_copy(copy);
                outcome
            }
            LineEvent::WriteBackInvalidate { copy } if copy < self.copies.len() => {
                let outcome = self.write_back(copy);
                self.drop_copy(copy);
                outcome
            }
            LineEvent::MayInvalidate { copy } if copy < self.copies.len() => {
                self.may_invalidate(copy)
            }
            LineEvent::MemoryRead { bytes } => Outcome {
                stale: self.unsaved & bytes,
                gone: self.lost & bytes,
                ..Outcome::default()
            },
            LineEvent::MemoryWrite { bytes } => self.memory_write(bytes),
            LineEvent::Forget { bytes } => self.forget(bytes),
            _ => Outcome::default(),
        };
        (self, outcome)
    }

    /// The state when, from now on, hardware may fill the given aliases at any moment (speculation).
    ///
    /// To be applied after every event: one fill now is as bad as one at any moment before the next event.
    #[must_use]
    pub fn speculate(mut self, mapped: impl IntoIterator<Item = usize>) -> Self {
        for copy in mapped {
            if copy < self.copies.len() {
                self.fill(copy);
            }
        }
        self
    }

    /// The copy after a miss, or after a silent drop and a miss: it may come from memory as it is now.
    fn fill(&mut self, copy: usize) {
        let held = &mut self.copies[copy];
        // A dirty copy can't be dropped before memory has what it holds.
        if held.presence != Presence::Dirty {
            held.presence = Presence::Clean;
            held.stale |= self.unsaved;
        }
    }

    fn load(&mut self, copy: usize, bytes: Bytes) -> Outcome {
        self.fill(copy);
        let stale = self.copies[copy].stale & bytes;
        Outcome {
            // While the newest value may be gone, an old copy may be due to that, and is reported as such; only
            // where memory awaits a write-back is it certain that the value could still have been had.
            stale: stale & !self.lost | self.unsaved & stale,
            gone: self.lost & bytes,
            ..Outcome::default()
        }
    }

    fn store(&mut self, copy: usize, bytes: Bytes) -> Outcome {
        let mut outcome = self.supersede(bytes, Some(copy));
        let held = &mut self.copies[copy];
        if held.presence != Presence::Dirty {
            // The store makes all of the line dirty, bytes that are older than memory's included.
            let old = (held.stale | self.unsaved) & !bytes;
            held.presence = Presence::Dirty;
            held.stale |= old;
            let newly = old & !self.lost;
            if newly != 0 {
                outcome.losses[1] = Some(Loss {
                    kind: LossKind::Overwritten,
                    copy,
                    bytes: newly,
                });
            }
            self.lost |= old;
        }
        self.copies[copy].stale &= !bytes;
        self.unsaved |= bytes;
        outcome
    }

    fn memory_write(&mut self, bytes: Bytes) -> Outcome {
        let outcome = self.supersede(bytes, None);
        self.unsaved &= !bytes;
        outcome
    }

    /// A write of `bytes` turns every value but the writer's into an older one.
    fn supersede(&mut self, bytes: Bytes, writer: Option<usize>) -> Outcome {
        let mut outcome = Outcome {
            rewritten: bytes,
            ..Outcome::default()
        };
        self.lost &= !bytes;
        for (copy, held) in self.copies.iter_mut().enumerate() {
            if Some(copy) == writer || held.presence == Presence::Absent {
                continue;
            }
            held.stale |= bytes;
            if held.presence == Presence::Dirty && bytes != 0 {
                self.lost |= bytes;
                outcome.losses[0].get_or_insert(Loss {
                    kind: LossKind::Overwritten,
                    copy,
                    bytes,
                });
            }
        }
        outcome
    }

    fn write_back(&mut self, copy: usize) -> Outcome {
        let held = &mut self.copies[copy];
        if held.presence == Presence::Dirty {
            held.presence = Presence::Clean;
            // Stale bytes of it are in `lost` since it became dirty; the newest ones reach memory now.
            self.unsaved &= held.stale;
        }
        Outcome::default()
    }

    /// The discard of what only this copy holds. The copy itself is kept: it may have been missed.
    fn may_invalidate(&mut self, copy: usize) -> Outcome {
        let held = &self.copies[copy];
        let mut outcome = Outcome::default();
        if held.presence == Presence::Dirty {
            let bytes = self.unsaved & !held.stale;
            let newly = bytes & !self.lost;
            if newly != 0 {
                outcome.losses[0] = Some(Loss {
                    kind: LossKind::Discarded,
                    copy,
                    bytes: newly,
                });
            }
            self.lost |= bytes;
        }
        outcome
    }

    fn drop_copy(&mut self, copy: usize) {
        let held = &mut self.copies[copy];
        if held.presence == Presence::Dirty {
            self.unsaved &= held.stale;
        }
        *held = Held::default();
    }

    fn forget(&mut self, bytes: Bytes) -> Outcome {
        self.unsaved &= !bytes;
        self.lost &= !bytes;
        for held in &mut self.copies {
            held.stale &= !bytes;
        }
        Outcome {
            rewritten: bytes,
            ..Outcome::default()
        }
    }
}
