// SPDX-License-Identifier: GPL-2.0-only
//! What is otherwise than in an earlier run.

use maud::{Markup, html};

use super::{shown, verdict};
use crate::report::diff::{Change, Diff};
use crate::results::Run;
use crate::verdict::Verdict;

pub(super) fn comparison(before: &Run, after: &Run) -> Markup {
    let diff = Diff::between(before, after);
    let old = |verdict: Option<Verdict>| html! { @match verdict { Some(v) => (self::verdict(v)), None => span.none { "not there" } } };
    let list = |title: &str, changes: &[Change]| {
        html! {
            @if !changes.is_empty() {
                h3 { (title) ": " (changes.len()) }
                ul { @for change in changes { li { (shown(&change.what)) ": " (old(change.before)) " → " (old(change.after)) } } }
            }
        }
    };
    html! {
        p { "Compared with " (before.identity.name.as_deref().unwrap_or("a run")) " of " (before.identity.started) "." }
        (list("New failures", &diff.failures))
        (list("Fixed", &diff.fixed))
        (list("Otherwise", &diff.other))
        @if !diff.slower.is_empty() {
            h3 { "Slower" }
            ul { @for slower in &diff.slower { li { (shown(&slower.to_string())) } } }
        }
        @if diff.is_empty() { p { "Nothing is otherwise." } }
    }
}
