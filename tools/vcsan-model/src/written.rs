// SPDX-License-Identifier: GPL-2.0-only
//! What was written to a physical page: which bytes memory does not have, and who wrote.

use crate::event::Site;
use crate::geometry::PAGE_SIZE;
use crate::line::Bytes;
use crate::page::{ByteMap, LinePlace, ones};
use alloc::boxed::Box;
use alloc::vec;

/// Bytes of a block.
const BLOCK: usize = 32;
const BLOCKS: usize = PAGE_SIZE as usize / BLOCK;
/// Words of a block.
const WORDS: u32 = BLOCK as u32 / 4;
/// Units of a page for which writers are noted: 4 bytes.
const UNITS: usize = PAGE_SIZE as usize / 4;

/// The bytes of a block. All that is touched where memory is written in a row, which is most of what is written: to note
/// each word's writer by itself would take as much of the host's caches as the guest's own stores.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    /// [`Line::unsaved`](crate::line::Line::unsaved).
    unsaved: u32,
    /// The writer of the first word, if those of the others are the sites that follow; else [`Site::NONE`].
    row: Site,
}

/// What few pages need.
#[derive(Clone, Debug, Default)]
struct Rest {
    /// The writers of each byte of units that have several; no memory while there was none.
    split: Option<Box<[[Site; 4]]>>,
    /// [`Line::lost`](crate::line::Line::lost) of all lines.
    lost: ByteMap,
}

/// Stores to a page; no memory before the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    blocks: Option<Box<[Block; BLOCKS]>>,
    /// Who wrote last, for each unit of 4 bytes of the blocks that were not written in a row; [`Site::SPLIT`] where it is not
    /// the same for all 4.
    writers: Option<Box<[Site; UNITS]>>,
    rest: Option<Box<Rest>>,
}

impl Written {
    #[inline]
    pub(crate) fn unsaved(&self, at: LinePlace) -> Bytes {
        self.blocks.as_ref().map_or(0, |blocks| {
            // A line is half a block, a block, or two.
            let first = (at.word * 64 + at.shift as usize) / BLOCK;
            let low = u64::from(blocks[first % BLOCKS].unsaved);
            let high = u64::from(blocks[(first + 1) % BLOCKS].unsaved);
            (low | high << 32) >> (at.shift % 32) & at.mask
        })
    }

    pub(crate) fn set_unsaved(&mut self, at: LinePlace, bytes: Bytes) {
        if self.blocks.is_none() && bytes == 0 {
            return;
        }
        let first = (at.word * 64 + at.shift as usize) / BLOCK;
        let shift = at.shift % 32;
        let (mask, bytes) = (at.mask << shift, (bytes & at.mask) << shift);
        let blocks = self.blocks();
        for (index, part) in [(first, 0), (first + 1, 32)] {
            // CAST: a half of each.
            let (mask, bytes) = ((mask >> part) as u32, (bytes >> part) as u32);
            if mask != 0 {
                let unsaved = &mut blocks[index % BLOCKS].unsaved;
                *unsaved = *unsaved & !mask | bytes;
            }
        }
    }

    #[inline]
    pub(crate) fn lost(&self, at: LinePlace) -> Bytes {
        self.rest.as_ref().map_or(0, |rest| rest.lost.get(at))
    }

    pub(crate) fn set_lost(&mut self, at: LinePlace, bytes: Bytes) {
        if self.rest.is_some() || bytes != 0 {
            self.rest.get_or_insert_default().lost.set(at, bytes);
        }
    }

    /// Whether no byte of the page was ever lost.
    #[inline]
    pub(crate) fn lost_nothing(&self) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.lost.is_none())
    }

    /// Whether no byte of a line is lost, and none unsaved but by a copy that is dirty.
    #[inline]
    pub(crate) fn is_in_order(&self, at: LinePlace, dirty: bool) -> bool {
        (dirty || self.unsaved(at) == 0) && self.lost(at) == 0
    }

    #[inline(always)]
    fn blocks(&mut self) -> &mut [Block; BLOCKS] {
        self.blocks.get_or_insert_with(Self::no_blocks)
    }

    #[cold]
    #[inline(never)]
    fn no_blocks() -> Box<[Block; BLOCKS]> {
        Box::new([Block::default(); BLOCKS])
    }

    /// The writers of units, which those of one block are to be noted in.
    #[inline(always)]
    fn writers(&mut self, block: usize) -> &mut [Site; UNITS] {
        let row = self.blocks()[block % BLOCKS].row;
        if row != Site::NONE {
            self.end_row(block % BLOCKS, row);
        }
        self.writers.get_or_insert_with(Self::no_writers)
    }

    #[cold]
    #[inline(never)]
    fn no_writers() -> Box<[Site; UNITS]> {
        Box::new([Site::NONE; UNITS])
    }

    /// Notes the writers of a block by themselves.
    #[cold]
    #[inline(never)]
    fn end_row(&mut self, block: usize, row: Site) {
        self.blocks()[block].row = Site::NONE;
        let writers = self.writers.get_or_insert_with(Self::no_writers);
        let first = block * WORDS as usize;
        for (site, writer) in (row.id()..).zip(&mut writers[first..][..WORDS as usize]) {
            *writer = Site::new(site);
        }
    }

    /// Who wrote a byte last.
    pub(crate) fn writer(&self, offset: usize) -> Site {
        let block = offset / BLOCK % BLOCKS;
        if let Some(blocks) = &self.blocks
            && blocks[block].row != Site::NONE
        {
            // CAST: a word of a block.
            return Site::new(blocks[block].row.id() + (offset % BLOCK / 4) as u32);
        }
        let unit = offset / 4 % UNITS;
        let writer = self.writers.as_ref().map_or(Site::NONE, |all| all[unit]);
        let split = self.rest.as_ref().and_then(|rest| rest.split.as_ref());
        match (writer, split) {
            (Site::SPLIT, Some(split)) => split[unit][offset % 4],
            (Site::SPLIT, None) => Site::NONE,
            (site, _) => site,
        }
    }

    /// Notes a store of `len` bytes at `offset`, which memory does not have.
    #[inline(always)]
    pub(crate) fn add_store(&mut self, offset: usize, len: u32, site: Site) {
        // Nearly all.
        if len == 4 && offset.is_multiple_of(4) {
            let block = offset / BLOCK % BLOCKS;
            self.blocks()[block].unsaved |= 0xf << (offset % BLOCK);
            self.writers(block)[offset / 4 % UNITS] = site;
        } else {
            self.add_any_store(offset, len as usize, site);
        }
    }

    /// As [`add_store`](Self::add_store), for words side by side from an offset on, which is one's: the first by `site`, each
    /// other one by the next site.
    #[inline(always)]
    pub(crate) fn add_words(&mut self, offset: usize, count: u32, site: Site) {
        self.write_words(offset, count, site, true);
    }

    /// As [`add_words`](Self::add_words), for words that memory has.
    pub(crate) fn set_writers(&mut self, offset: usize, count: u32, site: Site) {
        self.write_words(offset, count, site, false);
    }

    #[inline(always)]
    fn write_words(&mut self, offset: usize, count: u32, site: Site, unsaved: bool) {
        let (mut at, mut done) = (offset, 0);
        while done < count && at < PAGE_SIZE as usize {
            let first = at % BLOCK / 4;
            // CAST: words of a block.
            let words = (WORDS - first as u32).min(count - done);
            let site = Site::new(site.id() + done);
            let index = at / BLOCK % BLOCKS;
            let block = &mut self.blocks()[index];
            if unsaved {
                block.unsaved |= (ones(4 * words) << (4 * first)) as u32;
            }
            if words == WORDS {
                block.row = site;
            } else {
                self.write_part_of_row(index, first, words, site);
            }
            at += 4 * words as usize;
            done += words;
        }
    }

    #[inline]
    fn write_part_of_row(&mut self, block: usize, first: usize, words: u32, site: Site) {
        let unit = block * WORDS as usize + first;
        let writers = &mut self.writers(block)[unit..];
        for (site, writer) in (site.id()..).zip(&mut writers[..words as usize]) {
            *writer = Site::new(site);
        }
    }

    #[cold]
    #[inline(never)]
    fn add_any_store(&mut self, offset: usize, len: usize, site: Site) {
        let blocks = self.blocks();
        let mut at = offset;
        while at < offset + len {
            let inside = at % BLOCK;
            let part = (BLOCK - inside).min(offset + len - at);
            // CAST: a part of a block.
            blocks[at / BLOCK % BLOCKS].unsaved |= (ones(part as u32) << inside) as u32;
            at += part;
        }
        self.set_writer(offset, len, site);
    }

    /// Notes who wrote `len` bytes at `offset`.
    #[inline]
    pub(crate) fn set_writer(&mut self, offset: usize, len: usize, site: Site) {
        let end = offset + len;
        for block in offset / BLOCK..end.div_ceil(BLOCK).min(BLOCKS) {
            let (from, to) = (offset.max(block * BLOCK), end.min((block + 1) * BLOCK));
            let writers = self.writers(block);
            if (from | to).is_multiple_of(4) {
                writers[from / 4..to / 4].fill(site);
            } else {
                self.set_writer_of_bytes(from, to, site);
            }
        }
    }

    fn set_writer_of_bytes(&mut self, from: usize, to: usize, site: Site) {
        let Some(writers) = &mut self.writers else {
            return;
        };
        for byte in from..to {
            let index = byte / 4 % UNITS;
            let unit = &mut writers[index];
            if *unit == site {
                continue;
            }
            let split = &mut self.rest.get_or_insert_default().split;
            let split = split.get_or_insert_with(|| vec![[Site::NONE; 4]; UNITS].into());
            let sites = &mut split[index];
            if *unit != Site::SPLIT {
                *sites = [*unit; 4];
                *unit = Site::SPLIT;
            }
            sites[byte % 4] = site;
            if *sites == [site; 4] {
                *unit = site;
            }
        }
    }

    /// Bytes in use behind this.
    pub(crate) fn memory(&self) -> usize {
        fn of<T: ?Sized>(all: Option<&T>) -> usize {
            all.map_or(0, size_of_val)
        }
        let rest = self.rest.as_deref();
        of(self.blocks.as_deref())
            + of(self.writers.as_deref())
            + of(rest)
            + of(rest.and_then(|rest| rest.split.as_deref()))
            + rest.map_or(0, |rest| rest.lost.memory())
    }
}

#[cfg(test)]
mod tests {
    use super::{Site, Written};
    use crate::page::LinePlace;

    #[test]
    fn words_side_by_side_are_as_good_as_each_by_itself() {
        for (offset, count) in [(0, 1), (60, 2), (4, 31), (4032, 16), (4092, 1), (128, 64)] {
            let (mut together, mut each) = (Written::default(), Written::default());
            together.add_words(offset, count, Site::new(7));
            for word in 0..count {
                each.add_store(offset + 4 * word as usize, 4, Site::new(7 + word));
            }
            for line in 0..128 {
                let place = LinePlace::new(line, 5);
                assert_eq!(
                    together.unsaved(place),
                    each.unsaved(place),
                    "{offset} {count}"
                );
            }
            for byte in 0..4096 {
                assert_eq!(together.writer(byte), each.writer(byte), "{offset} {count}");
            }
        }
    }

    #[test]
    fn bytes_of_a_word_have_writers_of_their_own() {
        let mut written = Written::default();
        assert_eq!(written.writer(9), Site::NONE);
        written.add_store(8, 4, Site::new(1));
        written.add_store(9, 1, Site::new(2));
        written.add_store(14, 4, Site::new(3));
        let writers = [8, 9, 10, 13, 14, 17].map(|byte| written.writer(byte).id());
        assert_eq!(writers, [1, 2, 1, 0, 3, 3]);
        assert_eq!(written.unsaved(LinePlace::new(0, 5)), 0x3cf00);
        written.set_writer(8, 4, Site::new(4));
        assert_eq!(written.writer(9), Site::new(4));
        written.add_words(0, 8, Site::new(10));
        written.add_store(2, 1, Site::new(9));
        assert_eq!(
            [1, 2, 4, 31].map(|byte| written.writer(byte).id()),
            [10, 9, 11, 17]
        );
        written.set_writer(30, 4, Site::new(5));
        assert_eq!(
            [29, 30, 33, 34].map(|byte| written.writer(byte).id()),
            [17, 5, 5, 0]
        );
    }

    #[test]
    fn what_is_unsaved_is_kept_for_lines_of_any_length() {
        for shift in [4, 5, 6] {
            let mut written = Written::default();
            let len = 1 << shift;
            let bytes = |line: u64| {
                0x1234_5678_9abc_def1_u64.rotate_left(line as u32) & super::super::page::ones(len)
            };
            for line in 0..4096 / u64::from(len) {
                written.set_unsaved(LinePlace::new(line as usize, shift), bytes(line));
            }
            for line in 0..4096 / u64::from(len) {
                assert_eq!(
                    written.unsaved(LinePlace::new(line as usize, shift)),
                    bytes(line)
                );
            }
        }
    }
}
