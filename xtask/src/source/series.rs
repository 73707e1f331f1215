// SPDX-License-Identifier: GPL-2.0-only
//! What goes onto a kernel tree, read from `kernel/patches` and `kernel/overlay`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use super::Error;
use crate::build::stamp::Inputs;

/// A patch of the series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Its file, relative to the series' folder.
    pub name: String,
    /// All of it, with the message.
    pub text: Vec<u8>,
    /// What it changes, in its order.
    pub touches: Vec<Touch>,
}

/// A file that a patch changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Relative to the tree.
    pub path: PathBuf,
    /// Whether the patch makes the file.
    pub creates: bool,
}

/// A file of the overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether it can be executed.
    pub executable: bool,
}

/// All that goes onto a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Additions {
    /// In the order in which they are applied.
    pub patches: Vec<Patch>,
    /// By the path that each takes in the tree.
    pub overlay: BTreeMap<PathBuf, File>,
}

impl Additions {
    /// Reads what goes onto a tree of `series`, such as "7.3".
    ///
    /// A patch in a folder of `patches` that is named like the series stands for the one of the same name outside it, or for
    /// itself where there is none; one that changes no file takes the other one out.
    ///
    /// # Errors
    /// Something can't be read, or is no patch.
    pub fn read(patches: &Path, overlay: &Path, series: &str) -> Result<Additions, Error> {
        let mut chosen = patch_files(patches, "")?;
        chosen.extend(patch_files(&patches.join(series), &format!("{series}/"))?);
        let mut additions = Additions::default();
        for (name, path) in chosen.into_values() {
            let text = fs::read(&path).map_err(Error::io("read", &path))?;
            let touches = touches(&text).map_err(|why| Error::NoPatch { path, why })?;
            if !touches.is_empty() {
                additions.patches.push(Patch {
                    name,
                    text,
                    touches,
                });
            }
        }
        if overlay.exists() {
            for entry in WalkDir::new(overlay).sort_by_file_name() {
                let entry = entry.map_err(|e| Error::walk(overlay, e))?;
                if entry.file_type().is_dir() {
                    continue;
                }
                let path = entry.path();
                let bytes = fs::read(path).map_err(Error::io("read", path))?;
                let mode = fs::metadata(path)
                    .map_err(Error::io("read", path))?
                    .permissions()
                    .mode();
                let inside = path.strip_prefix(overlay).unwrap_or(path).to_owned();
                additions.overlay.insert(
                    inside,
                    File {
                        bytes,
                        executable: mode & 0o111 != 0,
                    },
                );
            }
        }
        Ok(additions)
    }

    /// The files that patches change, each once.
    pub fn touched(&self) -> BTreeSet<&Path> {
        self.patches
            .iter()
            .flat_map(|patch| &patch.touches)
            .map(|touch| touch.path.as_path())
            .collect()
    }

    /// All of it in one hash.
    pub fn id(&self) -> String {
        let mut inputs = Inputs::new();
        for patch in &self.patches {
            inputs = inputs.text(&patch.name).text(&patch.text);
        }
        inputs = inputs.text("overlay");
        for (path, file) in &self.overlay {
            inputs = inputs
                .text(path.as_os_str().as_encoded_bytes())
                .text(&file.bytes)
                .text([u8::from(file.executable)]);
        }
        inputs.stamp().to_string()
    }
}

/// The patches directly in `dir` by file name, each with the name to show; none where there is no such folder.
fn patch_files(dir: &Path, prefix: &str) -> Result<BTreeMap<String, (String, PathBuf)>, Error> {
    let mut files = BTreeMap::new();
    if !dir.exists() {
        return Ok(files);
    }
    for entry in fs::read_dir(dir).map_err(Error::io("read", dir))? {
        let path = entry.map_err(Error::io("read", dir))?.path();
        if path.extension().is_some_and(|e| e == "patch") {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            files.insert(name.clone(), (format!("{prefix}{name}"), path));
        }
    }
    Ok(files)
}

/// The files that a patch, in git's or in diff's form, changes.
///
/// # Errors
/// Why it can't be read as a patch.
fn touches(text: &[u8]) -> Result<Vec<Touch>, String> {
    let text = String::from_utf8_lossy(text);
    let mut touches: Vec<Touch> = Vec::new();
    let mut add = |path: PathBuf, creates: bool| {
        if !touches.iter().any(|touch| touch.path == path) {
            touches.push(Touch { path, creates });
        }
    };
    let mut lines = text.lines().enumerate().peekable();
    while let Some((i, line)) = lines.next() {
        let at = |why: String| format!("line {}: {why}", i + 1);
        if let Some(hunk) = line.strip_prefix("@@ -") {
            // Its lines can look like anything, headers of other files among them.
            let (mut old, mut new) = counts(hunk).ok_or_else(|| at("no hunk header".into()))?;
            while old > 0 || new > 0 {
                let (_, line) = lines
                    .next()
                    .ok_or_else(|| at("the hunk ends early".into()))?;
                match line.bytes().next() {
                    Some(b'-') => old = old.saturating_sub(1),
                    Some(b'+') => new = new.saturating_sub(1),
                    Some(b'\\') => {}
                    // Mail programs drop the blank of an empty line.
                    Some(b' ' | b'\t') | None => {
                        (old, new) = (old.saturating_sub(1), new.saturating_sub(1))
                    }
                    Some(_) => return Err(at("the hunk ends early".into())),
                }
            }
        } else if let Some(from) = line.strip_prefix("--- ")
            && let Some((_, to)) = lines.peek()
            && let Some(to) = to.strip_prefix("+++ ")
        {
            let (from, to) = (header(from), header(to));
            let path = if to == "/dev/null" { from } else { to };
            add(
                tree_path(path).ok_or_else(|| at(format!("{path:?} is no path in the tree")))?,
                from == "/dev/null",
            );
            lines.next();
        } else if let Some((from, creates)) = line
            .strip_prefix("rename from ")
            .map(|path| (path, false))
            .or_else(|| line.strip_prefix("rename to ").map(|path| (path, true)))
        {
            let path = plain(Path::new(from))
                .ok_or_else(|| at(format!("{from:?} is no path in the tree")))?;
            add(path, creates);
        } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
            return Err(at("it changes a binary file".into()));
        }
    }
    Ok(touches)
}

/// The path in a header line; what follows a tab is a time.
fn header(text: &str) -> &str {
    text.split('\t').next().unwrap_or_default().trim_end()
}

/// A header's path without its first part, as `patch -p1` reads it.
fn tree_path(path: &str) -> Option<PathBuf> {
    plain(Path::new(path.split_once('/')?.1))
}

/// `path`, if it stays in the tree.
fn plain(path: &Path) -> Option<PathBuf> {
    let inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    (inside && path.components().next().is_some()).then(|| path.to_owned())
}

/// How many old and new lines a hunk has, from its header after "@@ -".
fn counts(header: &str) -> Option<(usize, usize)> {
    let (ranges, _) = header.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let count = |range: &str| {
        range
            .split_once(',')
            .map_or(Some(1), |(_, count)| count.parse().ok())
    };
    Some((count(old)?, count(new)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAILED: &str = "From 1234 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\n--- a/not/a/header\nin the message\n---\n b.c | 2 +-\n\n\
        diff --git a/b.c b/b.c\nindex 1..2 100644\n--- a/b.c\n+++ b/b.c\n@@ -1,3 +1,3 @@ int main\n a\n--- a/c.c\n+++ a/d.c\n\n\
        diff --git a/new/e.c b/new/e.c\nnew file mode 100644\n--- /dev/null\n+++ b/new/e.c\n@@ -0,0 +1 @@\n+x\n\
        diff --git a/f.c b/f.c\ndeleted file mode 100644\n--- a/f.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\\ No newline at end of file\n-- \n2.39.5\n";

    fn touch(path: &str, creates: bool) -> Touch {
        Touch {
            path: path.into(),
            creates,
        }
    }

    #[test]
    fn a_mailed_patch_touches_what_its_headers_say() {
        assert_eq!(
            touches(MAILED.as_bytes()).expect("a patch"),
            [
                touch("b.c", false),
                touch("new/e.c", true),
                touch("f.c", false)
            ]
        );
    }

    #[test]
    fn a_rename_touches_both_names() {
        let text = "diff --git a/x b/y\nsimilarity index 90%\nrename from dir/x\nrename to dir/y\n";
        assert_eq!(
            touches(text.as_bytes()).expect("a patch"),
            [touch("dir/x", false), touch("dir/y", true)]
        );
    }

    #[test]
    fn a_plain_diff_has_times_behind_its_names() {
        let text = "--- old/b.c\t2026-01-01\n+++ new/b.c\t2026-01-02\n@@ -1 +1 @@\n-a\n+b\n";
        assert_eq!(
            touches(text.as_bytes()).expect("a patch"),
            [touch("b.c", false)]
        );
    }

    #[test]
    fn paths_out_of_the_tree_are_refused() {
        for path in ["a/../../etc/passwd", "a//etc/passwd", "passwd", "a/"] {
            let text = format!("--- {path}\n+++ {path}\n@@ -1 +1 @@\n-a\n+b\n");
            assert!(touches(text.as_bytes()).is_err(), "{path}");
        }
    }

    #[test]
    fn a_cut_off_patch_is_refused_with_its_line() {
        let text = "--- a/b.c\n+++ b/b.c\n@@ -1,3 +1,3 @@\n a\n";
        assert_eq!(
            touches(text.as_bytes()),
            Err("line 3: the hunk ends early".into())
        );
        assert!(touches(b"--- a/b.c\n+++ b/b.c\n@@ -x +1 @@\n").is_err());
    }

    #[test]
    fn a_binary_patch_is_refused() {
        assert!(touches(b"diff --git a/x b/x\nGIT binary patch\nliteral 1\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([-+ @\\\\]{1,4}[ab/0-9,.\t]{0,6}\n?){0,20}") {
            let _ = touches(text.as_bytes());
        }
    }

    #[test]
    fn a_series_own_patch_stands_for_the_general_one() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let diff = |path: &str| format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n");
        fs::create_dir(dir.path().join("7.2")).expect("created");
        for (name, path) in [
            ("0001-a.patch", "a"),
            ("0002-b.patch", "b"),
            ("0003-c.patch", "c"),
            ("7.2/0002-b.patch", "b72"),
        ] {
            fs::write(dir.path().join(name), diff(path)).expect("written");
        }
        fs::write(dir.path().join("7.2/0001-a.patch"), "Not needed there.\n").expect("written");
        fs::write(dir.path().join("README"), "not a patch").expect("written");
        let names = |series| -> Vec<String> {
            let additions =
                Additions::read(dir.path(), &dir.path().join("none"), series).expect("readable");
            additions
                .patches
                .into_iter()
                .map(|patch| patch.name)
                .collect()
        };
        assert_eq!(
            names("7.3"),
            ["0001-a.patch", "0002-b.patch", "0003-c.patch"]
        );
        assert_eq!(names("7.2"), ["7.2/0002-b.patch", "0003-c.patch"]);
    }
}
