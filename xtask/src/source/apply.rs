// SPDX-License-Identifier: GPL-2.0-only
//! What files a tree must have after patches and overlay, worked out beside the tree.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::series::{Additions, File, Patch};
use super::{Error, Source};
use crate::toolchain::{Failed, Toolchain};

/// What a tree must have at each path; nothing where there is none.
pub type Wanted = BTreeMap<PathBuf, Option<File>>;

/// Works out what `source` must have after `additions`. `scratch` is a folder that may be overwritten, in the cache folder.
///
/// # Errors
/// A patch does not apply, or the overlay would replace a file.
pub fn wanted(
    toolchain: &Toolchain,
    source: &Source,
    additions: &Additions,
    scratch: &Path,
) -> Result<Wanted, Error> {
    crate::cache::remove(scratch)?;
    let tree = scratch.join("tree");
    fs::create_dir_all(&tree).map_err(Error::io("create", &tree))?;
    for path in additions.touched() {
        if let Some(file) = read(&source.dir.join(path))? {
            write(&tree.join(path), &file, scratch)?;
        }
    }
    for patch in &additions.patches {
        apply(toolchain, source, patch, &tree, scratch)?;
    }
    let mut wanted = Wanted::new();
    for path in additions.touched() {
        wanted.insert(path.to_owned(), read(&tree.join(path))?);
    }
    for (path, file) in &additions.overlay {
        // Else nobody would see what the file was changed from.
        if source.dir.join(path).symlink_metadata().is_ok()
            || wanted.get(path).is_some_and(Option::is_some)
        {
            return Err(Error::Occupied {
                path: path.clone(),
                version: source.version.to_string(),
            });
        }
        wanted.insert(path.clone(), Some(file.clone()));
    }
    crate::cache::remove(scratch)?;
    Ok(wanted)
}

fn apply(
    toolchain: &Toolchain,
    source: &Source,
    patch: &Patch,
    tree: &Path,
    scratch: &Path,
) -> Result<(), Error> {
    let misfit = |file: String, why: String| Error::Misfit {
        patch: patch.name.clone(),
        file,
        why,
        version: source.version.to_string(),
        series: source.version.series(),
    };
    for touch in &patch.touches {
        let exists = tree.join(&touch.path).exists();
        if exists == touch.creates {
            let why = if exists {
                "exists already"
            } else {
                "does not exist"
            };
            return Err(misfit(touch.path.display().to_string(), why.into()));
        }
    }
    let text = scratch.join("patch");
    fs::write(&text, &patch.text).map_err(Error::io("write", &text))?;
    let mut output = String::new();
    let applied = toolchain
        .command("patch")
        // No guess where a hunk belongs, no question, no file beside those that it names.
        .args([
            "-p1",
            "--fuzz=0",
            "--forward",
            "--batch",
            "--no-backup-if-mismatch",
        ])
        .arg(format!(
            "--reject-file={}",
            scratch.join("rejects").display()
        ))
        .arg(format!("--input={}", text.display()))
        .dir(tree)
        .run(toolchain.stop(), |line| {
            output.push_str(line);
            output.push('\n');
        });
    match applied {
        Ok(()) => Ok(()),
        Err(failed @ Failed::Status { .. }) if !failed.disk_full() => {
            let (file, why) =
                rejected(&output).unwrap_or_else(|| ("the tree".into(), failed.to_string()));
            Err(misfit(file, why))
        }
        Err(failed) => Err(failed.into()),
    }
}

/// The first file and hunk that `patch` says it could not apply.
fn rejected(output: &str) -> Option<(String, String)> {
    let mut file = None;
    for line in output.lines() {
        if let Some(name) = line.strip_prefix("patching file ") {
            file = Some(name.trim_matches('\''));
        } else if line.starts_with("Hunk #") && line.contains(" FAILED at ") {
            return Some((
                file?.to_owned(),
                line.trim_end_matches('.').replace("Hunk #", "hunk "),
            ));
        }
    }
    None
}

/// A file with its content, if there is one.
pub fn read(path: &Path) -> Result<Option<File>, Error> {
    let read = || -> io::Result<File> {
        let bytes = fs::read(path)?;
        Ok(File {
            bytes,
            executable: fs::metadata(path)?.permissions().mode() & 0o111 != 0,
        })
    };
    match read() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some).map_err(Error::io("read", path)),
    }
}

/// Writes a file that appears whole or not at all, with the folders above it, by way of one in `temporary`. A file of the
/// same name is replaced and not written to, as it may be one with another tree's.
pub fn write(path: &Path, file: &File, temporary: &Path) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    let write = || -> io::Result<()> {
        fs::create_dir_all(parent)?;
        let temporary = tempfile::NamedTempFile::new_in(temporary)?;
        fs::write(&temporary, &file.bytes)?;
        let mode = if file.executable { 0o755 } else { 0o644 };
        fs::set_permissions(&temporary, fs::Permissions::from_mode(mode))?;
        temporary.persist(path)?;
        Ok(())
    };
    write().map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rejected_hunk_is_found() {
        let output = "patching file a.c\npatching file 'b c.c'\nHunk #1 succeeded at 5 (offset 2 lines).\n\
            Hunk #2 FAILED at 12.\n1 out of 2 hunks FAILED -- saving rejects to file /s/rejects\n";
        assert_eq!(
            rejected(output),
            Some(("b c.c".into(), "hunk 2 FAILED at 12".into()))
        );
        assert_eq!(rejected("patch: **** malformed patch\n"), None);
    }
}
