// SPDX-License-Identifier: GPL-2.0

//! A model of the cache lines that one line of memory can have.
//!
//! A line has two words, since what one alias holds may be newer in one word and older in another. A
//! word is fresh or stale: if it is what was written last, or something that was there before. That
//! is all there is to know, so that the model is finite and all of it can be explored.

use crate::ownership::Direction;

/// Words in a line.
pub const WORDS: usize = 2;

/// The aliases by which the CPU can reach the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alias {
    /// The kernel's linear mapping of all memory, the one that `dma_sync_*()` maintains.
    DirectMap,
    /// A mapping by `vmap()`.
    Vmap,
    /// A mapping of user space.
    User,
}

/// All aliases, in the order of their lines.
pub const ALIASES: [Alias; 3] = [Alias::DirectMap, Alias::Vmap, Alias::User];

/// What a cache operation does to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintenance {
    /// Leaves it as it is.
    Nothing,
    /// Writes it back if it is dirty, and keeps it.
    WriteBack,
    /// Writes it back if it is dirty, and drops it.
    Flush,
    /// Drops it, even if it is dirty.
    Discard,
}

/// What the operations that the heap uses do on some CPU.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// What it is called in tests and tables.
    pub name: &'static str,
    /// Whether each alias has lines of its own.
    pub aliases: bool,
    /// Whether a line may be filled with no access, at any time.
    pub speculates: bool,
    /// `flush_kernel_vmap_range()`
    pub write_back_vmap: Maintenance,
    /// `invalidate_kernel_vmap_range()`
    pub invalidate_vmap: Maintenance,
    /// `flush_dcache_folio()`
    pub write_back_fresh: Maintenance,
    /// `dma_sync_sgtable_for_device()` of a mapping to the device
    pub to_device: Maintenance,
    /// The same of a bidirectional one
    pub bidirectional: Maintenance,
    /// The same of one from the device
    pub from_device: Maintenance,
    /// `dma_sync_sgtable_for_cpu()` of a mapping that is not only to the device
    pub for_cpu: Maintenance,
}

use Maintenance::{Discard, Flush, Nothing, WriteBack};

/// The CPUs, as their code in `arch/` of Linux 7.3 has it.
pub const CPUS: [Cpu; 7] = [
    // The least that Documentation/core-api/cachetlb.rst and dma-api.rst promise
    Cpu {
        name: "documented",
        aliases: true,
        speculates: true,
        write_back_vmap: WriteBack,
        invalidate_vmap: Discard,
        write_back_fresh: WriteBack,
        to_device: WriteBack,
        bidirectional: WriteBack,
        from_device: Discard,
        for_cpu: Discard,
    },
    // arch/arm/mm/cache-v7.S, v7_dma_map_area
    Cpu {
        name: "cortex-a15",
        aliases: false,
        speculates: true,
        write_back_vmap: Nothing,
        invalidate_vmap: Nothing,
        write_back_fresh: Nothing,
        to_device: WriteBack,
        bidirectional: WriteBack,
        from_device: Discard,
        for_cpu: Discard,
    },
    // The same as P5600 without MAARs, with ways no larger than a page
    Cpu {
        name: "24Kf",
        aliases: false,
        speculates: false,
        write_back_vmap: Nothing,
        invalidate_vmap: Nothing,
        write_back_fresh: Nothing,
        to_device: Flush,
        bidirectional: Flush,
        from_device: Discard,
        for_cpu: Nothing,
    },
    // arch/arm/mm/proc-arm926.S, arm926_dma_map_area
    Cpu {
        name: "arm926",
        aliases: true,
        speculates: false,
        write_back_vmap: Flush,
        invalidate_vmap: Flush,
        write_back_fresh: Flush,
        to_device: WriteBack,
        bidirectional: Flush,
        from_device: Discard,
        for_cpu: Nothing,
    },
    // arch/arm/mm/cache-v6.S, v6_dma_map_area
    Cpu {
        name: "arm1176",
        aliases: true,
        speculates: true,
        write_back_vmap: Flush,
        invalidate_vmap: Flush,
        write_back_fresh: Flush,
        to_device: WriteBack,
        bidirectional: WriteBack,
        from_device: Discard,
        for_cpu: Discard,
    },
    // arch/mips/mm/{c-r4k.c,dma-noncoherent.c}; has MAARs
    Cpu {
        name: "P5600",
        aliases: true,
        speculates: true,
        write_back_vmap: Flush,
        invalidate_vmap: Flush,
        write_back_fresh: Flush,
        to_device: Flush,
        bidirectional: Flush,
        from_device: Discard,
        for_cpu: Discard,
    },
    // arch/parisc/kernel/{cache.c,pci-dma.c}
    Cpu {
        name: "PA-RISC",
        aliases: true,
        speculates: true,
        write_back_vmap: Flush,
        invalidate_vmap: Flush,
        write_back_fresh: Flush,
        to_device: Flush,
        bidirectional: Flush,
        from_device: Flush,
        for_cpu: Flush,
    },
];

impl Cpu {
    /// What to hand a mapping to its device does.
    pub fn for_device(&self, dir: Direction) -> Maintenance {
        match dir {
            Direction::ToDevice => self.to_device,
            Direction::FromDevice => self.from_device,
            Direction::Bidirectional => self.bidirectional,
        }
    }

    /// What to take a mapping from its device does.
    pub fn for_cpu(&self, dir: Direction) -> Maintenance {
        match dir {
            Direction::ToDevice => Nothing,
            Direction::FromDevice | Direction::Bidirectional => self.for_cpu,
        }
    }

    fn index(&self, alias: Alias) -> usize {
        if self.aliases { alias as usize } else { 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Line {
    fresh: [bool; WORDS],
    dirty: bool,
}

/// Memory, and what the cache holds of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caches {
    memory: [bool; WORDS],
    lines: [Option<Line>; ALIASES.len()],
}

impl Caches {
    /// Memory that held something of somebody else, and was just cleared through the direct map.
    pub fn cleared() -> Caches {
        let mut lines = [None; ALIASES.len()];
        lines[Alias::DirectMap as usize] = Some(Line {
            fresh: [true; WORDS],
            dirty: true,
        });
        Caches {
            memory: [false; WORDS],
            lines,
        }
    }

    /// What can happen with no access at all.
    pub fn on_their_own(&self, cpu: &Cpu) -> impl Iterator<Item = Caches> {
        let count = if cpu.aliases { ALIASES.len() } else { 1 };

        (0..count).filter_map(move |index| {
            let mut next = *self;
            match next.lines[index] {
                Some(_) => next.maintain_line(index, Flush),
                None if cpu.speculates && !self.is_unread(cpu, index) => {
                    next.fill(index);
                }
                None => return None,
            }
            Some(next)
        })
    }

    /// Does an operation to the line of an alias.
    pub fn maintain(&mut self, cpu: &Cpu, alias: Alias, maintenance: Maintenance) {
        self.maintain_line(cpu.index(alias), maintenance);
    }

    fn maintain_line(&mut self, index: usize, maintenance: Maintenance) {
        let Some(line) = &mut self.lines[index] else {
            return;
        };
        if matches!(maintenance, WriteBack | Flush) && line.dirty {
            self.memory = line.fresh;
            line.dirty = false;
        }
        if matches!(maintenance, Flush | Discard) {
            self.lines[index] = None;
        }
    }

    fn fill(&mut self, index: usize) -> &mut Line {
        let memory = self.memory;
        self.lines[index].get_or_insert(Line {
            fresh: memory,
            dirty: false,
        })
    }

    /// The CPU reads all words; returns whether they were fresh.
    pub fn cpu_read(&mut self, cpu: &Cpu, alias: Alias) -> bool {
        self.fill(cpu.index(alias)).fresh == [true; WORDS]
    }

    /// The CPU writes a word.
    pub fn cpu_write(&mut self, cpu: &Cpu, alias: Alias, word: usize) {
        self.fill(cpu.index(alias));
        self.outdate(word);
        let line = self.fill(cpu.index(alias));
        line.fresh[word] = true;
        line.dirty = true;
    }

    /// The CPU reads all words through an alias that has no line of its own; returns whether they were
    /// fresh.
    pub fn read_new(&self, cpu: &Cpu) -> bool {
        match &self.lines[0] {
            Some(line) if !cpu.aliases => line.fresh == [true; WORDS],
            _ => self.memory == [true; WORDS],
        }
    }

    /// A device reads all words; returns whether they were fresh.
    pub fn device_read(&self) -> bool {
        self.memory == [true; WORDS]
    }

    /// A device writes a word.
    pub fn device_write(&mut self, word: usize) {
        self.outdate(word);
        self.memory[word] = true;
    }

    /// Nobody reads through the direct map if that has lines of its own.
    fn is_unread(&self, cpu: &Cpu, index: usize) -> bool {
        cpu.aliases && index == Alias::DirectMap as usize
    }

    /// The same without what makes no difference: clean lines of what nobody reads, and which of the
    /// words is which.
    pub fn canonical(mut self, cpu: &Cpu) -> Caches {
        for index in 0..ALIASES.len() {
            let clean = self.lines[index].is_some_and(|line| !line.dirty);
            if clean && self.is_unread(cpu, index) {
                self.lines[index] = None;
            }
        }

        let mut swapped = self;
        swapped.memory.reverse();
        for line in swapped.lines.iter_mut().flatten() {
            line.fresh.reverse();
        }
        std::cmp::min(self, swapped)
    }

    /// Whether any alias has a line that could be written back.
    pub fn dirty(&self) -> bool {
        self.lines.iter().flatten().any(|line| line.dirty)
    }

    fn outdate(&mut self, word: usize) {
        self.memory[word] = false;
        for line in self.lines.iter_mut().flatten() {
            line.fresh[word] = false;
        }
    }
}
