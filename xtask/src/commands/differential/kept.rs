// SPDX-License-Identifier: GPL-2.0-only
//! Rows of suites that ended well, so that `--resume` runs only what is not known of this ll2c and these tools.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Bench, suites};
use crate::cli::Programs;
use crate::exit::Failure;
use crate::project::Project;
use crate::stamp::{Inputs, Stamp};

/// The rows of one suite on one subject, and what they were made with.
#[derive(Debug)]
pub(super) struct Kept {
    file: PathBuf,
    stamp: Stamp,
}

impl Bench<'_> {
    /// Where rows of a suite are kept. `programs` are those that make them.
    pub(super) fn kept(
        &self,
        suite: Programs,
        subject: &str,
        sample: bool,
        programs: &[&Path],
    ) -> Result<Kept, Failure> {
        let name = suites::name(suite);
        let ll2c = Project::this().root().join("tools/ll2c");
        // What the programs do not hold themselves: the tests are built from their source, and Rust's need the stand-ins.
        let parts: &[&str] = match suite {
            Programs::Own => &["tests", "abi"],
            // Those of Rust link with what the tests have for C.
            _ => &["suites", "abi", "tests/differential/c"],
        };
        let mut inputs = Inputs::new()
            .text(&name)
            .text(subject)
            .text(if sample { "sample" } else { "all" })
            .text(self.toolchain.id());
        for (key, value) in std::env::vars_os() {
            if key.as_encoded_bytes().starts_with(b"LL2C_") {
                inputs = inputs
                    .text(key.as_encoded_bytes())
                    .text(value.as_encoded_bytes());
            }
        }
        for part in parts {
            inputs = inputs
                .files(&ll2c.join(part), |_| true)
                .map_err(Failure::infra)?;
        }
        for program in programs {
            inputs = inputs.file(program).map_err(Failure::infra)?;
        }
        let folder = self.cache.folder("differential/kept");
        let folder = folder.map_err(Failure::infra)?;
        let sample = if sample { "-sample" } else { "" };
        Ok(Kept {
            file: folder.join(format!("{name}-{}{sample}", subject.replace(' ', "+"))),
            stamp: inputs.stamp(),
        })
    }
}

impl Kept {
    /// The rows, if they were made with the same.
    pub(super) fn rows(&self) -> Option<String> {
        let text = fs::read_to_string(&self.file).ok()?;
        let (stamp, rows) = text.split_once('\n')?;
        (stamp == self.stamp.to_string() && !rows.is_empty()).then(|| rows.to_owned())
    }

    /// Keeps them.
    pub(super) fn keep(&self, rows: &str) -> Result<(), Failure> {
        fs::write(&self.file, format!("{}\n{rows}", self.stamp)).map_err(Failure::infra)
    }

    /// Forgets them: they are about to be made.
    pub(super) fn forget(&self) {
        let _ = fs::remove_file(&self.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_the_same_programs() {
        let dir = tempfile::tempdir().expect("a folder");
        let kept = |text: &str| Kept {
            file: dir.path().join("own-hppa"),
            stamp: Inputs::new().text(text).stamp(),
        };
        assert_eq!(kept("a").rows(), None);
        kept("a").keep("{}\n").expect("rows are written");
        assert_eq!(kept("a").rows().as_deref(), Some("{}\n"));
        assert_eq!(kept("b").rows(), None);
        // A suite that gave none did not run.
        kept("a").keep("").expect("rows are written");
        assert_eq!(kept("a").rows(), None);
        kept("a").keep("{}\n").expect("rows are written");
        kept("a").forget();
        assert_eq!(kept("a").rows(), None);
    }
}
