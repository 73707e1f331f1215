// SPDX-License-Identifier: GPL-2.0-only
//! C that clang compiles for a stand-in, beside what hppa's GCC makes of the same source.
//!
//! sparc is the stand-in: it passes each struct as `sret` or `byval`, and reads variable arguments by `va_arg`.

use crate::toolchain::{BE, LIMIT, SUBJECTS, Toolchain, levels, row};

pub fn compare(tc: &Toolchain, name: &str, std: &str, source: &str) {
    let s = &SUBJECTS[0];
    if !s.is_wanted() {
        return;
    }
    let c = tc.write(&format!("{name}.c"), source);
    let run = |exe: &str| tc.run(&[&["timeout", "-s", "KILL", LIMIT], s.qemu, &[exe]].concat());
    let exe = format!("./{name}.exe");
    tc.run(&[&[s.gcc, std, "-O1", "-w", &c, "-o", &exe], s.link, &["-lm"]].concat());
    let want = run(&exe);
    let mut compared = 0;
    for level in levels() {
        let ll = format!("{name}.ll");
        tc.run(&[
            "clang-19",
            "--target=sparc-unknown-linux-gnu",
            "-isystem",
            "/usr/hppa-linux-gnu/include",
            "-U__sparc__",
            "-D__hppa__",
            std,
            level,
            "-fno-vectorize",
            "-fno-slp-vectorize",
            "-w",
            "-S",
            "-emit-llvm",
            &c,
            "-o",
            &ll,
        ]);
        let ir = std::fs::read_to_string(tc.dir.join(&ll)).expect("clang's IR");
        let lines = ir.lines().map(|line| {
            if line.starts_with("target datalayout") {
                format!("target datalayout = \"{BE}\"\n")
            } else {
                format!("{line}\n")
            }
        });
        tc.write(&ll, &lines.collect::<String>());
        for c_level in levels() {
            let out = tc.translate(&ll, &format!("{name}.ll2c.c"), s.page, s.options);
            tc.run(&[&[s.gcc, c_level, "-w", &out, "-o", &exe], s.link, &["-lm"]].concat());
            let got = run(&exe);
            assert_eq!(want, got, "clang {level}, gcc {c_level}");
            compared += 1;
        }
    }
    println!(
        "{name}: hppa: {} lines equal at {compared} pairs of levels",
        want.lines().count()
    );
    row(s.name, &levels().join(" "), "programs", compared, 0);
}
