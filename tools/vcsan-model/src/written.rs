// SPDX-License-Identifier: GPL-2.0-only
//! What was written to a physical page: which bytes memory does not have, and who wrote.

use crate::event::Site;
use crate::geometry::PAGE_SIZE;
use crate::line::Bytes;
use crate::page::{LinePlace, ones};
use alloc::boxed::Box;
use alloc::vec;

/// Words of a map with one bit for each byte of a page.
const MAP_WORDS: usize = PAGE_SIZE as usize / 64;
/// Units of a page for which writers are noted: 4 bytes.
const UNITS: usize = PAGE_SIZE as usize / 4;

#[derive(Clone, Debug)]
struct Stores {
    /// [`Line::unsaved`](crate::line::Line::unsaved) of all lines.
    unsaved: [u64; MAP_WORDS],
    /// Who wrote last, for each unit of 4 bytes; [`Site::SPLIT`] where it is not the same for all 4.
    writers: [Site; UNITS],
    /// The writers of each byte of such units; no memory while there was none.
    split: Option<Box<[[Site; 4]]>>,
}

/// Stores to a page; no memory before the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written(Option<Box<Stores>>);

impl Written {
    #[inline]
    pub(crate) fn unsaved(&self, at: LinePlace) -> Bytes {
        self.0
            .as_ref()
            .map_or(0, |stores| stores.unsaved[at.word] >> at.shift & at.mask)
    }

    pub(crate) fn set_unsaved(&mut self, at: LinePlace, bytes: Bytes) {
        if self.0.is_some() || bytes != 0 {
            let word = &mut self.stores().unsaved[at.word];
            *word = *word & !(at.mask << at.shift) | (bytes & at.mask) << at.shift;
        }
    }

    #[inline(always)]
    fn stores(&mut self) -> &mut Stores {
        self.0.get_or_insert_with(Self::none)
    }

    #[cold]
    #[inline(never)]
    fn none() -> Box<Stores> {
        Box::new(Stores {
            unsaved: [0; MAP_WORDS],
            writers: [Site::NONE; UNITS],
            split: None,
        })
    }

    /// Who wrote a byte last.
    pub(crate) fn writer(&self, offset: usize) -> Site {
        let Some(stores) = &self.0 else {
            return Site::NONE;
        };
        let unit = offset / 4 % UNITS;
        match (stores.writers[unit], &stores.split) {
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
            let stores = self.stores();
            stores.unsaved[offset / 64 % MAP_WORDS] |= 0xf << (offset % 64);
            stores.writers[offset / 4 % UNITS] = site;
        } else {
            self.add_any_store(offset, len as usize, site);
        }
    }

    /// As [`add_store`](Self::add_store), for words side by side from an offset on, which is one's: the first by `site`, each
    /// other one by the next site.
    #[inline(always)]
    pub(crate) fn add_words(&mut self, offset: usize, count: u32, site: Site) {
        let stores = self.stores();
        let (mut at, end) = (
            offset,
            (offset + 4 * count as usize).min(PAGE_SIZE as usize),
        );
        while at < end {
            let inside = at % 64;
            let len = (64 - inside).min(end - at);
            // CAST: at most 64.
            stores.unsaved[at / 64 % MAP_WORDS] |= ones(len as u32) << inside;
            at += len;
        }
        let writers = &mut stores.writers[offset / 4 % UNITS..end.div_ceil(4).min(UNITS)];
        for (site, writer) in (site.id()..).zip(writers) {
            *writer = Site::new(site);
        }
    }

    #[cold]
    #[inline(never)]
    fn add_any_store(&mut self, offset: usize, len: usize, site: Site) {
        let unsaved = &mut self.stores().unsaved;
        for byte in offset..offset + len {
            unsaved[byte / 64 % MAP_WORDS] |= 1 << (byte % 64);
        }
        self.set_writer(offset, len, site);
    }

    /// Notes who wrote `len` bytes at `offset`.
    #[inline]
    pub(crate) fn set_writer(&mut self, offset: usize, len: usize, site: Site) {
        let stores = self.stores();
        if (offset | len).is_multiple_of(4) {
            let first = offset / 4 % UNITS;
            let end = (first + len / 4).min(UNITS);
            stores.writers[first..end].fill(site);
        } else {
            stores.set_writer_of_bytes(offset, len, site);
        }
    }

    pub(crate) fn memory(&self) -> usize {
        self.0.as_ref().map_or(0, |stores| {
            let split = stores.split.as_ref();
            size_of::<Stores>() + split.map_or(0, |split| size_of_val(&**split))
        })
    }
}

impl Stores {
    fn set_writer_of_bytes(&mut self, offset: usize, len: usize, site: Site) {
        for byte in offset..offset + len {
            let index = byte / 4 % UNITS;
            let unit = &mut self.writers[index];
            if *unit == site {
                continue;
            }
            let split = self
                .split
                .get_or_insert_with(|| vec![[Site::NONE; 4]; UNITS].into());
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
    }
}
