// SPDX-License-Identifier: GPL-2.0

//! Everything that is taken is given back.

use crate::{
    check::{
        ensure,
        Failed,
        Image,
        Outcome, //
    },
    heap::{
        cpu_write,
        Alias,
        Client,
        DataDirection::{
            Bidirectional,
            ToDevice, //
        },
        Importer, //
    },
    lsi::Chip,
    sys::{
        self,
        UserMap, //
    },
};
use core::ops::RangeInclusive;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// Pages by which the rest of the system may grow meanwhile.
const SLACK: usize = 2;

/// Passes until what is lost counts as lost: caches fill in the first, and may need another slab
/// now and then.
const PASSES: usize = 4;

/// Runs `f` for `rounds` times in each of some passes, and requires that in one of them no more
/// than [`SLACK`] pages stay in use.
///
/// Whole pages are counted, so an object that is forgotten in each round must be larger than
/// `SLACK * PAGE_SIZE / rounds` to be noticed.
#[track_caller]
pub(crate) fn without_leak(what: &str, rounds: usize, mut f: impl FnMut() -> Outcome) -> Outcome {
    let mut before = sys::pages_in_use();
    let mut leaked = 0;

    for _ in 0..PASSES {
        for _ in 0..rounds {
            f()?;
            sys::flush();
        }

        let after = sys::pages_in_use();
        // CAST: A difference, which may be negative.
        leaked = after.wrapping_sub(before) as isize;
        if leaked <= SLACK as isize {
            return Ok(());
        }
        before = after;
    }

    Err(Failed::new(fmt!(
        "{what}: {leaked} pages are lost after {rounds} rounds"
    )))
}

#[kunit_tests(system_heap_rust_lifecycle)]
mod tests {
    use super::*;

    /// Of a buffer of several chunks, and small enough for its maintenance not to take most of the
    /// time.
    const PAGES: usize = 3;
    const HALF_PAGE: usize = PAGE_SIZE / 2;
    /// The stacks of several threads of earlier cases may go meanwhile, 8 pages each on PA-RISC.
    const HALF_PAGES: usize = 128 * SLACK;

    /// The measure itself: it must see what is kept. The stack of an earlier case's thread may go
    /// meanwhile, 8 pages on PA-RISC. What describes a buffer takes no more than two pages.
    #[test]
    fn a_leak_is_seen() -> Outcome {
        const BUFFERS: usize = 4;
        const IN_USE: RangeInclusive<usize> = 64 * BUFFERS - SLACK..=(64 + 2) * BUFFERS;

        let client = Client::new()?;
        let mut kept = KVec::with_capacity(BUFFERS, GFP_KERNEL)?;
        let mut taken = 0;
        let mut left = 0;

        for _ in 0..PASSES {
            let before = sys::pages_in_use();
            for _ in 0..BUFFERS {
                kept.push(client.allocate(64 * PAGE_SIZE)?, GFP_KERNEL)?;
            }
            taken = sys::pages_in_use().wrapping_sub(before);
            kept.clear();
            // CAST: A difference, which may be negative.
            left = sys::pages_in_use().wrapping_sub(before) as isize;
            if IN_USE.contains(&taken) && left <= SLACK as isize {
                return Ok(());
            }
        }
        Err(Failed::new(fmt!(
            "expected {} to {} pages in use, got {taken}; {left} pages are lost",
            IN_USE.start(),
            IN_USE.end()
        )))
    }

    /// It also sees what is smaller than a page, if it is kept in each round, although as much of
    /// the same size was freed just before.
    #[test]
    fn a_small_leak_is_seen() -> Outcome {
        let mut kept = KVec::with_capacity(PASSES * HALF_PAGES, GFP_KERNEL)?;

        for _ in 0..2 * HALF_PAGES {
            kept.push(
                KVec::<u8>::with_capacity(HALF_PAGE, GFP_KERNEL)?,
                GFP_KERNEL,
            )?;
        }
        kept.clear();

        let result = without_leak("half a page", HALF_PAGES, || {
            kept.push(
                KVec::<u8>::with_capacity(HALF_PAGE, GFP_KERNEL)?,
                GFP_KERNEL,
            )?;
            Ok(())
        });
        ensure!(result.is_err(), "{} half pages were kept", kept.len());
        Ok(())
    }

    #[test]
    fn allocate_and_free() -> Outcome {
        let client = Client::new()?;

        // One chunk of each order in the second: a page of it in each round is more than the slack.
        for (pages, rounds) in [(2, 256), (256 + 16 + 1, 4)] {
            without_leak("a buffer", rounds, || {
                client.allocate(pages * PAGE_SIZE)?;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Enough rounds to see also the smallest object that is forgotten.
    #[test]
    fn attach_and_map() -> Outcome {
        Chip::with(|chip| {
            let client = Client::new()?;
            let buffer = Importer::new(client.allocate(PAGES * PAGE_SIZE)?);

            without_leak("an attachment", 1024, || {
                let attachment = buffer.attach(chip.dev())?;
                attachment.map(Bidirectional)?;
                Ok(())
            })
        })
    }

    #[test]
    fn vmap_and_vunmap() -> Outcome {
        let client = Client::new()?;
        let buffer = Importer::new(client.allocate(PAGES * PAGE_SIZE)?);

        without_leak("a vmap", 256, || {
            buffer.vmap()?;
            Ok(())
        })
    }

    #[test]
    fn mmap_and_munmap() -> Outcome {
        let client = Client::new()?;
        let buffer = Importer::new(client.allocate(PAGES * PAGE_SIZE)?);

        without_leak("a user mapping", 64, || {
            UserMap::of_buffer(buffer.dma_buf(), PAGES * PAGE_SIZE, 0)?;
            Ok(())
        })
    }

    #[test]
    fn cpu_access() -> Outcome {
        let client = Client::new()?;
        let mut buffer = Importer::new(client.allocate(PAGE_SIZE)?);

        without_leak("a CPU access", 256, || {
            Ok(buffer.begin_cpu_access(Bidirectional)?.end()?)
        })
    }

    /// A whole life, which ends in an order that nobody would choose.
    #[test]
    fn buffer_goes_first() -> Outcome {
        Chip::with(|chip| {
            let client = Client::new()?;
            let len = PAGES * PAGE_SIZE;
            let image = Image::seeded(len, 1);

            without_leak("a life", 32, || {
                let mut buffer = Importer::new(client.allocate(len)?);
                let user = UserMap::of_buffer(buffer.dma_buf(), len, 0)?;
                let vmap = buffer.vmap()?;
                let attachment = buffer.attach(chip.dev())?;
                let mapping = attachment.map(ToDevice)?;
                cpu_write(&mut buffer, ToDevice, Alias::VMap(&vmap), &image, 0..64)?;

                drop(buffer);
                drop(user);
                drop(vmap);
                drop(mapping);
                drop(attachment);
                Ok(())
            })
        })
    }

    /// The last reference is one of user space's mappings.
    #[test]
    fn user_mapping_goes_last() -> Outcome {
        let client = Client::new()?;
        let len = 5 * PAGE_SIZE;

        without_leak("a user mapping", 32, || {
            let buffer = Importer::new(client.allocate(len)?);
            let user = UserMap::of_buffer(buffer.dma_buf(), len, 0)?;
            drop(buffer);
            sys::flush();

            user.slice(0, 4).writer().write(&0x5eed_u32)?;
            let read = user.slice(0, 4).reader().read::<u32>()?;
            ensure!(read == 0x5eed, "expected 0x5eed, got {read:#x}");
            Ok(())
        })
    }
}
