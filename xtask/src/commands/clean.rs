// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask clean`

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Context, prepare};
use crate::cache::{self, Cache};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;
use crate::source;
use crate::toolchain::{Recipe, Toolchain};

/// What a run makes: cheap to make again, but for the time of a kernel build.
const MADE: [&str; 3] = ["build", "tree", "runs"];

/// The locks in the order in which runs take them, by what their names begin with.
const ORDER: [&str; 6] = [
    "bisect-",
    "toolchain-",
    "archive",
    "source-",
    "build",
    "tree-",
];

/// Of all locks those that keep others from what is removed, in an order in which nobody waits for ever.
fn to_hold(names: &[String], all: bool) -> Vec<&str> {
    let begins = if all { &ORDER[..] } else { &ORDER[4..] };
    begins
        .iter()
        .flat_map(|begin| names.iter().filter(move |name| name.starts_with(begin)))
        .map(String::as_str)
        .collect()
}

pub(super) fn clean(context: &Context, args: &cli::Clean) -> Result<Exit, Failure> {
    let task = context.ui.task("clean");
    let cache = prepare::cache(context)?;
    let recipe = prepare::recipe(context)?;
    // Whoever builds holds one of these, and whoever boots another.
    let names = if args.dry_run {
        Vec::new()
    } else {
        cache.locks().map_err(Failure::infra)?
    };
    let _locks = to_hold(&names, args.all || args.stale)
        .into_iter()
        .map(|name| cache.lock(name, &task))
        .collect::<Result<Vec<_>, _>>()
        .map_err(Failure::infra)?;
    let paths = if args.stale {
        stale(&cache, &recipe)
    } else if args.all {
        cache.parts()
    } else {
        let made = MADE.iter().map(|dir| cache.path(dir));
        made.filter(|p| p.exists()).collect()
    };
    for path in &paths {
        if args.dry_run {
            println!("would remove {}", path.display());
        } else {
            task.line(&format!("removing {}", path.display()));
            cache::remove(path).map_err(Failure::infra)?;
        }
    }
    if paths.is_empty() {
        task.line("nothing to remove");
    }
    Ok(Exit::Ok)
}

/// What nothing can use any more: roots by other recipes, what an interrupted run left half-made, and trees and builds whose
/// source is gone.
fn stale(cache: &Cache, recipe: &Recipe) -> Vec<PathBuf> {
    let recipes = std::iter::once(recipe).chain(recipe.further.values());
    let used: Vec<PathBuf> = recipes
        .map(|recipe| cache.path(Toolchain::folder(&recipe.root)))
        .collect();
    let mut paths = Vec::new();
    for part in ["toolchain", "source", "tree"] {
        let half = |p: &PathBuf| p.extension().is_some_and(|e| e == "partial");
        paths.extend(entries(&cache.path(part)).into_iter().filter(half));
    }
    let roots = entries(&cache.path("toolchain"));
    paths.extend(roots.into_iter().filter(|path| !used.contains(path)));
    for name in source::orphans(cache) {
        let both = ["tree", "build"].map(|part| cache.path(part).join(&name));
        paths.extend(both.into_iter().filter(|path| path.exists()));
    }
    paths.sort();
    paths.dedup();
    paths
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(dir).into_iter().flatten();
    read.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;
    use crate::stop::Stop;

    #[test]
    fn locks_are_taken_in_the_order_of_runs() {
        let names = [
            "archive",
            "bisect-1",
            "build",
            "source-7.3",
            "toolchain-1",
            "tree-7.3",
        ];
        let names = names.map(String::from);
        assert_eq!(
            to_hold(&names, true),
            [
                "bisect-1",
                "toolchain-1",
                "archive",
                "source-7.3",
                "build",
                "tree-7.3"
            ]
        );
        assert_eq!(to_hold(&names, false), ["build", "tree-7.3"]);
    }

    #[test]
    fn only_what_nothing_can_use_is_stale() {
        let recipe = Recipe::load(&Project::this().configs().join("toolchain.yaml"));
        let recipe = recipe.expect("it can be used");
        let dir = tempfile::tempdir().expect("a temporary folder");
        let user = tempfile::tempdir().expect("a temporary folder");
        let cache = Cache::at(dir.path(), &Stop::new()).expect("a cache folder");
        let root = Toolchain::folder(&recipe.root);
        for path in [
            root.as_str(),
            "toolchain/0123456789abcdef",
            "toolchain/0123456789abcdef.partial",
            "source/7.3",
            "tree/7.3",
            "build/7.3",
            "tree/7.1",
            "build/7.1",
            "tree/user-there",
            "build/user-there",
            "tree/user-gone",
            "build/user-gone",
            "build/user-without-a-tree",
            "runs/1",
        ] {
            cache.folder(path).expect("created");
        }
        for (name, origin) in [
            ("user-there", user.path()),
            ("user-gone", Path::new("/no/such/kernel")),
        ] {
            let path = cache.path("tree").join(name).join("origin");
            fs::write(path, origin.as_os_str().as_encoded_bytes()).expect("written");
        }
        let names: Vec<String> = stale(&cache, &recipe)
            .iter()
            .map(|p| {
                p.strip_prefix(cache.root())
                    .expect("in it")
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(
            names,
            [
                "build/7.1",
                "build/user-gone",
                "build/user-without-a-tree",
                "toolchain/0123456789abcdef",
                "toolchain/0123456789abcdef.partial",
                "tree/7.1",
                "tree/user-gone",
            ]
        );
    }
}
