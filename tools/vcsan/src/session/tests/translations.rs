// SPDX-License-Identifier: GPL-2.0-only
//! Maintenance counts where it went, and nowhere else; what is not understood is refused.

use super::groups::KERNEL;
use super::*;
use crate::watcher::CallbackPlan;

fn found(records: &[Value]) -> usize {
    let hazards = records.iter();
    hazards
        .filter(|record| record["record"] == "hazard")
        .count()
}

fn failure(records: &[Value]) -> &str {
    let end = records.last().unwrap();
    end["failure"].as_str().unwrap_or_default()
}

/// PA-RISC: a vmap's line is dirty, a program's page at the same offset is flushed, or the vmap's, by `fdc` with space register
/// 3; the page is read through the linear map.
fn after_a_flush_in_space(name: &str, space: u64) -> usize {
    const LINEAR: u64 = 0x1000_0000;
    let mut machine = Machine::of(
        "hppa",
        LINEAR,
        Machine::file(name),
        "geometry=parisc:32:4194304,watch=all",
    );
    let vmap = 0x0001_0000;
    // Both programs' pages have been seen.
    machine.load(LINEAR + 0x1000, 5 << 32 | vmap, 0x7000);
    machine.store(LINEAR + 0x1004, vmap, BUFFER);
    machine.guest.spaces[3] = space;
    machine.guest.registers.insert(4, vmap);
    // fdc 0(%sr3,%r4)
    machine.execute(LINEAR + 0x1008, FLUSH_LINE | 3 << 14);
    machine.load(LINEAR + 0x2000, LINEAR + BUFFER, BUFFER);
    found(&machine.finish())
}

#[test]
fn a_flush_of_a_program_s_page_is_none_of_the_kernel_s() {
    assert_eq!(after_a_flush_in_space("space-0", 0), 0);
    assert_eq!(after_a_flush_in_space("space-5", 5), 1);
}

/// An ARM1176 with its tables at 0x4000, of which 0xc8000000 has one more.
fn arm1176(name: &str) -> Machine {
    let options = "geometry=vipt:32:16384:4,watch=0x5000+0x1000";
    let mut machine = Machine::of("arm", 0xc000_0000, Machine::file(name), options);
    // mcr p15, 0, r3, c2, c0, 0: the tables; mcr p15, 0, r3, c1, c0, 0: translation, cache, pages of ARMv6.
    machine.execute_arm(0xc000_8000, 0xee02_3f10, (3, 0x4000));
    machine.execute_arm(0xc000_8004, 0xee01_3f10, (3, 0x80_0005));
    machine.load(0xc000_8008, 0xc000_8100, 0x8100);
    // Sections of the linear map; a table at 0x6000 with the vmap's page.
    machine.table(0x4000 + 0xc00 * 4, 0x0000_0c0e);
    machine.table(0x4000 + 0xc80 * 4, 0x0000_6001);
    machine.table(0x6000, BUFFER as u32 | 0x01e);
    machine
}

impl Machine {
    fn execute_arm(&mut self, pc: u64, word: u32, (register, value): (u8, u64)) {
        self.guest.registers.insert(register, value);
        let block = [Code::new(pc, &word.to_le_bytes())];
        let found = self.session.watcher.translate(&block);
        self.session.watcher.execute(&self.guest, found[0].number);
    }

    /// A descriptor at a physical address.
    fn table(&mut self, paddr: u64, descriptor: u32) {
        self.guest
            .write(0xc000_0000 + paddr, &[descriptor.swap_bytes()]);
    }
}

/// ARM: a flush of a vmap's dirty line, whose mapping is still there or gone.
fn after_a_flush_of(name: &str, gone: bool) -> (usize, u64) {
    let mut machine = arm1176(name);
    let vmap = 0xc800_0000;
    machine.store(0xc000_8010, vmap, BUFFER);
    if gone {
        machine.table(0x6000, 0);
        // mcr p15, 0, r3, c8, c7, 1: invalidate the page's translation.
        machine.execute_arm(0xc000_8014, 0xee08_3f37, (3, vmap));
    }
    // mcr p15, 0, r3, c7, c14, 1
    machine.execute_arm(0xc000_8018, 0xee07_3f3e, (3, vmap));
    // Another colour.
    machine.load(0xc000_8020, 0xc000_0000 + BUFFER, BUFFER);
    let records = machine.finish();
    let untranslated = records.last().unwrap()["untranslated"].as_u64();
    (found(&records), untranslated.unwrap())
}

#[test]
fn maintenance_of_what_is_no_longer_mapped_maintains_nothing() {
    assert_eq!(after_a_flush_of("mapped", false), (0, 0));
    assert_eq!(after_a_flush_of("gone", true), (1, 1));
}

#[test]
fn a_page_of_the_linear_map_may_be_uncached() {
    let mut machine = arm1176("remapped");
    // The first MiB by pages, of which the buffer's is not cached.
    machine.table(0x4000 + 0xc00 * 4, 0x0000_7001);
    machine.table(0x7000 + 5 * 4, BUFFER as u32 | 0x012);
    machine.store(0xc000_8010, 0xc000_0000 + BUFFER, BUFFER);
    machine.load(0xc000_8014, 0xc800_0000, BUFFER);
    let records = machine.finish();
    assert_eq!(found(&records), 0);
    assert_eq!(records.last().unwrap()["uncached"], 1);
}

#[test]
fn page_tables_that_are_not_understood_are_refused() {
    let mut machine = arm1176("lpae");
    // mcr p15, 0, r3, c2, c0, 2
    machine.execute_arm(0xc000_8010, 0xee02_3f50, (3, 0x8000_0000));
    assert!(failure(&machine.finish()).contains("CONFIG_ARM_LPAE"));
    let mut machine = Machine::new("16k", "");
    machine.guest.registers.insert(4, 0x6000);
    // mtc0 $4, $5 and $0: PageMask, Index; tlbwi.
    for word in [0x4084_2800, 0x4080_0000, 0x4200_0002] {
        machine.execute(0x8000_1000, word);
    }
    assert!(failure(&machine.finish()).contains("pages of 16 KiB"));
}

#[test]
fn a_page_walk_in_front_of_a_group_is_not_its_first_access() {
    let mut machine = Machine::new("walk", "");
    // lhu $2, 0($4); lhu $3, 2($4)
    let block = machine.block(0x8000_1000, &[0x9482_0000, 0x9483_0002]);
    let plans = machine.session.watcher.accesses(&block, KERNEL);
    let CallbackPlan::Group { packed, .. } = plans[0] else {
        panic!("a group");
    };
    // The walker's word.
    let one = One {
        guest: &machine.guest,
        place: Destination::Ram(0x9000),
        word: 0,
    };
    let watcher = &mut machine.session.watcher;
    watcher.group(&one, KSEG0 + 0x9000, packed, false);
    let records = machine.finish();
    assert_eq!(failure(&records), "");
    assert_eq!(records.last().unwrap()["loads"], 1);
}
