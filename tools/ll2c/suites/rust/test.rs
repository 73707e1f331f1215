// SPDX-License-Identifier: GPL-2.0-only
//! What `#[test]` expands to calls, without std: runs tests one after the other and prints a line for each.
//!
//! There is no unwinding: a test that panics leaves through the C function `attempt()`.
#![no_std]
#![feature(prelude_import)]

use core::fmt::{self, Write};

unsafe extern "C" {
    fn out(text: *const u8, len: usize);
    /// Calls `f(data)`; not 0 if it panicked.
    fn attempt(f: unsafe extern "C" fn(*const ()), data: *const ()) -> i32;
}

pub use core::hint::black_box;

struct Out;

impl Write for Out {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        // SAFETY: `out` reads so many bytes.
        unsafe { out(s.as_ptr(), s.len()) };
        Ok(())
    }
}

pub enum TestName {
    StaticTestName(&'static str),
}
pub use TestName::*;

pub enum ShouldPanic {
    No,
    Yes,
    YesWithMessage(&'static str),
}

pub enum TestType {
    UnitTest,
    IntegrationTest,
    DocTest,
    Unknown,
}

pub struct TestDesc {
    pub name: TestName,
    pub ignore: bool,
    pub ignore_message: Option<&'static str>,
    pub source_file: &'static str,
    pub start_line: usize,
    pub start_col: usize,
    pub end_line: usize,
    pub end_col: usize,
    pub should_panic: ShouldPanic,
    pub compile_fail: bool,
    pub no_run: bool,
    pub test_type: TestType,
}

/// What measures a benchmark; benchmarks are not run.
pub struct Bencher;

impl Bencher {
    pub fn iter<T>(&mut self, _: impl FnMut() -> T) {}
}

pub enum TestFn {
    StaticTestFn(fn() -> Result<(), &'static str>),
    StaticBenchFn(fn(&mut Bencher) -> Result<(), &'static str>),
}
pub use TestFn::*;

pub struct TestDescAndFn {
    pub desc: TestDesc,
    pub testfn: TestFn,
}

pub trait Termination {
    fn good(self) -> bool;
}

impl Termination for () {
    fn good(self) -> bool {
        true
    }
}

impl<E> Termination for Result<(), E> {
    fn good(self) -> bool {
        self.is_ok()
    }
}

pub fn assert_test_result<T: Termination>(result: T) -> Result<(), &'static str> {
    if result.good() { Ok(()) } else { Err("the test returned an error") }
}

unsafe extern "C" fn call(test: *const ()) {
    // SAFETY: `test_main_static` passes a pointer to one.
    let test = unsafe { &*test.cast::<fn() -> Result<(), &'static str>>() };
    if let Err(message) = test() {
        panic!("{message}");
    }
}

/// Prints `has name` for all tests, then `name: ok`, `name: FAILED` or `name: ignored` for each.
pub fn test_main_static_abort(tests: &[&TestDescAndFn]) {
    for test in tests {
        let StaticTestName(name) = test.desc.name;
        let _ = writeln!(Out, "has {name}");
    }
    for test in tests {
        let StaticTestName(name) = test.desc.name;
        let StaticTestFn(f) = &test.testfn else { continue };
        if test.desc.ignore {
            let _ = writeln!(Out, "test {name}: ignored");
            continue;
        }
        // SAFETY: `call` gets what it takes.
        let panicked = unsafe { attempt(call, core::ptr::from_ref(f).cast()) } != 0;
        let wanted = !matches!(test.desc.should_panic, ShouldPanic::No);
        let _ = writeln!(Out, "test {name}: {}", if panicked == wanted { "ok" } else { "FAILED" });
    }
}
