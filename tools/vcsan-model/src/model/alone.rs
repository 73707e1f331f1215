// SPDX-License-Identifier: GPL-2.0-only
//! The steps of a line that is in order and that one alias alone holds: nearly all steps that a guest takes.
//!
//! They are what [`Line::step`](crate::line::Line::step) comes to if no other alias may hold the line and no byte is stale,
//! lost, or only in another alias; without the unpacking. The tests of the whole model run through both.

use super::{Model, Piece, Shortcut};
use crate::config::Mode;
use crate::event::{Address, Op, Site};
use crate::line::Presence;
use crate::page::{LinePlace, ones};

impl Model {
    /// Whether a line is in order and nobody but `alias` may hold it.
    fn is_alone(&self, page: usize, alias: usize, line: usize, place: LinePlace) -> bool {
        let (slot, copy) = (&self.pages[page], &self.aliases[alias]);
        // What is unsaved of a line without a dirty copy, or with a stale one, is another alias's.
        self.config.mode == Mode::Architectural
            && slot
                .aliases
                .iter()
                .all(|&other| other == alias || !self.aliases[other].valid.has(line))
            && slot.lost.get(place) == 0
            && copy.stale.get(place) == 0
            && (copy.dirty.has(line) || slot.unsaved.get(place) == 0)
    }

    /// As [`Model::load_is_quiet`] and [`Model::store_quietly`], for an access that does change something, but nothing
    /// that is not to be expected: a line that nobody else holds is filled, or gets dirty.
    #[must_use]
    pub fn access_alone_by(
        &mut self,
        by: Shortcut,
        offset: usize,
        len: u32,
        store: bool,
        site: Site,
    ) -> bool {
        let alias = by.alias as usize;
        let usual = by.epoch == self.epoch
            && self.in_one_line(offset, len)
            && self
                .aliases
                .get(alias)
                .is_some_and(|alias| !alias.shares_tag);
        if !usual {
            return false;
        }
        let inside = offset & ((1 << self.line_shift) - 1);
        let piece = Piece {
            // Only the whole step needs the address.
            at: Address::default(),
            len,
            offset,
            line: offset >> self.line_shift,
            bytes: ones(len) << inside,
        };
        self.access_alone(by.page as usize, alias, piece, store, site)
    }

    /// An access by the CPU. False if it takes a whole step.
    pub(super) fn access_alone(
        &mut self,
        page: usize,
        alias: usize,
        piece: Piece,
        store: bool,
        site: Site,
    ) -> bool {
        let place = LinePlace::new(piece.line, self.line_shift);
        if !self.sweep.idle() || !self.is_alone(page, alias, piece.line, place) {
            return false;
        }
        let copy = &mut self.aliases[alias];
        let before = copy.held(piece.line, place).presence;
        copy.valid.put(piece.line, true);
        copy.quiet.loads.put(piece.line, true);
        if store {
            copy.dirty.put(piece.line, true);
            copy.quiet.stores.put(piece.line, true);
        }
        if let Some(sites) = copy.sites_mut(piece.line) {
            if before == Presence::Absent {
                sites.filled_by = site;
            }
            if store && before != Presence::Dirty {
                sites.dirtied_by = site;
            }
        }
        if store {
            self.pages[page].add_store(place, piece.bytes, piece.offset, piece.len, site);
        }
        self.list(alias);
        true
    }

    /// Maintenance of an alias. False if it takes a whole step.
    pub(super) fn maintain_alone(&mut self, alias: usize, line: usize, op: Op) -> bool {
        let copy = &self.aliases[alias];
        if self.config.mode == Mode::Architectural && !copy.valid.has(line) {
            return true;
        }
        let (page, dirty) = (copy.page, copy.dirty.has(line));
        let place = LinePlace::new(line, self.line_shift);
        let discards = op == Op::Invalidate && dirty;
        if discards
            || !op.empties() && !self.sweep.idle()
            || !self.is_alone(page, alias, line, place)
        {
            return false;
        }
        if dirty {
            self.pages[page].unsaved.set(place, 0);
        }
        let copy = &mut self.aliases[alias];
        copy.dirty.put(line, false);
        copy.quiet.stores.put(line, false);
        copy.valid.put(line, !op.empties());
        copy.quiet.loads.put(line, !op.empties());
        true
    }
}
