// SPDX-License-Identifier: GPL-2.0-only
//! Keeps what comes from a guest within bounds and harmless: a guest may print without end, bytes that are no text, and what
//! a terminal would obey.

use super::{Case, Cell};
use crate::ui::printable;

/// Bytes of a name.
const NAME: usize = 256;
/// Bytes of a message or of what one hazard says.
const MESSAGE: usize = 64 << 10;
/// Bytes of an oddity.
const ODDITY: usize = 1 << 10;
/// Oddities of a log.
const ODDITIES: usize = 100;
/// Bytes of a case's log.
pub(crate) const CASE: usize = 8 << 10;
/// Bytes of the logs of all cases of a boot; further cases that are no failures have none.
const CASES: usize = 4 << 20;
/// Bytes of a console.
pub(crate) const CONSOLE: usize = 64 << 10;
/// Hazards of a boot.
const HAZARDS: usize = 1000;

/// `bytes` as text: in UTF-8, without escape sequences and other characters that a terminal obeys. Of more than `limit` bytes
/// only the first and the last lines, with a line between them that says what is left out. What stands for a byte that is no
/// text takes up to three.
pub fn excerpt(bytes: &[u8], limit: usize) -> String {
    if bytes.len() <= limit {
        return clean(bytes);
    }
    let half = limit / 2;
    // At the end of a line, unless that is far away.
    let head = bytes[..half].iter().rposition(|&b| b == b'\n');
    let head = head.map_or(half, |at| at + 1);
    let late = bytes.len() - half;
    let tail = bytes[late..].iter().position(|&b| b == b'\n');
    let tail = tail.map_or(late, |at| late + at + 1);
    let left_out = &bytes[head..tail];
    let lines = left_out.iter().filter(|&&b| b == b'\n').count();
    let mut text = clean(&bytes[..head]);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text += &format!("[… {} bytes, {lines} lines left out …]\n", left_out.len());
    text + &clean(&bytes[tail..])
}

fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.replace("\r\n", "\n");
    printable(&console::strip_ansi_codes(&text)).into_owned()
}

fn bound(text: &mut String, limit: usize) {
    let bounded = excerpt(text.as_bytes(), limit);
    if bounded != *text {
        *text = bounded;
    }
}

fn bound_name(name: &mut String) {
    *name = clean(name.as_bytes()).replace('\n', "·");
    if name.len() > NAME {
        let mut end = NAME;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        name.push('…');
    }
}

impl Cell {
    /// Bounds all that a guest or a tool said.
    pub fn bound(&mut self) {
        let mut left = CASES;
        for suite in &mut self.suites {
            bound_name(&mut suite.name);
            for case in &mut suite.cases {
                case.bound(&mut left);
            }
        }
        if let Some(message) = &mut self.message {
            bound(message, MESSAGE);
        }
        if let Some(proof) = &mut self.cache_proof {
            bound(proof, ODDITY);
        }
        more_than(&mut self.oddities, ODDITIES, |more| {
            format!("{more} more oddities are not listed")
        });
        self.oddities.iter_mut().for_each(|o| bound(o, ODDITY));
        if self.hazards.len() > HAZARDS {
            let more = self.hazards.len() - HAZARDS;
            self.hazards.truncate(HAZARDS);
            let odd = format!("{more} more hazards are in vcsan.jsonl");
            self.oddities.push(odd);
        }
        for hazard in &mut self.hazards {
            bound(&mut hazard.seen.text, MESSAGE);
        }
    }
}

impl Case {
    /// `left` is what may be kept of the logs of this boot's cases, bytes.
    fn bound(&mut self, left: &mut usize) {
        bound_name(&mut self.name);
        if let Some(message) = &mut self.message {
            bound(message, MESSAGE);
        }
        let Some(log) = &mut self.log else { return };
        bound(log, CASE);
        if log.len() > *left && !self.verdict.is_failure() {
            self.log = None;
        } else {
            *left = left.saturating_sub(log.len());
        }
    }
}

fn more_than(list: &mut Vec<String>, limit: usize, says: impl Fn(usize) -> String) {
    if list.len() > limit {
        let more = list.len() - limit;
        list.truncate(limit);
        list.push(says(more));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    #[test]
    fn what_is_short_is_kept_whole() {
        assert_eq!(excerpt("é\n".as_bytes(), 3), "é\n");
        assert_eq!(excerpt(b"", 0), "");
    }

    #[test]
    fn of_a_long_log_head_and_tail_are_kept() {
        let log: String = (0..100_000).map(|n| format!("line {n}\n")).collect();
        let text = excerpt(log.as_bytes(), 1000);
        assert!(text.len() < 1100, "{}", text.len());
        assert!(text.starts_with("line 0\nline 1\n"), "{text}");
        assert!(text.ends_with("line 99998\nline 99999\n"), "{text}");
        let kept = text.lines().filter(|l| l.starts_with("line ")).count();
        let said = format!(" bytes, {} lines left out …]", 100_000 - kept);
        assert!(text.contains(&said), "{text}");
    }

    #[test]
    fn a_line_without_end_is_cut_between_characters_or_shown_as_broken() {
        let log = "é".repeat(1 << 20);
        let text = excerpt(log.as_bytes(), 1001);
        assert!(text.len() < 1200, "{}", text.len());
        assert!(text.starts_with("éé") && text.ends_with("éé"), "{text}");
    }

    #[test]
    fn bytes_that_are_no_text_and_escape_sequences_are_harmless() {
        let text = excerpt(
            b"a\xff\xfe\x1b[31mred\x1b[0m\x1b]0;t\x07\x00b\r\nc\rd\n",
            100,
        );
        assert_eq!(text, "a\u{fffd}\u{fffd}red·b\nc·d\n");
        // Also where one is cut in two.
        let text = excerpt(b"0123456789\x1b[31mred", 10);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn nothing_of_a_boot_is_larger_than_its_bound() {
        let huge = "x\u{1b}".repeat(1 << 20);
        let case = |verdict| Case {
            name: huge.clone(),
            verdict,
            message: Some(huge.clone()),
            log: Some("y".repeat(CASE)),
            ..Case::default()
        };
        let mut cell = Cell {
            message: Some(huge.clone()),
            oddities: vec![huge.clone(); ODDITIES + 7],
            ..Cell::default()
        };
        cell.suites.push(super::super::Suite {
            name: huge.clone(),
            cases: vec![case(Verdict::Failed)],
            ..Default::default()
        });
        cell.bound();
        let case = &cell.suites[0].cases[0];
        assert!(case.name.len() <= NAME + 3);
        assert!(case.message.as_ref().expect("kept").len() <= 3 * MESSAGE);
        assert!(case.log.is_some());
        assert!(excerpt(&[0xff; 1 << 20], CONSOLE).len() <= 3 * CONSOLE + 100);
        assert_eq!(cell.oddities.len(), ODDITIES + 1);
        assert!(cell.oddities[ODDITIES].starts_with("7 more"));
        let text = serde_json::to_string(&cell).expect("it can be written");
        assert!(!text.contains("\\u001b"));
    }

    #[test]
    fn when_logs_take_too_much_those_of_failures_are_kept() {
        let case = |verdict| Case {
            verdict,
            log: Some("12345".into()),
            ..Case::default()
        };
        let mut left = 7;
        for (verdict, kept) in [
            (Verdict::Passed, true),
            (Verdict::Passed, false),
            (Verdict::Failed, true),
        ] {
            let mut case = case(verdict);
            case.bound(&mut left);
            assert_eq!(case.log.is_some(), kept, "{verdict}");
        }
    }
}
