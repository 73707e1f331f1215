// SPDX-License-Identifier: GPL-2.0-only
//! GCC's own execution tests, `gcc.c-torture/execute`: programs that exit with 0 if all is right and abort if it is not.
//!
//! clang makes IR of them for the stand-in, ll2c makes C of that, the subject's GCC a program. A test that does not come out
//! right is tried with GCC directly and with clang for a machine that it knows: if either fails too, the test says nothing of
//! ll2c (extensions that clang lacks, undefined behaviour, another int or libc than the test wants).

use crate::Tools;
use crate::row::Verdict;
use crate::run::{self, COMPILE, PROGRAM, Status, words};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// clang's level and GCC's.
pub const LEVELS: &[(&str, &str)] = &[
    ("-O0", "-O2"),
    ("-O1", "-O1"),
    ("-O2", "-O2"),
    ("-Os", "-O0"),
];

/// What both compilers are told, so that C of the eighties is accepted.
const LENIENT: &[&str] = &[
    "-w",
    "-std=gnu17",
    "-Wno-implicit-int",
    "-Wno-implicit-function-declaration",
    "-Wno-int-conversion",
    "-Wno-incompatible-pointer-types",
    "-Wno-return-mismatch",
];

/// The same in clang's words. Vectors are in the IR where the source has them.
const CLANG: &[&str] = &[
    "-w",
    "-std=gnu17",
    "-Wno-error=implicit-int",
    "-Wno-error=implicit-function-declaration",
    "-Wno-error=int-conversion",
    "-Wno-error=incompatible-function-pointer-types",
    "-Wno-error=return-type",
    "-fno-vectorize",
    "-fno-slp-vectorize",
];

/// One test.
#[derive(Debug)]
pub struct Test {
    /// Its name below the folder, without `.c`.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What it wants the compiler to be told.
    pub options: Vec<String>,
}

/// The tests in a folder: those of one file, the floating point ones of `ieee` among them.
///
/// # Errors
/// The folder can't be read, or has no tests.
pub fn tests(source: &Path) -> io::Result<Vec<Test>> {
    let mut tests = Vec::new();
    for (dir, prefix) in [(source.to_owned(), ""), (source.join("ieee"), "ieee/")] {
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            let (Some("c"), Some(stem)) = (
                path.extension().and_then(|e| e.to_str()),
                path.file_stem().and_then(|s| s.to_str()),
            ) else {
                continue;
            };
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            tests.push(Test {
                name: format!("{prefix}{stem}"),
                options: options(&text),
                path,
            });
        }
    }
    tests.sort_by(|a, b| a.name.cmp(&b.name));
    if tests.is_empty() {
        return Err(io::Error::other(format!(
            "no tests in {}",
            source.display()
        )));
    }
    Ok(tests)
}

/// The options in a test's `dg-options` and `dg-additional-options`, less those for certain targets.
fn options(text: &str) -> Vec<String> {
    let mut list = Vec::new();
    for line in text.lines() {
        let Some(rest) = ["dg-options", "dg-additional-options"]
            .iter()
            .find_map(|k| line.split_once(k))
        else {
            continue;
        };
        let mut parts = rest.1.splitn(3, '"');
        let (Some(_), Some(flags), Some(after)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if after.contains("target") && !after.contains("*-*-*") {
            continue;
        }
        list.extend(flags.split_whitespace().map(str::to_owned));
    }
    list
}

/// What became of every test at every pair of levels.
pub type Results = BTreeMap<At, Verdict>;

/// A test, clang's level and GCC's.
pub type At = (String, &'static str, &'static str);

/// Runs tests.
///
/// # Errors
/// A tool can't be started or a file not be written.
pub fn all(
    tools: &Tools,
    tests: &[Test],
    levels: &[(&'static str, &'static str)],
) -> io::Result<Results> {
    let lists: Vec<_> = tests
        .par_iter()
        .map(|test| one(tools, test, levels))
        .collect::<io::Result<_>>()?;
    Ok(lists.into_iter().flatten().collect())
}

fn one(
    tools: &Tools,
    test: &Test,
    levels: &[(&'static str, &'static str)],
) -> io::Result<Vec<(At, Verdict)>> {
    let dir = tools.work.join("c-torture").join(&test.name);
    std::fs::create_dir_all(&dir)?;
    let run = Run {
        tools,
        test,
        dir: &dir,
    };
    let mut translated: BTreeMap<&str, Result<String, Verdict>> = BTreeMap::new();
    let mut results = Vec::new();
    for &(clang, gcc) in levels {
        if !translated.contains_key(clang) {
            translated.insert(clang, run.translate(clang, &[])?);
        }
        let mut verdict = match &translated[clang] {
            Ok(c) => run.execute(c, clang, gcc)?,
            Err(verdict) => verdict.clone(),
        };
        if verdict != Verdict::Right
            && let Some(reason) = run.baselines(clang, gcc)?
        {
            verdict = Verdict::NotApplicable(reason);
        }
        results.push(((test.name.clone(), clang, gcc), verdict));
    }
    // What went wrong can be looked at.
    if !results.iter().any(|(_, v)| matches!(v, Verdict::Wrong(_))) {
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(results)
}

struct Run<'a> {
    tools: &'a Tools,
    test: &'a Test,
    dir: &'a Path,
}

impl Run<'_> {
    fn source(&self) -> String {
        self.test.path.display().to_string()
    }

    /// The test as C of ll2c's; clang is told `more`.
    fn translate(&self, level: &str, more: &[String]) -> io::Result<Result<String, Verdict>> {
        let ll = format!("t{level}.ll");
        let argv = words(
            &[&["clang-19".into()], self.tools.subject.clang()?],
            &[CLANG, &[level, "-S", "-emit-llvm", "-o", &ll]].concat(),
        );
        let argv = words(&[&argv, &self.test.options, more, &[self.source()]], &[]);
        let ended = run::run(self.dir, COMPILE, &argv)?;
        if !ended.ok() {
            let reason = format!("clang for the stand-in: {}", ended.complaint());
            return Ok(Err(Verdict::Refused(reason)));
        }
        self.tools.translate(self.dir, &ll)
    }

    /// Compiles ll2c's C and runs the program.
    fn execute(&self, c: &str, clang: &str, gcc: &str) -> io::Result<Verdict> {
        let exe = format!("./t{clang}{gcc}.exe");
        let s = &self.tools.subject;
        let argv = words(&[&s.gcc, &s.link], &["-w", gcc, c, "-o", &exe, "-lm"]);
        let ended = run::run(self.dir, COMPILE, &argv)?;
        if !ended.ok() {
            return Ok(Verdict::Wrong(format!("GCC: {}", ended.complaint())));
        }
        let ended = run::run(self.dir, PROGRAM, &words(&[&s.run], &[&exe]))?;
        Ok(if ended.ok() {
            Verdict::Right
        } else {
            let last = ended.out.lines().last().unwrap_or_default();
            Verdict::Wrong(format!("{} {last}", ended.status))
        })
    }

    /// Why the test says nothing of ll2c, if that is so.
    fn baselines(&self, clang: &str, gcc: &str) -> io::Result<Option<String>> {
        let (s, r) = (&self.tools.subject, &self.tools.subject.reference);
        let argv = words(
            &[&s.gcc, &s.link, &self.test.options, &[self.source()]],
            &[LENIENT, &[gcc, "-o", "./gcc.exe", "-lm"]].concat(),
        );
        if let Some(reason) = self.fails(&argv, &words(&[&s.run], &["./gcc.exe"]))? {
            return Ok(Some(format!("GCC's own: {reason}")));
        }
        let argv = words(
            &[&["clang-19".into()], &r.clang],
            &[CLANG, &[clang, "-c", "-o", "clang.o"]].concat(),
        );
        let argv = words(&[&argv, &self.test.options, &[self.source()]], &[]);
        let ended = run::run(self.dir, COMPILE, &argv)?;
        if !ended.ok() {
            return Ok(Some(format!("clang's own: {}", ended.complaint())));
        }
        let argv = words(&[&r.gcc], &["clang.o", "-o", "./clang.exe", "-lm"]);
        if let Some(reason) = self.fails(&argv, &words(&[&r.run], &["./clang.exe"]))? {
            return Ok(Some(format!("clang's own: {reason}")));
        }
        self.readings(clang, gcc)
    }

    /// What clang for the stand-in and GCC read differently in the source, if that is what makes the difference: GCC's own program
    /// fails without the attributes that clang does not know, or ll2c's is right if `aligned` without a number is GCC's number.
    fn readings(&self, clang: &str, gcc: &str) -> io::Result<Option<String>> {
        let s = &self.tools.subject;
        let stand_in = s.clang()?;
        let ask = |source: &str, what: &[&str]| {
            let argv = words(&[&["clang-19".into()], stand_in], what);
            let argv = words(&[&argv, &self.test.options], &["-std=gnu17", source]);
            run::run(self.dir, COMPILE, &argv)
        };
        let build = |source: &str, more: &[String]| {
            let argv = words(&[&s.gcc, &s.link, &self.test.options, more], LENIENT);
            let argv = words(&[&argv], &[gcc, source, "-o", "./reading.exe", "-lm"]);
            run::run(self.dir, COMPILE, &argv)
        };
        let run_it = || run::run(self.dir, PROGRAM, &words(&[&s.run], &["./reading.exe"]));

        let warn = ["-fsyntax-only", "-Wno-everything", "-Wunknown-attributes"];
        let unknown = unknown_attributes(&ask(&self.source(), &warn)?.err);
        if !unknown.is_empty() {
            let without: Vec<String> = unknown.iter().map(|a| format!("-D{a}=")).collect();
            // What can't be compiled so says nothing.
            if build(&self.source(), &without)?.ok() && !run_it()?.ok() {
                let names = unknown.join(", ");
                return Ok(Some(format!("GCC's own fails without {names}")));
            }
        }

        std::fs::write(self.dir.join("aligned.c"), ALIGNED)?;
        let theirs = most_aligned(&ask("aligned.c", &["-O1", "-S", "-emit-llvm", "-o", "-"])?.out);
        build("aligned.c", &[])?;
        let (Some(theirs), Status::Exit(ours)) = (theirs, run_it()?.status) else {
            return Ok(None);
        };
        if theirs == ours {
            return Ok(None);
        }
        let more = [format!("-Daligned=aligned({ours})")];
        Ok(match self.translate(clang, &more)? {
            Ok(c) if self.execute(&c, clang, gcc)? == Verdict::Right => Some(format!(
                "aligned is {theirs} for the stand-in and {ours} for GCC: right with {ours}"
            )),
            _ => None,
        })
    }

    /// Why a program can't be built or does not exit with 0.
    fn fails(&self, build: &[String], run_it: &[String]) -> io::Result<Option<String>> {
        let built = run::run(self.dir, COMPILE, build)?;
        if !built.ok() {
            return Ok(Some(built.complaint()));
        }
        let ended = run::run(self.dir, PROGRAM, run_it)?;
        Ok((!ended.ok()).then(|| ended.status.to_string()))
    }
}

/// The attributes that clang says it ignores.
fn unknown_attributes(warnings: &str) -> Vec<String> {
    let mut list: Vec<String> = warnings
        .lines()
        .filter_map(|line| line.split_once("unknown attribute '")?.1.split_once('\''))
        .map(|(name, _)| name.to_owned())
        .collect();
    list.sort();
    list.dedup();
    list
}

/// Asks what `aligned` without a number means.
const ALIGNED: &str = "struct s { char c __attribute__((aligned)); };\n\
                       int main(void) { return __alignof__(struct s); }\n";

/// The answer, in clang's IR of that.
fn most_aligned(ir: &str) -> Option<i32> {
    ir.lines()
        .find_map(|line| line.trim().strip_prefix("ret i32 "))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clang_does_not_keep_is_read_from_clang() {
        let said = "a.c:4:62: warning: unknown attribute 'noipa' ignored [-Wunknown-attributes]\n\
                    a.c:5:9: warning: unknown attribute 'noclone' ignored [-Wunknown-attributes]\n\
                    a.c:6:9: warning: unknown attribute 'noipa' ignored [-Wunknown-attributes]\n";
        assert_eq!(unknown_attributes(said), ["noclone", "noipa"]);
        assert!(unknown_attributes("a.c:1:1: error: expected ')'\n").is_empty());
        assert_eq!(most_aligned("entry:\n  ret i32 16\n}\n"), Some(16));
        assert_eq!(most_aligned("  ret void\n"), None);
    }

    #[test]
    fn options_for_other_targets_are_left_out() {
        let text = "/* { dg-options \"-fwrapv -O2\" } */\n\
                    /* { dg-additional-options \"-mlong-calls\" { target epiphany-*-* } } */\n\
                    // { dg-additional-options \"-fno-x\" { target *-*-* } }\n";
        assert_eq!(options(text), ["-fwrapv", "-O2", "-fno-x"]);
    }
}
