// SPDX-License-Identifier: GPL-2.0-only
//! Runs one command with a limit of time.

use std::io::{self, Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Seconds for a compiler.
pub const COMPILE: u32 = 120;
/// Seconds for a program, which usually takes milliseconds.
pub const PROGRAM: u32 = 60;

/// How a command ended, and what it wrote.
#[derive(Debug)]
pub struct Ended {
    /// 0, or why it is not.
    pub status: Status,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// With this code.
    Exit(i32),
    /// It was killed.
    Signal(i32),
    /// It took too long.
    Timeout,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Status::Exit(code) => write!(f, "exit code {code}"),
            Status::Signal(signal) => write!(f, "signal {signal}"),
            Status::Timeout => write!(f, "no end in time"),
        }
    }
}

impl Ended {
    /// Whether it ended with 0.
    pub fn ok(&self) -> bool {
        self.status == Status::Exit(0)
    }

    /// The first line of standard error that says what is wrong.
    pub fn complaint(&self) -> String {
        let line = self
            .err
            .lines()
            // collect2 only repeats that ld failed.
            .find(|l| {
                !l.starts_with("collect2: ")
                    && ["error", "failed to", "multiple definition"]
                        .iter()
                        .any(|word| l.contains(word))
            })
            .or_else(|| self.err.lines().next())
            .unwrap_or_default();
        if line.is_empty() {
            self.status.to_string()
        } else {
            line.chars().take(300).collect()
        }
    }
}

/// Bytes of output that are kept.
const KEPT: u64 = 16 << 20;

/// Runs `argv` in `dir`, at most `seconds`.
///
/// # Errors
/// It can't be started: a compiler that is missing says nothing of a program.
pub fn run<S: AsRef<str>>(dir: &Path, seconds: u32, argv: &[S]) -> io::Result<Ended> {
    let (mut out, mut err) = (temporary(dir)?, temporary(dir)?);
    // In files, so that what the program has started can't hold a pipe open.
    let status = Command::new("timeout")
        .args(["-s", "KILL", &seconds.to_string()])
        .args(argv.iter().map(AsRef::as_ref))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(err.try_clone()?)
        .status()?;
    let status = match (status.code(), status.signal()) {
        // What `timeout` ends with when it has sent SIGKILL, which nothing else here sends.
        (Some(137), _) | (None, Some(9)) => Status::Timeout,
        (Some(code), _) if code > 128 => Status::Signal(code - 128),
        (Some(code), _) => Status::Exit(code),
        (None, signal) => Status::Signal(signal.unwrap_or_default()),
    };
    let (out, err) = (text(&mut out)?, text(&mut err)?);
    // `timeout`'s own codes, and its own words: a program may end with them too.
    if let Status::Exit(126 | 127) = status
        && let Some(reason) = err.strip_prefix("timeout: ")
    {
        return Err(io::Error::other(reason.trim_end().to_owned()));
    }
    Ok(Ended { status, out, err })
}

/// A file without a name.
fn temporary(dir: &Path) -> io::Result<std::fs::File> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!(
        ".output-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let path = dir.join(name);
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

fn text(file: &mut std::fs::File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(KEPT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Words in one list.
pub fn words(parts: &[&[String]], rest: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = parts.iter().flat_map(|p| p.iter().cloned()).collect();
    all.extend(rest.iter().map(|s| (*s).to_owned()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, seconds: u32) -> Ended {
        run(&std::env::temp_dir(), seconds, &["sh", "-c", script]).expect("sh runs")
    }

    #[test]
    fn codes_signals_and_output_are_told() {
        let ended = sh("echo out; echo x error: y >&2; exit 3", 60);
        assert_eq!(ended.status, Status::Exit(3));
        assert_eq!(ended.out, "out\n");
        assert_eq!(ended.complaint(), "x error: y");
        assert_eq!(sh("kill -ABRT $$", 60).status, Status::Signal(6));
        assert!(sh("true", 60).ok());
        let ended = sh(
            "echo ld: a.o: in function >&2; echo 'ld: b.o: multiple definition of f' >&2; echo collect2: error: ld >&2; exit 1",
            60,
        );
        assert_eq!(ended.complaint(), "ld: b.o: multiple definition of f");
    }

    #[test]
    fn what_can_not_be_started_is_an_error() {
        let missing = run(&std::env::temp_dir(), 60, &["no-such-compiler", "x"]);
        let error = missing.expect_err("there is none").to_string();
        assert!(error.contains("no-such-compiler"), "{error}");
        // A program's own code.
        assert_eq!(sh("exit 127", 60).status, Status::Exit(127));
    }

    #[test]
    fn what_does_not_end_is_ended() {
        assert_eq!(sh("while :; do :; done", 1).status, Status::Timeout);
    }
}
