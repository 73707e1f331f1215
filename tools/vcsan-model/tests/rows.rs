// SPDX-License-Identifier: GPL-2.0-only
//! What is told together against the same told one by one: rows of words, ranges of lines, ways of several sets.
//!
//! Two models get the same events, one in rows as far as it takes them, and must know the same afterwards.

mod rng;

use rng::Rng;
use vcsan_model::{Address, Config, Event, Geometry, Hazard, Mode, Model, Op, Site};

const BASE: u64 = 0x8000_0000;
const PAGES: u64 = 2;

/// Accesses to words side by side: in a row if the model takes it, the rest one by one.
fn in_a_row(model: &mut Model, at: Address, count: u32, store: bool, site: Site) -> Vec<Hazard> {
    let by = model.shortcut(at);
    let offset = (at.paddr % 4096) as usize;
    let taken = model
        .fast(by)
        .map_or(0, |mut fast| fast.access_words(offset, count, store, site));
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

fn same(a: &Model, b: &Model, step: u32) {
    let line = u64::from(a.config().geometry.line());
    for paddr in (BASE..BASE + PAGES * 4096).step_by(line as usize) {
        assert_eq!(a.line(paddr), b.line(paddr), "{paddr:#x}, step {step}");
    }
}

fn compare(config: Config, steps: u32, seed: u64) -> u32 {
    let mut rng = Rng::new(seed);
    let (mut rows, mut ones) = (Model::new(config).unwrap(), Model::new(config).unwrap());
    let line = u64::from(config.geometry.line());
    let mut hazards = 0;
    for step in 0..steps {
        let page = rng.below(PAGES);
        // Two aliases of each page, of different colour or tag.
        let alias = 0x10_0000 + rng.below(2) * 0x1000 + page * 0x1_0000;
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
                    in_a_row(&mut rows, at, count, store, site),
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
                let sets = if rng.below(2) == 0 {
                    sets
                } else {
                    few.min(sets)
                };
                let mut found = (Vec::new(), Vec::new());
                for way in 0..ways {
                    let event = |set, sets| Event::SetWay { op, set, sets, way };
                    found.0.extend_from_slice(rows.apply(event(0, sets), site));
                    for set in 0..sets {
                        found.1.extend_from_slice(ones.apply(event(set, 1), site));
                    }
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
                let paddr = at.paddr;
                if rows.fast_words_past_cache(paddr, count, true, site) {
                    for word in 0..count {
                        let paddr = paddr + 4 * u64::from(word);
                        let event = Event::UncachedStore { paddr, len: 4 };
                        assert_eq!(ones.apply(event, Site::new(site.id() + word)), []);
                    }
                }
                (Vec::new(), Vec::new())
            }
        };
        assert_eq!(found.0, found.1, "step {step}");
        hazards += found.0.len() as u32;
        same(&rows, &ones, step);
    }
    hazards
}

#[test]
fn rows_are_as_good_as_one_by_one() {
    for (name, geometry) in [
        ("vipt, lines of 16", Geometry::vipt(16, 8192, 2)),
        ("vipt, lines of 32", Geometry::vipt(32, 8192, 4)),
        ("vivt", Geometry::vivt(32, 4096, 4, false)),
        ("parisc", Geometry::parisc(32, 4 << 20, 0)),
        ("pipt, lines of 64", Geometry::pipt(64, 8192, 2)),
    ] {
        let config = Config::new(geometry.unwrap());
        let hazards: u32 = (0..8).map(|seed| compare(config, 1500, seed)).sum();
        println!("{name}: 12000 rows, {hazards} hazards");
    }
    let speculative = Config {
        mode: Mode::Speculative,
        ..Config::new(Geometry::vipt(32, 8192, 4).unwrap())
    };
    println!("speculative: {} hazards", compare(speculative, 1500, 1));
}
