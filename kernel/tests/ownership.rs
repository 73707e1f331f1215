// SPDX-License-Identifier: GPL-2.0

//! Explores all that can happen to a buffer, on a model of each CPU's cache: nobody ever reads
//! anything old but for the exceptions that the heap names, and each step of each plan is needed for
//! that.

use aliasheap_kernel::model::{
    CPUS, Change, EXCEPTIONS, Exception, Maintenance, explore, explore_layout, fails, is_wrong,
    table,
};
use aliasheap_kernel::ownership::{Direction, Event, Op, Owner, Ownership};

/// The CPUs on which somebody reads something old.
fn failing(change: Change<'_>) -> Vec<&'static str> {
    CPUS.iter()
        .filter(|cpu| fails(cpu, change))
        .map(|cpu| cpu.name)
        .collect()
}

#[test]
fn nobody_reads_anything_old() {
    for cpu in &CPUS {
        let explored = explore(cpu, Change::None);
        let failure = explored.failure;

        println!("{}: {} states", cpu.name, explored.states);
        assert!(failure.is_none(), "{}: {failure:?}", cpu.name);
    }
}

/// Nor where operations flush the whole cache, one line after the other.
#[test]
fn nobody_reads_anything_old_where_more_is_flushed_than_asked_for() {
    for cpu in &CPUS {
        assert!(!is_wrong(cpu, Change::None), "{}", cpu.name);
    }
}

/// Where a vmap is not flushed a second time, lines may be filled in between, but with nothing old.
#[test]
fn a_vmap_is_flushed_once_if_nothing_came_in_between() {
    let flushed = Some(Op::WriteBackVmap);
    assert!(Op::InvalidateVmap.is_done_by(flushed, true));
    assert!(!Op::InvalidateVmap.is_done_by(flushed, false));

    for last in [None, Some(Op::FlushUser), Some(Op::SyncForCpu)] {
        assert!(!Op::InvalidateVmap.is_done_by(last, true), "{last:?}");
    }
    for op in [Op::FlushUser, Op::SyncForCpu, Op::WriteBackVmap] {
        assert!(!op.is_done_by(flushed, true), "{op:?}");
    }
}

/// What is not repaired is no more than what the heap says, and is so on these CPUs.
#[test]
fn exceptions_are_needed() {
    for (exception, on) in [
        (
            Exception::Meanwhile,
            &[
                "documented",
                "cortex-a15",
                "24Kf",
                "arm926",
                "arm1176",
                "P5600",
                "bounce",
            ][..],
        ),
        (Exception::Bounced, &["bounce"]),
        (
            Exception::Stray,
            &[
                "documented",
                "cortex-a15",
                "24Kf",
                "arm926",
                "arm1176",
                "P5600",
                "PA-RISC",
            ],
        ),
    ] {
        let others = EXCEPTIONS.map(|other| (other != exception).then_some(other));
        let others = others.into_iter().flatten().collect::<Vec<_>>();

        for cpu in &CPUS {
            // No two aliases share lines, or one shares those of the direct map.
            let failure = cpu
                .layouts()
                .into_iter()
                .take(2)
                .find_map(|layout| explore_layout(cpu, layout, Change::None, &others).failure);
            assert_eq!(
                failure.is_some(),
                on.contains(&cpu.name),
                "{exception:?} on {}: {failure:?}",
                cpu.name
            );
        }
    }
}

/// The one step that nothing explored needs. It is for a process that writes in an access and closes it
/// as one that only read: a step of the DMA API that may drop dirty lines must find none.
const UNEXPLORED: (Event, &[Op], usize) = (
    Event::End(Direction::FromDevice),
    &[Op::WriteBackDirectMap, Op::SyncForDeviceUnwritten],
    0,
);

#[test]
#[ignore = "explores each plan without each of its steps, for minutes"]
fn each_step_is_needed() {
    let first = CPUS[0].layouts()[0];
    let plans = explore_layout(&CPUS[0], first, Change::None, &EXCEPTIONS).plans;
    let mut needless = Vec::new();

    for (event, ops) in &plans {
        for (index, op) in ops.iter().enumerate() {
            if !matches!(op, Op::Map | Op::Unmap) {
                let change = Change::LeaveOut {
                    event: *event,
                    ops,
                    index,
                };
                if !CPUS.iter().any(|cpu| fails(cpu, change)) {
                    needless.push((*event, ops.as_slice(), index));
                }
            }
        }
    }
    assert_eq!(needless, [UNEXPLORED]);
}

#[test]
fn fresh_pages_are_written_back() {
    let on = ["documented", "arm926", "arm1176", "P5600", "PA-RISC"];
    assert_eq!(failing(Change::LeaveFresh), on);
}

#[test]
fn mappings_from_the_device_keep_what_it_does_not_write() {
    assert!(!failing(Change::MapAsAsked).is_empty());
}

/// A transfer may go on while somebody opens an access.
#[test]
fn transfers_are_waited_for_first() {
    let on = [
        "documented",
        "cortex-a15",
        "arm1176",
        "P5600",
        "PA-RISC",
        "bounce",
    ];
    assert_eq!(failing(Change::WaitLast), on);
}

/// With an access left open, what a device has written to a bounce buffer must not be overwritten.
#[test]
fn nothing_is_handed_over_to_be_taken() {
    assert_eq!(failing(Change::HandOver), ["bounce"]);
}

#[test]
fn bidirectional_is_like_one_of_the_others() {
    let first = CPUS[0].layouts()[0];

    for state in explore_layout(&CPUS[0], first, Change::None, &EXCEPTIONS).ownerships {
        for (dir, event) in [
            (Direction::FromDevice, Event::Map as fn(Direction) -> Event),
            (Direction::FromDevice, Event::Unmap),
            (Direction::ToDevice, Event::Begin),
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
    let accessed = mapped.next(Event::Begin(Direction::ToDevice)).0;
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

/// Who only reads what devices only read costs nothing but the first time.
#[test]
fn readers_of_what_devices_read_need_nothing() {
    let mapped = Ownership::new().next(Event::Map(Direction::ToDevice)).0;
    let (mut state, first) = mapped.next(Event::Begin(Direction::FromDevice));
    assert_eq!(first.ops().collect::<Vec<_>>(), [Op::InvalidateVmap]);

    for event in [Event::End, Event::Begin, Event::Begin, Event::End] {
        let (next, plan) = state.next(event(Direction::FromDevice));
        assert_eq!(plan.ops().next(), None, "{event:?}");
        state = next;
    }
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

/// Where a buffer that is taken from a device loses its lines, clean ones may stay while the device has it: there, the
/// heap leaves the step out.
#[test]
fn clean_lines_may_stay_where_they_are_dropped_later() {
    let needed = failing(Change::Without("r"));
    let dropping = CPUS
        .iter()
        .filter(|cpu| cpu.for_cpu != Maintenance::Nothing);

    assert_eq!(needed, ["24Kf", "arm926"]);
    for cpu in dropping {
        assert!(!needed.contains(&cpu.name), "{}", cpu.name);
    }
}

/// What the documentation shows is what is computed.
#[test]
fn the_table_is_up_to_date() {
    assert_eq!(include_str!("../src/model/steps.md"), table());
}
