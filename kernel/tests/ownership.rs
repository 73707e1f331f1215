// SPDX-License-Identifier: GPL-2.0

//! Explores all that can happen to a buffer, on a model of each CPU's cache: nobody ever reads
//! anything old, and each step of each plan is needed for that.

use aliasheap_kernel::model::{CPUS, Change, explore};
use aliasheap_kernel::ownership::{Direction, Event, Op, Owner, Ownership};
use std::collections::HashSet;

/// Asserts that somebody reads something old on some CPU.
fn assert_fails(what: &str, change: Change) {
    assert!(
        CPUS.iter()
            .any(|cpu| explore(cpu, change).failure.is_some()),
        "{what} makes no difference"
    );
}

#[test]
fn nobody_reads_anything_old() {
    for cpu in &CPUS {
        let explored = explore(cpu, Change::None);

        println!("{}: {} states", cpu.name, explored.states);
        assert!(
            explored.failure.is_none(),
            "{}: {:#?}",
            cpu.name,
            explored.failure
        );
    }
}

#[test]
fn each_step_is_needed() {
    let mut plans = HashSet::new();
    for cpu in &CPUS {
        plans.extend(explore(cpu, Change::None).plans);
    }

    for (event, ops) in &plans {
        for (index, op) in ops.iter().enumerate() {
            if !matches!(op, Op::Map | Op::Unmap) {
                let what = format!("{event:?}: {ops:?} without the step at {index}");
                let change = Change::LeaveOut {
                    event: *event,
                    ops,
                    index,
                };
                assert_fails(&what, change);
            }
        }
    }
}

#[test]
fn fresh_pages_are_written_back() {
    assert_fails("fresh pages", Change::LeaveFresh);
}

#[test]
fn mappings_from_the_device_keep_what_it_does_not_write() {
    assert_fails("mapping as asked", Change::MapAsAsked);
}

#[test]
fn bidirectional_is_like_one_of_the_others() {
    for state in explore(&CPUS[0], Change::None).ownerships {
        for (dir, event) in [
            (Direction::FromDevice, Event::Map as fn(Direction) -> Event),
            (Direction::FromDevice, Event::Unmap),
            (Direction::ToDevice, Event::End),
        ] {
            assert_eq!(
                state.next(event(Direction::Bidirectional)),
                state.next(event(dir))
            );
        }
    }
    assert_eq!(
        Direction::Bidirectional.mapped_as(),
        Direction::FromDevice.mapped_as()
    );
}

#[test]
fn the_owner_is_who_may_write() {
    let mapped = Ownership::new().next(Event::Map(Direction::ToDevice)).0;
    let accessed = mapped.next(Event::Begin).0;
    let ended = accessed.next(Event::End(Direction::ToDevice)).0;

    assert_eq!(Ownership::new().owner(), Owner::Cpu);
    assert_eq!(mapped.owner(), Owner::Device);
    assert_eq!(accessed.owner(), Owner::Cpu);
    assert_eq!(ended.owner(), Owner::Device);
    assert_eq!(
        ended.next(Event::Unmap(Direction::ToDevice)).0,
        Ownership::new()
    );
}

#[test]
fn what_is_not_open_can_be_ended() {
    let (state, plan) = Ownership::new().next(Event::End(Direction::ToDevice));

    assert_eq!(state, Ownership::new());
    assert_eq!(
        plan.ops().collect::<Vec<_>>(),
        [Op::WriteBackVmap, Op::FlushUser]
    );
}
