// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask merge`: one report of several shards.

use std::path::PathBuf;

use super::{Context, report, runs};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::report::merge::merge;
use crate::report::text;

pub(super) fn run(context: &Context, args: &cli::Merge) -> Result<Exit, Failure> {
    for target in &args.report {
        target.check().map_err(Failure::usage)?;
    }
    let before = args.compare.as_deref();
    let before = before.map(|text| report::find(context, text)).transpose()?;
    let load = |path: &PathBuf| match path.is_dir() {
        true => runs::load(&path.join(runs::REPORT)),
        false => runs::load(path),
    };
    let shards: Result<Vec<_>, _> = args.shards.iter().map(load).collect();
    let run = merge(shards.map_err(Failure::usage)?).map_err(Failure::usage)?;
    print!("{}", text::render(&run));
    for target in &args.report {
        target
            .write(&run, before.as_ref())
            .map_err(Failure::infra)?;
    }
    Ok(run.verdict.into())
}
