// SPDX-License-Identifier: GPL-2.0-only
//! Runs a program and follows its standard output as it is written, until it ends, exceeds a limit, or the user has enough.

use std::io::{self, Read};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::stop::Stop;

/// How long a program may take, and how much it may print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Without printing anything.
    pub silence: Duration,
    /// Altogether.
    pub total: Duration,
    /// Bytes of standard output.
    pub output: u64,
}

impl Limits {
    /// For what may take as long as it takes, and prints no more than a very talkative build does.
    pub const NONE: Limits = Limits {
        silence: Duration::MAX,
        total: Duration::MAX,
        output: 1 << 28,
    };
}

/// How a program came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Ended(ExitStatus),
    /// It printed nothing for as long as [`Limits::silence`], and was ended.
    Silent(Duration),
    /// It ran for as long as [`Limits::total`], and was ended.
    TooLong(Duration),
    /// It printed more than [`Limits::output`] bytes, and was ended.
    TooMuch(u64),
    /// The user interrupted it, and it was ended.
    Interrupted,
}

/// How long a program may take to end when it is asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How long a program may go on after it has written a [`SHORT`] piece, until it is heard again. QEMU writes each character of a
/// guest's console by itself, and to hear one takes longer than the guest takes for it.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes of a piece of which many fit into a pipe.
const SHORT: usize = 4096;

/// How long what a program has started may keep its output open once the program has ended.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// Runs `program` without standard input and hands every piece of its standard output to `heard`.
///
/// A program that is ended is asked first (SIGTERM), with all that it has started, and killed after [`GRACE`]. What it
/// prints meanwhile is still handed on, within the limit of its output.
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
    let reader = Arc::new(program.stdin_null().unchecked().reader()?);
    // A program that prints faster than it is heard waits.
    let (send, pieces) = mpsc::sync_channel(16);
    let output = Arc::clone(&reader);
    // Nobody waits for this thread: what the program has started may keep the pipe open for as long as it likes.
    std::thread::spawn(move || {
        let mut piece = [0; 16384];
        // An error is an end too: the pipe is gone, and how the program ended tells why.
        while let Ok(n @ 1..) = (&*output).read(&mut piece) {
            if send.send(piece[..n].to_vec()).is_err() {
                break;
            }
            if n < SHORT {
                std::thread::sleep(PAUSE);
            }
        }
    });
    let mut printed = 0;
    let mut ended = None;
    let end = loop {
        if stop.requested() {
            break End::Interrupted;
        }
        let (silent, total) = (last.elapsed(), start.elapsed());
        if silent >= limits.silence {
            break End::Silent(limits.silence);
        }
        if total >= limits.total {
            break End::TooLong(limits.total);
        }
        let patience = (limits.silence - silent)
            .min(limits.total - total)
            .min(Stop::POLL);
        match pieces.recv_timeout(patience) {
            Ok(piece) => {
                last = Instant::now();
                printed += piece.len() as u64;
                if printed > limits.output {
                    break End::TooMuch(limits.output);
                }
                if let Err(error) = heard(&piece) {
                    end_all(&reader, Signal::KILL);
                    let _ = reader.kill();
                    return Err(error);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                let Some(output) = reader.try_wait()? else {
                    continue;
                };
                let since = *ended.get_or_insert_with(Instant::now);
                if since.elapsed() >= LINGER {
                    return Ok(End::Ended(output.status));
                }
            }
            // The end of its output: duct has waited for the program by now.
            Err(RecvTimeoutError::Disconnected) => {
                return match reader.try_wait()? {
                    Some(output) => Ok(End::Ended(output.status)),
                    None => Err(io::Error::other(
                        "closed its standard output without ending",
                    )),
                };
            }
        }
    };
    end_all(&reader, Signal::TERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        match pieces.recv_timeout(Stop::POLL) {
            Ok(piece) => {
                printed += piece.len() as u64;
                if printed <= limits.output {
                    heard(&piece)?;
                }
            }
            // Ended, and nothing more comes.
            Err(RecvTimeoutError::Timeout) if reader.try_wait()?.is_some() => break,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    end_all(&reader, Signal::KILL);
    // A program that has ended meanwhile is not there to be killed.
    let _ = reader.kill();
    Ok(end)
}

/// Runs `program` to its end and returns that with all of its standard output.
///
/// # Errors
/// The program does not start.
pub fn capture(program: &duct::Expression, stop: &Stop) -> io::Result<(End, Vec<u8>)> {
    let mut output = Vec::new();
    let end = follow(program, Limits::NONE, stop, |piece| {
        output.extend_from_slice(piece);
        Ok(())
    })?;
    Ok((end, output))
}

/// Runs `program` to its end, with its standard output as this process's. None where the user interrupted it.
///
/// # Errors
/// The program does not start, or prints without end.
pub fn show(program: &duct::Expression, stop: &Stop) -> io::Result<Option<ExitStatus>> {
    let end = follow(program, Limits::NONE, stop, |piece| {
        print!("{}", String::from_utf8_lossy(piece));
        Ok(())
    })?;
    match end {
        // A signal of the terminal ends it too.
        _ if stop.requested() => Ok(None),
        End::Ended(status) => Ok(Some(status)),
        End::TooMuch(limit) => Err(too_much(limit)),
        End::Interrupted | End::Silent(_) | End::TooLong(_) => Ok(None),
    }
}

/// What is said of a program that printed more than `limit` bytes.
pub fn too_much(limit: u64) -> io::Error {
    io::Error::other(format!(
        "it printed more than {} MiB and was ended",
        limit >> 20
    ))
}

/// Sends `signal` to the program and to all that it has started and that has not gone its own way. Inner ones first: the
/// program that stands before QEMU in the Debian root does not hand on a signal.
fn end_all(reader: &duct::ReaderHandle, signal: Signal) {
    for pid in with_started(reader.pids()).into_iter().rev() {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }
}

/// These processes and all that they have started and that has not gone its own way, outer ones first.
pub fn with_started(mut all: Vec<u32>) -> Vec<u32> {
    let mut at = 0;
    while let Some(&pid) = all.get(at) {
        all.extend(children(pid));
        at += 1;
    }
    all
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs_err::read_dir(format!("/proc/{pid}/task"));
    tasks
        .into_iter()
        .flatten()
        .filter_map(|task| fs_err::read_to_string(task.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.collect::<Vec<u32>>()
        })
        .collect()
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
    fn what_comes_byte_by_byte_is_heard_in_few_pieces() {
        let script = "i=0; while [ $i -lt 2000 ]; do printf x; i=$((i + 1)); done";
        let (start, mut pieces, mut bytes) = (Instant::now(), 0, 0);
        let program = duct::cmd!("sh", "-c", script);
        follow(&program, Limits::NONE, &Stop::new(), |piece| {
            pieces += 1;
            bytes += piece.len();
            Ok(())
        })
        .expect("the shell starts");
        let most = start.elapsed().as_millis() / PAUSE.as_millis() + 1;
        assert!(bytes == 2000 && pieces <= most, "{pieces} of {most}");
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

    /// Whether a process whose number `file` holds is there and no zombie.
    fn lives(file: &std::path::Path) -> bool {
        let pid = fs_err::read_to_string(file).expect("it was written");
        let stat = fs_err::read_to_string(format!("/proc/{}/stat", pid.trim()));
        stat.is_ok_and(|stat| !stat.contains(") Z"))
    }

    /// Runs a script that is interrupted as soon as it has printed something.
    fn interrupted(script: &str) -> (End, Vec<u8>) {
        let (stop, mut heard) = (Stop::new(), Vec::new());
        let program = duct::cmd!("sh", "-c", script);
        let end = follow(&program, Limits::NONE, &stop, |piece| {
            heard.extend_from_slice(piece);
            stop.request();
            Ok(())
        });
        (end.expect("the shell starts"), heard)
    }

    #[test]
    fn a_program_is_ended_while_a_grandchild_keeps_the_pipe() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let pid = dir.path().join("pid");
        let script = format!(
            "sleep 600 & echo $! > {}; echo hi; sleep 600",
            pid.display()
        );
        assert_eq!(interrupted(&script), (End::Interrupted, b"hi\n".to_vec()));
        // It has got its signal, and needs a moment to go.
        while lives(&pid) {
            std::thread::sleep(Stop::POLL);
        }
    }

    #[test]
    fn a_program_has_ended_though_a_grandchild_keeps_the_pipe() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let pid = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; echo hi; exit 3", pid.display());
        let (end, heard) = run(&script, Limits::NONE, &Stop::new());
        assert!(
            matches!(end, End::Ended(status) if status.code() == Some(3)),
            "{end:?}"
        );
        assert_eq!(heard, b"hi\n");
        let pid = fs_err::read_to_string(pid).expect("it was written");
        let pid = pid.trim().parse().ok().and_then(Pid::from_raw);
        let _ = kill_process(pid.expect("a number"), Signal::KILL);
    }

    #[test]
    fn a_program_is_asked_before_it_is_killed_and_still_heard() {
        let script = "trap 'echo last words; exit' TERM; echo first; while :; do sleep 0.05; done";
        assert_eq!(
            interrupted(script),
            (End::Interrupted, b"first\nlast words\n".to_vec())
        );
    }

    #[test]
    fn a_program_that_prints_without_end_is_ended() {
        let limits = Limits {
            output: 1 << 20,
            ..Limits::NONE
        };
        let (end, heard) = run("exec yes", limits, &Stop::new());
        assert_eq!(end, End::TooMuch(1 << 20));
        assert!(heard.len() <= 1 << 20, "{}", heard.len());
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
    fn a_program_that_is_shown_is_ended_when_the_user_has_enough() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (pid, stop) = (dir.path().join("pid"), Stop::new());
        let script = format!("sleep 600 & echo $! >{}; wait", pid.display());
        let shown = std::thread::scope(|scope| {
            let program = duct::cmd!("sh", "-c", script);
            let shown = scope.spawn(|| show(&{ program }, &stop));
            while fs_err::read(&pid).is_ok_and(|text| text.is_empty()) || !pid.exists() {
                std::thread::sleep(Stop::POLL);
            }
            stop.request();
            shown.join().expect("no panic")
        });
        assert_eq!(shown.expect("the shell starts"), None);
        while lives(&pid) {
            std::thread::sleep(Stop::POLL);
        }
        let ended = show(&duct::cmd!("sh", "-c", "exit 3"), &Stop::new());
        let status = ended.expect("the shell starts").expect("an end");
        assert_eq!(status.code(), Some(3));
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
