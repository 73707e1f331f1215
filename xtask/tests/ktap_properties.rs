// SPDX-License-Identifier: GPL-2.0-only
//! What holds for the KTAP reader whatever the log.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;
use xtask::ktap::{self, Event, Parser, Report, Test};
use xtask::verdict::Verdict;

/// What a test does, from which both a log and the expected report follow.
#[derive(Debug, Clone)]
enum Plan {
    Case(Result),
    Suite(Vec<Plan>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Result {
    Ok,
    NotOk,
    Skip,
}

/// How a log is written; none of it may matter.
#[derive(Debug, Clone, Copy)]
struct Dress {
    indent: usize,
    prefix: usize,
    /// Announces suites by name.
    named: bool,
    plan: Place,
    crlf: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Early,
    Late,
    Missing,
}

/// A test of a log or of a report: path, verdict, number of subtests.
type Line = (String, Verdict, usize);

impl Plan {
    fn verdict(&self) -> Verdict {
        match self {
            Plan::Case(Result::Ok) => Verdict::Passed,
            Plan::Case(Result::NotOk) => Verdict::Failed,
            Plan::Case(Result::Skip) => Verdict::Skipped,
            Plan::Suite(parts) => {
                let verdicts: Vec<_> = parts.iter().map(Plan::verdict).collect();
                let has = |v| verdicts.contains(&v);
                if has(Verdict::Failed) {
                    Verdict::Failed
                } else if has(Verdict::NoTests) || verdicts.is_empty() {
                    Verdict::NoTests
                } else if has(Verdict::Passed) {
                    Verdict::Passed
                } else {
                    Verdict::Skipped
                }
            }
        }
    }

    fn expect(parts: &[Plan], path: &str, out: &mut Vec<Line>) {
        for (i, part) in parts.iter().enumerate() {
            let path = format!("{path}/t{}", i + 1);
            let inner: &[Plan] = match part {
                Plan::Case(_) => &[],
                Plan::Suite(parts) => parts,
            };
            out.push((path.clone(), part.verdict(), inner.len()));
            Plan::expect(inner, &path, out);
        }
    }
}

fn write(parts: &[Plan], depth: usize, name: Option<&str>, dress: Dress, out: &mut Vec<String>) {
    let pad = " ".repeat(depth * dress.indent);
    let prefix = [
        "",
        "[    0.123456] ",
        "[   12.000001][    T1] ",
        "<6>[    1.000000] ",
    ][dress.prefix];
    let start = format!("{prefix}{pad}");
    let plan = format!("{start}1..{}", parts.len());
    // An empty suite is nothing but its plan.
    let place = if parts.is_empty() {
        Place::Early
    } else {
        dress.plan
    };
    out.push(format!("{start}KTAP version 1"));
    if let (Some(name), true) = (name, dress.named) {
        out.push(format!("{start}# Subtest: {name}"));
    }
    if place == Place::Early {
        out.push(plan.clone());
    }
    for (i, part) in parts.iter().enumerate() {
        let number = i + 1;
        if let Plan::Suite(parts) = part {
            write(parts, depth + 1, Some(&format!("t{number}")), dress, out);
        }
        let (ok, directive) = match part.verdict() {
            Verdict::Failed => ("not ok", ""),
            Verdict::Skipped => ("ok", " # SKIP not here"),
            _ => ("ok", ""),
        };
        out.push(format!("{start}{ok} {number} t{number}{directive}"));
    }
    if place == Place::Late {
        out.push(plan);
    }
}

fn log(lines: &[String], dress: Dress) -> Vec<u8> {
    let end = if dress.crlf { "\r\n" } else { "\n" };
    lines
        .iter()
        .flat_map(|l| [l, end].concat().into_bytes())
        .collect()
}

fn flatten(tests: &[Test], path: &str, out: &mut Vec<Line>) {
    for test in tests {
        let path = format!("{path}/{}", test.name);
        out.push((path.clone(), test.verdict, test.subtests.len()));
        flatten(&test.subtests, &path, out);
    }
}

fn lines(report: &Report) -> Vec<Line> {
    let mut out = Vec::new();
    flatten(&report.tests, "", &mut out);
    out
}

/// The lines of the results that count as passed.
fn passed(report: &Report) -> BTreeSet<usize> {
    fn collect(tests: &[Test], out: &mut BTreeSet<usize>) {
        for test in tests {
            if test.verdict == Verdict::Passed {
                out.insert(test.line);
            }
            collect(&test.subtests, out);
        }
    }
    let mut out = BTreeSet::new();
    collect(&report.tests, &mut out);
    out
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let case =
        prop_oneof![Just(Result::Ok), Just(Result::NotOk), Just(Result::Skip)].prop_map(Plan::Case);
    let part = case.prop_recursive(3, 20, 4, |inner| {
        proptest::collection::vec(inner, 0..4).prop_map(Plan::Suite)
    });
    proptest::collection::vec(part, 1..5)
}

fn dresses() -> impl Strategy<Value = Dress> {
    let place = prop_oneof![Just(Place::Early), Just(Place::Late), Just(Place::Missing)];
    (1usize..9, 0usize..4, any::<bool>(), place, any::<bool>()).prop_map(
        |(indent, prefix, named, plan, crlf)| Dress {
            indent,
            prefix,
            named,
            plan,
            crlf,
        },
    )
}

fn written() -> impl Strategy<Value = (Vec<Plan>, Vec<String>, Dress)> {
    (plans(), dresses()).prop_map(|(plans, dress)| {
        let mut lines = Vec::new();
        write(&plans, 0, None, dress, &mut lines);
        (plans, lines, dress)
    })
}

/// Pieces of which logs are made, so that random ones get far into the reader.
fn scraps() -> impl Strategy<Value = Vec<u8>> {
    let scrap = prop_oneof![
        proptest::sample::select(vec![
            "KTAP version 1",
            "TAP version 13",
            "# Subtest: ",
            "1..2",
            "1..0 # SKIP",
            "ok 1",
            "not ok 2",
            "ok 18446744073709551615",
            " # SKIP",
            " # TODO x",
            "not ",
            "ok ",
            "\n",
            "\n",
            "\n",
            "\r\n",
            "\r",
            "    ",
            "\t",
            "  ",
            "[    1.000000] ",
            "[    1.000000][    T1] ",
            "<6>",
            "name",
            "# diagnostic",
            "\x1b[0m",
            "\x1b]",
            "Kernel panic - not syncing: x",
            "------------[ cut here ]------------",
            "WARNING: at",
            "---[ end trace 0 ]---",
            "BUG: KASAN: x",
            "Oops[#1]:",
        ])
        .prop_map(|s| s.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(scrap, 0..60).prop_map(|scraps| scraps.concat())
}

/// What the kernel prints while tests run, with and without prefix; none of it has the form of KTAP.
fn printks() -> impl Strategy<Value = String> {
    let prefix =
        proptest::sample::select(vec!["", "[    1.500000] ", "[    1.500000][   C0] ", "<4>"]);
    let text = prop_oneof![
        "[a-z]{1,8}: [ -~]{0,30}",
        proptest::sample::select(vec![
            "foo: ok 1 t1".to_owned(),
            "foo: barok 2 t2".to_owned(),
            "foo: not ok 1 t1".to_owned(),
            "WARNING: kernel/foo.c:1 at foo+0x1/0x2, CPU#0: swapper/1".to_owned(),
            "Kernel panic - not syncing: foo".to_owned(),
            "1..9 channels".to_owned(),
            "# note".to_owned(),
        ]),
    ];
    (prefix, text).prop_map(|(prefix, text)| format!("{prefix}{text}"))
}

proptest! {
    #[test]
    fn any_bytes_are_read(log in proptest::collection::vec(any::<u8>(), 0..2000)) {
        ktap::parse(&log);
    }

    #[test]
    fn any_scraps_are_read(log in scraps()) {
        let report = ktap::parse(&log);
        let end = log.iter().filter(|&&b| b == b'\n').count() + 1;
        prop_assert!(report.oddities.iter().all(|o| (1..=end).contains(&o.line)));
        prop_assert!(report.splats.iter().all(|s| (1..=end).contains(&s.line) && !s.title.is_empty()));
    }

    #[test]
    fn what_is_written_is_read((plans, text, dress) in written()) {
        let report = ktap::parse(&log(&text, dress));
        let mut expected = Vec::new();
        Plan::expect(&plans, "", &mut expected);
        prop_assert_eq!(lines(&report), expected);
        prop_assert_eq!(&report.oddities, &[]);
        prop_assert_eq!(report.streams.len(), 1);
    }

    #[test]
    fn pieces_do_not_matter(text in prop_oneof![scraps(), written().prop_map(|(_, l, d)| log(&l, d))], cuts in proptest::collection::vec(any::<Index>(), 0..8)) {
        let whole = ktap::parse(&text);
        let mut at: Vec<usize> = cuts.iter().map(|c| c.index(text.len() + 1)).collect();
        at.sort_unstable();
        at.push(text.len());
        let (mut parser, mut start, mut events) = (Parser::new(), 0, Vec::new());
        for end in at {
            events.extend(parser.push(&text[start..end]));
            start = end;
        }
        prop_assert_eq!(parser.finish(), whole);
        let mut parser = Parser::new();
        prop_assert_eq!(events, parser.push(&text).collect::<Vec<_>>());
    }

    #[test]
    fn events_tell_what_the_report_will((_, text, dress) in written()) {
        let mut parser = Parser::new();
        let events: Vec<_> = parser.push(&log(&text, dress)).collect();
        let mut told: Vec<(String, Verdict)> = events
            .into_iter()
            .filter_map(|e| match e {
                Event::SuiteStarted { .. } => None,
                Event::CaseFinished { case, verdict, .. } => Some((case, verdict)),
                Event::SuiteFinished { suite, verdict } => Some((suite.rsplit('.').next()?.to_owned(), verdict)),
            })
            .collect();
        let mut reported: Vec<_> = lines(&parser.finish())
            .into_iter()
            .map(|(path, verdict, _)| (path.rsplit('/').next().unwrap_or_default().to_owned(), verdict))
            .collect();
        told.sort();
        reported.sort();
        prop_assert_eq!(told, reported);
    }

    #[test]
    fn printks_make_nothing_pass((_, text, dress) in written(), extra in proptest::collection::vec((any::<Index>(), printks()), 1..6)) {
        let before = passed(&ktap::parse(&log(&text, dress)));
        let mut noisy: Vec<(String, Option<usize>)> = text.into_iter().zip((1..).map(Some)).collect();
        for (at, line) in extra {
            noisy.insert(at.index(noisy.len() + 1), (line, None));
        }
        let (noisy, origin): (Vec<_>, Vec<_>) = noisy.into_iter().unzip();
        for line in passed(&ktap::parse(&log(&noisy, dress))) {
            let was = origin[line - 1];
            prop_assert!(was.is_some_and(|was| before.contains(&was)), "line {} passed", line);
        }
    }

    #[test]
    fn a_printk_inside_a_line_makes_nothing_pass((_, text, dress) in written(), at in any::<Index>()) {
        let whole = log(&text, dress);
        let before = passed(&ktap::parse(&whole));
        let at = at.index(whole.len() + 1);
        let cut = [&whole[..at], b"[    1.500000] random: crng init done\n", &whole[at..]].concat();
        let row = 1 + whole[..at].iter().filter(|&&b| b == b'\n').count();
        for line in passed(&ktap::parse(&cut)) {
            // The row that was cut takes two now.
            let was = if line <= row { line } else { line - 1 };
            prop_assert!(before.contains(&was), "line {} passed", line);
        }
    }

    #[test]
    fn truncation_makes_nothing_pass((_, text, dress) in written(), at in any::<Index>()) {
        let whole = log(&text, dress);
        let at = at.index(whole.len() + 1);
        let complete = whole[..at].iter().filter(|&&b| b == b'\n').count();
        let full = ktap::parse(&whole);
        let cut = ktap::parse(&whole[..at]);
        let (before, after) = (passed(&full), passed(&cut));
        prop_assert!(after.is_subset(&before), "{:?} passed too", after.difference(&before));
        prop_assert!(after.iter().all(|&line| line <= complete));
        if complete < text.len() && dress.plan == Place::Early {
            prop_assert_ne!(cut.verdict(), Verdict::Passed);
        }
    }

    #[test]
    fn a_deleted_result_makes_nothing_pass((_, text, dress) in written(), at in any::<Index>()) {
        let results: Vec<usize> = (0..text.len()).filter(|&i| text[i].contains("ok ")).collect();
        let victim = results[at.index(results.len())];
        let mut rest = text.clone();
        rest.remove(victim);
        let before = passed(&ktap::parse(&log(&text, dress)));
        let after = ktap::parse(&log(&rest, dress));
        for line in passed(&after) {
            let was = if line <= victim { line } else { line + 1 };
            prop_assert!(before.contains(&was), "line {} passed", line);
        }
        if dress.plan != Place::Missing {
            prop_assert!(after.verdict() > Verdict::NotProven, "{}", after.verdict());
        }
    }
}
