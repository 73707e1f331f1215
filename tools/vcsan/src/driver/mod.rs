// SPDX-License-Identifier: GPL-2.0-only
//! Drives the model with what the CPU and the devices did, in order, and keeps what a report needs.
//!
//! It sees nothing of the guest but what it is told: it may be behind.

mod contract;
mod groups;
mod hazards;
mod shortcuts;

use crate::config::Watch;
use crate::contract::{Area, Mappings};
use crate::decode::Arch;
use crate::event::{Batch, Command, Unpacked, address};
use crate::finding::{Captured, Finding};
use crate::groups::SitedGroup;
use crate::history::{History, PastKind};
use crate::pages::Pages;
use crate::panics;
use crate::stack::Trace;
use crate::stats::{Accesses, RunStats};
use crate::watch::Watches;
use hazards::{Reported, fingerprint};
use shortcuts::Shortcuts;
use std::sync::Arc;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Config, Event, Geometry, Hazard, Model, Site};

/// The cache of one guest.
pub struct Driver {
    model: Model,
    /// As those who tell know them.
    pages: Pages,
    shortcuts: Shortcuts,
    groups: Vec<Arc<SitedGroup>>,
    watches: Watches,
    /// What is mapped for devices, if that is followed.
    mappings: Mappings,
    history: History,
    accesses: Accesses,
    reported: Reported,
    findings: Vec<Finding>,
    /// Where stacks are wanted.
    trace: Trace,
    test: Option<String>,
    failed: bool,
}

impl Driver {
    /// A machine at reset. Of `watch`, what has addresses is reported on; of the rest it is to be told. `sees_maps`: so it is
    /// of all that is mapped for devices.
    ///
    /// # Errors
    ///
    /// A fragment: a combination that can't be modelled.
    pub fn new(
        config: Config,
        arch: Arch,
        watch: &[Watch],
        sees_maps: bool,
    ) -> Result<Self, String> {
        let mut watches = Watches::default();
        for watch in watch {
            match watch {
                Watch::All => watches.all = true,
                Watch::Range { first, len } => {
                    watches.add(*first, *len, format!("{first:#x}+{len:#x}"), false);
                }
                Watch::Notes | Watch::Dma | Watch::Symbol(_) => {}
            }
        }
        Ok(Self {
            model: Model::new(config).map_err(|error| error.to_string())?,
            pages: Pages::new(arch),
            shortcuts: Shortcuts::new(arch),
            groups: Vec::new(),
            watches,
            mappings: Mappings::new(sees_maps, config.geometry.line()),
            history: History::default(),
            accesses: Accesses::default(),
            reported: Reported::default(),
            findings: Vec::new(),
            trace: Trace::default(),
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
                match entry.unpack() {
                    Unpacked::Access(vaddr, len, store, site) => {
                        self.traced(vaddr);
                        self.access(vaddr, len, store, site);
                    }
                    Unpacked::Group(vaddr, group, store) => {
                        self.traced(vaddr);
                        self.group(vaddr, group, store);
                    }
                    Unpacked::Command => {
                        if let Some(command) = commands.next() {
                            self.command(command);
                        }
                    }
                }
            }
        });
        if let Err(text) = followed {
            self.failed = true;
            self.fail(text);
        }
    }

    /// What was found since it was asked last.
    pub fn findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    fn fail(&mut self, text: String) {
        self.findings.push(Finding::Failure(text));
    }

    /// An access follows, whose stack may be known.
    #[inline(always)]
    fn traced(&mut self, vaddr: u64) {
        if self.trace.awaits_access()
            && let Some(page) = self.pages.find(vaddr)
        {
            self.trace.accesses(page.paddr(vaddr) / PAGE_SIZE);
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
                self.record(event, vaddr, site);
                self.apply(event, vaddr, site);
            }
            Command::Dma { step, caller } => self.dma(step, caller),
            Command::Stack { pc, stack } => self.trace.add(pc, stack),
            Command::Geometry(geometry) => self.learn_geometry(geometry),
            Command::Unloaded { calls, site } => self.unloaded(&calls, site),
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
            Command::Expect(text) => self.findings.push(Finding::Expect {
                test: self.test.clone(),
                text,
            }),
            Command::Measured(measured) => self.findings.push(Finding::Measured(measured)),
            Command::Named(module) => self.findings.push(Finding::Named(module)),
            Command::Fail(text) => self.fail(text),
        }
    }

    /// The cache is found out to be this one. Nothing is in it: the kernel has only begun.
    fn learn_geometry(&mut self, geometry: Geometry) {
        let mut config = *self.model.config();
        config.geometry = geometry;
        match Model::new(config) {
            Ok(model) => {
                self.model = model;
                self.mappings.set_line(geometry.line());
                self.history.clear();
                self.shortcuts.clear();
                self.findings.push(Finding::Geometry(geometry));
            }
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// The running test is over: its findings are complete, its buffers are gone.
    fn end_test(&mut self) {
        self.findings.extend(self.reported.end_test());
        self.watches.end_test();
        self.history.clear();
        self.shortcuts.clear();
    }

    /// An access, in one page that is known.
    #[inline(always)]
    fn access(&mut self, vaddr: u64, len: u32, store: bool, site: Site) {
        let offset = (vaddr % PAGE_SIZE) as usize;
        if let Some(by) = self.shortcuts.get(vaddr)
            && let Some(mut fast) = self.model.fast(by)
        {
            let hit = if store {
                fast.store(offset, len, site)
            } else {
                fast.load(offset, len)
            };
            if hit {
                return self.accesses.add_cached(store, 1);
            }
        }
        self.access_slowly(vaddr, len, store, site);
    }

    #[inline(never)]
    fn access_slowly(&mut self, vaddr: u64, len: u32, store: bool, site: Site) {
        let offset = (vaddr % PAGE_SIZE) as usize;
        let by = self.shortcuts.get(vaddr);
        let fast = by.and_then(|by| self.model.fast(by));
        if fast.is_some_and(|mut fast| fast.access(offset, len, store, site)) {
            return self.accesses.add_cached(store, 1);
        }
        let Some(page) = self.pages.find(vaddr) else {
            return self.fail(format!("find the page of an access to {vaddr:#x}"));
        };
        let paddr = page.paddr(vaddr);
        let at = address(vaddr, paddr);
        let event = match (page.uncached, store) {
            (false, false) => Event::Load { at, len },
            (false, true) => Event::Store { at, len },
            (true, false) => Event::UncachedLoad { paddr, len },
            (true, true) => Event::UncachedStore { paddr, len },
        };
        let watched = self.traces(paddr);
        if watched {
            self.record(event, Some(vaddr), site);
            let area = Area {
                first: paddr,
                len: len.into(),
            };
            self.check_owner(vaddr, area, store, site);
        }
        self.apply(event, Some(vaddr), site);
        if page.uncached {
            self.accesses.uncached += 1;
        } else {
            self.accesses.add_cached(store, 1);
            let shortcut = self.model.shortcut(at);
            self.shortcuts.set(vaddr, watched, shortcut);
        }
    }

    /// Whether lines in the page of a physical address have a history.
    fn traces(&self, paddr: u64) -> bool {
        self.watches.has_page(paddr) || self.mappings.has_page(paddr)
    }

    fn line_len(&self) -> u64 {
        u64::from(self.model.config().geometry.line())
    }

    fn line(&self, paddr: u64) -> u64 {
        paddr & !(self.line_len() - 1)
    }

    /// Puts an event into the history of the watched lines that it is about.
    fn record(&mut self, event: Event, vaddr: Option<u64>, site: Site) {
        let (first, len, kind) = match event {
            // Of what reaches into a second line, the first one tells enough.
            Event::Load { at, .. } => (at.paddr, 1, PastKind::Load),
            Event::Store { at, .. } => (at.paddr, 1, PastKind::Store),
            Event::UncachedLoad { paddr, .. } => (paddr, 1, PastKind::UncachedLoad),
            Event::UncachedStore { paddr, .. } => (paddr, 1, PastKind::UncachedStore),
            Event::DeviceRead { paddr, len } => (paddr, len, PastKind::DeviceRead),
            Event::DeviceWrite { paddr, len } => (paddr, len, PastKind::DeviceWrite),
            Event::Maintain { op, at, len } => (at.paddr, len, PastKind::Maintain(op)),
            Event::SetWay { op, sets, .. } => return self.history.add_everything(op, sets, site),
            Event::WholeCache { op } => return self.history.add_everything(op, 1, site),
            Event::Map { .. } | Event::Unmap { .. } | Event::Free { .. } => return,
        };
        let mut line = self.line(first);
        while line < first.saturating_add(u64::from(len)) {
            if self.traces(line) {
                let vaddr = vaddr.map(|vaddr| vaddr.wrapping_add(line.saturating_sub(first)));
                self.history.add(line, kind, vaddr, 1, site);
            }
            line += self.line_len();
        }
    }

    /// Tells the model, and reports what it finds on watched memory. The lines of all that it finds.
    fn apply(&mut self, event: Event, vaddr: Option<u64>, site: Site) -> Vec<u64> {
        let hazards = self.model.apply(event, site);
        if hazards.is_empty() {
            return Vec::new();
        }
        let mut hazards: Vec<Hazard> = hazards.to_vec();
        if let Event::Load { at, len } = event
            && len <= 4
            && at.paddr.is_multiple_of(u64::from(len))
        {
            // Of a word of which a part is wanted, as where memcpy() ends, the rest may be anything. In what is watched by
            // name, nothing may.
            let line = self.line_len();
            let watches = &self.watches;
            hazards.retain(|hazard| {
                hazard.bytes.count_ones() >= len || watches.reports(hazard.line, line)
            });
        }
        self.report(&hazards, vaddr);
        hazards.iter().map(|hazard| hazard.line).collect()
    }

    #[cold]
    fn report(&mut self, hazards: &[Hazard], vaddr: Option<u64>) {
        for hazard in hazards {
            let line = self.line_len();
            if !self.watches.reports(hazard.line, line) && !self.concerns_dma(hazard) {
                continue;
            }
            let buffer = self.watches.buffer(hazard.paddr(), line);
            let print = fingerprint(hazard, buffer.map(|(buffer, _)| buffer.id));
            if !self.reported.is_new(print, || hazard.title().to_string()) {
                continue;
            }
            let captured = Captured {
                hazard: *hazard,
                vaddr,
                test: self.test.clone(),
                buffer: buffer.map(|(buffer, offset)| (buffer.name.clone(), offset)),
                past: self.history.of(hazard.line),
                stacks: self.trace.of(hazard.paddr() / PAGE_SIZE),
            };
            self.findings.push(Finding::Hazard(Box::new(captured)));
        }
    }

    /// The guest is gone: the last findings are there, and this is what was seen, without what others saw.
    pub fn finish(&mut self) -> RunStats {
        self.end_test();
        let groups: usize = self.groups.iter().map(|group| group.memory()).sum();
        RunStats {
            accesses: self.accesses.clone(),
            watched_pages: self.watches.pages(),
            memory: self.model.memory() + self.history.memory() + groups,
            ..RunStats::default()
        }
    }
}
