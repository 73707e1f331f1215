// SPDX-License-Identifier: GPL-2.0-only
//! Big numbers and fractions: identities that must hold, known values, and 128-bit integers of the compiler beside them.
#![no_std]
extern crate alloc;
use alloc::string::ToString;
use ethnum::{I256, U256};
use num_bigint::{BigInt, BigUint, Sign};
use num_integer::{Integer, Roots};
use num_rational::{BigRational, Ratio};
use num_traits::{One, ToPrimitive, Zero};
use pre::*;

fn big(rng: &mut Rng, bytes: u64) -> BigUint {
    let mut b = [0; 64];
    rng.fill(&mut b);
    BigUint::from_bytes_le(&b[..1 + rng.below(bytes) as usize])
}

fn ratios(rng: &mut Rng) {
    let harmonic = (1..=20).fold(BigRational::zero(), |sum, k| sum + BigRational::new(BigInt::one(), BigInt::from(k)));
    vector("harmonic 20", &harmonic, "55835135/15519504");
    // Newton's way to the root of 2.
    let root = (0..4).fold(BigRational::from_integer(BigInt::one()), |x, _| (&x + x.recip() * BigInt::from(2)) / BigInt::from(2));
    vector("root of 2", &root, "665857/470832");
    for n in 0..60 {
        let (x, y) = [0, 1].map(|_| Ratio::<i128>::new(i128::from(rng.next() as i32), i128::from(rng.next() as i32) | 1)).into();
        say!("{n} {} {} {} {} {:?}", x + y, x - y, x * y, x / y, x.cmp(&y));
        say!("{} {} {} {} {} {}", x.floor(), x.ceil(), x.round(), x.trunc(), x.fract(), x.recip());
        let small = Ratio::new(*x.numer() as i64, *x.denom() as i64);
        say!("{:?} {:?}", small.to_f64().map(f64::to_bits), Ratio::<i64>::approximate_float(*x.numer() as f64 / *y.denom() as f64));
        let big = BigRational::from_float(rng.next() as f64 / 3.0).unwrap_or_else(BigRational::zero);
        say!("{big} {:?} {}", big.to_f64().map(f64::to_bits), big.round());
    }
}

#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(3);
    let factorial = (1u32..=50).fold(BigUint::one(), |n, k| n * k);
    vector("50!", &factorial, "30414093201713378043612608166064768844377641568960512000000000000");
    vector("2^200", BigUint::one() << 200u32, "1606938044258990275541962092341162602522202993782792835301376");
    let (mut a, mut b) = (BigUint::zero(), BigUint::one());
    for _ in 0..300 {
        (a, b) = (b.clone(), a + b);
    }
    vector("fibonacci 300", &a, "222232244629420445529739893461909967206666939096499764990979600");
    let p = (BigUint::one() << 127u32) - 1u32;
    vector("2^(p-1) mod p", BigUint::from(2u32).modpow(&(&p - 1u32), &p), "1");
    ratios(&mut rng);
    for n in 0..60 {
        let (a, b) = (big(&mut rng, 60), big(&mut rng, 30) + 1u32);
        let (q, r) = a.div_rem(&b);
        say!("{n} {q} {r} {} {} {}", &q * &b + &r == a, a.gcd(&b), a.sqrt());
        let s = BigInt::from_biguint(if rng.below(2) == 0 { Sign::Minus } else { Sign::Plus }, a.clone());
        say!("{:x} {} {}", s, s.mod_floor(&BigInt::from(b.clone())), &s >> 13u32);
        let text = a.to_str_radix(36);
        say!("{text} {}", BigUint::parse_bytes(text.as_bytes(), 36) == Some(a));
    }
    for n in 0..80 {
        let wide = |rng: &mut Rng| (u128::from(rng.next()) << 64 | u128::from(rng.next())) >> rng.below(128);
        let (a, b) = (wide(&mut rng), wide(&mut rng) | 1);
        say!("{n} {} {} {:?} {:?} {}", a / b, a % b, a.checked_mul(b), a.checked_add(b), a.to_string().len());
        let (s, t) = (a as i128 ^ -1, (b as i128).wrapping_neg());
        say!("{} {} {:?} {}", s.wrapping_div(t), s.wrapping_rem(t), s.overflowing_mul(t), s >> (n % 128));
        say!("{} {} {} {}", (a as f64).to_bits(), (s as f32).to_bits(), (b as f64 * 1.5) as u128, (s as f64 / 3.0) as i128);
        say!("{} {}", a.sqrt(), (a as u64).cbrt());
        let (x, y) = (U256::from_words(a, b), U256::from(b));
        say!("{} {} {} {}", x / y, x % y, x.wrapping_mul(y), x.leading_zeros());
        let z = I256::from_words(s, t);
        say!("{} {:x}", z / I256::from(t), z >> 7u32);
    }
}
