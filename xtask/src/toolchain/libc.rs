// SPDX-License-Identifier: GPL-2.0-only
//! Whether what this machine has linked runs with other libraries: by the versions of interfaces that it needs of each (`readelf -V`).
//!
//! What is linked with one C library runs with that and with newer ones. The Debian root's QEMU loads a plugin that was linked
//! on this machine, so the machine's C library must not be newer than the root's in what the plugin uses.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use object::Endianness;
use object::read::elf::ElfFile64;

/// The C library's file.
const LIBC: &str = "libc.so.6";

/// Interfaces of libraries, each by the library's file and its version there, such as GLIBC_2.34.
type Versions = BTreeSet<(String, String)>;

/// What `file` needs that the libraries in `folder` lack: a library, or the version of an interface in one.
///
/// # Errors
/// One of them can't be read, or is no 64-bit ELF file.
pub fn lacking(file: &Path, folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut lacking = BTreeSet::new();
    for (library, version) in needed(file)? {
        let path = folder.join(&library);
        if !path.exists() {
            lacking.insert(library);
        } else if !defined(&path)?.contains(&version) {
            lacking.insert(format!("{version} of {library}"));
        }
    }
    Ok(lacking)
}

/// The newest version of the C library in `folder` that programs can ask for, such as 2.41.
pub fn newest(folder: &Path) -> Option<super::Version> {
    newest_of(&folder.join(LIBC))
}

/// The same of this program's own; none where it has another one, or has it built in.
pub fn newest_here() -> Option<super::Version> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let mut paths = maps.lines().filter_map(|line| line.split_once('/'));
    let path = paths.find_map(|(_, path)| path.ends_with(LIBC).then(|| format!("/{path}")))?;
    newest_of(&PathBuf::from(path))
}

fn newest_of(libc: &Path) -> Option<super::Version> {
    let versions = defined(libc).ok()?;
    let versions = versions.iter().filter_map(|v| v.strip_prefix("GLIBC_"));
    versions.filter_map(|v| v.parse().ok()).max()
}

/// What `file` asks of its libraries.
fn needed(file: &Path) -> io::Result<Versions> {
    let data = fs::read(file)?;
    let read = || -> object::Result<Versions> {
        let file = ElfFile64::<Endianness>::parse(&*data)?;
        let (endian, sections) = (file.endian(), file.elf_section_table());
        let mut versions = Versions::new();
        if let Some((mut libraries, strings)) = sections.gnu_verneed(endian, &*data)? {
            let strings = sections.strings(endian, &*data, strings)?;
            while let Some((library, mut names)) = libraries.next()? {
                let library = text(library.file(endian, strings)?);
                while let Some(name) = names.next()? {
                    versions.insert((library.clone(), text(name.name(endian, strings)?)));
                }
            }
        }
        Ok(versions)
    };
    read().map_err(|e| misread(file, e))
}

/// The versions of interfaces that `library` has.
fn defined(library: &Path) -> io::Result<BTreeSet<String>> {
    let data = fs::read(library)?;
    let read = || -> object::Result<BTreeSet<String>> {
        let file = ElfFile64::<Endianness>::parse(&*data)?;
        let (endian, sections) = (file.endian(), file.elf_section_table());
        let mut versions = BTreeSet::new();
        if let Some((mut definitions, strings)) = sections.gnu_verdef(endian, &*data)? {
            let strings = sections.strings(endian, &*data, strings)?;
            while let Some((_, mut names)) = definitions.next()? {
                // Those that follow are what it is made from.
                if let Some(name) = names.next()? {
                    versions.insert(text(name.name(endian, strings)?));
                }
            }
        }
        Ok(versions)
    };
    read().map_err(|e| misread(library, e))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn misread(path: &Path, error: object::Error) -> io::Error {
    io::Error::other(format!("failed to read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder of this program's libraries.
    fn libraries() -> PathBuf {
        let maps = fs::read_to_string("/proc/self/maps").expect("Linux");
        let line = maps.lines().find(|line| line.ends_with(LIBC));
        let (_, path) = line.and_then(|l| l.split_once('/')).expect("glibc");
        let path = PathBuf::from(format!("/{path}"));
        path.parent().expect("a folder").to_owned()
    }

    #[test]
    fn a_program_runs_with_what_it_was_linked_with() {
        let this = std::env::current_exe().expect("it runs");
        let needed = needed(&this).expect("it is ELF");
        assert!(needed.iter().any(|(library, _)| library == LIBC));
        assert_eq!(lacking(&this, &libraries()).expect("read"), [].into());
        assert!(newest(&libraries()).is_some_and(|v| Some(v) == newest_here()));
    }

    #[test]
    fn what_an_older_library_lacks_is_named() {
        let this = std::env::current_exe().expect("it runs");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lacks = lacking(&this, folder.path()).expect("read");
        assert!(lacks.contains(LIBC), "{lacks:?}");
        // One that has none of the versions.
        let other = libraries().join("libgcc_s.so.1");
        fs::copy(other, folder.path().join(LIBC)).expect("copied");
        let lacks = lacking(&this, folder.path()).expect("read");
        let of_libc = |lack: &String| lack.starts_with("GLIBC_2.") && lack.ends_with(LIBC);
        assert!(lacks.iter().any(of_libc), "{lacks:?}");
        assert!(newest(folder.path()).is_none());
    }

    #[test]
    fn what_is_no_program_is_said_so() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let said = lacking(file.path(), Path::new("/")).expect_err("empty");
        assert!(said.to_string().contains("failed to read"), "{said}");
    }
}
