// SPDX-License-Identifier: GPL-2.0-only
//! A lock that is held, and the note in its file of who holds it.

use std::env;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use fs_err::File;

/// A lock that is held until this is dropped.
#[derive(Debug)]
#[must_use = "it is released as soon as it is dropped"]
pub struct Lock {
    file: File,
    note: String,
}

impl Lock {
    /// The lock of `file`, which this process has got, with a note of that for others that wait.
    pub(super) fn noted(mut file: File) -> Lock {
        let mut args: Vec<String> = env::args_os()
            .map(|a| a.to_string_lossy().into_owned())
            .collect();
        if let Some(program) = args.first_mut() {
            *program = program.rsplit('/').next().unwrap_or_default().to_owned();
        }
        let note = format!("process {} ({})", std::process::id(), args.join(" "));
        // Not worth failing for.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(note.as_bytes()));
        Lock { file, note }
    }
}

/// Takes the note away, unless it is another's by now: where several share a lock, whoever is left would be taken for this one.
impl Drop for Lock {
    fn drop(&mut self) {
        if note(&mut self.file).is_ok_and(|note| note == self.note) {
            let _ = self.file.set_len(0);
        }
    }
}

fn note(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Who holds the lock of `file`, as far as its note can be believed: a process that was killed has left its own.
pub(super) fn holder(file: &mut File) -> String {
    let note = note(file).unwrap_or_default();
    let words = note.strip_prefix("process ").unwrap_or_default();
    let number: Option<u32> = words.split(' ').next().and_then(|word| word.parse().ok());
    match number {
        Some(number) if number == std::process::id() => "another part of this process".into(),
        Some(number) if Path::new(&format!("/proc/{number}")).exists() => note,
        _ => "another process".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> File {
        let file = tempfile::tempfile().expect("a temporary file");
        File::from_parts(file, "lock")
    }

    #[test]
    fn a_note_of_a_process_that_is_gone_is_not_believed() {
        let mut file = file();
        assert_eq!(holder(&mut file), "another process");
        // Greater than any number of a process.
        file.write_all(b"process 4194305 (xtask test)")
            .expect("written");
        assert_eq!(holder(&mut file), "another process");
        let parent = format!("process {} (shell)", std::os::unix::process::parent_id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .expect("emptied");
        file.write_all(parent.as_bytes()).expect("written");
        assert_eq!(holder(&mut file), parent);
    }

    #[test]
    fn whoever_shares_a_lock_and_lets_go_is_not_taken_for_its_holder() {
        let open = file();
        let again = || File::from_parts(open.file().try_clone().expect("a file"), "lock");
        let (first, second) = (Lock::noted(again()), Lock::noted(again()));
        assert_eq!(holder(&mut again()), "another part of this process");
        drop(second);
        assert_eq!(holder(&mut again()), "another process");
        drop(first);
    }
}
