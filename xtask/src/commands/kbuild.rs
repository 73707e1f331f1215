// SPDX-License-Identifier: GPL-2.0-only
//! How Kbuild compiles Rust, to have it done once more: of other sources, or by clippy.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::prepare::{self, Prepared};
use super::{Context, test};
use crate::cause::chain;
use crate::cli;
use crate::config::Kernel;
use crate::exit::Failure;
use crate::follow::{self, End};
use crate::quote;
use crate::ui::Task;

/// A kernel that was built, and its compiler.
pub(super) struct Kbuild<'a> {
    context: &'a Context,
    prepared: Prepared,
    /// Its name.
    pub(super) kernel: String,
    /// Where it was built.
    pub(super) build: PathBuf,
}

/// How one crate was compiled.
pub(super) struct Compilation {
    /// The compiler and its options, but for what it reads and writes.
    pub(super) options: String,
    /// What it reads.
    pub(super) source: String,
}

impl<'a> Kbuild<'a> {
    /// Builds the kernel of the first of the cells that rustc alone compiles, and its modules.
    pub(super) fn of(
        context: &'a Context,
        args: &cli::Cells,
        task: &Task<'_>,
    ) -> Result<Self, Failure> {
        let config = context.config()?;
        // LLVM is not all of the compiler of the others.
        let own = |kernel: &Kernel| kernel.rustc.is_none();
        let mut cells = test::cells(&config, args)?;
        cells.retain(|cell| own(&config.kernels[&cell.kernel]));
        let Some(cell) = cells.first() else {
            return Err(Failure::usage(
                "failed to choose a kernel that rustc alone compiles: name another cell",
            ));
        };
        let kernel = cell.kernel.clone();
        let selection = test::without_suites(context, vec![cell]);
        let prepared = prepare::prepare(context, task)?;
        let session = test::session(context, &config, &prepared);
        test::build_or_fail(&session, &selection)?;
        let build = prepared.builds.join(&kernel);
        Ok(Self {
            context,
            prepared,
            kernel,
            build,
        })
    }

    /// The kernel's sources.
    pub(super) fn tree(&self) -> &Path {
        &self.prepared.tree.dir
    }

    /// What the tools are run by.
    pub(super) fn toolchain(&self) -> &crate::toolchain::Toolchain {
        &self.prepared.toolchain
    }

    /// How `object`, a path in the folder of the build, was made.
    pub(super) fn compilation(&self, object: &str) -> Result<Compilation, String> {
        let path = self.build.join(object);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let path = path.with_file_name(format!(".{name}.cmd"));
        let fail = |why: &str| format!("failed to read how {} was made: {why}", path.display());
        let text = fs::read_to_string(&path).map_err(|e| chain(&e))?;
        let line = text.lines().find(|line| line.starts_with("savedcmd"));
        let (_, command) = line
            .and_then(|line| line.split_once(":="))
            .ok_or_else(|| fail("there is no command in it"))?;
        let command = command.split(';').next().unwrap_or_default();
        split(command).ok_or_else(|| fail("it names no source"))
    }

    /// Runs a compiler's command line in the folder of the build. What it says, and whether it is content.
    pub(super) fn run(&self, command: &str) -> Result<(String, bool), Failure> {
        let script = format!("cd {} && {command}", quoted(&self.build));
        let run = self.toolchain().command("sh").args(["-c", &script]);
        let run = run.expression().stderr_to_stdout();
        let (end, said) = follow::capture(&run, &self.context.stop).map_err(Failure::infra)?;
        if self.context.stop.requested() {
            return Err(Failure::interrupted());
        }
        let success = matches!(end, End::Ended(status) if status.success());
        Ok((String::from_utf8_lossy(&said).into_owned(), success))
    }
}

/// A path as a word for the shell.
pub(super) fn quoted(path: &Path) -> String {
    quote::shell_words([&path.to_string_lossy().into_owned()])
}

/// A command without its source and without what it writes, and the source.
fn split(command: &str) -> Option<Compilation> {
    let mut words = command.split_whitespace();
    let (mut kept, mut source) = (Vec::new(), None);
    while let Some(word) = words.next() {
        match word {
            "--out-dir" => drop(words.next()),
            word if word.starts_with("--emit=") => {}
            word if word.ends_with(".rs") => source = Some(word.to_owned()),
            word => kept.push(word),
        }
    }
    Some(Compilation {
        options: kept.join(" "),
        source: source?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_loses_what_it_writes_and_reads() {
        let command = " OBJTREE=/o rustc --edition=2021 @/o/cfg --out-dir ./ --emit=dep-info=./.a.d --emit=obj=a.o /t/a.rs --sysroot=/dev/null  ";
        let split = split(command).expect("it has a source");
        assert_eq!(
            split.options,
            "OBJTREE=/o rustc --edition=2021 @/o/cfg --sysroot=/dev/null"
        );
        assert_eq!(split.source, "/t/a.rs");
    }
}
