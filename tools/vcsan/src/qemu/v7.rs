// SPDX-License-Identifier: GPL-2.0-only
//! What version 7 of the plugin interface has for itself: QEMU 11.1's.
//!
//! Callbacks have data of the plugin's instead of its number, registers other handles, and numbers of accesses more room for
//! the MMU's mode. What version 4 lacks altogether is looked up when it is needed, so that the file can be loaded, and refused in
//! words, where it is missing.

use super::{finish, first_vcpu_only, idle, translated, with_bytes, with_plugin};
use qemu_plugin_sys as sys;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::mem::transmute;
use std::sync::OnceLock;
use sys::qemu_plugin_hwaddr_operation_result::QEMU_PLUGIN_HWADDR_OPERATION_OK;

/// The version.
pub(super) const VERSION: c_int = 7;
/// Which QEMU has it.
pub(super) const QEMU: &str = "QEMU 11.1";
/// What is loaded into another one.
pub(super) const OTHER: &str = "QEMU 10.0 takes libvcsan.so, of cargo build --release -p vcsan";
/// A function that QEMU has unless it is that other one.
pub(super) const OF_OTHER: &CStr = c"qemu_plugin_register_vcpu_discon_cb";
/// Whether it is the other one if it has the function, or if it has not.
pub(super) const OTHER_HAS: bool = false;

/// What QEMU says of a register that it publishes.
#[repr(C)]
pub(super) struct RegisterDescriptor {
    pub(super) handle: *mut sys::qemu_plugin_register,
    pub(super) name: *const c_char,
    feature: *const c_char,
    is_readonly: bool,
}

type OnVcpu = unsafe extern "C" fn(c_uint, *mut c_void);
type OnBlock = unsafe extern "C" fn(*mut sys::qemu_plugin_tb, *mut c_void);
type OnDiscontinuity = unsafe extern "C" fn(c_uint, c_int, u64, u64, *mut c_void);
type OnExit = unsafe extern "C" fn(*mut c_void);

unsafe extern "C" {
    #[link_name = "qemu_plugin_register_vcpu_init_cb"]
    fn register_vcpu_init_cb(id: sys::qemu_plugin_id_t, callback: OnVcpu, data: *mut c_void);
    #[link_name = "qemu_plugin_register_vcpu_idle_cb"]
    fn register_vcpu_idle_cb(id: sys::qemu_plugin_id_t, callback: OnVcpu, data: *mut c_void);
    #[link_name = "qemu_plugin_register_vcpu_tb_trans_cb"]
    fn register_vcpu_tb_trans_cb(id: sys::qemu_plugin_id_t, callback: OnBlock, data: *mut c_void);
    #[link_name = "qemu_plugin_register_atexit_cb"]
    fn register_atexit_cb(id: sys::qemu_plugin_id_t, callback: OnExit, data: *mut c_void);
    #[link_name = "qemu_plugin_read_register"]
    fn read_register_of(handle: *mut c_void, buffer: *mut sys::GByteArray) -> bool;
}

type TranslateVaddr = unsafe extern "C" fn(u64, *mut u64) -> bool;
type ReadMemoryHwaddr = unsafe extern "C" fn(
    u64,
    *mut sys::GByteArray,
    usize,
) -> sys::qemu_plugin_hwaddr_operation_result;
type RegisterDisconCb =
    unsafe extern "C" fn(sys::qemu_plugin_id_t, c_int, OnDiscontinuity, *mut c_void);

/// What version 4 lacks.
struct Newer {
    translate_vaddr: TranslateVaddr,
    read_memory_hwaddr: ReadMemoryHwaddr,
    register_discon_cb: RegisterDisconCb,
}

/// It, if QEMU has all of it.
fn newer() -> Option<&'static Newer> {
    static NEWER: OnceLock<Option<Newer>> = OnceLock::new();
    let find = || {
        let translate_vaddr = super::symbol(c"qemu_plugin_translate_vaddr")?;
        let read_memory_hwaddr = super::symbol(c"qemu_plugin_read_memory_hwaddr")?;
        let register_discon_cb = super::symbol(OF_OTHER)?;
        // SAFETY: QEMU has functions of these types by these names since it has them.
        unsafe {
            Some(Newer {
                translate_vaddr: transmute::<*mut c_void, TranslateVaddr>(translate_vaddr),
                read_memory_hwaddr: transmute::<*mut c_void, ReadMemoryHwaddr>(read_memory_hwaddr),
                register_discon_cb: transmute::<*mut c_void, RegisterDisconCb>(register_discon_cb),
            })
        }
    };
    NEWER.get_or_init(find).as_ref()
}

/// The handle of a register by its number in GDB's protocol. The lowest bit says that it can't be written.
pub(super) const fn handle_of(number: usize) -> usize {
    (number + 1) << 1
}

/// Appends a register's value to `buffer`. Whether there is one.
///
/// # Safety
///
/// Called from a callback that has registers; `handle` is one of QEMU's, `buffer` an array.
pub(super) unsafe fn read_register(handle: usize, buffer: *mut sys::GByteArray) -> bool {
    // SAFETY: as promised.
    unsafe { read_register_of(handle as *mut c_void, buffer) }
}

/// Whether an access of PA-RISC's is untranslated: `MMU_IDX_MMU_DISABLED` in QEMU's target/hppa/cpu.h.
#[inline(always)]
pub(super) fn is_absolute(info: sys::qemu_plugin_meminfo_t) -> bool {
    info & 31 >= 8
}

/// The physical address that the CPU translates a virtual one to at this moment.
pub(super) fn translate(vaddr: u64) -> Option<u64> {
    let translate = newer()?.translate_vaddr;
    let mut paddr = 0;
    // SAFETY: called from a callback of the vCPU.
    unsafe { translate(vaddr, &raw mut paddr) }.then_some(paddr)
}

/// Reads physical memory. False if there is none.
pub(super) fn read_physical(paddr: u64, into: &mut [u8]) -> bool {
    let Some(newer) = newer() else {
        return false;
    };
    with_bytes(into, |array, len| {
        // SAFETY: called from a callback of the vCPU; QEMU makes the array as large as need be.
        let result = unsafe { (newer.read_memory_hwaddr)(paddr, array, len) };
        result == QEMU_PLUGIN_HWADDR_OPERATION_OK
    })
}

unsafe extern "C" fn on_vcpu(index: c_uint, _: *mut c_void) {
    first_vcpu_only(index);
}

unsafe extern "C" fn on_translation(block: *mut sys::qemu_plugin_tb, _: *mut c_void) {
    // SAFETY: QEMU passes a block that is valid for this callback.
    unsafe { translated(block) };
}

unsafe extern "C" fn on_idle(_: c_uint, _: *mut c_void) {
    idle();
}

/// `QEMU_PLUGIN_DISCON_EXCEPTION`: what an instruction causes, as a fault does.
const EXCEPTION: c_int = 2;

/// An instruction was not executed, and the CPU goes on elsewhere.
unsafe extern "C" fn on_exception(_: c_uint, _: c_int, from: u64, _: u64, _: *mut c_void) {
    with_plugin(|plugin| plugin.session.watcher.faulted(from));
}

unsafe extern "C" fn on_exit(_: *mut c_void) {
    finish();
}

/// Registers the callbacks of a run. `debugger`: one stops the guest.
///
/// # Safety
///
/// `id` is this plugin's, which is not unloaded.
pub(super) unsafe fn register(id: sys::qemu_plugin_id_t, debugger: bool) {
    let none = std::ptr::null_mut();
    // SAFETY: as promised; the functions live as long as the plugin.
    unsafe {
        register_vcpu_init_cb(id, on_vcpu, none);
        register_vcpu_tb_trans_cb(id, on_translation, none);
        if let Some(newer) = newer() {
            (newer.register_discon_cb)(id, EXCEPTION, on_exception, none);
        }
        if debugger {
            register_vcpu_idle_cb(id, on_idle, none);
        }
        register_atexit_cb(id, on_exit, none);
    }
}
