// SPDX-License-Identifier: GPL-2.0-only
//! The kernel of a cell with each patch of a series and none of those that follow it, and the suites on the last one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::mail::Letter;
use crate::cli;
use crate::commands::scratch::Scratch;
use crate::commands::{Context, named, test};
use crate::config::{Message, Series};
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;

/// Builds and tests a copy of the checkout, on a copy of the kernel in `source`, so that neither this checkout's tree nor its
/// kernels change. Stops at the first patch that fails.
pub(super) fn build(
    context: &Context,
    series: &Series,
    letters: &[Letter],
    cell: &str,
    source: &Path,
) -> Result<(), Failure> {
    named("cell", cell, &context.config()?.cells)?;
    let scratch = Scratch::new(context).map_err(Failure::infra)?;
    take_out(&scratch, series).map_err(Failure::infra)?;
    let kconfig = scratch.path("configs/kconfig");
    let fragments = read_all(&kconfig).map_err(Failure::infra)?;
    let pages = pages(&scratch).map_err(Failure::infra)?;
    let root = scratch.path("");
    let mut copy = context.at(&root);
    copy.global.checkout = Some(root.clone());
    copy.global.kernel = Some(source.to_owned());
    copy.global.kernel_version = None;
    copy.cells = vec![cell.to_owned()];
    let cells = cli::Cells {
        cells: vec![cell.to_owned()],
        globs: Vec::new(),
    };

    let total = letters.len();
    for (at, letter) in letters.iter().enumerate() {
        let number = at + 1;
        let task = context.ui.task("series");
        task.line(&format!("patch {number} of {total}: {}", letter.subject));
        let patch = scratch
            .path("kernel/patches")
            .join(format!("9{}", letter.file_name(number)));
        fs::write(patch, letter.text(number, total)).map_err(Failure::infra)?;
        let later = symbols(&letters[number..]);
        for (name, text) in &fragments {
            let text = fragment(text, &later, number < total);
            fs::write(kconfig.join(name), text).map_err(Failure::infra)?;
        }
        for (path, text) in &pages {
            let text = if number < total {
                without_modules(text)
            } else {
                text.clone()
            };
            fs::write(path, text).map_err(Failure::infra)?;
        }
        let exit = if number < total {
            test::build(&copy, &cells)?
        } else {
            let args = cli::Test {
                cells: cells.clone(),
                ..cli::Test::default()
            };
            test::test(&copy, &args, None)?
        };
        if exit != Exit::Ok {
            return Err(Failure {
                exit,
                error: format!(
                    "failed with patch {number} of {total}, \"{}\", and none that follow it",
                    letter.subject
                )
                .into(),
            });
        }
    }
    Ok(())
}

/// A header of the series that programs in the guest include too, which are no part of it.
const HEADER: &str = "linux/vcsan.h";

/// Takes the series out of a copy.
fn take_out(scratch: &Scratch, series: &Series) -> std::io::Result<()> {
    keep_header(scratch)?;
    for mail in &series.mails {
        if let Message::Patch(name) = &mail.message {
            fs::remove_file(scratch.path("kernel/patches").join(name))?;
        }
    }
    let overlay = scratch.path("kernel/overlay");
    for entry in walkdir::WalkDir::new(&overlay) {
        let entry = entry?;
        let inside = entry.path().strip_prefix(&overlay).unwrap_or(entry.path());
        if entry.file_type().is_file() && !series.is_elsewhere(&inside.to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The paths and texts of all pages that may name modules.
fn pages(scratch: &Scratch) -> std::io::Result<Vec<(PathBuf, String)>> {
    let mut pages = Vec::new();
    for dir in ["configs/suites", "configs/exporters"] {
        let dir = scratch.path(dir);
        let files = read_all(&dir)?;
        pages.extend(files.into_iter().map(|(name, text)| (dir.join(name), text)));
    }
    Ok(pages)
}

/// A page without its modules, which patches bring later.
fn without_modules(page: &str) -> String {
    let mut inside = false;
    let kept = page.split_inclusive('\n').filter(|line| {
        inside = line.starts_with("modules:") || inside && line.starts_with(' ');
        !inside
    });
    kept.collect()
}

/// Gives the guest's programs a header of their own.
fn keep_header(scratch: &Scratch) -> std::io::Result<()> {
    let guest = scratch.path("kernel/guest");
    let kept = guest.join("vcsan.h");
    fs::copy(scratch.path("kernel/overlay/include").join(HEADER), &kept)?;
    let (from, to) = (
        format!("#include <{HEADER}>"),
        format!("#include \"{}\"", kept.display()),
    );
    for entry in walkdir::WalkDir::new(&guest) {
        let path = entry?.into_path();
        if path.extension().is_some_and(|end| end == "c" || end == "h") {
            let text = fs::read_to_string(&path)?;
            fs::write(&path, text.replace(&from, &to))?;
        }
    }
    Ok(())
}

/// The names and texts of all files in a folder.
fn read_all(dir: &Path) -> std::io::Result<Vec<(std::ffi::OsString, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        files.push((entry.file_name(), fs::read_to_string(entry.path())?));
    }
    Ok(files)
}

/// What patches add to Kconfig.
fn symbols(letters: &[Letter]) -> BTreeSet<String> {
    let texts = letters.iter().map(|letter| letter.text(1, 1));
    let symbols = texts.flat_map(|text| {
        let added = text
            .lines()
            .filter_map(|line| line.strip_prefix("+config "));
        added
            .map(|name| format!("CONFIG_{}", name.trim()))
            .collect::<Vec<_>>()
    });
    symbols.collect()
}

/// A fragment of a kernel's configuration without what patches bring `later`, and without the kernel's own Rust suites, which
/// take a third of a build. With `built_in`, all is in the kernel and nothing in modules.
fn fragment(text: &str, later: &BTreeSet<String>, built_in: bool) -> String {
    let symbol = |line: &str| line.split_once('=').map(|(symbol, _)| symbol.to_owned());
    let own = |symbol: &str| symbol.starts_with("CONFIG_RUST_") && symbol.contains("TEST");
    let kept = text
        .split_inclusive('\n')
        .filter(|line| symbol(line).is_none_or(|symbol| !later.contains(&symbol) && !own(&symbol)));
    let kept: String = kept.collect();
    if built_in {
        kept.replace("=m\n", "=y\n")
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;
    use crate::stop::Stop;

    #[test]
    fn a_fragment_asks_for_what_is_there() {
        let mut letter = Letter::new("a heap", "Why.");
        letter.add_file("Kconfig", None, "config HEAP\n\ttristate\nconfig TESTS\n");
        let all = symbols(std::slice::from_ref(&letter));
        assert_eq!(
            all.iter().collect::<Vec<_>>(),
            ["CONFIG_HEAP", "CONFIG_TESTS"]
        );
        let text = "# A comment.\nCONFIG_PCI=y\nCONFIG_HEAP=m\n# CONFIG_SMP is not set\nCONFIG_RUST_KVEC_KUNIT_TEST=y\n";
        let rest = "# A comment.\nCONFIG_PCI=y\n# CONFIG_SMP is not set\n";
        assert_eq!(fragment(text, &all, true), rest);
        let none = BTreeSet::new();
        let heap = |value| {
            rest.replace(
                "# CONFIG_SMP",
                &format!("CONFIG_HEAP={value}\n# CONFIG_SMP"),
            )
        };
        assert_eq!(fragment(text, &none, true), heap("y"));
        assert_eq!(fragment(text, &none, false), heap("m"));
    }

    #[test]
    fn a_page_without_its_modules_has_the_rest() {
        let page = "summary: a\nmodules:\n  - {dir: a, file: b}\n  - {dir: a, file: c}\nprogram:\n  file: d\n";
        let rest = "summary: a\nprogram:\n  file: d\n";
        assert_eq!(without_modules(page), rest);
        assert_eq!(without_modules(rest), rest);
    }

    #[test]
    fn a_copy_without_the_series_has_what_others_need() {
        let global = Cli::parse_from(["xtask", "list"]).global;
        let context = Context::new(global, None, Stop::new()).expect("a context");
        let config = context.config().expect("configs/ loads");
        let series = config.series.values().next().expect("a series");
        let scratch = Scratch::new(&context).expect("copied");
        take_out(&scratch, series).expect("taken out");
        let has = |path: &str| scratch.path(path).exists();
        assert!(has("kernel/overlay/scripts/rust_layout_check.rs"));
        assert!(!has("kernel/overlay/rust/kernel/dma_heap.rs"));
        let program = fs::read_to_string(scratch.path("kernel/guest/module.c")).expect("a program");
        assert!(has("kernel/guest/vcsan.h") && !program.contains("<linux/vcsan.h>"));
        assert!(has(
            "kernel/patches/0033-dma-buf-heaps-refuse-lengths-that-a-size_t-cannot-hold.patch"
        ));
        for (path, text) in pages(&scratch).expect("read") {
            fs::write(path, without_modules(&text)).expect("written");
        }
        let root = scratch.path("");
        let mut copy = context.at(&root);
        copy.global.checkout = Some(root.clone());
        let config = copy.config().expect("configs/ of the copy loads");
        let exporters = config.exporters.values().flat_map(|e| &e.modules);
        let sets = config.sets.values().flat_map(|set| &set.tests);
        assert_eq!(exporters.chain(sets).count(), 0);
        assert!(!has(
            "kernel/patches/0107-rust-add-abstractions-for-dma-buf-heaps.patch"
        ));
    }
}
