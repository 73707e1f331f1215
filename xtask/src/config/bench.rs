// SPDX-License-Identifier: GPL-2.0-only
//! What calls of a heap may cost, for one of another's.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use super::keyed;
use super::yaml::{self, Error};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimit {
    rows: String,
    #[serde(default)]
    cells: Vec<String>,
    instructions: f64,
    lines: f64,
    #[serde(default)]
    more: u64,
    #[serde(default)]
    more_lines: u64,
    #[serde(default)]
    why: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    ours: String,
    theirs: String,
    module: PathBuf,
    orders: Vec<String>,
    limits: Vec<RawLimit>,
}

/// The most that a row may cost, as a ratio to the other heap's figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Of guest instructions.
    pub instructions: f64,
    /// Of maintained lines.
    pub lines: f64,
    /// Instructions beyond that.
    pub more: u64,
    /// Lines beyond that.
    pub more_lines: u64,
    /// Why it is more than what the other heap takes; none where it is not.
    pub why: Option<String>,
}

#[derive(Debug)]
struct Limited {
    rows: GlobMatcher,
    /// All, if none is named.
    cells: Vec<String>,
    limit: Limit,
}

/// What is measured.
#[derive(Debug)]
pub struct HeapBench {
    /// The heap that has limits; an exporter of the same name brings its modules.
    pub ours: String,
    /// The one that it is compared with.
    pub theirs: String,
    /// The folder of the module that runs the rows, below the checkout.
    pub module: PathBuf,
    /// What the guest is told, a line each.
    pub orders: Vec<String>,
    limits: Vec<Limited>,
}

impl HeapBench {
    /// The limit of a row on a cell; none where no entry names it.
    pub fn limit(&self, row: &str, cell: &str) -> Option<Limit> {
        let fits = |limited: &&Limited| {
            let cells = &limited.cells;
            limited.rows.is_match(row) && (cells.is_empty() || cells.iter().any(|c| c == cell))
        };
        let limited = self.limits.iter().rfind(fits);
        limited.map(|limited| limited.limit.clone())
    }

    /// The cells that limits name, each with its key in the page.
    pub(super) fn cells(&self) -> impl Iterator<Item = (String, &String)> {
        let limits = self.limits.iter().enumerate();
        limits.flat_map(|(at, limited)| keyed(format!("limits.{at}.cells"), &limited.cells))
    }
}

pub(super) fn load(path: &Path) -> Result<HeapBench, Error> {
    let raw: Raw = yaml::load(path)?;
    let limits = raw.limits.into_iter().enumerate().map(|(at, limit)| {
        let rows = Glob::new(&limit.rows);
        let rows = rows.map_err(|e| {
            let key = format!("limits.{at}.rows");
            Error::value(path, &key, format!("is no glob: {e}"))
        })?;
        let more =
            limit.instructions > 1.0 || limit.lines > 1.0 || limit.more > 0 || limit.more_lines > 0;
        if more && limit.why.is_none() {
            let key = format!("limits.{at}.why");
            let message = "is missing: these rows may cost more than the other heap's";
            return Err(Error::value(path, &key, message));
        }
        Ok(Limited {
            rows: rows.compile_matcher(),
            cells: limit.cells,
            limit: Limit {
                instructions: limit.instructions,
                lines: limit.lines,
                more: limit.more,
                more_lines: limit.more_lines,
                why: limit.why,
            },
        })
    });
    Ok(HeapBench {
        ours: raw.ours,
        theirs: raw.theirs,
        module: raw.module,
        orders: raw.orders,
        limits: limits.collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A page with these limits.
    pub fn bench_for_tests(limits: &str) -> HeapBench {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("heap.yaml");
        let text = format!("ours: a\ntheirs: b\nmodule: m\norders: []\nlimits: [{limits}]\n");
        fs_err::write(&path, text).expect("the file is written");
        load(&path).expect("valid")
    }

    #[test]
    fn what_may_cost_more_needs_a_reason() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("heap.yaml");
        let limit = "{rows: '*', instructions: 1.0, lines: 1.0, more: 5}";
        let text = format!("ours: a\ntheirs: b\nmodule: m\norders: []\nlimits: [{limit}]\n");
        fs_err::write(&path, text).expect("the file is written");
        let said = load(&path).unwrap_err().to_string();
        assert!(said.contains("`limits.0.why` is missing"), "{said}");
    }

    #[test]
    fn the_last_limit_that_fits_counts() {
        let bench = bench_for_tests(
            "{rows: '*', instructions: 1.0, lines: 1.0}, \
             {rows: 'end *', cells: [x], instructions: 0.5, lines: 0.25}",
        );
        let lines = |row, cell| bench.limit(row, cell).map(|limit| limit.lines);
        assert_eq!(lines("end read", "x"), Some(0.25));
        assert_eq!(lines("end read", "y"), Some(1.0));
        assert_eq!(lines("begin read", "x"), Some(1.0));
    }
}
