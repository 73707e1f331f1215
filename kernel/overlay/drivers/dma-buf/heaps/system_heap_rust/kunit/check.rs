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
    prelude::*, //
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

impl Layer {
    const EMPTY: Self = Self {
        start: 0,
        end: 0,
        pattern: Pattern::Zero,
    };

    /// Puts what belongs there into `bytes`, which lie at `offset`.
    fn paint(&self, bytes: &mut [u8], offset: usize) {
        let start = self.start.max(offset);
        let end = self.end.min(offset + bytes.len());
        let Some(part) = bytes.get_mut(start.wrapping_sub(offset)..end.wrapping_sub(offset)) else {
            return;
        };

        match self.pattern {
            Pattern::Zero => part.fill(0),
            Pattern::Seeded { seed, from } => {
                for (byte, offset) in part.iter_mut().zip(from + (start - self.start)..) {
                    // A multiplicative hash, of which the high bits are the good ones.
                    // CAST: Offsets are small; eight bits of the result are left.
                    *byte = ((offset as u32 ^ u32::from(seed) << 24).wrapping_mul(0x9e37_79b1)
                        >> 24) as u8;
                }
            }
        }
    }
}

/// Bytes that are handled at a time, aligned, so that no piece of a buffer crosses into another
/// page.
const CHUNK: usize = 256;

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

    fn paint(&self, bytes: &mut [u8], offset: usize) {
        for layer in &self.layers[..self.count] {
            layer.paint(bytes, offset);
        }
    }

    /// Hands the bytes of `range` to `write`, with the offset of the first, in order and in pieces.
    pub(crate) fn write(
        &self,
        range: Range<usize>,
        mut write: impl FnMut(usize, &[u8]) -> Result,
    ) -> Result {
        let mut bytes = [0; CHUNK];
        let mut offset = range.start;

        while offset < range.end {
            let bytes = &mut bytes[..(CHUNK - offset % CHUNK).min(range.end - offset)];
            self.paint(bytes, offset);
            write(offset, bytes)?;
            offset += bytes.len();
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
        let (mut expected, mut got) = ([0; CHUNK], [0; CHUNK]);
        let mut first = None;
        let mut wrong = 0;

        for offset in (0..self.len).step_by(CHUNK) {
            let len = CHUNK.min(self.len - offset);
            let (expected, got) = (&mut expected[..len], &mut got[..len]);
            self.paint(expected, offset);
            read(offset, got)?;
            if expected == got {
                continue;
            }

            for (i, (&expected, &got)) in expected.iter().zip(got.iter()).enumerate() {
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
