// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask differential`: programs compiled by LLVM and by ll2c with GCC, run and compared.

mod kept;
mod kernel;
mod mutations;
mod suites;
mod table;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Instant;

use fs_err as fs;

use super::Context;
use super::prepare;
use crate::cache::Lock;
use crate::cargo;
use crate::cli::{self, Programs};
use crate::exit::{Exit, Failure};
use crate::follow;
use crate::progress::Progress as _;
use crate::project::Project;
use crate::toolchain::Toolchain;
use crate::toolchain::place::Bind;
use crate::ui::Task;
use suites::Pages;
use table::Row;

/// What every suite runs with.
#[derive(Debug)]
struct Bench<'a> {
    context: &'a Context,
    cache: crate::cache::Cache,
    toolchain: Toolchain,
    pages: Pages,
    /// The folder below the cache folder where files go; the tools see nothing else.
    dir: PathBuf,
    _lock: Lock,
}

pub(super) fn differential(context: &Context, args: &cli::Differential) -> Result<Exit, Failure> {
    if args.mutations {
        return mutations::mutations(context, args);
    }
    let task = context.ui.task("differential");
    let pages = Pages::load(&suites::home())?;
    let asked: BTreeSet<Programs> = match &args.suites[..] {
        [] => [Programs::Own].into(),
        list if list.contains(&Programs::All) => pages.all().collect(),
        list => list.iter().copied().collect(),
    };
    pages.know(&asked, &args.subjects)?;
    let bench = Bench::new(context, pages, &task)?;
    let (rows, failed) = bench.run(&asked, args, &task)?;
    if context.stop.requested() {
        return Ok(Exit::Interrupted);
    }
    print!("{}", table::table(&rows));
    let mut wrong = table::complaints(&rows, |suite| bench.pages.at_least(suite));
    wrong.extend(bench.missing(&asked, &args.subjects, &rows));
    wrong.extend(failed);
    for line in &wrong {
        println!("{line}");
    }
    Ok(if wrong.is_empty() {
        Exit::Ok
    } else {
        Exit::Tests
    })
}

impl<'a> Bench<'a> {
    fn new(context: &'a Context, pages: Pages, task: &Task<'_>) -> Result<Bench<'a>, Failure> {
        let cache = prepare::cache(context)?;
        // rustc reads the tests' programs where they are.
        let programs = Bind::read(Project::this().root().join("tools/ll2c"));
        let toolchain = prepare::tools(context, &cache, task, &[programs])?;
        let dir = cache.folder("differential/work").map_err(Failure::infra)?;
        let lock = cache.lock("differential", task).map_err(Failure::infra)?;
        Ok(Bench {
            context,
            cache,
            toolchain,
            pages,
            dir,
            _lock: lock,
        })
    }

    /// Runs suites for subjects (all, if none are named); their rows, and which did not end well.
    fn run(
        &self,
        asked: &BTreeSet<Programs>,
        args: &cli::Differential,
        task: &Task<'_>,
    ) -> Result<(Vec<Row>, Vec<String>), Failure> {
        let mut failed = Vec::new();
        let rows = self.dir.join("rows.jsonl");
        fs::write(&rows, "").map_err(Failure::infra)?;
        task.step("building ll2c");
        let ll2c = self.publish("ll2c")?;
        let runner = self.publish("ll2c-suites")?;
        for &suite in asked {
            let chosen = self.pages.chosen(suite, &args.subjects);
            // The project's own programs run on all of theirs at once.
            let subjects = match suite {
                Programs::Own if args.subjects.is_empty() => vec!["all".into()],
                Programs::Own if !chosen.is_empty() => vec![chosen.join(" ")],
                _ => chosen,
            };
            for subject in subjects {
                let name = suites::name(suite);
                let programs: &[&Path] = match suite {
                    Programs::Own => &[&ll2c],
                    _ => &[&ll2c, &runner],
                };
                let kept = self.kept(suite, &subject, args.sample, programs)?;
                let mut text = fs::read_to_string(&rows).map_err(Failure::infra)?;
                if let Some(known) = kept.rows().filter(|_| args.resume) {
                    println!("{name} on {subject}: as it was with the same ll2c and tools");
                    text += &known;
                    fs::write(&rows, text).map_err(Failure::infra)?;
                    continue;
                }
                kept.forget();
                let start = Instant::now();
                let well = if suite == Programs::Own {
                    let mut env = Vec::new();
                    if args.sample {
                        env.push(("LL2C_LEVELS", "-O2"));
                    }
                    if !args.subjects.is_empty() {
                        env.push(("LL2C_SUBJECTS", subject.as_str()));
                    }
                    let kernel = self.kernel_ir(task)?.map(|ir| ir.display().to_string());
                    if let Some(ir) = kernel
                        .as_ref()
                        .filter(|_| std::env::var_os("LL2C_IR").is_none())
                    {
                        env.push(("LL2C_IR", ir.as_str()));
                    }
                    task.step("running the project's own programs");
                    self.own(&ll2c, &rows, &env, &[])?
                } else {
                    task.step(&format!("running {name} on {subject}"));
                    self.suite(suite, &subject, &runner, &ll2c, &rows, args.sample, task)?
                };
                let all = fs::read_to_string(&rows).map_err(Failure::infra)?;
                let new = all.strip_prefix(&text).unwrap_or_default();
                let new = table::timed(new, start.elapsed())?;
                text += &new;
                fs::write(&rows, text).map_err(Failure::infra)?;
                if !well {
                    failed.push(format!("{name} on {subject}: failed"));
                } else if !self.context.stop.requested() {
                    kept.keep(&new)?;
                }
            }
        }
        Ok((table::read(&rows)?, failed))
    }

    /// What was to be run and has no row.
    fn missing(
        &self,
        asked: &BTreeSet<Programs>,
        subjects: &[String],
        rows: &[Row],
    ) -> Vec<String> {
        let mut list = Vec::new();
        for &suite in asked {
            for subject in self.pages.chosen(suite, subjects) {
                let there = |r: &Row| r.suite == suites::name(suite) && r.subject == subject;
                if !rows.iter().any(there) {
                    list.push(format!("{} did not run on {subject}", suites::name(suite)));
                }
            }
        }
        list
    }

    /// Builds a program of the project and puts it where the tools see it.
    fn publish(&self, package: &str) -> Result<PathBuf, Failure> {
        let made = cargo::build_static(package, &self.context.stop).map_err(Failure::build)?;
        let to = self.dir.join(package);
        // Another file, not another content: the old one may still run.
        let _ = fs::remove_file(&to);
        fs::copy(&made, &to).map_err(Failure::infra)?;
        Ok(to)
    }

    /// The differential tests of ll2c: those named, or all of them, with variables of theirs.
    fn own(
        &self,
        ll2c: &Path,
        rows: &Path,
        env: &[(&str, &str)],
        names: &[String],
    ) -> Result<bool, Failure> {
        let dir = self
            .cache
            .folder("differential/own")
            .map_err(Failure::infra)?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = Project::this().root().join("Cargo.toml");
        let mut test = duct::cmd(
            cargo,
            [
                "test",
                "--release",
                "--quiet",
                "--locked",
                "--package=ll2c",
                "--test=differential",
                "--manifest-path",
                &manifest.to_string_lossy(),
                "--",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ]
            .into_iter()
            .map(str::to_owned)
            .chain(names.first().map(|_| "--exact".to_owned()))
            .chain(names.iter().cloned()),
        )
        .env("LL2C_TOOLCHAIN", self.toolchain.prefix().join("\n"))
        .env("LL2C_DIR", dir)
        .env("LL2C_BIN", ll2c)
        .env("LL2C_ROWS", rows);
        for (name, value) in env {
            test = test.env(name, value);
        }
        self.shown(&test, "cargo").map(|status| status.success())
    }

    /// Runs a program to its end, unless the user has enough of it.
    fn shown(&self, program: &duct::Expression, name: &str) -> Result<ExitStatus, Failure> {
        let failed = |e| Failure::infra(format!("failed to run {name}: {e}"));
        let status = follow::show(program, &self.context.stop).map_err(failed)?;
        status.ok_or_else(Failure::interrupted)
    }
}
