// SPDX-License-Identifier: GPL-2.0-only
//! Copies of folders.

use std::io;
use std::path::Path;

use fs_err as fs;
use walkdir::WalkDir;

/// Puts the files below `from` at the same paths below `to`. Links are left out.
pub fn files(from: &Path, to: &Path) -> io::Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let to = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            fs::create_dir_all(to)?;
        } else if entry.file_type().is_file() {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
