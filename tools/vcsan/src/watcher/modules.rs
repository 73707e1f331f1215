// SPDX-License-Identifier: GPL-2.0-only
//! Modules that the guest loads.

use super::{Watcher, fragment};
use crate::event::Command;
use crate::guest::Cpu;
use crate::queue::Sink;
use crate::symbols::Module;

impl<S: Sink> Watcher<S> {
    /// Whether [`load`](Self::load) is to be told of a block that begins at `pc`.
    #[must_use]
    pub fn loads_at(&self, pc: u64) -> bool {
        let pc = self.target.vaddr(pc);
        self.loader
            .as_ref()
            .is_some_and(|loader| loader.follows(pc))
    }

    /// The CPU begins a block of the kernel's module loader.
    pub fn load(&mut self, cpu: &impl Cpu, pc: u64) {
        let pc = self.target.vaddr(pc);
        let Some(loader) = &mut self.loader else {
            return;
        };
        match loader.arrive(cpu, pc) {
            Ok(Some(module)) => self.loaded(&module),
            Ok(None) => {}
            Err(text) => self.fail(&text),
        }
    }

    fn loaded(&mut self, module: &Module) {
        let Some(folder) = &self.modules else {
            return;
        };
        let added = self.names.lock().symbols.add_module(module, folder);
        match added {
            Ok(code) => {
                self.names.lock().sites.loaded(&code);
                self.callers.loaded(&module.name, &code);
                // What is translated there from now on is other code.
                let elsewhere = |pc: u64| !code.iter().any(|range| range.contains(&pc));
                self.numbers.retain(|&(pc, _), _| elsewhere(pc));
                self.groups.retain(elsewhere);
                self.queue.command(Command::Named(module.to_string()));
            }
            Err(error) => self.fail(&fragment(&error)),
        }
    }
}
