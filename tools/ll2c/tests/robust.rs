// SPDX-License-Identifier: GPL-2.0-only
//! Inputs that are large, deep or damaged: each is answered, in time and memory that grow with what is written.
//!
//! No test has a clock. What once took exponential or cubic time is so large here that it would never end.

use ll2c::{Options, Subject, translate};
use proptest::prelude::*;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

const LAYOUT: &str = "target datalayout = \"E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64\"\n";

fn hppa(ir: &str) -> ll2c::Result<String> {
    translate(
        &format!("{LAYOUT}{ir}"),
        &Subject::named("hppa").unwrap(),
        &Options::default(),
    )
}

/// `%T0` is a pair of `%T1`, which is a pair of `%T2`, and so on.
fn nested(depth: u32, innermost: &str) -> String {
    let mut ir = String::new();
    for i in 0..depth {
        let _ = writeln!(ir, "%T{i} = type {{ %T{0}, %T{0} }}", i + 1);
    }
    let _ = writeln!(ir, "%T{depth} = type {innermost}");
    ir
}

#[test]
fn shared_types_are_looked_at_once() {
    // Without a byte in it, the type is as long as 2 to the 60th.
    let ir = nested(60, "{}")
        + "@g = external global %T0\n\
           define ptr @f(ptr %p) {\n  %q = getelementptr %T0, ptr %p, i32 1, i32 0, i32 1\n  %x = load %T0, ptr %q\n  \
           store %T0 %x, ptr %p\n  %y = freeze %T0 %x\n  store %T0 %y, ptr @g\n  ret ptr %q\n}\n";
    assert!(hppa(&ir).is_ok());
    let error = hppa(&(nested(60, "i64") + "@g = external global %T0\n")).unwrap_err();
    assert!(error.to_string().contains("more than 4 GiB"), "{error}");
    assert!(error.to_string().len() < 500, "{error}");
    // The type in a message is cut.
    let error = hppa(
        &(nested(60, "{}") + "define void @f(%T0 %x) {\n  %y = add %T0 %x, %x\n  ret void\n}\n"),
    )
    .unwrap_err();
    assert!(error.to_string().len() < 500, "{error}");
}

#[test]
fn odd_integers_in_shared_types_have_one_function_a_type() {
    // A cut of 2^16 integers, by 16 functions.
    let ir = nested(16, "{ i1 }")
        + "define i1 @f(ptr %p) {\n  %x = load %T0, ptr %p\n  %y = extractvalue %T0 %x, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0\n  ret i1 %y\n}\n";
    let c = hppa(&ir).unwrap();
    assert_eq!(c.matches("_cut(struct").count(), 17);
}

#[test]
fn zeros_are_counted() {
    let c = hppa(
        "@a = global [536870912 x i8] zeroinitializer\n\
         @b = global { i8, [268435456 x i32], i8, [100000000 x i8] } { i8 1, [268435456 x i32] zeroinitializer, i8 2, [100000000 x i8] zeroinitializer }\n\
         @c = constant [3 x [1000000 x i64]] [[1000000 x i64] zeroinitializer, [1000000 x i64] undef, [1000000 x i64] zeroinitializer]\n",
    )
    .map(|c| c.len());
    // Nothing is said of what `@b` holds but where it is: more than a GiB.
    assert!(c.is_err_and(|e| e.to_string().contains("unsupported variable of")));
    let c = hppa(
        "@a = global [536870912 x i8] zeroinitializer\n@b = global { i8, [200000000 x i8], i8 } { i8 1, [200000000 x i8] zeroinitializer, i8 2 }\n",
    );
    assert!(c.unwrap().len() < ll2c::lower::support_len() + 2000);
}

#[test]
fn zeros_that_are_written_out_are_counted() {
    let written = vec!["i8 0"; 100_000].join(", ");
    let text = "\\00".repeat(100_000);
    let ir = format!(
        "@a = global [100000 x i8] [{written}]\n@b = global [100002 x i8] c\"x{text}y\"\n\
         @c = global {{ i8, [100000 x i8], i8 }} {{ i8 1, [100000 x i8] c\"{text}\", i8 2 }}\n"
    );
    assert!(hppa(&ir).unwrap().len() < ll2c::lower::support_len() + 2000);
}

/// `count` phis of a loop, each of which becomes the one that `source` says.
fn phis(count: u32, source: impl Fn(u32) -> u32) -> String {
    let mut ir = String::from("define i32 @f(i32 %n) {\nstart:\n  br label %l\nl:\n");
    for i in 0..count {
        let _ = writeln!(
            ir,
            "  %p{i} = phi i32 [ {i}, %start ], [ %p{}, %l ]",
            source(i)
        );
    }
    let _ = writeln!(
        ir,
        "  %c = icmp eq i32 %p0, %n\n  br i1 %c, label %l, label %x\nx:\n  ret i32 %p{}\n}}",
        count - 1
    );
    ir
}

#[test]
fn chains_of_phis_are_copied_in_one_pass() {
    const COUNT: u32 = 60_000;
    // Against the order of the copies, along it, round in a circle, and in pairs.
    for source in [
        |i: u32| i.saturating_sub(1),
        |i: u32| (i + 1).min(COUNT - 1),
        |i: u32| (i + 1) % COUNT,
        |i: u32| i ^ 1,
    ] {
        assert!(hppa(&phis(COUNT, source)).is_ok());
    }
}

#[test]
fn copies_happen_at_once() {
    // What the copies of a back edge do, done here: the C is simple enough to be read.
    for (count, seed) in (2..40).zip(1u32..) {
        let source = |i: u32| (i.wrapping_mul(seed * 7 + 3).wrapping_add(seed * seed)) % count;
        let c = hppa(&phis(count, source)).unwrap();
        let edge = c
            .split_once("if (v_c) {")
            .and_then(|(_, rest)| rest.split_once(" goto"))
            .unwrap()
            .0;
        let mut vars: std::collections::HashMap<String, u32> =
            (0..count).map(|i| (format!("v_p{i}"), i)).collect();
        for copy in edge.split(';').map(str::trim).filter(|s| !s.is_empty()) {
            let (to, from) = copy.split_once(" = ").unwrap();
            let value = vars[from];
            vars.insert(to.into(), value);
        }
        // A phi that nobody reads is not assigned.
        let read = |i: &u32| *i == 0 || *i == count - 1 || (0..count).any(|j| source(j) == *i);
        for i in (0..count).filter(read) {
            assert_eq!(vars[&format!("v_p{i}")], source(i), "{count}: {edge}");
        }
    }
}

#[test]
fn many_blocks_and_edges() {
    const COUNT: u32 = 30_000;
    let mut ir = String::from("define i32 @f(i32 %n) {\nstart:\n  switch i32 %n, label %x [\n");
    for i in 0..COUNT {
        let _ = writeln!(ir, "    i32 {i}, label %b{i}");
    }
    ir.push_str("  ]\n");
    let mut phi = String::from("  %r = phi i32 [ 0, %start ]");
    for i in 0..COUNT {
        let _ = writeln!(ir, "b{i}:\n  br label %x");
        let _ = write!(phi, ", [ {i}, %b{i} ]");
    }
    let _ = writeln!(ir, "x:\n{phi}\n  ret i32 %r\n}}");
    assert!(hppa(&ir).is_ok());
}

#[test]
fn parameters_without_names_are_numbered() {
    let types = vec!["i32"; 60].join(", ");
    let named = (0..60)
        .map(|i| format!("i32 %{i}"))
        .collect::<Vec<_>>()
        .join(", ");
    for params in [types, named] {
        // The entry block has the next number.
        let c = hppa(&format!(
            "define i32 @f({params}) {{\n  br label %61\n61:\n  %62 = phi i32 [ %59, %60 ], [ %62, %61 ]\n  %63 = icmp eq i32 %62, %45\n  br i1 %63, label %61, label %64\n64:\n  ret i32 %62\n}}\n"
        ))
        .unwrap();
        assert!(c.contains("v62 = v59; goto b61;"), "{c}");
    }
}

#[test]
fn depth_is_limited() {
    let deep = "{ ".repeat(100_000) + "i8" + &" }".repeat(100_000);
    let error = hppa(&format!("@g = external global {deep}\n")).unwrap_err();
    assert!(error.to_string().contains("nested too deeply"), "{error}");
    let error =
        hppa("%T = type { [2 x %U] }\n%U = type { %T }\n@g = external global %T\n").unwrap_err();
    assert!(error.to_string().contains("contains itself"), "{error}");
}

#[test]
fn output_appears_whole_or_not_at_all() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("whole");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let (good, bad, out) = (dir.join("good.ll"), dir.join("bad.ll"), dir.join("x.c"));
    std::fs::write(&good, format!("{LAYOUT}@x = global i32 1\n")).unwrap();
    std::fs::write(&bad, format!("{LAYOUT}@x = global i32 1\n@y = nonsense\n")).unwrap();
    let run = |input: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ll2c"));
        command
            .arg(input)
            .arg("-o")
            .arg(&out)
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!(run(&bad), Some(1));
    assert!(!out.exists());
    assert_eq!(run(&good), Some(0));
    let first = std::fs::File::open(&out).unwrap();
    let written = std::fs::read_to_string(&out).unwrap();
    assert!(written.contains("G_x"));
    assert_eq!(run(&bad), Some(1));
    assert_eq!(std::fs::read_to_string(&out).unwrap(), written);
    // Who has the old file open keeps it: the new one is another.
    std::fs::write(&good, format!("{LAYOUT}@other = global i32 1\n")).unwrap();
    assert_eq!(run(&good), Some(0));
    assert_eq!(std::io::read_to_string(first).unwrap(), written);
    assert!(std::fs::read_to_string(&out).unwrap().contains("G_other"));
    let left: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 3, "{left:?}");
    // A device is written to, not replaced.
    let null = Command::new(env!("CARGO_BIN_EXE_ll2c"))
        .arg(&good)
        .args(["-o", "/dev/null"])
        .status()
        .unwrap();
    assert!(null.success() && !Path::new("/dev/null").is_file());
}

#[test]
fn layouts_with_any_characters_are_answered() {
    for part in ["\u{e9}", "E-\u{e9}32", "E-p:32:32-\u{1f980}"] {
        let ir = format!("target datalayout = \"{part}\"\n");
        let subject = Subject::named("hppa").unwrap();
        let error = translate(&ir, &subject, &Options::default()).unwrap_err();
        assert!(error.to_string().contains("cannot read `"), "{error}");
    }
}

#[test]
fn text_that_looks_like_types_is_passed_over_once() {
    let ir = format!(";{}\n@x = global i32 1\n", " = type ".repeat(4 << 20));
    assert!(hppa(&ir).is_ok());
}

#[test]
fn chains_of_aliases_are_followed_once() {
    const COUNT: u32 = 200_000;
    let mut ir = String::from("@a0 = global [2 x i32] zeroinitializer\n");
    for i in 1..COUNT {
        let _ = writeln!(ir, "@a{i} = alias [2 x i32], ptr @a{}", i - 1);
    }
    assert!(hppa(&ir).is_ok());
}

#[test]
fn many_types_in_a_function() {
    let mut ir = String::from("define void @f(ptr %p) {\n");
    for i in 1..60_000 {
        let _ = writeln!(
            ir,
            "  %v{i} = load [{i} x i8], ptr %p\n  store [{i} x i8] %v{i}, ptr %p"
        );
    }
    assert!(hppa(&(ir + "  ret void\n}\n")).is_ok());
}

fn corpus() -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lowered");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    files.retain(|p| p.extension().is_some_and(|x| x == "ll"));
    assert!(!files.is_empty());
    files
        .iter()
        .map(|p| std::fs::read_to_string(p).unwrap())
        .collect()
}

/// Words, numbers, punctuation and the space between them.
fn tokens(text: &str) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    let mut last = ' ';
    for c in text.chars() {
        let word = |c: char| c.is_ascii_alphanumeric() || "%@!#._-$\"\\".contains(c);
        match list.last_mut() {
            Some(token) if word(c) && word(last) => token.push(c),
            _ => list.push(c.into()),
        }
        last = c;
    }
    list
}

const WORDS: &[&str] = &[
    "undef",
    "poison",
    "null",
    "zeroinitializer",
    "i1",
    "i8",
    "i24",
    "i32",
    "i64",
    "i65",
    "i128",
    "i129",
    "ptr",
    "float",
    "double",
    "void",
    "{}",
    "[0 x i8]",
    "[4294967296 x i8]",
    "{ i1, i24 }",
    "0",
    "-1",
    "1",
    "4294967295",
    "18446744073709551616",
    "0x7FF4000000000000",
    "%0",
    "@x",
    "label",
    "phi",
    "ret",
    "br",
    "call",
    "...",
    "align 3",
    "align 4294967296",
    "volatile",
    "<2 x i32>",
    "signext",
    "byval(i8)",
    "sret(i8)",
    "inreg",
    "thread_local",
    "asm",
    "blockaddress",
    "\u{e9}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Valid IR with tokens deleted, doubled, swapped or replaced, also by tokens of other files.
    #[test]
    fn damaged_tokens_are_answered(which in 0usize..100, other in 0usize..100, edits in prop::collection::vec((0u8..6, any::<u32>(), any::<u32>()), 1..5)) {
        static CORPUS: LazyLock<Vec<String>> = LazyLock::new(corpus);
        let corpus = &*CORPUS;
        let mut list = tokens(&corpus[which % corpus.len()]);
        let donor = tokens(&corpus[other % corpus.len()]);
        for (kind, a, b) in edits {
            if list.is_empty() {
                break;
            }
            let (n, at) = (list.len(), a as usize % list.len());
            match kind {
                0 => drop(list.remove(at)),
                1 => list.insert(at, list[b as usize % n].clone()),
                2 => list.swap(at, b as usize % n),
                3 => list[at] = donor[b as usize % donor.len()].clone(),
                4 => list[at] = WORDS[b as usize % WORDS.len()].into(),
                _ => {
                    // A line of another file.
                    let lines: Vec<&str> = corpus[other % corpus.len()].lines().collect();
                    list[at].push_str(&format!("\n{}\n", lines[b as usize % lines.len()]));
                }
            }
        }
        let _ = translate(&list.concat(), &Subject::named("hppa").unwrap(), &Options::default());
    }
}
