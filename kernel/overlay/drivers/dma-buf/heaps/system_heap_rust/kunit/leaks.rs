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
        c_ulong,
        c_void, //
    };

    // Defined in fences.c.
    unsafe extern "C" {
        pub(super) fn heap_test_device() -> *mut c_void;
        pub(super) fn heap_test_device_destroy(dev: *mut c_void);
        pub(super) fn heap_test_attachments(dmabuf: *mut c_void) -> c_ulong;
    }
}

/// Runs `f` with a device that is unbound and removed after that.
fn with_device<T>(f: impl FnOnce(&Device<Bound>) -> Outcome<T>) -> Outcome<T> {
    // SAFETY: There is nothing to heed.
    let raw = from_err_ptr(unsafe { c::heap_test_device() })?;

    // SAFETY: The device is bound until it is destroyed below.
    let result = f(unsafe { Device::from_raw(raw.cast()) });

    // SAFETY: It comes from above, and nothing uses it any more.
    unsafe { c::heap_test_device_destroy(raw) };
    result
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
