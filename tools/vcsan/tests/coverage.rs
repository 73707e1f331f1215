// SPDX-License-Identifier: GPL-2.0-only
//! The comparison of decoder and disassembler, on a small object and on listings that do not fit it.

use vcsan::coverage::{Coverage, Error, compare};

const OBJECT: &[u8] = include_bytes!("coverage/pool.o");
const LISTING: &str = include_str!("coverage/pool.txt");

fn of(listing: &str) -> Coverage {
    compare(OBJECT, listing).expect("the listing is of this object")
}

#[test]
fn both_agree_on_code_and_leave_literal_pools_out() {
    let coverage = of(LISTING);
    assert_eq!(coverage.differences, []);
    assert_eq!(coverage.instructions, 6);
    let known: Vec<_> = coverage.known.into_iter().collect();
    assert_eq!(
        known,
        [
            ("every line", 1),
            ("nothing to the data cache", 1),
            ("write back and invalidate a line", 1)
        ]
    );
}

#[test]
fn what_only_the_disassembler_takes_for_maintenance_is_missed() {
    let coverage = of(&LISTING.replace("bx\tlr", "mcr\t15, 0, r0, cr7, cr14, {7}"));
    assert_eq!(coverage.differences.len(), 2);
    let missed = &coverage.differences[1];
    assert_eq!(
        (missed.section.as_str(), missed.address, missed.decoded),
        (".init.text", 4, None)
    );
    assert_eq!(
        missed.to_string(),
        ".init.text 0x4: `mcr 15, 0, r0, cr7, cr14, {7}` missed"
    );
}

#[test]
fn what_only_the_decoder_takes_for_maintenance_is_told() {
    let coverage = of(&LISTING.replace(
        "mcrne\t15, 0, r2, cr7, cr10, {4}",
        "mcrne\t14, 0, r2, cr7, cr10, {4}",
    ));
    assert_eq!(
        coverage.differences[0].to_string(),
        ".text 0x8: `mcrne 14, 0, r2, cr7, cr10, {4}` taken for \"if ne: nothing to the data cache\""
    );
}

#[test]
fn a_listing_of_something_else_is_an_error() {
    let elsewhere = LISTING.replace(".init.text", ".exit.text");
    assert!(matches!(
        compare(OBJECT, &elsewhere),
        Err(Error::Elsewhere { address: 0, .. })
    ));
    let beyond = LISTING.replace("   4:\t", "  40:\t");
    assert!(matches!(
        compare(OBJECT, &beyond),
        Err(Error::Elsewhere { address: 0x40, .. })
    ));
    assert!(matches!(
        compare(OBJECT, "objdump: no such file"),
        Err(Error::Empty)
    ));
    assert!(matches!(compare(b"#!/bin/sh", LISTING), Err(Error::Elf(_))));
    let x86 = std::fs::read("/proc/self/exe").expect("a test is a program");
    if cfg!(target_arch = "x86_64") {
        assert!(matches!(
            compare(&x86, LISTING),
            Err(Error::Architecture(_))
        ));
    }
}
