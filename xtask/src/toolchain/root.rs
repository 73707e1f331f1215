// SPDX-License-Identifier: GPL-2.0-only
//! Makes the Debian root, once, by mmdebstrap.

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use fs_err as fs;

use super::command::{Command, Failed};
use super::packages::{self, Packages};
use super::place::{ROOT, inside};
use super::prerequisites::KEYRING;
use super::recipe::{self, PathFilter};
use crate::cache;
use crate::progress::Progress;
use crate::stop::Stop;

/// Beside a root: what it was made of, see [`Packages`].
const PACKAGES: &str = "packages";

/// What the root in `folder` was made of.
///
/// # Errors
/// The list can't be read.
pub fn packages(folder: &Path) -> Result<Packages, super::Error> {
    let path = folder.join(PACKAGES);
    let text = fs::read_to_string(&path)?;
    // One that was made without a note of the date is from when it was written.
    let written = || {
        let time = path.metadata().and_then(|data| data.modified()).ok()?;
        Some(date(jiff::Timestamp::try_from(time).ok()?))
    };
    match Packages::parse(&text) {
        Ok(packages) => Ok(packages.or_archive(written)),
        Err(source) => Err(super::Error::Packages { path, source }),
    }
}

/// A moment, as [`packages::is_date`] reads it.
fn date(time: jiff::Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The date of which a mirror has the archive for ever, as those of <https://snapshot.debian.org> do.
fn dated(mirror: &str) -> Option<&str> {
    mirror.split('/').find(|part| packages::is_date(part))
}

/// Where the project's packages are for ever, by the date of the archive.
pub fn snapshot(date: &str) -> String {
    format!("https://snapshot.debian.org/archive/debian/{date}")
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
    let host = host_archive(stop);
    let from = mirror.or(host.as_deref());
    let sources = sources(recipe, from);
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
            // What it leaves out, and the commands above.
            .filter(|what| {
                !["skipping", "running --"]
                    .iter()
                    .any(|begin| what.starts_with(begin))
            })
        {
            progress.step(&format!("making the Debian root (once): {what}"));
        }
    });
    if let Err(failed) = made {
        return Err(if failed.disk_full() {
            let what = format!("failed to make the Debian root in {}", folder.display());
            cache::Error::Full(what).into()
        } else if matches!(failed, Failed::Interrupted { .. }) {
            failed.into()
        } else {
            super::Error::Make {
                mirror: mirror.map(str::to_owned),
                source: failed,
            }
        });
    }
    complete(&root, recipe)?;
    let from = from.and_then(dated).map(str::to_owned);
    let from = from.unwrap_or_else(|| date(jiff::Timestamp::now()));
    let list = folder.join(PACKAGES);
    let text = packages::archive_line(&from) + &fs::read_to_string(&list)?;
    fs::write(list, text)?;
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
    options.push(format!(
        "--extract-hook=cd \"$1\"/var/cache/apt/archives && sha256sum -- *.deb > \"$1\"/../{PACKAGES}"
    ));
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
/// A mirror's files must be signed by Debian, whatever else the host trusts; they may be old only where the mirror keeps them as
/// they were. Without a mirror mmdebstrap has one of its own, and the further suites are read from the same place.
fn sources(recipe: &recipe::Root, mirror: Option<&str>) -> Vec<String> {
    match mirror {
        Some(mirror) => {
            let old = match dated(mirror) {
                Some(_) => " check-valid-until=no",
                None => "",
            };
            std::iter::once(&recipe.suite)
                .chain(&recipe.further)
                .map(|suite| format!("deb [signed-by={KEYRING}{old}] {mirror} {suite} main"))
                .collect()
        }
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
    fn a_mirrors_packages_are_signed_by_debian() {
        let lines = sources(&recipe(), Some("http://m.example/debian"));
        assert_eq!(
            lines[0],
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://m.example/debian trixie main"
        );
        assert_eq!(
            lines[1],
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://m.example/debian trixie-backports main"
        );
        assert!(sources(&recipe(), None)[0].starts_with("--setup-hook="));
    }

    #[test]
    fn a_snapshot_may_be_old() {
        let mirror = snapshot("20261129T023840Z");
        assert_eq!(dated(&mirror), Some("20261129T023840Z"));
        assert_eq!(
            sources(&recipe(), Some(&mirror))[0],
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] \
             https://snapshot.debian.org/archive/debian/20261129T023840Z trixie main"
        );
        assert_eq!(dated("http://m.example/debian/20261129"), None);
    }

    #[test]
    fn a_root_without_a_date_is_from_when_it_was_made() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let list = dir.path().join(PACKAGES);
        fs::write(&list, "").expect("written");
        let at = |path: &Path| packages(path).expect("a list").archive().map(str::to_owned);
        assert!(at(dir.path()).is_some_and(|date| packages::is_date(&date)));
        fs::write(list, packages::archive_line("20250102T030405Z")).expect("written");
        assert_eq!(at(dir.path()).as_deref(), Some("20250102T030405Z"));
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
