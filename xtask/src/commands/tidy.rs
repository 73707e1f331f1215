// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask tidy`: the house rules that neither rustfmt nor clippy checks on the host.
//!
//! Every file says its licence; what enters a kernel tree meets the kernel's own rustfmt and checkpatch.

use std::path::PathBuf;

use fs_err as fs;

use super::{Context, prepare, unused};
use crate::exit::{Exit, Failure};
use crate::follow::{self, End};
use crate::progress::Progress as _;
use crate::toolchain::place::Bind;

/// What has to say its licence, by file name ending.
const LICENSED: [&str; 12] = [
    ".rs",
    ".c",
    ".h",
    ".sh",
    ".yaml",
    ".yml",
    ".toml",
    ".config",
    "Makefile",
    "Kconfig",
    "Containerfile",
    "run",
];

pub(super) fn tidy(context: &Context) -> Result<Exit, Failure> {
    let root = context.project.root();
    let listed = duct::cmd!(
        "git",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard"
    )
    .dir(root)
    .read()
    .map_err(|e| {
        Failure::infra(format!(
            "failed to list the files of {}: {e}",
            root.display()
        ))
    })?;
    let mut wrong = Vec::new();
    let mut checked = 0;
    for name in listed
        .split('\0')
        .filter(|n| LICENSED.iter().any(|ending| n.ends_with(ending)))
    {
        // A file that git knows may have been removed from the work tree.
        let Ok(text) = fs::read_to_string(root.join(name)) else {
            continue;
        };
        checked += 1;
        if !text
            .lines()
            .take(3)
            .any(|l| l.contains("SPDX-License-Identifier: GPL-2.0"))
        {
            wrong.push(format!(
                "{name}: no SPDX-License-Identifier in its first three lines"
            ));
        }
        if name.ends_with(".rs") && text.lines().any(|l| l.ends_with([' ', '\t'])) {
            wrong.push(format!("{name}: white space at a line's end"));
        }
    }
    if checked == 0 {
        return Err(Failure::infra("failed to find a file to check"));
    }
    wrong.extend(unused::dependencies(root).map_err(Failure::infra)?);
    wrong.extend(kernel_style(context, &listed)?);
    for line in &wrong {
        println!("{line}");
    }
    println!("{checked} files checked, {} findings", wrong.len());
    Ok(if wrong.is_empty() {
        Exit::Ok
    } else {
        Exit::Tests
    })
}

/// Folders of code that is to be as the kernel's own.
const KERNEL: [&str; 8] = [
    "docs/examples/contract/",
    "docs/examples/drivers/",
    "kernel/bench/",
    "kernel/gdb/",
    "kernel/history/",
    "kernel/mutants/",
    "kernel/overlay/",
    "kernel/refused/",
];

/// Folders of programs.
const PROGRAMS: [&str; 2] = ["docs/examples/module/", "kernel/guest/"];

/// What checkpatch says of them that is about the kernel's own functions and about no path.
const NOT_OF_PROGRAMS: &str = "EMBEDDED_FUNCTION_NAME,STRCPY,STRNCPY,VOLATILE";

/// What the walks of the suite `sequences` do, in words.
const TOURS: &str = "kunit/tours.rs";

/// What the kernel's tools say of the files that are to enter a kernel tree.
fn kernel_style(context: &Context, listed: &str) -> Result<Vec<String>, Failure> {
    let task = context.ui.task("tidy");
    // Its checkpatch and its rustfmt's settings are used where they are.
    let kernel = context.global.kernel.iter();
    let kernel: Vec<Bind> = kernel
        .filter_map(|dir| Some(Bind::read(fs::canonicalize(dir).ok()?)))
        .collect();
    let (toolchain, source) =
        prepare::tools_and_source(context, &prepare::cache(context)?, &task, &kernel)?;
    let root = context.project.root();
    let files = |dir: &str, endings: &[&str]| -> Vec<PathBuf> {
        let of = |n: &&str| n.starts_with(dir) && endings.iter().any(|e| n.ends_with(e));
        listed
            .split('\0')
            .filter(of)
            .map(|n| root.join(n))
            .filter(|f| f.exists())
            .collect()
    };
    let rustfmt = toolchain
        .command("rustfmt")
        .args(["--check", "--config-path"])
        .arg(source.dir.join(".rustfmt.toml"))
        .args(files("kernel/overlay/", &[".rs"]));
    let checkpatch = |options: &[&str], files: Vec<PathBuf>| {
        let script = source.dir.join("scripts/checkpatch.pl");
        let perl =
            toolchain
                .command("perl")
                .arg(script)
                .args(["--quiet", "--terse", "--show-types"]);
        perl.args(options).dir(&source.dir).args(files)
    };
    let mut wrong = Vec::new();
    for (what, command) in [
        ("rustfmt", rustfmt),
        (
            // They name commits, and there is no history here to find them in.
            "checkpatch",
            checkpatch(
                &["--strict", "--ignore", "UNKNOWN_COMMIT_ID"],
                ["kernel/patches/", "kernel/fixes/"]
                    .iter()
                    .flat_map(|dir| files(dir, &[".patch"]))
                    .collect(),
            ),
        ),
        (
            "checkpatch",
            checkpatch(
                &["--strict", "--file"],
                KERNEL
                    .iter()
                    .flat_map(|dir| files(dir, &[".rs", ".c", ".h"]))
                    .filter(|file| !file.ends_with(TOURS))
                    .collect(),
            ),
        ),
        (
            "checkpatch",
            checkpatch(
                &["--strict", "--file", "--ignore", NOT_OF_PROGRAMS],
                PROGRAMS
                    .iter()
                    .flat_map(|dir| files(dir, &[".c", ".h"]))
                    .collect(),
            ),
        ),
        (
            // Its words are steps, of which some are taken twice.
            "checkpatch",
            checkpatch(
                &["--strict", "--file", "--ignore", "REPEATED_WORD"],
                files("kernel/overlay/", &[TOURS]),
            ),
        ),
    ] {
        task.step(what);
        let run = command.expression().stderr_to_stdout();
        let (end, output) = follow::capture(&run, &context.stop)
            .map_err(|e| Failure::infra(format!("failed to run {what}: {e}")))?;
        match end {
            _ if context.stop.requested() => return Err(Failure::interrupted()),
            End::Ended(status) if status.success() => {}
            _ => wrong.push(format!(
                "{what}:\n{}",
                String::from_utf8_lossy(&output).trim_end()
            )),
        }
    }
    Ok(wrong)
}
