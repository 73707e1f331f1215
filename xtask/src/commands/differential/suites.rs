// SPDX-License-Identifier: GPL-2.0-only
//! The suites of `tools/ll2c/suites`: what they are made of, and how they are started in the toolchain root.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use fs_err as fs;
use serde::Deserialize;

use super::Bench;
use crate::cli::Programs;
use crate::commands::prepare::of_the_source;
use crate::config::yaml;
use crate::copy;
use crate::exit::Failure;
use crate::follow::{self, End};
use crate::progress::Progress as _;
use crate::project::Project;
use crate::source::{Part, fetch_part};
use crate::ui::Task;

/// Where they are.
pub(super) fn home() -> PathBuf {
    Project::this().root().join("tools/ll2c/suites")
}

/// A suite's name on the command line, in `suites.yaml` and in rows.
pub(super) fn name(suite: Programs) -> String {
    let value = suite.to_possible_value();
    value.map_or_else(String::new, |v| v.get_name().to_owned())
}

/// `suites.yaml`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Pages(BTreeMap<String, Page>);

/// One suite.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Pages of `subjects/`.
    subjects: Vec<String>,
    /// Per cent of what applies that must be right, at each pair of levels.
    at_least: f64,
    /// What is fetched from the distribution's archive for it.
    #[serde(default)]
    source: Option<Part>,
    /// Whether it compiles Rust, and crates of the registry.
    #[serde(default)]
    rust: bool,
    /// The arguments that make a sample of it.
    #[serde(default)]
    sample: Vec<String>,
}

impl Pages {
    pub(super) fn load(home: &Path) -> Result<Pages, Failure> {
        yaml::load(&home.join("suites.yaml")).map_err(Failure::usage)
    }

    /// Every suite that has a page.
    pub(super) fn all(&self) -> impl Iterator<Item = Programs> {
        Programs::value_variants()
            .iter()
            .copied()
            .filter(|&suite| self.0.contains_key(&name(suite)))
    }

    /// The subjects that a suite runs on.
    pub(super) fn subjects(&self, suite: Programs) -> Vec<String> {
        self.0
            .get(&name(suite))
            .map_or_else(Vec::new, |page| page.subjects.clone())
    }

    /// The subjects of a suite that are among `named`, or all of them if none are named.
    pub(super) fn chosen(&self, suite: Programs, named: &[String]) -> Vec<String> {
        let mut list = self.subjects(suite);
        list.retain(|subject| named.is_empty() || named.contains(subject));
        list
    }

    /// That each subject named is one of a suite that was asked for: where there is none, nothing would run, and all would be well.
    pub(super) fn know(&self, asked: &BTreeSet<Programs>, named: &[String]) -> Result<(), Failure> {
        let of = |suite: &Programs| (name(*suite), self.subjects(*suite));
        let list: Vec<(String, Vec<String>)> = asked.iter().map(of).collect();
        for subject in named {
            if !list.iter().any(|(_, subjects)| subjects.contains(subject)) {
                let there: Vec<String> = list
                    .iter()
                    .map(|(suite, subjects)| format!("{suite} on {}", subjects.join(", ")))
                    .collect();
                return Err(Failure::usage(format!(
                    "no suite that was asked for runs on `{subject}`: {}",
                    there.join("; ")
                )));
            }
        }
        Ok(())
    }

    /// Per cent that must be right.
    pub(super) fn at_least(&self, suite: &str) -> f64 {
        self.0.get(suite).map_or(100.0, |page| page.at_least)
    }
}

impl Bench<'_> {
    /// Runs a suite for a subject.
    #[expect(
        clippy::too_many_arguments,
        reason = "two programs, two choices, two places"
    )]
    pub(super) fn suite(
        &self,
        suite: Programs,
        subject: &str,
        runner: &Path,
        ll2c: &Path,
        rows: &Path,
        sample: bool,
        task: &Task<'_>,
    ) -> Result<bool, Failure> {
        let name = name(suite);
        let Some(page) = self.pages.0.get(&name) else {
            return Err(Failure::usage(format!(
                "failed to find `{name}` in suites.yaml"
            )));
        };
        let mut args: Vec<OsString> = vec![
            "--ll2c".into(),
            ll2c.into(),
            "--subject".into(),
            self.copied(&format!("subjects/{subject}.yaml"))?.into(),
            "--work".into(),
            self.dir.join(subject).into(),
            "--rows".into(),
            rows.into(),
            name.clone().into(),
        ];
        if let Some(part) = &page.source {
            args.extend(["--source".into(), self.fetch(&name, part, task)?.into()]);
        }
        if page.rust {
            args.extend(self.rust(task)?);
            if suite == Programs::Cost {
                let to = self.dir.join("cost");
                crate::cache::remove(&to).map_err(Failure::infra)?;
                copy::files(&home().join("cost"), &to).map_err(Failure::infra)?;
                args.extend(["--kernels".into(), to.into()]);
            }
        }
        if sample {
            args.extend(page.sample.iter().map(OsString::from));
        }
        let run = self.toolchain.command(runner).args(args).expression();
        match self.shown(&run, "the suites")?.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(Failure::infra(format!("failed to run {name} on {subject}"))),
        }
    }

    /// A copy of a file of the suites where the tools see it.
    fn copied(&self, file: &str) -> Result<PathBuf, Failure> {
        let to = self.dir.join(file.replace('/', "-"));
        fs::copy(home().join(file), &to).map_err(Failure::usage)?;
        Ok(to)
    }

    /// Where what a suite of Rust compiles with is.
    fn rust(&self, task: &Task<'_>) -> Result<Vec<OsString>, Failure> {
        let ll2c = home().join("..");
        let mut args: Vec<OsString> = Vec::new();
        for (option, from) in [
            ("--crates", home().join("crates")),
            ("--support", home().join("rust")),
            ("--abi", ll2c.join("abi")),
            ("--runtime", ll2c.join("tests/differential/c")),
        ] {
            let to = self.dir.join(option.trim_start_matches("--"));
            crate::cache::remove(&to).map_err(Failure::infra)?;
            copy::files(&from, &to).map_err(Failure::infra)?;
            args.extend([option.into(), to.into()]);
        }
        args.extend(["--vendor".into(), self.vendor(task)?.into()]);
        // Debian's cargo would need libraries that the root lacks; rustup's runs on any C library that is not older.
        let to = self.dir.join("cargo");
        let _ = fs::remove_file(&to);
        fs::copy(cargos_program(std::env::var_os("CARGO"))?, &to).map_err(Failure::infra)?;
        args.extend(["--cargo".into(), to.into()]);
        Ok(args)
    }

    /// The sources of the crates that the suites depend on, by their lock file.
    fn vendor(&self, task: &Task<'_>) -> Result<PathBuf, Failure> {
        let manifest = home().join("crates/Cargo.toml");
        let lock = fs::read_to_string(home().join("crates/Cargo.lock")).map_err(Failure::infra)?;
        self.cache
            .make("differential/vendor", &lock, task, |folder| {
                task.step("downloading crates");
                let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
                let args: [OsString; 6] = [
                    "vendor".into(),
                    "--locked".into(),
                    "--quiet".into(),
                    "--manifest-path".into(),
                    manifest.into(),
                    folder.into(),
                ];
                let run = duct::cmd(cargo, args).stderr_to_stdout();
                let (end, said) =
                    follow::capture(&run, &self.context.stop).map_err(Failure::infra)?;
                match end {
                    End::Ended(status) if status.success() => Ok(()),
                    _ if self.context.stop.requested() => Err(Failure::interrupted()),
                    _ => Err(Failure::infra(format!(
                        "failed to download crates:\n{}",
                        String::from_utf8_lossy(&said)
                    ))),
                }
            })
    }

    /// What a suite is made of, unpacked once.
    fn fetch(&self, name: &str, part: &Part, task: &Task<'_>) -> Result<PathBuf, Failure> {
        let folder = format!("differential/{name}");
        self.cache
            .make(&folder, &format!("{part:?}"), task, |folder| {
                self.cache.need("a suite", part.space_mib)?;
                fetch_part(&self.toolchain, part, folder, task)
            })
            .map_err(of_the_source)
    }
}

/// cargo itself, not what stands for it on PATH: rustup's proxy needs rustup, which the root has not.
/// `given` is what cargo tells the programs that it starts.
fn cargos_program(given: Option<OsString>) -> Result<PathBuf, Failure> {
    if let Some(cargo) = given {
        return Ok(cargo.into());
    }
    let sysroot = duct::cmd!("rustc", "--print", "sysroot")
        .dir(Project::this().root())
        .read()
        .map_err(|e| Failure::infra(format!("failed to ask rustc where cargo is: {e}")))?;
    let cargo = Path::new(&sysroot).join("bin/cargo");
    if cargo.is_file() {
        Ok(cargo)
    } else {
        Err(Failure::infra(format!(
            "failed to find {}: run this as `cargo xtask`",
            cargo.display()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_found_by_a_program_that_cargo_did_not_start() {
        let found = cargos_program(None).expect("rustc knows");
        let version = duct::cmd!(&found, "--version").read().expect("it runs");
        assert!(version.starts_with("cargo "), "{version}");
        assert_ne!(
            Some("rustup".as_ref()),
            fs::canonicalize(&found).expect("a file").file_name()
        );
        let given = cargos_program(Some("/a/cargo".into())).expect("it is as given");
        assert_eq!(given, Path::new("/a/cargo"));
    }

    #[test]
    fn a_subject_that_nothing_asked_for_runs_on_is_a_mistake() {
        let pages = Pages::load(&home()).expect("suites.yaml reads");
        let know = |asked: &[Programs], named: &str| {
            pages.know(&asked.iter().copied().collect(), &[named.to_owned()])
        };
        assert!(know(&[Programs::CTorture], "hppa").is_ok());
        assert!(know(&[Programs::CTorture, Programs::Own], "m68k").is_ok());
        let error = know(&[Programs::CTorture], "m68k").expect_err("no m68k there");
        assert!(error.error.to_string().contains("c-torture on hppa"));
        assert!(know(&[Programs::Own], "nonsense").is_err());
        assert!(pages.know(&[Programs::Own].into(), &[]).is_ok());
        let named = ["hppa".to_owned(), "m68k".to_owned()];
        assert_eq!(pages.chosen(Programs::CTorture, &named), ["hppa"]);
    }

    #[test]
    fn every_suite_has_subjects_with_pages() {
        let pages = Pages::load(&home()).expect("suites.yaml reads");
        // The tools of the project's own programs are in their tests.
        for suite in pages.all().filter(|&suite| suite != Programs::Own) {
            let subjects = pages.subjects(suite);
            assert!(!subjects.is_empty(), "{suite:?}");
            for subject in subjects {
                let page = home().join(format!("subjects/{subject}.yaml"));
                assert!(page.exists(), "{} is missing", page.display());
            }
        }
    }
}
