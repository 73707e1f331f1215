// SPDX-License-Identifier: GPL-2.0-only
//! What the guest says about itself.

use super::{Watcher, fragment};
use crate::event::Command;
use crate::guest::Memory;
use crate::names::Names;
use crate::notes::Note;
use crate::queue::Sink;
use crate::stats::Measured;
use crate::symbols::ModuleNote;
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
            Note::Module(text) => self.module(&text),
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

    fn module(&mut self, text: &str) {
        let Some(folder) = &self.modules else {
            return;
        };
        let added = match text.parse::<ModuleNote>() {
            Ok(note) => {
                let Names { symbols, sites, .. } = &mut *self.names.lock();
                symbols
                    .add_module(&note, folder, |range| sites.executed(range))
                    .map_err(|error| fragment(&error))
            }
            Err(error) => Err(fragment(&error)),
        };
        match added {
            Ok(code) => {
                self.names.lock().sites.loaded(&code);
                // What is translated there from now on is other code.
                let elsewhere = |pc: u64| !code.iter().any(|range| range.contains(&pc));
                self.numbers.retain(|&(pc, _), _| elsewhere(pc));
                self.groups.retain(elsewhere);
                self.queue.command(Command::Named(text.to_owned()));
            }
            Err(text) => self.fail(&text),
        }
    }
}
