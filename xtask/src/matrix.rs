// SPDX-License-Identifier: GPL-2.0-only
//! Runs many cells at once: each kernel is built once, and its cells boot as soon as it is there.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::boot::{self, Media, orders};
use crate::build::{self, Builder, Built};
use crate::config::{Cell, Config, Kernel, Suites, Watched};
use crate::follow::Limits;
use crate::judge::{self, judge};
use crate::ktap;
use crate::progress::Progress as _;
use crate::project::Project;
use crate::report::text::paint;
use crate::results;
use crate::source::Tree;
use crate::stop::Stop;
use crate::toolchain::Toolchain;
use crate::ui::{Task, Ui};
use crate::vcsan::findings::Summary;
use crate::vcsan::{Findings, Mode, Plugin};
use crate::verdict::Verdict;

/// What all cells of a run share.
#[derive(Debug)]
pub struct Shared<'a> {
    /// The checkout.
    pub project: &'a Project,
    /// Its `configs/`.
    pub config: &'a Config,
    /// The tools.
    pub toolchain: &'a Toolchain,
    /// The kernel tree.
    pub tree: &'a Tree,
    /// The folder below which each kernel has its build folder.
    pub builds: &'a Path,
    /// See [`Builder::host_crates`].
    pub host_crates: Mutex<()>,
    /// The cache model, unless the user does without.
    pub vcsan: Option<&'a Plugin>,
    /// This run's own folder.
    pub folder: &'a Path,
    /// How much may run at once.
    pub jobs: usize,
    /// The user's wish to end it all.
    pub stop: &'a Stop,
    /// Where progress is shown.
    pub ui: &'a Ui,
}

/// What to run.
#[derive(Debug)]
pub struct Selection<'a> {
    /// In the order of the report.
    pub cells: Vec<&'a Cell>,
    /// Each cell boots once for each.
    pub sets: Vec<&'a Suites>,
    /// `SUITE[.CASE]`, globs; else each set's own.
    pub filter: Option<&'a str>,
    /// The command that a cell's report gives to repeat it, but for the cell and the set.
    pub repeat: String,
}

impl<'a> Selection<'a> {
    fn boots(&self) -> impl Iterator<Item = Boot<'a>> {
        let pairs = self
            .cells
            .iter()
            .flat_map(|&cell| self.sets.iter().map(move |&set| (cell, set)));
        pairs
            .enumerate()
            .map(|(at, (cell, set))| Boot { at, cell, set })
    }
}

/// A boot that waits for its kernel, or for its turn.
#[derive(Debug, Clone, Copy)]
struct Boot<'a> {
    /// Where it stands in the report.
    at: usize,
    cell: &'a Cell,
    set: &'a Suites,
}

impl Boot<'_> {
    /// Why the exporter under test can't be tested on this cell, if that is so.
    fn excluded(&self) -> Option<&str> {
        let exporter = self.set.of.as_ref()?;
        exporter.not_on.get(&self.cell.name).map(String::as_str)
    }

    fn is_of(&self, kernel: &Kernel) -> bool {
        self.set.kernel(self.cell) == kernel.name
    }
}

#[derive(Debug)]
enum Work<'a> {
    Build(&'a Kernel),
    Boot(Boot<'a>, Media, Built),
}

/// What is left to do, and what is done.
#[derive(Debug, Default)]
struct Queue<'a> {
    kernels: VecDeque<&'a Kernel>,
    boots: VecDeque<(Boot<'a>, Media, Built)>,
    building: usize,
    done: Vec<(usize, results::Cell)>,
}

/// Builds every kernel of `selection` and boots every cell with every set. `built` is called once no build is left.
///
/// # Errors
/// The folders of the run can't be made. Whatever goes wrong in a cell is its verdict instead.
pub fn run(
    shared: &Shared<'_>,
    selection: &Selection<'_>,
    built: impl FnOnce() + Send,
) -> io::Result<Vec<results::Cell>> {
    let (boots, excluded): (Vec<Boot<'_>>, Vec<Boot<'_>>) = selection
        .boots()
        .partition(|boot| boot.excluded().is_none());
    let wanted = |kernel: &&Kernel| boots.iter().any(|b| b.is_of(kernel));
    let mut kernels: Vec<&Kernel> = shared.config.kernels.values().filter(wanted).collect();
    // What goes through a stand-in for rustc takes longest, in the build and in the boot.
    kernels.sort_by_key(|kernel| kernel.rustc.is_none());
    let mut module_dirs = module_dirs(shared.config);
    let own = selection.sets.iter().filter_map(|set| set.own.as_ref());
    module_dirs.extend(own.map(|own| own.dir.clone()));
    let slots = slots(shared.jobs)?;
    let built = Mutex::new(Some(built));

    let queue = Mutex::new(Queue {
        kernels: kernels.into(),
        ..Queue::default()
    });
    let changed = Condvar::new();
    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..shared.jobs {
            scope.spawn(|| {
                while let Some(work) = next(&queue, &changed) {
                    match work {
                        Work::Build(kernel) => {
                            let waiting = boots.iter().filter(|b| b.is_of(kernel));
                            let made = build(
                                shared,
                                kernel,
                                waiting.clone().copied(),
                                |set| orders::of_suites(set, shared.vcsan.is_some()),
                                &module_dirs,
                                &slots,
                            );
                            let mut queue = lock();
                            queue.building -= 1;
                            match made {
                                Ok(ready) => queue.boots.extend(ready),
                                Err(error) => {
                                    let (verdict, message) = (verdict_of(&error), chain(&error));
                                    queue.done.extend(waiting.map(|boot| {
                                        let message = Some(message.clone());
                                        let cell = results::Cell {
                                            verdict,
                                            message,
                                            ..blank(selection, *boot)
                                        };
                                        (boot.at, cell)
                                    }));
                                }
                            }
                            if queue.building == 0
                                && queue.kernels.is_empty()
                                && let Some(built) =
                                    built.lock().unwrap_or_else(PoisonError::into_inner).take()
                            {
                                built();
                            }
                        }
                        Work::Boot(boot, media, built) => {
                            let cell = boot_cell(shared, selection, boot, &media, &built);
                            lock().done.push((boot.at, cell));
                        }
                    }
                    changed.notify_all();
                }
            });
        }
    });
    let mut done = std::mem::take(&mut lock().done);
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

/// Waits for something to do; none when nothing is left and nothing can come. Boots go first, so that what a build made is
/// shown early.
fn next<'a>(queue: &Mutex<Queue<'a>>, changed: &Condvar) -> Option<Work<'a>> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some((boot, media, built)) = queue.boots.pop_front() {
            return Some(Work::Boot(boot, media, built));
        }
        if let Some(kernel) = queue.kernels.pop_front() {
            queue.building += 1;
            return Some(Work::Build(kernel));
        }
        if queue.building == 0 {
            return None;
        }
        queue = changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Every folder that a set's modules come from.
pub fn module_dirs(config: &Config) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = config
        .suites
        .values()
        .flat_map(|s| &s.tests)
        .chain(config.exporters.values().flat_map(|e| &e.modules))
        .map(|m| m.dir.clone())
        .collect();
    dirs.sort();
    dirs.dedup();
    dirs
}

/// Builds `kernel` and copies what `boots` need of it into the run's folder, so that a later build can't touch it.
fn build<'a>(
    shared: &Shared<'_>,
    kernel: &'a Kernel,
    boots: impl Iterator<Item = Boot<'a>>,
    orders: impl Fn(&Suites) -> Vec<String>,
    module_dirs: &[PathBuf],
    slots: &jobserver::Client,
) -> Result<Vec<(Boot<'a>, Media, Built)>, build::Error> {
    let task = shared.ui.task(&kernel.name);
    let builder = Builder {
        kernel,
        toolchain: shared.toolchain,
        project: shared.project,
        tree: &shared.tree.dir,
        tree_id: &shared.tree.source_id,
        dir: &shared.builds.join(&kernel.name),
        module_dirs,
        host_crates: &shared.host_crates,
        slots,
        stop: shared.stop,
        task: &task,
    };
    let mut built = builder.build()?;
    let mut ready = Vec::new();
    for boot in boots {
        let dest = shared.folder.join("media");
        let media = builder.publish(boot.cell, boot.set, &orders, &dest)?;
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

/// Whether the thing built is at fault or the machine.
pub fn verdict_of(error: &build::Error) -> Verdict {
    if error.is_of_the_source() {
        Verdict::BuildFailed
    } else {
        Verdict::Infra
    }
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

/// Builds the kernels of `selection`, all at once, and boots nothing. Returns those that failed.
///
/// # Errors
/// The job slots can't be made.
pub fn build_only(
    shared: &Shared<'_>,
    selection: &Selection<'_>,
) -> io::Result<Vec<(String, build::Error)>> {
    let wanted = |kernel: &&Kernel| selection.cells.iter().any(|c| c.kernel == kernel.name);
    let (module_dirs, slots) = (module_dirs(shared.config), slots(shared.jobs)?);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for kernel in shared.config.kernels.values().filter(wanted) {
            let (module_dirs, slots, failed) = (&module_dirs, &slots, &failed);
            scope.spawn(move || {
                let none = std::iter::empty();
                if let Err(error) = build(shared, kernel, none, |_| Vec::new(), module_dirs, slots)
                {
                    failed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((kernel.name.clone(), error));
                }
            });
        }
    });
    Ok(failed.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Builds for `cell` and returns a QEMU whose console is the user's terminal.
///
/// # Errors
/// What the build returns.
pub fn interactive(
    shared: &Shared<'_>,
    cell: &Cell,
    set: &Suites,
) -> Result<duct::Expression, build::Error> {
    let slots = slots(shared.jobs).map_err(|source| build::Error::Io {
        what: "make job slots for",
        path: shared.builds.to_owned(),
        source,
    })?;
    let kernel = &shared.config.kernels[&cell.kernel];
    let boot = Boot { at: 0, cell, set };
    let ready = build(
        shared,
        kernel,
        std::iter::once(boot),
        orders::of_shell,
        &module_dirs(shared.config),
        &slots,
    )?;
    // The kernel's own suites would run before the shell.
    let filter = format!("kunit.filter_glob={}", set.filter);
    let line = boot::command_line(cell, &[filter]).map_err(|error| build::Error::Io {
        what: "boot from",
        path: shared.builds.to_owned(),
        source: io::Error::other(error),
    })?;
    let [(_, media, _)] = ready.as_slice() else {
        unreachable!("one boot was asked for")
    };
    let args = boot::arguments(cell, media, boot::Console::Terminal, &line);
    Ok(shared
        .toolchain
        .command(boot::program(cell))
        .args(args)
        .expression())
}

/// One slot of each make is its own.
fn slots(jobs: usize) -> io::Result<jobserver::Client> {
    jobserver::Client::new(jobs.saturating_sub(1))
}

/// An error with its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// What is known of a cell before anything of it has run.
fn blank(selection: &Selection<'_>, boot: Boot<'_>) -> results::Cell {
    results::Cell {
        cell: boot.cell.name.clone(),
        role: Some(boot.cell.role),
        set: boot.set.name.clone(),
        repeat: format!(
            "{} {} {}",
            selection.repeat, boot.set.option, boot.cell.name
        ),
        ..results::Cell::default()
    }
}

fn boot_cell(
    shared: &Shared<'_>,
    selection: &Selection<'_>,
    boot: Boot<'_>,
    media: &Media,
    built: &Built,
) -> results::Cell {
    let Boot { cell, set, .. } = boot;
    let task = shared.ui.task(&cell.name);
    task.detail("booting");
    let folder = shared.folder.join(format!("{}-{}", cell.name, set.name));
    let mut result = results::Cell {
        kernel: Some(built.release.clone()),
        build_s: built.took_s,
        folder: Some(folder.clone()),
        ..blank(selection, boot)
    };
    result.mode = model(shared, set).map(|(plugin, _)| plugin.mode(cell));
    if result.mode == Some(Mode::Architectural) {
        result.repeat += " --architectural";
    }
    if model(shared, set).is_some_and(|(plugin, _)| plugin.contract) {
        result.repeat += " --contract";
    }
    match watched(shared, selection, boot, media, &folder, &task) {
        Ok((judgement, counts, took)) => {
            result.verdict = judgement.verdict;
            result.cache_proof = judgement.cache_proof;
            result.suites = judgement.suites;
            result.message = judgement.message;
            result.oddities = judgement.oddities;
            result.vcsan = counts;
            result.boot_s = took.as_secs_f64();
        }
        Err(error) => {
            result.verdict = Verdict::Infra;
            result.message = Some(chain(&error));
        }
    }
    task.line(&format!(
        "{} {} in {:.1} s",
        set.name,
        paint(result.verdict).for_stderr(),
        result.boot_s
    ));
    result
}

/// The cache model, where there is something to see for it, and what.
fn model<'a>(shared: &Shared<'a>, set: &'a Suites) -> Option<(&'a Plugin, &'a Watched)> {
    shared.vcsan.zip(set.vcsan.as_ref())
}

fn watched(
    shared: &Shared<'_>,
    selection: &Selection<'_>,
    boot: Boot<'_>,
    media: &Media,
    folder: &Path,
    task: &Task<'_>,
) -> io::Result<(judge::Judgement, Option<Summary>, Duration)> {
    let Boot { cell, set, .. } = boot;
    fs::create_dir_all(folder)?;
    let model = model(shared, set);
    let found = folder.join("vcsan.jsonl");
    let program = boot::program(cell);
    let line = command_line(selection, boot).map_err(io::Error::other)?;
    let mut args = boot::arguments(cell, media, boot::Console::Log, &line);
    if let Some((plugin, _)) = model {
        args.extend(plugin.arguments(cell, &media.symbols, &media.modules, &found));
    }
    let qemu = shared.toolchain.command(&program).args(&args).expression();
    fs::write(folder.join("qemu.txt"), boot::shell_words(&program, &args))?;
    let limits = Limits {
        silence: Duration::from_secs(set.silence_s),
        total: Duration::from_secs(set.total_s),
    };
    let mut parser = ktap::Parser::new();
    let (mut passed, mut other) = (0, 0);
    let log = folder.join("console.log");
    let booted = boot::watch(&program, &qemu, &log, limits, shared.stop, |piece| {
        task.output(String::from_utf8_lossy(piece).trim_end());
        for event in parser.push(piece) {
            match event {
                ktap::Event::CaseFinished {
                    verdict: Verdict::Passed,
                    ..
                } => passed += 1,
                ktap::Event::CaseFinished {
                    verdict: Verdict::Skipped,
                    ..
                } => {}
                ktap::Event::CaseFinished { .. } => other += 1,
                ktap::Event::SuiteStarted { suite } => {
                    task.detail(&format!("{passed} passed, {other} failed, {suite}"))
                }
                ktap::Event::SuiteFinished { .. } => {}
            }
        }
    })
    .map_err(|error| io::Error::other(chain(&error)))?;
    let own = set.own.as_ref();
    let own = own.map(|own| judge::module::suite(&media.loaded, own.program().as_deref(), &booted));
    let mut judgement = judge(
        cell,
        &set.expected(selection.filter),
        own,
        &parser.finish(),
        &booted,
    );
    if let Some(exporter) = &set.of {
        judge::exporter::explain(&mut judgement, exporter, selection.filter.is_none());
    }
    let mut counts = None;
    if let Some((_, watched)) = model {
        let was_ended = booted.end != boot::End::Exited;
        match Findings::read(&found) {
            Ok(mut found) => {
                if let (Some(_), Some(end)) = (&set.own, &mut found.end) {
                    // What a module of the user's announces need not be done by a device of this machine.
                    end.doubtful_transfers = 0;
                }
                let known = known(shared, selection, boot);
                judge::hazards::add(
                    &mut judgement,
                    &watched.transfers,
                    &found,
                    &known,
                    was_ended,
                );
                counts = found.end;
            }
            // A QEMU that ends at once leaves nothing, and says why itself.
            Err(_) if was_ended => {}
            Err(why) => judgement.worsen(
                Verdict::Infra,
                &format!("the cache model left nothing to read: {why}"),
            ),
        }
    }
    Ok((judgement, counts, booted.took))
}

/// What is known of the exporter under test. With the fixes, nothing is.
fn known<'a>(
    shared: &Shared<'a>,
    selection: &Selection<'a>,
    boot: Boot<'a>,
) -> judge::known::Known<'a> {
    let Some(exporter) = &boot.set.of else {
        return judge::known::Known::default();
    };
    let findings = shared.config.findings.values();
    judge::known::Known {
        findings: match shared.project.fixes() {
            Some(_) => Vec::new(),
            None => findings.collect(),
        },
        exporter: &exporter.name,
        cell: &boot.cell.name,
        whole: selection.filter.is_none(),
    }
}

/// What the kernel is told: which suites of its own and of modules to run, and what the exporter under test needs.
fn command_line(selection: &Selection<'_>, boot: Boot<'_>) -> Result<String, boot::TooLong> {
    let filter = selection.filter.unwrap_or(&boot.set.filter);
    let mut words = vec![format!("kunit.filter_glob={filter}")];
    let exporter = boot.set.of.as_ref();
    words.extend(
        exporter
            .and_then(|e| e.command_line.get(&boot.cell.kernel))
            .cloned(),
    );
    boot::command_line(boot.cell, &words)
}
