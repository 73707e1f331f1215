// SPDX-License-Identifier: GPL-2.0

//! A fresh buffer holds zeros, and nothing of what its pages held before.
//!
//! Each case fills memory with a pattern first, frees it, and makes sure that the buffer under test
//! got some of the very same pages.

use crate::{
    check::{
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
            FromDevice,
            ToDevice, //
        },
        Frames,
        Importer, //
    },
    lsi::Chip,
    sys::{
        self,
        UserMap, //
    },
    vcsan, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// Lengths in pages, of one chunk and of several.
const LENGTHS: [usize; 2] = [1, 18];

/// Pages that are filled at least: more than whatever else allocates in between could take.
const DIRTY_PAGES: usize = 32;

/// Tries to get a buffer with one of them.
const TRIES: usize = 64;

/// Adds the physical addresses of the pages of `buffer` to `pages`.
pub(crate) fn push_pages(pages: &mut KVec<u64>, buffer: &Importer) -> Result {
    let vmap = buffer.vmap()?;

    for offset in (0..vmap.len()).step_by(PAGE_SIZE) {
        let frame = vmap.frame(offset).ok_or(EFAULT)?;
        pages.push(frame.phys(), GFP_KERNEL)?;
    }
    Ok(())
}

/// Fills buffers of `count` pages with a pattern and frees them. Returns their pages.
fn fill(client: &Client, count: usize) -> Outcome<KVec<u64>> {
    let len = count * PAGE_SIZE;
    let mut dirty = KVec::new();
    let mut old = KVec::new();

    for _ in 0..DIRTY_PAGES.div_ceil(count) {
        let mut buffer = Importer::new(client.allocate(len)?);
        let vmap = buffer.vmap()?;
        let mut cpu = buffer.begin_cpu_access(Bidirectional)?;
        cpu.fill(&vmap, 0, len, 0xa5)?;
        cpu.end()?;
        push_pages(&mut old, &buffer)?;
        dirty.push(buffer, GFP_KERNEL)?;
    }
    drop(dirty);
    sys::flush();
    Ok(old)
}

/// Allocates a buffer of `count` pages, some of which have held a pattern.
fn recycled(client: &Client, count: usize) -> Outcome<Importer> {
    let len = count * PAGE_SIZE;
    let old = fill(client, count)?;

    let mut rejected = KVec::new();
    for _ in 0..TRIES {
        let buffer = Importer::new(client.allocate(len)?);
        let mut new = KVec::new();
        push_pages(&mut new, &buffer)?;

        if new.iter().any(|page| old.contains(page)) {
            return Ok(buffer);
        }
        rejected.push(buffer, GFP_KERNEL)?;
    }
    Err(Failed::new(fmt!(
        "no page of {TRIES} buffers of {count} was filled before, so zeros would prove nothing"
    )))
}

#[kunit_tests(system_heap_rust_contents)]
mod tests {
    use super::*;

    #[test]
    fn zeros_in_the_vmap() -> Outcome {
        let client = Client::new()?;

        for count in LENGTHS {
            let mut buffer = recycled(&client, count)?;
            let vmap = heap::vmap(&buffer)?;
            let zeros = Image::zeros(count * PAGE_SIZE);
            cpu_check(&mut buffer, FromDevice, Alias::VMap(&vmap), &zeros, "vmap")?;
        }
        Ok(())
    }

    #[test]
    fn zeros_in_the_direct_map() -> Outcome {
        let client = Client::new()?;

        for count in LENGTHS {
            let mut buffer = recycled(&client, count)?;
            let vmap = heap::vmap(&buffer)?;
            let zeros = Image::zeros(count * PAGE_SIZE);
            cpu_check(
                &mut buffer,
                ToDevice,
                Alias::Direct(&vmap),
                &zeros,
                "direct map",
            )?;
        }
        Ok(())
    }

    #[test]
    fn zeros_in_user_space() -> Outcome {
        let client = Client::new()?;

        for count in LENGTHS {
            let mut buffer = recycled(&client, count)?;
            let user = UserMap::of_buffer(buffer.dma_buf(), count * PAGE_SIZE, 0)?;
            let zeros = Image::zeros(count * PAGE_SIZE);
            cpu_check(
                &mut buffer,
                ToDevice,
                Alias::User(&user),
                &zeros,
                "user mapping",
            )?;
        }
        Ok(())
    }

    /// A process that has the buffer for itself needs not open an access. The kernel makes no
    /// mapping of its own before, which would flush whole caches on some CPUs.
    ///
    /// If the data cache aliases, the process has the page by another colour than the direct map,
    /// through which the kernel has cleared it.
    #[test]
    fn zeros_for_a_single_user() -> Outcome {
        let client = Client::new()?;
        let old = fill(&client, 1)?;
        let mask = sys::colour_mask();

        let (mut kept, mut checked) = (KVec::new(), 0);
        for _ in 0..TRIES {
            let buffer = Importer::new(client.allocate(PAGE_SIZE)?);
            let user = UserMap::of_buffer(buffer.dma_buf(), PAGE_SIZE, 0)?;
            let frame = user.frame(0).ok_or(EFAULT)?;
            let is_alias = mask == 0 || frame.has_other_colour(user.addr());

            if is_alias && old.contains(&frame.phys()) {
                vcsan::watch_page(frame);
                Image::zeros(PAGE_SIZE).check("user mapping", |offset, data| {
                    user.slice(offset, data.len()).reader().read_slice(data)
                })?;
                checked += 1;
            }
            // Another process that ends meanwhile may flush the whole cache, so one is not enough.
            if checked == 4 {
                break;
            }
            kept.push(buffer, GFP_KERNEL)?;
        }
        if checked > 0 {
            return Ok(());
        }
        Err(Failed::new(fmt!(
            "none of {TRIES} pages was filled before and has another colour in user space, so zeros \
             would prove nothing, mask {mask:#x}"
        )))
    }

    /// The device reads before the CPU ever had access.
    #[test]
    fn zeros_for_the_device() -> Outcome {
        Chip::with(|chip| {
            let client = Client::new()?;

            for count in LENGTHS {
                let len = count * PAGE_SIZE;
                let peer = Peer::new(chip, len)?;
                peer.write(&Image::seeded(len, 1))?;

                let buffer = recycled(&client, count)?;
                let attachment = buffer.attach(chip.dev())?;
                let mapping = attachment.map(ToDevice)?;
                peer.receive(chip, &buffer, &mapping, 0..len)?;
                peer.check(&Image::zeros(len), "what the device read")?;
            }
            Ok(())
        })
    }

    /// The device writes a part, as one that only writes may; the rest is still zeros and not what
    /// the pages held before.
    #[test]
    fn zeros_around_a_device_write() -> Outcome {
        Chip::with(|chip| {
            let client = Client::new()?;

            for count in LENGTHS {
                let len = count * PAGE_SIZE;
                let peer = Peer::new(chip, len)?;
                let mut image = Image::zeros(len);
                image.put(40..len - 1000, 1, 40);
                peer.write(&image)?;

                let mut buffer = recycled(&client, count)?;
                let vmap = heap::vmap(&buffer)?;
                let attachment = buffer.attach(chip.dev())?;
                let mapping = attachment.map(FromDevice)?;
                peer.send(chip, &buffer, &mapping, 40..len - 1000)?;
                cpu_check(&mut buffer, FromDevice, Alias::VMap(&vmap), &image, "vmap")?;
                cpu_check(
                    &mut buffer,
                    FromDevice,
                    Alias::Direct(&vmap),
                    &image,
                    "direct map",
                )?;
            }
            Ok(())
        })
    }

    /// The first thing that happens to a buffer is that user space writes it.
    #[test]
    fn zeros_around_a_user_write() -> Outcome {
        Chip::with(|chip| {
            let client = Client::new()?;

            for count in LENGTHS {
                let len = count * PAGE_SIZE;
                let peer = Peer::new(chip, len)?;
                let mut image = Image::zeros(len);
                image.put(40..len - 1000, 1, 40);

                let mut buffer = recycled(&client, count)?;
                let user = UserMap::of_buffer(buffer.dma_buf(), len, 0)?;
                let alias = Alias::User(&user);
                cpu_write(&mut buffer, Bidirectional, alias, &image, 40..len - 1000)?;

                let attachment = buffer.attach(chip.dev())?;
                let mapping = attachment.map(ToDevice)?;
                peer.receive(chip, &buffer, &mapping, 0..len)?;
                peer.check(&image, "what the device read")?;
            }
            Ok(())
        })
    }
}
