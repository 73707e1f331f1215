// SPDX-License-Identifier: GPL-2.0-only
//! Command lines for people to copy into a shell.

use std::ffi::OsStr;

/// `words` as one line that a POSIX shell reads back.
pub fn shell_words(words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
    let words: Vec<String> = words
        .into_iter()
        .map(|word| shell_word(word.as_ref()))
        .collect();
    words.join(" ")
}

/// A word as a POSIX shell reads it back.
pub fn shell_word(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    // What can't be quoted holds a NUL, which no argument of a program can hold.
    shlex::try_quote(&word).map_or_else(|_| word.replace('\0', ""), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for words in [
            vec!["a", "--b=c", "/d/e.f"],
            vec![
                "", "a b", "it's", "*", "$HOME", "a\nb", "\\", "\"", "-", "é",
            ],
        ] {
            let line = shell_words(&words);
            let read = std::process::Command::new("sh")
                .args(["-c", &format!("printf '%s\\0' {line}")])
                .output()
                .expect("a shell");
            let read = String::from_utf8(read.stdout).expect("text");
            let read: Vec<&str> = read.split_terminator('\0').collect();
            assert_eq!(read, words, "{line}");
        }
    }
}
