// SPDX-License-Identifier: GPL-2.0-only
//! Where a command runs: on the host, or in the Debian root, which it enters through `enter.sh`.
//!
//! What runs in the root may be anybody's: the Makefile of a user's kernel tree, a build script. It sees the root, which it
//! can't write to, the folders that are shared with it, a `/dev` and a `/tmp` of its own, its own processes, and no network
//! unless it fetches something. It has no capabilities. Neither the folder of the root nor the script that enters it is
//! among what it sees, so that it can't change what the host runs later.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use rustix::fs::{StatVfsMountFlags as Flags, statvfs};

use crate::cache;

/// The script that enters a root, see there.
const ENTER: &str = include_str!("enter.sh");

/// Where a folder that holds a root has it.
pub(super) const ROOT: &str = "root";

/// The devices of a root's `/dev`.
const DEVICES: [&str; 5] = ["full", "null", "random", "urandom", "zero"];

/// Where a command runs.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// On the host. If it is killed, what it started may go on for a while.
    Host,
    /// On the host, in a namespace of process numbers that ends with it.
    Namespace,
    /// In the Debian root.
    Inside(Entrance),
}

/// A folder of the host, mounted into a root at the same path.
#[derive(Debug, Clone)]
pub struct Bind {
    /// Absolute, without links.
    pub path: PathBuf,
    /// Whether they may write there.
    pub writable: bool,
}

impl Bind {
    /// One that can be read.
    pub fn read(path: impl Into<PathBuf>) -> Bind {
        Bind {
            path: path.into(),
            writable: false,
        }
    }

    /// One that can be written.
    pub fn write(path: impl Into<PathBuf>) -> Bind {
        Bind {
            path: path.into(),
            writable: true,
        }
    }

    /// Refuses a folder that would hide the root's own files.
    ///
    /// # Errors
    /// [`super::Error::Bind`].
    pub fn check(&self) -> Result<(), super::Error> {
        let mut parts = self.path.components().skip(1);
        let top = parts.next().map(Component::as_os_str);
        let own = [
            "bin", "boot", "dev", "etc", "lib", "lib64", "proc", "run", "sbin", "sys", "usr",
        ];
        let alone = ["tmp", "var"];
        let hides = top.is_none_or(|top| {
            own.iter().any(|o| top == *o)
                || (alone.iter().any(|o| top == *o) && parts.next().is_none())
        });
        if hides || self.path.starts_with("/var/lib") {
            return Err(super::Error::Bind {
                path: self.path.clone(),
            });
        }
        Ok(())
    }
}

/// Whether what runs in a root reaches the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// It has none.
    None,
    /// It has the host's.
    Host,
}

/// A way into a root, with certain folders of the host in it.
#[derive(Debug, Clone)]
pub struct Entrance {
    enter: PathBuf,
    /// Removed with the last command that uses it.
    table: Arc<tempfile::TempPath>,
    network: Network,
    root: PathBuf,
}

impl Entrance {
    /// Opens the root in `folder` for `binds`.
    ///
    /// # Errors
    /// One of them hides the root's own files, or what entering needs can't be written beside the root.
    pub fn open(folder: &Path, binds: &[Bind], network: Network) -> Result<Entrance, super::Error> {
        let root = folder.join(ROOT);
        binds.iter().try_for_each(Bind::check)?;
        // The root can't be written once it is entered. Below these, the entrance makes the rest.
        for top in tops(binds) {
            let point = inside(&root, &top);
            fs::create_dir_all(&point)?;
        }
        // Another version of this program may enter the same root at the same time.
        let hash = blake3::hash(ENTER.as_bytes()).to_hex();
        let enter = folder.join(format!("enter-{}", &hash[..8]));
        write_unless_same(&enter, ENTER, 0o755)?;
        let resolver = network == Network::Host && Path::new("/etc/resolv.conf").exists();
        let write = || -> io::Result<tempfile::TempPath> {
            let file = tempfile::Builder::new()
                .prefix("table-")
                .tempfile_in(folder)?;
            fs::write(&file, table(&root, binds, resolver))?;
            Ok(file.into_temp_path())
        };
        let table = write()?;
        Ok(Entrance {
            enter,
            table: Arc::new(table),
            network,
            root,
        })
    }

    /// The words that stand before a program so that it runs in `dir`, or in `/tmp`, behind this entrance.
    pub fn argv(&self, dir: Option<&Path>) -> [OsString; 5] {
        let network = match self.network {
            Network::None => "no-net",
            Network::Host => "net",
        };
        [
            self.enter.clone().into(),
            format!("bind,ro{}", kept(&self.root)).into(),
            self.table.as_os_str().to_owned(),
            network.into(),
            dir.unwrap_or(Path::new("/tmp")).into(),
        ]
    }

    /// Where something that commands behind this entrance see at `path` is for the host.
    pub fn outside(&self, path: &Path) -> PathBuf {
        inside(&self.root, path)
    }
}

/// Where `path`, absolute in the root, lies.
pub(super) fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Writes a file unless it is there with this content, so that processes that do it at once don't disturb one another.
fn write_unless_same(path: &Path, content: &str, mode: u32) -> Result<(), cache::Error> {
    if fs::read_to_string(path).is_ok_and(|now| now == content) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    Ok(cache::write_whole(path, content.as_bytes(), mode, folder)?)
}

/// The folders of the root below which `binds` lie and that are file systems of their own, so that nothing is made in the
/// root for a folder of the host: the first part of the path, or the first two below `/var`.
fn tops(binds: &[Bind]) -> BTreeSet<PathBuf> {
    let top = |bind: &Bind| -> PathBuf {
        let parts = if bind.path.starts_with("/var") { 3 } else { 2 };
        bind.path.components().take(parts).collect()
    };
    let tops = binds.iter().map(top);
    tops.filter(|top| top != Path::new("/tmp")).collect()
}

/// The options, each behind a comma, that a mount read-only of something on the file system of `path` has to keep: a user
/// namespace may not take off what was mounted outside.
fn kept(path: &Path) -> String {
    // What is not there can't be mounted, which says so.
    let flags = statvfs(path).map_or(Flags::empty(), |of| of.f_flag);
    let options = [
        (Flags::NOSUID, ",nosuid"),
        (Flags::NODEV, ",nodev"),
        (Flags::NOEXEC, ",noexec"),
    ];
    let set = options.iter().filter(|(flag, _)| flags.contains(*flag));
    set.map(|(_, name)| *name).collect()
}

/// What is mounted for a command in `root`, in the form of fstab.
fn table(root: &Path, binds: &[Bind], resolver: bool) -> String {
    let field = |path: &Path| -> String {
        let mut field = String::new();
        for c in path.to_string_lossy().chars() {
            match c {
                ' ' | '\t' | '\n' | '\\' | '#' => {
                    write!(field, "\\{:03o}", u32::from(c)).expect("a String takes it")
                }
                c => field.push(c),
            }
        }
        field
    };
    let at = |path: &Path| field(&inside(root, path));
    let mut lines = vec![
        // Without what belongs to the whole machine, which root of the host could write to without a capability.
        format!("proc {} proc subset=pid 0 0", at(Path::new("/proc"))),
        format!("tmpfs {} tmpfs mode=1777 0 0", at(Path::new("/tmp"))),
    ];
    let devices = DEVICES.map(|name| Path::new("/dev").join(name));
    lines.extend(devices.map(|path| format!("{} {} none bind 0 0", field(&path), at(&path))));
    if resolver {
        let path = Path::new("/etc/resolv.conf");
        lines.push(format!(
            "{} {} none bind,ro{} 0 0",
            field(path),
            at(path),
            kept(path)
        ));
    }
    lines.extend(
        tops(binds)
            .iter()
            .map(|top| format!("tmpfs {} tmpfs mode=755 0 0", at(top))),
    );
    // Outer ones first, or they would hide the inner ones.
    let mut binds: Vec<&Bind> = binds.iter().collect();
    binds.sort_by_key(|bind| bind.path.components().count());
    for bind in binds {
        let options = if bind.writable {
            "rbind".into()
        } else {
            format!("rbind,ro{}", kept(&bind.path))
        };
        lines.push(format!(
            "{} {} none {options},X-mount.mkdir 0 0",
            field(&bind.path),
            at(&bind.path)
        ));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests;
