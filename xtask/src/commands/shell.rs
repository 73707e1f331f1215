// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask shell CELL`

use std::path::Path;

use super::{Context, named, prepare};
use crate::exit::{Exit, Failure};
use crate::matrix;
use crate::session::Shared;

pub(super) fn shell(context: &Context, cell: &str, folder: Option<&Path>) -> Result<Exit, Failure> {
    let config = context.config()?;
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(Failure::usage(format!(
            "failed to give the guest --folder {}: it is no folder",
            folder.display()
        )));
    }
    let cell = named("cell", cell, &config.cells)?;
    let set = config
        .suites
        .values()
        .find(|s| s.by_default)
        .ok_or_else(|| {
            Failure::usage("failed to choose modules: no set in configs/suites is a default")
        })?;
    let mut prepared = prepare::prepare(context, &context.ui.task("setup"))?;
    let lock = prepared.lock.take();
    let shared = Shared {
        brought: folder,
        ..super::test::shared(context, &config, &prepared)
    };
    let qemu = matrix::interactive(&shared, cell, set)?;
    drop(lock);
    eprintln!(
        "{}: `help` lists what this shell knows, `poweroff` ends it, and so does C-a x",
        cell.name
    );
    let status = qemu
        .unchecked()
        .run()
        .map_err(|e| Failure::infra(format!("failed to run {}: {e}", crate::boot::program(cell))))?
        .status;
    if status.success() {
        Ok(Exit::Ok)
    } else {
        Err(Failure::infra(format!(
            "failed to run the guest: QEMU ended with {status}"
        )))
    }
}
