// SPDX-License-Identifier: GPL-2.0-only
//! The program as Kbuild runs it, with scripts in the places of rustc and of the C compiler.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const IR: &str = "target datalayout = \"E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64\"\n\
    define i32 @answer() {\n  ret i32 42\n}\n";

/// Writes the IR that `ir.ll` holds where it is told to, and says what it was told.
const RUSTC: &str = r#"#!/bin/sh
echo "$@" > rustc.args
for a; do case $a in --emit=llvm-ir=*) cp ir.ll "${a#--emit=llvm-ir=}";; --emit=dep-info=*) echo "$PWD/.x.ll2c.ll: lib.rs" > "${a#--emit=dep-info=}";; esac; done
echo "'+isa-68020' is not a recognized feature for this target (ignoring feature)" >&2
echo "warning: real" >&2
exit ${RUSTC_EXIT:-0}
"#;

/// Takes C that defines `answer`, and says what it was told.
const CC: &str = r#"#!/bin/sh
if [ "$1" = -dumpmachine ]; then echo ${MACHINE:-hppa-linux-gnu}; exit; fi
echo "$@" > cc.args
while [ $# -gt 0 ]; do case $1 in -o) out=$2; shift;; *.c) c=$1;; esac; shift; done
grep -q 'u32 answer(void)' "$c" && cp "$c" "$out"
"#;

struct Place(PathBuf);

impl Place {
    fn new(name: &str, ir: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        for (script, text) in [("rustc", RUSTC), ("cc", CC)] {
            fs::write(dir.join(script), text).unwrap();
            fs::set_permissions(dir.join(script), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(dir.join("ir.ll"), ir).unwrap();
        Place(dir)
    }

    fn run(&self, env: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ll2c-rustc"))
            .args([
                "--target=t.json",
                "--crate-name",
                "x",
                "-Zfunction-sections=y",
            ])
            .args(["--emit=obj=x.o", "--emit=dep-info=x.d", "lib.rs"])
            .current_dir(&self.0)
            .env("LL2C_RUSTC", self.0.join("rustc"))
            .env("CC", self.0.join("cc"))
            .env("KBUILD_CFLAGS", "-O2 -Wall -DX -march=1.1")
            .env_remove("LL2C_KEEP")
            .envs(env.iter().copied())
            .output()
            .unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn has(&self, name: &str) -> bool {
        self.0.join(name).exists()
    }
}

#[test]
fn an_object_is_made_and_nothing_else_is_left() {
    let place = Place::new("object", IR);
    let out = place.run(&[]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    assert_eq!(said, "warning: real\n");
    assert!(place.read("x.o").contains("return 42u;"));
    assert!(!place.has(".x.ll2c.ll") && !place.has(".x.ll2c.c"));
    let rustc = place.read("rustc.args");
    for flag in [
        "-Cno-vectorize-loops",
        "-Ccodegen-units=1",
        "--emit=dep-info=x.d",
    ] {
        assert!(rustc.contains(flag), "{rustc}");
    }
    assert!(!rustc.contains("obj="), "{rustc}");
    let cc = place.read("cc.args");
    for flag in [
        "-O2",
        "-march=1.1",
        "-ffunction-sections",
        "-ffp-contract=off",
        "-fno-tree-loop-distribute-patterns",
    ] {
        assert!(cc.contains(flag), "{cc}");
    }
    assert!(!cc.contains("-Wall") && !cc.contains("-DX"), "{cc}");
}

#[test]
fn what_is_at_fault_stays() {
    let place = Place::new(
        "refused",
        "target datalayout = \"E-p:32:32-i64:64\"\nmodule asm \"nop\"\n",
    );
    let out = place.run(&[]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success());
    assert!(said.contains("unsupported `module asm`"), "{said}");
    assert!(place.has(".x.ll2c.ll") && !place.has("x.o"));

    let place = Place::new("not_compiled", &IR.replace("answer", "question"));
    assert!(!place.run(&[]).status.success());
    assert!(place.has(".x.ll2c.c") && !place.has("x.o"));
}

#[test]
fn what_fails_is_told() {
    let place = Place::new("rustc_fails", IR);
    assert!(!place.run(&[("RUSTC_EXIT", "1")]).status.success());
    assert!(!place.has("x.o"));
    let out = place.run(&[("MACHINE", "vax-dec-ultrix")]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && said.contains("vax"), "{said}");
    let out = place.run(&[("CC", "")]);
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("CC"));
}

#[test]
fn all_of_it_stays_if_asked_for() {
    let place = Place::new("kept", IR);
    assert!(place.run(&[("LL2C_KEEP", "1")]).status.success());
    assert!(place.has(".x.ll2c.ll") && place.has(".x.ll2c.c"));
}
