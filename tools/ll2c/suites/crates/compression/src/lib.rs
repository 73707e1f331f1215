// SPDX-License-Identifier: GPL-2.0-only
//! Compression: what is packed is unpacked again, to the same; known streams too.
#![no_std]
extern crate alloc;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use pre::*;

/// What `zstd -19 --no-check` makes of the squares below, and of the words.
const SQUARES: &str =
    "28b52ffd00688d0a00266f5309b0eb24a18871ce98454d005100500013194f404c72fc6abc549c461c803863785b7e249c2ef844701af233e00de0a4\
         1be066ed5a7d5153d11334d57c31d73adb013a496ec867314d3c11d3f123de720607e0b44b5f277962e277e71034509f19dd289a3434406936e81ad0\
         173753d53c413355e70b996b9c599801ae93aa37a89fb5d3489f884e07fde8e4d66446c90024d32a9744be864c42790264e2c50716172a26500c3031\
         a17141e283888d137e46c2692a7c2284d35df0a30ade4e7086040760709a919788fc5a7292209f0072a2013f20e0850227047000004eb0bb40f7416f\
         62dc137093987d25bb549b1636006dc6d56dd54753d3493d11751322e2c2313e20c644613c018c490ae26b212e11629a1d07a0e30c39dec2f1a3324e\
         57e313619ce68a9f51f1468b93581ce088b344bc26c42f489cca864fd0702a197ec1e1352b67a91ca0e524960700";
const WORDS: &str =
    "28b52ffd0068450200f202090cd03da00899094095002c704265ef5a7bc375e8fabb0902cf9d0a6a112c2be05450f60e0d003feb50c10dc0e021f702\
         a7066635113300a886a10ce03254a809318fdf5e26";

fn bytes(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex")).collect()
}

/// Literals of Huffman's and tables of finite states, which zstd writes and LZ4 and deflate have not.
fn zstd() {
    let (mut squares, mut words) = (String::new(), String::new());
    for i in 0..150 {
        let _ = write!(squares, "{} ", i * i);
    }
    for i in 0..200 {
        let _ = write!(words, "{} ", ["zero", "one", "two", "three", "four", "five", "six", "seven"][(i * i + i / 3) % 8]);
    }
    for (name, packed, plain) in [("squares", SQUARES, &squares), ("words", WORDS, &words)] {
        let mut got = Vec::with_capacity(plain.len());
        let result = ruzstd::FrameDecoder::new().decode_all_to_vec(&opaque(bytes(packed)), &mut got);
        vector(name, String::from_utf8_lossy(&got), plain);
        say!("{}", result.is_ok());
        // Cut short, it is no frame.
        for cut in (0..packed.len()).step_by(62) {
            let mut got = Vec::with_capacity(plain.len());
            say!("{cut} {}", ruzstd::FrameDecoder::new().decode_all_to_vec(&bytes(&packed[..cut]), &mut got).is_ok());
        }
    }
}

#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(7);
    zstd();
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
