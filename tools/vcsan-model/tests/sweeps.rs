// SPDX-License-Identifier: GPL-2.0-only
//! Maintenance by set and way: all event sequences up to a length, on one line with two aliases in different sets of two
//! ways, against the set of all concrete states, in which every copy sits in a way of its own. Without speculation and
//! with it, where hardware fills both aliases whenever it likes.

use std::collections::BTreeSet;
use vcsan_model::config::{Config, Mode};
use vcsan_model::event::{Address, Event, Op, Site};
use vcsan_model::geometry::Geometry;
use vcsan_model::line::LineEvent;
use vcsan_model::model::Model;

const WAYS: u32 = 2;
const ALIASES: usize = 2;
const OPS: [Op; 3] = [Op::WriteBack, Op::Invalidate, Op::WriteBackInvalidate];

/// A copy: dirty, newest, way.
type Copy = Option<(bool, bool, u32)>;
/// Memory newest; copies. The line is one unit: every write covers it.
type State = (bool, [Copy; ALIASES]);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Line(LineEvent),
    SetWay { op: Op, alias: usize, way: u32 },
}

fn maintain(mut s: State, alias: usize, op: Op) -> State {
    if let Some((dirty, newest, way)) = s.1[alias] {
        if dirty && op != Op::Invalidate {
            s.0 = newest;
        }
        s.1[alias] = (op == Op::WriteBack).then_some((false, newest, way));
    }
    s
}

fn close(work: Vec<State>, speculates: bool) -> BTreeSet<State> {
    let mut seen: BTreeSet<State> = work.iter().copied().collect();
    let mut work = work;
    while let Some(s) = work.pop() {
        for alias in 0..ALIASES {
            let next = match s.1[alias] {
                Some((true, _, _)) => vec![maintain(s, alias, Op::WriteBack)],
                Some(_) => vec![maintain(s, alias, Op::Invalidate)],
                None if speculates => (0..WAYS).map(|way| fill(s, alias, way)).collect(),
                None => Vec::new(),
            };
            for next in next {
                if seen.insert(next) {
                    work.push(next);
                }
            }
        }
    }
    seen
}

fn fill(mut s: State, alias: usize, way: u32) -> State {
    s.1[alias] = Some((false, s.0, way));
    s
}

/// All states after a step from any of `from`, and whether a read in it may go wrong.
fn step(from: &BTreeSet<State>, step: Step, speculates: bool) -> (BTreeSet<State>, bool) {
    let (mut next, mut wrong) = (Vec::new(), false);
    for &s in from {
        match step {
            Step::SetWay { op, alias, way } => {
                let hit = s.1[alias].is_some_and(|copy| copy.2 == way);
                next.push(if hit { maintain(s, alias, op) } else { s });
            }
            Step::Line(LineEvent::Load { copy, .. }) => match s.1[copy] {
                Some((_, newest, _)) => {
                    wrong |= !newest;
                    next.push(s);
                }
                None => {
                    wrong |= !s.0;
                    next.extend((0..WAYS).map(|way| fill(s, copy, way)));
                }
            },
            Step::Line(LineEvent::Store { copy, .. }) => {
                let ways = s.1[copy].map_or(0..WAYS, |(_, _, way)| way..way + 1);
                for way in ways {
                    let mut s = (
                        false,
                        s.1.map(|copy| copy.map(|(dirty, _, way)| (dirty, false, way))),
                    );
                    s.1[copy] = Some((true, true, way));
                    next.push(s);
                }
            }
            Step::Line(LineEvent::MemoryWrite { .. }) => {
                next.push((
                    true,
                    s.1.map(|copy| copy.map(|(dirty, _, way)| (dirty, false, way))),
                ));
            }
            Step::Line(LineEvent::MemoryRead { .. }) => {
                wrong |= !s.0;
                next.push(s);
            }
            Step::Line(_) => next.push(s),
        }
    }
    (close(next, speculates), wrong)
}

struct Walk {
    speculates: bool,
    steps: Vec<Step>,
    sequences: u64,
    wrong: u64,
}

impl Walk {
    fn go(&mut self, model: &Model, states: &BTreeSet<State>, left: u32) {
        if left == 0 {
            return;
        }
        for at in 0..self.steps.len() {
            let event = self.steps[at];
            self.sequences += 1;
            let mut model = model.clone();
            let all = u64::MAX >> 48;
            let event_for_model = match event {
                Step::Line(LineEvent::Load { copy, .. }) => Event::Load {
                    at: place(copy),
                    len: 16,
                },
                Step::Line(LineEvent::Store { copy, .. }) => Event::Store {
                    at: place(copy),
                    len: 16,
                },
                Step::Line(LineEvent::MemoryRead { .. }) => Event::DeviceRead {
                    paddr: 0x4000,
                    len: 16,
                },
                Step::Line(_) => Event::DeviceWrite {
                    paddr: 0x4000,
                    len: 16,
                },
                Step::SetWay { op, alias, way } => Event::SetWay {
                    op,
                    set: alias as u32 * 256,
                    sets: 1,
                    way,
                },
            };
            let reported = model
                .apply(event_for_model, Site::new(1))
                .iter()
                .fold(0, |bytes, h| bytes | h.bytes);
            let (next, wrong) = step(states, event, self.speculates);
            assert!(reported == 0 || reported == all, "a line is one unit here");
            assert!(
                !wrong || reported != 0,
                "{event:?} in {states:?} may go wrong and was not reported"
            );
            assert!(
                wrong || reported == 0,
                "{event:?} in {states:?} can't go wrong and was reported"
            );
            self.wrong += u64::from(wrong);
            self.go(&model, &next, left - 1);
        }
    }
}

fn place(alias: usize) -> Address {
    Address {
        vaddr: alias as u64 * 4096,
        paddr: 0x4000,
        space: 0,
    }
}

fn walk(mode: Mode, ops: &[Op], length: u32) {
    let all = u64::MAX;
    let mut steps: Vec<Step> = vec![
        Step::Line(LineEvent::MemoryRead { bytes: all }),
        Step::Line(LineEvent::MemoryWrite { bytes: all }),
    ];
    for alias in 0..ALIASES {
        steps.push(Step::Line(LineEvent::Load {
            copy: alias,
            bytes: all,
        }));
        steps.push(Step::Line(LineEvent::Store {
            copy: alias,
            bytes: all,
        }));
        for &op in ops {
            steps.extend((0..WAYS).map(|way| Step::SetWay { op, alias, way }));
        }
    }
    let geometry = Geometry::vipt(16, 8192, WAYS).expect("real");
    let config = Config {
        mode,
        ..Config::new(geometry)
    };
    let mut model = Model::new(config).expect("a meaningful configuration");
    for alias in 0..ALIASES {
        model.apply(Event::Map { at: place(alias) }, Site::NONE);
    }
    let speculates = mode == Mode::Speculative;
    let states = close(vec![(true, [None; ALIASES])], speculates);
    let mut walk = Walk {
        speculates,
        steps,
        sequences: 0,
        wrong: 0,
    };
    walk.go(&model, &states, length);
    println!(
        "{mode:?} {ops:?}: {} events, all {} sequences up to length {length}: {} end in a read that may go wrong, which alone are \
         reported",
        walk.steps.len(),
        walk.sequences,
        walk.wrong
    );
}

#[test]
fn by_set_and_way() {
    for mode in [Mode::Architectural, Mode::Speculative] {
        walk(mode, &OPS, 3);
        for op in OPS {
            walk(mode, &[op], 4);
        }
    }
}

#[test]
#[ignore = "takes a minute: run with --release"]
fn by_set_and_way_longer() {
    for mode in [Mode::Architectural, Mode::Speculative] {
        walk(mode, &OPS, 4);
        for op in OPS {
            walk(mode, &[op], 6);
        }
    }
}

/// Whether a sweep over all sets and ways leaves one alias old where another one was written, for each of two sweeps in a row.
fn old_after_sweeps(speculates: bool) -> [bool; 2] {
    // The first sweep comes to the alias that was written last.
    let written = (false, [None, Some((true, true, 0))]);
    let mut states = close(vec![written], speculates);
    [(), ()].map(|()| {
        for (alias, way) in (0..ALIASES).flat_map(|alias| (0..WAYS).map(move |way| (alias, way))) {
            let op = Op::WriteBackInvalidate;
            states = step(&states, Step::SetWay { op, alias, way }, speculates).0;
        }
        let load = LineEvent::Load {
            copy: 0,
            bytes: u64::MAX,
        };
        step(&states, Step::Line(load), speculates).1
    })
}

/// So a flush of all of the cache for each of several user mappings is not one too many there.
#[test]
fn one_sweep_does_for_all_aliases_unless_lines_are_filled_again() {
    assert_eq!(old_after_sweeps(false), [false, false]);
    assert_eq!(old_after_sweeps(true), [true, false]);
}
