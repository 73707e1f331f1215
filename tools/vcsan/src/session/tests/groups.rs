// SPDX-License-Identifier: GPL-2.0-only
//! Accesses that are told of with another one.

use super::*;
use crate::watcher::{CallbackPlan, CodeKind};

/// Where a store of the group of tests is: words at 0, 4 and 8 of register 4.
const GROUP: [u32; 3] = [0xac82_0000, 0xac82_0004, 0xac82_0008];

pub(super) const KERNEL: CodeKind = CodeKind::Kernel { nullified: false };

impl Machine {
    pub(super) fn block(&self, pc: u64, words: &[u32]) -> Vec<Code> {
        let code = |(pc, word): (u64, &u32)| Code::new(pc, &word.to_be_bytes());
        (pc..).step_by(4).zip(words).map(code).collect()
    }

    /// The CPU makes the first of the group's accesses, as this.
    fn group(&mut self, pc: u64, vaddr: u64, paddr: u64, store: bool) -> bool {
        let block = self.block(pc, &GROUP);
        let CallbackPlan::Group { packed, .. } = self.session.watcher.accesses(&block, KERNEL)[0]
        else {
            panic!("a group");
        };
        let one = One {
            guest: &self.guest,
            place: Destination::Ram(paddr),
            word: 1,
        };
        self.session.watcher.fast_group(vaddr, packed, true)
            || self.session.watcher.group(&one, vaddr, packed, store)
    }
}

#[test]
fn a_group_is_told_at_its_first_instruction() {
    let machine = &mut Machine::new("group-plans", "");
    let block = machine.block(0x8000_1000, &GROUP);
    let plans = machine.session.watcher.accesses(&block, KERNEL);
    assert!(matches!(plans[0], CallbackPlan::Group { packed, store: true } if packed.own() == 1));
    assert_eq!(plans[1..], [CallbackPlan::Nothing, CallbackPlan::Nothing]);
    // The same again is the same group.
    assert_eq!(machine.session.watcher.accesses(&block, KERNEL), plans);
    let each = machine.session.watcher.accesses(&block, CodeKind::Program);
    let is_one = |plan: &CallbackPlan| {
        matches!(
            plan,
            CallbackPlan::One {
                bytes: 4,
                store: true,
                ..
            }
        )
    };
    assert!(each.iter().all(is_one));
    let unknown = machine.session.watcher.accesses(&block, CodeKind::Unknown);
    assert!(
        unknown
            .iter()
            .all(|plan| matches!(plan, CallbackPlan::Any { .. }))
    );
}

#[test]
fn each_store_of_a_group_is_found_with_its_own_site() {
    // Watched, where each is noted, and not watched but for its range, where nearly none is.
    for more in ["", ",watch=all"] {
        let mut machine = Machine::new(&format!("group-sites-{}", more.len()), more);
        if more.is_empty() {
            machine.watch();
        }
        for _ in 0..3 {
            assert!(machine.group(0x8000_1000, KSEG0 + BUFFER, BUFFER, true));
        }
        machine.load(0x8000_2000, VMAP + 8, BUFFER + 8);
        let records = machine.finish();
        let hazard = records.iter().find(|record| record["record"] == "hazard");
        assert_eq!(hazard.unwrap()["write"]["pc"], "0x80001008", "{more}");
        let end = records.last().unwrap();
        assert_eq!(end["failure"], Value::Null);
        let stores = end["stores"].as_u64().unwrap();
        // A note is stored as well.
        assert!((9..=11).contains(&stores), "{stores}");
    }
}

#[test]
fn a_group_goes_on_in_the_next_page_where_that_is() {
    let mut machine = Machine::new("group-next-page", ",watch=all");
    // The second and third store are in the page behind the buffer.
    assert!(machine.group(0x8000_1000, KSEG0 + BUFFER + 0xffc, BUFFER + 0xffc, true));
    machine.load(0x8000_2000, VMAP + 0x1000, BUFFER + 0x1000);
    machine.load(0x8000_2000, VMAP + 0x1008, BUFFER + 0x1008);
    let records = machine.finish();
    let pcs: Vec<&Value> = records
        .iter()
        .filter(|record| record["record"] == "hazard")
        .map(|record| &record["write"]["pc"])
        .collect();
    assert_eq!(pcs, ["0x80001004"]);
    assert_eq!(records.last().unwrap()["unknown"], 0);
}

/// A group is told of at its first access.
#[test]
fn a_page_that_is_not_there_yet_ends_a_group() {
    let mut machine = Machine::new("group-fault", ",watch=all");
    machine.guest.unmapped = VMAP + 0x1000..VMAP + 0x2000;
    assert!(machine.group(0x8000_1000, VMAP + 0xffc, BUFFER + 0xffc, true));
    // The fault's handler maps it, and the other two are made.
    machine.guest.unmapped = 0..0;
    machine.store(0x8000_1004, VMAP + 0x1000, BUFFER + 0x2000);
    machine.store(0x8000_1008, VMAP + 0x1004, BUFFER + 0x2004);
    let end = machine.finish().pop().unwrap();
    assert_eq!((&end["unknown"], &end["stores"]), (&0.into(), &3.into()));
}

/// The page tables have a page that may not be written yet.
#[test]
fn a_fault_in_the_next_page_ends_a_group() {
    let stores = |name: &str, faults: &[u64]| {
        let mut machine = Machine::new(name, ",watch=all");
        assert!(machine.group(0x8000_1000, KSEG0 + BUFFER + 0xffc, BUFFER + 0xffc, true));
        for pc in faults {
            machine.session.watcher.faulted(*pc);
        }
        let end = machine.finish().pop().unwrap();
        assert_eq!(end["failure"], Value::Null);
        end["stores"].as_u64().unwrap()
    };
    assert_eq!(stores("no-fault", &[]), 3);
    assert_eq!(stores("fault-second", &[0x8000_1004]), 1);
    assert_eq!(stores("fault-third", &[0x8000_1008]), 2);
    assert_eq!(stores("fault-twice", &[0x8000_1008, 0x8000_1004]), 2);
    assert_eq!(stores("fault-behind", &[0x8000_100c]), 3);
    assert_eq!(stores("fault-first", &[0x8000_1000]), 3);
}

#[test]
fn an_access_of_another_kind_than_its_instruction_is_loud() {
    let mut machine = Machine::new("group-loud", "");
    machine.group(0x8000_1000, KSEG0 + BUFFER + 0xffc, BUFFER + 0xffc, false);
    let end = machine.finish().pop().unwrap();
    let failure = end["failure"].as_str().unwrap();
    assert!(failure.contains("instruction at 0x80001000"), "{failure}");
}
