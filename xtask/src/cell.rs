// SPDX-License-Identifier: GPL-2.0-only
//! One boot: a cell with a set of suites, from its media to its results.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::time::Duration;

use fs_err as fs;

use crate::boot;
use crate::build::Built;
use crate::cache;
use crate::cause::chain;
use crate::config::{self, Set};
use crate::follow::Limits;
use crate::judge::{self, judge};
use crate::ktap;
use crate::media::Media;
use crate::progress::Progress as _;
use crate::quote::shell_words;
use crate::report::text::paint;
use crate::results::bound::{self, excerpt};
use crate::results::{self, Status};
use crate::session::{Boot, Selection, Session, blank};
use crate::ui::Task;
use crate::vcsan::findings::Summary;
use crate::vcsan::{Findings, Plugin};
use crate::verdict::Verdict;

/// What a guest may print, in bytes: a hundred times what the most talkative suites do.
const LOG_LIMIT: u64 = 64 << 20;

/// Boots it, for the time of this number, and judges what it prints. Whatever goes wrong is its verdict.
pub(crate) fn boot_cell(
    session: &Session<'_>,
    selection: &Selection<'_>,
    boot: Boot<'_>,
    media: &Media,
    built: &Built,
    number: u32,
) -> results::Cell {
    let Boot { cell, set, .. } = boot;
    let task = session.ui.task(&cell.name);
    task.detail("booting");
    let mut name = format!("{}-{}", cell.name, set.name);
    if number > 1 {
        name += &format!("-{number}");
    }
    let folder = session.folder.join(name);
    let mut result = results::Cell {
        kernel: built.release.clone(),
        built: Some(set.kernel(cell)),
        arch: Some(session.config.kernels[&cell.kernel].arch.clone()),
        build_s: built.took_s,
        folder: Some(folder.clone()),
        ..blank(selection, boot)
    };
    result.mode = model(session, set).map(|(plugin, _)| plugin.mode(cell));
    let found = folder.join("vcsan.jsonl");
    let booted =
        watched(session, selection, boot, media, &folder, None, &task).and_then(|mut once| {
            let is_new = |hazard: &results::Hazard| hazard.status == Status::New;
            if selection.stacks && once.judgement.hazards.iter().any(is_new) {
                task.detail("booting again, for stacks");
                let folder = folder.join("stacks");
                let again = watched(
                    session,
                    selection,
                    boot,
                    media,
                    &folder,
                    Some(&found),
                    &task,
                )?;
                once.judgement.add_stacks(&again.judgement);
            }
            Ok(once)
        });
    let mut used = String::new();
    match booted {
        Ok(Watched {
            judgement,
            counts,
            took,
            margin,
            console,
        }) => {
            result.verdict = judgement.verdict;
            result.cache_proof = judgement.cache_proof;
            result.suites = judgement.suites;
            result.message = judgement.message;
            result.oddities = judgement.oddities;
            result.hazards = judgement.hazards;
            result.vcsan = counts;
            result.console = Some(console);
            result.boot_s = took.as_secs_f64();
            used = margin;
        }
        Err(error) => {
            result.verdict = Verdict::Infra;
            result.message = Some(chain(&error));
        }
    }
    result.bound();
    task.line(&format!(
        "{} {} in {:.1} s{used}",
        set.name,
        paint(result.verdict).for_stderr(),
        result.boot_s
    ));
    result
}

/// What a boot came to.
struct Watched {
    judgement: judge::Judgement,
    /// By the cache model, where it watched to the end.
    counts: Option<Summary>,
    took: Duration,
    /// What of its limits it used, where they are not the usual ones.
    margin: String,
    console: String,
}

/// What a guest that may take `patience` times its limits used of them, so that somebody finds out how much is enough here.
fn margin(patience: u32, limits: &Limits, silence: Duration) -> String {
    if patience == 1 {
        return String::new();
    }
    let once = |limit: Duration| limit.as_secs() / u64::from(patience);
    format!(
        " of {patience} × {} s, silent for {:.1} s of {patience} × {} s",
        once(limits.total),
        silence.as_secs_f64(),
        once(limits.silence)
    )
}

/// The cache model, where there is something to see for it, and what.
pub(crate) fn model<'a>(
    session: &Session<'_>,
    set: &'a Set,
) -> Option<(Plugin, &'a config::Watched)> {
    let (plugin, watched) = session.vcsan.zip(set.vcsan.as_ref())?;
    Some((plugin.of(watched), watched))
}

fn watched(
    session: &Session<'_>,
    selection: &Selection<'_>,
    boot: Boot<'_>,
    media: &Media,
    folder: &Path,
    stacks: Option<&Path>,
    task: &Task<'_>,
) -> Result<Watched, cache::Error> {
    let Boot { cell, set, .. } = boot;
    fs::create_dir_all(folder)?;
    // As nobody has written to them.
    media.write(folder)?;
    let media = &media.with_disks_in(folder)?;
    let model = model(session, set);
    let found = folder.join("vcsan.jsonl");
    let program = boot::program(cell);
    let line = command_line(selection, boot).map_err(io::Error::other)?;
    let mut args = boot::arguments(cell, media, boot::Console::Log, &line);
    if let Some((plugin, _)) = &model {
        args.extend(plugin.arguments(
            cell,
            set.linear(cell),
            &media.symbols,
            &media.modules,
            &found,
            stacks,
        ));
    }
    let qemu = session
        .emulator()
        .command(&program)
        .args(&args)
        .expression();
    let words = std::iter::once(OsStr::new(&program)).chain(args.iter().map(OsString::as_os_str));
    fs::write(folder.join("qemu.txt"), shell_words(words))?;
    let limits = Limits {
        silence: Duration::from_secs(set.silence_s) * session.patience,
        total: Duration::from_secs(set.total_s) * session.patience,
        output: LOG_LIMIT,
    };
    let mut parser = ktap::Parser::new();
    let (mut passed, mut other) = (0, 0);
    let log = folder.join("console.log");
    let booted = boot::watch(&program, &qemu, &log, limits, session.stop, |piece| {
        task.output(String::from_utf8_lossy(piece).trim_end());
        for event in parser.push(piece) {
            match event {
                ktap::Event::CaseFinished {
                    verdict: Verdict::Passed,
                    ..
                } => passed += 1,
                ktap::Event::CaseFinished {
                    verdict: Verdict::Skipped,
                    ..
                } => {}
                ktap::Event::CaseFinished { .. } => other += 1,
                ktap::Event::SuiteStarted { suite } => {
                    task.detail(&format!("{passed} passed, {other} failed, {suite}"))
                }
                ktap::Event::SuiteFinished { .. } => {}
            }
        }
    })
    .map_err(|error| {
        let all = chain(&error);
        match cache::Error::from(error.source) {
            full @ cache::Error::Full(_) => full,
            _ => io::Error::other(all).into(),
        }
    })?;
    let own = set.own.as_ref();
    let own = own.map(|own| judge::module::suite(&media.loaded, own.program().as_deref(), &booted));
    let report = parser.finish();
    // Nobody knows which suites have a case that a filter names: a guest that did all that it was to do has run them.
    let by_case = selection.filter.is_some_and(config::names_cases);
    let expected = if by_case && booted.end == boot::End::Exited {
        Vec::new()
    } else {
        set.expected(selection.filter)
    };
    let mut judgement = judge(cell, &expected, own, &report, &booted);
    if by_case && report.tests.is_empty() && judgement.verdict == Verdict::NoTests {
        let filter = selection.filter.unwrap_or_default();
        let why = format!("the filter `{filter}` matches no case");
        judgement.worsen(Verdict::NoTests, &why);
    }
    let exporter = set.of.as_ref();
    let pages = [
        exporter.map(|exporter| ("exporters", &exporter.name, &exporter.cannot)),
        Some(("suites", &set.name, &set.cannot)),
    ];
    for (folder, name, cannot) in pages.into_iter().flatten() {
        let page = judge::exporter::Page {
            folder,
            name,
            cannot,
        };
        judge::exporter::explain(&mut judgement, page, selection.filter.is_none());
    }
    let mut counts = None;
    if let Some((_, watched)) = model {
        let was_ended = booted.end != boot::End::Exited;
        match Findings::read(&found) {
            Ok(mut found) => {
                if let (Some(_), Some(end)) = (&set.own, &mut found.end) {
                    // What a module of the user's announces need not be done by a device of this machine.
                    end.doubtful_transfers = 0;
                }
                let known = known(session, selection, boot);
                let wanted = judge::hazards::Wanted {
                    transfers: &watched.transfers,
                    modules: &media.own,
                };
                judge::hazards::add(&mut judgement, wanted, &found, &known, was_ended);
                counts = found.end;
            }
            // A QEMU that ends at once leaves nothing, and says why itself.
            Err(_) if was_ended => {}
            Err(why) => judgement.worsen(
                Verdict::Infra,
                &format!("the cache model left nothing to read: {why}"),
            ),
        }
    }
    Ok(Watched {
        judgement,
        counts,
        took: booted.took,
        margin: margin(session.patience, &limits, booted.silence),
        console: excerpt(&booted.log, bound::CONSOLE),
    })
}

/// What is known of the exporter under test, or of the set of suites where it is about none. With the fixes, nothing is.
fn known<'a>(
    session: &Session<'a>,
    selection: &Selection<'a>,
    boot: Boot<'a>,
) -> judge::known::Known<'a> {
    let exporter = boot.set.of.as_ref().map(|exporter| &exporter.name);
    let Some(subject) = exporter.or(boot.set.page.as_ref()) else {
        return judge::known::Known::default();
    };
    let findings = session.config.findings.values();
    judge::known::Known {
        findings: match session.project.fixes() {
            Some(_) => Vec::new(),
            None => findings.collect(),
        },
        subject,
        cell: &boot.cell.name,
        whole: selection.filter.is_none() && boot.set.own.is_none(),
    }
}

/// What the kernel is told: which suites of its own and of modules to run, and what the exporter under test needs.
pub(crate) fn command_line(
    selection: &Selection<'_>,
    boot: Boot<'_>,
) -> Result<String, boot::TooLong> {
    let filter = selection.filter.unwrap_or(&boot.set.filter);
    let mut words = vec![format!("kunit.filter_glob={filter}")];
    words.extend(boot.set.command_line.clone());
    let exporter = boot.set.of.as_ref();
    words.extend(
        exporter
            .and_then(|e| e.command_line.get(&boot.cell.kernel))
            .cloned(),
    );
    boot::command_line(boot.cell, &words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_patience_a_guest_s_margin_is_shown() {
        let limits = |patience| Limits {
            silence: Duration::from_secs(30) * patience,
            total: Duration::from_secs(120) * patience,
            output: LOG_LIMIT,
        };
        let silence = Duration::from_millis(41_250);
        assert_eq!(margin(1, &limits(1), silence), "");
        assert_eq!(
            margin(3, &limits(3), silence),
            " of 3 × 120 s, silent for 41.2 s of 3 × 30 s"
        );
    }
}
