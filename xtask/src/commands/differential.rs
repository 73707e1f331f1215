// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask differential`: ll2c's programs, compiled by LLVM and by ll2c with GCC, run and compared.

use std::ffi::OsString;

use super::Context;
use super::prepare;
use crate::exit::{Exit, Failure};
use crate::project::Project;

pub(super) fn differential(context: &Context) -> Result<Exit, Failure> {
    let task = context.ui.task("setup");
    let cache = prepare::cache(context)?;
    let (toolchain, _) = prepare::tools_and_source(context, &cache, &task)?;
    // The tools see nothing but the cache folder.
    let dir = cache.folder("differential").map_err(Failure::infra)?;
    let dir = tempfile::tempdir_in(dir).map_err(Failure::infra)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Project::this().root().join("Cargo.toml");
    let args: Vec<OsString> = vec![
        "test".into(),
        "--release".into(),
        "--locked".into(),
        "--package=ll2c".into(),
        "--test=differential".into(),
        "--manifest-path".into(),
        manifest.into(),
        "--".into(),
        "--ignored".into(),
        "--nocapture".into(),
        "--test-threads=1".into(),
    ];
    let run = duct::cmd(cargo, args)
        .env("LL2C_TOOLCHAIN", toolchain.prefix().join("\n"))
        .env("LL2C_DIR", dir.path())
        .unchecked()
        .run()
        .map_err(|e| Failure::infra(format!("failed to run cargo: {e}")))?;
    Ok(if context.stop.requested() {
        Exit::Interrupted
    } else if run.status.success() {
        Exit::Ok
    } else {
        Exit::Tests
    })
}
