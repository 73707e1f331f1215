// SPDX-License-Identifier: GPL-2.0-only
//! Runs a program and follows its standard output as it is written, until it ends, exceeds a limit, or the user has enough.

use std::io::{self, Read};
use std::process::ExitStatus;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::stop::Stop;

/// How long a program may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Without printing anything.
    pub silence: Duration,
    /// Altogether.
    pub total: Duration,
}

impl Limits {
    /// For what may take as long as it takes.
    pub const NONE: Limits = Limits {
        silence: Duration::MAX,
        total: Duration::MAX,
    };
}

/// How a program came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Ended(ExitStatus),
    /// It printed nothing for as long as [`Limits::silence`], and was killed.
    Silent(Duration),
    /// It ran for as long as [`Limits::total`], and was killed.
    TooLong(Duration),
    /// The user interrupted it, and it was killed.
    Interrupted,
}

/// Runs `program` without standard input and hands every piece of its standard output to `heard`.
///
/// # Errors
/// The program does not start, or `heard` fails; then the program is killed.
pub fn follow(
    program: &duct::Expression,
    limits: Limits,
    stop: &Stop,
    mut heard: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<End> {
    let start = Instant::now();
    let mut last = start;
    let reader = program.stdin_null().unchecked().reader()?;
    let (send, pieces) = mpsc::channel();
    let end = std::thread::scope(|scope| {
        let mut output = &reader;
        scope.spawn(move || {
            let mut piece = [0; 16384];
            // An error is an end too: the pipe is gone, and how the program ended tells why.
            while let Ok(n @ 1..) = output.read(&mut piece) {
                if send.send(piece[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let end = loop {
            if stop.requested() {
                break Ok(Some(End::Interrupted));
            }
            let (silent, total) = (last.elapsed(), start.elapsed());
            if silent >= limits.silence {
                break Ok(Some(End::Silent(limits.silence)));
            }
            if total >= limits.total {
                break Ok(Some(End::TooLong(limits.total)));
            }
            let patience = (limits.silence - silent)
                .min(limits.total - total)
                .min(Stop::POLL);
            match pieces.recv_timeout(patience) {
                Ok(piece) => {
                    last = Instant::now();
                    if let Err(error) = heard(&piece) {
                        break Err(error);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break Ok(None),
            }
        };
        if !matches!(end, Ok(None)) {
            // This also ends the thread's read. A program that has ended meanwhile is not there to be killed.
            let _ = reader.kill();
        }
        end
    })?;
    if let Some(end) = end {
        return Ok(end);
    }
    // The end of its output: duct has waited for the program by now.
    match reader.try_wait()? {
        Some(output) => Ok(End::Ended(output.status)),
        None => Err(io::Error::other(
            "closed its standard output without ending",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, limits: Limits, stop: &Stop) -> (End, Vec<u8>) {
        let mut heard = Vec::new();
        let end = follow(&duct::cmd!("sh", "-c", script), limits, stop, |piece| {
            heard.extend_from_slice(piece);
            Ok(())
        });
        (end.expect("the shell starts"), heard)
    }

    #[test]
    fn nothing_of_the_output_is_lost() {
        let (end, heard) = run("echo one; echo two", Limits::NONE, &Stop::new());
        assert!(
            matches!(end, End::Ended(status) if status.success()),
            "{end:?}"
        );
        assert_eq!(heard, b"one\ntwo\n");
    }

    #[test]
    fn a_failure_is_an_end_with_its_status() {
        let (end, _) = run("exit 3", Limits::NONE, &Stop::new());
        assert!(
            matches!(end, End::Ended(status) if status.code() == Some(3)),
            "{end:?}"
        );
    }

    #[test]
    fn a_silent_program_is_killed() {
        let silence = Duration::from_millis(100);
        let (end, heard) = run(
            "echo one; exec sleep 600",
            Limits {
                silence,
                ..Limits::NONE
            },
            &Stop::new(),
        );
        assert_eq!(
            (end, heard.as_slice()),
            (End::Silent(silence), b"one\n".as_slice())
        );
    }

    #[test]
    fn a_program_that_never_stops_talking_is_killed() {
        let total = Duration::from_millis(200);
        let limits = Limits {
            total,
            ..Limits::NONE
        };
        let (end, _) = run(
            "while :; do echo on; sleep 0.01; done",
            limits,
            &Stop::new(),
        );
        assert_eq!(end, End::TooLong(total));
    }

    #[test]
    fn an_interrupt_kills_the_program() {
        let stop = Stop::new();
        stop.request();
        assert_eq!(
            run("exec sleep 600", Limits::NONE, &stop).0,
            End::Interrupted
        );
    }

    #[test]
    fn a_listener_that_fails_ends_the_program() {
        let program = duct::cmd!("sh", "-c", "echo one; exec sleep 600");
        let heard = follow(&program, Limits::NONE, &Stop::new(), |_| {
            Err(io::Error::other("disk full"))
        });
        assert_eq!(heard.unwrap_err().to_string(), "disk full");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        assert!(
            follow(
                &duct::cmd!("/nonexistent/qemu"),
                Limits::NONE,
                &Stop::new(),
                |_| Ok(())
            )
            .is_err()
        );
    }
}
