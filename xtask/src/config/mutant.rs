// SPDX-License-Identifier: GPL-2.0-only
//! A mutant: the heap, or what it stands on, with one thing broken.

use globset::Glob;
use serde::Deserialize;
use std::path::Path;

use super::yaml::{self, Error};
use super::{Edit, Exporter};

/// What stands in the new lines of an edit for "if this mutant is chosen".
pub const CHOSEN: &str = "MUTANT";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    edits: Vec<Edit>,
    #[serde(default = "own_heap")]
    exporter: String,
    suites: Option<String>,
    #[serde(default)]
    alone: bool,
    #[serde(default)]
    all_modes: bool,
    #[serde(default)]
    model: Option<String>,
    shows: Vec<String>,
}

fn own_heap() -> String {
    "system_rust".into()
}

/// One page of `configs/mutants`.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// What is wrong.
    pub summary: String,
    /// What is changed in a checkout to make it so.
    pub edits: Vec<Edit>,
    /// The exporter whose suites run.
    pub exporter: String,
    /// The suites that run, a glob as KUnit takes it; else all that can tell.
    pub suites: Option<String>,
    /// Whether it spoils a guest for those that come after it.
    pub alone: bool,
    /// Whether it runs in all modes of a cell's CPU, and not only in what that really does.
    pub all_modes: bool,
    /// The same change of the host's model, as [`aliasheap_kernel::mutation`] reads it. Without one, the mutant must be caught
    /// on every cell.
    pub model: Option<String>,
    /// Globs, one of which a hazard or a failure must meet that shows it: `CASE: WHAT; MISSING`.
    pub shows: Vec<String>,
}

impl Mutant {
    /// Whether it can be chosen in a running guest, so that it shares its kernel with others.
    pub fn is_chosen_at_run_time(&self) -> bool {
        self.edits.iter().any(|edit| edit.to.contains(CHOSEN))
    }

    /// What is changed, with the question whether this one, called `name`, is chosen.
    pub fn edits(&self, name: &str) -> Vec<Edit> {
        let question = |edit: &Edit| match edit.file.extension() {
            Some(e) if e == "rs" => {
                let inside = edit.file.components().any(|c| c.as_os_str() == "rust");
                let bindings = if inside { "" } else { "kernel::" };
                format!("(unsafe {{ {bindings}bindings::mutant_is(c\"{name}\".as_ptr().cast()) }})")
            }
            _ => format!(
                "({{ extern bool rust_helper_mutant_is(const char *); rust_helper_mutant_is(\"{name}\"); }})"
            ),
        };
        let edit = |edit: &Edit| Edit {
            to: edit.to.replace(CHOSEN, &question(edit)),
            ..edit.clone()
        };
        self.edits.iter().map(edit).collect()
    }
}

pub(super) fn load(
    path: &Path,
    name: &str,
    exporters: &std::collections::BTreeMap<String, Exporter>,
) -> Result<Mutant, Error> {
    let raw: Raw = yaml::load(path)?;
    let value = |key: &str, message: String| Error::value(path, key, message);
    if !exporters.contains_key(&raw.exporter) {
        return Err(value(
            "exporter",
            format!(
                "names an {}",
                super::unknown("exporter", &raw.exporter, exporters.keys())
            ),
        ));
    }
    if raw.shows.is_empty() {
        return Err(value(
            "shows",
            "names nothing, so that any failure would do".into(),
        ));
    }
    for (at, glob) in raw.shows.iter().enumerate() {
        let refuse = |e| value(&format!("shows.{at}"), format!("is not a glob: {e}"));
        Glob::new(glob).map_err(refuse)?;
    }
    if let Some(model) = &raw.model {
        aliasheap_kernel::mutation::check(model).map_err(|why| value("model", why))?;
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(value(
            "summary",
            "the file's name must be of letters, digits and `-`".into(),
        ));
    }
    Ok(Mutant {
        summary: raw.summary,
        edits: raw.edits,
        exporter: raw.exporter,
        suites: raw.suites,
        alone: raw.alone,
        all_modes: raw.all_modes,
        model: raw.model,
        shows: raw.shows,
    })
}

/// `configs/mutation.yaml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mutation {
    /// What makes of the heap one that can be any mutant.
    pub(super) edits: Vec<Edit>,
}
