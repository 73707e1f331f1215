// SPDX-License-Identifier: GPL-2.0

//! Everything that may happen to a buffer, one after the other, in each order.
//!
//! [`walk`](crate::walk) says what happens next, and who may read and write in between. Here it
//! happens: to a buffer of the heap, its aliases and the chip.

use crate::{
    check::{
        Failed,
        Outcome, //
    },
    device::Peer,
    heap::{
        Client,
        DataDirection,
        DirectMap,
        DmaBuf,
        Importer,
        VMap, //
    },
    lsi::{
        Chip,
        View, //
    },
    sys::{
        self,
        UserMap, //
    },
    vcsan,
    walk::{
        Cast,
        Dir,
        Step,
        Tried,
        Walk,
        MAX_MAPPINGS,
        WALKS_ALONE,
        WALKS_RENEWED,
        WALKS_TOGETHER, //
    }, //
};
use core::{
    ops::Range,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    dma_buf::Attachment,
    error::{
        from_err_ptr,
        to_result, //
    },
    page::PAGE_SIZE,
    prelude::*,
    scatterlist::SGTable, //
};

/// Lines that are used, in all pages together.
const LINES: usize = 16;
/// Bytes from one to the next in a page. No line of a cache is longer.
const STRIDE: usize = 64;
const WORD: usize = size_of::<u32>();
/// The words that are used in each of them. They share a line in any cache.
const WORDS: usize = 2 * LINES;

/// Tries before a case gives up to get aliases of the colours that it wants.
const TRIES: usize = 1024;

/// The alias of a user.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Via {
    /// The vmap.
    Vmap,
    /// The direct map. Only for a user who is alone: what another one wrote gets there if the
    /// buffer
    /// is mapped for a device that writes, and not otherwise.
    Direct,
    /// A mapping of all in a process.
    Process,
    /// One mapping in a process for each of two parts, of which the first has so many pages.
    Parts(usize),
}

/// What is walked on.
struct Stage {
    pages: usize,
    /// Those pages of which lines are used.
    used: &'static [usize],
    casts: &'static [Cast],
    users: &'static [Via],
    /// Aliases that must differ in colour where the cache aliases.
    apart: &'static [(Via, Via)],
}

impl Stage {
    const ONE_PAGE: Stage = Stage {
        pages: 1,
        used: &[0],
        casts: &WALKS_ALONE,
        users: &[],
        apart: &[],
    };

    /// Each page is a chunk of its own. A short walk is enough for what is different from one page.
    const PAGES: Stage = Stage {
        pages: 5,
        used: &[0, 1, 2, 4],
        casts: &[WALKS_ALONE[0]],
        ..Stage::ONE_PAGE
    };

    /// Where word number `word` is.
    fn offset(&self, word: usize) -> usize {
        let line = word / 2;

        let lines = LINES / self.used.len();

        self.used[line / lines] * PAGE_SIZE + line % lines * STRIDE + word % 2 * WORD
    }
}

fn data_direction(dir: Dir) -> DataDirection {
    match dir {
        Dir::To => DataDirection::ToDevice,
        Dir::From => DataDirection::FromDevice,
        Dir::Both => DataDirection::Bidirectional,
    }
}

/// An attachment, which may be mapped.
pub(crate) struct Link<'a> {
    _attachment: Attachment<'a>,
    raw: *mut bindings::dma_buf_attachment,
    mapped: Option<(NonNull<bindings::sg_table>, DataDirection)>,
}

impl<'a> Link<'a> {
    /// An attachment of the chip that is not mapped.
    pub(crate) fn new(buffer: &Importer, chip: &'a Chip<'_>) -> Result<Self> {
        let attachment = buffer.attach(chip.dev())?;

        Ok(Self {
            _attachment: attachment,
            raw: sys::newest_attachment(buffer.dma_buf()).cast(),
            mapped: None,
        })
    }

    /// Maps it. It must not be mapped.
    pub(crate) fn map(&mut self, dir: DataDirection) -> Result {
        // SAFETY: The attachment is valid, and is not mapped.
        let table = from_err_ptr(unsafe {
            bindings::dma_buf_map_attachment_unlocked(self.raw, dir.into())
        })?;

        self.mapped = Some((NonNull::new(table).ok_or(EINVAL)?, dir));
        Ok(())
    }

    fn unmap(&mut self) {
        if let Some((table, dir)) = self.mapped.take() {
            // SAFETY: It was mapped like this.
            unsafe {
                bindings::dma_buf_unmap_attachment_unlocked(self.raw, table.as_ptr(), dir.into())
            };
        }
    }

    /// What the device sees of `range`.
    pub(crate) fn view(&self, range: &Range<usize>) -> Result<View> {
        let (table, _) = self.mapped.ok_or(EINVAL)?;
        // SAFETY: The table is valid while it is mapped.
        let table = unsafe { SGTable::from_raw(table.as_ptr()) };

        View::of_table(table, range.start, range.len())
    }
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        self.unmap();
    }
}

/// Opens an access. Unlike [`Importer::begin_cpu_access`], this leaves it to the caller if and when
/// it is closed.
fn begin(buffer: &DmaBuf, dir: Dir) -> Result {
    // SAFETY: The buffer is valid.
    to_result(unsafe {
        bindings::dma_buf_begin_cpu_access(buffer.as_raw(), data_direction(dir).into())
    })
}

/// Closes an access, or one that is not open.
fn end(buffer: &DmaBuf, dir: Dir) -> Result {
    // SAFETY: The buffer is valid.
    to_result(unsafe {
        bindings::dma_buf_end_cpu_access(buffer.as_raw(), data_direction(dir).into())
    })
}

/// A buffer and its aliases.
struct Set {
    buffer: Importer,
    /// Its pages in the direct map.
    direct: KVec<*mut u8>,
    vmap: Option<VMap>,
    /// What processes have mapped, each with its first page.
    areas: KVec<(UserMap, usize)>,
}

impl Set {
    /// Allocates a buffer and makes the aliases that the stage needs.
    fn new(stage: &Stage) -> Outcome<Self> {
        let client = Client::new()?;
        // Rejected buffers, so that the next one has other pages, and areas that shift the next vmap.
        let (mut rejected, mut spacers) = (KVec::new(), KVec::new());

        for i in 0..TRIES {
            let set = Self::any(&client, stage)?;
            if set.suits(stage) {
                for &page in &set.direct {
                    vcsan::watch_page(page);
                }
                return Ok(set);
            }
            rejected.push(set.buffer, GFP_KERNEL)?;
            spacers.push(
                VVec::<u8>::with_capacity((stage.pages + i % 2) * PAGE_SIZE, GFP_KERNEL)?,
                GFP_KERNEL,
            )?;
        }
        Err(Failed::new(fmt!(
            "no aliases of the colours that it takes in {TRIES} buffers, mask {:#x}",
            sys::colour_mask()
        )))
    }

    fn any(client: &Client, stage: &Stage) -> Outcome<Self> {
        let len = stage.pages * PAGE_SIZE;
        let buffer = Importer::new(client.allocate(len)?);
        let mut areas = KVec::new();
        let mut map = |first: usize, end: usize| -> Result {
            let len = (end - first) * PAGE_SIZE;
            let area = UserMap::of_buffer(buffer.dma_buf(), len, first * PAGE_SIZE)?;
            Ok(areas.push((area, first), GFP_KERNEL)?)
        };

        for via in stage.users {
            match *via {
                Via::Vmap | Via::Direct => {}
                Via::Process => map(0, stage.pages)?,
                Via::Parts(first) => {
                    map(0, first)?;
                    map(first, stage.pages)?;
                }
            }
        }

        let vmap = buffer.vmap()?;
        let mut direct = KVec::new();
        for offset in (0..len).step_by(PAGE_SIZE) {
            let page = vmap.direct_map(offset).ok_or(EFAULT)?;
            direct.push(page.as_ptr(), GFP_KERNEL)?;
        }
        Ok(Self {
            direct,
            vmap: stage.users.contains(&Via::Vmap).then_some(vmap),
            areas,
            buffer,
        })
    }

    /// The address of the byte at `offset` in an alias. Users of [`Via::Process`] are told apart by
    /// how many came before.
    fn address(&self, via: Via, before: usize, offset: usize) -> Option<usize> {
        let page = offset / PAGE_SIZE;

        match via {
            Via::Vmap => Some(self.vmap.as_ref()?.as_ptr().addr() + offset),
            Via::Direct => Some(self.direct[page].addr() + offset % PAGE_SIZE),
            Via::Process => Some(self.areas.get(before)?.0.addr() + offset),
            Via::Parts(_) => self
                .areas
                .iter()
                .rfind(|(_, first)| *first <= page)
                .map(|(area, first)| area.addr() + offset - first * PAGE_SIZE),
        }
    }

    fn suits(&self, stage: &Stage) -> bool {
        let mask = sys::colour_mask();
        let colour = |via, page| {
            self.address(via, 0, page * PAGE_SIZE)
                .map(|addr| addr & mask)
        };

        mask == 0
            || stage.used.iter().all(|&page| {
                stage
                    .apart
                    .iter()
                    .all(|&(one, other)| colour(one, page) != colour(other, page))
            })
    }
}

/// A walk as it happens.
struct Scene<'a> {
    stage: &'a Stage,
    chip: &'a Chip<'a>,
    set: Set,
    links: [Link<'a>; MAX_MAPPINGS],
    peer: Peer,
    /// What each word must be.
    expected: KVec<u32>,
    /// The last value that was written.
    value: u32,
    /// How many steps there were.
    number: usize,
}

impl Scene<'_> {
    fn step(&mut self, step: Step) -> Outcome {
        let buffer = self.set.buffer.dma_buf();

        match step {
            Step::Map(mapping, dir) => self.links[mapping].map(data_direction(dir))?,
            Step::Unmap(mapping) => self.links[mapping].unmap(),
            Step::Begin(_, dir) | Step::Abandon(dir) => begin(buffer, dir)?,
            Step::End(_, dir) | Step::Stray(dir) => end(buffer, dir)?,
            Step::Leave(_) => {}
            Step::Renew(user) => self.renew(user)?,
        }
        self.number += 1;
        Ok(())
    }

    fn renew(&mut self, user: usize) -> Outcome {
        match self.stage.users[user] {
            Via::Vmap => {
                let mut spacers = KVec::new();
                for i in 0..TRIES {
                    self.set.vmap = None;
                    spacers.push(
                        VVec::<u8>::with_capacity((1 + i % 2) * PAGE_SIZE, GFP_KERNEL)?,
                        GFP_KERNEL,
                    )?;
                    self.set.vmap = Some(self.set.buffer.vmap()?);
                    if self.set.suits(self.stage) {
                        return Ok(());
                    }
                }
                Err(Failed::new(fmt!("no vmap of another colour")))
            }
            Via::Process => {
                let area = self.before(user);
                // The old one goes first, so that the new one gets its address.
                drop(self.set.areas.remove(area).map_err(|_| EINVAL)?);
                let map =
                    UserMap::of_buffer(self.set.buffer.dma_buf(), self.stage.pages * PAGE_SIZE, 0)?;
                self.set
                    .areas
                    .insert_within_capacity(area, (map, 0))
                    .map_err(|_| ENOMEM)?;
                Ok(())
            }
            Via::Direct | Via::Parts(_) => Ok(()),
        }
    }

    /// Users of the same kind before this one.
    fn before(&self, user: usize) -> usize {
        let users = self.stage.users;

        users[..user]
            .iter()
            .filter(|&&via| via == users[user])
            .count()
    }

    /// The words that `pick` picks of each line.
    fn words(mut pick: impl FnMut() -> u32, mut f: impl FnMut(usize) -> Outcome) -> Outcome {
        for line in 0..LINES {
            let words = pick();
            for word in 0..2 {
                if words >> word & 1 != 0 {
                    f(2 * line + word)?;
                }
            }
        }
        Ok(())
    }

    fn compare(&self, who: &str, step: Step, word: usize, got: u32) -> Outcome {
        let expected = self.expected[word];

        if got == expected {
            return Ok(());
        }
        Err(Failed::new(fmt!(
            "after step {}, {step:?}: at offset {:#x} {who} expected {expected:#x}, got {got:#x}",
            self.number,
            self.stage.offset(word)
        )))
    }

    fn user_reads(&self, walk: &mut Walk<'_>, user: usize, step: Step) -> Outcome {
        let via = self.stage.users[user];
        let before = self.before(user);

        Self::words(
            || walk.pick_words(),
            |word| {
                let addr = self
                    .set
                    .address(via, before, self.stage.offset(word))
                    .ok_or(EFAULT)?;
                let got = match via {
                    // SAFETY: A word of the buffer, which is mapped there.
                    Via::Vmap | Via::Direct => unsafe {
                        core::ptr::with_exposed_provenance::<u32>(addr).read_volatile()
                    },
                    Via::Process | Via::Parts(_) => sys::read_user(addr)?,
                };
                self.compare("a user", step, word, got)
            },
        )
    }

    fn user_writes(&mut self, walk: &mut Walk<'_>, user: usize) -> Outcome {
        let via = self.stage.users[user];
        let before = self.before(user);

        Self::words(
            || walk.pick_words(),
            |word| {
                let addr = self
                    .set
                    .address(via, before, self.stage.offset(word))
                    .ok_or(EFAULT)?;

                self.value += 1;
                self.expected[word] = self.value;
                match via {
                    // SAFETY: A word of the buffer, which is mapped there.
                    Via::Vmap | Via::Direct => unsafe {
                        core::ptr::with_exposed_provenance_mut::<u32>(addr)
                            .write_volatile(self.value);
                    },
                    Via::Process | Via::Parts(_) => sys::write_user(addr, self.value)?,
                }
                Ok(())
            },
        )
    }

    fn device_reads(&self, mapping: usize, step: Step) -> Outcome {
        let all = 0..self.stage.pages * PAGE_SIZE;

        self.chip
            .copy(&self.links[mapping].view(&all)?, &self.peer.view(all)?)?;
        for word in 0..WORDS {
            let got = self.peer.word(self.stage.offset(word))?;
            self.compare("the device", step, word, got)?;
        }
        Ok(())
    }

    fn device_writes(&mut self, walk: &mut Walk<'_>, mapping: usize) -> Outcome {
        let words = walk.pick_range(WORDS);
        let bytes = self.stage.offset(words.start)..self.stage.offset(words.end - 1) + WORD;

        for word in words {
            self.value += 1;
            self.expected[word] = self.value;
            self.peer.set_word(self.stage.offset(word), self.value)?;
        }
        self.chip.copy(
            &self.peer.view(bytes.clone())?,
            &self.links[mapping].view(&bytes)?,
        )?;
        Ok(())
    }

    /// Users and devices read and write, as they may.
    fn touch(&mut self, walk: &mut Walk<'_>, step: Step) -> Outcome {
        for user in 0..self.stage.users.len() {
            if walk.may_read(user) {
                self.user_reads(walk, user, step)?;
            }
        }
        if let Some(user) = walk.pick_writer() {
            self.user_writes(walk, user)?;
        }
        if let Some(mapping) = walk.pick_device_read() {
            self.device_reads(mapping, step)?;
        }
        if let Some(mapping) = walk.pick_device_write() {
            self.device_writes(walk, mapping)?;
        }
        Ok(())
    }
}

/// Walks each walk of a stage, each on a buffer of its own.
fn walk(stage: &Stage) -> Outcome {
    stage
        .casts
        .iter()
        .try_for_each(|cast| walk_once(stage, *cast))
}

fn walk_once(stage: &Stage, cast: Cast) -> Outcome {
    Chip::with(|chip| {
        let peer = Peer::new(chip, stage.pages * PAGE_SIZE)?;
        let set = Set::new(stage)?;
        let mut tried = KVVec::from_elem(Tried::NONE, cast.tried(), GFP_KERNEL)?;
        let mut walk = Walk::new(cast, &mut tried);
        let mut scene = Scene {
            stage,
            chip,
            links: [Link::new(&set.buffer, chip)?, Link::new(&set.buffer, chip)?],
            set,
            peer,
            expected: KVec::from_elem(0, WORDS, GFP_KERNEL)?,
            value: 0,
            number: 0,
        };

        while let Some(step) = walk.advance() {
            scene.step(step)?;
            scene.touch(&mut walk, step)?;
        }
        Ok(())
    })
}

#[kunit_tests(system_heap_rust_sequences)]
mod tests {
    use super::*;

    /// The kernel by its vmap, alone.
    #[test]
    fn vmap() -> Outcome {
        walk(&Stage {
            users: &[Via::Vmap],
            apart: &[(Via::Vmap, Via::Direct)],
            ..Stage::ONE_PAGE
        })
    }

    /// The kernel by the direct map, alone.
    #[test]
    fn direct_map() -> Outcome {
        walk(&Stage {
            users: &[Via::Direct],
            casts: &[WALKS_ALONE[1], WALKS_ALONE[2]],
            ..Stage::ONE_PAGE
        })
    }

    /// A process, alone.
    #[test]
    fn process() -> Outcome {
        walk(&Stage {
            users: &[Via::Process],
            apart: &[(Via::Process, Via::Direct)],
            ..Stage::ONE_PAGE
        })
    }

    const TOGETHER: Stage = Stage {
        casts: &WALKS_TOGETHER,
        ..Stage::ONE_PAGE
    };

    /// The kernel and a process. Where there are but two colours, either these or the direct map
    /// and
    /// theirs differ.
    #[test]
    fn vmap_and_process() -> Outcome {
        const USERS: &[Via] = &[Via::Vmap, Via::Process];
        const EACH_OTHER: (Via, Via) = (Via::Vmap, Via::Process);
        const VMAP: (Via, Via) = (Via::Vmap, Via::Direct);
        const PROCESS: (Via, Via) = (Via::Process, Via::Direct);

        if sys::colour_mask().count_ones() != 1 {
            return walk(&Stage {
                users: USERS,
                apart: &[EACH_OTHER, VMAP, PROCESS],
                ..TOGETHER
            });
        }
        walk(&Stage {
            users: USERS,
            apart: &[EACH_OTHER],
            ..TOGETHER
        })?;
        walk(&Stage {
            users: USERS,
            apart: &[VMAP, PROCESS],
            casts: &[WALKS_TOGETHER[1], WALKS_TOGETHER[2]],
            ..TOGETHER
        })
    }

    /// Two users of one vmap.
    #[test]
    fn two_of_the_kernel() -> Outcome {
        walk(&Stage {
            users: &[Via::Vmap, Via::Vmap],
            apart: &[(Via::Vmap, Via::Direct)],
            casts: &[WALKS_TOGETHER[0]],
            ..TOGETHER
        })
    }

    /// Two mappings in a process, which differ where tags are virtual.
    #[test]
    fn two_user_mappings() -> Outcome {
        walk(&Stage {
            users: &[Via::Process, Via::Process],
            apart: &[(Via::Process, Via::Direct)],
            casts: &[WALKS_TOGETHER[0]],
            ..TOGETHER
        })
    }

    /// Aliases come and go.
    #[test]
    fn new_aliases() -> Outcome {
        walk(&Stage {
            users: &[Via::Vmap, Via::Process],
            apart: &[(Via::Vmap, Via::Process)],
            casts: &WALKS_RENEWED,
            ..TOGETHER
        })
    }

    #[test]
    fn vmap_of_many_pages() -> Outcome {
        walk(&Stage {
            users: &[Via::Vmap],
            apart: &[(Via::Vmap, Via::Direct)],
            ..Stage::PAGES
        })
    }

    #[test]
    fn direct_map_of_many_pages() -> Outcome {
        walk(&Stage {
            users: &[Via::Direct],
            ..Stage::PAGES
        })
    }

    #[test]
    fn process_with_many_pages() -> Outcome {
        walk(&Stage {
            users: &[Via::Process],
            apart: &[(Via::Process, Via::Direct)],
            ..Stage::PAGES
        })
    }

    /// All but the last page in one area, and that one in another.
    #[test]
    fn process_with_two_parts() -> Outcome {
        walk(&Stage {
            users: &[Via::Parts(4)],
            apart: &[(Via::Parts(4), Via::Direct)],
            ..Stage::PAGES
        })
    }

    /// The first page in one area, and all others in another.
    #[test]
    fn process_with_a_small_first_part() -> Outcome {
        walk(&Stage {
            users: &[Via::Parts(1)],
            apart: &[(Via::Parts(1), Via::Direct)],
            ..Stage::PAGES
        })
    }
}
