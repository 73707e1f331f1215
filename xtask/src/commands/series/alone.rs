// SPDX-License-Identifier: GPL-2.0-only
//! Each patch built and booted without those that follow.

use std::fs;
use std::path::Path;

use super::mail::Letter;
use crate::commands::Context;
use crate::commands::scratch::Scratch;
use crate::config::{Message, Series};
use crate::exit::Failure;
use crate::progress::Progress as _;
use crate::verdict::Verdict;

/// What runs: nothing that comes with a patch.
const SET: &str = "kernel-rust";

/// What the guest is compiled with, in every copy.
const GUEST: &str = "include/linux/vcsan.h";

/// The heap's own source: with it, the heap is built in.
const HEAP: &str = "drivers/dma-buf/heaps/system_heap_rust/system_heap_rust.rs";

/// Builds the kernel of `cell` after each patch, and runs the kernel's own Rust suites and doctests there. Says whether all passed.
pub(super) fn each(
    context: &Context,
    series: &Series,
    letters: &[Letter],
    cell: &str,
) -> Result<bool, Failure> {
    let task = context.ui.task("series");
    let scratch = Scratch::new(context).map_err(Failure::infra)?;
    empty(context, &scratch, series)?;
    let mut all = true;
    for (at, (mail, letter)) in series.mails.iter().zip(letters).enumerate() {
        task.step(&letter.subject);
        if let Message::Patch(name) = &mail.message {
            let to = scratch.path("kernel/patches").join(name);
            fs::copy(context.project.patches().join(name), to).map_err(Failure::infra)?;
        }
        for (file, text) in letter.files() {
            let to = scratch.path("kernel/overlay").join(file);
            fs::create_dir_all(to.parent().unwrap_or(&to)).map_err(Failure::infra)?;
            fs::write(to, text).map_err(Failure::infra)?;
        }
        let heap = match scratch.path("kernel/overlay").join(HEAP).exists() {
            true => "CONFIG_DMABUF_HEAPS_SYSTEM_RUST=y\n",
            false => "",
        };
        let config = format!("# SPDX-License-Identifier: GPL-2.0-only\n{heap}");
        fs::write(scratch.path("configs/kconfig/heap.config"), config).map_err(Failure::infra)?;
        let args = [cell, "--set", SET].map(Into::into);
        let (output, report) = scratch.run(context, &args)?;
        let verdict = report.map_or(Verdict::Crashed, |report| report.verdict);
        println!("{:>2}. {verdict}: {}", at + 1, letter.subject);
        if verdict != Verdict::Passed {
            all = false;
            print!("{}", String::from_utf8_lossy(&output.stdout));
        }
    }
    Ok(all)
}

/// Takes out of the copy what the series brings, and the suites that need it.
fn empty(context: &Context, scratch: &Scratch, series: &Series) -> Result<(), Failure> {
    let remove = |path: &Path| {
        fs::remove_file(path)
            .map_err(|e| Failure::infra(format!("failed to remove {}: {e}", path.display())))
    };
    for mail in &series.mails {
        if let Message::Patch(name) = &mail.message {
            remove(&scratch.path("kernel/patches").join(name))?;
        }
    }
    let overlay = super::overlay(&context.project.overlay())?;
    for file in overlay.keys() {
        if !series.is_elsewhere(file) && file != GUEST {
            remove(&scratch.path("kernel/overlay").join(file))?;
        }
    }
    for folder in ["suites", "mutants"] {
        let pages = fs::read_dir(scratch.path("configs").join(folder)).map_err(Failure::infra)?;
        for page in pages {
            let path = page.map_err(Failure::infra)?.path();
            if path.file_stem().is_none_or(|stem| stem != SET) {
                remove(&path)?;
            }
        }
    }
    Ok(())
}
