// SPDX-License-Identifier: GPL-2.0-only
//! What is told together against the same told one by one: rows of words, ranges of lines, ways of several sets.
//!
//! Two models get the same events, one in rows as far as it takes them, and must know the same afterwards.

mod cells;
mod rng;

use rng::Rng;
use std::ops::Range;
use vcsan_model::{Address, Config, Event, Geometry, Hazard, LinearMap, Mode, Model, Op, Site};

const BASE: u64 = 0x8000_0000;
const PAGES: u64 = 2;
/// Where the linear map is.
const LINEAR: u64 = 0xc000_0000;
/// Further ones, for accesses past the cache, and loads through the linear map.
const FRESH: u64 = 64;

/// How much went which way.
#[derive(Debug, Default, Clone, Copy)]
struct Stats {
    /// Words through the cache, and those of them that were taken in rows.
    words: u32,
    in_rows: u32,
    /// Rows of words past the cache, and those of them that were taken.
    uncached: u32,
    uncached_rows: u32,
    hazards: u32,
}

/// Accesses to words side by side: in a row if the model takes it, the rest one by one.
fn in_a_row(
    model: &mut Model,
    at: Address,
    count: u32,
    store: bool,
    site: Site,
    stats: &mut Stats,
) -> Vec<Hazard> {
    let by = model.shortcut(at);
    let offset = (at.paddr % 4096) as usize;
    let taken = model
        .fast(by)
        .map_or(0, |mut fast| fast.access_words(offset, count, store, site));
    stats.words += count;
    stats.in_rows += taken;
    one_by_one(model, at, taken, count, store, site)
}

fn one_by_one(
    model: &mut Model,
    at: Address,
    from: u32,
    count: u32,
    store: bool,
    site: Site,
) -> Vec<Hazard> {
    let mut hazards = Vec::new();
    for word in from..count {
        let at = Address {
            vaddr: at.vaddr + 4 * u64::from(word),
            paddr: at.paddr + 4 * u64::from(word),
            space: 0,
        };
        let event = if store {
            Event::Store { at, len: 4 }
        } else {
            Event::Load { at, len: 4 }
        };
        hazards.extend_from_slice(model.apply(event, Site::new(site.id() + word)));
    }
    hazards
}

fn same(a: &Model, b: &Model, pages: Range<u64>, step: u32) {
    let line = u64::from(a.config().geometry.line());
    let bytes = BASE + pages.start * 4096..BASE + pages.end * 4096;
    for paddr in bytes.step_by(line as usize) {
        assert_eq!(a.line(paddr), b.line(paddr), "{paddr:#x}, step {step}");
    }
}

fn compare(config: Config, steps: u32, seed: u64, stats: &mut Stats) {
    let mut rng = Rng::new(seed);
    let (mut rows, mut ones) = (Model::new(config).unwrap(), Model::new(config).unwrap());
    let line = u64::from(config.geometry.line());
    for step in 0..steps {
        let page = rng.below(PAGES);
        // Two aliases of each page, of different colour or tag.
        let (page, alias) = match rng.below(16) {
            // The linear map.
            0 => {
                let page = rng.below(PAGES + FRESH);
                (page, LINEAR + page * 4096)
            }
            _ => (page, 0x10_0000 + rng.below(2) * 0x1000 + page * 0x1_0000),
        };
        // Near each other, so that rows meet.
        let word = rng.below(40);
        let count = (1 + rng.below(24)) as u32;
        let at = Address {
            vaddr: alias + 4 * word,
            paddr: BASE + page * 4096 + 4 * word,
            space: 0,
        };
        let site = Site::new(1 + step * 64);
        let op = [Op::WriteBack, Op::Invalidate, Op::WriteBackInvalidate][rng.below(3) as usize];
        let found = match rng.below(12) {
            kind @ 0..7 => {
                let store = kind < 4;
                (
                    in_a_row(&mut rows, at, count, store, site, stats),
                    one_by_one(&mut ones, at, 0, count, store, site),
                )
            }
            7 | 8 => {
                let len = 4 * count;
                let together = rows.apply(Event::Maintain { op, at, len }, site).to_vec();
                let (first, end) = (at.paddr & !(line - 1), at.paddr + u64::from(len));
                let mut each = Vec::new();
                for paddr in (first..end).step_by(line as usize) {
                    let vaddr = alias + paddr % 4096;
                    let at = Address {
                        vaddr,
                        paddr,
                        space: 0,
                    };
                    let event = Event::Maintain { op, at, len: 1 };
                    each.extend_from_slice(ones.apply(event, site));
                }
                (together, each)
            }
            9 => {
                // All ways of all sets, or of a few.
                let (sets, ways) = (config.geometry.sets(), config.geometry.ways());
                let few = 1 + rng.below(8) as u32;
                let (first, sets) = match rng.below(3) {
                    0 => (0, few.min(sets)),
                    1 => (rng.below(sets.max(1).into()) as u32, few.min(sets)),
                    _ => (0, sets),
                };
                let mut found = (Vec::new(), Vec::new());
                for way in 0..ways {
                    let event = |place, sets| Event::SetWay {
                        op,
                        set: first + place,
                        sets,
                        way,
                    };
                    found.0.extend_from_slice(rows.apply(event(0, sets), site));
                    for set in 0..sets {
                        found.1.extend_from_slice(ones.apply(event(set, 1), site));
                    }
                }
                found
            }
            10 if rng.below(4) == 0 => {
                // Everything in order again, as most of it is in a guest.
                let op = Op::WriteBackInvalidate;
                let (paddr, len) = (BASE, (PAGES * 4096) as u32);
                let mut found = (Vec::new(), Vec::new());
                for event in [Event::WholeCache { op }, Event::Free { paddr, len }] {
                    found.0.extend_from_slice(rows.apply(event, site));
                    found.1.extend_from_slice(ones.apply(event, site));
                }
                found
            }
            10 => {
                let paddr = at.paddr;
                let event = Event::DeviceWrite { paddr, len: 32 };
                (
                    rows.apply(event, site).to_vec(),
                    ones.apply(event, site).to_vec(),
                )
            }
            _ => {
                // Now and then pages that the model has not met yet, of which speculation may have lines.
                let page = match rng.below(4) {
                    0 => PAGES + u64::from(step) % FRESH,
                    _ => page,
                };
                let paddr = BASE + page * 4096 + 4 * word;
                let store = rng.below(2) == 0;
                let past = |model: &mut Model| {
                    let mut hazards = Vec::new();
                    for word in 0..count {
                        let paddr = paddr + 4 * u64::from(word);
                        let event = match store {
                            true => Event::UncachedStore { paddr, len: 4 },
                            false => Event::UncachedLoad { paddr, len: 4 },
                        };
                        hazards.extend_from_slice(model.apply(event, Site::new(site.id() + word)));
                    }
                    hazards
                };
                stats.uncached += 1;
                let taken = rows.fast_words_past_cache(paddr, count, store, site);
                stats.uncached_rows += u32::from(taken);
                let together = if taken { Vec::new() } else { past(&mut rows) };
                (together, past(&mut ones))
            }
        };
        assert_eq!(found.0, found.1, "step {step}");
        stats.hazards += found.0.len() as u32;
        same(&rows, &ones, 0..PAGES, step);
    }
    same(&rows, &ones, 0..PAGES + FRESH, steps);
}

/// Every step in a line of its own is slow, so pages are many and steps few.
const STEPS: u32 = 1_000;
const SEEDS: u64 = 4;

#[test]
fn rows_are_as_good_as_one_by_one() {
    let cells = cells::all()
        .into_iter()
        .map(|(name, cell)| (name, cell.geometry));
    let others = [
        ("vipt, lines of 16", Geometry::vipt(16, 8192, 2)),
        ("vivt, 4 KiB ways", Geometry::vivt(32, 4096, 4, false)),
    ];
    let others = others.map(|(name, geometry)| (name.to_owned(), geometry.unwrap()));
    for (name, geometry) in cells.chain(others) {
        for mode in [Mode::Architectural, Mode::Speculative] {
            let speculates = mode == Mode::Speculative;
            let config = Config {
                mode,
                linear: speculates.then_some(LinearMap {
                    vaddr: LINEAR,
                    paddr: BASE,
                    len: 1 << 28,
                }),
                ..Config::new(geometry)
            };
            if Model::new(config).is_err() {
                // Virtual tags don't speculate.
                continue;
            }
            let mut stats = Stats::default();
            (0..SEEDS).for_each(|seed| compare(config, STEPS, seed, &mut stats));
            println!("{name}, {mode:?}: {stats:?}");
            assert!(stats.hazards > 100, "{name}, {mode:?}: {stats:?}");
            // Where hardware may fill lines at any moment, only hits are taken, and nothing past the cache.
            let (least, past) = if speculates { (50, 0) } else { (10, 8) };
            assert!(
                stats.in_rows > stats.words / least,
                "{name}, {mode:?}: {stats:?}"
            );
            let fits = match past {
                0 => stats.uncached_rows == 0,
                least => stats.uncached_rows > stats.uncached / least,
            };
            assert!(fits, "{name}, {mode:?}: {stats:?}");
        }
    }
}
