// SPDX-License-Identifier: GPL-2.0-only
//! A small driver, the mistakes that are made in copies of it, one in each, and what the cache model must say of each.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::breakage::replace_once;
use super::yaml::{self, Error};

/// One mistake.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slip {
    /// In words.
    pub bug: String,
    /// Lines that stand in the driver exactly once.
    pub from: String,
    /// What comes instead.
    #[serde(default)]
    pub to: String,
    /// The titles of what may be reported. One of them must be, and nothing else but what becomes of data by that.
    pub reported: Vec<String>,
}

impl Slip {
    /// The driver with the mistake; none if the lines are not there, or more than once.
    pub fn apply(&self, text: &str) -> Option<String> {
        replace_once(text, &self.from, &self.to)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    file: PathBuf,
    bugs: Vec<Slip>,
}

/// A driver, checked.
#[derive(Debug, Clone)]
pub struct Driver {
    /// What it does.
    pub summary: String,
    /// Its source, from the checkout's root.
    pub file: PathBuf,
    /// The mistakes.
    pub bugs: Vec<Slip>,
}

impl Driver {
    /// The name of its module, or of that with the mistake of a number.
    pub fn module(&self, bug: Option<usize>) -> String {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        match bug {
            None => stem.into_owned(),
            Some(number) => format!("{stem}_{}", number + 1),
        }
    }
}

pub(super) fn load(path: &Path) -> Result<Driver, Error> {
    let raw: Raw = yaml::load(path)?;
    let silent = |slip: &Slip| slip.reported.is_empty();
    if let Some(at) = raw.bugs.iter().position(silent) {
        let key = format!("bugs.{at}.reported");
        return Err(Error::value(path, &key, "names nothing that is reported"));
    }
    Ok(Driver {
        summary: raw.summary,
        file: raw.file,
        bugs: raw.bugs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<Driver, String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.yaml");
        fs_err::write(&path, text).expect("the file is written");
        load(&path).map_err(|error| error.to_string())
    }

    const PAGE: &str =
        "summary: s\nfile: a.c\nbugs: [{bug: b, from: \"unmap();\\n\", reported: [t]}]\n";

    #[test]
    fn a_mistake_is_made_in_a_copy_of_its_own() {
        let driver = load_text(PAGE).expect("valid");
        let slip = &driver.bugs[0];
        assert_eq!(
            slip.apply("map();\nunmap();\n").as_deref(),
            Some("map();\n")
        );
        assert_eq!(slip.apply("unmap();\nunmap();\n"), None);
        assert_eq!(driver.module(None), "a");
        assert_eq!(driver.module(Some(0)), "a_1");
    }

    #[test]
    fn a_mistake_of_which_nothing_is_reported_is_refused() {
        let said = load_text(&PAGE.replace("[t]", "[]")).unwrap_err();
        assert!(said.contains("names nothing that is reported"), "{said}");
    }

    /// What the pages of this checkout say can be done.
    #[test]
    fn the_mistakes_fit_the_drivers() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let pages = fs_err::read_dir(root.join("configs/drivers")).expect("pages");
        let mut slips = 0;
        for page in pages {
            let driver = load(&page.expect("a page").path()).expect("valid");
            let text = fs_err::read_to_string(root.join(&driver.file)).expect("the driver");
            for slip in &driver.bugs {
                assert!(
                    slip.apply(&text).is_some(),
                    "{}: {}",
                    driver.summary,
                    slip.bug
                );
                slips += 1;
            }
        }
        assert!(slips >= 20, "{slips}");
    }
}
