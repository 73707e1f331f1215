// SPDX-License-Identifier: GPL-2.0-only
//! What the guest's CPU thread tells the model's thread: entries of two words, nearly all of them accesses, and the commands
//! among them.

use crate::contract::{Caller, Step};
use crate::groups::{PackedGroup, SitedGroup};
use crate::pages::Page;
use crate::stack::Stack;
use crate::stats::Measured;
use std::sync::Arc;
use std::vec;
use vcsan_model::{Address, Event, Geometry, Site};

/// Anything but an access.
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
    Group(Arc<SitedGroup>),
    /// Something happened to the cache, or past it.
    Event {
        /// What.
        event: Event,
        /// The virtual address, if it has one.
        vaddr: Option<u64>,
        /// Where it came from.
        site: Site,
    },
    /// The cache is this one: it was not known before.
    Geometry(Geometry),
    /// A call of the kernel's DMA API has come to a step.
    Dma {
        /// What.
        step: Step,
        /// Whose call it is.
        caller: Caller,
    },
    /// An instruction is next whose stacks are wanted.
    Stack {
        /// Its address.
        pc: u64,
        /// Who called.
        stack: Stack,
    },
    /// A module is unloaded.
    Unloaded {
        /// Where it has called the DMA API.
        calls: Vec<Site>,
        /// Where that comes from.
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
    /// The running test provokes a hazard, as its note says.
    Expect(String),
    /// What the guest wanted counted is over.
    Measured(Measured),
    /// A module has been loaded, so that its code has names now.
    Named(String),
    /// Something went wrong: the run proves nothing.
    Fail(String),
}

/// What the CPU did, in two words: there are tens of millions of them a boot.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The virtual address, below the kind of entry.
    address: u64,
    /// What is accessed there.
    data: u64,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpacked {
    /// An access: where, how many bytes, a store or a load, by what.
    Access(u64, u32, bool, Site),
    /// A [group](crate::groups) of accesses: where the first one is.
    Group(u64, PackedGroup, bool),
    /// The next command.
    Command,
}

impl Entry {
    /// A store.
    const STORE: u64 = 1 << 56;
    /// A group.
    const GROUP: u64 = 2 << 56;
    /// A command.
    const COMMAND_KIND: u64 = 4 << 56;
    /// Addresses have fewer bits, see [`pages`](crate::pages).
    const ADDRESS: u64 = (1 << 56) - 1;

    /// Nothing yet.
    pub(crate) const EMPTY: Self = Self {
        address: 0,
        data: 0,
    };
    /// The next command.
    pub(crate) const COMMAND: Self = Self {
        address: Self::COMMAND_KIND,
        data: 0,
    };

    #[inline(always)]
    fn kind(group: bool, store: bool) -> u64 {
        let group = if group { Self::GROUP } else { 0 };
        let store = if store { Self::STORE } else { 0 };
        group | store
    }

    /// An access in one page.
    #[inline(always)]
    #[must_use]
    pub fn access(vaddr: u64, len: u32, store: bool, site: Site) -> Self {
        Self {
            address: vaddr & Self::ADDRESS | Self::kind(false, store),
            data: u64::from(len) << 32 | u64::from(site.id()),
        }
    }

    /// A group of accesses in one page, the first of them at `vaddr`.
    #[inline(always)]
    #[must_use]
    pub fn group(vaddr: u64, group: PackedGroup, store: bool) -> Self {
        Self {
            address: vaddr & Self::ADDRESS | Self::kind(true, store),
            data: group.0,
        }
    }

    /// What it is.
    #[inline(always)]
    #[must_use]
    pub fn unpack(self) -> Unpacked {
        let (vaddr, store) = (
            self.address & Self::ADDRESS,
            self.address & Self::STORE != 0,
        );
        if self.address & Self::COMMAND_KIND != 0 {
            Unpacked::Command
        } else if self.address & Self::GROUP != 0 {
            Unpacked::Group(vaddr, PackedGroup(self.data), store)
        } else {
            // CAST: the halves.
            let (len, site) = ((self.data >> 32) as u32, Site::new(self.data as u32));
            Unpacked::Access(vaddr, len, store, site)
        }
    }
}

/// Entries of a batch: to wake a thread takes as long as to write a thousand of them.
const ENTRIES: usize = 1 << 16;

/// Entries in order, and the commands among them.
pub struct Batch {
    entries: Box<[Entry; ENTRIES]>,
    len: usize,
    commands: Vec<Command>,
}

impl Batch {
    /// Bytes of one.
    pub const BYTES: usize = size_of::<[Entry; ENTRIES]>();

    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        // Not by way of the stack, which is that of a thread of the emulator's.
        let entries: Box<[Entry]> = vec![Entry::EMPTY; ENTRIES].into();
        Self {
            // PANIC: it has so many.
            entries: entries.try_into().unwrap_or_else(|_| unreachable!()),
            len: 0,
            commands: Vec::new(),
        }
    }

    /// Adds an entry. Whether the batch is full now.
    #[inline(always)]
    pub fn push(&mut self, entry: Entry) -> bool {
        self.entries[self.len % ENTRIES] = entry;
        self.len += 1;
        self.len == ENTRIES
    }

    /// Adds a command. Whether the batch is full now.
    pub fn push_command(&mut self, command: Command) -> bool {
        self.commands.push(command);
        self.push(Entry::COMMAND)
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes out those from a place on of which this does not hold. Not for commands.
    pub fn retain(&mut self, from: usize, holds: impl Fn(Entry) -> bool) {
        let mut to = from;
        for at in from..self.len {
            if holds(self.entries[at]) {
                self.entries[to] = self.entries[at];
                to += 1;
            }
        }
        self.len = to;
    }

    /// Takes out what is in it.
    pub fn drain(&mut self) -> (&[Entry], vec::Drain<'_, Command>) {
        let len = std::mem::take(&mut self.len);
        (&self.entries[..len], self.commands.drain(..))
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_say_what_they_were_made_of() {
        let site = Site::new(u32::MAX);
        let (high, packed) = (Entry::ADDRESS, PackedGroup(u64::MAX));
        for store in [false, true] {
            let access = Entry::access(high, 64, store, site).unpack();
            assert_eq!(access, Unpacked::Access(high, 64, store, site));
            let group = Entry::group(high, packed, store).unpack();
            assert_eq!(group, Unpacked::Group(high, packed, store));
        }
        assert_eq!(Entry::COMMAND.unpack(), Unpacked::Command);
    }
}
