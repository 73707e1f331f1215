// SPDX-License-Identifier: GPL-2.0-only
//! The private tree: a copy of a kernel source in which exactly those files differ that patches and overlay change.
//!
//! The copy of the distribution's source consists of hard links, so it costs next to nothing; nobody writes through them, as
//! every change replaces a file. What did not change keeps its time, so that `make` rebuilds only what it must.
//!
//! Beside the tree lies a manifest of what was changed in it. It is marked as unfinished before the first change and as
//! finished after the last, so that a run that was killed between them is noticed and completed by the next one.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::apply::{self, Wanted};
use super::listing::{self, Listing, Mark};
use super::series::{Additions, File};
use super::{Error, Origin, Source};
use crate::build::stamp::Inputs;
use crate::cache::{Cache, Lock};
use crate::progress::Progress;
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
struct Place(PathBuf);

impl Place {
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

    /// The source's files as they were when they were copied, for a user's tree.
    fn copied(&self) -> PathBuf {
        self.0.join("copied.json")
    }
}

/// Makes the private tree of `source` what it must be with the project's `patches` and `overlay`.
///
/// Another run that wants the same tree may use it at the same time; one that wants another one waits.
///
/// # Errors
/// A patch does not apply, or the tree can't be written.
pub fn private_tree(
    toolchain: &Toolchain,
    cache: &Cache,
    source: &Source,
    patches: &Path,
    overlay: &Path,
    progress: &dyn Progress,
) -> Result<Tree, Error> {
    let name = format!("tree/{}", source.name);
    let additions = Additions::read(patches, overlay, &source.version.series())?;
    loop {
        let listing = match source.origin {
            Origin::Distribution => None,
            Origin::User => Some(listing::list(&source.dir, toolchain.stop())?),
        };
        let source_id = listing
            .as_ref()
            .map_or_else(|| source.id.clone(), |listing| signature(source, listing));
        let inputs = Inputs::new()
            .text(&source_id)
            .text(additions.id())
            .stamp()
            .to_string();
        let place = place(cache, source, &name, progress)?;
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

/// The folder of the tree, with an unchanged copy in it if it is new.
fn place(
    cache: &Cache,
    source: &Source,
    name: &str,
    progress: &dyn Progress,
) -> Result<Place, Error> {
    let recipe = match source.origin {
        Origin::Distribution => source.id.as_str(),
        // Whatever the user does to it, the copy follows file by file.
        Origin::User => source.name.as_str(),
    };
    let folder = cache.make(name, recipe, progress, |folder| -> Result<(), Error> {
        let place = Place(folder.to_owned());
        fs::create_dir(place.tree()).map_err(Error::io("create", folder))?;
        if let Origin::Distribution = source.origin {
            progress.step(&format!("copying the kernel source {}", source.version));
            link_all(&source.dir, &place.tree())?;
        }
        save(&place.manifest(), &Manifest::default())?;
        save(&place.copied(), &Listing::new())
    })?;
    Ok(Place(folder))
}

/// Makes `to` a copy of `from` by hard links.
fn link_all(from: &Path, to: &Path) -> Result<(), Error> {
    for entry in WalkDir::new(from).min_depth(1) {
        let entry = entry.map_err(|e| Error::walk(from, e))?;
        let copy = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        let made = if entry.file_type().is_dir() {
            fs::create_dir(&copy)
        } else {
            // Of a symbolic link, this makes another name of the link itself.
            fs::hard_link(entry.path(), &copy)
        };
        made.map_err(Error::io("create", &copy))?;
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

fn is_up_to_date(place: &Place, inputs: &str) -> bool {
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
    place: &Place,
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
    fs::create_dir_all(place.scratch()).map_err(Error::io("create", &place.0))?;
    if let Some(listing) = listing {
        copy_changed(&source.dir, place, listing, &copied, &wanted, progress)?;
    }
    let tree = place.tree();
    for (path, file) in &wanted {
        bring(&tree, path, file.as_ref(), &place.scratch())?;
    }
    for path in before
        .files
        .keys()
        .filter(|path| !wanted.contains_key(*path))
    {
        bring(
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
    save(&place.manifest(), &Manifest { inputs, files })
}

/// Makes `path` in `tree` what it must be, and leaves it alone if it is that already.
fn bring(tree: &Path, path: &Path, file: Option<&File>, scratch: &Path) -> Result<(), Error> {
    let place = tree.join(path);
    match file {
        Some(file) if apply::read(&place)?.as_ref() == Some(file) => Ok(()),
        Some(file) => apply::write(&place, file, scratch),
        None => remove(tree, path),
    }
}

/// Removes a file, if it is there, and the folders that are empty then.
fn remove(tree: &Path, path: &Path) -> Result<(), Error> {
    let place = tree.join(path);
    match fs::remove_file(&place) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(Error::io("remove", &place)(e));
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
    place: &Place,
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
        copy(&from.join(path), &tree.join(path)).map_err(Error::io("copy", path))?;
    }
    save(&record, listing)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_file(to) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(to.parent().unwrap_or(to))?
        }
        result => result?,
    }
    if from.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)
    } else {
        fs::copy(from, to).map(drop)
    }
}

fn load<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(path))?;
        serde_json::to_writer(io::BufWriter::new(&mut file), value)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::stop::Stop;

    /// A cache folder, a kernel source and a project, all small.
    struct World {
        dir: tempfile::TempDir,
        cache: Cache,
        source: Source,
    }

    struct Silent;

    impl Progress for Silent {
        fn step(&self, _: &str) {}
        fn line(&self, _: &str) {}
        fn warn(&self, _: &str) {}
    }

    const PATCH: &str = "diff --git a/mm/page.c b/mm/page.c\n--- a/mm/page.c\n+++ b/mm/page.c\n@@ -1 +1 @@\n-old\n+new\n";

    fn put(dir: &Path, path: &str, text: &str) {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("created");
        fs::write(path, text).expect("written");
    }

    fn put_source(dir: &Path) {
        put(
            dir,
            "Makefile",
            "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n",
        );
        put(dir, "mm/page.c", "old\n");
        put(dir, "mm/slab.c", "slab\n");
    }

    impl World {
        fn new() -> World {
            let dir = tempfile::tempdir().expect("a temporary folder");
            let cache = Cache::at(&dir.path().join("cache"), &Stop::new()).expect("created");
            let linux = cache.path("source/7.3/linux");
            put_source(&linux);
            let series = "7.3".parse().expect("a version");
            let source = Source::of_distribution(&linux, &series, "linux-source-7.3_7.3.4-1")
                .expect("a source");
            let world = World { dir, cache, source };
            world.project("patches/0001-page.patch", PATCH);
            world.project("overlay/drivers/heap/heap.rs", "heap\n");
            world
        }

        fn project(&self, path: &str, text: &str) {
            put(self.dir.path(), path, text);
        }

        fn remove(&self, path: &str) {
            fs::remove_file(self.dir.path().join(path)).expect("removed");
        }

        fn make(&self) -> Result<Tree, Error> {
            let (patches, overlay) = (
                self.dir.path().join("patches"),
                self.dir.path().join("overlay"),
            );
            private_tree(
                &Toolchain::host(&Stop::new()),
                &self.cache,
                &self.source,
                &patches,
                &overlay,
                &Silent,
            )
        }

        fn tree(&self) -> Tree {
            self.make().expect("a tree")
        }
    }

    fn files(dir: &Path) -> BTreeMap<String, String> {
        let entries = WalkDir::new(dir)
            .into_iter()
            .map(|entry| entry.expect("readable"));
        entries
            .filter(|entry| !entry.file_type().is_dir())
            .map(|entry| {
                let inside = entry
                    .path()
                    .strip_prefix(dir)
                    .expect("below")
                    .display()
                    .to_string();
                (inside, fs::read_to_string(entry.path()).expect("readable"))
            })
            .collect()
    }

    /// What tells that a file was not touched.
    fn marks(dir: &Path) -> Vec<(PathBuf, u64, i64, i64)> {
        let entries = WalkDir::new(dir)
            .sort_by_file_name()
            .into_iter()
            .map(|entry| entry.expect("readable"));
        entries
            .filter(|entry| !entry.file_type().is_dir())
            .map(|entry| (entry.path().to_owned(), entry.metadata().expect("there")))
            .map(|(path, data)| (path, data.ino(), data.mtime(), data.mtime_nsec()))
            .collect()
    }

    fn text<'a>(files: &'a BTreeMap<String, String>, path: &str) -> Option<&'a str> {
        files.get(path).map(String::as_str)
    }

    #[test]
    fn patches_and_overlay_are_in_it_and_not_in_the_source() {
        let world = World::new();
        let before = (files(&world.source.dir), marks(&world.source.dir));
        let tree = files(&world.tree().dir);
        assert_eq!(text(&tree, "mm/page.c"), Some("new\n"));
        assert_eq!(text(&tree, "mm/slab.c"), Some("slab\n"));
        assert_eq!(text(&tree, "drivers/heap/heap.rs"), Some("heap\n"));
        assert_eq!((files(&world.source.dir), marks(&world.source.dir)), before);
    }

    #[test]
    fn nothing_is_touched_when_nothing_changed() {
        let world = World::new();
        let before = marks(&world.tree().dir);
        assert_eq!(marks(&world.tree().dir), before);
    }

    #[test]
    fn only_what_changed_is_touched() {
        let world = World::new();
        world.project("overlay/drivers/heap/other.rs", "other\n");
        let before = marks(&world.tree().dir);
        world.project("overlay/drivers/heap/heap.rs", "heap 2\n");
        let after = marks(&world.tree().dir);
        let changed: Vec<_> = after
            .iter()
            .filter(|mark| !before.contains(mark))
            .map(|mark| &mark.0)
            .collect();
        assert_eq!(changed, [&world.tree().dir.join("drivers/heap/heap.rs")]);
    }

    #[test]
    fn what_is_no_longer_added_goes_and_what_is_no_longer_patched_returns_with_a_new_time() {
        let world = World::new();
        let page = world.tree().dir.join("mm/page.c");
        let patched = page.metadata().expect("there").modified().expect("known");
        world.remove("patches/0001-page.patch");
        world.remove("overlay/drivers/heap/heap.rs");
        let tree = world.tree();
        assert_eq!(files(&tree.dir), files(&world.source.dir));
        assert!(!tree.dir.join("drivers").exists(), "empty folders go too");
        assert!(
            page.metadata().expect("there").modified().expect("known") >= patched,
            "make would not notice"
        );
    }

    #[test]
    fn a_run_that_was_killed_half_way_is_completed() {
        let world = World::new();
        let tree = world.tree().dir;
        let place = Place(tree.parent().expect("it has one").to_owned());
        // As an update leaves it that was killed: marked as unfinished, one file written and one not, rubbish beside it.
        let mut manifest: Manifest = load(&place.manifest()).expect("a manifest");
        manifest.inputs.clear();
        manifest.files.insert("drivers/heap/gone.rs".into(), None);
        save(&place.manifest(), &manifest).expect("written");
        put(&tree, "drivers/heap/gone.rs", "left over\n");
        put(&place.scratch(), "half", "");
        fs::remove_file(tree.join("drivers/heap/heap.rs")).expect("removed");
        let again = files(&world.tree().dir);
        assert_eq!(text(&again, "drivers/heap/heap.rs"), Some("heap\n"));
        assert_eq!(text(&again, "drivers/heap/gone.rs"), None);
        assert!(!place.scratch().exists());
    }

    #[test]
    fn a_file_that_somebody_changed_in_it_is_put_right() {
        let world = World::new();
        let heap = world.tree().dir.join("drivers/heap/heap.rs");
        fs::write(&heap, "tampered with\n").expect("written");
        world.tree();
        assert_eq!(fs::read_to_string(heap).expect("readable"), "heap\n");
    }

    #[test]
    fn a_tree_without_a_manifest_is_made_anew() {
        let world = World::new();
        let tree = world.tree().dir;
        put(&tree, "drivers/heap/unknown.rs", "nobody knows\n");
        fs::write(
            tree.parent().expect("it has one").join("manifest.json"),
            "{",
        )
        .expect("written");
        let again = files(&world.tree().dir);
        assert_eq!(text(&again, "drivers/heap/unknown.rs"), None);
        assert_eq!(text(&again, "mm/page.c"), Some("new\n"));
    }

    #[test]
    fn a_newer_package_makes_a_new_tree() {
        let mut world = World::new();
        let first = world.tree().source_id;
        put(&world.source.dir, "mm/slab.c", "newer\n");
        let series = "7.3".parse().expect("a version");
        world.source =
            Source::of_distribution(&world.source.dir, &series, "linux-source-7.3_7.3.5-1")
                .expect("a source");
        let tree = world.tree();
        assert_ne!(tree.source_id, first);
        assert_eq!(text(&files(&tree.dir), "mm/slab.c"), Some("newer\n"));
    }

    #[test]
    fn a_patch_that_does_not_apply_changes_nothing() {
        let world = World::new();
        let before = marks(&world.tree().dir);
        world.project("patches/0001-page.patch", &PATCH.replace("-old", "-older"));
        let said = world.make().expect_err("it does not apply").to_string();
        assert!(
            said.starts_with(
                "failed to apply 0001-page.patch to linux 7.3.4: mm/page.c: hunk 1 of 1"
            ),
            "{said}"
        );
        world.project("patches/0001-page.patch", PATCH);
        assert_eq!(marks(&world.tree().dir), before);
    }

    #[test]
    fn a_tree_in_use_is_shared_by_equals_and_waited_for_by_others() {
        let world = World::new();
        let first = world.tree();
        drop(world.tree());
        world.project("overlay/drivers/heap/heap.rs", "heap 2\n");
        let (done, waiting) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| done.send(world.tree().dir).expect("somebody waits"));
            assert!(
                waiting.recv_timeout(Duration::from_millis(200)).is_err(),
                "it was changed under its user"
            );
            assert_eq!(
                text(&files(&first.dir), "drivers/heap/heap.rs"),
                Some("heap\n")
            );
            drop(first);
            let second = waiting
                .recv_timeout(Duration::from_secs(10))
                .expect("it goes on");
            assert_eq!(
                text(&files(&second), "drivers/heap/heap.rs"),
                Some("heap 2\n")
            );
        });
    }

    #[test]
    fn a_users_tree_is_followed_and_never_written_to() {
        let mut world = World::new();
        let own = world.dir.path().join("own");
        put_source(&own);
        put(&own, "mm/slab.o", "a product\n");
        std::os::unix::fs::symlink("slab.c", own.join("mm/link.c")).expect("made");
        world.source = super::super::user_tree(&own).expect("a kernel");
        let before = marks(&own);
        let first = world.tree();
        let tree = files(&first.dir);
        assert_eq!(
            (text(&tree, "mm/page.c"), text(&tree, "mm/slab.o")),
            (Some("new\n"), None)
        );
        assert_eq!(
            fs::read_link(first.dir.join("mm/link.c")).expect("a link"),
            Path::new("slab.c")
        );
        assert_eq!(marks(&own), before);
        let (dir, id) = (first.dir.clone(), first.source_id.clone());
        drop(first);

        let slab = marks(&dir.join("mm/slab.c"));
        put(&own, "mm/new.c", "new file\n");
        put(&own, "mm/page.c", "old\nand more\n");
        fs::remove_file(own.join("mm/link.c")).expect("removed");
        let second = world.tree();
        assert_ne!(second.source_id, id);
        let tree = files(&second.dir);
        assert_eq!(text(&tree, "mm/new.c"), Some("new file\n"));
        assert_eq!(text(&tree, "mm/page.c"), Some("new\nand more\n"));
        assert_eq!(text(&tree, "mm/link.c"), None);
        assert_eq!(marks(&dir.join("mm/slab.c")), slab, "it did not change");
        drop(second);

        // Without the patch, the user's own text shows.
        world.remove("patches/0001-page.patch");
        assert_eq!(
            text(&files(&world.tree().dir), "mm/page.c"),
            Some("old\nand more\n")
        );
    }

    #[test]
    fn a_copy_that_was_killed_half_way_is_completed() {
        let mut world = World::new();
        let own = world.dir.path().join("own");
        put_source(&own);
        world.source = super::super::user_tree(&own).expect("a kernel");
        let dir = world.tree().dir;
        let place = Place(dir.parent().expect("it has one").to_owned());
        let mut manifest: Manifest = load(&place.manifest()).expect("a manifest");
        manifest.inputs.clear();
        save(&place.manifest(), &manifest).expect("written");
        let mut copied: Listing = load(&place.copied()).expect("a record");
        for path in ["mm/slab.c", "mm/gone.c"] {
            copied.insert(
                path.into(),
                Mark {
                    size: u64::MAX,
                    mtime_ns: 0,
                },
            );
            put(&dir, path, "ha");
        }
        save(&place.copied(), &copied).expect("written");
        let tree = files(&world.tree().dir);
        assert_eq!(
            (text(&tree, "mm/slab.c"), text(&tree, "mm/gone.c")),
            (Some("slab\n"), None)
        );
    }
}
