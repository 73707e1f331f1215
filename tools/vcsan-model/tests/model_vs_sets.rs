// SPDX-License-Identifier: GPL-2.0-only
//! Soundness and precision of the whole model, a bounded number of events; the benchmark `executions` runs many more.

mod reference;
mod rng;
mod versus_sets;

#[test]
fn reports_exactly_what_can_go_wrong() {
    const EVENTS: usize = 2_000;
    for setup in versus_sets::setups() {
        let (hazards, sets) = versus_sets::run(&setup, 1, EVENTS);
        println!(
            "{}: {EVENTS} events, {hazards} with hazards, {sets} sets of concrete states; equal throughout",
            setup.name
        );
        assert!(
            hazards > EVENTS / 100,
            "{}: too little went wrong to test anything",
            setup.name
        );
    }
}
