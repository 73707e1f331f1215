// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask debug CELL`: a guest that waits, and gdb that knows its kernel, its modules, and the access that matters.

use super::repro::FoundRun;
use super::{Context, made, prepare, test};
use crate::cell;
use crate::cli;
use crate::debug::access::{self, Access};
use crate::debug::session::DebugSession;
use crate::exit::{Exit, Failure};
use crate::matrix;
use crate::media::orders;
use crate::progress::Progress as _;
use crate::repeat::Repeat;
use crate::report;
use crate::results::Run;
use crate::results::identity::Identity;
use crate::session::Session;
use crate::vcsan::Findings;

pub(super) fn debug(context: &Context, args: &cli::Debug) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (global, test) = if config.cells.contains_key(&args.what) {
        (context.global.clone(), cli::Test::from(args))
    } else {
        of_a_run(context, args)?
    };
    let context = Context::new(global, Some(&test), context.stop.clone())?;
    session(&context, args, &test)
}

/// The settings of a boot in an earlier run.
fn of_a_run(context: &Context, args: &cli::Debug) -> Result<(cli::Global, cli::Test), Failure> {
    let cli::Tested {
        filter,
        module,
        init,
        ..
    } = args.tested.clone();
    let usable = cli::Tested {
        filter,
        module,
        init,
        ..cli::Tested::default()
    };
    if args.tested != usable {
        return Err(Failure::usage(
            "failed to debug a run otherwise than it ran: give a cell, or leave all but --filter, --module and --init away",
        ));
    }
    let runs = prepare::cache(context)?.path("runs");
    let found = FoundRun::of(&runs, &args.what).map_err(|failure| {
        let config = context.config();
        let cells = config.map(|c| Vec::from_iter(c.cells.into_keys()).join(", "));
        Failure::usage(format!(
            "{}; a cell is one of {}",
            failure.error,
            cells.unwrap_or_default()
        ))
    })?;
    let mut chosen = found.choose("debug").map_err(Failure::usage)?;
    if chosen.len() > 1 {
        return Err(Failure::usage(
            "failed to choose what to debug: more than one cell failed in that run; name one after a #",
        ));
    }
    let chosen = chosen.pop().expect("what is chosen is one at least");
    let mut repeat = chosen.repeat(&context.global)?;
    repeat.test.tested = (repeat.test.tested).moved(usable.module.as_ref(), usable.init.as_ref());
    if let Some(filter) = args.tested.filter.as_ref().or(args.break_at.as_ref()) {
        repeat = repeat.filtered(filter.clone());
    }
    // What is debugged is built anew.
    found.compare(context, &repeat.global);
    println!("{}", repeat.line());
    let Repeat { global, test } = repeat;
    Ok((global, test))
}

fn session(context: &Context, args: &cli::Debug, test: &cli::Test) -> Result<Exit, Failure> {
    let config = test::config(context, test)?;
    let made = made::made(&config, test)?;
    let mut selection = test::selection(context, &config, &made, test)?;
    if test.tested.sets.len() > 1 || made.len() > 1 {
        return Err(Failure::usage(
            "failed to choose what to debug: that is more than one boot; give one --set or one --exporter",
        ));
    }
    selection.sets.truncate(1);
    test::check_filter(&context.project, &config, &selection)?;
    let boot = selection.boots().next();
    let boot =
        boot.ok_or_else(|| Failure::usage("failed to choose a set of suites: there is none"))?;
    if let Some(why) = boot.excluded() {
        return Err(Failure::usage(format!("failed to boot that: {why}")));
    }
    if let Some(case) = args.break_at.as_deref()
        && access::is_of_a_program(boot.set, case)
    {
        return Err(Failure::usage(format!(
            "failed to stop where {case} begins: it is run by a program in the guest and not by KUnit; leave --break away, or give --at-hazard instead"
        )));
    }
    let task = context.ui.task("setup");
    let debugger = prepare::debugger(context, &task)?;
    let disks = prepare::disks(context, &selection.sets)?;
    let package = prepare::model_of_qemu(context)?;
    let mut prepared = prepare::prepare(context, &task)?;
    let lock = prepared.lock.take();
    drop(task);
    let plugin = test::plugin(context, &selection, test, &package, None)
        .and_then(|plugin| {
            plugin
                .map(|p| p.publish(prepared.emulator(), &prepared.run.path().join("media")))
                .transpose()
        })
        .map_err(Failure::infra)?;
    let session = Session {
        vcsan: plugin.as_ref(),
        disks: disks.as_ref(),
        debug: true,
        ..test::session(context, &config, &prepared)
    };
    let (media, built) = matrix::media(&session, boot, |set| {
        orders::of_suites(set, plugin.is_some())
    })?;
    drop(lock);
    let task = context.ui.task(&boot.cell.name);
    let mut hazard = None;
    if args.at_hazard {
        task.step("looking for the access");
        let result = cell::boot_cell(&session, &selection, boot, &media, &built, 1);
        let folder = result.folder.clone().unwrap_or_default();
        let findings = Findings::read(&folder.join("vcsan.jsonl")).map_err(Failure::infra)?;
        let Some(found) = access::chosen(&result.hazards, &findings) else {
            let run = Run::new(Identity::default(), vec![result], 0.0);
            print!("{}", report::text::render(&run));
            return Err(Failure {
                exit: Exit::Tests,
                error: "failed to stop at a hazard: the cache model reports none".into(),
            });
        };
        print!("{}", found.text);
        hazard = Some(Access::of(found, &findings, boot.set).ok_or_else(|| {
            Failure::infra("failed to stop at the hazard: its access has no address")
        })?);
    }
    let debugged = DebugSession {
        session: &session,
        boot,
        media: &media,
        debugger: &debugger,
        folder: prepared.run.path().join("debug"),
    };
    debugged.run(
        args.break_at.as_deref(),
        &args.gdb_command,
        &selection,
        hazard.as_ref(),
        task,
    )
}
