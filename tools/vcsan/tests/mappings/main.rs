// SPDX-License-Identifier: GPL-2.0-only
//! The contract of the DMA API: what is mapped, who owns it, what breaks it.

mod lists;

use proptest::prelude::*;
use vcsan::contract::{Area, Breach, Caller, Direction, Mappings, Request, Step};
use vcsan_model::Site;

const LINE: u32 = 32;

fn area(first: u64, len: u64) -> Area {
    Area { first, len }
}

fn single(request: Request) -> Caller {
    Caller {
        request: Some(request),
        list: None,
        device: 1,
        buffer: None,
        site: Site::new(7),
    }
}

fn listed(request: Request, list: u64) -> Caller {
    Caller {
        list: Some(list),
        ..single(request)
    }
}

/// A driver's calls, each with all steps that the plugin sees of it.
struct Driver(Mappings);

impl Driver {
    fn new() -> Self {
        Self(Mappings::new(true, LINE))
    }

    /// What a call has shown, the first thing.
    fn follow(&mut self, step: Step, caller: Caller) -> Option<Breach> {
        let broken = self.0.follow(step, caller);
        broken.first().map(|broken| broken.breaking.breach)
    }

    fn map(&mut self, area: Area, dir: Direction) {
        assert_eq!(self.map_by(area, dir, single(Request::Map)), None);
    }

    fn map_by(&mut self, area: Area, dir: Direction, caller: Caller) -> Option<Breach> {
        let broken = self.follow(Step::ForDevice { area, dir }, caller);
        assert_eq!(self.follow(Step::Mapped { area, dir }, caller), None);
        broken
    }

    fn taken(&mut self, area: Area, dir: Direction, caller: Caller) -> Option<Breach> {
        let broken = self.follow(Step::ForCpu { area, dir }, caller);
        assert_eq!(self.follow(Step::AtCpu { area, dir }, caller), None);
        broken
    }

    fn unmap(&mut self, area: Area, dir: Direction) -> Option<Breach> {
        let caller = single(Request::Unmap);
        let broken = self.taken(area, dir, caller);
        let area = Some(area);
        assert_eq!(self.follow(Step::Unmapped { area, dir }, caller), None);
        broken
    }

    fn sync_for_cpu(&mut self, area: Area, dir: Direction) -> Option<Breach> {
        self.taken(area, dir, single(Request::SyncForCpu))
    }

    fn sync_for_device(&mut self, area: Area, dir: Direction) -> Option<Breach> {
        self.follow(
            Step::ForDevice { area, dir },
            single(Request::SyncForDevice),
        )
    }

    fn read(&mut self, first: u64, len: u64) -> Option<Breach> {
        self.access(first, len, false)
    }

    fn write(&mut self, first: u64, len: u64) -> Option<Breach> {
        self.access(first, len, true)
    }

    fn access(&mut self, first: u64, len: u64, store: bool) -> Option<Breach> {
        let vaddr = 0xc000_0000 + first;
        let broken = self.0.access(vaddr, area(first, len), store, Site::new(9));
        broken.map(|broken| broken.breach)
    }
}

use Direction::{Bidirectional, FromDevice, ToDevice};

#[test]
fn a_device_owns_what_it_may_write_until_that_is_unmapped() {
    for dir in [FromDevice, Bidirectional] {
        let mut driver = Driver::new();
        let buffer = area(0x1fc0, 0x80);
        assert_eq!(driver.write(0x1fc0, 4), None);
        driver.map(buffer, dir);
        assert_eq!(driver.write(0x1fc0, 4), Some(Breach::Write));
        assert_eq!(driver.read(0x203c, 4), Some(Breach::Read));
        assert_eq!(driver.read(0x2040, 4), None);
        assert_eq!(driver.unmap(buffer, dir), None);
        assert_eq!(driver.write(0x1fc0, 4), None);
        assert!(driver.0.is_empty());
        assert!(driver.0.has_page(0x1000) && driver.0.has_page(0x2000));
    }
}

#[test]
fn what_a_device_only_reads_can_be_read_and_written_for_the_next_sync() {
    let mut driver = Driver::new();
    let buffer = area(0x1000, 0x40);
    driver.map(buffer, ToDevice);
    assert_eq!(driver.read(0x1000, 4), None);
    assert_eq!(driver.write(0x1000, 4), None);
    assert_eq!(driver.sync_for_device(buffer, ToDevice), None);
    assert_eq!(driver.unmap(buffer, ToDevice), None);
}

#[test]
fn a_sync_takes_and_gives_parts() {
    let mut driver = Driver::new();
    let buffer = area(0x1000, 0x100);
    driver.map(buffer, FromDevice);
    let part = area(0x1040, 0x40);
    assert_eq!(driver.sync_for_cpu(part, FromDevice), None);
    assert_eq!(driver.read(0x1040, 0x40), None);
    assert_eq!(driver.read(0x103c, 8), Some(Breach::Read));
    assert_eq!(driver.sync_for_cpu(area(0x1080, 0x40), FromDevice), None);
    assert_eq!(driver.read(0x1060, 0x40), None);
    assert_eq!(driver.sync_for_device(area(0x1060, 0x10), FromDevice), None);
    assert_eq!(driver.read(0x1064, 4), Some(Breach::Read));
    assert_eq!(driver.read(0x1070, 0x10), None);
}

#[test]
fn a_word_of_which_a_part_is_a_buffer_may_be_loaded() {
    let mut driver = Driver::new();
    driver.map(area(0x1042, 0x40), Direction::FromDevice);
    // As by a memcpy() of what ends there, or begins behind it.
    assert_eq!(driver.read(0x1040, 4), None);
    assert_eq!(driver.read(0x1080, 4), None);
    assert_eq!(driver.read(0x1044, 4), Some(Breach::Read));
    assert_eq!(driver.write(0x1040, 4), Some(Breach::Write));
    // What has been taken back ends in the word.
    assert_eq!(
        driver.sync_for_cpu(area(0x1042, 0x10), Direction::FromDevice),
        None
    );
    assert_eq!(driver.read(0x1050, 4), None);
    assert_eq!(driver.read(0x1054, 4), Some(Breach::Read));
}

#[test]
fn a_neighbour_in_the_line_of_a_buffer_is_not_to_be_written() {
    let mut driver = Driver::new();
    driver.map(area(0x1010, 0x20), FromDevice);
    assert_eq!(driver.write(0x1000, 4), Some(Breach::SharedLine));
    assert_eq!(driver.write(0x1030, 4), Some(Breach::SharedLine));
    assert_eq!(driver.write(0x1040, 4), None);
    assert_eq!(driver.write(0xffc, 4), None);
    // A read leaves nothing dirty.
    assert_eq!(driver.read(0x1000, 4), None);
    let mut driver = Driver::new();
    driver.map(area(0x1010, 0x20), ToDevice);
    assert_eq!(driver.write(0x1000, 4), None);
}

#[test]
fn calls_must_be_about_what_is_mapped() {
    let mut driver = Driver::new();
    let buffer = area(0x1000, 0x100);
    assert_eq!(
        driver.sync_for_cpu(buffer, FromDevice),
        Some(Breach::NotMapped)
    );
    assert_eq!(driver.unmap(buffer, FromDevice), Some(Breach::NotMapped));
    driver.map(buffer, FromDevice);
    assert_eq!(
        driver.sync_for_cpu(buffer, ToDevice),
        Some(Breach::Direction)
    );
    assert_eq!(
        driver.sync_for_device(area(0x1080, 0x100), FromDevice),
        Some(Breach::Length)
    );
    assert_eq!(
        driver.unmap(area(0x1000, 0x80), FromDevice),
        Some(Breach::Length)
    );
    assert!(driver.0.is_empty());
    driver.map(buffer, FromDevice);
    assert_eq!(driver.unmap(buffer, ToDevice), Some(Breach::Direction));
    assert!(driver.0.is_empty());
}

#[test]
fn a_mapping_of_both_directions_is_synced_in_any() {
    let mut driver = Driver::new();
    let buffer = area(0x1000, 0x100);
    driver.map(buffer, Bidirectional);
    for dir in [FromDevice, ToDevice] {
        assert_eq!(driver.sync_for_cpu(buffer, dir), None);
        assert_eq!(driver.read(0x1000, 4), None);
        assert_eq!(driver.sync_for_device(buffer, dir), None);
        assert_eq!(driver.read(0x1000, 4), Some(Breach::Read));
    }
    assert_eq!(driver.unmap(buffer, FromDevice), Some(Breach::Direction));
}

#[test]
fn what_is_mapped_twice_is_unmapped_twice() {
    let mut driver = Driver::new();
    let buffer = area(0x1000, 0x100);
    for device in [1, 2] {
        let caller = Caller {
            device,
            ..single(Request::Map)
        };
        assert_eq!(driver.map_by(buffer, Bidirectional, caller), None);
    }
    assert_eq!(driver.0.len(), 2);
    assert_eq!(driver.unmap(buffer, Bidirectional), None);
    assert_eq!(driver.write(0x1000, 4), Some(Breach::Write));
    assert_eq!(driver.unmap(buffer, Bidirectional), None);
    assert_eq!(driver.write(0x1000, 4), None);
}

#[test]
fn a_kernel_whose_maps_are_not_seen_is_not_blamed_for_them() {
    let mut driver = Driver(Mappings::new(false, LINE));
    assert_eq!(driver.sync_for_cpu(area(0x1000, 4), FromDevice), None);
}

#[test]
fn what_a_device_reads_is_synced_after_it_was_written() {
    let mut driver = Driver::new();
    let buffer = area(0x1000, 0x100);
    driver.map(buffer, ToDevice);
    assert_eq!(driver.write(0x1010, 4), None);
    // Another part of it.
    assert_eq!(driver.sync_for_device(area(0x1040, 0x40), ToDevice), None);
    let caller = single(Request::Unmap);
    let step = Step::ForCpu {
        area: buffer,
        dir: ToDevice,
    };
    let broken = driver.0.follow(step, caller);
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].breaking.breach, Breach::NotSynced);
    assert_eq!(broken[0].area, area(0x1010, 4));
    assert_eq!(broken[0].access, Some((0xc000_1010, Site::new(9))));
}

#[test]
fn a_loop_of_writes_is_one_write_and_a_sync_cuts_it() {
    let mut driver = Driver::new();
    let buffer = area(0x1000, 0x100);
    driver.map(buffer, ToDevice);
    for at in (0x1000..0x1100).step_by(4) {
        assert_eq!(driver.write(at, 4), None);
    }
    assert_eq!(driver.sync_for_device(area(0x1040, 0x40), ToDevice), None);
    let step = Step::ForCpu {
        area: buffer,
        dir: ToDevice,
    };
    let broken = driver.0.follow(step, single(Request::Unmap));
    let areas: Vec<Area> = broken.iter().map(|broken| broken.area).collect();
    assert_eq!(areas, [area(0x1000, 0x40), area(0x1080, 0x80)]);
}

#[test]
fn what_is_written_by_who_has_taken_it_back_is_synced_before_anybody_goes_on() {
    let mut driver = Driver::new();
    let buffer = area(0x1000, 0x100);
    driver.map(buffer, ToDevice);
    for next in [Request::SyncForCpu, Request::Unmap] {
        assert_eq!(driver.sync_for_cpu(buffer, ToDevice), None);
        assert_eq!(driver.write(0x1010, 4), None);
        let step = Step::ForCpu {
            area: buffer,
            dir: ToDevice,
        };
        let broken = driver.0.follow(step, single(next));
        assert_eq!(broken[0].breaking.breach, Breach::NotSynced);
        assert_eq!(driver.sync_for_device(buffer, ToDevice), None);
    }
    // What is written and handed over is in order.
    assert_eq!(driver.sync_for_cpu(buffer, ToDevice), None);
    assert_eq!(driver.write(0x1010, 4), None);
    assert_eq!(driver.sync_for_device(buffer, ToDevice), None);
    assert_eq!(driver.unmap(buffer, ToDevice), None);
}

#[test]
fn what_the_cpu_has_used_is_handed_back_before_it_is_taken_again() {
    let mut driver = Driver::new();
    let (buffer, header) = (area(0x1000, 0x100), area(0x1000, 0x20));
    driver.map(buffer, FromDevice);
    assert_eq!(driver.sync_for_cpu(header, FromDevice), None);
    assert_eq!(driver.read(0x1000, 4), None);
    // The header, and then the rest of the same transfer.
    assert_eq!(driver.sync_for_cpu(buffer, FromDevice), None);
    // Not used yet.
    assert_eq!(driver.sync_for_cpu(buffer, FromDevice), None);
    assert_eq!(driver.read(0x1000, 4), None);
    assert_eq!(
        driver.sync_for_cpu(header, FromDevice),
        Some(Breach::NotHandedBack)
    );
    assert_eq!(driver.sync_for_device(buffer, FromDevice), None);
    assert_eq!(driver.sync_for_cpu(buffer, FromDevice), None);
}

#[test]
fn a_device_has_no_part_in_what_the_cpu_has_already() {
    let mut driver = Driver::new();
    let (buffer, header) = (area(0x1000, 0x100), area(0x1000, 0x20));
    let parts = |driver: &Driver, area, request| {
        let parts = driver.0.transferred(area, single(request));
        parts.iter().collect::<Vec<_>>()
    };
    driver.map(buffer, FromDevice);
    assert_eq!(parts(&driver, buffer, Request::Unmap), [buffer]);
    driver.sync_for_cpu(header, FromDevice);
    let rest = area(0x1020, 0xe0);
    for request in [Request::Unmap, Request::SyncForCpu] {
        assert_eq!(parts(&driver, buffer, request), [rest]);
    }
    driver.sync_for_cpu(buffer, FromDevice);
    assert_eq!(parts(&driver, buffer, Request::Unmap), []);
    // A ring that hands nothing back.
    assert_eq!(parts(&driver, buffer, Request::SyncForCpu), [buffer]);
}

#[test]
fn a_leak_is_seen_when_the_memory_is_mapped_again() {
    let buffer = area(0x1000, 0x100);
    let mut driver = Driver::new();
    let again = |driver: &mut Driver, dir, device| {
        let caller = Caller {
            device,
            ..single(Request::Map)
        };
        driver.map_by(area(0x1080, 0x100), dir, caller)
    };
    driver.map(buffer, ToDevice);
    assert_eq!(again(&mut driver, ToDevice, 1), None);
    assert_eq!(again(&mut driver, FromDevice, 1), Some(Breach::MappedAgain));
    let mut driver = Driver::new();
    driver.map(buffer, FromDevice);
    assert_eq!(again(&mut driver, FromDevice, 2), None);
    assert_eq!(again(&mut driver, FromDevice, 2), Some(Breach::MappedAgain));
}

#[test]
fn memory_is_unmapped_before_it_is_freed_and_told_of_once() {
    let mut driver = Driver::new();
    let buffer = area(0x1100, 0x100);
    driver.map(buffer, FromDevice);
    let caller = Caller {
        request: None,
        ..single(Request::Unmap)
    };
    let free = |first, len| Step::Freed {
        area: area(first, len),
    };
    assert_eq!(driver.follow(free(0x2000, 0x1000), caller), None);
    assert_eq!(
        driver.follow(free(0x1000, 0x1000), caller),
        Some(Breach::Freed)
    );
    // It is somebody else's now, who does no harm.
    assert_eq!(driver.follow(free(0x1000, 0x1000), caller), None);
    assert_eq!(driver.read(0x1100, 4), None);
    assert_eq!(driver.write(0x10fc, 4), None);
    driver.map(buffer, FromDevice);
    assert_eq!(driver.read(0x1100, 4), Some(Breach::Read));
    assert_eq!(driver.unmap(buffer, FromDevice), None);
    assert_eq!(driver.read(0x1100, 4), None);
    // Late, but nothing new.
    assert_eq!(driver.unmap(buffer, FromDevice), None);
    assert!(driver.0.is_empty());
}

#[test]
fn a_module_leaves_nothing_mapped() {
    let mut driver = Driver::new();
    driver.map(area(0x1000, 0x100), ToDevice);
    let mut unload = |site| {
        let broken = driver.0.unloaded(&[Site::new(site)]);
        broken.first().map(|broken| broken.breaking.breach)
    };
    assert_eq!(unload(8), None);
    assert_eq!(unload(7), Some(Breach::LeftBehind));
    assert_eq!(unload(7), None);
}

/// As with `DMA_ATTR_SKIP_CPU_SYNC`: the call maintains nothing.
fn map_without_sync(driver: &mut Driver, area: Area, dir: Direction) {
    let step = Step::Mapped { area, dir };
    assert_eq!(driver.follow(step, single(Request::Map)), None);
}

#[test]
fn what_was_mapped_without_a_sync_is_the_cpu_s_until_there_is_one() {
    for dir in [FromDevice, Bidirectional] {
        let mut driver = Driver::new();
        let (page, frame) = (area(0x1000, 0x1000), area(0x1040, 0x600));
        map_without_sync(&mut driver, page, dir);
        assert_eq!(driver.write(0x1040, 4), None);
        assert_eq!(driver.sync_for_device(frame, dir), None);
        assert_eq!(driver.read(0x1040, 4), Some(Breach::Read));
        // In front of the frame is a headroom, which is nobody's.
        assert_eq!(driver.write(0x1000, 4), None);
        assert_eq!(driver.sync_for_cpu(frame, dir), None);
        assert_eq!(driver.write(0x1040, 4), None);
    }
}

#[test]
fn what_is_unmapped_without_a_sync_was_the_device_s_where_that_had_it() {
    let mut driver = Driver::new();
    let (page, frame) = (area(0x1000, 0x1000), area(0x1040, 0x600));
    let (dir, caller) = (FromDevice, single(Request::Unmap));
    let unmapped = Step::Unmapped {
        area: Some(page),
        dir,
    };
    let released = |driver: &Driver, caller| {
        let released = driver.0.released(unmapped, caller);
        released.iter().collect::<Vec<_>>()
    };
    map_without_sync(&mut driver, page, dir);
    assert_eq!(released(&driver, caller), []);
    driver.sync_for_device(frame, dir);
    assert_eq!(released(&driver, caller), [frame]);
    // A map that has failed comes to the same step.
    assert_eq!(released(&driver, single(Request::Map)), []);
    driver.sync_for_cpu(area(0x1040, 0x40), dir);
    assert_eq!(released(&driver, caller), [area(0x1080, 0x5c0)]);
    // With a sync, that has said so.
    driver.taken(page, dir, caller);
    assert_eq!(released(&driver, caller), []);
}

#[test]
fn memory_that_is_allocated_mapped_is_handed_over_by_syncs() {
    let mut driver = Driver::new();
    let (buffer, dir) = (area(0x1000, 0x2000), Bidirectional);
    let step = Step::Allocated { area: buffer, dir };
    assert_eq!(driver.follow(step, single(Request::Map)), None);
    assert_eq!(driver.write(0x1000, 4), None);
    assert_eq!(driver.sync_for_device(buffer, dir), None);
    assert_eq!(driver.write(0x1000, 4), Some(Breach::Write));
    assert_eq!(driver.sync_for_cpu(buffer, dir), None);
    assert_eq!(driver.read(0x1000, 4), None);
    let caller = Caller {
        request: None,
        ..single(Request::Unmap)
    };
    let area = Some(buffer);
    assert_eq!(driver.follow(Step::Unmapped { area, dir }, caller), None);
    assert!(driver.0.is_empty());
}

#[test]
fn a_sync_of_nothing_is_about_nothing() {
    let mut driver = Driver::new();
    assert_eq!(driver.sync_for_device(area(0x1000, 0), FromDevice), None);
}

#[test]
fn of_pages_that_were_unmapped_the_latest_are_drawn() {
    let mut driver = Driver::new();
    let page = |number: u64| area(0x10_0000 + number * 0x1000, 0x40);
    let mut use_page = |number| {
        driver.map(page(number), ToDevice);
        assert_eq!(driver.unmap(page(number), ToDevice), None);
        [0, 1].map(|number| driver.0.has_page(page(number).first))
    };
    use_page(0);
    use_page(1);
    // All that are kept, with those two; then the first one once more.
    for number in 2..512 {
        assert_eq!(use_page(number), [true; 2]);
    }
    use_page(0);
    assert_eq!(use_page(512), [true, false]);
}

fn steps() -> impl Strategy<Value = Vec<(u8, u64, u64, u8)>> {
    prop::collection::vec((0_u8..6, 0_u64..0x3000, 1_u64..0x1800, 0_u8..3), 0..60)
}

proptest! {
    /// Whatever is called: who owns a byte is what a list of bytes says.
    #[test]
    fn ownership_is_that_of_a_table_of_bytes(steps in steps()) {
        let mut driver = Driver::new();
        // Mappings as made, with what of each byte the device owns.
        let mut table: Vec<(Area, Direction, Vec<bool>)> = Vec::new();
        for (kind, first, len, dir) in steps {
            let dir = [Bidirectional, ToDevice, FromDevice][usize::from(dir)];
            let part = area(first, len);
            match kind {
                0 | 1 => {
                    // A device of its own, so that it is no leak.
                    let caller = Caller { device: 0, ..single(Request::Map) };
                    driver.map_by(part, dir, caller);
                    table.push((part, dir, vec![true; len as usize]));
                }
                2 if !table.is_empty() => {
                    let at = (first as usize) % table.len();
                    let (whole, dir, _) = &table[at];
                    let (whole, dir) = (*whole, *dir);
                    // The oldest of those that are the same.
                    let oldest = table.iter().position(|(a, d, _)| (*a, *d) == (whole, dir)).unwrap();
                    let broken = driver.unmap(whole, dir);
                    prop_assert!(matches!(broken, None | Some(Breach::NotSynced)), "{:?}", broken);
                    table.remove(oldest);
                }
                3 | 4 => {
                    if kind == 3 {
                        driver.sync_for_cpu(part, dir);
                    } else {
                        driver.sync_for_device(part, dir);
                    }
                    for (whole, mapped, owned) in &mut table {
                        if *mapped != dir && *mapped != Bidirectional {
                            continue;
                        }
                        for (byte, owned) in (whole.first..).zip(owned) {
                            if (part.first..part.end()).contains(&byte) {
                                *owned = kind == 4;
                            }
                        }
                    }
                }
                _ => {
                    let owned = table.iter().any(|(whole, dir, owned)| {
                        dir.device_writes()
                            && (whole.first..).zip(owned).any(|(byte, owned)| byte == first && *owned)
                    });
                    prop_assert_eq!(driver.read(first, 1).is_some(), owned);
                    prop_assert_eq!(driver.write(first, 1) == Some(Breach::Write), owned);
                }
            }
        }
    }
}
