// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask`: the command line of aliasheap.

use std::process::ExitCode;

use clap::Parser as _;

use xtask::cli::Cli;
use xtask::{commands, matrix};

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("error: {}", matrix::chain(failure.error.as_ref()));
            failure.exit.into()
        }
    }
}
