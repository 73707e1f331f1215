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
mod blocks;
mod c;
mod floats;
mod objects;
mod ops;
mod placement;
mod random;
mod rust;
mod speed;
mod toolchain;
mod undefined;
mod vectors;

use abi::Shapes;
use ops::Suite;
use rayon::prelude::*;
use toolchain::{BIG, LITTLE, Reference, SUBJECTS, SubjectTools, Toolchain, levels, row};

/// Compares what the reference and the subjects print for a suite, at all levels.
fn compare(tc: &Toolchain, name: &str, suite: &Suite, subjects: &[&str]) {
    let levels = levels();
    let driver = suite.driver() + atomics::LIBRARY;
    let subjects: Vec<&SubjectTools> = SUBJECTS
        .iter()
        .filter(|s| subjects.contains(&s.name) && s.is_wanted())
        .collect();
    if subjects.is_empty() {
        return;
    }
    // One reference for each byte order that is asked for.
    let references: Vec<Reference> = [BIG, LITTLE]
        .into_iter()
        .filter(|r| subjects.iter().any(|s| s.reference() == *r))
        .collect();
    let sides: Vec<(Reference, Option<&SubjectTools>)> = references
        .iter()
        .map(|r| (*r, None))
        .chain(subjects.iter().map(|s| (s.reference(), Some(*s))))
        .collect();
    let jobs: Vec<_> = sides
        .iter()
        .flat_map(|side| levels.iter().map(move |level| (side.0, side.1, *level)))
        .collect();
    let printed: Vec<String> = jobs
        .par_iter()
        .map(|(r, side, level)| match side {
            None => tc.reference(*r, name, &suite.reference(*r), &driver, level, &[]),
            Some(s) => tc.subject(s, name, &suite.module(s.layout), &driver, level, &[]),
        })
        .collect();
    // The reference must agree with itself before it can judge.
    let mut doubtful = Vec::new();
    let mut wrong = Vec::new();
    let of = |r: &Reference| {
        let at = references.iter().position(|x| x == r).unwrap_or_default();
        &printed[at * levels.len()]
    };
    for ((r, side, level), got) in jobs.iter().zip(&printed) {
        let who = side.map_or(r.name, |s| s.name);
        assert_eq!(
            got.lines().count(),
            suite.count,
            "{name}: {who} {level} printed another number of results"
        );
        let list = if side.is_none() {
            &mut doubtful
        } else {
            &mut wrong
        };
        list.extend(
            of(r)
                .lines()
                .zip(got.lines())
                .filter(|(want, got)| want != got)
                .map(|(want, got)| format!("{who} {level}: want {want}, got {got}")),
        );
    }
    let want = &printed[0];
    let results: u64 = want
        .lines()
        .filter_map(|l| l.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    for s in &subjects {
        for level in &levels {
            let here = format!("{} {level}:", s.name);
            let differ = wrong.iter().filter(|w| w.starts_with(&here)).count();
            row(s.name, level, "functions", suite.count - differ, differ);
        }
        println!(
            "{name}: {}: {} functions, {} results compared at {} levels, {} functions differ",
            s.name,
            suite.count,
            results * levels.len() as u64,
            levels.len(),
            wrong
                .iter()
                .filter(|w| w.starts_with(&format!("{} ", s.name)))
                .count()
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
    // Addresses depend on the layout, which is another one on m68k.
    memory: ops::memory, &["hppa", "sh4"];
    floats: ops::floats, &["hppa", "hppa-2.0", "sh4"];
    more_floats: floats::build, &["hppa", "hppa-2.0", "sh4"];
    wider_floats: floats::of_a_68040, &["m68k-68040"];
    placement: placement::build, &["hppa", "sh4"];
    undefined: undefined::build, &["hppa", "m68k", "sh4"];
    // m68k aligns vectors otherwise.
    vectors: vectors::build, &["hppa", "hppa-2.0", "sh4"];
    blocks: blocks::build, &["hppa", "m68k", "sh4"];
    atomics: atomics::build, &["hppa", "hppa-library", "sh4"];
}

/// Seeds of programs; each adds two functions with four helpers. `LL2C_SEEDS` gives others, such as `1000..1200`.
const SEEDS: std::ops::Range<u64> = 1..21;

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("LL2C_SEEDS") else {
        return SEEDS;
    };
    let range = text
        .split_once("..")
        .and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?));
    range.expect("LL2C_SEEDS is FIRST..END")
}

fn random(name: &str, floats: bool, subjects: &[&str]) {
    let tc = Toolchain::from_env();
    let seeds = seeds();
    for first in seeds.clone().step_by(20) {
        let mut suite = Suite::default();
        for seed in first..(first + 20).min(seeds.end) {
            random::program(&mut suite, seed, floats);
        }
        compare(&tc, &format!("{name}_{first}"), &suite, subjects);
    }
}

#[test]
#[ignore = "needs cross compilers and qemu-user: set LL2C_TOOLCHAIN"]
fn random_programs() {
    random("random", false, &["hppa", "m68k", "sh4"]);
}

// m68k's 68881 computes wider.
#[test]
#[ignore = "needs cross compilers and qemu-user: set LL2C_TOOLCHAIN"]
fn random_floats() {
    random("random_floats", true, &["hppa", "hppa-2.0", "sh4"]);
}

macro_rules! programs {
    ($($name:ident: $subjects:expr;)*) => {$(
        #[test]
        #[ignore = "needs cross compilers, rust-src and qemu-user: set LL2C_TOOLCHAIN"]
        fn $name() {
            let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(concat!("tests/differential/programs/", stringify!($name), ".rs"));
            rust::compare(&Toolchain::from_env(), stringify!($name), &source, include_str!("programs/support.c"), $subjects);
        }
    )*};
}

programs! {
    formatting: &["hppa", "m68k", "sh4"];
    numbers: &["hppa", "m68k-68040", "sh4"];
    text: &["hppa", "m68k", "sh4-no-fwprop"];
    // It shows bytes as they lie in memory, and the reference is big-endian.
    language: &["hppa", "m68k"];
}

#[test]
#[ignore = "needs cross compilers, rust-src and qemu-user: set LL2C_TOOLCHAIN"]
fn c_abi() {
    let tc = Toolchain::from_env();
    for (subject, some) in [
        ("hppa", Shapes::ALL),
        // GCC passes a struct of floats as floats there.
        (
            "sh4",
            Shapes {
                floats: false,
                ..Shapes::ALL
            },
        ),
        // LLVM and rustc align members of 64 bits to 4 bytes, GCC to 2.
        (
            "m68k",
            Shapes {
                floats: false,
                wide: false,
            },
        ),
    ] {
        let (rust, c) = abi::sources(some);
        let name = format!("c_abi_{subject}");
        let source = tc.dir.join(tc.write(&format!("{name}.rs"), &rust));
        rust::compare(&tc, &name, &source, &c, &[subject]);
    }
}

#[test]
#[ignore = "needs cross compilers, rust-src and qemu-user: set LL2C_TOOLCHAIN"]
fn lines() {
    objects::lines(&Toolchain::from_env());
}

#[test]
#[ignore = "needs cross compilers: set LL2C_TOOLCHAIN"]
fn pages() {
    objects::pages(&Toolchain::from_env());
}

#[test]
#[ignore = "needs cross compilers: set LL2C_TOOLCHAIN"]
fn kernel_atomics() {
    objects::kernel_atomics(&Toolchain::from_env());
}

#[test]
#[ignore = "needs cross compilers and qemu-user: set LL2C_TOOLCHAIN"]
fn c_programs() {
    let tc = Toolchain::from_env();
    c::compare(&tc, "language", "-std=gnu17", include_str!("c/language.c"));
    c::compare(&tc, "general", "-std=gnu17", include_str!("c/general.c"));
    c::compare(&tc, "newer", "-std=gnu23", include_str!("c/newer.c"));
}

#[test]
#[ignore = "needs cross compilers: set LL2C_TOOLCHAIN"]
fn lowered() {
    objects::lowered(&Toolchain::from_env());
}

#[test]
#[ignore = "needs cross compilers: set LL2C_TOOLCHAIN"]
fn builtins() {
    objects::builtins(&Toolchain::from_env());
}

#[test]
#[ignore = "needs rustc 1.85 with rust-src: set LL2C_TOOLCHAIN"]
fn speed() {
    speed::measure(&Toolchain::from_env());
}

#[test]
#[ignore = "needs cross compilers and qemu-user: set LL2C_TOOLCHAIN"]
fn endless_loops() {
    objects::endless_loops(&Toolchain::from_env());
}
