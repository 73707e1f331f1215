// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask instructions`: the cache model sees a maintenance instruction only if it knows it.

use std::collections::BTreeSet;
use std::ffi::OsString;

use walkdir::WalkDir;

use super::Context;
use super::prepare;
use super::test;
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::follow::show;
use crate::project::Project;

pub(super) fn instructions(context: &Context, args: &cli::Cells) -> Result<Exit, Failure> {
    let config = context.config()?;
    let selection = test::without_suites(context, test::cells(&config, args)?);
    let prepared = prepare::prepare(context, &context.ui.task("setup"))?;
    let shared = test::shared(context, &config, &prepared);
    test::build_or_fail(&shared, &selection)?;

    let kernels: BTreeSet<&str> = selection.cells.iter().map(|c| c.kernel.as_str()).collect();
    let mut missed = 0;
    for &name in &kernels {
        let dir = prepared.builds.join(name);
        let modules = WalkDir::new(dir.join("modules"))
            .sort_by_file_name()
            .into_iter()
            .filter_map(Result::ok)
            .map(walkdir::DirEntry::into_path)
            .filter(|p| p.extension().is_some_and(|e| e == "ko"));
        let mut objdump = prepared.toolchain.prefix();
        objdump.push(format!("{}objdump", config.kernels[name].cross));
        let manifest = Project::this().root().join("Cargo.toml");
        let mut args: Vec<OsString> = ["run", "--quiet", "--locked", "--package=vcsan"]
            .map(Into::into)
            .to_vec();
        args.extend(["--bin=vcsan-check".into(), "--manifest-path".into()]);
        args.extend([manifest.into(), "--".into(), objdump.join(" ").into()]);
        args.push(dir.join("vmlinux").into());
        args.extend(modules.map(Into::into));
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let run = duct::cmd(cargo, args);
        let status = show(&run, &context.stop)
            .map_err(|e| Failure::infra(format!("failed to run cargo: {e}")))?;
        let Some(status) = status else {
            return Ok(Exit::Interrupted);
        };
        match status.code() {
            Some(0) => {}
            Some(1) => missed += 1,
            _ => return Ok(Exit::Infra),
        }
    }
    println!(
        "{} kernels, {missed} with instructions that are not understood",
        kernels.len()
    );
    Ok(if missed == 0 { Exit::Ok } else { Exit::Tests })
}
