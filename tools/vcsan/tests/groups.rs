// SPDX-License-Identifier: GPL-2.0-only
//! Accesses that are followed together: where the others are follows from where the first one is.

use proptest::prelude::*;
use std::collections::HashMap;
use vcsan::access::{ALWAYS, Base, InstructionAccess, MemoryEffect, memory_effect};
use vcsan::decode::Arch;
use vcsan::groups::{Group, find};

fn words(arch: Arch, words: &[u32]) -> Vec<MemoryEffect> {
    let big_endian = arch != Arch::Arm;
    let bytes = |word: &u32| match big_endian {
        true => word.to_be_bytes(),
        false => word.to_le_bytes(),
    };
    let touches = words
        .iter()
        .map(|word| memory_effect(arch, &bytes(word), big_endian));
    touches.collect()
}

/// Of each group: its instructions, and its distances.
fn shape(groups: &[Group]) -> Vec<(Vec<u16>, Vec<i16>)> {
    let of = |group: &Group| {
        let mut indices: Vec<u16> = group.members.iter().map(|member| member.index).collect();
        indices.dedup();
        let distances = group.members.iter().map(|member| member.distance);
        (indices, distances.collect())
    };
    groups.iter().map(of).collect()
}

#[test]
fn registers_saved_to_the_stack() {
    // addiu sp,sp,-32; sw ra,28(sp); sw s1,24(sp); move s1,a0; sw s0,20(sp); lw v0,0(s1); lw v1,4(s1)
    let block = [
        0x27bd_ffe0,
        0xafbf_001c,
        0xafb1_0018,
        0x0080_8825,
        0xafb0_0014,
        0x8e22_0000,
        0x8e23_0004,
    ];
    let groups = find(Arch::Mips, &words(Arch::Mips, &block), true, true);
    let expected = [(vec![1, 2, 4], vec![0, -4, -8]), (vec![5, 6], vec![0, 4])];
    assert_eq!(shape(&groups), expected);
    assert!(groups[0].store && !groups[1].store);
}

#[test]
fn an_unrolled_loop_of_stores_that_advance() {
    // stmgeia r8!, {r1, r3, ip, lr}, twice: with one condition, and nothing in between.
    let stm = 0xa8a8_500a;
    let groups = find(Arch::Arm, &words(Arch::Arm, &[stm, stm]), true, true);
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0].own, groups[0].members.len()), (4, 8));
    let distances: Vec<i16> = groups[0].members.iter().map(|one| one.distance).collect();
    assert_eq!(distances, [0, 4, 8, 12, 16, 20, 24, 28]);
    // With another condition; with something in between that may set flags.
    for other in [&[stm, 0x98a8_500a][..], &[stm, 0xe350_0000, stm]] {
        let groups = find(Arch::Arm, &words(Arch::Arm, other), true, true);
        assert_eq!(groups.len(), 2, "{other:x?}");
    }
}

#[test]
fn what_keeps_accesses_apart() {
    let sw = |rt: u32, base: u32, offset: u32| 0xac00_0000 | base << 21 | rt << 16 | offset;
    let lw = |rt: u32, base: u32, offset: u32| 0x8c00_0000 | base << 21 | rt << 16 | offset;
    let apart = [
        // Another base; the base loaded; the base changed; loads and stores.
        vec![sw(2, 29, 0), sw(2, 28, 4)],
        vec![lw(4, 4, 0), lw(2, 4, 4)],
        vec![sw(2, 4, 0), 0x2484_0004, sw(2, 4, 4)],
        vec![lw(2, 4, 0), sw(3, 4, 4)],
        vec![sw(2, 4, 0), lw(3, 4, 4)],
        // Too far; a branch, a trap, a cache instruction, a system call in between.
        vec![sw(2, 4, 0), sw(2, 4, 0x7000)],
        vec![sw(2, 4, 0), 0x1000_0002, sw(2, 4, 4)],
        vec![sw(2, 4, 0), 0x0000_0034, sw(2, 4, 4)],
        vec![sw(2, 4, 0), 0xbc95_0000, sw(2, 4, 4)],
        vec![sw(2, 4, 0), 0x0000_000c, sw(2, 4, 4)],
    ];
    for block in apart {
        let groups = find(Arch::Mips, &words(Arch::Mips, &block), true, true);
        assert_eq!(groups.len(), 2, "{block:x?}");
    }
    let together = vec![sw(2, 4, 0), sw(3, 4, 4)];
    assert_eq!(
        find(Arch::Mips, &words(Arch::Mips, &together), true, true).len(),
        1
    );
    assert_eq!(
        find(Arch::Mips, &words(Arch::Mips, &together), false, true).len(),
        2
    );
}

#[test]
fn what_may_be_nullified_begins_no_group() {
    // stw r3,0(r26); stw r4,4(r26)
    let (first, second) = (0x6b43_0000, 0x6b44_0008);
    let count = |block: &[u32], nullified| {
        find(Arch::Parisc, &words(Arch::Parisc, block), true, nullified).len()
    };
    // The first instruction of a block; behind a comparison that nullifies; behind a copy.
    assert_eq!(count(&[first, second], true), 2);
    assert_eq!(count(&[first, second], false), 1);
    assert_eq!(count(&[0x8040_2000, first, second], false), 2);
    assert_eq!(count(&[0x0803_0244, first, second], true), 1);
}

fn access() -> impl Strategy<Value = MemoryEffect> {
    let base = prop_oneof![
        4 => (0..4_u8).prop_map(|register| Some(Base { register, space: 0 })),
        1 => Just(None)
    ];
    (
        base,
        -40..40_i32,
        0..3_u32,
        1..4_u8,
        any::<bool>(),
        -8..8_i32,
        0..4_u32,
        prop_oneof![3 => Just(ALWAYS), 1 => Just(0)],
    )
        .prop_map(
            |(base, offset, shift, count, store, advance, target, condition)| {
                let count = if shift == 2 { count } else { 1 };
                MemoryEffect::Memory(InstructionAccess {
                    base,
                    offset,
                    bytes: 1 << shift,
                    count,
                    store,
                    advance: if advance % 2 == 0 { advance } else { 0 },
                    writes: if store { 0 } else { 1 << target },
                    condition,
                })
            },
        )
}

fn any_touch() -> impl Strategy<Value = MemoryEffect> {
    prop_oneof![
        6 => access(),
        3 => (0..16_u32).prop_map(|writes| MemoryEffect::Nothing { writes }),
        1 => Just(MemoryEffect::Anything),
    ]
}

proptest! {
    #[test]
    fn each_access_is_told_once_and_where_it_is(
        block in prop::collection::vec(any_touch(), 0..24),
        values in prop::collection::vec(any::<u16>(), 400),
    ) {
        // What the registers are in the course of the block, and so where each access is.
        let mut values = values.into_iter().cycle().map(i64::from);
        let mut registers = [0_i64; 32];
        let mut places = HashMap::new();
        for (index, memory_effect) in block.iter().enumerate() {
            let mut change = |registers: &mut [i64; 32], writes: u32| {
                for register in (0..32).filter(|register| writes >> register & 1 == 1) {
                    registers[register] = values.next().unwrap_or(0) << 16;
                }
            };
            match *memory_effect {
                MemoryEffect::Memory(access) => {
                    let base = access.base.map(|base| usize::from(base.register));
                    let address = base.map_or(i64::MIN, |base| {
                        registers[base] + i64::from(access.offset)
                    });
                    for place in 0..i64::from(access.count) {
                        places.insert((index, place), (address, address.wrapping_add(place * i64::from(access.bytes)), access));
                    }
                    if let Some(base) = base {
                        registers[base] += i64::from(access.advance);
                    }
                    change(&mut registers, access.writes);
                }
                MemoryEffect::Nothing { writes } => change(&mut registers, writes),
                MemoryEffect::Anything => change(&mut registers, u32::MAX),
            }
        }
        for arch in [Arch::Arm, Arch::Parisc] {
            for several in [true, false] {
                let mut seen = HashMap::new();
                for group in find(arch, &block, several, true) {
                    let first = places[&(group.first, 0)].0;
                    prop_assert_eq!(group.members[0].distance, 0);
                    prop_assert_eq!(usize::from(group.members[0].index), group.first);
                    for member in &group.members {
                        let index = usize::from(member.index);
                        let place = seen.entry(index).or_insert(0);
                        let (_, address, access) = places[&(index, *place)];
                        prop_assert_eq!(first.wrapping_add(i64::from(member.distance)), address);
                        prop_assert_eq!((member.bytes, group.store), (access.bytes, access.store));
                        prop_assert!(several || index == group.first);
                        *place += 1;
                    }
                }
                let counted: usize = seen.values().map(|count| *count as usize).sum();
                prop_assert_eq!(counted, places.len());
            }
        }
    }
}
