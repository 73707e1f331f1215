// SPDX-License-Identifier: GPL-2.0-only
//! A cache folder, a kernel source and a project, all small, and what becomes of the tree when any of them changes.

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
        let source =
            Source::of_distribution(&linux, &series, "linux-source-7.3_7.3.4-1").expect("a source");
        let world = World { dir, cache, source };
        world.project("patches/0001-page.patch", PATCH);
        world.project("overlay/drivers/heap/heap.rs", "heap\n");
        world
    }

    fn project(&self, path: &str, text: &str) {
        put(&self.dir.path().join("kernel"), path, text);
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.dir.path().join("kernel").join(path)).expect("removed");
    }

    fn make(&self) -> Result<Tree, Error> {
        self.make_with(false)
    }

    fn make_with(&self, fixes: bool) -> Result<Tree, Error> {
        private_tree(
            &Toolchain::host(&Stop::new()),
            &self.cache,
            &self.source,
            &Project::at(self.dir.path()).with_fixes(fixes),
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
    let place = TreeFolder(tree.parent().expect("it has one").to_owned());
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
    world.source = Source::of_distribution(&world.source.dir, &series, "linux-source-7.3_7.3.5-1")
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
        said.starts_with("failed to apply 0001-page.patch to linux 7.3.4: mm/page.c: hunk 1 of 1"),
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
    let place = TreeFolder(dir.parent().expect("it has one").to_owned());
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

#[test]
fn fixes_come_after_the_patches_and_go_again() {
    let world = World::new();
    world.project(
        "fixes/0001-page.patch",
        &PATCH.replace("-old", "-new").replace("+new", "+fixed"),
    );
    let page = |tree: &Tree| fs::read_to_string(tree.dir.join("mm/page.c")).expect("readable");
    assert_eq!(page(&world.tree()), "new\n");
    assert_eq!(page(&world.make_with(true).expect("a tree")), "fixed\n");
    assert_eq!(page(&world.tree()), "new\n");
}

#[test]
fn nothing_is_written_through_a_link_of_a_users_tree() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    put(outside.path(), "page.c", "old\n");
    put(outside.path(), "heap/heap.rs", "theirs\n");
    for link in ["mm", "drivers", "drivers/heap"] {
        let mut world = World::new();
        let own = world.dir.path().join("own");
        put_source(&own);
        put(&own, "drivers/other.c", "other\n");
        fs::remove_dir_all(own.join(link))
            .or_else(|_| fs::create_dir_all(own.join("drivers")))
            .expect("made");
        std::os::unix::fs::symlink(outside.path(), own.join(link)).expect("made");
        world.source = crate::source::user_tree(&own).expect("a kernel");
        let error = world.make().expect_err(link).to_string();
        // What is behind the link counts as not there, or as the tree's own; it is not written to either way.
        let refusals = ["is a symbolic link", "mm/page.c", "which has it already"];
        assert!(
            refusals.iter().any(|r| error.contains(r)),
            "{link}: {error}"
        );
    }
    let left = files(outside.path());
    assert_eq!(
        left.iter()
            .map(|(p, t)| (p.as_str(), t.as_str()))
            .collect::<Vec<_>>(),
        [("heap/heap.rs", "theirs\n"), ("page.c", "old\n")]
    );
}

#[test]
fn a_folder_that_became_a_link_is_followed_as_a_link() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let mut world = World::new();
    let own = world.dir.path().join("own");
    put_source(&own);
    put(&own, "doc/a", "a\n");
    world.source = crate::source::user_tree(&own).expect("a kernel");
    world.tree();
    fs::remove_dir_all(own.join("doc")).expect("removed");
    std::os::unix::fs::symlink(outside.path(), own.join("doc")).expect("made");
    let tree = world.tree();
    assert!(tree.dir.join("doc").is_symlink());
    fs::remove_file(own.join("doc")).expect("removed");
    put(&own, "doc/a", "b\n");
    drop(tree);
    let tree = world.tree();
    assert!(!tree.dir.join("doc").is_symlink());
    assert!(files(outside.path()).is_empty());
}

#[test]
fn a_checkout_in_which_nothing_is_tracked_is_no_kernel_tree() {
    let mut world = World::new();
    let own = world.dir.path().join("own");
    put_source(&own);
    fs::write(own.join(".gitignore"), "*\n").expect("written");
    crate::toolchain::Command::host("git")
        .arg("-C")
        .arg(&own)
        .args(["init", "--quiet"])
        .read(&Stop::new())
        .expect("git is there");
    world.source = crate::source::user_tree(&own).expect("a kernel");
    let error = world.make().expect_err("nothing is listed").to_string();
    assert!(error.contains("git does not list its Makefile"), "{error}");
}

#[test]
fn a_folder_with_files_of_ours_may_become_a_link_or_a_file() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let mut world = World::new();
    let own = world.dir.path().join("own");
    put_source(&own);
    put(&own, "drivers/heap/theirs.c", "theirs\n");
    world.source = crate::source::user_tree(&own).expect("a kernel");
    // The overlay has added a file to it.
    world.tree();
    for link in [true, false] {
        let _ = fs::remove_dir_all(own.join("drivers/heap"));
        let _ = fs::remove_file(own.join("drivers/heap"));
        if link {
            std::os::unix::fs::symlink(outside.path(), own.join("drivers/heap")).expect("made");
        } else {
            put(&own, "drivers/heap", "a file\n");
        }
        let error = world.make().expect_err("ours has no place");
        assert!(!matches!(error, Error::Cache(_)) || !link, "{error}");
        assert!(files(outside.path()).is_empty());
    }
    fs::remove_file(own.join("drivers/heap")).expect("removed");
    put(&own, "drivers/heap/theirs.c", "theirs\n");
    let tree = files(&world.tree().dir);
    assert_eq!(text(&tree, "drivers/heap/theirs.c"), Some("theirs\n"));
}

#[test]
fn a_folder_that_is_not_there_is_no_kernel_tree() {
    let error = crate::source::user_tree(Path::new("/nonexistent")).expect_err("it is not there");
    assert!(matches!(error, Error::NoKernel { .. }), "{error}");
}
