// SPDX-License-Identifier: GPL-2.0-only
//! The watcher: follows a guest from reset on, and tells the [judge](crate::judge) in whose terms the model is: where accesses
//! and maintenance go, what is uncached, what a note says. All that has to be asked of the guest is asked here.
//!
//! It knows nothing of QEMU: [`guest`](crate::guest) is all it sees.

mod device;
mod groups;
mod maintain;
pub use groups::{CodeKind, Tell};
use maintain::Repeated;
pub use maintain::{Counted, Due, Maintenance};
mod notes;
#[cfg(test)]
mod tests;
mod translations;

use crate::config::{Options, Watch};
use crate::decode::{self, Effect, TlbOp};
use crate::guest::{Access, Memory, Place, Target};
use crate::judge::{Command, Judge};
use crate::notes::{MAGIC, Reader};
use crate::pages::{Page, Pages};
use crate::queue::Queue;
use crate::report::{Scene, Seen};
use crate::runs::{self, Code, Run};
use crate::sites::{Origin, Sites};
use crate::symbols::Symbols;
use crate::translate::{Landmarks, Translator};
use device::Devices;
use groups::Groups;
use translations::Mapped;

use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Config, Event, Mode, Site};

/// What was seen, for the last record.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
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
    /// What is modelled.
    cache: Config,
    queue: Queue,
    pages: Pages,
    translator: Translator,
    /// In speculative mode.
    mapped: Option<Mapped>,
    sites: Sites,
    groups: Groups,
    symbols: Symbols,
    modules: Option<PathBuf>,
    takes_notes: bool,
    notes: Reader,
    /// Objects to watch as soon as it is known where they are.
    wanted: Vec<(String, u64, u64)>,
    operations: Vec<Operation>,
    numbers: HashMap<(u64, Run), u32>,
    maintenance: Maintenance,
    repeated: Option<Repeated>,
    devices: Devices,
    counts: Counts,
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
        let (mut takes_notes, mut wanted) = (false, Vec::new());
        for watch in &options.watch {
            match watch {
                Watch::Notes => takes_notes = true,
                Watch::All | Watch::Range { .. } => {}
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
        Ok(Self {
            target,
            cache: options.model,
            queue: Queue::new(Judge::new(&options, target)?),
            pages: Pages::new(target.arch),
            translator: Translator::new(target, landmarks),
            mapped: speculates.then(Mapped::default),
            sites: Sites::default(),
            groups: Groups::default(),
            symbols,
            modules: options.modules.clone(),
            takes_notes,
            notes: Reader::default(),
            wanted,
            operations: Vec::new(),
            numbers: HashMap::new(),
            maintenance: Maintenance::default(),
            repeated: None,
            devices: Devices::default(),
            counts: Counts::default(),
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
    pub fn knows(&mut self, vaddr: u64, len: u32, site: u32, store: bool) -> bool {
        let vaddr = self.target.vaddr(vaddr);
        let known = self.pages.know(vaddr, len);
        if known {
            self.queue.one(vaddr, len, store, Site::new(site));
        }
        known
    }

    /// From now on no page is known, until [`see_less`](Self::see_less): something depends on what comes next.
    pub fn see_all(&mut self) {
        self.pages.block();
    }

    /// Pages can be known again.
    pub fn see_less(&mut self) {
        self.pages.unblock();
    }

    /// The CPU has read or written.
    pub fn access(&mut self, access: &impl Access, vaddr: u64, site: u32, store: bool) {
        let vaddr = self.target.vaddr(vaddr);
        let (len, site) = (access.bytes(), Site::new(site));
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
        match self.learn_place(access, vaddr, len) {
            Place::Ram(_) => self.queue.one(vaddr, len, store, site),
            Place::TransferDevice => {
                self.counts.io += 1;
                self.counts.device_stores += u64::from(store);
                self.devices.programmed |= store;
            }
            Place::Device => self.counts.io += 1,
            Place::Unknown => self.counts.unknown += 1,
        }
    }

    /// Where an access went. If that is memory, its page is known then.
    fn learn_place(&mut self, access: &impl Access, vaddr: u64, len: u32) -> Place {
        if let Some(page) = self.pages.find(vaddr) {
            return Place::Ram(page.paddr(vaddr));
        }
        let place = access.place(vaddr, len);
        if let Place::Ram(paddr) = place {
            self.learn(access, vaddr, paddr);
        }
        place
    }

    /// A page is accessed for the first time since its translation may have changed.
    fn learn(&mut self, memory: &impl Memory, vaddr: u64, paddr: u64) {
        self.translator.show(vaddr, paddr);
        if !self.wanted.is_empty() {
            self.find_wanted();
        }
        let page = Page {
            // CAST: physical addresses below 16 TiB: the guests have 32 bits, a few more with LPAE.
            frame: (paddr / PAGE_SIZE) as u32,
            uncached: self.is_uncached(memory, vaddr, paddr),
        };
        self.pages.insert(vaddr, page);
        self.queue.tell(Command::Page { vaddr, page });
        if !page.uncached {
            self.begin_mapping(vaddr);
        }
    }

    /// Whether accesses go past the cache. Where devices see it, so does everybody else: a kernel that knows has no uncached
    /// mappings of memory.
    fn is_uncached(&mut self, memory: &impl Memory, vaddr: u64, paddr: u64) -> bool {
        !self.cache.coherent_devices && self.translator.is_uncached(memory, vaddr, paddr)
    }

    /// Watches the objects of the command line once the linear map is known.
    #[cold]
    fn find_wanted(&mut self) {
        if let Some(zero) = self.translator.linear(0) {
            for (name, vaddr, len) in std::mem::take(&mut self.wanted) {
                let first = self.target.vaddr(vaddr.wrapping_sub(zero));
                self.queue.tell(Command::Watch {
                    first,
                    len,
                    name,
                    temporary: false,
                });
            }
        }
    }

    /// Something happened to the cache, or past it.
    fn happened(&mut self, event: Event, vaddr: Option<u64>, site: Site) {
        self.queue.tell(Command::Event { event, vaddr, site });
    }

    /// Something went wrong in here: the run proves nothing.
    pub fn fail(&mut self, text: &str) {
        self.queue.tell(Command::Fail(text.to_owned()));
    }

    /// The guest is gone: writes the last records.
    pub fn finish(&mut self) {
        self.settle_transfers();
        let Some(judge) = self.queue.finish() else {
            return;
        };
        let mut untranslated = BTreeMap::new();
        for (pc, count) in &self.maintenance.untranslated {
            let name = match self.symbols.find(*pc) {
                Some(location) => location.symbol,
                None => format!("{pc:#x}"),
            };
            *untranslated.entry(name).or_default() += count;
        }
        let mut scene = Scene {
            geometry: self.cache.geometry,
            translator: &self.translator,
            symbols: &mut self.symbols,
            sites: &self.sites,
        };
        let seen = Seen {
            counts: &self.counts,
            maintenance: &self.maintenance,
            untranslated: &untranslated,
            memory: self.sites.memory() + self.groups.memory() + self.queue.memory(),
        };
        judge.finish(&mut scene, &seen);
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
