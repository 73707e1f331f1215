// SPDX-License-Identifier: GPL-2.0-only
//! A bug of history: one that the kernel once had and has fixed, what undoes the fix, and what the cache model must say then.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Edit;
use super::yaml::{self, Error};
use crate::vcsan::findings::{Hazard, Pattern};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOnExporter {
    undo: PathBuf,
    exporter: String,
    filter: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInModule {
    dir: PathBuf,
    edits: Vec<Edit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShown {
    cell: String,
    hazard: String,
    on_exporter: Option<RawOnExporter>,
    in_module: Option<RawInModule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    bug: String,
    commit: String,
    year: Option<u16>,
    hit: String,
    shown: Option<RawShown>,
    not_shown: Option<String>,
}

/// Where a bug is put back.
#[derive(Debug, Clone)]
pub enum How {
    /// Into the kernel, and the suites run on an exporter that has it then.
    OnExporter {
        /// The patch that puts it back, beside the page.
        undo: PathBuf,
        /// The exporter.
        exporter: String,
        /// The cases that show it, `SUITE.CASE`.
        filter: String,
    },
    /// Into a module that does what a larger part of the kernel did.
    InModule {
        /// Its folder, from the checkout's root.
        dir: PathBuf,
        /// What puts it back.
        edits: Vec<Edit>,
    },
}

/// How a bug is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The cell that has it then.
    pub cell: String,
    /// Where it is put back.
    pub how: How,
    hazard: Pattern,
}

impl Shown {
    /// Whether this is what must be reported.
    pub fn is(&self, hazard: &Hazard) -> bool {
        self.hazard.is_met_by(hazard)
    }
}

/// A bug, checked.
#[derive(Debug, Clone)]
pub struct History {
    /// What was wrong.
    pub bug: String,
    /// The commit that fixed it.
    pub commit: String,
    /// When that was, where it is known.
    pub year: Option<u16>,
    /// Where its message says that it hit.
    pub hit: String,
    /// How it is shown, or why it can't be.
    pub shown: Result<Shown, String>,
}

pub(super) fn load(path: &Path) -> Result<History, Error> {
    let raw: Raw = yaml::load(path)?;
    let value = |key: &str, message: String| Error::Value {
        path: path.to_owned(),
        key: key.into(),
        message,
    };
    let shown = match (raw.shown, raw.not_shown) {
        (Some(shown), None) => {
            let how = match (shown.on_exporter, shown.in_module) {
                (Some(on), None) => How::OnExporter {
                    undo: path.with_file_name("").join(&on.undo),
                    exporter: on.exporter,
                    filter: on.filter,
                },
                (None, Some(module)) => How::InModule {
                    dir: module.dir,
                    edits: module.edits,
                },
                _ => {
                    let message = "needs either `on_exporter` or `in_module`".into();
                    return Err(value("shown", message));
                }
            };
            Ok(Shown {
                cell: shown.cell,
                how,
                hazard: Pattern::parse(&shown.hazard).map_err(|why| value("shown.hazard", why))?,
            })
        }
        (None, Some(why)) => Err(why),
        _ => {
            return Err(value(
                "shown",
                "or `not_shown` must be there, and not both".into(),
            ));
        }
    };
    if let Ok(Shown {
        how: How::OnExporter { undo, .. },
        ..
    }) = &shown
        && !undo.is_file()
    {
        return Err(value(
            "shown.on_exporter.undo",
            format!("names {}, which does not exist", undo.display()),
        ));
    }
    Ok(History {
        bug: raw.bug,
        commit: raw.commit,
        year: raw.year,
        hit: raw.hit,
        shown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<History, String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.yaml");
        std::fs::write(&path, text).expect("the file is written");
        std::fs::write(dir.path().join("a.patch"), "").expect("the file is written");
        load(&path).map_err(|error| error.to_string())
    }

    const HEAD: &str = "bug: b\ncommit: c\nyear: 2011\nhit: h\n";
    const SHOWN: &str = "shown: {cell: c, hazard: 'stale read | vmap | * | *', \
        on_exporter: {undo: a.patch, exporter: e, filter: f}}\n";

    #[test]
    fn a_bug_is_shown_or_there_is_a_reason() {
        let shown = load_text(&format!("{HEAD}{SHOWN}")).expect("valid");
        let How::OnExporter { undo, .. } = shown.shown.expect("shown").how else {
            panic!("shown in a module");
        };
        assert!(undo.ends_with("a.patch"));
        let not = load_text(&format!("{HEAD}not_shown: n\n")).expect("valid");
        assert_eq!(not.shown.unwrap_err(), "n");
        for text in [HEAD.to_owned(), format!("{HEAD}{SHOWN}not_shown: n\n")] {
            let said = load_text(&text).unwrap_err();
            assert!(
                said.contains("`shown` or `not_shown` must be there"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_patch_that_is_missing_is_named() {
        let said = load_text(&format!("{HEAD}{SHOWN}").replace("a.patch", "b.patch")).unwrap_err();
        assert!(said.contains("b.patch, which does not exist"), "{said}");
    }
}
