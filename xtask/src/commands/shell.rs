// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask shell CELL`

use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::run::Said;
use super::{Context, named, prepare};
use crate::build::Userland;
use crate::exit::{Exit, Failure};
use crate::follow::Limits;
use crate::matrix;
use crate::media::orders;
use crate::session::Session;

pub(super) fn shell(
    context: &Context,
    cell: &str,
    folder: Option<&Path>,
    timeout: Duration,
) -> Result<ExitCode, Failure> {
    let config = context.config()?;
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(Failure::usage(format!(
            "failed to give the guest --folder {}: it is no folder",
            folder.display()
        )));
    }
    let cell = named("cell", cell, &config.cells)?;
    let set = config.sets.values().find(|s| s.by_default).ok_or_else(|| {
        Failure::usage("failed to choose modules: no set in configs/suites is a default")
    })?;
    let script = script().map_err(Failure::infra)?;
    let task = context.ui.task("setup");
    let mut prepared = prepare::prepare(context, &task)?;
    let userland = Userland {
        folder: folder.map(Path::to_owned),
        script,
        ..prepare::userland(context, &prepared.toolchain, &task)?
    };
    drop(task);
    let lock = prepared.lock.take();
    let session = Session {
        userland: Some(&userland),
        ..super::test::session(context, &config, &prepared)
    };
    if userland.script.is_some() {
        let orders = |set: &_| orders::of_shell(set, true);
        let limits = Limits {
            silence: timeout,
            total: timeout,
            ..Limits::NONE
        };
        let mut said = Said::of(orders::SHELL, io::stdout());
        let booted = matrix::program(
            &session,
            cell,
            set,
            orders,
            limits,
            || drop(lock),
            |piece| said.hear(piece),
        )?;
        let status = said.end(&booted.end).map_err(Failure::infra)?;
        return status.map(ExitCode::from).map_err(|why| {
            Failure::infra(format!(
                "failed to run the script to its end on {}: {why}; the console is in {}",
                cell.name,
                session.folder.join("console.log").display()
            ))
        });
    }
    let qemu = matrix::interactive(&session, cell, set)?;
    drop(lock);
    eprintln!("{}: C-a h lists QEMU's keys", cell.name);
    let status = qemu
        .unchecked()
        .run()
        .map_err(|e| Failure::infra(format!("failed to run {}: {e}", crate::boot::program(cell))))?
        .status;
    if status.success() {
        Ok(Exit::Ok.into())
    } else {
        Err(Failure::infra(format!(
            "failed to run the guest: QEMU ended with {status}"
        )))
    }
}

/// What is to be run, where it does not come from somebody who types. The guest's console would lose what came before it listens.
fn script() -> io::Result<Option<Vec<u8>>> {
    let mut input = io::stdin();
    if input.is_terminal() {
        return Ok(None);
    }
    let mut script = Vec::new();
    input.read_to_end(&mut script)?;
    Ok(Some(script))
}
