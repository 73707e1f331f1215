// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask self clippy`: what clippy says of the project's Rust in a kernel, with the lints that the kernel has chosen.
//!
//! That is what `make CLIPPY=1` does, without another build: Kbuild hands the lints to rustc too, which passes over them.

use std::path::Path;

use fs_err as fs;

use super::Context;
use super::kbuild::{Compilation, Kbuild, quoted};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;

/// The crates that have some of it.
const CRATES: [&str; 3] = [
    "rust/kernel.o",
    "modules/drivers/dma-buf/heaps/system_heap_rust/system_heap_rust.o",
    "modules/drivers/dma-buf/heaps/system_heap_rust/kunit/system_heap_rust_kunit_main.o",
];

/// What one of the kernel's lints must be heard of, or clippy was not asked.
const MISTAKE: &str = "//! A mistake.\n/// Casts.\npub fn cast(from: *const u8) -> *const u16 {\n    from as *const u16\n}\n";
const LINT: &str = "`as` casting between raw pointers";

pub(super) fn clippy(context: &Context, args: &cli::Cells) -> Result<Exit, Failure> {
    let task = context.ui.task("clippy");
    let kbuild = Kbuild::of(context, args, &task)?;
    let dir = tempfile::tempdir_in(&kbuild.build).map_err(Failure::infra)?;
    let clippy = Clippy {
        kbuild: &kbuild,
        dir: dir.path(),
    };

    let mut all = Vec::new();
    for object in CRATES {
        task.step(object);
        let mut compilation = kbuild.compilation(object).map_err(Failure::infra)?;
        all.extend(clippy.warnings(&compilation)?);
        if object.starts_with("modules/") {
            compilation.source = dir.path().join("mistake.rs").to_string_lossy().into_owned();
            fs::write(&compilation.source, MISTAKE).map_err(Failure::infra)?;
            let warnings = clippy.warnings(&compilation)?;
            if !warnings.iter().any(|warning| warning.contains(LINT)) {
                return Err(Failure::infra(format!(
                    "failed to ask clippy: it says nothing of a mistake with the options of {object}"
                )));
            }
        }
    }
    for warning in &all {
        println!("{warning}");
    }
    println!(
        "{} crates, {} warnings, with the lints of {}",
        CRATES.len(),
        all.len(),
        kbuild.kernel
    );
    Ok(if all.is_empty() {
        Exit::Ok
    } else {
        Exit::Tests
    })
}

struct Clippy<'a> {
    kbuild: &'a Kbuild<'a>,
    dir: &'a Path,
}

impl Clippy<'_> {
    /// What it says of a crate, a line each.
    fn warnings(&self, crate_: &Compilation) -> Result<Vec<String>, Failure> {
        let tree = self.kbuild.tree();
        let command = format!(
            "CLIPPY_CONF_DIR={} RUSTC_BOOTSTRAP=1 {} --emit=metadata={} --error-format=short {}",
            quoted(tree),
            by_clippy(&crate_.options),
            quoted(&self.dir.join("clippy.rmeta")),
            crate_.source,
        );
        let (said, content) = self.kbuild.run(&command)?;
        let warnings = warnings(&said, tree);
        if !content && warnings.is_empty() {
            return Err(Failure::infra(format!(
                "failed to run clippy on {}: {}",
                crate_.source,
                said.trim()
            )));
        }
        Ok(warnings)
    }
}

/// The command line of rustc as one of clippy.
fn by_clippy(options: &str) -> String {
    let words = options.split(' ').map(|word| match word {
        "rustc" => "clippy-driver",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Those lines that are about a place, without the path of the kernel's sources.
fn warnings(said: &str, tree: &Path) -> Vec<String> {
    let tree = format!("{}/", tree.display());
    let about_a_place = |line: &&str| line.contains(": warning") || line.contains(": error");
    let lines = said.lines().filter(about_a_place);
    lines.map(|line| line.replace(&tree, "")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clippy_is_run_in_the_place_of_rustc() {
        assert_eq!(
            by_clippy("OBJTREE=/o rustc --extern rustc_x"),
            "OBJTREE=/o clippy-driver --extern rustc_x"
        );
    }

    #[test]
    fn a_warning_has_a_place() {
        let said = "/t/linux/rust/kernel/a.rs:3:5: warning: a cast\nwarning: 1 warning emitted\n/t/linux/b.rs:1:1: error[E0425]: no\n";
        assert_eq!(
            warnings(said, Path::new("/t/linux")),
            [
                "rust/kernel/a.rs:3:5: warning: a cast",
                "b.rs:1:1: error[E0425]: no"
            ]
        );
    }
}
