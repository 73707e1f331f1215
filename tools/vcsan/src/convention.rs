// SPDX-License-Identifier: GPL-2.0-only
//! Which registers a function of the kernel finds its arguments in.

use crate::decode::Arch;
use crate::guest::{Cpu, Register};

/// Where a calling convention has what.
#[derive(Clone, Copy, Debug)]
pub struct Convention {
    /// Registers of the first four arguments.
    pub arguments: [u8; 4],
    /// Register of the result.
    pub result: u8,
    /// Register of the address to return to.
    pub return_address: u8,
    /// The stack pointer.
    pub stack: u8,
    /// Bytes from the return address back to the call.
    pub call: u64,
    /// Bits of the return address that are no part of it: on PA-RISC a privilege level, on ARM the instruction set.
    pub flags: u64,
}

impl Convention {
    /// That of a 32-bit kernel.
    #[must_use]
    pub const fn of(arch: Arch) -> Self {
        match arch {
            Arch::Arm => Self {
                arguments: [0, 1, 2, 3],
                result: 0,
                return_address: 14,
                stack: 13,
                call: 4,
                // Thumb code returns to odd halfwords too.
                flags: 1,
            },
            Arch::Mips => Self {
                arguments: [4, 5, 6, 7],
                result: 2,
                return_address: 31,
                stack: 29,
                call: 8,
                flags: 0,
            },
            Arch::Parisc => Self {
                arguments: [26, 25, 24, 23],
                result: 28,
                return_address: 2,
                stack: 30,
                call: 8,
                flags: 3,
            },
        }
    }

    /// An argument of the function that is entered, one of the first four.
    ///
    /// # Errors
    ///
    /// A fragment: a register that can't be read.
    pub fn argument(&self, cpu: &impl Cpu, number: usize) -> Result<u64, String> {
        let register = Register::General(self.arguments[number]);
        Ok(cpu.register(register)? & 0xffff_ffff)
    }
}
