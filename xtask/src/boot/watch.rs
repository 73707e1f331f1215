// SPDX-License-Identifier: GPL-2.0-only
//! Follows a guest's console into a log.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_err::File;

use crate::follow::{self, Limits};
use crate::stop::Stop;
use crate::tail;

/// How a guest's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// QEMU ended by itself with status 0: the guest powered off or rebooted.
    Exited,
    /// QEMU ended with another status or by a signal: which, and its last words on standard error.
    QemuFailed(String),
    /// The guest printed nothing for as long as [`Limits::silence`], and was ended.
    Silent(Duration),
    /// It ran for as long as [`Limits::total`], and was ended.
    TooLong(Duration),
    /// It printed more than [`Limits::output`] bytes, and was ended. The log has what came before.
    TooMuch(u64),
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
    /// The longest time of it without a word.
    pub silence: Duration,
}

/// Why a guest could not be watched.
#[derive(Debug, thiserror::Error)]
#[error("failed to run {program} with its console in {}", log.display())]
pub struct Error {
    /// What was to be run.
    pub program: String,
    /// The log.
    pub log: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Starts `qemu`, copies its standard output to `log` as it comes, and hands every piece to `heard`.
///
/// QEMU's standard error goes to a file beside the log, with the extension `stderr`, but for what no reader would look at.
///
/// # Errors
/// [`Error`]; a guest that misbehaves is no error but an [`End`].
pub fn watch(
    program: &str,
    qemu: &duct::Expression,
    log: &Path,
    limits: Limits,
    stop: &Stop,
    mut heard: impl FnMut(&[u8]),
) -> Result<Booted, Error> {
    let stderr = log.with_extension("stderr");
    let start = Instant::now();
    let (mut last, mut silence) = (start, Duration::ZERO);
    let mut bytes = Vec::new();
    let files = || io::Result::Ok((File::create(log)?, File::create(stderr)?));
    let (end, errors) = files()
        .and_then(|(mut file, stderr)| {
            tail::follow(qemu, Some(stderr), limits, stop, |piece| {
                heard(piece);
                silence = silence.max(last.elapsed());
                last = Instant::now();
                bytes.extend_from_slice(piece);
                file.write_all(piece)
            })
        })
        .map_err(|source| Error {
            program: program.to_owned(),
            log: log.to_owned(),
            source,
        })?;
    let end = match end {
        follow::End::Ended(status) if status.success() => End::Exited,
        follow::End::Ended(status) => End::QemuFailed(last_words(&errors, &status.to_string())),
        follow::End::Silent(limit) => End::Silent(limit),
        follow::End::TooLong(limit) => End::TooLong(limit),
        follow::End::TooMuch(limit) => End::TooMuch(limit),
        follow::End::Interrupted => End::Interrupted,
    };
    Ok(Booted {
        log: bytes,
        end,
        took: start.elapsed(),
        silence: silence.max(last.elapsed()),
    })
}

/// The status, and the last lines of QEMU's standard error where there are any.
fn last_words(errors: &str, status: &str) -> String {
    let lines: Vec<&str> = errors.lines().collect();
    if lines.is_empty() {
        status.to_owned()
    } else {
        format!(
            "{status}: {}",
            lines[lines.len().saturating_sub(5)..].join("; ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> Booted {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let log = dir.path().join("console.log");
        let mut heard = Vec::new();
        let qemu = duct::cmd!("sh", "-c", script);
        let booted = watch("sh", &qemu, &log, Limits::NONE, &Stop::new(), |p| {
            heard.extend_from_slice(p)
        })
        .expect("the shell starts");
        assert_eq!(fs_err::read(log).expect("the log"), booted.log);
        assert_eq!(heard, booted.log);
        assert!(dir.path().join("console.stderr").is_file());
        booted
    }

    #[test]
    fn the_log_holds_what_the_guest_printed() {
        let booted = run("echo one; echo two");
        assert_eq!(
            (booted.end, booted.log.as_slice()),
            (End::Exited, b"one\ntwo\n".as_slice())
        );
    }

    #[test]
    fn the_longest_silence_is_known() {
        let booted = run("echo one; sleep 0.3; echo two; sleep 0.1");
        let (least, most) = (Duration::from_millis(300), booted.took);
        assert!(
            booted.silence >= least && booted.silence < most,
            "{booted:?}"
        );
    }

    #[test]
    fn of_a_qemu_that_complains_without_end_the_last_words_are_kept() {
        let complains = "head -c 3000000 /dev/zero | tr '\\0' '\\n' >&2; echo no more >&2; exit 3";
        let End::QemuFailed(why) = run(complains).end else {
            panic!("it failed")
        };
        assert!(why.ends_with("no more") && why.len() < 100, "{why}");
    }

    #[test]
    fn a_qemu_that_fails_says_why() {
        let End::QemuFailed(why) = run("echo no such machine >&2; exit 3").end else {
            panic!("it failed")
        };
        assert!(
            why.contains('3') && why.contains("no such machine"),
            "{why}"
        );
    }
}
