// SPDX-License-Identifier: GPL-2.0-only
//! What every program has: output, memory, an end when something panics, and numbers that look random.
#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::fmt::{self, Write};

extern "C" {
    fn out(text: *const u8, len: usize);
    fn die() -> !;
    fn c_alloc(size: usize, align: usize) -> *mut u8;
    fn free(p: *mut u8);
}

pub struct Out;

impl Write for Out {
    fn write_str(&mut self, s: &str) -> fmt::Result {
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

struct C;

// SAFETY: the C library's memory.
unsafe impl GlobalAlloc for C {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        c_alloc(layout.size(), layout.align())
    }
    unsafe fn dealloc(&self, p: *mut u8, _: Layout) {
        free(p)
    }
}

#[global_allocator]
static GLOBAL: C = C;

#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => {{ use core::fmt::Write; let _ = writeln!($crate::Out, $($arg)*); }};
}

/// Says what came out, and whether it is what was published.
pub fn vector(name: &str, got: impl fmt::Display, published: &str) {
    struct Equal<'a>(&'a str, bool);
    impl Write for Equal<'_> {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            match self.0.strip_prefix(s) {
                Some(rest) => self.0 = rest,
                None => self.1 = false,
            }
            Ok(())
        }
    }
    let mut equal = Equal(published, true);
    let _ = write!(equal, "{got}");
    let good = equal.1 && equal.0.is_empty();
    say!("{name}: {got} {}", if good { "as published" } else { "NOT AS PUBLISHED" });
}

/// splitmix64
pub struct Rng(pub u64);

impl Rng {
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    pub fn fill(&mut self, b: &mut [u8]) {
        for c in b.chunks_mut(8) {
            let n = self.next().to_le_bytes();
            c.copy_from_slice(&n[..c.len()]);
        }
    }
}

pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for b in self.0 {
            write!(f, "{b:02x}")?;
        }
        Ok(())
    }
}

pub fn opaque<T>(x: T) -> T {
    core::hint::black_box(x)
}
