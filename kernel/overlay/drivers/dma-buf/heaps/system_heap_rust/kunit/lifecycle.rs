// SPDX-License-Identifier: GPL-2.0

//! Everything that is taken is given back.

use crate::{
    check::{
        ensure,
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
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// Pages by which the rest of the system may grow meanwhile, such as slabs.
const SLACK: usize = 8;

/// Runs `f` for `rounds` times, after some that fill caches, and requires that no more than
/// [`SLACK`] pages stay in use: less than one page in eight rounds.
#[track_caller]
pub(crate) fn without_leak(what: &str, rounds: usize, mut f: impl FnMut() -> Outcome) -> Outcome {
    for _ in 0..8 {
        f()?;
    }

    let before = sys::pages_in_use();
    for _ in 0..rounds {
        f()?;
    }
    let after = sys::pages_in_use();

    // CAST: A difference, which may be negative.
    let leaked = after.wrapping_sub(before) as isize;
    ensure!(
        leaked <= SLACK as isize,
        "{what}: {leaked} pages are lost after {rounds} rounds"
    );
    Ok(())
}

#[kunit_tests(system_heap_rust_lifecycle)]
mod tests {
    use super::*;

    /// The measure itself: it must see what is kept.
    #[test]
    fn a_leak_is_seen() -> Outcome {
        let client = Client::new()?;
        let mut kept = KVec::new();

        let before = sys::pages_in_use();
        for _ in 0..4 {
            kept.push(client.allocate(64 * PAGE_SIZE)?, GFP_KERNEL)?;
        }
        let taken = sys::pages_in_use().wrapping_sub(before);
        ensure!(
            (256..256 + SLACK).contains(&taken),
            "expected 256 pages in use, got {taken}"
        );

        drop(kept);
        let left = sys::pages_in_use().wrapping_sub(before) as isize;
        ensure!(left <= SLACK as isize, "{left} pages are lost");
        Ok(())
    }

    #[test]
    fn allocate_and_free() -> Outcome {
        let client = Client::new()?;

        for (pages, rounds) in [(1, 200), (21, 64), (300, 64)] {
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
            let buffer = Importer::new(client.allocate(21 * PAGE_SIZE)?);

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
        let buffer = Importer::new(client.allocate(21 * PAGE_SIZE)?);

        without_leak("a vmap", 512, || {
            buffer.vmap()?;
            Ok(())
        })
    }

    #[test]
    fn mmap_and_munmap() -> Outcome {
        let client = Client::new()?;
        let buffer = Importer::new(client.allocate(21 * PAGE_SIZE)?);

        without_leak("a user mapping", 128, || {
            UserMap::of_buffer(buffer.dma_buf(), 21 * PAGE_SIZE, 0)?;
            Ok(())
        })
    }

    #[test]
    fn cpu_access() -> Outcome {
        let client = Client::new()?;
        let mut buffer = Importer::new(client.allocate(PAGE_SIZE)?);

        without_leak("a CPU access", 512, || {
            Ok(buffer.begin_cpu_access(Bidirectional)?.end()?)
        })
    }

    /// A whole life, which ends in an order that nobody would choose.
    #[test]
    fn buffer_goes_first() -> Outcome {
        Chip::with(|chip| {
            let client = Client::new()?;
            let len = 21 * PAGE_SIZE;
            let image = Image::seeded(len, 1);

            without_leak("a life", 64, || {
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

        without_leak("a user mapping", 64, || {
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
