// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask test`, `test-all` and `build`

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Mutex;

use super::prepare::{self, Prepared};
use super::{Context, named};
use crate::again::Again;
use crate::cases;
use crate::cli;
use crate::config::{Cell, Config, Set};
use crate::exit::{Exit, Failure};
use crate::matrix;
use crate::media::Media;
use crate::progress::Progress as _;
use crate::project::Project;
use crate::repeat::Repeat;
use crate::report;
use crate::results::{self, Identity, Run, Stage, identity};
use crate::session::{Selection, Session};
use crate::source::Asked;
use crate::vcsan::{self, Plugin};
use crate::verdict::Verdict;

/// What an earlier run has booted, and the cache model that watched it, if that is there.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) media: Media,
    pub(super) plugin: Option<PathBuf>,
}

/// `kept`: what an earlier run has booted, to be booted again.
pub(super) fn test(
    context: &Context,
    args: &cli::Test,
    kept: Option<&Kept>,
) -> Result<Exit, Failure> {
    let config = config(context, args)?;
    let made = super::made::made(&config, args)?;
    let mut selection = selection(context, &config, &made, args)?;
    check_filter(&context.project, &config, &selection)?;
    let package = prepare::model_of_qemu(context)?;
    if let Some(shard) = args.reports.shard {
        let times = args.reports.times.as_deref();
        let times = times.map(|run| super::report::find(context, run));
        let times = times.transpose()?;
        let mut kernels: BTreeMap<String, usize> = BTreeMap::new();
        for boot in selection.all_boots() {
            *kernels.entry(boot.kernel()).or_default() += 1;
        }
        let kernels = crate::shard::kernels(&kernels, times.as_ref(), shard);
        selection.kernels = Some(kernels.map_err(Failure::usage)?);
    }
    for target in args.reports.targets() {
        target.check().map_err(Failure::usage)?;
    }
    let before = args.reports.compare.as_deref();
    let before = before.map(|run| super::report::find(context, run));
    let before = before.transpose()?;
    prepare::check(context)?;
    let mut identity = identity(context, args);
    context.ui.task("test").line(&selection.in_short());
    // One waits for the archive's mirror, the other for the compiler.
    let (prepared, plugin) = std::thread::scope(|scope| {
        let plugin = scope.spawn(|| plugin(context, &selection, args, &package, kept));
        let prepared = prepare::prepare(context, &context.ui.task("setup"));
        (prepared, plugin.join())
    });
    let plugin = plugin.map_err(|_| Failure::infra("failed to build the cache model: a panic"))?;
    let setup_s = context.ui.elapsed().as_secs_f64();
    let mut folder = None;
    let cells = match prepared {
        Ok(mut prepared) => {
            identity.name = Some(prepared.run.name());
            if context.global.kernel_version == Some(Asked::Newest) {
                // The newest one may be another tomorrow.
                let series = prepared.tree.version.series().parse();
                selection.repeat.global.kernel_version = series.ok();
            }
            identity.tools = Some(identity::Tools::of(&prepared.toolchain));
            let (package, dir) = (
                prepared.package.as_deref(),
                context.global.kernel.as_deref(),
            );
            identity.kernel = Some(identity::Kernel::of(
                &prepared.tree,
                package,
                dir,
                &context.stop,
            ));
            let cells = run(context, &config, &selection, &mut prepared, plugin, kept);
            folder = Some(prepared.run);
            cells.or_else(|failure| unrun(&selection, failure))?
        }
        Err(failure) => unrun(&selection, failure)?,
    };
    let wall_s = context.ui.elapsed().as_secs_f64();
    let mut run = Run::new(identity, cells, wall_s);
    run.stages = stages(setup_s, wall_s);
    run.shard = args.reports.shard;
    run.planned = selection
        .all_boots()
        .map(|boot| boot.planned(selection.filter))
        .collect();
    print!("{}", report::text::render(&run));
    // The report has been shown by now, whatever happens to the files.
    let own = folder.iter().map(|folder| folder.report());
    let targets = own.chain(args.reports.targets());
    let written: Vec<_> = targets
        .map(|target| target.write(&run, before.as_ref()))
        .collect();
    for failed in written {
        failed.map_err(Failure::infra)?;
    }
    if let Some(file) = &args.suppress {
        for pattern in run.needless_suppressions() {
            let file = file.display();
            let task = context.ui.task("test");
            task.warn(&format!(
                "{file}: no finding is like `{pattern}`; remove it"
            ));
        }
    }
    if context.stop.requested() {
        context.ui.task("test").warn("interrupted");
        return Ok(Exit::Interrupted);
    }
    if run.verdict == Verdict::Flaky && args.again.allow_flaky {
        return Ok(Exit::Ok);
    }
    Ok(run.verdict.into())
}

/// The report of what is selected where a failure kept all of it from running. A mistake of the user's has none.
fn unrun(selection: &Selection<'_>, failure: Failure) -> Result<Vec<results::Cell>, Failure> {
    let verdict = match failure.exit {
        Exit::Usage => return Err(failure),
        Exit::Build => Verdict::BuildFailed,
        _ => Verdict::Infra,
    };
    let message = crate::cause::chain(failure.error.as_ref());
    Ok(matrix::unrun(selection, verdict, &message))
}

/// The configuration, with no more of the suites than `args` choose.
pub(super) fn config(context: &Context, args: &cli::Test) -> Result<Config, Failure> {
    let mut config = context.config()?;
    if let Some(filter) = &args.tested.filter {
        config.sets.values_mut().for_each(|s| s.narrow(filter));
    }
    Ok(config)
}

/// What `args` choose of `config`, and of `made` if there is any.
pub(super) fn selection<'a>(
    context: &Context,
    config: &'a Config,
    made: &'a [Set],
    args: &'a cli::Test,
) -> Result<Selection<'a>, Failure> {
    Ok(Selection {
        cells: cells(config, &args.cells)?,
        sets: if made.is_empty() {
            sets(config, &args.tested.sets)?
        } else {
            made.iter().collect()
        },
        filter: args.tested.filter.as_deref(),
        stacks: args.stacks,
        again: args.again,
        repeat: repeat(context, args),
        kernels: None,
    })
}

/// Builds what is selected, for commands that look at it; the first kernel that can't be built is an error.
pub(super) fn build_or_fail(
    session: &Session<'_>,
    selection: &Selection<'_>,
) -> Result<(), Failure> {
    let failed = matrix::build_only(session, selection).map_err(Failure::infra)?;
    match failed.into_iter().next() {
        None => Ok(()),
        Some((kernel, error)) => {
            let exit = Exit::from(Verdict::from(&error));
            let error = format!("{kernel}: {}", crate::cause::chain(&error)).into();
            Err(Failure { exit, error })
        }
    }
}

/// Cells whose kernels are built, and no suites of which are run.
pub(super) fn without_suites<'a>(context: &Context, cells: Vec<&'a Cell>) -> Selection<'a> {
    Selection {
        cells,
        sets: Vec::new(),
        filter: None,
        stacks: false,
        again: Again::default(),
        repeat: repeat(context, &cli::Test::default()),
        kernels: None,
    }
}

pub(super) fn build(context: &Context, args: &cli::Cells) -> Result<Exit, Failure> {
    let config = context.config()?;
    let selection = without_suites(context, cells(&config, args)?);
    let prepared = prepare::prepare(context, &context.ui.task("setup"))?;
    let session = session(context, &config, &prepared);
    let failed = matrix::build_only(&session, &selection).map_err(Failure::infra)?;
    for (kernel, error) in &failed {
        eprintln!("{kernel}: {}", crate::cause::chain(error));
    }
    Ok(failed
        .iter()
        .map(|(_, error)| Exit::from(Verdict::from(error)))
        .max_by_key(|e| *e as u8)
        .unwrap_or(Exit::Ok))
}

fn run(
    context: &Context,
    config: &Config,
    selection: &Selection<'_>,
    prepared: &mut Prepared,
    plugin: Result<Option<Plugin>, vcsan::Error>,
    kept: Option<&Kept>,
) -> Result<Vec<results::Cell>, Failure> {
    // Others may build as soon as nothing is left to build here; what boots has a copy of its own.
    let lock = prepared.lock.take();
    let media = prepared.run.path().join("media");
    let plugin = plugin.and_then(|plugin| {
        plugin
            .map(|p| p.publish(prepared.emulator(), &media))
            .transpose()
    });
    let plugin = match plugin {
        Ok(plugin) => plugin,
        Err(error) => {
            return Ok(matrix::unrun(
                selection,
                Verdict::Infra,
                &crate::cause::chain(&error),
            ));
        }
    };
    let disks = prepare::disks(context, &selection.sets)?;
    let session = Session {
        vcsan: plugin.as_ref(),
        disks: disks.as_ref(),
        kept: kept.map(|kept| &kept.media),
        ..session(context, config, prepared)
    };
    let cells = matrix::run(&session, selection, move || drop(lock)).map_err(Failure::infra)?;
    if cells.iter().all(|cell| !cell.verdict.is_failure()) {
        prepared.run.passed();
    }
    Ok(cells)
}

/// The cache model, if a set wants it and the user does not do without; `package` is what makes it.
pub(super) fn plugin(
    context: &Context,
    selection: &Selection<'_>,
    args: &cli::Test,
    package: &str,
    kept: Option<&Kept>,
) -> Result<Option<Plugin>, vcsan::Error> {
    if args.tested.no_vcsan || selection.sets.iter().all(|set| set.vcsan.is_none()) {
        return Ok(None);
    }
    if let Some(file) = kept.and_then(|kept| kept.plugin.clone()) {
        return Ok(Some(Plugin {
            file,
            architectural: args.tested.architectural,
            contract: args.tested.contract,
            count: false,
            suppress: args.suppress.clone(),
        }));
    }
    let task = context.ui.task("vcsan");
    task.detail("building the cache model");
    let built = Plugin::build_package(
        package,
        args.tested.architectural,
        args.tested.contract,
        &context.stop,
    )?;
    Ok(Some(Plugin {
        suppress: args.suppress.clone(),
        ..built
    }))
}

pub(super) fn session<'a>(
    context: &'a Context,
    config: &'a Config,
    prepared: &'a Prepared,
) -> Session<'a> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Session {
        project: &context.project,
        config,
        toolchain: &prepared.toolchain,
        tree: &prepared.tree,
        builds: &prepared.builds,
        host_crates: Mutex::default(),
        vcsan: None,
        kept: None,
        userland: None,
        disks: None,
        qemu: prepared.qemu.as_ref(),
        debug: false,
        folder: prepared.run.path(),
        patience: context.global.patience.get(),
        jobs: context.global.jobs.map_or(cores, NonZeroUsize::get),
        stop: &context.stop,
        ui: &context.ui,
    }
}

pub(super) fn cells<'a>(config: &'a Config, args: &cli::Cells) -> Result<Vec<&'a Cell>, Failure> {
    let mut globs = Vec::new();
    for glob in args.globs() {
        let names = config.cells.keys();
        globs.push(super::glob("cell", glob, names.clone(), names)?);
    }
    Ok(config.named_cells(&globs))
}

pub(super) fn sets<'a>(config: &'a Config, names: &[String]) -> Result<Vec<&'a Set>, Failure> {
    if names.is_empty() {
        return Ok(config.sets.values().filter(|s| s.by_default).collect());
    }
    names
        .iter()
        .map(|name| named("set of suites", name, &config.sets))
        .collect()
}

/// A filter that no suite or no case of the sets can meet would run nothing on every cell.
pub(super) fn check_filter(
    project: &Project,
    config: &Config,
    selection: &Selection<'_>,
) -> Result<(), Failure> {
    let Some(filter) = selection.filter else {
        return Ok(());
    };
    // Nobody knows the suites of a module that is not built yet.
    if selection.sets.iter().any(|set| set.own.is_some()) {
        return Ok(());
    }
    if selection
        .sets
        .iter()
        .any(|set| !set.expected(Some(filter)).is_empty())
    {
        return cases::check(project, &selection.sets, filter).map_err(Failure::usage);
    }
    let others = config.sets.values();
    let others = others.filter(|set| !set.expected(Some(filter)).is_empty());
    let others: Vec<String> = others.map(|set| format!("--set {}", set.name)).collect();
    if !others.is_empty() {
        return Err(Failure::usage(format!(
            "failed to choose suites: {filter} is in none of the sets that are to run; give {}",
            others.join(" or ")
        )));
    }
    let suite = filter.split('.').next().unwrap_or(filter);
    let known: Vec<&String> = selection.sets.iter().flat_map(|s| &s.expect).collect();
    Err(Failure::usage(crate::config::unknown(
        "suite", suite, known,
    )))
}

pub(super) fn repeat(context: &Context, args: &cli::Test) -> Repeat {
    Repeat::new(&context.global, args, &context.project)
}

/// What is known of a run before it has begun.
fn identity(context: &Context, args: &cli::Test) -> Identity {
    let command = ["cargo".into(), "xtask".into()];
    let command: Vec<OsString> = command
        .into_iter()
        .chain(std::env::args_os().skip(1))
        .collect();
    let tested = &args.tested;
    // One that can't be read ends the run before anything is compared.
    let suppress = args.suppress.as_ref();
    let suppress = suppress.and_then(|file| fs_err::read(file).ok());
    let options = identity::Options {
        exporters: tested.exporters.clone(),
        filter: tested.filter.clone(),
        vcsan: !tested.no_vcsan,
        architectural: tested.architectural,
        contract: tested.contract,
        fixes: tested.fixes,
        qemu: tested.qemu.clone(),
        module: tested.module.as_ref().map(|dir| dir.display().to_string()),
        suppress: suppress.map(|text| blake3::hash(&text).to_hex().to_string()),
        patience: context.global.patience.get(),
    };
    Identity::of_command(&command, context.project.root(), options, &context.stop)
}

fn stages(setup_s: f64, wall_s: f64) -> Vec<Stage> {
    let stage = |name: &str, took_s| Stage {
        name: name.into(),
        took_s,
    };
    vec![
        stage("setup", setup_s),
        stage("builds and boots", wall_s - setup_s),
    ]
}

#[cfg(test)]
mod tests;
