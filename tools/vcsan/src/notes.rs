// SPDX-License-Identifier: GPL-2.0-only
//! Notes: what the guest says about itself, by a store that the plugin looks for.
//!
//! The guest fills a block, in its own byte order, and stores [`MAGIC`] last, in one store of four bytes that is all that its
//! function does, as the plugin sees but the first one of stores that stand [side by side](crate::groups):
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | `u32 kind` | see [`Note`]; 8 if the text goes on in the next block |
//! | 4 | `u32 text_len` | bytes of `text` in use |
//! | 8, 16 | `u64 a, b` | numbers |
//! | 24 | `u32 check` | the complement of [`MAGIC`] ^ `kind` ^ `text_len` ^ the low words of `a` and `b` |
//! | 28 | `u32 magic` | [`MAGIC`] |
//! | 32 | `char text[96]` | UTF-8 |
//!
//! The block is aligned to its 128 bytes: few stores have to be looked at, and all of it is in the page of the last store,
//! which can be read whatever else fell out of the TLB. The guest's side is include/linux/vcsan.h of the kernel overlay.

use crate::guest::{Memory, Target};

/// The word whose store announces a note ("VCNT").
pub const MAGIC: u32 = 0x5643_4e54;
/// Where it stands in the block.
const MAGIC_OFFSET: u64 = 28;
const TEXT_OFFSET: usize = 32;
/// Bytes of a block, which its address is a multiple of.
const LEN: usize = 128;
/// The kind of a block whose text goes on in the next.
const TEXT: u32 = 8;
/// More than any text that makes sense.
const MOST_TEXT: usize = 1 << 20;

/// Whether a store to this address can be that of a note's last word.
#[must_use]
pub fn may_end_at(vaddr: u64) -> bool {
    vaddr % LEN as u64 == MAGIC_OFFSET
}

/// What a guest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Kind 1: report on this physical memory, which is called `name`, until the test ends.
    Watch {
        /// First physical address.
        first: u64,
        /// Bytes.
        len: u64,
        /// The buffer's name.
        name: String,
    },
    /// Kind 2: report on it no longer.
    ///
    /// What is known of its lines stays: nothing says that the memory is free, and if it is, a line that somebody left dirty
    /// or old is a hazard to whoever gets it next. Those who read bytes that they have not written may be told of hazards
    /// to the bytes' former owner.
    Unwatch {
        /// First physical address.
        first: u64,
        /// Bytes.
        len: u64,
    },
    /// Kind 3: this test runs from now on, `suite.case`; none if empty.
    Test(String),
    /// Kind 5: a device is about to read physical memory.
    DeviceRead {
        /// First physical address.
        first: u64,
        /// Bytes.
        len: u64,
    },
    /// Kind 6: a device writes physical memory.
    DeviceWrite {
        /// First physical address.
        first: u64,
        /// Bytes.
        len: u64,
    },
    /// Kind 7: the running test provokes the hazard with this title.
    Expect(String),
    /// Kind 9: what the CPU does from here on is counted, under this name, for `count=instructions`.
    Measure(String),
    /// Kind 10: it is over.
    Measured,
}

/// Ties the magic word to the rest, so that constants that a compiler put side by side are no note wherever they are copied to.
fn check(kind: u32, text_len: u32, a: u64, b: u64) -> u32 {
    // CAST: the low words.
    !(MAGIC ^ kind ^ text_len ^ a as u32 ^ b as u32)
}

/// Reads notes.
#[derive(Debug, Default)]
pub struct Reader {
    /// The beginning of the next note's text.
    text: Vec<u8>,
}

impl Reader {
    /// Reads the block whose magic word was stored at `magic`. `None` if it is no note, or if the note goes on.
    ///
    /// # Errors
    ///
    /// A fragment for a note that can't be read or is not known.
    pub fn read(
        &mut self,
        memory: &impl Memory,
        target: Target,
        magic: u64,
    ) -> Result<Option<Note>, String> {
        let at = magic.wrapping_sub(MAGIC_OFFSET);
        let mut block = [0; LEN];
        if !memory.read(at, &mut block) {
            // Somebody's own number, at the start of what is mapped.
            return Ok(None);
        }
        let word = |offset: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&block[offset..offset + 4]);
            target.word(bytes)
        };
        let double = |offset: usize| {
            let (first, second) = (u64::from(word(offset)), u64::from(word(offset + 4)));
            if target.big_endian {
                first << 32 | second
            } else {
                second << 32 | first
            }
        };
        let (kind, text_len, a, b) = (word(0), word(4), double(8), double(16));
        if word(24) != check(kind, text_len, a, b) {
            return Ok(None);
        }
        let text = (TEXT_OFFSET.checked_add(text_len as usize))
            .and_then(|end| block.get(TEXT_OFFSET..end))
            .ok_or_else(|| format!("read a note at {at:#x}: its text has {text_len} bytes"))?;
        self.text.extend(text);
        if self.text.len() > MOST_TEXT {
            return Err(format!("read a note at {at:#x}: its text does not end"));
        }
        if kind == TEXT {
            return Ok(None);
        }
        let text = String::from_utf8(std::mem::take(&mut self.text))
            .map_err(|_| format!("read the text of a note at {at:#x}: it is not UTF-8"))?;
        note(kind, text, a, b)
            .map(Some)
            .ok_or_else(|| format!("understand a note of kind {kind} at {at:#x}"))
    }
}

fn note(kind: u32, text: String, a: u64, b: u64) -> Option<Note> {
    let (first, len) = (a, b);
    Some(match kind {
        1 => Note::Watch {
            first,
            len,
            name: text,
        },
        2 => Note::Unwatch { first, len },
        3 => Note::Test(text),
        5 => Note::DeviceRead { first, len },
        6 => Note::DeviceWrite { first, len },
        7 => Note::Expect(text),
        9 => Note::Measure(text),
        10 => Note::Measured,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Flat(Vec<u8>);

    impl Memory for Flat {
        fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
            let Some(from) = (vaddr as usize).checked_sub(0x1000) else {
                return false;
            };
            let found = self.0.get(from..from + into.len());
            found.map(|bytes| into.copy_from_slice(bytes)).is_some()
        }
    }

    fn block(target: &str, kind: u32, text: &str, check: u32) -> (Flat, Target) {
        let target = Target::by_name(target).unwrap();
        let (mut bytes, doubles) = (Vec::new(), [0x8000_u64, 64]);
        let mut word = |value: u32| {
            bytes.extend(if target.big_endian {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            });
        };
        word(kind);
        word(text.len() as u32);
        for double in doubles {
            let halves = [(double >> 32) as u32, double as u32];
            let order = if target.big_endian { [0, 1] } else { [1, 0] };
            for half in order {
                word(halves[half]);
            }
        }
        word(check);
        word(MAGIC);
        bytes.extend(text.bytes());
        bytes.resize(LEN, 0xa5);
        (Flat(bytes), target)
    }

    const AT: u64 = 0x1000 + MAGIC_OFFSET;

    #[test]
    fn both_byte_orders_and_long_texts() {
        for name in ["arm", "mips"] {
            let mut reader = Reader::default();
            let (memory, target) = block(name, TEXT, "heap: ", check(TEXT, 6, 0x8000, 64));
            assert_eq!(reader.read(&memory, target, AT), Ok(None));
            let (memory, target) = block(name, 1, "1 page", check(1, 6, 0x8000, 64));
            for name in ["heap: 1 page", "1 page"] {
                let watch = Note::Watch {
                    first: 0x8000,
                    len: 64,
                    name: name.into(),
                };
                assert_eq!(reader.read(&memory, target, AT), Ok(Some(watch)));
            }
        }
    }

    #[test]
    fn a_magic_word_alone_is_no_note() {
        for other in [7, !MAGIC] {
            let (memory, target) = block("arm", 1, "", other);
            let mut reader = Reader::default();
            assert_eq!(reader.read(&memory, target, AT), Ok(None));
            assert_eq!(reader.read(&memory, target, 0x10), Ok(None));
        }
    }

    #[test]
    fn bad_notes_are_loud() {
        for (kind, len, says) in [(99, 0, "kind 99"), (3, 97, "97 bytes")] {
            let text = "x".repeat(len);
            let (memory, target) = block("arm", kind, &text, check(kind, len as u32, 0x8000, 64));
            let error = Reader::default().read(&memory, target, AT).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
