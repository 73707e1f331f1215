// SPDX-License-Identifier: GPL-2.0-only
//! What failed, each with its reason, its hazards and the commands that lead there.

use std::ffi::OsString;

use maud::{Markup, html};

use super::{anchor, drawing, shown, verdict};
use crate::quote::shell_words;
use crate::repeat::Repeat;
use crate::results::{Case, Cell, Hazard, Run, Status, Suite};

/// None where nothing failed.
pub(super) fn failures(run: &Run) -> Option<Markup> {
    let failed: Vec<&Cell> = run
        .cells
        .iter()
        .filter(|c| c.verdict.is_failure())
        .collect();
    if failed.is_empty() {
        return None;
    }
    Some(html! { @for cell in failed { (boot(run, cell)) } })
}

fn boot(run: &Run, cell: &Cell) -> Markup {
    let outside = hazards_of(cell, None);
    html! {
        article.failure {
            h3 { a href={ "#" (anchor(cell, &[])) } { (cell.cell) } " (" (shown(&cell.set)) ") " (verdict(cell.verdict)) }
            @if let Some(message) = &cell.message { pre tabindex="0" { (shown(message)) } }
            @for hazard in outside { (self::hazard(hazard)) }
            @if cell.suites.iter().all(|s| !s.verdict.is_failure()) { (commands(run, cell, None, false)) }
            @for suite in cell.suites.iter().filter(|s| s.verdict.is_failure()) {
                @let failed: Vec<&Case> = suite.cases.iter().filter(|c| c.verdict.is_failure()).collect();
                @if failed.is_empty() {
                    h4 { (shown(&suite.name)) " " (verdict(suite.verdict)) }
                    (commands(run, cell, Some(of_suite(cell, suite)), false))
                }
                @for case in failed { (self::case(run, cell, suite, case)) }
            }
            @if !cell.oddities.is_empty() {
                details {
                    summary { "oddities of its log: " (cell.oddities.len()) }
                    ul { @for oddity in &cell.oddities { li { (shown(oddity)) } } }
                }
            }
            @if let Some(console) = &cell.console {
                details {
                    summary { "console of " (cell.cell) }
                    pre tabindex="0" { (shown(console)) }
                }
            }
        }
    }
}

/// What of `suite` the boot was to run.
fn of_suite(cell: &Cell, suite: &Suite) -> String {
    let name = shown(&suite.name);
    let repeat = Repeat::read(&cell.repeat).ok();
    let filter = repeat.and_then(|repeat| repeat.test.tested.filter);
    match filter.as_deref().and_then(|filter| filter.split_once('.')) {
        Some((_, cases)) => format!("{name}.{cases}"),
        None => name,
    }
}

fn case(run: &Run, cell: &Cell, suite: &Suite, case: &Case) -> Markup {
    let name = format!("{}.{}", suite.name, case.name);
    let hazards: Vec<&Hazard> = hazards_of(cell, Some(&name)).collect();
    // What can be chosen is a whole case, not a parameter of it.
    let chosen = case.name.split('.').next().unwrap_or(&case.name);
    let chosen = format!("{}.{chosen}", suite.name);
    html! {
        h4 { a href={ "#" (anchor(cell, &[&suite.name, &case.name])) } { (shown(&name)) } " " (verdict(case.verdict)) }
        (commands(run, cell, Some(chosen), !hazards.is_empty()))
        @if hazards.is_empty() {
            @if let Some(message) = &case.message { pre tabindex="0" { (shown(message)) } }
        } @else {
            @for hazard in &hazards { (self::hazard(hazard)) }
            @if let Some(message) = &case.message {
                details { summary { "all that was said of it" } pre tabindex="0" { (shown(message)) } }
            }
        }
        @if let Some(log) = &case.log {
            details { summary { "what the console printed meanwhile" } pre tabindex="0" { (shown(log)) } }
        }
    }
}

/// The new hazards of the case `suite.case`, or those of no case of the boot.
fn hazards_of<'a>(cell: &'a Cell, test: Option<&'a str>) -> impl Iterator<Item = &'a Hazard> {
    let known = move |name: &str| {
        let mut cases = cell
            .suites
            .iter()
            .flat_map(|s| s.cases.iter().map(move |c| (s, c)));
        cases.any(|(s, c)| {
            name.strip_prefix(s.name.as_str())
                .and_then(|n| n.strip_prefix('.'))
                == Some(&c.name)
        })
    };
    let new = cell.hazards.iter().filter(|h| h.status == Status::New);
    new.filter(move |hazard| match (test, hazard.seen.test.as_deref()) {
        (Some(test), Some(seen)) => test == seen,
        (None, Some(seen)) => !known(seen),
        (None, None) => true,
        (Some(_), None) => false,
    })
}

/// One hazard: in a sentence, drawn, and as the cache model wrote it.
pub(super) fn hazard(hazard: &Hazard) -> Markup {
    let seen = &hazard.seen;
    let headline = seen.text.lines().next().unwrap_or(&seen.title);
    html! {
        p {
            strong { (shown(headline.trim_start_matches("VCSan: "))) }
            @if seen.count > 1 { ", seen " (seen.count) " times" }
            @if let Some(finding) = &hazard.finding { ", finding " (shown(finding)) }
            // On a phone the picture's words are beside the screen.
            @if !seen.missing.is_empty() { br; "Missing: " (shown(&seen.missing)) }
        }
        @if let Some(history) = &seen.history { (drawing::line(seen, history)) }
        details {
            summary { "as the cache model wrote it" }
            pre tabindex="0" { (shown(&seen.text)) }
        }
    }
}

/// From a checkout of the commit to a debugger at the failure.
fn commands(run: &Run, cell: &Cell, filter: Option<String>, at_hazard: bool) -> Markup {
    html! {
        ol.commands {
            @for line in lines(run, cell, filter, at_hazard) {
                li { div.command { code { (shown(&line)) } button type="button" hidden { "copy" } } }
            }
        }
    }
}

fn lines(run: &Run, cell: &Cell, filter: Option<String>, at_hazard: bool) -> Vec<String> {
    let commit = run.identity.project.iter();
    let mut lines: Vec<String> = commit
        .map(|project| format!("git checkout {}", project.commit))
        .collect();
    // A report of another version has a command that can only be shown.
    let Ok(repeat) = Repeat::read(&cell.repeat) else {
        lines.push(cell.repeat.clone());
        return lines;
    };
    // Who looks at the page need not sit at the machine that made it.
    let repeat = repeat.anywhere();
    let mut stop: Vec<OsString> = Vec::new();
    let part = match filter {
        Some(filter) => {
            let part = repeat.filtered(filter);
            let chosen = part.test.tested.filter.as_deref().unwrap_or_default();
            let case = chosen.contains('.') && !chosen.contains(['*', '?', '[', '{']);
            // KUnit alone tells gdb where a case begins.
            let suite = chosen.split('.').next();
            if !at_hazard && case && suite != cell.program.as_deref() {
                stop.extend(["--break".into(), chosen.into()]);
            }
            part
        }
        None => repeat,
    };
    if at_hazard {
        stop.push("--at-hazard".into());
    }
    lines.push(part.line());
    // In the debugger nothing is reported, and nothing found once more.
    let mut part = part;
    part.test.stacks = false;
    part.test.suppress = None;
    let words = part.words().into_iter().skip(1).chain(stop);
    let debug = ["cargo", "xtask", "debug"].map(OsString::from);
    lines.push(shell_words(debug.into_iter().chain(words)));
    lines
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::report::example;

    #[test]
    fn of_a_suite_without_results_no_more_is_repeated_than_was_to_run() {
        let suite = Suite {
            name: "heap_vmap".into(),
            ..Suite::default()
        };
        for (filter, chosen, breaks) in [
            ("", "heap_vmap", false),
            (" --filter 'heap_*'", "heap_vmap", false),
            (" --filter 'heap_*.a?'", "heap_vmap.a?", false),
            (" --filter heap_vmap.hangs", "heap_vmap.hangs", true),
            (" --filter heap_program.hangs", "heap_program.hangs", false),
        ] {
            let cell = Cell {
                program: Some("heap_program".into()),
                repeat: format!("cargo xtask test arm-vivt --set heap{filter}"),
                ..Cell::default()
            };
            if chosen.starts_with(&suite.name) {
                assert_eq!(of_suite(&cell, &suite), chosen);
            }
            let lines = lines(&example::run(), &cell, Some(chosen.into()), false);
            assert_eq!(lines[2].contains("--break"), breaks, "{}", lines[2]);
        }
    }

    #[test]
    fn the_commands_lead_from_the_commit_to_the_debugger() {
        let run = example::run();
        let cell = Cell {
            repeat: "cargo xtask test arm-vivt --set heap --suppress /known --architectural --stacks --kernel '/a b' --cache /theirs --jobs 9".into(),
            ..Cell::default()
        };
        let case = Some("heap_vmap.reads".to_owned());
        for at_hazard in [true, false] {
            let lines = lines(&run, &cell, case.clone(), at_hazard);
            assert_eq!(
                lines[0],
                "git checkout 0123456789abcdef0123456789abcdef01234567"
            );
            let words = shlex::split(&lines[2]).expect("words");
            let cli = Cli::try_parse_from(&words[1..]).expect("the debugger takes it");
            let Command::Debug(debug) = cli.command else {
                panic!("{}", lines[2]);
            };
            assert_eq!(debug.what, "arm-vivt");
            assert_eq!(debug.tested.filter, case);
            assert_eq!(debug.at_hazard, at_hazard);
            assert_eq!(debug.break_at.is_some(), !at_hazard);
            assert!(debug.tested.architectural);
            assert_eq!(cli.global.kernel.as_deref(), Some("/a b".as_ref()));
            assert!(!lines.concat().contains("--cache") && cli.global.jobs.is_none());
        }
    }
}
