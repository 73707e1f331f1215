// SPDX-License-Identifier: GPL-2.0-only
//! A guest's console by lines: what it printed from one line to another, and what the guest's clock said.

/// A log whose lines can be found.
#[derive(Debug)]
pub(super) struct Console<'a> {
    log: &'a [u8],
    /// Where each line begins, and the end of the log.
    starts: Vec<usize>,
}

impl<'a> Console<'a> {
    pub(super) fn new(log: &'a [u8]) -> Console<'a> {
        let ends = log.iter().enumerate().filter(|(_, b)| **b == b'\n');
        let mut starts: Vec<usize> = std::iter::once(0)
            .chain(ends.map(|(at, _)| at + 1))
            .collect();
        if starts.last() != Some(&log.len()) {
            starts.push(log.len());
        }
        Console { log, starts }
    }

    /// The lines `first` to `last`, from 1, as far as there are such.
    pub(super) fn lines(&self, first: usize, last: usize) -> &'a [u8] {
        let start = |number: usize| {
            let at = number.saturating_sub(1).min(self.starts.len() - 1);
            self.starts[at]
        };
        let (from, to) = (start(first), start(last.saturating_add(1)));
        self.log.get(from..to).unwrap_or_default()
    }

    /// The last of the lines `first` to `last` that holds `text`.
    pub(super) fn find(&self, text: &str, first: usize, last: usize) -> Option<usize> {
        let text = text.as_bytes();
        let holds = |number: &usize| {
            let line = self.lines(*number, *number).trim_ascii_end();
            line.ends_with(text)
        };
        (first..=last.min(self.starts.len())).rev().find(holds)
    }

    /// The time stamp that printk put before line `number`, microseconds.
    pub(super) fn stamp(&self, number: usize) -> Option<u64> {
        let line = self.lines(number, number).strip_prefix(b"[")?;
        let end = line.iter().position(|&b| b == b']')?;
        let stamp = std::str::from_utf8(&line[..end]).ok()?.trim_start();
        let (seconds, micros) = stamp.split_once('.')?;
        if micros.len() != 6 {
            return None;
        }
        let (seconds, micros): (u64, u64) = (seconds.parse().ok()?, micros.parse().ok()?);
        seconds.checked_mul(1_000_000)?.checked_add(micros)
    }

    /// From line `from` to line `to` by the guest's clock, seconds.
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of a boot are far below 2^53"
    )]
    pub(super) fn took(&self, from: usize, to: usize) -> Option<f64> {
        let micros = self.stamp(to)?.checked_sub(self.stamp(from)?)?;
        Some(micros as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[u8] = b"boot\r\n[    1.250000] # Subtest: s\r\n[    1.500000] ok 1 a\r\n[   12.000001] \xff\r\nend";

    #[test]
    fn lines_are_counted_from_one_and_none_is_beyond_the_end() {
        let console = Console::new(LOG);
        assert_eq!(console.lines(1, 1), b"boot\r\n");
        assert_eq!(console.lines(5, 5), b"end");
        assert_eq!(console.lines(4, 99), b"[   12.000001] \xff\r\nend");
        assert_eq!(console.lines(6, 6), b"");
        assert_eq!(console.lines(3, 2), b"");
        assert_eq!(Console::new(b"").lines(1, 1), b"");
        assert_eq!(console.find("# Subtest: s", 1, 9), Some(2));
        assert_eq!(console.find("# Subtest: s", 3, 9), None);
    }

    #[test]
    fn times_are_those_of_the_guests_clock() {
        let console = Console::new(LOG);
        assert_eq!(console.took(2, 3), Some(0.25));
        assert_eq!(console.stamp(1), None);
        assert_eq!(console.took(3, 2), None, "a clock that goes backwards");
        assert_eq!(
            console.stamp(4),
            Some(12_000_001),
            "what follows is no text"
        );
        assert_eq!(console.stamp(5), None);
        assert_eq!(Console::new(b"[    0.000001]").stamp(1), Some(1));
    }
}
