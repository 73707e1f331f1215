// SPDX-License-Identifier: GPL-2.0-only
//! How many instructions the CPU has executed: counted by code that QEMU generates, without a callback.

use qemu_plugin_sys as sys;
use sys::qemu_plugin_op::QEMU_PLUGIN_INLINE_ADD_U64;

/// The count.
pub(super) struct Counter {
    board: *mut sys::qemu_plugin_scoreboard,
}

impl Counter {
    pub(super) fn new() -> Self {
        Self {
            // SAFETY: allocates, or aborts without memory. A new scoreboard is all zeros.
            board: unsafe { sys::qemu_plugin_scoreboard_new(size_of::<u64>()) },
        }
    }

    fn entry(&self) -> sys::qemu_plugin_u64 {
        sys::qemu_plugin_u64 {
            score: self.board,
            offset: 0,
        }
    }

    /// Counts an instruction from now on, whenever it is executed. Each by itself: a block may be left in its middle.
    ///
    /// # Safety
    ///
    /// `insn` is one of the block in translation.
    pub(super) unsafe fn count(&self, insn: *mut sys::qemu_plugin_insn) {
        // SAFETY: as promised; the scoreboard lives as long as the plugin, which is not unloaded.
        unsafe {
            sys::qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
                insn,
                QEMU_PLUGIN_INLINE_ADD_U64,
                self.entry(),
                1,
            );
        }
    }

    /// Instructions so far.
    pub(super) fn read(&self) -> u64 {
        // SAFETY: the scoreboard has one entry, and the only vCPU is number 0.
        unsafe { sys::qemu_plugin_u64_get(self.entry(), 0) }
    }
}
