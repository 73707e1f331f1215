// SPDX-License-Identifier: GPL-2.0

//! Each allocation inside of each operation fails, one at a time.

use crate::{
    check::{
        ensure,
        Failed,
        Image,
        Outcome, //
    },
    device::Peer,
    heap::{
        self,
        cpu_check,
        cpu_write,
        Alias,
        Client,
        DataDirection::{
            Bidirectional,
            ToDevice, //
        },
        Importer,
        Pages, //
    },
    lifecycle::without_leak,
    lsi::Chip,
    sequences,
    sys::{
        self,
        Faults,
        UserMap, //
    },
    walk::Dir, //
};
use kernel::{
    dma_buf::CpuAccess,
    page::PAGE_SIZE,
    prelude::*, //
};

/// More allocations than any operation makes.
const MAX_ALLOCATIONS: u32 = 1000;

/// What makes allocations fail; none, and the case is skipped, where the kernel has no such thing.
fn arm() -> Result<Option<Faults>> {
    match Faults::arm() {
        Err(error) if error == ENXIO => {
            sys::skip(c"no fault injection in this kernel");
            Ok(None)
        }
        faults => faults.map(Some),
    }
}

/// Has `round` make allocation 1 of something fail, then 2, and so on until it says that there were
/// not that many.
fn each_number(what: &str, mut round: impl FnMut(u32) -> Outcome<bool>) -> Outcome {
    for nth in 1..MAX_ALLOCATIONS {
        if !round(nth)? {
            return Ok(());
        }
    }
    Err(Failed::new(fmt!(
        "{what}: more than {MAX_ALLOCATIONS} allocations"
    )))
}

/// Makes each allocation of `operation` fail, one at a time. Each time it must fail with
/// [`ENOMEM`], or get by without that memory, and keep none.
///
/// At least `expected` of them must make it fail. All of that is done for `rounds` times.
fn each_allocation<T>(
    what: &str,
    expected: u32,
    rounds: usize,
    mut operation: impl FnMut() -> Result<T>,
) -> Outcome {
    let Some(faults) = arm()? else {
        return Ok(());
    };

    let mut failures = 0;
    without_leak(what, rounds, || {
        failures = 0;

        each_number(what, |nth| {
            let (result, injected) = faults.inject(nth, &mut operation);

            if let Err(error) = result.map(drop) {
                ensure!(injected, "{what}: {error:?} though no allocation failed");
                ensure!(
                    error == ENOMEM,
                    "{what}: expected ENOMEM as allocation {nth} fails, got {error:?}"
                );
                failures += 1;
            }
            Ok(injected)
        })
    })?;

    ensure!(
        failures >= expected,
        "{what}: expected {expected} failures or more, got {failures}"
    );
    Ok(())
}

#[kunit_tests(system_heap_rust_faults)]
mod tests {
    use super::*;

    /// Of a buffer of several chunks.
    const PAGES: usize = 3;
    const LEN: usize = PAGES * PAGE_SIZE;

    /// Fills a buffer with zeros, in an access of its own.
    fn clear(buffer: &mut Importer, alias: Alias<'_>) -> Outcome {
        cpu_write(buffer, Bidirectional, alias, &Image::zeros(LEN), 0..LEN)
    }

    /// Opens an access and writes `image` in it.
    fn open_and_write<'a>(
        buffer: &'a mut Importer,
        alias: Alias<'_>,
        image: &Image,
    ) -> Outcome<CpuAccess<'a>> {
        let mut access = buffer.begin_cpu_access(Bidirectional)?;

        image.write(0..LEN, |offset, data| {
            alias.write(&mut access, offset, data)
        })?;
        Ok(access)
    }

    /// One page, which has nothing to fall back to.
    #[test]
    fn allocate_a_page() -> Outcome {
        let client = Client::new()?;

        // The buffer, its page, its table, and the file and the rest of the dma-buf.
        each_allocation("a page", 4, 64, || client.allocate(PAGE_SIZE))
    }

    /// Some chunks are taken when the next one fails, and smaller ones can replace larger ones.
    #[test]
    fn allocate_many_pages() -> Outcome {
        let client = Client::new()?;

        each_allocation("16 + 3 pages", 6, 8, || client.allocate(19 * PAGE_SIZE))?;
        each_allocation("256 + 2 pages", 6, 1, || client.allocate(258 * PAGE_SIZE))
    }

    /// An exporter may take memory when it is attached, or when it is mapped.
    #[test]
    fn attach_and_map() -> Outcome {
        Chip::with(|chip| {
            let buffer = Importer::new(Client::new()?.allocate(LEN)?);

            // The attachment, and the table and its entries.
            each_allocation("attach and map", 3, 256, || {
                buffer.attach(chip.dev())?.map(Bidirectional).map(drop)
            })
        })
    }

    /// A mapping that failed is none: a process that has the buffer for itself still needs no
    /// access.
    #[test]
    fn failed_maps_do_not_count() -> Outcome {
        Chip::with(|chip| {
            let peer = Peer::new(chip, LEN)?;
            let (buffer, user) = heap::allocate_with_user_map(&Client::new()?, LEN)?;
            let image = Image::seeded(LEN, 1);

            each_allocation("attach and map", 3, 1, || {
                buffer.attach(chip.dev())?.map(ToDevice).map(drop)
            })?;

            image.write(0..LEN, |offset, data| {
                user.slice(offset, data.len()).writer().write_slice(data)
            })?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(ToDevice)?;
            peer.receive(chip, &buffer, &mapping, 0..LEN)?;
            peer.check(&image, "what the device read")
        })
    }

    /// Something is mapped already, and an access is open; both stay as they are.
    #[test]
    fn map_one_more() -> Outcome {
        Chip::with(|chip| {
            let buffer = Importer::new(Client::new()?.allocate(LEN)?);
            let other = buffer.attach(chip.dev())?;
            let _mapping = other.map(Bidirectional)?;
            let mut user = Importer::new(buffer.dma_buf().into());
            let access = user.begin_cpu_access(Bidirectional)?;

            // The attachment, and the table and its entries.
            each_allocation("attach and map", 3, 64, || {
                buffer.attach(chip.dev())?.map(Bidirectional).map(drop)
            })?;
            Ok(access.end()?)
        })
    }

    /// What an open access has written may have to be written back first, for which an exporter may
    /// take memory. An access that gets none has not begun, and the one that is open goes on.
    #[test]
    fn begin_in_an_access() -> Outcome {
        Chip::with(|chip| {
            let mut buffer = Importer::new(Client::new()?.allocate(LEN)?);
            let mut other = Importer::new(buffer.dma_buf().into());
            let user = Importer::new(buffer.dma_buf().into());
            let attachment = user.attach(chip.dev())?;
            let _mapping = attachment.map(Bidirectional)?;
            let vmap = buffer.vmap()?;
            let mut access = buffer.begin_cpu_access(Bidirectional)?;
            access.fill(&vmap, 0, LEN, 0xa5)?;

            each_allocation("begin", 0, 64, || {
                other.begin_cpu_access(Bidirectional)?.end()
            })?;

            let mut last = [0; 4];
            access.read(&vmap, LEN - last.len(), &mut last)?;
            access.end()?;
            ensure!(last == [0xa5; 4], "what was written became {last:x?}");
            Ok(())
        })
    }

    /// What an open access has written is still there after a mapping has gone, which can't fail.
    #[test]
    fn unmap_in_an_access() -> Outcome {
        Chip::with(|chip| {
            let mut buffer = Importer::new(Client::new()?.allocate(LEN)?);
            let user = Importer::new(buffer.dma_buf().into());
            let attachment = user.attach(chip.dev())?;
            let pages = Pages::of(&buffer)?;
            let alias = Alias::Pages(&pages);
            let image = Image::seeded(LEN, 1);
            let Some(faults) = arm()? else {
                return Ok(());
            };

            each_number("unmap", |nth| {
                clear(&mut buffer, alias)?;
                let mapping = attachment.map(Bidirectional)?;
                let access = open_and_write(&mut buffer, alias, &image)?;

                let ((), injected) = faults.inject(nth, || drop(mapping));

                image.check("what was written", |offset, data| {
                    alias.read(&access, offset, data)
                })?;
                access.end()?;
                Ok(injected)
            })
        })
    }

    /// An access that was opened to write may be closed as one that has only read. What it has
    /// written is there, and it does not stay open for want of memory.
    #[test]
    fn end_as_a_reader() -> Outcome {
        Chip::with(|chip| {
            let peer = Peer::new(chip, LEN)?;
            let mut buffer = Importer::new(Client::new()?.allocate(LEN)?);
            let device = Importer::new(buffer.dma_buf().into());
            let attachment = device.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;
            let pages = Pages::of(&buffer)?;
            let alias = Alias::Pages(&pages);
            let image = Image::seeded(LEN, 1);
            let Some(faults) = arm()? else {
                return Ok(());
            };

            each_number("end", |nth| {
                clear(&mut buffer, alias)?;
                let access = open_and_write(&mut buffer, alias, &image)?;

                // It is closed below.
                core::mem::forget(access);
                let (result, injected) =
                    faults.inject(nth, || sequences::end(device.dma_buf(), Dir::From));

                ensure!(result.is_ok(), "the access stays open: {result:?}");
                peer.receive(chip, &device, &mapping, 0..LEN)?;
                peer.check(&image, "what the device read")?;
                Ok(injected)
            })
        })
    }

    /// Who maps and unmaps in turn, as a camera does for each frame, takes memory the first time
    /// only.
    #[test]
    fn map_again() -> Outcome {
        Chip::with(|chip| {
            let buffer = Importer::new(Client::new()?.allocate(LEN)?);
            let attachment = buffer.attach(chip.dev())?;
            drop(attachment.map(Bidirectional)?);

            let Some(faults) = arm()? else {
                return Ok(());
            };
            let (result, injected) = faults.inject(1, || sys::map_and_unmap(buffer.dma_buf()));
            ensure!(!injected, "the second mapping takes memory: {result:?}");
            Ok(result?)
        })
    }

    #[test]
    fn vmap() -> Outcome {
        let buffer = Importer::new(Client::new()?.allocate(LEN)?);

        each_allocation("vmap", 2, 64, || sys::vmap_and_vunmap(buffer.dma_buf()))
    }

    #[test]
    fn mmap() -> Outcome {
        let buffer = Importer::new(Client::new()?.allocate(LEN)?);

        each_allocation("mmap", 1, 32, || {
            UserMap::of_buffer(buffer.dma_buf(), LEN, 0)
        })
    }

    /// A buffer is as good as ever after a vmap of it has failed in every way.
    #[test]
    fn data_survives() -> Outcome {
        let mut buffer = Importer::new(Client::new()?.allocate(LEN)?);
        let image = Image::seeded(LEN, 1);
        let vmap = buffer.vmap()?;
        cpu_write(
            &mut buffer,
            Bidirectional,
            Alias::VMap(&vmap),
            &image,
            0..LEN,
        )?;
        drop(vmap);

        each_allocation("vmap", 2, 16, || sys::vmap_and_vunmap(buffer.dma_buf()))?;

        let vmap = buffer.vmap()?;
        cpu_check(
            &mut buffer,
            Bidirectional,
            Alias::VMap(&vmap),
            &image,
            "vmap",
        )
    }
}
