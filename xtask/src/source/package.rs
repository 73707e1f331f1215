// SPDX-License-Identifier: GPL-2.0-only
//! The distribution's kernel source, from its package `linux-source-X.Y`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use fs_err as fs;

use super::{Error, Source};
use crate::cache::{self, Cache};
use crate::progress::Progress;
use crate::toolchain::{Command, Toolchain, Version, recipe};

/// What a user writes for [`Asked::Newest`].
const NEWEST: &str = "newest";

/// A series of the distribution's kernel source, as a user asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The newest one of the supported range that the archive has.
    Newest,
    /// That one.
    Of(Version),
}

impl FromStr for Asked {
    type Err = <Version as FromStr>::Err;

    fn from_str(text: &str) -> Result<Asked, Self::Err> {
        match text {
            NEWEST => Ok(Asked::Newest),
            _ => text.parse().map(Asked::Of),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Asked::Newest => f.write_str(NEWEST),
            Asked::Of(version) => version.fmt(f),
        }
    }
}

/// The kernel source of series `asked`, or of the preferred one, unpacked once into the cache folder.
///
/// A preferred one that has gone from the archive is replaced by the newest one of the supported range, with a warning; one
/// that was asked for is not. For the newest one the archive is asked each time.
///
/// # Errors
/// There is no such package, or it can't be fetched.
pub fn fetch(
    toolchain: &Toolchain,
    cache: &Cache,
    recipe: &recipe::Source,
    asked: Option<&Asked>,
    progress: &dyn Progress,
) -> Result<Source, Error> {
    let asked = match asked {
        Some(Asked::Newest) => {
            let version = from_archive(toolchain, cache, recipe, asked, progress)?;
            return source(cache, recipe, &version);
        }
        Some(Asked::Of(version)) => Some(version),
        None => None,
    };
    let wanted = asked.unwrap_or(&recipe.preferred);
    if !is_usable(wanted, recipe) {
        return Err(Error::Unsupported {
            asked: wanted.to_string(),
            oldest: recipe.oldest.to_string(),
            below: recipe.below.to_string(),
        });
    }
    if let Some(source) = unpacked(cache, recipe, wanted)? {
        return Ok(source);
    }
    // Which one stands for the preferred one, so that the archive is not asked again in every run.
    let instead = cache.folder("source")?.join(format!("instead-of-{wanted}"));
    if asked.is_none()
        && let Some(version) = fs::read_to_string(&instead)
            .ok()
            .and_then(|text| text.parse().ok())
        && let Some(source) = unpacked(cache, recipe, &version)?
    {
        warn(progress, recipe, wanted, &version);
        return Ok(source);
    }

    let exact = asked.cloned().map(Asked::Of);
    let version = from_archive(toolchain, cache, recipe, exact.as_ref(), progress)?;
    if version != *wanted {
        fs::write(&instead, version.to_string())?;
        warn(progress, recipe, wanted, &version);
    }
    source(cache, recipe, &version)
}

/// The one of that series, which has been unpacked.
fn source(cache: &Cache, recipe: &recipe::Source, version: &Version) -> Result<Source, Error> {
    unpacked(cache, recipe, version)?.ok_or_else(|| Error::NoKernel {
        path: cache.path(folder(version)),
    })
}

/// Asks the archive what it has, and unpacks what is taken of it; returns which that is.
fn from_archive(
    toolchain: &Toolchain,
    cache: &Cache,
    recipe: &recipe::Source,
    asked: Option<&Asked>,
    progress: &dyn Progress,
) -> Result<Version, Error> {
    let _lock = cache.lock("archive", progress)?;
    let name = |version: &Version| format!("{}{version}", recipe.package);
    progress.step("asking the archive for kernel sources");
    let archive = Archive::open(toolchain, cache.path("source/archive"))?;
    let versions = archive.versions(&recipe.package)?;
    let version = choose(&versions, recipe, asked).ok_or_else(|| Error::Gone {
        package: match asked {
            Some(Asked::Of(version)) => name(version),
            Some(Asked::Newest) | None => name(&recipe.preferred),
        },
        available: versions
            .iter()
            .filter(|version| is_usable(version, recipe))
            .map(name)
            .collect(),
    })?;
    cache.make(&folder(version), &name(version), progress, |folder| {
        cache.need("the kernel source", recipe.space_mib)?;
        archive.unpack(&name(version), folder, progress)
    })?;
    Ok(version.clone())
}

fn warn(progress: &dyn Progress, recipe: &recipe::Source, wanted: &Version, version: &Version) {
    let package = &recipe.package;
    progress.warn(&format!(
        "the archive no longer has {package}{wanted}; {package}{version} is used instead"
    ));
}

fn folder(version: &Version) -> String {
    format!("source/{version}")
}

/// The one of that series, if it is in the cache folder.
fn unpacked(
    cache: &Cache,
    recipe: &recipe::Source,
    version: &Version,
) -> Result<Option<Source>, Error> {
    let folder = cache.path(folder(version));
    if !cache::is_made(&folder, &format!("{}{version}", recipe.package)) {
        return Ok(None);
    }
    let package = folder.join("package");
    let package = fs::read_to_string(&package)?;
    Source::of_distribution(&folder.join("linux"), version, &package).map(Some)
}

/// Whether patches and overlay are for it.
fn is_usable(version: &Version, recipe: &recipe::Source) -> bool {
    *version >= recipe.oldest && *version < recipe.below
}

/// Which of `versions` is taken.
fn choose<'a>(
    versions: &'a [Version],
    recipe: &recipe::Source,
    asked: Option<&Asked>,
) -> Option<&'a Version> {
    let usable = |version: &&Version| is_usable(version, recipe);
    let newest = || versions.iter().filter(usable).max();
    let exactly = |wanted: &Version| versions.iter().find(|version| *version == wanted);
    match asked {
        Some(Asked::Newest) => newest(),
        Some(Asked::Of(version)) => exactly(version),
        None => exactly(&recipe.preferred).or_else(newest),
    }
}

/// Unpacks a part of another source package of the distribution into `folder`, which exists.
///
/// # Errors
/// There is no such package, or it can't be fetched.
pub fn fetch_part(
    toolchain: &Toolchain,
    part: &Part,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), Error> {
    progress.step("asking the archive");
    let archive = Archive::open(toolchain, folder.with_added_extension("archive"))?;
    let deb = archive.download(&part.package, progress)?;
    let script = "set -o pipefail; dpkg-deb --fsys-tarfile \"$1\" | tar -xO --wildcards \"$2\" | xz -dc \
                  | tar -x --strip-components=\"$4\" --no-same-owner -C \"$5\" --wildcards \"$3\"";
    progress.step(&format!("unpacking {}", part.package));
    let strip = part.files.matches('/').count() + 1;
    toolchain
        .fetch_command("bash")
        .args(["-c", script, "bash"])
        .args([deb.as_os_str(), part.tarball.as_ref(), part.files.as_ref()])
        .args([strip.to_string().as_ref(), folder.as_os_str()])
        .dir(&archive.dir)
        .read(toolchain.stop())
        .map_err(|failed| Error::full_or(failed, "unpack a package to", folder))?;
    Ok(())
}

/// Unpacks what upstream has released of a source package of the distribution into `folder`, which exists, and leaves the exact
/// name of that beside it, in `package`.
///
/// # Errors
/// There is no such package, or it can't be fetched.
pub fn fetch_source(
    toolchain: &Toolchain,
    package: &str,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), Error> {
    progress.step("asking the archive for sources");
    let archive = Archive::of_sources(toolchain, folder.with_added_extension("archive"))?;
    let tarball = archive.download_source(package, progress)?;
    progress.step(&format!("unpacking {package}"));
    let name = tarball.file_name().unwrap_or_default();
    let source = folder.join(SOURCE);
    fs::create_dir(&source)?;
    // apt knows every way in which an archive may be compressed, and the root has not all of the programs.
    let script = "set -o pipefail; /usr/lib/apt/apt-helper cat-file \"$1\" \
                  | tar -x --strip-components=1 --no-same-owner -C \"$2\"";
    toolchain
        .fetch_command("bash")
        .args(["-c", script, "bash"])
        .args([tarball.as_os_str(), source.as_os_str()])
        .dir(&archive.dir)
        .read(toolchain.stop())
        .map_err(|failed| Error::full_or(failed, "unpack a package to", &source))?;
    Ok(fs::write(folder.join("package"), name.as_encoded_bytes())?)
}

/// In a folder that [`fetch_source`] has filled, what was unpacked.
pub const SOURCE: &str = "source";

/// A folder in a tar archive in a package.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The package.
    pub package: String,
    /// The archive in it, as a pattern of tar's.
    pub tarball: String,
    /// The folder in that, as a pattern with as many slashes as its path. What is in it is unpacked without that path.
    pub files: String,
    /// What it takes, in MiB.
    pub space_mib: u64,
}

/// The archive as apt sees it, with lists of its own: the root's can't be written, and the host's only by root.
#[derive(Debug)]
struct Archive<'a> {
    toolchain: &'a Toolchain,
    /// For lists and downloads, gone with this.
    dir: PathBuf,
    /// Whether it is asked for sources.
    sources: bool,
}

impl Drop for Archive<'_> {
    fn drop(&mut self) {
        // What can't be removed now is removed before the next download.
        let _ = cache::remove(&self.dir);
    }
}

impl<'a> Archive<'a> {
    /// The archive with the lists of now; `dir` is for it alone.
    fn open(toolchain: &'a Toolchain, dir: PathBuf) -> Result<Archive<'a>, Error> {
        Archive::made(toolchain, dir, false)?.update()
    }

    /// The same with what the archive has the sources of, and nothing else.
    fn of_sources(toolchain: &'a Toolchain, dir: PathBuf) -> Result<Archive<'a>, Error> {
        let archive = Archive::made(toolchain, dir, true)?;
        // A host may have either form, and archives of others beside Debian's, which need not have any source.
        let script = r#"
            for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
                [ ! -e "$file" ] || sed -n 's/^deb /deb-src /p' "$file"
            done >parts/all.list
            for file in /etc/apt/sources.list.d/*.sources; do
                [ ! -e "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"parts/${file##*/}"
            done"#;
        let parts = archive.dir.join("parts");
        fs::create_dir(&parts)?;
        toolchain
            .fetch_command("sh")
            .args(["-ec", script])
            .dir(&archive.dir)
            .read(toolchain.stop())?;
        archive.update()
    }

    fn made(toolchain: &'a Toolchain, dir: PathBuf, sources: bool) -> Result<Archive<'a>, Error> {
        cache::remove(&dir)?;
        for dir in ["lists/partial", "cache/archives/partial"].map(|part| dir.join(part)) {
            fs::create_dir_all(&dir)?;
        }
        Ok(Archive {
            toolchain,
            dir,
            sources,
        })
    }

    fn update(self) -> Result<Archive<'a>, Error> {
        // A mirror that does not answer is an error, not an empty list.
        self.command("apt-get")
            .args(["-oAPT::Update::Error-Mode=any", "update"])
            .read(self.toolchain.stop())?;
        Ok(self)
    }

    fn command(&self, program: &str) -> Command {
        let option = |name: &str, path: &str| format!("-o{name}={}", self.dir.join(path).display());
        self.toolchain
            .fetch_command(program)
            .arg(option("Dir::State::Lists", "lists"))
            .arg(option("Dir::Cache", "cache"))
            .args(if self.sources {
                vec![
                    option("Dir::Etc::SourceParts", "parts"),
                    option("Dir::Etc::SourceList", "none"),
                ]
            } else {
                Vec::new()
            })
            .args([
                "-oAPT::Sandbox::User=root",
                "-oAcquire::Languages=none",
                "-oAcquire::Retries=3",
            ])
            .dir(&self.dir)
    }

    /// Which versions it has of the packages whose names start with `prefix`.
    fn versions(&self, prefix: &str) -> Result<Vec<Version>, Error> {
        let names = self
            .command("apt-cache")
            .args(["pkgnames", prefix])
            .read(self.toolchain.stop())?;
        Ok(names
            .lines()
            .filter_map(|name| name.strip_prefix(prefix)?.parse().ok())
            .collect())
    }

    /// Downloads a source package; the file that upstream has released.
    fn download_source(&self, package: &str, progress: &dyn Progress) -> Result<PathBuf, Error> {
        progress.step(&format!("downloading the source of {package}"));
        self.command("apt-get")
            .args(["--quiet", "--download-only", "source", package])
            .read(self.toolchain.stop())
            .map_err(|failed| Error::full_or(failed, "download a package to", &self.dir))?;
        let entries = fs::read_dir(&self.dir)?;
        let is_upstreams = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.contains(".orig.tar.") && !name.ends_with(".asc")
        };
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(is_upstreams)
            .ok_or_else(|| Error::Gone {
                package: format!("the source of {package}"),
                available: Vec::new(),
            })
    }

    /// Downloads a package; its file.
    fn download(&self, package: &str, progress: &dyn Progress) -> Result<PathBuf, Error> {
        progress.step(&format!("downloading {package}"));
        self.command("apt-get")
            .args(["--quiet", "download", package])
            .read(self.toolchain.stop())
            .map_err(|failed| Error::full_or(failed, "download a package to", &self.dir))?;
        let entries = fs::read_dir(&self.dir)?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .ok_or_else(|| Error::NoKernel {
                path: self.dir.clone(),
            })
    }

    /// Unpacks the source in `package` to `folder`/linux, with the package's exact name in `folder`/package.
    fn unpack(&self, package: &str, folder: &Path, progress: &dyn Progress) -> Result<(), Error> {
        let deb = self.download(package, progress)?;
        progress.step(&format!("unpacking {package}"));
        let linux = folder.join("linux");
        fs::create_dir(&linux)?;
        // One stream, so that neither the package's content nor the tar archive in it needs room of its own.
        let script = "set -o pipefail; dpkg-deb --fsys-tarfile \"$1\" | tar -xO --wildcards \"./usr/src/$2.tar.*\" \
                      | xz -dc | tar -x --strip-components=1 --no-same-owner -C \"$3\"";
        self.toolchain
            .fetch_command("bash")
            .args(["-c", script, "bash"])
            .args([deb.as_os_str(), package.as_ref(), linux.as_os_str()])
            .dir(&self.dir)
            .read(self.toolchain.stop())
            .map_err(|failed| Error::full_or(failed, "unpack the kernel source to", &linux))?;
        let name = deb
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(fs::write(folder.join("package"), name)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        text.parse().expect("a version")
    }

    fn chosen(versions: &[&str], asked: Option<&str>) -> Option<String> {
        let recipe = recipe::Source {
            package: "linux-source-".into(),
            preferred: v("7.3"),
            oldest: v("7.2"),
            below: v("8"),
            space_mib: 0,
        };
        let versions: Vec<Version> = versions.iter().map(|text| v(text)).collect();
        choose(
            &versions,
            &recipe,
            asked.map(|text| text.parse().expect("a series")).as_ref(),
        )
        .map(ToString::to_string)
    }

    #[test]
    fn the_preferred_one_goes_before_newer_ones() {
        assert_eq!(
            chosen(&["6.12", "7.2", "7.3", "7.5"], None).as_deref(),
            Some("7.3")
        );
    }

    #[test]
    fn the_newest_in_range_stands_for_a_preferred_one_that_has_gone() {
        assert_eq!(
            chosen(&["6.12", "7.2", "7.10", "7.9", "8.0"], None).as_deref(),
            Some("7.10")
        );
        assert_eq!(chosen(&["6.12", "8.0"], None), None);
    }

    #[test]
    fn the_newest_in_range_may_be_asked_for() {
        let versions = ["6.12", "7.3", "7.10", "8.0"];
        assert_eq!(chosen(&versions, Some("newest")).as_deref(), Some("7.10"));
        assert_eq!(chosen(&["6.12", "8.0"], Some("newest")), None);
        for text in ["newest", "7.2"] {
            assert_eq!(
                text.parse::<Asked>().map(|s| s.to_string()),
                Ok(text.into())
            );
        }
        assert!("latest".parse::<Asked>().is_err());
    }

    #[test]
    fn nothing_stands_for_one_that_was_asked_for() {
        assert_eq!(chosen(&["7.2", "7.3"], Some("7.2")).as_deref(), Some("7.2"));
        assert_eq!(chosen(&["7.3", "7.5"], Some("7.2")), None);
    }
}
