// SPDX-License-Identifier: GPL-2.0-only
//! The watcher: follows a guest from reset on, and writes into a [queue](crate::queue) what the model has to know: where
//! accesses and maintenance go, what is uncached, what a note says. All that has to be asked of the guest is asked here.
//!
//! It knows nothing of QEMU: [`guest`](crate::guest) is all it sees.

mod callers;
mod contract;
mod device;
mod frees;
mod groups;
mod identify;
mod maintain;
mod modules;
pub use groups::{CallbackPlan, CodeKind};
use maintain::Repeated;
pub use maintain::{LoopCounter, MaintenanceCallback};
mod notes;
mod stacks;
mod translations;

use crate::config::{Options, Watch};
use crate::contract::Calls;
use crate::decode::{self, Effect, TlbOp};
use crate::event::{Command, Entry};
use crate::guest::{Access, Destination, Memory, Target};
use crate::identify::Identified;
use crate::loader::Loader;
use crate::names::SharedNames;
use crate::notes::{MAGIC, Reader};
use crate::pages::{Page, Pages};
use crate::queue::{Queue, Sink};
use crate::runs::{self, Code, Run};
use crate::stack;
use crate::stats::{Counts, Maintenance, RunStats};
use crate::translate::{Landmarks, Translator};
use callers::Callers;
use device::Devices;
use frees::Frees;
use groups::{Groups, Reaching};
use identify::Known;
use translations::Mapped;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Config, Event, Mode, Site};

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
pub struct Watcher<S: Sink> {
    target: Target,
    /// What is modelled.
    cache: Config,
    queue: Queue<S>,
    pages: Pages,
    translator: Translator,
    /// In speculative mode.
    mapped: Option<Mapped>,
    names: SharedNames,
    groups: Groups,
    reaching: Option<Reaching>,
    modules: Option<PathBuf>,
    /// If modules have files.
    loader: Option<Loader>,
    takes_notes: bool,
    notes: Reader,
    /// Objects to watch as soon as it is known where they are.
    wanted: Vec<(String, u64, u64)>,
    operations: Vec<Operation>,
    numbers: HashMap<(u64, Run), u32>,
    maintenance: Maintenance,
    /// Lines at addresses that could not be translated, by address of the instruction.
    untranslated: BTreeMap<u64, u64>,
    /// The page that maintenance was translated for last, and where it was.
    last_translated: Option<(u64, u64)>,
    repeated: Option<Repeated>,
    devices: Devices,
    /// If the DMA API is followed.
    calls: Option<Calls>,
    callers: Callers,
    /// Instructions whose stacks are wanted.
    stacks: HashSet<u64>,
    frees: Frees,
    identified: Identified,
    /// Where PA-RISC's kernel keeps the bytes of a line.
    stride: Option<u64>,
    /// The cache's geometry: as it was given, or found out.
    geometry: Known,
    counts: Counts,
    /// Instructions executed so far, if they are counted.
    executed: Option<u64>,
    /// What the guest wants counted, and what there was when that began.
    measuring: Option<(String, u64, Maintenance)>,
}

impl<S: Sink> Watcher<S> {
    /// A watcher of a machine at reset. `calls`: those of the DMA API, if they are followed.
    ///
    /// # Errors
    ///
    /// A fragment: a symbol that does not exist, a combination that can't be modelled.
    pub fn new(
        options: &Options,
        target: Target,
        names: SharedNames,
        calls: Option<Calls>,
        sink: S,
    ) -> Result<Self, String> {
        let named = names.lock();
        let address = |name| named.symbols.address_of(name).map(|extent| extent.address);
        let landmarks = Landmarks {
            text: address("_text"),
            swapper_pg_dir: address("swapper_pg_dir"),
            pgd_current: address("pgd_current"),
        };
        let stride = address("dcache_stride");
        let loader = options.modules.as_ref();
        let loader =
            loader.and_then(|_| Loader::new(target, |name| named.symbols.address_of(name)));
        let (mut takes_notes, mut wanted) = (false, Vec::new());
        for watch in &options.watch {
            match watch {
                Watch::Notes => takes_notes = true,
                Watch::All | Watch::Dma | Watch::Range { .. } => {}
                Watch::Symbol(name) => {
                    let extent = named.symbols.address_of(name).ok_or_else(|| {
                        format!("watch {name}: no such symbol; is vmlinux= given?")
                    })?;
                    wanted.push((name.clone(), extent.address, extent.size.max(1)));
                }
            }
        }
        if options.stacks.is_some() && named.symbols.is_thumb() {
            return Err(
                "use stacks=: the kernel is Thumb code, whose calls are not told from other instructions"
                    .to_owned(),
            );
        }
        drop(named);
        let speculates = options.model.mode == Mode::Speculative;
        if speculates {
            check_speculation(target, &options.model)?;
        }
        Ok(Self {
            target,
            cache: options.model,
            queue: Queue::new(sink),
            pages: Pages::new(target.arch),
            translator: Translator::new(target, landmarks),
            mapped: speculates.then(Mapped::default),
            names,
            groups: Groups::default(),
            reaching: None,
            modules: options.modules.clone(),
            loader,
            takes_notes,
            notes: Reader::default(),
            wanted,
            operations: Vec::new(),
            numbers: HashMap::new(),
            maintenance: Maintenance::default(),
            untranslated: BTreeMap::new(),
            last_translated: None,
            repeated: None,
            devices: Devices::default(),
            calls,
            callers: Callers::default(),
            stacks: match &options.stacks {
                Some(path) => stack::wanted(path)?,
                None => HashSet::new(),
            },
            frees: Frees::default(),
            identified: Identified::default(),
            stride,
            geometry: match options.finds_geometry() {
                true => Known::Nothing,
                false => Known::Given,
            },
            counts: Counts::default(),
            executed: None,
            measuring: None,
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
        self.names.lock().sites.instruction(pc).id()
    }

    /// A block is translated: its maintenance.
    pub fn translate(&mut self, block: &[Code]) -> Vec<MaintenanceCallback> {
        let runs = runs::find(self.target.arch, self.target.big_endian, block);
        if runs.is_empty() {
            return Vec::new();
        }
        let mut names = self.names.lock();
        let numbered = runs
            .into_iter()
            .filter(|(_, run)| has_effect(run.instruction.effect))
            .map(|(index, run)| {
                let pc = self.target.vaddr(block[index].pc);
                let site = names.sites.instruction(pc);
                let number = *self.numbers.entry((pc, run)).or_insert_with(|| {
                    self.operations.push(Operation {
                        pc,
                        site,
                        run,
                        names_page: self.target.arch == decode::Arch::Parisc
                            && names
                                .symbols
                                .function(pc)
                                .is_some_and(|(name, _)| names_page(name)),
                    });
                    // CAST: as for sites.
                    (self.operations.len() - 1) as u32
                });
                MaintenanceCallback::new(index, number, &run)
            });
        numbered.collect()
    }

    /// The CPU has made an access of `len` bytes. Whether the fast path takes it: in one page that is known. If not,
    /// [`access`](Self::access) is to be told.
    #[inline(always)]
    #[must_use]
    pub fn fast_access(&mut self, vaddr: u64, len: u32, site: u32, store: bool) -> bool {
        let vaddr = self.target.vaddr(vaddr);
        let known = self.pages.covers(vaddr, len);
        if known {
            let entry = Entry::access(vaddr, len, store, Site::new(site));
            self.queue.push(entry);
        }
        known
    }

    /// From now on the fast path takes nothing, until it is [unblocked](Self::unblock_fast_path): something depends on what
    /// comes next.
    pub fn block_fast_path(&mut self) {
        self.pages.block();
    }

    /// The fast path takes accesses again.
    pub fn unblock_fast_path(&mut self) {
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

    /// So many instructions have been executed, with the one that is told of next.
    pub fn set_executed(&mut self, instructions: u64) {
        self.executed = Some(instructions);
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
        match self.find_destination(access, vaddr, len) {
            Destination::Ram(_) => self.queue.push(Entry::access(vaddr, len, store, site)),
            Destination::TransferDevice => {
                self.counts.io += 1;
                self.counts.device_stores += u64::from(store);
                self.devices.programmed |= store;
            }
            Destination::Device => self.counts.io += 1,
            Destination::Unknown => self.counts.unknown += 1,
        }
    }

    /// Where an access went. If that is memory, its page is known then.
    fn find_destination(&mut self, access: &impl Access, vaddr: u64, len: u32) -> Destination {
        if let Some(page) = self.pages.find(vaddr) {
            return Destination::Ram(page.paddr(vaddr));
        }
        let place = access.place(vaddr, len);
        if let Destination::Ram(paddr) = place {
            self.learn(access, vaddr, paddr);
        }
        place
    }

    /// A page is accessed for the first time since its translation may have changed.
    fn learn(&mut self, memory: &impl Memory, vaddr: u64, paddr: u64) {
        if self.translator.show(vaddr, paddr) {
            self.names.lock().layout = self.translator.layout();
        }
        if !self.wanted.is_empty() {
            self.find_wanted();
        }
        let page = Page {
            // CAST: physical addresses below 16 TiB: the guests have 32 bits, a few more with LPAE.
            frame: (paddr / PAGE_SIZE) as u32,
            uncached: self.is_uncached(memory, vaddr, paddr),
        };
        self.pages.insert(vaddr, page);
        self.queue.command(Command::Page { vaddr, page });
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
        if let Some(zero) = self.translator.layout().linear(0) {
            for (name, vaddr, len) in std::mem::take(&mut self.wanted) {
                let first = self.target.vaddr(vaddr.wrapping_sub(zero));
                self.queue.command(Command::Watch {
                    first,
                    len,
                    name,
                    temporary: false,
                });
            }
        }
    }

    /// Something happened to the cache, or past it.
    fn event(&mut self, event: Event, vaddr: Option<u64>, site: Site) {
        self.queue.command(Command::Event { event, vaddr, site });
    }

    /// Something went wrong in here: the run proves nothing.
    pub fn fail(&mut self, text: &str) {
        self.queue.command(Command::Fail(text.to_owned()));
    }

    /// Waits until the far end of the queue has followed all that was seen.
    pub fn sync(&mut self) {
        self.queue.sync();
    }

    /// The guest is gone: the far end of the queue, when it has followed everything, and what was seen here. None the second
    /// time.
    pub fn finish(&mut self) -> Option<(S, RunStats)> {
        self.settle_transfers();
        let sink = self.queue.finish()?;
        let mut untranslated = BTreeMap::new();
        let mut names = self.names.lock();
        for (pc, count) in &self.untranslated {
            let name = match names.symbols.find(*pc) {
                Some(location) => location.symbol,
                None => format!("{pc:#x}"),
            };
            *untranslated.entry(name).or_default() += count;
        }
        let unread = self.calls.as_ref().map_or(0, Calls::unread);
        if unread != 0 {
            let what = "mappings for devices whose place could not be read";
            self.counts.doubts.insert(what.to_owned(), unread);
        }
        self.counts.callers = self.callers.names().clone();
        let stats = RunStats {
            counts: self.counts.clone(),
            maintenance: self.maintenance.clone(),
            untranslated,
            memory: self.groups.memory() + self.queue.memory(),
            ..RunStats::default()
        };
        Some((sink, stats))
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
pub(crate) fn fragment(error: &dyn std::error::Error) -> String {
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
