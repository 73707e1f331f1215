// SPDX-License-Identifier: GPL-2.0-only
//! Text: searching, encodings, normal forms. RFC 4648 and Unicode give the vectors.
#![no_std]
extern crate alloc;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use pre::*;
use unicode_normalization::UnicodeNormalization;

#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(5);
    let engine = base64::engine::general_purpose::STANDARD;
    for (text, published) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")] {
        vector("base64", engine.encode(opaque(text)), published);
        vector("base16", hex::encode_upper(opaque(text)), match text {
            "" => "",
            "f" => "66",
            "fo" => "666F",
            "foo" => "666F6F",
            "foob" => "666F6F62",
            _ => "666F6F626172",
        });
    }
    vector("NFD", "\u{1e69}".nfd().map(|c| alloc::format!("{:x} ", c as u32)).collect::<String>(), "73 323 307 ");
    vector("NFC", "s\u{307}\u{323}".nfc().map(|c| alloc::format!("{:x} ", c as u32)).collect::<String>(), "1e69 ");
    vector("NFKC", "\u{fb01}\u{2460}".nfkc().collect::<String>(), "fi1");
    let mut data = [0u8; 400];
    rng.fill(&mut data);
    let words: Vec<u8> = data.iter().map(|b| b"abcde fgh.0123"[usize::from(b % 14)]).collect();
    for n in 0..20 {
        let coded = engine.encode(&data[n..n * 15]);
        say!("{coded} {}", engine.decode(&coded).as_deref() == Ok(&data[n..n * 15]));
        say!("{:?} {:?}", memchr::memchr(data[n], &data[n + 1..]), memchr::memmem::find(&data, &data[n * 9..n * 9 + 3]));
        say!("{:?} {:?}", memchr::memrchr2(1, data[n], &data), memchr::memmem::rfind_iter(&words, b"a").count());
    }
    let ac = aho_corasick::AhoCorasick::new(["ab", "abc", "e f", "0", "12", "h."]).expect("an automaton");
    for m in ac.find_iter(&words) {
        say!("{} {:?}", m.pattern().as_usize(), m.range());
    }
    for pattern in ["[a-c]+", r"(\w+)\s(\w)", r"\d{2,}|e.", r"^a|b$", r"(?i)B[^\s]*?(?:d|$)", r"\p{L}+\b", "(a|b)*c?d"] {
        let re = regex_automata::meta::Regex::new(pattern).expect("a pattern");
        let found: Vec<_> = re.find_iter(&words[..]).map(|m| m.range()).collect();
        say!("{pattern}: {} {:?}", found.len(), &found[..found.len().min(12)]);
        let mut caps = re.create_captures();
        re.captures(&words[..], &mut caps);
        say!("{:?}", caps.iter().flatten().map(|s| (s.start, s.end)).collect::<Vec<_>>());
    }
    let text: String = (0..200).filter_map(|_| char::from_u32(rng.next() as u32 & 0x2fff)).collect();
    say!("{} {} {}", text.len(), text.nfd().count(), text.nfkc().count());
    say!("{}", text.to_uppercase().chars().map(|c| c as u32).fold(0u32, |s, c| s.wrapping_mul(31) ^ c));
    say!("{:?}", text.split(char::is_whitespace).map(str::len).collect::<Vec<_>>());
}
