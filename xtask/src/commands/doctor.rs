// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask doctor`

use super::{Context, prepare};
use crate::exit::{Exit, Failure};
use crate::toolchain::doctor;

pub(super) fn doctor(context: &Context) -> Result<Exit, Failure> {
    let (cache, recipe) = (prepare::cache(context)?, prepare::recipe(context)?);
    let checkup = doctor::look(context.global.toolchain, &recipe, &cache, &context.stop)
        .map_err(Failure::infra)?;
    let width = console::Term::stdout()
        .size_checked()
        .map(|(_, columns)| columns);
    print!("{}", doctor::render(&checkup, width));
    Ok(if checkup.is_fine() {
        Exit::Ok
    } else {
        Exit::Infra
    })
}
