// SPDX-License-Identifier: GPL-2.0-only
//! How many instructions ten small functions take: those that GCC makes of ll2c's C, beside those that it makes of the same
//! functions in C, and those of LLVM for the reference. What differs from LLVM's may be the machine's doing: PA-RISC has no
//! instruction that multiplies integers. So the reference's GCC compiles ll2c's C too. QEMU counts instructions: it is told to
//! make a block of each, and to log each block that it runs. (A plugin would do, but distributions build QEMU's user mode without.)

use crate::Tools;
use crate::row::{Row, Verdict};
use crate::run::{self, COMPILE, words};
use crate::rust::{Places, Side};
use std::io;
use std::path::{Path, PathBuf};

/// More times the instructions of another compiler are wrong: for one function if the machine is the same, and on average.
const LIMIT: f64 = 1.2;

/// A program, and what runs it.
struct Program {
    exe: PathBuf,
    run: Vec<String>,
}

impl Program {
    fn build(
        dir: &Path,
        name: &str,
        gcc: &[String],
        run: &[String],
        sources: &[&Path],
    ) -> io::Result<Self> {
        let exe = dir.join(name);
        let mut argv = words(&[gcc], &["-w", "-O2", "-o", &exe.display().to_string()]);
        argv.extend(sources.iter().map(|s| s.display().to_string()));
        let ended = run::run(dir, COMPILE, &argv)?;
        if !ended.ok() {
            return Err(io::Error::other(format!("{name}: {}", ended.complaint())));
        }
        Ok(Self {
            exe,
            run: run.to_vec(),
        })
    }

    /// What it prints and how many instructions it takes.
    fn count(&self, dir: &Path, args: &[&str]) -> io::Result<(String, u64)> {
        let log = dir.join("executed");
        let mut argv = self.run.clone();
        argv.extend(words(
            &[],
            &["-one-insn-per-tb", "-d", "exec,nochain", "-D"],
        ));
        argv.push(log.display().to_string());
        argv.push(self.exe.display().to_string());
        argv.extend(words(&[], args));
        let ended = run::run(dir, COMPILE, &argv)?;
        if !ended.ok() {
            let exe = self.exe.display();
            return Err(io::Error::other(format!("{exe}: {}", ended.complaint())));
        }
        let text = std::fs::read(&log)?;
        let count = text
            .split(|&b| b == b'\n')
            .filter(|l| l.starts_with(b"Trace "))
            .count();
        if count == 0 {
            return Err(io::Error::other("QEMU's log has no instructions"));
        }
        Ok((ended.out, count as u64))
    }

    /// What a kernel returns and what a call takes: the rest of the program is taken off by a run without it.
    fn kernel(&self, dir: &Path, name: &str) -> io::Result<(String, f64)> {
        let (_, without) = self.count(dir, &[name, "0"])?;
        let (out, with) = self.count(dir, &[name, "1"])?;
        Ok((out, with.saturating_sub(without) as f64))
    }
}

/// Counts. A function that returns something else is wrong, and so is too high an average.
///
/// # Errors
/// A tool can't be started, or a program can't be built.
pub fn all(tools: &Tools, places: &Places, cost: &Path) -> io::Result<Vec<Row>> {
    let dir = tools.work.join("cost");
    std::fs::create_dir_all(&dir)?;
    let (main, c) = (cost.join("main.c"), cost.join("kernels.c"));
    let s = &tools.subject;
    let gcc = words(&[&s.gcc, &s.link], &[]);
    let own = Program::build(&dir, "gcc", &gcc, &s.run, &[&main, &c])?;
    let mut sides = Vec::new();
    for subject in [true, false] {
        let side = Side::new(tools, places, subject)?;
        let source = cost.join("kernels.rs").display().to_string();
        let emit = if subject {
            "--emit=llvm-ir=kernels.ll"
        } else {
            "--emit=obj=kernels.o"
        };
        side.rustc(&[
            "--edition",
            "2024",
            "-Copt-level=2",
            "--crate-name",
            "kernels",
            emit,
            &source,
        ])?;
        let object = side.object(&side.dir.join("kernels"), "-O2")?;
        let object = object.map_err(|v| io::Error::other(format!("kernels: {v:?}")))?;
        let mut objects = vec![main.clone(), object];
        // No kernel allocates.
        let libraries = side.libraries_objects()?;
        objects.extend(
            libraries
                .into_iter()
                .filter(|o| !o.ends_with("alloc.o") && !o.ends_with("alloc.-O2.o")),
        );
        let objects: Vec<&Path> = objects.iter().map(PathBuf::as_path).collect();
        let (gcc, run) = side.gcc();
        let name = if subject { "ll2c" } else { "llvm" };
        sides.push(Program::build(&dir, name, &gcc, &run, &objects)?);
        if subject {
            // What Rust calls when it panics is not there, and never called.
            let r = &s.reference;
            let flags = words(
                &[&r.gcc, &r.pretend],
                &["-Wl,--unresolved-symbols=ignore-all"],
            );
            let c = side.dir.join("kernels.c");
            sides.push(Program::build(&dir, "same", &flags, &r.run, &[&main, &c])?);
        }
    }
    let [ll2c, same, llvm] = &sides[..] else {
        return Err(io::Error::other("three programs"));
    };
    let names = run::run(
        &dir,
        COMPILE,
        &words(&[&own.run], &[&own.exe.display().to_string()]),
    )?
    .out;
    let mut row = Row {
        suite: "cost".into(),
        subject: s.page.clone(),
        levels: "rustc -O2, gcc -O2".into(),
        unit: "functions".into(),
        ..Row::default()
    };
    println!("{:24}  {:23}  of the reference", "", "of the same from C");
    println!(
        "{:10} {:>12} {:>12} {:>10} {:>12} {:>10} {:>12} {:>10}",
        "function", "ll2c + GCC", "GCC", "times", "LLVM", "times", "ll2c + GCC", "times"
    );
    let mut means = [0.0; 3];
    for name in names.lines() {
        let [a, b, c, d] = [ll2c, &own, llvm, same].map(|p| p.kernel(&dir, name));
        let [a, b, c, d] = [a?, b?, c?, d?];
        let times = [a.1 / b.1, a.1 / c.1, d.1 / c.1];
        println!(
            "{name:10} {:12} {:12} {:10.2} {:12} {:10.2} {:12} {:10.2}",
            a.1, b.1, times[0], c.1, times[1], d.1, times[2]
        );
        means.iter_mut().zip(times).for_each(|(m, t)| *m += t.ln());
        row.add(&verdict(
            name,
            [&a.0, &b.0, &c.0, &d.0].map(|s| s.trim()),
            times,
        ));
    }
    let count = names.lines().count().max(1) as f64;
    let [gcc, llvm, same] = means.map(|m| (m / count).exp());
    println!(
        "{:10} {gcc:36.2} {llvm:23.2} {same:23.2} (geometric means; limit {LIMIT})",
        "times"
    );
    if gcc > LIMIT || llvm > LIMIT || same > LIMIT {
        row.add(&Verdict::Wrong("too many instructions".into()));
    }
    Ok(vec![row])
}

/// What is to be said of a function by what its four programs return, and how often it takes the instructions of GCC's own code,
/// of LLVM's for the reference, and of LLVM's where GCC compiles it for the reference, too.
fn verdict(name: &str, returned: [&str; 4], times: [f64; 3]) -> Verdict {
    if returned.iter().any(|r| *r != returned[0]) {
        println!("  wrong: {name} returns {}", returned.join(", "));
        return Verdict::Wrong(name.to_owned());
    }
    let [gcc, llvm, same] = times;
    // Which machine is the better one is not ll2c's.
    if gcc > LIMIT || llvm.min(same) > LIMIT {
        println!("  wrong: {name} takes too many instructions");
        return Verdict::Wrong(name.to_owned());
    }
    Verdict::Right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_results_and_too_many_instructions_are_wrong() {
        let same = ["1"; 4];
        assert_eq!(verdict("a", same, [1.2, 1.9, 1.1]), Verdict::Right);
        assert_eq!(verdict("a", same, [1.2, 1.1, 1.9]), Verdict::Right);
        for (returned, times) in [
            (["1", "1", "1", "2"], [1.0, 1.0, 1.0]),
            (same, [1.21, 1.0, 1.0]),
            (same, [1.0, 1.21, 1.21]),
        ] {
            assert_eq!(verdict("a", returned, times), Verdict::Wrong("a".into()));
        }
    }
}
