// SPDX-License-Identifier: GPL-2.0-only
//! Two elliptic curves, signatures, and a hash in the form of a tree.
#![no_std]
extern crate alloc;
use alloc::vec::Vec;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use k256::ecdsa::signature::{Signer, Verifier};
use k256::ecdsa::{Signature, SigningKey, VerifyingKey};
use k256::elliptic_curve::sec1::ToEncodedPoint;
use k256::ProjectivePoint;
use pre::*;

#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(5);
    vector("blake3 of nothing", blake3::hash(b"").to_hex(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    let data: Vec<u8> = (0..5000u32).map(|i| (i % 251) as u8).collect();
    for n in [1, 63, 64, 65, 1023, 1024, 1025, 2048, 3073, 5000] {
        say!("{n} {} {}", blake3::hash(&data[..n]).to_hex(), blake3::keyed_hash(b"whats the Elvish word for friend", &data[..n]).to_hex());
    }
    let mut long = [0; 131];
    blake3::Hasher::new_derive_key("of a test").update(&data).finalize_xof().fill(&mut long);
    say!("{}", Hex(&long));
    // RFC 8032's base point, and the smallest multiples of ristretto's from RFC 9496.
    let base = curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
    vector("base", Hex(base.compress().as_bytes()), "5866666666666666666666666666666666666666666666666666666666666666");
    let small = curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
    vector("ristretto", Hex(small.compress().as_bytes()), "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76");
    vector("ristretto 2", Hex((small + small).compress().as_bytes()), "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919");
    for n in 0..6 {
        let mut b = [0; 64];
        rng.fill(&mut b);
        let s = Scalar::from_bytes_mod_order_wide(&b);
        let p: EdwardsPoint = base * s;
        let packed = p.compress();
        let again = CompressedEdwardsY(packed.0).decompress();
        say!("{n} {} {} {}", Hex(packed.as_bytes()), again == Some(p), Hex(s.invert().as_bytes()));
        say!("{} {}", Hex((p - base).to_montgomery().as_bytes()), Hex(RistrettoPoint::from_uniform_bytes(&b).compress().as_bytes()));
    }
    let g = ProjectivePoint::GENERATOR;
    vector(
        "secp256k1 2G",
        Hex((g + g).to_affine().to_encoded_point(true).as_bytes()),
        "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
    );
    for n in 0..3 {
        let mut b = [0; 32];
        rng.fill(&mut b);
        let Ok(key) = SigningKey::from_slice(&b) else { continue };
        let public = VerifyingKey::from(&key);
        let signature: Signature = key.sign(&data[..100 * n]);
        say!("{n} {} {}", Hex(public.to_encoded_point(true).as_bytes()), Hex(&signature.to_bytes()));
        say!("{} {}", public.verify(&data[..100 * n], &signature).is_ok(), public.verify(&data[1..100], &signature).is_ok());
    }
}
