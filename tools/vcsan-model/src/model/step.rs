// SPDX-License-Identifier: GPL-2.0-only
//! The step of one line: unpack, apply the rules, pack, keep the records for reports.

use super::{Bytes, Model};
use crate::config::Mode;
use crate::event::Site;
use crate::hazard::Cause;
use crate::line::{Line, LineEvent, LossKind, Outcome, Presence};
use crate::page::{LinePlace, LossRecord};

impl Model {
    pub(super) fn speculates_in(&self, alias: usize) -> bool {
        self.config.mode == Mode::Speculative && self.aliases[alias].mapped()
    }

    /// Unpacks a line, takes the step, packs it again, and keeps the records for reports.
    pub(super) fn step(
        &mut self,
        page: usize,
        line: usize,
        event: LineEvent,
        site: Site,
    ) -> Outcome {
        let place = LinePlace::new(line, self.line_shift);
        let geometry = self.config.geometry;
        let mut copies = core::mem::take(&mut self.scratch);
        copies.clear();
        copies.extend(
            self.pages[page]
                .aliases
                .iter()
                .map(|&alias| self.aliases[alias].held(line, place)),
        );
        let old = &self.pages[page];
        let state = Line {
            unsaved: self.written[page].unsaved(place),
            lost: self.written[page].lost(place),
            copies,
        };
        let (had_losses, was_behind) = (state.lost != 0, state.unsaved != 0);
        let (mut state, outcome) = state.step(event);
        if self.config.mode == Mode::Speculative {
            let aliases = &old.aliases;
            let mapped = (0..aliases.len()).filter(|&copy| self.aliases[aliases[copy]].mapped());
            state = state.speculate(mapped);
        }

        let accessed = match event {
            LineEvent::Load { copy, .. } | LineEvent::Store { copy, .. } => Some(copy),
            _ => None,
        };
        for (copy, &held) in state.copies.iter().enumerate() {
            let alias = self.pages[page].aliases[copy];
            let slot = &mut self.aliases[alias];
            let before = slot.held(line, place);
            slot.set_held(line, place, held);
            if let Some(sites) = slot.sites_mut(line) {
                let by = if accessed == Some(copy) {
                    site
                } else {
                    Site::NONE
                };
                if before.presence == Presence::Absent
                    || held.stale & !before.stale != 0 && accessed == Some(copy)
                {
                    sites.filled_by = by;
                }
                if before.presence != Presence::Dirty && held.presence == Presence::Dirty {
                    sites.dirtied_by = by;
                }
            }
            self.list(alias);
        }
        let slot = &mut self.pages[page];
        self.written[page].set_unsaved(place, state.unsaved);
        self.written[page].set_lost(place, state.lost);
        if had_losses || state.lost != 0 {
            slot.losses.retain_mut(|loss| {
                if loss.line == line {
                    loss.bytes &= !outcome.rewritten;
                }
                loss.bytes != 0
            });
            for loss in outcome.losses.into_iter().flatten() {
                let known = slot
                    .losses
                    .iter()
                    .filter(|l| l.line == line)
                    .fold(0, |bytes, l| bytes | l.bytes);
                let bytes = loss.bytes & !known;
                let culprit = &self.aliases[slot.aliases[loss.copy]];
                let alias = geometry.name(culprit.key);
                let cause = match loss.kind {
                    LossKind::Overwritten => Cause::Overwritten {
                        alias,
                        dirtied_by: culprit.sites(line).dirtied_by,
                    },
                    LossKind::Discarded => Cause::Discarded { alias, by: site },
                };
                if bytes != 0 {
                    slot.losses.push(LossRecord { line, bytes, cause });
                }
            }
        }
        let behind = was_behind || state.unsaved != 0;
        self.scratch = state.copies;
        if !self.sweep.idle() {
            self.tell_sweep(page, line, behind || outcome.rewritten != 0);
        }
        self.find_hits(page, line);
        outcome
    }

    /// Tells sweeps that copies of a line may be in other ways now, where hardware may fill them. `old`: copies may have got old.
    fn tell_sweep(&mut self, page: usize, line: usize, old: bool) {
        if self.config.geometry.sets() == 0 {
            return;
        }
        let place = LinePlace::new(line, self.line_shift);
        for copy in 0..self.pages[page].aliases.len() {
            let alias = self.pages[page].aliases[copy];
            // Where a copy is that is as good as memory doesn't matter: emptied, it is filled again.
            let held = self.aliases[alias].held(line, place);
            let settled = held.presence == Presence::Clean && held.stale == 0;
            let apart = self.apart(alias, line);
            if self.speculates_in(alias)
                && !settled
                && (self.sweep.active() || self.sweep.is_apart(apart))
            {
                self.sweep.access(apart, false, old);
            } else if old {
                self.sweep.make_old(apart);
            }
        }
    }

    pub(super) fn set_hits(&mut self, alias: usize, line: usize, loads: bool, stores: bool) {
        let hits = &mut self.hits[alias];
        hits.loads.put(line, self.line_shift, loads);
        hits.stores.put(line, self.line_shift, stores);
    }

    pub(super) fn is_active(&self, alias: usize) -> bool {
        let copy = &self.aliases[alias];
        copy.dirty.any()
            || if self.speculates_in(alias) {
                copy.stale.any()
            } else {
                copy.valid.any()
            }
    }

    /// Whether all of a line is unsaved once these bytes are `stored`, and old wherever else it is held: to store to it once more
    /// changes nothing of that.
    pub(super) fn is_old_elsewhere(
        &self,
        page: usize,
        alias: usize,
        line: usize,
        stored: Bytes,
    ) -> bool {
        let place = LinePlace::new(line, self.line_shift);
        let mut others = self.pages[page].aliases.iter().filter(|&&a| a != alias);
        self.written[page].unsaved(place) | stored == place.mask
            && others.all(|&other| {
                let held = &self.aliases[other];
                !held.valid.has(line) || held.stale.get(place) == place.mask
            })
    }

    /// Finds out anew which accesses to a line need no step.
    pub(super) fn find_hits(&mut self, page: usize, line: usize) {
        let place = LinePlace::new(line, self.line_shift);
        let lost = self.written[page].lost(place);
        let valid = self.pages[page]
            .aliases
            .iter()
            .filter(|&&alias| self.aliases[alias].valid.has(line))
            .count();
        for copy in 0..self.pages[page].aliases.len() {
            let alias = self.pages[page].aliases[copy];
            let held = self.aliases[alias].held(line, place);
            let calm = lost | held.stale == 0 && !self.sweep.is_apart(self.apart(alias, line));
            let dirty = held.presence == Presence::Dirty;
            // INVARIANT: a clean copy is stale in every unsaved byte, so that a drop and a fill change nothing here.
            let loads = calm && held.presence != Presence::Absent;
            let stores =
                calm && dirty && (valid == 1 || self.is_old_elsewhere(page, alias, line, 0));
            self.set_hits(alias, line, loads, stores);
        }
    }
}
