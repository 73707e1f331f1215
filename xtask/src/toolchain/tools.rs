// SPDX-License-Identifier: GPL-2.0-only
//! Whether the tools are there, and new enough.

use std::path::PathBuf;

use super::recipe::{Tool, Wanted};
use super::{Toolchain, Version};
use crate::stop::Stop;

/// A tool and what was found of it.
#[derive(Debug)]
pub struct ToolStatus<'a> {
    /// What was looked for.
    pub tool: &'a Tool,
    /// What was found.
    pub found: Found,
}

/// What was found of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// What was asked for.
    Fine {
        /// Where.
        path: PathBuf,
        /// Which; empty where no version is asked for.
        version: String,
    },
    /// None of the programs.
    Missing,
    /// One, but not what was asked for.
    Wrong {
        /// Where.
        path: PathBuf,
        /// Why it won't do.
        why: String,
    },
}

/// Looks for `tool` in `toolchain`.
pub fn find<'a>(toolchain: &Toolchain, tool: &'a Tool, stop: &Stop) -> ToolStatus<'a> {
    let Some((program, path)) = tool
        .programs
        .iter()
        .find_map(|p| Some((p, toolchain.which(p)?)))
    else {
        return ToolStatus {
            tool,
            found: Found::Missing,
        };
    };
    let judged = match toolchain.command(program).args(&tool.args).read(stop) {
        Ok(output) => judge(&tool.wanted, &output, |file| {
            toolchain.outside(file).exists()
        }),
        Err(failed) => Err(failed.to_string()),
    };
    let found = match judged {
        Ok(version) => Found::Fine { path, version },
        Err(why) => Found::Wrong { path, why },
    };
    ToolStatus { tool, found }
}

/// What a tool's `output` says about it: its version, or why it won't do.
fn judge(
    wanted: &Wanted,
    output: &str,
    exists: impl Fn(&std::path::Path) -> bool,
) -> Result<String, String> {
    match wanted {
        Wanted::Version {
            pattern,
            min,
            below,
        } => {
            let first = || output.lines().next().unwrap_or_default();
            let text = pattern
                .captures(output)
                .and_then(|captures| captures.get(1))
                .ok_or_else(|| format!("says no version that `{pattern}` finds: {:?}", first()))?
                .as_str();
            let version: Version = text.parse().map_err(|e| format!("{e}"))?;
            if version < *min {
                Err(format!("{version} is too old"))
            } else if below.as_ref().is_some_and(|below| version >= *below) {
                Err(format!("{version} is too new"))
            } else {
                Ok(text.to_owned())
            }
        }
        Wanted::File(file) => {
            let path = PathBuf::from(output.trim()).join(file);
            if exists(&path) {
                Ok(String::new())
            } else {
                Err(format!("{} is missing", path.display()))
            }
        }
    }
}

impl Wanted {
    /// In a few words.
    pub fn describe(&self) -> String {
        match self {
            Wanted::Version {
                min, below: None, ..
            } => format!("{min} or later"),
            Wanted::Version {
                min,
                below: Some(below),
                ..
            } => format!("{min} or later, before {below}"),
            Wanted::File(file) => file.display().to_string(),
        }
    }
}

impl ToolStatus<'_> {
    /// In one line: what is wrong, unless nothing is.
    pub fn complaint(&self) -> Option<String> {
        let name = &self.tool.name;
        match &self.found {
            Found::Fine { .. } => None,
            Found::Missing => Some(format!(
                "{name}: no {} on PATH",
                self.tool.programs.join(" or ")
            )),
            Found::Wrong { path, why } => Some(format!(
                "{name}: {}: {why}; needed: {}",
                path.display(),
                self.tool.wanted.describe()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    fn version(output: &str) -> Result<String, String> {
        let wanted = Wanted::Version {
            pattern: Regex::new(r"(\d+(?:\.\d+)+)").expect("a pattern"),
            min: "10.0".parse().expect("a version"),
            below: Some("11".parse().expect("a version")),
        };
        judge(&wanted, output, |_| false)
    }

    #[test]
    fn a_version_in_range_is_fine() {
        assert_eq!(
            version("QEMU emulator version 10.0.13 (Debian 1:10.0.13)").as_deref(),
            Ok("10.0.13")
        );
        assert_eq!(version("QEMU emulator version 10.0").as_deref(), Ok("10.0"));
    }

    #[test]
    fn out_of_range_says_which_way() {
        assert_eq!(
            version("QEMU emulator version 7.2.22"),
            Err("7.2.22 is too old".into())
        );
        assert_eq!(
            version("QEMU emulator version 11.0.0"),
            Err("11.0.0 is too new".into())
        );
    }

    #[test]
    fn no_version_shows_what_was_said_instead() {
        let why = version("command not understood\nmore").expect_err("no version");
        assert!(why.ends_with(r#""command not understood""#), "{why}");
        assert!(version("").is_err());
    }

    #[test]
    fn a_file_is_looked_for_below_the_printed_folder() {
        let wanted = Wanted::File("lib/x.rs".into());
        assert!(
            judge(&wanted, "/usr\n", |p| p
                == std::path::Path::new("/usr/lib/x.rs"))
            .is_ok()
        );
        assert_eq!(
            judge(&wanted, "/opt\n", |_| false),
            Err("/opt/lib/x.rs is missing".into())
        );
    }
}
