// SPDX-License-Identifier: GPL-2.0-only
//! Builds what a guest is booted from: a kernel, the modules with the heap and its tests, the first program, the initramfs.
//!
//! Each kernel has one build folder, outside its tree, that is kept between runs. What was made from the same inputs is
//! not made again: a stamp says so in a millisecond, where `make` takes seconds to find that there is nothing to do.
//! Modules are built as external ones (`make M=`), so that an edit of the heap rebuilds modules and no kernel.

pub mod disks;
mod error;
mod first_error;
mod guest;
mod host_crates;
pub mod kconfig;
mod kernel;
mod links;
mod modules;
mod own;
mod publish;
pub(crate) mod scripts;
mod userland;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use fs_err as fs;

use crate::config::Kernel;
use crate::follow::{End, Limits, follow};
use crate::project::Project;
use crate::stop::Stop;
use crate::toolchain::Toolchain;
use crate::ui::Task;

pub use error::Error;
use error::{OUTPUT, exists, failed};
pub use userland::Userland;

/// In a build folder, the kernel's symbols and line tables.
const SYMBOLS: &str = "vmlinux.symbols";

/// In a build folder, copies of what guests are booted from.
const KEPT: &str = "kept";

/// Below the folder that modules are built in, their copies for guests.
const STRIPPED: &str = "stripped";

/// Line tables, for reports that name source lines: about 5 % of the compilers' time, and the same code.
const LINES: [&str; 3] = [
    "KCFLAGS=-g1",
    "KAFLAGS=-g1",
    "KRUSTFLAGS=-Cdebuginfo=line-tables-only",
];

/// Builds for the guests of one kernel.
#[derive(Debug)]
pub struct Builder<'a> {
    /// What is built.
    pub kernel: &'a Kernel,
    /// The tools.
    pub toolchain: &'a Toolchain,
    /// The checkout.
    pub project: &'a Project,
    /// The kernel tree with patches and overlay in it.
    pub tree: &'a Path,
    /// What the tree was before patches and overlay, in a word that changes with it.
    pub tree_id: &'a str,
    /// The kernel's build folder.
    pub dir: &'a Path,
    /// The folders in the tree that hold modules; no kernel depends on them.
    pub module_dirs: &'a [PathBuf],
    /// Held by the one build that compiles what the others copy.
    pub host_crates: &'a Mutex<()>,
    /// What the guest has beside its first program, where somebody wants to look around.
    pub userland: Option<&'a Userland>,
    /// Whether it is for a debugger: modules with their variables, and the kernel's gdb scripts.
    pub debug: bool,
    /// Job slots that all makes of this run share.
    pub slots: &'a jobserver::Client,
    /// The user's wish to end it all.
    pub stop: &'a Stop,
    /// Where progress is shown.
    pub task: &'a Task<'a>,
}

/// What [`Builder::build`] has made.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// The kernel's release, such as `7.3.4`; none where nothing was built.
    pub release: Option<String>,
    /// What the building took now, seconds.
    pub took_s: f64,
}

impl Builder<'_> {
    /// Makes the kernel, all modules and the guest's first program.
    ///
    /// # Errors
    /// [`Error`].
    pub fn build(&self) -> Result<Built, Error> {
        let start = Instant::now();
        fs::create_dir_all(self.dir)?;
        let kernel = self.kernel()?;
        self.modules(&kernel)?;
        if self.debug {
            self.scripts(&kernel)?;
        }
        self.init()?;
        let release = self.dir.join("include/config/kernel.release");
        let release = fs::read_to_string(&release)?;
        Ok(Built {
            release: Some(release.trim().to_owned()),
            took_s: start.elapsed().as_secs_f64(),
        })
    }

    fn make(&self, what: &str, log: &Path, args: &[&str]) -> Result<(), Error> {
        self.make_watched(what, log, args, || ())
    }

    /// Calls `said` whenever make has printed something.
    fn make_watched(
        &self,
        what: &str,
        log: &Path,
        args: &[&str],
        said: impl FnMut(),
    ) -> Result<(), Error> {
        let mut all = vec![
            "-C".to_owned(),
            self.tree.display().to_string(),
            format!("O={}", self.dir.display()),
            format!("ARCH={}", self.kernel.arch),
            format!("CROSS_COMPILE={}", self.kernel.cross),
            // So that the same inputs give the same image.
            "KBUILD_BUILD_TIMESTAMP=1970-01-01".into(),
            "KBUILD_BUILD_USER=aliasheap".into(),
            "KBUILD_BUILD_HOST=aliasheap".into(),
            "KBUILD_BUILD_VERSION=1".into(),
        ];
        all.extend(LINES.map(str::to_owned));
        if let Some(package) = &self.kernel.rustc {
            let program = self.dir.join(package).display().to_string();
            all.push(format!("RUSTC={program}"));
            all.push(format!("RUSTDOC={program} rustdoc"));
        }
        all.extend(args.iter().map(|&a| a.to_owned()));
        let slots = self.slots.clone();
        let make = self
            .toolchain
            .command("make")
            .args(all)
            .expression()
            .before_spawn(move |command| {
                slots.configure_make(command);
                Ok(())
            });
        let made = self.run_watched(what, log, &make, said);
        // What a Makefile leaves is looked at even where it fails: this program writes to the folder again.
        if let Some(path) = links::sweep(self.dir)? {
            return Err(Error::Stranger { path });
        }
        made
    }

    /// Runs a tool to its end with all of its output in `log`.
    fn run(&self, what: &str, log: &Path, tool: &duct::Expression) -> Result<(), Error> {
        self.run_watched(what, log, tool, || ())
    }

    fn run_watched(
        &self,
        what: &str,
        log: &Path,
        tool: &duct::Expression,
        mut said: impl FnMut(),
    ) -> Result<(), Error> {
        let mut file = fs::File::create(log)?;
        let mut output = Vec::new();
        let end = follow(&tool.stderr_to_stdout(), Limits::NONE, self.stop, |piece| {
            // The first error is what matters, and the log has all of it.
            output.extend_from_slice(&piece[..piece.len().min(OUTPUT - output.len())]);
            file.write_all(piece)?;
            let piece = String::from_utf8_lossy(piece);
            if let Some(line) = piece.lines().rfind(|l| !l.trim().is_empty()) {
                self.task.detail(&format!("{what}: {}", line.trim()));
            }
            self.task.output(piece.trim_end());
            said();
            Ok(())
        })?;
        match end {
            End::Ended(status) if status.success() => Ok(()),
            End::Interrupted => Err(Error::Interrupted),
            end => Err(failed(what, log, end, &String::from_utf8_lossy(&output))),
        }
    }
}
