// SPDX-License-Identifier: GPL-2.0-only
//! The judge: drives the model with what the CPU and the devices did, in order, and keeps what a report needs.
//!
//! It sees nothing of the guest but what it is told: it may be behind.

mod groups;
mod shortcuts;

use crate::config::{Options, Watch};
use crate::groups::Sited;
use crate::guest::Target;
use crate::history::{History, What};
use crate::pages::{Page, Pages};
use crate::panics;
use crate::queue::{Batch, Told};
use crate::report::{Captured, Findings, Scene, Seen};
use crate::watch::Watches;
use serde::Serialize;
use shortcuts::Shortcuts;
use std::sync::Arc;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Address, Event, Hazard, Model, Site};

/// What the judge is told, but for accesses.
#[derive(Debug)]
pub enum Command {
    /// A page is accessed that was not known.
    Page {
        /// An address in it.
        vaddr: u64,
        /// Where it is.
        page: Page,
    },
    /// Translations may have changed.
    ForgetPages,
    /// That of the page around an address may have.
    ForgetPage(u64),
    /// There is a new group of accesses, with the next number.
    Group(Arc<Sited>),
    /// Something happened to the cache, or past it.
    Event {
        /// What.
        event: Event,
        /// The virtual address, if it has one.
        vaddr: Option<u64>,
        /// Where it came from.
        site: Site,
    },
    /// Physical memory is reported on.
    Watch {
        /// First physical address.
        first: u64,
        /// Bytes.
        len: u64,
        /// What it is called.
        name: String,
        /// Whether that ends with the test.
        temporary: bool,
    },
    /// Physical memory is no longer reported on.
    Unwatch {
        /// First physical address.
        first: u64,
        /// Bytes.
        len: u64,
    },
    /// The test that ran, if any, is over, and this one begins.
    Test(Option<String>),
    /// The running test provokes the hazard with this title.
    Expect(String),
    /// Something went wrong: the run proves nothing.
    Fail(String),
}

/// Accesses to memory.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Accesses {
    /// Loads through the cache.
    pub loads: u64,
    /// Stores through the cache.
    pub stores: u64,
    /// Accesses past the cache.
    pub uncached: u64,
}

impl Accesses {
    #[inline(always)]
    fn cached(&mut self, store: bool, count: u32) {
        let kind = if store {
            &mut self.stores
        } else {
            &mut self.loads
        };
        *kind += u64::from(count);
    }
}

/// The cache of one guest, and what was found.
pub struct Judge {
    model: Model,
    /// As those who tell know them.
    pages: Pages,
    shortcuts: Shortcuts,
    groups: Vec<Arc<Sited>>,
    watches: Watches,
    history: History,
    accesses: Accesses,
    findings: Findings,
    test: Option<String>,
    failed: bool,
}

impl Judge {
    /// A judge of a machine at reset. It reports on what the options say by address; of the rest it is to be told.
    ///
    /// # Errors
    ///
    /// A fragment: files that can't be written, a combination that can't be modelled.
    pub fn new(options: &Options, target: Target) -> Result<Self, String> {
        let mut watches = Watches::default();
        for watch in &options.watch {
            match watch {
                Watch::All => watches.all = true,
                Watch::Range { first, len } => {
                    watches.add(*first, *len, format!("{first:#x}+{len:#x}"), false);
                }
                Watch::Notes | Watch::Symbol(_) => {}
            }
        }
        Ok(Self {
            model: Model::new(options.model).map_err(|error| error.to_string())?,
            pages: Pages::new(target.arch),
            shortcuts: Shortcuts::new(target.arch),
            groups: Vec::new(),
            watches,
            history: History::default(),
            accesses: Accesses::default(),
            findings: Findings::create(options, target)?,
            test: None,
            failed: false,
        })
    }

    /// Follows all of a batch. A panic is a failure of the run.
    pub fn take(&mut self, batch: &mut Batch) {
        let (entries, mut commands) = batch.drain();
        if self.failed {
            return;
        }
        let followed = panics::caught(|| {
            for entry in entries {
                match entry.told() {
                    Told::One(vaddr, len, store, site) => self.one(vaddr, len, store, site),
                    Told::Group(vaddr, known, store) => self.group(vaddr, known, store),
                    Told::Command => {
                        if let Some(command) = commands.next() {
                            self.command(command);
                        }
                    }
                }
            }
        });
        if let Err(text) = followed {
            self.failed = true;
            self.findings.fail(&text);
        }
    }

    #[inline(never)]
    fn command(&mut self, command: Command) {
        match command {
            Command::Page { vaddr, page } => {
                self.pages.insert(vaddr, page);
                self.shortcuts.forget(vaddr);
            }
            Command::ForgetPages => {
                self.pages.forget_all();
                self.shortcuts.forget_translations();
            }
            Command::ForgetPage(vaddr) => {
                self.pages.forget(vaddr);
                self.shortcuts.forget(vaddr);
            }
            Command::Group(group) => self.groups.push(group),
            Command::Event { event, vaddr, site } => {
                self.remember(event, vaddr, site);
                self.apply(event, vaddr, site);
            }
            Command::Watch {
                first,
                len,
                name,
                temporary,
            } => {
                self.watches.add(first, len, name, temporary);
                self.shortcuts.clear();
            }
            Command::Unwatch { first, len } => {
                self.watches.remove(first, len);
                self.shortcuts.clear();
            }
            Command::Test(name) => {
                self.end_test();
                self.test = name;
            }
            Command::Expect(title) => self.findings.expect(self.test.as_deref(), &title),
            Command::Fail(text) => self.findings.fail(&text),
        }
    }

    /// The running test is over: its findings are complete, its buffers are gone.
    fn end_test(&mut self) {
        self.findings.end_test();
        self.watches.end_test();
        self.history.clear();
        self.shortcuts.clear();
    }

    /// An access, in one page that is known.
    #[inline(always)]
    fn one(&mut self, vaddr: u64, len: u32, store: bool, site: Site) {
        let offset = (vaddr % PAGE_SIZE) as usize;
        if let Some(by) = self.shortcuts.get(vaddr) {
            let quiet = if store {
                self.model.store_quietly(by, offset, len, site)
            } else {
                self.model.load_is_quiet(by, offset, len)
            };
            if quiet {
                return self.accesses.cached(store, 1);
            }
        }
        self.one_loudly(vaddr, len, store, site);
    }

    #[inline(never)]
    fn one_loudly(&mut self, vaddr: u64, len: u32, store: bool, site: Site) {
        let offset = (vaddr % PAGE_SIZE) as usize;
        let by = self.shortcuts.get(vaddr);
        if by.is_some_and(|by| self.model.access_alone_by(by, offset, len, store, site)) {
            return self.accesses.cached(store, 1);
        }
        let Some(page) = self.pages.find(vaddr) else {
            return self
                .findings
                .fail(&format!("find the page of an access to {vaddr:#x}"));
        };
        let paddr = page.paddr(vaddr);
        let at = address(vaddr, paddr);
        let event = match (page.uncached, store) {
            (false, false) => Event::Load { at, len },
            (false, true) => Event::Store { at, len },
            (true, false) => Event::UncachedLoad { paddr, len },
            (true, true) => Event::UncachedStore { paddr, len },
        };
        let watched = self.watches.has_page(paddr);
        if watched {
            self.remember(event, Some(vaddr), site);
        }
        self.apply(event, Some(vaddr), site);
        if page.uncached {
            self.accesses.uncached += 1;
        } else {
            self.accesses.cached(store, 1);
            let shortcut = self.model.shortcut(at);
            self.shortcuts.set(vaddr, watched, shortcut);
        }
    }

    fn line_len(&self) -> u64 {
        u64::from(self.model.config().geometry.line())
    }

    fn line(&self, paddr: u64) -> u64 {
        paddr & !(self.line_len() - 1)
    }

    /// Puts an event into the history of the watched lines that it is about.
    fn remember(&mut self, event: Event, vaddr: Option<u64>, site: Site) {
        let (first, len, what) = match event {
            // Of what reaches into a second line, the first one tells enough.
            Event::Load { at, .. } => (at.paddr, 1, What::Load),
            Event::Store { at, .. } => (at.paddr, 1, What::Store),
            Event::UncachedLoad { paddr, .. } => (paddr, 1, What::UncachedLoad),
            Event::UncachedStore { paddr, .. } => (paddr, 1, What::UncachedStore),
            Event::DeviceRead { paddr, len } => (paddr, len, What::DeviceRead),
            Event::DeviceWrite { paddr, len } => (paddr, len, What::DeviceWrite),
            Event::Maintain { op, at, len } => (at.paddr, len, What::Maintain(op)),
            Event::SetWay { op, sets, .. } => return self.history.add_everything(op, sets, site),
            Event::WholeCache { op } => return self.history.add_everything(op, 1, site),
            Event::Map { .. } | Event::Unmap { .. } | Event::Free { .. } => return,
        };
        let mut line = self.line(first);
        while line < first.saturating_add(u64::from(len)) {
            if self.watches.has_page(line) {
                let vaddr = vaddr.map(|vaddr| vaddr.wrapping_add(line.saturating_sub(first)));
                self.history.add(line, what, vaddr, 1, site);
            }
            line += self.line_len();
        }
    }

    /// Tells the model, and reports what it finds on watched memory.
    fn apply(&mut self, event: Event, vaddr: Option<u64>, site: Site) {
        let found = self.model.apply(event, site);
        if !found.is_empty() {
            let found: Vec<Hazard> = found.to_vec();
            self.found(&found, vaddr);
        }
        let (epoch, sweeps) = (self.model.epoch(), self.model.sweeps());
        self.shortcuts.follow(epoch, sweeps);
    }

    #[cold]
    fn found(&mut self, hazards: &[Hazard], vaddr: Option<u64>) {
        for hazard in hazards {
            let len = u64::from(64 - hazard.bytes.leading_zeros() - hazard.bytes.trailing_zeros());
            if self.watches.reports(hazard.paddr(), len) {
                let (watches, history, test) = (&self.watches, &self.history, &self.test);
                self.findings.hazard(hazard, || Captured {
                    hazard: *hazard,
                    vaddr,
                    test: test.clone(),
                    buffer: watches
                        .buffer(hazard.paddr())
                        .map(|buffer| (buffer.name.clone(), hazard.paddr() - buffer.first)),
                    past: history.of(hazard.line),
                });
            }
        }
    }

    /// The guest is gone: writes hazards and the last record.
    pub fn finish(mut self, scene: &mut Scene<'_>, seen: &Seen<'_>) {
        self.end_test();
        self.findings.write(scene);
        let groups: usize = self.groups.iter().map(|group| group.memory()).sum();
        let memory = self.model.memory() + self.history.memory() + groups;
        let watched = self.watches.pages();
        self.findings.end(&self.accesses, seen, watched, memory);
    }
}

/// The address of a virtual one that is at a physical one.
pub(crate) fn address(vaddr: u64, paddr: u64) -> Address {
    Address {
        vaddr,
        paddr,
        space: 0,
    }
}
