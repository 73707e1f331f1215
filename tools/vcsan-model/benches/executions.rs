// SPDX-License-Identifier: GPL-2.0-only
//! The comparisons of the tests, over at least ten million random events: `cargo bench --bench executions [-- MILLIONS]`.
//!
//! Stops with a panic at the first difference.

#[path = "../tests/cells/mod.rs"]
mod cells;
#[path = "../tests/concrete/mod.rs"]
mod concrete;
#[path = "../tests/reference/mod.rs"]
mod reference;
#[path = "../tests/rng/mod.rs"]
mod rng;
#[path = "../tests/versus_sets/mod.rs"]
mod versus_sets;

use std::time::Instant;

fn main() {
    // Cargo adds `--bench`.
    let millions = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse::<u64>().ok())
        .unwrap_or(10);
    let setups = versus_sets::setups();
    let shapes = concrete::shapes();
    // Half of the events for each comparison.
    let each = (millions * 500_000).div_ceil(setups.len() as u64);
    let mut total = 0;
    for setup in &setups {
        let start = Instant::now();
        let stats = versus_sets::run(setup, 42, each as usize);
        println!(
            "against all executions, {}: {each} events, {stats:?}: equal throughout ({:.1?})",
            setup.name,
            start.elapsed()
        );
        total += each;
    }
    let each = (millions * 500_000).div_ceil(shapes.len() as u64);
    for shape in shapes {
        let start = Instant::now();
        let stats = concrete::run(&shape, 42, each);
        println!(
            "against a cache, {}: {each} events, {stats:?}: nothing wrong unreported ({:.1?})",
            shape.name,
            start.elapsed()
        );
        total += each;
    }
    println!("{total} events in all");
}
