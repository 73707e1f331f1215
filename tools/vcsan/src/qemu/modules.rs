// SPDX-License-Identifier: GPL-2.0-only
//! Callbacks where the kernel's module loader executes blocks.

use super::{Plugin, with_plugin};
use qemu_plugin_sys as sys;
use std::ffi::{c_uint, c_void};
use sys::qemu_plugin_cb_flags::QEMU_PLUGIN_CB_R_REGS;

unsafe extern "C" fn on_block(_: c_uint, data: *mut c_void) {
    // CAST: a number in a pointer.
    let pc = data as usize as u64;
    with_plugin(|plugin| plugin.session.watcher.load(&plugin.reader, pc));
}

/// Registers the callback of a block, if it is one of the loader's.
///
/// # Safety
///
/// `block` is valid, and has as many instructions as `plugin.block`.
pub(super) unsafe fn register(plugin: &mut Plugin, block: *mut sys::qemu_plugin_tb) {
    let Some(code) = plugin.block.first() else {
        return;
    };
    if !plugin.session.watcher.loads_at(code.pc) {
        return;
    }
    // CAST: a number in a pointer; hosts have 64 bits.
    let data = code.pc as usize as *mut c_void;
    // SAFETY: `block` is valid; the callback lives as long as the plugin, which is not unloaded.
    unsafe {
        sys::qemu_plugin_register_vcpu_tb_exec_cb(
            block,
            Some(on_block),
            QEMU_PLUGIN_CB_R_REGS,
            data,
        );
    }
}
