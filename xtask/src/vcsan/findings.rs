// SPDX-License-Identifier: GPL-2.0-only
//! Reads what the plugin wrote: one JSON object a line.

use std::collections::BTreeMap;
use std::path::Path;

use globset::{Glob, GlobMatcher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cause::chain;

/// What the plugin saw of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// The kernel's DMA API told of transfers, and not what the guest's tests said.
    pub contract: bool,
    /// What the guest's tests said that they would provoke.
    pub expected: Vec<Expected>,
    /// Where modules lay, a line each: its name, and ` section=0xADDRESS` for each of its code's sections.
    pub modules: Vec<String>,
    /// What it reports.
    pub hazards: Vec<Hazard>,
    /// What the guest had counted.
    pub measured: Vec<Measured>,
    /// Its last words; none if it did not get that far.
    pub end: Option<Summary>,
}

/// A test provokes a hazard on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Expected {
    /// `suite.case`
    pub test: String,
    /// The guest's own words: `TITLE | ALIAS | FUNCTION | MISSING`, see [`Expected::pattern`].
    #[serde(rename = "title")]
    pub text: String,
}

/// The hazards that a test provokes, and no others.
#[derive(Debug, Clone)]
pub struct Pattern {
    title: String,
    alias: String,
    function: GlobMatcher,
    missing: GlobMatcher,
}

impl Expected {
    /// What the hazard must be.
    ///
    /// # Errors
    /// See [`Pattern::parse`].
    pub fn pattern(&self) -> Result<Pattern, String> {
        Pattern::parse(&self.text)
    }
}

impl Pattern {
    /// Whether it is the cache model that sees such a hazard, and not who follows the DMA API.
    pub fn is_of_the_cache(&self) -> bool {
        is_of_the_cache(&self.title)
    }

    /// Whether `hazard` may be what who follows the DMA API sees of the same mistake: its contract is broken, or the cache is
    /// told to go wrong at another moment, through the same alias or for want of the same maintenance.
    pub fn is_resembled_by(&self, hazard: &Hazard) -> bool {
        !is_of_the_cache(&hazard.title)
            || self.has_alias_of(hazard)
            || self.missing.is_match(&hazard.missing)
    }

    /// Reads `TITLE | ALIAS | FUNCTION | MISSING`: title and the alias that the CPU used, word by word; that function and the
    /// maintenance that is missing, as globs.
    ///
    /// # Errors
    /// A fragment that says why no hazard can be told by it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let parts: Vec<&str> = text.split('|').map(str::trim).collect();
        let [title, alias, function, missing] = parts[..] else {
            return Err(format!(
                "`{text}` is not of the form TITLE | ALIAS | FUNCTION | MISSING"
            ));
        };
        let glob = |text: &str| {
            Glob::new(text)
                .map(|glob| glob.compile_matcher())
                .map_err(|e| format!("`{text}` is not a glob: {e}"))
        };
        Ok(Pattern {
            title: title.to_owned(),
            alias: alias.to_owned(),
            function: glob(function)?,
            missing: glob(missing)?,
        })
    }

    /// Whether `hazard` is what was provoked.
    pub fn is_met_by(&self, hazard: &Hazard) -> bool {
        let function = hazard.cpu().and_then(|party| party.symbol.as_deref());
        self.title == hazard.title
            && self.has_alias_of(hazard)
            && self.function.is_match(function.unwrap_or_default())
            && self.missing.is_match(&hazard.missing)
    }

    fn has_alias_of(&self, hazard: &Hazard) -> bool {
        let alias = hazard.cpu().and_then(|party| party.alias.as_deref());
        // What wrote long before is not always known with its address, but then what is missing names the alias.
        match alias {
            Some(alias) => alias == self.alias,
            None => hazard.missing.contains(&self.alias),
        }
    }
}

/// Whether a hazard with this title is the cache model's.
fn is_of_the_cache(title: &str) -> bool {
    [
        "stale read",
        "stale device read",
        "lost write",
        "discarded write",
    ]
    .iter()
    .any(|own| title.starts_with(own))
}

/// An access that could go wrong on hardware, and its likes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Hazard {
    /// What it is, without addresses.
    pub title: String,
    /// The test that ran, `suite.case`; none if there was none.
    pub test: Option<String>,
    /// The access that may go wrong.
    #[serde(default)]
    pub access: Party,
    /// The write that it should have seen, if that is known.
    #[serde(default)]
    pub write: Option<Party>,
    /// Why it may go wrong.
    #[serde(default)]
    pub cause: String,
    /// Who mapped the memory for a device, if that was broken into.
    #[serde(default)]
    pub mapped: Option<Party>,
    /// The maintenance that would have prevented it.
    #[serde(default)]
    pub missing: String,
    /// The buffer's name.
    #[serde(default)]
    pub buffer: Option<String>,
    /// Where in the buffer, bytes; none for memory beside it that shares its line.
    #[serde(default)]
    pub offset: Option<u64>,
    /// The physical address of the first byte that may be wrong.
    #[serde(default)]
    pub physical: Option<String>,
    /// What happened to the line before; none if nothing did that was seen.
    #[serde(default)]
    pub history: Option<History>,
    /// How often it was seen. The plugin writes a hazard when it finds it, and this when the test is over.
    pub count: u64,
    /// All of it, for people.
    pub text: String,
}

impl Hazard {
    /// What the CPU had to do with it: the access or, of a device's, the write.
    pub fn cpu(&self) -> Option<&Party> {
        let write = self.write.iter();
        std::iter::once(&self.access)
            .chain(write)
            .find(|party| party.by != "device")
    }

    /// The functions that it is about.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        let others = self.write.iter().chain(&self.mapped);
        std::iter::once(&self.access)
            .chain(others)
            .filter_map(|party| party.symbol.as_deref())
    }
}

/// Who accessed memory, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Party {
    /// `cpu`, `uncached` or `device`, or `call` for one of the DMA API.
    pub by: String,
    /// The instruction's address, in hexadecimal; of a device, that of the one which announced its transfer.
    #[serde(default)]
    pub pc: Option<String>,
    /// The function, and its module in brackets.
    pub symbol: Option<String>,
    /// Its source file.
    #[serde(default)]
    pub file: Option<String>,
    /// The line there.
    #[serde(default)]
    pub line: Option<u32>,
    /// The kind of mapping.
    pub alias: Option<String>,
    /// The virtual address.
    #[serde(default)]
    pub vaddr: Option<String>,
    /// Who called, innermost first, where that was asked for; after a `? ` what may not belong there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<String>,
}

/// What happened to a line of the cache, as a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// Its physical address.
    pub line: String,
    /// The ways to it: virtual pages, each with its kind of mapping, and memory itself.
    pub columns: Vec<String>,
    /// Oldest first.
    pub events: Vec<Event>,
}

/// A row of that table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// In words, such as "write back".
    pub what: String,
    /// `R` read, `W` write, `w` write back, `i` invalidate, `f` flush.
    pub letter: char,
    /// Indices of the columns that it concerns.
    pub columns: Vec<usize>,
    /// How often in a row.
    pub count: u32,
    /// Function and offset, where that is known.
    pub by: Option<String>,
}

/// What the CPU did between two notes of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Measured {
    /// As the guest calls it.
    pub name: String,
    /// Instructions executed.
    pub instructions: u64,
    /// Lines of the cache that maintenance named.
    pub lines: u64,
}

/// What the plugin counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
pub struct Summary {
    /// Loads and stores through the cache.
    pub loads: u64,
    /// See `loads`.
    pub stores: u64,
    /// Maintenance instructions that do something to the data cache.
    pub maintenance: u64,
    /// Transfers in which a device read memory.
    pub device_reads: u64,
    /// Transfers in which a device wrote memory.
    pub device_writes: u64,
    /// Pages of buffers under test.
    pub watched_pages: u64,
    /// Memory that the model took, bytes.
    pub memory_bytes: u64,
    /// Hazards reported, each counted once.
    pub hazards: u64,
    /// Hazards that were seen and are not reported.
    pub surplus: u64,
    /// Accesses to an unknown place.
    pub unknown: u64,
    /// Lines whose maintenance went to an unknown place.
    pub untranslated: u64,
    /// Tests that announced transfers which the device did not make.
    pub doubtful_transfers: u64,
    /// Modules that have called the DMA API, themselves or through others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
    /// Whatever else it is in doubt about, and how often.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub doubts: BTreeMap<String, u64>,
    /// Maintenance instructions of each kind.
    #[serde(default)]
    pub by_kind: BTreeMap<String, u64>,
    /// What went wrong in the plugin itself.
    #[serde(default)]
    pub failure: Option<String>,
    /// The lines of the file of suppressions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressions: Vec<Suppression>,
}

/// A line of a file of suppressions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
pub struct Suppression {
    /// Its number.
    pub line: usize,
    /// The title.
    pub title: String,
    /// The function of the access or the call, a glob.
    pub access: String,
    /// That of the write, or of who mapped the memory.
    pub write: String,
    /// How many findings were like it.
    pub findings: u64,
}

#[derive(Deserialize)]
#[serde(tag = "record", rename_all = "lowercase")]
enum Record {
    Start {
        schema: u32,
        #[serde(default)]
        contract: bool,
    },
    Expect(Expected),
    Module {
        sections: String,
    },
    Hazard(Box<Hazard>),
    /// The hazard of this number, which counts from 0, was seen so often.
    Seen {
        number: usize,
        count: u64,
    },
    Measured(Measured),
    End(Summary),
    #[serde(other)]
    Other,
}

impl Summary {
    /// What keeps silence from being a proof, in words.
    pub fn doubts(&self) -> impl Iterator<Item = String> {
        let known = [
            (self.surplus, "hazards that it does not report"),
            (self.unknown, "accesses to an unknown place"),
            (self.untranslated, "lines maintained at an unknown place"),
            (
                self.doubtful_transfers,
                "tests with transfers that no device made",
            ),
        ];
        let others = self
            .doubts
            .iter()
            .map(|(what, count)| (*count, what.as_str()));
        known
            .into_iter()
            .chain(others)
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// The shape that is understood.
const SCHEMA: u32 = 1;

impl Findings {
    /// Reads them from a file: whole lines. The last one of a guest that had to be ended may be torn.
    ///
    /// # Errors
    /// A fragment that says what is wrong with the file.
    pub fn read(path: &Path) -> Result<Findings, String> {
        let text = fs_err::read_to_string(path).map_err(|e| chain(&e))?;
        Findings::parse(&text).map_err(|e| format!("{e} in {}", path.display()))
    }

    fn parse(text: &str) -> Result<Findings, String> {
        let mut findings = Findings::default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (number, line) in (1..).zip(whole.lines()) {
            let record: Record = serde_json::from_str(line)
                .map_err(|e| format!("failed to understand line {number}: {e}"))?;
            match record {
                Record::Start { schema, .. } if schema != SCHEMA => {
                    return Err(format!("schema {schema} instead of {SCHEMA}"));
                }
                Record::Start { contract, .. } => findings.contract = contract,
                Record::Other => {}
                Record::Expect(expected) => findings.expected.push(expected),
                Record::Module { sections } => findings.modules.push(sections),
                Record::Hazard(hazard) => findings.hazards.push(*hazard),
                Record::Seen { number, count } => {
                    let hazard = findings.hazards.get_mut(number);
                    let hazard = hazard.ok_or_else(|| format!("no hazard has number {number}"))?;
                    hazard.count = count;
                }
                Record::Measured(measured) => findings.measured.push(measured),
                Record::End(summary) => findings.end = Some(summary),
            }
        }
        Ok(findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &str = r#"{"record":"start","schema":1,"version":"0.1.0","target":"arm"}
{"record":"expect","test":"s.c","title":"stale read | vmap | *::read | invalidate the vmap*"}
{"record":"hazard","title":"stale read","test":"s.c","access":{"by":"cpu","symbol":"m::read [m]","alias":"vmap"},"write":null,"missing":"invalidate the vmap between","history":{"line":"0x1000","columns":["vmap 0xc0001000","memory"],"events":[{"what":"load","letter":"R","columns":[0],"count":2,"by":"f+0x4"}]},"count":1,"text":"stale read\n  by\n","kind":"x"}
{"record":"seen","number":0,"count":3}
{"record":"end","loads":5,"stores":4,"maintenance":3,"device_reads":2,"device_writes":1,"watched_pages":1,"memory_bytes":1,"hazards":1,"surplus":0,"unknown":0,"untranslated":0,"doubtful_transfers":0,"failure":null}
"#;

    #[test]
    fn what_the_plugin_writes_is_understood() {
        let found = Findings::parse(FOUND).expect("valid");
        assert_eq!(found.expected[0].test, "s.c");
        assert_eq!(found.hazards[0].count, 3);
        assert_eq!(found.hazards[0].access.alias.as_deref(), Some("vmap"));
        let history = found.hazards[0].history.as_ref().expect("a history");
        assert_eq!((history.events[0].letter, history.columns.len()), ('R', 2));
        assert_eq!(found.end.expect("an end").maintenance, 3);
    }

    #[test]
    fn a_run_that_was_cut_off_has_no_end() {
        let cut = &FOUND[..FOUND.len() - 9];
        let found = Findings::parse(cut).expect("valid");
        assert_eq!(found.end, None);
        assert_eq!(found.hazards.len(), 1, "whole lines are read");
        assert_eq!(Findings::parse("").expect("valid"), Findings::default());
    }

    #[test]
    fn what_the_plugin_does_not_say_of_itself_is_refused() {
        let said = Findings::parse(&FOUND.replace("\"unknown\":0,", "")).unwrap_err();
        assert!(
            said.contains("line 5") && said.contains("unknown"),
            "{said}"
        );
    }

    #[test]
    fn a_provoked_hazard_is_one_of_that_title_alias_function_and_cure() {
        let found = Findings::parse(FOUND).expect("valid");
        let meets = |text: &str| {
            let expected = Expected {
                text: text.into(),
                ..found.expected[0].clone()
            };
            expected.pattern().map(|p| p.is_met_by(&found.hazards[0]))
        };
        for (text, met) in [
            ("stale read | vmap | m::read* | invalidate the vmap*", true),
            ("lost write | vmap | m::read* | invalidate the vmap*", false),
            (
                "stale read | direct map | m::read* | invalidate the vmap*",
                false,
            ),
            (
                "stale read | vmap | m::write* | invalidate the vmap*",
                false,
            ),
            ("stale read | vmap | m::read* | write back*", false),
        ] {
            assert_eq!(meets(text), Ok(met), "{text}");
        }
        assert!(meets("stale read").is_err());
        assert!(meets("a | b | [ | d").is_err());
    }

    #[test]
    fn of_a_device_s_read_the_write_is_the_cpu_s() {
        let mut hazard = Findings::parse(FOUND).expect("valid").hazards.remove(0);
        let cpu = std::mem::take(&mut hazard.access);
        hazard.access.by = "device".into();
        assert_eq!(hazard.cpu(), None);
        hazard.write = Some(cpu.clone());
        assert_eq!(hazard.cpu(), Some(&cpu));
    }

    #[test]
    fn a_line_that_is_no_record_and_another_schema_are_refused() {
        let said = Findings::parse(&FOUND.replace("\"count\":3", "\"count\":")).unwrap_err();
        assert!(said.contains("line 4"), "{said}");
        let said = Findings::parse(&FOUND.replace("\"schema\":1", "\"schema\":2")).unwrap_err();
        assert_eq!(said, "schema 2 instead of 1");
    }
}
