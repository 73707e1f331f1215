// SPDX-License-Identifier: GPL-2.0

//! Tells VCSan, the cache model that may watch this machine from outside, what the cases do.

use crate::{
    heap::{
        Frames,
        VMap, //
    },
    sys::Frame, //
};
use core::ops::Range;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

mod c {
    use kernel::ffi::{
        c_char,
        c_ulong, //
    };

    // Prototypes: vcsan.h.
    unsafe extern "C" {
        pub(super) safe fn heap_test_is_watched() -> bool;
        pub(super) safe fn heap_test_follow_suites();
        pub(super) safe fn heap_test_watch(addr: u64, len: c_ulong);
        pub(super) safe fn heap_test_unwatch_bus(addr: u32, len: c_ulong);
        pub(super) safe fn heap_test_device_reads(addr: u32, len: c_ulong);
        pub(super) safe fn heap_test_device_writes(addr: u32, len: c_ulong);
        pub(super) fn heap_test_expect_hazard(what: *const c_char);
    }
}

/// Whether VCSan is there at all.
pub(crate) fn watches() -> bool {
    c::heap_test_is_watched()
}

/// Has each suite say that it starts, before the first one runs.
pub(crate) fn follow_suites() {
    c::heap_test_follow_suites();
}

/// The pages of a buffer are watched until the case ends.
pub(crate) fn watch(vmap: &VMap) {
    let mut run: Option<Range<u64>> = None;

    for offset in (0..vmap.len()).step_by(PAGE_SIZE) {
        let Some(frame) = vmap.frame(offset) else {
            continue;
        };
        let page = frame.phys();
        let end = page + PAGE_SIZE as u64;
        match &mut run {
            Some(run) if run.end == page => run.end = end,
            other => {
                if let Some(run) = other.replace(page..end) {
                    watch_run(run);
                }
            }
        }
    }
    if let Some(run) = run {
        watch_run(run);
    }
}

/// A page is watched until the case ends.
pub(crate) fn watch_page(frame: Frame) {
    c::heap_test_watch(frame.phys(), PAGE_SIZE);
}

fn watch_run(run: Range<u64>) {
    // CAST: Not longer than a buffer.
    c::heap_test_watch(run.start, (run.end - run.start) as usize);
}

/// The pages at a bus address are watched until the case ends.
pub(crate) fn watch_bus(addr: u32, len: usize) {
    // What is watched are whole pages: the rest of a buffer's page is the buffer's too.
    let start = addr as usize / PAGE_SIZE * PAGE_SIZE;
    let end = (addr as usize + len).next_multiple_of(PAGE_SIZE);

    c::heap_test_watch(start as u64, end - start);
}

/// The pages at a bus address, which may have been a buffer's, are coherent memory now: what the
/// model thinks to be in cache lines is in memory.
pub(crate) fn unwatch_bus(addr: u32, len: usize) {
    c::heap_test_unwatch_bus(addr, len.next_multiple_of(PAGE_SIZE));
}

/// The device reads `len` bytes at a bus address.
pub(crate) fn device_reads(addr: u32, len: usize) {
    c::heap_test_device_reads(addr, len);
}

/// The device writes `len` bytes at a bus address.
pub(crate) fn device_writes(addr: u32, len: usize) {
    c::heap_test_device_writes(addr, len);
}

/// The running case provokes a hazard on purpose: without the report it has failed.
///
/// `what` tells which: "title | alias | function | missing", of which the last two may hold `*`.
pub(crate) fn expect_hazard(what: &'static CStr) {
    // SAFETY: A string that ends in NUL.
    unsafe { c::heap_test_expect_hazard(what.as_char_ptr()) };
}
