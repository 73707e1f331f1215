// SPDX-License-Identifier: GPL-2.0-only
//! A write-back cache of real size limits, with data in it, that evicts, writes back and (if asked) fills at random; and the
//! model beside it. Every wrong value that a read gets must have been reported.

use crate::cells;
use crate::rng::Rng;
use vcsan_model::config::{Config, Mode};
use vcsan_model::event::{Address, Event, Op, Site};
use vcsan_model::geometry::Geometry;
use vcsan_model::hazard::{Hazard, Kind};
use vcsan_model::model::Model;

/// What one concrete cache looks like.
#[derive(Clone)]
pub struct Shape {
    pub name: String,
    pub config: Config,
    /// Of the concrete cache, which may be smaller than what the architecture allows.
    pub sets: u64,
    pub ways: usize,
    pub virtual_tags: bool,
    pub physical_index: bool,
}

/// All shapes that are compared: the caches of the project's cells, in each mode that they can have, and others.
pub fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for (name, cell) in cells::all() {
        // PA-RISC's is direct-mapped, of 64 KiB.
        let (sets, ways) = match &*cell.numbers {
            &[line, way, ways] => (way / line, ways),
            &[line, ..] => ((64 << 10) / line, 1),
            [] => panic!("a cache of no size"),
        };
        let shape = Shape {
            name,
            config: Config::new(cell.geometry),
            sets: sets.into(),
            ways: ways as usize,
            virtual_tags: cell.kind == "vivt",
            physical_index: cell.kind == "pipt",
        };
        if !shape.virtual_tags {
            let mut speculative = shape.clone();
            speculative.name += ", speculative";
            speculative.config.mode = Mode::Speculative;
            shapes.push(speculative);
        }
        shapes.push(shape);
    }
    let other = |name: &str, geometry: Result<Geometry, _>, sets, ways, virtual_tags| Shape {
        name: name.into(),
        config: Config::new(geometry.expect("a real cache")),
        sets,
        ways,
        virtual_tags,
        physical_index: false,
    };
    let eight_colours = Geometry::vipt(32, 32768, 2);
    shapes.extend([
        other(
            "vivt, 4 KiB ways",
            Geometry::vivt(32, 4096, 4, false),
            128,
            4,
            true,
        ),
        other("vipt, 8 colours", eight_colours, 1024, 2, false),
    ]);
    shapes
}

#[derive(Clone)]
struct CacheLine {
    /// Physical address of the line.
    paddr: u64,
    vaddr: u64,
    dirty: bool,
    data: Vec<u32>,
}

/// What happened in a run.
#[derive(Debug, Default)]
pub struct Stats {
    pub reads: u64,
    /// Reads that got wrong data.
    pub wrong: u64,
    /// Events with a report.
    pub reported: u64,
    /// Hits on another page's line.
    pub homonyms: u64,
    /// Loops over all ways of all sets that came to their end.
    pub loops: u64,
}

const FRAMES: u64 = 3;
/// Lines of each page in use.
const LINES: u64 = 4;
/// Enough for each frame to have more aliases than the model keeps at once.
const VPAGES: u64 = 18;
const BASE: u64 = 0x1000_0000;

struct Machine {
    shape: Shape,
    line: u64,
    rng: Rng,
    /// One for each set and way.
    cache: Vec<Option<CacheLine>>,
    /// Stamp of each byte in memory, and of the newest write to it.
    memory: Vec<u32>,
    newest: Vec<u32>,
    stamp: u32,
    /// Physical page of each virtual one, in speculative mode.
    mapped: Vec<Option<u64>>,
}

impl Machine {
    fn byte(paddr: u64) -> usize {
        (paddr - BASE) as usize
    }

    fn set(&self, vaddr: u64, paddr: u64) -> u64 {
        let address = if self.shape.physical_index {
            paddr
        } else {
            vaddr
        };
        address / self.line % self.shape.sets
    }

    fn slots(&self, set: u64) -> std::ops::Range<usize> {
        let first = set as usize * self.shape.ways;
        first..first + self.shape.ways
    }

    fn write_back(&mut self, slot: usize) {
        if let Some(line) = self.cache[slot].as_mut().filter(|line| line.dirty) {
            line.dirty = false;
            let at = Self::byte(line.paddr);
            self.memory[at..at + line.data.len()].copy_from_slice(&line.data);
        }
    }

    fn find(&self, vaddr: u64, paddr: u64) -> Option<usize> {
        let same = |line: &CacheLine| {
            if self.shape.virtual_tags {
                line.vaddr == vaddr / self.line * self.line
            } else {
                line.paddr == paddr / self.line * self.line
            }
        };
        self.slots(self.set(vaddr, paddr))
            .find(|&slot| self.cache[slot].as_ref().is_some_and(same))
    }

    fn fill(&mut self, vaddr: u64, paddr: u64) -> usize {
        if let Some(slot) = self.find(vaddr, paddr) {
            return slot;
        }
        let slots = self.slots(self.set(vaddr, paddr));
        let slot = slots.start + self.rng.below(slots.len() as u64) as usize;
        self.write_back(slot);
        let paddr = paddr / self.line * self.line;
        let at = Self::byte(paddr);
        let data = self.memory[at..at + self.line as usize].to_vec();
        self.cache[slot] = Some(CacheLine {
            paddr,
            vaddr: vaddr / self.line * self.line,
            dirty: false,
            data,
        });
        slot
    }

    fn maintain(&mut self, slot: usize, op: Op) {
        if op != Op::Invalidate {
            self.write_back(slot);
        }
        if op != Op::WriteBack {
            self.cache[slot] = None;
        }
    }

    /// Hardware's own moves, a few at a time.
    fn whim(&mut self) {
        for _ in 0..self.rng.below(3) {
            let (frame, vpage) = (self.rng.below(FRAMES), self.rng.below(VPAGES));
            let offset = self.rng.below(LINES) * self.line;
            let (vaddr, paddr) = (vpage * 4096 + offset, BASE + frame * 4096 + offset);
            match (self.find(vaddr, paddr), self.rng.below(3)) {
                (Some(slot), 0) => self.write_back(slot),
                (Some(slot), 1) => {
                    self.write_back(slot);
                    self.cache[slot] = None;
                }
                (None, _) if self.shape.config.mode == Mode::Speculative => {
                    if let Some(frame) = self.mapped[vpage as usize] {
                        self.fill(vaddr, BASE + frame * 4096 + offset);
                    }
                }
                _ => {}
            }
        }
    }

    fn write(&mut self, paddr: u64, len: u64) -> u32 {
        self.stamp += 1;
        self.newest[Self::byte(paddr)..Self::byte(paddr + len)].fill(self.stamp);
        self.stamp
    }
}

/// Bytes of the line that hazards of the given kinds name.
fn bytes_of(found: &[Hazard], homonym: bool) -> u64 {
    found
        .iter()
        .filter(|h| (h.kind == Kind::Homonym) == homonym)
        .fold(0, |bytes, h| bytes | h.bytes)
}

/// Random events on model and machine; panics at the first wrong read that was not reported.
pub fn run(shape: &Shape, seed: u64, events: u64) -> Stats {
    let line = u64::from(shape.config.geometry.line());
    let mut m = Machine {
        shape: shape.clone(),
        line,
        rng: Rng::new(seed),
        cache: vec![None; shape.sets as usize * shape.ways],
        memory: vec![0; FRAMES as usize * 4096],
        newest: vec![0; FRAMES as usize * 4096],
        stamp: 0,
        mapped: vec![None; VPAGES as usize],
    };
    let mut model = Model::new(shape.config).expect("a meaningful configuration");
    let mut stats = Stats::default();
    // A set/way loop in progress: what is done, and the next way.
    let mut sweep: Option<(Op, u32)> = None;
    for step in 0..events {
        m.whim();
        let (frame, vpage) = (m.rng.below(FRAMES), m.rng.below(VPAGES));
        // Virtual pages keep their frame mostly, so that homonyms stay rare.
        let frame = if m.rng.below(64) == 0 {
            frame
        } else {
            vpage % FRAMES
        };
        let len = 1 << m.rng.below(line.trailing_zeros() as u64 + 1);
        let offset = m.rng.below(LINES) * line + m.rng.below(line / len) * len;
        let at = Address {
            vaddr: vpage * 4096 + offset,
            paddr: BASE + frame * 4096 + offset,
            space: 0,
        };
        let (paddr, bytes) = (at.paddr, len as u32);
        let op = [
            Op::WriteBack,
            Op::WriteBackInvalidate,
            Op::WriteBackInvalidate,
            Op::Invalidate,
        ][m.rng.below(4) as usize];
        let event = match (m.rng.below(32), sweep) {
            (0..3, Some((op, way))) => {
                sweep = (way + 1 < shape.config.geometry.ways()).then_some((op, way + 1));
                stats.loops += u64::from(sweep.is_none());
                let sets = shape.config.geometry.sets();
                // All in one event, or each in its own.
                let together = m.rng.below(2) == 0;
                for set in 0..sets {
                    let sets = match (together, set) {
                        (true, 0) => sets,
                        (true, _) => 0,
                        (false, _) => 1,
                    };
                    model.apply(Event::SetWay { op, set, sets, way }, Site::NONE);
                    let slot = m.slots(u64::from(set)).start + way as usize;
                    m.maintain(slot, op);
                }
                continue;
            }
            (0, None) if shape.config.geometry.sets() != 0 => {
                sweep = Some((op, 0));
                continue;
            }
            (0..12, _) => Event::Load { at, len: bytes },
            (12..21, _) => Event::Store { at, len: bytes },
            (21, _) => Event::DeviceRead { paddr, len: bytes },
            (22, _) => Event::DeviceWrite { paddr, len: bytes },
            (23, _) => Event::UncachedLoad { paddr, len: bytes },
            (24, _) => Event::UncachedStore { paddr, len: bytes },
            (25..30, _) => Event::Maintain { op, at, len: bytes },
            (30, _) if m.rng.below(8) == 0 => Event::WholeCache { op },
            (30, _) => Event::Unmap {
                vaddr: at.vaddr,
                space: 0,
            },
            _ => Event::Free { paddr, len: bytes },
        };
        let found = model.apply(event, Site::new(step as u32 % 1_000_000 + 1));
        stats.reported += u64::from(!found.is_empty());
        let cached = matches!(event, Event::Load { .. } | Event::Store { .. });
        if cached {
            m.mapped[vpage as usize] = Some(frame);
            if let Some(slot) = m.find(at.vaddr, paddr)
                && m.cache[slot]
                    .as_ref()
                    .is_some_and(|hit| hit.paddr != paddr / line * line)
            {
                assert_ne!(
                    bytes_of(found, true),
                    0,
                    "{}, seed {seed}, step {step}: hit on a wrong line not reported: {event:x?}",
                    shape.name
                );
                stats.homonyms += 1;
                m.maintain(slot, Op::WriteBackInvalidate);
            }
        }
        let range = Machine::byte(paddr)..Machine::byte(paddr + len);
        let within = (paddr % line) as usize..(paddr % line + len) as usize;
        let read = match event {
            Event::Load { .. } => {
                let slot = m.fill(at.vaddr, paddr);
                m.cache[slot]
                    .as_ref()
                    .map(|line| line.data[within].to_vec())
            }
            Event::Store { .. } => {
                let slot = m.fill(at.vaddr, paddr);
                let stamp = m.write(paddr, len);
                if let Some(line) = &mut m.cache[slot] {
                    line.data[within].fill(stamp);
                    line.dirty = true;
                }
                None
            }
            Event::UncachedLoad { .. } | Event::DeviceRead { .. } => {
                Some(m.memory[range.clone()].to_vec())
            }
            Event::UncachedStore { .. } | Event::DeviceWrite { .. } => {
                let stamp = m.write(paddr, len);
                m.memory[range.clone()].fill(stamp);
                None
            }
            Event::Maintain { .. } => {
                if let Some(slot) = m.find(at.vaddr, paddr) {
                    m.maintain(slot, op);
                }
                None
            }
            Event::WholeCache { .. } => {
                for slot in 0..m.cache.len() {
                    m.maintain(slot, op);
                }
                None
            }
            Event::Unmap { .. } => {
                m.mapped[vpage as usize] = None;
                None
            }
            Event::Free { .. } => {
                // Any value will do from now on: stamp 0 stands for that.
                m.newest[range.clone()].fill(0);
                None
            }
            Event::SetWay { .. } | Event::Map { .. } => None,
        };
        let Some(read) = read else { continue };
        stats.reads += 1;
        let wrong = read
            .iter()
            .zip(&m.newest[range])
            .map(|(got, newest)| *newest != 0 && got != newest);
        let wrong = wrong
            .enumerate()
            .fold(0, |bits, (i, wrong)| bits | u64::from(wrong) << i)
            << (paddr % line);
        stats.wrong += u64::from(wrong != 0);
        let reported = bytes_of(found, false);
        assert_eq!(
            wrong & !reported,
            0,
            "{}, seed {seed}, step {step}: wrong data not reported: {event:x?}, found {found:x?}",
            shape.name
        );
    }
    stats
}
