// SPDX-License-Identifier: GPL-2.0-only
//! Reads what the plugin wrote: one JSON object a line.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// What the plugin saw of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// What the guest's tests said that they would provoke.
    pub expected: Vec<Expected>,
    /// What it reports.
    pub hazards: Vec<Hazard>,
    /// Its last words; none if it did not get that far.
    pub end: Option<Summary>,
}

/// A test provokes a hazard on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Expected {
    /// `suite.case`
    pub test: String,
    /// The hazard's title.
    pub title: String,
}

/// An access that could go wrong on hardware, and its likes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hazard {
    /// What it is, without addresses.
    pub title: String,
    /// The test that ran, `suite.case`; none if there was none.
    pub test: Option<String>,
    /// How often it was seen.
    pub count: u64,
    /// All of it, for people.
    pub text: String,
}

/// What the plugin counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
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
    /// What went wrong in the plugin itself.
    #[serde(default)]
    pub failure: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "record", rename_all = "lowercase")]
enum Record {
    Start {
        schema: u32,
    },
    Expect(Expected),
    Hazard(Hazard),
    End(Summary),
    #[serde(other)]
    Other,
}

/// The shape that is understood.
const SCHEMA: u32 = 1;

impl Findings {
    /// Reads them from a file.
    ///
    /// # Errors
    /// A fragment that says what is wrong with the file.
    pub fn read(path: &Path) -> Result<Findings, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| format!("failed to read {}: {e}", path.display()))?;
        Findings::parse(&text).map_err(|e| format!("{e} in {}", path.display()))
    }

    fn parse(text: &str) -> Result<Findings, String> {
        let mut findings = Findings::default();
        for (number, line) in (1..).zip(text.lines()) {
            let record: Record = serde_json::from_str(line)
                .map_err(|e| format!("failed to understand line {number}: {e}"))?;
            match record {
                Record::Start { schema } if schema != SCHEMA => {
                    return Err(format!("schema {schema} instead of {SCHEMA}"));
                }
                Record::Start { .. } | Record::Other => {}
                Record::Expect(expected) => findings.expected.push(expected),
                Record::Hazard(hazard) => findings.hazards.push(hazard),
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
{"record":"expect","test":"s.c","title":"stale read"}
{"record":"hazard","title":"stale read","test":"s.c","count":3,"text":"stale read\n  by\n","kind":"x"}
{"record":"end","loads":5,"stores":4,"maintenance":3,"device_reads":2,"device_writes":1,"watched_pages":1,"memory_bytes":1,"hazards":1,"failure":null}
"#;

    #[test]
    fn what_the_plugin_writes_is_understood() {
        let found = Findings::parse(FOUND).expect("valid");
        assert_eq!(found.expected[0].title, "stale read");
        assert_eq!(found.hazards[0].count, 3);
        assert_eq!(found.end.expect("an end").maintenance, 3);
    }

    #[test]
    fn a_run_that_was_cut_off_has_no_end() {
        let cut = FOUND.lines().take(2).collect::<Vec<_>>().join("\n");
        assert_eq!(Findings::parse(&cut).expect("valid").end, None);
    }

    #[test]
    fn half_a_line_and_another_schema_are_refused() {
        let said = Findings::parse(&FOUND[..FOUND.len() - 9]).unwrap_err();
        assert!(said.contains("line 4"), "{said}");
        let said = Findings::parse(&FOUND.replace("\"schema\":1", "\"schema\":2")).unwrap_err();
        assert_eq!(said, "schema 2 instead of 1");
    }
}
