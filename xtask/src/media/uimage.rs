// SPDX-License-Identifier: GPL-2.0-only
//! The header that tells QEMU where a bare ARM kernel belongs.
//!
//! A compressed image finds its place by itself, after a second of the guest's time. A bare one can run at one place only,
//! 32 KiB into memory (`TEXT_OFFSET` in arch/arm/Makefile), and QEMU puts one without a header elsewhere (`hw/arm/boot.c`).
//! The format is U-Boot's of old (`include/image.h` there, `hw/core/uboot_image.h` in QEMU): 64 bytes, big-endian.

/// `ih_magic`
const MAGIC: u32 = 0x2705_1956;
/// `ih_os`, `ih_arch`, `ih_type`, `ih_comp`: Linux, ARM, a kernel, not compressed.
const KIND: [u8; 4] = [5, 2, 2, 0];
const NAME_LEN: usize = 32;
/// Place of `ih_hcrc`.
const CHECK: std::ops::Range<usize> = 4..8;

/// `image` behind a header by which it is put, and entered, at physical address `load`.
pub fn wrap(image: &[u8], load: u32) -> Vec<u8> {
    // CAST: kernels are smaller than 4 GiB.
    let words = [
        MAGIC,
        0,
        0,
        image.len() as u32,
        load,
        load,
        crc32fast::hash(image),
    ];
    let mut wrapped: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    wrapped.extend(KIND);
    wrapped.extend([0; NAME_LEN]);
    let check = crc32fast::hash(&wrapped);
    wrapped[CHECK].copy_from_slice(&check.to_be_bytes());
    wrapped.extend(image);
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_as_mkimage_writes_it() {
        let wrapped = wrap(b"kernel", 0x4000_8000);
        assert_eq!(&wrapped[64..], b"kernel");
        let word = |at: usize| u32::from_be_bytes(wrapped[at..at + 4].try_into().unwrap());
        assert_eq!((word(0), word(12)), (0x2705_1956, 6));
        assert_eq!((word(16), word(20)), (0x4000_8000, 0x4000_8000));
        assert_eq!(word(24), crc32fast::hash(b"kernel"));
        let mut header = wrapped[..64].to_vec();
        header[CHECK].fill(0);
        assert_eq!(word(4), crc32fast::hash(&header));
    }
}
