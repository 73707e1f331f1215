// SPDX-License-Identifier: GPL-2.0-only
//! Numbers of every width, padding, `Debug` of nested types, text.
#![no_std]
#![crate_type = "lib"]
include!("prelude.rs");

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Shape {
    Unit,
    Pair(u8, i64),
    Named { wide: u128, flag: bool, text: &'static str },
    Nested(Option<Result<u16, i8>>),
}

#[unsafe(no_mangle)]
pub extern "C" fn run() {
    for x in [0u128, 1, 9, 10, 255, u64::MAX as u128, u64::MAX as u128 + 1, u128::MAX, 1 << 127, 12345678901234567890123456789] {
        let x = opaque(x);
        say!("{x} {:x} {:#X} {:b} {:o} {:>45} {:<45}| {:^45} {:+}", x, x, x as u8, x, x, x, x, x as i128);
        say!("{} {} {} {}", x as i128, x as i64, x as i32, x as i16);
        say!("{:?} {:#?} {:08x} {:+09}", x as i8, x as u16, x as u32, x as i16);
        say!("{:e} {:E}", x as u64, x as i32);
    }
    for s in [
        Shape::Unit,
        Shape::Pair(7, -9),
        Shape::Named { wide: u128::MAX / 3, flag: true, text: "a\"b\n\u{1F600}\0" },
        Shape::Nested(None),
        Shape::Nested(Some(Ok(65535))),
        Shape::Nested(Some(Err(-128))),
    ] {
        say!("{:?}\n{:#?}", opaque(s), s);
    }
    let bytes: [u8; 7] = opaque([0, 1, 127, 128, 255, 10, 92]);
    say!("{:?} {:x?} {:?}", bytes, &bytes[2..5], core::str::from_utf8(&bytes));
    say!("{:?} {:?}", "tab\tquote'\u{301}é", 'ß');
    say!("{:>8}|{:<8}|{:^8}|{:*^9}|{:.2}", "ab", "cd", "ef", "gh", "ijk");
    say!("{:p}", core::ptr::without_provenance::<u8>(opaque(0x1234)));
    say!("{:?} {:?} {:?}", core::time::Duration::from_nanos(opaque(1_234_567_890)), 1..3, ..=opaque(5));
    say!("{}", core::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, opaque(0xff), 1));
}
