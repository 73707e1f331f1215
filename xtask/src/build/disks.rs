// SPDX-License-Identifier: GPL-2.0-only
//! The disks of guests: files, sparse, with what their set of suites wants on them.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::Error;
use crate::config::Set;
use crate::toolchain::Toolchain;

/// Makes the disks of `set` for guests of `kernel` in `dest`: the names that QEMU has for them, and the files.
///
/// # Errors
/// [`Error`]: a file can't be written, or the command that makes a file system failed.
pub fn make(
    toolchain: Option<&Toolchain>,
    kernel: &str,
    set: &Set,
    dest: &Path,
) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut disks = Vec::new();
    for disk in &set.devices.disks {
        let path = dest.join(format!("{kernel}-{}.img", disk.id));
        disks.push((disk.id.clone(), path.clone()));
        // Another cell of this kernel may have it there already.
        if path.exists() {
            continue;
        }
        let file = fs::File::create(&path)?;
        file.set_len(disk.size_mib << 20)?;
        if let (Some((program, args)), Some(toolchain)) = (disk.make.split_first(), toolchain) {
            let made = toolchain.command(program).args(args).arg(&path);
            made.read(toolchain.stop()).map_err(|source| Error::Disk {
                id: disk.id.clone(),
                source,
            })?;
        }
    }
    Ok(disks)
}
