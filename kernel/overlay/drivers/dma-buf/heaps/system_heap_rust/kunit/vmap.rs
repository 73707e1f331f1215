// SPDX-License-Identifier: GPL-2.0

//! The kernel's mapping of a buffer and its count.

use crate::{
    check::{
        ensure,
        Failed,
        Image,
        Outcome, //
    },
    heap::{
        self,
        cpu_check,
        cpu_write,
        Alias,
        Client,
        DataDirection::Bidirectional,
        Frames,
        Importer, //
    },
    sys,
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

#[kunit_tests(system_heap_rust_vmap)]
mod tests {
    use super::*;

    /// A mapping is as long as the buffer, each page of it another.
    #[test]
    fn covers_the_buffer() -> Outcome {
        for pages in [1, 2, 16, 21, 256] {
            let len = pages * PAGE_SIZE;
            let buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = buffer.vmap()?;

            ensure!(
                vmap.len() == len,
                "expected {len} bytes, got {}",
                vmap.len()
            );
            let mut all = KVec::with_capacity(pages, GFP_KERNEL)?;
            for offset in (0..len).step_by(PAGE_SIZE) {
                let Some(frame) = vmap.frame(offset) else {
                    return Err(Failed::new(fmt!(
                        "no page at offset {offset:#x} of {len:#x}"
                    )));
                };
                all.push(frame.phys(), GFP_KERNEL)?;
            }
            all.sort_unstable();
            for pair in all.windows(2) {
                ensure!(
                    pair[0] != pair[1],
                    "the page at {:#x} is mapped twice in {len:#x}",
                    pair[0]
                );
            }
            let end = vmap.as_ptr().wrapping_add(len);
            ensure!(!sys::is_mapped(end), "a page is mapped beyond {len:#x}");
        }
        Ok(())
    }

    /// It is another mapping than the direct map, and if the data cache aliases, of another colour
    /// in half of the pages or more.
    #[test]
    fn is_an_alias() -> Outcome {
        let client = Client::new()?;
        let mask = sys::colour_mask();

        for pages in [1, 2, 16, 21] {
            let buffer = Importer::new(client.allocate(pages * PAGE_SIZE)?);
            let vmap = heap::vmap(&buffer)?;
            let mut others = 0;

            for offset in (0..vmap.len()).step_by(PAGE_SIZE) {
                let frame = vmap.frame(offset).ok_or(EFAULT)?;
                let direct = frame.direct_map().map(|page| page.as_ptr().addr());
                let alias = vmap.as_ptr().addr() + offset;
                ensure!(
                    direct != Some(alias),
                    "the vmap of {pages} pages is the direct map at offset {offset:#x}"
                );
                others += usize::from(frame.has_other_colour(alias));
            }
            ensure!(
                mask == 0 || 2 * others >= pages,
                "{others} of {pages} pages have another colour, mask {mask:#x}"
            );
        }
        Ok(())
    }

    /// While one user of the mapping is left it stays, at the same address.
    #[test]
    fn is_counted() -> Outcome {
        let len = 2 * PAGE_SIZE;
        let mut buffer = Importer::new(Client::new()?.allocate(len)?);
        let image = Image::seeded(len, 1);

        let first = heap::vmap(&buffer)?;
        let address = first.as_ptr();
        let (second, third) = (buffer.vmap()?, buffer.vmap()?);
        ensure!(
            second.as_ptr() == address && third.as_ptr() == address,
            "one buffer is mapped at {address:p}, {:p} and {:p}",
            second.as_ptr(),
            third.as_ptr()
        );
        cpu_write(
            &mut buffer,
            Bidirectional,
            Alias::VMap(&second),
            &image,
            0..len,
        )?;

        drop(second);
        ensure!(sys::is_mapped(address), "unmapped with two users left");
        cpu_check(
            &mut buffer,
            Bidirectional,
            Alias::VMap(&third),
            &image,
            "two left",
        )?;

        drop(first);
        ensure!(sys::is_mapped(address), "unmapped with a user left");
        ensure!(
            sys::is_mapped(address.wrapping_add(len - 1)),
            "the last page is unmapped with a user left"
        );
        cpu_check(
            &mut buffer,
            Bidirectional,
            Alias::VMap(&third),
            &image,
            "one left",
        )?;

        drop(third);
        ensure!(!sys::is_mapped(address), "still mapped without a user");
        ensure!(
            !sys::is_mapped(address.wrapping_add(len - 1)),
            "the last page is still mapped without a user"
        );
        Ok(())
    }

    /// Each new mapping shows what was written through the ones before.
    #[test]
    fn comes_again() -> Outcome {
        let len = 3 * PAGE_SIZE;
        let mut buffer = Importer::new(Client::new()?.allocate(len)?);

        let mut image = Image::seeded(len, 1);
        for seed in 2..8 {
            let vmap = heap::vmap(&buffer)?;
            cpu_write(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                0..len,
            )?;
            drop(vmap);

            let vmap = heap::vmap(&buffer)?;
            cpu_check(
                &mut buffer,
                Bidirectional,
                Alias::VMap(&vmap),
                &image,
                "mapped again",
            )?;
            image = Image::seeded(len, seed);
        }
        Ok(())
    }

    /// A mapping made during a CPU access is as good as one made before.
    #[test]
    fn made_during_cpu_access() -> Outcome {
        let len = PAGE_SIZE;
        let client = Client::new()?;
        let buffer = client.allocate(len)?;
        let mut buffer = Importer::new(buffer);
        let mut other = Importer::new(buffer.dma_buf().into());
        let image = Image::seeded(len, 1);

        let cpu = other.begin_cpu_access(Bidirectional)?;
        let vmap = heap::vmap(&buffer)?;
        cpu_write(
            &mut buffer,
            Bidirectional,
            Alias::VMap(&vmap),
            &image,
            0..len,
        )?;
        cpu.end()?;

        cpu_check(
            &mut buffer,
            Bidirectional,
            Alias::VMap(&vmap),
            &image,
            "vmap",
        )
    }

    /// The mapping keeps the buffer.
    #[test]
    fn outlives_other_references() -> Outcome {
        let len = PAGE_SIZE;
        let mut buffer = Importer::new(Client::new()?.allocate(len)?);
        let vmap = heap::vmap(&buffer)?;
        let image = Image::seeded(len, 1);
        cpu_write(
            &mut buffer,
            Bidirectional,
            Alias::VMap(&vmap),
            &image,
            0..len,
        )?;

        let address = vmap.as_ptr();
        drop(buffer);
        sys::flush();
        ensure!(sys::is_mapped(address), "unmapped with a user left");

        drop(vmap);
        sys::flush();
        ensure!(!sys::is_mapped(address), "still mapped without a user");
        Ok(())
    }
}
