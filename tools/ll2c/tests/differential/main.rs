// SPDX-License-Identifier: GPL-2.0-only
//! The same IR and the same Rust compiled by LLVM and by ll2c with GCC, run and compared.
//!
//! The reference is LLVM for `mips` (big-endian) under qemu-mips, the subjects run under their own qemu-user. All tests are
//! ignored unless asked for, because they need cross compilers:
//!
//! ```text
//! LL2C_TOOLCHAIN="" cargo test --release -p ll2c --test differential -- --ignored --nocapture --test-threads 1
//! ```

mod abi;
mod atomics;
mod objects;
mod ops;
mod random;
mod rust;
mod toolchain;

use ops::Suite;
use toolchain::{SUBJECTS, Toolchain, levels};

/// What one comparison of a suite found.
fn compare(tc: &Toolchain, name: &str, suite: &Suite, subjects: &[&str]) {
    let levels = levels();
    let driver = suite.driver() + atomics::LIBRARY;
    let reference: Vec<String> = levels
        .iter()
        .map(|l| tc.reference(name, &suite.reference(), &driver, l, &[]))
        .collect();
    // The reference must agree with itself before it can judge.
    let mut doubtful = Vec::new();
    for (level, other) in levels.iter().zip(&reference).skip(1) {
        for (a, b) in reference[0].lines().zip(other.lines()) {
            if a != b {
                doubtful.push(format!("LLVM -O0 and {level} differ: {a} / {b}"));
            }
        }
    }
    for line in &doubtful {
        println!("{name}: {line}");
    }
    let mut wrong = Vec::new();
    for s in SUBJECTS.iter().filter(|s| subjects.contains(&s.name)) {
        let mut results = 0u64;
        for level in &levels {
            let got = tc.subject(s, name, &suite.module(s.layout), &driver, level, &[]);
            assert_eq!(
                got.lines().count(),
                suite.count,
                "{name}: {} {level} printed another number of results",
                s.name
            );
            for (want, got) in reference[0].lines().zip(got.lines()) {
                results += want
                    .rsplit(' ')
                    .next()
                    .and_then(|n| n.parse::<u64>().ok())
                    .unwrap_or(0);
                if want != got {
                    wrong.push(format!("{} {level}: want {want}, got {got}", s.name));
                }
            }
        }
        println!(
            "{name}: {}: {} functions, {results} results compared at {} levels, {} functions differ",
            s.name,
            suite.count,
            levels.len(),
            wrong.iter().filter(|w| w.starts_with(s.name)).count()
        );
    }
    assert!(
        doubtful.is_empty(),
        "{name}: LLVM disagrees with itself:\n{}",
        doubtful.join("\n")
    );
    assert!(
        wrong.is_empty(),
        "{name}: {} functions differ:\n{}",
        wrong.len(),
        wrong
            .iter()
            .take(60)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

macro_rules! suites {
    ($($name:ident: $build:path, $subjects:expr;)*) => {$(
        #[test]
        #[ignore = "needs cross compilers and qemu-user: set LL2C_TOOLCHAIN"]
        fn $name() {
            let mut suite = Suite::default();
            $build(&mut suite);
            compare(&Toolchain::from_env(), stringify!($name), &suite, $subjects);
        }
    )*};
}

suites! {
    arithmetic: ops::arithmetic, &["hppa", "m68k", "sh4"];
    conversions: ops::conversions, &["hppa", "m68k", "sh4"];
    intrinsics: ops::intrinsics, &["hppa", "m68k", "sh4"];
    // What lies in memory depends on the byte order, and addresses on the layout.
    memory: ops::memory, &["hppa"];
    floats: ops::floats, &["hppa"];
    atomics: atomics::build, &["hppa", "hppa-library"];
}

/// Seeds of programs; each adds two functions with four helpers.
const SEEDS: std::ops::Range<u64> = 1..61;

#[test]
#[ignore = "needs cross compilers and qemu-user: set LL2C_TOOLCHAIN"]
fn random_programs() {
    let more: u64 = std::env::var("LL2C_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(SEEDS.end);
    for first in (SEEDS.start..more).step_by(20) {
        let mut suite = Suite::default();
        for seed in first..(first + 20).min(more) {
            random::program(&mut suite, seed);
        }
        compare(
            &Toolchain::from_env(),
            &format!("random_{first}"),
            &suite,
            &["hppa", "m68k"],
        );
    }
}

macro_rules! programs {
    ($($name:ident),*) => {$(
        #[test]
        #[ignore = "needs cross compilers, rust-src and qemu-user: set LL2C_TOOLCHAIN"]
        fn $name() {
            let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(concat!("tests/differential/programs/", stringify!($name), ".rs"));
            rust::compare(&Toolchain::from_env(), stringify!($name), &source, include_str!("programs/support.c"), &["hppa"]);
        }
    )*};
}

programs!(formatting, numbers, text, language);

#[test]
#[ignore = "needs cross compilers, rust-src and qemu-user: set LL2C_TOOLCHAIN"]
fn c_abi() {
    let tc = Toolchain::from_env();
    let (rust, c) = abi::sources(true);
    let source = tc.dir.join(tc.write("c_abi.rs", &rust));
    rust::compare(&tc, "c_abi", &source, &c, &["hppa"]);
}

#[test]
#[ignore = "needs cross compilers, rust-src and qemu-user: set LL2C_TOOLCHAIN"]
fn lines() {
    objects::lines(&Toolchain::from_env());
}

#[test]
#[ignore = "needs cross compilers: set LL2C_TOOLCHAIN"]
fn kernel_atomics() {
    objects::kernel_atomics(&Toolchain::from_env());
}
