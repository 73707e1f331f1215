// SPDX-License-Identifier: GPL-2.0-only
//! Findings in words: as JSON lines and as text.
//!
//! A hazard is written down when it is found, so that a guest that is killed has had its say. How often it was seen is known when
//! its test is over: then that follows, and the text is written. A hazard is the same as an earlier one if test, title, buffer,
//! all functions (instructions, where they have no names) and the missing maintenance are.

mod breach;
mod drawing;
mod hazard;
mod suppress;

pub use hazard::Party;

use crate::config::{Options, Watch};
use crate::finding::{Captured, CapturedBreach, Finding};
use crate::guest::Target;
use crate::names::SharedNames;
use crate::stats::RunStats;
use hazard::{Described, Describer};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use suppress::Suppression;
use vcsan_model::{Geometry, Mode};

/// The shape of the records.
const SCHEMA: u32 = 1;

/// What a guest can make the report write, in bytes of each of its files: a hundred times what the most talkative suites do.
const LIMIT: usize = 64 << 20;

/// What makes two findings the same to a reader.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    test: Option<String>,
    title: String,
    buffer: Option<String>,
    access: Option<String>,
    write: Option<String>,
    mapped: Option<String>,
    missing: String,
}

impl Key {
    fn of(described: &Described) -> Self {
        let code = |party: &Party| party.symbol.clone().or(party.pc.clone());
        Self {
            test: described.test.clone(),
            title: described.title.clone(),
            buffer: described.buffer.clone(),
            access: code(&described.access),
            write: described.write.as_ref().and_then(code),
            mapped: described.mapped.as_ref().and_then(code),
            missing: described.missing.clone(),
        }
    }
}

/// A finding that was written as a record, or suppressed.
struct Written {
    /// Until it is written, too.
    text: Option<String>,
    count: u64,
    /// Of its record; none if it was suppressed.
    number: Option<usize>,
}

/// What is put into words.
enum Found {
    Hazard(Box<Captured>),
    Breach(Box<CapturedBreach>),
}

/// Two files, one for programs and one for people.
pub struct Report {
    records: Bounded<File>,
    text: Bounded<File>,
    geometry: Geometry,
    names: SharedNames,
    /// In the order in which they were found.
    findings: Vec<Written>,
    /// Those of them that were not suppressed.
    hazards: usize,
    by_key: HashMap<Key, usize>,
    /// Indices into `findings`, by the numbers of those who found them.
    numbers: Vec<usize>,
    /// A debugger stops the guest.
    debugger: bool,
    /// Hazards seen that were not kept, by title.
    surplus: BTreeMap<String, u64>,
    suppressions: Vec<Suppression>,
    failure: Option<String>,
}

impl Report {
    /// Opens the files and says what begins.
    ///
    /// # Errors
    ///
    /// A fragment that names the file.
    pub fn create(options: &Options, target: Target, names: SharedNames) -> Result<Self, String> {
        let mut text = options.out.clone().into_os_string();
        text.push(".txt");
        let mut report = Self {
            records: Bounded::new(create(&options.out)?),
            text: Bounded::new(create(Path::new(&text))?),
            geometry: options.model.geometry,
            names,
            findings: Vec::new(),
            hazards: 0,
            by_key: HashMap::new(),
            numbers: Vec::new(),
            debugger: options.debugger,
            surplus: BTreeMap::new(),
            suppressions: match &options.suppress {
                Some(path) => suppress::load(path)?,
                None => Vec::new(),
            },
            failure: None,
        };
        let mode = match options.model.mode {
            Mode::Architectural => "architectural",
            Mode::Speculative => "speculative",
        };
        report.record(&json!({
            "record": "start", "schema": SCHEMA, "version": env!("CARGO_PKG_VERSION"),
            "target": target.name, "geometry": options.geometry, "mode": mode,
            "contract": options.watch.contains(&Watch::Dma),
        }));
        Ok(report)
    }

    /// Writes what was found.
    pub fn add(&mut self, finding: Finding) {
        match finding {
            Finding::Hazard(captured) => self.found(Found::Hazard(captured)),
            Finding::Breach(captured) => self.found(Found::Breach(captured)),
            Finding::Expect { test, text } => {
                let test = test.unwrap_or_default();
                self.record(&json!({"record": "expect", "test": test, "title": text}));
            }
            Finding::Measured(measured) => self.record(&json!({
                "record": "measured", "name": measured.name,
                "instructions": measured.instructions,
                "lines": measured.maintenance.lines(),
                "by_kind": measured.maintenance.by_kind(),
            })),
            Finding::TestEnd { counts, surplus } => self.end_test(&counts, surplus),
            Finding::Named(module) => {
                self.record(&json!({"record": "module", "sections": module}));
            }
            Finding::Geometry(geometry) => {
                self.geometry = geometry;
                let found = geometry.to_string();
                self.record(&json!({"record": "geometry", "geometry": found}));
            }
            Finding::Failure(text) => self.fail(&text),
        }
    }

    fn found(&mut self, found: Found) {
        if self.debugger {
            self.record(&self.caught(&found));
        }
        let described = self.describe(&found);
        let next = self.findings.len();
        let index = *self.by_key.entry(Key::of(&described)).or_insert(next);
        self.numbers.push(index);
        if index == next {
            self.write_new(described);
        }
    }

    /// What a debugger that has stopped the guest looks for: where something was found, each time.
    fn caught(&self, found: &Found) -> Value {
        let (site, test) = match found {
            Found::Hazard(captured) => (captured.hazard.access, &captured.test),
            Found::Breach(captured) => (captured.site, &captured.test),
        };
        let pc = self.names.lock().sites.origin(site).map(|origin| origin.pc);
        json!({"record": "caught", "pc": pc.map(|pc| format!("{pc:#x}")), "test": test})
    }

    fn describe(&self, found: &Found) -> Described {
        let mut describer = Describer {
            geometry: self.geometry,
            names: &mut self.names.lock(),
        };
        match found {
            Found::Hazard(captured) => describer.describe(captured),
            Found::Breach(captured) => describer.describe_breach(captured),
        }
    }

    fn write_new(&mut self, described: Described) {
        let suppression = suppress::find(&mut self.suppressions, &described);
        let number = match suppression {
            Some(suppression) => {
                suppression.findings += 1;
                None
            }
            None => Some(self.hazards),
        };
        if let Some(number) = number {
            self.hazards += 1;
            eprintln!("BUG: {}", described.bug());
            let mut record = tagged("hazard", &described);
            record["number"] = number.into();
            record["count"] = 1.into();
            self.record(&record);
        }
        self.findings.push(Written {
            text: number.is_some().then_some(described.text),
            count: 0,
            number,
        });
    }

    fn end_test(&mut self, counts: &[(usize, u64)], surplus: Vec<(String, u64)>) {
        self.count(counts);
        for (title, count) in surplus {
            *self.surplus.entry(title).or_default() += count;
        }
    }

    /// Adds how often hazards were seen, and writes the texts of those that are complete by that.
    fn count(&mut self, counts: &[(usize, u64)]) {
        for &(number, count) in counts {
            if let Some(&index) = self.numbers.get(number) {
                self.findings[index].count += count;
            }
        }
        for index in 0..self.findings.len() {
            let Written {
                text,
                count,
                number,
            } = &mut self.findings[index];
            let Some(text) = text.take_if(|_| *count != 0) else {
                continue;
            };
            let (mut times, count, number) = (String::new(), *count, *number);
            if count > 1 {
                times = format!("  seen      {count} times\n");
                self.record(&json!({"record": "seen", "number": number, "count": count}));
            }
            self.write_text(&format!("{text}{times}\n"));
        }
    }

    /// Something went wrong in the plugin. The first time counts.
    pub fn fail(&mut self, text: &str) {
        if self.failure.is_none() {
            self.failure = Some(text.to_owned());
            self.write_text(&format!("VCSan failed to {text}\n"));
            eprintln!("vcsan: failed to {text}");
        }
    }

    /// The last record. Whether the run proves that nothing is wrong with what it watched.
    pub fn end(&mut self, stats: &RunStats) -> bool {
        // What is left to say is short, and is no guest's choice.
        self.records.limit = usize::MAX;
        self.text.limit = usize::MAX;
        let complaints: Vec<_> = self.names.lock().symbols.complaints().collect();
        for complaint in complaints {
            self.write_text(&format!("note: {complaint}\n"));
        }
        let mut record = tagged("end", &stats.accesses);
        extend(&mut record, &stats.counts);
        let surplus: u64 = self.surplus.values().sum();
        let more = json!({
            "maintenance": stats.maintenance.total(), "by_kind": stats.maintenance.by_kind(),
            "untranslated": stats.untranslated.values().sum::<u64>(),
            "untranslated_at": stats.untranslated,
            "watched_pages": stats.watched_pages, "hazards": self.hazards,
            "suppressions": self.suppressions,
            "surplus": surplus, "surplus_of": self.surplus,
            "memory_bytes": stats.memory, "failure": self.failure,
        });
        extend(&mut record, &more);
        self.record(&record);
        self.say_what_was_suppressed();
        let mut summary = match (&self.failure, self.hazards) {
            (Some(failure), _) => format!("VCSan failed to {failure}: the run proves nothing.\n"),
            (None, 0) => "VCSan: no hazard.\n".to_owned(),
            (None, 1) => "VCSan: 1 hazard.\n".to_owned(),
            (None, n) => format!("VCSan: {n} hazards.\n"),
        };
        for (title, count) in &self.surplus {
            let line = format!("VCSan: {title}: {count} more, at other places, were not kept.\n");
            summary.push_str(&line);
        }
        self.write_text(&summary);
        self.failure.is_none() && self.hazards == 0 && self.surplus.is_empty()
    }

    /// What was found and not shown, and what is of no use in the user's file.
    fn say_what_was_suppressed(&mut self) {
        for suppression in std::mem::take(&mut self.suppressions) {
            let (line, pattern) = (suppression.line(), suppression.pattern());
            let said = match suppression.findings {
                0 => format!("no finding is like suppression {line}, {pattern}: remove it"),
                1 => format!("1 finding was suppressed by line {line}, {pattern}"),
                n => format!("{n} findings were suppressed by line {line}, {pattern}"),
            };
            if suppression.findings == 0 {
                eprintln!("vcsan: {said}");
            }
            self.write_text(&format!("note: {said}\n"));
        }
    }

    /// A whole line at once: whoever reads the file while it grows, or after QEMU was killed, finds no half of one.
    fn record(&mut self, record: &Value) {
        let written = self.records.write(&format!("{record}\n"));
        self.judge(written);
    }

    fn write_text(&mut self, text: &str) {
        let written = self.text.write(text);
        self.judge(written);
    }

    fn judge(&mut self, written: Result<(), Unwritten>) {
        match written {
            Ok(()) => {}
            Err(Unwritten::TooMuch) => self.fail(&format!(
                "write all that was found: it is more than {} MiB",
                LIMIT >> 20
            )),
            // Without its last record the run counts as failed, which is right.
            Err(Unwritten::Io(error)) => eprintln!("vcsan: failed to write findings: {error}"),
        }
    }
}

/// A file that does not grow without end.
struct Bounded<W> {
    to: W,
    written: usize,
    limit: usize,
}

/// Why something is not in a file.
#[derive(Debug)]
enum Unwritten {
    /// It would be larger than its limit.
    TooMuch,
    /// The system did not take it.
    Io(std::io::Error),
}

impl<W: Write> Bounded<W> {
    fn new(to: W) -> Self {
        Self {
            to,
            written: 0,
            limit: LIMIT,
        }
    }

    /// Writes all of `text` or nothing.
    fn write(&mut self, text: &str) -> Result<(), Unwritten> {
        if text.len() > self.limit.saturating_sub(self.written) {
            return Err(Unwritten::TooMuch);
        }
        self.written += text.len();
        self.to.write_all(text.as_bytes()).map_err(Unwritten::Io)
    }
}

fn create(path: &Path) -> Result<File, String> {
    File::create(path).map_err(|error| format!("create {}: {error}", path.display()))
}

fn tagged(name: &str, fields: &impl Serialize) -> Value {
    let mut record = json!({"record": name});
    extend(&mut record, fields);
    record
}

fn extend(record: &mut Value, fields: &impl Serialize) {
    if let (Value::Object(record), Ok(Value::Object(fields))) =
        (record, serde_json::to_value(fields))
    {
        record.extend(fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_full_takes_no_half_of_a_line() {
        let mut file = Bounded::new(Vec::new());
        file.limit = 7;
        assert!(file.write("12345\n").is_ok());
        assert!(matches!(file.write("12\n"), Err(Unwritten::TooMuch)));
        assert!(file.write("\n").is_ok());
        file.limit = usize::MAX;
        assert!(file.write("the end").is_ok());
        assert_eq!(file.to, b"12345\n\nthe end");
    }
}
