// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask repro RUN[#WHAT]`: what failed in a run, once more, with the very files that it booted where they are there.

mod checkout;
mod mutants;

use std::path::{Path, PathBuf};

use fs_err::File;

use super::Context;
use super::prepare;
use super::runs::{hold, load, report_of};
use super::test::{self, Kept};
use crate::cli::{self, Global};
use crate::exit::{Exit, Failure};
use crate::media::Media;
use crate::progress::Progress as _;
use crate::repeat::Repeat;
use crate::results::identity::Commit;
use crate::results::{Cell, Run};

pub(super) fn repro(context: &Context, args: &cli::Repro) -> Result<Exit, Failure> {
    let runs = prepare::cache(context)?.path("runs");
    if let Some((kills, what)) = mutants::of(&runs, &args.what) {
        return mutants::again(context, &kills, what.as_deref(), args.dry_run);
    }
    let found = FoundRun::of(&runs, &args.what)?;
    let chosen = found.choose("repeat").map_err(Failure::usage)?;
    let mut worst = Exit::Ok;
    let mut warned = false;
    for chosen in chosen {
        let cell = chosen.cell;
        let mut repeat = chosen.repeat(&context.global)?;
        let (module, init) = (args.module.as_ref(), args.init.as_ref());
        repeat.test.tested = repeat.test.tested.moved(module, init);
        let kept = kept(&found.folder, cell);
        if kept.is_none() && !warned {
            found.compare(context, &repeat.global);
            warned = true;
        }
        println!("{}", repeat.line());
        if args.dry_run {
            continue;
        }
        let Repeat { global, test } = repeat;
        let mut again = Context::new(global, Some(&test), context.stop.clone())?;
        // An artefact lies anywhere.
        again.binds.extend(kept.iter().flat_map(Kept::folders));
        again.ui.task(&cell.cell).step(match kept {
            Some(_) => "booting the files of that run",
            None => "the files of that run are not here, building",
        });
        let exit = test::test(&again, &test, kept.as_ref())?;
        worst = if exit as u8 > worst as u8 {
            exit
        } else {
            worst
        };
        if exit == Exit::Interrupted {
            break;
        }
    }
    Ok(worst)
}

/// What `cell` was booted from, if that is there: beside the report, or where the run left it.
fn kept(folder: &Path, cell: &Cell) -> Option<Kept> {
    let then = cell.folder.as_deref()?;
    let here = then.file_name().map(|name| folder.join(name));
    let media = here.as_deref().and_then(Media::read);
    let media = media.or_else(|| Media::read(then))?;
    let plugin = media.image.parent()?.join("libvcsan.so");
    Some(Kept {
        plugin: plugin.is_file().then_some(plugin),
        media,
    })
}

impl Kept {
    /// Where it lies.
    fn folders(&self) -> Vec<PathBuf> {
        let Media {
            image,
            initramfs,
            symbols,
            modules,
            ..
        } = &self.media;
        let files = [image, initramfs, symbols].into_iter().chain(&self.plugin);
        let folders = files.filter_map(|file| file.parent());
        let mut folders: Vec<PathBuf> =
            folders.chain([modules.as_path()]).map(Into::into).collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

/// A run that was found, and what of it is wanted.
#[derive(Debug)]
pub(super) struct FoundRun {
    run: Run,
    /// Where its report lies.
    folder: PathBuf,
    what: Option<String>,
    /// What it booted must not be removed to make room for a later run.
    _held: Vec<File>,
}

/// One boot of it, and what to run there; none for all that ran.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    cell: &'a Cell,
    filter: Option<String>,
}

impl Chosen<'_> {
    /// The settings that it ran with, on this machine.
    pub(super) fn repeat(self, here: &Global) -> Result<Repeat, Failure> {
        let repeat = Repeat::read(&self.cell.repeat).map_err(Failure::usage)?;
        let repeat = repeat.at(here);
        Ok(match self.filter {
            Some(filter) => repeat.filtered(filter),
            None => repeat,
        })
    }
}

impl FoundRun {
    /// The run that `argument` begins with, which may be one of the folder `runs`, as [`report_of`] finds it.
    pub(super) fn of(runs: &Path, argument: &str) -> Result<FoundRun, Failure> {
        // A path may hold a # too.
        let (run, what) = match argument.rsplit_once('#') {
            Some((run, what)) if !Path::new(argument).exists() => (run, Some(what)),
            _ => (argument, None),
        };
        let report = report_of(runs, run).map_err(Failure::usage)?;
        let run = load(&report).map_err(Failure::usage)?;
        // What a shell's <(…) names lies nowhere.
        let real = std::fs::canonicalize(&report).unwrap_or(report);
        let folder = real.parent().unwrap_or(Path::new("")).to_owned();
        let boots = run.cells.iter().filter_map(|cell| cell.folder.as_deref());
        let mut folders: Vec<&Path> = boots.filter_map(Path::parent).chain([&*folder]).collect();
        folders.sort();
        folders.dedup();
        Ok(FoundRun {
            _held: folders.into_iter().filter_map(hold).collect(),
            run,
            folder,
            what: what.map(str::to_owned),
        })
    }

    /// Warns if what would be built on `global`'s checkout is not what was run.
    pub(super) fn compare(&self, context: &Context, global: &Global) {
        let checkout = global.checkout.as_deref();
        let now = Commit::of(checkout.unwrap_or(context.project.root()), &context.stop);
        if let Some(text) = checkout::differs(&self.run.identity, now.as_ref()) {
            context.ui.task("checkout").warn(&text);
        }
    }

    /// The boots that failed, or the one that is asked for, whatever came of it. `what_to` is what it is chosen for.
    pub(super) fn choose(&self, what_to: &str) -> Result<Vec<Chosen<'_>>, String> {
        let Some(what) = &self.what else {
            let failed = self.run.cells.iter().filter(|c| c.verdict.is_failure());
            let failed: Vec<_> = failed.map(|cell| Chosen { cell, filter: None }).collect();
            return if failed.is_empty() {
                Err(format!(
                    "failed to choose what to {what_to}: nothing failed in that run; name a CELL, a SUITE.CASE or both after a #"
                ))
            } else {
                Ok(failed)
            };
        };
        let choices = self.choices(what);
        let choices = match choices.iter().filter(|(_, failed)| *failed).count() {
            0 => choices,
            // What failed is meant, where it passed elsewhere.
            _ => choices.into_iter().filter(|(_, failed)| *failed).collect(),
        };
        match choices.len() {
            1 => Ok(choices.into_iter().map(|(chosen, _)| chosen).collect()),
            0 => Err(format!(
                "failed to find {what} in that run: it has {}",
                self.cells().join(", ")
            )),
            _ => Err(format!(
                "failed to choose what to {what_to}: {what} ran on {}; write CELL/{what}",
                choices
                    .iter()
                    .map(|(c, _)| c.cell.cell.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    }

    /// All that `what` may mean, and whether it failed.
    fn choices(&self, what: &str) -> Vec<(Chosen<'_>, bool)> {
        let (name, test) = match what.split_once('/') {
            Some((cell, test)) => (Some(cell), Some(test)),
            None if self.run.cells.iter().any(|c| c.cell == what) => (Some(what), None),
            None => (None, Some(what)),
        };
        let cells = self.run.cells.iter();
        let cells = cells.filter(|c| name.is_none_or(|name| c.cell == name));
        let Some(test) = test else {
            return cells
                .map(|cell| (Chosen { cell, filter: None }, cell.verdict.is_failure()))
                .collect();
        };
        let (suite, case) = match test.split_once('.') {
            Some((suite, case)) => (suite, Some(case)),
            None => (test, None),
        };
        let found = cells.filter_map(|cell| {
            let suite = cell.suites.iter().find(|s| s.name == suite)?;
            let (verdict, filter) = match case {
                Some(case) => {
                    let found = suite
                        .cases
                        .iter()
                        .find(|c| c.name == case || c.name.split('.').next() == Some(case))?;
                    // A parameter of a case can't be chosen.
                    let case = case.split('.').next().unwrap_or(case);
                    (found.verdict, format!("{}.{case}", suite.name))
                }
                None => (suite.verdict, suite.name.clone()),
            };
            let filter = Some(filter);
            Some((Chosen { cell, filter }, verdict.is_failure()))
        });
        found.collect()
    }

    fn cells(&self) -> Vec<&str> {
        let mut cells: Vec<&str> = self.run.cells.iter().map(|c| c.cell.as_str()).collect();
        cells.dedup();
        cells
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::runs::{REPORT, RunFolder};
    use super::*;
    use crate::cli::Cli;
    use crate::report;
    use crate::results::{Case, Identity, Suite};
    use crate::verdict::Verdict;

    fn run() -> Run {
        let case = |name: &str, verdict| Case {
            name: name.into(),
            verdict,
            ..Case::default()
        };
        let cell = |name: &str, verdict| Cell {
            cell: name.into(),
            verdict,
            set: "heap".into(),
            repeat: format!(
                "cargo xtask test {name} --set heap --cache /theirs --jobs 9 --patience 2"
            ),
            suites: vec![Suite {
                name: "vmap".into(),
                verdict,
                cases: vec![case("one", Verdict::Passed), case("two.3", verdict)],
                ..Suite::default()
            }],
            ..Cell::default()
        };
        let cells = [
            ("a", Verdict::Passed),
            ("b", Verdict::Hazard),
            ("c", Verdict::Failed),
        ];
        let cells = cells.map(|(name, verdict)| cell(name, verdict)).into();
        Run::new(Identity::default(), cells, 1.0)
    }

    fn write(run: &Run, path: &Path) {
        let mut json = Vec::new();
        report::json::write(run, &mut json).expect("written");
        fs_err::write(path, json).expect("written");
    }

    fn chosen(what: &str) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(&run(), &dir.path().join(REPORT));
        let argument = format!("{}{what}", dir.path().display());
        let found = FoundRun::of(dir.path(), &argument).map_err(|e| e.error.to_string())?;
        let chosen = found.choose("repeat")?;
        let here = Cli::parse_from(["xtask", "list"]).global;
        let lines = chosen
            .into_iter()
            .map(|chosen| chosen.repeat(&here).expect("it is one").line());
        Ok(lines.collect())
    }

    #[test]
    fn all_that_failed_or_one_of_it() {
        let b = "cargo xtask test b --set heap";
        let whole = |cell: &str| format!("cargo xtask test {cell} --set heap --patience 2");
        assert_eq!(chosen(""), Ok(vec![whole("b"), whole("c")]));
        assert_eq!(chosen("#a"), Ok(vec![whole("a")]));
        let two = format!("{b} --filter vmap.two --patience 2");
        for what in ["#b/vmap.two", "#b/vmap.two.3"] {
            assert_eq!(chosen(what), Ok(vec![two.clone()]), "{what}");
        }
        assert_eq!(
            chosen("#b/vmap"),
            Ok(vec![format!("{b} --filter vmap --patience 2")])
        );
    }

    #[test]
    fn what_is_repeated_is_not_removed_to_make_room_for_that() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (runs, elsewhere) = (dir.path().join("runs"), dir.path().join("r.json"));
        fs_err::create_dir(&runs).expect("created");
        let later = |number: usize| {
            let made = RunFolder::make(&runs).expect("made");
            // All of one second have one name.
            let folder = runs.join(format!("2000{number}"));
            fs_err::rename(made.path(), &folder).expect("renamed");
            folder
        };
        let folders: Vec<PathBuf> = (10..40).map(later).collect();
        let oldest = folders.iter().find(|folder| folder.exists());
        let oldest = oldest.expect("some are kept").clone();
        let mut run = run();
        run.cells[1].folder = Some(oldest.join("b-heap"));
        write(&run, &oldest.join(REPORT));
        write(&run, &elsewhere);
        for (number, report) in [(40, &oldest), (41, &elsewhere)] {
            let argument = report.display().to_string();
            let found = FoundRun::of(&runs, &argument).expect("a run");
            later(number);
            assert!(oldest.exists(), "{argument}");
            drop(found);
        }
        later(42);
        assert!(!oldest.exists(), "nobody holds it any more");
    }

    #[test]
    fn what_is_not_one_boot_is_refused_with_what_there_is() {
        for (what, says) in [
            ("#vmap.two", "ran on b, c; write CELL/vmap.two"),
            ("#d", "it has a, b, c"),
            ("#b/vmap.three", "failed to find"),
            ("/nothing", "failed to find the run"),
        ] {
            let said = chosen(what).expect_err(what);
            assert!(said.contains(says), "{what}: {said}");
        }
    }
}
