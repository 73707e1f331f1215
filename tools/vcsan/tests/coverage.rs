// SPDX-License-Identifier: GPL-2.0-only
//! The comparison of decoder and disassembler, on a small object and on listings that do not fit it.

use vcsan::coverage::{Coverage, Error, Taken, compare};

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
        (missed.section.as_str(), missed.address, missed.taken),
        (".init.text", 4, Taken::Missed)
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

#[test]
#[cfg(unix)]
fn the_command_says_how_it_went() {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;
    use std::{env, fs};

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vcsan-check");
    fs::create_dir_all(&folder).expect("a scratch folder");
    let (object, listing) = (folder.join("pool.o"), folder.join("listing"));
    fs::write(&object, OBJECT).expect("the object can be written");
    // Stands for objdump.
    let objdump = folder.join("objdump");
    fs::write(&objdump, format!("#!/bin/sh\ncat {}\n", listing.display())).expect("a script");
    fs::set_permissions(&objdump, fs::Permissions::from_mode(0o755)).expect("its mode");

    let run = |listed: &str| {
        fs::write(&listing, listed).expect("the listing can be written");
        let output = Command::new(env!("CARGO_BIN_EXE_vcsan-check"))
            .args([&objdump, &object])
            .output()
            .expect("the command starts");
        (
            output.status.code(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    };
    let (code, text) = run(LISTING);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("6 instructions, 3 of them maintenance"),
        "{text}"
    );
    let (code, text) = run(&LISTING.replace("bx\tlr", "mcr\t15, 0, r0, cr7, cr14, {7}"));
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains(".init.text 0x4: `mcr 15, 0, r0, cr7, cr14, {7}` missed"),
        "{text}"
    );
    let (code, text) = run("");
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("failed to find instructions in the listing"),
        "{text}"
    );
}
