// SPDX-License-Identifier: GPL-2.0-only
//! A finding: hazards that the kernel tree's own exporters are known for, exactly as the cache model reports them.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use super::keyed;
use super::yaml::{self, Error};
use crate::vcsan::findings::{Hazard, Pattern};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSeen {
    hazard: String,
    exporters: Vec<String>,
    cells: Vec<String>,
    tests: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    page: PathBuf,
    #[serde(default)]
    fix: Option<PathBuf>,
    seen: Vec<RawSeen>,
    #[serde(default)]
    by_luck: Vec<String>,
}

/// Where one kind of hazard is seen.
#[derive(Debug, Clone)]
struct Seen {
    hazard: Pattern,
    exporters: Vec<String>,
    cells: Vec<String>,
    tests: Vec<GlobMatcher>,
}

/// A finding, checked.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The file's stem, such as `01-user-mappings`.
    pub name: String,
    /// What goes wrong.
    pub summary: String,
    /// What is written about it, from the checkout's root.
    pub page: PathBuf,
    /// The patch after which it is gone, from the checkout's root, if there is one.
    pub fix: Option<PathBuf>,
    seen: Vec<Seen>,
    /// Exporter and cell.
    by_luck: Vec<(String, String)>,
}

impl Finding {
    /// Whether this is what is known of `exporter` on `cell`: the test, the hazard's title, the alias, the function and what is
    /// missing.
    pub fn is(&self, exporter: &str, cell: &str, hazard: &Hazard) -> bool {
        let test = hazard.test.as_deref().unwrap_or_default();
        self.seen.iter().any(|seen| {
            seen.concerns(exporter, cell)
                && seen.tests.iter().any(|glob| glob.is_match(test))
                && seen.hazard.is_met_by(hazard)
        })
    }

    /// Whether a whole run of `exporter` on `cell` shows it. Where it depends on which pages a buffer gets, it may not.
    pub fn must_be_seen(&self, exporter: &str, cell: &str) -> bool {
        let by_luck = self.by_luck.iter().any(|(e, c)| e == exporter && c == cell);
        !by_luck && self.seen.iter().any(|seen| seen.concerns(exporter, cell))
    }

    /// Every exporter that it names, with its key in the page.
    pub(super) fn exporters(&self) -> impl Iterator<Item = (String, &String)> {
        let seen = self.seen.iter().enumerate();
        let seen = seen.flat_map(|(at, s)| keyed(format!("seen.{at}.exporters"), &s.exporters));
        seen.chain(keyed("by_luck".into(), self.by_luck.iter().map(|(e, _)| e)))
    }

    /// Every cell that it names, with its key in the page.
    pub(super) fn cells(&self) -> impl Iterator<Item = (String, &String)> {
        let seen = self.seen.iter().enumerate();
        let seen = seen.flat_map(|(at, s)| keyed(format!("seen.{at}.cells"), &s.cells));
        seen.chain(keyed("by_luck".into(), self.by_luck.iter().map(|(_, c)| c)))
    }
}

impl Seen {
    fn concerns(&self, exporter: &str, cell: &str) -> bool {
        self.exporters.iter().any(|e| e == exporter) && self.cells.iter().any(|c| c == cell)
    }
}

pub(super) fn load(path: &Path, name: &str) -> Result<Finding, Error> {
    let raw: Raw = yaml::load(path)?;
    let value = |key: &str, message: String| Error::value(path, key, message);
    let mut seen = Vec::new();
    for (nth, raw) in raw.seen.into_iter().enumerate() {
        let hazard =
            Pattern::parse(&raw.hazard).map_err(|why| value(&format!("seen.{nth}.hazard"), why))?;
        let tests = raw.tests.iter().enumerate().map(|(at, test)| {
            let key = format!("seen.{nth}.tests.{at}");
            let glob = Glob::new(test).map_err(|e| value(&key, format!("is no glob: {e}")))?;
            Ok::<_, Error>(glob.compile_matcher())
        });
        seen.push(Seen {
            hazard,
            exporters: raw.exporters,
            cells: raw.cells,
            tests: tests.collect::<Result<_, _>>()?,
        });
    }
    if seen.is_empty() {
        return Err(value("seen", "names no hazard".into()));
    }
    let mut by_luck = Vec::new();
    for (at, place) in raw.by_luck.iter().enumerate() {
        let Some((exporter, cell)) = place.split_once(" on ") else {
            let message = "is not of the form EXPORTER on CELL";
            return Err(value(&format!("by_luck.{at}"), message.into()));
        };
        by_luck.push((exporter.to_owned(), cell.to_owned()));
    }
    Ok(Finding {
        name: name.to_owned(),
        summary: raw.summary,
        page: raw.page,
        fix: raw.fix,
        seen,
        by_luck,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::vcsan::findings::Party;

    /// Of mainline's heap on two cells, the second by luck.
    pub fn finding() -> Finding {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("01-stale.yaml");
        let text = "summary: s\npage: p\nfix: f\nby_luck: [system on mips-be]\nseen:\n  - \
            {hazard: 'stale read | user mapping | copy* | invalidate *', exporters: [system], cells: [arm-vivt, mips-be], tests: ['s_mmap.*']}\n";
        fs_err::write(&path, text).expect("the file is written");
        load(&path, "01-stale").expect("valid")
    }

    /// That hazard.
    pub fn hazard(test: &str) -> Hazard {
        Hazard {
            title: "stale read".into(),
            test: Some(test.into()),
            access: Party {
                by: "cpu".into(),
                symbol: Some("copy_from_user".into()),
                alias: Some("user mapping".into()),
                ..Party::default()
            },
            missing: "invalidate the user mapping".into(),
            count: 1,
            text: "VCSan: stale read in copy_from_user\n".into(),
            ..Hazard::default()
        }
    }

    #[test]
    fn a_finding_is_known_by_everything_that_is_said_of_it() {
        let finding = finding();
        let known = hazard("s_mmap.one");
        assert!(finding.is("system", "arm-vivt", &known));
        assert!(!finding.is("cma", "arm-vivt", &known));
        assert!(!finding.is("system", "parisc", &known));
        assert!(!finding.is("system", "arm-vivt", &hazard("s_vmap.one")));
        let title = "lost write".into();
        assert!(!finding.is(
            "system",
            "arm-vivt",
            &Hazard {
                title,
                ..known.clone()
            }
        ));
        let missing = "write back the vmap".into();
        assert!(!finding.is("system", "arm-vivt", &Hazard { missing, ..known }));
    }

    #[test]
    fn what_depends_on_luck_need_not_be_seen() {
        let finding = finding();
        assert!(finding.must_be_seen("system", "arm-vivt"));
        assert!(!finding.must_be_seen("system", "mips-be"));
        assert!(!finding.must_be_seen("system", "parisc"));
        assert!(!finding.must_be_seen("cma", "arm-vivt"));
    }
}
