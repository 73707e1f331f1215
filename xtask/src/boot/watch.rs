// SPDX-License-Identifier: GPL-2.0-only
//! Follows a guest's console as it is written.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::stop::Stop;

/// How long a guest may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Without printing anything.
    pub silence: Duration,
    /// Altogether.
    pub total: Duration,
}

/// How a guest's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// QEMU ended by itself with status 0: the guest powered off or rebooted.
    Exited,
    /// QEMU ended with another status or by a signal; its last words on standard error.
    QemuFailed(String),
    /// It printed nothing for as long as [`Limits::silence`], and was ended.
    Silent(Duration),
    /// It ran for as long as [`Limits::total`], and was ended.
    TooLong(Duration),
    /// The user interrupted the run.
    Interrupted,
}

/// A run that is over.
#[derive(Debug)]
pub struct Booted {
    /// All that the console printed.
    pub log: Vec<u8>,
    /// How it ended.
    pub end: End,
    /// From QEMU's start to its end.
    pub took: Duration,
}

/// Why a guest could not be watched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// QEMU did not start.
    #[error("failed to start {command}")]
    Start {
        /// The command line.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// The log could not be written.
    #[error("failed to write {}", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Starts `qemu`, copies its standard output to `log` as it comes, and hands every piece to `heard`.
///
/// QEMU's standard error goes to a file beside the log, with the extension `stderr`.
///
/// # Errors
/// [`Error`]; a guest that misbehaves is no error but an [`End`].
pub fn watch(
    qemu: &duct::Expression,
    log: &Path,
    limits: Limits,
    stop: &Stop,
    mut heard: impl FnMut(&[u8]),
) -> Result<Booted, Error> {
    let stderr = log.with_extension("stderr");
    let write = |source| Error::Log {
        path: log.to_owned(),
        source,
    };
    let mut file = File::create(log).map_err(write)?;
    let start = Instant::now();
    let reader = qemu
        .stdin_null()
        .stderr_path(&stderr)
        .unchecked()
        .reader()
        .map_err(|source| Error::Start {
            command: format!("{qemu:?}"),
            source,
        })?;

    let mut bytes = Vec::new();
    let mut last = start;
    let (send, pieces) = mpsc::channel();
    let end = std::thread::scope(|scope| {
        let console = &reader;
        scope.spawn(move || {
            let mut console = console;
            let mut piece = [0; 4096];
            // An error is an end too: the pipe is gone, and what QEMU returned tells why.
            while let Ok(n @ 1..) = console.read(&mut piece) {
                if send.send(piece[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let end = loop {
            if stop.requested() {
                break Ok(End::Interrupted);
            }
            let now = Instant::now();
            if now - last >= limits.silence {
                break Ok(End::Silent(limits.silence));
            }
            if now - start >= limits.total {
                break Ok(End::TooLong(limits.total));
            }
            let patience = (last + limits.silence).min(start + limits.total) - now;
            match pieces.recv_timeout(patience.min(Stop::POLL)) {
                Ok(piece) => {
                    last = Instant::now();
                    heard(&piece);
                    bytes.extend_from_slice(&piece);
                    if let Err(error) = file.write_all(&piece) {
                        break Err(write(error));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break Ok(End::Exited),
            }
        };
        // Also ends the thread's read. A QEMU that has ended already is not there to be killed.
        if !matches!(end, Ok(End::Exited)) {
            let _ = reader.kill();
        }
        end
    })?;

    let end = match (end, reader.try_wait()) {
        (End::Exited, Ok(Some(output))) if !output.status.success() => {
            End::QemuFailed(last_words(&stderr, &output.status.to_string()))
        }
        (End::Exited, Ok(None)) => {
            End::QemuFailed("closed its standard output without ending".into())
        }
        (End::Exited, Err(error)) => End::QemuFailed(error.to_string()),
        (end, _) => end,
    };
    Ok(Booted {
        log: bytes,
        end,
        took: start.elapsed(),
    })
}

/// The status, and the last lines of QEMU's standard error where there are any.
fn last_words(stderr: &Path, status: &str) -> String {
    let text = std::fs::read(stderr).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    let lines: Vec<&str> = lines.into_iter().rev().collect();
    if lines.is_empty() {
        status.to_owned()
    } else {
        format!("{status}: {}", lines.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, limits: Limits, stop: &Stop) -> (Booted, Vec<u8>) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut heard = Vec::new();
        let qemu = duct::cmd!("sh", "-c", script);
        let booted = watch(&qemu, &dir.path().join("console.log"), limits, stop, |p| {
            heard.extend_from_slice(p)
        })
        .expect("the shell starts");
        assert_eq!(
            std::fs::read(dir.path().join("console.log")).expect("the log"),
            booted.log
        );
        (booted, heard)
    }

    const LONG: Limits = Limits {
        silence: Duration::from_secs(60),
        total: Duration::from_secs(60),
    };

    #[test]
    fn a_guest_that_powers_off_has_exited_and_nothing_of_its_log_is_lost() {
        let (booted, heard) = run("echo one; echo two", LONG, &Stop::new());
        assert_eq!(booted.end, End::Exited);
        assert_eq!(booted.log, b"one\ntwo\n");
        assert_eq!(heard, booted.log);
    }

    #[test]
    fn a_qemu_that_fails_says_why() {
        let (booted, _) = run("echo no such machine >&2; exit 3", LONG, &Stop::new());
        let End::QemuFailed(why) = booted.end else {
            panic!("{:?}", booted.end)
        };
        assert!(
            why.contains("3") && why.contains("no such machine"),
            "{why}"
        );
    }

    #[test]
    fn a_silent_guest_is_ended() {
        let silence = Duration::from_millis(100);
        let (booted, _) = run(
            "echo one; exec sleep 600",
            Limits { silence, ..LONG },
            &Stop::new(),
        );
        assert_eq!(booted.end, End::Silent(silence));
        assert_eq!(booted.log, b"one\n");
    }

    #[test]
    fn a_guest_that_never_stops_talking_is_ended() {
        let total = Duration::from_millis(200);
        let (booted, _) = run(
            "while :; do echo on; sleep 0.01; done",
            Limits { total, ..LONG },
            &Stop::new(),
        );
        assert_eq!(booted.end, End::TooLong(total));
    }

    #[test]
    fn an_interrupt_ends_the_guest() {
        let stop = Stop::new();
        stop.request();
        let (booted, _) = run("exec sleep 600", LONG, &stop);
        assert_eq!(booted.end, End::Interrupted);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let qemu = duct::cmd!("/nonexistent/qemu");
        let error =
            watch(&qemu, &dir.path().join("c.log"), LONG, &Stop::new(), |_| ()).unwrap_err();
        assert!(matches!(error, Error::Start { .. }), "{error}");
    }
}
