// SPDX-License-Identifier: GPL-2.0-only
//! How long a translation takes, beside its limit.

use crate::rust::Side;
use crate::toolchain::{SUBJECTS, Toolchain};
use std::process::Command;

/// For `core` and the kernel's own crate together.
const SECONDS: f64 = 0.5;
const MIB: u64 = 300;

/// Translates `core`, and what else `LL2C_IR` names: the kernel's crate, where `cargo xtask self differential` finds it built.
pub fn measure(tc: &Toolchain) {
    let side = Side::subject(tc, &SUBJECTS[0]);
    side.core();
    let mut files = vec![tc.dir.join("libcore-hppa.ll").display().to_string()];
    let more = std::env::var("LL2C_IR").unwrap_or_default();
    files.extend(more.split_whitespace().map(str::to_owned));
    let (mut seconds, mut mib) = (0.0, 0);
    for file in &files {
        // The best of some: others may be busy on the same machine.
        let runs = (0..5).map(|_| run(file));
        let (s, m) = runs.min_by(|a, b| a.0.total_cmp(&b.0)).expect("five runs");
        println!("{file}: {s:.3} s, {m} MiB");
        seconds += s;
        mib = mib.max(m);
    }
    println!("speed: {seconds:.3} s (limit {SECONDS} s), {mib} MiB (limit {MIB} MiB)");
    assert!(seconds < SECONDS && mib < MIB);
}

/// Seconds on a processor, and MiB.
fn run(file: &str) -> (f64, u64) {
    let out = Command::new(env!("CARGO_BIN_EXE_ll2c"))
        .args([
            "--stats",
            "--subject",
            "hppa-kernel",
            "-o",
            "/dev/null",
            file,
        ])
        .output()
        .expect("ll2c runs");
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{text}");
    let figures = text
        .trim()
        .strip_prefix("ll2c: ")
        .and_then(|t| t.strip_suffix(" MiB"))
        .and_then(|t| t.split_once(" s, "))
        .and_then(|(_, t)| t.split_once(" s busy, "))
        .and_then(|(s, m)| Some((s.parse().ok()?, m.parse().ok()?)));
    figures.unwrap_or_else(|| panic!("no figures in {text}"))
}
