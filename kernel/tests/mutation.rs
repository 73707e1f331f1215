// SPDX-License-Identifier: GPL-2.0

//! Mutations of plans: all of them have names, and what is said of them is what exploring finds.

use aliasheap_kernel::model::{CPUS, Change, EXCEPTIONS, explore, explore_layout};
use aliasheap_kernel::mutation::plan::{KINDS, Kind, Mutation, letter};
use aliasheap_kernel::mutation::{all, check, matters};
use std::collections::HashSet;

#[test]
fn every_step_of_every_plan_can_be_done_wrong() {
    let names: HashSet<String> = all().into_iter().map(|named| named.name).collect();
    let cpu = &CPUS[0];
    let plans = explore_layout(cpu, cpu.layouts()[0], Change::None, &EXCEPTIONS).plans;

    for (event, ops) in plans {
        for (step, op) in ops.iter().enumerate() {
            for kind in KINDS.into_iter().filter(|kind| kind.is_of(*op)) {
                let last = kind == Kind::Moved && step + 1 == ops.len();
                let found = names.iter().any(|name| {
                    let mutation = Mutation::parse(name).expect("a name");
                    (mutation.step, mutation.kind) == (step, kind)
                        && mutation.is_of(event, ops.iter().copied())
                });
                assert_eq!(found, !last, "{event:?} {ops:?} {step} {kind:?}");
            }
        }
    }
}

#[test]
fn a_letter_is_one_step_s() {
    let cpu = &CPUS[0];
    let plans = explore_layout(cpu, cpu.layouts()[0], Change::None, &EXCEPTIONS).plans;
    let ops: HashSet<_> = plans.into_iter().flat_map(|(_, ops)| ops).collect();
    let letters: HashSet<_> = ops.iter().map(|op| letter(*op)).collect();

    assert_eq!(ops.len(), letters.len());
}

/// What is left out makes a difference if going through all that can happen without it finds one.
#[test]
fn what_matters_is_what_exploring_finds() {
    let cpu = CPUS.iter().find(|cpu| cpu.name == "24Kf").expect("24Kf");
    let names: Vec<String> = all().into_iter().map(|named| named.name).collect();
    let left_out: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| name.ends_with(Kind::LeftOut.as_str()))
        .collect();
    let said = matters(cpu.name, false, &left_out);

    assert!(said.contains(&true) && said.contains(&false));
    for (name, said) in left_out.iter().zip(said) {
        let mutation = Mutation::parse(name).expect("a name");
        let found = explore(cpu, Change::Mutated(mutation)).failure.is_some();
        assert_eq!(said, found, "{name}");
    }
}

#[test]
fn what_nobody_knows_is_refused_and_matters() {
    assert!(check("without:wi").is_ok() && check("leave-fresh").is_ok());
    assert!(check("with").is_err() && check("plan:begin").is_err());
    assert_eq!(matters("no such CPU", true, &["leave-fresh"]), [true]);
}
