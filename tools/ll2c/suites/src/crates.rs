// SPDX-License-Identifier: GPL-2.0-only
//! Crates of the registry: each program of `crates/` prints what must be the same on every machine, much of it published.

use crate::Tools;
use crate::row::{Row, Verdict, reasons};
use crate::run::{self, words};
use crate::rust::{FLAGS, LARGE, Places, Side};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// rustc's profile, its name for people, and GCC's level.
const LEVELS: &[(&str, &str, &str)] = &[("release", "-O3", "-O2"), ("dev", "-O0", "-O1")];

/// Seconds for a program, which may be compiled without optimisation and be emulated.
const PROGRAM: u32 = 600;

/// How many wrong lines of a program are shown.
const SHOWN: usize = 5;

/// What `pre` says where something is not what was published.
const NOT_PUBLISHED: &str = "NOT AS PUBLISHED";

/// Has cargo compile the workspace for a side; the folder with what rustc wrote.
///
/// # Errors
/// cargo fails.
pub fn build(side: &Side<'_>, profile: &str, packages: &[String]) -> io::Result<PathBuf> {
    let p = side.places;
    let config = side.dir.join("cargo.toml");
    fs::write(
        &config,
        format!(
            "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = {:?}\n",
            p.vendor.display().to_string()
        ),
    )?;
    let target_dir = side.dir.join("cargo");
    let sysroot = side.dir.join("sysroot");
    let mut argv = words(
        &[],
        &[
            "env",
            "RUSTC_BOOTSTRAP=1",
            &format!("CARGO_HOME={}", side.dir.join("cargo-home").display()),
            &format!("CARGO_TARGET_DIR={}", target_dir.display()),
            &format!(
                "RUSTFLAGS=--sysroot {} {} --emit={}",
                sysroot.display(),
                FLAGS.join(" "),
                if side.subject { "llvm-ir" } else { "obj" }
            ),
            &p.cargo.display().to_string(),
            "build",
            "--offline",
            "--locked",
            "--quiet",
            "--profile",
            profile,
            "--target",
            &side.target,
            "--config",
            &config.display().to_string(),
            "--manifest-path",
            &p.crates.join("Cargo.toml").display().to_string(),
        ],
    );
    if packages.is_empty() {
        argv.push("--workspace".into());
    }
    argv.extend(
        packages
            .iter()
            .flat_map(|p| ["--package".into(), p.clone()]),
    );
    let ended = run::run(&side.dir, LARGE, &argv)?;
    if !ended.ok() {
        let tail: Vec<&str> = ended.err.lines().rev().take(30).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return Err(io::Error::other(format!("cargo: {}", tail.join("\n"))));
    }
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(target_dir.join(&side.target).join(folder).join("deps"))
}

/// What rustc wrote in a folder of cargo's, by crate, without the extension.
fn stems(side: &Side<'_>, deps: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let extension = if side.subject { "ll" } else { "o" };
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in fs::read_dir(deps)? {
        let path = entry?.path();
        // Not what GCC made, nor one of several codegen units.
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let Some(stem) = name.strip_suffix(&format!(".{extension}")) else {
            continue;
        };
        if !stem.contains('.') {
            found.insert(stem.to_owned(), deps.join(stem));
        }
    }
    Ok(found)
}

/// The name of a crate, from that of its file.
fn crate_name(stem: &str) -> &str {
    stem.rsplit_once('-').map_or(stem, |(name, _)| name)
}

/// Objects by crate, and crates without one.
pub type Made = (Vec<(String, PathBuf)>, Vec<(String, Verdict)>);

/// Objects of the crates that are wanted, and why some have none.
///
/// # Errors
/// A tool can't be started.
pub fn objects(
    side: &Side<'_>,
    deps: &Path,
    gcc: &str,
    wanted: &(dyn Fn(&str) -> bool + Sync),
) -> io::Result<Made> {
    let made: Vec<_> = stems(side, deps)?
        .into_par_iter()
        .filter(|(name, _)| wanted(crate_name(name)))
        .map(|(name, stem)| Ok((name, side.object(&stem, gcc)?)))
        .collect::<io::Result<_>>()?;
    let (mut objects, mut missing) = (Vec::new(), Vec::new());
    for (name, object) in made {
        let name = crate_name(&name).to_owned();
        match object {
            Ok(path) => objects.push((name, path)),
            Err(verdict) => missing.push((name, verdict)),
        }
    }
    Ok((objects, missing))
}

/// Runs the programs; a row for each pair of levels. `sample` is for some programs and the first pair only.
///
/// # Errors
/// A tool can't be started, or the reference can't be built.
pub fn all(tools: &Tools, places: &Places, only: &[String], sample: bool) -> io::Result<Vec<Row>> {
    let sides = [false, true].map(|subject| Side::new(tools, places, subject));
    let [reference, subject] = sides;
    let (reference, subject) = (reference?, subject?);
    // Of those that are not asked for, objects may be there from before.
    let mut programs: Vec<String> = fs::read_dir(&places.crates)?
        .filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|n| places.crates.join(n).join("src/lib.rs").exists())
        .filter(|n| n != "pre" && n != "random")
        .collect();
    programs.sort();
    let wanted = |n: &&String| only.is_empty() || only.contains(*n);
    let names: Vec<String> = programs.iter().filter(wanted).cloned().collect();
    let libraries = [reference.libraries_objects()?, subject.libraries_objects()?];
    let mut rows = Vec::new();
    let levels = if sample { &LEVELS[..1] } else { LEVELS };
    for &(profile, rustc, gcc) in levels {
        let mut row = Row {
            suite: "crates".into(),
            subject: tools.subject.page.clone(),
            levels: format!("rustc {rustc}, gcc {gcc}"),
            unit: "lines of output".into(),
            ..Row::default()
        };
        let mut built = Vec::new();
        for side in [&reference, &subject] {
            let deps = build(side, profile, &names)?;
            built.push(objects(side, &deps, gcc, &|_| true)?);
        }
        for (name, verdict) in &built[1].1 {
            println!("crates, {}: {name}: {verdict:?}", row.levels);
            if let Verdict::Wrong(_) = verdict {
                row.add(verdict);
            }
        }
        let results: Vec<_> = names
            .par_iter()
            .map(|name| {
                let run = |k: usize, side: &Side<'_>| {
                    program(side, name, &programs, &built[k].0, &libraries[k])
                };
                Ok((name, run(0, &reference)?, run(1, &subject)?))
            })
            .collect::<io::Result<_>>()?;
        let mut refused = Vec::new();
        for (name, want, got) in results {
            let failed = |why: String| {
                io::Error::other(format!("reference of {name} at {}: {why}", row.levels))
            };
            let want = want.map_err(&failed)?;
            // Its output would be short, and what the subject prints beyond it wrong.
            if !want.ok() {
                return Err(failed(want.status.to_string()));
            }
            let verdicts = compare(&want.out, got.as_ref());
            let count = |f: fn(&Verdict) -> bool| verdicts.iter().filter(|v| f(v)).count();
            println!(
                "crates, {}: {name}: {} lines, {} right, {} wrong{}",
                row.levels,
                verdicts.len(),
                count(|v| *v == Verdict::Right),
                count(|v| matches!(v, Verdict::Wrong(_))),
                match &got {
                    Ok(_) => String::new(),
                    Err(reason) => format!(", refused: {reason}"),
                }
            );
            // After one line that differs, others may just have moved.
            let mut shown = 0;
            for verdict in &verdicts {
                row.add(verdict);
                match verdict {
                    Verdict::Refused(reason) => refused.push(reason.clone()),
                    Verdict::Wrong(reason) if shown < SHOWN => {
                        println!("  {reason}");
                        shown += 1;
                    }
                    Verdict::NotApplicable(reason) => println!("  {reason}"),
                    _ => {}
                }
            }
        }
        for (n, reason) in reasons(refused.iter().map(String::as_str)) {
            println!("  refused {n:4}: {reason}");
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Links and runs a program: its own object and those of all crates but the other programs.
fn program(
    side: &Side<'_>,
    name: &str,
    all: &[String],
    objects: &[(String, PathBuf)],
    libraries: &[PathBuf],
) -> io::Result<Result<run::Ended, String>> {
    let mut list: Vec<&Path> = objects
        .iter()
        .filter(|(n, _)| n == name || !all.contains(n))
        .map(|(_, p)| p.as_path())
        .collect();
    list.extend(libraries.iter().map(PathBuf::as_path));
    side.program(name, &list, PROGRAM)
}

/// A verdict for each line of the reference's, and one more if the subject did not end well.
fn compare(want: &str, got: Result<&run::Ended, &String>) -> Vec<Verdict> {
    let got = match got {
        Ok(ended) => ended,
        Err(reason) => {
            return want
                .lines()
                .map(|_| Verdict::Refused(reason.clone()))
                .collect();
        }
    };
    let mut lines = got.out.lines();
    let mut verdicts: Vec<Verdict> = want
        .lines()
        .map(|want| match lines.next() {
            _ if want.ends_with(NOT_PUBLISHED) => {
                Verdict::NotApplicable(format!("the reference: {want}"))
            }
            Some(got) if got == want => Verdict::Right,
            Some(got) => Verdict::Wrong(format!("want {want}, got {got}")),
            None => Verdict::Wrong(format!("want {want}, got nothing")),
        })
        .collect();
    verdicts.extend(lines.map(|got| Verdict::Wrong(format!("want nothing, got {got}"))));
    if !got.ok() {
        verdicts.push(Verdict::Wrong(got.status.to_string()));
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_a_verdict() {
        let ended = |out: &str, status| run::Ended {
            status,
            out: out.into(),
            err: String::new(),
        };
        let well = run::Status::Exit(0);
        let verdicts = compare(
            "a\nb\nc x NOT AS PUBLISHED\nd",
            Ok(&ended("a\nx\nc\n", well)),
        );
        assert_eq!(verdicts[0], Verdict::Right);
        assert!(matches!(verdicts[1], Verdict::Wrong(_)));
        assert!(matches!(verdicts[2], Verdict::NotApplicable(_)));
        assert!(matches!(verdicts[3], Verdict::Wrong(_)));
        assert_eq!(compare("a", Ok(&ended("a\nb", well))).len(), 2);
        // All lines are there, and then it dies.
        let died = compare("a", Ok(&ended("a\n", run::Status::Signal(11))));
        assert_eq!(died, [Verdict::Right, Verdict::Wrong("signal 11".into())]);
        assert!(matches!(
            compare("a", Err(&"no".into()))[0],
            Verdict::Refused(_)
        ));
    }

    #[test]
    fn a_crate_is_named_without_its_hash() {
        assert_eq!(crate_name("num_bigint-0123abc"), "num_bigint");
    }
}
