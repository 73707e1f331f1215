// SPDX-License-Identifier: GPL-2.0

//! Transfers between CPU and device, through the kernel's two aliases of a buffer.

use crate::{
    check::{
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
            self,
            Bidirectional,
            FromDevice,
            ToDevice, //
        },
        Importer,
        Pages,
        VMap, //
    },
    lsi::Chip,
};
use core::ops::Range;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// The alias that the CPU uses in a case.
#[derive(Clone, Copy)]
enum Via {
    VMap,
    Direct,
}

impl Via {
    fn pick(self, vmap: &VMap) -> Alias<'_> {
        match self {
            Self::VMap => Alias::VMap(vmap),
            Self::Direct => Alias::Direct(vmap),
        }
    }
}

/// Pages of one physically contiguous chunk.
const CONTIGUOUS: usize = 16;
/// Pages that are made of several chunks.
const SCATTERED: usize = 16 + 5;

/// The CPU fills a buffer, then writes `range` once more; the device must read both.
fn cpu_to_device(pages: usize, via: Via, map: DataDirection, range: Range<usize>) -> Outcome {
    Chip::with(|chip| {
        let len = pages * PAGE_SIZE;
        let peer = Peer::new(chip, len)?;
        let mut buffer = Importer::new(Client::new()?.allocate(len)?);
        let vmap = heap::vmap(&buffer)?;
        let attachment = buffer.attach(chip.dev())?;
        let mapping = attachment.map(map)?;

        let mut image = Image::seeded(len, 1);
        cpu_write(&mut buffer, map, via.pick(&vmap), &image, 0..len)?;
        peer.receive(chip, &buffer, &mapping, 0..len)?;
        peer.check(&image, "the device's first read")?;

        image.put(range.clone(), 2, range.start);
        cpu_write(&mut buffer, map, via.pick(&vmap), &image, range)?;
        peer.receive(chip, &buffer, &mapping, 0..len)?;
        peer.check(&image, "the device's second read")
    })
}

/// The CPU reads all of a buffer, of which the device then writes `range`; the CPU must read the
/// new bytes there and the old ones elsewhere.
fn device_to_cpu(pages: usize, via: Via, map: DataDirection, range: Range<usize>) -> Outcome {
    Chip::with(|chip| {
        let len = pages * PAGE_SIZE;
        let peer = Peer::new(chip, len)?;
        let mut buffer = Importer::new(Client::new()?.allocate(len)?);
        let vmap = heap::vmap(&buffer)?;
        let attachment = buffer.attach(chip.dev())?;
        let mapping = attachment.map(map)?;

        let mut image = Image::seeded(len, 1);
        peer.write(&image)?;
        peer.send(chip, &buffer, &mapping, 0..len)?;
        cpu_check(&mut buffer, map, via.pick(&vmap), &image, "the first read")?;

        image.put(range.clone(), 2, range.start);
        peer.write(&image)?;
        peer.send(chip, &buffer, &mapping, range)?;
        cpu_check(&mut buffer, map, via.pick(&vmap), &image, "the second read")
    })
}

#[kunit_tests(system_heap_rust_coherency)]
mod tests {
    use super::*;

    #[test]
    fn cpu_to_device_vmap() -> Outcome {
        cpu_to_device(1, Via::VMap, Bidirectional, 0..PAGE_SIZE)
    }

    #[test]
    fn cpu_to_device_direct() -> Outcome {
        cpu_to_device(1, Via::Direct, Bidirectional, 0..PAGE_SIZE)
    }

    #[test]
    fn cpu_to_device_contiguous_pages_vmap() -> Outcome {
        cpu_to_device(
            CONTIGUOUS,
            Via::VMap,
            Bidirectional,
            PAGE_SIZE..9 * PAGE_SIZE,
        )
    }

    #[test]
    fn cpu_to_device_contiguous_pages_direct() -> Outcome {
        cpu_to_device(
            CONTIGUOUS,
            Via::Direct,
            Bidirectional,
            PAGE_SIZE..9 * PAGE_SIZE,
        )
    }

    #[test]
    fn cpu_to_device_scattered_pages_vmap() -> Outcome {
        cpu_to_device(
            SCATTERED,
            Via::VMap,
            Bidirectional,
            PAGE_SIZE - 3..19 * PAGE_SIZE + 5,
        )
    }

    #[test]
    fn cpu_to_device_scattered_pages_direct() -> Outcome {
        cpu_to_device(
            SCATTERED,
            Via::Direct,
            Bidirectional,
            PAGE_SIZE - 3..19 * PAGE_SIZE + 5,
        )
    }

    #[test]
    fn cpu_to_device_mapped_to_device() -> Outcome {
        cpu_to_device(2, Via::VMap, ToDevice, 100..PAGE_SIZE + 100)?;
        cpu_to_device(2, Via::Direct, ToDevice, 100..PAGE_SIZE + 100)
    }

    #[test]
    fn cpu_to_device_ranges_inside_a_page() -> Outcome {
        for range in [0..1, 1..2, 31..33, 5..1000, 4064..4096, 4095..4096] {
            cpu_to_device(1, Via::VMap, Bidirectional, range.clone())?;
            cpu_to_device(1, Via::Direct, Bidirectional, range)?;
        }
        Ok(())
    }

    #[test]
    fn device_to_cpu_vmap() -> Outcome {
        device_to_cpu(1, Via::VMap, Bidirectional, 0..PAGE_SIZE)
    }

    #[test]
    fn device_to_cpu_direct() -> Outcome {
        device_to_cpu(1, Via::Direct, Bidirectional, 0..PAGE_SIZE)
    }

    #[test]
    fn device_to_cpu_contiguous_pages_vmap() -> Outcome {
        device_to_cpu(
            CONTIGUOUS,
            Via::VMap,
            Bidirectional,
            PAGE_SIZE..9 * PAGE_SIZE,
        )
    }

    #[test]
    fn device_to_cpu_contiguous_pages_direct() -> Outcome {
        device_to_cpu(
            CONTIGUOUS,
            Via::Direct,
            Bidirectional,
            PAGE_SIZE..9 * PAGE_SIZE,
        )
    }

    #[test]
    fn device_to_cpu_scattered_pages_vmap() -> Outcome {
        device_to_cpu(
            SCATTERED,
            Via::VMap,
            Bidirectional,
            PAGE_SIZE - 3..19 * PAGE_SIZE + 5,
        )
    }

    #[test]
    fn device_to_cpu_scattered_pages_direct() -> Outcome {
        device_to_cpu(
            SCATTERED,
            Via::Direct,
            Bidirectional,
            PAGE_SIZE - 3..19 * PAGE_SIZE + 5,
        )
    }

    #[test]
    fn device_to_cpu_mapped_from_device() -> Outcome {
        device_to_cpu(2, Via::VMap, FromDevice, 100..PAGE_SIZE + 100)?;
        device_to_cpu(2, Via::Direct, FromDevice, 100..PAGE_SIZE + 100)
    }

    #[test]
    fn device_to_cpu_ranges_inside_a_page() -> Outcome {
        for range in [0..1, 1..2, 31..33, 5..1000, 4064..4096, 4095..4096] {
            device_to_cpu(1, Via::VMap, Bidirectional, range.clone())?;
            device_to_cpu(1, Via::Direct, Bidirectional, range)?;
        }
        Ok(())
    }

    /// Either side changes what the other wrote, many times.
    #[test]
    fn there_and_back() -> Outcome {
        Chip::with(|chip| {
            let len = 2 * PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;

            for round in 0..8 {
                // The one alias first, then the other, then both in turns.
                let alias = match round {
                    0..3 => Alias::VMap(&vmap),
                    3..5 => Alias::Direct(&vmap),
                    _ if round % 2 == 0 => Alias::VMap(&vmap),
                    _ => Alias::Direct(&vmap),
                };
                let mut image = Image::seeded(len, 2 * round);
                cpu_write(&mut buffer, Bidirectional, alias, &image, 0..len)?;
                peer.receive(chip, &buffer, &mapping, 0..len)?;
                peer.check(&image, "what the device read")?;

                let range = 1000..PAGE_SIZE + 1000;
                image.put(range.clone(), 2 * round + 1, range.start);
                peer.write(&image)?;
                peer.send(chip, &buffer, &mapping, range)?;
                cpu_check(
                    &mut buffer,
                    Bidirectional,
                    alias,
                    &image,
                    "what the CPU read",
                )?;
            }
            Ok(())
        })
    }

    /// One alias writes, the device changes a part, the other alias reads.
    #[test]
    fn one_alias_writes_and_the_other_reads() -> Outcome {
        Chip::with(|chip| {
            let len = PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;
            let (one, other) = (Alias::VMap(&vmap), Alias::Direct(&vmap));

            for (seed, writer, reader) in [(1, one, other), (3, other, one), (5, one, other)] {
                let mut image = Image::seeded(len, seed);
                cpu_write(&mut buffer, Bidirectional, writer, &image, 0..len)?;

                image.put(100..200, seed + 1, 100);
                peer.write(&image)?;
                peer.send(chip, &buffer, &mapping, 100..200)?;
                cpu_check(
                    &mut buffer,
                    Bidirectional,
                    reader,
                    &image,
                    "the other alias",
                )?;
            }
            Ok(())
        })
    }

    /// A mapping for each transfer, and CPU access only while there is none.
    #[test]
    fn mapped_for_each_transfer() -> Outcome {
        Chip::with(|chip| {
            let len = 2 * PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;
            let attachment = buffer.attach(chip.dev())?;

            for round in 0..4 {
                let image = Image::seeded(len, 2 * round);
                cpu_write(
                    &mut buffer,
                    Bidirectional,
                    Alias::VMap(&vmap),
                    &image,
                    0..len,
                )?;
                let mapping = attachment.map(ToDevice)?;
                peer.receive(chip, &buffer, &mapping, 0..len)?;
                drop(mapping);
                peer.check(&image, "what the device read")?;

                let image = Image::seeded(len, 2 * round + 1);
                peer.write(&image)?;
                let mapping = attachment.map(FromDevice)?;
                peer.send(chip, &buffer, &mapping, 0..len)?;
                drop(mapping);
                let alias = Alias::VMap(&vmap);
                cpu_check(
                    &mut buffer,
                    Bidirectional,
                    alias,
                    &image,
                    "what the CPU read",
                )?;
            }
            Ok(())
        })
    }

    /// What a device leaves alone stays, also if the CPU wrote it before there was a mapping and
    /// the direction says that only the device writes.
    #[test]
    fn a_partial_device_write_keeps_the_rest() -> Outcome {
        Chip::with(|chip| {
            let len = PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;
            let attachment = buffer.attach(chip.dev())?;

            for (seed, alias) in [(1, Alias::VMap(&vmap)), (3, Alias::Direct(&vmap))] {
                let mut image = Image::seeded(len, seed);
                cpu_write(&mut buffer, Bidirectional, alias, &image, 0..len)?;

                image.put(30..70, seed + 1, 30);
                peer.write(&image)?;
                let mapping = attachment.map(FromDevice)?;
                peer.send(chip, &buffer, &mapping, 30..70)?;
                cpu_check(&mut buffer, FromDevice, Alias::VMap(&vmap), &image, "vmap")?;
                cpu_check(
                    &mut buffer,
                    FromDevice,
                    Alias::Direct(&vmap),
                    &image,
                    "direct map",
                )?;
                drop(mapping);
            }
            Ok(())
        })
    }

    /// The vmap is made when the device has already written.
    #[test]
    fn vmap_after_the_transfer() -> Outcome {
        Chip::with(|chip| {
            let len = 2 * PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;

            let image = Image::seeded(len, 1);
            peer.write(&image)?;
            peer.send(chip, &buffer, &mapping, 0..len)?;
            let vmap = heap::vmap(&buffer)?;
            cpu_check(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                "vmap",
            )
        })
    }

    /// A kernel user that takes the pages one by one. What is done for a vmap, and for a chunk as
    /// large as the cache, is done to all of the cache on some CPUs, so there is neither.
    #[test]
    fn direct_map_without_a_vmap() -> Outcome {
        Chip::with(|chip| {
            let len = 5 * PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let pages = Pages::of(&buffer)?;
            let alias = Alias::Pages(&pages);
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;

            let mut image = Image::seeded(len, 1);
            cpu_write(&mut buffer, Bidirectional, alias, &image, 0..len)?;
            peer.receive(chip, &buffer, &mapping, 0..len)?;
            peer.check(&image, "what the device read")?;

            image.put(0..len, 2, 0);
            peer.write(&image)?;
            peer.send(chip, &buffer, &mapping, 0..len)?;
            cpu_check(&mut buffer, Bidirectional, alias, &image, "direct map")
        })
    }

    /// The vmap that the CPU wrote through is gone when the device reads.
    #[test]
    fn vunmap_before_the_transfer() -> Outcome {
        Chip::with(|chip| {
            let len = 2 * PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;

            let image = Image::seeded(len, 1);
            let vmap = heap::vmap(&buffer)?;
            cpu_write(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                0..len,
            )?;
            drop(vmap);
            peer.receive(chip, &buffer, &mapping, 0..len)?;
            peer.check(&image, "what the device read")
        })
    }
}
