// SPDX-License-Identifier: GPL-2.0-only
//! Conversions between 128-bit integers and floating point, which LLVM calls for the reference and its libgcc lacks.
#![no_std]
#![no_builtins]

/// The bits of a float with `mantissa` bits and that bias, rounded to nearest, ties to even.
fn pack(x: u128, mantissa: u32, bias: u32) -> u64 {
    if x == 0 {
        return 0;
    }
    let zeros = x.leading_zeros();
    let top = x << zeros;
    let shift = 127 - mantissa;
    let (kept, rest, half) = ((top >> shift) as u64, top & ((1 << shift) - 1), 1u128 << (shift - 1));
    let up = rest > half || (rest == half && kept & 1 == 1);
    // A carry out of the mantissa is one of the exponent.
    ((u64::from(127 - zeros + bias) << mantissa) + (kept & ((1 << mantissa) - 1))) + u64::from(up)
}

/// The integer part of a float's magnitude, from its exponent and mantissa with the hidden bit.
fn unpack(exponent: i32, kept: u64, mantissa: i32) -> u128 {
    let shift = exponent - mantissa;
    match shift {
        ..=-64 => 0,
        -63..=-1 => u128::from(kept >> -shift),
        0..=127 => u128::from(kept) << shift,
        _ => 0,
    }
}

fn of_f64(x: f64) -> u128 {
    let bits = x.to_bits();
    unpack((bits >> 52 & 0x7ff) as i32 - 1023, bits & ((1 << 52) - 1) | 1 << 52, 52)
}

fn of_f32(x: f32) -> u128 {
    let bits = x.to_bits();
    unpack((bits >> 23 & 0xff) as i32 - 127, u64::from(bits & ((1 << 23) - 1) | 1 << 23), 23)
}

fn signed(negative: bool, magnitude: u128) -> i128 {
    if negative { (magnitude as i128).wrapping_neg() } else { magnitude as i128 }
}

#[no_mangle]
extern "C" fn __floatuntidf(x: u128) -> f64 {
    f64::from_bits(pack(x, 52, 1023))
}
#[no_mangle]
extern "C" fn __floatuntisf(x: u128) -> f32 {
    f32::from_bits(pack(x, 23, 127) as u32)
}
#[no_mangle]
extern "C" fn __floattidf(x: i128) -> f64 {
    f64::from_bits(pack(x.unsigned_abs(), 52, 1023) | u64::from(x < 0) << 63)
}
#[no_mangle]
extern "C" fn __floattisf(x: i128) -> f32 {
    f32::from_bits(pack(x.unsigned_abs(), 23, 127) as u32 | u32::from(x < 0) << 31)
}
#[no_mangle]
extern "C" fn __fixunsdfti(x: f64) -> u128 {
    of_f64(x)
}
#[no_mangle]
extern "C" fn __fixunssfti(x: f32) -> u128 {
    of_f32(x)
}
#[no_mangle]
extern "C" fn __fixdfti(x: f64) -> i128 {
    signed(x.is_sign_negative(), of_f64(x))
}
#[no_mangle]
extern "C" fn __fixsfti(x: f32) -> i128 {
    signed(x.is_sign_negative(), of_f32(x))
}
