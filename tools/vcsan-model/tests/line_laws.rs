// SPDX-License-Identifier: GPL-2.0-only
//! [`Line::step`] against the explicit sets of concrete states, over everything that can be reached: sequences of any length.

mod reference;

use reference::{Answers, Cause, Sets, State, World};
use std::collections::HashSet;
use vcsan_model::line::{Bytes, Line, LineEvent};

fn events(world: World) -> Vec<LineEvent> {
    let all: Bytes = (1 << world.bytes) - 1;
    let mut events = vec![
        LineEvent::MemoryRead { bytes: all },
        LineEvent::Forget { bytes: 1 },
        LineEvent::Forget { bytes: all },
    ];
    for bytes in 1..=all {
        events.push(LineEvent::MemoryWrite { bytes });
    }
    for copy in 0..world.copies {
        events.extend([
            LineEvent::Load { copy, bytes: all },
            LineEvent::WriteBack { copy },
            LineEvent::Invalidate { copy },
            LineEvent::WriteBackInvalidate { copy },
            LineEvent::MayInvalidate { copy },
        ]);
        events.extend((0..=all).map(|bytes| LineEvent::Store { copy, bytes }));
    }
    events
}

/// Walks all reachable pairs of (model state, set of concrete states), so all event sequences there are.
fn explore(world: World) {
    let events = events(world);
    let mut sets = Sets::new(world);
    let mapped: Vec<usize> = (0..world.copies)
        .filter(|c| world.speculative >> c & 1 == 1)
        .collect();
    let start = (
        Line::new(world.copies).speculate(mapped.iter().copied()),
        vec![None::<Cause>; world.bytes],
        0,
    );
    let mut seen = HashSet::from([start.clone()]);
    let mut level = vec![start];
    let (mut depth, mut transitions) = (0, 0_u64);
    while !level.is_empty() {
        let mut next_level = Vec::new();
        for (line, causes, set) in level {
            for &event in &events {
                transitions += 1;
                let (next_set, answers) = sets.step(set, event);
                let (next, outcome) = line.clone().step(event);
                let context = || {
                    format!(
                        "{world:?}: {event:?} in {line:?} gave {outcome:?} and {next:?}; truth {answers:?}"
                    )
                };

                assert_eq!(
                    outcome.stale | outcome.gone,
                    answers.wrong,
                    "not exactly the wrong bytes: {}",
                    context()
                );
                assert!(
                    !world.causes || outcome.stale & !answers.wrong_while_safe == 0,
                    "kind without an execution: {}",
                    context()
                );
                assert_eq!(
                    outcome.gone,
                    answers.wrong_when_lost,
                    "not exactly the lost bytes: {}",
                    context()
                );
                for byte in (0..world.bytes).filter(|b| world.causes && outcome.gone >> b & 1 == 1)
                {
                    let cause =
                        causes[byte].unwrap_or_else(|| panic!("no cause known: {}", context()));
                    assert!(
                        answers.causes.contains(&(byte, cause)),
                        "blames {cause:?} without an execution: {}",
                        context()
                    );
                }
                let next = next.clone().speculate(mapped.iter().copied());
                let mut next_causes = causes.clone();
                for (byte, cause) in next_causes.iter_mut().enumerate() {
                    assert_eq!(
                        next.lost >> byte & 1 == 1,
                        sets.lost(next_set, byte),
                        "lost: {}",
                        context()
                    );
                    if outcome.rewritten >> byte & 1 == 1 {
                        *cause = None;
                    }
                    for loss in outcome
                        .losses
                        .iter()
                        .flatten()
                        .filter(|l| world.causes && l.bytes >> byte & 1 == 1)
                    {
                        cause.get_or_insert((loss.kind, loss.copy));
                    }
                }
                let pair = (next, next_causes, next_set);
                if seen.insert(pair.clone()) {
                    next_level.push(pair);
                }
            }
        }
        level = next_level;
        depth += usize::from(!level.is_empty());
    }
    println!(
        "{world:?}: {} events; all sequences of any length: {} pairs of model state and one of {} sets of concrete states, \
         {transitions} transitions, new ones up to depth {depth}",
        events.len(),
        seen.len(),
        sets.len(),
    );
}

/// All that can be reached from `start` by `moves`.
fn closure(
    start: impl IntoIterator<Item = State>,
    moves: impl Fn(State, &mut Vec<State>),
) -> HashSet<State> {
    let mut seen: HashSet<State> = start.into_iter().collect();
    let mut work: Vec<State> = seen.iter().copied().collect();
    let mut next = Vec::new();
    while let Some(s) = work.pop() {
        moves(s, &mut next);
        work.extend(next.drain(..).filter(|s| seen.insert(*s)));
    }
    seen
}

/// What [`World::dominated`] claims: whatever a dominated state does, the state that dominates it can do as badly.
fn domination(world: World) {
    let (mut states, mut pairs) = (0, 0);
    for worse in world.states() {
        states += 1;
        let by_itself = closure([worse], |s, next| world.spontaneous(s, next));
        let covered = closure(by_itself.iter().copied(), |s, next| {
            world.dominated(s, next)
        });
        let mut better = Vec::new();
        world.dominated(worse, &mut better);
        pairs += better.len();
        let mut moved = Vec::new();
        for &s in &better {
            world.spontaneous(s, &mut moved);
        }
        assert!(
            moved.iter().all(|s| covered.contains(s)),
            "{worse:b} does not cover a move of {better:?}"
        );
        for event in events(world) {
            let (mut truth, mut after, mut claimed, mut reached) = Default::default();
            for &s in &by_itself {
                world.answers(s, event, &mut truth);
                world.step(s, event, &mut after);
            }
            let covered = closure(
                closure(after, |s, next| world.spontaneous(s, next)),
                |s, next| world.dominated(s, next),
            );
            for &s in &better {
                world.answers(s, event, &mut claimed);
                world.step(s, event, &mut reached);
            }
            let (truth, claimed): (Answers, Answers) = (truth, claimed);
            assert_eq!(claimed.wrong & !truth.wrong, 0, "{worse:b}: {event:?}");
            assert_eq!(
                claimed.wrong_when_lost & !truth.wrong_when_lost,
                0,
                "{worse:b}: {event:?}"
            );
            assert!(
                reached.iter().all(|s| covered.contains(s)),
                "{worse:b}: {event:?} leads {better:?} elsewhere"
            );
        }
    }
    println!(
        "{world:?}: {states} states, {pairs} dominated ones, each followed through {} events",
        events(world).len()
    );
}

#[test]
fn a_dominated_state_adds_nothing() {
    for speculative in [0, 3] {
        domination(World {
            bytes: 1,
            copies: 2,
            speculative,
            causes: false,
        });
    }
    domination(World {
        bytes: 1,
        copies: 3,
        speculative: 0,
        causes: false,
    });
    domination(World {
        bytes: 2,
        copies: 1,
        speculative: 0,
        causes: false,
    });
}

#[test]
fn one_byte_with_causes() {
    for copies in 1..=2 {
        explore(World {
            bytes: 1,
            copies,
            speculative: 0,
            causes: true,
        });
    }
    explore(World {
        bytes: 2,
        copies: 1,
        speculative: 0,
        causes: true,
    });
}

#[test]
fn one_byte_three_aliases() {
    explore(World {
        bytes: 1,
        copies: 3,
        speculative: 0,
        causes: false,
    });
}

#[test]
fn speculation() {
    explore(World {
        bytes: 1,
        copies: 3,
        speculative: 0b011,
        causes: false,
    });
    explore(World {
        bytes: 2,
        copies: 2,
        speculative: 0b11,
        causes: false,
    });
}

#[test]
#[ignore = "takes a minute: run with --release"]
fn more_worlds() {
    for speculative in 0..4 {
        explore(World {
            bytes: 2,
            copies: 2,
            speculative,
            causes: false,
        });
    }
    for speculative in 0..8 {
        explore(World {
            bytes: 1,
            copies: 3,
            speculative,
            causes: false,
        });
    }
    explore(World {
        bytes: 1,
        copies: 4,
        speculative: 0,
        causes: false,
    });
}
