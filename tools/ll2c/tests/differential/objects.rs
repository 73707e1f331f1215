// SPDX-License-Identifier: GPL-2.0-only
//! What is seen in object files: source lines, and what they ask of the environment.

use crate::atomics;
use crate::ops::Suite;
use crate::rust::Side;
use crate::toolchain::{SUBJECTS, Toolchain, levels};
use std::collections::BTreeSet;
use std::path::Path;

/// `file:line` of every line of a source that ends in `// @name`.
fn marked(source: &str, name: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/differential/programs")
            .join(source),
    )
    .expect("a source");
    let mark = format!("// @{name}");
    text.lines()
        .zip(1..)
        .filter(|(l, _)| l.ends_with(&mark))
        .map(|(_, n)| format!("{source}:{n}"))
        .collect()
}

/// addr2line names the function of a Rust source and its line, and for each instruction the line it comes from, inlined or not.
pub fn lines(tc: &Toolchain) {
    let s = &SUBJECTS[0];
    let side = Side::subject(tc, s);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/programs/lines.rs");
    let main = tc.write("lines.main.c", "extern unsigned outer(unsigned *);\nint main(void) { unsigned n[3] = { 7 }; return outer(n) != 14; }\n");
    let (_, core) = side.core();
    for level in levels() {
        let stem = side.compile("lines", &source, &["-Cdebuginfo=line-tables-only"], level);
        for c_level in levels() {
            let object = side.object(&stem, c_level, &["-g"]);
            let exe = "./lines.exe";
            tc.run(&[&[s.gcc, &*main, &object, &core], s.link, &["-o", exe]].concat());
            tc.run(&[s.qemu, &[exe]].concat());
            for (function, sources) in [
                ("outer", &["lines.rs", "lines_inlined.rs"][..]),
                ("opaque", &["lines.rs"]),
            ] {
                let table = tc.run(&["hppa-linux-gnu-nm", "-S", exe]);
                let (start, size) = table
                    .lines()
                    .find_map(|l| {
                        let words: Vec<&str> = l.split_whitespace().collect();
                        let [start, size, _, name] = words[..] else {
                            return None;
                        };
                        let hex = |n| u32::from_str_radix(n, 16).ok();
                        (name == function).then(|| Some((hex(start)?, hex(size)?)))?
                    })
                    .unwrap_or_else(|| panic!("no symbol {function} in\n{table}"));
                let addresses: Vec<String> = (start..start + size)
                    .step_by(4)
                    .map(|a| format!("{a:#x}"))
                    .collect();
                let mut words = vec!["hppa-linux-gnu-addr2line", "-f", "-e", exe];
                words.extend(addresses.iter().map(String::as_str));
                let told = tc.run(&words);
                let told: Vec<&str> = told.lines().collect();
                let at = |n: usize| {
                    told[n]
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .split(' ')
                        .next()
                        .unwrap_or_default()
                };
                // Names and places alternate. GCC inlines too, and then the name is that of what it inlined.
                assert_eq!(told[0], function, "{level} {c_level}");
                assert!(
                    at(1).starts_with("lines.rs:"),
                    "{function} starts at {}",
                    at(1)
                );
                let places: BTreeSet<String> = (1..told.len())
                    .step_by(2)
                    .map(|n| at(n).to_owned())
                    .collect();
                let wanted: BTreeSet<String> =
                    sources.iter().flat_map(|s| marked(s, function)).collect();
                assert!(!wanted.is_empty());
                let missing: Vec<&String> = wanted.difference(&places).collect();
                // Optimising, GCC may count a load to the line that uses it.
                let exact = c_level == "-O0" || (level, c_level) == ("-O2", "-O2");
                assert!(
                    missing.is_empty() || !exact && missing.len() < wanted.len(),
                    "{function}, rustc {level}, gcc {c_level}: no instruction of {missing:?}, only of {places:?}"
                );
                let strange: Vec<&String> = places.iter().filter(|p| !p.contains(".rs:")).collect();
                assert!(
                    strange.is_empty(),
                    "{function}, rustc {level}, gcc {c_level}: {strange:?}"
                );
                if (level, c_level) == ("-O2", "-O2") {
                    println!(
                        "{function} starts at {}; its instructions are of {places:?}",
                        at(1)
                    );
                }
            }
        }
    }
}

/// In the kernel, the kernel's own functions are all that atomics need.
pub fn kernel_atomics(tc: &Toolchain) {
    let mut suite = Suite::default();
    atomics::build(&mut suite);
    let ll = tc.write("kernel_atomics.ll", &suite.module(crate::toolchain::BE));
    let c = tc.translate(&ll, "kernel_atomics.c", "hppa-kernel", &[]);
    for level in levels() {
        tc.run(&[
            "hppa-linux-gnu-gcc",
            level,
            "-w",
            "-ffreestanding",
            "-c",
            &c,
            "-o",
            "kernel_atomics.o",
        ]);
        let undefined = tc.run(&["hppa-linux-gnu-nm", "-u", "-j", "kernel_atomics.o"]);
        let undefined: BTreeSet<&str> = undefined.split_whitespace().collect();
        assert_eq!(
            undefined,
            BTreeSet::from(["__cmpxchg_u16", "__cmpxchg_u32", "__cmpxchg_u8"]),
            "{level}"
        );
    }
    println!(
        "{} functions call __cmpxchg_u8, __cmpxchg_u16, __cmpxchg_u32 and nothing else",
        suite.count
    );
}

/// A loop without an end or an effect stays, though C compilers may take it that each loop ends.
pub fn endless_loops(tc: &Toolchain) {
    let body = "  br label %l\nl:\n  %i = phi i32 [ %n, %0 ], [ %j, %l ]\n  %j = xor i32 %i, 1\n  %c = icmp eq i32 %j, 77777\n  br i1 %c, label %x, label %l\nx:\n  ret i32 %j\n";
    let ir = format!(
        "target datalayout = \"{}\"\ndefine internal i32 @hang(i32 %n) {{\n{body}}}\ndefine i32 @run(i32 %n) {{\n  %r = call i32 @hang(i32 %n)\n  ret i32 7\n}}\n",
        crate::toolchain::BE
    );
    let main = "extern unsigned run(unsigned);\nint main(int n, char **v) { return run(n) == 7 ? 3 : 4; }\n";
    for s in SUBJECTS.iter().filter(|s| s.name == "hppa") {
        let ll = tc.write("endless.ll", &ir);
        let c = tc.translate(&ll, "endless.c", s.page, s.options);
        let main = tc.write("endless.main.c", main);
        for level in levels() {
            tc.run(
                &[
                    &[s.gcc, level, "-w", &c, &main],
                    s.link,
                    &["-o", "./endless.exe"],
                ]
                .concat(),
            );
            let run = format!(
                "timeout 1 {} ./endless.exe; test $? = 124",
                s.qemu.join(" ")
            );
            tc.run(&["sh", "-c", &run]);
        }
    }
}

/// What `tests/lowered` becomes is C for GCC, also as C23, with fused multiplication and at every level.
pub fn lowered(tc: &Toolchain) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lowered");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .expect("a folder")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|x| x == "ll"))
        .collect();
    files.sort();
    let mut compiled = 0;
    for path in &files {
        let s = &SUBJECTS[0];
        let ir = tc.write("lowered.ll", &std::fs::read_to_string(path).expect("IR"));
        let c = tc.translate(&ir, "lowered.c", s.page, s.options);
        for level in levels() {
            for more in ["-std=gnu17", "-std=gnu23", "-march=2.0"] {
                tc.run(&[s.gcc, level, more, "-w", "-c", &c, "-o", "lowered.o"]);
                compiled += 1;
            }
        }
        if path.ends_with("placement.ll") {
            let sections = tc.run(&["hppa-linux-gnu-objdump", "-h", "lowered.o"]);
            assert!(sections.contains(" odd\" name\\^A "), "{sections}");
            let code = tc.run(&["hppa-linux-gnu-objdump", "-d", "lowered.o"]);
            assert!(!code.contains("fmpyfadd"), "{code}");
        }
    }
    assert!(compiled > 0);
    println!("{} files compiled in {compiled} ways", files.len());
}

/// GCC's names of functions that it knows are all in the list that the names in C are compared with.
pub fn builtins(tc: &Toolchain) {
    let known: BTreeSet<&str> = include_str!("../../support/builtins.txt").lines().collect();
    for s in SUBJECTS {
        let cc1 = tc.run(&[s.gcc, "-print-prog-name=cc1"]);
        let words = tc.run(&["strings", "-a", cc1.trim()]);
        let names: BTreeSet<&str> = words
            .lines()
            .filter_map(|l| l.strip_prefix("__builtin_"))
            .filter(|n| n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
            .filter(|n| !n.is_empty() && !n.as_bytes()[0].is_ascii_digit())
            .collect();
        // A declaration that no function of C has: GCC says which of the names it knows.
        let mut c = String::from("struct odd { int a[9]; };\n");
        for name in &names {
            c += &format!("struct odd {name}(struct odd);\n");
        }
        let c = tc.write("builtins.c", &c);
        let command = format!(
            "LC_ALL=C {} -std=gnu17 -fsyntax-only {c} 2>&1 | sed -n \"s/.*conflicting types for built-in function '\\([^']*\\)'.*/\\1/p\"",
            s.gcc
        );
        let told = tc.run(&["sh", "-c", &command]);
        // Names that C leaves to the compiler are never written as they are.
        let missing: Vec<&str> = told
            .lines()
            .filter(|n| !n.starts_with("__") && *n != "_Exit" && !known.contains(n))
            .collect();
        assert!(told.lines().count() > 500, "{}: {command}", s.name);
        assert!(missing.is_empty(), "{}: {missing:?}", s.name);
    }
}

/// What a page says of C is what the subject's compiler does, but for what the page says that it does not.
pub fn pages(tc: &Toolchain) {
    // GCC for m68k aligns nothing to more than 2 bytes, but LLVM does.
    let differs =
        |page: &str, c: &str| page == "m68k" && matches!(c, "long long" | "float" | "double");
    for s in SUBJECTS {
        let page = ll2c::Subject::named(s.page).expect("the subject's page");
        let l = &page.layout;
        let order = if l.big_endian { "BIG" } else { "LITTLE" };
        let mut c = format!(
            "#if !defined({}) || __BYTE_ORDER__ != __ORDER_{order}_ENDIAN__ || __SIZEOF_POINTER__ != {}\n#error \"the machine\"\n#endif\n\
             _Static_assert(sizeof(struct {{ char c; }}) == {}, \"the size of a struct\");\n",
            page.macro_name, l.ptr_size, page.struct_round
        );
        for (t, align) in [
            ("char", l.int_align(8)),
            ("short", l.int_align(16)),
            ("int", l.int_align(32)),
            ("long long", l.int_align(64)),
            ("void *", l.ptr_align),
            ("float", l.float_align),
            ("double", l.double_align),
        ] {
            let is = if differs(s.page, t) { "!=" } else { "==" };
            c += &format!(
                "_Static_assert(__builtin_offsetof(struct {{ char c; {t} x; }}, x) {is} {align}, \"the alignment of {t}\");\n"
            );
        }
        let c = tc.write(&format!("page.{}.c", s.name), &c);
        tc.run(&[&[s.gcc], s.machine, &["-std=gnu17", "-fsyntax-only", &c]].concat());
        let ask = ["-std=gnu17", "-E", "-dM", "-xc", "/dev/null"];
        let told = tc.run(&[&[s.gcc], s.machine, &ask].concat());
        let macros = told.lines().filter_map(|l| l.split(' ').nth(1));
        for name in macros.filter(|name| !name.starts_with('_')) {
            let known = page.macros.iter().any(|m| m == name);
            assert!(known, "{}: the page lacks the macro {name}", s.name);
        }
    }
}
