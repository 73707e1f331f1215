// SPDX-License-Identifier: GPL-2.0-only
//! The decoder against instructions that assemblers made.
//!
//! `tests/decode/*.s` holds instructions and, by hand, what each does. `*.txt` is what the assembler made of them: the
//! word, the disassembly, and the same expectation; it lets the tests run where there is no cross assembler. An ignored
//! test makes it anew and compares. Where the binutils are in a root, `VCSAN_BINUTILS` says how to run a command there:
//!
//! ```text
//! VCSAN_BINUTILS="chroot /path/to/root" cargo test -p vcsan --test decode -- --ignored
//! ```
//!
//! `VCSAN_BLESS=1` writes the new listing instead.

use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use vcsan::decode::{Arch, Effect, Operand, decode};

struct Fixture {
    name: &'static str,
    arch: Arch,
    /// Byte order of the words as the listing prints them.
    big_endian: bool,
    tools: &'static str,
    assembler: &'static [&'static str],
    comment: &'static str,
}

const FIXTURES: [Fixture; 6] = [
    Fixture {
        name: "arm",
        arch: Arch::Arm,
        big_endian: false,
        tools: "arm-linux-gnueabi-",
        assembler: &[],
        comment: "@",
    },
    Fixture {
        name: "thumb",
        arch: Arch::Arm,
        big_endian: false,
        tools: "arm-linux-gnueabi-",
        assembler: &[],
        comment: "@",
    },
    Fixture {
        name: "mips",
        arch: Arch::Mips,
        big_endian: true,
        tools: "mips-linux-gnu-",
        assembler: &["-march=mips32r5", "-meva"],
        comment: "#",
    },
    Fixture {
        name: "mips-r6",
        arch: Arch::Mips,
        big_endian: true,
        tools: "mips-linux-gnu-",
        assembler: &["-march=mips32r6"],
        comment: "#",
    },
    Fixture {
        name: "parisc-1.1",
        arch: Arch::Parisc,
        big_endian: true,
        tools: "hppa-linux-gnu-",
        assembler: &[],
        comment: ";",
    },
    Fixture {
        name: "parisc-2.0",
        arch: Arch::Parisc,
        big_endian: true,
        tools: "hppa-linux-gnu-",
        assembler: &[],
        comment: ";",
    },
];

impl Fixture {
    fn path(&self, extension: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/decode/{}.{extension}", self.name))
    }

    fn read(&self, extension: &str) -> String {
        let path = self.path(extension);
        fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()))
    }

    /// The bytes in memory of a listing's hexadecimal column.
    fn bytes(&self, word: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A Thumb-2 instruction is two units of 16 bits.
        for unit in word.split(' ') {
            let mut unit: Vec<u8> = (0..unit.len())
                .step_by(2)
                .map(|at| {
                    u8::from_str_radix(&unit[at..at + 2], 16)
                        .expect("the listing has hexadecimal words")
                })
                .collect();
            if !self.big_endian {
                unit.reverse();
            }
            bytes.extend(unit);
        }
        bytes
    }
}

#[test]
fn every_assembled_instruction_does_what_it_says() {
    let mut checked = 0;
    for fixture in &FIXTURES {
        let listing = fixture.read("txt");
        for line in listing.lines().filter(|line| !line.starts_with('#')) {
            let [word, assembly, expected] = line
                .split('\t')
                .collect::<Vec<_>>()
                .try_into()
                .expect("a line has three columns");
            let found = decode(fixture.arch, &fixture.bytes(word), fixture.big_endian);
            let found = found.map_or("-".into(), |found| found.to_string());
            assert_eq!(found, expected, "{}: {word} {assembly}", fixture.name);
            checked += 1;
        }
    }
    println!("{checked} instructions");
    assert!(
        checked > 190,
        "the listings have shrunk to {checked} instructions"
    );
}

#[test]
fn either_byte_order_of_memory_is_read() {
    for fixture in FIXTURES
        .iter()
        .filter(|fixture| fixture.arch != Arch::Parisc)
    {
        for line in fixture
            .read("txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
        {
            let bytes = fixture.bytes(line.split('\t').next().expect("split yields once"));
            // Thumb's halfwords change places besides.
            let thumb = fixture.name == "thumb";
            let other: Vec<u8> = if thumb {
                bytes
                    .chunks(2)
                    .flat_map(|half| [half[1], half[0]])
                    .collect()
            } else {
                bytes.iter().rev().copied().collect()
            };
            assert_eq!(
                decode(fixture.arch, &bytes, fixture.big_endian),
                decode(fixture.arch, &other, !fixture.big_endian),
                "{line}"
            );
        }
    }
}

#[test]
#[ignore = "needs cross binutils"]
fn listings_are_what_the_assembler_makes() {
    let prefix = env::var("VCSAN_BINUTILS").unwrap_or_default();
    let prefix: Vec<&str> = prefix.split_whitespace().collect();
    let run = |words: &[&str]| {
        let words = [&prefix, words].concat();
        let output = Command::new(words[0])
            .args(&words[1..])
            .output()
            .expect("the tool starts");
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("the tool prints UTF-8")
    };
    for fixture in &FIXTURES {
        let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.o", fixture.name));
        let (object, source) = (object.to_str().expect("UTF-8"), fixture.path("s"));
        let (assembler, disassembler) = (
            format!("{}as", fixture.tools),
            format!("{}objdump", fixture.tools),
        );
        let mut words = vec![
            assembler.as_str(),
            "-o",
            object,
            source.to_str().expect("UTF-8"),
        ];
        words.extend(fixture.assembler);
        run(&words);
        let disassembly = run(&[&disassembler, "-dz", object]);
        let instructions: Vec<&str> = disassembly
            .lines()
            .filter(|line| line.starts_with(' ') && line.contains(":\t"))
            .collect();
        let text = fixture.read("s");
        let expectations: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with('\t'))
            .filter_map(|line| Some(line.split_once(&format!("\t{} ", fixture.comment))?.1))
            .collect();
        assert_eq!(
            instructions.len(),
            expectations.len(),
            "{}: one instruction a line",
            fixture.name
        );
        let mut listing = format!(
            "# SPDX-License-Identifier: GPL-2.0-only\n# CompletedAccess from {}.s by {assembler} and {disassembler}: word, disassembly, what it does\n",
            fixture.name
        );
        for (instruction, expectation) in instructions.iter().zip(&expectations) {
            let mut columns = instruction.split('\t').skip(1);
            let word = columns.next().expect("the word").trim();
            let word = if fixture.arch == Arch::Parisc {
                word.replace(' ', "")
            } else {
                word.into()
            };
            let assembly = columns.collect::<Vec<_>>().join(" ");
            listing += &format!("{word}\t{}\t{expectation}\n", assembly.trim());
        }
        if env::var_os("VCSAN_BLESS").is_some() {
            fs::write(fixture.path("txt"), &listing).expect("the listing can be written");
        }
        assert_eq!(fixture.read("txt"), listing, "{}", fixture.name);
    }
}

fn arch() -> impl Strategy<Value = Arch> {
    prop_oneof![Just(Arch::Arm), Just(Arch::Mips), Just(Arch::Parisc)]
}

/// Words near those that mean something: any word has too small a chance.
fn word() -> impl Strategy<Value = u32> {
    let near =
        |base: u32, fixed: u32| any::<u32>().prop_map(move |any| base & fixed | any & !fixed);
    prop_oneof![
        any::<u32>(),
        near(0x0e07_0f10, 0x0f0f_0f10),
        near(0x0c40_0f00, 0x0ff0_0f00),
        near(0x0f00_ee07, 0x0f00_ff0f),
        near(0xbc00_0000, 0xfc00_0000),
        near(0x7c00_0025, 0xfc00_007f),
        near(0x041f_0000, 0xfc1f_0000),
        near(0x4000_0000, 0xfc00_07f8),
        near(0x0400_0000, 0xfc00_0000),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_registers_exist(arch in arch(), word in word(), big_endian: bool, cpsr: u32, value: u64) {
        let registers = if arch == Arch::Arm { 16 } else { 32 };
        let bytes = if big_endian { word.to_be_bytes() } else { word.to_le_bytes() };
        if let Some(instruction) = decode(arch, &bytes, big_endian) {
            prop_assert!(!instruction.to_string().is_empty());
            prop_assert!(instruction.condition.is_none_or(|condition| condition < 14));
            if let Some(condition) = instruction.condition {
                let _ = vcsan::decode::condition_holds(condition, cpsr);
            }
            if let Effect::Line { address, .. } | Effect::Index { address, .. } = instruction.effect {
                address.address(|register| { assert!(register < registers); value });
                let space = address.space_register(value as u32);
                prop_assert_eq!(space.is_some(), matches!(address, Operand::Parisc { .. }));
                prop_assert!(space.is_none_or(|space| space < 8));
            }
        }
    }

    #[test]
    fn any_bytes_are_taken(arch in arch(), bytes in prop::collection::vec(any::<u8>(), 0..9), big_endian: bool) {
        let found = decode(arch, &bytes, big_endian);
        prop_assert!(found.is_none() || bytes.len() == 4);
    }
}

#[test]
fn conditions_are_the_manuals() {
    // N, Z, C, V as bits 3 to 0, and for each the conditions that hold (ARM DDI 0406C, table A8-1), bit by bit.
    for flags in 0..16_u32 {
        let [v, c, z, n] = [0, 1, 2, 3].map(|bit| flags >> bit & 1 == 1);
        let expected = [
            z,
            !z,
            c,
            !c,
            n,
            !n,
            v,
            !v,
            c && !z,
            !c || z,
            n == v,
            n != v,
            !z && n == v,
            z || n != v,
            true,
            true,
        ];
        for (condition, expected) in (0..).zip(expected) {
            assert_eq!(
                vcsan::decode::condition_holds(condition, flags << 28),
                expected,
                "condition {condition}, flags {flags:#06b}"
            );
        }
    }
}

#[test]
fn addresses_are_formed_from_the_registers_before() {
    let at = |word: u32, registers: &[(u8, u64)]| {
        let Some(Effect::Line { address, .. }) =
            decode(Arch::Parisc, &word.to_be_bytes(), true).map(|found| found.effect)
        else {
            panic!("{word:#x} is no line operation");
        };
        let read = |number| {
            registers
                .iter()
                .find(|(register, _)| *register == number)
                .map_or(0, |(_, value)| *value)
        };
        (
            address.address(read),
            address.space_register(read(26) as u32),
        )
    };
    let registers = [(26, 0xd000_1000), (23, 0x20)];
    assert_eq!(
        at(0x0757_1280, &registers),
        (0xd000_1020, Some(7)),
        "fdc %r23(%r26)"
    );
    assert_eq!(
        at(0x0757_12a0, &registers),
        (0xd000_1000, Some(7)),
        "fdc,m %r23(%r26)"
    );
    assert_eq!(
        at(0x0757_d3a0, &registers),
        (0xd000_1000, Some(3)),
        "pdc,m %r23(%sr3,%r26)"
    );
    assert_eq!(
        at(0x0741_b280, &registers),
        (0xd000_0ff0, Some(2)),
        "fdc -16(%sr2,%r26)"
    );

    let mips = decode(Arch::Mips, &0xbff5_8000_u32.to_be_bytes(), true).map(|found| found.effect);
    let Some(Effect::Line { address, .. }) = mips else {
        panic!("cache 0x15 is a line operation")
    };
    assert_eq!(address.address(|_| 0x8000_8000), 0x8000_0000, "-32768($31)");
}
