// SPDX-License-Identifier: GPL-2.0-only
//! One patch as a mail, in the form of `git format-patch`.

use std::fmt::Write as _;

use crate::config::Series;

/// Who mails, as in the patches of `kernel/patches`. Whoever sends them puts their own name there.
const FROM: &str = "aliasheap developers <aliasheap@example.org>";

/// The columns of a mail's text.
const WIDTH: usize = 75;

/// A patch with its message.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) subject: String,
    /// The message, signed off.
    message: String,
    /// Of each file: its path, and the diff.
    diffs: Vec<(String, String)>,
}

impl Letter {
    /// One without changes yet.
    pub(super) fn new(subject: &str, text: &str) -> Letter {
        Letter {
            subject: subject.to_owned(),
            message: format!("{}\n\nSigned-off-by: {FROM}\n", text.trim_end()),
            diffs: Vec::new(),
        }
    }

    /// One as it stands in a file.
    ///
    /// # Errors
    /// A fragment: a part is missing.
    pub(super) fn of_patch(text: &str) -> Result<Letter, String> {
        let (head, rest) = text
            .split_once("\n\n")
            .ok_or("its header does not end in an empty line")?;
        let (message, rest) = rest
            .split_once("\n---\n")
            .ok_or("its message does not end in a line ---")?;
        // A long one goes on in lines that begin with a space.
        let head = head.replace("\n ", " ");
        let subject = head
            .lines()
            .find_map(|line| line.strip_prefix("Subject: "))
            .ok_or("it has no subject")?;
        let subject = match subject.split_once("] ") {
            Some((mark, subject)) if mark.starts_with("[PATCH") => subject,
            _ => subject,
        };
        let mut diffs: Vec<(String, String)> = Vec::new();
        for line in rest.split_inclusive('\n') {
            if let Some(files) = line.strip_prefix("diff --git a/") {
                let file = files.split(' ').next().unwrap_or_default();
                diffs.push((file.to_owned(), String::new()));
            }
            // The signature of a mail is no line of a diff.
            if line == "-- \n" {
                break;
            }
            if let Some((_, diff)) = diffs.last_mut() {
                diff.push_str(line);
            }
        }
        if diffs.is_empty() {
            return Err("it changes nothing".into());
        }
        Ok(Letter {
            subject: subject.to_owned(),
            message: format!("{}\n", message.trim_end()),
            diffs,
        })
    }

    /// Adds a file, of which `before` is there already.
    pub(super) fn add_file(&mut self, file: &str, before: Option<&str>, now: &str) {
        let patch = diffy::create_patch(before.unwrap_or_default(), now).to_string();
        let hunks = patch.find("@@").map_or("", |at| &patch[at..]);
        let (kind, from) = match before {
            Some(_) => ("", format!("a/{file}")),
            None => ("new file mode 100644\n", "/dev/null".into()),
        };
        let head = format!("diff --git a/{file} b/{file}\n{kind}--- {from}\n+++ b/{file}\n");
        self.diffs.push((file.to_owned(), head + hunks));
    }

    /// The files that it changes or adds.
    pub(super) fn changes(&self) -> impl Iterator<Item = &str> {
        self.diffs.iter().map(|(file, _)| file.as_str())
    }

    /// As `git format-patch` names it.
    pub(super) fn file_name(&self, number: usize) -> String {
        let words = self
            .subject
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let mut name = words.join("-");
        name.truncate(52);
        format!("{number:04}-{name}.patch")
    }

    /// Lines that each file gains and loses.
    fn stat(&self) -> Vec<(&str, usize, usize)> {
        let stat = self.diffs.iter().map(|(file, diff)| {
            let changed = |mark, head| {
                let lines = diff.lines().filter(|line| line.starts_with(mark));
                lines.filter(|line| !line.starts_with(head)).count()
            };
            (file.as_str(), changed('+', "+++ "), changed('-', "--- "))
        });
        stat.collect()
    }

    /// All of it, as number `number` of `total`.
    pub(super) fn text(&self, number: usize, total: usize) -> String {
        let mark = format!(
            "[PATCH {number:0width$}/{total}]",
            width = total.to_string().len()
        );
        let mut text = header(&format!("{mark} {}", self.subject));
        text += &self.message;
        text += "---\n";
        text += &stat_text(&self.stat());
        text.push('\n');
        for (_, diff) in &self.diffs {
            text += diff;
        }
        text + "-- \n"
    }
}

fn header(subject: &str) -> String {
    format!(
        "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\nFrom: {FROM}\nSubject: {subject}\n\n"
    )
}

fn stat_text(stat: &[(&str, usize, usize)]) -> String {
    let width = stat.iter().map(|(file, ..)| file.len()).max().unwrap_or(0);
    let (mut text, mut more, mut less) = (String::new(), 0, 0);
    for (file, plus, minus) in stat {
        // Writing to a string does not fail.
        let _ = writeln!(text, " {file:<width$} | {}", plus + minus);
        more += plus;
        less += minus;
    }
    let _ = writeln!(
        text,
        " {} files changed, {more} insertions(+), {less} deletions(-)",
        stat.len()
    );
    text
}

/// The cover letter. `tested`: what was, with what result; `untested`: what was not.
pub(super) fn cover(
    series: &Series,
    letters: &[Letter],
    tested: &str,
    untested: &[&str],
) -> String {
    let total = letters.len();
    let zero = "0".repeat(total.to_string().len());
    let mut text = header(&format!("[PATCH {zero}/{total}] {}", series.subject));
    text += &format!("{}\n\nTested\n\n{tested}\n", series.text.trim_end());
    text += "Not tested\n\n";
    for what in untested {
        let _ = writeln!(text, "- {what}");
    }
    text.push('\n');
    for (at, letter) in letters.iter().enumerate() {
        let line = format!("  {:>2}. {}", at + 1, letter.subject);
        let _ = writeln!(text, "{}", line.chars().take(WIDTH).collect::<String>());
    }
    let mut stat: Vec<(&str, usize, usize)> = Vec::new();
    for (file, more, less) in letters.iter().flat_map(Letter::stat) {
        match stat.iter_mut().find(|(known, ..)| *known == file) {
            Some(known) => {
                known.1 += more;
                known.2 += less;
            }
            None => stat.push((file, more, less)),
        }
    }
    stat.sort_unstable();
    format!("{text}\n{}-- \n", stat_text(&stat))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "From 0 Mon Sep 17 00:00:00 2001\nFrom: a <a@b>\nSubject: [PATCH 101/108] mm: add\n something\n\nWhy.\n\nSigned-off-by: a <a@b>\n---\n f | 2 +-\n 1 file changed\n\ndiff --git a/mm/f b/mm/f\nindex 1..2 100644\n--- a/mm/f\n+++ b/mm/f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n-- \n2.39\n";

    #[test]
    fn a_patch_keeps_its_message_and_gets_the_new_files() {
        let mut letter = Letter::of_patch(PATCH).expect("a patch");
        letter.add_file("mm/new.c", None, "one\ntwo\n");
        letter.add_file("mm/old.c", Some("one\n"), "one\ntwo\n");
        assert_eq!(letter.subject, "mm: add something");
        assert_eq!(letter.file_name(2), "0002-mm-add-something.patch");
        let text = letter.text(2, 10);
        assert!(text.contains("Subject: [PATCH 02/10] mm: add something\n\nWhy.\n\nSigned-off-by: a <a@b>\n---\n mm/f     | 2\n"), "{text}");
        assert!(
            text.contains(" 3 files changed, 4 insertions(+), 1 deletions(-)\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "new file mode 100644\n--- /dev/null\n+++ b/mm/new.c\n@@ -0,0 +1,2 @@\n+one\n+two\n"
            ),
            "{text}"
        );
        assert!(
            text.contains("--- a/mm/old.c\n+++ b/mm/old.c\n@@ -1 +1,2 @@\n one\n+two\n"),
            "{text}"
        );
        assert!(text.ends_with("-- \n") && !text.contains("2.39"), "{text}");
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for (text, says) in [
            ("Subject: a", "header"),
            ("Subject: a\n\nWhy.\n", "message"),
            ("From: a\n\nWhy.\n---\nx\n", "no subject"),
            ("Subject: a\n\nWhy.\n---\nx\n", "changes nothing"),
        ] {
            let said = Letter::of_patch(text).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }
}
