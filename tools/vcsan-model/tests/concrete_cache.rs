// SPDX-License-Identifier: GPL-2.0-only
//! Soundness against concrete caches, a bounded number of events; the benchmark `executions` runs many more.

mod cells;
mod concrete;
mod rng;

/// Events of each run.
const EVENTS: u64 = 2_000;
const SEEDS: u64 = 16;

#[test]
fn no_wrong_data_without_a_report() {
    for shape in concrete::shapes() {
        let mut all = concrete::Stats::default();
        for seed in 0..SEEDS {
            let stats = concrete::run(&shape, seed, EVENTS);
            all.reads += stats.reads;
            all.wrong += stats.wrong;
            all.reported += stats.reported;
            all.homonyms += stats.homonyms;
            all.loops += stats.loops;
        }
        println!("{}: {all:?}", shape.name);
        let name = &shape.name;
        let events = SEEDS * EVENTS;
        assert!(all.reads > events / 4, "{name}: too few reads: {all:?}");
        assert!(all.wrong > 0, "{name}: nothing ever went wrong: {all:?}");
        let loops = shape.config.geometry.sets() != 0;
        assert!(
            !loops || all.loops > SEEDS,
            "{name}: too few loops: {all:?}"
        );
        let homonyms = !shape.virtual_tags || all.homonyms > SEEDS;
        assert!(homonyms, "{name}: too few hits on wrong lines: {all:?}");
    }
}
