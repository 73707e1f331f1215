// SPDX-License-Identifier: GPL-2.0-only
//! Callbacks where functions of the DMA API are entered, and, while one has not returned, where blocks begin.

use super::{Plugin, look, with_plugin};
use crate::contract::Hook;
use qemu_plugin_sys as sys;
use std::ffi::{c_uint, c_void};
use sys::qemu_plugin_cb_flags::QEMU_PLUGIN_CB_R_REGS;
use sys::qemu_plugin_cond::QEMU_PLUGIN_COND_NE;

/// Whether a function has not returned: a number that code of QEMU's looks at, at the beginning of each block.
pub(super) struct Awaiting {
    board: *mut sys::qemu_plugin_scoreboard,
    set: bool,
}

impl Awaiting {
    pub(super) fn new() -> Self {
        Self {
            // SAFETY: allocates, or aborts without memory. A new scoreboard is all zeros.
            board: unsafe { sys::qemu_plugin_scoreboard_new(size_of::<u64>()) },
            set: false,
        }
    }

    fn entry(&self) -> sys::qemu_plugin_u64 {
        sys::qemu_plugin_u64 {
            score: self.board,
            offset: 0,
        }
    }

    fn set(&mut self, awaiting: bool) {
        if self.set != awaiting {
            self.set = awaiting;
            // SAFETY: the scoreboard lives as long as the plugin, and the only vCPU is number 0.
            unsafe { sys::qemu_plugin_u64_set(self.entry(), 0, u64::from(awaiting)) };
        }
    }
}

unsafe extern "C" fn on_call(_: c_uint, data: *mut c_void) {
    let Some(hook) = Hook::of_number(data as usize) else {
        return;
    };
    with_plugin(|plugin| {
        plugin.session.watcher.call(&plugin.reader, hook);
        plugin.awaiting.set(plugin.session.watcher.awaits_return());
    });
}

unsafe extern "C" fn on_block(_: c_uint, data: *mut c_void) {
    let pc = data as usize as u64;
    // A loop of maintenance goes on where nothing returns.
    if look(|plugin| plugin.session.watcher.returns_to(pc)) != Some(true) {
        return;
    }
    with_plugin(|plugin| {
        plugin.session.watcher.arrive(&plugin.reader, pc);
        plugin.awaiting.set(plugin.session.watcher.awaits_return());
    });
}

/// Registers the callbacks of a block for calls of the DMA API, if that is followed.
///
/// # Safety
///
/// `block` is valid, and has as many instructions as `plugin.block`.
pub(super) unsafe fn register(plugin: &mut Plugin, block: *mut sys::qemu_plugin_tb) {
    if !plugin.session.watcher.follows_calls() {
        return;
    }
    if let Some(code) = plugin.block.first() {
        // CAST: a number in a pointer; hosts have 64 bits.
        let data = code.pc as usize as *mut c_void;
        // SAFETY: `block` is valid; the callback and the scoreboard live as long as the plugin, which is not unloaded.
        unsafe {
            sys::qemu_plugin_register_vcpu_tb_exec_cond_cb(
                block,
                Some(on_block),
                QEMU_PLUGIN_CB_R_REGS,
                QEMU_PLUGIN_COND_NE,
                plugin.awaiting.entry(),
                0,
                data,
            );
        }
    }
    for (index, hook) in plugin.session.watcher.hooks(&plugin.block) {
        // SAFETY: `index` is one of the block's.
        let insn = unsafe { sys::qemu_plugin_tb_get_insn(block, index) };
        // CAST: a number in a pointer.
        let data = hook.number() as *mut c_void;
        // SAFETY: as above.
        unsafe {
            sys::qemu_plugin_register_vcpu_insn_exec_cb(
                insn,
                Some(on_call),
                QEMU_PLUGIN_CB_R_REGS,
                data,
            );
        }
    }
}
