// SPDX-License-Identifier: GPL-2.0-only
//! What something was made from, as one hash beside it, so that nothing is made twice and nothing stale is used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::cache::write_stamp;

/// A hash over named inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(blake3::Hash);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_hex().fmt(f)
    }
}

/// Collects inputs.
#[derive(Debug, Default)]
pub struct Inputs(blake3::Hasher);

impl Inputs {
    /// No input yet.
    pub fn new() -> Inputs {
        Inputs::default()
    }

    /// Adds a text. Lengths are hashed too, so that inputs can't run into one another.
    pub fn text(mut self, text: impl AsRef<[u8]>) -> Inputs {
        self.add(text.as_ref());
        self
    }

    /// Adds a file's contents.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn file(mut self, path: &Path) -> io::Result<Inputs> {
        self.add(&fs_err::read(path)?);
        Ok(self)
    }

    /// Adds every file below `dir` that `counts`, with its path there.
    ///
    /// # Errors
    /// A file or folder can't be read.
    pub fn files(mut self, dir: &Path, counts: impl Fn(&Path) -> bool) -> io::Result<Inputs> {
        for entry in WalkDir::new(dir).sort_by_file_name() {
            let entry = entry?;
            if entry.file_type().is_file() && counts(entry.path()) {
                let inside = entry.path().strip_prefix(dir).unwrap_or(entry.path());
                self.add(inside.as_os_str().as_encoded_bytes());
                self.add(&fs_err::read(entry.path())?);
            }
        }
        Ok(self)
    }

    /// The hash over all of it.
    pub fn stamp(&self) -> Stamp {
        Stamp(self.0.finalize())
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

/// A stamp's file.
#[derive(Debug)]
pub struct Stamped(PathBuf);

impl Stamped {
    /// The stamp of `what` in `dir`.
    pub fn new(dir: &Path, what: &str) -> Stamped {
        Stamped(dir.join(format!(".aliasheap-{what}")))
    }

    /// Whether `stamp` was the last one recorded. One that can't be read wasn't.
    pub fn is(&self, stamp: &Stamp) -> bool {
        fs_err::read_to_string(&self.0).is_ok_and(|text| text == stamp.to_string())
    }

    /// Forgets the stamp: what it stood for is about to change.
    ///
    /// # Errors
    /// The file can't be removed.
    pub fn forget(&self) -> io::Result<()> {
        match fs_err::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Records `stamp`: what it stands for is whole. That reaches the disk before the stamp does, so a loss of power leaves no
    /// stamp of half a thing.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn record(&self, stamp: &Stamp) -> io::Result<()> {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        write_stamp(&self.0, stamp.to_string().as_bytes(), 0o600, folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_depends_on_every_content_and_path_but_those_left_out() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let out = dir.path().join("out");
        let stamp = || {
            Inputs::new()
                .files(dir.path(), |f| !f.starts_with(&out))
                .expect("readable")
                .stamp()
        };
        fs_err::create_dir_all(dir.path().join("out")).expect("created");
        fs_err::write(dir.path().join("a"), "1").expect("written");
        let first = stamp();
        fs_err::write(dir.path().join("out/b"), "1").expect("written");
        assert_eq!(stamp(), first);
        fs_err::write(dir.path().join("a"), "2").expect("written");
        let second = stamp();
        assert_ne!(second, first);
        fs_err::rename(dir.path().join("a"), dir.path().join("c")).expect("renamed");
        assert_ne!(stamp(), second);
    }

    #[test]
    fn inputs_do_not_run_into_one_another() {
        assert_ne!(
            Inputs::new().text("ab").text("c").stamp(),
            Inputs::new().text("a").text("bc").stamp()
        );
    }

    #[test]
    fn a_forgotten_stamp_is_not_the_last_one() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (stamped, stamp) = (
            Stamped::new(dir.path(), "kernel"),
            Inputs::new().text("x").stamp(),
        );
        assert!(!stamped.is(&stamp));
        stamped.record(&stamp).expect("written");
        assert!(stamped.is(&stamp));
        stamped.forget().expect("removed");
        stamped.forget().expect("nothing to remove is fine");
        assert!(!stamped.is(&stamp));
    }
}
