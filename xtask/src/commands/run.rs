// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask run CELL --init PROGRAM`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::{Context, named, prepare};
use crate::boot::End;
use crate::cli;
use crate::config::{Program, Set};
use crate::exit::Failure;
use crate::follow::Limits;
use crate::matrix;
use crate::media::orders;

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
    let heap = config.sets.values().find(|s| s.by_default).ok_or_else(|| {
        Failure::usage("failed to choose a heap: no set in configs/suites is a default")
    })?;
    // The heap without its tests.
    let set = Set {
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
    let session = super::test::session(context, &config, &prepared);
    let mut said = Said::of(&program.path(), io::stdout());
    let booted = matrix::program(
        &session,
        cell,
        &set,
        |set| orders::of_suites(set, false),
        limits,
        || drop(lock),
        |piece| said.hear(piece),
    )?;
    match said.end(&booted.end).map_err(Failure::infra)? {
        Ok(status) => {
            eprintln!("{}: exited with {status}", args.init.display());
            Ok(ExitCode::from(status))
        }
        Err(why) => Err(Failure::infra(format!(
            "failed to run {} to its end on {}: {why}; the console is in {}",
            args.init.display(),
            cell.name,
            session.folder.join("console.log").display()
        ))),
    }
}

/// What a program in the guest says, picked out of the guest's console and written line by line as it comes.
#[derive(Debug)]
pub(super) struct Said<W> {
    path: String,
    output: W,
    /// The first error of writing; nothing is written after it.
    written: io::Result<()>,
    /// What has come of a line that has no end yet.
    begun: Vec<u8>,
    running: bool,
    status: Option<u8>,
    failure: Option<String>,
}

impl<W: Write> Said<W> {
    /// The guest calls the program `path`.
    pub(super) fn of(path: &str, output: W) -> Said<W> {
        Said {
            path: path.to_owned(),
            output,
            written: Ok(()),
            begun: Vec::new(),
            running: false,
            status: None,
            failure: None,
        }
    }

    /// Takes the next piece of the console.
    pub(super) fn hear(&mut self, piece: &[u8]) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.begun);
                self.line(&String::from_utf8_lossy(&line));
            }
        }
    }

    fn line(&mut self, line: &str) {
        // A time stamp stands before each line of the kernel's log.
        let line = line.trim_end_matches(['\r', '\n']);
        let text = line
            .strip_prefix('[')
            .and_then(|l| l.split_once("] "))
            .map_or(line, |(_, text)| text);
        match text.strip_prefix("aliasheap: ") {
            Some(own) if own == format!("running {}", self.path) => self.running = true,
            Some(own) if own.starts_with("failed to") => {
                self.failure.get_or_insert_with(|| own.to_owned());
            }
            Some(own) => {
                if let Some(status) = own.strip_prefix(&format!("{} exited with ", self.path)) {
                    self.status = status.parse().ok();
                    self.running = false;
                }
            }
            None if self.running && self.written.is_ok() => {
                let output = &mut self.output;
                self.written = writeln!(output, "{text}").and_then(|()| output.flush());
            }
            None => {}
        }
    }

    /// After the last piece: the program's status, or why it has none.
    ///
    /// # Errors
    /// Its output could not be written.
    pub(super) fn end(mut self, end: &End) -> io::Result<Result<u8, String>> {
        if !self.begun.is_empty() {
            self.hear(b"\n");
        }
        self.written?;
        let why = match (self.failure, end) {
            (Some(failure), _) => failure,
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
        };
        Ok(self.status.ok_or(why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `/bin/p` prints, and how it ends.
    fn said(log: &[u8], end: &End) -> (String, Result<u8, String>) {
        let mut output = Vec::new();
        let mut said = Said::of("/bin/p", &mut output);
        // However it is cut.
        log.chunks(7).for_each(|piece| said.hear(piece));
        let status = said.end(end).expect("memory is written");
        (String::from_utf8(output).expect("text"), status)
    }

    #[test]
    fn output_and_status_are_the_program_s() {
        let log = b"[    0.1] aliasheap: init\r\n[    0.2] aliasheap: running /bin/p\r\n[    0.3] hello\r\n\
            [    0.3] a [b] c\r\n[    0.3] \xff\r\n[    0.4] aliasheap: /bin/p exited with 3\r\n[    0.5] reboot\r\n";
        assert_eq!(
            said(log, &End::Exited),
            ("hello\na [b] c\n\u{fffd}\n".into(), Ok(3))
        );
    }

    #[test]
    fn a_line_is_written_before_the_next_one_comes() {
        let mut said = Said::of("/bin/p", Vec::new());
        said.hear(b"[ 0.2] aliasheap: running /bin/p\n[ 0.3] one\n[ 0.4] tw");
        assert_eq!(said.output, b"one\n");
        said.hear(b"o\n");
        assert_eq!(said.output, b"one\ntwo\n");
    }

    #[test]
    fn a_program_that_is_killed_has_no_status() {
        let log = b"[ 0.2] aliasheap: running /bin/p\n[ 0.3] cut";
        let limit = Duration::from_secs(9);
        assert_eq!(
            said(log, &End::Silent(limit)),
            (
                "cut\n".into(),
                Err("it takes longer than --timeout, 9 s".into())
            )
        );
        let log = b"[ 0.2] aliasheap: running /bin/p\n[ 0.4] aliasheap: failed to finish /bin/p: Killed\n";
        let why = "failed to finish /bin/p: Killed";
        assert_eq!(said(log, &End::Exited), (String::new(), Err(why.into())));
    }

    #[test]
    fn nothing_more_is_written_once_the_reader_has_gone() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut said = Said::of("/bin/p", Gone);
        said.hear(b"[ 0.2] aliasheap: running /bin/p\n[ 0.3] one\n[ 0.4] aliasheap: /bin/p exited with 0\n");
        let error = said.end(&End::Exited).expect_err("it has gone");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
