// SPDX-License-Identifier: GPL-2.0-only
//! What goes onto a kernel tree, read from `kernel/patches` and `kernel/overlay`.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use walkdir::WalkDir;

use super::Error;
use crate::stamp::Inputs;

/// A patch of the series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Its file, relative to the series' folder.
    pub name: String,
    /// All of it, with the message.
    pub text: Vec<u8>,
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
    /// Something can't be read.
    pub fn read(patches: &Path, overlay: &Path, series: &str) -> Result<Additions, Error> {
        let mut additions = Additions::default();
        additions.add_patches(patches, series)?;
        if overlay.exists() {
            for entry in WalkDir::new(overlay).sort_by_file_name() {
                let entry = entry?;
                if entry.file_type().is_dir() {
                    continue;
                }
                let path = entry.path();
                let bytes = fs::read(path)?;
                let mode = fs::metadata(path)?.permissions().mode();
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

    /// Adds the patches of another folder of that kind, after those that are there.
    ///
    /// # Errors
    /// Something can't be read.
    pub fn add_patches(&mut self, patches: &Path, series: &str) -> Result<(), Error> {
        let mut chosen = patch_files(patches, "")?;
        chosen.extend(patch_files(&patches.join(series), &format!("{series}/"))?);
        for (name, path) in chosen.into_values() {
            let text = fs::read(&path)?;
            if !takes_out(&text) || !name.contains('/') {
                self.patches.push(Patch { name, text });
            }
        }
        Ok(())
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
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
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

/// Whether a file in a series' own folder has no change in it.
fn takes_out(text: &[u8]) -> bool {
    !text
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"diff --git ") || line.starts_with(b"@@ "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_own_patch_stands_for_the_general_one() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
        fs::create_dir(dir.path().join("7.2")).expect("created");
        for name in [
            "0001-a.patch",
            "0002-b.patch",
            "0003-c.patch",
            "7.2/0002-b.patch",
            "7.2/0004-d.patch",
        ] {
            fs::write(dir.path().join(name), diff).expect("written");
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
        assert_eq!(
            names("7.2"),
            ["7.2/0002-b.patch", "0003-c.patch", "7.2/0004-d.patch"]
        );
    }

    /// Lines around a change, before and behind, of each hunk of a patch, with its first line.
    fn contexts(patch: &str) -> Vec<(&str, usize, usize)> {
        let mut hunks: Vec<(&str, usize, usize)> = Vec::new();
        let (mut inside, mut changed) = (false, false);
        for line in patch.lines() {
            if line.starts_with("@@ ") {
                hunks.push((line, 0, 0));
                (inside, changed) = (true, false);
                continue;
            }
            inside &= !["diff ", "--- ", "-- "]
                .iter()
                .any(|end| line.starts_with(end));
            let Some((_, before, behind)) = hunks.last_mut().filter(|_| inside) else {
                continue;
            };
            if line.starts_with(['+', '-']) {
                (changed, *behind) = (true, 0);
            } else if changed {
                *behind += 1;
            } else {
                *before += 1;
            }
        }
        hunks
    }

    #[test]
    fn every_hunk_fits_without_fuzz() {
        let project = crate::project::Project::this();
        let fixes = project.root().join("kernel/fixes");
        let mut count = 0;
        for dir in [project.patches(), project.patches().join("7.2"), fixes] {
            for (name, path) in patch_files(&dir, "").expect("readable").into_values() {
                let text = fs::read_to_string(path).expect("text");
                for (hunk, before, behind) in contexts(&text) {
                    count += 1;
                    // patch(1) takes one with less behind for the end of its file, and one with less before for the beginning.
                    let at_an_end = behind == 0 || hunk.starts_with("@@ -1,");
                    assert!(
                        before == behind || at_an_end || before < behind && before < 3,
                        "{name}: {hunk} has {before} lines before and {behind} behind"
                    );
                }
            }
        }
        assert!(count > 100, "{count} hunks");
    }

    #[test]
    fn the_id_changes_with_every_part() {
        let file = |executable| File {
            bytes: b"x".to_vec(),
            executable,
        };
        let base = Additions {
            patches: vec![Patch {
                name: "1.patch".into(),
                text: b"y".to_vec(),
            }],
            overlay: BTreeMap::from([("a".into(), file(false))]),
        };
        let mut others = [base.clone(), base.clone(), base.clone(), base.clone()];
        others[0].patches[0].text = b"z".to_vec();
        others[1].patches.clear();
        others[2].overlay.insert("a".into(), file(true));
        others[3].overlay.insert("b".into(), file(false));
        assert!(others.iter().all(|other| other.id() != base.id()));
        assert_eq!(base.clone().id(), base.id());
    }
}
