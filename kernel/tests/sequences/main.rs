// SPDX-License-Identifier: GPL-2.0

//! The walks of the suite `sequences`, on the cache model that watches the guests: they find each
//! step of maintenance that exploring everything finds to be needed, on each CPU, but for those of
//! `not-shown.txt`, and report nothing
//! where none is missing.

mod machine;

use aliasheap_kernel::model::{self, CPUS, Cpu, EXCEPTIONS};
use aliasheap_kernel::ownership::Op;
use aliasheap_kernel::walk::{
    Cast, MAX_USERS, Tried, WALKS_ALONE, WALKS_RENEWED, WALKS_TOGETHER, Walk,
};
use machine::{Alias, Change, Machine};

/// The walks, and the alias of each user.
const WALKS: [(&[Cast], [Alias; MAX_USERS]); 4] = [
    (&WALKS_ALONE, [Alias::Vmap; MAX_USERS]),
    (&WALKS_ALONE, [Alias::User; MAX_USERS]),
    (&WALKS_RENEWED, BOTH),
    (&WALKS_TOGETHER, BOTH),
];
const BOTH: [Alias; MAX_USERS] = [Alias::Vmap, Alias::User, Alias::User];

/// The CPUs whose caches a walk can meet: there is no model of bounce buffers here.
fn cpus() -> impl Iterator<Item = &'static Cpu> {
    CPUS.iter().filter(|cpu| !cpu.bounces)
}

/// Walks on `cpu` with a change, until somebody reads something old. Returns whether that happens,
/// and how many steps were taken.
fn walk(cpu: &Cpu, change: &Change) -> (bool, usize) {
    let mut steps = 0;

    for (casts, aliases) in WALKS {
        for cast in casts {
            let mut tried = vec![Tried::NONE; cast.tried()];
            let mut walk = Walk::new(*cast, &mut tried);
            let mut machine = Machine::new(cpu, change, aliases);

            while let Some(next) = walk.advance() {
                steps += 1;
                machine.step(next);
                if machine.touch(*cast, &mut walk) {
                    return (true, steps);
                }
            }
        }
    }
    (false, steps)
}

#[test]
fn silent_where_nothing_is_missing() {
    for cpu in cpus() {
        let (old, steps) = walk(cpu, &Change::None);

        println!("{}: {steps} steps", cpu.name);
        assert!(!old, "{}: something old after {steps} steps", cpu.name);
    }
}

/// Steps that the walks do not show to be missing on a CPU that needs them, a line each.
const NOT_SHOWN: &str = include_str!("not-shown.txt");

#[test]
#[ignore = "explores each plan without each of its steps, for minutes"]
fn finds_each_missing_step() {
    let first = CPUS[0].layouts()[0];
    let plans = model::explore_layout(&CPUS[0], first, model::Change::None, &EXCEPTIONS).plans;
    let (mut needed, mut missed) = (0, Vec::new());

    for cpu in cpus() {
        for (event, ops) in &plans {
            for (index, op) in ops.iter().enumerate() {
                let event = *event;
                let left_out = model::Change::LeaveOut { event, ops, index };
                let maintains = !matches!(op, Op::Map | Op::Unmap);

                if !maintains || !model::fails(cpu, left_out) {
                    continue;
                }
                needed += 1;
                let change = Change::LeaveOut {
                    event,
                    ops: ops.clone(),
                    index,
                };
                if !walk(cpu, &change).0 {
                    missed.push(format!("{}: {change:?}", cpu.name));
                }
            }
        }
    }

    println!("{needed} steps are needed");
    missed.sort();
    let known = NOT_SHOWN.lines().collect::<Vec<_>>();
    assert_eq!(
        missed, known,
        "the walks show more or less than not-shown.txt says"
    );
}
