// SPDX-License-Identifier: GPL-2.0-only
//! As much of std as the tests of core and alloc name: core and alloc under std's names, no threads, no files, no network.
#![no_std]
#![allow(internal_features, deprecated)]
#![feature(
    alloc_error_handler, allocator_api, async_iterator, concat_bytes, concat_idents, core_intrinsics, f128, f16,
    format_args_nl, future_join, hashmap_internals, log_syntax, portable_simd, prelude_import, random, ptr_internals,
    slice_internals, std_internals, str_internals, trace_macros, unsafe_binders, cfg_match, deref_pure_trait, assert_matches,
    rustc_attrs, edition_panic, core_io_borrowed_buf, panic_internals, unicode_internals, unsafe_pin_internals, pin_macro
)]

#[doc(hidden)]
pub extern crate alloc as alloc_crate;

pub use alloc_crate::{borrow, boxed, fmt, format, rc, slice, str, string, vec};
pub use core::{
    any, array, ascii, async_iter, cell, char, clone, cmp, convert, default, error, f32, f64, future, hint, i8, i16, i32, i64, i128,
    intrinsics, isize, iter, marker, mem, net, num, ops, option, pin, ptr, result, simd, time, u8, u16, u32, u64, u128, unicode,
    usize, arch, assert_matches,
};
pub use core::{
    assert, assert_eq, assert_ne, cfg, cfg_match, column, compile_error, concat, debug_assert, debug_assert_eq, debug_assert_ne, env, file,
    format_args, include, include_bytes, include_str, line, matches, module_path, option_env, stringify, todo, r#try,
    unimplemented, unreachable, write, writeln, panic as core_panic,
};

pub mod alloc {
    pub use crate::alloc_crate::alloc::*;
    pub use core::alloc::*;

    /// The C library's.
    #[derive(Debug, Default, Clone, Copy)]
    pub struct System;

    // SAFETY: it is another name of `Global`.
    unsafe impl Allocator for System {
        fn allocate(&self, layout: Layout) -> Result<core::ptr::NonNull<[u8]>, AllocError> {
            Global.allocate(layout)
        }
        unsafe fn deallocate(&self, place: core::ptr::NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's.
            unsafe { Global.deallocate(place, layout) }
        }
    }
}

pub mod collections {
    pub use crate::alloc_crate::collections::*;

    /// Sets of what has an order are enough for these tests.
    pub type HashSet<T> = BTreeSet<T>;
}

/// What std has of floating point beyond core, from the C library.
pub trait Math: Sized {
    fn powf(self, n: Self) -> Self;
    fn powi(self, n: i32) -> Self;
    fn ln(self) -> Self;
    fn log(self, base: Self) -> Self;
    fn div_euclid(self, rhs: Self) -> Self;
    fn rem_euclid(self, rhs: Self) -> Self;
    fn trunc(self) -> Self;
    fn log2(self) -> Self;
    fn log10(self) -> Self;
    fn exp(self) -> Self;
    fn exp2(self) -> Self;
    fn ceil(self) -> Self;
    fn floor(self) -> Self;
    fn round(self) -> Self;
    fn sqrt(self) -> Self;
}

macro_rules! math {
    ($t:ident, $pow:ident, $ln:ident, $log2:ident, $log10:ident, $exp:ident, $exp2:ident, $ceil:ident, $floor:ident, $round:ident, $sqrt:ident, $trunc:ident) => {
        unsafe extern "C" {
            fn $pow(x: $t, n: $t) -> $t;
            fn $ln(x: $t) -> $t;
            fn $log2(x: $t) -> $t;
            fn $log10(x: $t) -> $t;
            fn $exp(x: $t) -> $t;
            fn $exp2(x: $t) -> $t;
            fn $ceil(x: $t) -> $t;
            fn $floor(x: $t) -> $t;
            fn $round(x: $t) -> $t;
            fn $sqrt(x: $t) -> $t;
            fn $trunc(x: $t) -> $t;
        }
        // SAFETY: they only compute.
        impl Math for $t {
            fn powf(self, n: Self) -> Self { unsafe { $pow(self, n) } }
            fn powi(self, n: i32) -> Self { unsafe { $pow(self, n as $t) } }
            fn ln(self) -> Self { unsafe { $ln(self) } }
            fn log(self, base: Self) -> Self { self.ln() / base.ln() }
            fn div_euclid(self, rhs: Self) -> Self {
                let q = (self / rhs).trunc();
                match self % rhs {
                    r if r < 0.0 && rhs > 0.0 => q - 1.0,
                    r if r < 0.0 => q + 1.0,
                    _ => q,
                }
            }
            fn rem_euclid(self, rhs: Self) -> Self {
                let r = self % rhs;
                if r < 0.0 { r + rhs.abs() } else { r }
            }
            fn trunc(self) -> Self { unsafe { $trunc(self) } }
            fn log2(self) -> Self { unsafe { $log2(self) } }
            fn log10(self) -> Self { unsafe { $log10(self) } }
            fn exp(self) -> Self { unsafe { $exp(self) } }
            fn exp2(self) -> Self { unsafe { $exp2(self) } }
            fn ceil(self) -> Self { unsafe { $ceil(self) } }
            fn floor(self) -> Self { unsafe { $floor(self) } }
            fn round(self) -> Self { unsafe { $round(self) } }
            fn sqrt(self) -> Self { unsafe { $sqrt(self) } }
        }
    };
}
math!(f32, powf, logf, log2f, log10f, expf, exp2f, ceilf, floorf, roundf, sqrtf, truncf);
math!(f64, pow, log, log2, log10, exp, exp2, ceil, floor, round, sqrt, trunc);

pub mod ffi {
    pub use crate::alloc_crate::ffi::*;
    pub use core::ffi::*;
}

pub mod hash {
    pub use core::hash::*;

    /// SipHash with fixed keys.
    #[derive(Debug, Clone, Default)]
    pub struct DefaultHasher(core::hash::SipHasher);

    impl DefaultHasher {
        pub fn new() -> Self {
            Self::default()
        }
    }

    impl Hasher for DefaultHasher {
        fn write(&mut self, bytes: &[u8]) {
            self.0.write(bytes);
        }
        fn finish(&self) -> u64 {
            self.0.finish()
        }
    }

    #[derive(Debug, Clone, Default)]
    pub struct RandomState;

    impl RandomState {
        pub fn new() -> Self {
            Self
        }
    }

    impl BuildHasher for RandomState {
        type Hasher = DefaultHasher;
        fn build_hasher(&self) -> DefaultHasher {
            DefaultHasher::default()
        }
    }
}

pub mod sync {
    pub use crate::alloc_crate::sync::*;
    pub use core::sync::*;
    use core::cell::{RefCell, RefMut};
    use core::ops::{Deref, DerefMut};

    #[derive(Debug)]
    pub struct MutexGuard<'a, T>(RefMut<'a, T>);

    // SAFETY: see `Mutex`.
    unsafe impl<T: Sync> Sync for MutexGuard<'_, T> {}

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            &self.0
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.0
        }
    }

    #[derive(Debug, Default)]
    pub struct OnceLock<T>(core::cell::OnceCell<T>);

    // SAFETY: see `Mutex`.
    unsafe impl<T> Sync for OnceLock<T> {}

    impl<T> OnceLock<T> {
        pub const fn new() -> Self {
            Self(core::cell::OnceCell::new())
        }
        pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
            self.0.get_or_init(f)
        }
    }

    pub mod mpsc {
        use crate::alloc_crate::collections::VecDeque;
        use crate::alloc_crate::rc::Rc;
        use core::cell::RefCell;

        #[derive(Debug)]
        pub struct Sender<T>(Rc<RefCell<VecDeque<T>>>);

        #[derive(Debug)]
        pub struct Receiver<T>(Rc<RefCell<VecDeque<T>>>);

        #[derive(Debug)]
        pub struct SendError<T>(pub T);

        #[derive(Debug)]
        pub struct RecvError;

        pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
            let queue = Rc::new(RefCell::new(VecDeque::new()));
            (Sender(queue.clone()), Receiver(queue))
        }

        impl<T> Sender<T> {
            pub fn send(&self, value: T) -> Result<(), SendError<T>> {
                self.0.borrow_mut().push_back(value);
                Ok(())
            }
        }

        impl<T> Receiver<T> {
            /// Nobody else could send what is not there.
            pub fn recv(&self) -> Result<T, RecvError> {
                self.0.borrow_mut().pop_front().ok_or(RecvError)
            }
        }
    }

    /// There is but one thread.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(RefCell<T>);

    // SAFETY: see above.
    unsafe impl<T> Sync for Mutex<T> {}

    impl<T> Mutex<T> {
        pub const fn new(value: T) -> Self {
            Self(RefCell::new(value))
        }
        pub fn lock(&self) -> Result<MutexGuard<'_, T>, core::cell::BorrowMutError> {
            self.0.try_borrow_mut().map(MutexGuard)
        }
    }
}

pub mod thread {
    use crate::alloc_crate::boxed::Box;
    use core::any::Any;
    use core::cell::OnceCell;

    /// The one thread.
    #[derive(Debug, Clone)]
    pub struct Thread;

    impl Thread {
        pub fn unpark(&self) {}
    }

    pub fn current() -> Thread {
        Thread
    }

    pub fn panicking() -> bool {
        false
    }

    /// Nobody else could end it, and it may end for no reason.
    pub fn park() {}

    /// What a thread gave, which has ended.
    #[derive(Debug)]
    pub struct JoinHandle<T>(T);

    impl<T> JoinHandle<T> {
        pub fn join(self) -> Result<T, Box<dyn Any + Send>> {
            Ok(self.0)
        }
    }

    /// A thread that comes to its end before the other goes on.
    pub fn spawn<T>(f: impl FnOnce() -> T) -> JoinHandle<T> {
        JoinHandle(f())
    }

    /// A variable of the one thread.
    #[derive(Debug)]
    pub struct LocalKey<T> {
        value: OnceCell<T>,
        init: fn() -> T,
    }

    // SAFETY: there is but one thread.
    unsafe impl<T> Sync for LocalKey<T> {}

    impl<T> LocalKey<T> {
        pub const fn new(init: fn() -> T) -> Self {
            Self { value: OnceCell::new(), init }
        }
        pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
            f(self.value.get_or_init(self.init))
        }
    }
}

#[macro_export]
macro_rules! thread_local {
    ($($vis:vis static $name:ident: $t:ty = $init:expr;)*) => {
        $($vis static $name: $crate::thread::LocalKey<$t> = $crate::thread::LocalKey::new(|| $init);)*
    };
}

pub mod task {
    pub use crate::alloc_crate::task::*;
    pub use core::task::*;
}

pub mod panic {
    pub use core::panic::*;
    use crate::boxed::Box;
    use core::any::Any;
    use core::mem::ManuallyDrop;

    unsafe extern "C" {
        fn attempt(f: unsafe extern "C" fn(*mut ()), data: *mut ()) -> i32;
    }

    union Data<F, R> {
        f: ManuallyDrop<F>,
        r: ManuallyDrop<R>,
    }

    unsafe extern "C" fn call<F: FnOnce() -> R, R>(data: *mut ()) {
        // SAFETY: `catch_unwind` passes a closure and takes the result.
        unsafe {
            let data = &mut *data.cast::<Data<F, R>>();
            let f = ManuallyDrop::take(&mut data.f);
            data.r = ManuallyDrop::new(f());
        }
    }

    /// Without unwinding: what the closure owned is not dropped, and the payload is empty.
    pub fn catch_unwind<F: FnOnce() -> R + UnwindSafe, R>(f: F) -> Result<R, Box<dyn Any + Send + 'static>> {
        let mut data = Data { f: ManuallyDrop::new(f) };
        // SAFETY: `call` gets what it takes.
        unsafe {
            match attempt(call::<F, R>, (&raw mut data).cast()) {
                0 => Ok(ManuallyDrop::into_inner(data.r)),
                _ => Err(Box::new(())),
            }
        }
    }

}

#[macro_export]
macro_rules! println {
    ($($arg:tt)*) => {{ let _ = $crate::format!($($arg)*); }};
}
#[macro_export]
macro_rules! print {
    ($($arg:tt)*) => {{ let _ = $crate::format!($($arg)*); }};
}
#[macro_export]
macro_rules! eprintln {
    ($($arg:tt)*) => {{ let _ = $crate::format!($($arg)*); }};
}
#[macro_export]
macro_rules! dbg {
    ($value:expr) => { $value };
}
#[macro_export]
macro_rules! panic {
    () => { $crate::core_panic!() };
    ($($arg:tt)*) => { $crate::core_panic!($($arg)*) };
}

pub mod prelude {
    pub mod v1 {
        pub use crate::Math;
        pub use crate::boxed::Box;
        pub use crate::borrow::ToOwned;
        pub use crate::string::{String, ToString};
        pub use crate::vec::Vec;
        pub use core::prelude::v1::*;
    }
    pub mod rust_2015 {
        pub use super::v1::*;
    }
    pub mod rust_2018 {
        pub use super::v1::*;
    }
    pub mod rust_2021 {
        pub use super::v1::*;
        pub use core::prelude::rust_2021::*;
    }
    pub mod rust_2024 {
        pub use super::v1::*;
        pub use core::prelude::rust_2024::*;
    }
}
