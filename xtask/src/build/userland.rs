// SPDX-License-Identifier: GPL-2.0-only
//! What a guest has for somebody who looks around in it: busybox, built for its CPU, and files of the user's.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use walkdir::WalkDir;

use super::{Builder, Error, exists, kconfig};
use crate::media::{initramfs, orders};
use crate::progress::Progress as _;
use crate::stamp::{Inputs, Stamped};

/// In the folder of the guest's sources: what of busybox is built, and files of its root.
const SOURCES: &str = "shell";

/// Of those, what is built.
const CONFIG: &str = "busybox.config";

/// What a guest has beside its first program and its modules.
#[derive(Debug, Clone)]
pub struct Userland {
    /// The folder with busybox's source.
    pub busybox: PathBuf,
    /// The exact name of the package that this comes from.
    pub package: String,
    /// A folder of the user's whose files the guest has in `/folder`.
    pub folder: Option<PathBuf>,
    /// What the shell runs instead of what is typed.
    pub script: Option<Vec<u8>>,
}

impl Builder<'_> {
    /// The files of `userland`.
    pub(super) fn userland(&self, userland: &Userland) -> Result<Vec<initramfs::File>, Error> {
        let program = self.busybox(userland)?;
        let file = |path: &str, mode, bytes| initramfs::File {
            path: path.to_owned(),
            mode,
            bytes,
        };
        let own = self.project.guest().join(SOURCES);
        let mut files = vec![
            file("bin/busybox", 0o755, fs::read(&program)?),
            file("etc/profile", 0o644, fs::read(own.join("profile"))?),
            file("bin/run", 0o755, fs::read(own.join("run"))?),
        ];
        if let Some(script) = &userland.script {
            files.push(file(orders::SCRIPT, 0o755, script.clone()));
        }
        if let Some(folder) = &userland.folder {
            files.extend(brought(folder)?);
        }
        Ok(files)
    }

    /// A static busybox for the guest's CPU.
    fn busybox(&self, userland: &Userland) -> Result<PathBuf, Error> {
        let what = format!("busybox for {}", self.kernel.name);
        let wanted = self.project.guest().join(SOURCES).join(CONFIG);
        let wanted = fs::read_to_string(&wanted)?;
        let dir = self.dir.join("busybox");
        fs::create_dir_all(&dir)?;
        let stamp = Inputs::new()
            .text(self.toolchain.id())
            .text(&self.kernel.cross)
            .text(&userland.package)
            .text(&wanted)
            .stamp();
        let (stamped, out) = (Stamped::new(&dir, "busybox"), dir.join("busybox"));
        if stamped.is(&stamp) && out.is_file() {
            return Ok(out);
        }
        stamped.forget()?;
        self.task.step("building busybox");
        let log = self.dir.join("busybox.log");
        // Its makefile compresses its configuration for an option that is off.
        let tools = dir.join("tools");
        let bzip2 = tools.join("bzip2");
        fs::create_dir_all(&tools)
            .and_then(|()| fs::write(&bzip2, "#!/bin/sh\nexec cat\n"))
            .and_then(|()| fs::set_permissions(&bzip2, std::fs::Permissions::from_mode(0o755)))?;
        let make = |target: &str| {
            let slots = self.slots.clone();
            let script = "PATH=\"$1:$PATH\"; shift; exec make \"$@\"";
            self.toolchain
                .command("sh")
                .args(["-c", script, "sh"])
                .arg(&tools)
                .arg("-C")
                .arg(&userland.busybox)
                .arg(format!("O={}", dir.display()))
                .arg(format!("CROSS_COMPILE={}", self.kernel.cross))
                .arg(target)
                .expression()
                .before_spawn(move |command| {
                    slots.configure_make(command);
                    Ok(())
                })
        };
        // It reads no wishes before it says no to everything.
        self.run(&what, &log, &make("allnoconfig"))?;
        let config = dir.join(".config");

        // What programs can do beside has defaults that make sense.
        let of_nothing = fs::read_to_string(&config)?;
        let programs = of_nothing
            .lines()
            .filter(|line| !line.contains("CONFIG_FEATURE_"));
        let programs: String = programs.flat_map(|line| [line, "\n"]).collect();
        let merged = kconfig::merged(&wanted, &programs);
        fs::write(&config, merged)?;
        // What has come up by that is asked for; an empty line takes its default.
        let answers = make("oldconfig").stdin_bytes("\n".repeat(1000));
        self.run(&what, &log, &answers)?;
        let dropped = kconfig::dropped(&wanted, &fs::read_to_string(&config)?);
        if !dropped.is_empty() {
            return Err(Error::Kconfig {
                kernel: what,
                dropped,
            });
        }
        self.run(&what, &log, &make("busybox"))?;
        let out = exists(&what, out)?;
        stamped.record(&stamp)?;
        Ok(out)
    }
}

/// How much a guest gets of a user's folder, in bytes: half the memory of the smallest.
const BROUGHT: u64 = 64 << 20;

/// All files below `folder`, as the guest has them in `/folder`. Links are followed nowhere.
fn brought(folder: &Path) -> io::Result<Vec<initramfs::File>> {
    let (mut files, mut size) = (Vec::new(), 0);
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        let data = entry.metadata()?;
        if !data.is_file() {
            continue;
        }
        size += data.len();
        if size > BROUGHT {
            let most = BROUGHT >> 20;
            return Err(io::Error::other(format!("it holds more than {most} MiB")));
        }
        let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        files.push(initramfs::File {
            path: Path::new("folder").join(below).display().to_string(),
            mode: data.permissions().mode() & 0o777,
            bytes: fs::read(entry.path())?,
        });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_brought_as_it_is_but_not_beyond_its_bound() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("b")).expect("created");
        fs::write(at("b/run"), "x").expect("written");
        fs::set_permissions(at("b/run"), std::fs::Permissions::from_mode(0o750)).expect("set");
        std::os::unix::fs::symlink("/etc/passwd", at("link")).expect("linked");
        let files = brought(dir.path()).expect("readable");
        let [file] = files.as_slice() else {
            panic!("{files:?}")
        };
        assert_eq!((file.path.as_str(), file.mode), ("folder/b/run", 0o750));
        assert_eq!(file.bytes, b"x");
        let large = fs::File::create(at("large")).expect("created");
        large.set_len(BROUGHT).expect("it has holes");
        let said = brought(dir.path()).expect_err("too much").to_string();
        assert!(said.contains("more than 64 MiB"), "{said}");
    }
}
