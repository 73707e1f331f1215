// SPDX-License-Identifier: GPL-2.0-only
//! Finding and making what the model knows of a page, an alias, a translation.

use super::{ENTRIES, Entry, LEAF, Model, NO_PAGE};
use crate::config::Mode;
use crate::event::{Address, Site};
use crate::geometry::{Key, PAGE_SHIFT};
use crate::line::LineEvent;
use crate::page::{AliasPage, FastHits, Page};
use crate::written::Written;
use alloc::boxed::Box;

impl Model {
    pub(super) fn find_page(&self, frame: u64) -> Option<usize> {
        let index = self.frames.get(&(frame / LEAF))?[(frame % LEAF) as usize];
        (index != NO_PAGE).then_some(index as usize)
    }

    /// The page of a frame, new if need be.
    pub(super) fn page(&mut self, frame: u64) -> usize {
        let leaf = self
            .frames
            .entry(frame / LEAF)
            .or_insert_with(|| Box::new([NO_PAGE; LEAF as usize]));
        let slot = &mut leaf[(frame % LEAF) as usize];
        if *slot != NO_PAGE {
            return *slot as usize;
        }
        let page = self.pages.len();
        // CAST: four billion pages do not fit into anybody's memory.
        *slot = page as u32;
        self.pages.push(Page::new(frame));
        self.written.push(Written::default());
        if let Some(map) = self.config.linear
            && self.config.mode == Mode::Speculative
            && let Some(from) = (frame << PAGE_SHIFT).checked_sub(map.paddr)
            && from < map.len
        {
            let at = Address {
                vaddr: map.vaddr.wrapping_add(from),
                paddr: frame << PAGE_SHIFT,
                space: 0,
            };
            let alias = self.alias(page, self.config.geometry.key(at));
            self.aliases[alias].linear = true;
            self.fill_all(alias);
        }
        page
    }

    pub(super) fn find_alias(&self, page: usize, key: Key) -> Option<usize> {
        self.pages[page]
            .aliases
            .iter()
            .copied()
            .find(|&alias| self.aliases[alias].key == key)
    }

    /// The alias of a page, new or in place of one that holds nothing if need be. Pages have few.
    pub(super) fn alias(&mut self, page: usize, key: Key) -> usize {
        if let Some(alias) = self.find_alias(page, key) {
            return alias;
        }
        self.maintained = None;
        // A new one in place of another makes all shortcuts worthless.
        const ENOUGH: usize = 4;
        let dead = |alias: &AliasPage| !alias.valid.any() && !alias.mapped();
        let mut all = self.pages[page].aliases.iter().copied();
        let free = match all.len() {
            ..ENOUGH => None,
            _ => all.find(|&alias| dead(&self.aliases[alias])),
        };
        let mut new = AliasPage::new(page, key, self.config.geometry.lines());
        let alias = if let Some(alias) = free {
            let old = self.aliases[alias].key;
            if let Some(same) = self.tags.get_mut(&old) {
                same.retain(|&a| a != alias);
                if same.is_empty() {
                    self.tags.remove(&old);
                }
            }
            self.forget_lookups();
            // Where the old one's lines may be in a loop over sets and ways says nothing of the new one's.
            self.sweep.forget(alias);
            new.listed = self.aliases[alias].listed;
            new.in_company = self.aliases[alias].in_company;
            self.aliases[alias] = new;
            self.hits[alias] = FastHits::default();
            alias
        } else {
            self.aliases.push(new);
            self.hits.push(FastHits::default());
            self.pages[page].aliases.push(self.aliases.len() - 1);
            if let all @ [_, _, ..] = &*self.pages[page].aliases {
                for &alias in all {
                    self.aliases[alias].in_company = true;
                }
            }
            self.aliases.len() - 1
        };
        if self.config.geometry.virtually_tagged() {
            let same = self.tags.entry(key).or_default();
            same.push(alias);
            if same.len() > 1 {
                for &one in same.iter() {
                    self.aliases[one].shares_tag = true;
                }
            }
        }
        alias
    }

    /// The alias that an access goes through, remembered.
    pub(super) fn translate(&mut self, page: usize, at: Address) -> usize {
        let vpage = at.vaddr >> PAGE_SHIFT;
        let space = at.space & self.space_mask;
        let slot = vpage as usize % ENTRIES;
        let entry = self.lookup[slot];
        if entry.vpage == vpage
            && entry.space == space
            && entry.page as usize == page
            && entry.frame == self.pages[page].frame
        {
            return entry.alias as usize;
        }
        let alias = self.alias(page, self.config.geometry.key(at));
        self.map(alias, at);
        if !self.sweep.active() {
            self.looked_up = true;
            // CAST: as in `page`; there are at most a few aliases a page.
            self.lookup[slot] = Entry {
                vpage,
                frame: self.pages[page].frame,
                space,
                page: page as u32,
                alias: alias as u32,
            };
        }
        alias
    }

    /// From now on hardware may fill the alias, if it speculates.
    pub(super) fn map(&mut self, alias: usize, at: Address) {
        let (vpage, space) = (at.vaddr >> PAGE_SHIFT, at.space);
        if self.config.mode == Mode::Architectural
            || self.translations.get(&(space, vpage)) == Some(&alias)
        {
            return;
        }
        self.unmap(vpage, space);
        self.translations.insert((space, vpage), alias);
        let was_mapped = self.aliases[alias].mapped();
        self.aliases[alias].mappings.push((space, vpage));
        if !was_mapped {
            self.fill_all(alias);
        }
    }

    /// Speculation may bring in every line of the page.
    pub(super) fn fill_all(&mut self, alias: usize) {
        let page = self.aliases[alias].page;
        if let Some(copy) = self.pages[page].aliases.iter().position(|&a| a == alias) {
            for line in 0..self.config.geometry.lines() {
                if !self.fill_alone(page, alias, line) {
                    self.step(page, line, LineEvent::Load { copy, bytes: 0 }, Site::NONE);
                }
            }
        }
    }

    pub(super) fn unmap(&mut self, vpage: u64, space: u32) {
        if let Some(alias) = self.translations.remove(&(space, vpage)) {
            self.aliases[alias]
                .mappings
                .retain(|&mapping| mapping != (space, vpage));
            self.forget_lookups();
            if self.sweep.active() && !self.aliases[alias].mapped() {
                // Until now its lines may have moved to ways that were done already.
                for line in self.aliases[alias].valid.iter() {
                    self.sweep_access(self.aliases[alias].page, alias, line, false);
                }
            }
            self.list(alias);
        }
    }
}
