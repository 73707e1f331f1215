// SPDX-License-Identifier: GPL-2.0-only
//! Findings: hazards counted instead of repeated, as JSON lines and as text.
//!
//! A hazard is the same as an earlier one if test, title, both functions and the missing maintenance are. Findings are
//! written when the guest is gone: what a module's tests run into while it is loaded can be named only afterwards.

mod drawing;
mod hazard;

pub use hazard::{Captured, Party, Scene};

use crate::config::Options;
use crate::guest::Target;
use crate::judge::Accesses;
use crate::watcher::{Counts, Maintenance};
use hazard::Described;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use vcsan_model::{Accessor, Cause, Hazard, Kind, Mode, Site};

/// The shape of the records.
const SCHEMA: u32 = 1;
/// Hazards of different instructions that are kept for one test; more are only counted.
const MOST: usize = 256;

/// Equal for hazards that are certainly the same, and cheap to tell.
type Fingerprint = (Kind, u8, Site, Site, u8, Site);

fn fingerprint(hazard: &Hazard) -> Fingerprint {
    let accessor = match hazard.accessor {
        Accessor::Cpu(_) => 0,
        Accessor::Uncached => 1,
        Accessor::Device => 2,
    };
    let (cause, by) = match hazard.cause {
        Cause::OldCopy { filled_by, dirty } => (u8::from(dirty.is_some()), filled_by),
        Cause::NotWrittenBack { .. } => (2, Site::NONE),
        Cause::Overwritten { dirtied_by, .. } => (3, dirtied_by),
        Cause::Discarded { by, .. } => (4, by),
        Cause::OtherPage { filled_by, .. } => (5, filled_by),
    };
    (
        hazard.kind,
        accessor,
        hazard.access,
        hazard.write,
        cause,
        by,
    )
}

/// What makes two findings the same to a reader.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    test: Option<String>,
    title: String,
    access: Option<String>,
    write: Option<String>,
    missing: String,
}

impl Key {
    fn of(described: &Described) -> Self {
        let write = described.write.as_ref();
        Self {
            test: described.test.clone(),
            title: described.title.clone(),
            access: described.access.symbol.clone(),
            write: write.and_then(|write| write.symbol.clone()),
            missing: described.missing.clone(),
        }
    }
}

/// What was seen of the guest, for the last record.
pub struct Seen<'a> {
    /// Of everything but accesses.
    pub counts: &'a Counts,
    /// Of maintenance.
    pub maintenance: &'a Maintenance,
    /// Lines at addresses that could not be translated, by function.
    pub untranslated: &'a BTreeMap<String, u64>,
    /// Bytes in use by those who saw it.
    pub memory: usize,
}

/// What was found, on its way into two files.
pub struct Findings {
    records: File,
    text: File,
    /// Oldest first.
    findings: Vec<(Captured, u64)>,
    /// Those of the running test.
    known: HashMap<Fingerprint, usize>,
    /// Seen after there were too many to keep.
    surplus: u64,
    written: u64,
    failure: Option<String>,
}

impl Findings {
    /// Opens the files and says what begins.
    ///
    /// # Errors
    ///
    /// A fragment that names the file.
    pub fn create(options: &Options, target: Target) -> Result<Self, String> {
        let mut text = options.out.clone().into_os_string();
        text.push(".txt");
        let mut findings = Self {
            records: create(&options.out)?,
            text: create(Path::new(&text))?,
            findings: Vec::new(),
            known: HashMap::new(),
            surplus: 0,
            written: 0,
            failure: None,
        };
        let mode = match options.model.mode {
            Mode::Architectural => "architectural",
            Mode::Speculative => "speculative",
        };
        findings.record(&json!({
            "record": "start", "schema": SCHEMA, "version": env!("CARGO_PKG_VERSION"),
            "target": target.name, "geometry": options.geometry, "mode": mode,
        }));
        Ok(findings)
    }

    /// A hazard on watched memory.
    pub fn hazard(&mut self, hazard: &Hazard, capture: impl FnOnce() -> Captured) {
        let many = self.known.len() >= MOST;
        match self.known.entry(fingerprint(hazard)) {
            Entry::Occupied(known) => self.findings[*known.get()].1 += 1,
            Entry::Vacant(_) if many => self.surplus += 1,
            Entry::Vacant(new) => {
                new.insert(self.findings.len());
                self.findings.push((capture(), 1));
            }
        }
    }

    /// A test says that it will provoke a hazard.
    pub fn expect(&mut self, test: Option<&str>, title: &str) {
        self.record(&json!({"record": "expect", "test": test.unwrap_or_default(), "title": title}));
    }

    /// The test that runs is over.
    pub fn end_test(&mut self) {
        self.known.clear();
    }

    /// Writes all hazards.
    pub fn write(&mut self, scene: &mut Scene<'_>) {
        let mut different: Vec<(Described, u64)> = Vec::new();
        let mut by_key: HashMap<Key, usize> = HashMap::new();
        for (captured, count) in std::mem::take(&mut self.findings) {
            let described = scene.describe(&captured);
            let index = *by_key.entry(Key::of(&described)).or_insert_with(|| {
                different.push((described, 0));
                different.len() - 1
            });
            different[index].1 += count;
        }
        for (described, count) in different {
            self.written += 1;
            let mut record = tagged("hazard", &described);
            record["count"] = count.into();
            self.record(&record);
            let times = match count {
                1 => String::new(),
                _ => format!("  seen      {count} times\n"),
            };
            self.write_text(&format!("{}{times}\n", described.text));
        }
        for complaint in scene.symbols.complaints().collect::<Vec<_>>() {
            self.write_text(&format!("note: {complaint}\n"));
        }
    }

    /// Something went wrong in the plugin. The first time counts.
    pub fn fail(&mut self, text: &str) {
        if self.failure.is_none() {
            self.write_text(&format!("VCSan failed to {text}\n"));
            eprintln!("vcsan: failed to {text}");
            self.failure = Some(text.to_owned());
        }
    }

    /// The last record. `memory`: bytes in use by the model, and what belongs to it.
    pub fn end(
        &mut self,
        accesses: &Accesses,
        seen: &Seen<'_>,
        watched_pages: usize,
        memory: usize,
    ) {
        let maintenance = seen.maintenance;
        let mut record = tagged("end", accesses);
        extend(&mut record, seen.counts);
        let more = json!({
            "maintenance": maintenance.total(), "by_kind": maintenance.by_kind(),
            "untranslated": maintenance.untranslated.values().sum::<u64>(),
            "untranslated_at": seen.untranslated,
            "translation_changes": maintenance.translation_changes,
            "watched_pages": watched_pages, "hazards": self.written, "surplus": self.surplus,
            "memory_bytes": memory + seen.memory, "failure": self.failure,
        });
        extend(&mut record, &more);
        self.record(&record);
        let summary = match (&self.failure, self.written) {
            (Some(failure), _) => format!("VCSan failed to {failure}: the run proves nothing.\n"),
            (None, 0) => "VCSan: no hazard.\n".to_owned(),
            (None, 1) => "VCSan: 1 hazard.\n".to_owned(),
            (None, n) => format!("VCSan: {n} hazards.\n"),
        };
        self.write_text(&summary);
    }

    fn record(&mut self, record: &Value) {
        if let Err(error) = writeln!(self.records, "{record}") {
            // Without its last record the run counts as failed, which is right.
            eprintln!("vcsan: failed to write findings: {error}");
        }
    }

    fn write_text(&mut self, text: &str) {
        if let Err(error) = self.text.write_all(text.as_bytes()) {
            eprintln!("vcsan: failed to write findings: {error}");
        }
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
