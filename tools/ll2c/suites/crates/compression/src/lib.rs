// SPDX-License-Identifier: GPL-2.0-only
//! Compression: what is packed is unpacked again, to the same; known streams too.
#![no_std]
extern crate alloc;
use alloc::vec::Vec;
use pre::*;

#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(7);
    // RFC 1950 and 1951: zlib's own stream for "hello, hello!" with fixed codes, and a stored block.
    let fixed = [0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0xc8, 0x00, 0x51, 0x8a, 0x00];
    let got = miniz_oxide::inflate::decompress_to_vec(&opaque(fixed)).unwrap_or_default();
    vector("inflate, fixed codes", Hex(&got), &alloc::format!("{}", Hex(b"hello, hello!")));
    let stored = [1u8, 3, 0, 0xfc, 0xff, b'a', b'b', b'c'];
    vector("inflate, stored", Hex(&miniz_oxide::inflate::decompress_to_vec(opaque(&stored)).unwrap_or_default()), "616263");
    vector("lz4", Hex(&lz4_flex::block::decompress(&opaque([0x11, b'a', 1, 0, 0x50, b'b', b'c', b'd', b'e', b'f']), 11).unwrap_or_default()), "6161616161616263646566");
    for n in 0..24u64 {
        let mut data = alloc::vec![0u8; rng.below(6000) as usize];
        rng.fill(&mut data);
        for b in &mut data {
            *b = match n % 4 {
                0 => *b,
                1 => *b & 3,
                2 => b"the quick brown fox "[usize::from(*b % 20)],
                _ => *b / 200,
            };
        }
        let level = (n % 11) as u8;
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&data, level);
        let sum = packed.iter().fold(0u32, |s, b| s.wrapping_mul(31) ^ u32::from(*b));
        say!("{n} {} {} {sum:x} {}", data.len(), packed.len(), miniz_oxide::inflate::decompress_to_vec_zlib(&packed).is_ok_and(|d| d == data));
        let lz = lz4_flex::block::compress_prepend_size(&data);
        let sum = lz.iter().fold(0u32, |s, b| s.wrapping_mul(31) ^ u32::from(*b));
        say!("{} {sum:x} {}", lz.len(), lz4_flex::block::decompress_size_prepended(&lz).ok().as_ref() == Some(&data));
        // What is damaged is noticed, or comes out the same everywhere.
        let mut bad: Vec<u8> = packed;
        let at = rng.below(bad.len() as u64) as usize;
        bad[at] ^= 1 << rng.below(8);
        match miniz_oxide::inflate::decompress_to_vec_zlib(&bad) {
            Ok(out) => say!("damaged: {}", out.len()),
            Err(e) => say!("damaged: {:?} {}", e.status, e.output.len()),
        }
    }
}
