// SPDX-License-Identifier: GPL-2.0

//! Mappings in user space: one more alias.

use crate::{
    check::{
        ensure,
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
            FromDevice,
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
use core::ops::Range;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// Whether a user mapping of `pages` pages can be another alias than the direct map; else the
/// running case, which wants that, is skipped.
fn can_alias(pages: usize) -> bool {
    let can = sys::can_alias(pages * PAGE_SIZE);

    if !can {
        sys::skip(c"a user mapping of several pages has the colours of the direct map");
    }
    can
}

/// User space fills a buffer, then writes `range` once more; the device must read both.
fn user_to_device(pages: usize, range: Range<usize>) -> Outcome {
    Chip::with(|chip| {
        let len = pages * PAGE_SIZE;
        let peer = Peer::new(chip, len)?;
        let client = Client::new()?;
        let (mut buffer, user) = heap::allocate_with_user_map(&client, len)?;
        let attachment = buffer.attach(chip.dev())?;
        let mapping = attachment.map(Bidirectional)?;

        let mut image = Image::seeded(len, 1);
        cpu_write(
            &mut buffer,
            Bidirectional,
            Alias::User(&user),
            &image,
            0..len,
        )?;
        peer.receive(chip, &buffer, &mapping, 0..len)?;
        peer.check(&image, "the device's first read")?;

        image.put(range.clone(), 2, range.start);
        cpu_write(
            &mut buffer,
            Bidirectional,
            Alias::User(&user),
            &image,
            range,
        )?;
        peer.receive(chip, &buffer, &mapping, 0..len)?;
        peer.check(&image, "the device's second read")
    })
}

/// User space reads all of a buffer, of which the device then writes `range`.
fn device_to_user(pages: usize, range: Range<usize>) -> Outcome {
    Chip::with(|chip| {
        let len = pages * PAGE_SIZE;
        let peer = Peer::new(chip, len)?;
        let client = Client::new()?;
        let (mut buffer, user) = heap::allocate_with_user_map(&client, len)?;
        let attachment = buffer.attach(chip.dev())?;
        let mapping = attachment.map(Bidirectional)?;

        let mut image = Image::seeded(len, 1);
        peer.write(&image)?;
        peer.send(chip, &buffer, &mapping, 0..len)?;
        cpu_check(
            &mut buffer,
            Bidirectional,
            Alias::User(&user),
            &image,
            "the first read",
        )?;

        image.put(range.clone(), 2, range.start);
        peer.write(&image)?;
        peer.send(chip, &buffer, &mapping, range)?;
        cpu_check(
            &mut buffer,
            Bidirectional,
            Alias::User(&user),
            &image,
            "the second read",
        )
    })
}

#[kunit_tests(system_heap_rust_mmap)]
mod tests {
    use super::*;

    #[test]
    fn user_to_device_one_page() -> Outcome {
        user_to_device(1, 0..PAGE_SIZE)?;
        user_to_device(1, 31..1000)
    }

    #[test]
    fn user_to_device_many_pages() -> Outcome {
        if !can_alias(5) {
            return Ok(());
        }
        user_to_device(5, PAGE_SIZE - 3..3 * PAGE_SIZE + 5)
    }

    #[test]
    fn device_to_user_one_page() -> Outcome {
        device_to_user(1, 0..PAGE_SIZE)?;
        device_to_user(1, 31..1000)
    }

    #[test]
    fn device_to_user_many_pages() -> Outcome {
        if !can_alias(5) {
            return Ok(());
        }
        device_to_user(5, PAGE_SIZE - 3..3 * PAGE_SIZE + 5)
    }

    /// User space and the kernel take turns, without a device.
    #[test]
    fn user_and_vmap() -> Outcome {
        if !can_alias(5) {
            return Ok(());
        }
        let len = 5 * PAGE_SIZE;
        let client = Client::new()?;
        let (mut buffer, user) = heap::allocate_with_user_map(&client, len)?;
        let vmap = heap::vmap(&buffer)?;
        let (user, vmap) = (Alias::User(&user), Alias::VMap(&vmap));

        let mut image = Image::seeded(len, 1);
        cpu_write(&mut buffer, Bidirectional, user, &image, 0..len)?;
        cpu_check(&mut buffer, Bidirectional, vmap, &image, "vmap")?;

        image.put(31..9000, 2, 31);
        cpu_write(&mut buffer, Bidirectional, vmap, &image, 31..9000)?;
        cpu_check(&mut buffer, Bidirectional, user, &image, "user mapping")?;

        image.put(5000..5001, 3, 5000);
        cpu_write(&mut buffer, Bidirectional, user, &image, 5000..5001)?;
        cpu_check(&mut buffer, Bidirectional, vmap, &image, "vmap again")
    }

    /// A process that has the buffer for itself needs no access, also where a driver maps it in a
    /// thread of its own.
    #[test]
    fn another_thread_maps() -> Outcome {
        Chip::with(|chip| {
            let len = 2 * PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let client = Client::new()?;
            let (buffer, user) = heap::allocate_with_user_map(&client, len)?;

            // A worker may have to be made first, for which some CPUs flush the whole cache.
            // SAFETY: Nothing is used.
            unsafe { sys::in_worker(|| Ok::<_, Error>(()))? };

            for seed in [1, 3, 5] {
                let written = Image::seeded(len, seed);
                written.write(0..len, |offset, data| {
                    user.slice(offset, data.len()).writer().write_slice(data)
                })?;
                let reads = || {
                    let attachment = buffer.attach(chip.dev())?;
                    let mapping = attachment.map(ToDevice)?;
                    peer.receive(chip, &buffer, &mapping, 0..len)
                };
                // SAFETY: Neither the chip nor the buffer nor the peer is bound to a thread, and
                // this one, which waits, does not use them.
                unsafe { sys::in_worker(reads)? };
                peer.check(&written, "what the device read")?;

                let sent = Image::seeded(len, seed + 1);
                peer.write(&sent)?;
                let writes = || {
                    let attachment = buffer.attach(chip.dev())?;
                    let mapping = attachment.map(FromDevice)?;
                    peer.send(chip, &buffer, &mapping, 0..len)
                };
                // SAFETY: As above.
                unsafe { sys::in_worker(writes)? };
                sent.check("user mapping", |offset, data| {
                    user.slice(offset, data.len()).reader().read_slice(data)
                })?;
            }
            Ok(())
        })
    }

    /// Two mappings in one process, which differ even on a CPU that looks at the process too.
    #[test]
    fn two_user_mappings() -> Outcome {
        Chip::with(|chip| {
            let len = PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let client = Client::new()?;
            let (mut buffer, one) = heap::allocate_with_user_map(&client, len)?;
            let other = UserMap::of_buffer(buffer.dma_buf(), len, 0)?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;
            let (one, other) = (Alias::User(&one), Alias::User(&other));

            let mut image = Image::seeded(len, 1);
            cpu_write(&mut buffer, Bidirectional, one, &image, 0..len)?;
            cpu_check(
                &mut buffer,
                Bidirectional,
                other,
                &image,
                "the other mapping",
            )?;

            image.put(64..128, 2, 64);
            cpu_write(&mut buffer, Bidirectional, other, &image, 64..128)?;
            peer.receive(chip, &buffer, &mapping, 0..len)?;
            peer.check(&image, "what the device read")?;

            image.put(100..300, 3, 100);
            peer.write(&image)?;
            peer.send(chip, &buffer, &mapping, 100..300)?;
            cpu_check(&mut buffer, Bidirectional, one, &image, "the one mapping")?;
            cpu_check(
                &mut buffer,
                Bidirectional,
                other,
                &image,
                "the other mapping",
            )
        })
    }

    /// A mapping of a part shows that part: across the chunks of which a buffer is made.
    #[test]
    fn parts() -> Outcome {
        let pages = 16 + 16 + 3;
        let len = pages * PAGE_SIZE;
        let client = Client::new()?;
        let mut buffer = Importer::new(client.allocate(len)?);
        let vmap = heap::vmap(&buffer)?;
        cpu_write(
            &mut buffer,
            Bidirectional,
            Alias::VMap(&vmap),
            &Image::seeded(len, 1),
            0..len,
        )?;

        for (first, count) in [
            (0, 1),
            (0, 16),
            (1, 15),
            (15, 2),
            (3, 30),
            (16, 16),
            (31, 4),
            (34, 1),
        ] {
            let (start, len) = (first * PAGE_SIZE, count * PAGE_SIZE);
            let user = UserMap::of_buffer(buffer.dma_buf(), len, start)?;
            let mut image = Image::zeros(len);
            image.put(0..len, 1, start);

            let cpu = buffer.begin_cpu_access(Bidirectional)?;
            image.check("a part", |offset, data| {
                user.slice(offset, data.len()).reader().read_slice(data)
            })?;
            cpu.end()?;
        }
        Ok(())
    }

    #[test]
    fn refuses_what_is_beyond() -> Outcome {
        let client = Client::new()?;
        let buffer = Importer::new(client.allocate(3 * PAGE_SIZE)?);

        for (first, count) in [(0, 4), (2, 2), (3, 1), (100, 1)] {
            let result = UserMap::of_buffer(buffer.dma_buf(), count * PAGE_SIZE, first * PAGE_SIZE);
            let error = result.map(drop);
            ensure!(
                error == Err(EINVAL),
                "{count} pages from page {first} of 3: expected EINVAL, got {error:?}"
            );
        }
        Ok(())
    }

    /// A private copy would miss what a device writes later.
    #[test]
    fn refuses_private_mappings() -> Outcome {
        let client = Client::new()?;
        let buffer = Importer::new(client.allocate(PAGE_SIZE)?);

        let error = UserMap::private_of_buffer(buffer.dma_buf(), PAGE_SIZE, 0).map(drop);
        ensure!(error == Err(EINVAL), "expected EINVAL, got {error:?}");
        Ok(())
    }
}
