// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask self pipelines`

use std::os::unix::fs::PermissionsExt;

use super::Context;
use crate::ci::Pipeline;
use crate::exit::{Exit, Failure};

pub(super) fn write(context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let pipeline = Pipeline::load(&context.project.configs(), &config).map_err(Failure::usage)?;
    for (path, text) in pipeline.files() {
        let file = context.project.root().join(path);
        let mode = if path.ends_with(".sh") { 0o755 } else { 0o644 };
        fs_err::write(&file, text)
            .and_then(|()| fs_err::set_permissions(&file, PermissionsExt::from_mode(mode)))
            .map_err(Failure::infra)?;
        println!("{path}");
    }
    Ok(Exit::Ok)
}
