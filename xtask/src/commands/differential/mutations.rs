// SPDX-License-Identifier: GPL-2.0-only
//! ll2c made wrong in one place at a time: does the sample that `.ci/run` runs notice?

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Deserialize;

use super::Bench;
use super::suites::{self, Pages};
use crate::cli::Differential;
use crate::commands::Context;
use crate::config::{Edit, yaml};
use crate::exit::{Exit, Failure};
use crate::follow::{self, End};
use crate::progress::Progress as _;
use crate::project::Project;

/// One entry of `mutations.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    name: String,
    /// The differential test that must notice.
    seen_by: String,
    edits: Vec<Edit>,
}

fn load() -> Result<Vec<Mutation>, Failure> {
    yaml::load(&suites::home().join("mutations.yaml")).map_err(Failure::usage)
}

/// One level and one machine are enough to see what is wrong.
const QUICK: &[(&str, &str)] = &[
    ("LL2C_LEVELS", "-O2"),
    ("LL2C_SUBJECTS", "hppa"),
    ("LL2C_KEEP", "1"),
];

/// Runs them all, or those that `args` names.
pub(super) fn mutations(context: &Context, args: &Differential) -> Result<Exit, Failure> {
    let task = context.ui.task("mutations");
    let all = load()?;
    for name in &args.names {
        if !all.iter().any(|m| m.name == *name) {
            return Err(Failure::usage(format!(
                "no mutation `{name}` in mutations.yaml"
            )));
        }
    }
    let chosen: Vec<&Mutation> = all
        .iter()
        .filter(|m| args.names.is_empty() || args.names.contains(&m.name))
        .collect();
    let bench = Bench::new(context, Pages::load(&suites::home())?, &task)?;
    let rows = bench.dir.join("mutation-rows.jsonl");
    let copy = Copy::new(&bench)?;
    // A test that fails anyway would seem to notice everything.
    task.step("running the tests on ll2c as it is");
    let right = copy.build(&bench)?;
    let tests: BTreeSet<&String> = chosen.iter().map(|m| &m.seen_by).collect();
    let tests: Vec<String> = tests.into_iter().cloned().collect();
    if !bench.own(&right, &rows, QUICK, &tests)? {
        println!("the tests fail on ll2c as it is");
        return Ok(Exit::Tests);
    }
    let mut survivors = 0;
    for mutation in &chosen {
        task.step(&mutation.name);
        copy.refresh()?;
        copy.edit(mutation)?;
        let noticed = match copy.build(&bench) {
            Err(failure) if context.stop.requested() => return Err(failure),
            Ok(ll2c) => {
                let test = std::slice::from_ref(&mutation.seen_by);
                !bench.own(&ll2c, &rows, QUICK, test)?
            }
            Err(failure) => {
                return Err(Failure::usage(format!(
                    "failed to build ll2c with {}: {}",
                    mutation.name, failure.error
                )));
            }
        };
        if context.stop.requested() {
            return Ok(Exit::Interrupted);
        }
        survivors += usize::from(!noticed);
        println!(
            "{}: {} by {}",
            mutation.name,
            if noticed { "noticed" } else { "NOT NOTICED" },
            mutation.seen_by
        );
    }
    println!("{} mutations, {survivors} not noticed", chosen.len());
    Ok(if survivors == 0 {
        Exit::Ok
    } else {
        Exit::Tests
    })
}

/// ll2c's own source in a workspace of its own, to be changed.
struct Copy {
    dir: PathBuf,
}

/// What a build of ll2c reads.
const PARTS: &[&str] = &["Cargo.toml", "src", "support", "abi", "tests"];

impl Copy {
    fn new(bench: &Bench<'_>) -> Result<Copy, Failure> {
        let dir = bench
            .cache
            .folder("differential/mutant")
            .map_err(Failure::infra)?;
        // Files that ll2c no longer has would be built too.
        crate::cache::remove(&dir.join("tools"))?;
        let copy = Copy { dir };
        copy.refresh()?;
        Ok(copy)
    }

    fn refresh(&self) -> Result<(), Failure> {
        let project = Project::this();
        let root = project.root();
        let manifest = fs::read_to_string(root.join("Cargo.toml")).map_err(Failure::infra)?;
        let manifest: String = manifest
            .lines()
            .map(|line| {
                if line.starts_with("members = ") {
                    "members = [\"tools/ll2c\"]"
                } else {
                    line
                }
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        write_unless_same(&self.dir.join("Cargo.toml"), manifest.as_bytes())?;
        let lock = fs::read(root.join("Cargo.lock")).map_err(Failure::infra)?;
        // Cargo leaves out of it what is not needed here; that is no reason to build again.
        if !self.dir.join("Cargo.lock").exists() {
            write_unless_same(&self.dir.join("Cargo.lock"), &lock)?;
        }
        for part in PARTS {
            let from = root.join("tools/ll2c").join(part);
            for entry in walkdir::WalkDir::new(&from) {
                let entry = entry.map_err(Failure::infra)?;
                let inside = entry.path().strip_prefix(root).unwrap_or(entry.path());
                if entry.file_type().is_file() {
                    let bytes = fs::read(entry.path()).map_err(Failure::infra)?;
                    write_unless_same(&self.dir.join(inside), &bytes)?;
                }
            }
        }
        Ok(())
    }

    fn edit(&self, mutation: &Mutation) -> Result<(), Failure> {
        for edit in &mutation.edits {
            let path = self.dir.join(&edit.file);
            let text = fs::read_to_string(&path).ok();
            let changed = edit
                .apply(text.as_deref())
                .ok_or_else(|| misfit(mutation, edit))?;
            fs::write(&path, changed).map_err(Failure::infra)?;
        }
        Ok(())
    }

    /// The program.
    fn build(&self, bench: &Bench<'_>) -> Result<PathBuf, Failure> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let target = bench
            .cache
            .folder("differential/mutant-target")
            .map_err(Failure::infra)?;
        let args: Vec<OsString> = vec![
            "build".into(),
            "--quiet".into(),
            "--package=ll2c".into(),
            "--bin=ll2c".into(),
            "--manifest-path".into(),
            self.dir.join("Cargo.toml").into(),
            "--target-dir".into(),
            target.clone().into(),
        ];
        let run = duct::cmd(cargo, args).stderr_to_stdout();
        let (end, said) = follow::capture(&run, &bench.context.stop)
            .map_err(|e| Failure::infra(format!("failed to run cargo: {e}")))?;
        match end {
            End::Ended(status) if status.success() => Ok(target.join("debug/ll2c")),
            _ if bench.context.stop.requested() => Err(Failure::interrupted()),
            _ => Err(Failure::infra(String::from_utf8_lossy(&said).into_owned())),
        }
    }
}

fn misfit(mutation: &Mutation, edit: &Edit) -> Failure {
    Failure::usage(format!(
        "failed to apply {} to {}: it does not hold the lines to replace exactly once",
        mutation.name,
        edit.file.display()
    ))
}

/// Writes a file unless it is there with this content, so that cargo builds only what has changed.
fn write_unless_same(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|now| now == bytes) {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(Failure::infra)?;
    }
    fs::write(path, bytes).map_err(Failure::infra)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_fits_ll2c_and_has_a_name_of_its_own() {
        let all = load().expect("mutations.yaml reads");
        assert!(all.len() >= 30);
        let names: BTreeSet<&String> = all.iter().map(|m| &m.name).collect();
        assert_eq!(names.len(), all.len());
        for mutation in &all {
            for edit in &mutation.edits {
                let text = fs::read_to_string(Project::this().root().join(&edit.file)).ok();
                assert!(
                    edit.apply(text.as_deref()).is_some(),
                    "{}",
                    misfit(mutation, edit).error
                );
            }
        }
    }
}
