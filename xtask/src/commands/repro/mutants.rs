// SPDX-License-Identifier: GPL-2.0-only
//! Mutants of an earlier run, once more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::report::kills;
use super::super::runs::REPORT;
use super::super::{Context, mutants};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::mutants::table::{KEPT, repeat};
use crate::results::Kill;

/// Outcomes of mutants in the run that `argument` begins with, and what of them is wanted; none if that is a run of tests.
pub(super) fn of(runs: &Path, argument: &str) -> Option<(Vec<Kill>, Option<String>)> {
    let (run, what) = match argument.rsplit_once('#') {
        Some((run, what)) if !Path::new(argument).exists() => (run, Some(what.to_owned())),
        _ => (argument, None),
    };
    let file = file(runs, run)?;
    // A file that is empty is neither, such as one that a full disk has cut off.
    let kills = kills(&file).ok().filter(|kills| !kills.is_empty())?;
    Some((kills, what))
}

/// The file with the outcomes of the run called `run`.
fn file(runs: &Path, run: &str) -> Option<PathBuf> {
    let path = Path::new(run);
    if path.is_file() {
        return Some(path.to_owned());
    }
    let folder = match path.is_dir() {
        true => path.to_owned(),
        false if run.is_empty() => return None,
        false => {
            let all = fs_err::read_dir(runs).ok()?;
            let mut all: Vec<PathBuf> = all.filter_map(|e| Some(e.ok()?.path())).collect();
            all.sort();
            let is = |path: &PathBuf| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(run)
            };
            all.into_iter().find(is)?
        }
    };
    let kept = folder.join(KEPT);
    (kept.is_file() && !folder.join(REPORT).is_file()).then_some(kept)
}

/// Boots them again: those whose outcome was wrong, or those that `what` names as MUTANT or CELL/MUTANT.
pub(super) fn again(
    context: &Context,
    kills: &[Kill],
    what: Option<&str>,
    dry_run: bool,
) -> Result<Exit, Failure> {
    let mut worst = Exit::Ok;
    for (mutant, wanted) in choose(kills, what).map_err(Failure::usage)? {
        let options = mutants::options(&context.global, wanted.equivalent);
        for cell in &wanted.cells {
            println!("{}", repeat(mutant, cell, wanted.all_modes, &options));
        }
        if dry_run {
            continue;
        }
        let args = cli::Mutants {
            names: vec![globset::escape(mutant)],
            globs: wanted.cells.iter().map(|c| globset::escape(c)).collect(),
            all_modes: wanted.all_modes,
            equivalent: wanted.equivalent,
            json: None,
        };
        let exit = mutants::mutants(context, &args)?;
        if exit as u8 > worst as u8 {
            worst = exit;
        }
        if exit == Exit::Interrupted {
            break;
        }
    }
    Ok(worst)
}

/// Where a mutant is to run again.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted<'a> {
    cells: Vec<&'a str>,
    /// Whether it ran in more than one mode on a cell.
    all_modes: bool,
    /// Whether it makes no difference somewhere, so that it would not be booted there.
    equivalent: bool,
}

fn choose<'a>(
    kills: &'a [Kill],
    what: Option<&str>,
) -> Result<BTreeMap<&'a str, Wanted<'a>>, String> {
    let (cell, mutant) = match what.map(|what| what.split_once('/').ok_or(what)) {
        Some(Ok((cell, mutant))) => (Some(cell), Some(mutant)),
        Some(Err(mutant)) => (None, Some(mutant)),
        None => (None, None),
    };
    let chosen = kills.iter().filter(|kill| {
        cell.is_none_or(|cell| kill.cell == cell)
            && mutant.map_or(!kill.is_right(), |mutant| kill.mutant == mutant)
    });
    let mut wanted: BTreeMap<&str, Wanted<'_>> = BTreeMap::new();
    for kill in chosen {
        let modes = kills
            .iter()
            .filter(|k| k.mutant == kill.mutant && k.cell == kill.cell);
        let wanted = wanted.entry(&kill.mutant).or_default();
        wanted.all_modes |= modes.count() > 1;
        wanted.equivalent |= kill.outcome == "equivalent";
        if !wanted.cells.contains(&kill.cell.as_str()) {
            wanted.cells.push(&kill.cell);
        }
    }
    match what {
        _ if !wanted.is_empty() => Ok(wanted),
        Some(what) => Err(format!(
            "failed to find the mutant {what} among the {} outcomes of that run",
            kills.len()
        )),
        None => Err("failed to choose what to repeat: all outcomes of that run are right; name a MUTANT or CELL/MUTANT after a #".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"{"mutant":"no-zeros","cell":"a","mode":"architectural","outcome":"killed","by":{"case":"c","what":"failed","missing":""}}
{"mutant":"no-zeros","cell":"b","mode":"architectural","outcome":"survived"}
{"mutant":"plan:x","cell":"b","mode":"architectural","outcome":"equivalent"}
{"mutant":"plan:x","cell":"b","mode":"speculative","outcome":"killed","by":{"case":"c","what":"failed","missing":""}}
"#;

    fn run(name: &str) -> tempfile::TempDir {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let folder = runs.path().join(name);
        fs_err::create_dir(&folder).expect("created");
        fs_err::write(folder.join(KEPT), LINES).expect("written");
        runs
    }

    #[test]
    fn a_run_of_mutants_is_found_by_file_folder_and_name() {
        let runs = run("20000101T000000-1");
        let folder = runs.path().join("20000101T000000-1");
        let path = |path: &Path| path.display().to_string();
        for (argument, what) in [
            (path(&folder), None),
            (path(&folder.join(KEPT)), None),
            ("20000101".to_owned(), None),
            ("20000101#b/plan:x".to_owned(), Some("b/plan:x")),
        ] {
            let (kills, of) = super::of(runs.path(), &argument).expect(&argument);
            assert_eq!((kills.len(), of.as_deref()), (4, what), "{argument}");
        }
        for other in ["", "1999", "last"] {
            assert!(super::of(runs.path(), other).is_none(), "{other}");
        }
        let empty = folder.join("empty.json");
        fs_err::write(&empty, "").expect("written");
        assert!(super::of(runs.path(), &path(&empty)).is_none());
        // A report of tests is no run of mutants.
        fs_err::write(folder.join(REPORT), "{}").expect("written");
        assert!(super::of(runs.path(), "20000101").is_none());
        assert!(super::of(runs.path(), &path(&folder.join(REPORT))).is_none());
    }

    #[test]
    fn what_was_wrong_is_repeated_or_what_is_named() {
        let runs = run("1");
        let (kills, _) = super::of(runs.path(), "1").expect("there");
        let of = |what| choose(&kills, what);
        let wrong = of(None).expect("one survived");
        assert_eq!(Vec::from_iter(wrong.keys()), [&"no-zeros"]);
        assert_eq!(wrong["no-zeros"].cells, ["b"]);
        assert_eq!(
            of(Some("no-zeros")).expect("there")["no-zeros"].cells,
            ["a", "b"]
        );
        let plan = Wanted {
            cells: vec!["b"],
            all_modes: true,
            equivalent: true,
        };
        assert_eq!(of(Some("b/plan:x")).expect("there")["plan:x"], plan);
        for gone in ["a/plan:x", "no-such"] {
            assert!(of(Some(gone)).expect_err(gone).contains(gone));
        }
        assert!(
            choose(&kills[..1], None)
                .expect_err("right")
                .contains("are right")
        );
    }
}
