// SPDX-License-Identifier: GPL-2.0-only
//! What results mean.

use super::grammar::{Directive, Outcome};
use super::text;
use crate::verdict::Verdict;

/// The name in a result line; its number where it has none.
pub(super) fn name(outcome: &Outcome<'_>) -> String {
    match outcome.name {
        [] => format!("#{}", outcome.number),
        name => text(name),
    }
}

/// What a result line means by itself, and what is odd about it.
///
/// A test that is expected to fail counts as skipped: it says nothing about what it tests, whether or not it failed.
pub(super) fn own_verdict(outcome: &Outcome<'_>) -> (Verdict, Option<&'static str>) {
    match (outcome.directive, outcome.ok) {
        (None, true) => (Verdict::Passed, None),
        (None, false) => (Verdict::Failed, None),
        (Some(Directive::Todo), true) => (Verdict::Skipped, Some("ok, though it is marked TODO")),
        (Some(Directive::Skip | Directive::Todo | Directive::Xfail), _) => (Verdict::Skipped, None),
        (Some(Directive::Timeout), false) => (Verdict::Hung, None),
        (Some(Directive::Timeout), true) => {
            (Verdict::Hung, Some("ok, though it is marked TIMEOUT"))
        }
        (Some(Directive::Error), false) => (Verdict::Failed, None),
        (Some(Directive::Error), true) => (Verdict::Failed, Some("ok, though it is marked ERROR")),
    }
}

/// What a suite's own result and that of its parts make together, and what is odd about it.
pub(super) fn joint_verdict(own: Verdict, parts: Verdict) -> (Verdict, Option<String>) {
    use Verdict::{Failed, NoTests, Passed, Skipped};
    let agree = match own {
        Passed => parts <= NoTests,
        Skipped => matches!(parts, Skipped | NoTests),
        _ => parts >= Failed,
    };
    let odd = (!agree).then(|| format!("its own result is {own}, that of its tests {parts}"));
    let verdict = match (own, parts) {
        // There is nothing in it because it was skipped.
        (Skipped, NoTests) => Skipped,
        _ => own.max(parts),
    };
    (verdict, odd)
}
