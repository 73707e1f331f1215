// SPDX-License-Identifier: GPL-2.0

//! What safe code forgets does no harm, and what it must not do is refused.

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
            self,
            Bidirectional,
            FromDevice,
            ToDevice, //
        },
        DmaBuf,
        Importer, //
    },
    lsi::Chip,
    odd,
    sys::{
        self,
        UserMap, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    error::from_err_ptr,
    page::{
        Chunks,
        Pages,
        PAGE_SIZE, //
    },
    prelude::*,
};

mod c {
    use kernel::ffi::{
        c_uint,
        c_ulong,
        c_void, //
    };

    // Defined in fences.c.
    unsafe extern "C" {
        pub(super) fn heap_test_device() -> *mut c_void;
        pub(super) fn heap_test_device_destroy(dev: *mut c_void) -> c_uint;
        pub(super) fn heap_test_attachments(dmabuf: *mut c_void) -> c_ulong;
    }
}

/// Runs `f` with a device that is unbound and removed after that. Also returns how many references
/// to it are left then.
fn with_device_left<T>(f: impl FnOnce(&Device<Bound>) -> Outcome<T>) -> Outcome<(T, u32)> {
    // SAFETY: There is nothing to heed.
    let raw = from_err_ptr(unsafe { c::heap_test_device() })?;

    // SAFETY: The device is bound until it is destroyed below.
    let result = f(unsafe { Device::from_raw(raw.cast()) });

    // Buffers that were dropped may have it.
    sys::flush();
    // SAFETY: It comes from above, and nothing uses it any more.
    let left = unsafe { c::heap_test_device_destroy(raw) };
    Ok((result?, left))
}

/// The same for who forgets something, and the references with it.
fn with_device<T>(f: impl FnOnce(&Device<Bound>) -> Outcome<T>) -> Outcome<T> {
    Ok(with_device_left(f)?.0)
}

/// The same for who gives everything back.
fn with_device_given_back(f: impl FnOnce(&Device<Bound>) -> Outcome) -> Outcome {
    let ((), left) = with_device_left(f)?;
    ensure!(left == 0, "{left} references to a device that is gone");
    Ok(())
}

fn attachments(buffer: &DmaBuf) -> usize {
    // SAFETY: The buffer is valid.
    unsafe { c::heap_test_attachments(buffer.as_raw().cast()) }
}

#[kunit_tests(system_heap_rust_leaks)]
mod tests {
    use super::*;

    /// A device that is gone must not stay attached.
    #[test]
    fn an_attachment() -> Outcome {
        let buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);

        with_device(|dev| {
            core::mem::forget(buffer.attach(dev)?);
            let attached = attachments(buffer.dma_buf());
            ensure!(attached == 1, "{attached} attachments");
            Ok(())
        })?;

        let attached = attachments(buffer.dma_buf());
        ensure!(attached == 0, "{attached} attachments of no device");
        Ok(())
    }

    /// Nothing is synced for a device that is gone, and the buffer is as good as ever.
    #[test]
    fn a_mapping() -> Outcome {
        Chip::with(|chip| {
            let len = PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let vmap = heap::vmap(&buffer)?;

            with_device(|dev| {
                let attachment = buffer.attach(dev)?;
                core::mem::forget(attachment.map(Bidirectional)?);
                core::mem::forget(attachment);
                Ok(())
            })?;
            let attached = attachments(buffer.dma_buf());
            ensure!(attached == 0, "{attached} attachments of no device");

            let image = Image::seeded(len, 1);
            cpu_write(&mut buffer, ToDevice, Alias::VMap(&vmap), &image, 0..len)?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;
            peer.receive(chip, &buffer, &mapping, 0..len)?;
            peer.check(&image, "what the device read")?;
            cpu_check(&mut buffer, FromDevice, Alias::VMap(&vmap), &image, "vmap")
        })
    }

    /// A mapping that is forgotten goes with its attachment.
    #[test]
    fn a_mapping_of_an_attachment() -> Outcome {
        Chip::with(|chip| {
            let buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);

            crate::lifecycle::without_leak("a mapping", 256, || {
                let attachment = buffer.attach(chip.dev())?;
                core::mem::forget(attachment.map(Bidirectional)?);
                let again = attachment.map(ToDevice).map(drop);
                ensure!(again == Err(EBUSY), "mapped once more: {again:?}");
                Ok(())
            })
        })
    }

    /// Most exporters have one table for an attachment, which a second mapping would change.
    #[test]
    fn one_mapping_at_a_time() -> Outcome {
        Chip::with(|chip| {
            let buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);
            let attachment = buffer.attach(chip.dev())?;

            for dir in [ToDevice, FromDevice, Bidirectional] {
                let mapping = attachment.map(dir)?;
                let again = attachment.map(dir).map(drop);
                ensure!(again == Err(EBUSY), "mapped twice: {again:?}");
                drop(mapping);
            }
            Ok(())
        })
    }

    /// Exporters in C stop the machine if they get none.
    #[test]
    fn no_direction() -> Outcome {
        Chip::with(|chip| {
            let mut buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);
            let attachment = buffer.attach(chip.dev())?;

            let mapped = attachment.map(DataDirection::None).map(drop);
            ensure!(mapped == Err(EINVAL), "mapped: {mapped:?}");
            let begun = buffer.begin_cpu_access(DataDirection::None).map(drop);
            ensure!(begun == Err(EINVAL), "begun: {begun:?}");
            Ok(())
        })
    }

    /// What is kept of a mapping for the next one does not outlive the device.
    #[test]
    fn a_device() -> Outcome {
        let buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);

        for dir in [ToDevice, Bidirectional] {
            with_device_given_back(|dev| {
                let attachment = buffer.attach(dev)?;
                drop(attachment.map(dir)?);
                drop(attachment.map(dir)?);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// What is kept is used for another device, which is the only one that it belongs to then:
    /// whoever comes first, and whichever goes first.
    #[test]
    fn two_devices() -> Outcome {
        let buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);

        for (first, second) in [
            (ToDevice, ToDevice),
            (ToDevice, FromDevice),
            (FromDevice, ToDevice),
            (Bidirectional, FromDevice),
        ] {
            with_device_given_back(|one| {
                let stays = buffer.attach(one)?;
                let mut mapping = None;

                // What is kept is of the device that goes, while the other one has the buffer.
                with_device_given_back(|other| {
                    let goes = buffer.attach(other)?;
                    drop(goes.map(first)?);
                    mapping = Some(stays.map(second)?);
                    Ok(())
                })?;
                drop(mapping);

                // What is kept is of the device that stays.
                with_device_given_back(|other| {
                    drop(buffer.attach(other)?.map(first)?);
                    Ok(())
                })?;

                // Both have the buffer, and either ends first.
                for ends_first in [true, false] {
                    drop(stays.map(second)?);
                    with_device_given_back(|other| {
                        let goes = buffer.attach(other)?;
                        let (of_one, of_other) = (stays.map(second)?, goes.map(first)?);
                        if ends_first {
                            drop(of_one);
                            drop(of_other);
                        } else {
                            drop(of_other);
                            drop(of_one);
                        }
                        Ok(())
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// An exporter that has one mapping for all gets away with it once.
    #[test]
    fn a_mapping_of_others() -> Outcome {
        with_device_given_back(|dev| {
            let buffer = Importer::new(odd::buffer(PAGE_SIZE, 1)?);
            let attachment = buffer.attach(dev)?;
            let mapping = attachment.map(Bidirectional)?;

            let again = buffer.attach(dev)?.map(Bidirectional).map(drop);
            ensure!(again == Err(EBUSY), "of another attachment: {again:?}");
            with_device_given_back(|other| {
                let again = buffer.attach(other)?.map(Bidirectional).map(drop);
                ensure!(again == Err(EINVAL), "of another device: {again:?}");
                Ok(())
            })?;

            drop(mapping);
            let again = attachment.map(Bidirectional).map(drop);
            ensure!(again == Err(EBUSY), "unmapped: {again:?}");
            Ok(())
        })
    }

    /// An exporter that has less memory than its buffer shows none of what is behind.
    #[test]
    fn less_memory_than_the_buffer() -> Outcome {
        let buffer = Importer::new(odd::buffer(2 * PAGE_SIZE, 1)?);

        // Not by way of the core, which warns.
        let vmap = sys::vmap_and_vunmap(buffer.dma_buf());
        ensure!(vmap == Err(EINVAL), "vmap: {vmap:?}");
        for (pages, offset) in [(2, 0), (1, PAGE_SIZE)] {
            let user = UserMap::of_buffer(buffer.dma_buf(), pages * PAGE_SIZE, offset).map(drop);
            ensure!(
                user == Err(EINVAL),
                "{pages} pages from {offset:#x}: {user:?}"
            );
        }
        UserMap::of_buffer(buffer.dma_buf(), PAGE_SIZE, 0)?;
        Ok(())
    }

    /// What belongs to one buffer is of no use with another one.
    #[test]
    fn another_buffer() -> Outcome {
        with_device_given_back(|dev| {
            let client = Client::new()?;
            let mut one = Importer::new(client.allocate(PAGE_SIZE)?);
            let other = Importer::new(client.allocate(PAGE_SIZE)?);
            let (attachment, vmap) = (other.attach(dev)?, other.vmap()?);
            let mapping = attachment.map(Bidirectional)?;

            let lent = one.device_access(&mapping).map(drop);
            ensure!(lent == Err(EINVAL), "addresses: {lent:?}");
            let access = one.begin_cpu_access(Bidirectional)?;
            let read = access.read(&vmap, 0, &mut [0]);
            ensure!(read == Err(EINVAL), "read: {read:?}");
            let read = access.read(&vmap, usize::MAX, &mut [0]);
            ensure!(read == Err(EINVAL), "read from the end: {read:?}");
            Ok(access.end()?)
        })
    }

    /// No list has more chunks than a device can be told of.
    #[test]
    fn more_chunks_than_a_table_has() -> Outcome {
        let mut chunks = Chunks::new();
        let count = 520;

        for index in 0..count {
            let pushed = chunks
                .push(Pages::alloc(0, GFP_KERNEL)?, GFP_KERNEL)
                .is_ok();
            ensure!(pushed == (index < Chunks::MAX), "chunk {index}: {pushed}");
        }
        Ok(())
    }
}
