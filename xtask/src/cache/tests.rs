// SPDX-License-Identifier: GPL-2.0-only
//! What runs that are killed, fail, or run at the same time leave in the cache folder.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

/// Keeps what it is told.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn step(&self, what: &str) {
        self.0
            .lock()
            .expect("nobody panicked")
            .push(what.to_owned());
    }
    fn line(&self, _: &str) {}
    fn warn(&self, _: &str) {}
}

impl Heard {
    fn any(&self, part: &str) -> bool {
        self.0
            .lock()
            .expect("nobody panicked")
            .iter()
            .any(|step| step.contains(part))
    }
}

fn cache() -> (tempfile::TempDir, Cache) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cache = Cache::at(dir.path(), &Stop::new()).expect("a cache folder");
    (dir, cache)
}

fn put_a(folder: &Path) -> Result<(), Error> {
    Ok(fs::write(folder.join("a"), "1")?)
}

#[test]
fn the_place_is_the_first_that_is_named() {
    let at = |option: Option<&str>, vars: &[(&str, &str)]| {
        let var = |name: &str| {
            vars.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| PathBuf::from(value))
        };
        chosen_folder(option.map(Path::new), var).map(|path| path.display().to_string())
    };
    let all = [
        ("ALIASHEAP_CACHE", "/a"),
        ("XDG_CACHE_HOME", "/x"),
        ("HOME", "/h"),
    ];
    assert_eq!(at(Some("/o"), &all).as_deref(), Some("/o"));
    assert_eq!(at(None, &all).as_deref(), Some("/a"));
    assert_eq!(at(None, &all[1..]).as_deref(), Some("/x/aliasheap"));
    assert_eq!(at(None, &all[2..]).as_deref(), Some("/h/.cache/aliasheap"));
    assert_eq!(
        at(
            None,
            &[
                ("ALIASHEAP_CACHE", ""),
                ("XDG_CACHE_HOME", "x"),
                ("HOME", "/h")
            ]
        )
        .as_deref(),
        Some("/h/.cache/aliasheap")
    );
    assert_eq!(at(None, &[]), None);
}

#[test]
fn what_is_made_is_not_made_again() {
    let (_dir, cache) = cache();
    let folder = cache
        .make("x/y", "1", &Heard::default(), put_a)
        .expect("made");
    assert_eq!(fs::read_to_string(folder.join("a")).expect("there"), "1");
    let again = cache.make("x/y", "1", &Heard::default(), |_| -> Result<(), Error> {
        panic!("made again")
    });
    assert_eq!(again.expect("there"), folder);
}

#[test]
fn another_recipe_makes_it_anew() {
    let (_dir, cache) = cache();
    let folder = cache
        .make("x", "1", &Heard::default(), put_a)
        .expect("made");
    cache
        .make("x", "2", &Heard::default(), |_| Ok::<_, Error>(()))
        .expect("made");
    assert!(!folder.join("a").exists());
}

#[test]
fn what_a_killed_run_left_is_removed() {
    let (_dir, cache) = cache();
    // Killed while it was made; and a folder in its place that nobody vouches for.
    for left in ["x.partial/rubbish", "x/rubbish"] {
        fs::create_dir_all(cache.path(left)).expect("created");
    }
    let heard = Heard::default();
    let folder = cache.make("x", "1", &heard, put_a).expect("made");
    assert!(heard.any("removing the half-made"));
    assert!(!folder.join("rubbish").exists() && !cache.path("x.partial").exists());
}

#[test]
fn what_failed_is_tried_again() {
    let (_dir, cache) = cache();
    let failed = cache.make("x", "1", &Heard::default(), |_| Err(Error::NoHome));
    assert!(matches!(failed, Err(Error::NoHome)));
    assert!(!cache.path("x").exists() && !cache.path("x.partial").exists());
    cache
        .make("x", "1", &Heard::default(), put_a)
        .expect("made");
}

#[test]
fn two_at_once_make_it_once() {
    let (_dir, cache) = cache();
    let made = AtomicUsize::new(0);
    let make = || {
        cache.make("x", "1", &Heard::default(), |folder| {
            made.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(50));
            put_a(folder)
        })
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(make), scope.spawn(make)];
        for thread in threads {
            thread.join().expect("it did not panic").expect("made");
        }
    });
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn a_wait_says_for_whom_and_ends_when_it_is_released() {
    let (_dir, cache) = cache();
    let lock = cache.lock("x/y", &Heard::default()).expect("free");
    let heard = Heard::default();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| cache.lock("x/y", &heard).map(drop));
        while !heard.any("waiting for another part of this process") {
            assert!(!waiting.is_finished(), "it did not wait");
            std::thread::yield_now();
        }
        drop(lock);
        waiting.join().expect("it did not panic").expect("released");
    });
}

#[test]
fn shared_locks_exclude_only_exclusive_ones() {
    let (dir, cache) = cache();
    let heard = Heard::default();
    let first = cache.lock_shared("x", &heard).expect("free");
    let second = cache.lock_shared("x", &heard).expect("shared");
    let stop = Stop::new();
    stop.request();
    let impatient = Cache::at(dir.path(), &stop).expect("a cache folder");
    assert!(matches!(
        impatient.lock("x", &heard),
        Err(Error::Interrupted { .. })
    ));
    drop((first, second));
    drop(impatient.lock("x", &heard).expect("free"));
}

#[test]
fn too_little_room_is_said_before_anything_is_made() {
    let (_dir, cache) = cache();
    cache.need("a file", 0).expect("there is room for nothing");
    let said = cache
        .need("a root", u64::MAX)
        .expect_err("no disk is that large")
        .to_string();
    assert!(
        said.starts_with("failed to make a root in ") && said.contains("--cache DIR"),
        "{said}"
    );
}

#[test]
fn a_full_disk_is_told_from_other_errors() {
    // The kernel's own file that has no room.
    let error = fs::write("/dev/full", "x").expect_err("it is full");
    let said = match Error::from(error) {
        Error::Full(said) => said,
        other => panic!("{other}"),
    };
    assert!(said.contains("/dev/full"), "{said}");
    let error = fs::read("/nonexistent").expect_err("it is not there");
    assert!(matches!(Error::from(error), Error::Io(_)));
}

#[test]
fn a_folder_with_other_things_is_no_cache() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(dir.path().join("Documents")).expect("created");
    fs::write(dir.path().join(".bashrc"), "rc").expect("written");
    // Nor is one with folders that only have the same names.
    let project = tempfile::tempdir().expect("a temporary folder");
    for name in ["build", "source", ".git"] {
        fs::create_dir(project.path().join(name)).expect("created");
    }
    for dir in [dir.path(), project.path()] {
        let refused = Cache::at(dir, &Stop::new()).expect_err("it is somebody's");
        assert!(matches!(refused, Error::NotOurs { .. }), "{refused}");
        assert!(!dir.join(TAG).exists());
    }
}

#[test]
fn a_cache_is_tagged_when_it_is_made_and_only_its_own_parts_are_listed() {
    let (dir, cache) = cache();
    assert!(
        fs::read_to_string(dir.path().join(TAG))
            .is_ok_and(|text| text.starts_with("Signature: 8a477f597d28d172789f06886806bc55"))
    );
    cache.folder("runs/1").expect("created");
    fs::create_dir(cache.path("thesis")).expect("created");
    // It stays a cache with whatever is put beside.
    let again = Cache::at(dir.path(), &Stop::new()).expect("a cache folder");
    assert_eq!(again.parts(), [cache.path("runs")]);
}

#[test]
fn a_cache_from_before_the_tag_is_taken_over() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for name in ["locks", "build", "toolchain"] {
        fs::create_dir(dir.path().join(name)).expect("created");
    }
    Cache::at(dir.path(), &Stop::new()).expect("a cache folder");
    assert!(dir.path().join(TAG).exists());
}

#[test]
fn a_link_is_removed_and_not_what_it_leads_to() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (there, link) = (dir.path().join("there"), dir.path().join("link"));
    fs::create_dir(&there).expect("created");
    std::os::unix::fs::symlink(&there, &link).expect("created");
    remove(&link).expect("removed");
    assert!(there.exists() && link.symlink_metadata().is_err());
    fs::write(&link, "a file").expect("written");
    remove(&link).expect("removed");
    remove(&link).expect("nothing there is fine");
}

#[test]
fn a_path_in_which_no_kernel_can_be_built_is_refused_before_it_is_made() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for name in ["with space", "a:b", "tab\there"] {
        let error = Cache::at(&dir.path().join(name), &Stop::new()).expect_err(name);
        assert!(matches!(error, Error::Name { .. }), "{name}: {error}");
        assert!(!dir.path().join(name).exists(), "{name}");
    }
    // A link with a harmless name to a folder without one.
    let odd = dir.path().join("o d d");
    fs::create_dir(&odd).expect("created");
    std::os::unix::fs::symlink(&odd, dir.path().join("link")).expect("made");
    let error = Cache::at(&dir.path().join("link"), &Stop::new()).expect_err("a link");
    assert!(matches!(error, Error::Name { .. }), "{error}");
    for name in ["ö", "a,b"] {
        Cache::at(&dir.path().join(name), &Stop::new()).expect(name);
    }
}
