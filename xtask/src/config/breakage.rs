// SPDX-License-Identifier: GPL-2.0-only
//! A breakage: one thing done wrong on purpose, and the verdict that it must get.

use std::path::PathBuf;

use serde::Deserialize;

use crate::verdict::Verdict;

/// One page of `configs/breakages`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breakage {
    /// What is wrong.
    pub summary: String,
    /// The cell that runs it.
    pub cell: String,
    /// What the cell's verdict must be.
    pub verdict: Verdict,
    /// The exit code, where it is not that of the verdict.
    #[serde(default)]
    pub exit: Option<u8>,
    /// What the report must say of it: these texts.
    pub says: Vec<String>,
    /// Further arguments of `cargo xtask test`.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// What is changed in a checkout to break it.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// What the machine does to it.
    #[serde(default)]
    pub machine: Option<Machine>,
}

/// Something that happens to a run from outside.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "kebab-case")]
pub enum Machine {
    /// A folder of the cache is on a small disk.
    SmallDisk {
        /// The folder, in the cache.
        folder: PathBuf,
        /// How much fits on the disk.
        mib: u64,
        /// What is left of it is taken when a guest has printed this.
        full_at: Option<String>,
    },
    /// QEMU is stopped, once.
    Stopped {
        /// When a guest has printed this.
        at: String,
    },
    /// The code of the cache model is overwritten in QEMU's memory, so that QEMU dies in it.
    SpoiledPlugin {
        /// When a guest has printed this.
        at: String,
    },
}

impl Machine {
    /// At which text of a guest it does something, if it waits for one.
    pub fn at(&self) -> Option<&str> {
        match self {
            Machine::SmallDisk { full_at, .. } => full_at.as_deref(),
            Machine::Stopped { at } | Machine::SpoiledPlugin { at } => Some(at),
        }
    }
}

/// A change of one file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Which, from the checkout's root.
    pub file: PathBuf,
    /// What goes: lines that stand there exactly once, or nothing for a new file.
    #[serde(default)]
    pub from: String,
    /// What comes instead.
    #[serde(default)]
    pub to: String,
}

impl Edit {
    /// The file's text after the edit; none where the edit does not fit `text`.
    pub fn apply(&self, text: Option<&str>) -> Option<String> {
        match text {
            None => self.from.is_empty().then(|| self.to.clone()),
            Some(_) if self.from.is_empty() => None,
            Some(text) => replace_once(text, &self.from, &self.to),
        }
    }
}

/// `text` with `to` for `from`, which must stand there exactly once.
pub(super) fn replace_once(text: &str, from: &str, to: &str) -> Option<String> {
    (text.matches(from).count() == 1).then(|| text.replacen(from, to, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_fits_a_text_that_holds_its_lines_once_and_nothing_else() {
        let edit = Edit {
            file: "a".into(),
            from: "b\n".into(),
            to: "c\n".into(),
        };
        assert_eq!(edit.apply(Some("a\nb\n")).as_deref(), Some("a\nc\n"));
        assert_eq!(edit.apply(Some("b\nb\n")), None);
        assert_eq!(edit.apply(Some("a\n")), None);
        assert_eq!(edit.apply(None), None);
    }

    #[test]
    fn an_edit_without_lines_to_replace_makes_a_new_file() {
        let edit = Edit {
            file: "a".into(),
            from: String::new(),
            to: "c\n".into(),
        };
        assert_eq!(edit.apply(None).as_deref(), Some("c\n"));
        assert_eq!(edit.apply(Some("")), None);
    }
}
