// SPDX-License-Identifier: GPL-2.0-only
//! Runs many cells at once: each kernel is built once, and its cells boot as soon as it is there.

use std::cmp::Reverse;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::boot;
use crate::build::{self, Builder, Built, disks};
use crate::cause::chain;
use crate::cell::boot_cell;
use crate::config::{Cell, Config, Kernel, Set};
use crate::exit::Failure;
use crate::follow::Limits;
use crate::media::{Media, orders};
use crate::progress::Progress as _;
use crate::results;
use crate::schedule;
use crate::session::{Boot, Selection, Session, blank};
use crate::verdict::Verdict;

/// The matrix as work for [`schedule::run`].
struct Matrix<'a, F> {
    session: &'a Session<'a>,
    selection: &'a Selection<'a>,
    boots: Vec<Boot<'a>>,
    module_dirs: Vec<PathBuf>,
    slots: jobserver::Client,
    built: Mutex<Option<F>>,
}

impl<F> Matrix<'_, F> {
    /// The results of the boots of `kernel`, where it is not there to be booted.
    fn without(&self, kernel: &Kernel, verdict: Verdict, why: &str) -> Vec<(usize, results::Cell)> {
        let waiting = self.boots.iter().filter(|b| b.is_of(kernel));
        waiting
            .map(|boot| self.unrun(*boot, verdict, why))
            .collect()
    }

    fn unrun(&self, boot: Boot<'_>, verdict: Verdict, why: &str) -> (usize, results::Cell) {
        let cell = results::Cell {
            verdict,
            message: Some(why.to_owned()),
            ..blank(self.selection, boot)
        };
        (boot.at, cell)
    }
}

impl<'a, F: FnOnce() + Send> schedule::Work for Matrix<'a, F> {
    type Build = &'a Kernel;
    type Boot = (Boot<'a>, Media, Built);
    /// With its place in the report.
    type Done = (usize, results::Cell);

    fn build(&self, kernel: &&'a Kernel) -> Result<Vec<Self::Boot>, Vec<Self::Done>> {
        let waiting = self.boots.iter().filter(|b| b.is_of(kernel)).copied();
        let orders = |set: &Set| orders::of_suites(set, self.session.vcsan.is_some());
        build(
            self.session,
            kernel,
            waiting,
            orders,
            &self.module_dirs,
            &self.slots,
        )
        .map_err(|error| self.without(kernel, Verdict::from(&error), &chain(&error)))
    }

    fn boot(&self, (boot, media, built): &Self::Boot) -> Self::Done {
        let stop = || self.session.stop.requested();
        let cell = self.selection.again.run(stop, |number| {
            boot_cell(self.session, self.selection, *boot, media, built, number)
        });
        (boot.at, cell)
    }

    fn build_lost(&self, kernel: &&'a Kernel, why: &str) -> Vec<Self::Done> {
        self.without(kernel, Verdict::Infra, why)
    }

    fn boot_lost(&self, (boot, _, _): &Self::Boot, why: &str) -> Self::Done {
        self.unrun(*boot, Verdict::Infra, why)
    }

    fn built(&self) {
        let built = self
            .built
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(built) = built {
            built();
        }
    }
}

/// Builds every kernel of `selection` and boots every cell with every set. `built` is called once no build is left.
///
/// # Errors
/// The folders of the run can't be made. Whatever goes wrong in a cell is its verdict instead.
pub fn run(
    session: &Session<'_>,
    selection: &Selection<'_>,
    built: impl FnOnce() + Send,
) -> io::Result<Vec<results::Cell>> {
    let (boots, excluded): (Vec<Boot<'_>>, Vec<Boot<'_>>) = selection
        .boots()
        .partition(|boot| boot.excluded().is_none());
    let wanted = |kernel: &&Kernel| boots.iter().any(|b| b.is_of(kernel));
    let mut kernels: Vec<&Kernel> = session.config.kernels.values().filter(wanted).collect();
    kernels.sort_by_key(|kernel| Reverse(kernel.boot_takes));
    let mut module_dirs = module_dirs(session.config);
    let own = selection.sets.iter().filter_map(|set| set.own.as_ref());
    module_dirs.extend(own.map(|own| own.dir.clone()));
    let slots = slots(session.jobs)?;
    let matrix = Matrix {
        session,
        selection,
        boots,
        module_dirs,
        slots,
        built: Mutex::new(Some(built)),
    };
    let mut done = schedule::run(&matrix, session.jobs, kernels);
    done.extend(excluded.into_iter().map(|boot| {
        let cell = results::Cell {
            verdict: Verdict::Skipped,
            message: boot.excluded().map(str::to_owned),
            ..blank(selection, boot)
        };
        (boot.at, cell)
    }));
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, cell)| cell).collect())
}

/// The folders of modules that every kernel has: all but those of sets with kernels of their own.
fn module_dirs(config: &Config) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = config
        .sets
        .values()
        .filter(|set| set.fragments.is_empty())
        .flat_map(|s| &s.tests)
        .chain(config.exporters.values().flat_map(|e| &e.modules))
        .map(|m| m.dir.clone())
        .collect();
    dirs.sort();
    dirs.dedup();
    dirs
}

/// `dirs` with those of the modules that `boots` load.
fn with_modules_of(boots: &[Boot<'_>], dirs: &[PathBuf]) -> Vec<PathBuf> {
    let mut dirs = dirs.to_vec();
    for module in boots.iter().flat_map(|boot| &boot.set.tests) {
        if !dirs.contains(&module.dir) {
            dirs.push(module.dir.clone());
        }
    }
    dirs
}

/// Builds `kernel` and copies what `boots` need of it into the run's folder, so that a later build can't touch it.
fn build<'a>(
    session: &Session<'_>,
    kernel: &'a Kernel,
    boots: impl Iterator<Item = Boot<'a>>,
    orders: impl Fn(&Set) -> Vec<String>,
    module_dirs: &[PathBuf],
    slots: &jobserver::Client,
) -> Result<Vec<(Boot<'a>, Media, Built)>, build::Error> {
    if let Some(media) = session.kept {
        let ready = |boot| (boot, media.clone(), Built::default());
        return Ok(boots.map(ready).collect());
    }
    let boots: Vec<Boot<'_>> = boots.collect();
    let module_dirs = with_modules_of(&boots, module_dirs);
    let task = session.ui.task(&kernel.name);
    let dir = session.builds.join(&kernel.name);
    fs_err::create_dir_all(&dir)?;
    // The Makefiles of a user's tree have no business in other kernels' folders.
    let toolchain = session.toolchain.writing_to(&dir)?;
    let builder = Builder {
        kernel,
        toolchain: &toolchain,
        project: session.project,
        tree: &session.tree.dir,
        tree_id: &session.tree.source_id,
        dir: &dir,
        module_dirs: &module_dirs,
        host_crates: &session.host_crates,
        debug: session.debug,
        userland: session.userland,
        slots,
        stop: session.stop,
        task: &task,
    };
    let mut built = builder.build()?;
    let mut ready = Vec::new();
    for boot in boots {
        let dest = session.folder.join("media");
        let mut media = builder.publish(boot.cell, boot.set, &orders, &dest)?;
        media.disks = disks::make(session.disks, &kernel.name, boot.set, &dest)?;
        ready.push((boot, media, built.clone()));
        // What was spent is counted once.
        built.took_s = 0.0;
    }
    if let Some((_, _, first)) = ready.first()
        && first.took_s > 1.0
    {
        task.line(&format!("built in {:.1} s", first.took_s));
    }
    Ok(ready)
}

/// The report of a selection of which nothing could run.
pub fn unrun(selection: &Selection<'_>, verdict: Verdict, message: &str) -> Vec<results::Cell> {
    let cells = selection.boots();
    cells
        .map(|boot| results::Cell {
            verdict,
            message: Some(message.into()),
            ..blank(selection, boot)
        })
        .collect()
}

/// Kernels to build, and what boots from them, as work for [`schedule::run`]: nothing is booted.
struct Builds<'a> {
    session: &'a Session<'a>,
    /// Each from the kernel of its cell.
    boots: Vec<Boot<'a>>,
    module_dirs: Vec<PathBuf>,
    slots: jobserver::Client,
}

impl Builds<'_> {
    fn lost(&self, kernel: &str, why: &str) -> (String, build::Error) {
        let place = self.session.builds.join(kernel);
        let why = format!("failed to build in {}: {why}", place.display());
        (kernel.to_owned(), io::Error::other(why).into())
    }
}

impl<'a> schedule::Work for Builds<'a> {
    type Build = &'a Kernel;
    type Boot = (Boot<'a>, Media);
    /// What can be booted, or a build that failed.
    type Done = Result<(Boot<'a>, Media), (String, build::Error)>;

    fn build(&self, kernel: &&'a Kernel) -> Result<Vec<Self::Boot>, Vec<Self::Done>> {
        let boots = self.boots.iter().filter(|b| b.cell.kernel == kernel.name);
        let orders = |_: &Set| Vec::new();
        build(
            self.session,
            kernel,
            boots.copied(),
            orders,
            &self.module_dirs,
            &self.slots,
        )
        .map(|ready| ready.into_iter().map(|(b, media, _)| (b, media)).collect())
        .map_err(|error| vec![Err((kernel.name.clone(), error))])
    }

    fn boot(&self, ready: &Self::Boot) -> Self::Done {
        Ok(ready.clone())
    }

    fn build_lost(&self, kernel: &&'a Kernel, why: &str) -> Vec<Self::Done> {
        vec![Err(self.lost(&kernel.name, why))]
    }

    fn boot_lost(&self, (boot, _): &Self::Boot, why: &str) -> Self::Done {
        Err(self.lost(&boot.cell.kernel, why))
    }

    fn built(&self) {}
}

/// What can be booted, and the kernels that can't be built.
type AllBuilt<'a> = (Vec<(Boot<'a>, Media)>, Vec<(String, build::Error)>);

/// Builds the kernels of `cells`, as many at once as there are jobs, and what `boots` boot from, each the kernel of its cell
/// and without any order.
///
/// # Errors
/// The job slots can't be made.
pub(crate) fn build_all<'a>(
    session: &'a Session<'a>,
    cells: &[&Cell],
    boots: Vec<Boot<'a>>,
) -> io::Result<AllBuilt<'a>> {
    let wanted = |kernel: &&Kernel| cells.iter().any(|c| c.kernel == kernel.name);
    let kernels = session.config.kernels.values().filter(wanted).collect();
    let builds = Builds {
        session,
        boots,
        module_dirs: module_dirs(session.config),
        slots: slots(session.jobs)?,
    };
    let (mut ready, mut failed) = (Vec::new(), Vec::new());
    for done in schedule::run(&builds, session.jobs, kernels) {
        match done {
            Ok(one) => ready.push(one),
            Err(one) => failed.push(one),
        }
    }
    Ok((ready, failed))
}

/// Builds the kernels of `selection`, as many at once as there are jobs, and boots nothing. Returns those that failed.
///
/// # Errors
/// The job slots can't be made.
pub fn build_only<'a>(
    session: &'a Session<'a>,
    selection: &Selection<'_>,
) -> io::Result<Vec<(String, build::Error)>> {
    build_all(session, &selection.cells, Vec::new()).map(|(_, failed)| failed)
}

/// Builds for `boot`, and returns what it is booted from.
///
/// # Errors
/// What the build returns.
pub(crate) fn media(
    session: &Session<'_>,
    boot: Boot<'_>,
    orders: impl Fn(&Set) -> Vec<String>,
) -> Result<(Media, Built), Failure> {
    let slots = slots(session.jobs).map_err(Failure::infra)?;
    let mut dirs = module_dirs(session.config);
    dirs.extend(boot.set.own.iter().map(|own| own.dir.clone()));
    let kernel = &session.config.kernels[&boot.set.kernel(boot.cell)];
    let boots = std::iter::once(boot);
    let mut ready = build(session, kernel, boots, orders, &dirs, &slots)?;
    match ready.pop() {
        Some((_, media, built)) => Ok((media, built)),
        None => unreachable!("one boot was asked for"),
    }
}

/// Builds for `cell`, calls `built`, boots `set` with these `orders`, hands what the guest's console says to `heard` as it comes, and
/// returns all of it.
///
/// # Errors
/// What the build returns, or QEMU can't be run.
pub fn program(
    session: &Session<'_>,
    cell: &Cell,
    set: &Set,
    orders: impl Fn(&Set) -> Vec<String>,
    limits: Limits,
    built: impl FnOnce(),
    heard: impl FnMut(&[u8]),
) -> Result<boot::Booted, Failure> {
    let boot = Boot { at: 0, cell, set };
    let (media, _) = media(session, boot, orders)?;
    built();
    // The kernel's own suites would run before the program.
    let filter = format!("kunit.filter_glob={}", set.filter);
    let line = boot::command_line(cell, &[filter]).map_err(Failure::infra)?;
    let program = boot::program(cell);
    let args = boot::arguments(cell, &media, boot::Console::Log, &line);
    let qemu = session.emulator().command(&program).args(args).expression();
    let log = session.folder.join("console.log");
    boot::watch(&program, &qemu, &log, limits, session.stop, heard).map_err(Failure::infra)
}

/// Builds for `cell` and returns a QEMU whose console is the user's terminal.
///
/// # Errors
/// What the build returns.
pub fn interactive(
    session: &Session<'_>,
    cell: &Cell,
    set: &Set,
) -> Result<duct::Expression, Failure> {
    let boot = Boot { at: 0, cell, set };
    let (media, _) = media(session, boot, |set| orders::of_shell(set, false))?;
    // The kernel's own suites would run before the shell.
    let filter = format!("kunit.filter_glob={}", set.filter);
    let line = boot::command_line(cell, &[filter]).map_err(Failure::infra)?;
    let args = boot::arguments(cell, &media, boot::Console::Terminal, &line);
    Ok(session
        .emulator()
        .command(boot::program(cell))
        .args(args)
        .expression())
}

/// One slot of each make is its own.
fn slots(jobs: usize) -> io::Result<jobserver::Client> {
    jobserver::Client::new(jobs.saturating_sub(1))
}
