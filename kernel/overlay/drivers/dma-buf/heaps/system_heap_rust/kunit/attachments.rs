// SPDX-License-Identifier: GPL-2.0

//! Several importers of one buffer, mapped or not, mapped more than once.

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
        Frames,
        Importer, //
    },
    lsi::Chip,
    odd, //
};
use kernel::{
    page::{
        Chunks,
        PAGE_SIZE, //
    },
    prelude::*, //
};

#[kunit_tests(system_heap_rust_attachments)]
mod tests {
    use super::*;

    /// The bus addresses of every mapping cover the whole buffer, once.
    #[test]
    fn tables_cover_the_buffer() -> Outcome {
        Chip::with(|chip| {
            for pages in [1, 3, 16, 21, 300] {
                let buffer = Importer::new(Client::new()?.allocate(pages * PAGE_SIZE)?);
                let attachment = buffer.attach(chip.dev())?;
                let mapping = attachment.map(Bidirectional)?;
                let access = buffer.device_access(&mapping)?;

                let mut total = 0;
                for (i, one) in access.sg_table().iter().enumerate() {
                    total += one.dma_len();
                    let end = one.dma_address() + one.dma_len();
                    for other in access.sg_table().iter().skip(i + 1) {
                        ensure!(
                            end <= other.dma_address()
                                || other.dma_address() + other.dma_len() <= one.dma_address(),
                            "{pages} pages: two entries share addresses below {end:#x}"
                        );
                    }
                }
                ensure!(
                    total as usize == pages * PAGE_SIZE,
                    "{pages} pages: the entries have {total} bytes"
                );
            }
            Ok(())
        })
    }

    /// They are those of its pages, or of none of them where transfers go by way of bounce buffers.
    /// The second buffer takes several tables in a chain, where there are such.
    #[test]
    fn addresses_are_those_of_the_pages() -> Outcome {
        Chip::with(|chip| {
            let single = Chunks::MAX.min(300);

            for (buffer, entries) in [
                (Client::new()?.allocate(21 * PAGE_SIZE)?, 1),
                (odd::buffer(single * PAGE_SIZE, single)?, single),
            ] {
                let buffer = Importer::new(buffer);
                let vmap = buffer.vmap()?;
                let attachment = buffer.attach(chip.dev())?;
                let mapping = attachment.map(Bidirectional)?;
                let access = buffer.device_access(&mapping)?;

                let (mut offset, mut count) = (0, 0);
                for one in access.sg_table().iter() {
                    let page = vmap.frame(offset).ok_or(EFAULT)?.phys();
                    let address = u64::from(one.dma_address());
                    ensure!(
                        (address == page) != cfg!(CONFIG_SWIOTLB),
                        "the page at {page:#x} is mapped at {address:#x}"
                    );
                    offset += one.dma_len() as usize;
                    count += 1;
                }
                ensure!(offset == vmap.len(), "{offset} bytes are mapped");
                ensure!(count >= entries, "{count} entries");
            }
            Ok(())
        })
    }

    /// One attachment's device writes, the other's reads, the CPU takes part.
    #[test]
    fn two_at_once() -> Outcome {
        Chip::with(|chip| {
            let len = 3 * PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;
            let (one, other) = (buffer.attach(chip.dev())?, buffer.attach(chip.dev())?);
            let (writer, reader) = (one.map(Bidirectional)?, other.map(Bidirectional)?);

            let mut image = Image::seeded(len, 1);
            cpu_write(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                0..len,
            )?;

            image.put(1000..5000, 2, 1000);
            peer.write(&image)?;
            peer.send(chip, &buffer, &writer, 1000..5000)?;
            peer.write(&Image::zeros(len))?;
            peer.receive(chip, &buffer, &reader, 0..len)?;
            peer.check(&image, "what the other attachment's device read")?;
            cpu_check(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                "vmap",
            )
        })
    }

    /// Attachments that are not mapped, and such that never were, do no harm.
    #[test]
    fn mapped_and_unmapped() -> Outcome {
        Chip::with(|chip| {
            let len = 2 * PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;
            let idle = buffer.attach(chip.dev())?;
            let past = buffer.attach(chip.dev())?;
            let busy = buffer.attach(chip.dev())?;
            drop(past.map(Bidirectional)?);
            let mapping = busy.map(Bidirectional)?;

            let mut image = Image::seeded(len, 1);
            cpu_write(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                0..len,
            )?;
            peer.receive(chip, &buffer, &mapping, 0..len)?;
            peer.check(&image, "with two attachments unmapped")?;

            drop(idle);
            image.put(0..PAGE_SIZE, 2, 0);
            peer.write(&image)?;
            peer.send(chip, &buffer, &mapping, 0..PAGE_SIZE)?;
            cpu_check(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                "one detached",
            )?;

            drop(past);
            cpu_write(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                0..len,
            )?;
            peer.receive(chip, &buffer, &mapping, 0..len)?;
            peer.check(&image, "with two attachments detached")
        })
    }

    /// With nothing mapped, CPU access must leave the data alone.
    #[test]
    fn none_mapped() -> Outcome {
        Chip::with(|chip| {
            let len = PAGE_SIZE;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;
            let _idle = buffer.attach(chip.dev())?;

            for (seed, write, read) in
                [(1, ToDevice, FromDevice), (2, Bidirectional, Bidirectional)]
            {
                let image = Image::seeded(len, seed);
                cpu_write(&mut buffer, write, Alias::VMap(&vmap), &image, 0..len)?;
                cpu_check(&mut buffer, read, Alias::VMap(&vmap), &image, "vmap")?;
            }
            Ok(())
        })
    }

    /// A second mapping for a device comes and goes; the first goes on.
    #[test]
    fn mapped_twice() -> Outcome {
        Chip::with(|chip| {
            let len = 2 * PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;
            let (one, other) = (buffer.attach(chip.dev())?, buffer.attach(chip.dev())?);
            let first = one.map(Bidirectional)?;

            let mut image = Image::seeded(len, 1);
            cpu_write(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                0..len,
            )?;
            let second = other.map(Bidirectional)?;
            peer.receive(chip, &buffer, &second, 0..len)?;
            peer.check(&image, "through the second mapping")?;

            image.put(10..PAGE_SIZE + 10, 2, 10);
            peer.write(&image)?;
            peer.send(chip, &buffer, &second, 10..PAGE_SIZE + 10)?;
            drop(second);
            cpu_check(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                "second gone",
            )?;

            image.put(20..40, 3, 20);
            peer.write(&image)?;
            peer.send(chip, &buffer, &first, 20..40)?;
            cpu_check(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                "first alone",
            )?;

            image.put(50..60, 4, 50);
            cpu_write(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                50..60,
            )?;
            peer.receive(chip, &buffer, &first, 0..len)?;
            peer.check(&image, "first alone")
        })
    }

    /// The same, with the first mapping gone before the second.
    #[test]
    fn mapped_twice_first_goes_first() -> Outcome {
        Chip::with(|chip| {
            let len = PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;
            let (one, other) = (buffer.attach(chip.dev())?, buffer.attach(chip.dev())?);
            let (first, second) = (one.map(ToDevice)?, other.map(Bidirectional)?);
            drop(first);

            let mut image = Image::seeded(len, 1);
            cpu_write(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                0..len,
            )?;
            peer.receive(chip, &buffer, &second, 0..len)?;
            peer.check(&image, "what the device read")?;

            image.put(20..40, 2, 20);
            peer.write(&image)?;
            peer.send(chip, &buffer, &second, 20..40)?;
            cpu_check(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                "vmap",
            )
        })
    }

    /// One buffer, one direction for each attachment.
    #[test]
    fn directions_differ() -> Outcome {
        Chip::with(|chip| {
            let len = PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;
            let (camera, display) = (buffer.attach(chip.dev())?, buffer.attach(chip.dev())?);
            let (from, to) = (camera.map(FromDevice)?, display.map(ToDevice)?);

            for seed in 0..4 {
                let image = Image::seeded(len, seed);
                peer.write(&image)?;
                peer.send(chip, &buffer, &from, 0..len)?;
                cpu_check(&mut buffer, FromDevice, Alias::VMap(&vmap), &image, "vmap")?;
                peer.write(&Image::zeros(len))?;
                peer.receive(chip, &buffer, &to, 0..len)?;
                peer.check(&image, "what the display read")?;
            }
            Ok(())
        })
    }
}
