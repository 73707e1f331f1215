// SPDX-License-Identifier: GPL-2.0-only
//! No input makes the model panic, and geometries that don't exist are refused.

use proptest::prelude::*;
use vcsan_model::geometry::PAGE_SIZE;
use vcsan_model::{Address, Config, ConfigError, Event, Geometry, Mode, Model, Op, Site};

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        Just(Op::WriteBack),
        Just(Op::Invalidate),
        Just(Op::WriteBackInvalidate)
    ]
}

fn address() -> impl Strategy<Value = Address> {
    // Most meet.
    let number = || {
        prop_oneof![
            1 => any::<u64>(),
            8 => 0..0x4000_u64,
            1 => u64::MAX - 0x2000..=u64::MAX
        ]
    };
    let space = prop_oneof![4 => Just(0), 1 => any::<u32>()];
    (number(), number(), space).prop_map(|(vaddr, paddr, space)| Address {
        vaddr,
        paddr,
        space,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let len = || 0..300_u32;
    prop_oneof![
        (address(), len()).prop_map(|(at, len)| Event::Load { at, len }),
        (address(), len()).prop_map(|(at, len)| Event::Store { at, len }),
        (any::<u64>(), len()).prop_map(|(paddr, len)| Event::UncachedLoad { paddr, len }),
        (any::<u64>(), len()).prop_map(|(paddr, len)| Event::UncachedStore { paddr, len }),
        (any::<u64>(), len()).prop_map(|(paddr, len)| Event::DeviceRead { paddr, len }),
        (any::<u64>(), len()).prop_map(|(paddr, len)| Event::DeviceWrite { paddr, len }),
        (op(), address(), len()).prop_map(|(op, at, len)| Event::Maintain { op, at, len }),
        (op(), any::<u32>(), any::<u32>(), any::<u32>())
            .prop_map(|(op, set, sets, way)| { Event::SetWay { op, set, sets, way } }),
        op().prop_map(|op| Event::WholeCache { op }),
        address().prop_map(|at| Event::Map { at }),
        (any::<u64>(), any::<u32>()).prop_map(|(vaddr, space)| Event::Unmap { vaddr, space }),
        (any::<u64>(), len()).prop_map(|(paddr, len)| Event::Free { paddr, len }),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let geometry = (
        prop_oneof![Just(16), Just(32), Just(64)],
        6..15_u32,
        1..9_u32,
        0..4,
    )
        .prop_map(|(line, way, ways, kind)| {
            let way = 1 << way;
            match kind {
                0 => Geometry::pipt(line, way, ways),
                1 => Geometry::vipt(line, way, ways),
                2 => Geometry::vivt(line, way, ways, way % 3 == 0),
                _ => Geometry::parisc(line, 4 << 20, ways),
            }
            .expect("all of these exist")
        });
    (geometry, any::<bool>()).prop_map(|(geometry, speculative)| {
        let mode = if speculative {
            Mode::Speculative
        } else {
            Mode::Architectural
        };
        Config {
            mode,
            ..Config::new(geometry)
        }
    })
}

/// Words side by side in one page, from an offset on, that are read or written.
fn words() -> impl Strategy<Value = (usize, u32, bool)> {
    let words = (PAGE_SIZE / 4) as usize;
    (0..words, 0..70_usize, any::<bool>()).prop_map(move |(first, more, store)| {
        let count = (1 + more).min(words - first);
        (4 * first, count as u32, store)
    })
}

/// Tells the fast path of accesses, as a caller does who remembers where an address leads to.
fn take_fast(model: &mut Model, at: Address, words: (usize, u32, bool), site: Site) {
    let (offset, count, store) = words;
    let shortcut = model.shortcut(at);
    let Some(mut fast) = model.fast(shortcut) else {
        return;
    };
    let hits = match store {
        true => fast.store_words(offset, count, site) && fast.store(offset, 4, site),
        false => fast.loads(offset, 4 * count) && fast.load(offset, 4),
    };
    let taken = fast.access_words(offset, count, store, site);
    assert!(taken <= count);
    // What changes nothing is taken by whoever takes more, but for a tag that is shared.
    assert!(!hits || taken == count || taken == 0, "{taken} of {count}");
    if taken < count {
        let _taken = fast.access(offset + 4 * taken as usize, 4, store, site);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_event_panics(config in config(), events in prop::collection::vec((event(), address(), words()), 0..40)) {
        if let Ok(mut model) = Model::new(config) {
            for (n, (event, other, words)) in events.into_iter().enumerate() {
                let site = Site::new(n as u32);
                model.apply(event, site);
                // Where the event was, or where an earlier one may have been.
                let at = match event {
                    Event::Load { at, .. } | Event::Store { at, .. } => at,
                    _ => other,
                };
                take_fast(&mut model, at, words, site);
            }
        }
    }
}

#[test]
fn what_does_not_exist_is_refused() {
    assert!(Geometry::vipt(24, 8192, 4).is_err());
    assert!(Geometry::vipt(32, 6000, 4).is_err());
    assert!(Geometry::vipt(32, 16, 4).is_err());
    assert!(Geometry::vipt(32, 8192, 0).is_err());
    assert!(Geometry::parisc(32, 1000, 0).is_err());
    let vivt = Config::new(Geometry::vivt(32, 4096, 4, false).expect("real"));
    let speculative = Model::new(Config {
        mode: Mode::Speculative,
        ..vivt
    });
    assert_eq!(speculative.err(), Some(ConfigError::SpeculativeVirtualTags));
    let coherent = Model::new(Config {
        coherent_devices: true,
        ..vivt
    });
    assert_eq!(coherent.err(), Some(ConfigError::CoherentAliases));
}
