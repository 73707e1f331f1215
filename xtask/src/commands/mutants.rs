// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask mutants`: silence of the suites is worth something only if they are not silent about a broken heap.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use super::prepare;
use super::scratch::Scratch;
use super::{Context, test};
use crate::build;
use crate::cli::{self, Global};
use crate::config::{Cell, Config, Set};
use crate::exit::{Exit, Failure};
use crate::matrix;
use crate::mutants::run::{AllMedia, Boots, Ready};
use crate::mutants::table::Report;
use crate::mutants::{self, Matters, Mutant};
use crate::schedule::said;
use crate::session::{Boot, Session};
use crate::vcsan::Plugin;

/// The set of suites that mutants run.
const SET: &str = "heap";

pub(super) fn mutants(context: &Context, args: &cli::Mutants) -> Result<Exit, Failure> {
    let config = context.config()?;
    let cells = test::cells(&config, &args.cells())?;
    let mut all = mutants::all(&config).map_err(Failure::infra)?;
    if args.all_modes {
        all.iter_mut().for_each(|m| m.all_modes = true);
    }
    let chosen = choose(&config, &all, &args.names)?;
    let options = options(&context.global, args.equivalent);
    let report = Report::new(&chosen, &cells, args.json.as_deref(), options);
    let mut report = report.map_err(Failure::infra)?;
    let chosen: BTreeSet<String> = chosen.into_iter().map(|m| m.name).collect();

    // Those that are chosen in a running guest share a build, which is the same whichever of them run; each of the others has one
    // of its own.
    let (shared, own): (Vec<Mutant>, Vec<Mutant>) =
        all.into_iter().partition(|m| m.own_edits.is_none());
    let own = own.into_iter().filter(|m| chosen.contains(&m.name));
    let groups = [shared].into_iter().chain(own.map(|m| vec![m]));
    // All pages are looked at before the first one runs.
    let mut fitting = Vec::new();
    for group in groups {
        let (_, group) = checkout(context, &config, group, &mut report)?;
        if group.iter().any(|m| chosen.contains(&m.name)) {
            fitting.push(group);
        }
    }
    let plugin = Plugin::build(false, false, &context.stop).map_err(Failure::infra)?;
    report.start();
    // What is done by then is in the report, whatever becomes of the rest.
    let ran = fitting.into_iter().try_for_each(|group| {
        if context.stop.requested() {
            return Ok(());
        }
        run(
            context,
            &cells,
            &plugin,
            group,
            &chosen,
            args.equivalent,
            &mut report,
        )
    });
    report.end();
    ran?;
    Ok(if context.stop.requested() {
        Exit::Interrupted
    } else if report.is_right() {
        Exit::Ok
    } else {
        Exit::Tests
    })
}

/// What a command that boots a mutant again is given beside its name, its cell and its modes.
pub(super) fn options(global: &Global, equivalent: bool) -> Vec<OsString> {
    let equivalent = equivalent.then(|| "--equivalent".into());
    equivalent.into_iter().chain(global.words()).collect()
}

/// Those of `all` that `names`, globs, choose.
fn choose(config: &Config, all: &[Mutant], names: &[String]) -> Result<Vec<Mutant>, Failure> {
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let mut globs = Vec::new();
    for name in names {
        let all = all.iter().map(|mutant| &mutant.name);
        globs.push(super::glob("mutant", name, all, config.mutants.keys())?);
    }
    let chosen = |mutant: &&Mutant| globs.iter().any(|glob| glob.is_match(&mutant.name));
    Ok(all.iter().filter(chosen).cloned().collect())
}

/// A checkout in which the heap can be each of `mutants`, and those of them whose edits fit; the others are reported.
fn checkout(
    context: &Context,
    config: &Config,
    mutants: Vec<Mutant>,
    report: &mut Report,
) -> Result<(Scratch, Vec<Mutant>), Failure> {
    let mut scratch = Scratch::new(context).map_err(Failure::infra)?;
    scratch
        .add_overlay("kernel/mutants")
        .map_err(Failure::infra)?;
    let of_linux = |m: &Mutant| {
        let edits = config.mutants.get(&m.name).map(|page| &page.edits);
        edits.is_some_and(|edits| edits.iter().any(|e| e.file.starts_with("linux")))
    };
    if mutants.iter().any(of_linux) {
        let task = context.ui.task("setup");
        let (_, source) =
            prepare::tools_and_source(context, &prepare::cache(context)?, &task, &[])?;
        scratch.set_source(source.dir);
    }
    scratch.edit(&config.mutation)?;
    let mut fitting = Vec::new();
    for mutant in mutants {
        let edits = config.mutants.get(&mutant.name);
        match edits.map_or(Ok(()), |page| scratch.edit(&page.edits(&mutant.name))) {
            Ok(()) => fitting.push(mutant),
            Err(failure) => report.broken(&mutant, &failure.error.to_string()),
        }
    }
    scratch.finish()?;
    Ok((scratch, fitting))
}

/// Builds for a group of mutants and runs those that are `chosen` on all cells.
fn run(
    context: &Context,
    cells: &[&Cell],
    plugin: &Plugin,
    mut group: Vec<Mutant>,
    chosen: &BTreeSet<String>,
    equivalent: bool,
    report: &mut Report,
) -> Result<(), Failure> {
    let outer = context.config()?;
    loop {
        let (scratch, fitting) = checkout(context, &outer, group, report)?;
        let context = context.at(&scratch.path(""));
        let config = context.config()?;
        let mut prepared = prepare::prepare(&context, &context.ui.task("setup"))?;
        report.keep(prepared.run.path()).map_err(Failure::infra)?;
        let session = test::session(&context, &config, &prepared);
        let running: Vec<Mutant> = fitting
            .iter()
            .filter(|m| chosen.contains(&m.name))
            .cloned()
            .collect();
        let folder = prepare::cache(&context)?;
        let folder = folder.folder("matters").map_err(Failure::infra)?;
        // The one waits for compilers, the other takes a core.
        let (matters, media) = std::thread::scope(|scope| {
            let matters = scope.spawn(|| Matters::explore(cells, &running, &folder));
            let media = built(&session, cells, &running);
            (matters.join(), media)
        });
        let matters = matters.map_err(|panic| {
            let why = said(&*panic);
            Failure::infra(format!(
                "failed to explore the model of the cells' CPUs: {why}"
            ))
        })?;
        match media {
            Ok(media) => {
                let plugin = plugin
                    .clone()
                    .publish(session.toolchain, &session.folder.join("media"))
                    .map_err(Failure::infra)?;
                let boots = Boots::new(&session, &plugin, media, matters, equivalent);
                return boots.run(cells, &running, report).map_err(Failure::infra);
            }
            Err(error) if error.is_of_the_source() => {
                let error = crate::cause::chain(&error);
                let blamed = blamed(&outer, &fitting, &error);
                if blamed.is_empty() {
                    return Err(Failure::build(error));
                }
                let (bad, good) = fitting
                    .into_iter()
                    .partition::<Vec<_>, _>(|m| blamed.contains(&m.name));
                for mutant in &bad {
                    report.broken(mutant, &error);
                }
                group = good;
            }
            Err(build::Error::Interrupted) => return Ok(()),
            Err(error) => return Err(Failure::infra(crate::cause::chain(&error))),
        }
        drop(prepared.lock.take());
        if group.is_empty() {
            return Ok(());
        }
    }
}

/// The mutants with an edit of a file that a compiler complains of.
fn blamed(config: &Config, mutants: &[Mutant], error: &str) -> BTreeSet<String> {
    let named = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| error.contains(&*name.to_string_lossy()))
    };
    let pages: BTreeMap<_, _> = mutants
        .iter()
        .filter_map(|m| Some((m.name.clone(), config.mutants.get(&m.name)?)))
        .collect();
    pages
        .into_iter()
        .filter(|(_, page)| page.edits.iter().any(|edit| named(&edit.file)))
        .map(|(name, _)| name)
        .collect()
}

/// Builds the kernels of `cells`, and what guests with the exporters of `mutants` boot from.
fn built(
    session: &Session<'_>,
    cells: &[&Cell],
    mutants: &[Mutant],
) -> Result<AllMedia, build::Error> {
    let heap = &session.config.sets[SET];
    let exporters: BTreeSet<&str> = mutants.iter().map(|m| m.exporter.as_str()).collect();
    let on = |name: &&str| heap.on(&session.config.exporters[*name]);
    let sets: Vec<Set> = exporters.iter().map(on).collect();
    let boots = cells.iter().flat_map(|&cell| {
        let on_cell = move |set| Boot { at: 0, cell, set };
        sets.iter().map(on_cell)
    });
    let all = matrix::build_all(session, cells, boots.collect());
    let (ready, failed) = all?;
    if let Some((_, error)) = failed.into_iter().next() {
        return Err(error);
    }
    let ready = ready.into_iter().map(|(Boot { cell, set, .. }, media)| {
        let exporter = set.of.as_ref().map(|of| of.name.clone());
        let key = (cell.name.clone(), exporter.unwrap_or_default());
        let set = set.clone();
        (key, Ready { set, media })
    });
    Ok(ready.collect())
}
