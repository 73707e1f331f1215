// SPDX-License-Identifier: GPL-2.0

//! The walks of the suite `sequences`, on the cache model that watches the guests: they find each
//! step of maintenance that exploring everything finds to be needed, on each CPU, also if it is done
//! to a part of the lines, and report nothing where none is missing.

use aliasheap_kernel::machine::{self, Cell, Change, Kept};
use aliasheap_kernel::model::{self, CPUS, Cpu, EXCEPTIONS};
use aliasheap_kernel::mutation::{self, all, matters, shown};
use aliasheap_kernel::ownership::{Event, Op};
use aliasheap_kernel::stages::{self, Stage};
use aliasheap_kernel::walk::Course;
use aliasheap_kernel::{find_tours, tours};
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

/// The CPUs whose caches a walk can meet: there is no model of bounce buffers here.
fn cpus() -> impl Iterator<Item = &'static Cpu> {
    CPUS.iter().filter(|cpu| !cpu.bounces)
}

/// All walks on a cache of so many colours.
fn walks(colours: usize) -> impl Iterator<Item = (&'static Stage, Course)> {
    stages::ALL
        .into_iter()
        .flat_map(|(_, stages)| stages)
        .filter(move |stage| stage.runs(colours))
        .flat_map(|stage| stage.walks.iter().map(move |course| (stage, *course)))
}

/// Walks on a CPU with a change, until somebody reads something old. Returns whether that happens,
/// and how many steps were taken.
fn walk(cell: Cell, change: &Change<'_>) -> (bool, usize) {
    let mut steps = 0;

    for (stage, course) in walks(cell.colours) {
        let (old, taken) = machine::walk(cell, change, stage, course, usize::MAX);
        steps += taken;
        if old {
            return (true, steps);
        }
    }
    (false, steps)
}

#[test]
fn silent_where_nothing_is_missing() {
    for cpu in cpus() {
        let cell = Cell::new(cpu);
        let (old, steps) = walk(cell, &Change::None);

        assert!(!old, "{}: something old after {steps} steps", cpu.name);
        let words = |(_, course): (_, Course)| {
            let all = course.tour.split_ascii_whitespace().count();
            all.min(course.limit)
        };
        let planned = walks(cell.colours).map(words).sum::<usize>();
        assert_eq!(steps, planned, "{}: a tour was left early", cpu.name);
    }
}

/// Nothing is missing either where operations flush the whole cache, and not all of it at once.
#[test]
fn silent_where_more_is_flushed_than_asked_for() {
    for cpu in cpus().filter(|cpu| cpu.user_flushes_all || cpu.vmap_flushes_all) {
        let cell = Cell {
            whole: true,
            ..Cell::new(cpu)
        };
        for (stage, course) in walks(cell.colours) {
            let (old, steps) = machine::walk(cell, &Change::None, stage, course, usize::MAX);

            assert!(
                !old,
                "{}: something old after {steps} steps with {:?}, colours {:?}",
                cpu.name, stage.users, stage.colours
            );
        }
    }
}

#[test]
fn tours_are_those_that_are_found() {
    let path = "overlay/drivers/dma-buf/heaps/system_heap_rust/kunit/tours.rs";
    let file = std::fs::read_to_string(path).expect("the file is there");

    assert!(
        file == find_tours::source(),
        "{path} is not what `cargo run -p aliasheap-kernel --example tours` prints"
    );
    assert!(
        [tours::ONE, tours::TWO, tours::RENEWED]
            .iter()
            .all(|tour| !tour.is_empty())
    );
}

/// All mappings have the same lines, so one of them is enough where what is done for a device that
/// only reads is what is done for one that writes too.
#[test]
fn finds_that_one_mapping_of_several_is_synced() {
    for cpu in cpus() {
        let needed = cpu.to_device != cpu.bidirectional;

        for last in [false, true] {
            let (shown, steps) = walk(Cell::new(cpu), &Change::OneMapping { last });
            assert_eq!(
                shown, needed,
                "{}: last: {last}, after {steps} steps",
                cpu.name
            );
        }
    }
}

/// What is wrong with the walks on a CPU, a line for each step.
fn faults(cpu: &'static Cpu, plans: &[(Event, Vec<Op>)]) -> Vec<String> {
    let mut faults = Vec::new();

    for (event, ops) in plans {
        for (index, op) in ops.iter().enumerate() {
            if matches!(op, Op::Map | Op::Unmap) {
                continue;
            }
            let shown = |kept| {
                let (event, ops) = (*event, ops.clone());
                let change = Change::Cut {
                    event,
                    ops,
                    index,
                    kept,
                };
                walk(Cell::new(cpu), &change).0
            };
            let event = *event;
            let needed = model::fails(cpu, model::Change::LeaveOut { event, ops, index });
            // What shows nothing if it is left out does not if it is cut short.
            let kinds = if needed {
                &Kept::ALL[..]
            } else {
                &Kept::ALL[..1]
            };
            let wrong = kinds.iter().filter(|kept| shown(**kept) != needed);

            faults.extend(wrong.map(|kept| {
                format!(
                    "{}: step {index} of {ops:?} for {event:?}: needed: {needed}, but shown: {} with \
                     {kept:?}",
                    cpu.name, !needed,
                )
            }));
        }
    }
    faults
}

#[test]
#[ignore = "explores each plan without each of its steps, for minutes"]
fn finds_each_missing_step() {
    let first = CPUS[0].layouts()[0];
    let plans = model::explore_layout(&CPUS[0], first, model::Change::None, &EXCEPTIONS).plans;
    let plans = &Vec::from_iter(plans);

    let faults = std::thread::scope(|scope| {
        let threads = cpus().map(|cpu| scope.spawn(move || faults(cpu, plans)));
        let threads = threads.collect::<Vec<_>>();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no panic"))
            .collect::<Vec<_>>()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The CPUs of the cells in configs/cells, and whether each speculates there.
fn cells() -> BTreeSet<(String, bool)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/cells");
    let cell = |entry: io::Result<DirEntry>| {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("a cell");
        let value = |key: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(key));
            value.expect(key).trim().to_owned()
        };
        (value("cpu:"), value("speculates:") == "true")
    };
    let cells: BTreeSet<(String, bool)> = fs::read_dir(folder).expect("cells").map(cell).collect();
    assert!(cells.iter().any(|cell| cell.1) && cells.iter().any(|cell| !cell.1));
    assert!(cells.iter().all(|(cpu, _)| mutation::cpu_of(cpu).is_some()));
    cells
}

/// On a PA-RISC that does not speculate, what writes a vmap back flushes user mappings too. So it takes a walk of a process alone,
/// which has read before a device came that writes.
#[test]
fn shows_user_mappings_that_are_not_flushed_when_nothing_is_filled_again() {
    for event in ["begin-from", "begin-to"] {
        let change = format!("plan:{event}:wui:1:left-out");
        assert!(shown("PA-RISC", false, &change).is_some(), "{change}");
    }
}

/// A step that is done wrong in any way is shown by a walk if exploring finds that it matters, and by
/// none if it does not.
#[test]
#[ignore = "walks with each mutation on each CPU, for minutes"]
fn shows_each_mutation_that_matters() {
    let names: Vec<String> = all().into_iter().map(|named| named.name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let names = names.as_slice();
    let of_cell = |(cpu, speculates): (String, bool)| {
        let cpu = cpu.as_str();
        let all = names.iter().zip(matters(cpu, speculates, names));
        let all: HashMap<&str, bool> = all.map(|(name, matters)| (*name, matters)).collect();
        let wrong = |(change, &matters): (&&str, &bool)| {
            // What shows nothing if it is left out does not if it is cut short.
            let (step, _) = change.rsplit_once(':').expect("a kind");
            let left_out = format!("{step}:left-out");
            if !matters && **change != left_out && all.get(left_out.as_str()) == Some(&false) {
                return None;
            }
            let shown = shown(cpu, speculates, change);
            (shown.is_some() != matters).then(|| {
                format!(
                    "{change} on {cpu}, speculative: {speculates}: matters: {matters}, {shown:?}"
                )
            })
        };
        all.iter().filter_map(wrong).collect::<Vec<_>>()
    };

    let faults = std::thread::scope(|scope| {
        let threads: Vec<_> = cells()
            .into_iter()
            .map(|cell| scope.spawn(move || of_cell(cell)))
            .collect();
        let faults = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        faults.flatten().collect::<Vec<_>>()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
