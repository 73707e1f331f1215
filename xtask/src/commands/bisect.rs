// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask bisect CELL --good REV --bad REV --kernel DIR`: `git bisect run` over a user's tree.
//!
//! It works on a clone of its own in the cache folder, so that the user's tree stays as it is, and goes on from there when
//! it is asked for the same again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Context, prepare};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;
use crate::report;
use crate::stop::Stop;
use crate::toolchain::Command;
use crate::verdict::Verdict;

/// What `git bisect run` takes of a program: the revision is good, bad, can't be told, or nothing is known and it must stop.
const GOOD: u8 = 0;
const BAD: u8 = 1;
const SKIP: u8 = 125;
const STOP: u8 = 255;

/// Below the clone's `.git`, while a bisection goes on.
const LOG: &str = "BISECT_LOG";

pub(super) fn bisect(context: &Context, args: &cli::Bisect) -> Result<ExitCode, Failure> {
    if args.step {
        let verdict = tested(context, &context.global, args)?;
        return Ok(ExitCode::from(status(verdict)));
    }
    let (Some(kernel), Some(good), Some(bad)) = (&context.global.kernel, &args.good, &args.bad)
    else {
        return Err(Failure::usage(
            "failed to bisect: --kernel DIR, a kernel's git tree, --good REV and --bad REV are needed",
        ));
    };
    let config = context.config()?;
    super::named("cell", &args.cell, &config.cells)?;
    let cache = prepare::cache(context)?;
    let task = context.ui.task("bisect");
    let stop = &context.stop;
    let revision = |name: &str| -> Result<String, Failure> {
        let commit = format!("{name}^{{commit}}");
        let found = crate::git::reading(kernel, stop).and_then(|git| {
            let git = git.args(["rev-parse", "--verify", "--quiet", &commit]);
            git.read(stop).ok()
        });
        let found = found.ok_or_else(|| {
            Failure::usage(format!(
                "failed to find the revision {name} in {}",
                kernel.display()
            ))
        })?;
        Ok(found.trim().to_owned())
    };
    let ends = [
        (BAD, bad.as_str(), revision(bad)?),
        (GOOD, good.as_str(), revision(good)?),
    ];
    let [(_, _, bad), (_, _, good)] = &ends;
    let id = identity(kernel, &args.cell, &args.tested, good, bad);
    let _lock = cache.lock(&format!("bisect-{id}"), &task)?;
    let folder = cache.folder("bisect").map_err(Failure::infra)?.join(id);
    let clone = folder.join("linux");
    let mut global = context.global.clone();
    global.kernel = Some(clone.clone());
    if clone.exists() {
        task.step(&format!("going on in {}", clone.display()));
    } else {
        task.step("cloning the tree");
        cloned(stop, kernel, &clone)?;
    }
    if !clone.join(".git").join(LOG).is_file() {
        check(stop, &clone, &ends, |name| {
            task.step(&format!("testing {name}"));
            tested(context, &global, args)
        })?;
        git(stop, &clone, &["bisect", "start", bad, good])?;
    }
    drop(task);
    let program = std::env::current_exe().map_err(Failure::infra)?;
    let mut words: Vec<OsString> = ["bisect", "run"].map(OsString::from).into();
    words.push(program.into());
    words.extend(["bisect".into(), "--step".into(), args.cell.clone().into()]);
    words.extend(args.tested.words());
    words.extend(global.words());
    let ran = Command::host("git")
        .args(["-C".into(), clone.clone().into_os_string()])
        .args(words)
        .run(stop, |line| println!("{line}"));
    if stop.requested() {
        return Err(interrupted());
    }
    let log = git(stop, &clone, &["bisect", "log"])?;
    println!("{}", log.trim_end());
    let undecided = is_undecided(&log);
    if let (Err(error), false) = (ran, undecided) {
        return Err(Failure::infra(format!(
            "failed to finish the bisection, the same command goes on from here: {error}"
        )));
    }
    // The result has been printed, and the next one of the same begins anew.
    crate::cache::remove(&folder).map_err(Failure::infra)?;
    if undecided {
        return Err(Failure {
            exit: Exit::Tests,
            error: "failed to name one commit: those that are left can't be tested".into(),
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// What git prints.
fn git(stop: &Stop, dir: &Path, words: &[&str]) -> Result<String, Failure> {
    Command::host("git")
        .args(["-C".into(), dir.as_os_str().to_owned()])
        .args(words)
        .read(stop)
        .map_err(Failure::usage)
}

fn interrupted() -> Failure {
    Failure {
        error: "interrupted; the same command goes on from here".into(),
        ..Failure::interrupted()
    }
}

/// Makes `clone` of the tree `kernel`, as a whole or not at all.
fn cloned(stop: &Stop, kernel: &Path, clone: &Path) -> Result<(), Failure> {
    let folder = clone.parent().unwrap_or(clone);
    if folder.exists() {
        crate::cache::remove(folder).map_err(Failure::infra)?;
    }
    fs_err::create_dir_all(folder).map_err(Failure::infra)?;
    let half = folder.join("half");
    let (from, to) = (kernel.display().to_string(), half.display().to_string());
    git(
        stop,
        folder,
        &["clone", "--quiet", "--shared", "--no-checkout", &from, &to],
    )?;
    fs_err::rename(half, clone).map_err(Failure::infra)
}

/// Checks that the ends of what is searched are what the user takes them for: git would not, and name a wrong commit, or none
/// after it has tried all. What held before an interruption is not tested again.
fn check(
    stop: &Stop,
    clone: &Path,
    ends: &[(u8, &str, String)],
    mut tested: impl FnMut(&str) -> Result<Verdict, Failure>,
) -> Result<(), Failure> {
    for (expected, name, commit) in ends {
        let word = if *expected == GOOD { "good" } else { "bad" };
        let held = clone.join(".git").join(format!("aliasheap-{word}"));
        if held.is_file() {
            continue;
        }
        git(stop, clone, &["checkout", "--quiet", "--detach", commit])?;
        let verdict = tested(name)?;
        match status(verdict) {
            found if found == *expected => fs_err::write(held, commit).map_err(Failure::infra)?,
            STOP if stop.requested() => return Err(interrupted()),
            STOP => {
                return Err(Failure::infra(format!(
                    "failed to test {name}, the same command tries again"
                )));
            }
            _ => {
                return Err(Failure::usage(format!(
                    "failed to bisect: {name}, which is given as {word}, ends with the verdict {verdict}"
                )));
            }
        }
    }
    Ok(())
}

/// Whether git has come to its end without a result.
fn is_undecided(log: &str) -> bool {
    log.lines()
        .any(|line| line.starts_with("# only skipped commits left"))
}

/// The name of the folder of one bisection.
fn identity(kernel: &Path, cell: &str, tested: &cli::Tested, good: &str, bad: &str) -> String {
    let text = format!("{kernel:?} {cell} {:?} {good} {bad}", tested.words());
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// What comes of the revision that git has checked out in the tree of `global`.
fn tested(context: &Context, global: &cli::Global, args: &cli::Bisect) -> Result<Verdict, Failure> {
    let folder = tempfile::tempdir().map_err(Failure::infra)?;
    let json: PathBuf = folder.path().join("report.json");
    let mut words: Vec<OsString> = vec!["test".into(), args.cell.clone().into()];
    words.extend(args.tested.words());
    words.extend(["--json".into(), json.clone().into()]);
    words.extend(global.words());
    let program = std::env::current_exe().map_err(Failure::infra)?;
    // What came of it stands in the report.
    let ran = Command::host(program)
        .args(words)
        .run(&context.stop, |line| println!("{line}"));
    if context.stop.requested() {
        return Ok(Verdict::Infra);
    }
    let Ok(text) = fs_err::read(&json) else {
        let why = ran.err().map_or(String::new(), |error| error.to_string());
        eprintln!("there is no report: {why}");
        return Ok(Verdict::Infra);
    };
    Ok(report::json::read(&text).map_err(Failure::infra)?.verdict)
}

/// What a verdict says of a revision.
fn status(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Passed | Verdict::Skipped | Verdict::Known => GOOD,
        Verdict::Flaky | Verdict::Failed | Verdict::Hazard | Verdict::Crashed | Verdict::Hung => {
            BAD
        }
        // Nothing of it ran that could be good or bad.
        Verdict::NoTests | Verdict::NotProven | Verdict::BootFailed | Verdict::BuildFailed => SKIP,
        Verdict::Infra => STOP,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree whose file `verdict` says in each commit what came of it; what git says is the first bad one.
    fn first_bad(verdicts: &[Verdict]) -> Result<usize, String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let git = |words: &[&str]| {
            let config = ["-c", "user.name=x", "-c", "user.email=x@x"];
            let run = duct::cmd("git", config.iter().chain(words))
                .dir(dir.path())
                .stderr_to_stdout()
                .stdout_capture()
                .unchecked()
                .run()
                .expect("git");
            (
                run.status.success(),
                String::from_utf8_lossy(&run.stdout).into_owned(),
            )
        };
        git(&["init", "--quiet"]);
        for (number, verdict) in verdicts.iter().enumerate() {
            let line = format!("exit {} # {number}\n", status(*verdict));
            fs_err::write(dir.path().join("verdict"), line).expect("written");
            git(&["add", "verdict"]);
            git(&["commit", "--quiet", "-m", &format!("commit {number}")]);
        }
        let last = verdicts.len() - 1;
        git(&["bisect", "start", "HEAD", &format!("HEAD~{last}")]);
        let (done, said) = git(&["bisect", "run", "sh", "verdict"]);
        let found = said
            .lines()
            .find_map(|l| l.trim().strip_prefix("commit ")?.parse().ok());
        let (_, log) = git(&["bisect", "log"]);
        match found {
            Some(number) if done => Ok(number),
            _ if is_undecided(&log) => Err("undecided".into()),
            _ => Err(said),
        }
    }

    #[test]
    fn git_finds_the_first_bad_revision_and_skips_what_says_nothing() {
        use Verdict::*;
        let found = first_bad(&[Passed, Passed, Known, Hazard, Hazard]);
        assert_eq!(found, Ok(3));
        let found = first_bad(&[
            Passed,
            Skipped,
            BuildFailed,
            Passed,
            BootFailed,
            Passed,
            Crashed,
        ]);
        assert_eq!(found, Ok(6));
        let found = first_bad(&[Passed, Flaky, Hung]);
        assert_eq!(found, Ok(1));
        // Where it could be either, git says so.
        let said = first_bad(&[Passed, NotProven, NoTests, Failed]).expect_err("it can't be told");
        assert_eq!(said, "undecided");
        // A machine that is not up to it ends it.
        let said = first_bad(&[Passed, Infra, Infra, Failed]).expect_err("it stops");
        assert!(said.contains("exit code 255"), "{said}");
    }

    #[test]
    fn the_ends_are_tested_once_and_must_be_what_they_are_taken_for() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let kernel = dir.path().join("kernel");
        fs_err::create_dir(&kernel).expect("created");
        let stop = Stop::default();
        let git = |words: &[&str]| {
            let config = ["-c", "user.name=x", "-c", "user.email=x@x"];
            git(&stop, &kernel, &[&config, words].concat()).expect("git")
        };
        git(&["init", "--quiet"]);
        let commits = ["good", "bad"].map(|text| {
            fs_err::write(kernel.join("file"), text).expect("written");
            git(&["add", "file"]);
            git(&["commit", "--quiet", "-m", text]);
            git(&["rev-parse", "HEAD"]).trim().to_owned()
        });
        let [good, bad] = commits;
        let ends = [(BAD, "v2", bad), (GOOD, "v1", good)];
        let clone = dir.path().join("bisect/linux");
        cloned(&stop, &kernel, &clone).expect("cloned");
        // What is tested, and what comes of it.
        let check = |verdicts: [Verdict; 2]| {
            let mut tested = Vec::new();
            let checked = check(&stop, &clone, &ends, |name| {
                let text = fs_err::read_to_string(clone.join("file")).expect("checked out");
                tested.push(format!("{name}: {text}"));
                Ok(verdicts[usize::from(text == "bad")])
            });
            (checked.map_err(|e| (e.exit, e.error.to_string())), tested)
        };
        use Verdict::*;
        let (said, tested) = check([Passed, BuildFailed]);
        let why = "failed to bisect: v2, which is given as bad, ends with the verdict build-failed";
        assert_eq!(said, Err((Exit::Usage, why.into())));
        assert_eq!(tested, ["v2: bad"]);
        let (said, tested) = check([Infra, Hazard]);
        assert_eq!(said.expect_err("the disk").0, Exit::Infra);
        assert_eq!(tested, ["v2: bad", "v1: good"]);
        let (said, tested) = check([Failed, Hazard]);
        let why = "failed to bisect: v1, which is given as good, ends with the verdict failed";
        assert_eq!(said, Err((Exit::Usage, why.into())));
        assert_eq!(tested, ["v1: good"]);
        let (said, _) = check([Passed, Hazard]);
        assert_eq!(said, Ok(()));
        assert!(check([Passed, Passed]).1.is_empty());
    }

    #[test]
    fn the_same_question_has_the_same_folder() {
        let ask = |cell, filter: Option<&str>, good| {
            let tested = cli::Tested {
                filter: filter.map(Into::into),
                ..cli::Tested::default()
            };
            identity(Path::new("/k"), cell, &tested, good, "bad")
        };
        assert_eq!(ask("a", None, "g"), ask("a", None, "g"));
        assert_ne!(ask("a", None, "g"), ask("b", None, "g"));
        assert_ne!(ask("a", None, "g"), ask("a", Some("f"), "g"));
        assert_ne!(ask("a", None, "g"), ask("a", None, "h"));
    }
}
