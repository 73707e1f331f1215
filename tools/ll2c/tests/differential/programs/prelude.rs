// SPDX-License-Identifier: GPL-2.0-only
// What every program has: output, and an end when something panics.

use core::fmt::Write as _;

unsafe extern "C" {
    fn out(text: *const u8, len: usize);
    fn die() -> !;
}

struct Out;

impl core::fmt::Write for Out {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        // SAFETY: `out` reads so many bytes.
        unsafe { out(s.as_ptr(), s.len()) };
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let _ = writeln!(Out, "panic: {}", info.message());
    // SAFETY: it ends the program.
    unsafe { die() }
}

#[allow(unused_macros)]
macro_rules! say {
    ($($arg:tt)*) => { let _ = writeln!(Out, $($arg)*); };
}

/// A number that the compiler does not know.
#[allow(dead_code)]
fn opaque<T>(x: T) -> T {
    core::hint::black_box(x)
}
