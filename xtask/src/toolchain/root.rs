// SPDX-License-Identifier: GPL-2.0-only
//! The Debian root: made once by mmdebstrap, entered for every command through `enter.sh`.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::command::{Command, Failed};
use super::recipe::{self, PathFilter};
use crate::cache;
use crate::progress::Progress;
use crate::stop::Stop;

/// The script that enters a root, see there.
const ENTER: &str = include_str!("enter.sh");

/// Where a folder that holds a root has it.
const ROOT: &str = "root";

/// A way into a root, with certain folders of the host in it.
#[derive(Debug, Clone)]
pub struct Entrance {
    enter: PathBuf,
    table: PathBuf,
    home: PathBuf,
    root: PathBuf,
}

/// A folder of the host that commands in a root see at the same path.
#[derive(Debug, Clone)]
pub struct Share {
    /// Absolute, without links.
    pub path: PathBuf,
    /// Whether they may write there.
    pub writable: bool,
}

impl Entrance {
    /// Opens the root in `folder` for `shares`; commands start in the first of them unless they are told otherwise.
    ///
    /// # Errors
    /// A share hides the root's own files, or what entering needs can't be written beside the root.
    pub fn open(folder: &Path, shares: &[Share]) -> Result<Entrance, super::Error> {
        let root = folder.join(ROOT);
        for share in shares {
            let mut parts = share.path.components().skip(1);
            let top = parts
                .next()
                .map(|c| c.as_os_str().to_string_lossy().into_owned());
            let own = [
                "bin", "boot", "dev", "etc", "lib", "lib64", "proc", "sbin", "sys", "usr",
            ];
            if top.is_none_or(|top| {
                own.contains(&top.as_str()) || (top == "tmp" && parts.next().is_none())
            }) {
                return Err(super::Error::Share {
                    path: share.path.clone(),
                });
            }
            // The root can't be written once it is entered. Below /tmp the entrance makes them, in a file system of its own.
            let point = inside(&root, &share.path);
            fs::create_dir_all(&point).map_err(|e| cache::Error::io("create", &point, e))?;
        }
        let enter = folder.join("enter");
        place(&enter, ENTER, 0o755)?;
        let text = table(&root, shares, Path::new("/etc/resolv.conf").exists());
        let table = folder.join(format!(
            "table-{}",
            &blake3::hash(text.as_bytes()).to_hex()[..16]
        ));
        place(&table, &text, 0o644)?;
        let home = shares
            .first()
            .map_or_else(|| "/".into(), |share| share.path.clone());
        Ok(Entrance {
            enter,
            table,
            home,
            root,
        })
    }

    /// The words that stand before a program so that it runs in `dir` behind this entrance.
    pub fn argv(&self, dir: Option<&Path>) -> [OsString; 3] {
        [
            self.enter.clone().into(),
            self.table.clone().into(),
            dir.unwrap_or(&self.home).into(),
        ]
    }

    /// Where something that commands behind this entrance see at `path` is for the host.
    pub fn outside(&self, path: &Path) -> PathBuf {
        inside(&self.root, path)
    }
}

/// Where `path`, absolute in the root, lies.
fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Writes a file unless it is there with this content, so that processes that do it at once don't disturb one another.
fn place(path: &Path, content: &str, mode: u32) -> Result<(), cache::Error> {
    if fs::read_to_string(path).is_ok_and(|now| now == content) {
        return Ok(());
    }
    let write = || -> io::Result<()> {
        let file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(path))?;
        fs::write(&file, content)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|e| cache::Error::io("write", path, e))
}

/// What is mounted for a command in `root`, in the form of fstab.
fn table(root: &Path, shares: &[Share], resolver: bool) -> String {
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
    let at = |path: &str| field(&inside(root, Path::new(path)));
    let own = field(root);
    let mut lines = vec![
        // Its own files can't be changed by what runs in it, so it remains what its recipe says.
        format!("{own} {own} none bind,ro 0 0"),
        format!("proc {} proc defaults 0 0", at("/proc")),
        format!("/dev {} none rbind 0 0", at("/dev")),
        format!("tmpfs {} tmpfs defaults 0 0", at("/tmp")),
    ];
    if resolver {
        lines.push(format!(
            "/etc/resolv.conf {} none bind,ro 0 0",
            at("/etc/resolv.conf")
        ));
    }
    // Outer ones first, or they would hide the inner ones.
    let mut shares: Vec<&Share> = shares.iter().collect();
    shares.sort_by_key(|share| share.path.components().count());
    for share in shares {
        let options = if share.writable { "bind" } else { "bind,ro" };
        lines.push(format!(
            "{} {} none {options},X-mount.mkdir 0 0",
            field(&share.path),
            field(&inside(root, &share.path))
        ));
    }
    lines.join("\n") + "\n"
}

/// What identifies a root made by `recipe`.
pub fn key(recipe: &recipe::Root) -> String {
    // Both as they are written to the command line, so that a comment in the recipe changes nothing.
    let text = format!("{:?}\n{:?}", mmdebstrap_options(recipe), recipe.links);
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// Makes a root in `folder`.
///
/// # Errors
/// mmdebstrap fails, or the result can't be completed.
pub fn make(
    folder: &Path,
    recipe: &recipe::Root,
    mirror: Option<&str>,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<(), super::Error> {
    let root = folder.join(ROOT);
    let sources = sources(recipe, mirror, host_archive(stop).as_deref());
    let mut command = Command::host("unshare");
    if !rustix::process::geteuid().is_root() {
        // The packages' files belong to several users, hence a range of them.
        command = command.args(["--user", "--map-root-user", "--map-auto"]);
    }
    command = command
        .args([
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--",
            "mmdebstrap",
        ])
        .args(mmdebstrap_options(recipe))
        .arg(&recipe.suite)
        .arg(&root)
        .args(sources);
    progress.step("making the Debian root (once)");
    let made = command.run(stop, |line| {
        if let Some(what) = line
            .strip_prefix("I: ")
            .filter(|what| !what.starts_with("skipping"))
        {
            progress.step(&format!("making the Debian root (once): {what}"));
        }
    });
    if let Err(failed) = made {
        return Err(if failed.disk_full() {
            cache::Error::Full {
                what: "make the Debian root in",
                path: folder.into(),
            }
            .into()
        } else if matches!(failed, Failed::Interrupted { .. }) {
            failed.into()
        } else {
            super::Error::Make {
                mirror: mirror.map(str::to_owned),
                source: failed,
            }
        });
    }
    complete(&root, recipe).map_err(|e| cache::Error::io("complete", &root, e))?;
    Ok(())
}

/// What the packages' own scripts would have done, where something here needs it.
fn complete(root: &Path, recipe: &recipe::Root) -> io::Result<()> {
    for (name, target) in &recipe.links {
        match symlink(target, inside(root, name)) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/tmp:/bin/bash\n")?;
    fs::write(root.join("etc/group"), "root:x:0:\n")?;
    // The host's goes over it.
    if !root.join("etc/resolv.conf").exists() {
        fs::write(root.join("etc/resolv.conf"), "")?;
    }
    // For a mirror that speaks https: whom the host trusts.
    let trusted = Path::new("etc/ssl/certs/ca-certificates.crt");
    if let (here, false) = (Path::new("/").join(trusted), root.join(trusted).exists())
        && here.exists()
    {
        fs::create_dir_all(root.join("etc/ssl/certs"))?;
        fs::copy(here, root.join(trusted))?;
    }
    Ok(())
}

fn mmdebstrap_options(recipe: &recipe::Root) -> Vec<String> {
    let mut options: Vec<String> = [
        // Root of a user namespace is root enough for it.
        "--mode=root",
        "--variant=extract",
        "--format=directory",
        // Nothing is run in the root meanwhile.
        "--skip=chroot/mount",
        "--aptopt=APT::Install-Recommends \"false\"",
        "--aptopt=APT::Sandbox::User \"root\"",
        "--aptopt=Acquire::Languages \"none\"",
        "--aptopt=Acquire::Retries \"3\"",
    ]
    .map(String::from)
    .into();
    options.extend(recipe.paths.iter().map(|filter| match filter {
        PathFilter::Exclude(glob) => format!("--dpkgopt=path-exclude={glob}"),
        PathFilter::Include(glob) => format!("--dpkgopt=path-include={glob}"),
    }));
    let packages: Vec<&str> = recipe.packages().into_iter().collect();
    options.push(format!("--include={}", packages.join(",")));
    options
}

/// mmdebstrap's last arguments: where the packages come from.
///
/// Without a mirror it has one of its own, and the further suites are read from the same place.
fn sources(recipe: &recipe::Root, mirror: Option<&str>, host: Option<&str>) -> Vec<String> {
    match mirror.or(host) {
        Some(mirror) => std::iter::once(&recipe.suite)
            .chain(&recipe.further)
            .map(|suite| format!("deb {mirror} {suite} main"))
            .collect(),
        None => recipe
            .further
            .iter()
            .map(|further| {
                let suite = &recipe.suite;
                format!(
                    "--setup-hook=sed -n 's/ {suite} / {further} /p' \"$1\"/etc/apt/sources.list \
                     > \"$1\"/etc/apt/sources.list.d/{further}.list"
                )
            })
            .collect(),
    }
}

/// The Debian archive that the host's apt uses, if it uses one that is no derivative's.
fn host_archive(stop: &Stop) -> Option<String> {
    let format = "$(SITE)\t$(ORIGIN)\t$(LABEL)";
    let command =
        Command::host("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]);
    archive(&command.read(stop).ok()?)
}

/// The same, from the lines that apt-get printed.
fn archive(targets: &str) -> Option<String> {
    targets.lines().find_map(|line| {
        let mut fields = line.split('\t');
        let (site, origin, label) = (fields.next()?, fields.next()?, fields.next()?);
        // The security archive has the same origin and other suites.
        (origin == "Debian" && label == "Debian").then(|| site.trim_end_matches('/').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(path: &str, writable: bool) -> Share {
        Share {
            path: path.into(),
            writable,
        }
    }

    #[test]
    fn the_table_has_outer_shares_first_and_escapes_names() {
        let shares = [share("/home/a/b c/d", true), share("/home/a", false)];
        let table = table(Path::new("/r"), &shares, false);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "/r /r none bind,ro 0 0");
        assert_eq!(
            lines[lines.len() - 2..],
            [
                "/home/a /r/home/a none bind,ro,X-mount.mkdir 0 0",
                r"/home/a/b\040c/d /r/home/a/b\040c/d none bind,X-mount.mkdir 0 0",
            ]
        );
    }

    #[test]
    fn what_would_hide_the_roots_files_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for path in ["/", "/usr", "/usr/src/linux", "/tmp", "/dev/shm/x"] {
            let opened = Entrance::open(folder.path(), &[share(path, true)]);
            assert!(
                matches!(opened, Err(super::super::Error::Share { .. })),
                "{path}"
            );
        }
        Entrance::open(
            folder.path(),
            &[share("/tmp/x", true), share("/home/a", true)],
        )
        .expect("these are fine");
    }

    #[test]
    fn opening_twice_changes_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let list = || {
            let mut names: Vec<_> = fs::read_dir(folder.path())
                .expect("readable")
                .map(|entry| entry.expect("readable"))
                .map(|entry| {
                    (
                        entry.file_name(),
                        entry.metadata().expect("there").modified().expect("known"),
                    )
                })
                .collect();
            names.sort();
            names
        };
        Entrance::open(folder.path(), &[share("/srv", true)]).expect("it opens");
        let first = list();
        Entrance::open(folder.path(), &[share("/srv", true)]).expect("it opens");
        assert_eq!(list(), first);
    }

    #[test]
    fn the_hosts_archive_is_debians_own() {
        let targets = "http://a.example/apt\tOther\tOther\nhttp://b.example/debian-security\tDebian\tDebian-Security\n\
            http://c.example/debian/\tDebian\tDebian\n";
        assert_eq!(archive(targets).as_deref(), Some("http://c.example/debian"));
        assert_eq!(archive("http://a.example/ubuntu\tUbuntu\tUbuntu\n"), None);
        assert_eq!(archive(""), None);
    }

    fn recipe() -> recipe::Root {
        recipe::Recipe::load(
            &crate::project::Project::this()
                .configs()
                .join("toolchain.yaml"),
        )
        .expect("the recipe")
        .root
    }

    #[test]
    fn a_mirror_that_is_asked_for_goes_before_the_hosts() {
        let host = Some("http://host.example/debian");
        let lines = sources(&recipe(), Some("http://m.example/debian"), host);
        assert_eq!(lines[0], "deb http://m.example/debian trixie main");
        assert_eq!(
            sources(&recipe(), None, host)[1],
            "deb http://host.example/debian trixie-backports main"
        );
        assert!(sources(&recipe(), None, None)[0].starts_with("--setup-hook="));
    }

    #[test]
    fn the_key_changes_with_packages_paths_and_links() {
        let base = key(&recipe());
        assert_eq!(key(&recipe()), base);
        let mut other = recipe();
        other
            .packages
            .entry("kernel".into())
            .or_default()
            .push("gdb".into());
        assert_ne!(key(&other), base);
        let mut other = recipe();
        other.paths.pop();
        assert_ne!(key(&other), base);
        let mut other = recipe();
        other.links.clear();
        assert_ne!(key(&other), base);
    }
}
