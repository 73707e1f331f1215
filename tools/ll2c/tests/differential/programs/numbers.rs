// SPDX-License-Identifier: GPL-2.0-only
//! Every integer method that has an intrinsic or a library routine behind it, on every type.
#![no_std]
#![crate_type = "lib"]
include!("prelude.rs");

macro_rules! each {
    ($($t:ident)*) => {$({
        #[inline(never)]
        fn one() {
        let edges: [$t; 12] = [0, 1, 2, 3, 7, 100, $t::MAX, $t::MAX - 1, $t::MIN, $t::MIN + 1, $t::MAX / 3, ($t::MAX >> 1) ^ 5];
        for a in edges {
            let a = opaque(a);
            say!("{} {a}: {} {} {} {} {} {} {} {}", stringify!($t), a.count_ones(), a.leading_zeros(), a.trailing_zeros(), a.leading_ones(),
                a.swap_bytes(), a.reverse_bits(), a.rotate_left(5), a.rotate_right(3));
            say!(" {:?} {:?} {:?} {:?}", a.checked_neg(), a.checked_ilog2(), a.checked_ilog10(), a.checked_pow(3));
            say!(" {:?} {:?} {}", a.to_be_bytes(), a.to_le_bytes(), a.wrapping_pow(5));
            for b in edges {
                let b = opaque(b);
                let n = (b as u32) & 200;
                say!(" {b}: {:?} {:?} {:?} {:?} {:?} {:?}", a.checked_add(b), a.checked_sub(b), a.checked_mul(b), a.checked_div(b), a.checked_rem(b), a.cmp(&b));
                say!("  {:?} {:?} {:?} {} {} {}", a.overflowing_add(b), a.overflowing_sub(b), a.overflowing_mul(b), a.saturating_add(b), a.saturating_sub(b), a.saturating_mul(b));
                say!("  {:?} {:?} {} {} {:?}", a.checked_shl(n), a.checked_shr(n), a.wrapping_shl(n), a.wrapping_shr(n), a.checked_div_euclid(b));
                say!("  {} {} {}", a.abs_diff(b), a.min(b), a.max(b));
            }
        }
        }
        one();
    })*};
}

macro_rules! signed {
    ($($t:ident)*) => {$({
        for a in [0 as $t, 1, -1, $t::MIN, $t::MAX, -100, 77] {
            let a = opaque(a);
            say!("{} {a}: {} {} {:?} {} {:?}", stringify!($t), a.wrapping_abs(), a.signum(), a.checked_abs(), a.unsigned_abs(), a.checked_isqrt());
        }
    })*};
}

#[unsafe(no_mangle)]
pub extern "C" fn run() {
    each!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize);
    signed!(i8 i16 i32 i64 i128 isize);
    for a in [0u64, 1, 15, 16, 17, u64::MAX, 1 << 32, 999_999_999_999] {
        say!("{} {:?} {}", opaque(a).isqrt(), a.checked_next_power_of_two(), a.next_multiple_of(7) % 1000);
    }
}
