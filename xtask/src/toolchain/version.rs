// SPDX-License-Identifier: GPL-2.0-only
//! Dotted version numbers.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version such as 1.85 or 10.0.13; the parts that are missing count as zero.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Version {
    /// As it was written.
    text: String,
    parts: Vec<u32>,
}

/// A text that is no [`Version`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version: numbers with dots between them, in quotes, such as '1.85'")]
pub struct NotAVersion(String);

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Version, NotAVersion> {
        let number = |part: &str| {
            let digits = part.bytes().all(|b| b.is_ascii_digit());
            part.parse().ok().filter(|_| digits)
        };
        let parts: Option<Vec<u32>> = text.split('.').map(number).collect();
        let text = text.to_owned();
        match parts {
            Some(parts) => Ok(Version { text, parts }),
            None => Err(NotAVersion(text)),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Version, NotAVersion> {
        text.parse()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        let parts = self.parts.len().max(other.parts.len());
        let part = |v: &Version, i| v.parts.get(i).copied().unwrap_or(0);
        (0..parts)
            .map(|i| part(self, i).cmp(&part(other, i)))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Version) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn parts_compare_as_numbers() {
        assert!(v("1.9") < v("1.10"));
        assert!(v("10.0.13") < v("11"));
        assert!(v("7.2.12") < v("7.3"));
    }

    #[test]
    fn missing_parts_are_zero() {
        assert_eq!(v("1.85"), v("1.85.0"));
        assert!(v("1.85") < v("1.85.1"));
    }

    #[test]
    fn what_is_no_version() {
        for text in [
            "",
            "1.",
            ".1",
            "1..2",
            "v1",
            "1.x",
            "+1",
            "1 2",
            "99999999999",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn prints_as_it_was_written() {
        for text in ["0.71.1", "1.06.95", "7.30"] {
            assert_eq!(v(text).to_string(), text);
        }
    }
}
