// SPDX-License-Identifier: GPL-2.0-only
//! Words with their disassembly, and objects and listings of them.

use vcsan::coverage::{Coverage, compare};
use vcsan::decode::Arch;

pub struct Fixture {
    pub name: &'static str,
    pub arch: Arch,
    text: &'static str,
    pub objdump: &'static str,
    /// Of the ELF header.
    machine: u16,
    flags: u32,
    /// How many loads and stores are left as anything.
    pub other_accesses: u64,
}

pub const ARM: Fixture = Fixture {
    name: "arm",
    arch: Arch::Arm,
    text: include_str!("arm.txt"),
    objdump: "arm-linux-gnueabi-objdump -m armv7",
    machine: 40,
    flags: 0x0500_0000,
    other_accesses: 21,
};

pub const MIPS: Fixture = Fixture {
    name: "mips",
    arch: Arch::Mips,
    text: include_str!("mips.txt"),
    objdump: "mips-linux-gnu-objdump",
    machine: 8,
    flags: 0x7000_1000,
    other_accesses: 16,
};

pub const MIPS_R6: Fixture = Fixture {
    name: "mips-r6",
    text: include_str!("mips-r6.txt"),
    flags: 0x9000_1000,
    other_accesses: 3,
    ..MIPS
};

pub const PARISC: Fixture = Fixture {
    name: "parisc",
    arch: Arch::Parisc,
    text: include_str!("parisc.txt"),
    objdump: "hppa-linux-gnu-objdump",
    machine: 15,
    flags: 0x0214,
    other_accesses: 15,
};

pub const FIXTURES: [&Fixture; 4] = [&ARM, &MIPS, &MIPS_R6, &PARISC];

impl Fixture {
    /// Word, disassembly, what it accesses.
    pub fn lines(&self) -> impl Iterator<Item = (u32, &'static str, &'static str)> {
        let lines = self.text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [word, assembly, accesses] = columns[..] else {
                panic!("`{line}` has not three columns");
            };
            let word = u32::from_str_radix(word, 16).expect("the first column is a word");
            (word, assembly, accesses)
        })
    }

    /// The least that is an ELF file: a header, code, names of sections, headers of sections.
    pub fn object(&self, words: &[u32]) -> Vec<u8> {
        let big_endian = self.arch != Arch::Arm;
        let half = |half: u16| {
            if big_endian {
                half.to_be_bytes()
            } else {
                half.to_le_bytes()
            }
        };
        let word = |word: u32| {
            if big_endian {
                word.to_be_bytes()
            } else {
                word.to_le_bytes()
            }
        };
        let names = b"\0.text\0.shstrtab\0\0\0\0";
        let code: Vec<u8> = words.iter().copied().flat_map(word).collect();
        let (names_at, code_at) = (52, 52 + names.len());
        let headers_at = code_at + code.len();
        let size = |size: usize| u32::try_from(size).expect("the file is small");

        // Of 32 bits, in this byte order, version 1, for Linux.
        let mut file = vec![0x7f, b'E', b'L', b'F', 1, 1 + u8::from(big_endian), 1, 3];
        file.resize(16, 0);
        file.extend([half(1), half(self.machine)].concat());
        file.extend(
            [1, 0, 0, size(headers_at), self.flags]
                .into_iter()
                .flat_map(word),
        );
        file.extend([52, 0, 0, 40, 3, 2].into_iter().flat_map(half));
        file.extend(names);
        file.extend(&code);
        // Name, type, flags, address, offset, size, link, info, alignment, size of an entry.
        let sections = [
            [0; 10],
            [1, 1, 6, 0, size(code_at), size(code.len()), 0, 0, 4, 0],
            [7, 3, 0, 0, size(names_at), size(names.len()), 0, 0, 1, 0],
        ];
        file.extend(sections.into_iter().flatten().flat_map(word));
        file
    }

    /// What the comparison says of words with these texts.
    pub fn compare(&self, lines: &[(u32, &str)]) -> Coverage {
        let words: Vec<u32> = lines.iter().map(|line| line.0).collect();
        let mut listing = String::from("Disassembly of section .text:\n");
        for (place, (word, text)) in lines.iter().enumerate() {
            listing += &format!("  {:x}:\t{word:08x} \t{text}\n", 4 * place);
        }
        compare(&self.object(&words), &listing).expect("the listing is of this object")
    }
}
