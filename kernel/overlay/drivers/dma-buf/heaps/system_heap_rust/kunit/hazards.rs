// SPDX-License-Identifier: GPL-2.0

//! Users that do wrong on purpose, to show that the cache model sees it.
//!
//! What they do is what the types of `kernel::dma_buf` forbid, so it goes through raw pointers and
//! user mappings. Data may be right or wrong on a machine with a cache, so none is compared: these
//! cases mean something only where VCSan watches, and are skipped elsewhere.

use crate::{
    check::Outcome,
    device::Peer,
    heap::{
        self,
        Client,
        DataDirection::Bidirectional,
        Frames,
        Importer,
        VMap, //
    },
    lsi::Chip,
    sys,
    vcsan, //
};
use core::ptr::NonNull;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// What a device wrote is not seen through the vmap.
const STALE_VMAP: &CStr = c"stale read | vmap | *hazards::read* | invalidate the vmap*";

/// What was written through the vmap is not seen through the direct map.
const NOT_WRITTEN_BACK: &CStr = c"stale read | direct map | *hazards::read_direct* | \
    write back the vmap*, then invalidate the direct map*";

/// Bytes that are read and written.
const LEN: usize = 256;

/// How often a case tries: where the cache is virtually tagged, a switch to another process in
/// between flushes all of it, and then nothing was wrong.
const ROUNDS: usize = 8;

/// Whether the running case, which will run into the hazard `what`, can show anything.
fn expect(what: &'static CStr) -> bool {
    if vcsan::watches() {
        vcsan::expect_hazard(what);
        true
    } else {
        sys::skip(c"VCSan does not watch this machine");
        false
    }
}

/// Reads through the vmap, whoever owns the buffer.
fn read(vmap: &VMap) {
    for offset in 0..LEN {
        // SAFETY: Inside of the mapping, which has at least a page.
        unsafe { vmap.as_ptr().cast::<u8>().add(offset).read_volatile() };
    }
}

/// Writes through the vmap, whoever owns the buffer.
fn write(vmap: &VMap) {
    for offset in 0..LEN {
        // SAFETY: Inside of the mapping, which has at least a page. Nobody else is at it.
        unsafe { vmap.as_ptr().cast::<u8>().add(offset).write_volatile(1) };
    }
}

/// Reads a page of the buffer in the direct map, whoever owns the buffer.
#[inline(never)]
fn read_direct(page: NonNull<u8>) {
    for offset in 0..LEN {
        // SAFETY: Inside of a page of the buffer.
        unsafe { page.as_ptr().add(offset).read_volatile() };
    }
}

#[kunit_tests(system_heap_rust_hazards)]
mod tests {
    use super::*;

    /// The vmap still holds what it showed before the device wrote.
    #[test]
    fn read_without_begin() -> Outcome {
        if !expect(STALE_VMAP) {
            return Ok(());
        }
        Chip::with(|chip| {
            let peer = Peer::new(chip, PAGE_SIZE)?;
            let buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);
            let vmap = heap::vmap(&buffer)?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;

            for _ in 0..ROUNDS {
                read(&vmap);
                peer.send(chip, &buffer, &mapping, 0..LEN)?;
                read(&vmap);
            }
            Ok(())
        })
    }

    /// Access begins before the device has written.
    #[test]
    fn begin_before_the_transfer() -> Outcome {
        if !expect(STALE_VMAP) {
            return Ok(());
        }
        Chip::with(|chip| {
            let peer = Peer::new(chip, PAGE_SIZE)?;
            let mut buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);
            let vmap = heap::vmap(&buffer)?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;

            for _ in 0..ROUNDS {
                buffer.begin_cpu_access(Bidirectional)?.end()?;
                read(&vmap);
                peer.send(chip, &buffer, &mapping, 0..LEN)?;
                read(&vmap);
            }
            Ok(())
        })
    }

    /// The device reads what only a dirty line of the vmap has.
    #[test]
    fn transfer_without_end() -> Outcome {
        if !expect(c"stale device read | vmap | *hazards::write* | write back the *vmap*") {
            return Ok(());
        }
        Chip::with(|chip| {
            let peer = Peer::new(chip, PAGE_SIZE)?;
            let buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);
            let vmap = heap::vmap(&buffer)?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;

            for _ in 0..ROUNDS {
                write(&vmap);
                peer.receive(chip, &buffer, &mapping, 0..LEN)?;
            }
            Ok(())
        })
    }

    /// The same through a mapping in user space.
    #[test]
    fn transfer_without_end_of_user_space() -> Outcome {
        if !expect(c"stale device read | user mapping | *c*py* | write back the *user mapping*") {
            return Ok(());
        }
        Chip::with(|chip| {
            let peer = Peer::new(chip, PAGE_SIZE)?;
            let client = Client::new()?;
            let (buffer, user) = heap::allocate_with_user_map(&client, PAGE_SIZE)?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;

            for _ in 0..ROUNDS {
                user.slice(0, LEN).writer().write_slice(&[1; LEN])?;
                peer.receive(chip, &buffer, &mapping, 0..LEN)?;
            }
            Ok(())
        })
    }

    /// A dirty line of the vmap goes over what the device wrote.
    #[test]
    fn write_while_the_device_owns() -> Outcome {
        if !expect(c"lost write | vmap | *hazards::read* | write back or invalidate the *vmap*") {
            return Ok(());
        }
        Chip::with(|chip| {
            let peer = Peer::new(chip, PAGE_SIZE)?;
            let mut buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);
            let vmap = heap::vmap(&buffer)?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(Bidirectional)?;

            for _ in 0..ROUNDS {
                write(&vmap);
                peer.send(chip, &buffer, &mapping, 0..LEN)?;
                let cpu = buffer.begin_cpu_access(Bidirectional)?;
                read(&vmap);
                cpu.end()?;
            }
            Ok(())
        })
    }

    /// Two aliases of a page, and nobody who keeps them coherent.
    #[test]
    fn another_alias() -> Outcome {
        let buffer = Importer::new(Client::new()?.allocate(PAGE_SIZE)?);
        let vmap = heap::vmap(&buffer)?;
        let Some(direct) = vmap.frame(0).ok_or(EFAULT)?.direct_map() else {
            sys::skip(c"the page is in high memory, which has no direct map");
            return Ok(());
        };
        // Where nothing aliases there is nothing wrong with it.
        if sys::colour_mask() != 0 && !expect(NOT_WRITTEN_BACK) {
            return Ok(());
        }

        for _ in 0..ROUNDS {
            read_direct(direct);
            write(&vmap);
            read_direct(direct);
        }
        Ok(())
    }
}
