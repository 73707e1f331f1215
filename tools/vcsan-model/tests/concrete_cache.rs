// SPDX-License-Identifier: GPL-2.0-only
//! Soundness against concrete caches, a bounded number of events; the benchmark `executions` runs many more.

mod concrete;
mod rng;

#[test]
fn no_wrong_data_without_a_report() {
    const EVENTS: u64 = 4_000;
    for shape in concrete::shapes() {
        let stats = concrete::run(shape, 7, EVENTS);
        println!("{}: {stats:?}", shape.name);
        assert!(
            stats.wrong > 0,
            "{}: nothing ever went wrong, so nothing was tested",
            shape.name
        );
    }
}
