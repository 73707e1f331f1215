// SPDX-License-Identifier: GPL-2.0-only
//! Hashes and checksums, with the vectors of their specifications.
#![no_std]
use core::hash::Hasher;
use pre::*;
use sha2::Digest;

fn digest<D: Digest>(name: &str, rng: &mut Rng, published: &[(&str, &str)]) {
    for (text, sum) in published {
        vector(name, Hex(&D::digest(opaque(text.as_bytes()))), sum);
    }
    let mut data = [0u8; 700];
    rng.fill(&mut data);
    for n in 0..16 {
        let (len, cut) = (rng.below(700) as usize, rng.below(300) as usize);
        let mut d = D::new();
        d.update(&data[..len.min(cut)]);
        d.update(&data[len.min(cut)..len]);
        say!("{name} {n} {len} {}", Hex(&d.finalize()));
    }
}

#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(1);
    digest::<md5::Md5>("md5", &mut rng, &[
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
        ("abc", "900150983cd24fb0d6963f7d28e17f72"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ]);
    digest::<sha2::Sha256>("sha256", &mut rng, &[
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
    ]);
    digest::<sha2::Sha224>("sha224", &mut rng, &[("abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")]);
    digest::<sha2::Sha384>("sha384", &mut rng, &[(
        "abc",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    )]);
    digest::<sha2::Sha512>("sha512", &mut rng, &[(
        "abc",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    )]);
    digest::<sha3::Sha3_256>("sha3-256", &mut rng, &[
        ("", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
        ("abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    ]);
    digest::<sha3::Keccak512>("keccak512", &mut rng, &[]);
    digest::<blake2::Blake2s256>("blake2s", &mut rng, &[("abc", "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982")]);
    digest::<blake2::Blake2b512>("blake2b", &mut rng, &[(
        "abc",
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
    )]);
    vector("crc32", crc32fast::hash(opaque(b"123456789")), "3421780262");
    vector("adler32", adler2::adler32_slice(opaque(b"Wikipedia")), "300286872");
    vector("xxh32", twox_hash::XxHash32::oneshot(0, opaque(b"")), "46947589");
    vector("xxh64", twox_hash::XxHash64::oneshot(0, opaque(b"")), "17241709254077376921");
    // The reference implementation's vectors for the key 00..0f and the messages 00, 00 01, ...
    let message: [u8; 64] = core::array::from_fn(|i| i as u8);
    let key = core::array::from_fn(|i| i as u8);
    for (len, published) in [(0, "726fdb47dd0e0e31"), (1, "74f839c593dc67fd"), (8, "93f5f5799a932462"), (15, "a129ca6149be45e5")] {
        let mut h = siphasher::sip::SipHasher24::new_with_key(&opaque(key));
        h.write(&message[..len]);
        struct Wide(u64);
        impl core::fmt::Display for Wide {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}", Hex(&self.0.to_be_bytes()))
            }
        }
        vector("siphash24", Hex(&h.finish().to_be_bytes()), published);
        say!("{}", Wide(h.finish()));
    }
    let mut data = [0u8; 900];
    rng.fill(&mut data);
    for n in 0..40 {
        let b = &data[rng.below(30) as usize..][..rng.below(850) as usize];
        say!(
            "{n} {:x} {:x} {:x} {:x}",
            crc32fast::hash(b),
            adler2::adler32_slice(b),
            twox_hash::XxHash32::oneshot(n, b),
            twox_hash::XxHash64::oneshot(n.into(), b)
        );
    }
}
