// SPDX-License-Identifier: GPL-2.0-only
//! Accesses of a block that is translated, and groups of them when the first has been made.

use super::Watcher;
use crate::access::{self, Touch};
use crate::groups::{self, Group, Known, Sited, SitedAccess};
use crate::guest::{Access, Memory, Place};
use crate::judge::Command;
use crate::runs::Code;
use crate::sites::Origin;
use std::collections::HashMap;
use std::sync::Arc;
use vcsan_model::Site;
use vcsan_model::geometry::PAGE_SIZE;

/// How the accesses of one instruction are to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// It has none, or they are told with another instruction's.
    Nothing,
    /// Each by itself, of whatever kind it is.
    Each {
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
    /// The first as a [group](Watcher::follow_group).
    Group {
        /// The group.
        known: Known,
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
    all: Vec<Arc<Sited>>,
    numbers: HashMap<(u64, Group), usize>,
}

impl Groups {
    /// Bytes in use, roughly, but for what the judge has as well.
    pub(super) fn memory(&self) -> usize {
        let members: usize = self.all.iter().map(|group| group.all.len()).sum();
        self.all.capacity() * size_of::<Arc<Sited>>()
            + members * size_of::<groups::Member>()
            + self.numbers.capacity() * (size_of::<(u64, Group)>() + 9)
    }
}

/// An access that was not told of, in reach of one that was.
struct Beside<'a, A> {
    told: &'a A,
    bytes: u32,
    /// Where it is, if it is not in the same page.
    place: Option<Place>,
}

impl<A: Access> Memory for Beside<'_, A> {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        self.told.read(vaddr, into)
    }
}

impl<A: Access> Access for Beside<'_, A> {
    fn bytes(&self) -> u32 {
        self.bytes
    }

    fn place(&self, vaddr: u64, bytes: u32) -> Place {
        self.place.unwrap_or_else(|| self.told.place(vaddr, bytes))
    }

    fn word(&self) -> Option<u32> {
        None
    }
}

impl Watcher {
    /// A block is translated: how the accesses of each instruction are to be told.
    pub fn accesses(&mut self, block: &[Code], kind: CodeKind) -> Vec<Tell> {
        let (arch, big_endian) = (self.target.arch, self.target.big_endian);
        let touches = block.iter().map(|code| match kind {
            CodeKind::Unknown => Touch::Anything,
            CodeKind::Program | CodeKind::Kernel { .. } => {
                access::touch(arch, code.bytes(), big_endian)
            }
        });
        let touches: Vec<Touch> = touches.collect();
        let mut tells: Vec<Tell> = block
            .iter()
            .zip(&touches)
            .map(|(code, touch)| match touch {
                Touch::Anything => Tell::Each {
                    site: self.site(code.pc),
                },
                Touch::Nothing { .. } | Touch::Memory(_) => Tell::Nothing,
            })
            .collect();
        let (several, nullified) = match kind {
            CodeKind::Kernel { nullified } => (true, nullified),
            CodeKind::Program | CodeKind::Unknown => (false, true),
        };
        for group in groups::find(arch, &touches, several, nullified) {
            let Group { first, store, .. } = group;
            if let [one] = *group.members {
                tells[first] = Tell::One {
                    site: self.site(block[first].pc),
                    bytes: one.bytes,
                    store,
                };
                continue;
            }
            let indices: Vec<u16> = group.members.iter().map(|member| member.index).collect();
            match self.known(block, group) {
                Some(known) => tells[first] = Tell::Group { known, store },
                None => {
                    for index in indices.into_iter().map(usize::from) {
                        let site = self.site(block[index].pc);
                        tells[index] = Tell::Each { site };
                    }
                }
            }
        }
        tells
    }

    /// The group in a word, if it fits.
    fn known(&mut self, block: &[Code], group: Group) -> Option<Known> {
        let key = (block[group.first].pc, group);
        if let Some(&number) = self.groups.numbers.get(&key) {
            return self.groups.all[number].known;
        }
        let number = self.groups.all.len();
        let target = self.target;
        let pc = |index: u16| target.vaddr(block[usize::from(index)].pc);
        let sited = Sited::new(&key.1, number, &mut self.sites, pc);
        let (known, sited) = (sited.known, Arc::new(sited));
        self.groups.all.push(Arc::clone(&sited));
        self.groups.numbers.insert(key, number);
        self.queue.tell(Command::Group(sited));
        known
    }

    /// As [`knows`](Self::knows), for the group that begins with this access.
    #[inline(always)]
    pub fn knows_group(&mut self, vaddr: u64, known: Known, store: bool) -> bool {
        let vaddr = self.target.vaddr(vaddr);
        let in_page = in_page(vaddr, known) && self.pages.know(vaddr, 1);
        if in_page {
            self.queue.group(vaddr, known, store);
        }
        in_page
    }

    /// The CPU has made the first access of a group. Whether all of them have been followed now; else the further accesses
    /// of its instruction, which is all that the group has, are to be told one by one.
    pub fn follow_group(
        &mut self,
        first: &impl Access,
        vaddr: u64,
        known: Known,
        store: bool,
    ) -> bool {
        let vaddr = self.target.vaddr(vaddr);
        let number = known.number();
        let Some(group) = self.groups.all.get(number).map(Arc::clone) else {
            self.fail(&format!("find group {number} of accesses"));
            return true;
        };
        let SitedAccess { bytes, site, .. } = group.first;
        if group.store != store || bytes != first.bytes() {
            self.misunderstood(site.id());
        }
        let in_page = in_page(vaddr, known);
        if !in_page && known.count() == known.own() {
            self.access(first, vaddr, site.id(), store);
            return false;
        }
        if in_page && matches!(self.learn_place(first, vaddr, bytes), Place::Ram(_)) {
            self.queue.group(vaddr, known, store);
            return true;
        }
        for access in &group.all {
            let at = self
                .target
                .vaddr(vaddr.wrapping_add_signed(access.distance));
            let beside = Beside {
                told: first,
                bytes: access.bytes,
                place: self.place_beside(first, at, vaddr / PAGE_SIZE),
            };
            self.access(&beside, at, access.site.id(), store);
        }
        true
    }

    /// Where an access is that was not told of; none if that is for the emulator to say, which knows the page of the access
    /// that it has told of.
    fn place_beside(&mut self, memory: &impl Memory, vaddr: u64, page: u64) -> Option<Place> {
        if vaddr / PAGE_SIZE == page || self.pages.find(vaddr).is_some() {
            return None;
        }
        let paddr = self.translator.translate(memory, vaddr);
        Some(paddr.map_or(Place::Unknown, Place::Ram))
    }

    /// The number of the site of a group's first access.
    #[must_use]
    pub fn site_of_group(&self, known: Known) -> u32 {
        let group = self.groups.all.get(known.number());
        group.map_or(0, |group| group.first.site.id())
    }

    /// An access was of another kind than its instruction's bytes say.
    #[cold]
    pub fn misunderstood(&mut self, site: u32) {
        let pc = match self.sites.origin(Site::new(site)) {
            Some(Origin::Instruction(pc) | Origin::Device(pc)) => pc,
            None => 0,
        };
        self.fail(&format!(
            "understand the instruction at {pc:#x}: its access is of another length or kind than it was taken for"
        ));
    }
}

/// Whether all of a group, whose first access is at `vaddr`, is in one page.
#[inline(always)]
fn in_page(vaddr: u64, known: Known) -> bool {
    // Before the page, it is a very large number.
    let low = (vaddr % PAGE_SIZE).wrapping_sub(known.below());
    low <= PAGE_SIZE - u64::from(known.bytes())
}
