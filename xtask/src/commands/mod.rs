// SPDX-License-Identifier: GPL-2.0-only
//! One file a command.

mod bench;
mod bisect;
mod clean;
mod clippy;
mod completions;
mod debug;
mod differential;
mod doctor;
mod drivers;
mod findings;
mod history;
mod instructions;
mod kbuild;
mod lava;
mod list;
mod made;
mod merge;
mod mutants;
mod pipelines;
mod prepare;
mod refused;
mod report;
mod repro;
mod run;
mod runs;
mod scratch;
mod series;
mod shell;
mod test;
mod tidy;
mod unused;
mod verdicts;

use globset::{Glob, GlobMatcher};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::{self, Cli, Command, Global};
use crate::config::{Config, unknown};
use crate::exit::{Exit, Failure};
use crate::project::Project;
use crate::stop::Stop;
use crate::ui::Ui;

/// What every command has at hand.
#[derive(Debug)]
struct Context {
    project: Project,
    /// Folders of the user's beside the checkout that the tools read.
    binds: Vec<PathBuf>,
    /// Globs of the cells that the tools are for; all, if there are none.
    cells: Vec<String>,
    /// The QEMU that boots, if not the toolchain's own.
    qemu: Option<String>,
    global: Global,
    stop: Stop,
    ui: Arc<Ui>,
}

impl Context {
    /// What a command with these options has at hand, `test` if it runs suites.
    fn new(global: Global, test: Option<&cli::Test>, stop: Stop) -> Result<Context, Failure> {
        let checkout = global.checkout.as_deref();
        let project = checkout.map_or_else(Project::this, Project::at);
        let own = test.map_or(Ok(None), made::own)?;
        let binds = own.into_iter().flat_map(|own| {
            let beside = own.init.as_ref().and_then(|init| init.parent());
            [Some(own.dir.clone()), beside.map(Path::to_owned)]
        });
        Ok(Context {
            binds: binds.flatten().collect(),
            cells: test.map_or_else(Vec::new, |test| test.cells.globs().cloned().collect()),
            qemu: test.and_then(|test| test.tested.qemu.clone()),
            project: project.with_fixes(test.is_some_and(|test| test.tested.fixes)),
            ui: Arc::new(Ui::new(global.verbose)),
            global,
            stop,
        })
    }

    /// The same for another checkout.
    fn at(&self, root: &Path) -> Context {
        Context {
            project: Project::at(root),
            binds: self.binds.clone(),
            cells: self.cells.clone(),
            qemu: self.qemu.clone(),
            global: self.global.clone(),
            stop: self.stop.clone(),
            ui: Arc::clone(&self.ui),
        }
    }

    fn config(&self) -> Result<Config, Failure> {
        Config::load(&self.project.configs()).map_err(Failure::usage)
    }
}

/// Does what the command line says.
///
/// # Errors
/// [`Failure`], where there is no report that could say what went wrong.
pub fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let stop = Stop::on_signals().map_err(Failure::infra)?;
    run_until(cli, &stop).map_err(|failure| match stop.requested() {
        // Whatever it was that did not come to its end.
        true => Failure::interrupted(),
        false => failure,
    })
}

fn run_until(cli: Cli, stop: &Stop) -> Result<ExitCode, Failure> {
    let global = cli.global.absolute().map_err(Failure::infra)?;
    let command = absolute(cli.command).map_err(Failure::infra)?;
    let test = match &command {
        Command::Test(args) => Some(&**args),
        _ => None,
    };
    let mut context = Context::new(global, test, stop.clone())?;
    if let Command::Run(args) = &command {
        let program = run::program(args)?;
        context.binds.extend(program.parent().map(Path::to_owned));
    }
    let exit = match command {
        Command::Run(args) => return run::run(&context, &args),
        Command::Bisect(args) => return bisect::bisect(&context, &args),
        Command::Doctor => doctor::doctor(&context),
        Command::Setup(args) => prepare::setup(&context, &args),
        Command::Lava(args) => lava::lava(&context, &args),
        Command::List { cases } => list::list(&context, cases),
        Command::Completions { shell } => completions::completions(shell),
        Command::Build(cells) => test::build(&context, &cells),
        Command::Test(args) => test::test(&context, &args, None),
        Command::Debug(args) => debug::debug(&context, &args),
        Command::Repro(args) => repro::repro(&context, &args),
        Command::Shell {
            cell,
            folder,
            timeout,
        } => {
            let timeout = Duration::from_secs(timeout);
            return shell::shell(&context, &cell, folder.as_deref(), timeout);
        }
        Command::Clean(args) => clean::clean(&context, &args),
        Command::Bench(args) => bench::bench(&context, &args),
        Command::Verdicts { names } => verdicts::verdicts(&context, &names),
        Command::Mutants(args) => mutants::mutants(&context, &args),
        Command::History(args) => history::history(&context, &args),
        Command::Drivers(args) => drivers::drivers(&context, &args),
        Command::Differential(args) => differential::differential(&context, &args),
        Command::Instructions(cells) => instructions::instructions(&context, &cells),
        Command::Refused(cells) => refused::refused(&context, &cells),
        Command::Clippy(cells) => clippy::clippy(&context, &cells),
        Command::Findings { runs } => findings::findings(&context, &runs),
        Command::Report(args) => report::report(&context, &args),
        Command::Diff { before, after } => report::diff(&context, &before, &after),
        Command::Merge(args) => merge::run(&context, &args),
        Command::Pipelines => pipelines::write(&context),
        Command::Runs => report::list(&context),
        Command::Series(args) => series::series(&context, &args),
        Command::Tidy => tidy::tidy(&context),
    };
    exit.map(ExitCode::from)
}

/// The same command, where paths are given on by words that are read elsewhere: in a report's repeat line, or in the tree that is
/// bisected.
fn absolute(command: Command) -> std::io::Result<Command> {
    Ok(match command {
        Command::Test(args) => Command::Test(Box::new(args.absolute()?)),
        Command::Bisect(args) => Command::Bisect(cli::Bisect {
            tested: args.tested.absolute()?,
            ..args
        }),
        other => other,
    })
}

/// The value of that name, or what the user may have meant.
fn named<'a, T>(
    what: &str,
    name: &str,
    all: &'a std::collections::BTreeMap<String, T>,
) -> Result<&'a T, Failure> {
    all.get(name)
        .ok_or_else(|| Failure::usage(unknown(what, name, all.keys())))
}

/// A glob that matches some of `names`. If it matches none, the error offers what is `known`.
fn glob<'a>(
    what: &str,
    text: &str,
    mut names: impl Iterator<Item = &'a String>,
    known: impl Iterator<Item = &'a String> + Clone,
) -> Result<GlobMatcher, Failure> {
    let matcher = Glob::new(text)
        .map_err(|e| Failure::usage(format!("failed to read the {what} {text}: {e}")))?
        .compile_matcher();
    if names.any(|name| matcher.is_match(name)) {
        Ok(matcher)
    } else {
        Err(Failure::usage(unknown(what, text, known)))
    }
}

/// What came of one page of several. That it does not fit is said of it, and the others have their turn, unless the user has had
/// enough.
fn of_page<T>(result: Result<T, Failure>) -> Result<Result<T, String>, Failure> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(failure) if failure.exit == Exit::Interrupted => Err(failure),
        Err(failure) => Ok(Err(crate::cause::chain(failure.error.as_ref()))),
    }
}

/// Those that `names` are the names of or globs for, each once, or all if there are none.
fn chosen<'a, T>(
    what: &str,
    names: &[String],
    all: &'a std::collections::BTreeMap<String, T>,
) -> Result<Vec<(&'a String, &'a T)>, Failure> {
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let mut found: Vec<(&String, &T)> = Vec::new();
    for name in names {
        let matcher = glob(what, name, all.keys(), all.keys())?;
        let before = found.len();
        for one in all.iter().filter(|(key, _)| matcher.is_match(key)) {
            if !found[..before].iter().any(|(key, _)| *key == one.0) {
                found.push(one);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_may_be_globs_and_each_is_taken_once() {
        let all: BTreeMap<String, ()> = ["oops", "oops-on-mips", "hang"]
            .map(|name| (name.to_owned(), ()))
            .into();
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            chosen("breakage", &names, &all)
                .map(|found| found.iter().map(|(name, ())| (*name).clone()).collect())
                .map_err(|failure| failure.error.to_string())
        };
        let ok = |names: &[&str]| Ok(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(chosen(&[]), ok(&["hang", "oops", "oops-on-mips"]));
        assert_eq!(chosen(&["oops*", "oops"]), ok(&["oops", "oops-on-mips"]));
        assert_eq!(chosen(&["hang"]), ok(&["hang"]));
        let said: Result<Vec<String>, String> = chosen(&["hung*"]);
        assert!(said.expect_err("none is called so").contains("hung*"));
    }
}
