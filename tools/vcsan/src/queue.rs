// SPDX-License-Identifier: GPL-2.0-only
//! From the guest's CPU to whoever follows it in a thread of its own: the CPU only writes down what it did.
//!
//! Nothing is reordered, and nothing is lost: when the far end is a few batches behind, the CPU waits.

use crate::event::{Batch, Command, Entry, Unpacked};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use vcsan_model::Site;

/// Full batches that may wait.
const WAITING: usize = 8;

/// The far end.
pub trait Sink: Send + 'static {
    /// Follows all of a batch, and leaves it empty. It must not panic.
    fn take(&mut self, batch: &mut Batch);
}

/// The way to the sink's thread.
struct Link<S> {
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
    thread: JoinHandle<S>,
}

impl<S: Sink> Link<S> {
    fn new(sink: S) -> std::io::Result<Self> {
        let (full, batches) = sync_channel(WAITING);
        let (empties, empty) = channel();
        let thread = thread::Builder::new().name("vcsan-model".into());
        Ok(Self {
            full,
            empty,
            thread: thread.spawn(move || work(sink, &batches, &empties))?,
        })
    }
}

fn work<S: Sink>(mut sink: S, batches: &Receiver<Batch>, empties: &Sender<Batch>) -> S {
    for mut batch in batches {
        sink.take(&mut batch);
        // The last ones have nobody to go to.
        let _ = empties.send(batch);
    }
    sink
}

/// A stretch of entries, as long as they have not been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// How many batches had been sent.
    sent: u64,
    /// Where it begins and ends.
    from: usize,
    to: usize,
}

/// The end of the queue that the CPU writes to.
pub struct Queue<S: Sink> {
    batch: Batch,
    sent: u64,
    /// Until the first batch is sent: the emulator may fork before its CPU runs, and a thread would stay behind.
    sink: Option<S>,
    link: Option<Link<S>>,
}

impl<S: Sink> Queue<S> {
    /// A queue to a sink.
    #[must_use]
    pub fn new(sink: S) -> Self {
        Self {
            batch: Batch::new(),
            sent: 0,
            sink: Some(sink),
            link: None,
        }
    }

    /// The CPU did this.
    #[inline(always)]
    pub fn push(&mut self, entry: Entry) {
        if self.batch.push(entry) {
            self.send();
        }
    }

    /// Anything else.
    pub fn command(&mut self, command: Command) {
        if self.batch.push_command(command) {
            self.send();
        }
    }

    /// Where the next entry comes: a stretch that is empty so far.
    #[must_use]
    pub fn mark(&self) -> Stretch {
        let here = self.batch.len();
        Stretch {
            sent: self.sent,
            from: here,
            to: here,
        }
    }

    /// All that was written since a mark.
    #[must_use]
    pub fn since(&self, mark: Stretch) -> Stretch {
        Stretch {
            to: self.batch.len(),
            ..mark
        }
    }

    /// Takes back those entries of a stretch of which `made` does not hold, unless something was written or sent after it. What
    /// is no access stays.
    pub fn take_back(&mut self, stretch: Stretch, made: impl Fn(Site) -> bool) {
        if stretch == self.since(stretch) && stretch.sent == self.sent {
            let stays = |entry: Entry| match entry.unpack() {
                Unpacked::Access(_, _, _, site) => made(site),
                Unpacked::Group(..) | Unpacked::Command => true,
            };
            self.batch.retain(stretch.from, stays);
        }
    }

    /// Sends all that was written, without waiting for a full batch.
    #[cold]
    #[inline(never)]
    pub fn send(&mut self) {
        self.sent += 1;
        if let Some(sink) = self.sink.take() {
            match Link::new(sink) {
                Ok(link) => self.link = Some(link),
                Err(error) => eprintln!("vcsan: failed to start a thread: {error}"),
            }
        }
        let next = self
            .link
            .as_ref()
            .and_then(|link| link.empty.try_recv().ok());
        let batch = std::mem::replace(&mut self.batch, next.unwrap_or_default());
        if let Some(link) = &self.link {
            // Without a sink there is no last record, and the run proves nothing.
            let _ = link.full.send(batch);
        }
    }

    /// Waits until the sink has followed all that was written.
    pub fn sync(&mut self) {
        self.send();
        // A batch that is sent on only when all before it have been followed.
        for _ in 0..=WAITING {
            self.send();
        }
    }

    /// The sink, when it has followed all that it was told; none the second time, or if its thread could not run.
    pub fn finish(&mut self) -> Option<S> {
        if let Some(mut sink) = self.sink.take() {
            sink.take(&mut self.batch);
            return Some(sink);
        }
        self.send();
        let Link { full, thread, .. } = self.link.take()?;
        drop(full);
        let sink = thread.join();
        if sink.is_err() {
            eprintln!("vcsan: failed to go on: the thread of the model panicked");
        }
        sink.ok()
    }

    /// Bytes in use, at most.
    #[must_use]
    pub fn memory(&self) -> usize {
        (WAITING + 2) * Batch::BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    /// Keeps what it gets.
    #[derive(Default)]
    struct Kept(Vec<u64>);

    impl Sink for Kept {
        fn take(&mut self, batch: &mut Batch) {
            let (entries, commands) = batch.drain();
            self.0
                .extend(entries.iter().map(|entry| match entry.unpack() {
                    Unpacked::Access(vaddr, ..) => vaddr,
                    _ => u64::MAX,
                }));
            drop(commands);
        }
    }

    fn access(vaddr: u64) -> Entry {
        Entry::access(vaddr, 4, false, Site::NONE)
    }

    #[test]
    fn everything_arrives_in_order_over_many_batches() {
        const MANY: u64 = 1 << 20;
        let mut queue = Queue::new(Kept::default());
        (0..MANY).for_each(|vaddr| queue.push(access(vaddr)));
        queue.command(Command::ForgetPages);
        let kept = queue.finish().unwrap().0;
        assert!(kept.iter().copied().eq((0..MANY).chain([u64::MAX])));
        assert!(queue.finish().is_none());
    }

    #[test]
    fn what_was_written_last_can_be_taken_back() {
        let made = |site: Site| site.id() < 3;
        let written = |between: fn(&mut Queue<Kept>)| {
            let mut queue = Queue::new(Kept::default());
            queue.push(access(1));
            let mark = queue.mark();
            for number in 2..5 {
                queue.command(Command::ForgetPages);
                queue.push(Entry::access(number, 4, true, Site::new(number as u32)));
            }
            let stretch = queue.since(mark);
            between(&mut queue);
            queue.take_back(stretch, made);
            queue.push(access(9));
            queue.finish().unwrap().0
        };
        let command = u64::MAX;
        assert_eq!(written(|_| {}), [1, command, 2, command, command, 9]);
        let all = [1, command, 2, command, 3, command, 4];
        assert_eq!(written(Queue::send), [&all[..], &[9]].concat());
        let more = |queue: &mut Queue<Kept>| queue.push(access(8));
        assert_eq!(written(more), [&all[..], &[8, 9]].concat());
    }

    #[test]
    fn what_is_sent_early_arrives_once() {
        let mut queue = Queue::new(Kept::default());
        for vaddr in 0..3 {
            queue.push(access(vaddr));
            queue.send();
        }
        assert_eq!(queue.finish().unwrap().0, [0, 1, 2]);
    }
}
