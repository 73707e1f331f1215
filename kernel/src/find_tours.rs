// SPDX-License-Identifier: GPL-2.0

//! Plans the tours of the suite `sequences`: ways through the states of a buffer by which the heap
//! does each of its plans often, after different histories.

use crate::ownership::{Event, Op};
use crate::walk::{Dir, MAX_MAPPINGS, MAX_USERS, State, Step};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What takes part in a tour.
#[derive(Clone, Copy, Debug)]
struct Cast {
    users: usize,
    /// Whether processes leave accesses open, and close what they did not open.
    strays: bool,
    /// Whether aliases go and come again.
    renewals: bool,
    /// How often each plan is carried out at least for each user.
    times: u32,
}

/// A tour: its name, what it is, and who takes part, one after the other.
type Tour = (&'static str, &'static str, &'static [Cast]);

const ALONE: Cast = Cast {
    users: 1,
    strays: false,
    renewals: false,
    times: 2,
};
const PAIR: Cast = Cast { users: 2, ..ALONE };

const TOURS: [Tour; 3] = [
    (
        "ONE",
        "One user.",
        &[
            ALONE,
            Cast {
                strays: true,
                times: 4,
                ..ALONE
            },
        ],
    ),
    (
        "TWO",
        "Two users.",
        &[
            PAIR,
            Cast {
                strays: true,
                times: 4,
                ..PAIR
            },
        ],
    ),
    (
        "RENEWED",
        "Two users whose aliases come and go.",
        &[Cast {
            renewals: true,
            ..PAIR
        }],
    ),
];

/// What is to be done often: a step, but for the number of a mapping, and what the heap does for it
/// while an alias has lines of a kind. [`Dir::Both`] is planned for like one of the others, and
/// stands for it now and then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Goal {
    step: Step,
    plan: Vec<Op>,
    lines: Option<(usize, usize, Kind)>,
    /// Who wrote last, in an access that has ended, if an alias is made.
    ended: Option<usize>,
}

/// What a line is that somebody has to see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Stale,
    Dirty,
}

/// Which lines an alias may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Lines {
    any: bool,
    stale: bool,
    dirty: bool,
}

/// The aliases: a vmap, a user mapping, and a direct map that both users share in another walk.
const VMAP: usize = 0;
const USER: usize = 1;
const DIRECT_MAP: usize = 2;

/// A state of the buffer, and which lines there may be of it if users and devices read and write all
/// that they may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Node {
    state: State,
    /// In a cache that fills lines when somebody reads or writes, and in one that may do so at any
    /// time.
    lines: [[Lines; 3]; 2],
    /// Who wrote last, in an access that has ended.
    ended: Option<usize>,
}

impl Node {
    fn after(mut self, step: Step) -> Node {
        for op in plan_of(&self.state, step) {
            match op {
                Op::WriteBackVmap | Op::InvalidateVmap => self.drop_lines(VMAP),
                Op::FlushUser => self.drop_lines(USER),
                _ => self.drop_lines(DIRECT_MAP),
            }
        }
        if let Step::Renew(user) = step {
            self.drop_lines(user);
        }
        self.state = self.state.after(step);

        let idle = !self.state.is_mapped() && !self.state.is_open();
        let device_writes = self
            .state
            .mapped
            .iter()
            .flatten()
            .any(|dir| dir.device_writes());
        self.ended = match step {
            Step::End(user, dir) if dir.cpu_writes() && idle => Some(user),
            Step::Renew(_) | Step::Stray(_) => self.ended,
            _ => None,
        };
        for lines in &mut self.lines {
            for user in 0..MAX_USERS {
                let open = self.state.open[user];
                let writes = idle || open.is_some_and(Dir::cpu_writes);
                for alias in [user, DIRECT_MAP] {
                    lines[alias].any |= idle || open.is_some();
                    lines[alias].dirty |= writes;
                }
                if writes {
                    lines[1 - user].stale |= lines[1 - user].any;
                }
            }
            if device_writes && !self.state.is_open() {
                for lines in lines {
                    lines.stale |= lines.any;
                }
            }
        }
        self
    }

    fn drop_lines(&mut self, alias: usize) {
        let [_, speculative] = &mut self.lines;
        if let (VMAP | USER, true) = (alias, speculative[alias].dirty) {
            // What is written back is news for a line that was filled just before.
            speculative[1 - alias].stale |= speculative[1 - alias].any;
        }
        self.lines[0][alias] = Lines::default();
        self.lines[1][alias] = Lines {
            any: self.lines[1][alias].any,
            ..Lines::default()
        };
    }
}

fn plan_of(state: &State, step: Step) -> Vec<Op> {
    state
        .event(step)
        .map(|event: Event| state.ownership.next(event).1.ops().collect())
        .unwrap_or_default()
}

fn merged(dir: Dir, mapping: bool) -> Dir {
    match dir {
        Dir::Both if mapping => Dir::From,
        Dir::Both => Dir::To,
        dir => dir,
    }
}

fn goals(node: &Node, step: Step) -> Vec<Goal> {
    let plan = plan_of(&node.state, step);
    let step = match step {
        Step::Map(_, dir) => Step::Map(0, merged(dir, true)),
        // The direction of the mapping that goes, said as if it were made.
        Step::Unmap(mapping) => Step::Map(
            1,
            merged(node.state.mapped[mapping].unwrap_or(Dir::To), true),
        ),
        Step::Begin(user, dir) => Step::Begin(user, merged(dir, false)),
        Step::End(user, dir) => Step::End(user, merged(dir, false)),
        Step::Abandon(dir) => Step::Abandon(merged(dir, false)),
        Step::Stray(dir) => Step::Stray(merged(dir, false)),
        step @ (Step::Leave(_) | Step::Renew(_)) => step,
    };
    let ended = match step {
        Step::Renew(_) => node.ended,
        _ => None,
    };
    let lines = node.lines.iter().enumerate().flat_map(|(cache, lines)| {
        lines.iter().enumerate().flat_map(move |(alias, lines)| {
            let stale = lines.stale.then_some((cache, alias, Kind::Stale));
            let dirty = lines.dirty.then_some((cache, alias, Kind::Dirty));
            [stale, dirty].into_iter().flatten()
        })
    });

    [None]
        .into_iter()
        .chain(lines.map(Some))
        .map(|lines| Goal {
            step,
            plan: plan.clone(),
            lines,
            ended,
        })
        .collect()
}

/// The steps that are possible.
fn possible(cast: Cast, state: &State) -> Vec<Step> {
    let mut steps = Vec::new();

    // One mapping is like another, so only the first that is free is made.
    if let Some(mapping) = state.mapped.iter().position(Option::is_none) {
        steps.extend(Dir::ALL.map(|dir| Step::Map(mapping, dir)));
    }
    steps.extend(
        (0..MAX_MAPPINGS)
            .filter(|&mapping| state.mapped[mapping].is_some())
            .map(Step::Unmap),
    );
    for user in 0..cast.users {
        match state.open[user] {
            None => {
                steps.extend(Dir::ALL.map(|dir| Step::Begin(user, dir)));
                if cast.renewals {
                    steps.push(Step::Renew(user));
                }
            }
            Some(dir) => {
                steps.push(Step::End(user, dir));
                if cast.strays && !state.abandoned && !dir.cpu_writes() {
                    steps.push(Step::Leave(user));
                }
            }
        }
    }
    if cast.strays {
        if !state.abandoned {
            steps.extend(Dir::ALL.map(Step::Abandon));
        }
        // To close somebody else's access is not repaired.
        if state.abandoned || !state.is_open() {
            steps.extend(Dir::ALL.map(Step::Stray));
        }
    }
    steps
}

/// The cheapest way to a goal that has been reached less often than it should. A step costs the more,
/// the more often it has been taken.
fn way(
    cast: Cast,
    start: Node,
    visits: &FxHashMap<Goal, u32>,
    taken: &FxHashMap<Step, u32>,
) -> Option<Vec<Step>> {
    let visited = |goal: &Goal| visits.get(goal).copied().unwrap_or(0);
    let mut found: Vec<(Node, Option<(usize, Step)>)> = vec![(start, None)];
    let mut best: FxHashMap<Node, u32> = FxHashMap::from_iter([(start, 0)]);
    let mut queue = BinaryHeap::from([Reverse((0, 0))]);

    while let Some(Reverse((cost, index))) = queue.pop() {
        let (node, _) = found[index];
        if best[&node] < cost {
            continue;
        }
        for step in possible(cast, &node.state) {
            let goals = goals(&node, step);
            let next = node.after(step);

            if goals.iter().any(|goal| visited(goal) < cast.times) {
                let mut way = vec![step];
                let mut at = index;
                while let Some((from, step)) = found[at].1 {
                    way.push(step);
                    at = from;
                }
                way.reverse();
                return Some(way);
            }
            let times = visited(&goals[0]).min(40) + taken.get(&step).copied().unwrap_or(0) % 10;
            let cost = cost + 20 + times;
            if best.get(&next).is_none_or(|&other| cost < other) {
                best.insert(next, cost);
                found.push((next, Some((index, step))));
                queue.push(Reverse((cost, found.len() - 1)));
            }
        }
    }
    None
}

/// The words of a tour.
fn tour(casts: &[Cast]) -> Vec<String> {
    let mut node = Node::default().after(Step::Renew(0));
    let mut visits = FxHashMap::default();
    let mut taken = FxHashMap::default();
    let mut words = Vec::new();

    for &cast in casts {
        while let Some(steps) = way(cast, node, &visits, &taken) {
            for step in steps {
                for goal in goals(&node, step) {
                    *visits.entry(goal).or_insert(0) += 1;
                }
                *taken.entry(step).or_insert(0) += 1;
                words.push(word(step));
                node = node.after(step);
            }
        }
    }
    words
}

fn word(step: Step) -> String {
    let dir = |dir| match dir {
        Dir::To => 't',
        Dir::From => 'f',
        Dir::Both => 'b',
    };
    match step {
        Step::Map(mapping, to) => format!("m{mapping}{}", dir(to)),
        Step::Unmap(mapping) => format!("u{mapping}"),
        Step::Begin(user, to) => format!("b{user}{}", dir(to)),
        Step::End(user, _) => format!("e{user}"),
        Step::Abandon(to) => format!("a{}", dir(to)),
        Step::Stray(to) => format!("s{}", dir(to)),
        Step::Leave(user) => format!("l{user}"),
        Step::Renew(user) => format!("r{user}"),
    }
}

/// `kunit/tours.rs`.
pub fn source() -> String {
    let mut source = String::from(
        "// SPDX-License-Identifier: GPL-2.0\n\
         \n\
         //! The tours of the suite `sequences`. [`State::step`](crate::walk::State::step) says what the\n\
         //! words mean.\n\
         //!\n\
         //! `cargo run -p aliasheap-kernel --example tours` writes this file.\n",
    );

    for (name, what, casts) in TOURS {
        source += &format!("\n/// {what}\npub const {name}: &str = \"");
        let mut column = 0;
        for word in tour(casts) {
            if column == 0 || column > 92 {
                source += "\\\n    ";
                column = 4;
            }
            source += &format!("{word} ");
            column += word.len() + 1;
        }
        source += "\";\n";
    }
    source
}
