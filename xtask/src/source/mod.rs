// SPDX-License-Identifier: GPL-2.0-only
//! The second stage: a kernel tree with the project's patches and overlay in it.
//!
//! The source comes from the distribution ([`fetch`]) or is a tree of the user's own ([`user_tree`]); neither is ever
//! written to. [`private_tree`] keeps a copy of it that patches and overlay go onto.

mod apply;
mod listing;
mod package;
mod series;
mod tree;
mod version;

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

pub use package::{Asked, Part, SOURCE, fetch, fetch_part, fetch_source};
pub use tree::{Tree, orphans, private_tree};
pub use version::KernelVersion;

use crate::cache;
use crate::toolchain::{Failed, Version};

/// Why there is no kernel tree.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cache folder can't be used.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// A command failed.
    #[error(transparent)]
    Command(#[from] Failed),
    /// A kernel that the project does not know how to patch.
    #[error(
        "failed to take kernel {asked}: patches and overlay are for {oldest} or later, before {below}"
    )]
    Unsupported {
        /// What was asked for.
        asked: String,
        /// The first series that can be used.
        oldest: String,
        /// The first one that can't.
        below: String,
    },
    /// The archive does not have it.
    #[error(
        "failed to find {package} in the archive, which has {} of those that can be used; give one with --kernel-version, or a tree of your own with --kernel DIR",
        if available.is_empty() { "none".to_owned() } else { available.join(", ") }
    )]
    Gone {
        /// What was looked for.
        package: String,
        /// What is there.
        available: Vec<String>,
    },
    /// What should be a kernel tree is none.
    #[error("failed to find a kernel tree in {}: no Makefile says a version there", path.display())]
    NoKernel {
        /// Where it should be.
        path: PathBuf,
    },
    /// A patch can't be read.
    #[error("failed to read {patch} as a patch: {why}")]
    NoPatch {
        /// The patch.
        patch: String,
        /// Where and why.
        why: String,
    },
    /// A patch does not apply.
    #[error(
        "failed to apply {patch} to linux {version}: {}: {why}; change the patch, or give that series one of its own in kernel/patches/{series}/",
        file.display()
    )]
    Misfit {
        /// The patch.
        patch: String,
        /// The file that it would change.
        file: PathBuf,
        /// Which hunk, or why else.
        why: String,
        /// The tree's version.
        version: String,
        /// And its series.
        series: String,
    },
    /// A folder of a user's tree is a link, and something of ours belongs below it.
    #[error("failed to change {}: {} is a symbolic link in this kernel tree, and what is behind it may be elsewhere; give a tree with a folder there", path.display(), link.display())]
    Link {
        /// The file.
        path: PathBuf,
        /// The folder above it.
        link: PathBuf,
    },
    /// Git does not know the files of a user's tree.
    #[error("failed to find a kernel tree in {}: git does not list its Makefile, so nothing there is tracked; add the files to git, or remove its .git", path.display())]
    Untracked {
        /// The tree.
        path: PathBuf,
    },
    /// A file of the overlay would replace another one.
    #[error("failed to add {} to linux {version}, which has it already; changes to a tree's own files belong in kernel/patches/", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
        /// The tree's version.
        version: String,
    },
}

impl Error {
    fn full_or(failed: Failed, what: &str, path: &Path) -> Error {
        if failed.disk_full() {
            cache::Error::Full(format!("failed to {what} {}", path.display())).into()
        } else {
            failed.into()
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Cache(error.into())
    }
}

impl From<walkdir::Error> for Error {
    /// It names the file.
    fn from(error: walkdir::Error) -> Error {
        io::Error::from(error).into()
    }
}

/// Whose a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Unpacked by this program and not changed since.
    Distribution,
    /// It may change at any time.
    User,
}

/// A kernel source, which is only read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it is.
    pub dir: PathBuf,
    /// Which kernel it is.
    pub version: KernelVersion,
    /// The distribution's package with its exact version, where it comes from one.
    pub package: Option<String>,
    /// What its private tree is named by.
    name: String,
    /// Another one, another source.
    id: String,
    origin: Origin,
}

impl Source {
    fn of_distribution(dir: &Path, series: &Version, package: &str) -> Result<Source, Error> {
        Ok(Source {
            dir: dir.to_owned(),
            version: version_of(dir)?,
            package: Some(package.to_owned()),
            name: series.to_string(),
            id: package.to_owned(),
            origin: Origin::Distribution,
        })
    }
}

/// A tree of the user's own.
///
/// # Errors
/// There is no kernel in `dir`.
pub fn user_tree(dir: &Path) -> Result<Source, Error> {
    let dir = fs::canonicalize(dir).map_err(|_| Error::NoKernel {
        path: dir.to_owned(),
    })?;
    let version = version_of(&dir)?;
    let hash = blake3::hash(dir.as_os_str().as_encoded_bytes()).to_hex();
    let name = format!("user-{}", &hash[..16]);
    Ok(Source {
        version,
        package: None,
        id: name.clone(),
        name,
        origin: Origin::User,
        dir,
    })
}

fn version_of(dir: &Path) -> Result<KernelVersion, Error> {
    let makefile = dir.join("Makefile");
    let text = match fs::read(&makefile) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(Error::NoKernel {
                path: dir.to_owned(),
            });
        }
        read => read?,
    };
    KernelVersion::of_makefile(&String::from_utf8_lossy(&text)).ok_or_else(|| Error::NoKernel {
        path: dir.to_owned(),
    })
}
