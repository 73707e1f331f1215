// SPDX-License-Identifier: GPL-2.0-only
//! Registers of the guest, through handles that QEMU gives or takes.

use super::{Guest, interface};
use crate::decode::Arch;
use crate::guest::{Cpu, Memory, Register, Target};
use qemu_plugin_sys as sys;
use std::ffi::{CStr, c_char, c_int, c_uint};

// QEMU has these of GLib, and the plugin has them of QEMU.
unsafe extern "C" {
    fn g_byte_array_new() -> *mut sys::GByteArray;
    fn g_byte_array_set_size(array: *mut sys::GByteArray, len: c_uint) -> *mut sys::GByteArray;
    fn g_array_free(array: *mut sys::GArray, free_segment: c_int) -> *mut c_char;
}

/// The registers of a target: handles that QEMU reads them by.
#[derive(Default)]
struct Registers {
    /// By number; 0 for what does not exist.
    general: [usize; 32],
    cpsr: Option<usize>,
    pc: Option<usize>,
    status: Option<usize>,
    /// By number; 0 for what does not exist.
    space: [usize; 8],
}

impl Registers {
    /// ARM publishes its registers by name.
    fn arm() -> Self {
        let mut registers = Self::default();
        // SAFETY: called in a vCPU's context, as QEMU demands.
        let array = unsafe { sys::qemu_plugin_get_registers() };
        if array.is_null() {
            return registers;
        }
        // SAFETY: QEMU returns an array of descriptors, whose length it gives.
        let (data, len) = unsafe { ((*array).data, (*array).len as usize) };
        for index in 0..len {
            // SAFETY: `index` is inside of the array; a descriptor is plain data, read without asking for alignment.
            let descriptor = unsafe {
                data.cast::<interface::RegisterDescriptor>()
                    .add(index)
                    .read_unaligned()
            };
            if descriptor.name.is_null() {
                continue;
            }
            // SAFETY: names are strings of QEMU's that live as long as it does.
            let name = unsafe { CStr::from_ptr(descriptor.name) };
            let handle = descriptor.handle as usize;
            match name.to_bytes() {
                b"sp" => registers.general[13] = handle,
                b"lr" => registers.general[14] = handle,
                b"pc" => registers.pc = Some(handle),
                b"cpsr" => registers.cpsr = Some(handle),
                [b'r', number @ ..] => {
                    if let Some(number) = std::str::from_utf8(number)
                        .ok()
                        .and_then(|number| number.parse::<usize>().ok())
                        .filter(|number| *number < 13)
                    {
                        registers.general[number] = handle;
                    }
                }
                _ => {}
            }
        }
        // SAFETY: the caller frees the array, and nobody has it any more.
        unsafe { g_array_free(array, 1) };
        registers
    }

    /// MIPS and PA-RISC publish none, but handles are made of GDB's numbers of registers.
    fn by_gdb_number(pc: usize) -> Self {
        Self {
            general: std::array::from_fn(interface::handle_of),
            pc: Some(interface::handle_of(pc)),
            ..Self::default()
        }
    }

    fn mips() -> Self {
        Self {
            status: Some(interface::handle_of(32)),
            ..Self::by_gdb_number(37)
        }
    }

    fn parisc() -> Self {
        Self {
            // `hppa_cpu_gdb_read_register` in QEMU's target/hppa/gdbstub.c: the status word stands in register 0's place.
            status: Some(interface::handle_of(0)),
            space: [44, 45, 46, 47, 43, 48, 49, 50].map(interface::handle_of),
            ..Self::by_gdb_number(33)
        }
    }

    fn of(target: Target) -> Self {
        match target.arch {
            Arch::Arm => Self::arm(),
            Arch::Mips => Self::mips(),
            Arch::Parisc => Self::parisc(),
        }
    }
}

/// Reads registers.
pub(super) struct Reader {
    target: Target,
    guest: Guest,
    registers: Registers,
    /// Kept for its allocation.
    buffer: *mut sys::GByteArray,
}

impl Reader {
    /// A reader that knows no register yet: they exist from the first instruction on.
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            guest: Guest { arch: target.arch },
            registers: Registers::default(),
            // SAFETY: makes an array, or aborts without memory.
            buffer: unsafe { g_byte_array_new() },
        }
    }

    /// Finds all registers, before the first instruction, at `pc`. Only there it is certain that the program counter is
    /// in its register, so that it tells whether they are what they are taken for.
    ///
    /// # Errors
    ///
    /// A fragment, if they are not.
    pub(super) fn find(&mut self, pc: u64) -> Result<(), String> {
        let target = self.target;
        self.registers = Registers::of(target);
        let registers = &self.registers;
        let found = registers
            .pc
            .and_then(|handle| self.read(handle))
            // The low bits of PA-RISC's are a privilege level; spaces are in a register of their own.
            .map(|value| value & 0xffff_fffc);
        if found != Some(pc & 0xffff_fffc) {
            return Err(format!(
                "read registers: the program counter reads as {found:#x?} instead of {pc:#x}; is this {}?",
                interface::QEMU
            ));
        }
        // ARM's program counter is none that maintenance reads.
        let general = match target.arch {
            Arch::Arm => 15,
            Arch::Mips | Arch::Parisc => 32,
        };
        let all = registers.general[..general]
            .iter()
            .all(|handle| *handle != 0);
        if !all || target.arch == Arch::Arm && registers.cpsr.is_none() {
            return Err("read registers: QEMU does not publish all of them".into());
        }
        Ok(())
    }

    fn read(&self, handle: usize) -> Option<u64> {
        // SAFETY: the array is the plugin's own, and a size of 0 is always possible.
        unsafe { g_byte_array_set_size(self.buffer, 0) };
        // SAFETY: called from a callback that asked for registers; `handle` is one of QEMU's, see `Registers`.
        if !unsafe { interface::read_register(handle, self.buffer) } {
            return None;
        }
        // SAFETY: the array is valid, and has what QEMU appended.
        let bytes = unsafe {
            let (data, len) = ((*self.buffer).data, (*self.buffer).len as usize);
            std::slice::from_raw_parts(data, len)
        };
        if !(1..=8).contains(&bytes.len()) {
            return None;
        }
        let value = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.target.big_endian {
            bytes.iter().fold(0, value)
        } else {
            bytes.iter().rev().fold(0, value)
        })
    }
}

impl Memory for Reader {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        self.guest.read(vaddr, into)
    }

    fn read_physical(&self, paddr: u64, into: &mut [u8]) -> bool {
        self.guest.read_physical(paddr, into)
    }

    fn translate(&self, vaddr: u64) -> Option<u64> {
        self.guest.translate(vaddr)
    }
}

impl Cpu for Reader {
    fn register(&self, register: Register) -> Result<u64, String> {
        let handle = match register {
            Register::General(number) => self.registers.general.get(usize::from(number)).copied(),
            Register::Cpsr => self.registers.cpsr,
            Register::Status => self.registers.status,
            Register::Space(number) => self.registers.space.get(usize::from(number)).copied(),
        };
        handle
            .filter(|handle| *handle != 0)
            .and_then(|handle| self.read(handle))
            .ok_or_else(|| format!("read register {register:?}"))
    }
}
