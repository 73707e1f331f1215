// SPDX-License-Identifier: GPL-2.0-only
//! What makes a run this run: what was tested, with what, by which command, where and when.

use std::ffi::OsString;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::git;
use crate::source::Tree;
use crate::stop::Stop;
use crate::toolchain::{Packages, Toolchain};

/// All of it. What can't be known is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// The name of the run's folder below `runs/` in the cache folder; none where nothing could be prepared.
    pub name: Option<String>,
    /// When the command began, as RFC 3339 writes it, in UTC.
    pub started: String,
    /// The command, word by word, from `cargo` on.
    pub command: Vec<String>,
    /// What of it decides what is tested.
    pub options: Options,
    /// The checkout; none where it is no work tree of git.
    pub project: Option<Commit>,
    /// The kernel tree; none where it could not be had.
    pub kernel: Option<Kernel>,
    /// The tools; none where they could not be had.
    pub tools: Option<Tools>,
    /// Where it ran.
    pub host: Host,
}

/// What of the command line decides what is tested, beside cells and sets, which the boots name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Exporters whose buffers the suites were run on; none for the heap's own.
    pub exporters: Vec<String>,
    /// `SUITE[.CASE]`, globs.
    pub filter: Option<String>,
    /// Whether the cache model watched.
    pub vcsan: bool,
    /// Whether it filled lines by accesses only, whatever a cell's CPU may do.
    pub architectural: bool,
    /// Whether it followed the kernel's DMA API.
    pub contract: bool,
    /// Whether the patches of `kernel/fixes` were applied.
    pub fixes: bool,
    /// What booted, if not the toolchain's own QEMU: a root of `configs/toolchain.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qemu: Option<String>,
    /// A module of the user's own, if that was run.
    pub module: Option<String>,
    /// A hash over the file of findings that were not to be reported, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppress: Option<String>,
    /// How many times its limits a guest might take.
    pub patience: u32,
}

/// A state of a git work tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// The full hash of `HEAD`.
    pub commit: String,
    /// Whether there were changes that are not committed, files that git does not know among them.
    pub dirty: bool,
}

/// A kernel tree, before patches and overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kernel {
    /// As its Makefile says.
    pub version: String,
    /// Another text, another tree.
    pub id: String,
    /// The distribution's package with its exact version, where it comes from one.
    pub package: Option<String>,
    /// The commit, where it is a git work tree of the user's.
    pub commit: Option<Commit>,
}

/// The compilers and QEMU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tools {
    /// `root` for a Debian root of the project's own, `host` for programs on PATH.
    pub from: String,
    /// A hash over what they were made from: the recipe of a root, or paths and versions of the host's programs.
    pub recipe: String,
    /// A hash over the hashes of the packages of a root; none for the host's.
    pub content: Option<String>,
}

/// A machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Its name.
    pub name: Option<String>,
    /// Its distribution.
    pub system: Option<String>,
    /// Its kernel, as `uname -r` prints it.
    pub kernel: Option<String>,
    /// Its architecture.
    pub arch: String,
    /// How many threads run at once.
    pub cpus: usize,
}

impl Identity {
    /// What is known when a command begins, on the checkout at `root`.
    pub fn of_command(
        command: &[OsString],
        root: &Path,
        options: Options,
        stop: &Stop,
    ) -> Identity {
        let word = |word: &OsString| word.to_string_lossy().into_owned();
        Identity {
            started: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
            command: command.iter().map(word).collect(),
            options,
            project: Commit::of(root, stop),
            host: Host::this(),
            ..Identity::default()
        }
    }
}

impl Commit {
    /// The state of the work tree at `root`; none if that is none, or git is not there.
    pub fn of(root: &Path, stop: &Stop) -> Option<Commit> {
        let git = |args: &[&str]| {
            let git = git::reading(root, stop)?.args(args);
            Some(git.read(stop).ok()?.trim_end().to_owned())
        };
        // A folder inside of somebody else's work tree is none.
        let top = git(&["rev-parse", "--show-toplevel"])?;
        if fs_err::canonicalize(top).ok()? != fs_err::canonicalize(root).ok()? {
            return None;
        }
        let status = [
            "status",
            "--porcelain",
            "--untracked-files=normal",
            // Each has settings of its own.
            "--ignore-submodules=all",
        ];
        Some(Commit {
            commit: git(&["rev-parse", "HEAD"])?,
            dirty: !git(&status)?.is_empty(),
        })
    }
}

impl Kernel {
    /// That of `tree`, which was made from `package`, or from the user's tree at `dir`.
    pub fn of(tree: &Tree, package: Option<&str>, dir: Option<&Path>, stop: &Stop) -> Kernel {
        Kernel {
            version: tree.version.to_string(),
            id: tree.source_id.clone(),
            package: package.map(Into::into),
            commit: dir.and_then(|dir| Commit::of(dir, stop)),
        }
    }
}

impl Tools {
    /// Those of `toolchain`.
    pub fn of(toolchain: &Toolchain) -> Tools {
        Tools {
            from: if toolchain.is_root() { "root" } else { "host" }.into(),
            recipe: toolchain.recipe().into(),
            content: toolchain.packages().map(Packages::hash),
        }
    }
}

impl Host {
    /// This one.
    pub fn this() -> Host {
        let read = |path: &str| {
            let text = fs_err::read_to_string(path).ok()?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let system = read("/etc/os-release").and_then(|text| {
            let name = text.lines().find_map(|l| l.strip_prefix("PRETTY_NAME="))?;
            Some(name.trim_matches('"').to_owned())
        });
        Host {
            name: read("/proc/sys/kernel/hostname"),
            system,
            kernel: read("/proc/sys/kernel/osrelease"),
            arch: std::env::consts::ARCH.into(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::git::tests::{files, git, hostile};

    fn commit(dir: &Path) -> Option<Commit> {
        Commit::of(dir, &Stop::new())
    }

    #[test]
    fn a_work_tree_has_a_commit_and_is_dirty_when_a_file_is_new() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let dir = dir.path();
        assert_eq!(commit(dir), None);
        git(dir, &["init", "-q"]);
        git(dir, &["commit", "-q", "--allow-empty", "-m", "one"]);
        let clean = commit(dir).expect("a work tree");
        assert_eq!((clean.commit.len(), clean.dirty), (40, false));
        fs_err::create_dir(dir.join("inside")).expect("created");
        assert_eq!(commit(&dir.join("inside")), None);
        fs_err::write(dir.join("new"), "").expect("written");
        let dirty = commit(dir).expect("a work tree");
        assert_eq!((dirty.commit, dirty.dirty), (clean.commit, true));
    }

    #[test]
    fn a_tree_has_a_state_and_nothing_that_it_names_is_run() {
        let [tree, out] = [(), ()].map(|()| tempfile::tempdir().expect("a temporary folder"));
        hostile(tree.path(), out.path());
        assert!(commit(tree.path()).expect("a work tree").dirty);
        assert_eq!(files(out.path()), Vec::<String>::new());
    }

    #[test]
    fn a_command_is_kept_word_by_word() {
        let words = ["cargo", "xtask", "test", "a b"].map(OsString::from);
        let identity =
            Identity::of_command(&words, Path::new("/"), Options::default(), &Stop::new());
        assert_eq!(identity.command[3], "a b");
        assert!(identity.started.parse::<jiff::Timestamp>().is_ok());
        assert!(identity.host.cpus > 0);
    }
}
