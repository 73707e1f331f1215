// SPDX-License-Identifier: GPL-2.0

//! Every way to do one step of one plan wrong, and on which CPUs that makes a difference.

#[path = "../mutants/drivers/dma-buf/heaps/system_heap_rust/buffer/mutation/plan.rs"]
pub mod plan;

use crate::machine::{self, Cell, Shown};
pub use crate::model::Alias;
use crate::model::{CPUS, Change, Cpu, EXCEPTIONS, Maintenance, explore_layout, is_wrong, matter};
use crate::ownership::{Event, Op};
use plan::{KINDS, Kind, Mutation, event_name, letter};
use std::collections::BTreeSet;

/// All that the answers of [`matters`] and [`shown`] depend on.
pub const SOURCES: &[&str] = &[
    include_str!("machine.rs"),
    include_str!("../overlay/drivers/dma-buf/heaps/system_heap_rust/kunit/stages.rs"),
    include_str!("../overlay/drivers/dma-buf/heaps/system_heap_rust/kunit/tours.rs"),
    include_str!("../overlay/drivers/dma-buf/heaps/system_heap_rust/kunit/walk.rs"),
    include_str!("model/caches.rs"),
    include_str!("model/explore.rs"),
    include_str!("model/mutated.rs"),
    include_str!("model/step.rs"),
    include_str!("model/world.rs"),
    include_str!("mutation.rs"),
    include_str!("../mutants/drivers/dma-buf/heaps/system_heap_rust/buffer/mutation/plan.rs"),
    include_str!("../overlay/drivers/dma-buf/heaps/system_heap_rust/ownership.rs"),
    // The model of the cache, that walks are taken on.
    include_str!("../../tools/vcsan-model/src/config.rs"),
    include_str!("../../tools/vcsan-model/src/event.rs"),
    include_str!("../../tools/vcsan-model/src/geometry.rs"),
    include_str!("../../tools/vcsan-model/src/hazard.rs"),
    include_str!("../../tools/vcsan-model/src/line.rs"),
    include_str!("../../tools/vcsan-model/src/model.rs"),
    include_str!("../../tools/vcsan-model/src/model/fast_path.rs"),
    include_str!("../../tools/vcsan-model/src/model/maintenance.rs"),
    include_str!("../../tools/vcsan-model/src/model/pages.rs"),
    include_str!("../../tools/vcsan-model/src/model/report.rs"),
    include_str!("../../tools/vcsan-model/src/model/step.rs"),
    include_str!("../../tools/vcsan-model/src/page.rs"),
    include_str!("../../tools/vcsan-model/src/sweep.rs"),
    include_str!("../../tools/vcsan-model/src/written.rs"),
    // What it was compiled as.
    env!("CARGO_PKG_VERSION"),
];

/// A mutation of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `plan:EVENT:STEPS:INDEX:KIND`, as [`Mutation::parse`] reads it.
    pub name: String,
    /// The alias that the step maintains.
    pub alias: Alias,
    /// Whether only a part of something is maintained, so that it takes a buffer of several pages to see it.
    pub is_of_a_part: bool,
    /// Globs, one of which the report of a hazard meets that shows it: it names an alias that the step maintains.
    pub shows: Vec<String>,
    /// These aliases. A hazard whose value was written through one of them shows it too: the alias that reads may have
    /// been filled while it was not written back.
    pub written: Vec<String>,
}

/// All mutations of all plans that the planner makes, in the order of their names.
pub fn all() -> Vec<Named> {
    let mut plans: Vec<(Event, Vec<Op>)> = Vec::new();
    // What is planned does not depend on the CPU.
    let cpu = &CPUS[0];
    plans.extend(explore_layout(cpu, cpu.layouts()[0], Change::None, &EXCEPTIONS).plans);
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (event, ops) in plans {
        for (step, op) in ops.iter().enumerate() {
            for kind in KINDS.into_iter().filter(|kind| kind.is_of(*op)) {
                // The last one has nothing to change places with.
                let Some(name) = name(event, &ops, step, kind) else {
                    continue;
                };
                if seen.insert(name.clone()) {
                    let other = ops.get(step + 1).filter(|_| kind == Kind::Moved);
                    let aliases = [Some(op), other].into_iter().flatten();
                    let aliases = aliases.map(|op| words(alias(*op)).to_owned());
                    let written: Vec<String> = aliases.collect();
                    all.push(Named {
                        name,
                        alias: alias(*op),
                        is_of_a_part: matches!(
                            kind,
                            Kind::Line | Kind::Page | Kind::Chunk | Kind::Area
                        ),
                        shows: written.iter().map(|alias| format!("*{alias}*")).collect(),
                        written,
                    });
                }
            }
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn name(event: Event, ops: &[Op], step: usize, kind: Kind) -> Option<String> {
    if kind == Kind::Moved && step + 1 == ops.len() {
        return None;
    }
    let steps: String = ops.iter().map(|op| char::from(letter(*op))).collect();
    let (event, kind) = (event_name(event), kind.as_str());
    Some(format!("plan:{event}:{steps}:{step}:{kind}"))
}

/// The alias that a step maintains.
fn alias(op: Op) -> Alias {
    match op {
        Op::WriteBackVmap | Op::InvalidateVmap => Alias::Vmap,
        Op::FlushUser => Alias::User,
        Op::WriteBackDirectMap
        | Op::SyncForDevice
        | Op::SyncForDeviceUnwritten
        | Op::SyncForCpu
        | Op::Map
        | Op::Unmap => Alias::DirectMap,
    }
}

/// The same, as reports of hazards name it.
fn words(alias: Alias) -> &'static str {
    match alias {
        Alias::Vmap => "vmap",
        Alias::User => "user mapping",
        Alias::DirectMap => "direct map",
    }
}

/// What makes a difference unless the CPU fills lines of a vmap on its own: that no access has filled one yet.
const NOTHING_FILLED: &str = "nothing-filled";

/// Says why a change is none that [`matters`] understands.
///
/// # Errors
/// A fragment.
pub fn check(change: &str) -> Result<(), String> {
    match read(change, &CPUS[0]) {
        Some(_) => Ok(()),
        None if change == NOTHING_FILLED => Ok(()),
        None => Err(format!(
            "`{change}` is neither `leave-fresh`, `map-as-asked`, `nothing-filled`, `without:STEPS`, `vmap-part:page`, `user-part:page` nor the name of a mutation of a plan"
        )),
    }
}

fn read<'a>(change: &'a str, cpu: &Cpu) -> Option<Change<'a>> {
    match change {
        // What is not reached is as if it had not been done, unless all is reached.
        "vmap-part:page" if cpu.vmap_flushes_all => Some(Change::None),
        "vmap-part:page" => Some(Change::Without("wi")),
        "user-part:page" if cpu.user_flushes_all => Some(Change::None),
        "user-part:page" => Some(Change::Without("u")),
        "unchanged" => Some(Change::None),
        "leave-fresh" => Some(Change::LeaveFresh),
        "map-as-asked" => Some(Change::MapAsAsked),
        _ => match change.strip_prefix("without:") {
            Some(steps) => Some(Change::Without(steps)),
            None => Mutation::parse(change).map(Change::Mutated),
        },
    }
}

/// A CPU as QEMU has it, by its name: one of [`CPUS`], or a variant.
pub fn cpu_of(name: &str) -> Option<Cpu> {
    let named = |name| CPUS.iter().find(|cpu| cpu.name == name).copied();
    match name {
        // Its cache has 2 KiB, and what is as large as the cache r4k_dma_cache_inv() flushes with all the rest.
        "24Kf, 2 KiB" => Some(Cpu {
            name: "24Kf, 2 KiB",
            dma_flushes_all: true,
            from_device: Maintenance::Flush,
            ..named("24Kf")?
        }),
        name => named(name),
    }
}

/// The CPU as QEMU has it, or the same without speculation.
fn cpu_that(name: &str, speculates: bool) -> Option<Cpu> {
    let cpu = cpu_of(name)?;
    Some(Cpu {
        speculates: cpu.speculates && speculates,
        ..cpu
    })
}

/// The shortest walk of the suite `sequences` that shows a mutation of a plan on that CPU, or on the same without
/// speculation; none if none does, or if it is no such mutation.
pub fn shown(cpu: &str, speculates: bool, change: &str) -> Option<Shown> {
    let cell = Cell {
        whole: true,
        ..Cell::new(&cpu_that(cpu, speculates)?)
    };
    let mutation = Mutation::parse(change)?;
    machine::shown(cell, &machine::Change::Mutated(mutation))
}

/// For each change, whether somebody may read something old with it on that CPU, or on the same without speculation. Of a CPU or
/// a change that nobody knows it is said that it matters, so that silence about it is no proof.
pub fn matters(cpu: &str, speculates: bool, changes: &[&str]) -> Vec<bool> {
    let Some(cpu) = cpu_that(cpu, speculates) else {
        return vec![true; changes.len()];
    };
    let mutations: Vec<_> = changes.iter().filter_map(|c| Mutation::parse(c)).collect();
    let mut of_plans = matter(&cpu, &mutations).into_iter();
    let matters = |change: &&str| match read(change, &cpu) {
        Some(Change::Mutated(_)) => of_plans.next().unwrap_or(true),
        Some(change) => is_wrong(&cpu, change),
        None if *change == NOTHING_FILLED => !cpu.speculates || cpu.vmap_purges_tlb,
        None => true,
    };
    changes.iter().map(matters).collect()
}
