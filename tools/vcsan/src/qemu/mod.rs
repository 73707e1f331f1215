// SPDX-License-Identifier: GPL-2.0-only
//! QEMU's plugin interface (include/plugins/qemu-plugin.h). The only module that knows it.
//!
//! Version 4, of QEMU 10.0, and version 7, of QEMU 11.1, have nothing in common for a plugin to be loaded by both: each has a file
//! of its own, made of the same sources but for one module (`v4`, `v7`).
//!
//! QEMU itself refuses a plugin whose version is newer than its own or older than those that it still has, and takes what lies
//! between, which may differ: so installation refuses every other version.
//!
//! No panic leaves this module: it becomes a failure of the run, and from then on the guest runs unwatched.

mod accesses;
mod calls;
mod counter;
#[cfg(not(feature = "qemu11"))]
#[path = "v4.rs"]
mod interface;
#[cfg(feature = "qemu11")]
#[path = "v7.rs"]
mod interface;
mod modules;
mod registers;
mod scores;

use crate::config::Options;
use crate::decode::Arch;
use crate::guest::{Memory, Target};
use crate::identify::Reading;
use crate::panics;
use crate::runs::Code;
use crate::session::Session;
use crate::translate::parisc;
use crate::watcher::{LoopCounter, MaintenanceCallback};
use accesses::{Infos, MultiAccess};
use calls::Awaiting;
use counter::Counter;
use qemu_plugin_sys as sys;
use registers::Reader;
use scores::Scores;
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use sys::qemu_plugin_cb_flags::QEMU_PLUGIN_CB_R_REGS;
use sys::qemu_plugin_cond::QEMU_PLUGIN_COND_EQ;
use sys::qemu_plugin_op::QEMU_PLUGIN_INLINE_ADD_U64;

// QEMU has these of GLib, and the plugin has them of QEMU.
unsafe extern "C" {
    fn g_byte_array_new() -> *mut sys::GByteArray;
    fn g_array_free(array: *mut sys::GArray, free_segment: c_int) -> *mut c_char;
}

/// What QEMU looks for to see whether it can load a plugin.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = interface::VERSION;

/// Run when the file is loaded, before QEMU looks for the version: it says which one it has, but not what to do.
#[used]
#[unsafe(link_section = ".init_array")]
static LOADED: extern "C" fn() = loaded;

extern "C" fn loaded() {
    // In a program that is no QEMU there is nothing to say.
    let is_qemu = symbol(c"qemu_plugin_outs").is_some();
    if is_qemu && symbol(interface::OF_OTHER).is_some() == interface::OTHER_HAS {
        eprintln!(
            "vcsan: this file is for {}: {}",
            interface::QEMU,
            interface::OTHER
        );
    }
}

/// What the program that has loaded this file has by a name.
fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: takes a string.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!symbol.is_null()).then_some(symbol)
}

struct Plugin {
    session: Session,
    reader: Reader,
    infos: Infos,
    /// Accesses of the instruction that is told of at its first.
    multi_access: MultiAccess,
    /// Address of the first instruction, until its register was compared with it.
    first: Option<u64>,
    /// No instruction was translated yet.
    unstarted: bool,
    /// Instructions of the block in translation. Kept for its allocation.
    block: Vec<Code>,
    scores: Scores,
    /// Of instructions, if they are counted.
    counter: Option<Counter>,
    awaiting: Awaiting,
    /// QEMU's status if something was found.
    exit: Option<u8>,
    failed: bool,
    /// A debugger stops the guest.
    debugger: bool,
}

impl Plugin {
    /// A loop of maintenance is over, or interrupted: something else happens.
    #[cold]
    fn end_loop(&mut self) {
        let times = self.scores.stop();
        self.session.watcher.unblock_fast_path();
        self.session.watcher.leave(times);
    }
}

struct Global(UnsafeCell<Option<Plugin>>);

// SAFETY: QEMU calls the plugin from the thread of the only vCPU (a second one is refused), and from its main thread
// before that thread starts (installation) and after it has stopped (exit).
unsafe impl Sync for Global {}

static PLUGIN: Global = Global(UnsafeCell::new(None));

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
    if let Err(text) = panics::caught(|| body(plugin)) {
        plugin.failed = true;
        plugin.session.watcher.block_fast_path();
        plugin.session.watcher.fail(&text);
    }
}

/// Runs `body` with the plugin, if there is one. It must not panic.
#[inline(always)]
fn look<T>(body: impl FnOnce(&mut Plugin) -> T) -> Option<T> {
    // SAFETY: see `Global`; callbacks don't nest, so that this is the only reference.
    unsafe { &mut *PLUGIN.0.get() }.as_mut().map(body)
}

/// Has `read` fill an array with as many bytes as fit `into`, and copies them. Whether it did.
fn with_bytes(into: &mut [u8], read: impl FnOnce(*mut sys::GByteArray, usize) -> bool) -> bool {
    if into.is_empty() {
        return true;
    }
    // SAFETY: makes an array, or aborts without memory.
    let array = unsafe { g_byte_array_new() };
    let found = read(array, into.len());
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

/// The guest's memory, from a callback.
#[derive(Clone, Copy)]
struct Guest {
    arch: Arch,
}

impl Memory for Guest {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        let found = with_bytes(into, |array, len| {
            // SAFETY: called from a callback of the vCPU; QEMU makes the array as large as need be.
            unsafe { sys::qemu_plugin_read_memory_vaddr(vaddr, array, len) }
        });
        // QEMU reads only what PA-RISC's TLB has, where the kernel's linear map need not be.
        found
            || self.arch == Arch::Parisc
                && parisc::LINEAR.contains(&vaddr)
                && self.read_physical(vaddr - parisc::PAGE_OFFSET, into)
    }

    fn read_physical(&self, paddr: u64, into: &mut [u8]) -> bool {
        interface::read_physical(paddr, into)
    }

    fn translate(&self, vaddr: u64) -> Option<u64> {
        interface::translate(vaddr)
    }
}

unsafe extern "C" fn on_first_instruction(_: c_uint, _: *mut c_void) {
    with_plugin(|plugin| {
        if let Some(pc) = plugin.first.take()
            && let Err(text) = plugin.reader.find(pc)
        {
            plugin.session.watcher.fail(&text);
        }
    });
}

unsafe extern "C" fn on_maintenance(_: c_uint, number: *mut c_void) {
    with_plugin(|plugin| {
        plugin
            .session
            .watcher
            .execute(&plugin.reader, number as usize as u32)
    });
}

/// Executed only while the loop's own score is 0. `data` has the score's key above the operation's number.
unsafe extern "C" fn on_loop(_: c_uint, data: *mut c_void) {
    with_plugin(|plugin| {
        // CAST: numbers in pointers.
        let (key, number) = ((data as usize >> 32) as u32, data as usize as u32);
        let times = plugin.session.watcher.enter(&plugin.reader, number);
        plugin.scores.start(key, times);
        plugin.session.watcher.block_fast_path();
    });
}

unsafe extern "C" fn on_identity(_: c_uint, data: *mut c_void) {
    if let Some(reading) = Reading::of_number(data as usize) {
        with_plugin(|plugin| plugin.session.watcher.identify(&plugin.reader, reading));
    }
}

/// Registers the callbacks where a block reads what the CPU is.
///
/// # Safety
///
/// `block` is valid, and has as many instructions as `plugin.block`.
unsafe fn register_readings(plugin: &mut Plugin, block: *mut sys::qemu_plugin_tb) {
    for (index, reading) in plugin.session.watcher.readings(&plugin.block) {
        // SAFETY: `index` is one of the block's.
        let insn = unsafe { sys::qemu_plugin_tb_get_insn(block, index) };
        // CAST: a number in a pointer.
        let data = reading.number() as *mut c_void;
        // SAFETY: callbacks live as long as the plugin, which is not unloaded.
        unsafe {
            sys::qemu_plugin_register_vcpu_insn_exec_cb(
                insn,
                Some(on_identity),
                QEMU_PLUGIN_CB_R_REGS,
                data,
            );
        }
    }
}

unsafe extern "C" fn on_traced(_: c_uint, data: *mut c_void) {
    let pc = data as usize as u64;
    with_plugin(|plugin| plugin.session.watcher.trace(&plugin.reader, pc));
}

/// Registers the callbacks where a block's stacks are wanted.
///
/// # Safety
///
/// `block` is valid, and has as many instructions as `plugin.block`.
unsafe fn register_traces(plugin: &mut Plugin, block: *mut sys::qemu_plugin_tb) {
    for (index, pc) in plugin.session.watcher.traced(&plugin.block) {
        // SAFETY: `index` is one of the block's.
        let insn = unsafe { sys::qemu_plugin_tb_get_insn(block, index) };
        // CAST: a number in a pointer; hosts have 64 bits.
        let data = pc as usize as *mut c_void;
        // SAFETY: callbacks live as long as the plugin, which is not unloaded.
        unsafe {
            sys::qemu_plugin_register_vcpu_insn_exec_cb(
                insn,
                Some(on_traced),
                QEMU_PLUGIN_CB_R_REGS,
                data,
            );
        }
    }
}

/// Registers the callbacks of a block's maintenance.
///
/// # Safety
///
/// `block` is valid, and has as many instructions as `plugin.block`.
unsafe fn register_maintenance(plugin: &mut Plugin, block: *mut sys::qemu_plugin_tb) {
    for due in plugin.session.watcher.translate(&plugin.block) {
        let MaintenanceCallback {
            index,
            number,
            counted,
        } = due;
        let counted =
            counted.and_then(|counted| Some((plugin.scores.entry(counted.key)?, counted)));
        // CAST: numbers in pointers.
        let data = number as usize as *mut c_void;
        // SAFETY: `index` is one of the block's.
        let insn = unsafe { sys::qemu_plugin_tb_get_insn(block, index) };
        // SAFETY: callbacks live as long as the plugin, which is not unloaded, and so do its scores.
        unsafe {
            match counted {
                Some((score, LoopCounter { key, by })) => {
                    let data = (u64::from(key) << 32 | u64::from(number)) as usize as *mut c_void;
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
                        u64::from(by).wrapping_neg(),
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

/// QEMU has translated a block, and has not executed it yet.
///
/// # Safety
///
/// `block` is valid.
unsafe fn translated(block: *mut sys::qemu_plugin_tb) {
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
            if let Some(counter) = &plugin.counter {
                // SAFETY: `insn` is valid for this callback.
                unsafe { counter.count(insn) };
            }
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
        }
        // SAFETY: the block's instructions were just listed.
        unsafe { register_readings(plugin, block) };
        // SAFETY: the block's instructions were just listed.
        unsafe { register_traces(plugin, block) };
        // SAFETY: the block's instructions were just listed.
        unsafe { calls::register(plugin, block) };
        // SAFETY: the block's instructions were just listed.
        unsafe { modules::register(plugin, block) };
        // SAFETY: the block's instructions were just listed.
        unsafe { accesses::register(plugin, block) };
        // SAFETY: the block's instructions were just listed.
        unsafe { register_maintenance(plugin, block) };
    });
}

fn first_vcpu_only(index: c_uint) {
    if index != 0 {
        eprintln!("vcsan: failed to watch a second CPU: run QEMU with one (-smp 1)");
        std::process::exit(1);
    }
}

/// The vCPU waits, as it does when a debugger has stopped it: QEMU tells the debugger only after this.
fn idle() {
    with_plugin(|plugin| plugin.session.watcher.sync());
}

/// The guest is gone.
fn finish() {
    // SAFETY: see `Global`.
    if let Some(plugin) = unsafe { &mut *PLUGIN.0.get() } {
        // What it has failed of is in the last record.
        plugin.failed = false;
    }
    let mut status = None;
    with_plugin(|plugin| {
        if plugin.session.finish() == Some(false) {
            status = plugin.exit;
        }
    });
    if let Some(status) = status {
        // SAFETY: QEMU has asked for this callback before all that it does at its end, so that it is made after that.
        unsafe {
            libc::fflush(std::ptr::null_mut());
            libc::_exit(status.into());
        }
    }
}

/// The model grows by tens of megabytes in the vCPU's thread. An arena of that thread's own, as glibc would make it, asks the
/// kernel for a few pages at a time.
fn allocate_generously() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes numbers; the vCPU's thread, which would have the arena, is not there yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
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
    let (name, version, system, cpus) = unsafe {
        let name = CStr::from_ptr((*info).target_name);
        (
            name,
            (*info).version.cur,
            (*info).system_emulation,
            // With more to come, too, QEMU generates other code: atomics whose loads it does not tell of.
            (*info).__bindgen_anon_1.system.max_vcpus,
        )
    };
    if version != qemu_plugin_version {
        return Err(format!(
            "watch in this QEMU, whose plugin interface is version {version}: this file is for {qemu_plugin_version}, which is {}'s; {}",
            interface::QEMU,
            interface::OTHER
        ));
    }
    if !system {
        return Err("watch a user program: run it in a whole machine".into());
    }
    if cpus > 1 {
        return Err(format!(
            "watch {cpus} CPUs: run QEMU with one, and room for no other (-smp 1)"
        ));
    }
    let target = Target::by_name(&name.to_string_lossy())?;
    let options = Options::parse(arguments)?;
    Ok(Plugin {
        session: Session::new(&options, target)?,
        exit: options.exit,
        reader: Reader::new(target),
        infos: Infos::new(target),
        multi_access: MultiAccess::default(),
        unstarted: true,
        block: Vec::new(),
        scores: Scores::new(),
        counter: options.count.then(Counter::new),
        awaiting: Awaiting::new(),
        first: None,
        failed: false,
        debugger: options.debugger,
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
    let made = panics::caught(|| unsafe { plugin(info, argc, argv) });
    match made.and_then(|made| made) {
        Ok(plugin) => {
            let debugger = plugin.debugger;
            allocate_generously();
            // SAFETY: see `Global`; no callback is registered yet.
            unsafe { *PLUGIN.0.get() = Some(plugin) };
            // SAFETY: `id` is this plugin's, which is not unloaded.
            unsafe { interface::register(id, debugger) };
            0
        }
        Err(text) => {
            eprintln!("vcsan: failed to {text}");
            1
        }
    }
}
