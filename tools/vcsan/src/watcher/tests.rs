// SPDX-License-Identifier: GPL-2.0-only
//! The watcher with a guest of a few lines: what it does with what it is told.

use super::Watcher;
use crate::config::Options;
use crate::decode::thumb::ItBlock;
use crate::guest::{Access, Cpu, Memory, Place, Register, Target};
use crate::notes::MAGIC;
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;

/// Memory and registers of a guest.
#[derive(Default)]
struct Guest {
    bytes: HashMap<u64, u8>,
    registers: HashMap<u8, u64>,
    cpsr: u64,
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
        true
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
        }
    }
}

struct One<'a> {
    guest: &'a Guest,
    place: Place,
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
    fn place(&self, _: u64) -> Place {
        self.place
    }
    fn word(&self) -> Option<u32> {
        Some(self.word)
    }
}

/// A big-endian MIPS with aliases, whose findings go to a file.
struct Scene {
    watcher: Watcher,
    guest: Guest,
    out: PathBuf,
}

const KSEG0: u64 = 0x8000_0000;
const BUFFER: u64 = 0x5000;
/// Another colour than the buffer's in kseg0.
const VMAP: u64 = 0xc000_0000;

impl Scene {
    fn new(name: &str, more: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("vcsan-test-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let out = folder.join(name);
        let text = format!("out={},geometry=vipt:32:8192:4{more}", out.display());
        let options = Options::parse(text.split(',')).unwrap();
        let target = Target::by_name("mips").unwrap();
        Self {
            watcher: Watcher::new(options, target).unwrap(),
            guest: Guest::default(),
            out,
        }
    }

    fn access(&mut self, pc: u64, vaddr: u64, place: Place, store: Option<u32>) {
        let mut block = ItBlock::default();
        let (site, _) = self.watcher.instruction(pc, &[0; 4], &mut block);
        let one = One {
            guest: &self.guest,
            place,
            word: store.unwrap_or(0),
        };
        match store {
            Some(_) => self.watcher.store_word(&one, vaddr, site),
            None => self.watcher.load(&one, vaddr, site),
        }
    }

    fn load(&mut self, pc: u64, vaddr: u64, paddr: u64) {
        self.access(pc, vaddr, Place::Ram(paddr), None);
    }

    fn store(&mut self, pc: u64, vaddr: u64, paddr: u64) {
        self.access(pc, vaddr, Place::Ram(paddr), Some(1));
    }

    fn execute(&mut self, pc: u64, word: u32) {
        let mut block = ItBlock::default();
        let found = self
            .watcher
            .instruction(pc, &word.to_be_bytes(), &mut block);
        self.watcher.execute(&self.guest, found.1.unwrap(), 1);
    }

    fn note(&mut self, kind: u32, text: &str, a: u32, b: u32) {
        let at = KSEG0 + 0x9000;
        let bytes: Vec<u8> = text.bytes().collect();
        for (i, byte) in (0..).zip(bytes) {
            self.guest.bytes.insert(at + 64 + i, byte);
        }
        let len = text.len() as u32;
        let check = !(MAGIC ^ kind ^ len ^ a ^ b);
        let text_at = at as u32 + 64;
        let block = [kind, len, 0, text_at, 0, a, 0, b, check, MAGIC];
        self.guest.write(at, &block);
        self.access(0x8000_0100, at + 36, Place::Ram(0x9024), Some(MAGIC));
    }

    fn watch(&mut self) {
        self.note(3, "suite.case", 0, 0);
        self.note(1, "buffer", BUFFER as u32, 0x1000);
    }

    fn finish(mut self) -> Vec<Value> {
        self.watcher.finish();
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
    let mut scene = Scene::new("stale", "");
    scene.watch();
    scene.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    for _ in 0..3 {
        scene.load(0x8000_2000, VMAP, BUFFER);
    }
    let records = scene.finish();
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
    assert_eq!(again["count"], 2);
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
    let mut scene = Scene::new("flushed", "");
    scene.watch();
    scene.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    scene.guest.registers.insert(4, KSEG0 + BUFFER + 8);
    scene.execute(0x8000_1004, FLUSH);
    scene.load(0x8000_2000, VMAP, BUFFER);
    let records = scene.finish();
    assert_eq!(records.len(), 2);
    assert_eq!(records[1]["maintenance"], 1);
    assert_eq!(records[1]["by_kind"]["flush, line"], 1);
}

#[test]
fn what_nobody_watches_is_not_reported_nor_after_the_test() {
    let mut scene = Scene::new("unwatched", "");
    scene.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    scene.load(0x8000_2000, VMAP, BUFFER);
    scene.watch();
    scene.note(3, "", 0, 0);
    scene.load(0x8000_2000, VMAP, BUFFER);
    assert_eq!(scene.finish().len(), 2);
}

#[test]
fn transfers_are_followed_and_an_unlikely_one_is_counted() {
    let mut scene = Scene::new("device", "");
    scene.watch();
    scene.note(7, "stale device read", 0, 0);
    scene.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    scene.note(5, "", BUFFER as u32, 32);
    let records = scene.finish();
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
    let mut scene = Scene::new("uncached", "");
    scene.watch();
    scene.store(0x8000_1000, 0xa000_0000 + BUFFER, BUFFER);
    scene.load(0x8000_2000, VMAP, BUFFER);
    scene.access(0x8000_3000, 0xb000_0000, Place::TransferDevice, Some(1));
    let records = scene.finish();
    let end = records.last().unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!((&end["uncached"], &end["io"]), (&1.into(), &1.into()));
    assert_eq!(end["device_stores"], 1);
}

#[test]
fn a_register_that_cannot_be_read_is_a_failure() {
    let mut scene = Scene::new("failure", "");
    scene.execute(0x8000_1004, FLUSH);
    let end = scene.finish().pop().unwrap();
    let failure = end["failure"].as_str().unwrap();
    assert!(
        failure.contains("0x80001004") && failure.contains("register 4"),
        "{failure}"
    );
}

#[test]
fn speculation_is_refused_where_it_cannot_be_followed() {
    for (name, says) in [("mips", "without an instruction"), ("arm", "say linear=")] {
        let options = [
            "out=/dev/null",
            "geometry=vipt:32:8192:4",
            "mode=speculative",
        ];
        let target = Target::by_name(name).unwrap();
        let made = Watcher::new(Options::parse(options).unwrap(), target);
        let error = made.err().unwrap();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_watched_symbol_must_exist() {
    let options = Options::parse(["out=/dev/null", "geometry=vipt:32:8192:4", "watch=nobody"]);
    let target = Target::by_name("mips").unwrap();
    let error = Watcher::new(options.unwrap(), target).err().unwrap();
    assert!(error.contains("nobody"), "{error}");
}
