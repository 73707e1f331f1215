// SPDX-License-Identifier: GPL-2.0-only
//! What the guest says about itself.

use super::Watcher;
use crate::event::Command;
use crate::guest::Memory;
use crate::notes::Note;
use crate::queue::Sink;
use crate::stats::Measured;
use vcsan_model::Site;

impl<S: Sink> Watcher<S> {
    /// The magic word of a note was stored.
    #[cold]
    pub(super) fn magic(&mut self, memory: &impl Memory, vaddr: u64, site: Site) {
        let origin = self.names.lock().sites.origin(site);
        let pc = origin.map_or(0, |origin| origin.pc);
        match self.notes.read(memory, self.target, vaddr) {
            Ok(None) => {}
            Ok(Some(note)) => {
                self.counts.notes += 1;
                self.note(note, pc);
            }
            Err(text) => self.fail(&text),
        }
    }

    fn note(&mut self, note: Note, pc: u64) {
        match note {
            Note::Watch { first, len, name } => {
                if self.takes_notes {
                    self.queue.command(Command::Watch {
                        first,
                        len,
                        name,
                        temporary: true,
                    });
                }
            }
            Note::Unwatch { first, len } => self.queue.command(Command::Unwatch { first, len }),
            Note::Test(name) => {
                self.settle_transfers();
                let test = Some(name).filter(|name| !name.is_empty());
                self.queue.command(Command::Test(test));
                // What the last one ran into is in the file soon, whatever becomes of the guest.
                self.queue.send();
            }
            // The calls of the DMA API say it.
            Note::DeviceRead { .. } | Note::DeviceWrite { .. } if self.calls.is_some() => {}
            Note::DeviceRead { first, len } => self.transfer(first, len, false, pc),
            Note::DeviceWrite { first, len } => self.transfer(first, len, true, pc),
            Note::Measure(name) => match self.executed {
                Some(executed) => {
                    self.measuring = Some((name, executed, self.maintenance.clone()));
                }
                None => {
                    self.fail("count instructions, as the guest asks for: say count=instructions")
                }
            },
            Note::Measured => match self.measuring.take() {
                Some((name, executed, maintenance)) => {
                    let measured = Measured {
                        name,
                        instructions: self.executed.unwrap_or_default() - executed,
                        maintenance: self.maintenance.since(&maintenance),
                    };
                    self.queue.command(Command::Measured(measured));
                }
                None => {
                    self.fail("understand the end of what the guest measures: nothing has begun")
                }
            },
            Note::Expect(title) => self.queue.command(Command::Expect(title)),
        }
    }
}
