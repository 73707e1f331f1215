// SPDX-License-Identifier: GPL-2.0-only
//! The whole model, through its public interface, against the explicit sets of concrete states: random events on a few
//! lines, every answer compared both ways.

use crate::reference::{Sets, World};
use crate::rng::Rng;
use std::collections::BTreeMap;
use vcsan_model::config::{Config, LinearMap, Mode};
use vcsan_model::event::{Address, Event, Op, Site};
use vcsan_model::geometry::Geometry;
use vcsan_model::hazard::{Hazard, Kind};
use vcsan_model::line::LineEvent;
use vcsan_model::model::{Model, Shortcut};

/// Two pages, of which the two lines at this offset are used: as far apart as it gets.
const FRAMES: u64 = 2;
const LINES: [u64; 2] = [0, 255];
const LINE: u64 = 16;
const BASE: u64 = 0x8000_0000;
/// A reference byte stands for this many: the reference sees the line as two parts.
const PART: u64 = LINE / 2;

/// How the world looks to the reference.
pub struct Setup {
    pub name: &'static str,
    pub config: Config,
    /// Virtual page of (frame, alias, synonym): synonyms share the alias.
    pub vaddr: fn(frame: u64, alias: usize, synonym: u64) -> u64,
    pub aliases: usize,
    /// Aliases that hardware may fill at any moment, from the start on. The others, in speculative mode, are mapped for
    /// single accesses only.
    pub speculative: u32,
}

/// How much happened in a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Events with hazards.
    pub hazards: usize,
    /// Sets of concrete states.
    pub sets: usize,
    /// Accesses that the fast path took.
    pub fast: usize,
}

/// Random events on both; panics where they differ.
pub fn run(setup: &Setup, seed: u64, events: usize) -> Stats {
    let mut rng = Rng::new(seed);
    let mut model = Model::new(setup.config).expect("a meaningful configuration");
    let mut sets = Sets::new(World {
        bytes: 2,
        copies: setup.aliases,
        speculative: setup.speculative,
        causes: false,
    });
    let mut lines = vec![0; FRAMES as usize * LINES.len()];
    let speculates = setup.config.mode == Mode::Speculative;
    for alias in (0..setup.aliases).filter(|alias| setup.speculative >> alias & 1 == 1) {
        for (frame, synonym) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let at = Address {
                vaddr: (setup.vaddr)(frame, alias, synonym),
                paddr: BASE + frame * 4096,
                space: 0,
            };
            model.apply(Event::Map { at }, Site::NONE);
        }
    }
    let mut shortcuts = BTreeMap::new();
    let mut stats = Stats::default();
    for step in 0..events {
        let frame = rng.below(FRAMES);
        let line = rng.below(2) as usize;
        let alias = rng.below(setup.aliases as u64) as usize;
        let part = rng.below(3);
        let (bytes, offset, len) = [(1, 0, PART), (2, PART, PART), (3, 0, LINE)][part as usize];
        let offset = LINES[line] * LINE + offset;
        let at = Address {
            vaddr: (setup.vaddr)(frame, alias, rng.below(2)) + offset,
            paddr: BASE + frame * 4096 + offset,
            space: 0,
        };
        let len = len as u32;
        let op = [Op::WriteBack, Op::Invalidate, Op::WriteBackInvalidate][rng.below(3) as usize];
        let line_op = |copy| match op {
            Op::WriteBack => LineEvent::WriteBack { copy },
            Op::Invalidate => LineEvent::Invalidate { copy },
            Op::WriteBackInvalidate => LineEvent::WriteBackInvalidate { copy },
        };
        let here = frame as usize * LINES.len() + line;
        let (event, effects): (Event, Vec<(usize, LineEvent)>) = match rng.below(20) {
            0..6 => (
                Event::Load { at, len },
                vec![(here, LineEvent::Load { copy: alias, bytes })],
            ),
            6..10 => (
                Event::Store { at, len },
                vec![(here, LineEvent::Store { copy: alias, bytes })],
            ),
            10 => (
                Event::DeviceRead {
                    paddr: at.paddr,
                    len,
                },
                vec![(here, LineEvent::MemoryRead { bytes })],
            ),
            11 => (
                Event::UncachedLoad {
                    paddr: at.paddr,
                    len,
                },
                vec![(here, LineEvent::MemoryRead { bytes })],
            ),
            12 => (
                Event::DeviceWrite {
                    paddr: at.paddr,
                    len,
                },
                vec![(here, LineEvent::MemoryWrite { bytes })],
            ),
            13 => (
                Event::UncachedStore {
                    paddr: at.paddr,
                    len,
                },
                vec![(here, LineEvent::MemoryWrite { bytes })],
            ),
            14 => (
                Event::Free {
                    paddr: at.paddr,
                    len,
                },
                vec![(here, LineEvent::Forget { bytes })],
            ),
            15 => (Event::WholeCache { op }, Vec::new()),
            _ => (
                Event::Maintain { op, at, len },
                vec![(here, line_op(alias))],
            ),
        };
        let site = Site::new(step as u32 + 1);
        let found = if rng.below(2) == 0 {
            model.apply(event, site).to_vec()
        } else {
            tell(&mut model, &mut shortcuts, event, site, &mut stats.fast)
        };
        if matches!(event, Event::WholeCache { .. }) {
            // The aliases of a line are met in any order.
            assert_eq!(found, []);
            for set in &mut lines {
                let all = 0..setup.aliases;
                let there = all
                    .clone()
                    .fold(*set, |set, copy| sets.step(set, line_op(copy)).0);
                let back = all
                    .rev()
                    .fold(*set, |set, copy| sets.step(set, line_op(copy)).0);
                *set = sets.union(there, back);
            }
        }
        for (line, effect) in effects {
            let (next, truth) = sets.step(lines[line], effect);
            lines[line] = next;
            let context = || {
                format!("seed {seed}, step {step}: {event:x?} reported {found:x?}, truth {truth:?}")
            };
            let mask = |kinds: &[Kind]| {
                let bytes = found
                    .iter()
                    .filter(|h| kinds.contains(&h.kind))
                    .fold(0, |bytes, h| bytes | h.bytes);
                (bytes & 0xff != 0) as u64 | ((bytes >> PART & 0xff != 0) as u64) << 1
            };
            let stale = mask(&[Kind::StaleRead, Kind::StaleDeviceRead]);
            let lost = mask(&[Kind::LostWrite, Kind::DiscardedWrite]);
            assert_eq!(stale | lost, truth.wrong, "{}", context());
            assert_eq!(lost, truth.wrong_when_lost, "{}", context());
            for hazard in &found {
                assert_eq!(hazard.access, Site::new(step as u32 + 1));
                assert_eq!(hazard.line, at.paddr / LINE * LINE);
            }
            stats.hazards += usize::from(!found.is_empty());
        }
        let cached = matches!(event, Event::Load { .. } | Event::Store { .. });
        if speculates && cached && setup.speculative >> alias & 1 == 0 {
            // While the page was mapped, any of its lines may have been filled.
            model.apply(
                Event::Unmap {
                    vaddr: at.vaddr,
                    space: 0,
                },
                Site::NONE,
            );
            for line in 0..LINES.len() {
                let here = frame as usize * LINES.len() + line;
                lines[here] = sets
                    .step(
                        lines[here],
                        LineEvent::Load {
                            copy: alias,
                            bytes: 0,
                        },
                    )
                    .0;
            }
        }
    }
    stats.sets = sets.len();
    stats
}

/// Tells the model of an event as a caller does that remembers translations: accesses the short way, if there is one.
fn tell(
    model: &mut Model,
    shortcuts: &mut BTreeMap<(u64, u64), Shortcut>,
    event: Event,
    site: Site,
    taken: &mut usize,
) -> Vec<Hazard> {
    let (at, len, store) = match event {
        Event::Load { at, len } => (at, len, false),
        Event::Store { at, len } => (at, len, true),
        _ => return model.apply(event, site).to_vec(),
    };
    let offset = (at.paddr % 4096) as usize;
    let translation = (at.vaddr / 4096, at.paddr / 4096);
    let by = shortcuts.get(&translation).copied();
    if let Some(mut fast) = by.and_then(|by| model.fast(by)) {
        let words = len / 4;
        let in_words =
            site.id().is_multiple_of(2) && len.is_multiple_of(4) && offset.is_multiple_of(4);
        if in_words && fast.access_words(offset, words, store, site) == words {
            *taken += 1;
            return Vec::new();
        }
        let hit = if store {
            fast.store(offset, len, site)
        } else {
            fast.load(offset, len)
        };
        if hit || fast.access(offset, len, store, site) {
            *taken += 1;
            return Vec::new();
        }
    }
    let found = model.apply(event, site).to_vec();
    shortcuts.insert(translation, model.shortcut(at));
    found
}

/// All setups that are compared.
pub fn setups() -> Vec<Setup> {
    let config = |geometry: Result<Geometry, _>| Config::new(geometry.expect("a real cache"));
    let vipt = config(Geometry::vipt(16, 8192, 4));
    let by_colour = |frame, alias, synonym| {
        0x10_0000 + frame * 0x4_0000 + synonym * 0x1_0000 + alias as u64 * 4096
    };
    let speculative = Config {
        mode: Mode::Speculative,
        ..vipt
    };
    let linear = Some(LinearMap {
        vaddr: 0,
        paddr: BASE,
        len: 1 << 20,
    });
    let setup = |name, config, vaddr, speculative| Setup {
        name,
        config,
        vaddr,
        aliases: 2,
        speculative,
    };
    vec![
        setup("vipt", vipt, by_colour, 0),
        setup(
            "vipt, speculative, all mapped",
            speculative,
            by_colour,
            0b11,
        ),
        setup(
            "vipt, speculative, one mapped",
            speculative,
            by_colour,
            0b01,
        ),
        // Alias 0 is the linear map.
        setup(
            "vipt, speculative, linear map",
            Config {
                linear,
                ..speculative
            },
            |frame, alias, synonym| (frame ^ alias as u64) * 4096 + synonym * 0x1_0000,
            0b01,
        ),
        setup(
            "vivt",
            config(Geometry::vivt(16, 4096, 4, false)),
            |frame, alias, _| 0x10_0000 + frame * 0x4_0000 + alias as u64 * 0x1_0000,
            0,
        ),
        setup(
            "parisc",
            config(Geometry::parisc(16, 4 << 20, 0)),
            |frame, alias, synonym| {
                synonym * (4 << 20) + frame * 0x4_0000 + alias as u64 * 0x20_0000
            },
            0,
        ),
        Setup {
            name: "pipt",
            config: config(Geometry::pipt(16, 8192, 2)),
            vaddr: |frame, _, synonym| frame * 0x4_0000 + synonym * 0x1000,
            aliases: 1,
            speculative: 0,
        },
    ]
}
