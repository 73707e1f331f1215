// SPDX-License-Identifier: GPL-2.0

//! A machine that a walk can walk on: the heap's planner, and a model of the cache.

use aliasheap_kernel::model::{Cpu, Maintenance};
use aliasheap_kernel::ownership::{Direction, Event, Op, Ownership};
use aliasheap_kernel::walk::{Cast, Dir, MAX_MAPPINGS, MAX_USERS, Step, Walk};
use vcsan_model::{self as cache, Address, Config, Geometry, Mode, Model, Site};

/// The aliases by which the CPU can reach the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    DirectMap,
    Vmap,
    User,
}

/// What of the heap is different from how it is.
#[derive(Debug)]
pub enum Change {
    None,
    /// Step `index` is left out of the plans that are `ops` for `event`.
    LeaveOut {
        event: Event,
        ops: Vec<Op>,
        index: usize,
    },
}

/// Physical address of the page.
const PAGE: u64 = 0x10_0000;
const PAGE_SIZE: u32 = 4096;
/// Lines that are used, and how far apart they are.
const LINES: u32 = 16;
const STRIDE: u32 = PAGE_SIZE / LINES;
const WORD: u32 = 4;

pub struct Machine<'a> {
    cpu: &'a Cpu,
    change: &'a Change,
    model: Model,
    aliases: [Alias; MAX_USERS],
    ownership: Ownership,
    mapped: [Option<Dir>; MAX_MAPPINGS],
}

fn direction(dir: Dir) -> Direction {
    match dir {
        Dir::To => Direction::ToDevice,
        Dir::From => Direction::FromDevice,
        Dir::Both => Direction::Bidirectional,
    }
}

impl<'a> Machine<'a> {
    pub fn new(cpu: &'a Cpu, change: &'a Change, aliases: [Alias; MAX_USERS]) -> Machine<'a> {
        let geometry = if !cpu.aliases {
            Geometry::pipt(32, 16384, 4)
        } else if cpu.speculates {
            Geometry::vipt(32, 16384, 4)
        } else {
            Geometry::vivt(32, 16384, 4, false)
        };
        let mut config = Config::new(geometry.expect("a geometry"));
        if cpu.speculates {
            config.mode = Mode::Speculative;
        }
        let mut machine = Machine {
            cpu,
            change,
            model: Model::new(config).expect("a model"),
            aliases,
            ownership: Ownership::new(),
            mapped: [None; MAX_MAPPINGS],
        };

        // Pages are cleared through the direct map.
        machine.apply(cache::Event::Store {
            at: Self::address(Alias::DirectMap, 0),
            len: PAGE_SIZE,
        });
        machine.maintain(Alias::DirectMap, cpu.write_back_fresh);
        machine
    }

    /// Each alias has a colour of its own.
    fn address(alias: Alias, offset: u32) -> Address {
        Address {
            vaddr: 0xc000_0000 + 0x1000 * alias as u64 + u64::from(offset),
            paddr: PAGE + u64::from(offset),
            space: 0,
        }
    }

    /// Whether something reads something old.
    fn apply(&mut self, event: cache::Event) -> bool {
        !self.model.apply(event, Site::new(1)).is_empty()
    }

    fn maintain(&mut self, alias: Alias, maintenance: Maintenance) {
        let op = match maintenance {
            Maintenance::Nothing => return,
            Maintenance::WriteBack => cache::Op::WriteBack,
            Maintenance::Flush => cache::Op::WriteBackInvalidate,
            Maintenance::Discard => cache::Op::Invalidate,
        };
        self.apply(cache::Event::Maintain {
            op,
            at: Self::address(alias, 0),
            len: PAGE_SIZE,
        });
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Map(index, dir) => {
                self.event(Event::Map(direction(dir)));
                self.mapped[index] = Some(dir);
            }
            Step::Unmap(index) => {
                if let Some(dir) = self.mapped[index].take() {
                    // It is unmapped while the heap still counts it.
                    self.mapped[index] = Some(dir);
                    self.event(Event::Unmap(direction(dir)));
                    self.mapped[index] = None;
                }
            }
            Step::Begin(_, dir) | Step::Abandon(dir) => self.event(Event::Begin(direction(dir))),
            Step::End(_, dir) | Step::Stray(dir) => self.event(Event::End(direction(dir))),
            Step::Leave(_) => {}
            Step::Renew(user) => {
                // Where the cache aliases, who unmaps flushes.
                if self.cpu.aliases {
                    self.maintain(self.aliases[user], Maintenance::Flush);
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        let (ownership, plan) = self.ownership.next(event);
        let plan: Vec<_> = plan.ops().collect();

        for (index, op) in plan.iter().enumerate() {
            let left_out = match self.change {
                Change::None => false,
                Change::LeaveOut {
                    event: e,
                    ops,
                    index: i,
                } => (e, ops, *i) == (&event, &plan, index),
            };
            if !left_out {
                self.execute(event, *op);
            }
        }
        self.ownership = ownership;
    }

    fn execute(&mut self, event: Event, op: Op) {
        use Alias::{DirectMap, User, Vmap};

        let cpu = self.cpu;
        match (op, event) {
            (Op::WriteBackVmap, _) => self.maintain(Vmap, cpu.write_back_vmap),
            (Op::InvalidateVmap, _) => self.maintain(Vmap, cpu.invalidate_vmap),
            (Op::FlushUser, _) if cpu.aliases => self.maintain(User, Maintenance::Flush),
            (Op::FlushUser, _) => {}
            (Op::WriteBackDirectMap, _) => {
                if self.mappings().any(Direction::device_writes) {
                    self.maintain(DirectMap, cpu.for_device(Direction::ToDevice));
                }
            }
            (Op::SyncForDevice, _) => {
                for dir in self.mappings().collect::<Vec<_>>() {
                    self.maintain(DirectMap, cpu.for_device(dir.mapped_as()));
                }
            }
            (Op::SyncForDeviceUnwritten, _) => {
                if self.mappings().any(Direction::device_writes) {
                    self.maintain(DirectMap, cpu.for_device(Direction::FromDevice));
                }
            }
            (Op::SyncForCpu, _) => {
                for dir in self.mappings().collect::<Vec<_>>() {
                    self.maintain(DirectMap, cpu.for_cpu(dir.mapped_as()));
                }
            }
            (Op::Map, Event::Map(dir)) => {
                self.maintain(DirectMap, cpu.for_device(dir.mapped_as()));
            }
            (Op::Unmap, Event::Unmap(dir)) => {
                self.maintain(DirectMap, cpu.for_cpu(dir.mapped_as()));
            }
            (Op::Map | Op::Unmap, _) => panic!("{op:?} is planned for {event:?}"),
        }
    }

    fn mappings(&self) -> impl Iterator<Item = Direction> + use<> {
        self.mapped.into_iter().flatten().map(direction)
    }

    /// Users and devices read and write; returns whether one of them reads something old.
    pub fn touch(&mut self, cast: Cast, walk: &mut Walk<'_>) -> bool {
        let mut old = false;

        for user in 0..cast.users {
            if walk.may_read(user) {
                old |= self.words(walk, |at| cache::Event::Load { at, len: WORD }, user);
            }
        }
        if let Some(user) = walk.pick_writer() {
            self.words(walk, |at| cache::Event::Store { at, len: WORD }, user);
        }
        if walk.pick_device_read().is_some() {
            old |= self.apply(cache::Event::DeviceRead {
                paddr: PAGE,
                len: PAGE_SIZE,
            });
        }
        if walk.pick_device_write().is_some() {
            let words = walk.pick_range((2 * LINES) as usize);
            let offset = |word: usize| word as u32 / 2 * STRIDE + word as u32 % 2 * WORD;
            self.apply(cache::Event::DeviceWrite {
                paddr: PAGE + u64::from(offset(words.start)),
                len: offset(words.end) - offset(words.start),
            });
        }
        old
    }

    fn words(
        &mut self,
        walk: &mut Walk<'_>,
        event: impl Fn(Address) -> cache::Event,
        user: usize,
    ) -> bool {
        let mut old = false;
        for line in 0..LINES {
            let words = walk.pick_words();
            for word in (0..2).filter(|word| words >> word & 1 != 0) {
                let at = Self::address(self.aliases[user], line * STRIDE + word * WORD);
                old |= self.apply(event(at));
            }
        }
        old
    }
}
