// SPDX-License-Identifier: GPL-2.0-only
//! The stacks of instructions that an earlier run has found something at.

use super::Watcher;
use crate::event::Command;
use crate::guest::Cpu;
use crate::queue::Sink;
use crate::runs::Code;
use crate::stack::unwind;

impl<S: Sink> Watcher<S> {
    /// A block is translated: the instructions in it whose stacks are wanted, by index and address.
    #[must_use]
    pub fn traced(&self, block: &[Code]) -> Vec<(usize, u64)> {
        if self.stacks.is_empty() {
            return Vec::new();
        }
        let pcs = block.iter().map(|code| self.target.vaddr(code.pc));
        let wanted = |(_, pc): &(usize, u64)| self.stacks.contains(pc);
        pcs.enumerate().filter(wanted).collect()
    }

    /// Whether the stacks of any instructions are wanted.
    pub(super) fn traces(&self) -> bool {
        !self.stacks.is_empty()
    }

    /// The CPU is before such an instruction.
    pub fn trace(&mut self, cpu: &impl Cpu, pc: u64) {
        let stack = unwind(cpu, self.target).into();
        self.queue.command(Command::Stack { pc, stack });
    }
}
