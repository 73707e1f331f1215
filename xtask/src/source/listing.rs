// SPDX-License-Identifier: GPL-2.0-only
//! The files of a user's own kernel tree, without what builds have left there.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::Error;
use crate::git;
use crate::stop::Stop;

/// By which a file is taken for unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Bytes.
    pub size: u64,
    /// The time of its last change, in nanoseconds since 1970.
    pub mtime_ns: i128,
}

impl Mark {
    /// That of the file or link at `path`, if there is one.
    pub fn of(path: &Path) -> Option<Mark> {
        let data = path.symlink_metadata().ok().filter(|data| !data.is_dir())?;
        let mtime_ns = i128::from(data.mtime()) * 1_000_000_000 + i128::from(data.mtime_nsec());
        Some(Mark {
            size: data.size(),
            mtime_ns,
        })
    }
}

/// Paths relative to the tree.
pub type Listing = BTreeMap<PathBuf, Mark>;

/// Lists `dir`: what git would add where it is a checkout, else what does not look like a build's product.
///
/// # Errors
/// The tree can't be read.
pub fn list(dir: &Path, stop: &Stop) -> Result<Listing, Error> {
    let paths = if dir.join(".git").exists() {
        by_git(dir, stop)
    } else {
        None
    };
    let paths = match paths {
        Some(paths) => paths,
        None => by_name(dir)?,
    };
    // Git also lists what is deleted and not committed yet.
    Ok(paths
        .into_iter()
        .filter_map(|path| Some((path.clone(), Mark::of(&dir.join(path))?)))
        .collect())
}

/// None where there is no git, or it does not understand the folder.
fn by_git(dir: &Path, stop: &Stop) -> Option<Vec<PathBuf>> {
    let output = git::reading(dir, stop)?
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .read_bytes(stop)
        .ok()?;
    let names = output
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    Some(
        names
            .map(|name| PathBuf::from(OsStr::from_bytes(name)))
            .collect(),
    )
}

fn by_name(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let inside = |path: &Path| path.strip_prefix(dir).unwrap_or(path).to_owned();
    let mut paths = Vec::new();
    let walk = WalkDir::new(dir).into_iter();
    for entry in
        walk.filter_entry(|entry| !is_product(&inside(entry.path()), entry.file_type().is_dir()))
    {
        let entry = entry?;
        if !entry.file_type().is_dir() {
            paths.push(inside(entry.path()));
        }
    }
    Ok(paths)
}

/// Whether a build leaves something of that name in a tree that it is made in. What is wrongly kept does little harm;
/// what is wrongly left out breaks the build.
fn is_product(path: &Path, is_dir: bool) -> bool {
    const SUFFIXES: [&str; 14] = [
        ".a", ".cmd", ".d", ".dtb", ".dtbo", ".ko", ".lex.c", ".mod", ".mod.c", ".o", ".rmeta",
        ".so", ".tab.c", ".tab.h",
    ];
    const TOP: [&str; 9] = [
        ".git",
        ".config",
        ".config.old",
        ".version",
        "Module.symvers",
        "System.map",
        "modules.order",
        "vmlinux",
        "vmlinux.symvers",
    ];
    let text = path.to_string_lossy();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let generated = text == "include/config"
        || text == "include/generated"
        || (text.starts_with("arch/") && text.ends_with("/include/generated"));
    generated
        || TOP.contains(&&*text)
        || name == "modules.order"
        || name == ".tmp_versions"
        || !is_dir
            && SUFFIXES
                .iter()
                .any(|suffix| name.ends_with(suffix) && name.len() > suffix.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs_err as fs;

    fn put(dir: &Path, path: &str) {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("created");
        fs::write(path, "x").expect("written");
    }

    fn names(listing: &Listing) -> Vec<String> {
        listing
            .keys()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn products_of_a_build_are_left_out() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for path in [
            "Makefile",
            "kernel/fork.c",
            ".clang-format",
            "include/linux/config.h",
            "tools/include/generated/x.h",
            "tools/testing/conf.d/x.conf",
            "kernel/fork.o",
            "kernel/.fork.o.cmd",
            "x.ko",
            "x.mod.c",
            ".config",
            "include/config/auto.conf",
            "include/generated/autoconf.h",
            "arch/arm/include/generated/asm/x.h",
            "vmlinux",
            "scripts/kconfig/lexer.lex.c",
        ] {
            put(dir.path(), path);
        }
        assert_eq!(
            names(&list(dir.path(), &Stop::new()).expect("readable")),
            [
                ".clang-format",
                "Makefile",
                "include/linux/config.h",
                "kernel/fork.c",
                "tools/include/generated/x.h",
                "tools/testing/conf.d/x.conf"
            ]
        );
    }

    #[test]
    fn git_says_what_belongs_to_a_checkout() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let git = |args: &[&str]| git::tests::git(dir.path(), args);
        git(&["init", "--quiet"]);
        for path in ["kept.o", "new.c", "gone.c", "left-out.c"] {
            put(dir.path(), path);
        }
        git(&["add", "--force", "kept.o", "gone.c"]);
        fs::write(dir.path().join(".gitignore"), "left-out.c\n").expect("written");
        fs::remove_file(dir.path().join("gone.c")).expect("removed");
        assert_eq!(
            names(&list(dir.path(), &Stop::new()).expect("readable")),
            [".gitignore", "kept.o", "new.c"]
        );
    }

    #[test]
    fn a_checkout_is_listed_and_nothing_that_it_names_is_run() {
        let [tree, out] = [(), ()].map(|()| tempfile::tempdir().expect("a temporary folder"));
        git::tests::hostile(tree.path(), out.path());
        let listed = names(&list(tree.path(), &Stop::new()).expect("readable"));
        assert_eq!(listed, ["file", "other", "same"]);
        assert_eq!(git::tests::files(out.path()), Vec::<String>::new());
    }
}
