// SPDX-License-Identifier: GPL-2.0-only
//! Ten small functions, each the same as in kernels.c.
#![no_std]
#![crate_type = "rlib"]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

unsafe fn bytes<'a>(data: *mut u8, len: u32) -> &'a mut [u8] {
    unsafe { core::slice::from_raw_parts_mut(data, len as usize) }
}

unsafe fn words<'a>(data: *mut u8, len: u32) -> &'a mut [u32] {
    unsafe { core::slice::from_raw_parts_mut(data.cast(), len as usize / 4) }
}

/// CRC-32, bit by bit
#[unsafe(no_mangle)]
unsafe extern "C" fn crc(data: *mut u8, len: u32) -> u32 {
    let mut crc = !0u32;
    for &b in unsafe { bytes(data, len) }.iter() {
        crc ^= u32::from(b);
        for _ in 0..8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// Adler-32
#[unsafe(no_mangle)]
unsafe extern "C" fn adler(data: *mut u8, len: u32) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for &x in unsafe { bytes(data, len) }.iter() {
        a += u32::from(x);
        if a >= 65521 {
            a -= 65521;
        }
        b += a;
        if b >= 65521 {
            b -= 65521;
        }
    }
    b << 16 | a
}

/// Insertion sort of 64 words
#[unsafe(no_mangle)]
unsafe extern "C" fn sort(data: *mut u8, _: u32) -> u32 {
    let w = unsafe { words(data, 256) };
    for i in 1..64usize {
        let x = w[i];
        let mut j = i;
        while j > 0 && w[j - 1] > x {
            w[j] = w[j - 1];
            j -= 1;
        }
        w[j] = x;
    }
    w[0] ^ w[63]
}

/// Product of two matrices of 8 by 8
#[unsafe(no_mangle)]
unsafe extern "C" fn matrix(data: *mut u8, _: u32) -> u32 {
    let w = unsafe { words(data, 512) };
    let mut sum = 0u32;
    for i in 0..8 {
        for j in 0..8 {
            let mut s = 0u32;
            for k in 0..8 {
                s = s.wrapping_add(w[i * 8 + k].wrapping_mul(w[64 + k * 8 + j]));
            }
            sum ^= s;
        }
    }
    sum
}

/// A filter with 16 taps over signed 16-bit samples
#[unsafe(no_mangle)]
unsafe extern "C" fn filter(data: *mut u8, len: u32) -> u32 {
    let x: &[i16] = unsafe { core::slice::from_raw_parts(data.cast(), len as usize / 2) };
    let mut sum = 0u32;
    for window in x.windows(16) {
        let mut s = 0i32;
        for k in 0..16 {
            s = s.wrapping_add(i32::from(window[k]).wrapping_mul(k as i32 + 3));
        }
        sum ^= (s >> 7) as u32;
    }
    sum
}

/// XTEA over blocks of two words
#[unsafe(no_mangle)]
unsafe extern "C" fn xtea(data: *mut u8, len: u32) -> u32 {
    let key = [0x0011_2233u32, 0x4455_6677, 0x8899_aabb, 0xccdd_eeff];
    let mut out = 0;
    for block in unsafe { words(data, len) }.chunks_exact(2) {
        let (mut a, mut b, mut sum) = (block[0], block[1], 0u32);
        for _ in 0..32 {
            a = a.wrapping_add((b << 4 ^ b >> 5).wrapping_add(b) ^ sum.wrapping_add(key[(sum & 3) as usize]));
            sum = sum.wrapping_add(0x9e37_79b9);
            b = b.wrapping_add((a << 4 ^ a >> 5).wrapping_add(a) ^ sum.wrapping_add(key[(sum >> 11 & 3) as usize]));
        }
        out ^= a ^ b;
    }
    out
}

/// Binary searches in 64 words as they are
#[unsafe(no_mangle)]
unsafe extern "C" fn search(data: *mut u8, len: u32) -> u32 {
    let w = unsafe { words(data, len) };
    let mut found = 0u32;
    for n in 0..64u32 {
        let x = n.wrapping_mul(0x0400_0000);
        let (mut lo, mut hi) = (0u32, 64u32);
        while lo < hi {
            let mid = (lo + hi) / 2;
            if w[mid as usize] < x { lo = mid + 1 } else { hi = mid }
        }
        found = found.wrapping_mul(31).wrapping_add(lo);
    }
    found
}

/// How many characters of UTF-8 begin, and the longest run of ASCII
#[unsafe(no_mangle)]
unsafe extern "C" fn text(data: *mut u8, len: u32) -> u32 {
    let (mut count, mut run, mut longest) = (0u32, 0u32, 0u32);
    for &b in unsafe { bytes(data, len) }.iter() {
        if b & 0xc0 != 0x80 {
            count += 1;
        }
        if b < 0x80 {
            run += 1;
            if run > longest {
                longest = run;
            }
        } else {
            run = 0;
        }
    }
    count << 8 ^ longest
}

/// Sums and shifts of 64 bits
#[unsafe(no_mangle)]
unsafe extern "C" fn wide(data: *mut u8, len: u32) -> u32 {
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    for pair in unsafe { words(data, len) }.chunks_exact(2) {
        let x = u64::from(pair[0]) << 32 | u64::from(pair[1]);
        h = h.wrapping_add(x) ^ h >> 7;
        h = h << 13 | h >> 51;
    }
    (h >> 32) as u32 ^ h as u32
}

/// Run lengths of the lower two bits
#[unsafe(no_mangle)]
unsafe extern "C" fn runs(data: *mut u8, len: u32) -> u32 {
    let b = unsafe { bytes(data, len) };
    let (mut i, mut sum) = (0usize, 0u32);
    while i < b.len() {
        let v = b[i] & 3;
        let start = i;
        while i < b.len() && b[i] & 3 == v {
            i += 1;
        }
        sum = sum.rotate_left(5) ^ ((i - start) as u32 * 4 + u32::from(v));
    }
    sum
}
