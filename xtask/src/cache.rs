// SPDX-License-Identifier: GPL-2.0-only
//! The folder of what is made once and used again: the Debian root, kernel sources, trees, builds.
//!
//! Several runs may use it at once, and each may be killed at any moment. Hence two rules: a folder that takes long to
//! make is made beside its place and renamed when whole ([`Cache::make`]), and whoever changes anything holds the lock of
//! that name ([`Cache::lock`]), which the kernel takes back from a process that dies.

mod lock;

use std::env;
use std::fs::{Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_err::{self as fs, File, OpenOptions};

pub use lock::Lock;

use crate::progress::Progress;
use crate::stop::Stop;

/// Why the cache folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither an option nor the environment says where it is.
    #[error(
        "failed to find the cache folder: give --cache DIR or set ALIASHEAP_CACHE, as XDG_CACHE_HOME and HOME are not set"
    )]
    NoHome,
    /// The system refused something; it says what, and which file.
    #[error(transparent)]
    Io(io::Error),
    /// The file system is full.
    #[error("{0}: the disk is full; make room there, or give another folder with --cache DIR")]
    Full(
        /// What failed, with the file.
        String,
    ),
    /// There is less room than the next thing is known to take.
    #[error("failed to make {what} in {}: it takes {need_mib} MiB and {free_mib} MiB are free; make room there, or give another folder with --cache DIR", path.display())]
    NoRoom {
        /// What was to be made.
        what: String,
        /// Where.
        path: PathBuf,
        /// What it takes.
        need_mib: u64,
        /// What there is.
        free_mib: u64,
    },
    /// A folder with other things in it, among which this program would write and remove.
    #[error("failed to use {} as the cache folder: it is neither empty nor one that this program made; give a folder of its own with --cache DIR", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// A path that the kernel's make can't take.
    #[error("failed to use {} as the cache folder: kernels can't be built where a path has blanks or colons; give another folder with --cache DIR", path.display())]
    Name {
        /// The folder.
        path: PathBuf,
    },
    /// The user interrupted a wait.
    #[error("failed to lock {name}: interrupted while {holder} held it")]
    Interrupted {
        /// What was waited for.
        name: String,
        /// Who has it.
        holder: String,
    },
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        if matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ) {
            Error::Full(error.to_string())
        } else {
            Error::Io(error)
        }
    }
}

/// The file that a folder made by [`Cache::make`] holds: the recipe it was made by.
const STAMP: &str = ".made";

/// The file by which backup programs know a cache, and this program one of its own: <https://bford.info/cachedir/>.
const TAG: &str = "CACHEDIR.TAG";

/// Its first line is the same in all of the world's caches, its second says whose this one is.
const TAG_TEXT: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is made and removed by aliasheap's `cargo xtask`.\n";

/// What this program puts into a cache folder, besides [`TAG`] and the locks.
const PARTS: [&str; 9] = [
    "toolchain",
    "source",
    "tree",
    "build",
    "runs",
    "differential",
    "bench",
    "bisect",
    "matters",
];

/// The folder of the locks.
const LOCKS: &str = "locks";

/// The cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    stop: Stop,
}

impl Cache {
    /// The folder that `--cache` names, else `$ALIASHEAP_CACHE`, else `aliasheap` in `$XDG_CACHE_HOME` or `~/.cache`.
    ///
    /// # Errors
    /// None of them is there, or the folder can't be created.
    pub fn locate(option: Option<&Path>, stop: &Stop) -> Result<Cache, Error> {
        let root = chosen_folder(option, |name| env::var_os(name).map(PathBuf::from))
            .ok_or(Error::NoHome)?;
        Cache::at(&root, stop)
    }

    /// The one at `root`, which is created where it is missing.
    ///
    /// # Errors
    /// It can't be created, there are things in it that this program has not made, or no kernel can be built in it.
    pub fn at(root: &Path, stop: &Stop) -> Result<Cache, Error> {
        let odd = |c: char| c.is_whitespace() || c == ':';
        let named = |path: PathBuf| match path.to_string_lossy().contains(odd) {
            true => Err(Error::Name { path }),
            false => Ok(path),
        };
        named(std::path::absolute(root)?)?;
        fs::create_dir_all(root)?;
        // Absolute and free of links, as the same path must lead there inside the Debian root.
        let root = named(fs::canonicalize(root)?)?;
        let cache = Cache {
            root,
            stop: stop.clone(),
        };
        if !cache.is_tagged() {
            if !cache.is_empty_or_ours()? {
                return Err(Error::NotOurs { path: cache.root });
            }
            let tag = cache.path(TAG);
            fs::write(&tag, TAG_TEXT)?;
        }
        Ok(cache)
    }

    /// Whether it says that it is a cache of this program's.
    fn is_tagged(&self) -> bool {
        fs::read_to_string(self.path(TAG)).is_ok_and(|text| text == TAG_TEXT)
    }

    /// Whether it is an empty folder, or a cache from before there was a tag: locks, and nothing that this program does not
    /// make.
    fn is_empty_or_ours(&self) -> Result<bool, Error> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        // Of a file system of its own.
        names.retain(|name| name != "lost+found");
        let ours = |name: &String| PARTS.contains(&name.as_str()) || name == LOCKS;
        let known = |name: &String| ours(name) || name.starts_with('.');
        Ok(names.is_empty() || names.iter().any(|n| n == LOCKS) && names.iter().all(known))
    }

    /// The paths of all that this program has put here, but for the locks: somebody may be waiting for one of them.
    pub fn parts(&self) -> Vec<PathBuf> {
        let paths = PARTS.iter().map(|part| self.path(part));
        paths.filter(|p| p.symlink_metadata().is_ok()).collect()
    }

    /// The folder itself, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path in it, whether or not there is anything.
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.root.join(inside)
    }

    /// A folder in it, created where it is missing.
    ///
    /// # Errors
    /// It can't be created.
    pub fn folder(&self, inside: impl AsRef<Path>) -> Result<PathBuf, Error> {
        let top = inside.as_ref().iter().next();
        debug_assert!(
            top.is_some_and(|top| top == LOCKS || PARTS.iter().any(|part| top == *part)),
            "clean does not know {}",
            inside.as_ref().display()
        );
        let path = self.root.join(inside);
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// What is free on its file system for this user, in MiB.
    ///
    /// # Errors
    /// The system does not say.
    pub fn free_mib(&self) -> Result<u64, Error> {
        let stat = rustix::fs::statvfs(&self.root).map_err(|e| {
            io::Error::other(format!("failed to measure {}: {e}", self.root.display()))
        })?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize) >> 20)
    }

    /// Refuses to begin with `what` where there is no room for it.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    pub fn need(&self, what: &str, need_mib: u64) -> Result<(), Error> {
        let free_mib = self.free_mib()?;
        if free_mib < need_mib {
            return Err(Error::NoRoom {
                what: what.into(),
                path: self.root.clone(),
                need_mib,
                free_mib,
            });
        }
        Ok(())
    }

    /// The names of all locks that anybody has ever taken, sorted.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn locks(&self) -> Result<Vec<String>, Error> {
        let dir = self.folder(LOCKS)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "lock")
                && let Some(name) = path.file_stem()
            {
                names.push(name.to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Waits until nobody else holds the lock of that name, and says for whom it waits.
    ///
    /// # Errors
    /// The lock's file can't be used, or the user interrupts the wait.
    pub fn lock(&self, name: &str, progress: &dyn Progress) -> Result<Lock, Error> {
        self.wait(name, progress, File::try_lock)
    }

    /// The same, but beside others that hold it shared: for what must not change meanwhile.
    ///
    /// # Errors
    /// As [`Cache::lock`].
    pub fn lock_shared(&self, name: &str, progress: &dyn Progress) -> Result<Lock, Error> {
        self.wait(name, progress, File::try_lock_shared)
    }

    fn wait(
        &self,
        name: &str,
        progress: &dyn Progress,
        try_lock: fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Lock, Error> {
        let path = self
            .folder(LOCKS)?
            .join(format!("{}.lock", name.replace('/', "-")));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        let mut said = false;
        loop {
            match try_lock(&file) {
                Ok(()) => break,
                Err(TryLockError::Error(e)) => return Err(e.into()),
                Err(TryLockError::WouldBlock) => {}
            }
            if !said || self.stop.requested() {
                let holder = lock::holder(&mut file);
                if self.stop.requested() {
                    return Err(Error::Interrupted {
                        name: name.into(),
                        holder,
                    });
                }
                progress.step(&format!(
                    "waiting for {holder}, which holds the lock of {name}"
                ));
                said = true;
            }
            std::thread::sleep(Stop::POLL);
        }
        Ok(Lock::noted(file))
    }

    /// The folder `name`, made by `recipe`: the one that is there, or else what `build` puts into an empty folder.
    ///
    /// What an interrupted `build` left is removed first, and so is a folder that another recipe made. `recipe` is any text
    /// that differs where the outcome would.
    ///
    /// # Errors
    /// What `build` returns, and [`Error`]s of the folder itself.
    pub fn make<E: From<Error>>(
        &self,
        name: &str,
        recipe: &str,
        progress: &dyn Progress,
        build: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let whole = self.root.join(name);
        if is_made(&whole, recipe) {
            return Ok(whole);
        }
        let _lock = self.lock(name, progress)?;
        // Another process may have made it during the wait.
        if is_made(&whole, recipe) {
            return Ok(whole);
        }
        let partial = whole.with_added_extension("partial");
        for (path, what) in [(&partial, "half-made"), (&whole, "outdated")] {
            if path.symlink_metadata().is_ok() {
                progress.step(&format!("removing the {what} {}", path.display()));
                remove(path)?;
            }
        }
        fs::create_dir_all(&partial).map_err(Error::from)?;
        if let Err(error) = build(&partial) {
            // On a disk that is full, the room is wanted; otherwise the next run removes what is left.
            let _ = remove(&partial);
            return Err(error);
        }
        finish(&partial, &whole, recipe).map_err(Error::from)?;
        Ok(whole)
    }
}

/// Whether a folder of [`Cache::make`] is whole, and by this recipe.
pub fn is_made(folder: &Path, recipe: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|text| text == recipe)
}

/// Stamps `partial` and puts it into its place, in an order that survives a loss of power.
fn finish(partial: &Path, whole: &Path, recipe: &str) -> io::Result<()> {
    write_stamp(&partial.join(STAMP), recipe.as_bytes(), 0o644, partial)?;
    fs::rename(partial, whole)?;
    whole
        .parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Removes a folder and all that is in it, or a file, or a link but not what it leads to; nothing there is fine.
///
/// # Errors
/// Something can't be removed.
pub fn remove(path: &Path) -> Result<(), Error> {
    let removed = match path.symlink_metadata() {
        Ok(there) if !there.is_dir() => fs::remove_file(path),
        _ => fs::remove_dir_all(path),
    };
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}

/// Writes a file that appears whole or not at all, by way of one in `temporary`, which is on the same file system. A file of
/// that name is replaced and not written to: it may have other names.
///
/// # Errors
/// It can't be written.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32, temporary: &Path) -> io::Result<()> {
    let new = tempfile::NamedTempFile::new_in(temporary)?.into_temp_path();
    fs::write(&new, bytes)?;
    fs::set_permissions(&new, Permissions::from_mode(mode))?;
    fs::rename(&new, path)?;
    // There is nothing left to remove.
    new.keep().map(drop).map_err(|e| e.error)
}

/// The same for a file that vouches for what lies around it. That reaches the disk first, so a loss of power leaves no such
/// file beside half of what it stands for.
pub fn write_stamp(path: &Path, bytes: &[u8], mode: u32, temporary: &Path) -> io::Result<()> {
    rustix::fs::syncfs(File::open(temporary)?)?;
    write_whole(path, bytes, mode, temporary)?;
    File::open(path)?.sync_all()
}

/// Where the cache folder is, by the option and the environment.
fn chosen_folder(option: Option<&Path>, var: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // An empty variable counts as unset, and a relative XDG_CACHE_HOME as invalid: XDG Base Directory Specification.
    let var = |name| var(name).filter(|value| !value.as_os_str().is_empty());
    option
        .map(Path::to_owned)
        .or_else(|| var("ALIASHEAP_CACHE"))
        .or_else(|| {
            var("XDG_CACHE_HOME")
                .filter(|dir| dir.is_absolute())
                .map(|dir| dir.join("aliasheap"))
        })
        .or_else(|| var("HOME").map(|dir| dir.join(".cache/aliasheap")))
}

#[cfg(test)]
mod tests;
