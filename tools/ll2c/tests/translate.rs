// SPDX-License-Identifier: GPL-2.0-only
//! From IR to C, without any compiler: `lowered/` beside its snapshots.

use ll2c::lower::SUPPORT;
use ll2c::meta::Inlined;
use ll2c::{Options, Subject, translate};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn files(folder: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let mut list: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|x| x == "ll"))
        .collect();
    list.sort();
    assert!(!list.is_empty());
    list
}

/// What follows the support code.
fn own(c: &str) -> &str {
    let (_, last) = SUPPORT[SUPPORT.len() - 1];
    c.split_once(last).unwrap().1
}

fn hppa(ir: &str) -> ll2c::Result<String> {
    translate(
        ir,
        &Subject::named("hppa").unwrap(),
        &Options {
            lines: Some(Inlined::Callee),
        },
    )
}

#[test]
fn lowered() {
    for path in files("lowered") {
        let c = hppa(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let own = own(&c);
        insta::assert_snapshot!(path.file_stem().unwrap().to_str().unwrap(), own);
    }
}

#[test]
fn the_readme_shows_what_is_written() {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let block = |language: &str| {
        let (_, rest) = readme.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0
    };
    let ir = format!(
        "target datalayout = \"E-p:32:32-i64:64\"\n{}",
        block("llvm")
    );
    let c = translate(
        &ir,
        &Subject::named("hppa").unwrap(),
        &Options { lines: None },
    )
    .unwrap();
    assert!(c.contains(block("c")), "{c}");
}

/// The C asks its compiler whether it rounds each float, but not where it has none to round.
#[test]
fn only_what_rounds_asks_for_it() {
    let c = |body: &str| {
        let ir = format!(
            "target datalayout = \"E-p:32:32-i64:64\"\ndefine double @f(double %a, i64 %b, float %c) {{\n{body}\n}}\n"
        );
        hppa(&ir).unwrap().contains("#define LL_ROUNDS 1\n")
    };
    for rounds in [
        "%r = fadd double %a, %a\nret double %r",
        "%r = sitofp i64 %b to double\nret double %r",
        "%t = fptrunc double %a to float\n%r = fpext float %t to double\nret double %r",
        "%r = call double @llvm.sqrt.f64(double %a)\nret double %r",
        "%v = insertelement <2 x double> zeroinitializer, double %a, i32 0\n\
         %r = call double @llvm.vector.reduce.fadd.v2f64(double %a, <2 x double> %v)\nret double %r",
    ] {
        assert!(c(rounds), "{rounds}");
    }
    for exact in [
        "ret double %a",
        "%r = fneg double %a\nret double %r",
        "%r = fpext float %c to double\nret double %r",
        "%r = call double @llvm.fabs.f64(double %a)\nret double %r",
        "%i = fptosi double %a to i64\n%r = bitcast i64 %i to double\nret double %r",
    ] {
        assert!(!c(exact), "{exact}");
    }
}

#[test]
fn lines_can_be_those_of_the_caller_or_none() {
    let ir = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lowered/debug_lines.ll"),
    )
    .unwrap();
    let subject = Subject::named("hppa").unwrap();
    let caller = translate(
        &ir,
        &subject,
        &Options {
            lines: Some(Inlined::Caller),
        },
    )
    .unwrap();
    assert!(!caller.contains("inner.rs") && caller.contains("#line 12 \"/work dir/src/lib.rs\""));
    assert!(
        !translate(&ir, &subject, &Options { lines: None })
            .unwrap()
            .contains("#line")
    );
}

#[test]
fn names_of_macros_are_taken_where_the_page_says_so() {
    let ir = "target datalayout = \"LAYOUT\"\n@mc68332 = global i8 1\n@unix = global i8 1\n";
    let on = |page, layout| {
        let ir = ir.replace("LAYOUT", layout);
        let subject = Subject::named(page).unwrap();
        own(&translate(&ir, &subject, &Options::default()).unwrap()).to_owned()
    };
    let c = on("m68k", "E-p:32:16-i8:8-i16:16-i32:16-i64:32-a:0:16");
    assert!(
        c.contains("G0_mc68332 __asm__(\"mc68332\")") && c.contains("G1_unix __asm__(\"unix\")"),
        "{c}"
    );
    let c = on("hppa", "E-p:32:32-i64:64");
    assert!(
        c.contains(" mc68332") && c.contains("G1_unix __asm__(\"unix\")"),
        "{c}"
    );
}

#[test]
fn read_modify_write_follows_the_page() {
    let ir = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lowered/memory.ll"),
    )
    .unwrap();
    let mut subject = Subject::named("hppa").unwrap();
    subject.atomic_rmw = ll2c::abi::AtomicRmw::Library;
    assert!(
        translate(&ir, &subject, &Options::default())
            .unwrap()
            .contains("= ll_cmpxchg_32(v_p")
    );
    subject.atomic_rmw = ll2c::abi::AtomicRmw::Reject;
    let error = translate(&ir, &subject, &Options::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("unsupported `cmpxchg`: hppa has no atomic read-modify-write"),
        "{error}"
    );
}

#[test]
fn in_the_kernel_every_change_of_an_atomic_calls_the_kernel() {
    let ir = "target datalayout = \"E-p:32:32-i64:64\"\n\
        define i16 @f(ptr %p) {\n  store atomic i32 1, ptr %p release, align 4\n  %r = atomicrmw add ptr %p, i16 1 acq_rel\n  ret i16 %r\n}\n";
    let c = translate(
        ir,
        &Subject::named("hppa-kernel").unwrap(),
        &Options::default(),
    )
    .unwrap();
    assert!(c.contains("#define LL_CMPXCHG \"__cmpxchg_u\""));
    let own = own(&c);
    assert!(own.contains("LL_RMW_LIBRARY(u32, 32, v_p, (u32)1u)"));
    assert!(own.contains("LL_RMW_LIBRARY(u16, 16, v_p, "));
    assert!(!own.contains("__atomic"));
}

#[test]
fn eight_bytes_are_atomic_where_the_page_says_so() {
    let ir = "target datalayout = \"E-p:32:32-i64:64\"\n\
        define i64 @f(ptr %p) {\n  store atomic i64 1, ptr %p release, align 8\n  %r = atomicrmw umax ptr %p, i64 5 acq_rel\n  ret i64 %r\n}\n";
    let on = |page| translate(ir, &Subject::named(page).unwrap(), &Options::default());
    let c = on("hppa").unwrap();
    let own = own(&c);
    assert!(
        own.contains("__atomic_store_n((u64_a8 *)v_p, (u64)1u"),
        "{own}"
    );
    assert!(
        own.contains("LL_RMW_LOOP(u64, v_p, __ATOMIC_ACQ_REL, "),
        "{own}"
    );
    // The kernel has no such function for modules.
    let error = on("hppa-kernel").unwrap_err().to_string();
    assert!(error.contains("no atomic access of 8 bytes"), "{error}");
}

proptest! {
    /// Any text is translated or refused, never a panic.
    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let _ = hppa(&text);
    }

    /// Valid IR with a piece cut out, doubled or replaced.
    #[test]
    fn damaged_ir_is_answered(which in 0usize..100, at in 0usize..3000, len in 0usize..40, with in "[%@!#(){}<>,=*0-9a-z \n]{0,12}") {
        let all = files("lowered");
        let ir = std::fs::read_to_string(&all[which % all.len()]).unwrap();
        let at = at % ir.len();
        let end = (at + len).min(ir.len());
        let damaged = format!("{}{with}{}", &ir[..at], &ir[end..]);
        let _ = hppa(&damaged);
    }
}
