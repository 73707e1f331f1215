// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask self refused`: what the compiler must refuse of users of the kernel crate, and Kconfig of kernels.
//!
//! Each Rust file of `kernel/refused` has one line that ends in `//~` and the code of an error. With that line the compiler
//! must report this error there and no other one; without it the file must compile. `configs.yaml` has kernels, and what
//! Kconfig must keep out of each.

mod kconfig;

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::Context;
use super::kbuild::{Kbuild, quoted};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;

/// What stands before the code of an error.
const MARK: &str = "//~ ";

/// The module whose options the files are compiled with.
const MODULE: &str = "modules/drivers/dma-buf/heaps/system_heap_rust/system_heap_rust.o";

pub(super) fn refused(context: &Context, args: &cli::Cells) -> Result<Exit, Failure> {
    let task = context.ui.task("refused");
    let kbuild = Kbuild::of(context, args, &task)?;
    let dir = tempfile::tempdir_in(&kbuild.build).map_err(Failure::infra)?;
    let compilation = kbuild.compilation(MODULE).map_err(Failure::infra)?;
    let compiler = Compiler {
        kbuild: &kbuild,
        options: compilation.options,
        dir: dir.path(),
    };
    let files = files(&context.project.root().join("kernel/refused")).map_err(Failure::infra)?;
    let mut wrong = 0;
    for file in &files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        task.step(&name);
        let text = fs::read_to_string(file).map_err(Failure::infra)?;
        match compiler.check(&text)? {
            None => println!("{name}: refused"),
            Some(why) => {
                wrong += 1;
                println!("{name}: {why}");
            }
        }
    }
    println!(
        "{} files, {wrong} wrong, with the compiler of {}",
        files.len(),
        kbuild.kernel
    );
    let pages = kconfig::load(context)?;
    let mut given = 0;
    for page in &pages {
        task.step(&page.name);
        match page.check(context, kbuild.toolchain(), kbuild.tree(), dir.path())? {
            None => println!("{}: refused", page.name),
            Some(why) => {
                given += 1;
                println!("{}: {why}", page.name);
            }
        }
    }
    println!("{} kernels, {given} wrong, by Kconfig", pages.len());
    Ok(if wrong + given == 0 && !files.is_empty() {
        Exit::Ok
    } else {
        Exit::Tests
    })
}

fn files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        files.push(entry?.path());
    }
    files.retain(|file| file.extension().is_some_and(|e| e == "rs"));
    files.sort();
    Ok(files)
}

/// The line with the mark, from 1, and the code of the error there.
fn expected(text: &str) -> Result<(usize, &str), &'static str> {
    let mut marked = text
        .lines()
        .enumerate()
        .filter_map(|(at, line)| Some((at + 1, line.split_once(MARK)?.1.trim())));
    match (marked.next(), marked.next()) {
        (Some(one), None) => Ok(one),
        _ => Err("need exactly one line that ends in //~ and the code of an error"),
    }
}

/// Why what the compiler said, a line each, is not one error `code` in line `line`.
fn judge(said: &str, line: usize, code: &str) -> Option<String> {
    let errors: Vec<&str> = said.lines().filter(|l| l.contains(": error")).collect();
    let place = format!(".rs:{line}:");
    let wanted = format!(": error[{code}]:");
    match errors[..] {
        [one] if one.contains(&place) && one.contains(&wanted) => None,
        [] => Some(format!("it compiles, where line {line} must be {code}")),
        _ => Some(format!(
            "the compiler must say {code} in line {line} and nothing else: {}",
            errors.join(" | ")
        )),
    }
}

struct Compiler<'a> {
    kbuild: &'a Kbuild<'a>,
    options: String,
    dir: &'a Path,
}

impl Compiler<'_> {
    /// Why it is not as it should be.
    fn check(&self, text: &str) -> Result<Option<String>, Failure> {
        let (line, code) = match expected(text) {
            Ok(expected) => expected,
            Err(why) => return Ok(Some(why.into())),
        };
        let (said, _) = self.compile(text)?;
        if let Some(why) = judge(&said, line, code) {
            return Ok(Some(why));
        }
        let right = text.split_inclusive('\n').filter(|l| !l.contains(MARK));
        let (said, compiles) = self.compile(&right.collect::<String>())?;
        Ok((!compiles).then(|| format!("it must compile without line {line}: {}", said.trim())))
    }

    /// What the compiler says, and whether it is content.
    fn compile(&self, text: &str) -> Result<(String, bool), Failure> {
        let source = self.dir.join("refused.rs");
        fs::write(&source, text).map_err(Failure::infra)?;
        self.kbuild.run(&format!(
            "RUSTC_BOOTSTRAP=1 {} --emit=metadata={} --error-format=short -Awarnings {}",
            self.options,
            quoted(&self.dir.join("refused.rmeta")),
            quoted(&source),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn one_error_at_its_line_is_wanted() {
        let said =
            "/d/refused.rs:3:5: error[E0382]: moved\nerror: aborting due to 1 previous error\n";
        assert_eq!(judge(said, 3, "E0382"), None);
        assert!(judge(said, 4, "E0382").is_some());
        assert!(judge(said, 3, "E0505").is_some());
        assert!(judge("", 3, "E0382").is_some());
        assert!(judge(&format!("{said}{said}"), 3, "E0382").is_some());
        // One that the compiler can't even read.
        assert!(judge("/d/refused.rs:3:5: error: expected `;`\n", 3, "E0382").is_some());
    }

    #[test]
    fn every_file_has_its_mark() {
        let files = files(&Project::this().root().join("kernel/refused")).expect("files");
        assert!(files.len() > 10);
        for file in files {
            let text = fs::read_to_string(&file).expect("text");
            let (_, code) = expected(&text).expect("one mark");
            assert!(code.starts_with('E') && code.len() == 5, "{file:?}: {code}");
        }
    }
}
