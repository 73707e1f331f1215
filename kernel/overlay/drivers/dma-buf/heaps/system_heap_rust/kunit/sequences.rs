// SPDX-License-Identifier: GPL-2.0

//! Everything that may happen to a buffer, one after the other, in each order.
//!
//! [`walk`](crate::walk) says what happens next, and who may read and write in between;
//! [`stages`](crate::stages) says to what. Here it happens: to a buffer of the heap, its aliases
//! and the chip.

use crate::{
    check::{
        Failed,
        Outcome, //
    },
    device::Peer,
    heap::{
        Client,
        DataDirection,
        DmaBuf,
        Frames,
        Importer,
        VMap, //
    },
    lsi::{
        Chip,
        View, //
    },
    stages::{
        self,
        Stage,
        Via,
        LINES,
        WORD,
        WORDS,
        WORDS_OF_LINE, //
    },
    sys::{
        self,
        Frame,
        UserMap, //
    },
    vcsan,
    walk::{
        Course,
        Dir,
        Step,
        Walk,
        MAX_MAPPINGS, //
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

/// Tries before a case gives up to get aliases of the colours that it wants.
const TRIES: usize = 1024;

/// Where word number `word` is.
fn offset(stage: &Stage, word: usize) -> usize {
    stage.offset(word, PAGE_SIZE)
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
pub(crate) fn end(buffer: &DmaBuf, dir: Dir) -> Result {
    // SAFETY: The buffer is valid.
    to_result(unsafe {
        bindings::dma_buf_end_cpu_access(buffer.as_raw(), data_direction(dir).into())
    })
}

/// A buffer and its aliases.
struct Set {
    buffer: Importer,
    /// Its pages.
    frames: KVec<Frame>,
    vmap: Option<VMap>,
    /// What processes have mapped, each with its first page.
    areas: KVec<(UserMap, usize)>,
}

impl Set {
    /// Allocates a buffer and makes the aliases that the stage needs.
    fn new(stage: &Stage) -> Outcome<Self> {
        let client = Client::new()?;
        // Rejected buffers, so that the next one has other pages, and areas that shift the next
        // vmap.
        let (mut rejected, mut spacers) = (KVec::new(), KVec::new());

        for i in 0..TRIES {
            let set = Self::any(&client, stage)?;
            if set.suits(stage) {
                for &frame in &set.frames {
                    vcsan::watch_page(frame);
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
        let mut frames = KVec::new();
        for offset in (0..len).step_by(PAGE_SIZE) {
            frames.push(vmap.frame(offset).ok_or(EFAULT)?, GFP_KERNEL)?;
        }
        Ok(Self {
            frames,
            vmap: stage.users.contains(&Via::Vmap).then_some(vmap),
            areas,
            buffer,
        })
    }

    /// The address of the byte at `offset` in the direct map. `None` in high memory.
    fn direct(&self, offset: usize) -> Option<usize> {
        let page = self.frames.get(offset / PAGE_SIZE)?.direct_map()?;

        Some(page.as_ptr().addr() + offset % PAGE_SIZE)
    }

    /// The address of the byte at `offset` in the alias of a user. `None` if it has none that
    /// stays.
    fn address(&self, stage: &Stage, user: usize, offset: usize) -> Option<usize> {
        let page = offset / PAGE_SIZE;

        match stage.users[user] {
            Via::Vmap => Some(self.vmap.as_ref()?.as_ptr().addr() + offset),
            Via::Direct => self.direct(offset),
            Via::Process => {
                let (area, _) = self.areas.get(area_of(stage, user))?;
                Some(area.addr() + offset)
            }
            Via::Parts(_) => self
                .areas
                .iter()
                .rfind(|(_, first)| *first <= page)
                .map(|(area, first)| area.addr() + offset - first * PAGE_SIZE),
        }
    }

    /// Whether the aliases have different colours where the stage wants that.
    fn suits(&self, stage: &Stage) -> bool {
        let mask = sys::colour_mask();
        let all_differ = |page: usize| {
            let colour = |alias: usize| match alias.checked_sub(1) {
                Some(user) => Some(self.address(stage, user, page * PAGE_SIZE)? & mask),
                None => Some(self.direct(page * PAGE_SIZE)? & mask),
            };
            let aliases = 0..=stage.users.len();

            aliases.clone().all(|one| {
                aliases.clone().all(|other| {
                    stage.colours[one] == stage.colours[other] || colour(one) != colour(other)
                })
            })
        };

        mask == 0 || stage.used.into_iter().all(all_differ)
    }
}

/// Which of the areas is that of a user.
fn area_of(stage: &Stage, user: usize) -> usize {
    let others = stage.users[..user].iter();

    others.filter(|&&via| via == Via::Process).count()
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
                let area = area_of(self.stage, user);
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

    /// The words that `pick` picks of each line.
    fn words(mut pick: impl FnMut() -> u32, mut f: impl FnMut(usize) -> Outcome) -> Outcome {
        for line in 0..LINES {
            let words = pick();
            for word in 0..WORDS_OF_LINE {
                if words >> word & 1 != 0 {
                    f(WORDS_OF_LINE * line + word)?;
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
            offset(self.stage, word)
        )))
    }

    fn user_reads(&self, walk: &mut Walk, user: usize, step: Step) -> Outcome {
        let via = self.stage.users[user];

        Self::words(
            || walk.pick_words(),
            |word| {
                let offset = offset(self.stage, word);
                let addr = || self.set.address(self.stage, user, offset).ok_or(EFAULT);
                let got = match via {
                    // SAFETY: A word of the buffer, which is mapped there.
                    Via::Vmap => unsafe {
                        core::ptr::with_exposed_provenance::<u32>(addr()?).read_volatile()
                    },
                    Via::Direct => {
                        let page = self.set.frames[offset / PAGE_SIZE].map();
                        let word = page.start().wrapping_add(offset % PAGE_SIZE);
                        // SAFETY: A word of the page, which is mapped there.
                        unsafe { word.cast::<u32>().read_volatile() }
                    }
                    Via::Process | Via::Parts(_) => sys::read_user(addr()?)?,
                };
                self.compare("a user", step, word, got)
            },
        )
    }

    fn user_writes(&mut self, walk: &mut Walk, user: usize) -> Outcome {
        let via = self.stage.users[user];

        Self::words(
            || walk.pick_words(),
            |word| {
                let offset = offset(self.stage, word);
                let addr = || self.set.address(self.stage, user, offset).ok_or(EFAULT);
                let value = self.value + 1;

                match via {
                    // SAFETY: A word of the buffer, which is mapped there.
                    Via::Vmap => unsafe {
                        core::ptr::with_exposed_provenance_mut::<u32>(addr()?).write_volatile(value)
                    },
                    Via::Direct => {
                        let page = self.set.frames[offset / PAGE_SIZE].map();
                        let word = page.start().wrapping_add(offset % PAGE_SIZE);
                        // SAFETY: A word of the page, which is mapped there.
                        unsafe { word.cast::<u32>().write_volatile(value) };
                    }
                    Via::Process | Via::Parts(_) => sys::write_user(addr()?, value)?,
                }
                self.value = value;
                self.expected[word] = value;
                Ok(())
            },
        )
    }

    fn device_reads(&self, mapping: usize, step: Step) -> Outcome {
        let all = 0..self.stage.pages * PAGE_SIZE;

        self.chip
            .copy(&self.links[mapping].view(&all)?, &self.peer.view(all)?)?;
        for word in 0..WORDS {
            let got = self.peer.word(offset(self.stage, word))?;
            self.compare("the device", step, word, got)?;
        }
        Ok(())
    }

    fn device_writes(&mut self, walk: &mut Walk, mapping: usize) -> Outcome {
        let words = walk.pick_range(WORDS);
        let bytes = offset(self.stage, words.start)..offset(self.stage, words.end - 1) + WORD;

        for word in words {
            self.value += 1;
            self.expected[word] = self.value;
            self.peer.set_word(offset(self.stage, word), self.value)?;
        }
        self.chip.copy(
            &self.peer.view(bytes.clone())?,
            &self.links[mapping].view(&bytes)?,
        )?;
        Ok(())
    }

    /// Users and devices read and write, as they may.
    fn touch(&mut self, walk: &mut Walk, step: Step) -> Outcome {
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

/// Walks each walk of the stages, each on a buffer of its own.
fn walk(stages: &[Stage]) -> Outcome {
    let colours = match sys::colour_mask().count_ones() {
        0 => 1,
        1 => 2,
        _ => usize::MAX,
    };
    let stages = stages.iter().filter(|stage| stage.runs(colours));

    for stage in stages {
        stage
            .walks
            .iter()
            .try_for_each(|course| walk_once(stage, *course))?;
    }
    Ok(())
}

fn walk_once(stage: &Stage, course: Course) -> Outcome {
    Chip::with(|chip| {
        let peer = Peer::new(chip, stage.pages * PAGE_SIZE)?;
        let set = Set::new(stage)?;
        let mut walk = Walk::new(course);
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

    #[test]
    fn vmap() -> Outcome {
        walk(&stages::VMAP)
    }

    #[test]
    fn vmap_of_many_pages() -> Outcome {
        walk(&stages::CHUNKS)
    }

    #[test]
    fn direct_map() -> Outcome {
        walk(&stages::DIRECT)
    }

    #[test]
    fn process_with_two_parts() -> Outcome {
        walk(&stages::PROCESS)
    }

    #[test]
    fn vmap_and_process() -> Outcome {
        walk(&stages::VMAP_AND_PROCESS)
    }

    #[test]
    fn two_of_the_kernel() -> Outcome {
        walk(&stages::TWO_OF_THE_KERNEL)
    }

    #[test]
    fn two_user_mappings() -> Outcome {
        walk(&stages::TWO_USER_MAPPINGS)
    }

    #[test]
    fn new_aliases() -> Outcome {
        walk(&stages::RENEWALS)
    }
}
