// SPDX-License-Identifier: GPL-2.0-only
//! Writes the guest's initramfs: a newc archive, which needs no root for its device nodes
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`).

use std::io::{self, Write};

use cpio::newc::{Builder, ModeFileType, trailer};

/// One file of the guest, with its absolute path there.
#[derive(Debug)]
pub struct File {
    /// Without the leading slash.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Writes an archive of `files`, the folders above them, `/proc`, `/sys`, `/dev`, `/tmp`, and the console's node, without
/// which the first program has no standard input or output.
///
/// # Errors
/// Those of `out`.
pub fn write(out: impl Write, files: &[File]) -> io::Result<()> {
    let mut archive = Archive { out, ino: 0 };
    let mut folders: Vec<&str> = vec!["dev", "proc", "sys", "tmp"];
    for file in files {
        folders.extend(file.path.match_indices('/').map(|(at, _)| &file.path[..at]));
    }
    // Sorted, a folder stands before what it holds.
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        archive.entry(folder, 0o755, ModeFileType::Directory, (0, 0), &[])?;
    }
    archive.entry("dev/console", 0o600, ModeFileType::Char, (5, 1), &[])?;
    for file in files {
        archive.entry(
            &file.path,
            file.mode,
            ModeFileType::Regular,
            (0, 0),
            &file.bytes,
        )?;
    }
    trailer(archive.out).map(drop)
}

struct Archive<W> {
    out: W,
    ino: u32,
}

impl<W: Write> Archive<W> {
    fn entry(
        &mut self,
        path: &str,
        mode: u32,
        kind: ModeFileType,
        (major, minor): (u32, u32),
        bytes: &[u8],
    ) -> io::Result<()> {
        self.ino += 1;
        let size = u32::try_from(bytes.len())
            .map_err(|_| io::Error::other(format!("{path} is over 4 GiB")))?;
        let mut writer = Builder::new(path)
            .ino(self.ino)
            .mode(mode)
            .set_mode_file_type(kind)
            .rdev_major(major)
            .rdev_minor(minor)
            .write(&mut self.out, size);
        writer.write_all(bytes)?;
        writer.finish().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_stand_before_their_files_and_the_console_is_a_node() {
        let file = File {
            path: "lib/modules/a.ko".into(),
            mode: 0o644,
            bytes: b"ELF".to_vec(),
        };
        let mut bytes = Vec::new();
        write(&mut bytes, &[file]).expect("written to memory");

        let mut names = Vec::new();
        let mut rest = bytes.as_slice();
        loop {
            let reader = cpio::newc::Reader::new(rest).expect("an entry");
            let entry = reader.entry();
            if entry.is_trailer() {
                break;
            }
            if entry.name() == "dev/console" {
                assert_eq!((entry.rdev_major(), entry.rdev_minor()), (5, 1));
                assert_eq!(entry.mode(), 0o020_600);
            }
            names.push(entry.name().to_owned());
            rest = reader.finish().expect("the next entry");
        }
        assert_eq!(
            names,
            [
                "dev",
                "lib",
                "lib/modules",
                "proc",
                "sys",
                "tmp",
                "dev/console",
                "lib/modules/a.ko"
            ]
        );
    }
}
