// SPDX-License-Identifier: GPL-2.0-only
//! A run that has one of everything, for the tests of all formats.

use crate::config::Role;
use crate::results::identity::{Commit, Host, Kernel, Options, Tools};
use crate::results::{
    Case, Cell, Hazard, Identity, Kill, Planned, Run, Shard, Sighting, Stage, Status, Suite,
};
use crate::vcsan::Mode;
use crate::vcsan::findings::{self, Event, History, Party, Summary};
use crate::verdict::Verdict;

/// What a guest may print to do harm in a terminal, in XML and in HTML.
pub(crate) const HOSTILE: &str =
    "\u{1b}[31m]]></system-out>&</pre><script>alert(1)</script>\" onload='x' \u{202e}\u{0}\u{fffd}";

fn identity() -> Identity {
    Identity {
        name: Some("20261128T010203-7".into()),
        started: "2026-11-28T01:02:03Z".into(),
        command: ["cargo", "xtask", "test", "a b"].map(Into::into).into(),
        options: Options {
            vcsan: true,
            patience: 1,
            ..Options::default()
        },
        project: Some(Commit {
            commit: "0123456789abcdef0123456789abcdef01234567".into(),
            dirty: true,
        }),
        kernel: Some(Kernel {
            version: "7.3.4".into(),
            id: "fedcba".into(),
            package: Some("linux-source-7.3 7.3.4-1".into()),
            commit: None,
        }),
        tools: Some(Tools {
            from: "root".into(),
            recipe: "528ec2b2".into(),
            content: Some("ab".repeat(32)),
        }),
        host: Host {
            name: Some("host".into()),
            system: Some("Debian GNU/Linux 13 (trixie)".into()),
            kernel: Some("6.12.0".into()),
            arch: "x86_64".into(),
            cpus: 2,
        },
    }
}

fn hazard() -> Hazard {
    let event = |what: &str, letter, columns: &[usize]| Event {
        what: what.into(),
        letter,
        columns: columns.into(),
        count: 2,
        by: Some("f+0x4".into()),
    };
    Hazard {
        status: Status::New,
        finding: None,
        seen: findings::Hazard {
            title: "stale read".into(),
            test: Some("heap_vmap.reads".into()),
            access: Party {
                pc: Some("0x1041c".into()),
                by: "cpu".into(),
                symbol: Some("kunit::read [kunit]".into()),
                file: Some("kunit.rs".into()),
                line: Some(7),
                alias: Some("vmap".into()),
                vaddr: Some("0xc88a9000".into()),
                stack: Vec::new(),
            },
            write: Some(Party {
                by: "device".into(),
                ..Party::default()
            }),
            mapped: None,
            cause: "a line of the vmap may be older".into(),
            missing: "invalidate the vmap between".into(),
            buffer: Some("buffer".into()),
            offset: Some(0),
            physical: Some("0x111c000".into()),
            history: Some(History {
                line: "0x111c000".into(),
                columns: ["vmap 0xc88a9000", "direct map 0xc111c000", "memory"]
                    .map(Into::into)
                    .into(),
                events: vec![
                    event("load", 'R', &[0]),
                    event("flush all", 'f', &[0, 1]),
                    event("device write", 'W', &[2]),
                ],
            }),
            count: 3,
            text: format!("VCSan: stale read in kunit::read [kunit]\n  {HOSTILE}\n"),
        },
    }
}

/// Two cells, one of which passes; the other has a hazard, a case that hangs, and one that is skipped.
pub(crate) fn run() -> Run {
    let case = |name: &str, verdict, message: Option<&str>| Case {
        name: name.into(),
        verdict,
        message: message.map(Into::into),
        took_s: Some(0.25),
        log: Some(format!("[    1.000000] {name} {HOSTILE}\n")),
    };
    let suite = |name: &str, cases: Vec<Case>| Suite {
        name: name.into(),
        verdict: Verdict::of_parts(cases.iter().map(|c| c.verdict)).unwrap_or_default(),
        took_s: Some(0.5),
        cases,
    };
    let cell = |name: &str, suites: Vec<Suite>| Cell {
        cell: name.into(),
        role: Some(Role::Aliasing),
        verdict: Verdict::of_parts(suites.iter().map(|s| s.verdict)).unwrap_or_default(),
        kernel: Some("7.3.4".into()),
        built: Some("arm-v5".into()),
        cache_proof: Some("CPU: VIVT data cache".into()),
        mode: Some(Mode::Speculative),
        build_s: 12.5,
        boot_s: 1.25,
        suites,
        vcsan: Some(Summary {
            maintenance: 7,
            by_kind: [("flush".into(), 7)].into(),
            ..Summary::default()
        }),
        set: "heap".into(),
        console: Some(format!("[    0.000000] Linux {HOSTILE}\n")),
        repeat: format!("cargo xtask test --suite heap {name}"),
        ..Cell::default()
    };
    let good = cell(
        "arm-pipt",
        vec![suite(
            "heap_alloc",
            vec![case("zero", Verdict::Passed, None)],
        )],
    );
    let mut bad = cell(
        "arm-vivt",
        vec![
            suite(
                "heap_alloc",
                vec![
                    case("zero", Verdict::Passed, None),
                    case("wide", Verdict::Skipped, Some("one page only")),
                ],
            ),
            suite(
                "heap_vmap",
                vec![
                    case("reads", Verdict::Hazard, Some(HOSTILE)),
                    case("stops", Verdict::Hung, None),
                ],
            ),
        ],
    );
    bad.message = Some("the guest printed nothing for 30 s and was ended".into());
    bad.folder = Some("runs/20261128T010203-7/arm-vivt-heap".into());
    bad.oddities = vec!["line 7: number 2 was expected, not 3".into()];
    bad.hazards = vec![hazard()];
    let planned = |cell: &Cell| Planned {
        cell: cell.cell.clone(),
        set: cell.set.clone(),
        suites: cell.suites.iter().map(|s| s.name.clone()).collect(),
    };
    let planned = [&good, &bad].map(planned).into();
    let mut run = Run::new(identity(), vec![good, bad], 20.5);
    run.planned = planned;
    run.mutants = [("no-flush", "killed"), ("no-sync", "survived")]
        .map(|(mutant, outcome)| Kill {
            mutant: mutant.into(),
            cell: "arm-vivt".into(),
            mode: Mode::Architectural,
            outcome: outcome.into(),
            by: (outcome == "killed").then(|| Sighting {
                case: "heap_vmap.reads".into(),
                what: "stale read".into(),
                missing: HOSTILE.into(),
            }),
        })
        .into();
    run.shard = Some(Shard { number: 1, of: 2 });
    run.stages = vec![Stage {
        name: "setup".into(),
        took_s: 0.5,
    }];
    run
}
