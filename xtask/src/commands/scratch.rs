// SPDX-License-Identifier: GPL-2.0-only
//! A copy of what a checkout gives to the matrix, to be changed, and this very program run on it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Output;

use walkdir::WalkDir;

use super::Context;
use crate::config::Edit;
use crate::exit::Failure;
use crate::follow::{self, End};
use crate::results::Run;

/// The copy, which goes with this.
#[derive(Debug)]
pub(super) struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    /// Copies `configs/` and `kernel/`.
    pub(super) fn new(context: &Context) -> io::Result<Scratch> {
        let dir = tempfile::tempdir()?;
        for part in ["configs", "kernel"] {
            copy(&context.project.root().join(part), &dir.path().join(part))?;
        }
        Ok(Scratch { dir })
    }

    /// A path in it.
    pub(super) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(inside)
    }

    /// Changes it.
    pub(super) fn edit(&self, edits: &[Edit]) -> Result<(), Failure> {
        for edit in edits {
            let path = self.path(&edit.file);
            let changed = edit
                .apply(fs::read_to_string(&path).ok().as_deref())
                .ok_or_else(|| {
                    Failure::usage(format!(
                        "failed to edit {}: it does not hold the lines to replace exactly once",
                        edit.file.display()
                    ))
                })?;
            fs::write(&path, changed).map_err(Failure::infra)?;
        }
        Ok(())
    }

    /// Runs `cargo xtask test` on it with `args`. What it printed, its status, and its report, if there is one.
    pub(super) fn run(
        &self,
        context: &Context,
        args: &[OsString],
    ) -> Result<(Output, Option<Run>), Failure> {
        let json = self.path("report.json");
        let mut all = vec!["test".into(), "--json".into(), json.clone().into()];
        all.extend_from_slice(args);
        let run = self.xtask(context, &all)?;
        let report = match json.exists() {
            true => Some(super::runs::load(&json).map_err(Failure::infra)?),
            false => None,
        };
        Ok((run, report))
    }

    /// The same, with the report as JSON.
    pub(super) fn test(
        &self,
        context: &Context,
        args: &[OsString],
    ) -> Result<(Output, Option<serde_json::Value>), Failure> {
        let json = self.path("report.json");
        let mut all = vec!["test".into(), "--json".into(), json.clone().into()];
        all.extend_from_slice(args);
        let run = self.xtask(context, &all)?;
        let report = match fs::read_to_string(&json) {
            Ok(text) => Some(serde_json::from_str(&text).map_err(Failure::infra)?),
            Err(_) => None,
        };
        Ok((run, report))
    }

    /// Runs `cargo xtask` on it with `args` and what this command was given itself.
    pub(super) fn xtask(&self, context: &Context, args: &[OsString]) -> Result<Output, Failure> {
        let mut all = args.to_vec();
        all.extend(["--checkout".into(), self.dir.path().into()]);
        let mut global = context.global.clone();
        if args.iter().any(|a| a == "--cache") {
            global.cache = None;
        }
        all.extend(global.words());
        let program = std::env::current_exe().map_err(Failure::infra)?;
        // It is asked to stop when this command is, and ends its own tools and guests.
        let run = duct::cmd(program, all).stderr_to_stdout();
        let (end, stdout) = follow::capture(&run, &context.stop)
            .map_err(|e| Failure::infra(format!("failed to run this program again: {e}")))?;
        let status = match end {
            _ if context.stop.requested() => return Err(Failure::interrupted()),
            End::Ended(status) => status,
            other => {
                let why = format!("failed to run this program again: {other:?}");
                return Err(Failure::infra(why));
            }
        };
        let output = Output {
            status,
            stdout,
            stderr: Vec::new(),
        };
        Ok(output)
    }
}

/// Copies a folder.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let to = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            fs::create_dir_all(to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
