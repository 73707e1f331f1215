// SPDX-License-Identifier: GPL-2.0

//! What a case returns, and how it compares data.

use core::{
    ops::Range,
    panic::Location, //
};
use kernel::{
    alloc::AllocError,
    bindings,
    fmt,
    prelude::*,
    transmute::AsBytes, //
};

/// A case has failed, and has said why in the log.
#[derive(Debug)]
pub(crate) struct Failed(());

/// What a case returns.
pub(crate) type Outcome<T = ()> = Result<T, Failed>;

impl Failed {
    /// Prints why, as a diagnostic of the running case.
    #[track_caller]
    pub(crate) fn new(why: fmt::Arguments<'_>) -> Self {
        let at = Location::caller();

        // SAFETY: May be called from anywhere.
        let test = unsafe { bindings::kunit_get_current_test() };
        let name = if test.is_null() {
            c"?"
        } else {
            // SAFETY: The name of the case that runs is a string that ends in NUL.
            unsafe { CStr::from_char_ptr((*test).name) }
        };

        kernel::kunit::err(fmt!("    # {name}: {why} ({}:{})\n", at.file(), at.line()));
        Self(())
    }
}

impl From<Error> for Failed {
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::new(fmt!("unexpected {error:?}"))
    }
}

impl From<AllocError> for Failed {
    #[track_caller]
    fn from(error: AllocError) -> Self {
        Error::from(error).into()
    }
}

/// Fails the case with a message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::check::Failed::new(fmt!($($message)+)));
        }
    };
}
pub(crate) use ensure;

/// What the bytes of a buffer must be: a background and the ranges written over it since.
///
/// Each byte depends on its offset and on the seed of its writer, so data that is stale, shifted
/// or from elsewhere is told apart from the right one.
pub(crate) struct Image {
    layers: [Layer; Image::MAX_LAYERS],
    count: usize,
    len: usize,
}

/// One range of bytes that were written together.
#[derive(Clone, Copy)]
struct Layer {
    start: usize,
    end: usize,
    pattern: Pattern,
}

/// How the bytes of a layer are made.
#[derive(Clone, Copy)]
enum Pattern {
    Zero,
    /// `from` is what the byte at `start` has for an offset in the image of its writer.
    Seeded {
        seed: u8,
        from: usize,
    },
}

/// Bytes that are handled at a time, aligned, so that no piece of a buffer crosses into another
/// page.
const CHUNK: usize = 256;

/// So many bytes. Words where they can be: every access of a watched machine takes its time.
struct Chunk([u32; CHUNK / 4]);

impl Chunk {
    const ZEROS: Self = Self([0; CHUNK / 4]);

    /// The first `len` bytes.
    fn bytes(&self, len: usize) -> &[u8] {
        &AsBytes::as_bytes(&self.0)[..len]
    }

    fn bytes_mut(&mut self, len: usize) -> &mut [u8] {
        &mut AsBytes::as_bytes_mut(&mut self.0)[..len]
    }

    fn equals(&self, other: &Self, len: usize) -> bool {
        if len < CHUNK {
            return self.bytes(len) == other.bytes(len);
        }
        self.0.iter().zip(other.0.iter()).all(|(a, b)| a == b)
    }
}

/// Bytes 4 * `index` to 4 * `index` + 3 of the image of `seed`, as they lie in memory.
fn seeded_word(seed: u8, index: usize) -> u32 {
    // A multiplicative hash; its high bits are the good ones, so all others get some of them.
    // CAST: Offsets are small.
    let hash = (index as u32 ^ u32::from(seed).wrapping_mul(0x0101_0101)).wrapping_mul(0x9e37_79b1);
    hash ^ hash >> 16 ^ hash >> 8
}

impl Layer {
    const EMPTY: Self = Self {
        start: 0,
        end: 0,
        pattern: Pattern::Zero,
    };

    /// Puts what belongs there into the first `len` bytes of `chunk`, which lies at `offset`.
    fn paint(&self, chunk: &mut Chunk, offset: usize, len: usize) {
        let start = self.start.max(offset);
        let end = self.end.min(offset + len);
        if start >= end {
            return;
        }
        let part = start - offset..end - offset;

        match self.pattern {
            Pattern::Zero => chunk.bytes_mut(len)[part].fill(0),
            Pattern::Seeded { seed, from } => {
                let first = from + (start - self.start);
                if (part.start | part.end | first) % 4 == 0 {
                    let words = &mut chunk.0[part.start / 4..part.end / 4];
                    for (word, index) in words.iter_mut().zip(first / 4..) {
                        *word = seeded_word(seed, index);
                    }
                } else {
                    for (byte, at) in chunk.bytes_mut(len)[part].iter_mut().zip(first..) {
                        *byte = seeded_word(seed, at / 4).to_ne_bytes()[at % 4];
                    }
                }
            }
        }
    }
}

impl Image {
    const MAX_LAYERS: usize = 8;

    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self::new(len, Pattern::Zero)
    }

    /// `len` bytes of the pattern that `seed` selects.
    pub(crate) fn seeded(len: usize, seed: u8) -> Self {
        Self::new(len, Pattern::Seeded { seed, from: 0 })
    }

    fn new(len: usize, pattern: Pattern) -> Self {
        let mut layers = [Layer::EMPTY; Self::MAX_LAYERS];
        layers[0] = Layer {
            start: 0,
            end: len,
            pattern,
        };

        Self {
            layers,
            count: 1,
            len,
        }
    }

    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Puts the pattern of `seed` over `range`, which starts with the byte that an image of this
    /// seed has at offset `from`.
    pub(crate) fn put(&mut self, range: Range<usize>, seed: u8, from: usize) {
        // PANIC: No case puts more than this.
        self.layers[self.count] = Layer {
            start: range.start,
            end: range.end,
            pattern: Pattern::Seeded { seed, from },
        };
        self.count += 1;
    }

    fn paint(&self, chunk: &mut Chunk, offset: usize, len: usize) {
        for layer in &self.layers[..self.count] {
            layer.paint(chunk, offset, len);
        }
    }

    /// Hands the bytes of `range` to `write`, with the offset of the first, in order and in pieces.
    pub(crate) fn write(
        &self,
        range: Range<usize>,
        mut write: impl FnMut(usize, &[u8]) -> Result,
    ) -> Result {
        let mut chunk = Chunk::ZEROS;
        let mut offset = range.start;

        while offset < range.end {
            let len = (CHUNK - offset % CHUNK).min(range.end - offset);
            self.paint(&mut chunk, offset, len);
            write(offset, chunk.bytes(len))?;
            offset += len;
        }
        Ok(())
    }

    /// Compares all bytes with those that `read` gets, which is told the offset of the first.
    #[track_caller]
    pub(crate) fn check(
        &self,
        what: &str,
        mut read: impl FnMut(usize, &mut [u8]) -> Result,
    ) -> Outcome {
        let (mut expected, mut got) = (Chunk::ZEROS, Chunk::ZEROS);
        let mut first = None;
        let mut wrong = 0;

        for offset in (0..self.len).step_by(CHUNK) {
            let len = CHUNK.min(self.len - offset);
            self.paint(&mut expected, offset, len);
            read(offset, got.bytes_mut(len))?;
            if expected.equals(&got, len) {
                continue;
            }

            let pairs = expected.bytes(len).iter().zip(got.bytes(len));
            for (i, (&expected, &got)) in pairs.enumerate() {
                if expected != got {
                    first.get_or_insert((offset + i, expected, got));
                    wrong += 1;
                }
            }
        }

        match first {
            None => Ok(()),
            Some((offset, expected, got)) => Err(Failed::new(fmt!(
                "{what}: at offset {offset:#x} of {:#x} expected {expected:#04x}, got {got:#04x}; \
                 {wrong} bytes are wrong",
                self.len
            ))),
        }
    }
}
