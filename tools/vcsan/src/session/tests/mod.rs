// SPDX-License-Identifier: GPL-2.0-only
//! A run with a guest of a few lines: what it writes of what it is told.

mod findings;
mod geometry;
mod groups;
mod translations;

use super::Session;
use crate::config::Options;
use crate::guest::{Access, Cpu, Destination, Memory, Register, Target};
use crate::notes::MAGIC;
use crate::runs::Code;
use serde_json::Value;
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

/// Memory and registers of a guest.
#[derive(Default)]
struct Guest {
    bytes: HashMap<u64, u8>,
    /// Virtual addresses that can't be read.
    unmapped: Range<u64>,
    registers: HashMap<u8, u64>,
    cpsr: u64,
    status: u64,
    spaces: [u64; 8],
}

impl Guest {
    fn write(&mut self, vaddr: u64, words: &[u32]) {
        for (at, byte) in (vaddr..).zip(words.iter().flat_map(|word| word.to_be_bytes())) {
            self.bytes.insert(at, byte);
        }
    }
}

impl Memory for Guest {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        for (at, byte) in (vaddr..).zip(into) {
            *byte = self.bytes.get(&at).copied().unwrap_or(0);
        }
        !self.unmapped.contains(&vaddr)
    }
}

impl Cpu for Guest {
    fn register(&self, register: Register) -> Result<u64, String> {
        match register {
            Register::General(number) => {
                let value = self.registers.get(&number).copied();
                value.ok_or_else(|| format!("read register {number}"))
            }
            Register::Cpsr => Ok(self.cpsr),
            Register::Status => Ok(self.status),
            Register::Space(number) => Ok(self.spaces[usize::from(number)]),
        }
    }
}

struct One<'a> {
    guest: &'a Guest,
    place: Destination,
    word: u32,
}

impl Memory for One<'_> {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        self.guest.read(vaddr, into)
    }
}

impl Access for One<'_> {
    fn bytes(&self) -> u32 {
        4
    }
    fn place(&self, _: u64, _: u32) -> Destination {
        self.place
    }
    fn word(&self) -> Option<u32> {
        Some(self.word)
    }
}

/// A guest with aliases, whose findings go to a file.
struct Machine {
    session: Session,
    guest: Guest,
    out: PathBuf,
    /// Where memory is mapped.
    linear: u64,
}

const KSEG0: u64 = 0x8000_0000;
const BUFFER: u64 = 0x5000;
/// Another colour than the buffer's in kseg0.
const VMAP: u64 = 0xc000_0000;

impl Machine {
    fn file(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("vcsan-test-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder.join(name)
    }

    /// A big-endian MIPS.
    fn new(name: &str, more: &str) -> Self {
        let out = Self::file(name);
        Self::of(
            "mips",
            KSEG0,
            out,
            &format!("geometry=vipt:32:8192:4{more}"),
        )
    }

    fn of(target: &str, linear: u64, out: PathBuf, options: &str) -> Self {
        let text = format!("out={},{options}", out.display());
        let options = Options::parse(text.split(',')).unwrap();
        let target = Target::by_name(target).unwrap();
        Self {
            session: Session::new(&options, target).unwrap(),
            guest: Guest::default(),
            out,
            linear,
        }
    }

    fn access(&mut self, pc: u64, vaddr: u64, place: Destination, store: Option<u32>) {
        let site = self.session.watcher.site(pc);
        let one = One {
            guest: &self.guest,
            place,
            word: store.unwrap_or(0),
        };
        let is_store = store.is_some();
        if !self.session.watcher.fast_access(vaddr, 4, site, is_store) {
            self.session.watcher.access(&one, vaddr, site, is_store);
        }
        if is_store {
            self.session.watcher.word_stored(&one, vaddr, site);
        }
    }

    fn load(&mut self, pc: u64, vaddr: u64, paddr: u64) {
        self.access(pc, vaddr, Destination::Ram(paddr), None);
    }

    fn store(&mut self, pc: u64, vaddr: u64, paddr: u64) {
        self.access(pc, vaddr, Destination::Ram(paddr), Some(1));
    }

    fn execute(&mut self, pc: u64, word: u32) {
        let block = [Code::new(pc, &word.to_be_bytes())];
        let found = self.session.watcher.translate(&block);
        self.session.watcher.execute(&self.guest, found[0].number);
    }

    fn note(&mut self, kind: u32, text: &str, a: u32, b: u32) {
        let at = self.linear + 0x9000;
        let bytes: Vec<u8> = text.bytes().collect();
        for (i, byte) in (0..).zip(bytes) {
            self.guest.bytes.insert(at + 32 + i, byte);
        }
        let len = text.len() as u32;
        let check = !(MAGIC ^ kind ^ len ^ a ^ b);
        self.guest.write(at, &[kind, len, 0, a, 0, b, check, MAGIC]);
        self.access(0x8000_0100, at + 28, Destination::Ram(0x901c), Some(MAGIC));
    }

    fn watch(&mut self) {
        self.note(3, "suite.case", 0, 0);
        self.note(1, "buffer", BUFFER as u32, 0x1000);
    }

    fn finish(mut self) -> Vec<Value> {
        self.session.finish();
        let text = std::fs::read_to_string(&self.out).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// `cache 0x15, 0($4)`: write back and invalidate the line at the address in register 4.
const FLUSH: u32 = 0xbc95_0000;

#[test]
fn a_store_through_one_alias_and_a_load_through_another() {
    let mut machine = Machine::new("stale", "");
    machine.watch();
    machine.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    for _ in 0..3 {
        machine.load(0x8000_2000, VMAP, BUFFER);
    }
    let records = machine.finish();
    let hazard = &records[1];
    assert_eq!(hazard["record"], "hazard");
    assert_eq!(hazard["title"], "stale read");
    assert_eq!(hazard["test"], "suite.case");
    assert_eq!(hazard["count"], 1);
    assert_eq!(hazard["buffer"], "buffer");
    assert_eq!(hazard["access"]["alias"], "vmap");
    assert_eq!(hazard["write"]["alias"], "direct map");
    assert_eq!(hazard["write"]["pc"], "0x80001000");
    let missing = hazard["missing"].as_str().unwrap();
    assert!(missing.contains("write back the direct map"), "{missing}");
    // By then the line is in the cache under the second alias, too.
    let (again, missing) = (&records[2], &records[2]["missing"].as_str().unwrap());
    // How often is known at the end of the test.
    assert_eq!((&again["number"], &again["count"]), (&1.into(), &1.into()));
    let seen = &records[3];
    assert_eq!(
        (&seen["record"], &seen["number"]),
        (&"seen".into(), &1.into())
    );
    assert_eq!(seen["count"], 2);
    assert!(missing.contains("then invalidate the vmap"), "{missing}");
    let end = records.last().unwrap();
    assert_eq!(
        (&end["record"], &end["hazards"], &end["failure"]),
        (&"end".into(), &2.into(), &Value::Null)
    );
    assert_eq!(
        (&end["notes"], &end["watched_pages"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn maintenance_in_between_is_silent() {
    let mut machine = Machine::new("flushed", "");
    machine.watch();
    machine.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    machine.guest.registers.insert(4, KSEG0 + BUFFER + 8);
    machine.execute(0x8000_1004, FLUSH);
    machine.load(0x8000_2000, VMAP, BUFFER);
    let records = machine.finish();
    assert_eq!(records.len(), 2);
    assert_eq!(records[1]["maintenance"], 1);
    assert_eq!(records[1]["by_kind"]["flush, line"], 1);
}

/// An ARM926 that has just written two lines through the direct map and is about to flush them in a loop.
fn before_a_loop(name: &str) -> (Machine, u32) {
    let options = "geometry=vivt:32:4096:4,watch=0x5000+0x1000";
    let mut machine = Machine::of("arm", 0xc000_0000, Machine::file(name), options);
    let code = |pc, word: u32| Code::new(pc, &word.to_le_bytes());
    // mcr p15, 0, r3, c1, c0, 0 turns translation and the cache on.
    let on = machine
        .session
        .watcher
        .translate(&[code(0xc000_8000, 0xee01_3f10)]);
    machine.guest.registers.insert(3, 5);
    machine
        .session
        .watcher
        .execute(&machine.guest, on[0].number);
    for vaddr in [0xc000_5000, 0xc000_5020] {
        machine.store(0xc000_8010, vaddr, vaddr - 0xc000_0000);
    }
    machine
        .guest
        .registers
        .extend([(0, 0xc000_5000), (1, 0xc000_5040)]);
    let words = [0xee07_0f3e, 0xe280_0020, 0xe150_0001, 0x3aff_fffb];
    let block: Vec<Code> = (0xc000_8020..)
        .step_by(4)
        .zip(words)
        .map(|(pc, word)| code(pc, word))
        .collect();
    let due = machine.session.watcher.translate(&block)[0];
    assert!(due.counted.is_some());
    (machine, due.number)
}

#[test]
fn a_loop_of_maintenance_is_followed_as_far_as_it_came() {
    for (times, hazards) in [(2, 0), (1, 1), (0, 1)] {
        let (mut machine, number) = before_a_loop(&format!("loop-{times}"));
        assert_eq!(machine.session.watcher.enter(&machine.guest, number), 2);
        machine.session.watcher.leave(times);
        for offset in [0, 0x20] {
            machine.load(0xc000_8040, 0xc800_0000 + offset, BUFFER + offset);
        }
        let end = machine.finish().pop().unwrap();
        assert_eq!(end["hazards"], hazards, "{end}");
        assert_eq!(end["maintenance"], times);
        assert_eq!(end["failure"], Value::Null);
    }
}

#[test]
fn what_nobody_watches_is_not_reported_nor_after_the_test() {
    let mut machine = Machine::new("unwatched", "");
    machine.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    machine.load(0x8000_2000, VMAP, BUFFER);
    machine.watch();
    machine.note(3, "", 0, 0);
    machine.load(0x8000_2000, VMAP, BUFFER);
    assert_eq!(machine.finish().len(), 2);
}

#[test]
fn transfers_are_followed_and_an_unlikely_one_is_counted() {
    let mut machine = Machine::new("device", "");
    machine.watch();
    machine.note(7, "stale device read", 0, 0);
    machine.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    machine.note(5, "", BUFFER as u32, 32);
    let records = machine.finish();
    assert_eq!(records[1]["record"], "expect");
    assert_eq!(records[2]["title"], "stale device read");
    assert_eq!(records[2]["access"]["by"], "device");
    let end = records.last().unwrap();
    assert_eq!(
        (&end["device_reads"], &end["doubtful_transfers"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn uncached_segments_and_devices_are_no_cached_memory() {
    let mut machine = Machine::new("uncached", "");
    machine.watch();
    machine.store(0x8000_1000, 0xa000_0000 + BUFFER, BUFFER);
    machine.load(0x8000_2000, VMAP, BUFFER);
    machine.access(
        0x8000_3000,
        0xb000_0000,
        Destination::TransferDevice,
        Some(1),
    );
    let records = machine.finish();
    let end = records.last().unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!((&end["uncached"], &end["io"]), (&1.into(), &1.into()));
    assert_eq!(end["device_stores"], 1);
}

#[test]
fn a_register_that_cannot_be_read_is_a_failure() {
    let mut machine = Machine::new("failure", "");
    machine.execute(0x8000_1004, FLUSH);
    let end = machine.finish().pop().unwrap();
    let failure = end["failure"].as_str().unwrap();
    assert!(
        failure.contains("0x80001004") && failure.contains("register 4"),
        "{failure}"
    );
}

#[test]
fn speculation_needs_a_linear_map_but_on_parisc() {
    for (name, geometry, refused) in [
        ("mips", "geometry=vipt:32:8192:4", true),
        ("arm", "geometry=vipt:32:8192:4", true),
        ("hppa", "geometry=parisc:32:4194304", false),
    ] {
        let options = ["out=/dev/null", geometry, "mode=speculative"];
        let target = Target::by_name(name).unwrap();
        let made = Session::new(&Options::parse(options).unwrap(), target);
        let says = made
            .err()
            .is_some_and(|error| error.contains("say linear="));
        assert_eq!(says, refused, "{name}");
    }
}

/// MIPS: `tlbp`; `mtc0 $5, $10`, which is EntryHi; `cache 0x1, 0($4)`, write back and invalidate by index.
const TLBP: u32 = 0x4200_0008;
const WRITE_ENTRY_HI: u32 = 0x4085_5000;
const FLUSH_INDEX: u32 = 0xbc81_0000;

/// Whether hardware fills the vmap with what memory holds before the direct map's line is written back: if it is mapped
/// meanwhile. `status` is that of a probe for it, in the kernel's hands or in those of an exception's handler.
fn fills_vmap_on_mips(name: &str, status: Option<u64>) -> bool {
    let linear = ",mode=speculative,linear=0x80000000:0:0x8000000";
    let mut machine = Machine::new(name, linear);
    machine.watch();
    machine.load(0x8000_1000, VMAP, BUFFER);
    if let Some(status) = status {
        machine.guest.status = status;
        machine.guest.registers.insert(5, VMAP);
        machine.execute(0x8000_1004, WRITE_ENTRY_HI);
        machine.execute(0x8000_1008, TLBP);
    }
    for index in 0..1024 {
        machine.guest.registers.insert(4, KSEG0 + index * 32);
        machine.execute(0x8000_100c, FLUSH_INDEX);
    }
    machine.store(0x8000_1010, KSEG0 + BUFFER, BUFFER);
    machine.guest.registers.insert(4, KSEG0 + BUFFER);
    machine.execute(0x8000_1014, FLUSH);
    machine.load(0x8000_2000, VMAP, BUFFER);
    machine
        .finish()
        .iter()
        .any(|record| record["record"] == "hazard")
}

#[test]
fn speculation_on_mips_ends_with_a_flush_of_the_tlb() {
    assert!(fills_vmap_on_mips("mips-mapped", None));
    assert!(fills_vmap_on_mips("mips-exception", Some(2)));
    assert!(!fills_vmap_on_mips("mips-flushed", Some(0)));
}

/// PA-RISC: `pdtlb 0(%r4)`, `pdtlbe 0(%r4)`, `fdc 0(%r4)`, `fdce 0(%r4)`.
const PURGE: u32 = 0x0480_1200;
const PURGE_ENTRY: u32 = 0x0480_1240;
const FLUSH_LINE: u32 = 0x0480_1280;
const FLUSH_ALL: u32 = 0x0480_12c0;

/// As [`fills_vmap_on_mips`], with instructions at addresses between the two accesses to the page at `vaddr`. Space
/// register 4 has `space`.
fn fills_on_parisc(name: &str, vaddr: u64, between: &[(u32, u64)], space: u64) -> bool {
    const LINEAR: u64 = 0x1000_0000;
    let options = "geometry=parisc:32:4194304,mode=speculative";
    let mut machine = Machine::of("hppa", LINEAR, Machine::file(name), options);
    machine.watch();
    machine.load(LINEAR + 0x1000, vaddr, BUFFER);
    machine.guest.spaces[4] = space;
    for (word, at) in between.iter().chain(&[(FLUSH_ALL, 0)]) {
        machine.guest.registers.insert(4, *at);
        machine.execute(LINEAR + 0x1004, *word);
    }
    machine.guest.spaces[4] = 0;
    machine.store(LINEAR + 0x1008, LINEAR + BUFFER, BUFFER);
    machine.guest.registers.insert(4, LINEAR + BUFFER);
    machine.execute(LINEAR + 0x100c, FLUSH_LINE);
    machine.load(LINEAR + 0x2000, vaddr, BUFFER);
    let records = machine.finish();
    records.iter().any(|record| record["record"] == "hazard")
}

#[test]
fn speculation_on_parisc_ends_with_a_purge() {
    let (vmap, user) = (0x0001_0000, 0x5_0001_0000);
    let purge = (PURGE, vmap + 0x123);
    assert!(fills_on_parisc("vmap", vmap, &[], 0));
    assert!(!fills_on_parisc("purged", vmap, &[purge], 0));
    assert!(!fills_on_parisc("all", vmap, &[(PURGE_ENTRY, 0)], 0));
    let neighbour = (PURGE, vmap + 0x1000);
    assert!(fills_on_parisc("neighbour", vmap, &[neighbour], 0));
    let purge_user = (PURGE, user & 0xffff_ffff);
    assert!(fills_on_parisc("other-space", user, &[purge_user], 4));
    assert!(!fills_on_parisc("space", user, &[purge_user], 5));
    // Maintenance at its address brings the translation back.
    let flushed = [purge, (FLUSH_LINE, vmap)];
    assert!(fills_on_parisc("flushed", vmap, &flushed, 0));
}

#[test]
fn a_watched_symbol_must_exist() {
    let options = Options::parse(["out=/dev/null", "geometry=vipt:32:8192:4", "watch=nobody"]);
    let target = Target::by_name("mips").unwrap();
    let error = Session::new(&options.unwrap(), target).err().unwrap();
    assert!(error.contains("nobody"), "{error}");
}

#[test]
fn what_fills_many_batches_is_followed_in_order() {
    const TIMES: u64 = 50_000;
    let mut machine = Machine::new("batches", "");
    machine.watch();
    machine.guest.registers.insert(4, KSEG0 + BUFFER);
    for _ in 0..TIMES {
        machine.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
        machine.execute(0x8000_1004, FLUSH);
        machine.load(0x8000_1008, KSEG0 + BUFFER + 0x1000, BUFFER + 0x1000);
    }
    machine.load(0x8000_2000, VMAP, BUFFER);
    // The line is in the cache under the vmap from here on.
    machine.store(0x8000_1010, KSEG0 + BUFFER, BUFFER);
    machine.load(0x8000_2004, VMAP, BUFFER);
    let records = machine.finish();
    let (hazard, end) = (&records[1], &records[2]);
    assert_eq!(hazard["access"]["pc"], "0x80002004");
    assert_eq!(hazard["write"]["pc"], "0x80001010");
    assert_eq!(
        (&end["hazards"], &end["failure"]),
        (&1.into(), &Value::Null)
    );
    assert_eq!(end["loads"], TIMES + 2);
    // Two notes are stored as well.
    assert_eq!(end["stores"], TIMES + 3);
    assert_eq!(end["maintenance"], TIMES);
}

#[test]
fn no_page_is_known_while_something_depends_on_it() {
    let mut machine = Machine::new("see-all", "");
    machine.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    let site = machine.session.watcher.site(0x8000_1000);
    assert!(
        machine
            .session
            .watcher
            .fast_access(KSEG0 + BUFFER, 4, site, true)
    );
    machine.session.watcher.block_fast_path();
    assert!(
        !machine
            .session
            .watcher
            .fast_access(KSEG0 + BUFFER, 4, site, true)
    );
    machine.session.watcher.unblock_fast_path();
    assert!(
        machine
            .session
            .watcher
            .fast_access(KSEG0 + BUFFER, 4, site, true)
    );
}

#[test]
fn steps_of_a_loop_over_everything_share_a_score() {
    let mut machine = Machine::of(
        "hppa",
        0x1000_0000,
        Machine::file("steps"),
        "geometry=parisc:32:4194304,watch=all",
    );
    // fdce,m r25(sr1,r26), twice; addib; fdce,m in its delay slot.
    let fdce = 0x0759_52e0;
    let block = machine.block(0x1040_7000, &[fdce, fdce, 0xaf01_7f7d, fdce]);
    let due = machine.session.watcher.translate(&block);
    let counted: Vec<_> = due.iter().filter_map(|due| due.counted).collect();
    assert_eq!((counted[0].by, counted[1].by), (2, 1));
    assert_eq!(counted[0].key, counted[1].key);
    machine.store(0x1040_8000, 0x1000_5000, BUFFER);
    assert!(machine.session.watcher.enter(&machine.guest, due[0].number) > 1 << 40);
    machine.session.watcher.leave(7);
    machine.load(0x1040_8010, 0x0020_0000, BUFFER);
    let end = machine.finish().pop().unwrap();
    assert_eq!(
        (&end["hazards"], &end["maintenance"]),
        (&0.into(), &7.into())
    );
}
