// SPDX-License-Identifier: GPL-2.0-only
//! From the guest's CPU to the [judge](crate::judge), which runs in a thread of its own: the CPU only writes down what it did.
//!
//! Nothing is reordered, and nothing is lost: when the judge is a few batches behind, the CPU waits.

use crate::groups::Known;
use crate::judge::{Command, Judge};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::vec;
use vcsan_model::Site;

/// Entries of a batch, 16 bytes each: to wake a thread takes as long as to write a thousand of them.
const ENTRIES: usize = 1 << 16;
/// Full batches that may wait.
const WAITING: usize = 8;

/// What the CPU did, in two words: nearly all are accesses, and there are tens of millions a boot.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The virtual address, below the kind of entry.
    address: u64,
    /// What is accessed there.
    data: u64,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// An access: where, how many bytes, a store or a load, by what.
    One(u64, u32, bool, Site),
    /// A [group](crate::groups) of accesses: where the first one is.
    Group(u64, Known, bool),
    /// The next command.
    Command,
}

impl Entry {
    const NONE: Self = Self {
        address: 0,
        data: 0,
    };
    /// A store.
    const STORE: u64 = 1 << 56;
    /// A group.
    const GROUP: u64 = 2 << 56;
    /// A command.
    const COMMAND: u64 = 4 << 56;
    /// Addresses have fewer bits, see [`pages`](crate::pages).
    const ADDRESS: u64 = (1 << 56) - 1;

    #[inline(always)]
    fn kind(group: bool, store: bool) -> u64 {
        let group = if group { Self::GROUP } else { 0 };
        let store = if store { Self::STORE } else { 0 };
        group | store
    }

    /// What it is.
    #[inline(always)]
    #[must_use]
    pub fn told(self) -> Told {
        let (vaddr, store) = (
            self.address & Self::ADDRESS,
            self.address & Self::STORE != 0,
        );
        if self.address & Self::COMMAND != 0 {
            Told::Command
        } else if self.address & Self::GROUP != 0 {
            Told::Group(vaddr, Known(self.data), store)
        } else {
            // CAST: the halves.
            let (len, site) = ((self.data >> 32) as u32, Site::new(self.data as u32));
            Told::One(vaddr, len, store, site)
        }
    }
}

/// Entries in order, and the commands among them.
pub struct Batch {
    entries: Box<[Entry; ENTRIES]>,
    len: usize,
    commands: Vec<Command>,
}

impl Batch {
    fn new() -> Self {
        // Not by way of the stack, which is that of a thread of the emulator's.
        let entries: Box<[Entry]> = vec![Entry::NONE; ENTRIES].into();
        Self {
            // PANIC: it has so many.
            entries: entries.try_into().unwrap_or_else(|_| unreachable!()),
            len: 0,
            commands: Vec::new(),
        }
    }

    /// Takes out what is in it.
    pub fn drain(&mut self) -> (&[Entry], vec::Drain<'_, Command>) {
        let len = std::mem::take(&mut self.len);
        (&self.entries[..len], self.commands.drain(..))
    }
}

/// The way to the judge's thread.
struct Link {
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
    thread: JoinHandle<Judge>,
}

impl Link {
    fn new(judge: Judge) -> std::io::Result<Self> {
        let (full, batches) = sync_channel(WAITING);
        let (empties, empty) = channel();
        let thread = thread::Builder::new().name("vcsan-judge".into());
        Ok(Self {
            full,
            empty,
            thread: thread.spawn(move || work(judge, &batches, &empties))?,
        })
    }
}

fn work(mut judge: Judge, batches: &Receiver<Batch>, empties: &Sender<Batch>) -> Judge {
    for mut batch in batches {
        judge.take(&mut batch);
        // The last ones have nobody to go to.
        let _ = empties.send(batch);
    }
    judge
}

/// The end of the queue that the CPU writes to.
pub struct Queue {
    batch: Batch,
    /// Until the first batch is full: the emulator may fork before its CPU runs, and a thread would stay behind.
    judge: Option<Judge>,
    link: Option<Link>,
}

impl Queue {
    /// A queue to a judge.
    #[must_use]
    pub fn new(judge: Judge) -> Self {
        Self {
            batch: Batch::new(),
            judge: Some(judge),
            link: None,
        }
    }

    /// An access was made, in one page that is known.
    #[inline(always)]
    pub fn one(&mut self, vaddr: u64, len: u32, store: bool, site: Site) {
        self.push(Entry {
            address: vaddr & Entry::ADDRESS | Entry::kind(false, store),
            data: u64::from(len) << 32 | u64::from(site.id()),
        });
    }

    /// A group of accesses was made, in one page that is known, the first of them at `vaddr`.
    #[inline(always)]
    pub fn group(&mut self, vaddr: u64, known: Known, store: bool) {
        self.push(Entry {
            address: vaddr & Entry::ADDRESS | Entry::kind(true, store),
            data: known.0,
        });
    }

    /// Anything else.
    pub fn tell(&mut self, command: Command) {
        self.batch.commands.push(command);
        self.push(Entry {
            address: Entry::COMMAND,
            data: 0,
        });
    }

    #[inline(always)]
    fn push(&mut self, entry: Entry) {
        self.batch.entries[self.batch.len % ENTRIES] = entry;
        self.batch.len += 1;
        if self.batch.len == ENTRIES {
            self.send();
        }
    }

    #[cold]
    #[inline(never)]
    fn send(&mut self) {
        if let Some(judge) = self.judge.take() {
            match Link::new(judge) {
                Ok(link) => self.link = Some(link),
                Err(error) => eprintln!("vcsan: failed to start a thread: {error}"),
            }
        }
        let next = self
            .link
            .as_ref()
            .and_then(|link| link.empty.try_recv().ok());
        let batch = std::mem::replace(&mut self.batch, next.unwrap_or_else(Batch::new));
        if let Some(link) = &self.link {
            // Without a judge there is no last record, and the run proves nothing.
            let _ = link.full.send(batch);
        }
    }

    /// The judge, when it has followed all that it was told; none the second time, or if its thread could not run.
    pub fn finish(&mut self) -> Option<Judge> {
        if let Some(mut judge) = self.judge.take() {
            judge.take(&mut self.batch);
            return Some(judge);
        }
        self.send();
        let Link { full, thread, .. } = self.link.take()?;
        drop(full);
        let judge = thread.join();
        if judge.is_err() {
            eprintln!("vcsan: failed to go on: the thread of the model panicked");
        }
        judge.ok()
    }

    /// Bytes in use, at most.
    #[must_use]
    pub fn memory(&self) -> usize {
        (WAITING + 2) * size_of::<[Entry; ENTRIES]>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_say_what_they_were_made_of() {
        let site = Site::new(u32::MAX);
        let (high, known) = (Entry::ADDRESS, Known(u64::MAX));
        for store in [false, true] {
            let one = Entry {
                address: high | Entry::kind(false, store),
                data: 64 << 32 | u64::from(u32::MAX),
            };
            assert_eq!(one.told(), Told::One(high, 64, store, site));
            let group = Entry {
                address: high | Entry::kind(true, store),
                data: known.0,
            };
            assert_eq!(group.told(), Told::Group(high, known, store));
        }
    }
}
