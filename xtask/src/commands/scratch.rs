// SPDX-License-Identifier: GPL-2.0-only
//! A copy of what a checkout gives to the matrix, to be changed, and this very program run on it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Output;

use fs_err as fs;

use super::Context;
use crate::config::Edit;
use crate::copy;
use crate::exit::Failure;
use crate::follow::{self, End, Limits};
use crate::results::Run;

/// The copy, which goes with this.
#[derive(Debug)]
pub(super) struct Scratch {
    dir: tempfile::TempDir,
    /// The kernel's own source, and what is edited of it.
    linux: Option<(PathBuf, Edited)>,
}

/// Files with their text before and after.
type Edited = BTreeMap<PathBuf, (String, String)>;

/// Where a run leaves its report.
const REPORT: &str = "report.json";
/// Where the kernel's own files stand in edits.
const LINUX: &str = "linux";
/// The patch that holds their edits.
const PATCH: &str = "kernel/patches/0900-edits-of-the-kernel-itself.patch";

impl Scratch {
    /// Copies `configs/` and `kernel/`.
    pub(super) fn new(context: &Context) -> io::Result<Scratch> {
        let dir = tempfile::tempdir()?;
        for part in ["configs", "kernel"] {
            copy::files(&context.project.root().join(part), &dir.path().join(part))?;
        }
        Ok(Scratch { dir, linux: None })
    }

    /// Lets edits of `linux/…` change the kernel's own source, which is `source`, by a patch that [`Scratch::finish`] writes.
    pub(super) fn set_source(&mut self, source: PathBuf) {
        self.linux = Some((source, BTreeMap::new()));
    }

    /// Puts what lies in `inside` into the overlay.
    pub(super) fn add_overlay(&self, inside: &str) -> io::Result<()> {
        copy::files(&self.path(inside), &self.path("kernel/overlay"))
    }

    /// A path in it.
    pub(super) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(inside)
    }

    /// Changes it, all or nothing.
    pub(super) fn edit(&mut self, edits: &[Edit]) -> Result<(), Failure> {
        let mut changed: BTreeMap<&Path, String> = BTreeMap::new();
        for edit in edits {
            let text = match changed.get(edit.file.as_path()) {
                Some(text) => Some(text.clone()),
                None => self.text(&edit.file),
            };
            let text = edit.apply(text.as_deref()).ok_or_else(|| {
                Failure::usage(format!(
                    "failed to edit {}: it does not hold the lines to replace exactly once",
                    edit.file.display()
                ))
            })?;
            changed.insert(&edit.file, text);
        }
        for (file, text) in changed {
            match (file.strip_prefix(LINUX), &mut self.linux) {
                (Ok(inside), Some((source, files))) => {
                    let before = || fs::read_to_string(source.join(inside)).unwrap_or_default();
                    let entry = files.entry(inside.to_owned());
                    entry.or_insert_with(|| (before(), String::new())).1 = text;
                }
                _ => fs::write(self.path(file), text).map_err(Failure::infra)?,
            }
        }
        Ok(())
    }

    fn text(&self, file: &Path) -> Option<String> {
        match (file.strip_prefix(LINUX), &self.linux) {
            (Ok(inside), Some((source, files))) => match files.get(inside) {
                Some((_, now)) => Some(now.clone()),
                None => fs::read_to_string(source.join(inside)).ok(),
            },
            _ => fs::read_to_string(self.path(file)).ok(),
        }
    }

    /// Writes the patch with the edits of the kernel's own files, if there are any.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        let files = self.linux.iter().flat_map(|(_, files)| files);
        let mut patch = String::new();
        for (path, (before, after)) in files {
            let name = path.display();
            let diff = diffy::DiffOptions::new()
                .set_original_filename(format!("a/{name}"))
                .set_modified_filename(format!("b/{name}"))
                .create_patch(before, after)
                .to_string();
            patch += &format!("diff --git a/{name} b/{name}\n{diff}");
        }
        if patch.is_empty() {
            return Ok(());
        }
        fs::write(self.path(PATCH), patch).map_err(Failure::infra)
    }

    /// Runs `cargo xtask test` on it with `args`. What it printed, its status, and its report, if there is one.
    pub(super) fn run(
        &self,
        context: &Context,
        args: &[OsString],
    ) -> Result<(Output, Option<Run>), Failure> {
        let run = self.xtask(context, &self.test(args))?;
        Ok((run, self.report()?))
    }

    /// The words that make this program run tests with `args` and leave [`Scratch::report`].
    pub(super) fn test(&self, args: &[OsString]) -> Vec<OsString> {
        let json = self.path(REPORT);
        let mut all = vec!["test".into(), "--json".into(), json.into()];
        all.extend_from_slice(args);
        all
    }

    /// What the last such run has reported, if it has.
    pub(super) fn report(&self) -> Result<Option<Run>, Failure> {
        let json = self.path(REPORT);
        Ok(match json.exists() {
            true => Some(super::runs::load(&json).map_err(Failure::infra)?),
            false => None,
        })
    }

    /// Runs `cargo xtask` on it with `args` and what this command was given itself.
    pub(super) fn xtask(&self, context: &Context, args: &[OsString]) -> Result<Output, Failure> {
        again(context, &self.words(context, args)?, |_| Ok(()))
    }

    /// The command line of that: this very program, and its arguments.
    pub(super) fn words(
        &self,
        context: &Context,
        args: &[OsString],
    ) -> Result<Vec<OsString>, Failure> {
        let program = std::env::current_exe().map_err(Failure::infra)?;
        let mut all = vec![program.into()];
        all.extend_from_slice(args);
        let mut global = context.global.clone();
        // It is a copy of the checkout that is given.
        global.checkout = Some(self.dir.path().to_owned());
        if args.iter().any(|a| a == "--cache") {
            global.cache = None;
        }
        all.extend(global.words());
        Ok(all)
    }
}

/// Runs this program again by `words`. `heard` gets all that it has printed so far whenever it prints.
pub(super) fn again(
    context: &Context,
    words: &[OsString],
    mut heard: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<Output, Failure> {
    let mut stdout = Vec::new();
    // It is asked to stop when this command is, and ends its own tools and guests.
    let run = duct::cmd(&words[0], &words[1..]).stderr_to_stdout();
    let end = follow::follow(&run, Limits::NONE, &context.stop, |piece| {
        stdout.extend_from_slice(piece);
        heard(&stdout)
    });
    let end = end.map_err(|e| Failure::infra(format!("failed to run this program again: {e}")))?;
    let status = match end {
        _ if context.stop.requested() => return Err(Failure::interrupted()),
        End::Ended(status) => status,
        other => {
            let why = format!("failed to run this program again: {other:?}");
            return Err(Failure::infra(why));
        }
    };
    Ok(Output {
        status,
        stdout,
        stderr: Vec::new(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;
    use crate::project::Project;
    use crate::stop::Stop;

    /// A checkout that has of `configs/FOLDER` only what `write` puts there.
    pub(crate) fn checkout(
        folder: &str,
        write: impl FnOnce(&Path) -> io::Result<()>,
    ) -> (Scratch, Context) {
        let global = Cli::parse_from(["xtask", "list"]).global;
        let context = Context::new(global, None, Stop::new()).expect("a context");
        let scratch = Scratch::new(&context).expect("copied");
        let dir = scratch.path("configs").join(folder);
        fs::remove_dir_all(&dir)
            .and_then(|()| fs::create_dir(&dir))
            .and_then(|()| write(&dir))
            .expect("written");
        let context = context.at(&scratch.path(""));
        (scratch, context)
    }

    #[test]
    fn a_copy_of_another_checkout_is_run_as_that_and_not_as_both() {
        let root = Project::this().root().to_owned();
        let cli = ["xtask", "list", "--patience", "3", "--checkout"].map(OsString::from);
        let cli = Cli::parse_from(cli.into_iter().chain([root.clone().into()]));
        let context = Context::new(cli.global, None, Stop::new()).expect("a context");
        let scratch = Scratch::new(&context).expect("copied");
        let args = scratch.test(&["arm-vivt".into()]);
        let words = scratch.words(&context, &args).expect("words");
        let read = Cli::try_parse_from(words).expect("a command line").global;
        assert_eq!(read.checkout.as_deref(), Some(scratch.dir.path()));
        assert_eq!(read.patience, context.global.patience);
    }
}
