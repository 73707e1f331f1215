// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask tidy`: the house rules that neither rustfmt nor clippy checks.

use std::fs;

use super::Context;
use crate::exit::{Exit, Failure};

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
    for line in &wrong {
        println!("{line}");
    }
    if checked == 0 {
        return Err(Failure::infra("found no file to check"));
    }
    println!("{checked} files checked, {} findings", wrong.len());
    Ok(if wrong.is_empty() {
        Exit::Ok
    } else {
        Exit::Tests
    })
}
