// SPDX-License-Identifier: GPL-2.0-only
//! From an outcome to hazards.

use super::Model;
use crate::event::Site;
use crate::geometry::{Alias, PAGE_SHIFT};
use crate::hazard::{Accessor, Cause, Hazard, Kind};
use crate::line::{Bytes, Held, Presence};
use crate::page::LinePlace;

impl Model {
    /// Who holds the newest value of the first unsaved one of `bytes`.
    pub(super) fn holder(&self, page: usize, line: usize, bytes: Bytes) -> Option<Alias> {
        let place = LinePlace::new(line, self.line_shift);
        let bytes = bytes & self.written[page].unsaved(place);
        let first = bytes & bytes.wrapping_neg();
        let aliases = self.pages[page]
            .aliases
            .iter()
            .map(|&alias| &self.aliases[alias]);
        let holds = |held: Held| held.presence == Presence::Dirty && held.stale & first == 0;
        aliases
            .filter(|alias| first != 0 && holds(alias.held(line, place)))
            .map(|alias| self.config.geometry.name(alias.key))
            .next()
    }

    /// Reports a read from memory that a dirty alias has not reached.
    pub(super) fn report_behind(
        &mut self,
        kind: Kind,
        page: usize,
        line: usize,
        bytes: Bytes,
        accessor: Accessor,
        site: Site,
    ) {
        if let Some(dirty) = self.holder(page, line, bytes) {
            self.report(
                kind,
                page,
                line,
                bytes,
                accessor,
                site,
                Cause::NotWrittenBack { dirty },
            );
        }
    }

    pub(super) fn report_losses(
        &mut self,
        page: usize,
        line: usize,
        gone: Bytes,
        accessor: Accessor,
        site: Site,
    ) {
        if gone == 0 {
            return;
        }
        for loss in self.pages[page].losses.clone() {
            if loss.line == line && loss.bytes & gone != 0 {
                let kind = match loss.cause {
                    Cause::Discarded { .. } => Kind::DiscardedWrite,
                    _ => Kind::LostWrite,
                };
                self.report(
                    kind,
                    page,
                    line,
                    loss.bytes & gone,
                    accessor,
                    site,
                    loss.cause,
                );
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are the report")]
    pub(super) fn report(
        &mut self,
        kind: Kind,
        page: usize,
        line: usize,
        bytes: Bytes,
        accessor: Accessor,
        access: Site,
        cause: Cause,
    ) {
        let start = line << self.line_shift;
        let slot = &self.pages[page];
        let write = self.written[page].writer(start + bytes.trailing_zeros() as usize);
        let line = (slot.frame << PAGE_SHIFT) + start as u64;
        self.hazards.push(Hazard {
            kind,
            line,
            bytes,
            accessor,
            access,
            write,
            cause,
        });
    }
}
