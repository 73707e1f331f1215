// SPDX-License-Identifier: GPL-2.0-only
//! QEMU's plugin interface, version 4 (include/plugins/qemu-plugin.h of QEMU 10.0). The only module that knows it.
//!
//! QEMU itself refuses a plugin whose version it does not have, and says which versions it has.
//!
//! No panic leaves this module: it becomes a failure of the run, and from then on the guest runs unwatched.

mod registers;
mod scores;

use crate::config::Options;
use crate::decode::Arch;
use crate::guest::{Access, Memory, Place, Target};
use crate::notes;
use crate::runs::Code;
use crate::translate::parisc;
use crate::watcher::Watcher;
use qemu_plugin_sys as sys;
use registers::Reader;
use scores::Scores;
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use sys::qemu_plugin_cb_flags::{QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_CB_R_REGS};
use sys::qemu_plugin_cond::QEMU_PLUGIN_COND_EQ;
use sys::qemu_plugin_mem_rw::QEMU_PLUGIN_MEM_RW;
use sys::qemu_plugin_op::QEMU_PLUGIN_INLINE_ADD_U64;

// QEMU has these of GLib, and the plugin has them of QEMU.
unsafe extern "C" {
    fn g_byte_array_new() -> *mut sys::GByteArray;
    fn g_array_free(array: *mut sys::GArray, free_segment: c_int) -> *mut c_char;
}

/// What QEMU looks for to see whether it can load a plugin.
#[unsafe(no_mangle)]
// CAST: 4.
pub static qemu_plugin_version: c_int = sys::QEMU_PLUGIN_VERSION as c_int;

struct Plugin {
    watcher: Watcher,
    reader: Reader,
    infos: Infos,
    /// Address of the first instruction, until its register was compared with it.
    first: Option<u64>,
    /// No instruction was translated yet.
    unstarted: bool,
    /// Instructions of the block in translation. Kept for its allocation.
    block: Vec<Code>,
    scores: Scores,
    failed: bool,
}

impl Plugin {
    /// A loop of maintenance is over, or interrupted: something else happens.
    #[cold]
    fn end_loop(&mut self) {
        let times = self.scores.stop();
        self.watcher.leave(times);
    }
}

struct Global(UnsafeCell<Option<Plugin>>);

// SAFETY: QEMU calls the plugin from the thread of the only vCPU (a second one is refused), and from its main thread
// before that thread starts (installation) and after it has stopped (exit).
unsafe impl Sync for Global {}

static PLUGIN: Global = Global(UnsafeCell::new(None));

type OnAccess = unsafe extern "C" fn(c_uint, sys::qemu_plugin_meminfo_t, u64, *mut c_void);

/// Whether an access is to the register of an LSI 53C895A that starts a script (DSP, a word at 0x2c), in whichever of the
/// places that its registers can be mapped to, 1 KiB each.
fn starts_transfer(paddr: u64, bytes: u32) -> bool {
    bytes == 4 && paddr % 0x400 == 0x2c
}

/// Runs `body` with the plugin, unless it has failed before. A panic is a failure.
#[inline]
fn with_plugin(body: impl FnOnce(&mut Plugin)) {
    // SAFETY: see `Global`; callbacks don't nest, so that this is the only reference.
    let Some(plugin) = (unsafe { &mut *PLUGIN.0.get() }) else {
        return;
    };
    if plugin.failed {
        return;
    }
    let body = |plugin: &mut Plugin| {
        if plugin.scores.running() {
            plugin.end_loop();
        }
        body(plugin);
    };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(plugin))) {
        plugin.failed = true;
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown");
        plugin.watcher.fail(&format!("go on: it panicked: {text}"));
    }
}

/// Has the watcher look at an access the short way, which does not panic. False if it can't.
#[inline(always)]
fn quietly(info: sys::qemu_plugin_meminfo_t, vaddr: u64, site: u32) -> bool {
    // SAFETY: see `with_plugin`.
    let Some(plugin) = (unsafe { &mut *PLUGIN.0.get() }) else {
        return false;
    };
    if plugin.failed || plugin.scores.running() {
        return false;
    }
    let info = plugin.infos.of(info);
    let vaddr = info.address(vaddr);
    plugin.watcher.quietly(vaddr, info.bytes, site, info.store)
}

/// Has the watcher look at an access.
#[inline(always)]
fn follow(info: sys::qemu_plugin_meminfo_t, vaddr: u64, site: u32) {
    if !quietly(info, vaddr, site) {
        loudly(info, vaddr, site);
    }
}

/// Has the watcher look at an access the long way.
#[cold]
#[inline(never)]
fn loudly(info: sys::qemu_plugin_meminfo_t, vaddr: u64, site: u32) {
    with_plugin(|plugin| {
        let info = plugin.infos.of(info);
        let (made, vaddr) = Made::new(info, vaddr);
        plugin.watcher.access(&made, vaddr, site, info.store);
    });
}

/// The guest's memory, from a callback.
struct Guest;

impl Memory for Guest {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        if into.is_empty() {
            return true;
        }
        // SAFETY: makes an array, or aborts without memory.
        let array = unsafe { g_byte_array_new() };
        // SAFETY: called from a callback of the vCPU; QEMU makes the array as large as need be.
        let found = unsafe { sys::qemu_plugin_read_memory_vaddr(vaddr, array, into.len()) };
        // SAFETY: the array is valid.
        let (data, len) = unsafe { ((*array).data, (*array).len as usize) };
        let complete = found && len >= into.len();
        if complete {
            // SAFETY: `data` has at least as many bytes.
            into.copy_from_slice(unsafe { std::slice::from_raw_parts(data, into.len()) });
        }
        // SAFETY: a byte array is an array, and nobody has it any more.
        unsafe { g_array_free(array.cast(), 1) };
        complete
    }
}

/// An access after it was made.
struct Made {
    info: sys::qemu_plugin_meminfo_t,
    bytes: u32,
    /// From its address as QEMU has it to the one by which the cache knows it.
    moved: u64,
}

impl Made {
    /// The access, and the address by which the cache knows it.
    fn new(info: Info, vaddr: u64) -> (Self, u64) {
        let known = info.address(vaddr);
        let made = Self {
            info: info.info,
            bytes: info.bytes,
            moved: known - vaddr,
        };
        (made, known)
    }
}

/// What QEMU says of an access in one number.
#[derive(Clone, Copy)]
struct Info {
    info: sys::qemu_plugin_meminfo_t,
    bytes: u32,
    store: bool,
    /// Translation is off.
    absolute: bool,
}

impl Info {
    /// The address by which the cache knows an access.
    #[inline]
    fn address(self, vaddr: u64) -> u64 {
        if self.absolute {
            parisc::of_absolute(vaddr)
        } else {
            vaddr
        }
    }

    #[cold]
    #[inline(never)]
    fn of(info: sys::qemu_plugin_meminfo_t, target: Target) -> Self {
        Self {
            info,
            // `MMU_IDX_MMU_DISABLED` in QEMU's target/hppa/cpu.h.
            absolute: target.arch == Arch::Parisc && info & 15 < 8,
            // SAFETY: only looks at the number.
            bytes: 1 << unsafe { sys::qemu_plugin_mem_size_shift(info) },
            // SAFETY: as above.
            store: unsafe { sys::qemu_plugin_mem_is_store(info) },
        }
    }
}

/// What the numbers mean, of which there are few: cheaper than two calls for each access.
struct Infos {
    known: [Info; 64],
    target: Target,
}

impl Infos {
    /// Matches nothing: no access is of this many bytes.
    const NONE: Info = Info {
        info: sys::qemu_plugin_meminfo_t::MAX,
        bytes: 0,
        store: false,
        absolute: false,
    };

    fn new(target: Target) -> Self {
        Self {
            known: [Self::NONE; 64],
            target,
        }
    }

    #[inline]
    fn of(&mut self, info: sys::qemu_plugin_meminfo_t) -> Info {
        // Size and kind of access are in the bits from 5 and 16 on, the MMU's mode below.
        let slot = &mut self.known[(info ^ info >> 5 ^ info >> 16) as usize % 64];
        if slot.info != info {
            *slot = Info::of(info, self.target);
        }
        *slot
    }
}

impl Memory for Made {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        Guest.read(vaddr, into)
    }
}

impl Access for Made {
    #[inline]
    fn bytes(&self) -> u32 {
        self.bytes
    }

    fn place(&self, vaddr: u64) -> Place {
        let vaddr = vaddr - self.moved;
        // SAFETY: called in the callback of this access; QEMU returns null for what it does not know.
        let place = unsafe { sys::qemu_plugin_get_hwaddr(self.info, vaddr) };
        if place.is_null() {
            return Place::Unknown;
        }
        // SAFETY: `place` is valid until the next call of `qemu_plugin_get_hwaddr`.
        let is_io = unsafe { sys::qemu_plugin_hwaddr_is_io(place) };
        // SAFETY: as above.
        let paddr = unsafe { sys::qemu_plugin_hwaddr_phys_addr(place) };
        if !is_io {
            return Place::Ram(paddr);
        }
        // SAFETY: as above.
        let name = unsafe { sys::qemu_plugin_hwaddr_device_name(place) };
        if name.is_null() {
            return Place::Device;
        }
        // SAFETY: names are strings of QEMU's that stay.
        match unsafe { CStr::from_ptr(name) }.to_bytes() {
            b"lsi-mmio" => Place::TransferDevice,
            // What QEMU calls a page that has room for several devices, by its address: nearly everywhere the transfer
            // device's is one.
            [b'a', b'n', b'o', b'n', ..] if starts_transfer(paddr, self.bytes) => {
                Place::TransferDevice
            }
            _ => Place::Device,
        }
    }

    #[inline]
    fn word(&self) -> Option<u32> {
        // SAFETY: called in the callback of this access.
        let value = unsafe { sys::qemu_plugin_mem_get_value(self.info) };
        match value.type_ {
            sys::qemu_plugin_mem_value_type::QEMU_PLUGIN_MEM_VALUE_U32 => {
                // SAFETY: the type says which member is set.
                Some(unsafe { value.data.u32_ })
            }
            _ => None,
        }
    }
}

unsafe extern "C" fn on_access(
    _: c_uint,
    info: sys::qemu_plugin_meminfo_t,
    vaddr: u64,
    site: *mut c_void,
) {
    follow(info, vaddr, site as usize as u32);
}

unsafe extern "C" fn on_access_of_words(
    _: c_uint,
    info: sys::qemu_plugin_meminfo_t,
    vaddr: u64,
    site: *mut c_void,
) {
    let site = site as usize as u32;
    follow(info, vaddr, site);
    if notes::may_end_at(vaddr) {
        look_for_note(info, vaddr, site);
    }
}

#[inline(never)]
fn look_for_note(info: sys::qemu_plugin_meminfo_t, vaddr: u64, site: u32) {
    with_plugin(|plugin| {
        let info = plugin.infos.of(info);
        if info.store {
            let (made, vaddr) = Made::new(info, vaddr);
            plugin.watcher.word_stored(&made, vaddr, site);
        }
    });
}

unsafe extern "C" fn on_first_instruction(_: c_uint, _: *mut c_void) {
    with_plugin(|plugin| {
        if let Some(pc) = plugin.first.take()
            && let Err(text) = plugin.reader.find(pc)
        {
            plugin.watcher.fail(&text);
        }
    });
}

unsafe extern "C" fn on_maintenance(_: c_uint, number: *mut c_void) {
    with_plugin(|plugin| {
        plugin
            .watcher
            .execute(&plugin.reader, number as usize as u32)
    });
}

/// Executed only while the loop's own score is 0.
unsafe extern "C" fn on_loop(_: c_uint, number: *mut c_void) {
    with_plugin(|plugin| {
        let number = number as usize as u32;
        let times = plugin.watcher.enter(&plugin.reader, number);
        plugin.scores.start(number, times);
    });
}

/// Registers the callbacks of a block's maintenance.
///
/// # Safety
///
/// `block` is valid, and has as many instructions as `plugin.block`.
unsafe fn register_maintenance(plugin: &mut Plugin, block: *mut sys::qemu_plugin_tb) {
    for (index, number, repeats) in plugin.watcher.translate(&plugin.block) {
        let data = number as usize as *mut c_void;
        // SAFETY: `index` is one of the block's.
        let insn = unsafe { sys::qemu_plugin_tb_get_insn(block, index) };
        // SAFETY: callbacks live as long as the plugin, which is not unloaded, and so do its scores.
        unsafe {
            match plugin.scores.entry(number).filter(|_| repeats) {
                Some(score) => {
                    sys::qemu_plugin_register_vcpu_insn_exec_cond_cb(
                        insn,
                        Some(on_loop),
                        QEMU_PLUGIN_CB_R_REGS,
                        QEMU_PLUGIN_COND_EQ,
                        score,
                        0,
                        data,
                    );
                    sys::qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
                        insn,
                        QEMU_PLUGIN_INLINE_ADD_U64,
                        score,
                        u64::MAX,
                    );
                }
                None => sys::qemu_plugin_register_vcpu_insn_exec_cb(
                    insn,
                    Some(on_maintenance),
                    QEMU_PLUGIN_CB_R_REGS,
                    data,
                ),
            }
        }
    }
}

unsafe extern "C" fn on_translation(_: sys::qemu_plugin_id_t, block: *mut sys::qemu_plugin_tb) {
    with_plugin(|plugin| {
        plugin.block.clear();
        // SAFETY: `block` is valid for this callback.
        for index in 0..unsafe { sys::qemu_plugin_tb_n_insns(block) } {
            // SAFETY: as above, and there are more than `index` instructions.
            let insn = unsafe { sys::qemu_plugin_tb_get_insn(block, index) };
            let mut bytes = [0; 8];
            // SAFETY: `insn` is valid for this callback; QEMU writes at most as many bytes as it is told.
            let (pc, len) = unsafe {
                let len = sys::qemu_plugin_insn_data(insn, bytes.as_mut_ptr().cast(), bytes.len());
                (sys::qemu_plugin_insn_vaddr(insn), len.min(bytes.len()))
            };
            let bytes = &bytes[..len];
            plugin.block.push(Code::new(pc, bytes));
            // Only the very first block is executed before another one is translated.
            if plugin.unstarted {
                plugin.unstarted = false;
                plugin.first = Some(pc);
                // SAFETY: as above; the callback lives as long as the plugin, which is not unloaded.
                unsafe {
                    sys::qemu_plugin_register_vcpu_insn_exec_cb(
                        insn,
                        Some(on_first_instruction),
                        QEMU_PLUGIN_CB_R_REGS,
                        std::ptr::null_mut(),
                    );
                }
            }
            let site = plugin.watcher.site(pc) as usize as *mut c_void;
            let on_access: OnAccess = if notes::may_end(plugin.watcher.target(), bytes) {
                on_access_of_words
            } else {
                on_access
            };
            // SAFETY: as above.
            unsafe {
                sys::qemu_plugin_register_vcpu_mem_cb(
                    insn,
                    Some(on_access),
                    QEMU_PLUGIN_CB_NO_REGS,
                    QEMU_PLUGIN_MEM_RW,
                    site,
                );
            }
        }
        // SAFETY: the block's instructions were just listed.
        unsafe { register_maintenance(plugin, block) };
    });
}

unsafe extern "C" fn on_vcpu(_: sys::qemu_plugin_id_t, index: c_uint) {
    if index != 0 {
        eprintln!("vcsan: failed to watch a second CPU: run QEMU with one (-smp 1)");
        std::process::exit(1);
    }
}

unsafe extern "C" fn on_exit(_: sys::qemu_plugin_id_t, _: *mut c_void) {
    // SAFETY: see `Global`.
    if let Some(plugin) = unsafe { &mut *PLUGIN.0.get() } {
        // What it has failed of is in the last record.
        plugin.failed = false;
    }
    with_plugin(|plugin| plugin.watcher.finish());
}

/// Makes a plugin out of what QEMU passes.
///
/// # Safety
///
/// The arguments are those of `qemu_plugin_install`.
unsafe fn plugin(
    info: *const sys::qemu_info_t,
    argc: c_int,
    argv: *const *const c_char,
) -> Result<Plugin, String> {
    let mut arguments = Vec::new();
    for index in 0..usize::try_from(argc).unwrap_or(0) {
        // SAFETY: QEMU passes `argc` strings.
        let argument = unsafe { CStr::from_ptr(*argv.add(index)) };
        let argument = argument
            .to_str()
            .map_err(|_| format!("understand {argument:?}: it is not UTF-8"))?;
        arguments.push(argument);
    }
    // SAFETY: QEMU passes a valid structure with a valid name.
    let (name, system, cpus) = unsafe {
        let name = CStr::from_ptr((*info).target_name);
        (
            name,
            (*info).system_emulation,
            (*info).__bindgen_anon_1.system.smp_vcpus,
        )
    };
    if !system {
        return Err("watch a user program: run it in a whole machine".into());
    }
    if cpus > 1 {
        return Err(format!("watch {cpus} CPUs: run QEMU with one (-smp 1)"));
    }
    let target = Target::by_name(&name.to_string_lossy())?;
    let watcher = Watcher::new(Options::parse(arguments)?, target)?;
    Ok(Plugin {
        watcher,
        reader: Reader::new(target),
        infos: Infos::new(target),
        unstarted: true,
        block: Vec::new(),
        scores: Scores::new(),
        first: None,
        failed: false,
    })
}

/// What QEMU calls when it has loaded the plugin. Anything but 0 makes it give up.
///
/// # Safety
///
/// QEMU calls it, with what its interface says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: sys::qemu_plugin_id_t,
    info: *const sys::qemu_info_t,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: passed on.
    let made = catch_unwind(AssertUnwindSafe(|| unsafe { plugin(info, argc, argv) }));
    match made {
        Ok(Ok(plugin)) => {
            // SAFETY: see `Global`; no callback is registered yet.
            unsafe { *PLUGIN.0.get() = Some(plugin) };
            // SAFETY: `id` is this plugin's; the functions live as long as it.
            unsafe {
                sys::qemu_plugin_register_vcpu_init_cb(id, Some(on_vcpu));
                sys::qemu_plugin_register_vcpu_tb_trans_cb(id, Some(on_translation));
                sys::qemu_plugin_register_atexit_cb(id, Some(on_exit), std::ptr::null_mut());
            }
            0
        }
        Ok(Err(text)) => {
            eprintln!("vcsan: failed to {text}");
            1
        }
        Err(_) => {
            eprintln!("vcsan: failed to start: it panicked");
            1
        }
    }
}
