// SPDX-License-Identifier: GPL-2.0-only
//! Links that a build has left where this program writes.
//!
//! What builds a kernel or a module may be anybody's: the Makefile of a user's tree. It can't write outside of the build folder,
//! but a link that it leaves there would lead this program, which may.

use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// Links of these names are Kbuild's and busybox's own, and nothing here has a name like them.
const OWN: [&str; 2] = ["source", "asm"];

/// Removes what this program must not open below `dir`: links out of the folder, pipes, sockets, devices. The first that was
/// there.
///
/// # Errors
/// A folder can't be read, or something can't be removed.
pub fn sweep(dir: &Path) -> io::Result<Option<PathBuf>> {
    let dir = fs_err::canonicalize(dir)?;
    let mut first = None;
    for entry in WalkDir::new(&dir) {
        let entry = entry?;
        let kind = entry.file_type();
        let leads_out = || {
            let own = OWN.iter().any(|name| entry.file_name() == *name);
            !own && !resolved(entry.path()).is_some_and(|to| to.starts_with(&dir))
        };
        if kind.is_symlink() && leads_out()
            || !(kind.is_symlink() || kind.is_dir() || kind.is_file())
        {
            fs_err::remove_file(entry.path())?;
            first.get_or_insert(entry.into_path());
        }
    }
    Ok(first)
}

/// Where a link leads, as far as that exists; none where it leads through something that is not there, or in a circle.
fn resolved(link: &Path) -> Option<PathBuf> {
    if let Ok(there) = link.canonicalize() {
        return Some(there);
    }
    let to = link.parent()?.join(link.read_link().ok()?);
    let parent = to.parent()?.canonicalize().ok()?;
    let name = to.file_name()?;
    let new = parent.join(name);
    // A link to a link that leads nowhere.
    new.symlink_metadata().is_err().then_some(new)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_link_out_of_the_folder_is_found_and_one_inside_is_not() {
        let all = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| all.path().join(name);
        fs_err::create_dir_all(at("build/sub")).expect("created");
        fs_err::write(at("victim"), "").expect("written");
        fs_err::write(at("build/file"), "").expect("written");
        let found = || sweep(&at("build")).expect("readable");
        for (name, to) in [("sub/a", "../file"), ("sub/b", "new"), ("source", "/etc")] {
            symlink(to, at("build").join(name)).expect("linked");
            assert_eq!(found(), None, "{name}");
        }
        for to in [
            "/etc/passwd",
            "../victim",
            "../not-there",
            "/not/there",
            "..",
            "sub/../../victim",
            "gone/../../victim",
            "kernel.log",
        ] {
            symlink(to, at("build/kernel.log")).expect("linked");
            let link = found().expect(to);
            assert!(link.ends_with("build/kernel.log"), "{to}");
            assert_eq!(found(), None, "{to}");
        }
        symlink("other", at("build/kernel.log")).expect("linked");
        symlink("../victim2", at("build/other")).expect("linked");
        assert!(found().is_some());
    }

    #[test]
    fn what_would_be_waited_for_is_found() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("kernel.log");
        let _socket = UnixListener::bind(&path).expect("a socket");
        let found = sweep(dir.path()).expect("readable").expect("found");
        assert!(found.ends_with("kernel.log"));
    }
}
