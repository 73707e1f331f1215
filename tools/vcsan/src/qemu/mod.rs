// SPDX-License-Identifier: GPL-2.0-only
//! QEMU's plugin interface, version 4 (include/plugins/qemu-plugin.h of QEMU 10.0). The only module that knows it.
//!
//! QEMU itself refuses a plugin whose version it does not have, and says which versions it has.
//!
//! No panic leaves this module: it becomes a failure of the run, and from then on the guest runs unwatched.

mod registers;

use crate::config::Options;
use crate::decode::Arch;
use crate::decode::thumb::ItBlock;
use crate::guest::{Access, Memory, Place, Target};
use crate::notes;
use crate::translate::parisc;
use crate::watcher::Watcher;
use qemu_plugin_sys as sys;
use registers::Reader;
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use sys::qemu_plugin_cb_flags::{QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_CB_R_REGS};
use sys::qemu_plugin_mem_rw::{QEMU_PLUGIN_MEM_R, QEMU_PLUGIN_MEM_W};

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
    shapes: Shapes,
    /// Address of the first instruction, until its register was compared with it.
    first: Option<u64>,
    /// No instruction was translated yet.
    unstarted: bool,
    failed: bool,
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
    #[inline]
    fn new(info: sys::qemu_plugin_meminfo_t, shape: Shape, vaddr: u64) -> (Self, u64) {
        let known = if shape.absolute {
            parisc::of_absolute(vaddr)
        } else {
            vaddr
        };
        let (bytes, moved) = (shape.bytes, known - vaddr);
        (Self { info, bytes, moved }, known)
    }
}

/// What accesses of a kind have in common.
#[derive(Clone, Copy)]
struct Shape {
    bytes: u32,
    /// Translation is off.
    absolute: bool,
}

/// Shapes of accesses by what QEMU says of them, of which there are few: cheaper than a call for each.
struct Shapes {
    known: [(sys::qemu_plugin_meminfo_t, Shape); 64],
    target: Target,
}

impl Shapes {
    /// Matches nothing: no access is of this many bytes.
    const NONE: (sys::qemu_plugin_meminfo_t, Shape) = (
        sys::qemu_plugin_meminfo_t::MAX,
        Shape {
            bytes: 0,
            absolute: false,
        },
    );

    fn new(target: Target) -> Self {
        Self {
            known: [Self::NONE; 64],
            target,
        }
    }

    #[inline]
    fn of(&mut self, info: sys::qemu_plugin_meminfo_t) -> Shape {
        // The size is in the bits from 5 on, the MMU's mode below.
        let slot = &mut self.known[(info ^ info >> 5) as usize % 64];
        if slot.0 != info {
            // SAFETY: only looks at the number.
            let bytes = 1 << unsafe { sys::qemu_plugin_mem_size_shift(info) };
            // `MMU_IDX_MMU_DISABLED` in QEMU's target/hppa/cpu.h.
            let absolute = self.target.arch == Arch::Parisc && info & 15 < 8;
            *slot = (info, Shape { bytes, absolute });
        }
        slot.1
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

unsafe extern "C" fn on_load(
    _: c_uint,
    info: sys::qemu_plugin_meminfo_t,
    vaddr: u64,
    site: *mut c_void,
) {
    with_plugin(|plugin| {
        let shape = plugin.shapes.of(info);
        let (made, vaddr) = Made::new(info, shape, vaddr);
        plugin.watcher.load(&made, vaddr, site as usize as u32);
    });
}

unsafe extern "C" fn on_store(
    _: c_uint,
    info: sys::qemu_plugin_meminfo_t,
    vaddr: u64,
    site: *mut c_void,
) {
    with_plugin(|plugin| {
        let shape = plugin.shapes.of(info);
        let (made, vaddr) = Made::new(info, shape, vaddr);
        plugin.watcher.store(&made, vaddr, site as usize as u32);
    });
}

unsafe extern "C" fn on_store_word(
    _: c_uint,
    info: sys::qemu_plugin_meminfo_t,
    vaddr: u64,
    site: *mut c_void,
) {
    with_plugin(|plugin| {
        let shape = plugin.shapes.of(info);
        let (made, vaddr) = Made::new(info, shape, vaddr);
        plugin
            .watcher
            .store_word(&made, vaddr, site as usize as u32);
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

/// A run of maintenance instructions, as callbacks carry it: how many, and the number of the first.
fn run(first: u32, len: u32) -> *mut c_void {
    ((u64::from(len) << 32) | u64::from(first)) as *mut c_void
}

unsafe extern "C" fn on_maintenance(_: c_uint, run: *mut c_void) {
    // CAST: the halves of what `run` made.
    let (first, len) = (run as u64 as u32, (run as u64 >> 32) as u32);
    with_plugin(|plugin| plugin.watcher.execute(&plugin.reader, first, len));
}

/// Registers the callback of a run that is complete.
///
/// # Safety
///
/// `insn` is valid: the block is being translated.
unsafe fn register_run(pending: Option<(*mut sys::qemu_plugin_insn, u32, u32, u32)>) {
    if let Some((insn, first, _, len)) = pending {
        // SAFETY: as above; the callback lives as long as the plugin, which is not unloaded.
        unsafe {
            sys::qemu_plugin_register_vcpu_insn_exec_cb(
                insn,
                Some(on_maintenance),
                QEMU_PLUGIN_CB_R_REGS,
                run(first, len),
            );
        }
    }
}

unsafe extern "C" fn on_translation(_: sys::qemu_plugin_id_t, block: *mut sys::qemu_plugin_tb) {
    with_plugin(|plugin| {
        let mut it_block = ItBlock::default();
        // First instruction, numbers of the first and the last operation, length.
        let mut pending = None;
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
            let (site, operation) = plugin.watcher.instruction(pc, &bytes[..len], &mut it_block);
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
            pending = match (pending, operation) {
                (Some((head, first, last, len)), Some(number))
                    if plugin.watcher.join(last, number) =>
                {
                    Some((head, first, number, len + 1))
                }
                (before, operation) => {
                    // SAFETY: instructions of this block.
                    unsafe { register_run(before) };
                    operation.map(|number| (insn, number, number, 1))
                }
            };
            let site = site as usize as *mut c_void;
            let on_store: OnAccess = if notes::may_end(plugin.watcher.target(), &bytes[..len]) {
                on_store_word
            } else {
                on_store
            };
            // SAFETY: as above.
            unsafe {
                sys::qemu_plugin_register_vcpu_mem_cb(
                    insn,
                    Some(on_load),
                    QEMU_PLUGIN_CB_NO_REGS,
                    QEMU_PLUGIN_MEM_R,
                    site,
                );
                sys::qemu_plugin_register_vcpu_mem_cb(
                    insn,
                    Some(on_store),
                    QEMU_PLUGIN_CB_NO_REGS,
                    QEMU_PLUGIN_MEM_W,
                    site,
                );
            }
        }
        // SAFETY: an instruction of this block.
        unsafe { register_run(pending) };
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
        shapes: Shapes::new(target),
        unstarted: true,
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
