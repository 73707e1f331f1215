// SPDX-License-Identifier: GPL-2.0-only
//! What `outer` in lines.rs inlines.

macro_rules! barrier {
    () => {
        core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst)
    };
}

/// # Safety
/// `p` points to a number.
#[inline(always)]
pub unsafe fn read(p: *const u32) -> u32 {
    // SAFETY: as the caller promises.
    let n = unsafe { *p }; // @outer
    barrier!();
    n
}

/// # Safety
/// `p` points to a number.
#[inline(always)]
pub unsafe fn write(p: *mut u32, n: u32) {
    // SAFETY: as the caller promises.
    unsafe { *p = n }; // @outer
    barrier!();
}
