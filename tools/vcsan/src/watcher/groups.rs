// SPDX-License-Identifier: GPL-2.0-only
//! Accesses of a block that is translated, and groups of them when the first has been made.

use super::Watcher;
use crate::access::{self, MemoryEffect};
use crate::decode::Arch;
use crate::event::{Command, Entry};
use crate::groups::{self, Group, PackedGroup, SitedAccess, SitedGroup};
use crate::guest::{Access, Destination, Memory};
use crate::queue::{Sink, Stretch};
use crate::runs::Code;
use std::collections::HashMap;
use std::sync::Arc;
use vcsan_model::Site;
use vcsan_model::geometry::PAGE_SIZE;

/// How the accesses of one instruction are to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackPlan {
    /// It has none, or they are told with another instruction's.
    Nothing,
    /// Each by itself, of whatever kind it is.
    Any {
        /// The number of its site.
        site: u32,
    },
    /// Each by itself: there is one, of this kind.
    One {
        /// The number of its site.
        site: u32,
        /// Its length in bytes.
        bytes: u8,
        /// A store, not a load.
        store: bool,
    },
    /// The first as a [group](Watcher::group).
    Group {
        /// The group.
        packed: PackedGroup,
        /// Stores, not loads.
        store: bool,
    },
}

/// What is known of a block's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// Of an instruction set that is not understood.
    Unknown,
    /// A program's.
    Program,
    /// The kernel's.
    Kernel {
        /// PA-RISC: the first instruction may be nullified.
        nullified: bool,
    },
}

/// All groups so far.
#[derive(Default)]
pub(super) struct Groups {
    all: Vec<Arc<SitedGroup>>,
    numbers: HashMap<(u64, Group), usize>,
}

impl Groups {
    /// Keeps those that are known at addresses of which this holds.
    pub(super) fn retain(&mut self, holds: impl Fn(u64) -> bool) {
        self.numbers.retain(|&(pc, _), _| holds(pc));
    }

    /// Bytes in use, roughly, but for what the model's driver has as well.
    pub(super) fn memory(&self) -> usize {
        let members: usize = self.all.iter().map(|group| group.all.len()).sum();
        self.all.capacity() * size_of::<Arc<SitedGroup>>()
            + members * size_of::<groups::Member>()
            + self.numbers.capacity() * (size_of::<(u64, Group)>() + 9)
    }
}

/// The accesses of a group that reaches into another page, where they may fault: all but the first.
#[derive(Clone, Copy)]
pub(super) struct Reaching {
    /// Those of its first and its last instruction's.
    first: u64,
    last: u64,
    entries: Stretch,
}

/// An access that was not told of, in reach of one that was.
struct NeighbourAccess<'a, A> {
    told: &'a A,
    bytes: u32,
    /// Where it is, if it is not in the same page.
    place: Option<Destination>,
}

impl<A: Access> Memory for NeighbourAccess<'_, A> {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        self.told.read(vaddr, into)
    }
}

impl<A: Access> Access for NeighbourAccess<'_, A> {
    fn bytes(&self) -> u32 {
        self.bytes
    }

    fn place(&self, vaddr: u64, bytes: u32) -> Destination {
        self.place.unwrap_or_else(|| self.told.place(vaddr, bytes))
    }

    fn word(&self) -> Option<u32> {
        None
    }
}

impl<S: Sink> Watcher<S> {
    /// A block is translated: how the accesses of each instruction are to be told.
    pub fn accesses(&mut self, block: &[Code], kind: CodeKind) -> Vec<CallbackPlan> {
        let (arch, big_endian) = (self.target.arch, self.target.big_endian);
        let effects = block.iter().map(|code| match kind {
            CodeKind::Unknown => MemoryEffect::Anything,
            CodeKind::Program | CodeKind::Kernel { .. } => {
                access::memory_effect(arch, code.bytes(), big_endian)
            }
        });
        let effects: Vec<MemoryEffect> = effects.collect();
        let mut plans: Vec<CallbackPlan> = block
            .iter()
            .zip(&effects)
            .map(|(code, memory_effect)| match memory_effect {
                MemoryEffect::Anything => CallbackPlan::Any {
                    site: self.site(code.pc),
                },
                MemoryEffect::Nothing { .. } | MemoryEffect::Memory(_) => CallbackPlan::Nothing,
            })
            .collect();
        let (several, nullified) = match kind {
            // A stack comes before the accesses of its own instruction.
            CodeKind::Kernel { nullified } => (!self.traces(), nullified),
            CodeKind::Program | CodeKind::Unknown => (false, true),
        };
        for group in groups::find(arch, &effects, several, nullified) {
            let Group { first, store, .. } = group;
            if let [one] = *group.members {
                plans[first] = CallbackPlan::One {
                    site: self.site(block[first].pc),
                    bytes: one.bytes,
                    store,
                };
                continue;
            }
            let indices: Vec<u16> = group.members.iter().map(|member| member.index).collect();
            match self.pack(block, group) {
                Some(packed) => plans[first] = CallbackPlan::Group { packed, store },
                None => {
                    for index in indices.into_iter().map(usize::from) {
                        let site = self.site(block[index].pc);
                        plans[index] = CallbackPlan::Any { site };
                    }
                }
            }
        }
        plans
    }

    /// The group in a word, if it fits.
    fn pack(&mut self, block: &[Code], group: Group) -> Option<PackedGroup> {
        let key = (block[group.first].pc, group);
        if let Some(&number) = self.groups.numbers.get(&key) {
            return self.groups.all[number].packed;
        }
        let number = self.groups.all.len();
        let target = self.target;
        let pc = |index: u16| target.vaddr(block[usize::from(index)].pc);
        let sited = SitedGroup::new(&key.1, number, &mut self.names.lock().sites, pc);
        let (packed, sited) = (sited.packed, Arc::new(sited));
        self.groups.all.push(Arc::clone(&sited));
        self.groups.numbers.insert(key, number);
        self.queue.command(Command::Group(sited));
        packed
    }

    /// As [`fast_access`](Self::fast_access), for the group that begins with this access.
    #[inline(always)]
    pub fn fast_group(&mut self, vaddr: u64, packed: PackedGroup, store: bool) -> bool {
        let vaddr = self.target.vaddr(vaddr);
        let in_page = in_page(vaddr, packed) && self.pages.covers(vaddr, 1);
        if in_page {
            self.queue.push(Entry::group(vaddr, packed, store));
        }
        in_page
    }

    /// The CPU has made the first access of a group. Whether all of them have been followed now; else the further accesses
    /// of its instruction, which is all that the group has, are to be told one by one.
    pub fn group(
        &mut self,
        first: &impl Access,
        vaddr: u64,
        packed: PackedGroup,
        store: bool,
    ) -> bool {
        let vaddr = self.target.vaddr(vaddr);
        let number = packed.number();
        let Some(group) = self.groups.all.get(number).map(Arc::clone) else {
            self.fail(&format!("find group {number} of accesses"));
            return true;
        };
        let SitedAccess { bytes, site, .. } = group.first;
        if group.store != store || bytes != first.bytes() {
            // Of loads QEMU also tells those of a page table walk in front of the instruction's own.
            if !group.store && !store && self.target.arch == Arch::Mips {
                self.access(first, vaddr, site.id(), store);
                return true;
            }
            self.wrong_kind(site.id());
        }
        let in_page = in_page(vaddr, packed);
        if !in_page && packed.count() == packed.own() {
            self.access(first, vaddr, site.id(), store);
            return false;
        }
        if in_page
            && matches!(
                self.find_destination(first, vaddr, bytes),
                Destination::Ram(_)
            )
        {
            self.queue.push(Entry::group(vaddr, packed, store));
            return true;
        }
        let mark = self.queue.mark();
        for access in &group.all {
            let at = self
                .target
                .vaddr(vaddr.wrapping_add_signed(access.distance));
            let place = self.destination_of_neighbour(first, at, vaddr / PAGE_SIZE);
            // What is not mapped faults, and is told of when it is made after that.
            if place == Some(Destination::Unknown) && !first.read(at, &mut [0]) {
                continue;
            }
            let neighbour = NeighbourAccess {
                told: first,
                bytes: access.bytes,
                place,
            };
            self.access(&neighbour, at, access.site.id(), store);
        }
        let entries = self.queue.since(mark);
        let names = self.names.lock();
        let pc = |access: &SitedAccess| names.sites.origin(access.site).map(|origin| origin.pc);
        let last = group.all.iter().filter_map(pc).max();
        self.reaching = pc(&group.first).zip(last).map(|(first, last)| Reaching {
            first,
            last,
            entries,
        });
        true
    }

    /// The instruction at `pc` has faulted, and was not executed: if it is one of a group of which all was followed with the
    /// first access, its own accesses have not been made, nor those behind it.
    pub fn faulted(&mut self, pc: u64) {
        let pc = self.target.vaddr(pc);
        let Some(reaching) = self.reaching.take() else {
            return;
        };
        if reaching.first < pc && pc <= reaching.last {
            let names = self.names.lock();
            let made = |site| names.sites.origin(site).is_none_or(|of| of.pc < pc);
            self.queue.take_back(reaching.entries, made);
        }
    }

    /// Where an access is that was not told of; none if that is for the emulator to say, which knows the page of the access
    /// that it has told of.
    fn destination_of_neighbour(
        &mut self,
        memory: &impl Memory,
        vaddr: u64,
        page: u64,
    ) -> Option<Destination> {
        if vaddr / PAGE_SIZE == page || self.pages.find(vaddr).is_some() {
            return None;
        }
        let paddr = self.translator.translate(memory, vaddr);
        Some(paddr.map_or(Destination::Unknown, Destination::Ram))
    }

    /// The number of the site of a group's first access.
    #[must_use]
    pub fn site_of_group(&self, packed: PackedGroup) -> u32 {
        let group = self.groups.all.get(packed.number());
        group.map_or(0, |group| group.first.site.id())
    }

    /// An access was of another kind than its instruction's bytes say.
    #[cold]
    pub fn wrong_kind(&mut self, site: u32) {
        let origin = self.names.lock().sites.origin(Site::new(site));
        let pc = origin.map_or(0, |origin| origin.pc);
        self.fail(&format!(
            "understand the instruction at {pc:#x}: its access is of another length or kind than it was taken for"
        ));
    }
}

/// Whether all of a group, whose first access is at `vaddr`, is in one page.
#[inline(always)]
fn in_page(vaddr: u64, packed: PackedGroup) -> bool {
    // Before the page, it is a very large number.
    let low = (vaddr % PAGE_SIZE).wrapping_sub(packed.below());
    low <= PAGE_SIZE - u64::from(packed.bytes())
}
