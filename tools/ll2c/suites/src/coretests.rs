// SPDX-License-Identifier: GPL-2.0-only
//! Rust's own tests of core and alloc. Each of their top modules is compiled alone, so that one that needs more than `std.rs`
//! has (files, locks) or that ll2c refuses does not take the others with it.

use crate::Tools;
use crate::crates;
use crate::row::{Row, Verdict, reasons};
use crate::rust::{LARGE, Places, Side, library};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// GCC's levels; rustc's is 2.
pub const LEVELS: &[&str] = &["-O1", "-O2"];

/// Modules of alloc's tests that others use.
const HELPERS: &[&str] = &["testing"];

/// Features of std, which `std.rs` does not have.
const OF_STD: &[&str] = &["panic_update_hook"];

/// A module of tests.
#[derive(Debug)]
struct Module {
    /// `core` or `alloc`, and the module's name.
    name: (String, String),
    /// The text of the crate that it is alone in.
    text: String,
    /// How often its source says `#[test]`.
    tests: usize,
}

/// How often the source of a module says `#[test]`. Tests that macros make are not seen.
fn written(dir: &Path, name: &str) -> io::Result<usize> {
    let name = name.strip_prefix("r#").unwrap_or(name);
    let file = dir.join(format!("{name}.rs"));
    let mut left = vec![if file.exists() { file } else { dir.join(name) }];
    let mut count = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                left.push(entry?.path());
            }
        } else {
            let text = fs::read_to_string(path)?;
            count += text.lines().filter(|l| l.trim() == "#[test]").count();
        }
    }
    Ok(count)
}

/// The modules of one crate's tests.
fn modules(library: &Path, of: &str) -> io::Result<Vec<Module>> {
    let dir = library.join(of).join("tests");
    let lib = fs::read_to_string(dir.join("lib.rs"))?;
    // A file of that folder is the root of each module's crate, as lib.rs is of all: there rustc looks for the modules.
    let declared = |line: &str| -> Option<String> {
        let name = line.strip_prefix("mod ")?.strip_suffix(';')?;
        Some(name.to_owned())
    };
    let names: Vec<String> = lib.lines().filter_map(declared).collect();
    let with = |name: &str| {
        let mut text = String::from(
            "#![feature(custom_test_frameworks)]\n#![reexport_test_harness_main = \"test_main\"]\n#![no_main]\n#![allow(unused_attributes)]\n",
        );
        for line in lib.lines() {
            match declared(line) {
                Some(m) if m == name || HELPERS.contains(&m.as_str()) => {
                    text += &format!("mod {m};\n");
                }
                Some(_) => {}
                None if OF_STD.iter().any(|f| line == format!("#![feature({f})]")) => {}
                None => text += &format!("{line}\n"),
            }
        }
        text += "extern crate pre;\n#[unsafe(no_mangle)]\npub extern \"C\" fn run() {\n    test_main();\n}\n";
        text
    };
    names
        .iter()
        .filter(|n| !HELPERS.contains(&n.as_str()))
        .map(|n| {
            Ok(Module {
                name: (of.to_owned(), n.clone()),
                text: with(n),
                tests: written(&dir, n)?,
            })
        })
        .collect()
}

/// What the tests are linked with on one side.
struct Bench<'a> {
    side: Side<'a>,
    objects: Vec<PathBuf>,
    deps: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(tools: &'a Tools, places: &'a Places, subject: bool, gcc: &str) -> io::Result<Self> {
        let side = Side::new(tools, places, subject)?;
        let deps = crates::build(&side, "release", &["pre".into(), "random".into()])?;
        // Only what these two need; other crates may be there from before.
        let needed = ["pre", "rand", "rand_core", "rand_xorshift"];
        let wanted = |name: &str| needed.contains(&name);
        let (made, missing) = crates::objects(&side, &deps, gcc, &wanted)?;
        if let Some((name, verdict)) = missing.first() {
            return Err(io::Error::other(format!("{name}: {verdict:?}")));
        }
        let mut objects: Vec<PathBuf> = made.into_iter().map(|(_, path)| path).collect();
        let support = places.support.display().to_string();
        for name in ["test", "std"] {
            let emit = if subject { "llvm-ir" } else { "obj" };
            let file = if subject { "ll" } else { "o" };
            side.rustc(&[
                "--crate-type",
                "rlib",
                "--edition",
                "2021",
                "-Copt-level=2",
                "--crate-name",
                name,
                &format!("--emit=link=lib{name}.rlib,{emit}={name}.{file}"),
                &format!("{support}/{name}.rs"),
            ])?;
            let object = side.object(&side.dir.join(name), gcc)?;
            objects.push(object.map_err(|v| io::Error::other(format!("{name}: {v:?}")))?);
        }
        objects.extend(side.libraries_objects()?);
        Ok(Self {
            side,
            objects,
            deps,
        })
    }

    /// The rlib of a crate that cargo built.
    fn built(&self, name: &str) -> io::Result<String> {
        for entry in fs::read_dir(&self.deps)? {
            let path = entry?.path();
            let file = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if file.starts_with(&format!("lib{name}-")) && file.ends_with(".rlib") {
                return Ok(path.display().to_string());
            }
        }
        Err(io::Error::other(format!("cargo made no {name}")))
    }

    /// A folder in which the tests of a crate are found as in their own, which can't be written to.
    fn tests(&self, of: &str) -> io::Result<PathBuf> {
        let dir = self.side.dir.join(format!("tests-{of}"));
        fs::create_dir_all(&dir)?;
        for entry in fs::read_dir(library(&self.side.tools.work)?.join(of).join("tests"))? {
            let entry = entry?;
            match symlink(entry.path(), dir.join(entry.file_name())) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                _ => {}
            }
        }
        Ok(dir)
    }

    /// What a module's tests print; none if they don't compile, and why.
    fn run(&self, module: &Module, gcc: &str) -> io::Result<Result<String, Verdict>> {
        let name = format!("{}_{}", module.name.0, module.name.1);
        let tests = self.tests(&module.name.0)?;
        let source = tests.join(format!("{name}.rs"));
        fs::write(&source, &module.text)?;
        let (emit, file) = if self.side.subject {
            ("llvm-ir", "ll")
        } else {
            ("obj", "o")
        };
        let mut args = vec![
            "--test".to_owned(),
            "-Zpanic_abort_tests".into(),
            "--edition".into(),
            "2021".into(),
            "-Copt-level=2".into(),
            "--crate-name".into(),
            name.clone(),
            format!("--emit={emit}={name}.{file}"),
            "--extern".into(),
            "std=libstd.rlib".into(),
            "--extern".into(),
            "test=libtest.rlib".into(),
            "-L".into(),
            format!("dependency={}", self.deps.display()),
        ];
        // cargo gives the tests of a library that library.
        args.extend(["--extern".into(), module.name.0.clone()]);
        for krate in ["pre", "rand", "rand_xorshift"] {
            args.extend(["--extern".into(), format!("{krate}={}", self.built(krate)?)]);
        }
        args.push(source.display().to_string());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        if let Err(e) = self.side.rustc(&args) {
            return Ok(Err(Verdict::NotApplicable(e.to_string())));
        }
        let object = match self.side.object(&self.side.dir.join(&name), gcc)? {
            Ok(object) => object,
            Err(verdict) => return Ok(Err(verdict)),
        };
        let mut objects: Vec<&Path> = vec![&object];
        objects.extend(self.objects.iter().map(PathBuf::as_path));
        Ok(match self.side.program(&name, &objects, LARGE)? {
            Ok(ended) => Ok(ended.out),
            Err(reason) => Err(Verdict::Wrong(format!("link: {reason}"))),
        })
    }
}

/// What the tests of a module printed.
#[derive(Debug, Default)]
struct Results {
    /// All tests that were compiled, from lines `has NAME`.
    has: BTreeSet<String>,
    /// Results by test, from lines `test NAME: RESULT`. A test that took the program with it has none, nor have those after it.
    results: BTreeMap<String, String>,
}

fn results(text: &str, module: &str) -> Results {
    let of_module = |test: &str| {
        let top = test.split("::").next().unwrap_or_default();
        top.strip_prefix("r#").unwrap_or(top) == module
    };
    let has = text.lines().filter_map(|line| line.strip_prefix("has "));
    let has = has.filter(|test| of_module(test));
    let results = text
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.split_once(": "))
        // What a panic says follows the name, too.
        .filter(|(test, result)| of_module(test) && matches!(*result, "ok" | "FAILED" | "ignored"));
    Results {
        has: has.map(str::to_owned).collect(),
        results: results
            .map(|(test, result)| (test.to_owned(), result.to_owned()))
            .collect(),
    }
}

/// Runs the tests; a row for each crate and level.
///
/// # Errors
/// A tool can't be started, or what the tests need can't be built.
pub fn all(
    tools: &Tools,
    places: &Places,
    only: &[String],
    levels: &[&'static str],
) -> io::Result<Vec<Row>> {
    let library = library(&tools.work)?;
    // GCC has no part in what LLVM compiles.
    let reference = Bench::new(tools, places, false, LEVELS[0])?;
    let subjects = levels
        .iter()
        .map(|gcc| Ok((*gcc, Bench::new(tools, places, true, gcc)?)))
        .collect::<io::Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    for of in ["core", "alloc"] {
        let list: Vec<Module> = modules(&library, of)?
            .into_iter()
            .filter(|m| only.is_empty() || only.contains(&format!("{}::{}", m.name.0, m.name.1)))
            .collect();
        if list.is_empty() {
            continue;
        }
        let wanted: Vec<_> = list
            .par_iter()
            .map(|m| Ok((m, reference.run(m, LEVELS[0])?)))
            .collect::<io::Result<_>>()?;
        for (gcc, subject) in &subjects {
            rows.push(row(tools, of, &wanted, subject, gcc)?);
        }
    }
    Ok(rows)
}

/// What the subject makes of what the reference printed for each module.
fn row(
    tools: &Tools,
    of: &str,
    wanted: &[(&Module, Result<String, Verdict>)],
    subject: &Bench<'_>,
    gcc: &str,
) -> io::Result<Row> {
    let mut row = Row {
        suite: "coretests".into(),
        subject: tools.subject.page.clone(),
        levels: format!("rustc -O2, gcc {gcc}"),
        unit: format!("tests of {of}"),
        ..Row::default()
    };
    let ran: Vec<_> = wanted
        .par_iter()
        .map(|(m, want)| match want {
            Ok(want) => Ok((m, Ok((want, subject.run(m, gcc)?)))),
            // What does not compile for one rustc does not for the other.
            Err(verdict) => Ok((m, Err(verdict))),
        })
        .collect::<io::Result<_>>()?;
    let mut refused = Vec::new();
    for (module, outcome) in ran {
        let name = format!("{of}::{}", module.name.1);
        let (want, got) = match outcome {
            Ok(pair) => pair,
            Err(verdict) => {
                let tests = module.tests;
                println!("coretests: {name}: {tests} tests are not run: {verdict:?}");
                row.not_applicable += tests;
                continue;
            }
        };
        let want = results(want, &module.name.1);
        let verdicts = judge(&want, got.as_ref().map(|t| results(t, &module.name.1)));
        for (test, verdict) in &verdicts {
            row.add(verdict);
            match verdict {
                Verdict::Wrong(reason) => println!("coretests: {of} {test}: wrong: {reason}"),
                Verdict::Refused(reason) => refused.push(reason.clone()),
                Verdict::NotApplicable(reason) => println!("coretests: {of} {test}: {reason}"),
                Verdict::Right => {}
            }
        }
        let right = verdicts.values().filter(|v| **v == Verdict::Right).count();
        println!(
            "coretests, {}: {name}: {} tests, {right} right",
            row.levels,
            verdicts.len()
        );
    }
    for (n, reason) in reasons(refused.iter().map(String::as_str)) {
        println!("  refused {n:4}: {reason}");
    }
    Ok(row)
}

/// A verdict for each test that the reference has.
fn judge(want: &Results, got: Result<Results, &Verdict>) -> BTreeMap<String, Verdict> {
    let no_end = "it did not come to an end";
    let all = want.has.iter().chain(want.results.keys());
    all.map(|test| {
        let verdict = match (want.results.get(test).map(String::as_str), &got) {
            (Some("ok"), Err(verdict)) => (*verdict).clone(),
            (Some("ok"), Ok(got)) if !got.has.contains(test) => {
                Verdict::NotApplicable("it is not for the subject".into())
            }
            (Some("ok"), Ok(got)) => match got.results.get(test).map(String::as_str) {
                Some("ok") => Verdict::Right,
                Some(other) => Verdict::Wrong(other.to_owned()),
                None => Verdict::Wrong(no_end.into()),
            },
            (other, _) => {
                let other = other.unwrap_or(no_end);
                Verdict::NotApplicable(format!("the reference: {other}"))
            }
        };
        (test.clone(), verdict)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_ends_the_program_has_no_result() {
        let text = "has any::a\nhas any::b\nhas any::d\ntest any::a: ok\ntest any::b: panic: x: y\nFAILED\n\
            test num::c: ok\ntest any::d: ";
        let found = results(text, "any");
        assert_eq!(found.results.len(), 1);
        assert_eq!(found.results["any::a"], "ok");
        let want = Results {
            has: ["any::a".to_owned(), "any::f".to_owned()].into(),
            results: [
                ("any::a", "ok"),
                ("any::b", "ok"),
                ("any::c", "FAILED"),
                ("any::e", "ok"),
            ]
            .map(|(n, r)| (n.to_owned(), r.to_owned()))
            .into(),
        };
        let verdicts = judge(&want, Ok(found));
        assert_eq!(verdicts["any::a"], Verdict::Right);
        assert!(matches!(verdicts["any::b"], Verdict::Wrong(_)));
        assert!(matches!(verdicts["any::c"], Verdict::NotApplicable(_)));
        assert!(matches!(verdicts["any::e"], Verdict::NotApplicable(_)));
        // The reference has it and did not come to it.
        assert!(matches!(verdicts["any::f"], Verdict::NotApplicable(_)));
    }

    #[test]
    fn tests_of_a_module_are_counted_in_all_its_files() {
        let dir = std::env::temp_dir().join(format!("coretests-{}", std::process::id()));
        fs::create_dir_all(dir.join("two/deep")).expect("a folder");
        let text = "#[test]\nfn a() {}\n    #[test]\nfn b() {}\n// #[test] is no test\n";
        for file in ["one.rs", "two/mod.rs", "two/deep/x.rs"] {
            fs::write(dir.join(file), text).expect("a file");
        }
        assert_eq!(written(&dir, "one").expect("files"), 2);
        assert_eq!(written(&dir, "two").expect("files"), 4);
        fs::remove_dir_all(dir).expect("it is there");
    }
}
