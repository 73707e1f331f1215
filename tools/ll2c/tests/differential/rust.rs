// SPDX-License-Identifier: GPL-2.0-only
//! Rust programs on top of the real `core`, by rustc for mips and by rustc, ll2c and GCC for a subject.

use crate::toolchain::{LIMIT, SUBJECTS, SubjectTools, Toolchain, levels};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

const CORE: &str = "/usr/src/rustc-1.85.1/library/core/src/lib.rs";
const TARGET_FLAGS: &[&str] = &[
    "-Cpanic=abort",
    "-Ccodegen-units=1",
    "-Cno-vectorize-loops",
    "-Cno-vectorize-slp",
    "-Cdebuginfo=1",
    "-Coverflow-checks=off",
    "-Cdebug-assertions=off",
    "-Awarnings",
];

/// One way to get a program: a rustc target and what follows.
pub struct Side<'a> {
    tc: &'a Toolchain,
    name: String,
    target: String,
    subject: Option<&'a SubjectTools>,
}

impl<'a> Side<'a> {
    fn reference(tc: &'a Toolchain) -> Self {
        Self {
            tc,
            name: "mips".into(),
            target: "mips-unknown-linux-gnu".into(),
            subject: None,
        }
    }

    pub fn subject(tc: &'a Toolchain, s: &'static SubjectTools) -> Self {
        let spec = match s.name {
            "m68k" => include_str!("../../abi/standin-m68k.json"),
            _ => include_str!("../../abi/standin-be.json"),
        };
        let file = tc.write(&format!("standin-{}.json", s.name), spec);
        Self {
            tc,
            name: s.name.into(),
            target: tc.dir.join(file).to_string_lossy().into_owned(),
            subject: Some(s),
        }
    }

    fn rustc(&self, args: &[&str]) {
        let mut all = vec!["rustc", "--target", &self.target, "--crate-type", "rlib"];
        all.extend(TARGET_FLAGS);
        all.extend(args);
        self.tc.run_env(&[("RUSTC_BOOTSTRAP", "1")], &all);
    }

    /// An object file for a crate; `level` is rustc's, `c_level` GCC's.
    fn object(
        &self,
        base: &str,
        args: &[&str],
        level: &str,
        c_level: &str,
        c_flags: &[&str],
    ) -> String {
        let level = format!("-Copt-level={}", level.trim_start_matches("-O"));
        let emit = self.emit(base);
        self.rustc(&[&[&level, &*emit], args].concat());
        self.translate(base, c_level, c_flags);
        format!("{base}.o")
    }

    /// What rustc is to write: an object file for the reference, IR for a subject, metadata for both.
    fn emit(&self, base: &str) -> String {
        match self.subject {
            None => format!("--emit=obj={base}.o,metadata={base}.rmeta"),
            Some(_) => format!("--emit=llvm-ir={base}.ll,metadata={base}.rmeta"),
        }
    }

    /// A subject's object file from its IR.
    fn translate(&self, base: &str, c_level: &str, c_flags: &[&str]) {
        let Some(s) = self.subject else { return };
        let ll = format!("{base}.ll");
        let ir = fs::read_to_string(self.tc.dir.join(&ll)).expect("rustc's IR");
        let options = ll2c::Options {
            lines: Some(ll2c::meta::Inlined::Callee),
        };
        let text =
            ll2c::translate(&ir, &s.subject(), &options).unwrap_or_else(|e| panic!("{ll}: {e}"));
        let (c, object) = (
            self.tc.write(&format!("{base}.c"), &text),
            format!("{base}.o"),
        );
        self.tc
            .run(&[&[s.gcc, c_level, "-w", "-c", &c, "-o", &object], c_flags].concat());
    }

    /// Metadata and object file of `core`. rustc's part is kept between runs, ll2c's is not.
    pub fn core(&self) -> (String, String) {
        static DONE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        let base = format!("libcore-{}", self.name);
        let result = (format!("{base}.rmeta"), format!("{base}.o"));
        let mut done = DONE.lock().expect("nobody panicked");
        if done.contains(&base) {
            return result;
        }
        let spec = fs::read_to_string(&self.target).unwrap_or_default();
        let key = format!("{}{TARGET_FLAGS:?}{spec}", self.tc.run(&["rustc", "-vV"]));
        let stamp = self.tc.dir.join(format!("{base}.stamp"));
        if fs::read_to_string(&stamp).ok().as_ref() != Some(&key) {
            let (cfg, level) = (["--cfg", "no_fp_fmt_parse"], "-Copt-level=2");
            let edition = ["--edition", "2021", "--crate-name"];
            let emit = self.emit(&base);
            self.rustc(&[&[level, &*emit], &edition[..], &["core", CORE], &cfg].concat());
            // rustc wants a crate of this name beside core; what it usually holds comes from libgcc and c/rt.ll.
            let source = "#![feature(compiler_builtins)]\n#![compiler_builtins]\n#![no_builtins]\n#![no_std]\n";
            let source = self.tc.write("compiler_builtins.rs", source);
            let emit = format!("--emit=metadata={}", self.builtins());
            let extern_core = format!("core={base}.rmeta");
            let args = [level, &emit, "--extern", &extern_core];
            self.rustc(&[&args, &edition[..], &["compiler_builtins", &source]].concat());
            fs::write(stamp, key).expect("a stamp");
        }
        self.translate(&base, "-O2", &[]);
        done.insert(base);
        result
    }

    fn builtins(&self) -> String {
        format!("libcompiler_builtins-{}.rmeta", self.name)
    }

    /// An object file for a crate that needs nothing but core.
    pub fn crate_object(
        &self,
        name: &str,
        source: &Path,
        flags: &[&str],
        level: &str,
        c_level: &str,
        c_flags: &[&str],
    ) -> String {
        let (rmeta, _) = self.core();
        let base = format!("{name}-{}{level}{c_level}", self.name);
        let source = source.to_string_lossy().into_owned();
        let extern_core = format!("core={rmeta}");
        let extern_builtins = format!("compiler_builtins={}", self.builtins());
        let args = [
            "--edition",
            "2024",
            "--crate-name",
            name,
            "--extern",
            &extern_core,
            "--extern",
            &extern_builtins,
            &source,
        ];
        self.object(&base, &[&args, flags].concat(), level, c_level, c_flags)
    }

    /// What a program prints.
    fn program(
        &self,
        name: &str,
        source: &Path,
        c_source: &str,
        level: &str,
        c_level: &str,
    ) -> String {
        let (_, core) = self.core();
        let base = format!("{name}-{}{level}{c_level}", self.name);
        let object = self.crate_object(name, source, &[], level, c_level, &[]);
        let c = self.tc.write(&format!("{base}.support.c"), c_source);
        let exe = format!("./{base}.exe");
        let (gcc, flags, qemu) = self.subject.map_or(
            ("mips-linux-gnu-gcc", &["-static"][..], &["qemu-mips"][..]),
            |s| (s.gcc, s.link, s.qemu),
        );
        let mut link = [
            &[gcc, "-O2", "-w"],
            flags,
            &[&c, &object, &core, "-o", &exe],
        ]
        .concat();
        let rt;
        if self.subject.is_none() {
            rt = runtime(self.tc);
            link.push(&rt);
        }
        self.tc.run(&link);
        self.tc
            .run(&[&["timeout", "-s", "KILL", LIMIT], qemu, &[&exe]].concat())
    }
}

/// 128-bit division for the reference.
fn runtime(tc: &Toolchain) -> String {
    let ll = tc.write(
        "rust.rt.ll",
        &format!(
            "target datalayout = \"{}\"\n{}",
            crate::toolchain::BE,
            include_str!("c/rt.ll")
        ),
    );
    tc.run(&[
        "clang-19",
        "--target=mips-linux-gnu",
        "-w",
        "-O1",
        "-c",
        &ll,
        "-o",
        "rust.rt.o",
    ]);
    "rust.rt.o".into()
}

/// Compares a program's output, all levels of both compilers.
pub fn compare(tc: &Toolchain, name: &str, source: &Path, c_source: &str, subjects: &[&str]) {
    let mut sides = vec![Side::reference(tc)];
    let subjects = SUBJECTS.iter().filter(|s| subjects.contains(&s.name));
    sides.extend(subjects.map(|s| Side::subject(tc, s)));
    sides.par_iter().for_each(|side| {
        side.core();
    });
    // Each level of rustc with GCC's -O2, each level of GCC with rustc's -O2.
    let levels = levels();
    let pairs: Vec<(&str, &str)> = levels
        .iter()
        .map(|l| (*l, "-O2"))
        .chain(levels.iter().filter(|l| **l != "-O2").map(|l| ("-O2", *l)))
        .collect();
    let jobs: Vec<(&Side<'_>, &str, &str)> = [("-O2", "-O2"), ("-O0", "-O0")]
        .into_iter()
        .map(|(level, c_level)| (&sides[0], level, c_level))
        .chain(
            sides[1..]
                .iter()
                .flat_map(|side| pairs.iter().map(move |p| (side, p.0, p.1))),
        )
        .collect();
    let printed: Vec<String> = jobs
        .par_iter()
        .map(|(side, level, c_level)| side.program(name, source, c_source, level, c_level))
        .collect();
    let want = &printed[0];
    assert!(
        want.lines().count() > 5,
        "{name}: the reference printed only {want:?}"
    );
    assert_eq!(want, &printed[1], "{name}: LLVM disagrees with itself");
    for ((side, level, c_level), got) in jobs.iter().zip(&printed) {
        let who = format!("{name}: {} rustc {level}, gcc {c_level}", side.name);
        for (n, (want, got)) in want.lines().zip(got.lines()).enumerate() {
            assert_eq!(want, got, "{who}: line {}", n + 1);
        }
        assert_eq!(
            want.lines().count(),
            got.lines().count(),
            "{who}: number of lines"
        );
    }
    for side in &sides[1..] {
        println!(
            "{name}: {}: {} lines compared at {} pairs of levels, all equal",
            side.name,
            want.lines().count() * pairs.len(),
            pairs.len()
        );
    }
}
