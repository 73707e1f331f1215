// SPDX-License-Identifier: GPL-2.0-only
//! One hazard in the words of the guest: functions and lines, regions instead of addresses, what call is missing.

use super::drawing::Drawing;
use crate::finding::Captured;
use crate::history::{PastEvent, PastKind};
use crate::names::Names;
use crate::sites::Origin;
use crate::stack::{Frame, Stack, Stacks, frames};
use crate::symbols::Location;
use crate::translate::Region;
use serde::Serialize;
use std::fmt::Write;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Accessor, Address, Alias, Cause, Geometry, Kind, Site};

/// Who did something, and where in the guest's code.
#[derive(Clone, Debug, Serialize)]
pub struct Party {
    /// `cpu`, `uncached` (the CPU past its cache) or `device`.
    pub by: &'static str,
    /// Address of the instruction; of a device's transfer, of the one that announced it.
    pub pc: Option<String>,
    /// Its function, with `[module]`.
    pub symbol: Option<String>,
    /// Its source file.
    pub file: Option<String>,
    /// The line there.
    pub line: Option<u32>,
    /// Which mapping it went through.
    pub alias: Option<String>,
    /// The virtual address.
    pub vaddr: Option<String>,
    /// Who called, innermost first, where that is known; with a `? ` what may not belong there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<String>,
    /// Function, offset, file and line, for people.
    #[serde(skip)]
    place: String,
}

impl Party {
    /// Where, and through which mapping.
    pub(super) fn at(&self) -> String {
        match (&self.alias, &self.vaddr) {
            (Some(alias), Some(vaddr)) => format!("{}, through the {alias} at {vaddr}", self.place),
            _ => self.place.clone(),
        }
    }
}

/// A hazard, ready to be written.
#[derive(Clone, Debug, Serialize)]
pub struct Described {
    /// What kind, without addresses.
    pub title: String,
    /// Title and function, as sanitizers print it.
    pub headline: String,
    /// The running test.
    pub test: Option<String>,
    /// The access that may go wrong.
    pub access: Party,
    /// The write that it should have seen.
    pub write: Option<Party>,
    /// Who mapped the memory for a device, if that was broken into.
    pub mapped: Option<Party>,
    /// Why it may not.
    pub cause: String,
    /// The buffer's name.
    pub buffer: Option<String>,
    /// Offset in it, bytes; none for memory beside it that shares its line.
    pub offset: Option<u64>,
    /// Physical address of the first byte that may be wrong.
    pub physical: String,
    /// The maintenance that is missing.
    pub missing: String,
    /// What happened to the line before; none if nothing did that was seen.
    pub history: Option<Drawing>,
    /// The whole report.
    pub text: String,
}

impl Described {
    /// The stacks that are known, for people.
    pub(super) fn stacks(&self) -> String {
        let access = match self.access.by {
            "call" => "call",
            _ => "access",
        };
        let parties = [
            (access, Some(&self.access)),
            ("write", self.write.as_ref()),
            ("map", self.mapped.as_ref()),
        ];
        let mut text = String::new();
        for (what, party) in parties {
            let Some(party) = party.filter(|party| !party.stack.is_empty()) else {
                continue;
            };
            // Writing to a string can't fail.
            let _ = writeln!(text, "  stack of the {what}:");
            for line in &party.stack {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }

    /// In one line, as bots look for it: title and functions, the accesses' or the call's and that of who mapped the memory.
    pub(super) fn bug(&self) -> String {
        let name = |party: &Party| match (&party.symbol, &party.pc) {
            (Some(symbol), _) => symbol.clone(),
            (None, Some(pc)) => pc.clone(),
            (None, None) => "unknown code".to_owned(),
        };
        let mut line = format!("VCSan: {} in {}", self.title, name(&self.access));
        if let Some(other) = self.write.as_ref().or(self.mapped.as_ref()) {
            line.push_str(" / ");
            line.push_str(&name(other));
        }
        line
    }
}

/// Puts hazards into words.
pub(super) struct Describer<'a> {
    /// The cache.
    pub(super) geometry: Geometry,
    /// Of code and addresses.
    pub(super) names: &'a mut Names,
}

impl Describer<'_> {
    /// Puts a hazard into words.
    pub(super) fn describe(&mut self, captured: &Captured) -> Described {
        let hazard = &captured.hazard;
        let paddr = hazard.paddr();
        let title = hazard.title().to_string();
        let by = match hazard.accessor {
            Accessor::Cpu(_) => "cpu",
            Accessor::Uncached => "uncached",
            Accessor::Device => "device",
        };
        let access = self.party(by, hazard.access, captured.vaddr, paddr);
        let write = (hazard.kind != Kind::Homonym && hazard.write != Site::NONE).then(|| {
            let (by, vaddr) = self.writer(captured);
            self.party(by, hazard.write, vaddr, paddr)
        });
        let (cause, missing) = self.cause(captured, &access);
        let (mut access, mut write) = (access, write);
        self.add_stacks(&captured.stacks, &mut access, write.as_mut());
        let headline = headline(&title, &access, write.as_ref());
        let mut described = Described {
            title,
            headline,
            test: captured.test.clone(),
            access,
            write,
            mapped: None,
            cause,
            buffer: captured.buffer.as_ref().map(|(name, _)| name.clone()),
            offset: captured.buffer.as_ref().and_then(|(_, offset)| *offset),
            physical: format!("{paddr:#x}"),
            missing,
            history: self.draw(hazard.line, &captured.past),
            text: String::new(),
        };
        described.text = self.text(&described, captured);
        described
    }

    fn locate(&mut self, site: Site) -> (Option<u64>, Option<Location>) {
        match self.names.sites.origin(site) {
            Some(Origin { pc, generation, .. }) => {
                (Some(pc), self.names.symbols.find_at(pc, generation))
            }
            None => (None, None),
        }
    }

    pub(super) fn party(
        &mut self,
        by: &'static str,
        site: Site,
        vaddr: Option<u64>,
        paddr: u64,
    ) -> Party {
        let (pc, location) = self.locate(site);
        let line = location.as_ref().and_then(|l| l.lines.last().cloned());
        let place = match (&location, pc) {
            (Some(location), _) => location.to_string(),
            (None, Some(pc)) => format!("{pc:#x} (no symbol)"),
            (None, None) => "no access known".to_owned(),
        };
        let alias = vaddr.map(|vaddr| self.names.layout.region(vaddr, paddr).name().to_owned());
        Party {
            by,
            pc: pc.map(|pc| format!("{pc:#x}")),
            symbol: location.map(|location| match location.module {
                Some(module) => format!("{} [{module}]", location.symbol),
                None => location.symbol,
            }),
            file: line.as_ref().map(|line| line.file.clone()),
            line: line.map(|line| line.line),
            alias,
            vaddr: vaddr.map(|vaddr| format!("{vaddr:#x}")),
            stack: Vec::new(),
            place,
        }
    }

    fn place(&mut self, site: Site) -> String {
        self.party("cpu", site, None, 0).place
    }

    /// Who wrote last, and through which address, as far as the history tells.
    fn writer(&self, captured: &Captured) -> (&'static str, Option<u64>) {
        let write = captured.hazard.write;
        let last = captured.past.iter().rev().find(|past| past.site == write);
        // The last of several stores went elsewhere in the line.
        let line = u64::from(self.geometry.line() - 1);
        let vaddr = last
            .and_then(|past| past.vaddr)
            .map(|vaddr| vaddr & !line | captured.hazard.paddr() & line);
        match (self.names.sites.origin(write), last) {
            (Some(Origin { device: true, .. }), _) => ("device", None),
            (_, Some(past)) if past.kind == PastKind::UncachedStore => ("uncached", vaddr),
            _ => ("cpu", vaddr),
        }
    }

    /// Regions that reach the line through an alias.
    fn regions(&self, alias: Alias, captured: &Captured) -> Vec<Region> {
        let line = captured.hazard.line;
        let reaches = |vaddr: &u64| {
            let address = Address {
                vaddr: *vaddr,
                paddr: line,
                space: 0,
            };
            self.geometry.alias(address) == alias
        };
        let tag = match alias {
            Alias::Virtual { page, .. } => Some(page | (line % PAGE_SIZE)),
            _ => None,
        };
        let seen = captured.past.iter().rev().filter_map(|past| past.vaddr);
        let mut found: Vec<u64> = tag.into_iter().chain(seen).filter(reaches).collect();
        if found.is_empty() {
            found.extend(self.names.layout.linear(line).filter(reaches));
        }
        let region = |vaddr: &u64| self.names.layout.region(*vaddr, line);
        let mut regions: Vec<Region> = found.iter().map(region).collect();
        regions.sort_unstable();
        regions.dedup();
        regions
    }

    /// An alias in words without addresses.
    fn name(&self, alias: Alias, captured: &Captured) -> String {
        let regions = self.regions(alias, captured);
        let names: Vec<&str> = regions.iter().map(|region| region.name()).collect();
        let colour = match alias {
            Alias::Colour(colour) => format!("colour {colour}"),
            Alias::Equivalent { .. } | Alias::Virtual { .. } | Alias::Only => String::new(),
        };
        match (names.is_empty(), colour.is_empty()) {
            (false, true) => format!("the {}", names.join(" or ")),
            (false, false) => format!("the {} ({colour})", names.join(" or ")),
            (true, false) => colour,
            (true, true) if alias == Alias::Only => "the line".to_owned(),
            (true, true) => "another mapping".to_owned(),
        }
    }

    /// Why the access may go wrong, and what would have prevented it.
    fn cause(&mut self, captured: &Captured, access: &Party) -> (String, String) {
        let hazard = &captured.hazard;
        let own = access
            .alias
            .as_ref()
            .map_or_else(|| "it".to_owned(), |alias| format!("the {alias}"));
        let hint = |describer: &Self, alias, before_device| {
            let regions = describer.regions(alias, captured);
            call(regions.first().copied(), before_device)
        };
        match hazard.cause {
            Cause::OldCopy { filled_by, dirty } => {
                let why = format!(
                    "an older copy may be in {own}'s line since {}",
                    self.place(filled_by)
                );
                let by = match hazard.accessor {
                    Accessor::Cpu(alias) => hint(self, alias, false),
                    _ => "",
                };
                let what = match dirty {
                    Some(dirty) => format!(
                        "write back {} after the write, then invalidate {own}{by}",
                        self.name(dirty, captured)
                    ),
                    None => format!("invalidate {own} between the write and the access{by}"),
                };
                (why, what)
            }
            Cause::NotWrittenBack { dirty } => {
                let name = self.name(dirty, captured);
                let by = hint(self, dirty, true);
                (
                    format!("the value may be in a dirty line only, of {name}"),
                    format!("write back {name} between the write and the access{by}"),
                )
            }
            Cause::Overwritten { alias, dirtied_by } => {
                let name = self.name(alias, captured);
                let by = hint(self, alias, true);
                (
                    format!(
                        "a dirty line of {name} may have been written back over it, dirty since {}",
                        self.place(dirtied_by)
                    ),
                    format!("write back or invalidate {name} before the write{by}"),
                )
            }
            Cause::Discarded { alias, by } => {
                let name = self.name(alias, captured);
                (
                    format!("{name} was invalidated while dirty by {}", self.place(by)),
                    format!("write back {name} before the invalidate"),
                )
            }
            Cause::OtherPage { paddr, filled_by } => (
                format!(
                    "the virtual tag may still hold physical {paddr:#x} since {}",
                    self.place(filled_by)
                ),
                "flush the virtual page before it is mapped to another one".to_owned(),
            ),
        }
    }

    fn text(&mut self, described: &Described, captured: &Captured) -> String {
        let hazard = &captured.hazard;
        let mut text = format!("{}\n", described.headline);
        let mut line = |label: &str, value: &str| {
            // Writing to a string can't fail.
            let _ = writeln!(text, "  {label:<9} {value}");
        };
        if let Some(test) = &described.test {
            line("test", test);
        }
        line("access", &sentence(&described.access, "reads"));
        if let Some(write) = &described.write {
            line("write", &sentence(write, "wrote"));
        } else if hazard.kind != Kind::Homonym {
            line("write", "before anything was seen of this memory");
        }
        line("because", &described.cause);
        line("missing", &described.missing);
        let buffer = match (&described.buffer, described.offset) {
            (Some(name), Some(offset)) => format!("{name:?} at offset {offset:#x}, "),
            (Some(name), None) => {
                format!(
                    "beside {name:?}, which shares the line: what a device transfers must not, "
                )
            }
            _ => String::new(),
        };
        let bytes = hazard.bytes.count_ones();
        let plural = if bytes == 1 { "" } else { "s" };
        line(
            "memory",
            &format!(
                "{buffer}physical {}, {bytes} byte{plural}",
                described.physical
            ),
        );
        text.push_str(&described.stacks());
        if let Some(history) = &described.history {
            text.push_str(&history.to_string());
        }
        text
    }

    /// Puts the stacks of both into words, where they are known.
    pub(super) fn add_stacks(
        &mut self,
        stacks: &Stacks,
        access: &mut Party,
        other: Option<&mut Party>,
    ) {
        let pc = |party: &Party| {
            let pc = party.pc.as_deref()?.strip_prefix("0x")?;
            u64::from_str_radix(pc, 16).ok()
        };
        let now = pc(access).and_then(|pc| Some((pc, stacks.now(pc)?)));
        access.stack = now.map_or_else(Vec::new, |(pc, stack)| self.stack(pc, stack));
        if let Some(other) = other {
            let before = pc(other).and_then(|pc| Some((pc, stacks.before(pc)?)));
            other.stack = before.map_or_else(Vec::new, |(pc, stack)| self.stack(pc, stack));
        }
    }

    fn stack(&mut self, pc: u64, stack: &Stack) -> Vec<String> {
        let symbols = &self.names.symbols;
        let begins = |at: u64| Some(at - symbols.function(at)?.1);
        let mut lines = Vec::new();
        for Frame { pc, certain } in frames(stack, pc, begins) {
            if let Some(location) = self.names.symbols.find(pc) {
                let doubt = if certain { "" } else { "? " };
                lines.push(format!("{doubt}{location}"));
            }
        }
        lines
    }

    /// What happened to a line before.
    pub(super) fn draw(&mut self, line: u64, past: &[PastEvent]) -> Option<Drawing> {
        if past.is_empty() {
            return None;
        }
        let mut places = Vec::new();
        for event in past {
            let (_, location) = self.locate(event.site);
            places.push(location.map(|at| format!("{}+{:#x}", at.symbol, at.offset)));
        }
        let layout = self.names.layout;
        Some(Drawing::new(line, past, places, |vaddr| {
            layout.region(vaddr, line)
        }))
    }
}

/// Title and function, the one that is to blame less often last: the code that announces a transfer is always the same.
fn headline(title: &str, access: &Party, write: Option<&Party>) -> String {
    let written = write
        .and_then(|write| write.symbol.as_deref())
        .filter(|_| access.by == "device");
    match (written, access.symbol.as_deref()) {
        (Some(function), _) => format!("VCSan: {title} of what {function} wrote"),
        (None, Some(function)) => format!("VCSan: {title} in {function}"),
        (None, None) => format!("VCSan: {title} in unknown code"),
    }
}

fn sentence(party: &Party, does: &str) -> String {
    let who = match party.by {
        "device" => format!("a device {does}, announced at"),
        "uncached" => format!("the CPU {does} past its cache at"),
        _ => format!("the CPU {does} at"),
    };
    format!("{who} {}", party.at())
}

/// The kernel's call for maintenance of a region, for memory that a device shares (Documentation/core-api/cachetlb.rst,
/// dma-api.rst).
fn call(region: Option<Region>, write_back: bool) -> &'static str {
    match (region, write_back) {
        (Some(Region::DirectMap), true) => {
            ", as dma_sync_*_for_device() or flush_dcache_folio() do"
        }
        (Some(Region::DirectMap), false) => ", as dma_sync_*_for_cpu() does",
        (Some(Region::Vmap), true) => ", as flush_kernel_vmap_range() does",
        (Some(Region::Vmap), false) => ", as invalidate_kernel_vmap_range() does",
        (Some(Region::User), _) => ", as flush_cache_range() does for the user mapping",
        (None, _) => "",
    }
}
