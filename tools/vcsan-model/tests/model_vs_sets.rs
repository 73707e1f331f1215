// SPDX-License-Identifier: GPL-2.0-only
//! Soundness and precision of the whole model, a bounded number of events; the benchmark `executions` runs many more.

mod reference;
mod rng;
mod versus_sets;

#[test]
fn reports_exactly_what_can_go_wrong() {
    const EVENTS: usize = 2_000;
    for setup in versus_sets::setups() {
        let stats = versus_sets::run(&setup, 1, EVENTS);
        println!(
            "{}: {EVENTS} events, {stats:?}; equal throughout",
            setup.name
        );
        assert!(
            stats.hazards > EVENTS / 100,
            "{}: too little went wrong to test anything",
            setup.name
        );
        // Where mappings end after each access, shortcuts do as well.
        let unmaps =
            setup.speculative != 0 && setup.speculative.count_ones() < setup.aliases as u32;
        let least = if unmaps { 0 } else { EVENTS / 100 };
        assert!(
            stats.fast > least,
            "{}: too little went the fast way: {stats:?}",
            setup.name
        );
    }
}
