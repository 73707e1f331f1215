// SPDX-License-Identifier: GPL-2.0-only
//! The IR of the kernel's own crate, for the test of speed: what rustc writes by the command that built it.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::Bench;
use crate::exit::Failure;
use crate::progress::Progress as _;
use crate::stamp::Inputs;
use crate::ui::Task;

/// Where Kbuild says how it built the crate.
const SAVED: &str = "rust/.kernel.o.cmd";

/// What ll2c-rustc tells rustc besides.
const FOR_LL2C: &str = "-Cno-vectorize-loops -Cno-vectorize-slp -Ccodegen-units=1";

impl Bench<'_> {
    /// The IR of the crate `kernel` of the kernel that was built last through ll2c, if there is one.
    pub(super) fn kernel_ir(&self, task: &Task<'_>) -> Result<Option<PathBuf>, Failure> {
        let built = latest(&self.cache.path("build")).map_err(Failure::infra)?;
        let Some((build, command)) = built else {
            return Ok(None);
        };
        let inputs = Inputs::new()
            .text(&command)
            .file(&build.join("rust/kernel.o"));
        let recipe = inputs.map_err(Failure::infra)?.stamp().to_string();
        let stop = &self.context.stop;
        let folder = self
            .cache
            .make("differential/kernel", &recipe, task, |folder| {
                task.step("compiling the kernel's crate");
                let to = folder.display();
                let line =
                    format!("{command} {FOR_LL2C} --out-dir {to} --emit=llvm-ir={to}/kernel.ll");
                let sh = self.toolchain.command("sh").args(["-c", &line]);
                let rustc = sh.env("RUSTC_BOOTSTRAP", "1").dir(&build);
                rustc.run(stop, |_| ()).map_err(Failure::infra)
            })?;
        Ok(Some(folder.join("kernel.ll")))
    }
}

/// The build folder in which the crate was compiled last through ll2c, and the command for rustc. `all` has versions with cells.
fn latest(all: &Path) -> std::io::Result<Option<(PathBuf, String)>> {
    let mut found = None;
    for version in entries(all)? {
        for build in entries(&version)? {
            let saved = build.join(SAVED);
            let Ok(text) = fs::read_to_string(&saved) else {
                continue;
            };
            if let Some(command) = command(&text) {
                let time = fs::metadata(&saved)?.modified()?;
                found = found.max(Some((time, build, command)));
            }
        }
    }
    Ok(found.map(|(_, build, command)| (build, command)))
}

/// What is in a folder; nothing if there is no such folder.
fn entries(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    fs::read_dir(dir)?.map(|e| Ok(e?.path())).collect()
}

/// The command of such a file with rustc in the place of ll2c-rustc and nothing to write; none if ll2c has no part in it.
fn command(saved: &str) -> Option<String> {
    let (_, line) = saved.lines().next()?.split_once(":=")?;
    let mut through = false;
    let words: Vec<&str> = line
        .split_whitespace()
        .filter(|word| !word.starts_with("--emit="))
        .map(|word| {
            if word.ends_with("/ll2c-rustc") {
                through = true;
                return "rustc";
            }
            word
        })
        .collect();
    through.then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_kernel_through_ll2c_is_made_one_for_rustc() {
        let line = "savedcmd_rust/kernel.o :=  OBJTREE=/b /b/ll2c-rustc -Copt-level=s --emit=obj=rust/kernel.o --crate-name kernel lib.rs   \n\nsource_x := y\n";
        let made = command(line);
        assert_eq!(
            made.as_deref(),
            Some("OBJTREE=/b rustc -Copt-level=s --crate-name kernel lib.rs")
        );
        assert_eq!(command("savedcmd_rust/kernel.o := rustc lib.rs\n"), None);
        assert_eq!(command(""), None);
    }

    #[test]
    fn the_last_build_through_ll2c_is_found() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(latest(&dir.path().join("none")).expect("none"), None);
        for (cell, text) in [
            ("arm", "savedcmd_x := rustc a\n"),
            ("parisc", "savedcmd_x := /b/ll2c-rustc a\n"),
        ] {
            let rust = dir.path().join("7.3").join(cell).join("rust");
            fs::create_dir_all(&rust).expect("a folder");
            fs::write(rust.join(".kernel.o.cmd"), text).expect("a file");
        }
        let found = latest(dir.path()).expect("it can be read");
        assert_eq!(
            found,
            Some((dir.path().join("7.3/parisc"), "rustc a".into()))
        );
    }
}
