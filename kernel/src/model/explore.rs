// SPDX-License-Identifier: GPL-2.0

//! Goes through all that can happen.

use super::caches::{CPUS, Cpu, Layout};
use super::step::Step;
use super::world::{Scene, World};
use crate::mutation::plan::{Kind, Mutation, letter};
use crate::ownership::{Direction, Event, Op, Ownership, Plan};
use rustc_hash::FxHashSet;
use std::collections::HashSet;
use std::mem::discriminant;

/// What of the heap is different from how it is.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Nothing.
    None,
    /// Step `index` is left out of the plans that are `ops` for `event`.
    LeaveOut {
        /// The event.
        event: Event,
        /// Its plan, so that the step goes from this plan alone if the event has several.
        ops: &'a [Op],
        /// The step, counted from 0.
        index: usize,
    },
    /// A step is left out of all plans for events of a kind.
    Never {
        /// An event of the kind; its direction makes no difference.
        event: Event,
        /// The step.
        op: Op,
    },
    /// Mappings are made in the direction that is asked for.
    MapAsAsked,
    /// Fresh pages are not written back.
    LeaveFresh,
    /// Who opens an access waits for transfers once the heap has done its part, not before.
    WaitLast,
    /// All steps with these [letters](crate::mutation::plan::letter) are left out of all plans.
    Without(&'a str),
    /// One step of one plan is done wrong.
    Mutated(Mutation<'a>),
    /// The direct map is written back by handing what devices may write to them.
    HandOver,
}

/// A step is not done.
#[derive(Debug)]
pub(super) struct LeftOut;

impl Change<'_> {
    /// What is done as step `index` of a plan, and how, if it is done wrong. An error if the step is
    /// left out, nothing if the plan has no such step.
    pub(super) fn step(
        self,
        event: Event,
        plan: &Plan,
        index: usize,
    ) -> Option<Result<(Op, Option<Kind>), LeftOut>> {
        let op = plan.ops().nth(index)?;

        Some(match self {
            Change::Mutated(mutation) if mutation.is_of(event, plan.ops()) => {
                match mutation.instead(index) {
                    Some((other, how)) => Ok((plan.ops().nth(other).unwrap_or(op), how)),
                    None => Err(LeftOut),
                }
            }
            Change::Without(letters) if letters.contains(char::from(letter(op))) => Err(LeftOut),
            _ if self.leaves_out(event, plan, index) => Err(LeftOut),
            _ => Ok((op, None)),
        })
    }

    fn leaves_out(self, event: Event, plan: &Plan, index: usize) -> bool {
        match self {
            Change::LeaveOut {
                event: e,
                ops,
                index: i,
            } => e == event && i == index && plan.ops().eq(ops.iter().copied()),
            Change::Never { event: e, op } => {
                discriminant(&e) == discriminant(&event) && plan.ops().nth(index) == Some(op)
            }
            _ => false,
        }
    }

    pub(super) fn mapped_as(self, dir: Direction) -> Direction {
        match self {
            Change::MapAsAsked => dir,
            _ => dir.mapped_as(),
        }
    }
}

/// What the heap does not repair, as [`ownership`](crate::ownership) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// Somebody writes in their access while the heap takes the buffer from a device for somebody else.
    Meanwhile,
    /// A bounce buffer or the memory is overwritten with the other by somebody who has not read it.
    Bounced,
    /// User space closes an access that somebody else has opened.
    Stray,
}

/// All exceptions.
pub const EXCEPTIONS: [Exception; 3] = [Exception::Meanwhile, Exception::Bounced, Exception::Stray];

/// What exploring found.
#[derive(Debug, Default)]
pub struct Explored {
    /// States.
    pub states: usize,
    /// A shortest way to a read of something old, and who used the buffer.
    pub failure: Option<(Layout, Vec<Step>)>,
    /// All plans, with the events they are for.
    pub plans: HashSet<(Event, Vec<Op>)>,
    /// All states of the ownership.
    pub ownerships: HashSet<Ownership>,
}

/// The steps that plans have, other than to map and to unmap: each once for a kind of event.
pub fn steps() -> Vec<(Event, Op)> {
    let mut steps = Vec::new();
    let plans = explore_layout(&CPUS[0], CPUS[0].layouts()[0], Change::None, &EXCEPTIONS).plans;
    let kinds = [Event::Map, Event::Unmap, Event::Begin, Event::End];

    for kind in kinds.map(|kind| kind(Direction::ToDevice)) {
        let ops = plans
            .iter()
            .filter(|(event, _)| discriminant(event) == discriminant(&kind))
            .flat_map(|(_, ops)| ops)
            .collect::<HashSet<_>>();
        steps.extend(
            OPS.iter()
                .filter(|op| ops.contains(op))
                .map(|&op| (kind, op)),
        );
    }
    steps
}

/// Operations, in the order of a table.
const OPS: [Op; 7] = [
    Op::WriteBackVmap,
    Op::WriteBackDirectMap,
    Op::SyncForDeviceUnwritten,
    Op::SyncForCpu,
    Op::FlushUser,
    Op::InvalidateVmap,
    Op::SyncForDevice,
];

/// Whether somebody reads something old on a CPU if a step is left out.
///
/// The users are as in [`fails`].
pub fn needs(cpu: &Cpu, (event, op): (Event, Op)) -> bool {
    fails(cpu, Change::Never { event, op })
}

/// Whether somebody reads something old on a CPU with a change.
///
/// The users are a vmap and a process, whose aliases share no lines, or the direct map alone.
pub fn fails(cpu: &Cpu, change: Change<'_>) -> bool {
    let layouts = cpu.layouts();

    // One after the other: the last is the smallest, and what is left out rarely takes long to find.
    layouts
        .last()
        .into_iter()
        .chain(layouts.first())
        .any(|layout| {
            explore_layout(cpu, *layout, change, &EXCEPTIONS)
                .failure
                .is_some()
        })
}

/// A table of which steps each CPU needs.
pub fn table() -> String {
    let mut table = String::from("| event | step |");
    for cpu in &CPUS {
        table += &format!(" {} |", cpu.name);
    }
    table += "\n|---|---|";
    table += &"---|".repeat(CPUS.len());

    for step in steps() {
        let kind = format!("{:?}", step.0);
        let kind = kind.split('(').next().unwrap_or_default();
        table += &format!("\n| `{kind}` | `{:?}` |", step.1);

        let needed = std::thread::scope(|scope| {
            CPUS.each_ref()
                .map(|cpu| scope.spawn(move || needs(cpu, step)))
                .map(|thread| thread.join())
        });
        for needed in needed {
            table += match needed {
                Ok(true) => " yes |",
                Ok(false) => " |",
                Err(_) => " ? |",
            };
        }
    }
    table + "\n"
}

/// Goes through everything that can happen but for the exceptions, until somebody reads something
/// old.
pub fn explore(cpu: &Cpu, change: Change<'_>) -> Explored {
    explore_except(cpu, change, &EXCEPTIONS)
}

/// The same, with some of the exceptions, or none.
pub fn explore_except(cpu: &Cpu, change: Change<'_>, excused: &[Exception]) -> Explored {
    let mut explored = Explored::default();

    for layout in cpu.layouts() {
        let more = explore_layout(cpu, layout, change, excused);

        explored.states += more.states;
        explored.plans.extend(more.plans);
        explored.ownerships.extend(more.ownerships);
        if more.failure.is_some() {
            explored.failure = more.failure;
            break;
        }
    }
    explored
}

/// The same, for some users of the buffer.
pub fn explore_layout(
    cpu: &Cpu,
    layout: Layout,
    change: Change<'_>,
    excused: &[Exception],
) -> Explored {
    let mut explored = Explored::default();
    let scene = &Scene {
        cpu,
        layout,
        change,
        excused,
        whole: false,
    };
    let start = World::new(scene);
    let mut seen = FxHashSet::from_iter([start]);
    let mut events = FxHashSet::default();
    // Each with the index of the one it comes from, and how.
    let mut found = vec![(start, None)];
    let (mut steps, mut worlds) = (Vec::new(), Vec::new());
    let mut index = 0;

    'all: while let Some((world, _)) = found.get(index).copied() {
        world.steps(scene, &mut steps);
        for step in steps.drain(..) {
            if let Some(event) = step.event() {
                events.insert((world.ownership, event));
            }
            if world.take(scene, step, &mut worlds).is_err() {
                explored.failure = Some((scene.layout, way(&found, index, step)));
                break 'all;
            }
            for mut next in worlds.drain(..) {
                next.caches = next.caches.canonical(&scene.layout);
                if seen.insert(next) {
                    found.push((next, Some((index, step))));
                }
            }
        }
        index += 1;
    }

    explored.states += found.len();
    for (ownership, event) in events {
        let plan = ownership.next(event).1.ops().collect();
        explored.plans.insert((event, plan));
        explored.ownerships.insert(ownership);
    }
    explored
}

/// The steps from the start to `found[index]`, and `last`.
fn way(found: &[(World, Option<(usize, Step)>)], mut index: usize, last: Step) -> Vec<Step> {
    let mut way = vec![last];
    while let Some((from, step)) = found[index].1 {
        way.push(step);
        index = from;
    }
    way.reverse();
    way
}
