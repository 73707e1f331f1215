// SPDX-License-Identifier: GPL-2.0-only
//! Code whose lines are looked for in the object file. A line that ends in `// @name` must be among those of function `name`.

#![no_std]
#![crate_type = "lib"]

#[path = "lines_inlined.rs"]
mod inlined;

/// # Safety
/// `p` points to three numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn outer(p: *mut u32) -> u32 { // @outer
    // SAFETY: as the caller promises.
    unsafe {
        let first = inlined::read(p);
        inlined::write(p.add(1), first.wrapping_mul(3));
        p.add(2).write_volatile(first ^ 0x55); // only the compiler's own line tables can tell
        first
            .wrapping_add(
                opaque(first), // @outer
            )
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn opaque(n: u32) -> u32 { // @opaque
    let mut n = n;
    while n > 100 { // @opaque
        n = n.wrapping_sub(100); // @opaque
        // SAFETY: it reads a local variable.
        n = unsafe { core::ptr::read_volatile(&n) };
    }
    n
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
