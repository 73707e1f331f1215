// SPDX-License-Identifier: GPL-2.0

//! The other end of transfers, and the suite that trusts neither it nor the chip.

use crate::{
    check::{
        Image,
        Outcome, //
    },
    heap::{
        Importer,
        Mapping, //
    },
    lsi::{
        Chip,
        View, //
    },
};
use core::ops::Range;
use kernel::{
    dma::Coherent,
    page::PAGE_SIZE,
    prelude::*, //
};

/// The most that every machine has of coherent memory in one piece: PA-RISC with a PCX-L panics
/// above 32 pages.
const PIECE: usize = 16 * PAGE_SIZE;

/// Coherent memory: CPU and device see the same without any cache maintenance.
///
/// # Invariants
///
/// All pieces but the last have [`PIECE`] bytes, and none is empty.
pub(crate) struct Peer(KVec<Coherent<[u8]>>);

impl Peer {
    /// Zeros.
    pub(crate) fn new(chip: &Chip<'_>, len: usize) -> Result<Self> {
        let mut pieces = KVec::new();
        let mut left = len;
        while left > 0 {
            let len = left.min(PIECE);
            pieces.push(
                Coherent::zeroed_slice(chip.dev(), len, GFP_KERNEL)?,
                GFP_KERNEL,
            )?;
            left -= len;
        }

        View::of_coherent(&pieces, 0, len)?.unwatch();
        // INVARIANT: Only the last round can have less than `PIECE` left, and no round has nothing.
        Ok(Self(pieces))
    }

    /// The range as the chip sees it.
    pub(crate) fn view(&self, range: Range<usize>) -> Result<View> {
        View::of_coherent(&self.0, range.start, range.len())
    }

    /// Calls `f` with each piece that has bytes of `range`: the piece, where they are in it, and
    /// where they are in `range`.
    fn for_each(
        &self,
        range: Range<usize>,
        mut f: impl FnMut(&Coherent<[u8]>, Range<usize>, Range<usize>) -> Result,
    ) -> Result {
        let mut done = 0;
        while done < range.len() {
            let (index, start) = ((range.start + done) / PIECE, (range.start + done) % PIECE);
            let piece = self.0.get(index).ok_or(EINVAL)?;
            let len = piece.size().saturating_sub(start).min(range.len() - done);
            if len == 0 {
                return Err(EINVAL);
            }
            f(piece, start..start + len, done..done + len)?;
            done += len;
        }
        Ok(())
    }

    /// Lets the chip copy `range` of this memory to the same place of `buffer`.
    pub(crate) fn send(
        &self,
        chip: &Chip<'_>,
        buffer: &Importer,
        mapping: &Mapping<'_>,
        range: Range<usize>,
    ) -> Result {
        let access = buffer.device_access(mapping)?;
        let dst = View::of_table(access.sg_table(), range.start, range.len())?;

        chip.copy(&self.view(range)?, &dst)
    }

    /// Lets the chip copy `range` of `buffer` to the same place of this memory.
    pub(crate) fn receive(
        &self,
        chip: &Chip<'_>,
        buffer: &Importer,
        mapping: &Mapping<'_>,
        range: Range<usize>,
    ) -> Result {
        let access = buffer.device_access(mapping)?;
        let src = View::of_table(access.sg_table(), range.start, range.len())?;

        chip.copy(&src, &self.view(range)?)
    }

    /// Writes all of `image`.
    pub(crate) fn write(&self, image: &Image) -> Result {
        image.write(0..image.len(), |offset, data| {
            self.for_each(offset..offset + data.len(), |piece, there, here| {
                // SAFETY: The chip copies only inside of `Chip::copy`, which waits, and references
                // to a `Peer` stay in one thread, which makes no second reference to the bytes
                // here.
                let bytes = unsafe { piece.as_mut() };

                bytes[there].copy_from_slice(&data[here]);
                Ok(())
            })
        })
    }

    /// Copies all of it to `bytes`, which are as many.
    pub(crate) fn get(&self, bytes: &mut [u8]) -> Result {
        self.for_each(0..bytes.len(), |piece, there, here| {
            // SAFETY: As in `write`.
            let piece = unsafe { piece.as_ref() };

            bytes[here].copy_from_slice(&piece[there]);
            Ok(())
        })
    }

    /// Writes `bytes`, which are as many as it has.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result {
        self.for_each(0..bytes.len(), |piece, there, here| {
            // SAFETY: As in `write`.
            let piece = unsafe { piece.as_mut() };

            piece[there].copy_from_slice(&bytes[here]);
            Ok(())
        })
    }

    /// The word at `offset`.
    pub(crate) fn word(&self, offset: usize) -> Result<u32> {
        let mut bytes = [0; 4];

        self.for_each(offset..offset + 4, |piece, there, here| {
            // SAFETY: As in `write`.
            let piece = unsafe { piece.as_ref() };

            bytes[here].copy_from_slice(&piece[there]);
            Ok(())
        })?;
        Ok(u32::from_ne_bytes(bytes))
    }

    /// Writes the word at `offset`.
    pub(crate) fn set_word(&self, offset: usize, word: u32) -> Result {
        self.for_each(offset..offset + 4, |piece, there, here| {
            // SAFETY: As in `write`.
            let bytes = unsafe { piece.as_mut() };

            bytes[there].copy_from_slice(&word.to_ne_bytes()[here]);
            Ok(())
        })
    }

    /// Compares with `image`.
    #[track_caller]
    pub(crate) fn check(&self, image: &Image, what: &str) -> Outcome {
        image.check(what, |offset, data| {
            self.for_each(offset..offset + data.len(), |piece, there, here| {
                // SAFETY: As in `write`.
                let bytes = unsafe { piece.as_ref() };

                data[here].copy_from_slice(&bytes[there]);
                Ok(())
            })
        })
    }
}

#[kunit_tests(system_heap_rust_device)]
mod tests {
    use super::*;
    use crate::check::ensure;

    /// Copies `range` of a buffer to the same place of another and compares all of the latter.
    fn copy(chip: &Chip<'_>, len: usize, range: Range<usize>) -> Outcome {
        let (src, dst) = (Peer::new(chip, len)?, Peer::new(chip, len)?);
        let mut image = Image::seeded(len, 1);
        src.write(&Image::seeded(len, 2))?;
        dst.write(&image)?;

        chip.copy(&src.view(range.clone())?, &dst.view(range.clone())?)?;

        image.put(range.clone(), 2, range.start);
        dst.check(&image, "destination")?;
        src.check(&Image::seeded(len, 2), "source")
    }

    #[test]
    fn copies_one_page() -> Outcome {
        Chip::with(|chip| copy(chip, PAGE_SIZE, 0..PAGE_SIZE))
    }

    #[test]
    fn copies_many_pages() -> Outcome {
        Chip::with(|chip| copy(chip, 16 * PAGE_SIZE, 0..16 * PAGE_SIZE))
    }

    #[test]
    fn copies_ranges_inside_a_page() -> Outcome {
        Chip::with(|chip| {
            for range in [0..1, 1..2, 3..64, 31..33, 32..4096, 4095..4096] {
                copy(chip, PAGE_SIZE, range)?;
            }
            Ok(())
        })
    }

    #[test]
    fn copies_across_pages() -> Outcome {
        Chip::with(|chip| copy(chip, 3 * PAGE_SIZE, PAGE_SIZE - 5..2 * PAGE_SIZE + 7))
    }

    #[test]
    fn copies_back_to_back() -> Outcome {
        Chip::with(|chip| {
            let (src, dst) = (Peer::new(chip, 64)?, Peer::new(chip, 64)?);
            for seed in 0..100 {
                let image = Image::seeded(64, seed);
                src.write(&image)?;
                chip.copy(&src.view(0..64)?, &dst.view(0..64)?)?;
                dst.check(&image, "destination")?;
            }
            Ok(())
        })
    }

    #[test]
    fn refuses_what_does_not_fit() -> Outcome {
        Chip::with(|chip| {
            let memory = Peer::new(chip, 64)?;

            ensure!(memory.view(1..65).is_err(), "a view beyond the memory");
            let result = chip.copy(&memory.view(0..8)?, &memory.view(8..24)?);
            ensure!(result == Err(EINVAL), "8 bytes into 16: {result:?}");
            Ok(())
        })
    }
}
