// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask clean`

use super::Context;
use crate::cache::{self, Cache};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;

/// What a run makes: cheap to make again, but for the time of a kernel build.
const MADE: [&str; 3] = ["build", "tree", "runs"];

/// The locks in the order in which runs take them, by what their names begin with.
const ORDER: [&str; 5] = ["toolchain-", "archive", "source-", "build", "tree-"];

/// Of all locks those that keep others from what is removed, in an order in which nobody waits for ever.
fn to_hold(names: &[String], all: bool) -> Vec<&str> {
    let begins = if all { &ORDER[..] } else { &ORDER[3..] };
    begins
        .iter()
        .flat_map(|begin| names.iter().filter(move |name| name.starts_with(begin)))
        .map(String::as_str)
        .collect()
}

pub(super) fn clean(context: &Context, args: &cli::Clean) -> Result<Exit, Failure> {
    let task = context.ui.task("clean");
    let cache =
        Cache::locate(context.global.cache.as_deref(), &context.stop).map_err(Failure::infra)?;
    // Whoever builds holds one of these, and whoever boots another.
    let names = cache.locks().map_err(Failure::infra)?;
    let _locks = to_hold(&names, args.all)
        .into_iter()
        .map(|name| cache.lock(name, &task))
        .collect::<Result<Vec<_>, _>>()
        .map_err(Failure::infra)?;
    let paths = if args.all {
        // The locks stay: somebody may be waiting for one of them.
        let entries = std::fs::read_dir(cache.root()).map_err(Failure::infra)?;
        let entries: Result<Vec<_>, _> = entries.map(|e| e.map(|e| e.path())).collect();
        let mut entries = entries.map_err(Failure::infra)?;
        entries.retain(|e| !e.ends_with("locks"));
        entries
    } else {
        MADE.iter().map(|dir| cache.path(dir)).collect()
    };
    for path in paths.iter().filter(|p| p.exists()) {
        task.line(&format!("removing {}", path.display()));
        cache::remove(path).map_err(Failure::infra)?;
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_taken_in_the_order_of_runs() {
        let names = ["archive", "build", "source-7.3", "toolchain-1", "tree-7.3"].map(String::from);
        assert_eq!(
            to_hold(&names, true),
            ["toolchain-1", "archive", "source-7.3", "build", "tree-7.3"]
        );
        assert_eq!(to_hold(&names, false), ["build", "tree-7.3"]);
    }
}
