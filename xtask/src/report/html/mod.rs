// SPDX-License-Identifier: GPL-2.0-only
//! The report as a page: one file that needs no network and, but for its filters, no script.
//!
//! Whatever is put into it is escaped by maud; the style and the script are this project's own files.

mod cases;
mod compare;
mod drawing;
mod failures;
mod matrix;
mod times;

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::shown;
use crate::results::{Cell, Identity, Run};
use crate::verdict::Verdict;

/// Nothing is loaded from anywhere, whatever a guest has printed.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Writes `run` to `out`, beside `before` if that is given.
///
/// # Errors
/// `out` can't be written.
pub fn write(run: &Run, before: Option<&Run>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(page(run, before).into_string().as_bytes())
}

/// A part of the page: where a link leads, its heading and what is in it.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

fn page(run: &Run, before: Option<&Run>) -> Markup {
    let section = |id, title, body| Section { id, title, body };
    let mut sections = vec![section("matrix", "Matrix", matrix::suites(run))];
    if let Some(body) = matrix::sets(run) {
        sections.push(section("sets", "Sets and exporters", body));
    }
    if let Some(body) = failures::failures(run) {
        sections.push(section("failures", "Failures", body));
    }
    if let Some(before) = before {
        let body = compare::comparison(before, run);
        sections.push(section("comparison", "Since the earlier run", body));
    }
    if let Some(body) = matrix::mutants(run) {
        sections.push(section("mutants", "Mutants", body));
    }
    sections.push(section("cases", "All cases", cases::cases(run)));
    sections.push(section("times", "Times", times::times(run)));
    let title = format!("{}: aliasheap", run.verdict);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                a.skip href="#main" { "Skip to the matrix" }
                header {
                    h1 { (verdict(run.verdict)) " " (counts(run)) }
                    (identity(run))
                    nav aria-label="Parts of this page" {
                        ul {
                            @for section in &sections {
                                li { a href={ "#" (section.id) } { (section.title) } }
                            }
                        }
                    }
                }
                main id="main" {
                    @for section in &sections {
                        section aria-labelledby={ (section.id) } {
                            h2 id=(section.id) { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer { "Made by " code { "cargo xtask report" } "." }
                script { (PreEscaped(include_str!("script.js"))) }
            }
        }
    }
}

fn counts(run: &Run) -> String {
    let count = |wanted: fn(Verdict) -> bool| {
        let verdicts = run.cases().map(|(_, _, case)| case.verdict);
        verdicts.filter(|verdict| wanted(*verdict)).count()
    };
    let mut text = format!(
        "{} {}, {} cases passed, {} failed",
        run.cells.len(),
        if run.cells.len() == 1 {
            "boot"
        } else {
            "boots"
        },
        count(|v| v == Verdict::Passed),
        count(Verdict::is_failure)
    );
    for (wanted, name) in [(Verdict::Known, "known"), (Verdict::Skipped, "skipped")] {
        let verdicts = run.cases().map(|(_, _, case)| case.verdict);
        match verdicts.filter(|v| *v == wanted).count() {
            0 => {}
            n => text += &format!(", {n} {name}"),
        }
    }
    text
}

/// What the run was, line by line.
fn identity(run: &Run) -> Markup {
    let Identity {
        name,
        started,
        command,
        project,
        kernel,
        tools,
        host,
        ..
    } = &run.identity;
    let dirty = |dirty: bool| {
        if dirty {
            ", with changes that are not committed"
        } else {
            ""
        }
    };
    let of_host = [&host.name, &host.system, &host.kernel].map(|s| s.as_deref().unwrap_or("?"));
    html! {
        dl {
            dt { "command" } dd { code { (shown(&crate::quote::shell_words(command))) } }
            dt { "started" } dd { time datetime=(started) { (started) } ", took " (format!("{:.1} s", run.wall_s)) }
            @if let Some(name) = name { dt { "run" } dd { (name) } }
            @if let Some(shard) = run.shard { dt { "shard" } dd { (shard.number) " of " (shard.of) } }
            @if let Some(project) = project {
                dt { "commit" } dd { code { (project.commit) } (dirty(project.dirty)) }
            }
            @if let Some(kernel) = kernel {
                dt { "kernel" }
                dd {
                    (kernel.version)
                    @if let Some(package) = &kernel.package { ", " (package) }
                    @if let Some(commit) = &kernel.commit { ", commit " code { (commit.commit) } (dirty(commit.dirty)) }
                }
            }
            @if let Some(tools) = tools {
                dt { "tools" }
                dd {
                    @if tools.from == "root" { "Debian root by recipe " } @else { "the host's, " }
                    code { (tools.recipe) }
                    @if let Some(content) = &tools.content { ", content " code { (content.get(..16).unwrap_or(content)) } }
                }
            }
            dt { "host" } dd { (of_host.join(", ")) ", " (host.arch) ", " (host.cpus) " CPUs" }
        }
    }
}

/// A verdict in its colour, which its word says too.
fn verdict(verdict: Verdict) -> Markup {
    html! { span class={ "v " (class(verdict)) } { (verdict.as_str()) } }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "good",
        Verdict::Skipped
        | Verdict::Known
        | Verdict::Flaky
        | Verdict::NoTests
        | Verdict::NotProven => "warn",
        _ => "bad",
    }
}

/// A box that is scrolled by itself, also by keyboard.
fn scroll(label: &str, body: &Markup) -> Markup {
    html! { div.scroll role="group" aria-label=(label) tabindex="0" { (body) } }
}

/// The anchor of a boot, or of a suite or a case of it.
fn anchor(cell: &Cell, parts: &[&str]) -> String {
    let parts = [cell.cell.as_str(), cell.set.as_str()]
        .into_iter()
        .chain(parts.iter().copied());
    let clean = |part: &str| -> String {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        part.chars()
            .map(|c| if fits(c) { c } else { '-' })
            .collect()
    };
    parts.map(clean).collect::<Vec<_>>().join(".")
}

fn seconds(took: Option<f64>) -> Markup {
    html! { @if let Some(took) = took { span.time { (format!("{took:.3} s")) } } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    fn text(before: bool) -> String {
        let run = example::run();
        page(&run, before.then_some(&run)).into_string()
    }

    #[test]
    fn what_a_guest_printed_is_text_and_nothing_else() {
        let page = text(true);
        assert_eq!(page.matches("<script>").count(), 1, "the page's own");
        assert!(!page.contains("\" onload="));
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        for obeyed in ['\u{1b}', '\u{202e}', '\0'] {
            assert!(!page.contains(obeyed), "{obeyed:?}");
        }
    }

    #[test]
    fn nothing_is_loaded_from_anywhere() {
        let page = text(false);
        for load in ["src=", "@import", "url(", "<link", "http://", "https://"] {
            assert!(!page.contains(load), "{load}");
        }
    }

    #[test]
    fn every_link_leads_somewhere_and_no_name_is_given_twice() {
        let page = text(true);
        let after = |what: &str| -> Vec<String> {
            let parts = page.split(what).skip(1);
            parts
                .map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
                .collect()
        };
        let mut names = after(" id=\"");
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "{names:?}");
        let links = after("href=\"#");
        assert!(links.len() > 10);
        for link in links {
            assert!(names.contains(&link), "{link} leads nowhere");
        }
    }

    /// A run with what each part of the page can show, and a boot that has no case.
    fn failing() -> Run {
        let mut run = example::run();
        run.cells.push(Cell {
            cell: "mips-be".into(),
            set: "heap".into(),
            verdict: Verdict::BuildFailed,
            message: Some("a.c:1:1: error: no".into()),
            repeat: "cargo xtask test mips-be".into(),
            ..Cell::default()
        });
        run
    }

    #[test]
    #[ignore = "writes the file that PAGE names, for ci/page.sh"]
    fn a_page_of_failures() {
        let file = std::env::var_os("PAGE").expect("PAGE, the file to write");
        let run = failing();
        let page = page(&run, Some(&example::run())).into_string();
        assert!(page.contains("href=\"#mips-be.heap\""));
        assert!(page.contains("<svg"));
        fs_err::write(file, page).expect("written");
    }

    #[test]
    fn a_run_that_could_not_begin_has_a_page_too() {
        let run = Run::new(Identity::default(), Vec::new(), 0.0);
        assert!(page(&run, None).into_string().contains("no-tests"));
    }
}
