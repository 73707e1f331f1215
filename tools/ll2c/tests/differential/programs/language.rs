// SPDX-License-Identifier: GPL-2.0-only
//! Traits, closures, enums with niches, cells, atomics, volatile and unaligned access, statics with addresses, panics.
#![no_std]
#![crate_type = "lib"]
include!("prelude.rs");

use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicBool, AtomicI8, AtomicI32, AtomicPtr, AtomicU16, AtomicU32, Ordering, compiler_fence, fence};

trait Animal {
    fn name(&self) -> &'static str;
    fn weight(&self, factor: u64) -> u128;
    fn pair(&self) -> (u32, bool) {
        (self.name().len() as u32, self.weight(1) > 10)
    }
    fn big(&self) -> [u64; 5] {
        [self.weight(1) as u64, 2, 3, 4, 5]
    }
}
struct Cat(u8);
struct Dog {
    kg: u64,
    tail: i16,
}
impl Animal for Cat {
    fn name(&self) -> &'static str {
        "cat"
    }
    fn weight(&self, factor: u64) -> u128 {
        u128::from(self.0) * u128::from(factor)
    }
}
impl Animal for Dog {
    fn name(&self) -> &'static str {
        "dog"
    }
    fn weight(&self, factor: u64) -> u128 {
        (u128::from(self.kg) << 64) / u128::from(factor) + self.tail.unsigned_abs() as u128
    }
    fn pair(&self) -> (u32, bool) {
        (99, self.tail < 0)
    }
}

static ANIMALS: [&(dyn Animal + Sync); 3] = [&Cat(4), &Dog { kg: 30, tail: -3 }, &Cat(250)];
static TABLE: [fn(i64, u8) -> i64; 3] = [|a, b| a + i64::from(b), |a, b| a.wrapping_mul(i64::from(b)), |a, b| a >> (b & 63)];
static mut COUNTER: [u16; 4] = [1, 2, 3, 4];
static NAMES: &[(&str, &[u8], Option<&u32>)] = &[("one", b"1", None), ("two", b"22", Some(&22)), ("", &[], Some(&0))];

#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Packed {
    a: u8,
    b: u32,
    c: u64,
    d: u16,
}

#[derive(Debug, Clone, Copy)]
enum Niche {
    A(Option<core::num::NonZeroU32>),
    B(bool, char),
    C(u128),
    D,
}

fn apply(f: &mut dyn FnMut(u64) -> Option<u64>, n: u64) -> u64 {
    (0..n).filter_map(|x| f(x)).fold(0, |a, b| a.rotate_left(7) ^ b)
}

#[inline(never)]
fn many(a: u8, b: i16, c: u64, d: u32, e: i8, f: u128, g: bool, h: char, i: [u16; 3], j: (u8, u64)) -> (u64, [u8; 9], i16) {
    let sum = u64::from(a) + c + u64::from(d) + f as u64 + u64::from(g) + h as u64 + u64::from(i[2]) + j.1;
    (sum.wrapping_add_signed(i64::from(b) + i64::from(e)), [a, j.0, i[0] as u8, 4, 5, 6, 7, 8, 9], b - i16::from(e))
}

#[unsafe(no_mangle)]
pub extern "C" fn run() {
    for a in opaque(ANIMALS) {
        say!("{} {} {:?} {:?}", a.name(), a.weight(opaque(7)), a.pair(), a.big());
    }
    for f in opaque(TABLE) {
        say!("{}", f(opaque(-123456789012345), opaque(200)));
    }
    say!("{:?}", opaque(NAMES));
    let mut state = 5u64;
    let r = apply(&mut |x| { state = state.wrapping_mul(x | 1).rotate_left(9); (state & 3 != 0).then_some(state) }, opaque(50));
    say!("{r} {state}");
    let f: fn(u8, i16, u64, u32, i8, u128, bool, char, [u16; 3], (u8, u64)) -> (u64, [u8; 9], i16) = opaque(many);
    say!("{:?}", f(200, -300, 1 << 40, 77, -5, u128::MAX, true, 'z', [1, 2, 3], (9, u64::MAX)));
    for n in [Niche::A(None), Niche::A(core::num::NonZeroU32::new(5)), Niche::B(true, '\u{10FFFF}'), Niche::C(1 << 100), Niche::D] {
        let n = opaque(n);
        say!("{n:?} {}", match n { Niche::A(None) => 1, Niche::A(Some(x)) => x.get(), Niche::B(b, c) => u32::from(b) + c as u32, Niche::C(x) => (x >> 99) as u32, Niche::D => 0 });
    }
    let p = opaque(Packed { a: 1, b: 0x01020304, c: 0x1122334455667788, d: 0xabcd });
    say!("{} {:x} {:x} {:x} {}", { p.a }, { p.b }, { p.c }, { p.d }, size_of::<Packed>());
    let bytes: [u8; 24] = core::array::from_fn(|i| opaque(i as u8 * 11));
    for at in 0..8 {
        // SAFETY: at most 8 + 16 bytes are read.
        let (a, b, c) = unsafe {
            let p = bytes.as_ptr().add(at);
            (p.cast::<u16>().read_unaligned(), p.cast::<u64>().read_unaligned(), p.cast::<u128>().read_unaligned())
        };
        say!("{a:x} {b:x} {c:x}");
    }
    // SAFETY: there is one thread.
    unsafe {
        let c = &raw mut COUNTER;
        for i in 0..4 {
            let p = c.cast::<u16>().add(i);
            p.write_volatile(p.read_volatile().wrapping_mul(30000));
        }
        say!("{:?}", c.read());
    }
    let (b, i, h, w) = (AtomicBool::new(false), AtomicI8::new(-100), AtomicU16::new(65535), AtomicU32::new(7));
    say!("{} {} {}", b.swap(true, Ordering::AcqRel), i.fetch_sub(100, Ordering::SeqCst), h.fetch_add(2, Ordering::Relaxed));
    say!("{:?} {:?}", w.compare_exchange(7, 9, Ordering::AcqRel, Ordering::Acquire), w.compare_exchange(7, 1, Ordering::SeqCst, Ordering::Relaxed));
    say!("{} {} {} {}", w.fetch_max(100, Ordering::SeqCst), w.fetch_nand(5, Ordering::SeqCst), i.fetch_and(-120, Ordering::SeqCst), h.fetch_xor(0xff, Ordering::Release));
    // Not of i8: LLVM's mips forgets the sign.
    let s = AtomicI32::new(opaque(-5));
    say!("{} {} {:?}", s.fetch_min(-9, Ordering::AcqRel), s.fetch_max(3, Ordering::Relaxed), s);
    fence(Ordering::SeqCst);
    compiler_fence(Ordering::AcqRel);
    let target = Cell::new(5);
    let ptr = AtomicPtr::new(target.as_ptr());
    // SAFETY: it points to `target`.
    say!("{:?} {:?} {:?} {:?} {}", b, i, h, w, unsafe { *ptr.load(Ordering::Acquire) });
    let cell = RefCell::new([1u8, 2, 3]);
    cell.borrow_mut()[1] = 9;
    say!("{:?} {:?}", cell, cell.try_borrow_mut().map(|mut b| { b[0] = 7; b.len() }));
    let v: [Option<i128>; 3] = opaque([Some(-1), None, Some(i128::MIN)]);
    say!("{:?} {:?}", v.iter().flatten().min(), v[opaque(2)].map(|x| x.wrapping_sub(1)));
    say!("before the end {}", [1, 2, 3][opaque(3usize).min(2)]);
    let index = opaque(7usize);
    say!("{}", v[index].is_some());
}
