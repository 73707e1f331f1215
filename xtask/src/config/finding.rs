// SPDX-License-Identifier: GPL-2.0-only
//! A finding: hazards that the kernel tree's own exporters and drivers are known for, exactly as the cache model reports them.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use super::keyed;
use super::yaml::{self, Error};
use crate::vcsan::findings::{Hazard, Pattern};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSeen {
    hazards: Vec<String>,
    #[serde(default)]
    exporters: Vec<String>,
    #[serde(default)]
    sets: Vec<String>,
    cells: Vec<String>,
    tests: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    page: PathBuf,
    #[serde(default)]
    fixes: Vec<PathBuf>,
    seen: Vec<RawSeen>,
    #[serde(default)]
    by_luck: Vec<String>,
}

/// Hazards, and where they are seen: each may show for each of these exporters or sets, on each of these cells, in each of these tests.
#[derive(Debug, Clone)]
struct Seen {
    hazards: Vec<Pattern>,
    exporters: Vec<String>,
    /// Sets of suites that are about no exporter.
    sets: Vec<String>,
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
    /// The patches after which it is gone, from the checkout's root, if there are any.
    pub fixes: Vec<PathBuf>,
    seen: Vec<Seen>,
    /// Exporter or set, and cell.
    by_luck: Vec<(String, String)>,
}

impl Finding {
    /// Whether this is what is known of `subject`, an exporter or a set of suites, on `cell`: the test, the hazard's title, the
    /// alias, the function and what is missing.
    pub fn is(&self, subject: &str, cell: &str, hazard: &Hazard) -> bool {
        let test = hazard.test.as_deref().unwrap_or_default();
        self.seen.iter().any(|seen| {
            seen.concerns(subject, cell)
                && seen.tests.iter().any(|glob| glob.is_match(test))
                && seen.hazards.iter().any(|known| known.is_met_by(hazard))
        })
    }

    /// Whether it is known of any other subject or cell or test.
    pub fn is_elsewhere(&self, hazard: &Hazard) -> bool {
        let mut known = self.seen.iter().flat_map(|seen| &seen.hazards);
        known.any(|known| known.is_met_by(hazard))
    }

    /// Whether a whole run of `subject` on `cell` shows it. Where it depends on which pages a buffer gets, or on when the kernel
    /// writes something back, it may not.
    pub fn must_be_seen(&self, subject: &str, cell: &str) -> bool {
        let by_luck = self.by_luck.iter().any(|(s, c)| s == subject && c == cell);
        !by_luck && self.seen.iter().any(|seen| seen.concerns(subject, cell))
    }

    /// Every exporter that it names, with its key in the page.
    pub(super) fn exporters(&self) -> impl Iterator<Item = (String, &String)> {
        self.seen_in("exporters", |seen| &seen.exporters)
    }

    /// Every set of suites that it names, with its key in the page.
    pub(super) fn sets(&self) -> impl Iterator<Item = (String, &String)> {
        self.seen_in("sets", |seen| &seen.sets)
    }

    /// Every cell that it names, with its key in the page.
    pub(super) fn cells(&self) -> impl Iterator<Item = (String, &String)> {
        let by_luck = self.by_luck.iter().map(|(_, cell)| cell);
        self.seen_in("cells", |seen| &seen.cells)
            .chain(keyed("by_luck".into(), by_luck))
    }

    fn seen_in<'a>(
        &'a self,
        key: &'a str,
        names: impl Fn(&'a Seen) -> &'a Vec<String> + 'a,
    ) -> impl Iterator<Item = (String, &'a String)> {
        let seen = self.seen.iter().enumerate();
        seen.flat_map(move |(at, seen)| keyed(format!("seen.{at}.{key}"), names(seen)))
    }
}

impl Seen {
    fn concerns(&self, subject: &str, cell: &str) -> bool {
        self.subjects().any(|s| s == subject) && self.cells.iter().any(|c| c == cell)
    }

    fn subjects(&self) -> impl Iterator<Item = &String> {
        self.exporters.iter().chain(&self.sets)
    }
}

pub(super) fn load(path: &Path, name: &str) -> Result<Finding, Error> {
    let raw: Raw = yaml::load(path)?;
    let value = |key: &str, message: String| Error::value(path, key, message);
    let mut seen = Vec::new();
    for (nth, raw) in raw.seen.into_iter().enumerate() {
        let hazards = raw.hazards.iter().enumerate().map(|(at, hazard)| {
            let key = format!("seen.{nth}.hazards.{at}");
            Pattern::parse(hazard).map_err(|why| value(&key, why))
        });
        let tests = raw.tests.iter().enumerate().map(|(at, test)| {
            let key = format!("seen.{nth}.tests.{at}");
            let glob = Glob::new(test).map_err(|e| value(&key, format!("is no glob: {e}")))?;
            Ok::<_, Error>(glob.compile_matcher())
        });
        if raw.exporters.is_empty() == raw.sets.is_empty() {
            let message = "must name either `exporters` or `sets`";
            return Err(value(&format!("seen.{nth}"), message.into()));
        }
        if raw.hazards.is_empty() {
            return Err(value(&format!("seen.{nth}.hazards"), "names none".into()));
        }
        seen.push(Seen {
            hazards: hazards.collect::<Result<_, _>>()?,
            exporters: raw.exporters,
            sets: raw.sets,
            cells: raw.cells,
            tests: tests.collect::<Result<_, _>>()?,
        });
    }
    if seen.is_empty() {
        return Err(value("seen", "names no hazard".into()));
    }
    let mut by_luck = Vec::new();
    for (at, place) in raw.by_luck.iter().enumerate() {
        let key = format!("by_luck.{at}");
        let Some((subject, cell)) = place.split_once(" on ") else {
            let message = "is not of the form EXPORTER on CELL, or SET on CELL";
            return Err(value(&key, message.into()));
        };
        if !seen.iter().any(|seen| seen.concerns(subject, cell)) {
            return Err(value(&key, "is where nothing is `seen`".into()));
        }
        by_luck.push((subject.to_owned(), cell.to_owned()));
    }
    Ok(Finding {
        name: name.to_owned(),
        summary: raw.summary,
        page: raw.page,
        fixes: raw.fixes,
        seen,
        by_luck,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::vcsan::findings::Party;

    fn load_text(text: &str) -> Result<Finding, String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("01-stale.yaml");
        fs_err::write(&path, text).expect("the file is written");
        load(&path, "01-stale").map_err(|error| error.to_string())
    }

    const PAGE: &str = "summary: s\npage: p\nfixes: [f]\nby_luck: [system on mips-be]\nseen:\n  - \
        {hazards: ['stale read | user mapping | copy* | invalidate *'], exporters: [system], cells: [arm-vivt, mips-be], tests: ['s_mmap.*']}\n";

    /// Of mainline's heap on two cells, the second by luck.
    pub fn finding() -> Finding {
        load_text(PAGE).expect("valid")
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

    #[test]
    fn a_set_about_no_exporter_has_findings_too() {
        let page = PAGE
            .replace("exporters: [system]", "sets: [drivers]")
            .replace("[system on mips-be]", "[drivers on mips-be]");
        let finding = load_text(&page).expect("valid");
        let known = hazard("s_mmap.one");
        assert!(finding.is("drivers", "arm-vivt", &known));
        assert!(!finding.is("system", "arm-vivt", &known));
        assert!(finding.must_be_seen("drivers", "arm-vivt"));
        assert!(!finding.must_be_seen("drivers", "mips-be"));
        assert_eq!(finding.exporters().count(), 0);
        let sets: Vec<_> = finding.sets().collect();
        assert_eq!(sets, [("seen.0.sets.0".to_owned(), &"drivers".to_owned())]);
    }

    #[test]
    fn what_is_seen_nowhere_is_refused() {
        for (from, to, why) in [
            ("exporters: [system], ", "", "either `exporters` or `sets`"),
            (
                "exporters: [system]",
                "exporters: [system], sets: [drivers]",
                "either `exporters` or `sets`",
            ),
            (
                "[system on mips-be]",
                "[system on parisc]",
                "nothing is `seen`",
            ),
            ("[system on mips-be]", "[system]", "SET on CELL"),
        ] {
            let said = load_text(&PAGE.replace(from, to)).expect_err("refused");
            assert!(said.contains(why), "{said}");
        }
    }
}
