// SPDX-License-Identifier: GPL-2.0

//! A model of the cache lines that one line of memory can have.
//!
//! A line has two words, since what one alias holds may be newer in one word and older in another. A
//! word is fresh or stale: if it is what was written last, or something that was there before. That
//! is all there is to know, so that the model is finite and all of it can be explored.

use crate::ownership::Direction;

/// Words in a line.
pub const WORDS: usize = 2;

/// Lines that a line of memory can have at once: one of the direct map, and one of each user.
pub const MAX_LINES: usize = 3;

/// The line of the direct map, the one that `dma_sync_*()` maintains.
pub const DIRECT_MAP: usize = 0;

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
    /// Whether aliases have lines of their own, unless they share a colour.
    pub aliases: bool,
    /// How many aliases of a page can have lines of their own at once; `usize::MAX` if tags are
    /// virtual, so that no two can share one.
    pub colours: usize,
    /// Whether devices and the CPU see the same. There are no lines then.
    pub coherent: bool,
    /// Whether devices use copies of the memory, one for each mapping (`swiotlb`).
    pub bounces: bool,
    /// Whether a line may be filled with no access, at any time.
    pub speculates: bool,
    /// `flush_kernel_vmap_range()`
    pub write_back_vmap: Maintenance,
    /// `invalidate_kernel_vmap_range()`
    pub invalidate_vmap: Maintenance,
    /// `flush_cache_range()`, and what `exit_mmap()` does
    pub flush_user: Maintenance,
    /// Whether `flush_cache_range()` flushes the whole cache whatever the range.
    pub user_flushes_all: bool,
    /// Whether the two calls for a vmap do.
    pub vmap_flushes_all: bool,
    /// Whether they purge the vmap's translations too: then nothing fills its lines before the next access.
    pub vmap_purges_tlb: bool,
    /// Whether `dma_sync_*()` of a page or more does, if it does anything: the cache is no larger than a page.
    pub dma_flushes_all: bool,
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
    /// The same of one that is
    pub for_cpu_to_device: Maintenance,
}

use Maintenance::{Discard, Flush, Nothing, WriteBack};

/// A CPU on which no operation does anything.
const PLAIN: Cpu = Cpu {
    name: "",
    aliases: false,
    colours: 1,
    coherent: false,
    bounces: false,
    speculates: false,
    write_back_vmap: Nothing,
    invalidate_vmap: Nothing,
    flush_user: Nothing,
    user_flushes_all: false,
    vmap_flushes_all: false,
    vmap_purges_tlb: false,
    dma_flushes_all: false,
    write_back_fresh: Nothing,
    to_device: Nothing,
    bidirectional: Nothing,
    from_device: Nothing,
    for_cpu: Nothing,
    for_cpu_to_device: Nothing,
};

/// The CPUs, as their code in `arch/` of Linux 7.3 has it.
pub const CPUS: [Cpu; 8] = [
    // The least that Documentation/core-api/cachetlb.rst and dma-api.rst promise
    Cpu {
        name: "documented",
        aliases: true,
        colours: MAX_LINES,
        speculates: true,
        write_back_vmap: WriteBack,
        invalidate_vmap: Discard,
        flush_user: Flush,
        write_back_fresh: WriteBack,
        to_device: WriteBack,
        bidirectional: WriteBack,
        from_device: Discard,
        for_cpu: Discard,
        ..PLAIN
    },
    // arch/arm/mm/cache-v7.S, v7_dma_map_area
    Cpu {
        name: "cortex-a15",
        speculates: true,
        to_device: WriteBack,
        bidirectional: WriteBack,
        from_device: Discard,
        for_cpu: Discard,
        ..PLAIN
    },
    // The same as P5600 without MAARs, with ways no larger than a page
    Cpu {
        name: "24Kf",
        to_device: Flush,
        bidirectional: Flush,
        from_device: Discard,
        ..PLAIN
    },
    // arch/arm/mm/proc-arm926.S, arm926_dma_map_area
    Cpu {
        name: "arm926",
        aliases: true,
        colours: usize::MAX,
        write_back_vmap: Flush,
        invalidate_vmap: Flush,
        flush_user: Flush,
        write_back_fresh: Flush,
        to_device: WriteBack,
        bidirectional: Flush,
        from_device: Discard,
        ..PLAIN
    },
    // arch/arm/mm/cache-v6.S, v6_dma_map_area
    Cpu {
        name: "arm1176",
        aliases: true,
        colours: 4,
        speculates: true,
        write_back_vmap: Flush,
        invalidate_vmap: Flush,
        flush_user: Flush,
        user_flushes_all: true,
        write_back_fresh: Flush,
        to_device: WriteBack,
        bidirectional: WriteBack,
        from_device: Discard,
        for_cpu: Discard,
        ..PLAIN
    },
    // arch/mips/mm/{c-r4k.c,dma-noncoherent.c}; has MAARs
    Cpu {
        name: "P5600",
        aliases: true,
        colours: 2,
        speculates: true,
        write_back_vmap: Flush,
        invalidate_vmap: Flush,
        flush_user: Flush,
        user_flushes_all: true,
        write_back_fresh: Flush,
        to_device: Flush,
        bidirectional: Flush,
        from_device: Discard,
        for_cpu: Discard,
        ..PLAIN
    },
    // arch/parisc/kernel/{cache.c,pci-dma.c}
    Cpu {
        name: "PA-RISC",
        aliases: true,
        colours: 1024,
        speculates: true,
        write_back_vmap: Flush,
        invalidate_vmap: Flush,
        flush_user: Flush,
        user_flushes_all: true,
        vmap_flushes_all: true,
        vmap_purges_tlb: true,
        write_back_fresh: Flush,
        to_device: Flush,
        bidirectional: Flush,
        from_device: Flush,
        for_cpu: Flush,
        for_cpu_to_device: Flush,
        ..PLAIN
    },
    // kernel/dma/swiotlb.c. Whether the device is coherent makes no difference: the CPU copies.
    Cpu {
        name: "bounce",
        coherent: true,
        bounces: true,
        speculates: true,
        ..PLAIN
    },
];

impl Cpu {
    /// What is assumed of each operation, by its name. Those with `elsewhere` are for another page than the one that the line
    /// is of; those with `line`, for one line of it.
    pub fn operations(&self) -> [(&'static str, Maintenance); 19] {
        let all = |all| if all { Flush } else { Nothing };
        let vmap = all(self.vmap_flushes_all);
        let dma = |does: Maintenance| all(self.dma_flushes_all && does != Nothing);

        [
            ("write_back_vmap", self.write_back_vmap),
            ("invalidate_vmap", self.invalidate_vmap),
            ("flush_user", self.flush_user),
            ("write_back_fresh", self.write_back_fresh),
            ("to_device", self.to_device),
            ("bidirectional", self.bidirectional),
            ("from_device", self.from_device),
            ("for_cpu", self.for_cpu),
            ("for_cpu_to_device", self.for_cpu_to_device),
            ("write_back_vmap_elsewhere", vmap),
            ("write_back_vmap_line_elsewhere", vmap),
            ("invalidate_vmap_elsewhere", vmap),
            ("invalidate_vmap_line_elsewhere", vmap),
            ("flush_user_elsewhere", all(self.user_flushes_all)),
            ("to_device_elsewhere", dma(self.to_device)),
            ("bidirectional_elsewhere", dma(self.bidirectional)),
            ("from_device_elsewhere", dma(self.from_device)),
            ("for_cpu_elsewhere", dma(self.for_cpu)),
            ("for_cpu_to_device_elsewhere", dma(self.for_cpu_to_device)),
        ]
    }

    /// Whether what is written back of a vmap is dropped too.
    pub fn flushes_written_vmap(&self) -> bool {
        self.write_back_vmap == Flush
    }

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
            Direction::ToDevice => self.for_cpu_to_device,
            Direction::FromDevice | Direction::Bidirectional => self.for_cpu,
        }
    }

    /// Those of [`Cpu::layouts`] that its colours allow.
    pub fn real_layouts(&self) -> Vec<Layout> {
        let mut layouts = self.layouts();

        layouts.retain(|layout| match self.colours {
            usize::MAX => layout.shares_nothing(),
            // Where tags are physical, mmap() gives all that is shared of a page one colour.
            _ if layout.users == [Alias::User; 2] && layout.lines[1] != layout.lines[2] => false,
            colours => layout.count() <= colours,
        });
        layouts
    }

    /// All that can be in use on this CPU.
    pub fn layouts(&self) -> Vec<Layout> {
        let kernel = [Alias::Vmap, Alias::User];
        let processes = [Alias::User, Alias::User];

        if !self.aliases {
            let lines = [0, 0, 0];
            return vec![Layout {
                users: kernel,
                lines,
            }];
        }
        // One of two processes is like the other.
        [
            (kernel, [0, 1, 2]),
            (kernel, [0, 0, 1]),
            (kernel, [0, 1, 0]),
            (kernel, [0, 1, 1]),
            (kernel, [0, 0, 0]),
            (processes, [0, 1, 2]),
            (processes, [0, 0, 1]),
            (processes, [0, 1, 1]),
            ([Alias::Vmap, Alias::Vmap], [0, 1, 1]),
            ([Alias::DirectMap, Alias::DirectMap], [0, 0, 0]),
        ]
        .map(|(users, lines)| Layout { users, lines })
        .into()
    }
}

/// How somebody can reach the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alias {
    /// The kernel's linear mapping of all memory.
    DirectMap,
    /// A mapping by `vmap()`.
    Vmap,
    /// A mapping of user space.
    User,
}

/// Who uses the buffer, and which of the aliases share lines because they have the same colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// The aliases of the two users.
    pub users: [Alias; 2],
    /// The lines of the direct map and of the two users.
    pub lines: [usize; MAX_LINES],
}

impl Layout {
    /// The line of a user, counted from 0.
    pub fn line(&self, user: usize) -> usize {
        self.lines[1 + user]
    }

    /// The lines of all users with this kind of alias.
    pub fn lines_of(self, alias: Alias) -> impl Iterator<Item = usize> {
        (0..self.users.len())
            .filter(move |&user| self.users[user] == alias)
            .map(move |user| self.line(user))
    }

    /// Whether each alias has a line of its own; two users of the vmap have one alias, and so have two
    /// of the direct map.
    fn shares_nothing(&self) -> bool {
        let own = match self.users {
            [Alias::DirectMap, Alias::DirectMap] => [0, 0, 0],
            [Alias::Vmap, Alias::Vmap] => [0, 1, 1],
            _ => [0, 1, 2],
        };
        self.lines == own
    }

    fn count(&self) -> usize {
        1 + self.lines.into_iter().max().unwrap_or(0)
    }

    /// Nobody reads through the direct map if that has lines of its own.
    fn is_unread(&self, index: usize) -> bool {
        index == DIRECT_MAP && !self.lines[1..].contains(&DIRECT_MAP)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Line {
    fresh: [bool; WORDS],
    dirty: bool,
}

/// Memory, what the cache holds of it, and what bounce buffers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caches {
    memory: [bool; WORDS],
    lines: [Option<Line>; MAX_LINES],
    /// Of mappings to the device, and of those from it.
    bounced: [Option<[bool; WORDS]>; 2],
}

impl Caches {
    /// Memory that held something of somebody else, and was just cleared through the direct map.
    pub fn cleared(cpu: &Cpu) -> Caches {
        let mut caches = Caches {
            memory: [false; WORDS],
            lines: [None; MAX_LINES],
            bounced: [None; 2],
        };
        for word in 0..WORDS {
            caches.cpu_write(cpu, DIRECT_MAP, word);
        }
        caches
    }

    /// What can happen with no access at all.
    pub fn on_their_own(&self, cpu: &Cpu, layout: &Layout) -> impl Iterator<Item = Caches> {
        let count = if cpu.coherent { 0 } else { layout.count() };

        (0..count).filter_map(move |index| {
            let mut next = *self;
            match next.lines[index] {
                Some(_) => next.maintain(index, Flush),
                None if cpu.speculates && !layout.is_unread(index) => {
                    next.fill(index);
                }
                None => return None,
            }
            Some(next)
        })
    }

    /// What it can lead to that the whole cache is flushed: one line after the other, in any order, and a line
    /// that is gone may be filled again while another one is still dirty.
    pub fn flushed(&self, cpu: &Cpu, layout: &Layout) -> Vec<Caches> {
        let mut ends = Vec::new();
        let mut left = vec![(*self, [true; MAX_LINES])];

        while let Some((caches, lines)) = left.pop() {
            let mut turns = (0..layout.count()).filter(|&index| lines[index]).peekable();
            if turns.peek().is_none() && !ends.contains(&caches) {
                ends.push(caches);
            }
            for index in turns {
                let (mut next, mut lines) = (caches, lines);
                lines[index] = false;
                next.maintain(index, Flush);
                left.push((next, lines));
                if cpu.speculates && !layout.is_unread(index) {
                    next.fill(index);
                    left.push((next, lines));
                }
            }
        }
        ends
    }

    /// Does an operation to a line.
    pub fn maintain(&mut self, index: usize, maintenance: Maintenance) {
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
    pub fn cpu_read(&mut self, cpu: &Cpu, index: usize) -> bool {
        if cpu.coherent {
            return self.memory == [true; WORDS];
        }
        self.fill(index).fresh == [true; WORDS]
    }

    /// The CPU writes a word.
    pub fn cpu_write(&mut self, cpu: &Cpu, index: usize, word: usize) {
        if cpu.coherent {
            self.outdate(word);
            self.memory[word] = true;
            return;
        }
        self.fill(index);
        self.outdate(word);
        let line = self.fill(index);
        line.fresh[word] = true;
        line.dirty = true;
    }

    /// The CPU reads all words through an alias that has no line of its own; returns whether they were
    /// fresh.
    pub fn read_new(&self, cpu: &Cpu) -> bool {
        match &self.lines[DIRECT_MAP] {
            Some(line) if !cpu.aliases => line.fresh == [true; WORDS],
            _ => self.memory == [true; WORDS],
        }
    }

    /// Copies the memory to the bounce buffer of mappings of a direction.
    pub fn fill_bounce_buffer(&mut self, dir: Direction) {
        self.bounced[dir as usize] = Some(self.memory);
    }

    /// Copies the bounce buffer of mappings of a direction to the memory.
    pub fn empty_bounce_buffer(&mut self, dir: Direction) {
        if let Some(bounced) = self.bounced[dir as usize] {
            self.memory = bounced;
        }
    }

    /// Gives up the bounce buffer of mappings of a direction.
    pub fn drop_bounce_buffer(&mut self, dir: Direction) {
        self.bounced[dir as usize] = None;
    }

    /// A device reads all words through a mapping of a direction; returns whether they were fresh.
    pub fn device_read(&self, dir: Direction) -> bool {
        self.bounced[dir as usize].unwrap_or(self.memory) == [true; WORDS]
    }

    /// A device writes a word through a mapping of a direction.
    pub fn device_write(&mut self, dir: Direction, word: usize) {
        self.outdate(word);
        self.bounced[dir as usize]
            .as_mut()
            .unwrap_or(&mut self.memory)[word] = true;
    }

    /// The same without what makes no difference: clean lines of what nobody reads, and which of the
    /// words is which.
    pub fn canonical(mut self, layout: &Layout) -> Caches {
        if layout.is_unread(DIRECT_MAP) && self.lines[DIRECT_MAP].is_some_and(|line| !line.dirty) {
            self.lines[DIRECT_MAP] = None;
        }

        let mut swapped = self;
        swapped.memory.reverse();
        for line in swapped.lines.iter_mut().flatten() {
            line.fresh.reverse();
        }
        for bounced in swapped.bounced.iter_mut().flatten() {
            bounced.reverse();
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
        for bounced in self.bounced.iter_mut().flatten() {
            bounced[word] = false;
        }
    }
}
