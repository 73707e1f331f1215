// SPDX-License-Identifier: GPL-2.0-only
//! Ciphers and curves, with the vectors of their RFCs and of FIPS 197.
#![no_std]
use aes::cipher::{generic_array::GenericArray, BlockDecrypt, BlockEncrypt, KeyInit, KeyIvInit, StreamCipher, StreamCipherSeek};
use pre::*;
use rand_chacha::rand_core::{RngCore, SeedableRng};

fn block<C: BlockEncrypt + BlockDecrypt + KeyInit>(name: &str, key: &[u8], plain: &[u8; 16], published: &str) {
    let cipher = C::new_from_slice(key).expect("a key");
    let mut block: GenericArray<u8, C::BlockSize> = GenericArray::clone_from_slice(plain);
    cipher.encrypt_block(&mut block);
    vector(name, Hex(&block), published);
    cipher.decrypt_block(&mut block);
    say!("{name} back {}", block[..] == plain[..]);
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hex"))
}

#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(2);
    let key: [u8; 32] = core::array::from_fn(|i| i as u8);
    let plain: [u8; 16] = core::array::from_fn(|i| (i * 0x11) as u8);
    block::<aes::Aes128>("aes128", &key[..16], &plain, "69c4e0d86a7b0430d8cdb78070b4c55a");
    block::<aes::Aes192>("aes192", &key[..24], &plain, "dda97ca4864cdfe06eaf70a0ec0d7191");
    block::<aes::Aes256>("aes256", &key, &plain, "8ea2b7ca516745bfeafc49904b496089");
    for n in 0..16 {
        let (mut k, mut p) = ([0; 32], [0; 16]);
        rng.fill(&mut k);
        rng.fill(&mut p);
        let mut b = p.into();
        aes::Aes256::new(&k.into()).encrypt_block(&mut b);
        say!("aes {n} {}", Hex(&b));
    }

    // RFC 8439, 2.4.2
    let nonce = bytes::<12>("000000000000004a00000000");
    let mut text = *b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let mut c = chacha20::ChaCha20::new(&key.into(), &nonce.into());
    c.seek(64u32);
    c.apply_keystream(&mut text);
    vector(
        "chacha20",
        Hex(&text),
        "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42874d",
    );
    for n in 0..12 {
        let mut data = [0; 300];
        let mut k = [0; 32];
        rng.fill(&mut k);
        let mut c = chacha20::ChaCha20::new(&k.into(), &nonce.into());
        c.seek(rng.below(1 << 30) as u32);
        c.apply_keystream(&mut data[..rng.below(300) as usize]);
        say!("chacha {n} {}", Hex(&data));
    }
    // RFC 8439, 2.5.2
    let k = bytes::<32>("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b");
    vector(
        "poly1305",
        Hex(&poly1305::Poly1305::new(&k.into()).compute_unpadded(b"Cryptographic Forum Research Group")),
        "a8061dc1305136c6c22b8baf0c0127a9",
    );
    for n in 0..24 {
        let (mut k, mut m) = ([0; 32], [0; 99]);
        rng.fill(&mut k);
        rng.fill(&mut m);
        say!("poly {n} {}", Hex(&poly1305::Poly1305::new(&k.into()).compute_unpadded(&m[..rng.below(99) as usize])));
    }
    // RFC 7748, 5.2
    for (scalar, point, published) in [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ] {
        vector("x25519", Hex(&x25519_dalek::x25519(bytes(scalar), bytes(point))), published);
    }
    let mut r = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    for n in 0..20 {
        say!("chacha8 {n} {:x} {:x}", r.next_u32(), r.next_u64());
    }
}
