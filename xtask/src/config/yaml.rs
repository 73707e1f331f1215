// SPDX-License-Identifier: GPL-2.0-only
//! YAML, and all that this crate knows of who reads it: a file becomes a type, or is shown with line and key where it does not fit.

mod location;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use serde_yaml::Value;
pub use serde_yaml::with::singleton_map_recursive;

use location::Location;

/// Why a configuration file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or folder could not be read; the system says which.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// The text is not YAML, or not of the expected shape.
    #[error("failed to parse {0}")]
    Parse(Box<Wrong>),
    /// A value has the right shape, but not a usable content.
    #[error("failed to use {0}")]
    Value(Box<Wrong>),
}

/// What is wrong, and where.
#[derive(Debug)]
pub struct Wrong {
    path: PathBuf,
    location: Option<Location>,
    /// With the key and, where one is near, the name that was probably meant.
    message: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, message) = (self.path.display(), &self.message);
        match &self.location {
            Some(Location {
                line,
                column,
                shown,
            }) => write!(f, "{path}:{line}:{column}: {message}\n{shown}"),
            None => write!(f, "{path}: {message}"),
        }
    }
}

impl Error {
    /// The value at `key` in the file at `path` can't be used. The key is names and, from 0, numbers of list items, with dots
    /// between; the message goes on after it.
    pub fn value(path: &Path, key: &str, message: impl fmt::Display) -> Error {
        let text = fs_err::read_to_string(path);
        Error::Value(Box::new(Wrong {
            path: path.to_owned(),
            location: text.ok().and_then(|text| Location::of_key(&text, key)),
            message: format!("`{key}` {message}"),
        }))
    }

    /// A line, 1-based, of a file that is a list and no YAML can't be used.
    pub fn line(path: &Path, text: &str, line: usize, message: &str) -> Error {
        Error::Value(Box::new(Wrong {
            path: path.to_owned(),
            location: Some(Location::at(text, line, 1)),
            message: message.to_owned(),
        }))
    }
}

/// Reads `path`.
///
/// # Errors
/// [`Error::Read`] and [`Error::Parse`].
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    parse(path, &fs_err::read_to_string(path)?)
}

/// Parses `text`, which came from `path`.
///
/// # Errors
/// [`Error::Parse`].
pub fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Error> {
    // A key that stands twice in a map would silently be the second one; as a value, it is refused.
    let read = serde_yaml::from_str::<Value>(text).and_then(|_| serde_yaml::from_str(text));
    read.map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((1, 1), |at| (at.line(), at.column()));
        let mut message = error.to_string();
        // The location stands before the message already.
        if let Some(cut) = message.rfind(" at line ") {
            message.truncate(cut);
        }
        if let Some(near) = near_miss(&message) {
            message.push_str(&format!("; did you mean `{near}`?"));
        }
        let second = message.contains("duplicate entry");
        let second = second.then(|| Location::of_second_key(text)).flatten();
        let place = second.unwrap_or_else(|| Location::at(text, line, column));
        Error::Parse(Box::new(Wrong {
            path: path.to_owned(),
            location: Some(place),
            message,
        }))
    })
}

/// Writes `value` as a page.
///
/// # Errors
/// It has something in it that YAML can't say.
pub fn print(
    value: &impl Serialize,
) -> Result<String, impl std::error::Error + Send + Sync + 'static> {
    serde_yaml::to_string(value)
}

/// Finds the expected name nearest to the unknown one in serde's own words
/// (``unknown field `x`, expected one of `a`, `b` ``).
fn near_miss(message: &str) -> Option<&str> {
    let at = message
        .find("unknown field `")
        .or_else(|| message.find("unknown variant `"))?;
    let mut names = message[at..].split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    super::did_you_mean(unknown, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Machine {
        #[expect(dead_code, reason = "only its name matters here")]
        memory_mib: u32,
        #[expect(dead_code, reason = "only its name matters here")]
        console: String,
    }

    fn message(text: &str) -> String {
        parse::<Machine>(Path::new("cells/a.yaml"), text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn unknown_key_names_file_line_key_and_a_near_one() {
        let said = message("console: ttyS0\nmemory_mb: 64\n");
        assert!(said.contains("cells/a.yaml:2:1"), "{said}");
        assert!(said.contains("`memory_mb`"), "{said}");
        let first = said.lines().next().expect("a line");
        assert!(first.ends_with("did you mean `memory_mib`?"), "{said}");
        assert!(said.contains("2 | memory_mb: 64\n  | ^^^^^^^^^"), "{said}");
    }

    #[test]
    fn missing_key_is_named() {
        assert!(message("console: ttyS0\n").contains("missing field `memory_mib`"));
    }

    #[test]
    fn wrong_type_names_its_key() {
        let said = message("console: ttyS0\nmemory_mib: much\n");
        assert!(
            said.contains("cells/a.yaml:2:13: memory_mib: invalid type"),
            "{said}"
        );
    }

    #[test]
    fn not_yaml_names_its_line() {
        let said = message("console: ]\n");
        assert!(said.contains("cells/a.yaml:1:10"), "{said}");
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let text = "a: 1\nb:\n  /usr/bin/awk: mawk\n  /usr/bin/awk: gawk\n";
        let refused = parse::<Value>(Path::new("x.yaml"), text).unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains("duplicate entry") && said.contains("/usr/bin/awk"),
            "{said}"
        );
        type Map = std::collections::BTreeMap<String, Value>;
        parse::<Map>(Path::new("x.yaml"), text).expect_err("as a map too");
    }
}
