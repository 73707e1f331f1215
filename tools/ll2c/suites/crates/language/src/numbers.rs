// SPDX-License-Identifier: GPL-2.0-only
//! Integers of every width at their limits, 128 bits, casts, floating point and its text.
use core::num::{NonZeroI16, NonZeroU128, Saturating, Wrapping};
use pre::{opaque, say, Rng};

pub fn wide() {
    let mut rng = Rng(77);
    let next = |rng: &mut Rng| {
        let n = u128::from(rng.next()) << 64 | u128::from(rng.next());
        n >> rng.below(128)
    };
    for n in 0..120 {
        let (a, b) = (next(&mut rng), next(&mut rng) | 1);
        let (x, y) = (a as i128, if n % 2 == 0 { -(b as i128 & i128::MAX) } else { b as i128 });
        let s = n as u32;
        say!("{a} {b} {} {} {}", a.wrapping_mul(b), a / b, a % b);
        say!("{} {} {:?} {:?}", x.wrapping_div(y), x.wrapping_rem(y), x.checked_mul(y), x.checked_add(y));
        say!("{:?} {:?} {:?}", a.overflowing_sub(b), x.overflowing_mul(y), a.checked_pow(2));
        say!("{:x} {:x} {:x} {:x}", a << s, a >> s, x >> s, a.rotate_left(s));
        say!("{} {} {} {} {}", a.leading_zeros(), a.trailing_zeros(), a.count_ones(), x.saturating_sub(y), x.rem_euclid(y));
        say!("{:e} {:?} {} {}", a as f64, x as f32, (a as f64) as u128, (x as f32) as i128);
        say!("{:x} {:x} {}", a.swap_bytes(), a.reverse_bits(), x.cmp(&y) as i8);
        say!("{} {} {}", a.isqrt(), a.checked_ilog10().unwrap_or(0), x.midpoint_(y));
    }
    for f in [0.0, -0.5, 0.99, 1e38, 3.5e38, -1e39, f64::NAN, f64::INFINITY, -f64::INFINITY, 1.7e38, -1.7e38] {
        let f = opaque(f);
        say!("{} {} {} {}", f as u128, f as i128, f as f32 as u128, f as f32 as i128);
    }
    say!("{:?} {}", NonZeroU128::new(opaque(1 << 127)), i128::MIN);
    say!("{:?} {:?}", "-170141183460469231731687303715884105728".parse::<i128>(), "340282366920938463463374607431768211456".parse::<u128>());
}

trait Mid {
    fn midpoint_(self, other: Self) -> Self;
}
impl Mid for i128 {
    fn midpoint_(self, other: i128) -> i128 {
        (self & other) + ((self ^ other) >> 1)
    }
}

macro_rules! each {
    ($($t:ty)*) => {$(
        for &a in &[<$t>::MIN, <$t>::MAX, 0, 1, 2, 3, 7, 100, <$t>::MAX / 2, <$t>::MAX - 1, (<$t>::MAX / 3)] {
            for &b in &[1 as $t, 2, 3, 5, 7, 10, <$t>::MAX, <$t>::MIN, <$t>::MAX / 2] {
                let (a, b) = (opaque(a), opaque(b));
                say!("{} {a} {b} {:?} {:?} {:?} {:?} {:?}", stringify!($t), a.checked_add(b), a.overflowing_mul(b), a.checked_div(b), a.saturating_sub(b), a.checked_rem(b));
                say!("{} {} {} {:?} {:?} {}", a.wrapping_shl(b as u32), a.wrapping_shr(b as u32), a.rotate_right(b as u32 & 7), a.checked_neg(), a.checked_ilog2(), a.abs_diff(b));
                say!("{:?} {} {} {}", a.checked_rem_euclid(b), a.swap_bytes(), a.leading_ones(), a.trailing_zeros());
                say!("{} {} {}", Wrapping(a) * Wrapping(b), Saturating(a) + Saturating(b), a.wrapping_pow(3));
            }
        }
    )*};
}

pub fn narrow() {
    each!(u8 i8 u16 i16 u32 i32 u64 i64 usize isize);
    let mut rng = Rng(5);
    for _ in 0..40 {
        let n = rng.next();
        let bits = [n as u8 & 1 != 0, n & 2 != 0, n & 4 != 0];
        let t = (n as u8, n as i16, bits[0], n as u32 & 0xff_ffff, bits[2]);
        let u = opaque(t);
        say!("{:?} {} {} {}", u, u.2 ^ u.4, u.2 as i32 - i32::from(u.4), (u.1 as i32).pow(2));
        say!("{:?} {:?}", char::from_u32(n as u32 & 0x1f_ffff), NonZeroI16::new(n as i16 & 1));
    }
}

pub fn casts() {
    let ints = [0i64, 1, -1, 127, 128, 255, 256, 32767, 32768, 65535, 65536, i32::MAX as i64, u32::MAX as i64, 1 << 24 | 1, (1 << 53) + 1, i64::MAX, i64::MIN];
    for n in ints {
        let n = opaque(n);
        say!("{} {} {} {} {} {} {}", n as i8, n as u8, n as i16, n as u16, n as i32, n as u32, n as u64);
        say!("{:?} {:?} {:?} {:?} {:?}", n as f32, n as f64, n as u64 as f32, n as u64 as f64, n as i16 as f32);
        say!("{:?} {:?} {:?}", i8::try_from(n), u16::try_from(n), u32::try_from(n).is_ok());
    }
}

pub fn floats() {
    let list = [0.0, -0.0, 1.0, -1.5, 2.5, 0.1, 1e-45, 1.4e-45, 3.4028235e38, 255.5, 256.0, -129.0, 2147483647.0, 4294967296.0, 9.223372e18, 1.8446744e19, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, 0.49999997];
    for f in list {
        let f = opaque(f);
        let d = opaque(f64::from(f) * 1.000_000_1);
        say!("{f:?} {f:e} {f} {f:.3} {:08x} {}", if f.is_nan() { 0 } else { f.to_bits() }, f.is_sign_negative());
        say!("{} {} {} {} {} {} {} {}", f as u8, f as i8, f as u16, f as i16, f as u32, f as i32, f as u64, f as i64);
        say!("{} {} {} {} {} {}", d as u8, d as i16, d as u32, d as i32, d as u64, d as i64);
        say!("{d:?} {:?} {:?} {:?}", d as f32, f.classify(), f.total_cmp(&1.0));
        // The reference calls its libm, to which LLVM's quiet NaN is a signalling one.
        let n = if f.is_nan() { 2.0 } else { f };
        say!("{:?} {:?} {:?} {:?}", n.max(1.0), n.min(1.0), f.clamp(-2.0, 2.0), (f % 3.0).abs());
        for g in list {
            let g = opaque(g);
            say!("{:?} {}{}{}{}{}", f.partial_cmp(&g), f < g, f <= g, f == g, f != g, !(f > g));
        }
    }
    for t in ["1e400", "-1e-400", "nan", "inf", "0.1e1", "1.7976931348623157e308", "4.9e-324", "2.4703282292062327e-324", "179769313486231580793728971405301e276", "1.", ".5", "e5", "9007199254740993"] {
        say!("{:?} {:?}", t.parse::<f64>(), t.parse::<f32>());
    }
}
