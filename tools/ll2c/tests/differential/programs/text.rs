// SPDX-License-Identifier: GPL-2.0-only
//! Slices, sorting, searching, iterators, UTF-8, parsing, hashing.
#![no_std]
#![crate_type = "lib"]
include!("prelude.rs");

use core::hash::{Hash, Hasher};

struct Fnv(u64);
impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.0 = (self.0 ^ u64::from(b)).wrapping_mul(0x100000001b3);
        }
    }
    // The same on a little-endian machine.
    fn write_u16(&mut self, x: u16) {
        self.write(&x.to_be_bytes());
    }
    fn write_u128(&mut self, x: u128) {
        self.write(&x.to_be_bytes());
    }
    fn write_usize(&mut self, x: usize) {
        self.write(&x.to_be_bytes());
    }
    fn write_isize(&mut self, x: isize) {
        self.write(&x.to_be_bytes());
    }
}

fn fill(buf: &mut [u32], mut seed: u64) {
    for x in buf {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        *x = (seed >> 33) as u32 % 1000;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    key: u16,
    wide: u64,
    small: [u8; 3],
}

#[unsafe(no_mangle)]
pub extern "C" fn run() {
    for n in [0, 1, 2, 15, 33, 200] {
        let mut buf = [0u32; 200];
        let buf = &mut buf[..n];
        fill(buf, n as u64 + 1);
        let mut copy = [0u32; 200];
        copy[..n].copy_from_slice(buf);
        buf.sort_unstable();
        copy[..n].sort_unstable_by(|a, b| (b % 10).cmp(&(a % 10)).then(a.cmp(b)));
        say!("{:?} {:?} {:?}", buf, &copy[..n], buf.binary_search(&500));
        buf.rotate_left(n / 3);
        buf.reverse();
        say!("{:?} {} {:?}", buf.iter().max(), buf.iter().map(|&x| u64::from(x)).sum::<u64>(), buf.iter().position(|&x| x > 900));
        say!("{:?}", buf.chunks(7).map(|c| c.iter().fold(0u32, |a, b| a.wrapping_mul(31) ^ b)).fold((0u64, 0), |(h, n), x| (h * 33 + u64::from(x), n + 1)));
        say!("{:?}", buf.windows(2).filter(|w| w[0] < w[1]).count());
    }
    let mut records = [Record { key: 0, wide: 0, small: [0; 3] }; 24];
    for (i, r) in records.iter_mut().enumerate() {
        *r = Record { key: (i * 37 % 11) as u16, wide: (i as u64) << 40 | 5, small: [i as u8, 1, 255 - i as u8] };
    }
    records.sort_unstable_by_key(|r| (r.key, core::cmp::Reverse(r.wide)));
    say!("{:?}", records);
    let mut h = Fnv(0xcbf29ce484222325);
    (records[3].key, records[4].small, "text", Some(9u128)).hash(&mut h);
    say!("{:x}", h.finish());

    let text = opaque("Straße – ΑΣ ὀδυσσεύς 日本語 \u{1F1E9}\u{1F1EA} end");
    say!("{} {} {:?}", text.len(), text.chars().count(), text.char_indices().nth(9));
    for c in text.chars().chain("ŉǰİ".chars()) {
        let _ = write!(Out, "{}{}{}{} ", c.to_uppercase(), c.to_lowercase(), c.is_alphabetic() as u8, c.is_numeric() as u8);
    }
    say!("");
    say!("{:?}", text.split(' ').rev().map(str::len).fold(0usize, |a, b| a * 10 + b));
    say!("{:?} {:?} {:?}", text.find("日本"), text.rfind('e'), text.trim_start_matches("Str"));
    for bad in [&b"\xff"[..], b"ab\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80ok", b"\xe2\x82"] {
        say!("{:?}", core::str::from_utf8(opaque(bad)));
    }
    for s in ["0", "-1", "+7", "255", "256", "-129", "abc", "", "340282366920938463463374607431768211455", "9223372036854775808"] {
        let s = opaque(s);
        say!("{s}: {:?} {:?} {:?} {:?} {:?}", s.parse::<u8>(), s.parse::<i8>(), s.parse::<i64>(), s.parse::<u128>(), i128::from_str_radix(s, 16));
    }
    say!("{:?} {:?}", "::ffff:1.2.3.4".parse::<core::net::IpAddr>(), "10.0.0.256".parse::<core::net::Ipv4Addr>());
    say!("{:?}", "a,b,,c".split(',').map(|s| s.as_bytes().first().copied()).max());
}
