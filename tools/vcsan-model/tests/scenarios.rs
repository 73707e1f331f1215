// SPDX-License-Identifier: GPL-2.0-only
//! What kernels do right and wrong, one scenario each, with the whole report.

use vcsan_model::{
    Address, Alias, Cause, Config, Event, Geometry, Hazard, Kind, LinearMap, Mode, Model, Op, Site,
};

const PAGE: u64 = 0x8000_4000;

/// A place in the page through colour 0 (the linear map) or 1 (a vmap).
fn through(colour: u64, offset: u64) -> Address {
    Address {
        vaddr: 0xc000_4000 + colour * 0x1000 + offset,
        paddr: PAGE + offset,
        space: 0,
    }
}

fn vipt() -> Model {
    Model::new(Config::new(Geometry::vipt(32, 8192, 4).expect("real"))).expect("meaningful")
}

fn speculative() -> Model {
    let mut config = Config::new(Geometry::vipt(32, 8192, 4).expect("real"));
    config.mode = Mode::Speculative;
    config.linear = Some(LinearMap {
        vaddr: 0xc000_0000,
        paddr: 0x8000_0000,
        len: 1 << 28,
    });
    Model::new(config).expect("meaningful")
}

fn store(model: &mut Model, at: Address, len: u32, site: u32) {
    assert_eq!(model.store(at, len, Site::new(site)), []);
}

fn maintain(model: &mut Model, op: Op, at: Address, len: u32) {
    assert_eq!(
        model.apply(Event::Maintain { op, at, len }, Site::new(99)),
        []
    );
}

fn device_read(model: &mut Model, len: u32) -> Vec<Hazard> {
    model
        .apply(Event::DeviceRead { paddr: PAGE, len }, Site::new(50))
        .to_vec()
}

fn device_write(model: &mut Model, len: u32) {
    assert_eq!(
        model.apply(Event::DeviceWrite { paddr: PAGE, len }, Site::new(51)),
        []
    );
}

fn load(model: &mut Model, at: Address, len: u32) -> Vec<Hazard> {
    model.load(at, len, Site::new(60)).to_vec()
}

fn kinds(found: &[Hazard]) -> Vec<Kind> {
    found.iter().map(|hazard| hazard.kind).collect()
}

#[test]
fn transfers_with_all_their_maintenance_are_silent() {
    for mut model in [vipt(), speculative()] {
        let (linear, vmap) = (through(0, 0), through(1, 0));
        // Zeros, written back; the CPU fills the buffer through the vmap; out to the device.
        store(&mut model, linear, 4096, 1);
        maintain(&mut model, Op::WriteBackInvalidate, linear, 4096);
        maintain(&mut model, Op::Invalidate, vmap, 4096);
        store(&mut model, vmap, 4096, 2);
        maintain(&mut model, Op::WriteBackInvalidate, vmap, 4096);
        maintain(&mut model, Op::WriteBackInvalidate, linear, 4096);
        assert_eq!(device_read(&mut model, 4096), []);
        // In from the device.
        device_write(&mut model, 4096);
        maintain(&mut model, Op::Invalidate, linear, 4096);
        maintain(&mut model, Op::Invalidate, vmap, 4096);
        assert_eq!(load(&mut model, vmap, 4096), []);
        assert_eq!(load(&mut model, linear, 4096), []);
    }
}

#[test]
fn vmap_not_written_back_before_the_device_reads() {
    let mut model = vipt();
    store(&mut model, through(1, 8), 4, 2);
    // dma_sync knows of the linear map only.
    maintain(&mut model, Op::WriteBack, through(0, 0), 32);
    let found = device_read(&mut model, 32);
    assert_eq!(kinds(&found), [Kind::StaleDeviceRead]);
    assert_eq!(
        (found[0].paddr(), found[0].bytes, found[0].write),
        (PAGE + 8, 0xf00, Site::new(2))
    );
    assert_eq!(
        found[0].cause,
        Cause::NotWrittenBack {
            dirty: Alias::Colour(1)
        }
    );
}

#[test]
fn vmap_not_invalidated_after_the_device_wrote() {
    let mut model = vipt();
    assert_eq!(load(&mut model, through(1, 0), 4), []);
    device_write(&mut model, 32);
    maintain(&mut model, Op::Invalidate, through(0, 0), 32);
    let found = load(&mut model, through(1, 0), 4);
    assert_eq!(kinds(&found), [Kind::StaleRead]);
    assert_eq!(
        found[0].cause,
        Cause::OldCopy {
            filled_by: Site::new(60),
            dirty: None
        }
    );
    assert_eq!(found[0].write, Site::new(51));
}

#[test]
fn dirty_zeros_overwrite_what_the_other_alias_wrote() {
    let mut model = vipt();
    store(&mut model, through(0, 0), 32, 1);
    store(&mut model, through(1, 0), 32, 2);
    maintain(&mut model, Op::WriteBack, through(1, 0), 32);
    maintain(&mut model, Op::WriteBack, through(0, 0), 32);
    let found = device_read(&mut model, 4);
    assert_eq!(kinds(&found), [Kind::LostWrite]);
    assert_eq!(
        found[0].cause,
        Cause::Overwritten {
            alias: Alias::Colour(0),
            dirtied_by: Site::new(1)
        }
    );
    assert_eq!(found[0].write, Site::new(2));
}

#[test]
fn two_defects_are_two_reports() {
    let mut model = vipt();
    store(&mut model, through(0, 0), 32, 1);
    store(&mut model, through(1, 0), 32, 2);
    // Neither was colour 0 clean before the write, nor is colour 1 written back after it.
    maintain(&mut model, Op::WriteBack, through(0, 0), 32);
    let found = device_read(&mut model, 4);
    assert_eq!(kinds(&found), [Kind::StaleDeviceRead, Kind::LostWrite]);
}

#[test]
fn dropped_zeros_show_when_the_device_writes_only_a_part() {
    let mut model = vipt();
    store(&mut model, through(0, 0), 32, 1);
    maintain(&mut model, Op::Invalidate, through(0, 0), 32);
    device_write(&mut model, 16);
    assert_eq!(load(&mut model, through(0, 0), 16), []);
    let found = load(&mut model, through(0, 16), 16);
    assert_eq!(kinds(&found), [Kind::DiscardedWrite]);
    assert_eq!(
        found[0].cause,
        Cause::Discarded {
            alias: Alias::Colour(0),
            by: Site::new(99)
        }
    );
}

#[test]
fn a_deliberate_discard_is_silent() {
    let mut model = vipt();
    store(&mut model, through(0, 0), 4096, 1);
    maintain(&mut model, Op::Invalidate, through(0, 0), 4096);
    for word in 0..1024 {
        store(&mut model, through(1, word * 4), 4, 2);
    }
    assert_eq!(load(&mut model, through(1, 0), 4096), []);
}

#[test]
fn false_sharing_of_a_line_with_a_device() {
    let mut model = vipt();
    device_write(&mut model, 16);
    store(&mut model, through(0, 16), 4, 1);
    assert_eq!(load(&mut model, through(0, 0), 32), []);
    device_write(&mut model, 16);
    let found = load(&mut model, through(0, 0), 16);
    assert_eq!(
        kinds(&found),
        [Kind::LostWrite],
        "the whole line is written back, the device's bytes too"
    );
}

#[test]
fn an_invalidate_before_the_transfer_does_not_help_against_speculation() {
    let run = |mut model: Model| {
        assert_eq!(load(&mut model, through(1, 0), 4), []);
        maintain(&mut model, Op::Invalidate, through(1, 0), 32);
        device_write(&mut model, 32);
        kinds(&load(&mut model, through(1, 0), 4))
    };
    assert_eq!(run(vipt()), []);
    assert_eq!(run(speculative()), [Kind::StaleRead]);
}

#[test]
fn speculation_follows_the_translation() {
    let mut model = speculative();
    // The page's vmap address is given to another page; only then does the device write the first one.
    let other = Address {
        paddr: PAGE + 0x10_0000,
        ..through(1, 0)
    };
    assert_eq!(load(&mut model, through(1, 0), 4), []);
    assert_eq!(load(&mut model, other, 4), []);
    maintain(&mut model, Op::Invalidate, through(1, 0), 32);
    device_write(&mut model, 32);
    assert_eq!(load(&mut model, through(1, 0), 4), []);
}

#[test]
fn a_freed_page_may_be_read_but_not_written_under_a_dirty_line() {
    let mut model = vipt();
    store(&mut model, through(0, 0), 32, 1);
    model.apply(
        Event::Free {
            paddr: PAGE,
            len: 4096,
        },
        Site::NONE,
    );
    assert_eq!(load(&mut model, through(1, 0), 32), []);
    maintain(&mut model, Op::Invalidate, through(1, 0), 32);
    store(&mut model, through(1, 0), 32, 2);
    assert_eq!(
        kinds(&load(&mut model, through(1, 0), 4)),
        [Kind::LostWrite]
    );
}

#[test]
fn virtual_tags_need_a_flush_at_a_context_switch() {
    let geometry = Geometry::vivt(32, 4096, 4, false).expect("real");
    let at = |paddr, space| Address {
        vaddr: 0x1_0000,
        paddr,
        space,
    };
    for flush in [false, true] {
        let mut model = Model::new(Config::new(geometry)).expect("meaningful");
        store(&mut model, at(0x8000_0000, 1), 4, 1);
        if flush {
            model.apply(
                Event::WholeCache {
                    op: Op::WriteBackInvalidate,
                },
                Site::NONE,
            );
        }
        let expected: &[Kind] = if flush { &[] } else { &[Kind::Homonym] };
        assert_eq!(kinds(&load(&mut model, at(0x8000_1000, 2), 4)), expected);
    }
}

#[test]
fn a_loop_over_sets_and_ways_counts_when_complete() {
    let mut model = vipt();
    store(&mut model, through(1, 0), 4, 1);
    // Index bits 5 to 12 of the virtual address.
    let set = (through(1, 0).vaddr >> 5 & 255) as u32;
    for way in 0..4 {
        assert_eq!(
            kinds(&device_read(&mut model, 4)),
            [Kind::StaleDeviceRead],
            "way {way} not done"
        );
        model.apply(
            Event::SetWay {
                op: Op::WriteBackInvalidate,
                set,
                sets: 1,
                way,
            },
            Site::NONE,
        );
    }
    assert_eq!(device_read(&mut model, 4), []);
}

/// The way that P5600 invalidates as much as its cache holds: way by way, in each of them set by set. When the first alias is
/// done, the second is in the last way, or has been filled since the device wrote.
#[test]
fn a_loop_over_sets_and_ways_leaves_no_old_copy_of_another_alias() {
    let mut model = speculative();
    let (linear, vmap) = (through(0, 0), through(1, 0));
    for at in [linear, vmap] {
        assert_eq!(load(&mut model, at, 4), []);
    }
    device_write(&mut model, 4096);
    for way in 0..4 {
        for set in (0..256).step_by(32) {
            let (op, sets) = (Op::WriteBackInvalidate, 32);
            model.apply(Event::SetWay { op, set, sets, way }, Site::NONE);
        }
    }
    for at in [linear, vmap] {
        assert_eq!(load(&mut model, at, 4096), []);
    }
}

#[test]
fn caches_that_do_not_alias_need_maintenance_for_devices_only() {
    for geometry in [Geometry::vipt(16, 1024, 4), Geometry::pipt(64, 16384, 2)] {
        let mut config = Config::new(geometry.expect("real"));
        for coherent in [false, true] {
            config.coherent_devices = coherent;
            let mut model = Model::new(config).expect("meaningful");
            store(&mut model, through(0, 0), 4, 1);
            assert_eq!(load(&mut model, through(1, 0), 4), []);
            let expected: &[Kind] = if coherent {
                &[]
            } else {
                &[Kind::StaleDeviceRead]
            };
            assert_eq!(kinds(&device_read(&mut model, 4)), expected);
        }
    }
}

#[test]
fn the_report_in_words() {
    let mut model = vipt();
    store(&mut model, through(1, 8), 4, 2);
    let found = device_read(&mut model, 32);
    let text = found[0]
        .explain(|site, f| write!(f, "f{}", site.id()))
        .to_string();
    assert_eq!(
        text,
        "stale device read\n  access by device: f50, physical 0x80004008, bytes 0xf00 of the line\n  should see the write: f2\n  \
         the value may be in a dirty line only: colour 1\n  missing: write back colour 1 between the write and the access"
    );
    assert_eq!(found[0].title().to_string(), "stale device read");
}

#[test]
fn writers_are_known_to_the_byte() {
    let mut model = vipt();
    for (offset, site) in [(0, 1), (1, 2), (3, 3), (4, 4)] {
        store(&mut model, through(1, offset), 1, site);
    }
    for (offset, site) in [(0, 1), (1, 2), (3, 3), (4, 4)] {
        let event = Event::DeviceRead {
            paddr: PAGE + offset,
            len: 1,
        };
        assert_eq!(model.apply(event, Site::NONE)[0].write, Site::new(site));
    }
}

#[test]
fn memory_grows_with_pages_touched_only() {
    let mut model = vipt();
    let empty = model.memory();
    // 512 pages, far apart, so that each needs an index of its own.
    for page in 0..512 {
        let at = Address {
            vaddr: page << 22,
            paddr: page << 30,
            space: 0,
        };
        store(&mut model, at, 4, 1);
        model.load(at, 4, Site::NONE);
    }
    let each = (model.memory() - empty) / 512;
    println!("{empty} bytes when empty, {each} for each page touched, its index of 4 KiB included");
    assert!(each < 12 << 10);
    store(&mut model, through(0, 0), 4096, 1);
    maintain(&mut model, Op::WriteBack, through(1, 0), 4096);
    let before = model.memory();
    for _ in 0..1000 {
        let flush = Event::WholeCache {
            op: Op::WriteBackInvalidate,
        };
        model.apply(flush, Site::NONE);
        store(&mut model, through(0, 0), 4, 1);
    }
    assert_eq!(model.memory(), before, "repeating oneself costs nothing");
}

/// Virtual tags, ways of 16 KiB: a page has other sets through another virtual page.
#[test]
fn a_line_of_a_loop_over_ways_does_not_outlive_its_alias() {
    let geometry = Geometry::vivt(32, 16384, 4, false).expect("real");
    let mut model = Model::new(Config::new(geometry)).expect("meaningful");
    let through = |page: u64| Address {
        vaddr: 0xc000_0000 + page * 0x1000,
        paddr: PAGE,
        space: 0,
    };
    let op = Op::WriteBackInvalidate;
    let way = |model: &mut Model, way| {
        let event = Event::SetWay {
            op,
            set: 0,
            sets: 1,
            way,
        };
        assert_eq!(model.apply(event, Site::new(9)), []);
    };
    // In the middle of a loop over its set's ways the line of page 0 is accessed, so that it may be in any way again.
    way(&mut model, 0);
    store(&mut model, through(0), 4, 1);
    (1..4).for_each(|number| way(&mut model, number));
    maintain(&mut model, op, through(0), 4);
    // Its page's other aliases get as many as the model keeps at once; page 5 has another set, and the index of page 0.
    for page in [4, 8, 12] {
        load(&mut model, through(page), 4);
    }
    model.apply(
        Event::Free {
            paddr: PAGE,
            len: 4,
        },
        Site::new(8),
    );
    store(&mut model, through(5), 4, 2);
    way(&mut model, 0);
    assert_eq!(kinds(&device_read(&mut model, 4)), [Kind::StaleDeviceRead]);
}
