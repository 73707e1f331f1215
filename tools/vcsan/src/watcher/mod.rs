// SPDX-License-Identifier: GPL-2.0-only
//! The watcher: follows a guest from reset on, drives the model, and keeps what a report needs.
//!
//! It knows nothing of QEMU: [`guest`](crate::guest) is all it sees.

mod device;
mod groups;
mod maintain;
pub use groups::{CodeKind, Known, Tell};
use maintain::Repeated;
pub use maintain::{Counted, Due, Maintenance};
mod notes;
#[cfg(test)]
mod tests;
mod translations;

use crate::config::{Options, Watch};
use crate::decode::{self, Effect, TlbOp};
use crate::guest::{Access, Memory, Place, Target};
use crate::history::{History, What};
use crate::notes::{MAGIC, Reader};
use crate::report::{Captured, Findings, Scene};
use crate::runs::{self, Code, Run};
use crate::sites::{Origin, Sites};
use crate::slots::{Kind, Slots};
use crate::symbols::Symbols;
use crate::translate::{Landmarks, Translator};
use crate::watch::Watches;
use device::Devices;
use groups::Groups;
use translations::Mapped;

use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Address, Event, Hazard, Mode, Model, Site};

/// What was seen, for the last record.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Loads from memory through the cache.
    pub loads: u64,
    /// Stores to memory through the cache.
    pub stores: u64,
    /// Accesses to memory past the cache.
    pub uncached: u64,
    /// Accesses to devices.
    pub io: u64,
    /// Accesses that the emulator gave no physical address for.
    pub unknown: u64,
    /// Notes of the guest.
    pub notes: u64,
    /// Announced transfers in which a device read memory.
    pub device_reads: u64,
    /// Announced transfers in which a device wrote memory.
    pub device_writes: u64,
    /// Stores to registers of the device that the tests transfer data with.
    pub device_stores: u64,
    /// Tests that announced transfers without a store to that device.
    pub doubtful_transfers: u64,
}

impl Counts {
    /// Accesses to memory through the cache.
    fn cached(&mut self, store: bool, count: u64) {
        let kind = if store {
            &mut self.stores
        } else {
            &mut self.loads
        };
        *kind += count;
    }
}

/// Maintenance instructions that can be executed.
#[derive(Clone, Copy)]
struct Operation {
    /// Address of the first.
    pc: u64,
    site: Site,
    run: Run,
    /// What it maintains is the page in the function's first argument, see [`names_page`].
    names_page: bool,
}

/// All that is known of one guest.
pub struct Watcher {
    target: Target,
    model: Model,
    slots: Slots,
    translator: Translator,
    /// In speculative mode.
    mapped: Option<Mapped>,
    sites: Sites,
    groups: Groups,
    symbols: Symbols,
    modules: Option<PathBuf>,
    watches: Watches,
    takes_notes: bool,
    notes: Reader,
    /// Objects to watch as soon as it is known where they are.
    wanted: Vec<(String, u64, u64)>,
    history: History,
    operations: Vec<Operation>,
    numbers: HashMap<(u64, Run), u32>,
    maintenance: Maintenance,
    repeated: Option<Repeated>,
    devices: Devices,
    counts: Counts,
    findings: Findings,
    test: Option<String>,
}

impl Watcher {
    /// A watcher of a machine at reset.
    ///
    /// # Errors
    ///
    /// A fragment: files that can't be read or written, a combination that can't be modelled.
    pub fn new(options: Options, target: Target) -> Result<Self, String> {
        let symbols = match &options.vmlinux {
            Some(path) => Symbols::load(path).map_err(|error| fragment(&error))?,
            None => Symbols::none(),
        };
        let address = |name| symbols.address_of(name).map(|extent| extent.address);
        let landmarks = Landmarks {
            text: address("_text"),
            swapper_pg_dir: address("swapper_pg_dir"),
            pgd_current: address("pgd_current"),
        };
        let mut watches = Watches::default();
        let (mut takes_notes, mut wanted) = (false, Vec::new());
        for watch in &options.watch {
            match watch {
                Watch::Notes => takes_notes = true,
                Watch::All => watches.all = true,
                Watch::Range { first, len } => {
                    watches.add(*first, *len, format!("{first:#x}+{len:#x}"), false);
                }
                Watch::Symbol(name) => {
                    let extent = symbols.address_of(name).ok_or_else(|| {
                        format!("watch {name}: no such symbol; is vmlinux= given?")
                    })?;
                    wanted.push((name.clone(), extent.address, extent.size.max(1)));
                }
            }
        }
        let speculates = options.model.mode == Mode::Speculative;
        if speculates {
            check_speculation(target, &options.model)?;
        }
        let model = Model::new(options.model).map_err(|error| error.to_string())?;
        Ok(Self {
            target,
            model,
            slots: Slots::new(target.arch),
            translator: Translator::new(target, landmarks),
            mapped: speculates.then(Mapped::default),
            sites: Sites::default(),
            groups: Groups::default(),
            symbols,
            modules: options.modules.clone(),
            watches,
            takes_notes,
            notes: Reader::default(),
            wanted,
            history: History::default(),
            operations: Vec::new(),
            numbers: HashMap::new(),
            maintenance: Maintenance::default(),
            repeated: None,
            devices: Devices::default(),
            counts: Counts::default(),
            findings: Findings::create(&options, target)?,
            test: None,
        })
    }

    /// The guest's architecture.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target
    }

    /// The number of the site of an instruction's accesses.
    pub fn site(&mut self, pc: u64) -> u32 {
        let pc = self.target.vaddr(pc);
        self.sites.number(Origin::Instruction(pc)).id()
    }

    /// A block is translated: its maintenance.
    pub fn translate(&mut self, block: &[Code]) -> Vec<Due> {
        let runs = runs::find(self.target.arch, self.target.big_endian, block);
        let numbered = runs
            .into_iter()
            .filter(|(_, run)| has_effect(run.instruction.effect))
            .map(|(index, run)| {
                let pc = self.target.vaddr(block[index].pc);
                let site = self.sites.number(Origin::Instruction(pc));
                let number = *self.numbers.entry((pc, run)).or_insert_with(|| {
                    self.operations.push(Operation {
                        pc,
                        site,
                        run,
                        names_page: self.target.arch == decode::Arch::Parisc
                            && self
                                .symbols
                                .function(pc)
                                .is_some_and(|(name, _)| names_page(name)),
                    });
                    // CAST: as for sites.
                    (self.operations.len() - 1) as u32
                });
                Due::new(index, number, &run)
            });
        numbered.collect()
    }

    /// The CPU has made an access of `len` bytes. Whether that is all there is to it; if not,
    /// [`access`](Self::access) is to be told.
    #[inline(always)]
    pub fn quietly(&mut self, vaddr: u64, len: u32, site: u32, store: bool) -> bool {
        let vaddr = self.target.vaddr(vaddr);
        let Some(by) = self.slots.shortcut(vaddr) else {
            return false;
        };
        let offset = (vaddr % PAGE_SIZE) as usize;
        if store {
            let quiet = self.model.store_quietly(by, offset, len, Site::new(site));
            self.counts.stores += u64::from(quiet);
            quiet
        } else {
            let quiet = self.model.load_is_quiet(by, offset, len);
            self.counts.loads += u64::from(quiet);
            quiet
        }
    }

    /// From now on no access is quiet, until [`see_less`](Self::see_less): something depends on what comes next.
    pub fn see_all(&mut self) {
        self.slots.block();
    }

    /// Accesses can be quiet again.
    pub fn see_less(&mut self) {
        self.slots.unblock();
    }

    /// The CPU has read or written.
    pub fn access(&mut self, access: &impl Access, vaddr: u64, site: u32, store: bool) {
        let vaddr = self.target.vaddr(vaddr);
        let (len, site) = (access.bytes(), Site::new(site));
        let offset = (vaddr % PAGE_SIZE) as usize;
        let by = self.slots.shortcut(vaddr);
        if by.is_some_and(|by| self.model.access_alone_by(by, offset, len, store, site)) {
            return self.counts.cached(store, 1);
        }
        let inside = (PAGE_SIZE - vaddr % PAGE_SIZE).min(u64::from(len)) as u32;
        self.access_page(access, vaddr, inside, site, store);
        if inside != len {
            let next = vaddr + u64::from(inside);
            self.access_page(access, next, len - inside, site, store);
        }
    }

    /// The CPU has written a word where [a note may end](crate::notes::may_end_at). To be told of each such store, after the
    /// store itself.
    #[inline]
    pub fn word_stored(&mut self, access: &impl Access, vaddr: u64, site: u32) {
        let vaddr = self.target.vaddr(vaddr);
        if access.word() == Some(MAGIC) {
            self.magic(access, vaddr, Site::new(site));
        }
    }

    fn access_page(&mut self, access: &impl Access, vaddr: u64, len: u32, site: Site, store: bool) {
        let (paddr, kind) = match self.slots.find(vaddr) {
            Some(known) => known,
            None => match access.place(vaddr, len) {
                Place::Ram(paddr) => (paddr, self.learn(access, vaddr, paddr)),
                Place::TransferDevice => {
                    self.counts.io += 1;
                    self.counts.device_stores += u64::from(store);
                    self.devices.programmed |= store;
                    return;
                }
                Place::Device => {
                    self.counts.io += 1;
                    return;
                }
                Place::Unknown => {
                    self.counts.unknown += 1;
                    return;
                }
            },
        };
        let at = address(vaddr, paddr);
        let (event, what) = match (kind.uncached, store) {
            (false, false) => (Event::Load { at, len }, What::Load),
            (false, true) => (Event::Store { at, len }, What::Store),
            (true, false) => (Event::UncachedLoad { paddr, len }, What::UncachedLoad),
            (true, true) => (Event::UncachedStore { paddr, len }, What::UncachedStore),
        };
        if kind.uncached {
            self.counts.uncached += 1;
        } else {
            self.counts.cached(store, 1);
        }
        if kind.watched {
            self.history
                .add(self.line(paddr), what, Some(vaddr), 1, site);
        }
        self.apply(event, Some(vaddr), site);
        if !kind.uncached {
            let shortcut = self.model.shortcut(at);
            self.slots.set_shortcut(vaddr, kind, shortcut);
        }
    }

    /// A page is accessed for the first time since its translation, or what is watched, may have changed.
    fn learn(&mut self, memory: &impl Memory, vaddr: u64, paddr: u64) -> Kind {
        self.translator.show(vaddr, paddr);
        if !self.wanted.is_empty() {
            self.find_wanted();
        }
        let kind = Kind {
            uncached: self.is_uncached(memory, vaddr, paddr),
            watched: self.watches.has_page(paddr),
        };
        self.slots.insert(vaddr, paddr, kind);
        if !kind.uncached {
            self.begin_mapping(vaddr);
        }
        kind
    }

    /// Whether accesses go past the cache. Where devices see it, so does everybody else: a kernel that knows has no uncached
    /// mappings of memory.
    fn is_uncached(&mut self, memory: &impl Memory, vaddr: u64, paddr: u64) -> bool {
        !self.model.config().coherent_devices && self.translator.is_uncached(memory, vaddr, paddr)
    }

    /// Watches the objects of the command line once the linear map is known.
    #[cold]
    fn find_wanted(&mut self) {
        if let Some(zero) = self.translator.linear(0) {
            for (name, vaddr, len) in std::mem::take(&mut self.wanted) {
                let first = self.target.vaddr(vaddr.wrapping_sub(zero));
                self.watches.add(first, len, name, false);
            }
        }
    }

    fn line(&self, paddr: u64) -> u64 {
        paddr & !u64::from(self.model.config().geometry.line() - 1)
    }

    /// Tells the model, and reports what it finds on watched memory.
    fn apply(&mut self, event: Event, vaddr: Option<u64>, site: Site) {
        let found = self.model.apply(event, site);
        if !found.is_empty() {
            let found: Vec<Hazard> = found.to_vec();
            self.found(&found, vaddr);
        }
        self.slots.follow(self.model.epoch(), self.model.sweeps());
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

    /// Something went wrong in here: the run proves nothing.
    pub fn fail(&mut self, text: &str) {
        self.findings.fail(text);
    }

    /// The guest is gone: writes the last records.
    pub fn finish(&mut self) {
        self.end_test();
        self.findings.write(&mut Scene {
            geometry: self.model.config().geometry,
            translator: &self.translator,
            symbols: &mut self.symbols,
            sites: &self.sites,
        });
        let memory = self.model.memory()
            + self.sites.memory()
            + self.groups.memory()
            + self.history.memory();
        let mut untranslated = BTreeMap::new();
        for (pc, count) in &self.maintenance.untranslated {
            let name = match self.symbols.find(*pc) {
                Some(location) => location.symbol,
                None => format!("{pc:#x}"),
            };
            *untranslated.entry(name).or_default() += count;
        }
        self.findings.end(
            &self.counts,
            &self.maintenance,
            &untranslated,
            self.watches.pages(),
            memory,
        );
    }
}

/// PA-RISC: whether a function flushes a page through an alias that the kernel's TLB miss handler makes up, so that nothing
/// but the function's first argument names the page (arch/parisc/kernel/pacache.S).
fn names_page(function: &str) -> bool {
    [
        "flush_dcache_page_asm",
        "purge_dcache_page_asm",
        "flush_icache_page_asm",
    ]
    .contains(&function)
}

/// An error with its causes, as a fragment that fits "failed to …".
fn fragment(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    if let Some(rest) = text.strip_prefix("failed to ") {
        text = rest.to_owned();
    }
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Whether an instruction has to be seen when it is executed. Insertions into a TLB are frequent, and [end
/// nothing](translations).
fn has_effect(effect: Effect) -> bool {
    let random = matches!(
        effect,
        Effect::Tlb(TlbOp::Insert { .. } | TlbOp::WriteRandom)
    );
    effect != Effect::None && !random
}

fn address(vaddr: u64, paddr: u64) -> Address {
    Address {
        vaddr,
        paddr,
        space: 0,
    }
}

/// Speculation fills the linear map as well, wherever that is there from the start. PA-RISC's has TLB entries like others.
fn check_speculation(target: Target, config: &vcsan_model::Config) -> Result<(), String> {
    if target.arch != decode::Arch::Parisc && config.linear.is_none() {
        return Err(
            "follow speculation: say linear=VIRTUAL:PHYSICAL:LENGTH, where the kernel maps memory (0xc0000000:RAM:BYTES)"
                .into(),
        );
    }
    Ok(())
}
