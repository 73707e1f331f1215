// SPDX-License-Identifier: GPL-2.0-only
//! The kill matrix.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;

use comfy_table::{Table, presets};
use fs_err::File;
use serde::Serialize;

use super::{Mutant, Outcome};
use crate::config::Cell;
use crate::quote::shell_words;
use crate::vcsan::Mode;

/// The outcomes of one mutant, by cell and mode.
pub type Row = BTreeMap<(String, Mode), Outcome>;

/// What the folder of a run has of its mutants.
pub const KEPT: &str = "mutants.jsonl";

/// A line of the JSON report.
#[derive(Serialize)]
struct Record<'a> {
    mutant: &'a str,
    cell: &'a str,
    mode: Mode,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

/// What came of all mutants so far. Each is printed as soon as it has run everywhere.
#[derive(Debug)]
pub struct Report {
    cells: Vec<String>,
    /// By mutant: how many outcomes make its row.
    whole: BTreeMap<String, usize>,
    /// Where each outcome goes as a line of JSON: what the user asked for, and the folder of the run.
    json: [Option<File>; 2],
    /// Kind, name and outcomes, in the order in which they began.
    rows: Vec<(String, String, Row)>,
    broken: usize,
    /// Of the command, see [`repeat`].
    options: Vec<OsString>,
}

impl Report {
    /// An empty one of `mutants` on `cells`, by a command with these `options`. Each outcome is also a line of `json`, if there is
    /// such a file.
    ///
    /// # Errors
    /// The file can't be made.
    pub fn new(
        mutants: &[Mutant],
        cells: &[&Cell],
        json: Option<&Path>,
        options: Vec<OsString>,
    ) -> io::Result<Report> {
        let whole = |m: &Mutant| cells.iter().map(|c| m.modes(c).len()).sum();
        Ok(Report {
            cells: cells.iter().map(|c| c.name.clone()).collect(),
            whole: mutants.iter().map(|m| (m.name.clone(), whole(m))).collect(),
            json: [json.map(File::create).transpose()?, None],
            rows: Vec::new(),
            broken: 0,
            options,
        })
    }

    /// Writes what comes from now on to `folder` too, where `repro` finds it.
    ///
    /// # Errors
    /// The file can't be made.
    pub fn keep(&mut self, folder: &Path) -> io::Result<()> {
        self.json[1] = Some(File::create(folder.join(KEPT))?);
        Ok(())
    }

    /// A mutant that can't be made.
    pub fn broken(&mut self, mutant: &Mutant, why: &str) {
        println!("{}: broken: {why}", mutant.name);
        self.broken += 1;
    }

    /// What the host's model has wrong of the CPU of a cell.
    pub fn contradiction(&mut self, cell: &Cell, line: &str) {
        println!("{}: {line}", cell.name);
        self.broken += 1;
    }

    /// Begins the matrix.
    pub fn start(&self) {
        println!("{}", header(&self.cells));
    }

    /// What came of a mutant somewhere.
    ///
    /// # Errors
    /// The JSON report can't be written.
    pub fn add(
        &mut self,
        mutant: &Mutant,
        cell: &Cell,
        mode: Mode,
        outcome: Outcome,
    ) -> io::Result<()> {
        for json in self.json.iter_mut().flatten() {
            let record = Record {
                mutant: &mutant.name,
                cell: &cell.name,
                mode,
                outcome: &outcome,
            };
            writeln!(json, "{}", serde_json::to_string(&record)?)?;
        }
        let at = self
            .rows
            .iter()
            .position(|(_, name, _)| *name == mutant.name);
        let at = at.unwrap_or_else(|| {
            self.rows
                .push((mutant.kind().into(), mutant.name.clone(), Row::new()));
            self.rows.len() - 1
        });
        self.rows[at].2.insert((cell.name.clone(), mode), outcome);
        let (_, name, row_of) = &self.rows[at];
        if self.is_whole(name, row_of) {
            println!("{}", row(name, &self.cells, row_of));
            for line in details(name, row_of, &self.options) {
                println!("{line}");
            }
        }
        Ok(())
    }

    /// Whether a mutant has run everywhere.
    fn is_whole(&self, name: &str, row: &Row) -> bool {
        self.whole.get(name) == Some(&row.len())
    }

    /// How many outcomes are not as they should be.
    fn wrong(&self) -> usize {
        let outcomes = self.rows.iter().flat_map(|(.., row)| row.values());
        outcomes.filter(|outcome| !outcome.is_right()).count()
    }

    /// Prints what has not run everywhere, and the matrix in short.
    pub fn end(&self) {
        for (_, name, row_of) in &self.rows {
            if !self.is_whole(name, row_of) {
                println!(
                    "{} (did not run everywhere)",
                    row(name, &self.cells, row_of)
                );
            }
        }
        print!("\n{}", summary(&self.rows, &self.cells));
        println!(
            "{} mutants, {} outcomes wrong, {} broken",
            self.rows.len(),
            self.wrong(),
            self.broken
        );
    }

    /// Whether all of it is as it should be.
    pub fn is_right(&self) -> bool {
        let mut rows = self.rows.iter();
        self.broken == 0 && self.wrong() == 0 && rows.all(|(_, name, row)| self.is_whole(name, row))
    }
}

/// One mutant's row: a word a cell, or one for each mode, speculative first, where they differ.
pub fn row(name: &str, cells: &[String], row: &Row) -> String {
    let words = cells.iter().map(|cell| format!("{:<22}", word(cell, row)));
    format!("{name:<36} {}", words.collect::<String>().trim_end())
}

/// The line above such rows.
pub fn header(cells: &[String]) -> String {
    let words = cells.iter().map(|cell| format!("{cell:<22}"));
    format!("{:<36} {}", "mutant", words.collect::<String>().trim_end())
}

fn word(cell: &str, row: &Row) -> String {
    let of = |mode| row.get(&(cell.to_owned(), mode)).map(Outcome::as_str);
    match (of(Mode::Speculative), of(Mode::Architectural)) {
        (None, None) => "-".into(),
        (Some(a), Some(b)) if a != b => format!("{a}/{b}"),
        (Some(one), _) | (None, Some(one)) => one.into(),
    }
}

/// What is not right, and one kill of each mutant that has one. `options` are those of the command.
pub fn details(name: &str, row: &Row, options: &[OsString]) -> Vec<String> {
    let mut lines = Vec::new();
    let kill = row
        .iter()
        .find(|(_, o)| matches!(o, Outcome::Killed { .. }));
    if let Some(((cell, _), outcome)) = kill {
        lines.push(format!("  {cell}: {}", outcome.reason()));
    }
    for ((cell, mode), outcome) in row.iter().filter(|(_, o)| !o.is_right()) {
        lines.push(format!(
            "  {name} on {cell}, {}: {}: {}",
            mode.as_str(),
            outcome.as_str(),
            outcome.reason()
        ));
        let modes = row.keys().filter(|(of, _)| of == cell).count();
        let repeat = repeat(name, cell, modes > 1, options);
        lines.push(format!("    repeat: {repeat}"));
    }
    lines
}

/// The command that boots a mutant again, with `options` on which its outcome depends.
pub fn repeat(name: &str, cell: &str, all_modes: bool, options: &[OsString]) -> String {
    let words = ["cargo", "xtask", "self", "mutants", "--cell", cell];
    let modes = all_modes.then_some("--all-modes");
    let words = words.into_iter().chain(modes).map(OsString::from);
    let name = globset::escape(name).into();
    shell_words(words.chain(options.iter().cloned()).chain([name]))
}

/// The matrix in short: kinds of mutants down, cells and modes across, how many were killed, and how many
/// make no difference.
pub fn summary(rows: &[(String, String, Row)], cells: &[String]) -> String {
    let mut columns: Vec<(String, Mode)> = Vec::new();
    for cell in cells {
        for mode in [Mode::Speculative, Mode::Architectural] {
            let key = (cell.clone(), mode);
            if rows.iter().any(|(_, _, row)| row.contains_key(&key)) {
                columns.push(key);
            }
        }
    }
    let mut kinds: Vec<&str> = Vec::new();
    for (kind, ..) in rows {
        if !kinds.contains(&kind.as_str()) {
            kinds.push(kind);
        }
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["mutants".to_owned(), "number".into()].into_iter().chain(
        columns.iter().map(|(cell, mode)| match mode {
            Mode::Speculative => format!("{cell}\nspeculative"),
            Mode::Architectural => format!("{cell}\narchitectural"),
        }),
    ));
    for kind in kinds {
        let of: Vec<&Row> = rows
            .iter()
            .filter(|(k, ..)| k == kind)
            .map(|(.., row)| row)
            .collect();
        let counts = columns.iter().map(|key| {
            let count = |word: &str| {
                of.iter()
                    .filter(|row| row.get(key).is_some_and(|o| o.as_str() == word))
                    .count()
            };
            let (killed, equivalent) = (count("killed"), count("equivalent"));
            let all = of.iter().filter(|row| row.contains_key(key)).count();
            if all == 0 {
                // None of them was run so.
                return "-".to_owned();
            }
            match all - killed - equivalent {
                0 => format!("{killed} + {equivalent}"),
                wrong => format!("{killed} + {equivalent}, {wrong} wrong"),
            }
        });
        table.add_row(
            [kind.to_owned(), of.len().to_string()]
                .into_iter()
                .chain(counts),
        );
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_modes_are_named_where_they_differ() {
        let cell = "arm".to_owned();
        let mut row = Row::new();
        row.insert((cell.clone(), Mode::Speculative), Outcome::Survived);
        assert_eq!(word(&cell, &row), "survived");
        row.insert((cell.clone(), Mode::Architectural), Outcome::Equivalent);
        assert_eq!(word(&cell, &row), "survived/equivalent");
        assert_eq!(word("other", &row), "-");
        let options = ["--equivalent", "--kernel", "/a b", "--patience", "2"];
        let details = details("plan:x", &row, &options.map(OsString::from));
        assert_eq!(details.len(), 2);
        assert_eq!(
            details[1].trim(),
            "repeat: cargo xtask self mutants --cell arm --all-modes --equivalent --kernel '/a b' --patience 2 plan:x"
        );
        let rows = [("kind".to_owned(), "m".to_owned(), row)];
        let summary = summary(&rows, &[cell]);
        assert!(summary.contains("0 + 0, 1 wrong"), "{summary}");
        assert!(summary.contains("0 + 1\n"), "{summary}");
        // Nothing was run on the other cell.
        let both = super::summary(&rows, &["arm".to_owned(), "other".into()]);
        let last = both.lines().last().expect("a row");
        assert!(last.contains("0 + 1"), "{both}");
    }
}
