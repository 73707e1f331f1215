// SPDX-License-Identifier: GPL-2.0-only
//! The IR of the rustc that builds this: newer than that of the kernel's, and of another machine, so it is read and checked only.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What `rustc`, or `RUSTC`, writes for a program with threads, formatting, maps and floating point in it.
fn ir(level: &str) -> (PathBuf, String) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/versions/program.rs");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("program-{level}.ll"));
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(rustc)
        .args(["--edition", "2024", "--crate-type", "lib", "--emit=llvm-ir"])
        .args(["-Cpanic=abort", "-Ccodegen-units=1", "-Cdebuginfo=2"])
        .args(["-Cno-vectorize-loops", "-Cno-vectorize-slp"])
        .arg(format!("-Copt-level={level}"))
        .arg("-o")
        .args([&out, &source])
        .status()
        .expect("rustc runs");
    assert!(status.success());
    let text = std::fs::read_to_string(&out).expect("rustc's IR");
    (out, text)
}

#[test]
fn the_ir_of_this_rustc_is_read_and_consistent() {
    // Not 0: there, pieces of std keep their `resume`, which is rejected.
    for level in ["1", "2", "3", "s", "z"] {
        let (path, text) = ir(level);
        let module = ll2c::parse::parse(&text)
            .and_then(|m| ll2c::verify::verify(&m).map(|()| m))
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let bodies = module.functions.iter().filter_map(|f| f.body.as_ref());
        let instructions: usize = bodies.flat_map(|b| &b.blocks).map(|b| b.insts.len()).sum();
        println!("{level}: {instructions} instructions");
        assert!(
            instructions > 1000,
            "{level}: only {instructions} instructions"
        );
    }
}
