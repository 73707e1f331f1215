// SPDX-License-Identifier: GPL-2.0-only
//! Where the model has the pages that were accessed lately: one look for most accesses.

use crate::decode::Arch;
use crate::pages::{Keys, fixed_quarter};
use vcsan_model::Shortcut;
use vcsan_model::geometry::PAGE_SIZE;

const PLACES: usize = 1024;

/// Where the model has a page.
#[derive(Clone, Copy)]
struct Place {
    key: u64,
    shortcut: Shortcut,
}

const NOWHERE: Place = Place {
    key: u64::MAX,
    shortcut: Shortcut::NONE,
};

/// The ways to pages.
pub(super) struct Shortcuts {
    /// To pages that nobody watches.
    places: Box<[Place; PLACES]>,
    /// To the watched page that was accessed last.
    watched: Place,
    /// Blocked while the model sweeps.
    keys: Keys,
    fixed: Option<usize>,
    /// [`Model::epoch`](vcsan_model::Model::epoch) of all of them.
    epoch: u64,
}

impl Shortcuts {
    pub(super) fn new(arch: Arch) -> Self {
        Self {
            places: Box::new([NOWHERE; PLACES]),
            watched: NOWHERE,
            keys: Keys::default(),
            fixed: fixed_quarter(arch),
            epoch: 0,
        }
    }

    #[inline(always)]
    fn index(vaddr: u64) -> usize {
        (vaddr / PAGE_SIZE) as usize % PLACES
    }

    /// The way to what the model knows of an address, if its page is cached, not watched, and was accessed lately.
    #[inline(always)]
    pub(super) fn get(&self, vaddr: u64) -> Option<Shortcut> {
        let place = &self.places[Self::index(vaddr)];
        (place.key == self.keys.open(vaddr)).then_some(place.shortcut)
    }

    /// As [`get`](Self::get), for a page that is watched.
    pub(super) fn watched(&self, vaddr: u64) -> Option<Shortcut> {
        let Place { key, shortcut } = self.watched;
        (key == self.keys.open(vaddr)).then_some(shortcut)
    }

    /// Remembers the way to what the model knows of an address.
    pub(super) fn set(&mut self, vaddr: u64, watched: bool, shortcut: Shortcut) {
        let place = Place {
            key: self.keys.of(vaddr),
            shortcut,
        };
        match watched {
            _ if self.keys.blocked() => {}
            true => self.watched = place,
            false => self.places[Self::index(vaddr)] = place,
        }
    }

    /// The model has come to an epoch: shortcuts of another one are none, and those there are can't be used while it sweeps.
    #[inline]
    pub(super) fn follow(&mut self, epoch: u64, sweeps: bool) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.forget_but(None);
        }
        if self.keys.blocked() != sweeps {
            self.keys.block(sweeps);
        }
    }

    fn forget_but(&mut self, fixed: Option<usize>) {
        if !self.keys.advance(fixed) {
            self.clear();
        }
    }

    /// Translations may have changed.
    pub(super) fn forget_translations(&mut self) {
        self.forget_but(self.fixed);
    }

    /// That of one page may have.
    pub(super) fn forget(&mut self, vaddr: u64) {
        self.places[Self::index(vaddr)] = NOWHERE;
        self.watched = NOWHERE;
    }

    /// Other pages may be watched.
    pub(super) fn clear(&mut self) {
        self.places.fill(NOWHERE);
        self.watched = NOWHERE;
    }
}
