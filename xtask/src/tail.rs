// SPDX-License-Identifier: GPL-2.0-only
//! Standard error of a program that is followed: its end is kept, however much comes before.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read as _, Write as _};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use fs_err::File;

use crate::follow::{self, End, LINGER, Limits};
use crate::stop::Stop;

/// How much of it is kept, bytes.
const KEPT: usize = 64 << 10;

/// How much of it a file gets, bytes.
const WRITTEN: usize = 1 << 20;

/// What a file ends with that has got [`WRITTEN`] bytes.
const CUT: &[u8] = b"\n[what comes then was left out]\n";

/// Runs `program` as [`follow::follow`] does, and returns the end of its standard error too, whose beginning goes to `file`.
///
/// # Errors
/// As of [`follow::follow`].
pub fn follow(
    program: &duct::Expression,
    file: Option<File>,
    limits: Limits,
    stop: &Stop,
    heard: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<(End, String)> {
    let (errors, write) = io::pipe()?;
    let kept: Arc<Mutex<VecDeque<u8>>> = Arc::default();
    let (done, is_done) = mpsc::channel();
    let keep = Arc::clone(&kept);
    // Nobody waits for this thread longer than a moment: what the program has started may keep the pipe open.
    std::thread::spawn(move || read(errors, file, &keep, done));
    let program = program.stderr_file(write);
    let end = follow::follow(&program, limits, stop, heard);
    // The last one here that could write.
    drop(program);
    let _ = is_done.recv_timeout(LINGER);
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let kept: Vec<u8> = kept.iter().copied().collect();
    Ok((end?, String::from_utf8_lossy(&kept).into_owned()))
}

/// Reads to the end of `errors`. `done` is dropped then.
fn read(
    mut errors: PipeReader,
    mut file: Option<File>,
    kept: &Mutex<VecDeque<u8>>,
    _done: Sender<()>,
) {
    let mut piece = [0; 16384];
    let mut left = WRITTEN;
    while let Ok(n @ 1..) = errors.read(&mut piece) {
        let piece = &piece[..n];
        {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(piece);
            let surplus = kept.len().saturating_sub(KEPT);
            kept.drain(..surplus);
        }
        if let Some(to) = &mut file {
            let part = &piece[..n.min(left)];
            left -= part.len();
            let cut = if part.len() < n { CUT } else { b"" };
            // What can't be written is in what is kept, as far as anybody asks for it.
            let written = to.write_all(part).and_then(|()| to.write_all(cut));
            if written.is_err() || part.len() < n {
                file = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn run(script: &str, file: Option<File>) -> (End, String) {
        let program = duct::cmd!("sh", "-c", script);
        follow(&program, file, Limits::NONE, &Stop::new(), |_| Ok(())).expect("the shell starts")
    }

    #[test]
    fn the_end_is_kept_of_any_amount() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("stderr");
        let file = File::create(&path).expect("created");
        let script = "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo last words >&2; exit 3";
        let (end, kept) = run(script, Some(file));
        assert!(matches!(end, End::Ended(status) if status.code() == Some(3)));
        assert!(kept.len() == KEPT && kept.ends_with("xlast words\n"));
        let written = fs_err::read(path).expect("a file");
        assert_eq!(written.len(), WRITTEN + CUT.len());
        assert!(written.ends_with(CUT));
    }

    #[test]
    fn nobody_waits_for_what_is_closed() {
        let is_quick = || {
            let start = Instant::now();
            let _ = run("echo words >&2", None);
            start.elapsed() < LINGER
        };
        // A busy machine may need more than one try to be quick.
        assert!((0..20).any(|_| is_quick()), "it waited each time");
    }

    #[test]
    fn a_short_one_is_in_the_file_as_it_is() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("stderr");
        let (_, kept) = run("echo why >&2", Some(File::create(&path).expect("created")));
        assert_eq!(kept, "why\n");
        assert_eq!(fs_err::read_to_string(path).expect("a file"), "why\n");
    }

    #[test]
    fn nobody_waits_for_a_grandchild_that_keeps_it_open() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let pid = dir.path().join("pid");
        let script = format!(
            "sleep 600 >/dev/null & echo $! >{}; echo why >&2",
            pid.display()
        );
        assert_eq!(run(&script, None).1, "why\n");
        let pid = fs_err::read_to_string(pid).expect("it was written");
        duct::cmd!("kill", pid.trim()).run().expect("it was there");
    }
}
