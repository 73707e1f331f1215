// SPDX-License-Identifier: GPL-2.0-only
//! Findings that a user knows and does not want to be told of again: a file of patterns, each with a reason.
//!
//! A line is `TITLE | FUNCTION | FUNCTION | REASON`: of what was found, the title, the function of the access or the call, and
//! that of the write, or of who mapped the memory. In each `*` stands for any characters, also for none, and so for a function
//! that is not known. Empty lines, and those that begin with `#`, say nothing.

use super::hazard::{Described, Party};
use serde::Serialize;
use std::path::Path;

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suppression {
    /// In the file, from 1 on.
    line: usize,
    title: String,
    access: String,
    write: String,
    reason: String,
    /// How many findings it has suppressed.
    pub(super) findings: u64,
}

impl Suppression {
    fn is(&self, described: &Described) -> bool {
        let name = |party: Option<&Party>| {
            let symbol = party.and_then(|party| party.symbol.clone());
            symbol.unwrap_or_default()
        };
        let other = described.write.as_ref().or(described.mapped.as_ref());
        matches(&self.title, &described.title)
            && matches(&self.access, &name(Some(&described.access)))
            && matches(&self.write, &name(other))
    }

    /// As it stands in the file, but for the reason.
    pub(super) fn pattern(&self) -> String {
        let Self {
            title,
            access,
            write,
            ..
        } = self;
        format!("{title} | {access} | {write}")
    }

    /// For people: where it stands in the file.
    pub(super) fn line(&self) -> usize {
        self.line
    }
}

/// Reads a file.
///
/// # Errors
///
/// A fragment that names file and line.
pub fn load(path: &Path) -> Result<Vec<Suppression>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("read {}: {error}", path.display()))?;
    parse(&text).map_err(|(line, why)| format!("read {}:{line}: {why}", path.display()))
}

fn parse(text: &str) -> Result<Vec<Suppression>, (usize, &'static str)> {
    let mut all = Vec::new();
    for (line, text) in (1..).zip(text.lines().map(str::trim)) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let parts: Vec<&str> = text.splitn(4, '|').map(str::trim).collect();
        let [title, access, write, reason] = parts[..] else {
            return Err((line, "give TITLE | FUNCTION | FUNCTION | REASON"));
        };
        if reason.is_empty() {
            return Err((line, "give a reason after the third |"));
        }
        if [title, access, write].contains(&"") {
            return Err((line, "give * for what may be anything"));
        }
        all.push(Suppression {
            line,
            title: title.into(),
            access: access.into(),
            write: write.into(),
            reason: reason.into(),
            findings: 0,
        });
    }
    Ok(all)
}

/// The suppression that a finding meets, the first one in the file.
pub(super) fn find<'a>(
    all: &'a mut [Suppression],
    described: &Described,
) -> Option<&'a mut Suppression> {
    all.iter_mut().find(|suppression| suppression.is(described))
}

/// Whether a text is as a pattern says, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    while let Some((part, next)) = rest.split_once('*') {
        let Some(at) = text.find(part) else {
            return false;
        };
        (text, rest) = (&text[at + part.len()..], next);
    }
    text.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "memset"),
            ("a*", "a"),
            ("a*c", "abc"),
            ("*b*", "abc"),
            ("a*b*c", "a-b-b-c"),
            ("f [mod]", "f [mod]"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", "ab"),
            ("a*c", "ac-"),
            ("a*a", "a"),
            ("*b*", "ac"),
            ("f [mod]", "f [mad]"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_line_without_a_reason_is_refused_by_its_number() {
        let good =
            parse("# of the driver\n\nstale read | f* | * | the padding | of no use\n").unwrap();
        assert_eq!(
            (good[0].line, good[0].reason.as_str()),
            (3, "the padding | of no use")
        );
        for (text, line, says) in [
            (
                "stale read | f | g",
                1,
                "TITLE | FUNCTION | FUNCTION | REASON",
            ),
            ("\nstale read | f | g |", 2, "a reason"),
            ("stale read | | g | r", 1, "give *"),
        ] {
            let (at, why) = parse(text).unwrap_err();
            assert!(at == line && why.contains(says), "{text}: {at} {why}");
        }
    }
}
