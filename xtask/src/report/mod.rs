// SPDX-License-Identifier: GPL-2.0-only
//! What a run is reported as: [`text`] on standard output, and files that the user asks for, one module a format.
//!
//! A further format is a module beside [`json`] and a row in [`Format`].

pub mod diff;
#[cfg(test)]
pub(crate) mod example;
pub mod html;
pub mod json;
pub mod junit;
pub mod kcidb;
pub mod merge;
pub mod text;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use fs_err::{self as fs, File};

use crate::results::Run;
use crate::results::identity::Commit;
use crate::ui::printable;

/// The formats of report files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// All that is known of the run, for programs: docs/report.schema.json
    Json,
    /// What a run prints
    Text,
    /// A page for people, one file
    Html,
    /// JUnit's XML, for CI systems
    Junit,
    /// For the kernel community's KCIDB, version 5.3 of its schema
    Kcidb,
}

impl Format {
    fn write(self, run: &Run, before: Option<&Run>, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Format::Json => json::write(run, out),
            Format::Html => html::write(run, before, out),
            Format::Junit => junit::write(run, out),
            Format::Kcidb => kcidb::write(run, out),
            Format::Text => {
                let text = text::render(run);
                out.write_all(console::strip_ansi_codes(&text).as_bytes())
            }
        }
    }
}

/// A report file that was asked for, as `FORMAT=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// How it is written.
    pub format: Format,
    /// Where.
    pub path: PathBuf,
}

/// Why a report can't be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the report to {}", path.display())]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let formats = || {
            let names = Format::value_variants().iter();
            let names = names.filter_map(|f| Some(f.to_possible_value()?.get_name().to_owned()));
            names.collect::<Vec<_>>().join(", ")
        };
        let (format, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or_else(|| {
                format!(
                    "FORMAT=FILE is needed, where FORMAT is one of: {}",
                    formats()
                )
            })?;
        let format = Format::from_str(format, false)
            .map_err(|_| format!("`{format}` is none of the formats: {}", formats()))?;
        Ok(Target {
            format,
            path: path.into(),
        })
    }
}

impl Target {
    /// Refuses a file that can't be written, so that this is known before a run and not after it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |source| Error {
            path: self.path.clone(),
            source,
        };
        match fs::metadata(&self.path) {
            Ok(there) if there.is_dir() => Err(refuse(io::ErrorKind::IsADirectory.into())),
            // A pipe or a device: opening one may wait for a reader.
            Ok(there) if !there.is_file() => Ok(()),
            Ok(_) => File::options()
                .append(true)
                .open(&self.path)
                .map(drop)
                .map_err(refuse),
            Err(_) => tempfile::tempfile_in(folder(&self.path))
                .map(drop)
                .map_err(refuse),
        }
    }

    /// Writes it. The page compares it with `before`, if that is given.
    ///
    /// # Errors
    /// [`Error`].
    pub fn write(&self, run: &Run, before: Option<&Run>) -> Result<(), Error> {
        let write = || {
            let mut text = Vec::new();
            self.format.write(run, before, &mut text)?;
            let written = fs::write(&self.path, text);
            if written.is_err() && self.path.is_file() {
                // Half of a report is worse than none.
                let _ = fs::remove_file(&self.path);
            }
            written
        };
        write().map_err(|source| Error {
            path: self.path.clone(),
            source,
        })
    }
}

/// A commit in short, with a `+` where there were changes that are not committed.
pub fn short(commit: &Commit) -> String {
    let hash = commit.commit.get(..12).unwrap_or(&commit.commit);
    format!("{hash}{}", if commit.dirty { "+" } else { "" })
}

/// Text of a guest or of a report from elsewhere, without what a terminal obeys or what changes the order in which it is read.
fn shown(text: &str) -> String {
    printable(text).into_owned()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: PathBuf) -> Target {
        Target {
            format: Format::Json,
            path,
        }
    }

    #[test]
    fn a_target_has_a_format_and_a_file() {
        let read = |text: &str| text.parse::<Target>();
        assert_eq!(read("json=a=b"), Ok(target("a=b".into())));
        for (text, says) in [
            ("json", "FORMAT=FILE"),
            ("json=", "FORMAT=FILE"),
            (
                "yaml=x",
                "`yaml` is none of the formats: json, text, html, junit, kcidb",
            ),
        ] {
            let said = read(text).expect_err(text);
            assert!(said.contains(says), "{text}: {said}");
        }
    }

    #[test]
    fn what_a_guest_printed_is_harmless_in_every_format() {
        let run = example::run();
        for format in Format::value_variants() {
            let mut text = Vec::new();
            format.write(&run, Some(&run), &mut text).expect("written");
            let text = String::from_utf8(text).expect("text");
            let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
            assert!(!text.contains(obeyed), "{format:?}");
            // JSON is for programs, which get what there is; a run bounds it before.
            if *format != Format::Json {
                assert!(!text.contains('\u{202e}'), "{format:?}");
            }
            assert!(text.len() > 500, "{format:?}");
        }
        assert!(text::render(&run).contains("heap_vmap.reads"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_refused_and_nothing_is_left() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| target(dir.path().join(name));
        at("new.json").check().expect("it can be written");
        assert!(fs::read_dir(dir.path()).expect("readable").next().is_none());
        for bad in [target(dir.path().to_owned()), at("no/such/folder.json")] {
            let error = bad.check().expect_err("it can't be written");
            assert!(error.to_string().contains("failed to write the report to"));
        }
        fs::write(dir.path().join("old.json"), "old").expect("written");
        at("old.json").check().expect("it can be written");
        assert_eq!(
            fs::read(dir.path().join("old.json")).expect("there"),
            b"old"
        );
        at("old.json")
            .write(&example::run(), None)
            .expect("written");
        let text = fs::read(dir.path().join("old.json")).expect("there");
        json::read(&text).expect("a report");
    }
}
