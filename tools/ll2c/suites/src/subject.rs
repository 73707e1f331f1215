// SPDX-License-Identifier: GPL-2.0-only
//! Which tools compile for a subject and run its programs: a page of `subjects/`.

use serde::Deserialize;
use std::io;
use std::path::Path;

/// A subject, its stand-ins and its reference.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// ll2c's page.
    pub page: String,
    /// The C compiler.
    pub gcc: Vec<String>,
    /// What it links programs with.
    pub link: Vec<String>,
    /// What runs a program.
    pub run: Vec<String>,
    /// Where IR of C comes from; none if C is not tried.
    pub c: Option<C>,
    /// Where IR of Rust comes from; none if Rust is not tried.
    pub rust: Option<Rust>,
    /// What LLVM makes of the same programs.
    pub reference: Reference,
}

/// The stand-in for C.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct C {
    /// clang's target, and what makes its headers and macros the subject's.
    pub clang: Vec<String>,
}

/// The stand-in for Rust.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rust {
    /// A target specification in ll2c's `abi/`, without `.json`.
    pub stand_in: String,
    /// rustc's target for the reference.
    pub reference: String,
}

/// A machine that LLVM knows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// clang's target.
    pub clang: Vec<String>,
    /// What links its programs.
    pub gcc: Vec<String>,
    /// What runs them.
    pub run: Vec<String>,
    /// Flags by which its GCC takes C that is for the subject.
    pub pretend: Vec<String>,
}

impl Subject {
    /// Reads a page.
    ///
    /// # Errors
    /// The file can't be read, or a key is missing, unknown or malformed.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| format!("failed to read {}: {e}", path.display()))?;
        serde_yaml::from_str(&text).map_err(|e| format!("failed to parse {}: {e}", path.display()))
    }

    /// clang's target for the stand-in of C, and what goes with it.
    ///
    /// # Errors
    /// C is not tried on the subject.
    pub fn clang(&self) -> io::Result<&[String]> {
        let c = self.c.as_ref();
        c.map(|c| &c.clang[..])
            .ok_or_else(|| io::Error::other("the subject's page has no `c`"))
    }
}
