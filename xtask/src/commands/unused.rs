// SPDX-License-Identifier: GPL-2.0-only
//! Finds dependencies in a Cargo.toml that no source of its package names.

use std::collections::BTreeSet;
use std::path::Path;

use cargo_metadata::MetadataCommand;
use fs_err as fs;
use regex::bytes::Regex;
use walkdir::WalkDir;

/// One line for each dependency of the workspace in `root` that nothing uses.
///
/// It finds a name, not a use: what is only mentioned in a comment counts as used.
///
/// # Errors
/// Cargo can't read the workspace.
pub(super) fn dependencies(root: &Path) -> Result<Vec<String>, cargo_metadata::Error> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()?;
    let mut unused = Vec::new();
    for package in &metadata.packages {
        // A package may be made of another one's files.
        let targets = package.targets.iter().map(|target| &target.src_path);
        let dirs: BTreeSet<&Path> = targets
            .chain([&package.manifest_path])
            .map(|path| path.parent().map_or(root, |dir| dir.as_std_path()))
            .collect();
        let sources: Vec<_> = dirs.into_iter().flat_map(sources).collect();
        for dependency in &package.dependencies {
            let name = dependency.rename.as_ref().unwrap_or(&dependency.name);
            if !is_named(&name.replace('-', "_"), &sources) {
                unused.push(format!(
                    "{}: nothing uses the dependency {name}",
                    package.manifest_path
                ));
            }
        }
    }
    Ok(unused)
}

/// All Rust sources of the package in `dir`.
fn sources(dir: &Path) -> Vec<Vec<u8>> {
    let files = WalkDir::new(dir)
        .into_iter()
        .filter_entry(|entry| entry.file_name() != "target")
        .filter_map(Result::ok);
    files
        .filter(|file| file.path().extension().is_some_and(|e| e == "rs"))
        .filter_map(|file| fs::read(file.path()).ok())
        .collect()
}

fn is_named(name: &str, sources: &[Vec<u8>]) -> bool {
    let word = Regex::new(&format!(r"(?-u:\b){name}(?-u:\b)"));
    word.is_ok_and(|word| sources.iter().any(|source| word.is_match(source)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn a_name_is_a_whole_word() {
        let sources = [b"use serde_json::Value;\nfn miettes() {}".to_vec()];
        assert!(is_named("serde_json", &sources));
        assert!(!is_named("serde", &sources) && !is_named("miette", &sources));
    }

    #[test]
    fn an_unused_dependency_is_found() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("created");
            fs::write(path, text).expect("written");
        };
        put(
            "Cargo.toml",
            "[package]\nname = \"a\"\nedition = \"2024\"\n[dependencies]\nused-one = \"1\"\nother = \"1\"\n",
        );
        put("src/lib.rs", "use used_one as _;\n");
        let unused = dependencies(dir.path()).expect("a package");
        assert_eq!(unused.len(), 1);
        assert!(unused[0].ends_with("nothing uses the dependency other"));
    }

    #[test]
    fn the_workspace_has_none() {
        let unused = dependencies(Project::this().root()).expect("a workspace");
        assert!(unused.is_empty(), "{unused:#?}");
    }
}
