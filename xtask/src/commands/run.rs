// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask run CELL --init PROGRAM`

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::{Context, named, prepare};
use crate::boot::{Booted, End, orders};
use crate::cli;
use crate::config::{Program, Suites};
use crate::exit::Failure;
use crate::follow::Limits;
use crate::matrix;

/// Where the user's program is.
pub(super) fn program(args: &cli::RunProgram) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(&args.init).map_err(|e| {
        let path = args.init.display();
        Failure::usage(format!("failed to find --init {path}: {e}"))
    })
}

pub(super) fn run(context: &Context, args: &cli::RunProgram) -> Result<ExitCode, Failure> {
    let program = Program {
        file: program(args)?,
        arguments: args.arguments.clone(),
        suite: None,
    };
    if let Some(bad) = args
        .arguments
        .iter()
        .find(|a| a.is_empty() || a.contains([',', '\n']))
    {
        return Err(Failure::usage(format!(
            "failed to pass the argument `{bad}` on: the guest separates arguments by commas"
        )));
    }
    let config = context.config()?;
    let cell = named("cell", &args.cell, &config.cells)?;
    let heap = config
        .suites
        .values()
        .find(|s| s.by_default)
        .ok_or_else(|| {
            Failure::usage("failed to choose a heap: no set in configs/suites is a default")
        })?;
    // The heap without its tests.
    let set = Suites {
        name: "run".into(),
        tests: Vec::new(),
        program: Some(program.clone()),
        vcsan: None,
        ..heap.clone()
    };
    let limits = Limits {
        silence: Duration::from_secs(args.timeout),
        total: Duration::from_secs(args.timeout),
        ..Limits::NONE
    };
    let mut prepared = prepare::prepare(context, &context.ui.task("setup"))?;
    let lock = prepared.lock.take();
    let shared = super::test::shared(context, &config, &prepared);
    let booted = matrix::program(
        &shared,
        cell,
        &set,
        |set| orders::of_suites(set, false),
        limits,
        || drop(lock),
    )?;
    let said = Said::of(&booted, &program.path());
    std::io::stdout()
        .write_all(said.output.as_bytes())
        .map_err(Failure::infra)?;
    match said.status {
        Some(status) => {
            eprintln!("{}: exited with {status}", args.init.display());
            Ok(ExitCode::from(status))
        }
        None => Err(Failure::infra(format!(
            "failed to run {} to its end on {}: {}; the console is in {}",
            args.init.display(),
            cell.name,
            said.why(&booted.end),
            shared.folder.join("console.log").display()
        ))),
    }
}

/// What the guest's console has of a program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) output: String,
    pub(super) status: Option<u8>,
    failure: Option<String>,
}

impl Said {
    pub(super) fn of(booted: &Booted, path: &str) -> Said {
        let log = String::from_utf8_lossy(&booted.log);
        let mut said = Said {
            output: String::new(),
            status: None,
            failure: None,
        };
        let mut running = false;
        for line in log.lines() {
            // A time stamp stands before each line of the kernel's log.
            let line = line.trim_end_matches('\r');
            let text = line
                .strip_prefix('[')
                .and_then(|l| l.split_once("] "))
                .map_or(line, |(_, text)| text);
            match text.strip_prefix("aliasheap: ") {
                Some(own) if own == format!("running {path}") => running = true,
                Some(own) if own.starts_with("failed to") => {
                    said.failure.get_or_insert_with(|| own.to_owned());
                }
                Some(own) => {
                    if let Some(status) = own.strip_prefix(&format!("{path} exited with ")) {
                        said.status = status.parse().ok();
                        running = false;
                    }
                }
                None if running => {
                    said.output.push_str(text);
                    said.output.push('\n');
                }
                None => {}
            }
        }
        said
    }

    pub(super) fn why(&self, end: &End) -> String {
        match (&self.failure, end) {
            (Some(failure), _) => failure.clone(),
            (None, End::Silent(limit) | End::TooLong(limit)) => {
                format!(
                    "it takes longer than --timeout, {} s",
                    limit.as_secs_f64().round()
                )
            }
            (None, End::QemuFailed(why)) => format!("QEMU ended with {why}"),
            (None, End::Interrupted) => "interrupted".into(),
            (None, End::TooMuch(limit)) => format!("it prints more than {limit} bytes"),
            (None, End::Exited) => "the guest ended before".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(log: &str) -> Said {
        let booted = Booted {
            log: log.as_bytes().to_vec(),
            end: End::Exited,
            took: Duration::ZERO,
        };
        Said::of(&booted, "/bin/p")
    }

    #[test]
    fn output_and_status_are_the_program_s() {
        let found = said(
            "[    0.1] aliasheap: init\r\n[    0.2] aliasheap: running /bin/p\r\n[    0.3] hello\r\n\
             [    0.3] a [b] c\r\n[    0.4] aliasheap: /bin/p exited with 3\r\n[    0.5] reboot\r\n",
        );
        assert_eq!(found.output, "hello\na [b] c\n");
        assert_eq!(found.status, Some(3));
    }

    #[test]
    fn a_program_that_is_killed_has_no_status() {
        let found = said(
            "[ 0.2] aliasheap: running /bin/p\n[ 0.4] aliasheap: failed to finish /bin/p: Killed\n",
        );
        assert_eq!(found.status, None);
        assert_eq!(found.why(&End::Exited), "failed to finish /bin/p: Killed");
    }
}
