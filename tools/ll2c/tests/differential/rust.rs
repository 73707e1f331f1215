// SPDX-License-Identifier: GPL-2.0-only
//! Rust programs on top of the real `core`, by rustc for mips and by rustc, ll2c and GCC for a subject.

use crate::toolchain::{LIMIT, SUBJECTS, SubjectTools, Toolchain, levels};
use std::fs;
use std::path::Path;

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
    name: String,
    target: String,
    subject: Option<&'a SubjectTools>,
}

impl Side<'_> {
    fn reference() -> Self {
        Self {
            name: "mips".into(),
            target: "mips-unknown-linux-gnu".into(),
            subject: None,
        }
    }

    pub fn subject(tc: &Toolchain, s: &'static SubjectTools) -> Self {
        let spec = match s.name {
            "m68k" => include_str!("../../abi/standin-m68k.json"),
            _ => include_str!("../../abi/standin-be.json"),
        };
        let file = tc.write(&format!("standin-{}.json", s.name), spec);
        Self {
            name: s.name.into(),
            target: tc.dir.join(file).to_string_lossy().into_owned(),
            subject: Some(s),
        }
    }

    fn rustc(&self, tc: &Toolchain, args: &[&str]) {
        let mut all = vec!["rustc", "--target", &self.target, "--crate-type", "rlib"];
        all.extend(TARGET_FLAGS);
        all.extend(args);
        tc.run_env(&[("RUSTC_BOOTSTRAP", "1")], &all);
    }

    /// An object file for a crate; `level` is rustc's, `c_level` GCC's.
    fn object(
        &self,
        tc: &Toolchain,
        base: &str,
        args: &[&str],
        level: &str,
        c_level: &str,
    ) -> String {
        let object = format!("{base}.o");
        let level = format!("-Copt-level={}", level.trim_start_matches("-O"));
        match self.subject {
            None => {
                let emit = format!("--emit=obj={object},metadata={base}.rmeta");
                self.rustc(tc, &[&[&level, &*emit], args].concat());
            }
            Some(s) => {
                let ll = format!("{base}.ll");
                let emit = format!("--emit=llvm-ir={ll},metadata={base}.rmeta");
                self.rustc(tc, &[&[&level, &*emit], args].concat());
                let ir = fs::read_to_string(tc.dir.join(&ll)).expect("rustc's IR");
                let subject = s.subject();
                let options = ll2c::Options {
                    lines: Some(ll2c::meta::Inlined::Callee),
                };
                let text = ll2c::translate(&ir, &subject, &options)
                    .unwrap_or_else(|e| panic!("{ll}: {e}"));
                let c = tc.write(&format!("{base}.c"), &text);
                tc.run(&[s.gcc, c_level, "-w", "-g", "-c", &c, "-o", &object]);
            }
        }
        object
    }

    /// `core`, once for each level.
    pub fn core(&self, tc: &Toolchain, level: &str) -> (String, String) {
        let base = format!("libcore-{}{level}", self.name);
        let done = tc.dir.join(format!("{base}.done"));
        if !done.exists() {
            self.object(
                tc,
                &base,
                &[
                    "--edition",
                    "2021",
                    "--crate-name",
                    "core",
                    "--cfg",
                    "no_fp_fmt_parse",
                    CORE,
                ],
                level,
                level,
            );
            // rustc wants a crate of this name beside core; what it usually holds comes from libgcc and c/rt.ll.
            let source = "#![feature(compiler_builtins)]\n#![compiler_builtins]\n#![no_builtins]\n#![no_std]\n";
            let source = tc.write("compiler_builtins.rs", source);
            let builtins = format!("libcompiler_builtins-{}{level}", self.name);
            let extern_core = format!("core={base}.rmeta");
            self.object(
                tc,
                &builtins,
                &[
                    "--edition",
                    "2021",
                    "--crate-name",
                    "compiler_builtins",
                    "--extern",
                    &extern_core,
                    &source,
                ],
                level,
                level,
            );
            fs::write(done, "").expect("a stamp");
        }
        (format!("{base}.rmeta"), format!("{base}.o"))
    }

    /// An object file for a crate that needs nothing but core.
    pub fn crate_object(
        &self,
        tc: &Toolchain,
        name: &str,
        source: &Path,
        flags: &[&str],
        level: &str,
        c_level: &str,
    ) -> String {
        let (rmeta, _) = self.core(tc, "-O2");
        let base = format!("{name}-{}{level}{c_level}", self.name);
        let source = source.to_string_lossy().into_owned();
        let extern_core = format!("core={rmeta}");
        let extern_builtins = format!(
            "compiler_builtins=libcompiler_builtins-{}-O2.rmeta",
            self.name
        );
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
        self.object(tc, &base, &[&args, flags].concat(), level, c_level)
    }

    /// What a program prints.
    fn program(
        &self,
        tc: &Toolchain,
        name: &str,
        source: &Path,
        c_source: &str,
        level: &str,
        c_level: &str,
    ) -> String {
        let (_, core) = self.core(tc, "-O2");
        let base = format!("{name}-{}{level}{c_level}", self.name);
        let object = self.crate_object(tc, name, source, &[], level, c_level);
        let c = tc.write(&format!("{base}.support.c"), c_source);
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
            rt = runtime(tc);
            link.push(&rt);
        }
        tc.run(&link);
        tc.run(&[&["timeout", "-s", "KILL", LIMIT], qemu, &[&exe]].concat())
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
    let want = Side::reference().program(tc, name, source, c_source, "-O2", "-O2");
    assert!(
        want.lines().count() > 5,
        "{name}: the reference printed only {want:?}"
    );
    assert_eq!(
        want,
        Side::reference().program(tc, name, source, c_source, "-O0", "-O0"),
        "{name}: LLVM disagrees with itself"
    );
    for s in SUBJECTS.iter().filter(|s| subjects.contains(&s.name)) {
        let side = Side::subject(tc, s);
        let mut lines = 0;
        // Each level of rustc with GCC's -O2, each level of GCC with rustc's -O2.
        let levels = levels();
        let pairs: Vec<(&str, &str)> = levels
            .iter()
            .map(|l| (*l, "-O2"))
            .chain(levels.iter().filter(|l| **l != "-O2").map(|l| ("-O2", *l)))
            .collect();
        let count = pairs.len();
        for (level, c_level) in pairs {
            let got = side.program(tc, name, source, c_source, level, c_level);
            for (n, (want, got)) in want.lines().zip(got.lines()).enumerate() {
                assert_eq!(
                    want,
                    got,
                    "{name}: {} rustc {level}, gcc {c_level}: line {}",
                    s.name,
                    n + 1
                );
            }
            assert_eq!(
                want.lines().count(),
                got.lines().count(),
                "{name}: {} {level} {c_level}: number of lines",
                s.name
            );
            lines += got.lines().count();
        }
        println!(
            "{name}: {}: {lines} lines compared at {count} pairs of levels, all equal",
            s.name
        );
    }
}
