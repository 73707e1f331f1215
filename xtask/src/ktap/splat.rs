// SPDX-License-Identifier: GPL-2.0-only
//! Recognises what the kernel prints when it finds something wrong with itself.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexSet};
use serde::Serialize;

use crate::verdict::Verdict;

/// A complaint of the kernel: an oops, a warning, a sanitizer's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Splat {
    /// What sort of complaint it is.
    pub kind: Kind,
    /// Its first line, from 1.
    pub line: usize,
    /// The line that says what is wrong.
    pub title: String,
    /// All of it, up to its end mark or the next KTAP line; long ones are cut off.
    pub text: Vec<String>,
    /// The path of the test that ran, none between tests.
    pub test: Option<String>,
}

/// Sorts of complaints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `panic()`
    Panic,
    /// `die()`: a fault in the kernel, or a panic of Rust code.
    Oops,
    /// `BUG()`, and the reports that call themselves so.
    Bug,
    /// KASAN, KCSAN, KFENCE, UBSAN, kmemleak: the kernel goes on.
    Sanitizer,
    /// `WARN()`, and lockdep.
    Warning,
    /// The watchdogs: a task or a CPU that does not come forward.
    Stall,
}

impl Kind {
    /// The best verdict that a test in which it happens can have.
    pub fn verdict(self) -> Verdict {
        match self {
            Kind::Panic | Kind::Oops | Kind::Bug => Verdict::Crashed,
            Kind::Sanitizer | Kind::Warning | Kind::Stall => Verdict::Failed,
        }
    }
}

/// How a line takes part in a splat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It starts one that says later what it is.
    Frame,
    /// It starts one, or names the one that a frame started.
    Title,
    /// It adds to one that has a title, and starts one only otherwise.
    More,
}

/// The first that matches decides. Sources: kernel/panic.c, lib/bug.c, lib/ubsan.c, mm/kasan/report.c,
/// kernel/locking/lockdep.c, arch/{arm,mips,parisc}/kernel/traps.c, arch/{arm,mips}/mm/fault.c, rust/kernel/lib.rs.
const LINES: [(Kind, Role, &str); 10] = {
    use {Kind::*, Role::*};
    [
        (Panic, Title, r"Kernel panic - not syncing"),
        (
            Sanitizer,
            Title,
            r"BUG: K[A-Z]+: |^UBSAN: |^kmemleak: \d+ new suspicious",
        ),
        (
            Oops,
            Title,
            r"Unable to handle kernel |^Unhandled fault: |^Kernel Fault: |^(?:\w+: )?panicked at ",
        ),
        (Bug, More, r"kernel BUG at |^Kernel bug detected"),
        (
            Oops,
            More,
            r"Internal error: |\[#\d+\]|^Oops\b|: Code=\d+ \(|\(pid \d+\): .* \(code -?\d+\)",
        ),
        (Bug, Title, r"^(?:\[ |watchdog: )?BUG[: ]"),
        // A driver's own line may begin with that word too: `WARN()` says where it is, lockdep what is wrong.
        (
            Warning,
            Title,
            r"^WARNING: (?:CPU: |(?:at )?\S+:\d+ at |at \S+:\d+|possible .*(?:lock|dependency)|suspicious RCU|inconsistent lock|bad (?:unlock|contention)|held lock|lock held|(?:[A-Z_]+-)+(?:safe|READ-safe) )",
        ),
        // A check that has ended itself: what passes from there on says nothing. `debug_dma_init()` and `add_dma_entry()` in
        // kernel/dma/debug.c.
        (
            Warning,
            Title,
            r"^turning off the locking correctness validator|^DMA-API: (?:cacheline tracking ENOMEM|debugging out of memory)",
        ),
        (Warning, Frame, r"-\[ cut here \]-"),
        (
            Stall,
            Title,
            r"^(?:rcu: )?INFO: (?:rcu|task .* blocked for more than)",
        ),
    ]
};

/// The patterns of [`LINES`], in its order.
static PATTERNS: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(LINES.map(|(_, _, pattern)| format!("(?s-u){pattern}")))
        .expect("fixed patterns are valid")
});

/// What cannot be part of a name of a test, so that a line with it is no result.
static INSIDE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s-u)Kernel panic - not syncing|Unable to handle kernel |kernel BUG at |-\[ cut here \]-|BUG: K[A-Z]+: ")
        .expect("a fixed pattern is valid")
});

/// Tells whether `text`, a line without indentation, belongs to the first lines of a splat.
pub(super) fn recognise(text: &[u8]) -> Option<(Kind, Role)> {
    if ends(text) {
        return None;
    }
    let (kind, role, _) = LINES[PATTERNS.matches(text).iter().next()?];
    Some((kind, role))
}

/// Tells whether a splat is glued to a line that looks like a result.
pub(super) fn inside(text: &[u8]) -> bool {
    INSIDE.is_match(text)
}

/// Tells whether `text` is the last line of a splat: `print_oops_end_marker()`, and the end of `panic()`.
pub(super) fn ends(text: &[u8]) -> bool {
    text.starts_with(b"---[ end ")
}
