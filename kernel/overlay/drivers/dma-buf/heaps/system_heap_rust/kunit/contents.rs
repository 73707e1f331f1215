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

/// The same for user space, of single pages: larger chunks have the same colour there as in the
/// direct map, if colours go by the offset. An exporter that makes no others has the first length
/// only.
fn user_lengths() -> impl Iterator<Item = usize> {
    [1, 3]
        .into_iter()
        .filter(|&pages| sys::can_alias(pages * PAGE_SIZE))
}

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

/// Has `check` look at fresh buffers of `count` pages, until `times` of those that it has looked at
/// had pages that have held a pattern.
///
/// `check` says whether the buffer was of use. It is the first that gets at it: which pages it has
/// is only asked later, by a vmap, for which some CPUs flush the whole cache.
fn recycled(
    client: &Client,
    count: usize,
    times: usize,
    mut check: impl FnMut(&mut Importer) -> Outcome<bool>,
) -> Outcome {
    let old = fill(client, count)?;
    let (mut kept, mut checked) = (KVec::new(), 0);

    for _ in 0..TRIES {
        let mut buffer = Importer::new(client.allocate(count * PAGE_SIZE)?);
        let is_checked = check(&mut buffer)?;
        let mut new = KVec::new();
        push_pages(&mut new, &buffer)?;

        checked += usize::from(is_checked && new.iter().any(|page| old.contains(page)));
        if checked == times {
            break;
        }
        kept.push(buffer, GFP_KERNEL)?;
    }
    if checked > 0 {
        return Ok(());
    }
    Err(Failed::new(fmt!(
        "of {TRIES} buffers of {count} pages none was of use and filled before, so zeros would \
         prove nothing; mask {:#x}",
        sys::colour_mask()
    )))
}

/// Maps all of `buffer` into user space. `None` if the data cache aliases and less than half of the
/// pages have another colour there than in the direct map, through which the kernel has cleared
/// them.
///
/// Of pages that some exporters map as they fault, nobody knows.
fn user_alias(buffer: &Importer) -> Outcome<Option<UserMap>> {
    let len = buffer.dma_buf().size();
    let user = UserMap::of_buffer(buffer.dma_buf(), len, 0)?;
    let (mut pages, mut aliases) = (0, 0);

    for offset in (0..len).step_by(PAGE_SIZE) {
        if let Some(frame) = user.frame(offset) {
            pages += 1;
            aliases += usize::from(frame.has_other_colour(user.addr() + offset));
            vcsan::watch_page(frame);
        }
    }
    let is_alias = sys::colour_mask() == 0 || 2 * aliases >= pages;
    Ok(is_alias.then_some(user))
}

#[kunit_tests(system_heap_rust_contents)]
mod tests {
    use super::*;

    #[test]
    fn zeros_in_the_vmap() -> Outcome {
        let client = Client::new()?;

        for count in LENGTHS {
            let zeros = Image::zeros(count * PAGE_SIZE);

            recycled(&client, count, 1, |buffer| {
                let vmap = heap::vmap(buffer)?;
                cpu_check(buffer, FromDevice, Alias::VMap(&vmap), &zeros, "vmap")?;
                Ok(true)
            })?;
        }
        Ok(())
    }

    #[test]
    fn zeros_in_the_direct_map() -> Outcome {
        let client = Client::new()?;

        for count in LENGTHS {
            let zeros = Image::zeros(count * PAGE_SIZE);

            recycled(&client, count, 1, |buffer| {
                let vmap = heap::vmap(buffer)?;
                let alias = Alias::Direct(&vmap);
                cpu_check(buffer, ToDevice, alias, &zeros, "direct map")?;
                Ok(true)
            })?;
        }
        Ok(())
    }

    #[test]
    fn zeros_in_user_space() -> Outcome {
        let client = Client::new()?;

        for count in user_lengths() {
            let zeros = Image::zeros(count * PAGE_SIZE);

            recycled(&client, count, 1, |buffer| {
                let Some(user) = user_alias(buffer)? else {
                    return Ok(false);
                };
                let alias = Alias::User(&user);
                cpu_check(buffer, ToDevice, alias, &zeros, "user mapping")?;
                Ok(true)
            })?;
        }
        Ok(())
    }

    /// A process that has the buffer for itself needs not open an access.
    #[test]
    fn zeros_for_a_single_user() -> Outcome {
        let client = Client::new()?;

        // Another process that ends meanwhile may flush the whole cache, so one is not enough.
        recycled(&client, 1, 4, |buffer| {
            let Some(user) = user_alias(buffer)? else {
                return Ok(false);
            };
            user.frame(0).ok_or(EFAULT)?;
            Image::zeros(PAGE_SIZE).check("user mapping", |offset, data| {
                user.slice(offset, data.len()).reader().read_slice(data)
            })?;
            Ok(true)
        })
    }

    /// The device reads before the CPU ever had access.
    #[test]
    fn zeros_for_the_device() -> Outcome {
        Chip::with(|chip| {
            let client = Client::new()?;

            for count in LENGTHS {
                let len = count * PAGE_SIZE;
                let peer = Peer::new(chip, len)?;

                recycled(&client, count, 1, |buffer| {
                    peer.write(&Image::seeded(len, 1))?;
                    let attachment = buffer.attach(chip.dev())?;
                    let mapping = attachment.map(ToDevice)?;
                    peer.receive(chip, buffer, &mapping, 0..len)?;
                    peer.check(&Image::zeros(len), "what the device read")?;
                    Ok(true)
                })?;
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
                let part = 40..len - 1000;
                let peer = Peer::new(chip, len)?;
                let mut image = Image::zeros(len);
                image.put(part.clone(), 1, part.start);
                peer.write(&image)?;

                recycled(&client, count, 1, |buffer| {
                    let attachment = buffer.attach(chip.dev())?;
                    let mapping = attachment.map(FromDevice)?;
                    peer.send(chip, buffer, &mapping, part.clone())?;

                    let vmap = heap::vmap(buffer)?;
                    let (vmap, direct) = (Alias::VMap(&vmap), Alias::Direct(&vmap));
                    cpu_check(buffer, FromDevice, vmap, &image, "vmap")?;
                    cpu_check(buffer, FromDevice, direct, &image, "direct map")?;
                    Ok(true)
                })?;
            }
            Ok(())
        })
    }

    /// The first thing that happens to a buffer is that user space writes it.
    #[test]
    fn zeros_around_a_user_write() -> Outcome {
        Chip::with(|chip| {
            let client = Client::new()?;

            for count in user_lengths() {
                let len = count * PAGE_SIZE;
                let part = 40..len - 1000;
                let peer = Peer::new(chip, len)?;
                let mut image = Image::zeros(len);
                image.put(part.clone(), 1, part.start);

                recycled(&client, count, 1, |buffer| {
                    let Some(user) = user_alias(buffer)? else {
                        return Ok(false);
                    };
                    let alias = Alias::User(&user);
                    cpu_write(buffer, Bidirectional, alias, &image, part.clone())?;

                    let attachment = buffer.attach(chip.dev())?;
                    let mapping = attachment.map(ToDevice)?;
                    peer.receive(chip, buffer, &mapping, 0..len)?;
                    peer.check(&image, "what the device read")?;
                    Ok(true)
                })?;
            }
            Ok(())
        })
    }
}
