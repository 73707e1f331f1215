// SPDX-License-Identifier: GPL-2.0-only
//! The cache of a machine: events in, hazards out.
//!
//! [`line`](crate::line) has the rules. This module finds the lines that an event touches, unpacks them, takes the step,
//! packs them again and says who was involved. Accesses that the rules would answer with "nothing changes" are
//! recognised by one bit and go no further.

mod fast_path;
mod maintenance;
mod pages;
mod report;
mod step;

pub use fast_path::{Fast, Shortcut};

use crate::config::{Config, ConfigError, Mode};
use crate::event::{Address, Event, Op, Site};
use crate::geometry::{Alias, Key, PAGE_SHIFT, PAGE_SIZE};
use crate::hazard::{Accessor, Cause, Hazard, Kind};
use crate::line::{Bytes, Held, LineEvent};
use crate::page::{AliasPage, FastHits, LinePlace, Page, ones};
use crate::sweep::Sweep;
use crate::written::Written;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use fast_path::Epoch;

/// What the model knows of one alias of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AliasCopy {
    /// Which.
    pub alias: Alias,
    /// What it may hold.
    pub held: Held,
    /// The access that brought the line in.
    pub filled_by: Site,
    /// The store that made it dirty.
    pub dirtied_by: Site,
}

/// What the model knows of one line, for reports and tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineView {
    /// [`Line::unsaved`](crate::line::Line::unsaved).
    pub unsaved: Bytes,
    /// [`Line::lost`](crate::line::Line::lost).
    pub lost: Bytes,
    /// The aliases that may hold the line.
    pub copies: Vec<AliasCopy>,
}

/// Remembers where a virtual page's accesses go.
#[derive(Clone, Copy, Debug)]
struct Entry {
    vpage: u64,
    frame: u64,
    space: u32,
    /// Indices into [`Model::pages`] and [`Model::aliases`].
    page: u32,
    alias: u32,
}

impl Entry {
    /// Matches nothing: no address has this page number.
    const EMPTY: Self = Self {
        vpage: u64::MAX,
        frame: u64::MAX,
        space: 0,
        page: 0,
        alias: 0,
    };
}

const ENTRIES: usize = 1024;
/// Pages in a leaf of [`Model::frames`].
const LEAF: u64 = 1024;
const NO_PAGE: u32 = u32::MAX;

/// A data cache, everything that it may hold, and what memory may hold.
///
/// A clone is a snapshot. Memory use is proportional to the pages touched, see [`Model::memory`].
#[derive(Clone, Debug)]
pub struct Model {
    config: Config,
    line_shift: u32,
    space_mask: u32,
    lookup: Box<[Entry; ENTRIES]>,
    /// Whether anything is in `lookup`.
    looked_up: bool,
    /// How often `lookup` was forgotten, and shortcuts with it.
    epoch: Epoch,
    pages: Vec<Page>,
    /// By the same index.
    written: Vec<Written>,
    aliases: Vec<AliasPage>,
    /// By the same index.
    hits: Vec<FastHits>,
    /// Index of a physical page, in leaves of [`LEAF`].
    frames: BTreeMap<u64, Box<[u32; LEAF as usize]>>,
    /// Aliases by virtual tag, if lines are virtually tagged.
    tags: BTreeMap<Key, Vec<usize>>,
    /// Alias of each (space, virtual page), in speculative mode.
    translations: BTreeMap<(u32, u64), usize>,
    /// Aliases that whole-cache maintenance can change, and some that it can't any more.
    active: Vec<usize>,
    sweep: Sweep,
    /// The alias that maintenance by address found last; forgotten when there is a new one.
    maintained: Option<(Key, u64, Option<usize>)>,
    /// Kept for its allocation.
    scratch: Vec<Held>,
    hazards: Vec<Hazard>,
}

/// One line's part of a range.
#[derive(Clone, Copy)]
struct Piece {
    at: Address,
    len: u32,
    /// Offset in the page.
    offset: usize,
    line: usize,
    bytes: Bytes,
}

impl Model {
    /// A cache that is empty, over memory that is as it should be.
    ///
    /// # Errors
    ///
    /// A combination that has no meaning, see [`ConfigError`].
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        if config.geometry.virtually_tagged() && config.mode == Mode::Speculative {
            return Err(ConfigError::SpeculativeVirtualTags);
        }
        if config.geometry.aliases() && config.coherent_devices {
            return Err(ConfigError::CoherentAliases);
        }
        Ok(Self {
            config,
            line_shift: config.geometry.line_shift(),
            // In speculative mode a mapping belongs to its space, whatever the index is made of.
            space_mask: if config.mode == Mode::Speculative {
                u32::MAX
            } else {
                config.geometry.space_mask()
            },
            lookup: Box::new([Entry::EMPTY; ENTRIES]),
            looked_up: false,
            epoch: Epoch::default(),
            pages: Vec::new(),
            written: Vec::new(),
            aliases: Vec::new(),
            hits: Vec::new(),
            frames: BTreeMap::new(),
            tags: BTreeMap::new(),
            translations: BTreeMap::new(),
            active: Vec::new(),
            sweep: Sweep::new(config.geometry.sets(), config.geometry.ways()),
            maintained: None,
            scratch: Vec::new(),
            hazards: Vec::new(),
        })
    }

    /// What is modelled.
    #[inline]
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Power-on: the cache is empty, memory is as it should be, nothing is mapped.
    pub fn reset(&mut self) {
        if let Ok(new) = Self::new(self.config) {
            *self = new;
        }
    }

    /// Takes one event and returns the hazards that it runs into.
    ///
    /// They are exactly the reads that get a wrong value in some execution; a store or a piece of maintenance is
    /// never a hazard by itself, but for hits on another page's line.
    pub fn apply(&mut self, event: Event, site: Site) -> &[Hazard] {
        match event {
            Event::Load { at, len } => return self.load(at, len, site),
            Event::Store { at, len } => return self.store(at, len, site),
            _ => {}
        }
        self.hazards.clear();
        // Lines of completed sets can wait for the rest of the loop.
        if !matches!(event, Event::SetWay { .. }) {
            self.settle_sweep();
        }
        match event {
            Event::Load { .. } | Event::Store { .. } => {}
            Event::UncachedLoad { paddr, len } => {
                self.memory_access(paddr, len, Accessor::Uncached, false, site)
            }
            Event::UncachedStore { paddr, len } => {
                self.memory_access(paddr, len, Accessor::Uncached, true, site)
            }
            Event::DeviceRead { paddr, len } => {
                self.memory_access(paddr, len, Accessor::Device, false, site)
            }
            Event::DeviceWrite { paddr, len } => {
                self.memory_access(paddr, len, Accessor::Device, true, site)
            }
            Event::Maintain { op, at, len } => self.maintain(op, at, len, site),
            Event::SetWay { op, set, sets, way } => self.set_ways(op, set, sets, way, site),
            Event::WholeCache { op } => self.whole_cache(op, site),
            Event::Map { at } => {
                let page = self.page(at.paddr >> PAGE_SHIFT);
                let alias = self.alias(page, self.config.geometry.key(at));
                self.map(alias, at);
            }
            Event::Unmap { vaddr, space } => self.unmap(vaddr >> PAGE_SHIFT, space),
            Event::Free { paddr, len } => {
                self.for_pieces(
                    Address {
                        vaddr: 0,
                        paddr,
                        space: 0,
                    },
                    len,
                    |model, piece| {
                        if let Some(page) = model.find_page(piece.at.paddr >> PAGE_SHIFT) {
                            model.step(
                                page,
                                piece.line,
                                LineEvent::Forget { bytes: piece.bytes },
                                site,
                            );
                        }
                    },
                );
            }
        }
        &self.hazards
    }

    /// [`Event::Load`].
    #[inline]
    pub fn load(&mut self, at: Address, len: u32, site: Site) -> &[Hazard] {
        let offset = (at.paddr % PAGE_SIZE) as usize;
        let by = self.shortcut(at);
        if self.fast(by).is_some_and(|fast| fast.load(offset, len)) {
            return &[];
        }
        self.cpu_access(at, len, false, site)
    }

    /// [`Event::Store`].
    #[inline]
    pub fn store(&mut self, at: Address, len: u32, site: Site) -> &[Hazard] {
        let offset = (at.paddr % PAGE_SIZE) as usize;
        let by = self.shortcut(at);
        if self
            .fast(by)
            .is_some_and(|mut fast| fast.store(offset, len, site))
        {
            return &[];
        }
        self.cpu_access(at, len, true, site)
    }

    #[inline]
    fn in_one_line(&self, offset: usize, len: u32) -> bool {
        (offset & ((1 << self.line_shift) - 1)) + len as usize <= 1 << self.line_shift
    }

    /// What is known of the line that holds a physical address.
    #[must_use]
    pub fn line(&self, paddr: u64) -> LineView {
        let Some(index) = self.find_page(paddr >> PAGE_SHIFT) else {
            return LineView::default();
        };
        let line = (paddr % PAGE_SIZE) as usize >> self.line_shift;
        let place = LinePlace::new(line, self.line_shift);
        let page = &self.pages[index];
        let copies = page
            .aliases
            .iter()
            .map(|&alias| &self.aliases[alias])
            .filter(|alias| alias.valid.has(line));
        LineView {
            unsaved: self.written[index].unsaved(place),
            lost: self.written[index].lost(place),
            copies: copies
                .map(|alias| AliasCopy {
                    alias: self.config.geometry.name(alias.key),
                    held: alias.held(line, place),
                    filled_by: alias.sites(line).filled_by,
                    dirtied_by: alias.sites(line).dirtied_by,
                })
                .collect(),
        }
    }

    /// Bytes of memory in use, but for what allocators and trees add.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.lookup)
            + self.pages.iter().map(Page::memory).sum::<usize>()
            + self.written.iter().map(Written::memory).sum::<usize>()
            + self.aliases.iter().map(AliasPage::memory).sum::<usize>()
            + (self.pages.capacity() - self.pages.len()) * size_of::<Page>()
            + (self.aliases.capacity() - self.aliases.len()) * size_of::<AliasPage>()
            + self.written.capacity() * size_of::<Written>()
            + self.hits.capacity() * size_of::<FastHits>()
            + self.frames.len() * (size_of::<[u32; LEAF as usize]>() + 16)
            + (self.tags.len() + self.translations.len()) * 64
            + self.active.capacity() * size_of::<usize>()
            + self.sweep.memory()
    }

    fn forget_lookups(&mut self) {
        self.epoch.advance();
        if self.looked_up {
            self.lookup.fill(Entry::EMPTY);
            self.looked_up = false;
        }
    }

    /// Cuts a range into lines.
    fn for_pieces(&mut self, at: Address, len: u32, mut each: impl FnMut(&mut Self, Piece)) {
        let (mut at, mut rest) = (at, len);
        while rest != 0 {
            let offset = (at.paddr % PAGE_SIZE) as usize;
            let inside = offset & ((1 << self.line_shift) - 1);
            let len = rest.min((1 << self.line_shift) - inside as u32);
            each(
                self,
                Piece {
                    at,
                    len,
                    offset,
                    line: offset >> self.line_shift,
                    bytes: ones(len) << inside,
                },
            );
            at = at.plus(u64::from(len));
            rest -= len;
        }
    }

    #[cold]
    #[inline(never)]
    fn cpu_access(&mut self, at: Address, len: u32, store: bool, site: Site) -> &[Hazard] {
        self.hazards.clear();
        self.settle_sweep();
        self.for_pieces(at, len, |model, piece| {
            let page = model.page(piece.at.paddr >> PAGE_SHIFT);
            let alias = model.translate(page, piece.at);
            model.access_line(page, alias, piece, store, None, site);
        });
        &self.hazards
    }

    /// An access through the cache, by the CPU unless said otherwise.
    fn access_line(
        &mut self,
        page: usize,
        alias: usize,
        piece: Piece,
        store: bool,
        accessor: Option<Accessor>,
        site: Site,
    ) {
        if self.config.geometry.virtually_tagged() {
            self.evict_homonyms(alias, piece, site);
        }
        if accessor.is_none() && self.access_alone(page, alias, piece, store, site) {
            return;
        }
        let Some(copy) = self.pages[page].aliases.iter().position(|&a| a == alias) else {
            return;
        };
        let place = LinePlace::new(piece.line, self.line_shift);
        let before = self.aliases[alias].held(piece.line, place).stale;
        let bytes = piece.bytes;
        let event = if store {
            LineEvent::Store { copy, bytes }
        } else {
            LineEvent::Load { copy, bytes }
        };
        let outcome = self.step(page, piece.line, event, site);
        if store {
            self.written[page].set_writer(piece.offset, piece.len as usize, site);
        }
        let accessor = accessor.unwrap_or(Accessor::Cpu(
            self.config.geometry.name(self.aliases[alias].key),
        ));
        if outcome.stale & before != 0 {
            let bytes = outcome.stale & before;
            let filled_by = self.aliases[alias].sites(piece.line).filled_by;
            let cause = Cause::OldCopy {
                filled_by,
                dirty: self.holder(page, piece.line, bytes),
            };
            self.report(
                Kind::StaleRead,
                page,
                piece.line,
                bytes,
                accessor,
                site,
                cause,
            );
        }
        if outcome.stale & !before != 0 {
            self.report_behind(
                Kind::StaleRead,
                page,
                piece.line,
                outcome.stale & !before,
                accessor,
                site,
            );
        }
        self.report_losses(page, piece.line, outcome.gone, accessor, site);
        self.sweep_access(page, alias, piece.line, store);
    }

    /// The line may be hit under a virtual tag that another page's line has. Reports that, and goes on as if it had
    /// been evicted in time: what a hit on the wrong line leads to is no use to anybody.
    fn evict_homonyms(&mut self, alias: usize, piece: Piece, site: Site) {
        if !self.aliases[alias].shares_tag {
            return;
        }
        let key = self.aliases[alias].key;
        let others: Vec<usize> = match self.tags.get(&key) {
            Some(same) if same.len() > 1 => same
                .iter()
                .copied()
                .filter(|&a| a != alias && self.aliases[a].valid.has(piece.line))
                .collect(),
            _ => return,
        };
        for other in others {
            let (page, sites) = (
                self.aliases[other].page,
                self.aliases[other].sites(piece.line),
            );
            let paddr =
                (self.pages[page].frame << PAGE_SHIFT) + ((piece.line as u64) << self.line_shift);
            self.hazards.push(Hazard {
                kind: Kind::Homonym,
                line: piece.at.paddr & !((1 << self.line_shift) - 1),
                bytes: piece.bytes,
                accessor: Accessor::Cpu(self.config.geometry.name(key)),
                access: site,
                write: Site::NONE,
                cause: Cause::OtherPage {
                    paddr,
                    filled_by: sites.filled_by,
                },
            });
            self.step_alias(other, piece.line, Op::WriteBackInvalidate, site);
        }
    }

    fn memory_access(&mut self, paddr: u64, len: u32, accessor: Accessor, store: bool, site: Site) {
        let at = Address {
            vaddr: paddr,
            paddr,
            space: 0,
        };
        if self.config.coherent_devices && accessor == Accessor::Device {
            self.for_pieces(at, len, |model, piece| {
                let page = model.page(piece.at.paddr >> PAGE_SHIFT);
                let alias = model.alias(page, model.config.geometry.key(piece.at));
                model.access_line(page, alias, piece, store, Some(accessor), site);
            });
            return;
        }
        self.for_pieces(
            at,
            len,
            |model,
             Piece {
                 at,
                 len,
                 offset,
                 line,
                 bytes,
             }| {
                let page = model.page(at.paddr >> PAGE_SHIFT);
                if store {
                    if !model.write_memory_alone(page, line, bytes) {
                        model.step(page, line, LineEvent::MemoryWrite { bytes }, site);
                    }
                    model.written[page].set_writer(offset, len as usize, site);
                } else {
                    let place = LinePlace::new(line, model.line_shift);
                    let written = &model.written[page];
                    if model.undisturbed(page, line) && written.is_in_order(place, false) {
                        return;
                    }
                    let outcome = model.step(page, line, LineEvent::MemoryRead { bytes }, site);
                    let kind = if accessor == Accessor::Device {
                        Kind::StaleDeviceRead
                    } else {
                        Kind::StaleRead
                    };
                    if outcome.stale != 0 {
                        model.report_behind(kind, page, line, outcome.stale, accessor, site);
                    }
                    model.report_losses(page, line, outcome.gone, accessor, site);
                }
            },
        );
    }
}
