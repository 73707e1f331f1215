// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask self series`: patches as mails, with a cover letter that says what was and what was not tested.

mod build;
mod mail;
mod tested;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Context, named, prepare, report};
use crate::cli;
use crate::config::{Message, Series};
use crate::exit::{Exit, Failure};
use crate::follow::{self, End};
use crate::progress::Progress as _;
use mail::Letter;

pub(super) fn series(context: &Context, args: &cli::Series) -> Result<Exit, Failure> {
    let config = context.config()?;
    let series = named("series", &args.name, &config.series)?;
    let task = context.ui.task("series");
    let cache = prepare::cache(context)?;
    let (_, source) = prepare::tools_and_source(context, &cache, &task, &[])?;
    let letters = letters(context, series)?;
    let run = args.report.as_deref();
    let run = run.map(|text| report::find(context, text)).transpose()?;
    let tested = match &run {
        Some(run) => tested::text(run, &config),
        None => "No report of a run was at hand.\n".to_owned(),
    };

    task.step("applying them one by one");
    let applied = apply(context, &source.dir, &letters);
    let built = match (&applied, &args.build) {
        (Ok(()), Some(cell)) => {
            Some(build::build(context, series, &letters, cell, &source.dir)).transpose()
        }
        _ => Ok(None),
    };
    let tested = match (&built, &args.build) {
        (Ok(Some(())), Some(cell)) => tested + &tested::built(cell),
        _ => tested,
    };
    let untested = tested::untested(series, run.as_ref(), matches!(built, Ok(Some(()))));
    let total = letters.len();
    fs::create_dir_all(&args.to).map_err(Failure::infra)?;
    let cover = mail::cover(series, &letters, &tested, &untested);
    let texts = letters
        .iter()
        .enumerate()
        .map(|(at, letter)| (letter.file_name(at + 1), letter.text(at + 1, total)));
    let cover = std::iter::once(("0000-cover-letter.patch".to_owned(), cover));
    for (name, text) in cover.chain(texts) {
        let path = args.to.join(name);
        fs::write(&path, text).map_err(Failure::infra)?;
        println!("{}", path.display());
    }
    applied?;
    println!(
        "{total} patches apply to Linux {}, one by one",
        source.version
    );
    if built?.is_some() {
        println!("a kernel builds with each of them, and the suites pass with all");
    }
    Ok(Exit::Ok)
}

/// All mails, in order.
fn letters(context: &Context, series: &Series) -> Result<Vec<Letter>, Failure> {
    let overlay = overlay(&context.project.overlay())?;
    // What is in a tree by now, of files that come in parts.
    let mut there: BTreeMap<&str, String> = BTreeMap::new();
    let mut letters = Vec::new();
    for mail in &series.mails {
        let mut letter = match &mail.message {
            Message::New { subject, text } => Letter::new(subject, text),
            Message::Patch(name) => {
                let path = context.project.patches().join(name);
                let text = fs::read_to_string(&path).map_err(Failure::usage)?;
                Letter::of_patch(&text)
                    .map_err(|e| Failure::usage(format!("failed to mail {name}: {e}")))?
            }
        };
        for (file, text) in overlay.iter().filter(|(file, _)| mail.has(file)) {
            let text = match &mail.without {
                Some(word) => without(text, word),
                None => text.clone(),
            };
            let before = there.insert(file, text.clone());
            letter.add_file(file, before.as_deref(), &text);
        }
        letters.push(letter);
    }
    let wrong: Vec<&str> = overlay
        .iter()
        .filter(|&(file, text)| match there.get(file.as_str()) {
            Some(there) => there != text || series.is_elsewhere(file),
            None => !series.is_elsewhere(file),
        })
        .map(|(file, _)| file.as_str())
        .collect();
    if wrong.is_empty() {
        Ok(letters)
    } else {
        Err(Failure::usage(format!(
            "failed to make a series: it should have each file of kernel/overlay, but for those elsewhere, and has not, or only in part: {}",
            wrong.join(", ")
        )))
    }
}

/// All new files, by their paths in a tree.
fn overlay(dir: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry.map_err(Failure::infra)?;
        if entry.file_type().is_file() {
            let inside = entry.path().strip_prefix(dir).unwrap_or(entry.path());
            let text = fs::read_to_string(entry.path()).map_err(Failure::infra)?;
            files.insert(inside.to_string_lossy().into_owned(), text);
        }
    }
    Ok(files)
}

/// The lines that do not hold `word`.
fn without(text: &str, word: &str) -> String {
    let lines = text
        .split_inclusive('\n')
        .filter(|line| !line.contains(word));
    let text: String = lines.collect();
    format!("{}\n", text.trim_end())
}

/// Applies them, in order, to what they change of the kernel in `source`.
fn apply(context: &Context, source: &Path, letters: &[Letter]) -> Result<(), Failure> {
    let dir = tempfile::tempdir().map_err(Failure::infra)?;
    let changed: BTreeSet<&str> = letters.iter().flat_map(Letter::changes).collect();
    for file in changed {
        let (from, to) = (source.join(file), dir.path().join(file));
        if from.is_file() {
            fs::create_dir_all(to.parent().unwrap_or(&to)).map_err(Failure::infra)?;
            fs::copy(&from, &to).map_err(Failure::infra)?;
        }
    }
    for (at, letter) in letters.iter().enumerate() {
        let text = letter.text(at + 1, letters.len());
        let git = duct::cmd!("git", "apply", "-")
            .dir(dir.path())
            // No checkout around it is meant.
            .env("GIT_DIR", PathBuf::from("/dev/null"))
            .stdin_bytes(text)
            .stderr_to_stdout();
        let (end, said) = follow::capture(&git, &context.stop).map_err(Failure::infra)?;
        match end {
            _ if context.stop.requested() => return Err(Failure::interrupted()),
            End::Ended(status) if status.success() => {}
            _ => {
                return Err(Failure {
                    exit: Exit::Tests,
                    error: format!(
                        "failed to apply \"{}\": {}",
                        letter.subject,
                        String::from_utf8_lossy(&said).trim()
                    )
                    .into(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_later_are_left_out() {
        assert_eq!(without("a\nb kunit\n\nkunit\n", "kunit"), "a\n");
    }
}
