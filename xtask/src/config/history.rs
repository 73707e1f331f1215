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
    #[serde(default)]
    edits: Vec<Edit>,
    undo: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInSet {
    undo: PathBuf,
    set: String,
    filter: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShown {
    cell: String,
    hazard: String,
    on_exporter: Option<RawOnExporter>,
    in_module: Option<RawInModule>,
    in_set: Option<RawInSet>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    bug: String,
    commit: Option<String>,
    year: Option<u16>,
    hit: String,
    shown: Option<RawShown>,
    not_shown: Option<String>,
}

/// What runs on a kernel with a bug.
#[derive(Debug, Clone)]
pub enum How {
    /// The suites, on an exporter that has it then.
    OnExporter {
        /// The exporter.
        exporter: String,
        /// The cases that show it, `SUITE.CASE`.
        filter: String,
    },
    /// A module that does what a larger part of the kernel did.
    InModule {
        /// Its folder, from the checkout's root.
        dir: PathBuf,
        /// What puts the bug back, if that is there.
        edits: Vec<Edit>,
    },
    /// A set of suites.
    InSet {
        /// The set.
        set: String,
        /// The cases that show it, `SUITE.CASE`.
        filter: String,
    },
}

/// How a bug is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The cell that has it then.
    pub cell: String,
    /// The patch that puts it back into the kernel, if that is where it was.
    pub undo: Option<PathBuf>,
    /// What runs then.
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
    /// The commit that fixed it, where it is known.
    pub commit: Option<String>,
    /// When that was, where it is known.
    pub year: Option<u16>,
    /// Where its message says that it hit.
    pub hit: String,
    /// How it is shown, or why it can't be.
    pub shown: Result<Shown, String>,
}

pub(super) fn load(path: &Path) -> Result<History, Error> {
    let raw: Raw = yaml::load(path)?;
    let value = |key: &str, message: String| Error::value(path, key, message);
    let shown = match (raw.shown, raw.not_shown) {
        (Some(shown), None) => {
            let (key, undo, how) = match (shown.on_exporter, shown.in_module, shown.in_set) {
                (Some(on), None, None) => {
                    let (exporter, filter) = (on.exporter, on.filter);
                    let how = How::OnExporter { exporter, filter };
                    ("on_exporter", Some(on.undo), how)
                }
                (None, Some(module), None) => {
                    let (dir, edits) = (module.dir, module.edits);
                    ("in_module", module.undo, How::InModule { dir, edits })
                }
                (None, None, Some(on)) => {
                    let (set, filter) = (on.set, on.filter);
                    ("in_set", Some(on.undo), How::InSet { set, filter })
                }
                _ => {
                    let message = "needs one of `on_exporter`, `in_module`, `in_set`".into();
                    return Err(value("shown", message));
                }
            };
            if undo.is_none() && matches!(&how, How::InModule { edits, .. } if edits.is_empty()) {
                let message = "needs `edits` or `undo`, else nothing is put back".into();
                return Err(value("shown.in_module", message));
            }
            let undo = undo.map(|file| path.with_file_name("").join(file));
            if let Some(missing) = undo.as_ref().filter(|file| !file.is_file()) {
                let message = format!("names {}, which does not exist", missing.display());
                return Err(value(&format!("shown.{key}.undo"), message));
            }
            Ok(Shown {
                cell: shown.cell,
                undo,
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
        fs_err::write(&path, text).expect("the file is written");
        fs_err::write(dir.path().join("a.patch"), "").expect("the file is written");
        load(&path).map_err(|error| error.to_string())
    }

    const HEAD: &str = "bug: b\ncommit: c\nyear: 2011\nhit: h\n";
    const SHOWN: &str = "shown: {cell: c, hazard: 'stale read | vmap | * | *', \
        on_exporter: {undo: a.patch, exporter: e, filter: f}}\n";

    #[test]
    fn a_bug_is_shown_or_there_is_a_reason() {
        let shown = load_text(&format!("{HEAD}{SHOWN}")).expect("valid");
        let shown = shown.shown.expect("shown");
        assert!(shown.undo.expect("a patch").ends_with("a.patch"));
        assert!(matches!(shown.how, How::OnExporter { .. }));
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
    fn a_module_that_nothing_is_put_back_for_is_refused() {
        let text = |how: &str| {
            format!("{HEAD}shown: {{cell: c, hazard: 'stale read | vmap | * | *', {how}}}\n")
        };
        let said = load_text(&text("in_module: {dir: d}")).unwrap_err();
        assert!(said.contains("needs `edits` or `undo`"), "{said}");
        load_text(&text("in_module: {dir: d, undo: a.patch}")).expect("valid");
        load_text(&text("in_set: {undo: a.patch, set: s, filter: f}")).expect("valid");
    }

    #[test]
    fn a_patch_that_is_missing_is_named() {
        let said = load_text(&format!("{HEAD}{SHOWN}").replace("a.patch", "b.patch")).unwrap_err();
        assert!(said.contains("b.patch, which does not exist"), "{said}");
    }
}
