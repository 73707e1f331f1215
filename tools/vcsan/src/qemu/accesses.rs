// SPDX-License-Identifier: GPL-2.0-only
//! Callbacks of loads and stores: tens of millions a boot, nearly all of them to pages that are known.

use super::interface::is_absolute;
use super::{Guest, Plugin, look, with_plugin};
use crate::decode::Arch;
use crate::groups::PackedGroup;
use crate::guest::{Access, Cpu, Destination, Memory, Register, Target};
use crate::notes;
use crate::translate::parisc;
use crate::watcher::{CallbackPlan, CodeKind};
use qemu_plugin_sys as sys;
use std::ffi::{CStr, c_uint, c_void};
use sys::qemu_plugin_cb_flags::QEMU_PLUGIN_CB_NO_REGS;
use sys::qemu_plugin_mem_rw::{QEMU_PLUGIN_MEM_R, QEMU_PLUGIN_MEM_RW, QEMU_PLUGIN_MEM_W};

type Meminfo = sys::qemu_plugin_meminfo_t;
type OnAccess = unsafe extern "C" fn(c_uint, Meminfo, u64, *mut c_void);

/// What a callback is for, in the pointer's width: a number, and what is known of the instruction above it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Data(u64);

impl Data {
    fn new(number: u32, more: u8) -> Self {
        Self(u64::from(number) | u64::from(more) << 32)
    }

    fn of(pointer: *mut c_void) -> Self {
        // CAST: nothing but a number.
        Self(pointer as usize as u64)
    }

    fn pointer(self) -> *mut c_void {
        // CAST: as above; hosts have 64 bits.
        self.0 as usize as *mut c_void
    }

    #[inline(always)]
    fn number(self) -> u32 {
        // CAST: the low half.
        self.0 as u32
    }

    #[inline(always)]
    fn more(self) -> u32 {
        // CAST: the high half.
        (self.0 >> 32) as u32
    }
}

/// The address by which the cache knows an access. `PARISC`: the guest is one, where translation can be off for data.
#[inline(always)]
fn known_address<const PARISC: bool>(info: Meminfo, vaddr: u64) -> u64 {
    if PARISC && is_absolute(info) {
        parisc::of_absolute(vaddr)
    } else {
        vaddr
    }
}

/// An instruction with one access.
unsafe extern "C" fn on_one<const PARISC: bool, const STORE: bool>(
    _: c_uint,
    info: Meminfo,
    vaddr: u64,
    data: *mut c_void,
) {
    let data = Data::of(data);
    let known = known_address::<PARISC>(info, vaddr);
    let taken = look(|plugin| {
        let watcher = &mut plugin.session.watcher;
        watcher.fast_access(known, data.more(), data.number(), STORE)
    });
    let taken = taken != Some(false);
    // In one call, and the last thing done: then most accesses need no stack.
    if !taken || STORE && notes::may_end_at(vaddr) {
        one_slowly(info, vaddr, data, STORE, taken);
    }
}

#[cold]
#[inline(never)]
fn one_slowly(info: Meminfo, vaddr: u64, data: Data, store: bool, taken: bool) {
    if !taken {
        follow_one(info, vaddr, data, store);
    }
    if store && notes::may_end_at(vaddr) {
        look_for_note(info, vaddr, data.number());
    }
}

fn follow_one(info: Meminfo, vaddr: u64, data: Data, store: bool) {
    with_plugin(|plugin| {
        let info = plugin.infos.of(info);
        // Of loads QEMU also plans those of a page table walk in front of the instruction's own.
        if info.store != store || store && info.bytes != data.more() {
            plugin.session.watcher.wrong_kind(data.number());
        }
        follow(plugin, info, vaddr, data.number());
    });
}

/// Has the watcher look at an access the long way.
fn follow(plugin: &mut Plugin, info: Info, vaddr: u64, site: u32) {
    let (made, vaddr) = CompletedAccess::new(info, vaddr);
    plugin
        .session
        .watcher
        .access(&made, vaddr, site, info.store);
}

/// The first instruction of a group, if it has one access.
unsafe extern "C" fn on_group<const PARISC: bool, const STORE: bool>(
    _: c_uint,
    info: Meminfo,
    vaddr: u64,
    data: *mut c_void,
) {
    let group = PackedGroup(Data::of(data).0);
    let known = known_address::<PARISC>(info, vaddr);
    let taken = look(|plugin| plugin.session.watcher.fast_group(known, group, STORE));
    if taken == Some(false) {
        group_slowly(info, vaddr, group);
    }
}

#[cold]
#[inline(never)]
fn group_slowly(info: Meminfo, vaddr: u64, group: PackedGroup) -> bool {
    let mut followed = true;
    with_plugin(|plugin| {
        let info = plugin.infos.of(info);
        let (made, vaddr) = CompletedAccess::new(info, vaddr);
        followed = plugin
            .session
            .watcher
            .group(&made, vaddr, group, info.store);
    });
    followed
}

/// The accesses of one instruction that makes several, while it does.
#[derive(Default)]
pub(super) struct MultiAccess {
    /// The group.
    group: u64,
    /// Where the next one will be.
    next: u64,
    /// How many are left.
    left: u32,
    /// They have been followed already.
    followed: bool,
}

impl MultiAccess {
    /// Takes an access, if it is the next one. Whether it has been followed already.
    #[inline(always)]
    fn take(&mut self, group: PackedGroup, vaddr: u64) -> Option<bool> {
        let next = self.group == group.0 && self.next == vaddr && self.left != 0;
        next.then(|| {
            self.next += 4;
            self.left -= 1;
            self.followed
        })
    }
}

/// An instruction with several accesses, with which a group begins. QEMU makes a callback for each.
unsafe extern "C" fn on_multi_access<const STORE: bool>(
    _: c_uint,
    info: Meminfo,
    vaddr: u64,
    data: *mut c_void,
) {
    let group = PackedGroup(Data::of(data).0);
    match look(|plugin| plugin.multi_access.take(group, vaddr)).flatten() {
        Some(true) => {}
        Some(false) => one_of_multi_access(info, vaddr, group),
        None => begin_multi_access::<STORE>(info, vaddr, group),
    }
}

#[inline(never)]
fn begin_multi_access<const STORE: bool>(info: Meminfo, vaddr: u64, group: PackedGroup) {
    let taken = look(|plugin| plugin.session.watcher.fast_group(vaddr, group, STORE));
    let followed = taken != Some(false) || group_slowly(info, vaddr, group);
    look(|plugin| {
        plugin.multi_access = MultiAccess {
            group: group.0,
            next: vaddr + 4,
            left: group.own() - 1,
            followed,
        };
    });
}

/// One that has not been followed with the first.
#[cold]
fn one_of_multi_access(info: Meminfo, vaddr: u64, group: PackedGroup) {
    with_plugin(|plugin| {
        let info = plugin.infos.of(info);
        let site = plugin.session.watcher.site_of_group(group);
        follow(plugin, info, vaddr, site);
    });
}

/// An instruction of which it is not known what it accesses.
unsafe extern "C" fn on_any(_: c_uint, info: Meminfo, vaddr: u64, data: *mut c_void) {
    let site = Data::of(data).number();
    let taken = look(|plugin| {
        let info = plugin.infos.of(info);
        plugin
            .session
            .watcher
            .fast_access(info.address(vaddr), info.bytes, site, info.store)
    });
    if taken == Some(false) {
        any_slowly(info, vaddr, site);
    }
    if notes::may_end_at(vaddr) {
        look_for_note(info, vaddr, site);
    }
}

#[cold]
#[inline(never)]
fn any_slowly(info: Meminfo, vaddr: u64, site: u32) {
    with_plugin(|plugin| {
        let info = plugin.infos.of(info);
        follow(plugin, info, vaddr, site);
    });
}

#[inline(never)]
fn look_for_note(info: Meminfo, vaddr: u64, site: u32) {
    with_plugin(|plugin| {
        let info = plugin.infos.of(info);
        if info.store {
            if let Some(counter) = &plugin.counter {
                plugin.session.watcher.set_executed(counter.read());
            }
            let (made, vaddr) = CompletedAccess::new(info, vaddr);
            plugin.session.watcher.word_stored(&made, vaddr, site);
        }
    });
}

/// Registers the callbacks of a block's accesses.
///
/// # Safety
///
/// `block` is valid, and has as many instructions as `plugin.block`.
pub(super) unsafe fn register(plugin: &mut Plugin, block: *mut sys::qemu_plugin_tb) {
    let kind = kind(plugin);
    let parisc = plugin.session.watcher.target().arch == Arch::Parisc;
    let plans = plugin.session.watcher.accesses(&plugin.block, kind);
    for (index, plan) in plans.into_iter().enumerate() {
        let (on_access, data): (OnAccess, Data) = match plan {
            CallbackPlan::Nothing => continue,
            CallbackPlan::Any { site } => (on_any, Data::new(site, 0)),
            CallbackPlan::One { site, bytes, store } => {
                let on_access: OnAccess = match (parisc, store) {
                    (false, false) => on_one::<false, false>,
                    (false, true) => on_one::<false, true>,
                    (true, false) => on_one::<true, false>,
                    (true, true) => on_one::<true, true>,
                };
                (on_access, Data::new(site, bytes))
            }
            CallbackPlan::Group { packed, store } => {
                let on_access: OnAccess = match (packed.own(), parisc, store) {
                    (1, false, false) => on_group::<false, false>,
                    (1, false, true) => on_group::<false, true>,
                    (1, true, false) => on_group::<true, false>,
                    (1, true, true) => on_group::<true, true>,
                    // Only ARM has such instructions.
                    (_, _, false) => on_multi_access::<false>,
                    (_, _, true) => on_multi_access::<true>,
                };
                (on_access, Data(packed.0))
            }
        };
        let kind = match plan {
            CallbackPlan::One { store: true, .. } | CallbackPlan::Group { store: true, .. } => {
                QEMU_PLUGIN_MEM_W
            }
            CallbackPlan::One { .. } | CallbackPlan::Group { .. } => QEMU_PLUGIN_MEM_R,
            CallbackPlan::Nothing | CallbackPlan::Any { .. } => QEMU_PLUGIN_MEM_RW,
        };
        // SAFETY: `index` is one of the block's.
        let insn = unsafe { sys::qemu_plugin_tb_get_insn(block, index) };
        // SAFETY: callbacks live as long as the plugin, which is not unloaded.
        unsafe {
            sys::qemu_plugin_register_vcpu_mem_cb(
                insn,
                Some(on_access),
                QEMU_PLUGIN_CB_NO_REGS,
                kind,
                data.pointer(),
            );
        }
    }
}

/// Whose the block is that the CPU is about to execute, and so in which instruction set and mode.
fn kind(plugin: &mut Plugin) -> CodeKind {
    let Some(pc) = plugin.block.first().map(|code| code.pc) else {
        return CodeKind::Unknown;
    };
    let mut nullified = false;
    let kernel = match plugin.session.watcher.target().arch {
        Arch::Arm => {
            const THUMB: u64 = 1 << 5;
            const MODE: u64 = 0x1f;
            const USER: u64 = 0x10;
            match plugin.reader.register(Register::Cpsr) {
                Ok(cpsr) if cpsr & THUMB == 0 => cpsr & MODE != USER,
                _ => return CodeKind::Unknown,
            }
        }
        Arch::Mips => pc & 0x8000_0000 != 0,
        Arch::Parisc => {
            const N: u64 = 1 << 21;
            const W: u64 = 1 << 27;
            // A block is of code with this bit as it is now: with it, its first instruction does nothing.
            let status = plugin.reader.register(Register::Status);
            nullified = !status.as_ref().is_ok_and(|status| status & N == 0);
            if status.is_ok_and(|status| status & W != 0) {
                plugin.session.watcher.fail(
                    "follow a kernel with addresses of 64 bits: build one for 32 (generic-32bit_defconfig)",
                );
            }
            // Programs have spaces of their own.
            pc >> 32 == 0
        }
    };
    if kernel {
        CodeKind::Kernel { nullified }
    } else {
        CodeKind::Program
    }
}

/// Whether an access is to the register of an LSI 53C895A that starts a script (DSP, a word at 0x2c), in whichever of the
/// places that its registers can be mapped to, 1 KiB each.
fn starts_transfer(paddr: u64, bytes: u32) -> bool {
    bytes == 4 && paddr % 0x400 == 0x2c
}

/// An access after it was made.
struct CompletedAccess {
    guest: Guest,
    info: Meminfo,
    bytes: u32,
    /// From its address as QEMU has it to the one by which the cache knows it.
    moved: u64,
}

impl CompletedAccess {
    /// The access, and the address by which the cache knows it.
    fn new(info: Info, vaddr: u64) -> (Self, u64) {
        let known = info.address(vaddr);
        let made = Self {
            guest: Guest { arch: info.arch },
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
    info: Meminfo,
    bytes: u32,
    store: bool,
    /// Translation is off.
    absolute: bool,
    arch: Arch,
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
    fn of(info: Meminfo, target: Target) -> Self {
        Self {
            info,
            arch: target.arch,
            absolute: target.arch == Arch::Parisc && is_absolute(info),
            // SAFETY: only looks at the number.
            bytes: 1 << unsafe { sys::qemu_plugin_mem_size_shift(info) },
            // SAFETY: as above.
            store: unsafe { sys::qemu_plugin_mem_is_store(info) },
        }
    }
}

/// What the numbers mean, of which there are few: cheaper than two calls for each access.
pub(super) struct Infos {
    known: [Info; 64],
    target: Target,
}

impl Infos {
    /// Matches nothing: no access is of this many bytes.
    const NONE: Info = Info {
        info: Meminfo::MAX,
        bytes: 0,
        store: false,
        absolute: false,
        arch: Arch::Arm,
    };

    pub(super) fn new(target: Target) -> Self {
        Self {
            known: [Self::NONE; 64],
            target,
        }
    }

    #[inline]
    fn of(&mut self, info: Meminfo) -> Info {
        // Size and kind of access are in the bits from 5 and 16 on, the MMU's mode below.
        let slot = &mut self.known[(info ^ info >> 5 ^ info >> 16) as usize % 64];
        if slot.info != info {
            *slot = Info::of(info, self.target);
        }
        *slot
    }
}

impl Memory for CompletedAccess {
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

impl Access for CompletedAccess {
    #[inline]
    fn bytes(&self) -> u32 {
        self.bytes
    }

    fn place(&self, vaddr: u64, bytes: u32) -> Destination {
        let vaddr = vaddr - self.moved;
        // SAFETY: called in the callback of this access; QEMU returns null for what it does not know.
        let place = unsafe { sys::qemu_plugin_get_hwaddr(self.info, vaddr) };
        if place.is_null() {
            return Destination::Unknown;
        }
        // SAFETY: `place` is valid until the next call of `qemu_plugin_get_hwaddr`.
        let is_io = unsafe { sys::qemu_plugin_hwaddr_is_io(place) };
        // SAFETY: as above.
        let paddr = unsafe { sys::qemu_plugin_hwaddr_phys_addr(place) };
        if !is_io {
            return Destination::Ram(paddr);
        }
        // SAFETY: as above.
        let name = unsafe { sys::qemu_plugin_hwaddr_device_name(place) };
        if name.is_null() {
            return Destination::Device;
        }
        // SAFETY: names are strings of QEMU's that stay.
        match unsafe { CStr::from_ptr(name) }.to_bytes() {
            b"lsi-mmio" => Destination::TransferDevice,
            // What QEMU calls a page that has room for several devices, by its address: nearly everywhere the transfer
            // device's is one.
            [b'a', b'n', b'o', b'n', ..] if starts_transfer(paddr, bytes) => {
                Destination::TransferDevice
            }
            _ => Destination::Device,
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
