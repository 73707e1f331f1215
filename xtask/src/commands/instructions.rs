// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask instructions`: the cache model sees a maintenance instruction only if it knows it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
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
    let mut prepared = prepare::prepare(context, &context.ui.task("setup"))?;
    let session = test::session(context, &config, &prepared);
    test::build_or_fail(&session, &selection)?;

    let kernels: BTreeSet<&str> = selection.cells.iter().map(|c| c.kernel.as_str()).collect();
    // Others may build while copies are looked at.
    let copies = tempfile::tempdir_in(prepared.run.path()).map_err(Failure::infra)?;
    for &name in &kernels {
        let to = copies.path().join(name);
        copied(&prepared.builds.join(name), &to).map_err(Failure::infra)?;
    }
    drop(prepared.lock.take());
    let mut missed = 0;
    for &name in &kernels {
        let dir = copies.path().join(name);
        let modules = modules(&dir);
        let mut objdump = prepared.toolchain.prefix();
        objdump.push(format!("{}objdump", config.kernels[name].cross));
        let manifest = Project::this().root().join("Cargo.toml");
        let mut args: Vec<OsString> = ["run", "--quiet", "--locked", "--package=vcsan"]
            .map(Into::into)
            .to_vec();
        args.extend(["--bin=vcsan-check".into(), "--manifest-path".into()]);
        args.extend([manifest.into(), "--".into(), objdump.join(" ").into()]);
        args.push(dir.join("vmlinux").into());
        args.extend(modules.into_iter().map(Into::into));
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

/// The modules of a build, in the order of their names.
fn modules(dir: &Path) -> Vec<PathBuf> {
    WalkDir::new(dir.join("modules"))
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|p| p.extension().is_some_and(|e| e == "ko"))
        .collect()
}

/// Copies the kernel and the modules of a build.
fn copied(build: &Path, to: &Path) -> io::Result<()> {
    for file in [vec![build.join("vmlinux")], modules(build)].concat() {
        let to = to.join(file.strip_prefix(build).unwrap_or(&file));
        fs::create_dir_all(to.parent().unwrap_or(&to))?;
        fs::copy(file, to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_kernel_and_its_modules_each_in_its_place() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let [build, to] = ["build", "to"].map(|name| dir.path().join(name));
        let files = [
            "vmlinux",
            "modules/a/x.ko",
            "modules/b/x.ko",
            "modules/b/x.o",
        ];
        for file in files {
            let file = build.join(file);
            fs::create_dir_all(file.parent().expect("it has one")).expect("created");
            fs::write(file, "x").expect("written");
        }
        copied(&build, &to).expect("copied");
        let expected = ["modules/a/x.ko", "modules/b/x.ko"].map(|file| to.join(file));
        assert_eq!(modules(&to), expected);
        assert!(to.join("vmlinux").is_file() && !to.join(files[3]).exists());
    }
}
