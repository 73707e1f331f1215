// SPDX-License-Identifier: GPL-2.0-only
//! Which physical memory is reported on.

use std::collections::HashSet;
use vcsan_model::geometry::PAGE_SIZE;

/// A range of physical memory with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// First physical address.
    pub first: u64,
    /// Bytes.
    pub len: u64,
    /// What the guest, or the command line, calls it.
    pub name: String,
    /// The same for all of a name.
    pub id: usize,
    /// Whether it ends with the test.
    temporary: bool,
}

impl Buffer {
    fn end(&self) -> u64 {
        self.first.saturating_add(self.len)
    }

    fn overlaps(&self, first: u64, len: u64) -> bool {
        self.first < first.saturating_add(len) && first < self.end()
    }
}

/// The ranges that are reported on.
#[derive(Debug, Default)]
pub struct Watches {
    /// Everything is.
    pub all: bool,
    buffers: Vec<Buffer>,
    names: Vec<String>,
    ever: HashSet<u64>,
}

impl Watches {
    /// Adds a range; a `temporary` one ends with the test.
    pub fn add(&mut self, first: u64, len: u64, name: String, temporary: bool) {
        let known = self.names.iter().position(|known| *known == name);
        let id = known.unwrap_or_else(|| {
            self.names.push(name.clone());
            self.names.len() - 1
        });
        let buffer = Buffer {
            first,
            len,
            name,
            id,
            temporary,
        };
        if len != 0 && !self.buffers.contains(&buffer) {
            self.ever
                .extend(first / PAGE_SIZE..=(buffer.end() - 1) / PAGE_SIZE);
            self.buffers.push(buffer);
        }
    }

    /// Removes a range from what guests added. Parts of buffers stay watched.
    pub fn remove(&mut self, first: u64, len: u64) {
        let end = first.saturating_add(len);
        let mut rest = Vec::new();
        for buffer in std::mem::take(&mut self.buffers) {
            if !buffer.temporary || buffer.end() <= first || end <= buffer.first {
                rest.push(buffer);
                continue;
            }
            let parts = [
                (buffer.first, first.max(buffer.first)),
                (end.min(buffer.end()), buffer.end()),
            ];
            for (from, to) in parts {
                if from < to {
                    rest.push(Buffer {
                        first: from,
                        len: to - from,
                        ..buffer.clone()
                    });
                }
            }
        }
        self.buffers = rest;
    }

    /// The test is over.
    pub fn end_test(&mut self) {
        self.buffers.retain(|buffer| !buffer.temporary);
    }

    /// Whether anything in the page of a physical address is watched by name.
    #[must_use]
    pub fn has_page(&self, paddr: u64) -> bool {
        let page = paddr - paddr % PAGE_SIZE;
        self.buffers
            .iter()
            .any(|buffer| buffer.first < page + PAGE_SIZE && page < buffer.end())
    }

    /// The buffer around a physical address and the offset in it, or one that has other bytes of the same line of `line`
    /// bytes.
    #[must_use]
    pub fn buffer(&self, paddr: u64, line: u64) -> Option<(&Buffer, Option<u64>)> {
        let inside = |buffer: &&Buffer| (buffer.first..buffer.end()).contains(&paddr);
        let around = self.buffers.iter().rev().find(inside);
        let first = paddr & !(line - 1);
        around
            .map(|buffer| (buffer, Some(paddr - buffer.first)))
            .or_else(|| {
                let mut buffers = self.buffers.iter().rev();
                let beside = buffers.find(|buffer| buffer.overlaps(first, line))?;
                Some((beside, None))
            })
    }

    /// Whether the line of `line` bytes at `paddr` is reported on: any byte of it. What lies beside a buffer in a line is
    /// written back and invalidated with it.
    #[must_use]
    pub fn reports(&self, paddr: u64, line: u64) -> bool {
        self.all
            || self
                .buffers
                .iter()
                .any(|buffer| buffer.overlaps(paddr & !(line - 1), line))
    }

    /// Pages that were ever watched by name.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.ever.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_and_go() {
        let mut watches = Watches::default();
        watches.add(0x1800, 0x1000, "a".into(), true);
        watches.add(0x8000, 0x10, "option".into(), false);
        assert_eq!(watches.pages(), 3);
        assert!(watches.has_page(0x1000) && watches.has_page(0x2fff) && !watches.has_page(0x3000));
        assert!(watches.reports(0x1800, 32) && !watches.reports(0x17f0, 16));
        let buffer = |watches: &Watches, paddr| {
            let found = watches.buffer(paddr, 32);
            found.map(|(buffer, offset)| (buffer.name.clone(), buffer.len, offset))
        };
        assert_eq!(
            buffer(&watches, 0x2000),
            Some(("a".into(), 0x1000, Some(0x800)))
        );
        watches.remove(0x2000, 0x100);
        assert_eq!(buffer(&watches, 0x2000), None);
        assert_eq!(
            buffer(&watches, 0x1900),
            Some(("a".into(), 0x800, Some(0x100)))
        );
        assert_eq!(buffer(&watches, 0x2100), Some(("a".into(), 0x700, Some(0))));
        watches.remove(0x8000, 0x10);
        watches.end_test();
        assert!(watches.reports(0x8008, 32) && !watches.reports(0x1900, 32));
        // Beside a buffer, in the same line.
        assert!(watches.reports(0x8010, 32) && !watches.reports(0x8010, 16));
        assert_eq!(
            buffer(&watches, 0x8010),
            Some(("option".into(), 0x10, None))
        );
    }

    #[test]
    fn everything() {
        let watches = Watches {
            all: true,
            ..Watches::default()
        };
        assert!(watches.reports(7, 1) && !watches.has_page(7));
    }
}
