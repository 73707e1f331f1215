// SPDX-License-Identifier: GPL-2.0-only
//! What files a tree must have after patches and overlay, worked out in memory.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use diffy::patch_set::{FileMode, FileOperation, FilePatch, ParseOptions, PatchKind, PatchSet};
use fs_err as fs;

use super::series::{Additions, File, Patch};
use super::{Error, Source};
use crate::cache::write_whole;

/// What a tree must have at each path; nothing where there is none.
pub type Wanted = BTreeMap<PathBuf, Option<File>>;

/// Works out what `source` must have after `additions`.
///
/// # Errors
/// A patch does not apply exactly, though perhaps at other lines, or the overlay would replace a file.
pub fn wanted(source: &Source, additions: &Additions) -> Result<Wanted, Error> {
    let mut wanted = Wanted::new();
    for patch in &additions.patches {
        let mut applying = Applying {
            source,
            patch,
            wanted: &mut wanted,
        };
        for change in PatchSet::parse_bytes(without_signature(&patch.text), ParseOptions::gitdiff())
        {
            let change = change.map_err(|error| applying.no_patch(error.to_string()))?;
            applying.apply(&change)?;
        }
    }
    for (path, file) in &additions.overlay {
        let there = match wanted.get(path) {
            Some(patched) => patched.is_some(),
            None => source.dir.join(path).symlink_metadata().is_ok(),
        };
        // Else nobody would see what the file was changed from.
        if there {
            return Err(Error::Occupied {
                path: path.clone(),
                version: source.version.to_string(),
            });
        }
        wanted.insert(path.clone(), Some(file.clone()));
    }
    Ok(wanted)
}

struct Applying<'a> {
    source: &'a Source,
    patch: &'a Patch,
    wanted: &'a mut Wanted,
}

impl Applying<'_> {
    /// One file's change.
    fn apply(&mut self, change: &FilePatch<'_, [u8]>) -> Result<(), Error> {
        let (from, to) = match change.operation() {
            FileOperation::Create(path) => (None, Some(self.path(path, true)?)),
            FileOperation::Delete(path) => (Some(self.path(path, true)?), None),
            FileOperation::Modify { original, modified } => (
                Some(self.path(original, true)?),
                Some(self.path(modified, true)?),
            ),
            // Their names stand in lines of their own, without git's a/ and b/.
            FileOperation::Rename { from, to } => {
                (Some(self.path(from, false)?), Some(self.path(to, false)?))
            }
            FileOperation::Copy { .. } => return Err(self.no_patch("it copies a file".into())),
        };
        let before = match &from {
            None => File {
                bytes: Vec::new(),
                executable: false,
            },
            Some(path) => self
                .now(path)?
                .ok_or_else(|| self.misfit(path, "does not exist"))?,
        };
        if let Some(path) = to.as_ref().filter(|to| from.as_ref() != Some(to))
            && self.now(path)?.is_some()
        {
            return Err(self.misfit(path, "exists already"));
        }
        let named = to
            .as_ref()
            .or(from.as_ref())
            .map_or(Path::new(""), PathBuf::as_path);
        let PatchKind::Text(text) = change.patch() else {
            return Err(self.no_patch(format!("it changes {} as a binary file", named.display())));
        };
        let bytes = diffy::apply_bytes(&before.bytes, text).map_err(|error| {
            let error = error.to_string();
            let number = error
                .rsplit('#')
                .next()
                .and_then(|number| number.parse::<usize>().ok())
                .unwrap_or(1);
            let line = text
                .hunks()
                .get(number - 1)
                .map_or(0, |hunk| hunk.old_range().start());
            self.misfit(
                named,
                &format!(
                    "hunk {number} of {}, for line {line}, fits nowhere",
                    text.hunks().len()
                ),
            )
        })?;
        if let Some(from) = from.filter(|from| to.as_ref() != Some(from)) {
            if to.is_none() && !bytes.is_empty() {
                return Err(self.misfit(&from, "has lines that the patch does not remove"));
            }
            self.wanted.insert(from, None);
        }
        if let Some(to) = to {
            let executable = match change.new_mode() {
                None => before.executable,
                Some(FileMode::Regular) => false,
                Some(FileMode::Executable) => true,
                Some(_) => return Err(self.no_patch(format!("it makes {} a link", to.display()))),
            };
            self.wanted.insert(to, Some(File { bytes, executable }));
        }
        Ok(())
    }

    /// What `path` has after the changes so far.
    fn now(&self, path: &Path) -> Result<Option<File>, Error> {
        self.wanted
            .get(path)
            .cloned()
            .map_or_else(|| read(&self.source.dir.join(path)), Ok)
    }

    /// A path of the patch in the tree; `prefixed` if it starts with git's a/ or b/.
    fn path(&self, bytes: &[u8], prefixed: bool) -> Result<PathBuf, Error> {
        let path = Path::new(OsStr::from_bytes(bytes));
        let mut parts = path.components();
        if prefixed {
            parts.next();
        }
        let inside = parts.as_path();
        if parts.clone().next().is_none() || !parts.all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(self.no_patch(format!("{} is no path in the tree", path.display())));
        }
        Ok(inside.to_owned())
    }

    fn no_patch(&self, why: String) -> Error {
        Error::NoPatch {
            patch: self.patch.name.clone(),
            why,
        }
    }

    fn misfit(&self, file: &Path, why: &str) -> Error {
        Error::Misfit {
            patch: self.patch.name.clone(),
            file: file.to_owned(),
            why: why.to_owned(),
            version: self.source.version.to_string(),
            series: self.source.version.series(),
        }
    }
}

/// A mailed patch without git's version below it, which diffy takes for a line of a hunk that ends without a newline.
fn without_signature(text: &[u8]) -> &[u8] {
    let mark = b"\n-- \n";
    match text.windows(mark.len()).rposition(|window| window == mark) {
        Some(at)
            if text[at + mark.len()..]
                .split(|b| *b == b'\n')
                .filter(|line| !line.is_empty())
                .count()
                <= 1 =>
        {
            &text[..=at]
        }
        _ => text,
    }
}

/// A file with its content, if there is one.
pub fn read(path: &Path) -> Result<Option<File>, Error> {
    let read = || -> io::Result<File> {
        let bytes = fs::read(path)?;
        Ok(File {
            bytes,
            executable: fs::metadata(path)?.permissions().mode() & 0o111 != 0,
        })
    };
    match read() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        result => Ok(result.map(Some)?),
    }
}

/// Writes a file that appears whole or not at all, with the folders above it, by way of one in `temporary`. A file of the
/// same name is replaced and not written to, as it may be one with another tree's.
pub fn write(path: &Path, file: &File, temporary: &Path) -> Result<(), Error> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let mode = if file.executable { 0o755 } else { 0o644 };
    Ok(write_whole(path, &file.bytes, mode, temporary)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `patches` make of a tree with `files`: the content of each file that they touch, or what is wrong.
    fn patched(
        files: &[(&str, &str)],
        patches: &[&str],
    ) -> Result<Vec<(String, Option<String>)>, String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let makefile = "VERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 12\nEXTRAVERSION =\n";
        for (path, text) in files.iter().chain(&[("Makefile", makefile)]) {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("created");
            fs::write(path, text).expect("written");
        }
        let source = super::super::user_tree(dir.path()).expect("a kernel");
        let patches = patches.iter().enumerate();
        let patches = patches.map(|(i, text)| Patch {
            name: format!("{i}.patch"),
            text: text.as_bytes().to_vec(),
        });
        let additions = Additions {
            patches: patches.collect(),
            overlay: BTreeMap::new(),
        };
        let wanted = wanted(&source, &additions).map_err(|error| error.to_string())?;
        let text = |file: File| String::from_utf8(file.bytes).expect("text");
        Ok(wanted
            .into_iter()
            .map(|(path, file)| (path.display().to_string(), file.map(text)))
            .collect())
    }

    const MAILED: &str = "From 1234 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\n--- a/not/a/header\nin the message\n---\n b.c | 2 +-\n\n\
        diff --git a/b.c b/b.c\nindex 1..2 100644\n--- a/b.c\n+++ b/b.c\n@@ -1,3 +1,3 @@ int main\n a\n--- a/c.c\n+++ a/d.c\n\n\
        diff --git a/new/e.c b/new/e.c\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/new/e.c\n@@ -0,0 +1 @@\n+x\n\
        diff --git a/f.c b/f.c\ndeleted file mode 100644\nindex 1..0\n--- a/f.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\\ No newline at end of file\n-- \n2.39.5\n\n";

    #[test]
    fn a_mailed_patch_changes_makes_and_removes() {
        let files = [("b.c", "a\n-- a/c.c\n\n"), ("f.c", "x")];
        assert_eq!(
            patched(&files, &[MAILED]).expect("it applies"),
            [
                ("b.c".into(), Some("a\n++ a/d.c\n\n".into())),
                ("f.c".into(), None),
                ("new/e.c".into(), Some("x\n".into())),
            ]
        );
    }

    fn change(path: &str, from: &str, to: &str) -> String {
        format!(
            "diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,3 +1,3 @@\n 1\n-{from}\n+{to}\n 3\n"
        )
    }

    #[test]
    fn later_patches_build_on_earlier_ones() {
        let files = [("b.c", "1\n2\n3\n")];
        let result = patched(
            &files,
            &[&change("b.c", "2", "two"), &change("b.c", "two", "zwei")],
        );
        assert_eq!(
            result.expect("they apply"),
            [("b.c".into(), Some("1\nzwei\n3\n".into()))]
        );
    }

    #[test]
    fn a_hunk_may_have_moved_but_its_context_must_fit() {
        let moved = patched(&[("b.c", "x\ny\n1\n2\n3\n")], &[&change("b.c", "2", "two")]);
        assert_eq!(
            moved.expect("it applies"),
            [("b.c".into(), Some("x\ny\n1\ntwo\n3\n".into()))]
        );
        let said = patched(&[("b.c", "1\n2\nthree\n")], &[&change("b.c", "2", "two")])
            .expect_err("it does not apply");
        assert_eq!(
            said,
            "failed to apply 0.patch to linux 7.2.12: b.c: hunk 1 of 1, for line 1, fits nowhere; \
             change the patch, or give that series one of its own in kernel/patches/7.2/"
        );
    }

    #[test]
    fn a_missing_file_and_one_too_many_are_named() {
        let said = patched(&[], &[&change("b.c", "2", "two")]).expect_err("it does not apply");
        assert!(
            said.contains("0.patch to linux 7.2.12: b.c: does not exist"),
            "{said}"
        );
        let creates = "diff --git a/b.c b/b.c\nnew file mode 100644\n--- /dev/null\n+++ b/b.c\n@@ -0,0 +1 @@\n+x\n";
        let said = patched(&[("b.c", "")], &[creates]).expect_err("it does not apply");
        assert!(said.contains("b.c: exists already"), "{said}");
    }

    #[test]
    fn a_rename_moves_the_content() {
        let text = "diff --git a/d/x b/d/y\nsimilarity index 90%\nrename from d/x\nrename to d/y\n\
            --- a/d/x\n+++ b/d/y\n@@ -1,2 +1,2 @@\n 1\n-2\n+two\n";
        assert_eq!(
            patched(&[("d/x", "1\n2\n")], &[text]).expect("it applies"),
            [
                ("d/x".into(), None),
                ("d/y".into(), Some("1\ntwo\n".into()))
            ]
        );
        let pure =
            "diff --git a/d/x b/d/y\nsimilarity index 100%\nrename from d/x\nrename to d/y\n";
        assert_eq!(
            patched(&[("d/x", "1\n")], &[pure]).expect("it applies"),
            [("d/x".into(), None), ("d/y".into(), Some("1\n".into()))]
        );
    }

    #[test]
    fn removing_a_file_that_has_changed_is_a_misfit() {
        let text = "diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";
        let said = patched(&[("f", "x\ny\n")], &[text]).expect_err("it does not apply");
        assert!(
            said.contains("f: has lines that the patch does not remove"),
            "{said}"
        );
    }

    #[test]
    fn what_is_no_patch_or_a_broken_one_is_refused() {
        for text in [
            "just words\n",
            "",
            "--- a/b.c\n+++ b/b.c\n@@ -1 +1 @@\n-2\n+two\n",
            "diff --git a/b.c b/b.c\n--- a/b.c\n+++ b/b.c\n@@ -1,3 +1,3 @@\n 1\n",
            "diff --git a/b.c b/b.c\n--- a/b.c\n+++ b/b.c\n@@ -x +1 @@\n-2\n",
            "diff --git a/b.c b/b.c\nindex 1..2 100644\nGIT binary patch\nliteral 1\nIcmZPo\n\nliteral 1\nIcmZPo\n\n",
        ] {
            let said = patched(&[("b.c", "1\n2\n3\n")], &[text]).expect_err(text);
            assert!(
                said.starts_with("failed to read 0.patch as a patch: "),
                "{text:?}: {said}"
            );
        }
    }

    #[test]
    fn paths_out_of_the_tree_are_refused() {
        for path in ["../x", "d/../../x"] {
            let text = format!(
                "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
            );
            let said = patched(&[], &[&text]).expect_err(path);
            assert!(said.contains("is no path in the tree"), "{path}: {said}");
        }
    }

    #[test]
    fn the_overlay_only_adds() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let makefile = "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n";
        fs::write(dir.path().join("Makefile"), makefile).expect("written");
        let source = super::super::user_tree(dir.path()).expect("a kernel");
        let file = File {
            bytes: b"x".to_vec(),
            executable: false,
        };
        let with = |path: &str| Additions {
            patches: Vec::new(),
            overlay: BTreeMap::from([(path.into(), file.clone())]),
        };
        assert_eq!(
            wanted(&source, &with("new")).expect("it adds"),
            Wanted::from([("new".into(), Some(file.clone()))])
        );
        let said = wanted(&source, &with("Makefile"))
            .expect_err("it is there")
            .to_string();
        assert!(
            said.contains("failed to add Makefile to linux 7.3.4, which has it already"),
            "{said}"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_patch_makes_it_panic(lines in proptest::collection::vec("(diff --git a/b.c b/b.c|--- a/b.c|\\+\\+\\+ b/b.c|@@ -[0-9]{1,3}(,[0-9]{1,20})? \\+[0-9](,[0-9])? @@|[-+ \\\\]?[a-c]{0,2}|rename from x|GIT binary patch)", 0..16)) {
            let _ = patched(&[("b.c", "a\nb\nc\n")], &[&lines.join("\n")]);
        }
    }
}
