// SPDX-License-Identifier: GPL-2.0-only
//! What every command that builds or boots does first: toolchain, kernel source, private tree, a folder for the run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use globset::Glob;

use super::Context;
use super::runs::RunFolder;
use crate::build::Userland;
use crate::cache::{Cache, Lock};
use crate::cli;
use crate::config::{self, Config, Set};
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;
use crate::source::{self, Source, Tree};
use crate::toolchain::place::Bind;
use crate::toolchain::prerequisites::{self, Install};
use crate::toolchain::{Choice, Packages, Recipe, Request, Toolchain, packages};
use crate::ui::Task;
use crate::vcsan;

/// All of it, ready.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) toolchain: Toolchain,
    pub(super) tree: Tree,
    /// The folder below which kernels are built.
    pub(super) builds: PathBuf,
    /// This run's own folder.
    pub(super) run: RunFolder,
    /// The distribution's package that the source comes from, with its exact version.
    pub(super) package: Option<String>,
    /// What has the QEMU that boots, if the toolchain has not.
    pub(super) qemu: Option<Toolchain>,
    /// Held while trees and builds change.
    pub(super) lock: Option<Lock>,
}

impl Prepared {
    /// What has the QEMU that boots.
    pub(super) fn emulator(&self) -> &Toolchain {
        self.qemu.as_ref().unwrap_or(&self.toolchain)
    }
}

pub(super) fn setup(context: &Context, args: &cli::Setup) -> Result<Exit, Failure> {
    let task = context.ui.task("setup");
    let cache = cache(context)?;
    if args.install {
        prerequisites::ensure(Install::Yes, &task, &context.stop).map_err(Failure::infra)?;
    }
    let (toolchain, source) = tools_and_source(context, &cache, &task, &[])?;
    if args.lock {
        lock(context, &toolchain).map_err(Failure::infra)?;
    }
    task.line(&format!(
        "Linux {} and its toolchain are ready in {}",
        source.version,
        cache.root().display()
    ));
    Ok(Exit::Ok)
}

/// Writes down what the root was made of.
fn lock(context: &Context, toolchain: &Toolchain) -> std::io::Result<()> {
    let path = context.project.configs().join("toolchain.lock");
    let head = "# SPDX-License-Identifier: GPL-2.0-only\n\
        # The packages of the Debian root that the project was last tried with, by `cargo xtask setup --lock`.\n";
    let packages = toolchain.packages();
    let archive = packages
        .and_then(Packages::archive)
        .map(packages::archive_line);
    let text = packages.map(ToString::to_string);
    let [archive, text] = [archive, text].map(Option::unwrap_or_default);
    fs_err::write(&path, format!("{head}{archive}{text}"))
}

pub(super) fn prepare(context: &Context, task: &Task<'_>) -> Result<Prepared, Failure> {
    let cache = cache(context)?;
    let (toolchain, source) = tools_and_source(context, &cache, task, &[])?;
    let lock = cache.lock("build", task).map_err(Failure::infra)?;
    let tree = source::private_tree(&toolchain, &cache, &source, &context.project, task)
        .map_err(of_the_source)?;
    // One for each private tree, named like it.
    let name = tree
        .dir
        .parent()
        .and_then(Path::file_name)
        .unwrap_or_default();
    let builds = cache
        .folder(Path::new("build").join(name))
        .map_err(Failure::infra)?;
    let runs = cache.folder("runs").map_err(Failure::infra)?;
    let run = RunFolder::make(&runs).map_err(Failure::infra)?;
    Ok(Prepared {
        toolchain,
        tree,
        builds,
        run,
        package: source.package,
        qemu: qemu(context, task)?,
        lock: Some(lock),
    })
}

pub(super) fn cache(context: &Context) -> Result<Cache, Failure> {
    Cache::locate(context.global.cache.as_deref(), &context.stop).map_err(Failure::infra)
}

pub(super) fn recipe(context: &Context) -> Result<Recipe, Failure> {
    Recipe::load(&context.project.configs().join("toolchain.yaml")).map_err(Failure::usage)
}

pub(super) fn tools_and_source(
    context: &Context,
    cache: &Cache,
    task: &Task<'_>,
    more: &[Bind],
) -> Result<(Toolchain, Source), Failure> {
    // Before the root is made, which takes minutes.
    let own = own_tree(context)?;
    let toolchain = tools(context, cache, task, more)?;
    let source = match own {
        Some(own) => own,
        None => {
            let (asked, recipe) = (context.global.kernel_version.as_ref(), recipe(context)?);
            source::fetch(&toolchain, cache, &recipe.source, asked, task).map_err(of_the_source)?
        }
    };
    Ok((toolchain, source))
}

/// Refuses what the user has given, before anything is made.
pub(super) fn check(context: &Context) -> Result<(), Failure> {
    cache(context)?;
    own_tree(context).map(drop)
}

/// The kernel tree of the user's own, if there is to be one.
fn own_tree(context: &Context) -> Result<Option<Source>, Failure> {
    let dir = context.global.kernel.as_deref();
    dir.map(source::user_tree)
        .transpose()
        .map_err(of_the_source)
}

/// `more` are folders that commands read, besides what the project itself needs.
pub(super) fn tools(
    context: &Context,
    cache: &Cache,
    task: &Task<'_>,
    more: &[Bind],
) -> Result<Toolchain, Failure> {
    let mut recipe = recipe(context)?;
    let global = &context.global;
    if let (Choice::Host, Some(name)) = (global.toolchain, &context.qemu) {
        // On PATH there is one QEMU only.
        let other = recipe
            .further
            .get(name)
            .into_iter()
            .flat_map(|of| &of.tools);
        let other: BTreeSet<String> = other.map(|tool| tool.name.clone()).collect();
        recipe.tools.retain(|tool| !other.contains(&tool.name));
    }
    let mut binds = vec![Bind::read(context.project.root().join("kernel"))];
    binds.extend(more.iter().cloned());
    binds.extend(context.binds.iter().map(Bind::read));
    let request = Request {
        choice: global.toolchain,
        recipe: &recipe,
        archs: archs(&context.config()?, &context.cells),
        mirror: global.mirror.clone(),
        binds,
        install: Install::Ask,
    };
    Toolchain::prepare(&request, cache, task, &context.stop).map_err(Failure::infra)
}

/// The architectures of the cells that `globs` choose, or of those that run by default.
fn archs(config: &Config, globs: &[String]) -> BTreeSet<String> {
    let globs: Vec<_> = globs
        .iter()
        .filter_map(|glob| Glob::new(glob).ok())
        .collect();
    let globs: Vec<_> = globs.iter().map(Glob::compile_matcher).collect();
    let kernels = config
        .named_cells(&globs)
        .into_iter()
        .filter_map(|cell| config.kernels.get(&cell.kernel));
    kernels.map(|kernel| kernel.arch.clone()).collect()
}

/// The tools that look into guests.
pub(super) fn debugger(context: &Context, task: &Task<'_>) -> Result<Toolchain, Failure> {
    further(context, "debugger", task)
}

/// The tools that make the disks of guests, if one of `sets` has any.
pub(super) fn disks(context: &Context, sets: &[&Set]) -> Result<Option<Toolchain>, Failure> {
    let mut disks = sets.iter().flat_map(|set| &set.devices.disks);
    if disks.all(|disk| disk.make.is_empty()) {
        return Ok(None);
    }
    further(context, "disks", &context.ui.task("setup")).map(Some)
}

/// What has the QEMU that boots, if that is not the toolchain's own.
fn qemu(context: &Context, task: &Task<'_>) -> Result<Option<Toolchain>, Failure> {
    let name = context.qemu.as_deref();
    name.map(|name| further(context, name, task)).transpose()
}

/// The package of this workspace that is the cache model for the QEMU that boots.
///
/// # Errors
/// There is no such QEMU.
pub(super) fn model_of_qemu(context: &Context) -> Result<String, Failure> {
    let Some(name) = context.qemu.as_deref() else {
        return Ok(vcsan::PACKAGE.to_owned());
    };
    let recipe = recipe(context)?;
    let found = recipe.further.get(name).and_then(|of| of.vcsan.clone());
    let known: Vec<&String> = recipe.emulators().collect();
    found.ok_or_else(|| Failure::usage(config::unknown("QEMU", name, known)))
}

/// What a guest has for somebody who looks around in it.
pub(super) fn userland(
    context: &Context,
    toolchain: &Toolchain,
    task: &Task<'_>,
) -> Result<Userland, Failure> {
    let cache = cache(context)?;
    let recipe = recipe(context)?.userland;
    let name = format!("source/{}", recipe.package);
    let folder = cache
        .make(&name, &recipe.package, task, |folder| {
            cache.need("the source of busybox", recipe.space_mib)?;
            source::fetch_source(toolchain, &recipe.package, folder, task)
        })
        .map_err(of_the_source)?;
    let package = fs_err::read_to_string(folder.join("package")).map_err(Failure::infra)?;
    Ok(Userland {
        busybox: folder.join(source::SOURCE),
        package,
        folder: None,
        script: None,
    })
}

/// The tools of a root of their own, by its name in the recipe.
fn further(context: &Context, name: &str, task: &Task<'_>) -> Result<Toolchain, Failure> {
    let recipe = recipe(context)?;
    let request = Request {
        choice: context.global.toolchain,
        recipe: &recipe.further[name],
        archs: archs(&context.config()?, &context.cells),
        mirror: context.global.mirror.clone(),
        binds: vec![Bind::read(context.project.root().join("kernel"))],
        install: Install::Ask,
    };
    Toolchain::prepare(&request, &cache(context)?, task, &context.stop).map_err(Failure::infra)
}

pub(super) fn of_the_source(error: source::Error) -> Failure {
    Failure {
        exit: Exit::from(&error),
        error: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn tools_are_asked_for_by_the_cells_that_are_chosen() {
        let config = Config::load(&Project::this().configs()).expect("configs/ loads");
        let of = |globs: &[&str]| {
            let globs: Vec<String> = globs.iter().map(ToString::to_string).collect();
            Vec::from_iter(archs(&config, &globs)).join(" ")
        };
        assert_eq!(of(&["arm-vivt"]), "arm");
        assert_eq!(of(&["mips-*", "parisc"]), "mips parisc");
        assert_eq!(of(&[]), "arm mips parisc");
    }
}
