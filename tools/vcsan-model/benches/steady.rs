// SPDX-License-Identifier: GPL-2.0-only
//! Events a second on one core: the steady state of hits, and what is slower.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use vcsan_model::config::Config;
use vcsan_model::event::{Address, Event, Op, Site};
use vcsan_model::geometry::Geometry;
use vcsan_model::model::Model;

const PAGES: u64 = 64;
const EVENTS: u64 = 1 << 16;

fn warm(geometry: Geometry) -> Model {
    let mut model = Model::new(Config::new(geometry)).expect("a meaningful configuration");
    for access in accesses() {
        model.store(access, 4, Site::new(1));
        model.load(access, 4, Site::new(1));
    }
    model
}

/// Words all over some pages, the way code mixes stack, data and copies.
fn accesses() -> Vec<Address> {
    let mut random = 1_u64;
    let next = |random: &mut u64| {
        *random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *random >> 33
    };
    let place = |n: u64| Address {
        vaddr: 0xc000_0000 + n,
        paddr: 0x1000_0000 + n,
        space: 0,
    };
    (0..EVENTS)
        .map(|_| place(next(&mut random) % PAGES * 4096 + next(&mut random) % 1024 * 4))
        .collect()
}

fn steady(c: &mut Criterion) {
    let geometries = [
        ("vivt", Geometry::vivt(32, 4096, 4, false)),
        ("vipt", Geometry::vipt(32, 8192, 4)),
        ("pipt", Geometry::pipt(64, 16384, 2)),
    ];
    let accesses = accesses();
    let mut group = c.benchmark_group("steady");
    group.throughput(Throughput::Elements(EVENTS));
    for (name, geometry) in geometries {
        let mut model = warm(geometry.expect("a real cache"));
        // Two loads for each store, as in most code.
        group.bench_function(name, |b| {
            b.iter(|| {
                for (n, &at) in accesses.iter().enumerate() {
                    let found = if n % 3 == 0 {
                        model.store(at, 4, Site::new(2)).len()
                    } else {
                        model.load(at, 4, Site::new(3)).len()
                    };
                    black_box(found);
                }
            });
        });
    }
    group.finish();
}

fn slow(c: &mut Criterion) {
    let mut group = c.benchmark_group("slow");
    let model = warm(Geometry::vipt(32, 8192, 4).expect("a real cache"));
    let at = Address {
        vaddr: 0xc000_0000,
        paddr: 0x1000_0000,
        space: 0,
    };
    group.throughput(Throughput::Elements(128));
    group.bench_function(
        "write back + invalidate a page, then load it line by line",
        |b| {
            let mut model = model.clone();
            b.iter(|| {
                model.apply(
                    Event::Maintain {
                        op: Op::WriteBackInvalidate,
                        at,
                        len: 4096,
                    },
                    Site::NONE,
                );
                for line in 0..128 {
                    let at = Address {
                        vaddr: at.vaddr + line * 32,
                        paddr: at.paddr + line * 32,
                        space: 0,
                    };
                    black_box(model.load(at, 4, Site::NONE).len());
                }
            });
        },
    );
    group.throughput(Throughput::Elements(1));
    group.bench_function("write back + invalidate 64 dirty pages at once", |b| {
        let flush = Event::WholeCache {
            op: Op::WriteBackInvalidate,
        };
        b.iter_batched_ref(
            || model.clone(),
            |model| model.apply(flush, Site::NONE).len(),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, steady, slow);
criterion_main!(benches);
