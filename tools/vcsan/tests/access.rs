// SPDX-License-Identifier: GPL-2.0-only
//! What instructions access, and the comparison of that with a disassembler.
//!
//! `tests/access/*.txt` holds words, what binutils make of them, and by hand what each accesses. An ignored test disassembles
//! them anew. Where the binutils are in a root, `VCSAN_BINUTILS` says how to run a command there:
//!
//! ```text
//! VCSAN_BINUTILS="chroot /path/to/root" cargo test -p vcsan --test access -- --ignored
//! ```

#[path = "access/fixture.rs"]
mod fixture;

use fixture::{ARM, FIXTURES, Fixture, MIPS, PARISC};
use proptest::prelude::*;
use std::path::Path;
use std::process::Command;
use std::{env, fs};
use vcsan::access::{MemoryEffect, Registers, memory_effect};
use vcsan::coverage::{Counts, Taken, compare};
use vcsan::decode::{Arch, decode};

#[test]
fn every_assembled_instruction_accesses_what_it_says() {
    for fixture in FIXTURES {
        for (word, assembly, expected) in fixture.lines() {
            let found = memory_effect(fixture.arch, &word.to_be_bytes(), true);
            assert_eq!(found.to_string(), expected, "{word:08x} {assembly}");
            assert_eq!(
                found,
                memory_effect(fixture.arch, &word.to_le_bytes(), false),
                "{assembly}"
            );
        }
    }
}

#[test]
fn the_disassembler_agrees() {
    for fixture in FIXTURES {
        let lines: Vec<_> = fixture.lines().map(|line| (line.0, line.1)).collect();
        let coverage = fixture.compare(&lines);
        assert_eq!(coverage.differences, [], "{}", fixture.name);
        let mut counts = Counts {
            other_accesses: fixture.other_accesses,
            ..Counts::default()
        };
        for (_, _, accesses) in fixture.lines() {
            match accesses {
                "anything" => counts.others += 1,
                _ if accesses.starts_with("no access") => counts.arithmetic += 1,
                _ => counts.accesses += 1,
            }
        }
        counts.others -= counts.other_accesses;
        assert_eq!(coverage.accesses, counts, "{}", fixture.name);
    }
}

/// Whether a word with this text is found to be taken for something else. Any word that is left as anything is not.
fn is_told(fixture: &Fixture, word: u32, text: &str) -> bool {
    let coverage = fixture.compare(&[(word, text)]);
    let taken = coverage
        .differences
        .iter()
        .map(|difference| difference.taken);
    let found = memory_effect(fixture.arch, &word.to_be_bytes(), true);
    match taken.collect::<Vec<_>>()[..] {
        [] => false,
        [taken] => {
            assert_eq!(taken, Taken::MemoryEffect(found), "{text}");
            assert_ne!(found, MemoryEffect::Anything, "{text}");
            true
        }
        _ => panic!("{text}: more than one difference"),
    }
}

#[test]
fn an_access_that_is_another_to_the_disassembler_is_told() {
    let ldrne = (&ARM, 0x15b4_3008, "ldrne r3, [r4, #8]!");
    let strh = (&ARM, 0xe1c4_30b8, "strh r3, [r4, #8]");
    let post = (&ARM, 0xe494_3008, "ldr r3, [r4], #8");
    let literal = (&ARM, 0xe59f_3008, "ldr r3, [pc, #8]");
    let indexed = (&ARM, 0xe694_3105, "ldr r3, [r4], r5, lsl #2");
    let ldm = (&ARM, 0xe8b0_000e, "ldm r0!, {r1, r2, r3}");
    let push = (&ARM, 0xe92d_4010, "push {r4, lr}");
    let pop = (&ARM, 0xe8bd_8010, "pop {r4, pc}");
    let lw = (&MIPS, 0x8ca4_fffc, "lw a0,-4(a1)");
    let sh = (&MIPS, 0xa7af_0002, "sh t7,2(sp)");
    let ldw = (&PARISC, 0x0c68_5084, "ldw 4(sr1,r3),r4");
    let ldwm = (&PARISC, 0x4fc3_3f81, "ldw,mb -40(sp),r3");
    let ldwx = (&PARISC, 0x0c65_00a4, "ldw,m r5(r3),r4");
    let stw = (&PARISC, 0x6bc2_3fd9, "stw rp,-14(sp)");
    for ((fixture, word, right), wrong) in [
        (ldrne, "ldr r3, [r4, #8]!"),
        (ldrne, "ldreq r3, [r4, #8]!"),
        (ldrne, "ldrbne r3, [r4, #8]!"),
        (ldrne, "strne r3, [r4, #8]!"),
        (ldrne, "ldrne r2, [r4, #8]!"),
        (ldrne, "ldrne pc, [r4, #8]!"),
        (ldrne, "ldrne r3, [r5, #8]!"),
        (ldrne, "ldrne r3, [pc, #8]!"),
        (ldrne, "ldrne r3, [r4, #-8]!"),
        (ldrne, "ldrne r3, [r4, #8]"),
        (ldrne, "ldrne r3, [r4], #8"),
        (ldrne, "ldrne r3, [r4, r8]!"),
        (ldrne, "ldrtne r3, [r4], #8"),
        (ldrne, "movne r3, r4"),
        (strh, "strb r3, [r4, #8]"),
        (strh, "str r3, [r4, #8]"),
        (strh, "strd r3, [r4, #8]"),
        (strh, "ldrh r3, [r4, #8]"),
        (post, "ldr r3, [r4, #8]"),
        (post, "ldr r3, [r4], #4"),
        (post, "ldr r3, [r4], r8"),
        (literal, "ldr r4, [pc, #8]"),
        (literal, "ldr pc, [pc, #8]"),
        (literal, "ldr r3, [r4, #8]"),
        (literal, "ldrb r3, [pc, #8]"),
        (literal, "ldr r3, [pc, #8]!"),
        (indexed, "ldr r3, [r5], r5, lsl #2"),
        (indexed, "ldr r3, [r4], #2"),
        (indexed, "ldrt r3, [r4], r5, lsl #2"),
        (indexed, "str r3, [r4], r5, lsl #2"),
        (ldm, "ldm r0, {r1, r2, r3}"),
        (ldm, "ldm r0!, {r1, r2}"),
        (ldm, "ldm r0!, {r1, r2, r4}"),
        (ldm, "ldm r0!, {r1, r2, pc}"),
        (ldm, "ldm r0!, {r1, r2, r3}^"),
        (ldm, "ldmib r0!, {r1, r2, r3}"),
        (ldm, "ldmdb r0!, {r1, r2, r3}"),
        (ldm, "stmia r0!, {r1, r2, r3}"),
        (push, "push {r4, r5, lr}"),
        (push, "stmdb ip!, {r4, lr}"),
        (push, "pop {r4, lr}"),
        (pop, "popeq {r4, pc}"),
        (pop, "ldm sp, {r4, pc}"),
        (lw, "lw a1,-4(a1)"),
        (lw, "lw a0,4(a1)"),
        (lw, "lw a0,-4(a0)"),
        (lw, "lw zero,-4(a1)"),
        (lw, "lwl a0,-4(a1)"),
        (lw, "ll a0,-4(a1)"),
        (lw, "lhu a0,-4(a1)"),
        (lw, "sw a0,-4(a1)"),
        (sh, "sb t7,2(sp)"),
        (sh, "sh t7,2(gp)"),
        (sh, "addiu t7,sp,2"),
        (ldw, "ldw 4(r3),r4"),
        (ldw, "ldw 4(sr2,r3),r4"),
        (ldw, "ldw 4(sr1,r3),r0"),
        (ldw, "ldw 4(sr1,r3),r5"),
        (ldw, "ldw -4(sr1,r3),r4"),
        (ldw, "ldw r4(sr1,r3),r4"),
        (ldw, "ldw,ma 4(sr1,r3),r4"),
        (ldw, "ldh 4(sr1,r3),r4"),
        (ldw, "ldwa 4(r3),r4"),
        (ldw, "ldcw 4(sr1,r3),r4"),
        (ldwm, "ldw,ma -40(sp),r3"),
        (ldwm, "ldw -40(sp),r3"),
        (ldwm, "ldw,mb 40(sp),r3"),
        (ldwx, "ldw,m r5(r6),r4"),
        (ldwx, "ldw,m r5(r3),r5"),
        (ldwx, "ldh,m r5(r3),r4"),
        (ldwx, "ldw,m 5(r3),r4"),
        (stw, "stw rp,-20(sp)"),
        (stw, "stw rp,-14(dp)"),
        (stw, "ldo -14(sp),rp"),
    ] {
        assert!(!is_told(fixture, word, right), "{right}");
        assert!(is_told(fixture, word, wrong), "{wrong} for {right}");
    }
}

#[test]
fn arithmetic_that_is_something_else_to_the_disassembler_is_told() {
    let add = (&ARM, 0xe084_3005, "add r3, r4, r5");
    let cmp = (&ARM, 0xe353_0001, "cmp r3, #1");
    let addu = (&MIPS, 0x00a6_2021, "addu a0,a1,a2");
    let mult = (&MIPS, 0x0085_0018, "mult a0,a1");
    let or = (&PARISC, 0x08a4_0246, "or r4,r5,r6");
    let depw = (&PARISC, 0xd4c4_0b5d, "depw,z r4,5,3,r6");
    for ((fixture, word, right), wrong) in [
        (add, "add r4, r4, r5"),
        (add, "add pc, r4, r5"),
        (add, "ldr r3, [r4, #5]"),
        (add, "ldr r3, [r4, r5]"),
        (add, "bx r3"),
        (add, "svc 0x00000000"),
        (add, "mul r3, r4, r5"),
        (cmp, "cmpp r3, #1"),
        (cmp, "sub r3, r3, #1"),
        (addu, "addu a1,a1,a2"),
        (addu, "add a0,a1,a2"),
        (addu, "teq a0,a1"),
        (addu, "lw a0,0(a1)"),
        (addu, "jr a0"),
        (mult, "mfhi a0"),
        (or, "or r4,r5,r7"),
        (or, "or,= r4,r5,r6"),
        (or, "or,tr r4,r5,r6"),
        (or, "add,tsv r4,r5,r6"),
        (or, "cmpclr r4,r5,r6"),
        (or, "ldw r4(r5),r6"),
        (or, "bv r0(r6)"),
        (depw, "depw,z,= r4,5,3,r6"),
        (depw, "depd,z,*= r4,5,3,r6"),
    ] {
        assert!(!is_told(fixture, word, right), "{right}");
        assert!(is_told(fixture, word, wrong), "{wrong} for {right}");
    }
}

#[test]
fn what_is_left_as_anything_is_never_wrong() {
    for fixture in FIXTURES {
        for (word, _, _) in fixture.lines().filter(|line| line.2 == "anything") {
            for text in ["ldr r3, [r4]", "lw a0,0(a1)", "ldw 0(r3),r4", "nop"] {
                // Of maintenance it is, but not by what it accesses.
                let coverage = fixture.compare(&[(word, text)]);
                let touches = |taken| matches!(taken, Taken::MemoryEffect(_));
                assert!(
                    !coverage
                        .differences
                        .iter()
                        .any(|found| touches(found.taken))
                );
            }
        }
    }
}

#[test]
fn a_difference_is_told_in_words() {
    let coverage = ARM.compare(&[(0xe594_3008, "ldr r3, [r4, #4]")]);
    assert_eq!(
        coverage.differences[0].to_string(),
        ".text 0x0: `ldr r3, [r4, #4]` taken for \"load of 4 bytes at r4+8, changes r3\""
    );
    assert!(
        coverage
            .to_string()
            .contains("\n       1  loads and stores, understood\n")
    );
}

#[test]
fn thumb_is_left_out() {
    assert_eq!(
        memory_effect(Arch::Arm, &[0x20, 0x68], false),
        MemoryEffect::Anything
    );
    // As an ARM instruction, the second one would load r0 from r4.
    let object = ARM.object(&[0x6820_6820, 0x0000_e594]);
    let listing = "Disassembly of section .text:\n   0:\t6820      \tldr\tr0, [r4, #0]\n   \
        2:\t6820      \tldr\tr0, [r4, #0]\n   4:\te594 0000 \tldrd\tr0, r0, [r4]\n";
    let coverage = compare(&object, listing).expect("the listing is of this object");
    assert_eq!(coverage.instructions, 3);
    assert_eq!(coverage.differences, []);
    assert_eq!(coverage.accesses, Counts::default());
}

#[test]
#[ignore = "needs cross binutils"]
fn texts_are_the_disassemblers() {
    let prefix = env::var("VCSAN_BINUTILS").unwrap_or_default();
    for fixture in FIXTURES {
        let words: Vec<u32> = fixture.lines().map(|line| line.0).collect();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.elf", fixture.name));
        fs::write(&path, fixture.object(&words)).expect("the object can be written");
        let command = format!("{prefix} {} -dz {}", fixture.objdump, path.display());
        let words: Vec<&str> = command.split_whitespace().collect();
        let output = Command::new(words[0])
            .args(&words[1..])
            .output()
            .expect("the tool starts");
        let output = String::from_utf8(output.stdout).expect("the tool prints UTF-8");
        let texts: Vec<String> = output
            .lines()
            .filter(|line| line.starts_with(' '))
            .filter_map(|line| Some(line.split_once(":\t")?.1.split_once('\t')?.1))
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let expected: Vec<&str> = fixture.lines().map(|line| line.1).collect();
        assert_eq!(texts, expected, "{}", fixture.name);
    }
}

fn arch() -> impl Strategy<Value = Arch> {
    prop_oneof![Just(Arch::Arm), Just(Arch::Mips), Just(Arch::Parisc)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_registers_exist(arch in arch(), word: u32, big_endian: bool) {
        let bytes = if big_endian { word.to_be_bytes() } else { word.to_le_bytes() };
        let memory_effect = memory_effect(arch, &bytes, big_endian);
        prop_assert!(!memory_effect.to_string().is_empty());
        prop_assert!(memory_effect == MemoryEffect::Anything || decode(arch, &bytes, big_endian).is_none(), "maintenance");
        let registers: Registers = if arch == Arch::Arm { 0x7fff } else { Registers::MAX };
        match memory_effect {
            MemoryEffect::Nothing { writes } => prop_assert_eq!(writes & !registers, 0),
            MemoryEffect::Memory(access) => {
                if let Some(base) = access.base {
                    prop_assert!(registers >> base.register & 1 == 1);
                    prop_assert!(base.space == 0 || arch == Arch::Parisc && base.space < 4);
                } else {
                    prop_assert_eq!((access.offset, access.count, access.advance), (0, 1, 0));
                }
                prop_assert!(access.writes == Registers::MAX || access.writes & !registers == 0);
                prop_assert!(access.store || access.writes != 0);
                prop_assert!(matches!((access.bytes, access.count), (1 | 2, 1) | (4, 1..=16)));
                prop_assert!(access.condition < 14 && arch == Arch::Arm || access.condition == 14);
            }
            MemoryEffect::Anything => {}
        }
    }

    #[test]
    fn other_lengths_are_anything(arch in arch(), bytes in prop::collection::vec(any::<u8>(), 0..9), big_endian: bool) {
        prop_assert!(bytes.len() == 4 || memory_effect(arch, &bytes, big_endian) == MemoryEffect::Anything);
    }
}
