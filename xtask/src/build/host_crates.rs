// SPDX-License-Identifier: GPL-2.0-only
//! The crates below the kernel's macros (`syn` and what it needs) run on the host, are the same for every kernel, and take
//! longer to compile than any other: one build makes them, the others take copies.
//!
//! Make decides whether a copy will do: it compares the commands and, as times are kept, the sources.

use std::io;
use std::path::Path;

use fs_err as fs;

/// Where they are in a build folder, by the tree's version.
const DIRS: [&str; 2] = ["rust/host", "rust"];
/// In the order in which they are made.
const CRATES: [&str; 3] = ["proc_macro2", "quote", "syn"];

/// Where in the build folder `dir` they all are, complete.
fn subfolder(dir: &Path) -> Option<&'static str> {
    // Make writes down the command when what it made is complete.
    let last = format!(".lib{}.rlib.cmd", CRATES[CRATES.len() - 1]);
    DIRS.into_iter()
        .find(|&place| dir.join(place).join(&last).is_file())
}

/// Whether the build folder `dir` has them all.
pub fn made(dir: &Path) -> bool {
    subfolder(dir).is_some()
}

/// Copies them to the build folder `dir` from one beside it. Whether they are there now.
///
/// # Errors
/// Those of the file system.
pub fn share(dir: &Path) -> io::Result<bool> {
    if made(dir) {
        return Ok(true);
    }
    let Some(beside) = dir.parent() else {
        return Ok(false);
    };
    let mut others: Vec<_> = fs::read_dir(beside)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    others.sort();
    let found = others.iter().find_map(|o| Some((o, subfolder(o)?)));
    let Some((other, place)) = found else {
        return Ok(false);
    };
    let (from, to) = (other.join(place), dir.join(place));
    fs::create_dir_all(&to)?;
    for name in CRATES {
        for file in [format!("lib{name}.rlib"), format!(".lib{name}.rlib.cmd")] {
            let (from, to) = (from.join(&file), to.join(&file));
            fs::copy(&from, &to)?;
            let times = std::fs::FileTimes::new().set_modified(fs::metadata(&from)?.modified()?);
            fs::File::options()
                .append(true)
                .open(&to)?
                .set_times(times)?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_neighbour_is_copied_with_its_times() {
        for place in DIRS {
            let builds = tempfile::tempdir().expect("a temporary folder");
            let dir = |name: &str| {
                let dir = builds.path().join(name);
                fs::create_dir_all(dir.join(place)).expect("created");
                dir
            };
            let (half, done, new) = (dir("a"), dir("b"), dir("c"));
            fs::write(half.join(place).join("libsyn.rlib"), "half").expect("written");
            assert!(!share(&new).expect("read"), "nobody has them");

            for name in CRATES {
                for file in [format!("lib{name}.rlib"), format!(".lib{name}.rlib.cmd")] {
                    fs::write(done.join(place).join(file), "whole").expect("written");
                }
            }
            assert!(share(&new).expect("copied"));
            let modified = |dir: &Path| {
                let data = fs::metadata(dir.join(place).join("libsyn.rlib")).expect("there");
                data.modified().expect("a time")
            };
            assert_eq!(modified(&new), modified(&done));
        }
    }
}
