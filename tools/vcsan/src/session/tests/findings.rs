// SPDX-License-Identifier: GPL-2.0-only
//! What is found is shown, as what it is, and once.

use super::*;

#[test]
fn what_a_guest_measures_is_what_comes_between_its_notes() {
    let mut machine = Machine::new("measured", ",count=instructions");
    machine.guest.registers.insert(4, KSEG0 + BUFFER);
    machine.execute(0x8000_1004, FLUSH);
    machine.session.watcher.set_executed(100);
    machine.note(9, "row", 0, 0);
    machine.execute(0x8000_1004, FLUSH);
    machine.session.watcher.set_executed(140);
    machine.note(10, "", 0, 0);
    machine.execute(0x8000_1004, FLUSH);
    let records = machine.finish();
    let row = &records[1];
    assert_eq!(
        (&row["record"], &row["name"]),
        (&"measured".into(), &"row".into())
    );
    assert_eq!(
        (&row["instructions"], &row["lines"]),
        (&40.into(), &1.into())
    );
    assert_eq!(row["by_kind"]["flush, line"], 1);
    assert_eq!(records[2]["maintenance"], 3);
    assert_eq!(records[2]["failure"], Value::Null);
}

#[test]
fn who_measures_must_be_counted() {
    for (kind, says) in [(9, "count=instructions"), (10, "nothing has begun")] {
        let mut machine = Machine::new(&format!("uncounted-{kind}"), "");
        machine.note(kind, "row", 0, 0);
        let end = machine.finish().pop().unwrap();
        assert!(end["failure"].as_str().unwrap().contains(says), "{end}");
    }
}

/// The hazards among records.
fn hazards(records: &[Value]) -> Vec<&Value> {
    let hazard = |record: &&Value| record["record"] == "hazard";
    records.iter().filter(hazard).collect()
}

#[test]
fn without_symbols_each_instruction_is_a_finding() {
    let mut machine = Machine::new("no-symbols", ",watch=all");
    for (pc, page) in [(0x8000_1000, 5), (0x8000_1010, 7), (0x8000_1020, 9)] {
        let paddr = page * 0x1000;
        machine.store(pc, KSEG0 + paddr, paddr);
        // Another colour than that of all of these pages.
        machine.load(0x8000_2000, VMAP + (page + 1) * 0x1000, paddr);
    }
    let records = machine.finish();
    let writers: Vec<_> = hazards(&records)
        .iter()
        .map(|hazard| hazard["write"]["pc"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(writers, ["0x80001000", "0x80001010", "0x80001020"]);
}

#[test]
fn one_function_and_two_buffers_are_two_findings() {
    let mut machine = Machine::new("two-buffers", "");
    machine.note(3, "suite.case", 0, 0);
    machine.note(1, "one", 0x5000, 0x1000);
    machine.note(1, "other", 0x7000, 0x1000);
    for paddr in [0x5000, 0x7000] {
        machine.store(0x8000_1000, KSEG0 + paddr, paddr);
        machine.load(0x8000_2000, VMAP + paddr + 0x1000, paddr);
    }
    let records = machine.finish();
    let buffers: Vec<_> = hazards(&records)
        .iter()
        .map(|hazard| hazard["buffer"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(buffers, ["one", "other"]);
}

#[test]
fn many_of_one_kind_hide_no_other_one() {
    let mut machine = Machine::new("many", ",watch=all");
    machine.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    for number in 0..300 {
        machine.load(0x8000_2000 + number * 4, VMAP, BUFFER);
    }
    machine.store(0x8000_1004, KSEG0 + BUFFER + 0x40, BUFFER + 0x40);
    machine.note(5, "", BUFFER as u32 + 0x40, 4);
    let text = std::fs::read_to_string(format!("{}.txt", machine.out.display()));
    assert_eq!(text.unwrap(), "", "nothing is complete yet");
    let out = machine.out.clone();
    let records = machine.finish();
    let device = |hazard: &&&Value| hazard["title"] == "stale device read";
    assert_eq!(hazards(&records).iter().filter(device).count(), 1);
    let end = records.last().unwrap();
    let kept = hazards(&records).len() as u64 - 1;
    assert_eq!(end["surplus"].as_u64(), Some(300 - kept));
    assert_eq!(end["surplus_of"]["stale read"].as_u64(), Some(300 - kept));
    let text = std::fs::read_to_string(format!("{}.txt", out.display())).unwrap();
    assert!(
        text.contains("more, at other places, were not kept"),
        "{text}"
    );
}

/// `cache 0x11, 0($4)`: invalidate the line at the address in register 4.
const INVALIDATE: u32 = 0xbc91_0000;

#[test]
fn memory_beside_a_buffer_in_its_line_is_reported_as_that() {
    let mut machine = Machine::new("beside", ",watch=0x5000+0x10");
    // A neighbour's variable is dirty when the buffer is invalidated for a device, whose write it gets.
    machine.store(0x8000_1000, KSEG0 + BUFFER + 0x18, BUFFER + 0x18);
    machine.guest.registers.insert(4, KSEG0 + BUFFER);
    machine.execute(0x8000_1004, INVALIDATE);
    machine.note(6, "", BUFFER as u32, 0x10);
    machine.load(0x8000_1008, KSEG0 + BUFFER + 0x18, BUFFER + 0x18);
    let records = machine.finish();
    let [hazard] = *hazards(&records) else {
        panic!("one: {records:?}");
    };
    assert_eq!(hazard["title"], "discarded write");
    assert_eq!(hazard["buffer"], "0x5000+0x10");
    assert_eq!(hazard["offset"], Value::Null);
    let text = hazard["text"].as_str().unwrap();
    assert!(
        text.contains("beside \"0x5000+0x10\", which shares the line"),
        "{text}"
    );
}

#[test]
fn a_hazard_is_in_the_file_before_the_guest_ends() {
    let mut machine = Machine::new("at-once", "");
    machine.watch();
    machine.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    machine.load(0x8000_2000, VMAP, BUFFER);
    // The next test begins, and then the guest is gone without a word.
    machine.note(3, "suite.other", 0, 0);
    machine.session.watcher.sync();
    let text = std::fs::read_to_string(&machine.out).unwrap();
    let records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(text.ends_with('\n'));
    assert_eq!(hazards(&records).len(), 1);
}

/// A stale read, found while these patterns are known, and whether the run is clean.
fn found_with(name: &str, patterns: &str) -> (Option<bool>, Vec<Value>, String) {
    let file = Machine::file(&format!("{name}.suppress"));
    std::fs::write(&file, patterns).unwrap();
    let options = format!(",watch=all,suppress={}", file.display());
    let mut machine = Machine::new(name, &options);
    machine.store(0x8000_1000, KSEG0 + BUFFER, BUFFER);
    machine.load(0x8000_2000, VMAP, BUFFER);
    machine.store(0x8000_1004, KSEG0 + BUFFER + 0x40, BUFFER + 0x40);
    machine.note(5, "", BUFFER as u32 + 0x40, 4);
    let clean = machine.session.finish();
    let text = std::fs::read_to_string(format!("{}.txt", machine.out.display())).unwrap();
    (clean, machine.finish(), text)
}

#[test]
fn what_is_suppressed_is_counted_and_not_shown() {
    let stale = "stale read | * | * | known\n";
    let device = "stale device read | * | * | known, too\n";
    let (clean, records, text) = found_with("suppressed-both", &format!("{stale}{device}"));
    assert_eq!(clean, Some(true));
    assert_eq!(hazards(&records).len(), 0);
    assert!(text.contains("note: 1 finding was suppressed by line 1, stale read | * | *"));
    assert!(!text.contains("VCSan: stale"), "{text}");

    let (clean, records, _) = found_with("suppressed-one", stale);
    assert_eq!(clean, Some(false));
    let [hazard] = *hazards(&records) else {
        panic!("one: {records:?}");
    };
    // Numbers are those of the records, whatever was suppressed before.
    assert_eq!(
        (&hazard["title"], &hazard["number"]),
        (&"stale device read".into(), &0.into())
    );
    let end = records.last().unwrap();
    assert_eq!(end["hazards"], 1);
    assert_eq!(end["suppressions"][0]["findings"], 1);
}

#[test]
fn a_suppression_of_nothing_is_said_to_be_one() {
    let (clean, records, text) = found_with("unused", "lost write | * | * | gone\n");
    assert_eq!(clean, Some(false));
    assert_eq!(hazards(&records).len(), 2);
    assert_eq!(records.last().unwrap()["suppressions"][0]["findings"], 0);
    let said = "note: no finding is like suppression 1, lost write | * | *: remove it";
    assert!(text.contains(said), "{text}");
}

#[test]
fn a_file_of_suppressions_that_is_none_ends_the_run_before_it_begins() {
    let file = Machine::file("no-reason.suppress");
    std::fs::write(&file, "stale read | f\n").unwrap();
    let text = format!(
        "out={},geometry=vipt:32:8192:4,suppress={}",
        Machine::file("no-reason").display(),
        file.display()
    );
    let options = Options::parse(text.split(',')).unwrap();
    let said = Session::new(&options, Target::by_name("mips").unwrap()).err();
    let said = said.unwrap();
    assert!(
        said.contains("no-reason.suppress:1: give TITLE |"),
        "{said}"
    );
}

#[test]
fn what_a_guest_makes_it_write_has_an_end() {
    let mut machine = Machine::new("endless", "");
    // A test with a name of 96 KB, which stands in each record.
    (0..1000).for_each(|_| machine.note(8, &"x".repeat(96), 0, 0));
    machine.note(3, "suite.case", 0, 0);
    (0..800).for_each(|_| machine.note(7, "stale read", 0, 0));
    let out = machine.out.clone();
    let records = machine.finish();
    assert!(records.len() > 600 && records.len() < 800);
    let failure = records.last().and_then(|end| end["failure"].as_str());
    assert!(failure.is_some_and(|failure| failure.contains("more than 64 MiB")));
    assert!(std::fs::metadata(&out).unwrap().len() < 65 << 20);
    std::fs::write(out, "").unwrap();
}
