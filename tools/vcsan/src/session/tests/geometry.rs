// SPDX-License-Identifier: GPL-2.0-only
//! The cache's geometry is that of the registers that the kernel reads.

use super::*;
use crate::identify::{Identity, Reading};

/// Config1 of a P5600: 256 sets, 32 bytes, 4 ways.
const P5600: u64 = 2 << 13 | 4 << 10 | 3 << 7;
/// `mfc0 $2, $16, 1`, and what comes after.
const READ: [u32; 2] = [0x4002_8001, 0];

/// A kernel that reads its Config1.
fn read(machine: &mut Machine) {
    let pcs = (0x8000_0400..).step_by(4);
    let block: Vec<Code> = pcs
        .zip(READ)
        .map(|(pc, word)| Code::new(pc, &word.to_be_bytes()))
        .collect();
    for (index, reading) in machine.session.watcher.readings(&block) {
        let register = Reading {
            identity: Identity::Config1,
            register: 2,
        };
        assert_eq!((index, reading), (1, register));
        machine.guest.registers.insert(2, P5600);
        machine.session.watcher.identify(&machine.guest, reading);
    }
}

fn booted(name: &str, geometry: &str) -> Vec<Value> {
    let options = format!("watch=all{geometry}");
    let mut machine = Machine::of("mips", KSEG0, Machine::file(name), &options);
    read(&mut machine);
    // An alias of another colour.
    machine.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    machine.load(0x8000_2000, VMAP, BUFFER);
    machine.finish()
}

#[test]
fn it_is_found_out() {
    for geometry in ["", ",geometry=auto"] {
        let records = booted("geometry-auto", geometry);
        let found = &records[1];
        assert_eq!(
            (&found["record"], &found["geometry"]),
            (&"geometry".into(), &"vipt:32:8192:4".into())
        );
        assert_eq!(records[2]["title"], "stale read");
        assert_eq!(records.last().unwrap()["failure"], Value::Null);
    }
}

#[test]
fn a_contradiction_is_an_error() {
    let records = booted("geometry-right", ",geometry=vipt:32:8192:4");
    assert_eq!(records.last().unwrap()["failure"], Value::Null);
    let records = booted("geometry-wrong", ",geometry=vipt:32:4096:8");
    assert_eq!(
        records.last().unwrap()["failure"],
        "believe geometry=vipt:32:4096:8: the registers that the kernel reads say vipt:32:8192:4"
    );
}
