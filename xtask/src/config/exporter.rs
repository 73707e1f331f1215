// SPDX-License-Identifier: GPL-2.0-only
//! An exporter of dma-bufs under test: where it comes from, how its buffers are made, and what it can't do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use super::Module;
use super::yaml::{self, Error};

/// Whose code an exporter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// This project's, from `kernel/overlay`.
    Overlay,
    /// The kernel tree's own.
    Tree,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCannot {
    pub(super) what: String,
    pub(super) why: String,
    pub(super) cases: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    from: Origin,
    file: PathBuf,
    #[serde(default)]
    fragments: Vec<String>,
    #[serde(default)]
    modules: Vec<Module>,
    #[serde(default)]
    command_line: BTreeMap<String, String>,
    parameters: Vec<String>,
    #[serde(default)]
    cannot: Vec<RawCannot>,
    #[serde(default)]
    not_on: BTreeMap<String, String>,
}

/// Something that an exporter can't do, or can't be done in a set, and the cases that would need it.
#[derive(Debug, Clone)]
pub struct Cannot {
    /// Such as "several mappings of one attachment".
    pub what: String,
    /// Why not.
    pub why: String,
    /// `SUITE.CASE`, globs as the kernel's `glob_match()` understands them.
    pub cases: Vec<String>,
    matchers: Vec<GlobMatcher>,
}

impl Cannot {
    /// Whether the case `suite.case` needs it.
    pub fn concerns(&self, test: &str) -> bool {
        self.matchers.iter().any(|glob| glob.is_match(test))
    }
}

/// An exporter, checked.
#[derive(Debug, Clone)]
pub struct Exporter {
    /// The file's stem, such as `system`.
    pub name: String,
    /// In words.
    pub summary: String,
    /// Whose code it is.
    pub from: Origin,
    /// Its code in a kernel tree.
    pub file: PathBuf,
    /// Kconfig fragments that it needs on top of those of a cell's kernel. With any, it has kernels of its own.
    pub fragments: Vec<String>,
    /// Its modules, in the order in which the guest loads them.
    pub modules: Vec<Module>,
    /// What the kernels named here are told on their command lines.
    pub command_line: BTreeMap<String, String>,
    /// How its buffers are made: `module.parameter=value` of the tests' module.
    pub parameters: Vec<String>,
    /// What it can't do.
    pub cannot: Vec<Cannot>,
    /// Cells that it can't be tested on, and why.
    pub not_on: BTreeMap<String, String>,
}

impl Exporter {
    /// What is added to the name of a kernel that is built for it; none where the cell's own kernel does.
    pub fn variant(&self) -> Option<String> {
        (!self.fragments.is_empty()).then(|| self.fragments.join("-"))
    }
}

pub(super) fn load(path: &Path, name: &str, kconfig: &Path) -> Result<Exporter, Error> {
    let raw: Raw = yaml::load(path)?;
    super::kernel::fragments(path, &raw.fragments, kconfig)?;
    let cannot = cannot(path, raw.cannot)?;
    Ok(Exporter {
        name: name.to_owned(),
        summary: raw.summary,
        from: raw.from,
        file: raw.file,
        fragments: raw.fragments,
        modules: raw.modules,
        command_line: raw.command_line,
        parameters: raw.parameters,
        cannot,
        not_on: raw.not_on,
    })
}

/// Checks the globs of what the page at `path` says that can't be done.
pub(super) fn cannot(path: &Path, all: Vec<RawCannot>) -> Result<Vec<Cannot>, Error> {
    let check = |(nth, raw): (usize, RawCannot)| {
        let cases = raw.cases.iter().enumerate();
        let matchers = cases.map(|(at, case)| match Glob::new(case) {
            Ok(glob) if case.contains('.') => Ok(glob.compile_matcher()),
            _ => Err(Error::value(
                path,
                &format!("cannot.{nth}.cases.{at}"),
                "is no glob of SUITE.CASE",
            )),
        });
        let matchers = matchers.collect::<Result<Vec<_>, _>>()?;
        if matchers.is_empty() {
            let message = format!("names no case that needs {}", raw.what);
            return Err(Error::value(path, &format!("cannot.{nth}.cases"), message));
        }
        Ok(Cannot {
            what: raw.what,
            why: raw.why,
            cases: raw.cases,
            matchers,
        })
    };
    all.into_iter().enumerate().map(check).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// One that can't do what the cases of `glob` need.
    pub fn exporter_for_tests(glob: &str) -> Exporter {
        Exporter {
            name: "bird".into(),
            ..load_text(&VALID.replace("*_sky.*", glob)).expect("valid")
        }
    }

    const VALID: &str = "summary: s\nfrom: tree\nfile: a.c\nparameters: [t.heap=a]\n\
        cannot: [{what: to fly, why: it has no wings, cases: ['*_sky.*']}]\n";

    fn load_text(text: &str) -> Result<Exporter, String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.yaml");
        fs_err::write(&path, text).expect("the file is written");
        load(&path, "a", dir.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_it_cannot_do_concerns_the_cases_that_need_it() {
        let exporter = load_text(VALID).expect("valid");
        assert!(exporter.cannot[0].concerns("heap_sky.fly"));
        assert!(!exporter.cannot[0].concerns("heap_ground.walk"));
        assert_eq!(exporter.variant(), None);
    }

    #[test]
    fn a_glob_without_a_suite_and_a_list_without_cases_are_refused() {
        let said = load_text(&VALID.replace("*_sky.*", "fly")).unwrap_err();
        assert!(said.contains("is no glob of SUITE.CASE"), "{said}");
        let said = load_text(&VALID.replace("'*_sky.*'", "")).unwrap_err();
        assert!(said.contains("names no case that needs to fly"), "{said}");
    }

    #[test]
    fn a_fragment_that_is_missing_is_named() {
        let said = load_text(&format!("{VALID}fragments: [wings]\n")).unwrap_err();
        assert!(
            said.contains("wings.config, which does not exist"),
            "{said}"
        );
    }
}
