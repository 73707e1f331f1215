// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask clean`

use super::Context;
use crate::cache::{self, Cache};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;

/// What a run makes: cheap to make again, but for the time of a kernel build.
const MADE: [&str; 3] = ["build", "tree", "runs"];

pub(super) fn clean(context: &Context, args: &cli::Clean) -> Result<Exit, Failure> {
    let task = context.ui.task("clean");
    let cache =
        Cache::locate(context.global.cache.as_deref(), &context.stop).map_err(Failure::infra)?;
    let _lock = cache.lock("build", &task).map_err(Failure::infra)?;
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
