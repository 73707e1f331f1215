// SPDX-License-Identifier: GPL-2.0-only
//! Rust programs on top of the real `core`, by rustc for mips and by rustc, ll2c and GCC for a subject.

use crate::toolchain::{LIMIT, SUBJECTS, SubjectTools, Toolchain, levels, row};
use rayon::prelude::*;
use std::collections::BTreeMap;
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
        let page = ll2c::Subject::named(s.page).expect("the subject's page");
        let spec = page.stand_in.expect("a stand-in for Rust");
        let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("abi").join(spec);
        let spec = fs::read_to_string(spec).expect("the stand-in's specification");
        let file = tc.write(&format!("standin-{}.json", s.page), &spec);
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

    /// What rustc is to write: an object file for the reference, IR for a subject, metadata for both.
    fn emit(&self, base: &str) -> String {
        match self.subject {
            None => format!("--emit=obj={base}.o,metadata={base}.rmeta"),
            Some(_) => format!("--emit=llvm-ir={base}.ll,metadata={base}.rmeta"),
        }
    }

    /// The object file for what rustc wrote under the name `stem`: the reference's own, a subject's from its IR.
    pub fn object(&self, stem: &str, c_level: &str, c_flags: &[&str]) -> String {
        let Some(s) = self.subject else {
            return format!("{stem}.o");
        };
        let ll = format!("{stem}.ll");
        // Subjects with the same page have the same IR of core.
        let base = format!("{stem}.{}{c_level}", s.name);
        let c = self
            .tc
            .translate(&ll, &format!("{base}.c"), s.page, s.options);
        let object = format!("{base}.o");
        self.tc.run(
            &[
                &[s.gcc, c_level, "-w", "-c", &c, "-o", &object],
                s.machine,
                c_flags,
            ]
            .concat(),
        );
        object
    }

    /// Metadata and object file of `core`. rustc's part is kept between runs, ll2c's is not.
    pub fn core(&self) -> (String, String) {
        static DONE: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
        let base = format!("libcore-{}", self.page());
        let rmeta = format!("{base}.rmeta");
        let mut done = DONE.lock().expect("core was made");
        if let Some(object) = done.get(&self.name) {
            return (rmeta, object.clone());
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
        let object = self.object(&base, "-O2", &[]);
        done.insert(self.name.clone(), object.clone());
        (rmeta, object)
    }

    fn builtins(&self) -> String {
        format!("libcompiler_builtins-{}.rmeta", self.page())
    }

    /// What the IR is for: several subjects may have one page.
    fn page(&self) -> &str {
        self.subject.map_or(&self.name, |s| s.page)
    }

    /// Has rustc compile a crate that needs nothing but core; the name for [`Side::object`].
    pub fn compile(&self, name: &str, source: &Path, flags: &[&str], level: &str) -> String {
        let (rmeta, _) = self.core();
        let stem = format!("{name}-{}{level}", self.name);
        // rustc's own files have the same names at each level.
        let own = format!("{stem}.own");
        fs::create_dir_all(self.tc.dir.join(&own)).expect("a folder for rustc");
        let args = [
            &format!("-Copt-level={}", level.trim_start_matches("-O")),
            &self.emit(&stem),
            "--out-dir",
            &own,
            "--edition",
            "2024",
            "--crate-name",
            name,
            "--extern",
            &format!("core={rmeta}"),
            "--extern",
            &format!("compiler_builtins={}", self.builtins()),
            &source.to_string_lossy(),
        ];
        self.rustc(&[&args, flags].concat());
        stem
    }

    /// What a program prints.
    fn program(&self, stem: &str, c_source: &str, c_level: &str) -> String {
        let (_, core) = self.core();
        let base = format!("{stem}{c_level}");
        let object = self.object(stem, c_level, &[]);
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
        if self.subject.is_none() {
            link.push(RUNTIME);
        }
        self.tc.run(&link);
        self.tc
            .run(&[&["timeout", "-s", "KILL", LIMIT], qemu, &[&exe]].concat())
    }
}

/// 128-bit division for the reference.
const RUNTIME: &str = "rust.rt.o";

fn runtime(tc: &Toolchain) {
    let ll = tc.write(
        "rust.rt.ll",
        &format!(
            "target datalayout = \"{}\"\n{}",
            crate::toolchain::BE,
            include_str!("c/rt.ll")
        ),
    );
    let target = "--target=mips-linux-gnu";
    tc.run(&["clang-19", target, "-w", "-O1", "-c", &ll, "-o", RUNTIME]);
}

/// Compares a program's output, all levels of both compilers.
pub fn compare(tc: &Toolchain, name: &str, source: &Path, c_source: &str, subjects: &[&str]) {
    let mut sides = vec![Side::reference(tc)];
    let subjects = SUBJECTS
        .iter()
        .filter(|s| subjects.contains(&s.name) && s.is_wanted());
    sides.extend(subjects.map(|s| Side::subject(tc, s)));
    if sides.len() == 1 {
        return;
    }
    runtime(tc);
    sides.iter().for_each(|side| drop(side.core()));
    // Each level of rustc with GCC's -O2, each level of GCC with rustc's -O2.
    let levels = levels();
    let mut pairs: Vec<(&str, &str)> = levels.iter().map(|l| (*l, "-O2")).collect();
    pairs.extend(levels.iter().filter(|l| **l != "-O2").map(|l| ("-O2", *l)));
    let mut jobs = vec![(&sides[0], "-O2", "-O2"), (&sides[0], "-O0", "-O0")];
    for side in &sides[1..] {
        jobs.extend(pairs.iter().map(|p| (side, p.0, p.1)));
    }
    let mut crates: Vec<(&Side<'_>, &str)> = jobs.iter().map(|j| (j.0, j.1)).collect();
    crates.sort_by_key(|(side, level)| (&side.name, *level));
    crates.dedup_by_key(|(side, level)| (&side.name, *level));
    crates
        .par_iter()
        .for_each(|(side, level)| drop(side.compile(name, source, &[], level)));
    let printed: Vec<String> = jobs
        .par_iter()
        .map(|(side, level, c_level)| {
            side.program(&format!("{name}-{}{level}", side.name), c_source, c_level)
        })
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
        let levels = match pairs[..] {
            [(rustc, gcc)] => format!("rustc {rustc}, gcc {gcc}"),
            _ => format!("{} pairs", pairs.len()),
        };
        row(
            &side.name,
            &levels,
            "lines of output",
            want.lines().count() * pairs.len(),
            0,
        );
        println!(
            "{name}: {}: {} lines compared at {} pairs of levels, all equal",
            side.name,
            want.lines().count() * pairs.len(),
            pairs.len()
        );
    }
}
