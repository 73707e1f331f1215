// SPDX-License-Identifier: GPL-2.0-only
//! Boots mutants, many in one guest and several guests at once.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use fs_err as fs;

use super::table::Report;
use super::{ALL, Matters, Mutant, OWN, Outcome, Sighting, Trial, UNCHANGED, batch, probe};
use crate::boot;
use crate::cause::chain;
use crate::config::{Cell, Set};
use crate::follow::Limits;
use crate::media::{Media, initramfs, orders};
use crate::schedule::{attempt, said};
use crate::session::Session;
use crate::vcsan::findings::Hazard;
use crate::vcsan::{Findings, Mode, Plugin};

/// Mutants of one boot: so many that booting costs little, and so few that rows come soon.
const BATCH: usize = 32;
/// What a guest may print, bytes: each of its mutants a hundred times what suites do.
const LOG_LIMIT: u64 = 1 << 30;
/// What one mutant may take on one cell, seconds.
const LIMIT_S: u64 = 15;

/// What a cell's guests with one exporter are booted from.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The suites, on that exporter.
    pub set: Set,
    /// Without any order yet.
    pub media: Media,
}

/// By cell and exporter.
pub type AllMedia = HashMap<(String, String), Ready>;

/// What is seen without any mutant; none if that is not known, and why.
type Baseline = Result<Vec<Sighting>, String>;

/// A cell, a mode, an exporter and suites.
type Unchanged = (String, Mode, String, String);

/// All boots of one build.
#[derive(Debug)]
pub struct Boots<'a> {
    session: &'a Session<'a>,
    plugin: &'a Plugin,
    media: AllMedia,
    matters: Matters,
    /// Whether mutations of plans run also where they make no difference, says the host's model.
    all: bool,
    baselines: Mutex<HashMap<Unchanged, Arc<OnceLock<Baseline>>>>,
}

/// Some mutants on a cell, in one mode.
#[derive(Debug, Clone, Copy)]
struct Job<'a> {
    cell: &'a Cell,
    mode: Mode,
    mutants: &'a [Mutant],
}

impl<'a> Boots<'a> {
    /// Boots from `media`, watched by `plugin`.
    pub fn new(
        session: &'a Session<'a>,
        plugin: &'a Plugin,
        media: AllMedia,
        matters: Matters,
        all: bool,
    ) -> Boots<'a> {
        Boots {
            session,
            plugin,
            media,
            matters,
            all,
            baselines: Mutex::default(),
        }
    }

    /// Runs `mutants` on every cell, in the modes in which each runs there, and reports each as soon as it has run everywhere.
    ///
    /// # Errors
    /// The report can't be written.
    pub fn run(&self, cells: &[&Cell], mutants: &[Mutant], report: &mut Report) -> io::Result<()> {
        for &cell in cells {
            for line in self.probe(cell) {
                report.contradiction(cell, &line);
            }
        }
        let mut jobs = VecDeque::new();
        for alike in mutants.chunk_by(Mutant::runs_like) {
            for mutants in alike.chunks(BATCH) {
                for &cell in cells {
                    for &mode in mutants[0].modes(cell) {
                        jobs.push_back(Job {
                            cell,
                            mode,
                            mutants,
                        });
                    }
                }
            }
        }
        let (jobs, report) = (Mutex::new(jobs), Mutex::new(report));
        let lock = |error: PoisonError<_>| error.into_inner();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.session.jobs)
                .map(|_| {
                    scope.spawn(|| {
                        loop {
                            let job = jobs
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .pop_front();
                            let Some(job) = job.filter(|_| !self.session.stop.requested()) else {
                                return Ok(());
                            };
                            // A row that says so, and the others go on.
                            let outcomes = attempt(|| self.job(job)).unwrap_or_else(|why| {
                                let broken = |m| (m, Outcome::Broken { why: why.clone() });
                                job.mutants.iter().map(broken).collect()
                            });
                            if self.session.stop.requested() {
                                return Ok(());
                            }
                            let mut report = report.lock().unwrap_or_else(lock);
                            for (mutant, outcome) in outcomes {
                                report.add(mutant, job.cell, job.mode, outcome)?;
                            }
                        }
                    })
                })
                .collect();
            let mut ends = workers.into_iter().map(|worker| worker.join());
            ends.try_for_each(|end| {
                end.unwrap_or_else(|panic| Err(io::Error::other(said(&*panic))))
            })
        })
    }

    /// What came of each mutant of a job.
    fn job<'m>(&self, job: Job<'m>) -> Vec<(&'m Mutant, Outcome)> {
        let needless =
            |m: &&Mutant| m.is_generated() && !self.all && !self.matters.of(m, job.cell, job.mode);
        let needless = job.mutants.iter().filter(needless);
        let mut outcomes: Vec<(&Mutant, Outcome)> =
            needless.map(|m| (m, Outcome::Equivalent)).collect();
        for tier in 0.. {
            let unseen = |m: &&Mutant| match outcomes.iter().find(|(o, _)| o.name == m.name) {
                Some((_, outcome)) => *outcome == Outcome::Survived,
                None => true,
            };
            let tried = job.mutants.iter().filter(unseen);
            let trial = |m| Some((m, self.matters.trial(m, job.cell, job.mode, tier)?));
            let tried: Vec<_> = tried.filter_map(trial).collect();
            if tried.is_empty() {
                break;
            }
            for (mutant, outcome) in self.tried(job, tried) {
                match outcomes.iter_mut().find(|(m, _)| m.name == mutant.name) {
                    Some((_, old)) => *old = outcome,
                    None => outcomes.push((mutant, outcome)),
                }
            }
        }
        outcomes
    }

    /// What came of mutants, each with the suites that it is tried with.
    fn tried<'m>(
        &self,
        job: Job<'_>,
        mutants: Vec<(&'m Mutant, Trial<'m>)>,
    ) -> Vec<(&'m Mutant, Outcome)> {
        let exporter = mutants.first().map_or("", |(m, _)| m.exporter.as_str());
        let trials = mutants.iter().map(|(_, trial)| trial.clone()).collect();
        let mut seen = self.seen(job.cell, job.mode, exporter, trials);
        let outcome = |(mutant, trial): (&'m Mutant, Trial<'m>)| {
            // Of this project's own, nothing must be seen in any suite.
            let suites = if exporter == OWN { ALL } else { &trial.suites };
            let outcome = match (
                seen.remove(&mutant.name),
                self.baseline(job.cell, job.mode, exporter, suites),
            ) {
                (Some(Ok(sightings)), Ok(known)) => {
                    let matters = self.matters.of(mutant, job.cell, job.mode);
                    Outcome::of(mutant, job.cell, matters, &sightings, &known)
                }
                (Some(Err(why)), _) | (_, Err(why)) => Outcome::Broken { why },
                (None, _) => Outcome::Broken {
                    why: "its turn did not come".into(),
                },
            };
            (mutant, outcome)
        };
        mutants.into_iter().map(outcome).collect()
    }

    /// What `suites` see of an exporter as it is. Of this project's own that must be nothing.
    fn baseline(&self, cell: &Cell, mode: Mode, exporter: &str, suites: &str) -> Baseline {
        let key = (
            cell.name.clone(),
            mode,
            exporter.to_owned(),
            suites.to_owned(),
        );
        let once = {
            let mut all = self
                .baselines
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(key).or_default())
        };
        let baseline = once.get_or_init(|| {
            let unchanged = Trial {
                mutant: UNCHANGED,
                suites: suites.into(),
                limit: None,
            };
            let mut seen = self.seen(cell, mode, exporter, vec![unchanged]);
            let seen = seen
                .remove(UNCHANGED)
                .unwrap_or_else(|| Err("it did not run".into()))?;
            let own = self.media[&(cell.name.clone(), exporter.to_owned())]
                .set
                .of
                .as_ref()
                .is_some_and(|e| e.from == crate::config::Origin::Overlay);
            // Mainline's have hazards of their own, but what a case checks holds for them.
            match seen.iter().find(|s| own || !s.is_hazard) {
                Some(noise) => Err(format!("seen without any mutant: {noise}")),
                None => Ok(seen),
            }
        });
        baseline.clone()
    }

    /// Runs mutants in as many boots as it takes, since one of them may end its guest.
    fn seen(
        &self,
        cell: &Cell,
        mode: Mode,
        exporter: &str,
        mut trials: Vec<Trial<'_>>,
    ) -> HashMap<String, Result<Vec<Sighting>, String>> {
        let mut all = HashMap::new();
        let mut again = true;
        while !trials.is_empty() && !self.session.stop.requested() {
            let before = trials.len();
            match self.boot(cell, mode, exporter, &trials) {
                // A guest that has not come to its first order says nothing of any mutant.
                Ok(seen) if seen.mutants.is_empty() && std::mem::take(&mut again) => {}
                Ok(seen) => {
                    trials.retain(|t| !seen.mutants.iter().any(|(n, _)| n == t.mutant));
                    all.extend(seen.mutants.into_iter().map(|(n, s)| (n, Ok(s))));
                    if trials.len() < before {
                        continue;
                    }
                    let why = "the guest did not come to its turn".to_owned();
                    all.extend(
                        trials
                            .drain(..)
                            .map(|t| (t.mutant.into(), Err(why.clone()))),
                    );
                }
                Err(why) => {
                    all.extend(
                        trials
                            .drain(..)
                            .map(|t| (t.mutant.into(), Err(why.clone()))),
                    );
                }
            }
        }
        all
    }

    /// One boot of mutants.
    fn boot(
        &self,
        cell: &Cell,
        mode: Mode,
        exporter: &str,
        trials: &[Trial<'_>],
    ) -> Result<batch::Seen, String> {
        let ready = &self.media[&(cell.name.clone(), exporter.to_owned())];
        let orders = batch::orders(&ready.set, trials);
        let first = trials.first().map_or("", |trial| trial.mutant);
        let (booted, mut findings) = self.guest(cell, mode, ready, first, &orders, trials.len())?;
        if let Some(why) = doubt(&findings, &booted.end) {
            return Err(why);
        }
        let unmet = batch::take_provoked(&mut findings)?;
        let mut hazards: Vec<Hazard> = findings.hazards;
        let stray = batch::strays(&hazards).next().map(|h| h.title.clone());
        if let Some(title) = stray {
            return Err(format!("a hazard outside of any case: {title}"));
        }
        hazards.dedup();
        Ok(batch::read(&booted.log, &booted.end, &hazards, &unmet))
    }

    /// What the host's model has wrong of the CPU of `cell`, a line each.
    fn probe(&self, cell: &Cell) -> Vec<String> {
        // Any will do.
        let ready = self.media.iter().find(|((of, _), _)| *of == cell.name);
        let Some((_, ready)) = ready else {
            return Vec::new();
        };
        let orders = [probe::ORDER.to_owned()];
        // What the operations do has nothing to do with what the CPU does on its own.
        match self.guest(cell, Mode::Architectural, ready, "cpu", &orders, 1) {
            Ok((booted, findings)) => match batch::failure(&String::from_utf8_lossy(&booted.log)) {
                Some(line) => vec![line.to_owned()],
                None => probe::contradictions(&cell.cpu, &findings.hazards),
            },
            Err(why) => vec![why],
        }
    }

    /// Boots a guest that does what `orders` say, which is `work` mutants' worth of it; `what` names the first of them.
    fn guest(
        &self,
        cell: &Cell,
        mode: Mode,
        ready: &Ready,
        what: &str,
        orders: &[String],
        work: usize,
    ) -> Result<(boot::Booted, Findings), String> {
        let folder = self.folder(cell, mode, what).map_err(|e| chain(&e))?;
        let mut media = ready.media.clone();
        media.initramfs = folder.join("initramfs.cpio");
        ordered(&ready.media, orders, &media).map_err(|e| chain(&e))?;

        let found = folder.join("vcsan.jsonl");
        let line = boot::command_line(cell, &[format!("kunit.filter_glob={ALL}")])
            .map_err(|e| chain(&e))?;
        let program = boot::program(cell);
        let mut args = boot::arguments(cell, &media, boot::Console::Log, &line);
        let plugin = Plugin {
            architectural: mode == Mode::Architectural,
            ..self.plugin.clone()
        };
        args.extend(plugin.arguments(
            cell,
            cell.linear.as_deref(),
            &media.symbols,
            &media.modules,
            &found,
            None,
        ));
        let qemu = self.session.emulator().command(&program).args(&args);
        let patience = self.session.patience;
        let limits = Limits {
            silence: Duration::from_secs(LIMIT_S) * patience,
            total: Duration::from_secs(LIMIT_S * (1 + work as u64)) * patience,
            output: LOG_LIMIT,
        };
        let log = folder.join("console.log");
        let stop = self.session.stop;
        let booted = boot::watch(&program, &qemu.expression(), &log, limits, stop, |_| ());
        // It is as large as all the rest.
        let _ = fs::remove_file(&media.initramfs);
        let booted = booted.map_err(|e| chain(&e))?;
        if let boot::End::QemuFailed(why) = &booted.end {
            return Err(format!("QEMU failed: {why}"));
        }
        if !cell.proof.is_match(&booted.log) {
            return Err("the kernel did not prove the kind of its cache".into());
        }
        Ok((booted, Findings::read(&found)?))
    }

    /// A folder for one boot, named by what runs in it.
    fn folder(&self, cell: &Cell, mode: Mode, what: &str) -> io::Result<PathBuf> {
        let name = format!("{}-{}-{}", cell.name, mode.as_str(), what.replace(':', "-"));
        let all = self.session.folder.join("mutants");
        let mut folder = all.join(&name);
        for again in 2.. {
            if !folder.exists() {
                break;
            }
            folder = all.join(format!("{name}-{again}"));
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

/// Why a run of the cache model proves nothing, if so. That some hazards of a case are like those that it reports, or that a case
/// ended before its device did anything, is what mutants do.
fn doubt(findings: &Findings, end: &boot::End) -> Option<String> {
    let Some(summary) = &findings.end else {
        let whole = *end == boot::End::Exited;
        return whole.then(|| "the cache model did not come to its end".into());
    };
    let failed = summary.failure.iter();
    let failed = failed.map(|f| format!("the cache model failed: {f}"));
    let blind = [
        (summary.unknown, "accesses to an unknown place"),
        (summary.untranslated, "lines maintained at an unknown place"),
    ];
    let blind = blind.into_iter().filter(|(count, _)| *count > 0);
    let blind = blind.map(|(count, what)| format!("the cache model saw {count} {what}"));
    failed.chain(blind).next()
}

/// Writes the initramfs of `from` with orders of its own: where an archive follows, its files replace those of the first.
fn ordered(from: &Media, lines: &[String], to: &Media) -> io::Result<()> {
    let mut bytes = fs::read(&from.initramfs)?;
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let file = initramfs::File {
        path: orders::FILE.into(),
        mode: 0o644,
        bytes: lines
            .iter()
            .map(|l| format!("{l}\n"))
            .collect::<String>()
            .into(),
    };
    initramfs::write(&mut bytes, &[file])?;
    fs::File::create(&to.initramfs)?.write_all(&bytes)
}

#[cfg(test)]
mod tests;
