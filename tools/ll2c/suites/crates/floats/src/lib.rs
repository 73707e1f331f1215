// SPDX-License-Identifier: GPL-2.0-only
//! Floating point: functions, and text in both directions.
#![no_std]
extern crate alloc;
use alloc::string::ToString;
use pre::*;

#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(4);
    // Hard cases of the literature: halfway, subnormal, the largest.
    for (text, bits) in [
        ("9007199254740993", "4845873199050653696"),
        ("2.2250738585072011e-308", "4503599627370495"),
        ("2.2250738585072012e-308", "4503599627370496"),
        ("4.9406564584124654e-324", "1"),
        ("1.7976931348623157e308", "9218868437227405311"),
        ("0.1", "4591870180066957722"),
        ("8.5e-2", "4590789316156388803"),
    ] {
        vector(text, fast_float2::parse::<f64, _>(opaque(text)).unwrap_or(f64::NAN).to_bits(), bits);
        vector(text, opaque(text).parse::<f64>().unwrap_or(f64::NAN).to_bits(), bits);
    }
    vector("1/3", ryu::Buffer::new().format(opaque(1.0f64) / 3.0), "0.3333333333333333");
    vector("5e-324", ryu::Buffer::new().format(f64::from_bits(opaque(1))), "5e-324");
    vector("f32", ryu::Buffer::new().format(f32::from_bits(opaque(0x3eaa_aaab))), "0.33333334");
    vector("sin(1)", libm::sin(opaque(1.0)).to_bits(), "4605754516372524270");
    vector("exp(0)", libm::exp(opaque(0.0)).to_bits(), "4607182418800017408");
    vector("half", half::f16::from_f32(opaque(65504.0)).to_bits(), "31743");
    vector("signalling", f32::from_bits(opaque(0x7fa0_0000)).to_bits(), "2141192192");
    for n in 0..300u32 {
        let x = f64::from_bits(rng.next());
        let y = (rng.next() as i64 as f64) / (1u64 << rng.below(63)) as f64;
        let f = f32::from_bits(rng.next() as u32);
        let text = y.to_string();
        say!("{n} {} {} {text} {:e} {:.3}", ryu::Buffer::new().format(x), ryu::Buffer::new().format(f), y, y);
        say!("{} {}", text.parse::<f64>() == Ok(y), fast_float2::parse::<f64, _>(&text) == Ok(y));
        let small = y % 64.0;
        // A NaN has no sign that all machines agree on.
        let b = |x: f64| if x.is_nan() { 1 } else { x.to_bits() };
        say!(
            "{:x} {:x} {:x} {:x} {:x} {:x}",
            b(libm::sin(small)),
            b(libm::exp(small)),
            b(libm::log(small.abs())),
            b(libm::cbrt(y)),
            b(libm::atan2(y, small)),
            b(libm::tgamma(small / 2.0))
        );
        let g = |x: f32| if x.is_nan() { 1 } else { x.to_bits() };
        say!("{:x} {:x} {:x}", g(libm::powf(small as f32, 1.5)), g(libm::sqrtf(f)), g(libm::fmaf(f, 1.5, -f)));
        say!("{:?} {:?}", half::f16::from_f64(small).to_f32(), half::bf16::from_f32(small as f32).to_f32());
        say!("{} {} {} {}", y as i32, y as u64, y as i128, f as u8);
        say!("{:x} {:x} {:x} {:x}", b(y.trunc_()), b(libm::fmod(y, 3.25)), b(libm::rint(y)), b(y % 7.5));
    }
}

trait Trunc {
    fn trunc_(self) -> f64;
}

impl Trunc for f64 {
    fn trunc_(self) -> f64 {
        libm::trunc(self)
    }
}
