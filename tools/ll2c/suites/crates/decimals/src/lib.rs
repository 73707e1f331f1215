// SPDX-License-Identifier: GPL-2.0-only
//! Fixed point and decimal numbers.
#![no_std]
extern crate alloc;
use fixed::types::{I16F16, I32F32, I4F4, I64F64, U0F32, U8F8};
use pre::*;
use rust_decimal::Decimal;

#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(8);
    let parse = |text: &str| text.parse::<Decimal>().unwrap_or_default();
    vector("0.1 + 0.2", parse("0.1") + parse("0.2"), "0.3");
    vector("1 / 3", Decimal::from(opaque(1)) / Decimal::from(3), "0.3333333333333333333333333333");
    vector("max", Decimal::MAX, "79228162514264337593543950335");
    vector("pi", I16F16::from_bits(opaque(205_887)), "3.14159");
    vector("I4F4", I4F4::from_num(opaque(-7.3125)), "-7.3");
    for n in 0..150 {
        let (a, b) = (I32F32::from_bits(rng.next() as i64), I32F32::from_bits(rng.next() as i64 >> rng.below(60) | 1));
        say!("{n} {a} {b} {:?} {:?} {}", a.checked_mul(b), a.checked_div(b), a.wrapping_add(b));
        say!("{} {} {}", a.ceil_(), a.wrapping_to_num::<i16>(), a.to_num::<f64>());
        let (c, d) = (U8F8::from_bits(rng.next() as u16), U0F32::from_bits(rng.next() as u32));
        say!("{c} {d} {:?} {}", c.checked_mul(c), d.wrapping_mul(d));
        let e = I64F64::from_bits((rng.next() as i128) << 40 ^ rng.next() as i128);
        say!("{e} {} {:?}", e.wrapping_mul(e), e.checked_div(I64F64::from_num(3)));
        let x = Decimal::from_i128_with_scale(rng.next() as i64 as i128 * 1000, rng.below(20) as u32);
        let y = Decimal::new(rng.next() as i64 | 1, rng.below(28) as u32);
        say!("{x} {y} {:?} {:?} {:?}", x.checked_add(y), x.checked_mul(y), x.checked_div(y));
        say!("{} {} {}", x.round_dp(3), y.normalize(), x % y);
    }
}

trait Ceil {
    fn ceil_(self) -> I32F32;
}

impl Ceil for I32F32 {
    fn ceil_(self) -> I32F32 {
        self.checked_ceil().unwrap_or(self)
    }
}
