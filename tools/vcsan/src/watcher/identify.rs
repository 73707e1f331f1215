// SPDX-License-Identifier: GPL-2.0-only
//! Which cache the guest has, as far as it looks itself.

use super::Watcher;
use crate::decode::Arch;
use crate::event::Command;
use crate::guest::{Cpu, Register};
use crate::identify::{self, Reading};
use crate::queue::Sink;
use crate::runs::Code;
use vcsan_model::Geometry;

/// What is known of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing yet.
    Nothing,
    /// What the user says.
    Given,
    /// What the kernel has read.
    Read,
}

impl<S: Sink> Watcher<S> {
    /// A block is translated: where the kernel reads what its CPU is, by the instruction at which a register has that.
    #[must_use]
    pub fn readings(&self, block: &[Code]) -> Vec<(usize, Reading)> {
        match self.geometry {
            Known::Read => Vec::new(),
            Known::Nothing | Known::Given => identify::find(self.target, block),
        }
    }

    /// A register has what the kernel reads of its CPU.
    pub fn identify(&mut self, cpu: &impl Cpu, reading: Reading) {
        if self.geometry == Known::Read {
            return;
        }
        let learnt = cpu
            .register(Register::General(reading.register))
            .and_then(|value| {
                // CAST: registers of 32 bits.
                self.identified.learn(reading.identity, value as u32);
                self.identified.geometry()
            });
        match learnt {
            Ok(Some(geometry)) => self.found_geometry(geometry),
            Ok(None) => {}
            Err(text) => self.fail(&text),
        }
    }

    /// Memory is about to be handed over: the cache must be known.
    pub(super) fn need_geometry(&mut self, cpu: &impl Cpu) {
        if self.geometry == Known::Read {
            return;
        }
        let mut bytes = [0; 4];
        if self.target.arch == Arch::Parisc
            && self
                .stride
                .is_some_and(|stride| cpu.read(stride, &mut bytes))
        {
            match identify::parisc(self.target.word(bytes)) {
                Ok(geometry) => return self.found_geometry(geometry),
                Err(text) => return self.fail(&text),
            }
        }
        if self.geometry == Known::Nothing
            && let Some(geometry) = self.identified.assumed()
        {
            return self.found_geometry(geometry);
        }
        if self.geometry == Known::Nothing {
            self.geometry = Known::Given;
            self.fail(
                "find out the geometry of the cache: the kernel has not read it; say geometry=vivt|vipt|pipt:LINE:WAY:WAYS or geometry=parisc:LINE:EQUIVALENCE",
            );
        }
    }

    fn found_geometry(&mut self, geometry: Geometry) {
        let given = self.geometry == Known::Given;
        self.geometry = Known::Read;
        if !given {
            self.cache.geometry = geometry;
            self.queue.command(Command::Geometry(geometry));
        } else if self.cache.geometry != geometry {
            let said = self.cache.geometry;
            self.fail(&format!(
                "believe geometry={said}: the registers that the kernel reads say {geometry}"
            ));
        }
    }
}
