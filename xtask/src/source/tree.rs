// SPDX-License-Identifier: GPL-2.0-only
//! The private tree: a copy of a kernel source in which exactly those files differ that patches and overlay change.
//!
//! The copy of the distribution's source consists of hard links, so it costs next to nothing; nobody writes through them, as
//! every change replaces a file. What did not change keeps its time, so that `make` rebuilds only what it must.
//!
//! Beside the tree lies a manifest of what was changed in it. It is marked as unfinished before the first change and as
//! finished after the last, so that a run that was killed between them is noticed and completed by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::apply::{self, Wanted};
use super::listing::{self, Listing, Mark};
use super::series::{Additions, File};
use super::{Error, Origin, Source};
use crate::cache::{self, Cache, Lock, write_stamp, write_whole};
use crate::progress::Progress;
use crate::project::Project;
use crate::stamp::Inputs;
use crate::toolchain::Toolchain;

/// A kernel tree with the heap in it, unchanged while this is kept.
#[derive(Debug)]
pub struct Tree {
    /// Where it is.
    pub dir: PathBuf,
    /// What it was before patches and overlay, in a word that changes with it.
    pub source_id: String,
    /// Which kernel it is.
    pub version: super::KernelVersion,
    _in_use: Lock,
}

#[cfg(test)]
impl Tree {
    /// One in the folder `dir`, with nothing in it.
    pub(crate) fn for_tests(dir: &Path, progress: &dyn Progress) -> Tree {
        let cache = Cache::at(&dir.join("cache"), &crate::stop::Stop::new());
        let lock = cache.and_then(|cache| cache.lock("tree", progress));
        let version = "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION =\n";
        Tree {
            dir: dir.to_owned(),
            source_id: String::new(),
            version: super::KernelVersion::of_makefile(version).expect("a version"),
            _in_use: lock.expect("a cache folder"),
        }
    }
}

/// What a tree holds that its source does not.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    /// What it was made from; empty while it changes.
    inputs: String,
    /// The files that differ from the source's, as they were written; none where the source's was removed.
    files: BTreeMap<PathBuf, Option<Mark>>,
}

/// The folder of one source's private tree.
#[derive(Debug)]
struct TreeFolder(PathBuf);

impl TreeFolder {
    fn tree(&self) -> PathBuf {
        self.0.join("linux")
    }

    /// For what is worked out beside the tree, on its file system.
    fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }

    fn manifest(&self) -> PathBuf {
        self.0.join("manifest.json")
    }

    /// Where the source is, for a user's tree.
    fn origin(&self) -> PathBuf {
        self.0.join("origin")
    }

    /// The source's files as they were when they were copied, for a user's tree.
    fn copied(&self) -> PathBuf {
        self.0.join("copied.json")
    }
}

/// Makes the private tree of `source` what it must be with the project's patches and overlay.
///
/// Another run that wants the same tree may use it at the same time; one that wants another one waits.
///
/// # Errors
/// A patch does not apply, or the tree can't be written.
pub fn private_tree(
    toolchain: &Toolchain,
    cache: &Cache,
    source: &Source,
    project: &Project,
    progress: &dyn Progress,
) -> Result<Tree, Error> {
    let name = format!("tree/{}", source.name);
    let series = source.version.series();
    let mut additions = Additions::read(&project.patches(), &project.overlay(), &series)?;
    if let Some(fixes) = project.fixes() {
        additions.add_patches(&fixes, &series)?;
    }
    loop {
        let listing = match source.origin {
            Origin::Distribution => None,
            Origin::User => {
                let listing = listing::list(&source.dir, toolchain.stop())?;
                // A copy without it would fail later, with an error of make's about something else.
                if !listing.contains_key(Path::new("Makefile")) {
                    return Err(Error::Untracked {
                        path: source.dir.clone(),
                    });
                }
                Some(listing)
            }
        };
        let source_id = listing
            .as_ref()
            .map_or_else(|| source.id.clone(), |listing| signature(source, listing));
        let inputs = Inputs::new()
            .text(&source_id)
            .text(additions.id())
            .stamp()
            .to_string();
        let place = tree_folder(cache, source, &name, progress)?;
        let in_use = cache.lock_shared(&name, progress)?;
        if is_up_to_date(&place, &inputs) {
            return Ok(Tree {
                dir: place.tree(),
                source_id,
                version: source.version.clone(),
                _in_use: in_use,
            });
        }
        // A lock can't be turned from shared to exclusive at one go; hence the loop.
        drop(in_use);
        let _alone = cache.lock(&name, progress)?;
        update(
            source,
            &additions,
            listing.as_ref(),
            &place,
            inputs,
            progress,
        )?;
    }
}

/// The names of trees and builds whose source is gone: a user's own that is no longer there, and a distribution's that has
/// been removed.
pub fn orphans(cache: &Cache) -> BTreeSet<String> {
    let names = ["tree", "build"]
        .iter()
        .flat_map(|part| fs::read_dir(cache.path(part)).into_iter().flatten())
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| !name.ends_with(".partial"));
    let has_source = |name: &String| {
        if name.starts_with("user-") {
            let origin = TreeFolder(cache.path("tree").join(name)).origin();
            fs::read(origin).is_ok_and(|path| Path::new(OsStr::from_bytes(&path)).is_dir())
        } else {
            cache.path("source").join(name).is_dir()
        }
    };
    names.filter(|name| !has_source(name)).collect()
}

/// The folder of the tree, with an unchanged copy in it if it is new.
fn tree_folder(
    cache: &Cache,
    source: &Source,
    name: &str,
    progress: &dyn Progress,
) -> Result<TreeFolder, Error> {
    let recipe = match source.origin {
        Origin::Distribution => source.id.as_str(),
        // Whatever the user does to it, the copy follows file by file.
        Origin::User => source.name.as_str(),
    };
    let folder = cache.make(name, recipe, progress, |folder| -> Result<(), Error> {
        let place = TreeFolder(folder.to_owned());
        fs::create_dir(place.tree())?;
        if let Origin::Distribution = source.origin {
            progress.step(&format!("copying the kernel source {}", source.version));
            link_all(&source.dir, &place.tree())?;
        }
        if let Origin::User = source.origin {
            fs::write(place.origin(), source.dir.as_os_str().as_encoded_bytes())?;
        }
        save(&place.manifest(), &Manifest::default())?;
        save(&place.copied(), &Listing::new())
    })?;
    Ok(TreeFolder(folder))
}

/// Makes `to` a copy of `from` by hard links.
fn link_all(from: &Path, to: &Path) -> Result<(), Error> {
    for entry in WalkDir::new(from).min_depth(1) {
        let entry = entry?;
        let copy = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        let made = if entry.file_type().is_dir() {
            fs::create_dir(&copy)
        } else {
            // Of a symbolic link, this makes another name of the link itself.
            fs::hard_link(entry.path(), &copy)
        };
        made?;
    }
    Ok(())
}

/// What identifies a user's tree as it is now.
fn signature(source: &Source, listing: &Listing) -> String {
    let mut inputs = Inputs::new().text(source.dir.as_os_str().as_encoded_bytes());
    for (path, mark) in listing {
        inputs = inputs
            .text(path.as_os_str().as_encoded_bytes())
            .text(format!("{mark:?}"));
    }
    inputs.stamp().to_string()
}

fn is_up_to_date(place: &TreeFolder, inputs: &str) -> bool {
    load::<Manifest>(&place.manifest()).is_ok_and(|manifest| {
        let tree = place.tree();
        manifest.inputs == inputs
            && manifest
                .files
                .iter()
                .all(|(path, mark)| Mark::of(&tree.join(path)) == *mark)
    })
}

fn update(
    source: &Source,
    additions: &Additions,
    listing: Option<&Listing>,
    place: &TreeFolder,
    inputs: String,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let (Ok(before), Ok(copied)) = (
        load::<Manifest>(&place.manifest()),
        load::<Listing>(&place.copied()),
    ) else {
        // Nobody knows any more what was changed in it.
        progress.step(&format!(
            "removing {}, whose manifest can't be read",
            place.0.display()
        ));
        return Ok(crate::cache::remove(&place.0)?);
    };
    progress.step(&format!(
        "applying patches and overlay to linux {}",
        source.version
    ));
    let wanted = apply::wanted(source, additions)?;

    let mut manifest = Manifest {
        inputs: String::new(),
        files: before.files.clone(),
    };
    manifest
        .files
        .extend(wanted.keys().map(|path| (path.clone(), None)));
    save(&place.manifest(), &manifest)?;
    fs::create_dir_all(place.scratch())?;
    if let Some(listing) = listing {
        copy_changed(&source.dir, place, listing, &copied, &wanted, progress)?;
    }
    let tree = place.tree();
    for (path, file) in &wanted {
        update_file(&tree, path, file.as_ref(), &place.scratch())?;
    }
    for path in before
        .files
        .keys()
        .filter(|path| !wanted.contains_key(*path))
    {
        update_file(
            &tree,
            path,
            apply::read(&source.dir.join(path))?.as_ref(),
            &place.scratch(),
        )?;
    }
    crate::cache::remove(&place.scratch())?;
    let files = wanted
        .into_keys()
        .map(|path| (path.clone(), Mark::of(&tree.join(&path))))
        .collect();
    vouch(&place.manifest(), &Manifest { inputs, files })
}

/// Makes `path` in `tree` what it must be, and leaves it alone if it is that already.
fn update_file(tree: &Path, path: &Path, file: Option<&File>, scratch: &Path) -> Result<(), Error> {
    not_through_a_link(tree, path)?;
    let place = tree.join(path);
    match file {
        Some(file) if apply::read(&place)?.as_ref() == Some(file) => Ok(()),
        Some(file) => apply::write(&place, file, scratch),
        None => remove(tree, path),
    }
}

/// Refuses a path that leads out of `tree`, or to another place in it: a user's tree may have links for folders.
fn not_through_a_link(tree: &Path, path: &Path) -> Result<(), Error> {
    let folders = path.ancestors().skip(1);
    let mut links = folders.filter(|folder| tree.join(folder).is_symlink());
    match links.find(|folder| !folder.as_os_str().is_empty()) {
        Some(link) => Err(Error::Link {
            path: path.to_owned(),
            link: link.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Removes a file, if it is there, and the folders that are empty then.
fn remove(tree: &Path, path: &Path) -> Result<(), Error> {
    not_through_a_link(tree, path)?;
    let place = tree.join(path);
    match fs::remove_file(&place) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(e.into());
        }
        _ => {}
    }
    for folder in path
        .ancestors()
        .skip(1)
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        if fs::remove_dir(tree.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Makes the copy of a user's tree follow it, but for the files that are `wanted` to be otherwise.
fn copy_changed(
    from: &Path,
    place: &TreeFolder,
    listing: &Listing,
    copied: &Listing,
    wanted: &Wanted,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let (tree, record) = (place.tree(), place.copied());
    let changed: Vec<&PathBuf> = listing
        .iter()
        .filter(|(path, mark)| copied.get(*path) != Some(mark))
        .map(|(path, _)| path)
        .collect();
    let gone: Vec<&PathBuf> = copied
        .keys()
        .filter(|path| !listing.contains_key(*path))
        .collect();
    if changed.is_empty() && gone.is_empty() {
        return Ok(());
    }
    progress.step(&format!(
        "copying {} files from {}",
        changed.len(),
        from.display()
    ));
    // Until all is done, what changes counts as never copied, and what is new as something to remove.
    let mut unfinished = copied.clone();
    unfinished.extend(changed.iter().map(|path| {
        (
            (*path).clone(),
            Mark {
                size: u64::MAX,
                mtime_ns: 0,
            },
        )
    }));
    save(&record, &unfinished)?;
    for path in gone.into_iter().filter(|path| !wanted.contains_key(*path)) {
        remove(&tree, path)?;
    }
    for path in changed
        .into_iter()
        .filter(|path| !wanted.contains_key(*path))
    {
        not_through_a_link(&tree, path)?;
        copy(&from.join(path), &tree.join(path))?;
    }
    vouch(&record, listing)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    // A folder where the user has put a file or a link instead of one.
    cache::remove(to)?;
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    if from.is_symlink() {
        fs_err::os::unix::fs::symlink(fs::read_link(from)?, to)?;
    } else {
        fs::copy(from, to)?;
    }
    Ok(())
}

fn load<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    write_by(write_whole, path, value)
}

/// The same for what is trusted from now on.
fn vouch<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    write_by(write_stamp, path, value)
}

fn write_by<T: Serialize>(
    write: fn(&Path, &[u8], u32, &Path) -> io::Result<()>,
    path: &Path,
    value: &T,
) -> Result<(), Error> {
    let text = serde_json::to_vec(value).map_err(io::Error::from)?;
    Ok(write(path, &text, 0o600, path.parent().unwrap_or(path))?)
}

#[cfg(test)]
mod tests;
