// SPDX-License-Identifier: GPL-2.0-only
//! Serialization: through serde and beside it, whole and damaged.
#![no_std]
extern crate alloc;
use alloc::{string::*, vec::Vec, collections::BTreeMap};
use pre::*;
use serde::{Deserialize, Serialize};
#[derive(Serialize, Deserialize, Debug, PartialEq, Clone, minicbor::Encode, minicbor::Decode)]
enum E { #[n(0)] A, #[n(1)] B(#[n(0)] u64, #[n(1)] i8), #[n(2)] C { #[n(0)] x: Option<i64>, #[n(1)] y: bool } }
#[derive(Serialize, Deserialize, Debug, PartialEq, Clone, minicbor::Encode, minicbor::Decode)]
struct S { #[n(0)] a: u8, #[n(1)] b: i64, #[n(2)] c: String, #[n(3)] d: Vec<E>, #[n(4)] e: f64, #[n(5)] f: f32, #[n(6)] g: (u16, i32), #[n(7)] m: BTreeMap<u32, Vec<i16>>, #[n(8)] ch: char, #[n(9)] t: [u32; 3] }
#[derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::KnownLayout, zerocopy::Immutable, zerocopy::Unaligned, Debug)]
#[repr(C, packed)]
struct Hdr { k: u8, len: zerocopy::byteorder::big_endian::U16, seq: zerocopy::byteorder::little_endian::U32, off: zerocopy::byteorder::little_endian::I64, fl: [u8; 3] }
#[derive(bytemuck::Pod, bytemuck::Zeroable, Clone, Copy, Debug)]
#[repr(C)]
struct P { a: u32, b: u16, c: [u8; 2], d: u64 }
#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(19);
    for i in 0..60u64 {
        let mut n = || rng.next() >> (rng.next() & 63);
        let mut m = BTreeMap::new(); for _ in 0..n() % 4 { m.insert(n() as u32, (0..n() % 3).map(|_| n() as i16).collect()); }
        let s = S { a: n() as u8, b: n() as i64, c: alloc::format!("t\"{}\u{e9}\n{}", n(), char::from_u32(n() as u32 & 0xffff).unwrap_or('?')), d: (0..n() % 5).map(|k| match k % 3 { 0 => E::A, 1 => E::B(n(), n() as i8), _ => E::C { x: if n() & 1 == 0 { None } else { Some(n() as i64) }, y: n() & 1 == 0 } }).collect(), e: n() as f64 / 1000.0, f: n() as f32 * -0.5, g: (n() as u16, n() as i32), m, ch: char::from_u32(n() as u32 & 0x1fff).unwrap_or('x'), t: [n() as u32, n() as u32, n() as u32] };
        let j = serde_json::to_string(&s).unwrap(); say!("{j}");
        let back: Result<S, _> = serde_json::from_str(&j); say!("{}", back.map(|b| b == s).unwrap_or(false));
        let p = postcard::to_allocvec(&s).unwrap(); say!("{}", Hex(&p)); say!("{}", postcard::from_bytes::<S>(&p).as_ref() == Ok(&s));
        let c = minicbor::to_vec(&s).unwrap(); say!("{}", Hex(&c)); say!("{:?}", minicbor::decode::<S>(&c).map(|x| x == s).map_err(|e| e.to_string()));
        say!("{}", minicbor::display(&c));
        let mut bad = c.clone(); let l = bad.len() as u64; bad[(rng.next() % l) as usize] ^= (1 + i) as u8;
        match minicbor::decode::<S>(&bad) { Ok(x) => say!("ok {}", x.a), Err(e) => say!("{e}") }
        let mut bad = j.clone().into_bytes(); let l = bad.len() as u64; bad[(rng.next() % l) as usize] = b' ' + (i as u8 % 90);
        match serde_json::from_slice::<S>(&bad) { Ok(x) => say!("ok {:?}", x), Err(e) => say!("{e}") }
        match serde_json::from_slice::<serde_json::Value>(&bad) { Ok(x) => say!("ok {}", x), Err(e) => say!("{e}") }
        let mut raw = [0u8; 40]; rng.fill(&mut raw);
        let (h, rest) = { use zerocopy::FromBytes; Hdr::ref_from_prefix(&raw[(i % 5) as usize..]).unwrap() };
        say!("{} {} {} {} {:?} {} {}", h.k, h.len.get(), h.seq.get(), h.off.get(), h.fl, rest.len(), Hex(zerocopy::IntoBytes::as_bytes(h)));
        use ::byteorder::*;
        say!("{:x} {:x} {:x} {:x} {:x}", BE::read_u24(&raw[1..]), LE::read_u48(&raw[3..]), LE::read_uint128(&raw[5..], 11), BE::read_int(&raw[7..], 5), LE::read_i64(&raw[9..]));
        let pv: P = bytemuck::pod_read_unaligned(&raw[3..19]); say!("{pv:?} {:?}", bytemuck::try_from_bytes::<P>(&raw[1..17]).is_ok());
    }
}
