// SPDX-License-Identifier: GPL-2.0-only
//! The lines of one physical page, packed: a bit a byte for what is known of bytes, a bit a line for presences.

use crate::event::Site;
use crate::geometry::{Key, PAGE_SIZE};
use crate::hazard::Cause;
use crate::line::{Bytes, Held, Presence};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// Words of a map with one bit for each byte of a page.
const MAP_WORDS: usize = PAGE_SIZE as usize / 64;
/// Most lines that a page can have (16 bytes each), in 64-bit words.
const LINE_WORDS: usize = PAGE_SIZE as usize / 16 / 64;

/// Where the bits of a line are in a [`ByteMap`]. A line never crosses a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinePlace {
    pub(crate) word: usize,
    pub(crate) shift: u32,
    pub(crate) mask: Bytes,
}

impl LinePlace {
    /// `line` is an index into the page, `line_shift` the log2 of the line size.
    #[inline]
    pub(crate) fn new(line: usize, line_shift: u32) -> Self {
        let byte = line << line_shift;
        // CAST: both are below 64.
        Self {
            word: byte / 64 % MAP_WORDS,
            shift: (byte % 64) as u32,
            mask: ones(1 << line_shift),
        }
    }
}

/// The lowest `n` bits, `n` up to 64.
#[inline]
pub(crate) fn ones(n: u32) -> u64 {
    if n >= 64 { u64::MAX } else { (1 << n) - 1 }
}

/// One bit for each byte of a page; no memory while all are clear.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByteMap(Option<Box<[u64; MAP_WORDS]>>);

impl ByteMap {
    #[inline]
    pub(crate) fn get(&self, at: LinePlace) -> Bytes {
        self.0
            .as_ref()
            .map_or(0, |map| map[at.word] >> at.shift & at.mask)
    }

    pub(crate) fn set(&mut self, at: LinePlace, bytes: Bytes) {
        if self.0.is_some() || bytes != 0 {
            let word = &mut self.map()[at.word];
            *word = *word & !(at.mask << at.shift) | (bytes & at.mask) << at.shift;
        }
    }

    #[inline]
    fn map(&mut self) -> &mut [u64; MAP_WORDS] {
        self.0.get_or_insert_with(|| Box::new([0; MAP_WORDS]))
    }

    /// Whether it takes no memory, as all bits are clear.
    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn any(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|map| map.iter().any(|&word| word != 0))
    }

    pub(crate) fn memory(&self) -> usize {
        self.0.as_ref().map_or(0, |map| size_of_val(&**map))
    }
}

/// One bit for each line of a page.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LineSet([u64; LINE_WORDS]);

impl LineSet {
    #[inline]
    pub(crate) fn has(&self, line: usize) -> bool {
        self.0[line / 64 % LINE_WORDS] >> (line % 64) & 1 != 0
    }

    pub(crate) fn put(&mut self, line: usize, value: bool) {
        let (word, bit) = (&mut self.0[line / 64 % LINE_WORDS], 1 << (line % 64));
        *word = if value { *word | bit } else { *word & !bit };
    }

    /// The lines from `first` to `last`, both included.
    pub(crate) fn range(first: usize, last: usize) -> Self {
        let below = |line: usize, word: usize| ones(line.saturating_sub(word * 64).min(64) as u32);
        Self(core::array::from_fn(|word| {
            below(last + 1, word) & !below(first, word)
        }))
    }

    pub(crate) fn any(&self) -> bool {
        self.0.iter().any(|&word| word != 0)
    }

    /// With all lines of another one, or without them.
    #[inline]
    pub(crate) fn put_all(&mut self, other: Self, value: bool) {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word = if value { *word | other } else { *word & !other };
        }
    }

    /// The lines in this one that are not in another one.
    #[inline]
    pub(crate) fn without(mut self, other: Self) -> Self {
        self.put_all(other, false);
        self
    }

    /// The lines in both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word &= other;
        }
        self
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(i, word)| {
            let mut rest = word;
            core::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(i * 64 + bit as usize)
            })
        })
    }
}

/// The accesses behind what an alias holds of one line, for reports.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LineSites {
    pub(crate) filled_by: Site,
    pub(crate) dirtied_by: Site,
}

/// Log2 of the bytes of a grain: the shortest line.
pub(crate) const GRAIN_SHIFT: u32 = 4;

/// One bit for each grain of a page: whatever a line's length, where an offset's bit is takes no look at it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Grains([u64; PAGE_SIZE as usize >> GRAIN_SHIFT >> 6]);

impl Grains {
    /// Whether the `len` bytes at an offset are in. False for some that are, in two grains.
    #[inline(always)]
    pub(crate) fn have_one(&self, offset: usize, len: u32) -> bool {
        const GRAIN: usize = 1 << GRAIN_SHIFT;
        let grain = offset >> GRAIN_SHIFT;
        offset % GRAIN + len as usize <= GRAIN
            && self.0[grain / 64 % self.0.len()] >> (grain % 64) & 1 != 0
    }

    /// Whether all of the bytes from offset `first` to `last` of the page are in.
    #[inline(always)]
    pub(crate) fn have(&self, first: usize, last: usize) -> bool {
        let (first, last) = (first >> GRAIN_SHIFT, last >> GRAIN_SHIFT);
        let word = first / 64;
        let from = u64::MAX << (first % 64);
        let to = u64::MAX >> (63 - last % 64);
        if word == last / 64 {
            self.misses(word, from & to) == 0
        } else {
            self.have_in_words(word, last / 64, from, to)
        }
    }

    #[cold]
    #[inline(never)]
    fn have_in_words(&self, word: usize, end: usize, from: u64, to: u64) -> bool {
        self.misses(word, from) == 0
            && (word + 1..end).all(|word| self.misses(word, u64::MAX) == 0)
            && self.misses(end, to) == 0
    }

    #[inline(always)]
    fn misses(&self, word: usize, bits: u64) -> u64 {
        bits & !self.0[word % self.0.len()]
    }

    #[inline]
    pub(crate) fn put(&mut self, line: usize, line_shift: u32, value: bool) {
        let first = line << (line_shift - GRAIN_SHIFT);
        let bits = ones(1 << (line_shift - GRAIN_SHIFT)) << (first % 64);
        let index = first / 64 % self.0.len();
        let word = &mut self.0[index];
        *word = if value { *word | bits } else { *word & !bits };
    }
}

/// Lines of an alias whose accesses need no step: all that most accesses look at, so it is in one cache line of the host's.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
pub(crate) struct FastHits {
    /// A load changes nothing and can't go wrong: valid, no byte stale or lost, not behind memory.
    pub(crate) loads: Grains,
    /// A store changes nothing but what was [written](crate::written): dirty here, absent or old elsewhere, no byte stale or lost.
    pub(crate) stores: Grains,
}

/// What one alias may hold of a page. What an access that changes it looks at is in two cache lines of the host's.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct AliasPage {
    pub(crate) valid: LineSet,
    pub(crate) dirty: LineSet,
    pub(crate) stale: ByteMap,
    /// Index of the page.
    pub(crate) page: usize,
    sites: Box<[LineSites]>,
    /// Mapped for ever, as the kernel's linear map is.
    pub(crate) linear: bool,
    /// On the model's list of aliases that whole-cache maintenance can change.
    pub(crate) listed: bool,
    /// Another page has an alias with the same virtual tag, or had one.
    pub(crate) shares_tag: bool,
    /// The page has other aliases.
    pub(crate) in_company: bool,
    pub(crate) key: Key,
    /// Virtual pages that translate here, in speculative mode.
    pub(crate) mappings: Vec<(u32, u64)>,
}

impl AliasPage {
    pub(crate) fn new(page: usize, key: Key, lines: usize) -> Self {
        Self {
            valid: LineSet::default(),
            dirty: LineSet::default(),
            stale: ByteMap::default(),
            page,
            key,
            sites: vec![LineSites::default(); lines].into(),
            mappings: Vec::new(),
            linear: false,
            listed: false,
            shares_tag: false,
            in_company: false,
        }
    }

    /// Hardware may fill lines on its own, if it speculates at all.
    pub(crate) fn mapped(&self) -> bool {
        self.linear || !self.mappings.is_empty()
    }

    pub(crate) fn held(&self, line: usize, at: LinePlace) -> Held {
        let presence = match (self.valid.has(line), self.dirty.has(line)) {
            (false, _) => Presence::Absent,
            (true, false) => Presence::Clean,
            (true, true) => Presence::Dirty,
        };
        Held {
            presence,
            stale: self.stale.get(at),
        }
    }

    pub(crate) fn set_held(&mut self, line: usize, at: LinePlace, held: Held) {
        self.valid.put(line, held.presence != Presence::Absent);
        self.dirty.put(line, held.presence == Presence::Dirty);
        self.stale.set(at, held.stale);
    }

    pub(crate) fn sites(&self, line: usize) -> LineSites {
        self.sites.get(line).copied().unwrap_or_default()
    }

    pub(crate) fn sites_mut(&mut self, line: usize) -> Option<&mut LineSites> {
        self.sites.get_mut(line)
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>()
            + self.stale.memory()
            + size_of_val(&*self.sites)
            + self.mappings.capacity() * 16
    }
}

/// Why bytes of a line are lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossRecord {
    pub(crate) line: usize,
    pub(crate) bytes: Bytes,
    pub(crate) cause: Cause,
}

/// A physical page.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Physical page number.
    pub(crate) frame: u64,
    /// Indices of its [`AliasPage`]s.
    pub(crate) aliases: Vec<usize>,
    pub(crate) losses: Vec<LossRecord>,
}

impl Page {
    pub(crate) fn new(frame: u64) -> Self {
        Self {
            frame,
            aliases: Vec::new(),
            losses: Vec::new(),
        }
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>()
            + self.aliases.capacity() * size_of::<usize>()
            + self.losses.capacity() * size_of::<LossRecord>()
    }
}

#[cfg(test)]
mod tests {
    use super::Grains;

    #[test]
    fn grains_are_in_where_their_lines_are() {
        for line_shift in [4, 5, 6] {
            let lines = 4096 >> line_shift;
            for first in 0..lines {
                for last in first..lines {
                    let mut grains = Grains::default();
                    for line in first..=last {
                        grains.put(line, line_shift, true);
                    }
                    let (from, to) = (first << line_shift, ((last + 1) << line_shift) - 1);
                    assert!(grains.have(from, to));
                    assert!(grains.have_one(from, 16) && grains.have_one(to - 3, 4));
                    assert!(from == 0 || !grains.have(from - 1, to));
                    assert!(to == 4095 || !grains.have(from, to + 1));
                    let middle = usize::midpoint(first, last);
                    grains.put(middle, line_shift, false);
                    assert!(!grains.have(from, to));
                }
            }
        }
    }
}
