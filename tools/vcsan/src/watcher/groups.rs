// SPDX-License-Identifier: GPL-2.0-only
//! Accesses of a block that is translated, and groups of them when the first has been made.

use super::Watcher;
use crate::access::{self, Touch};
use crate::groups::{self, Group};
use crate::guest::{Access, Memory, Place};
use crate::history::What;
use crate::runs::Code;
use crate::sites::Origin;
use crate::slots::Kind;
use std::collections::HashMap;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Shortcut, Site};

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

/// What nearly all accesses of a group need to know of it, in one word: there are tens of thousands of groups, and to fetch
/// what is known of one from memory takes longer than all the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known(pub u64);

impl Known {
    const NUMBER: (u32, u32) = (0, 18);
    const OWN: (u32, u32) = (18, 5);
    const COUNT: (u32, u32) = (23, 7);
    const LOW: (u32, u32) = (30, 11);
    const SITE: (u32, u32) = (41, 23);
    /// Loads need no sites.
    const LEN: (u32, u32) = (41, 11);

    /// Puts values into fields; none if one is too large for its field.
    fn new(fields: &[((u32, u32), u64)]) -> Option<Self> {
        fields
            .iter()
            .try_fold(Self(0), |known, &((at, width), value)| {
                (value >> width == 0).then_some(Self(known.0 | value << at))
            })
    }

    #[inline(always)]
    fn get(self, (at, width): (u32, u32)) -> u64 {
        self.0 >> at & ((1 << width) - 1)
    }

    fn number(self) -> usize {
        self.get(Self::NUMBER) as usize
    }

    /// How many accesses the first instruction makes.
    #[inline(always)]
    #[must_use]
    pub fn own(self) -> u32 {
        self.get(Self::OWN) as u32
    }

    /// How many accesses there are.
    #[inline(always)]
    fn count(self) -> u32 {
        self.get(Self::COUNT) as u32
    }

    /// Bytes from the lowest address to the first access's.
    #[inline(always)]
    fn below(self) -> u64 {
        self.get(Self::LOW)
    }

    /// The site of the store to the lowest address, if all are words side by side that have consecutive sites.
    #[inline(always)]
    fn site(self) -> Option<Site> {
        // CAST: 23 bits.
        let site = self.get(Self::SITE) as u32;
        (site != 0).then_some(Site::new(site))
    }

    /// Of loads: bytes from the lowest address to the end of the highest one's.
    #[inline(always)]
    fn len(self) -> u32 {
        self.get(Self::LEN) as u32
    }
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

#[derive(Clone, Copy)]
struct Member {
    /// Bytes from the first access's address.
    distance: i64,
    bytes: u32,
    site: Site,
}

/// A [`Group`] with sites.
struct Together {
    known: Option<Known>,
    store: bool,
    first: Member,
    /// Bytes from the first access's address to the lowest one's.
    low: i64,
    /// Bytes from there to the end of the last.
    len: u32,
    /// Of one instruction, whose accesses are all told.
    one_instruction: bool,
    /// By address, if they are words side by side, else in order.
    members: Box<[Member]>,
    /// They are words side by side, with consecutive sites.
    words: bool,
}

/// All groups so far.
#[derive(Default)]
pub(super) struct Groups {
    all: Vec<Together>,
    numbers: HashMap<(u64, Group), usize>,
}

impl Groups {
    /// Bytes in use, roughly.
    pub(super) fn memory(&self) -> usize {
        let members: usize = self.all.iter().map(|group| group.members.len()).sum();
        self.all.capacity() * size_of::<Together>()
            + members * (size_of::<Member>() + size_of::<groups::Member>())
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
        let together = self.together(block, &key.1, number);
        let known = together.known;
        self.groups.all.push(together);
        self.groups.numbers.insert(key, number);
        known
    }

    fn together(&mut self, block: &[Code], group: &Group, number: usize) -> Together {
        let mut members: Vec<groups::Member> = group.members.clone();
        members.sort_by_key(|member| member.distance);
        let words = members.iter().all(|member| member.bytes == 4)
            && members.is_sorted_by(|one, next| next.distance - one.distance == 4);
        if !words {
            members.clone_from(&group.members);
        }
        let pc = |member: &groups::Member| block[usize::from(member.index)].pc;
        let sites: Vec<Site> = if words {
            let pcs = members.iter().map(|member| self.target.vaddr(pc(member)));
            let first = self.sites.consecutive(pcs).id();
            (first..).take(members.len()).map(Site::new).collect()
        } else {
            let sites = members.iter().map(|member| self.site(pc(member)));
            sites.map(Site::new).collect()
        };
        let members = members.iter().zip(sites).map(|(member, site)| Member {
            distance: i64::from(member.distance),
            bytes: u32::from(member.bytes),
            site,
        });
        let members: Box<[Member]> = members.collect();
        let ends = members
            .iter()
            .map(|member| member.distance + i64::from(member.bytes));
        let low = members.iter().map(|member| member.distance).min();
        // The first one's distance is 0.
        let (low, high) = (low.unwrap_or(0), ends.max().unwrap_or(0));
        let first = members.iter().find(|member| member.distance == 0);
        let first = first.copied().unwrap_or(members[0]);
        // CAST: groups are narrow.
        let len = (high - low) as u64;
        let last = match (group.store, words) {
            (false, _) => (Known::LEN, len),
            (true, true) => (Known::SITE, u64::from(members[0].site.id())),
            (true, false) => (Known::SITE, 0),
        };
        Together {
            known: Known::new(&[
                (Known::NUMBER, number as u64),
                (Known::OWN, u64::from(group.own)),
                (Known::COUNT, members.len() as u64),
                (Known::LOW, low.unsigned_abs()),
                last,
            ]),
            store: group.store,
            first,
            low,
            len: len as u32,
            one_instruction: members.len() == usize::from(group.own),
            members,
            words,
        }
    }

    /// As [`quietly`](Self::quietly), for the group that begins with this access.
    #[inline(always)]
    pub fn group_quietly(&mut self, vaddr: u64, known: Known, store: bool) -> bool {
        let vaddr = self.target.vaddr(vaddr);
        let Some(by) = self.slots.shortcut(vaddr) else {
            return false;
        };
        // Before the page, it is a very large number.
        let low = (vaddr % PAGE_SIZE).wrapping_sub(known.below());
        if low >= PAGE_SIZE {
            return false;
        }
        let (low, count) = (low as usize, known.count());
        if !store {
            let quiet = self.model.loads_are_quiet(by, low, known.len());
            self.counts.loads += if quiet { u64::from(count) } else { 0 };
            return quiet;
        }
        let Some(site) = known.site() else {
            return self.stores_quietly(vaddr, by, known);
        };
        let quiet = low.is_multiple_of(4) && self.model.stores_are_quiet(by, low, 4 * count);
        if quiet {
            self.model.note_words(by, low, count, site);
            self.counts.stores += u64::from(count);
        }
        quiet
    }

    /// As [`group_quietly`](Self::group_quietly), for stores that are not words side by side.
    #[inline(never)]
    fn stores_quietly(&mut self, vaddr: u64, by: Shortcut, known: Known) -> bool {
        let Some(group) = self.groups.all.get(known.number()) else {
            return false;
        };
        let offset = vaddr % PAGE_SIZE;
        let low = offset.wrapping_sub(known.below());
        let quiet = self.model.stores_are_quiet(by, low as usize, group.len);
        if quiet {
            let stores = group.members.iter().map(|member| {
                let offset = offset.wrapping_add_signed(member.distance);
                (offset as usize, member.bytes, member.site)
            });
            self.model.note_stores(by, stores);
            self.counts.stores += group.members.len() as u64;
        }
        quiet
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
        let mut done = 0;
        if let Some(site) = known.site() {
            let (low, count) = (vaddr.wrapping_sub(known.below()), known.count());
            let inside = low % PAGE_SIZE + u64::from(4 * count) <= PAGE_SIZE;
            if inside && low / PAGE_SIZE == vaddr / PAGE_SIZE && low.is_multiple_of(4) {
                done = self.follow_words(low, count, store, site);
            }
            if done == count {
                return true;
            }
        }
        self.follow_members(first, vaddr, known, store, done)
    }

    /// As [`follow_group`](Self::follow_group), where the first ones by address are `done`.
    fn follow_members(
        &mut self,
        first: &impl Access,
        vaddr: u64,
        known: Known,
        store: bool,
        mut done: u32,
    ) -> bool {
        let number = known.number();
        let Some(group) = self.groups.all.get(number) else {
            self.fail(&format!("find group {number} of accesses"));
            return true;
        };
        let Member { bytes, site, .. } = group.first;
        let understood = group.store == store && bytes == first.bytes();
        let page = vaddr / PAGE_SIZE;
        let low = vaddr.wrapping_add_signed(group.low);
        let high = low + u64::from(group.len) - 1;
        let in_page = low / PAGE_SIZE == page && high / PAGE_SIZE == page;
        let (told_of_all, words, len) = (group.one_instruction, group.words, group.members.len());
        let lowest = group.members[0].site;
        if !understood {
            self.misunderstood(site.id());
        }
        if told_of_all && !in_page {
            self.access(first, vaddr, site.id(), store);
            return false;
        }
        // Of stores, it was tried.
        if done == 0 && !store && in_page && words && low.is_multiple_of(4) {
            // CAST: groups are short.
            done = self.follow_words(low, len as u32, store, lowest);
        }
        for index in done as usize..len {
            let Member {
                distance,
                bytes,
                site,
            } = self.groups.all[number].members[index];
            let vaddr = self.target.vaddr(vaddr.wrapping_add_signed(distance));
            if self.quietly(vaddr, bytes, site.id(), store) {
                continue;
            }
            let beside = Beside {
                told: first,
                bytes,
                place: self.place_beside(first, vaddr, page),
            };
            self.access(&beside, vaddr, site.id(), store);
        }
        true
    }

    /// Follows accesses to words side by side in one page, from an address on. Returns how many it could follow together, the
    /// first ones.
    fn follow_words(&mut self, vaddr: u64, len: u32, store: bool, site: Site) -> u32 {
        // CAST: inside of a page.
        let offset = (vaddr % PAGE_SIZE) as usize;
        if let Some(by) = self.slots.shortcut(vaddr) {
            let taken = self.model.access_words_by(by, offset, len, store, site);
            self.counts.cached(store, u64::from(taken));
            return taken;
        }
        match self.slots.find(vaddr) {
            Some((
                paddr,
                Kind {
                    uncached: true,
                    watched: false,
                },
            )) if self.model.memory_is_in_order(paddr, 4 * len) => {
                if store {
                    self.model.note_words_in_memory(paddr, len, site);
                }
                self.counts.uncached += u64::from(len);
                len
            }
            Some((paddr, kind)) if kind.watched && !kind.uncached => {
                let Some(by) = self.slots.watched_shortcut(vaddr) else {
                    return 0;
                };
                let taken = self.model.access_words_by(by, offset, len, store, site);
                self.counts.cached(store, u64::from(taken));
                self.remember_words(vaddr, paddr, taken, store, site);
                taken
            }
            _ => 0,
        }
    }

    /// Puts accesses to words side by side into the history of their lines.
    fn remember_words(&mut self, vaddr: u64, paddr: u64, len: u32, store: bool, site: Site) {
        let what = if store { What::Store } else { What::Load };
        let line = u64::from(self.model.config().geometry.line());
        let mut done = 0;
        while done < len {
            let at = paddr + 4 * u64::from(done);
            // CAST: lines have at most 64 bytes.
            let words = ((line - at % line) as u32 / 4).min(len - done);
            let last = Site::new(site.id() + done + words - 1);
            let vaddr = vaddr + 4 * u64::from(done);
            self.history
                .add(self.line(at), what, Some(vaddr), words, last);
            done += words;
        }
    }

    /// Where an access is that was not told of; none if that is for the emulator to say, which knows the page of the access
    /// that it has told of.
    fn place_beside(&mut self, memory: &impl Memory, vaddr: u64, page: u64) -> Option<Place> {
        if vaddr / PAGE_SIZE == page || self.slots.find(vaddr).is_some() {
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
