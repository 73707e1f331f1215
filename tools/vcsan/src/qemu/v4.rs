// SPDX-License-Identifier: GPL-2.0-only
//! What version 4 of the plugin interface has for itself: QEMU 10.0's.

use super::{finish, first_vcpu_only, idle, translated};
use qemu_plugin_sys as sys;
use std::ffi::{CStr, c_int, c_uint, c_void};

/// The version.
pub(super) const VERSION: c_int = 4;
/// Which QEMU has it.
pub(super) const QEMU: &str = "QEMU 10.0";
/// What is loaded into another one.
pub(super) const OTHER: &str =
    "QEMU 11.1 takes libvcsan_qemu11.so, of cargo build --release -p vcsan-qemu11";
/// A function that QEMU has if it is that other one.
pub(super) const OF_OTHER: &CStr = c"qemu_plugin_register_vcpu_discon_cb";
/// Whether it is the other one if it has the function, or if it has not.
pub(super) const OTHER_HAS: bool = true;

/// What QEMU says of a register that it publishes.
pub(super) type RegisterDescriptor = sys::qemu_plugin_reg_descriptor;

/// The handle of a register by its number in GDB's protocol.
pub(super) const fn handle_of(number: usize) -> usize {
    number + 1
}

/// Appends a register's value to `buffer`. Whether there is one.
///
/// # Safety
///
/// Called from a callback that has registers; `handle` is one of QEMU's, `buffer` an array.
pub(super) unsafe fn read_register(handle: usize, buffer: *mut sys::GByteArray) -> bool {
    // SAFETY: as promised.
    let len =
        unsafe { sys::qemu_plugin_read_register(handle as *mut sys::qemu_plugin_register, buffer) };
    len > 0
}

/// Whether an access of PA-RISC's is untranslated: `MMU_IDX_MMU_DISABLED` in QEMU's target/hppa/cpu.h.
#[inline(always)]
pub(super) fn is_absolute(info: sys::qemu_plugin_meminfo_t) -> bool {
    info & 15 < 8
}

/// The physical address that the CPU translates a virtual one to at this moment: not told.
pub(super) fn translate(_: u64) -> Option<u64> {
    None
}

/// Reads physical memory, which is not offered.
pub(super) fn read_physical(_: u64, _: &mut [u8]) -> bool {
    false
}

unsafe extern "C" fn on_vcpu(_: sys::qemu_plugin_id_t, index: c_uint) {
    first_vcpu_only(index);
}

unsafe extern "C" fn on_translation(_: sys::qemu_plugin_id_t, block: *mut sys::qemu_plugin_tb) {
    // SAFETY: QEMU passes a block that is valid for this callback.
    unsafe { translated(block) };
}

unsafe extern "C" fn on_idle(_: sys::qemu_plugin_id_t, _: c_uint) {
    idle();
}

unsafe extern "C" fn on_exit(_: sys::qemu_plugin_id_t, _: *mut c_void) {
    finish();
}

/// Registers the callbacks of a run. `debugger`: one stops the guest.
///
/// # Safety
///
/// `id` is this plugin's, which is not unloaded.
pub(super) unsafe fn register(id: sys::qemu_plugin_id_t, debugger: bool) {
    // SAFETY: as promised; the functions live as long as the plugin.
    unsafe {
        sys::qemu_plugin_register_vcpu_init_cb(id, Some(on_vcpu));
        sys::qemu_plugin_register_vcpu_tb_trans_cb(id, Some(on_translation));
        if debugger {
            sys::qemu_plugin_register_vcpu_idle_cb(id, Some(on_idle));
        }
        sys::qemu_plugin_register_atexit_cb(id, Some(on_exit), std::ptr::null_mut());
    }
}
