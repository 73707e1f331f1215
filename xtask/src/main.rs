// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask`: the command line of aliasheap.

use std::io::Write as _;
use std::process::ExitCode;

use xtask::{cause, commands, selftest};

fn main() -> ExitCode {
    match commands::run(selftest::parse()) {
        Ok(exit) => exit,
        Err(failure) => {
            let text = cause::chain(failure.error.as_ref());
            // Nobody is left to be told where this can't be written.
            let _ = writeln!(std::io::stderr(), "error: {text}");
            failure.exit.into()
        }
    }
}
