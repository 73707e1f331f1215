// SPDX-License-Identifier: GPL-2.0-only
//! Decides what a guest's run proves. Pure: from its log, its end and what the cache model saw, to verdicts.

mod console;
pub mod exporter;
pub mod hazards;
pub mod known;
pub mod module;
mod stacks;

use crate::boot::{Booted, End};
use crate::config;
use crate::ktap::{self, Said, Test};
use crate::results::bound::{self, excerpt};
use crate::results::{Case, Hazard, Suite};
use crate::verdict::Verdict;
use console::Console;

/// What the guest's first program says before anything else; without it the kernel did not get that far.
const INIT: &str = "aliasheap: init";
/// What it says when it has done all that it was ordered to do.
pub const DONE: &str = "aliasheap: done";
/// What it says of an order that it could not carry out.
pub const FAILED: &str = "aliasheap: failed to ";

/// How many lines of a kernel's complaint are worth showing beside a verdict.
const SPLAT_LINES: usize = 25;

/// What one boot came to.
#[derive(Debug, PartialEq)]
pub struct Judgement {
    /// The worst of the suites and of what happened around them.
    pub verdict: Verdict,
    /// The line that proves the cache's kind.
    pub cache_proof: Option<String>,
    /// What the log shows, and those that it should show and doesn't.
    pub suites: Vec<Suite>,
    /// What happened around the suites, a line each.
    pub message: Option<String>,
    /// What the KTAP reader found odd.
    pub oddities: Vec<String>,
    /// What the cache model reported.
    pub hazards: Vec<Hazard>,
}

/// Judges a boot of `cell` that should have shown the suites `expected`, and that was in `beside` what no suite of the log
/// says.
pub fn judge(
    cell: &config::Cell,
    expected: &[&str],
    beside: Option<Suite>,
    report: &ktap::Report,
    booted: &Booted,
) -> Judgement {
    let mut notes = Notes::default();
    let lines = || {
        booted
            .log
            .split(|&b| b == b'\n')
            .map(String::from_utf8_lossy)
    };
    let said = |marker: &str| lines().any(|l| l.contains(marker));
    let hung = matches!(
        booted.end,
        End::Silent(_) | End::TooLong(_) | End::TooMuch(_)
    );

    // A plan says how many suites there should have been, `expected` says which: names are better.
    let named = |t: &&Test| expected.is_empty() || !t.name.starts_with('#');
    let mut reader = Reader {
        report,
        hung,
        console: Console::new(&booted.log),
        at: 0,
    };
    let shown = report.tests.iter().filter(named);
    let mut suites: Vec<Suite> = shown.map(|t| reader.suite(t)).collect();
    suites.extend(beside);
    for name in expected {
        if !suites.iter().any(|s| s.name == *name) {
            suites.push(Suite {
                name: (*name).into(),
                ..Suite::default()
            });
            notes.add(
                Verdict::Crashed,
                format!("suite {name} is missing from the log"),
            );
        }
    }
    let unnamed = report.tests.iter().filter(|t| !named(t));
    notes.worsen(
        unnamed
            .map(|t| verdict(t, hung))
            .max()
            .unwrap_or(Verdict::Passed),
    );
    notes.worsen(Verdict::of_parts(suites.iter().map(|s| s.verdict)).unwrap_or(Verdict::NoTests));
    if suites.is_empty() {
        notes.add(Verdict::NoTests, "no suite ran".into());
    }

    for splat in &report.splats {
        let verdict = splat.kind.verdict();
        let mut text = splat
            .text
            .iter()
            .take(SPLAT_LINES)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        if splat.text.len() > SPLAT_LINES {
            text += "\n…";
        }
        let place = splat
            .test
            .as_deref()
            .map_or(String::new(), |t| format!(" in {t}"));
        notes.add(
            verdict,
            format!(
                "the kernel complained{place}, at line {}:\n{text}",
                splat.line
            ),
        );
    }
    for line in lines().filter(|l| l.contains(FAILED)) {
        notes.add(Verdict::Failed, line.trim().into());
    }

    let stage = if said(INIT) {
        Verdict::Crashed
    } else {
        Verdict::BootFailed
    };
    match &booted.end {
        End::Exited if said(DONE) => {}
        End::Exited if said(INIT) => {
            notes.add(
                stage,
                "the guest ended before it had done what it was to do".into(),
            );
        }
        End::Exited => notes.add(stage, "the guest ended before its first program ran".into()),
        End::Silent(limit) | End::TooLong(limit) => {
            let how = if matches!(booted.end, End::Silent(_)) {
                "printed nothing"
            } else {
                "ran"
            };
            let verdict = if said(INIT) { Verdict::Hung } else { stage };
            notes.add(
                verdict,
                format!(
                    "the guest {how} for {} s and was ended",
                    limit.as_secs_f64()
                ),
            );
        }
        End::TooMuch(limit) => notes.add(
            if said(INIT) { Verdict::Hung } else { stage },
            format!(
                "the guest printed more than {} MiB and was ended",
                limit >> 20
            ),
        ),
        End::QemuFailed(why) => notes.add(Verdict::Infra, format!("QEMU failed: {why}")),
        End::Interrupted => notes.add(Verdict::Infra, "interrupted".into()),
    }

    let cache_proof = cell
        .proof
        .find(&booted.log)
        .map(|found| line_around(&booted.log, found.range()));
    if cache_proof.is_none() {
        notes.add(
            Verdict::NotProven,
            format!("the kernel's log has no line that matches `{}`, so that the kind of its cache is not proven", cell.proof),
        );
    }
    Judgement {
        verdict: notes.verdict,
        cache_proof,
        suites,
        message: (!notes.messages.is_empty()).then(|| notes.messages.join("\n")),
        oddities: report
            .oddities
            .iter()
            .map(|o| format!("line {}: {}", o.line, o.what))
            .collect(),
        hazards: Vec::new(),
    }
}

impl Judgement {
    /// Makes it at best `verdict`, and says why.
    pub fn worsen(&mut self, verdict: Verdict, message: &str) {
        self.verdict = self.verdict.max(verdict);
        let text = self.message.get_or_insert_default();
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(message);
    }
}

struct Notes {
    verdict: Verdict,
    messages: Vec<String>,
}

impl Default for Notes {
    // Every run says at least what came of its suites, so this is only where the worst starts.
    fn default() -> Self {
        Notes {
            verdict: Verdict::Passed,
            messages: Vec::new(),
        }
    }
}

impl Notes {
    fn worsen(&mut self, verdict: Verdict) {
        self.verdict = self.verdict.max(verdict);
    }

    fn add(&mut self, verdict: Verdict, message: String) {
        self.worsen(verdict);
        self.messages.push(message);
    }
}

/// The suites of a log, which `report` is about; `hung` if its guest was.
pub fn suites(report: &ktap::Report, log: &[u8], hung: bool) -> Vec<Suite> {
    let mut reader = Reader {
        report,
        hung,
        console: Console::new(log),
        at: 0,
    };
    report.tests.iter().map(|t| reader.suite(t)).collect()
}

/// Makes suites of tests, in the order of the log.
struct Reader<'a> {
    report: &'a ktap::Report,
    hung: bool,
    console: Console<'a>,
    /// The line after which what comes belongs to the next case.
    at: usize,
}

impl Reader<'_> {
    fn suite(&mut self, test: &Test) -> Suite {
        let begin = format!("# Subtest: {}", test.name);
        let first = first_leaf(test).line;
        let begin = self.console.find(&begin, self.at + 1, first);
        self.at = begin.unwrap_or(self.at);
        let begin = self.at;
        let mut cases = Vec::new();
        for subtest in &test.subtests {
            self.leaves(subtest, "", &mut cases);
        }
        Suite {
            name: test.name.clone(),
            verdict: verdict(test, self.hung),
            took_s: self.console.took(begin, self.at),
            cases,
        }
    }

    fn leaves(&mut self, test: &Test, above: &str, cases: &mut Vec<Case>) {
        let name = format!("{above}{}", test.name);
        if test.subtests.is_empty() {
            let end = test.line.max(self.at);
            let begin = std::mem::replace(&mut self.at, end);
            let log = self.console.lines(begin + 1, self.at);
            cases.push(Case {
                verdict: verdict(test, self.hung),
                message: message(test, self.report),
                took_s: self.console.took(begin, self.at),
                log: (!log.is_empty()).then(|| excerpt(log, bound::CASE)),
                name,
            });
        } else {
            for subtest in &test.subtests {
                self.leaves(subtest, &format!("{name}."), cases);
            }
        }
    }
}

fn first_leaf(test: &Test) -> &Test {
    test.subtests.first().map_or(test, first_leaf)
}

/// A test of a hanging guest that has no result and nothing else to blame hangs.
fn verdict(test: &Test, hung: bool) -> Verdict {
    let silent = test.said == Said::Nothing && test.splats.is_empty();
    if hung && silent && test.verdict == Verdict::Crashed {
        Verdict::Hung
    } else {
        test.verdict
    }
}

fn message(test: &Test, report: &ktap::Report) -> Option<String> {
    let mut lines: Vec<String> = test.reason.iter().cloned().collect();
    if test.verdict.is_failure() {
        lines.extend(test.diagnostics.iter().cloned());
        lines.extend(
            test.splats
                .iter()
                .filter_map(|&i| report.splats.get(i))
                .map(|s| s.title.clone()),
        );
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn line_around(log: &[u8], range: std::ops::Range<usize>) -> String {
    let start = log[..range.start]
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |at| at + 1);
    let end = log[range.end..]
        .iter()
        .position(|&b| b == b'\n')
        .map_or(log.len(), |at| range.end + at);
    String::from_utf8_lossy(&log[start..end]).trim().to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    const PROOF: &str = "CPU: VIVT data cache, VIVT instruction cache\n";
    const PASSING: &str = "\
KTAP version 1
1..1
    KTAP version 1
    # Subtest: heap_alloc
    # module: heap_kunit
    1..2
    ok 1 zero_length
    ok 2 unknown_flags
ok 1 heap_alloc
";

    pub(crate) fn cell() -> config::Cell {
        config::Cell {
            name: "arm-vivt".into(),
            by_default: true,
            summary: String::new(),
            role: config::Role::Aliasing,
            kernel: "arm-v5".into(),
            dcache: config::DCache::Vivt,
            qemu: config::Qemu {
                system: "arm".into(),
                machine: "versatilepb".into(),
                cpu: None,
                memory_mib: 128,
                load: None,
                dtb: None,
                args: Vec::new(),
            },
            console: "ttyAMA0".into(),
            command_line: None,
            command_line_max: 1024,
            geometry: "vivt:32:4096:4".into(),
            cpu: "arm926".into(),
            speculates: false,
            linear: None,
            proof: regex::bytes::Regex::new("VIVT data cache").expect("a regular expression"),
        }
    }

    fn judged(log: &str, end: End, expected: &[&str]) -> Judgement {
        let booted = Booted {
            log: log.into(),
            end,
            took: Duration::ZERO,
            silence: Duration::ZERO,
        };
        judge(
            &cell(),
            expected,
            None,
            &ktap::parse(log.as_bytes()),
            &booted,
        )
    }

    fn whole() -> String {
        format!("{PROOF}{INIT}\n{PASSING}{DONE}\n")
    }

    #[test]
    fn a_whole_run_passes_and_keeps_the_line_that_proves_its_cache() {
        let judgement = judged(&whole(), End::Exited, &["heap_alloc"]);
        assert_eq!(judgement.verdict, Verdict::Passed, "{judgement:?}");
        assert_eq!(judgement.cache_proof.as_deref(), Some(PROOF.trim_end()));
        assert_eq!(judgement.suites[0].cases.len(), 2);
        assert_eq!(judgement.message, None);
    }

    #[test]
    fn a_case_has_what_was_printed_while_it_ran_and_what_it_took() {
        let log = "\
[    1.000000] KTAP version 1\r
[    1.000000] 1..1\r
[    1.500000]     KTAP version 1\r
[    1.500000]     # Subtest: s\r
[    1.500000]     1..3\r
[    1.600000] said by one\r
[    1.750000]     ok 1 one\r
[    2.000000]     ok 2 two\r
[    2.125000] said by \x1b[1mthree\x07\r
";
        let judgement = judged(log, End::Silent(Duration::from_secs(30)), &["s"]);
        let suite = &judgement.suites[0];
        let times: Vec<_> = suite.cases.iter().map(|c| c.took_s).collect();
        assert_eq!(times, [Some(0.25), Some(0.25), Some(0.125)]);
        assert_eq!(suite.took_s, Some(0.625));
        let log = |n: usize| suite.cases[n].log.as_deref().unwrap_or_default();
        assert!(log(0).contains("said by one\n") && log(0).ends_with("ok 1 one\n"));
        assert!(!log(0).contains("Subtest"), "{}", log(0));
        assert_eq!(log(1), "[    2.000000]     ok 2 two\n");
        assert_eq!(log(2), "[    2.125000] said by three·\n");
    }

    #[test]
    fn a_log_without_the_proof_is_not_proven() {
        let log = whole().replace("VIVT data", "PIPT data");
        assert_eq!(
            judged(&log, End::Exited, &["heap_alloc"]).verdict,
            Verdict::NotProven
        );
    }

    #[test]
    fn an_expected_suite_that_did_not_run_has_crashed() {
        let judgement = judged(&whole(), End::Exited, &["heap_alloc", "heap_vmap"]);
        assert_eq!(judgement.verdict, Verdict::Crashed);
        assert_eq!(judgement.suites[1].name, "heap_vmap");
        assert_eq!(judgement.suites[1].verdict, Verdict::Crashed);
    }

    #[test]
    fn a_log_without_suites_is_no_pass() {
        let log = format!("{PROOF}{INIT}\n{DONE}\n");
        assert_eq!(judged(&log, End::Exited, &[]).verdict, Verdict::NoTests);
    }

    #[test]
    fn a_guest_that_ends_early_has_crashed() {
        let log = whole().replace(DONE, "");
        assert_eq!(
            judged(&log, End::Exited, &["heap_alloc"]).verdict,
            Verdict::Crashed
        );
    }

    #[test]
    fn a_guest_without_its_first_program_has_not_booted() {
        let judgement = judged(PROOF, End::Exited, &["heap_alloc"]);
        assert_eq!(judgement.verdict, Verdict::BootFailed);
        let judgement = judged(PROOF, End::Silent(Duration::from_secs(30)), &["heap_alloc"]);
        assert_eq!(judgement.verdict, Verdict::BootFailed);
    }

    #[test]
    fn the_case_in_which_a_guest_falls_silent_hangs() {
        let at = PASSING.find("    ok 2").expect("the second case");
        let log = format!("{PROOF}{INIT}\n{}", &PASSING[..at]);
        let judgement = judged(&log, End::Silent(Duration::from_secs(30)), &["heap_alloc"]);
        assert_eq!(judgement.verdict, Verdict::Hung);
        let verdicts: Vec<_> = judgement.suites[0]
            .cases
            .iter()
            .map(|c| c.verdict)
            .collect();
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Hung], "{judgement:?}");
    }

    #[test]
    fn a_panic_is_shown_with_the_suite_in_which_it_happened() {
        let panic = "Kernel panic - not syncing: heap_alloc\n---[ end Kernel panic - not syncing: heap_alloc ]---\n";
        let at = PASSING.find("    ok 2").expect("the second case");
        let log = format!("{PROOF}{INIT}\n{}{panic}", &PASSING[..at]);
        let judgement = judged(&log, End::Exited, &["heap_alloc"]);
        assert_eq!(judgement.verdict, Verdict::Crashed);
        let message = judgement.message.expect("a message");
        assert!(
            message.contains("Kernel panic - not syncing") && message.contains("heap_alloc"),
            "{message}"
        );
    }

    #[test]
    fn a_module_that_does_not_load_fails_the_run() {
        let log = whole().replace(
            PASSING,
            "aliasheap: failed to load heap.ko: No such file or directory\n",
        );
        let judgement = judged(&log, End::Exited, &[]);
        assert_eq!(judgement.verdict, Verdict::Failed);
        assert!(
            judgement
                .message
                .expect("a message")
                .contains("failed to load heap.ko")
        );
    }

    #[test]
    fn a_qemu_that_fails_says_nothing_of_the_heap() {
        let end = End::QemuFailed("exit status: 1: no such machine".into());
        assert_eq!(
            judged(&whole(), end, &["heap_alloc"]).verdict,
            Verdict::Infra
        );
    }
}
