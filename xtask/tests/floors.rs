// SPDX-License-Identifier: GPL-2.0-only
//! The order of the crate's modules: each uses only what stands on a floor below its own, so that what goes through the stages
//! goes one way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;
use walkdir::WalkDir;

/// From the ground up. The stages of a boot are toolchain, source, build, boot and judge.
const FLOORS: [&[&str]; 14] = [
    &[
        "cause", "copy", "progress", "project", "quote", "schedule", "stop", "verdict",
    ],
    &["cache", "follow", "ktap", "ui", "vcsan::findings"],
    &["cargo", "config", "exit", "stamp", "tail"],
    &["cases", "ci", "media", "toolchain"],
    &["git", "vcsan"],
    &["source"],
    &["build"],
    &["boot", "error", "results"],
    &["again", "judge", "shard"],
    // A report gives command lines to repeat what it shows, and a command line names formats of reports.
    &["cli", "repeat", "report"],
    &["selftest", "session"],
    &["cell", "mutants"],
    &["debug", "matrix"],
    &["commands"],
];

/// What uses something else of its own floor.
const BESIDE: [&str; 3] = ["cli", "repeat", "report"];

/// The module of a path or a file in it, by its first part.
fn module(path: &str) -> &str {
    match path.split("::").collect::<Vec<_>>()[..] {
        ["vcsan", "findings", ..] => "vcsan::findings",
        _ => path.split("::").next().unwrap_or(path),
    }
}

/// A source without its tests and comments, which may use anything.
fn code(text: &str) -> String {
    let tests = Regex::new(r"#\[cfg\(test\)\]\s*(pub(\(crate\))? )?mod \w+ \{").expect("a pattern");
    let code = tests.split(text).next().unwrap_or_default();
    let comments = Regex::new("//.*").expect("a pattern");
    comments.replace_all(code, "").into_owned()
}

/// The modules that each uses, with a file that does.
fn uses(sources: &Path) -> BTreeMap<(String, String), PathBuf> {
    let one = Regex::new(r"\bcrate::([\w:]+)").expect("a pattern");
    let several = Regex::new(r"\bcrate::\{([^}]*)\}").expect("a pattern");
    let mut uses = BTreeMap::new();
    for entry in WalkDir::new(sources) {
        let path = entry.expect("an entry").into_path();
        let inside = path
            .strip_prefix(sources)
            .expect("in it")
            .with_extension("");
        let name = inside.to_str().expect("text").replace('/', "::");
        let skipped = ["lib", "main", "print"].contains(&name.as_str()) || name.ends_with("tests");
        if path.extension().is_none_or(|e| e != "rs") || skipped {
            continue;
        }
        let text = code(&fs_err::read_to_string(&path).expect("read"));
        let by_one = one.captures_iter(&text).map(|c| c[1].to_owned());
        let by_several = several.captures_iter(&text).flat_map(|c| {
            let names = c[1].split(',').map(|n| n.trim().to_owned());
            names.filter(|n| !n.is_empty()).collect::<Vec<_>>()
        });
        for used in by_one.chain(by_several) {
            let (by, used) = (module(&name).to_owned(), module(&used).to_owned());
            if by != used {
                uses.insert((by, used), path.clone());
            }
        }
    }
    uses
}

#[test]
fn modules_use_only_what_is_below_them() {
    let floor = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    let uses = uses(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(uses.len() > 100, "only {} uses were found", uses.len());
    for ((by, used), path) in &uses {
        let (Some(above), Some(below)) = (floor(by), floor(used)) else {
            panic!("{}: {by} or {used} is on no floor", path.display());
        };
        let beside = above == below && BESIDE.contains(&by.as_str());
        assert!(
            below < above || beside,
            "{}: {by}, on floor {above}, uses {used}, on floor {below}",
            path.display()
        );
    }
    // A name that no module has any more would be a hole.
    let known: BTreeSet<&str> = uses.keys().flat_map(|(a, b)| [a.as_str(), b]).collect();
    for name in FLOORS.iter().copied().flatten() {
        assert!(known.contains(name), "there is no module {name}");
    }
}

#[test]
fn a_use_is_found_by_itself_among_several_and_not_in_tests() {
    let text = "use crate::a::B; // crate::c\nuse crate::{d, e};\n#[cfg(test)]\nmod tests {\nuse crate::f;\n}";
    assert_eq!(code(text), "use crate::a::B; \nuse crate::{d, e};\n");
    assert_eq!(module("vcsan::findings::Hazard"), "vcsan::findings");
    assert_eq!(module("vcsan::Plugin"), "vcsan");
}
