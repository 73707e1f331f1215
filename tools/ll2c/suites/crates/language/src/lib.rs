// SPDX-License-Identifier: GPL-2.0-only
//! The language and core by themselves: layouts, numbers at their limits, dispatch, slices of nothing, atomics, text.
#![no_std]
extern crate alloc;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BinaryHeap, VecDeque};
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::any::Any;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::mem::{self, MaybeUninit};
use core::num::NonZeroU8;
use core::sync::atomic::*;
use pre::{opaque, say, Rng};

mod numbers;

#[no_mangle]
pub extern "C" fn run() {
    layouts();
    numbers::wide();
    numbers::narrow();
    numbers::casts();
    numbers::floats();
    dispatch();
    nothing();
    statics();
    atomics();
    text();
    sorting();
    control();
    owned();
    foreign();
}

#[repr(C, packed)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
struct Packed(u8, u64, u16, f64);

#[repr(C, align(32))]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Over(u8, [u16; 3]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Big {
    None,
    One(u8),
    Two { a: u128, b: Option<NonZeroU8> },
    Many([i16; 9]),
    Nested(Option<Option<Option<bool>>>),
    Char(char),
    Word(&'static str),
}

#[repr(i64)]
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wide {
    Low = i64::MIN,
    Minus = -1,
    High = i64::MAX,
}

#[repr(u8)]
#[derive(Clone, Copy, Debug)]
#[allow(dead_code)]
enum Tagged {
    A(u32) = 3,
    B = 200,
    C(bool, char) = 255,
}

#[inline(never)]
fn by_value(p: Packed, o: Over, b: Big) -> (Over, Packed, Big) {
    let mut o2 = o;
    o2.1[1] ^= p.2;
    o2.0 = (&raw const o2 as usize % 32) as u8 + o.0;
    (o2, Packed(p.0 + 1, p.1.rotate_left(9), !p.2, -p.3), b)
}

fn layouts() {
    let p = Packed(opaque(9), 0x0123_4567_89ab_cdef, 0xfeed, 1.5);
    for b in [
        Big::None,
        Big::One(7),
        Big::Two { a: u128::MAX / 3, b: NonZeroU8::new(opaque(0)) },
        Big::Many([-3; 9]),
        Big::Nested(Some(Some(None))),
        Big::Nested(Some(Some(Some(true)))),
        Big::Nested(None),
        Big::Char('\u{10ffff}'),
        Big::Word("word"),
    ] {
        let (o, p, b2) = by_value(p, Over(1, [2, 3, 4]), opaque(b));
        say!("{o:?} {p:?} {b2:?} {} {:?}", b == b2, b.partial_cmp(&Big::One(7)));
    }
    for w in [Wide::Low, Wide::Minus, Wide::High] {
        say!("{w:?} {} {}", opaque(w) as i64, opaque(w) as i8);
    }
    for t in [Tagged::A(5), Tagged::B, Tagged::C(true, 'é')] {
        // SAFETY: the first byte is the tag.
        say!("{t:?} {}", unsafe { *(&raw const t).cast::<u8>() });
    }
    say!("{} {} {} {}", size_of::<Packed>(), align_of::<Over>(), size_of::<Option<Box<u8>>>(), size_of::<Option<Option<bool>>>());
    let v: Vec<Over> = (0..5).map(|n| Over(n, [u16::from(n); 3])).collect();
    say!("{:?} {}", v.iter().map(|o| o.1[2]).sum::<u16>(), v.as_ptr() as usize % 32);
    let ps = [p, Packed::default(), p];
    let sum: u64 = ps.iter().map(|p| { let q = p.1; q }).fold(0, u64::wrapping_add);
    say!("{sum:x}");
    let u = MaybeUninit::<[Big; 3]>::uninit();
    say!("{}", mem::size_of_val(&u) == 3 * size_of::<Big>());
}

trait Shape {
    fn area(&self) -> f64;
    fn name(&self) -> String {
        "shape".to_string()
    }
    fn take(self: Box<Self>) -> u128;
}
struct Square(f64);
struct Unit;
struct Huge([u64; 40]);
impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
    fn name(&self) -> String {
        alloc::format!("square of {}", self.0)
    }
    fn take(self: Box<Self>) -> u128 {
        u128::from(self.0.to_bits()) << 60
    }
}
impl Shape for Unit {
    fn area(&self) -> f64 {
        1.0
    }
    fn take(self: Box<Self>) -> u128 {
        7
    }
}
impl Shape for Huge {
    fn area(&self) -> f64 {
        self.0.iter().sum::<u64>() as f64
    }
    fn take(self: Box<Self>) -> u128 {
        self.0.iter().map(|&n| u128::from(n)).product()
    }
}
struct Loud<'a>(&'a RefCell<String>, char);
impl Drop for Loud<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

fn dispatch() {
    let shapes: [Box<dyn Shape>; 3] = [Box::new(Square(1.5)), Box::new(Unit), Box::new(Huge([3; 40]))];
    for s in shapes {
        say!("{} {} {} {}", s.name(), s.area(), mem::size_of_val(&*s), s.take());
    }
    let fs: [&dyn Fn(i32) -> i32; 3] = [&|x| x + 1, &i32::wrapping_neg, &|x| x.pow(2)];
    say!("{:?}", fs.iter().map(|f| f(opaque(9))).collect::<Vec<_>>());
    let anys: [&dyn Any; 4] = [&1u8, &"text", &2.5f32, &()];
    for a in anys {
        say!("{:?} {:?} {:?} {}", a.downcast_ref::<u8>(), a.downcast_ref::<&str>(), a.downcast_ref::<f32>(), a.is::<()>());
    }
    let log = RefCell::new(String::new());
    {
        let _a = Loud(&log, 'a');
        let b: Box<dyn Any> = Box::new(5);
        let mut v: Vec<Loud> = "bcdef".chars().map(|c| Loud(&log, c)).collect();
        v.swap_remove(1);
        v.truncate(3);
        mem::forget(v.pop());
        let _ = Loud(&log, 'z');
        drop(b);
    }
    say!("{}", log.borrow());
    let mut count = 0;
    let mut add = |n: u64| -> u64 {
        count += n;
        count
    };
    say!("{} {}", add(5), add(6));
}

fn nothing() {
    let units = [(); 1000];
    let mut v = Vec::new();
    v.extend(units.iter().map(|_| ()));
    v.sort();
    say!("{} {} {:?} {}", v.len(), v.capacity() == usize::MAX, v.iter().rev().skip(990).count(), v.chunks(7).count());
    let s: &[[u64; 0]] = &[[]; 9];
    say!("{:?} {} {}", s.split_at(4), s.windows(3).count(), s.iter().zip(&v).count());
    let z: Box<[()]> = v.into_boxed_slice();
    say!("{} {:?}", z.len(), z.binary_search(&()).is_ok());
    let mut q: VecDeque<()> = (0..5).map(drop).collect();
    q.rotate_left(2);
    say!("{} {:?}", q.len(), q.pop_front());
    let e: [u32; 0] = [];
    say!("{:?} {:?} {:?} {}", e.iter().max(), e.first(), e.iter().sum::<u32>(), e.concat_().is_empty());
}
trait Concat {
    fn concat_(&self) -> Vec<u32>;
}
impl Concat for [u32] {
    fn concat_(&self) -> Vec<u32> {
        [self, self].concat()
    }
}

static NUMBERS: [u16; 6] = [1, 2, 3, 5, 8, 13];
static MIDDLE: &u16 = &NUMBERS[3];
static TAIL: &[u16] = NUMBERS.split_at(4).1;
static TABLE: &[(&str, fn(u32) -> u32, Option<&'static Node>)] = &[("double", double, Some(&LAST)), ("square", square, None)];
static LAST: Node = Node { value: -7, next: None };
static FIRST: Node = Node { value: 1 << 40, next: Some(&LAST) };
static mut COUNTER: [u64; 3] = [u64::MAX, 0, 5];
static SHARED: AtomicPtr<u16> = AtomicPtr::new((&raw const NUMBERS).cast::<u16>().cast_mut().wrapping_add(2));
const fn primes<const N: usize>() -> [u32; N] {
    let mut list = [2; N];
    let (mut n, mut i) = (3, 1);
    while i < N {
        let mut k = 0;
        while k < i && n % list[k] != 0 {
            k += 1;
        }
        if k == i {
            list[i] = n;
            i += 1;
        }
        n += 2;
    }
    list
}
static PRIMES: [u32; 50] = primes();
struct Node {
    value: i64,
    next: Option<&'static Node>,
}
fn double(x: u32) -> u32 {
    x * 2
}
fn square(x: u32) -> u32 {
    x * x
}

fn statics() {
    say!("{MIDDLE} {TAIL:?} {}", PRIMES.iter().sum::<u32>());
    for (name, f, node) in opaque(TABLE) {
        say!("{name} {} {:?}", f(9), node.map(|n| n.value));
    }
    say!("{} {}", FIRST.value, FIRST.next.is_some_and(|n| n.value == LAST.value && core::ptr::eq(n, &LAST)));
    // SAFETY: there are no threads.
    unsafe {
        COUNTER[1] += opaque(3);
        COUNTER[0] = COUNTER[0].wrapping_add(COUNTER[1]);
        say!("{} {}", COUNTER[0], *SHARED.load(Ordering::Acquire));
    }
}

macro_rules! atomic {
    ($($a:ident $t:ty)*) => {$(
        let a = $a::new(opaque(<$t>::MAX));
        let r = [a.fetch_add(3, Ordering::SeqCst), a.fetch_sub(5, Ordering::Relaxed), a.fetch_max(7, Ordering::AcqRel), a.fetch_min(9, Ordering::Acquire), a.fetch_nand(6, Ordering::Release), a.swap(11, Ordering::SeqCst)];
        say!("{} {r:?} {:?} {:?} {:?}", stringify!($a), a.compare_exchange(11, <$t>::MIN, Ordering::SeqCst, Ordering::Relaxed), a.compare_exchange(1, 2, Ordering::AcqRel, Ordering::Acquire), a.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |x| x.checked_sub(1)));
        say!("{} {} {}", a.fetch_xor(<$t>::MAX, Ordering::SeqCst), a.fetch_or(8, Ordering::SeqCst), a.into_inner());
    )*};
}

fn atomics() {
    atomic!(AtomicU8 u8 AtomicI8 i8 AtomicU16 u16 AtomicI16 i16 AtomicU32 u32 AtomicI32 i32 AtomicUsize usize AtomicIsize isize);
    let b = AtomicBool::new(opaque(true));
    say!("{} {} {} {} {}", b.fetch_nand(true, Ordering::SeqCst), b.fetch_not(Ordering::SeqCst), b.fetch_xor(true, Ordering::SeqCst), b.swap(true, Ordering::SeqCst), b.load(Ordering::SeqCst));
    fence(Ordering::SeqCst);
}

struct Pad;
impl fmt::Display for Pad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("păd")
    }
}
#[derive(Debug, Default, Clone)]
#[allow(dead_code)]
struct Deep {
    a: Option<Box<Deep>>,
    b: (u8, [f32; 2]),
    c: BTreeMap<String, Vec<i8>>,
}

fn text() {
    say!("[{Pad:>8}] [{Pad:^9}] [{Pad:*<7}] [{Pad:.2}] [{:>+9.2e}] [{:#010b}] [{:#X}] [{:<5}|{:^5}|{:>5}]", 1234.5f64, 37, 255, 'x', true, "é");
    let mut d = Deep { b: (1, [0.5, -0.0]), ..Deep::default() };
    d.c.insert("k\n\"".into(), alloc::vec![1, -1]);
    let d2 = Deep { a: Some(Box::new(d.clone())), ..d };
    say!("{d2:?}");
    say!("{d2:#?}");
    let s = "Grüße, 世界! ǅ 𝄞";
    say!("{} {} {:?} {:?}", s.to_uppercase(), s.to_lowercase(), s.char_indices().nth(3), s.find('世'));
    say!("{:?} {:?}", s.split(|c: char| !c.is_alphanumeric()).collect::<Vec<_>>(), s.rsplitn(2, ' ').last());
    say!("{:?} {:?}", core::str::from_utf8(opaque(b"ab\xff")), String::from_utf8_lossy(b"a\xf0\x90z"));
    say!("{:?} {}", "a\u{301}\0\t\u{7f}", "x".escape_unicode());
    say!("{:?} {:?} {:?}", "+12".parse::<i8>(), "-129".parse::<i8>(), u64::from_str_radix("zz", 36));
    say!("{:?}", "b a c".split(' ').map(str::to_string).reduce(|a, b| b + &a));
    say!("{0:1$} {2:>w$.p$}", 1.5, 9, 2.25, w = 7, p = 1);
    say!("{:.*}", 2, 3.14159);
}

fn sorting() {
    let mut rng = Rng(3);
    for n in [0usize, 1, 2, 3, 10, 20, 21, 33, 50, 100, 700] {
        let v: Vec<(u16, u32)> = (0..n).map(|i| (rng.below(1 + n as u64 / 3) as u16, i as u32)).collect();
        let (mut a, mut b, mut c) = (v.clone(), v.clone(), v.clone());
        a.sort_by_key(|p| p.0);
        b.sort_unstable_by(|x, y| y.cmp(x));
        c.sort_by_cached_key(|p| alloc::format!("{:03}", p.0 % 7));
        let sum = |v: &[(u16, u32)]| v.iter().enumerate().fold(0u64, |s, (i, p)| s.wrapping_mul(31).wrapping_add(i as u64 ^ u64::from(p.1) << 16 ^ u64::from(p.0)));
        say!("{n} {:x} {:x} {:x} {:?}", sum(&a), sum(&b), sum(&c), a.iter().rposition(|p| p.0 == 1));
        if n > 3 {
            let mut d: Vec<f64> = v.iter().map(|p| f64::from(p.0) - 2.5).collect();
            let m = *d.select_nth_unstable_by(n / 2, f64::total_cmp).1;
            a.dedup_by_key(|p| p.0);
            let heap: BinaryHeap<_> = b.iter().map(|p| core::cmp::Reverse(p.1)).collect();
            say!("{m} {} {:?} {}", a.len(), heap.peek(), a.partition_point(|p| p.0 < 3));
            let map: BTreeMap<u16, Vec<u32>> = v.iter().fold(BTreeMap::new(), |mut m, p| {
                m.entry(p.0).or_insert_with(Vec::new).push(p.1);
                m
            });
            say!("{:?} {:?}", map.range(1..4).map(|(k, v)| (*k, v.len())).collect::<Vec<_>>(), map.last_key_value().map(|(k, _)| k));
        }
    }
}

#[inline(never)]
fn pick(x: u64) -> &'static str {
    match x {
        0 => "zero",
        1..=9 => "digit",
        0xff | 0xffff | 0xffff_ffff => "ones",
        0x1_0000_0000..=0x1_ffff_ffff => "33 bits",
        u64::MAX => "max",
        n if n.is_power_of_two() => "power",
        _ => "other",
    }
}
#[inline(never)]
fn pick128(x: i128) -> u8 {
    match x {
        i128::MIN => 1,
        -1 => 2,
        0x1_0000_0000_0000_0000 => 3,
        5..=7 => 4,
        _ => 5,
    }
}

fn control() {
    for x in [0, 5, 255, 65535, u64::from(u32::MAX), 1 << 32, 1 << 33, u64::MAX, 10] {
        say!("{x} {}", pick(opaque(x)));
    }
    for x in [i128::MIN, -1, 1 << 64, 6, 8, 0x1_0000_0000] {
        say!("{x} {}", pick128(opaque(x)));
    }
    let found = 'outer: loop {
        for i in 1u32.. {
            for j in 1..i {
                if i * i + j * j == 29 * 29 {
                    break 'outer Some((i, j));
                }
            }
        }
    };
    say!("{found:?}");
    fn ack(m: u32, n: u32) -> u32 {
        match (m, n) {
            (0, n) => n + 1,
            (m, 0) => ack(m - 1, 1),
            (m, n) => ack(m - 1, ack(m, n - 1)),
        }
    }
    say!("{} {:?}", ack(2, 5), (1..=5).rev().step_by(2).flat_map(|n| (0..n).map(move |k| n * k)).collect::<Vec<_>>());
    let r: Result<Vec<u8>, _> = "1,2,x,4".split(',').map(str::parse).collect();
    let o: Option<Vec<u8>> = [Some(1), Some(2)].into_iter().collect();
    say!("{r:?} {o:?}");
    let [a, .., z] = [1, 2, 3, 4];
    let (x @ 1..=9, _) = opaque((4, "s")) else { return };
    say!("{a} {z} {x}");
}

fn owned() {
    let rc = Rc::new(Cell::new(5));
    let weak = Rc::downgrade(&rc);
    let other = rc.clone();
    other.set(other.get() + 1);
    say!("{} {} {:?}", Rc::strong_count(&rc), rc.get(), weak.upgrade().map(|c| c.get()));
    drop((rc, other));
    say!("{:?}", weak.upgrade());
    let s: Rc<str> = "shared".into();
    let b: Rc<[u128]> = [1u128, 2, 3].into();
    say!("{s} {b:?} {}", mem::size_of_val(&*b));
    let mut v: Vec<String> = (0..10).map(|n| "x".repeat(n)).collect();
    v.retain(|s| s.len() % 3 != 0);
    v.splice(1..3, ["new".to_string()]);
    let tail = v.split_off(2);
    say!("{v:?} {tail:?} {:?}", v.drain(..1).collect::<Vec<_>>());
    let mut a = [1, 2, 3, 4, 5, 6, 7];
    a.rotate_right(3);
    a[1..6].reverse();
    a.copy_within(2..5, 0);
    say!("{a:?} {:?} {:?}", a.iter().copied().max_by_key(|n| n % 4), a.rchunks(3).map(<[i32]>::len).collect::<Vec<_>>());
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Pair {
    a: f32,
    b: i16,
}
#[repr(C)]
#[derive(Clone, Copy)]
union Either {
    int: u64,
    bytes: [u8; 8],
    float: f64,
}
#[inline(never)]
extern "C" fn callback(p: Pair, c: i8, s: u16, d: f64, a: Three, e: Either, b: bool, w: Wider) -> Pair {
    // SAFETY: each bit pattern is a number.
    let bits = unsafe { e.int };
    Pair { a: p.a * f32::from(c) + d as f32 + f32::from(a.0[2]), b: p.b ^ s as i16 ^ bits as i16 ^ i16::from(b) ^ w.0 as i16 }
}
#[repr(C)]
#[derive(Clone, Copy)]
struct Three([u8; 3]);
#[repr(C)]
#[derive(Clone, Copy)]
struct Wider(u64, u64, u8);
fn foreign() {
    let f = opaque(callback as extern "C" fn(Pair, i8, u16, f64, Three, Either, bool, Wider) -> Pair);
    for n in [-128i8, -1, 0, 127] {
        say!("{:?}", f(Pair { a: 1.5, b: -9 }, n, 65535, -2.25, Three([1, 2, n as u8]), Either { float: 1.0 }, n < 0, Wider(n as u64, 2, 3)));
    }
    let e = Either { bytes: [0x40, 9, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18] };
    // SAFETY: as above; both machines have the big end first.
    say!("{:?} {:x}", unsafe { e.float }, unsafe { e.int });
}
