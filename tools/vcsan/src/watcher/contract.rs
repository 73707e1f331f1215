// SPDX-License-Identifier: GPL-2.0-only
//! Calls of the kernel's DMA API, if they are followed.

use super::Watcher;
use crate::contract::{Caller, Hook, Step};
use crate::event::Command;
use crate::guest::Cpu;
use crate::queue::Sink;
use crate::runs::Code;

impl<S: Sink> Watcher<S> {
    /// A block is translated: the functions of the DMA API that begin in it, by the index of the instruction.
    #[must_use]
    pub fn hooks(&self, block: &[Code]) -> Vec<(usize, Hook)> {
        let Some(calls) = &self.calls else {
            return Vec::new();
        };
        let begins =
            |(index, code): (usize, &Code)| Some((index, calls.hook(self.target.vaddr(code.pc))?));
        block.iter().enumerate().filter_map(begins).collect()
    }

    /// Whether the DMA API is followed.
    #[must_use]
    pub fn follows_calls(&self) -> bool {
        self.calls.is_some()
    }

    /// Whether a function has been entered that has not returned.
    #[must_use]
    pub fn awaits_return(&self) -> bool {
        self.calls
            .as_ref()
            .is_some_and(|calls| calls.awaits_return())
    }

    /// Whether [`arrive`](Self::arrive) is to be told of a block at `pc`.
    #[must_use]
    pub fn returns_to(&self, pc: u64) -> bool {
        let pc = self.target.vaddr(pc);
        self.calls
            .as_ref()
            .is_some_and(|calls| calls.returns_to(pc))
    }

    /// The CPU enters a function of the DMA API.
    pub fn call(&mut self, cpu: &impl Cpu, hook: Hook) {
        match hook {
            Hook::Free(call) => return self.freed(cpu, call),
            Hook::Unload => return self.unloaded(cpu),
            Hook::ForDevice | Hook::ForCpu => self.need_geometry(cpu),
            Hook::Single(_)
            | Hook::List(_)
            | Hook::MapTable
            | Hook::Wrapper(_)
            | Hook::Alloc
            | Hook::AllocTable => self.note_callers(cpu),
            _ => {}
        }
        let Some(calls) = &mut self.calls else {
            return;
        };
        let names = &self.names;
        let site = |pc| names.lock().sites.device(pc);
        match calls.enter(cpu, hook, site) {
            Ok(Some((step, caller))) => self.step(step, caller),
            Ok(None) => {}
            Err(text) => self.fail(&text),
        }
    }

    /// The CPU begins a block at `pc`.
    pub fn arrive(&mut self, cpu: &impl Cpu, pc: u64) {
        let pc = self.target.vaddr(pc);
        let Some(calls) = &mut self.calls else {
            return;
        };
        match calls.arrive(cpu, pc) {
            Ok(steps) => {
                for (step, caller) in steps {
                    self.step(step, caller);
                }
            }
            Err(text) => self.fail(&text),
        }
    }

    pub(super) fn step(&mut self, step: Step, caller: Caller) {
        match step {
            Step::ForDevice { dir, .. } if dir.device_reads() => self.counts.device_reads += 1,
            Step::ForCpu { dir, .. } if dir.device_writes() => self.counts.device_writes += 1,
            _ => {}
        }
        self.queue.command(Command::Dma { step, caller });
    }
}
