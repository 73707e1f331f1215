// SPDX-License-Identifier: GPL-2.0-only
//! Memory that is mapped as lists, by several importers of a dma-buf among others.

use super::*;

#[test]
fn a_list_is_unmapped_as_a_whole_even_without_maintenance() {
    let mut mappings = Mappings::new(true, LINE);
    let (table, list) = (0xc000_1000, 0xc000_2000);
    let dir = Bidirectional;
    for first in [0x1000, 0x4000] {
        let area = area(first, 0x1000);
        mappings.follow(Step::ForDevice { area, dir }, listed(Request::Map, table));
    }
    mappings.follow(Step::Listed { list }, listed(Request::Map, table));
    assert_eq!(mappings.len(), 2);
    let area = None;
    mappings.follow(Step::Unmapped { area, dir }, listed(Request::Unmap, list));
    assert!(mappings.is_empty());
}

/// A buffer is mapped for its importer, and once more by its exporter, to write it back.
#[test]
fn memory_that_is_mapped_by_itself_too_is_unmapped_by_itself() {
    let mut driver = Driver::new();
    let buffer = area(0x1000, 0x1000);
    driver.map_by(buffer, ToDevice, listed(Request::Map, 0xc000));
    driver.map(buffer, ToDevice);
    assert_eq!(driver.unmap(buffer, ToDevice), None);
    // What is left is the list's, which goes with the list.
    driver.taken(buffer, ToDevice, listed(Request::Unmap, 0xc000));
    let step = Step::Unmapped {
        area: None,
        dir: ToDevice,
    };
    driver.follow(step, listed(Request::Unmap, 0xc000));
    assert!(driver.0.is_empty());
}

#[test]
fn a_list_that_was_mapped_without_maintenance_can_be_synced() {
    let mut mappings = Mappings::new(true, LINE);
    let step = Step::ForCpu {
        area: area(0x1000, 0x1000),
        dir: FromDevice,
    };
    assert_eq!(
        mappings.follow(step, listed(Request::SyncForCpu, 0xc000_2000)),
        []
    );
}

#[test]
fn a_list_is_unmapped_with_all_of_its_entries() {
    for (unmapped, broken) in [(2, None), (1, Some(Breach::Entries)), (0, None)] {
        let mut driver = Driver::new();
        let dir = FromDevice;
        let areas = [area(0x1010, 0x20), area(0x4000, 0x1000)];
        for area in areas {
            driver.follow(Step::ForDevice { area, dir }, listed(Request::Map, 0xc000));
        }
        for area in &areas[..unmapped] {
            driver.taken(*area, dir, listed(Request::Unmap, 0xc000));
        }
        let step = Step::Unmapped { area: None, dir };
        assert_eq!(driver.follow(step, listed(Request::Unmap, 0xc000)), broken);
        assert!(driver.0.is_empty());
    }
}

#[test]
fn the_mapping_of_the_device_that_unmaps_goes() {
    let mut driver = Driver::new();
    let (buffer, dir) = (area(0x1000, 0x100), FromDevice);
    for device in [1, 2] {
        let caller = Caller {
            device,
            ..single(Request::Map)
        };
        driver.map_by(buffer, dir, caller);
    }
    let caller = Caller {
        device: 2,
        ..single(Request::Unmap)
    };
    let area = Some(buffer);
    driver.follow(Step::Unmapped { area, dir }, caller);
    // The other one's is still there, and so again is no leak of its own.
    assert_eq!(driver.0.len(), 1);
    let again = |device| Caller {
        device,
        ..single(Request::Map)
    };
    assert_eq!(driver.map_by(buffer, dir, again(2)), None);
    assert_eq!(
        driver.map_by(buffer, dir, again(1)),
        Some(Breach::MappedAgain)
    );
}

/// Each importer of a dma-buf has a list of its own, of the same memory.
#[test]
fn a_sync_is_about_the_list_or_the_device_of_who_calls() {
    let (buffer, dir) = (area(0x1000, 0x1000), Bidirectional);
    let by_device = |request, device| Caller {
        device,
        ..single(request)
    };
    let callers: [[&dyn Fn(Request) -> Caller; 2]; 2] = [
        [&|request| listed(request, 0xa), &|request| {
            listed(request, 0xb)
        }],
        [&|request| by_device(request, 1), &|request| {
            by_device(request, 2)
        }],
    ];
    for [one, other] in callers {
        let mut driver = Driver::new();
        for by in [one, other] {
            assert_eq!(driver.map_by(buffer, dir, by(Request::Map)), None);
            assert_eq!(driver.taken(buffer, dir, by(Request::SyncForCpu)), None);
        }
        assert_eq!(driver.read(0x1000, 4), None);
        // One of the devices gets it back, and then gives it up.
        let give = Step::ForDevice { area: buffer, dir };
        assert_eq!(driver.follow(give, one(Request::SyncForDevice)), None);
        assert_eq!(driver.read(0x1000, 4), Some(Breach::Read));
        assert_eq!(driver.taken(buffer, dir, one(Request::Unmap)), None);
        let unmapped = Step::Unmapped {
            area: Some(buffer),
            dir,
        };
        assert_eq!(driver.follow(unmapped, one(Request::Unmap)), None);
        assert_eq!(driver.read(0x1000, 4), None);
        assert_eq!(driver.follow(give, other(Request::SyncForDevice)), None);
        assert_eq!(driver.read(0x1000, 4), Some(Breach::Read));
    }
}

#[test]
fn what_a_list_has_lost_is_not_held_against_who_has_its_address_now() {
    let mut driver = Driver::new();
    let (old, new, dir) = (area(0x1000, 0x40), area(0x4000, 0x40), FromDevice);
    let (list, lost) = (0xc000, Step::Freed { area: old });
    driver.follow(
        Step::ForDevice { area: old, dir },
        listed(Request::Map, list),
    );
    let caller = Caller {
        request: None,
        ..single(Request::Unmap)
    };
    assert_eq!(driver.follow(lost, caller), Some(Breach::Freed));
    driver.follow(
        Step::ForDevice { area: new, dir },
        listed(Request::Map, list),
    );
    driver.taken(new, dir, listed(Request::Unmap, list));
    let step = Step::Unmapped { area: None, dir };
    assert_eq!(driver.follow(step, listed(Request::Unmap, list)), None);
}

#[test]
fn a_dma_buf_that_is_mapped_during_an_access_is_the_cpu_s_until_that_ends() {
    let mut driver = Driver::new();
    let buffer = area(0x1000, 0x1000);
    let about = |request| Caller {
        buffer: Some(0xc123_0000),
        ..listed(request, 0xc000)
    };
    let dir = Bidirectional;
    for accesses in [1, 2] {
        for _ in 0..accesses {
            driver.follow(Step::Begun, about(Request::SyncForCpu));
        }
        let map = Step::ForDevice { area: buffer, dir };
        assert!(!driver.0.is_handed_over(about(Request::Map)));
        assert_eq!(driver.follow(map, about(Request::Map)), None);
        assert_eq!(driver.write(0x1000, 4), None);
        // Another access begins and ends in this one.
        assert_eq!(driver.taken(buffer, dir, about(Request::SyncForCpu)), None);
        assert_eq!(driver.read(0x1000, 4), None);
        // They end one after the other.
        for left in (0..accesses).rev() {
            // A device may read it when the last one is over.
            let handed_over = driver.0.is_handed_over(about(Request::SyncForDevice));
            assert_eq!(handed_over, left == 0);
            assert_eq!(driver.follow(map, about(Request::SyncForDevice)), None);
            driver.follow(Step::Ended, about(Request::SyncForDevice));
            let broken = (left == 0).then_some(Breach::Write);
            assert_eq!(driver.write(0x1000, 4), broken);
        }
        let unmap = Step::Unmapped { area: None, dir };
        driver.follow(unmap, about(Request::Unmap));
        // No access is open: it is the device's at once.
        assert!(driver.0.is_handed_over(about(Request::Map)));
        driver.follow(map, about(Request::Map));
        assert_eq!(driver.read(0x1000, 4), Some(Breach::Read));
        driver.follow(unmap, about(Request::Unmap));
    }
}

#[test]
fn an_access_to_a_dma_buf_that_is_gone_is_over() {
    let buffer = Some(0xc123_0000);
    let of = |request| Caller {
        buffer,
        ..single(request)
    };
    let freed = |object| Caller {
        request: None,
        buffer: object,
        ..single(Request::Map)
    };
    let mut driver = Driver::new();
    let (first, other) = (area(0x1000, 0x40), area(0x7000, 1));
    let begin = |driver: &mut Driver| driver.follow(Step::Begun, of(Request::Map));
    assert_eq!(begin(&mut driver), None);
    assert_eq!(begin(&mut driver), None);
    // Of another object's end, or of a page's, it does not end.
    for object in [None, Some(0xc456_0000)] {
        driver.follow(Step::Freed { area: other }, freed(object));
        assert!(driver.0.is_accessed(of(Request::Map)));
    }
    // The process dies, and the next buffer is allocated where this one was.
    driver.follow(Step::Freed { area: other }, freed(buffer));
    assert!(!driver.0.is_accessed(of(Request::Map)));
    assert!(driver.0.is_handed_over(of(Request::Map)));
    assert_eq!(driver.map_by(first, FromDevice, of(Request::Map)), None);
    assert_eq!(driver.read(0x1000, 4), Some(Breach::Read));
    let transferred = driver.0.transferred(first, of(Request::Unmap));
    assert_eq!(Vec::from_iter(transferred.iter()), [first]);
}
