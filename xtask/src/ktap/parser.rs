// SPDX-License-Identifier: GPL-2.0-only
//! The stages of reading, one behind the other.

use super::lines::Lines;
use super::tree::Tree;
use super::{Event, Report, Splat, Test};

/// Reads a log while it is written.
#[derive(Debug, Default)]
pub struct Parser {
    lines: Lines,
    tree: Tree,
}

impl Parser {
    /// A parser that has seen nothing.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// Reads on and says what happened. It does not matter where the log is cut into pieces.
    pub fn push(&mut self, bytes: &[u8]) -> impl Iterator<Item = Event> + use<> {
        let tree = &mut self.tree;
        self.lines.push(bytes, &mut |line| tree.line(&line));
        tree.events().into_iter()
    }

    /// The log has ended: what has no result by now has none.
    pub fn finish(mut self) -> Report {
        let tree = &mut self.tree;
        self.lines.finish(&mut |line| tree.line(&line));
        let mut report = self.tree.finish();
        name_splats(&report.tests, &mut Vec::new(), &mut report.splats);
        for splat in report.splats.iter_mut().filter(|s| s.title.is_empty()) {
            // Only its frame was printed, or the kernel has words for it that are not known here.
            let title = splat.text.get(1).or(splat.text.first());
            splat.title = title.cloned().unwrap_or_default();
        }
        report
    }
}

/// Tells each splat which test it hit.
fn name_splats<'a>(tests: &'a [Test], path: &mut Vec<&'a str>, splats: &mut [Splat]) {
    for test in tests {
        path.push(&test.name);
        for &hit in &test.splats {
            splats[hit].test = Some(path.join("."));
        }
        name_splats(&test.subtests, path, splats);
        path.pop();
    }
}
