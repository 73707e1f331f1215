// SPDX-License-Identifier: GPL-2.0-only
//! The folders of runs in the cache folder: one is made for each run, and old ones are removed.

use std::io;
use std::path::{Path, PathBuf};

use fs_err::{self as fs, File};

use crate::cause::chain;
use crate::quote::shell_words;
use crate::report::{Format, Target, json};
use crate::results::Run;

/// How many runs' folders are kept.
const RUNS: usize = 20;

/// In a run's folder, locked as long as the run goes on.
const LOCK: &str = ".lock";

/// In a run's folder, its JSON report.
pub(super) const REPORT: &str = "report.json";

/// In a run's folder, the words after `cargo xtask`, for those that write no report.
const COMMAND: &str = "command";

/// In the folder of a run that nobody has to look at any more.
const PASSED: &str = ".passed";

/// A run's own folder, which nobody removes while this is kept.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Makes one in `runs`, named by the time, and removes old ones so that [`RUNS`] are left: first those that passed, then
    /// the others, the oldest first. Those in use stay.
    ///
    /// # Errors
    /// It can't be made.
    pub(super) fn make(runs: &Path) -> io::Result<RunFolder> {
        prune(runs)?;
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S");
        let path = runs.join(format!("{now}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        let lock = File::create(path.join(LOCK))?;
        lock.lock()?;
        let words = shell_words(std::env::args_os().skip(1));
        fs::write(path.join(COMMAND), words)?;
        Ok(RunFolder { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where its report goes.
    pub(super) fn report(&self) -> Target {
        Target {
            format: Format::Json,
            path: self.path.join(REPORT),
        }
    }

    /// Its name in the folder of runs.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Notes that the run passed, so that its folder goes before those of others.
    pub(super) fn passed(&self) {
        // Else it is kept a little longer.
        let _ = File::create(self.path.join(PASSED));
    }
}

/// The names of the runs in `runs`, oldest first.
pub(super) fn names(runs: &Path) -> Vec<String> {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// What the run in `folder` was told to do, as its folder says; nothing where that is from before it did.
pub(super) fn command(folder: &Path) -> String {
    fs::read_to_string(folder.join(COMMAND)).unwrap_or_default()
}

/// The run that the user calls `text`, see [`report_of`].
///
/// # Errors
/// A fragment that says what is missing, and what there is.
pub(super) fn find(runs: &Path, text: &str) -> Result<Run, String> {
    load(&report_of(runs, text)?)
}

/// The report of the run that the user calls `text`: the JSON file of a report, the folder of a run, the name of one in `runs` or the
/// beginning of that name, or `last`.
///
/// # Errors
/// A fragment that says what is missing, and what there is.
pub(super) fn report_of(runs: &Path, text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    if path.is_dir() {
        let report = path.join(REPORT);
        return if report.is_file() {
            Ok(report)
        } else {
            Err(format!(
                "failed to find a report: {} has no {REPORT}; a run writes that at its end",
                path.display()
            ))
        };
    }
    // Also what a shell's <(…) names.
    if path.exists() {
        return Ok(path.to_owned());
    }
    let has = |name: &&String| runs.join(name).join(REPORT).is_file();
    let names = names(runs);
    let reported: Vec<&String> = names.iter().filter(has).collect();
    let begin = |name: &&String| !text.is_empty() && name.starts_with(text);
    let found = match text {
        "last" => Vec::from_iter(reported.last().copied()),
        _ => reported.iter().copied().filter(begin).collect(),
    };
    match found[..] {
        [name] => Ok(runs.join(name).join(REPORT)),
        [] => Err(format!(
            "failed to find the run {text}: it is no file, no folder and none of the {} runs with a report in {}; `cargo xtask runs` lists them",
            reported.len(),
            runs.display()
        )),
        [first, .., last] => Err(format!(
            "failed to choose a run: the names of {} begin with {text}, from {first} to {last}",
            found.len()
        )),
    }
}

/// The report in the file at `path`.
///
/// # Errors
/// A fragment that names the file.
pub(super) fn load(path: &Path) -> Result<Run, String> {
    let text = fs::read(path).map_err(|e| chain(&e))?;
    json::read_printable(&text).map_err(|e| format!("failed to read {}: {e}", path.display()))
}

/// Keeps the run in `folder` from being removed for as long as this is kept; none where that is no run's folder.
pub(super) fn hold(folder: &Path) -> Option<File> {
    let lock = File::open(folder.join(LOCK)).ok()?;
    // A run that goes on holds it alone, and is not removed either.
    lock.try_lock_shared().ok()?;
    Some(lock)
}

fn prune(runs: &Path) -> io::Result<()> {
    let mut old: Vec<PathBuf> = fs::read_dir(runs)?
        .map(|e| e.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    let mut beyond = (old.len() + 1).saturating_sub(RUNS);
    old.sort_by_cached_key(|run| (!run.join(PASSED).exists(), run.clone()));
    for run in old {
        if beyond == 0 {
            break;
        }
        // One from before there was a lock is in nobody's use any more.
        let lock = File::open(run.join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_err()) {
            continue;
        }
        // Another run may be removing it too.
        let _ = fs::remove_dir_all(&run);
        beyond -= 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(runs: &Path, n: usize) -> PathBuf {
        let run = runs.join(format!("20000101T0000{n:02}-1"));
        fs::create_dir(&run).expect("created");
        run
    }

    fn names(runs: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(runs).expect("read");
        let mut names: Vec<_> = entries.map(|e| e.expect("entry").path()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_run_is_found_by_file_folder_name_and_as_the_last() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let runs = dir.path();
        let folders: Vec<PathBuf> = (1..4).map(|n| run(runs, n)).collect();
        let mut report = crate::report::example::run();
        for (at, folder) in folders[..2].iter().enumerate() {
            report.identity.name = Some(at.to_string());
            let path = folder.join(REPORT);
            let format = Format::Json;
            Target { format, path }
                .write(&report, None)
                .expect("written");
        }
        let found = |text: &str| find(runs, text).map(|run| run.identity.name.expect("a name"));
        let path = |path: PathBuf| path.to_str().expect("text").to_owned();
        // The newest one has no report: it goes on, or was killed.
        assert_eq!(found("last"), Ok("1".into()));
        assert_eq!(found("20000101T000001"), Ok("0".into()));
        assert_eq!(found(&path(folders[0].clone())), Ok("0".into()));
        assert_eq!(found(&path(folders[1].join(REPORT))), Ok("1".into()));
        for text in ["", "1999", "20000101T000003-1"] {
            let said = found(text).expect_err(text);
            assert!(said.contains("none of the 2 runs"), "{said}");
        }
        let said = found("20000101T").expect_err("both");
        assert!(said.contains("the names of 2 begin with"), "{said}");
        let said = found(&path(folders[2].clone())).expect_err("no report");
        assert!(said.contains("has no report.json; a run writes"), "{said}");
        let said = found("/dev/null").expect_err("no report");
        assert!(said.contains("it is no report"), "{said}");
    }

    #[test]
    fn only_the_newest_runs_are_kept() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let old: Vec<PathBuf> = (0..RUNS + 3).map(|n| run(dir.path(), n)).collect();
        let made = RunFolder::make(dir.path()).expect("made");
        assert_eq!(
            command(made.path()),
            shell_words(std::env::args_os().skip(1))
        );
        let left = names(dir.path());
        assert_eq!(left.len(), RUNS);
        assert_eq!(left.last().map(PathBuf::as_path), Some(made.path()));
        assert_eq!(left[0], old[4]);
    }

    #[test]
    fn runs_in_use_stay_and_those_that_passed_go_first() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut kept = Vec::new();
        for n in 0..RUNS + 2 {
            let run = run(dir.path(), n);
            match n {
                // In use, though it passed.
                0 => {
                    File::create(run.join(PASSED)).expect("created");
                    let lock = File::create(run.join(LOCK)).expect("created");
                    lock.lock().expect("nobody else has it");
                    kept.push((run, Some(lock)));
                }
                // Failed, and old.
                1 => kept.push((run, None)),
                _ => drop(File::create(run.join(PASSED)).expect("created")),
            }
        }
        let made = RunFolder::make(dir.path()).expect("made");
        made.passed();
        let left = names(dir.path());
        assert_eq!(left.len(), RUNS);
        assert!(kept.iter().all(|(run, _)| left.contains(run)));
        // The run itself is in use too.
        for _ in 0..2 {
            prune(dir.path()).expect("pruned");
        }
        assert!(made.path().exists());
    }
}
