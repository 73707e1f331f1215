// SPDX-License-Identifier: GPL-2.0

//! Which of many mutations of plans make a difference.
//!
//! To go through all that can happen once for each would take too long. But a mutation only makes a
//! difference from a state on in which its plan begins, and most of what comes then are states that
//! can come without it too, of which it is known that they lead to nothing old.

use super::caches::{Cpu, Layout};
use super::explore::{Change, EXCEPTIONS};
use super::world::{Scene, World};
use crate::mutation::plan::{Kind, Mutation};
use crate::ownership::{Event, Op, Plan};
use rustc_hash::{FxHashMap, FxHashSet};

/// For each mutation, whether somebody may read something old on `cpu` with it.
pub fn matter(cpu: &Cpu, mutations: &[Mutation<'_>]) -> Vec<bool> {
    // Several are one and the same to a line of the cache.
    let plain: Vec<_> = mutations.iter().map(|m| plainest(cpu, *m)).collect();
    let mut matter: FxHashMap<_, bool> = plain.iter().flatten().map(|m| (*m, false)).collect();
    // The smallest worlds first: most of what matters does so in each of them.
    let mut layouts = cpu.real_layouts();
    layouts.reverse();

    for layout in layouts {
        let base = Base::new(cpu, layout);
        for (mutation, matters) in &mut matter {
            *matters = *matters || base.differs(*mutation);
        }
    }
    plain
        .iter()
        .map(|m| m.is_some_and(|m| matter[&m]))
        .collect()
}

/// What a mutation is to a line that is not the first one: part of a step is none, or all of it where
/// the whole cache is flushed. None if it is the step as it should be.
fn plainest<'a>(cpu: &Cpu, mutation: Mutation<'a>) -> Option<Mutation<'a>> {
    let (user, vmap) = (cpu.user_flushes_all, cpu.vmap_flushes_all);
    let all = match (mutation.op()?, mutation.kind) {
        (Op::FlushUser, Kind::Page | Kind::Area) => user,
        (Op::WriteBackVmap | Op::InvalidateVmap, Kind::Line | Kind::Page | Kind::Chunk) => vmap,
        (op, kind) => cpu.dma_flushes_all && is_of_pages_by_dma(op, kind),
    };
    match mutation.kind {
        _ if all => None,
        Kind::Line | Kind::Page | Kind::Chunk | Kind::Area => Some(mutation.done(Kind::LeftOut)),
        _ => Some(mutation),
    }
}

/// Whether a step is done by the DMA API to a page or a chunk of each mapping.
pub(crate) fn is_of_pages_by_dma(op: Op, kind: Kind) -> bool {
    let by_dma = matches!(
        op,
        Op::WriteBackDirectMap | Op::SyncForDevice | Op::SyncForDeviceUnwritten | Op::SyncForCpu
    );
    by_dma && matches!(kind, Kind::Page | Kind::Chunk)
}

fn scene<'a>(cpu: &'a Cpu, layout: Layout, change: Change<'a>) -> Scene<'a> {
    Scene {
        cpu,
        layout,
        change,
        excused: &EXCEPTIONS,
        whole: true,
    }
}

/// Whether somebody may read something old on `cpu` with a change of any kind.
pub fn is_wrong(cpu: &Cpu, change: Change<'_>) -> bool {
    let wrong = |layout| reachable(&scene(cpu, layout, change)).1;

    cpu.real_layouts().into_iter().any(wrong)
}

/// All states that can come, or those until somebody reads something old, and whether somebody does.
fn reachable(scene: &Scene<'_>) -> (FxHashSet<World>, bool) {
    let start = World::new(scene);
    let mut seen = FxHashSet::from_iter([start]);
    let mut left = vec![start];

    while let Some(world) = left.pop() {
        let all = successors(scene, &world, |next| {
            if seen.insert(next) {
                left.push(next);
            }
        });
        if all.is_err() {
            return (seen, true);
        }
    }
    (seen, false)
}

/// Calls `each` with all that can come next. An error if that is that somebody reads something old.
fn successors(scene: &Scene<'_>, world: &World, mut each: impl FnMut(World)) -> Result<(), ()> {
    let (mut steps, mut worlds) = (Vec::new(), Vec::new());

    world.steps(scene, &mut steps);
    for step in steps {
        world.take(scene, step, &mut worlds).map_err(|_| ())?;
        for mut next in worlds.drain(..) {
            next.caches = next.caches.canonical(&scene.layout);
            each(next);
        }
    }
    Ok(())
}

/// All that can come without any mutation.
struct Base<'a> {
    scene: Scene<'a>,
    worlds: FxHashSet<World>,
    /// Those in which the heap begins to do a plan for an event.
    starts: Vec<(Event, Plan, Vec<World>)>,
}

impl<'a> Base<'a> {
    fn new(cpu: &'a Cpu, layout: Layout) -> Base<'a> {
        let scene = scene(cpu, layout, Change::None);
        let (worlds, _) = reachable(&scene);
        let mut starts: Vec<(Event, Plan, Vec<World>)> = Vec::new();

        for world in &worlds {
            let Some((event, 0)) = world.pending() else {
                continue;
            };
            let plan = world.ownership.next(event).1;
            let mut same = starts.iter_mut();
            match same.find(|(e, p, _)| (*e, *p) == (event, plan)) {
                Some((.., worlds)) => worlds.push(*world),
                None => starts.push((event, plan, vec![*world])),
            }
        }
        Base {
            scene,
            worlds,
            starts,
        }
    }

    /// Whether `mutation` leads from a state that can come to one in which somebody reads something old.
    fn differs(&self, mutation: Mutation<'_>) -> bool {
        let scene = Scene {
            change: Change::Mutated(mutation),
            ..self.scene
        };
        // How many steps of its plan are done, in the middle of it.
        let within = |world: &World| {
            let (event, done) = world.pending()?;
            let plan = world.ownership.next(event).1;
            mutation.is_of(event, plan.ops()).then_some(done)
        };
        let starts = self.starts.iter();
        let starts = starts.filter(|(event, plan, _)| mutation.is_of(*event, plan.ops()));
        let mut left: Vec<World> = starts.flat_map(|(.., worlds)| worlds).copied().collect();
        let mut seen = FxHashSet::default();

        while let Some(world) = left.pop() {
            let more = successors(&scene, &world, |next| {
                // In the middle of the plan, the same state has something else before it.
                let known =
                    self.worlds.contains(&next) && within(&next).is_none_or(|done| done == 0);
                if !known && seen.insert(next) {
                    left.push(next);
                }
            });
            if more.is_err() {
                return true;
            }
        }
        false
    }
}
