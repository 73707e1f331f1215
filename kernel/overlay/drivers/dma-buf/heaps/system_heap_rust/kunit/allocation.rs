// SPDX-License-Identifier: GPL-2.0

//! Allocation by the ioctl, and what it refuses.

use crate::{
    check::{
        ensure,
        Outcome, //
    },
    contents::push_pages,
    heap::{
        Client,
        Frames,
        Importer,
        Request, //
    },
    lifecycle::without_leak,
    sys::Killed,
};
use kernel::{
    page::{
        self,
        PAGE_SIZE, //
    },
    prelude::*, //
};

/// Requires that the heap refuses `request` with `expected`, and allocates when asked properly
/// again.
#[track_caller]
fn refused(what: &str, request: Request, expected: Error) -> Outcome {
    let client = Client::new()?;

    match client.request(request) {
        Ok(buffer) => ensure!(false, "{what}: got a buffer of {} bytes", buffer.size()),
        Err(error) => ensure!(
            error == expected,
            "{what}: expected {expected:?}, got {error:?}"
        ),
    }
    client.allocate(PAGE_SIZE)?;
    Ok(())
}

#[kunit_tests(system_heap_rust_allocation)]
mod tests {
    use super::*;

    /// Lengths around those of the chunks that a heap is made of.
    #[test]
    fn rounds_up_to_pages() -> Outcome {
        let client = Client::new()?;

        for len in [
            1,
            PAGE_SIZE - 1,
            PAGE_SIZE,
            PAGE_SIZE + 1,
            15 * PAGE_SIZE,
            16 * PAGE_SIZE,
            17 * PAGE_SIZE - 5,
            255 * PAGE_SIZE,
            256 * PAGE_SIZE,
            (256 + 16 + 1) * PAGE_SIZE,
            1000 * PAGE_SIZE + 1,
        ] {
            let size = client.allocate(len)?.size();
            let expected = len.next_multiple_of(PAGE_SIZE);
            ensure!(
                size == expected,
                "{len} bytes: expected {expected}, got {size}"
            );
        }
        Ok(())
    }

    #[test]
    fn many_buffers_at_once() -> Outcome {
        let client = Client::new()?;
        let mut buffers = KVec::new();

        for i in 0..100 {
            buffers.push(client.allocate((1 + i % 20) * PAGE_SIZE)?, GFP_KERNEL)?;
        }
        for (i, buffer) in buffers.iter().enumerate() {
            let expected = (1 + i % 20) * PAGE_SIZE;
            ensure!(
                buffer.size() == expected,
                "buffer {i}: expected {expected} bytes, got {}",
                buffer.size()
            );
        }

        let (mut pages, mut held) = (KVec::new(), KVec::new());
        for buffer in buffers {
            let buffer = Importer::new(buffer);
            push_pages(&mut pages, &buffer)?;
            // Some exporters allocate pages with the first vmap.
            held.push(buffer, GFP_KERNEL)?;
        }
        pages.sort_unstable();
        ensure!(
            pages.windows(2).all(|pair| pair[0] != pair[1]),
            "two buffers have the same page"
        );
        Ok(())
    }

    #[test]
    fn refuses_zero_length() -> Outcome {
        refused("no bytes", Request::new(0), EINVAL)
    }

    /// Lengths that no `size_t` of 32 bits holds, or that do not once rounded up.
    #[test]
    fn refuses_lengths_that_overflow() -> Outcome {
        for len in [
            u64::MAX,
            u64::MAX - PAGE_SIZE as u64,
            1 << 63,
            (1 << 32) - 1,
            1 << 32,
            (1 << 32) + PAGE_SIZE as u64,
        ] {
            let request = Request {
                len,
                ..Request::new(0)
            };
            // A length that fits is refused by the heap, all others by the core.
            let fits = usize::try_from(len)
                .ok()
                .and_then(|len| len.checked_next_multiple_of(PAGE_SIZE));
            let error = if fits.is_some() { ENOMEM } else { EINVAL };
            refused("more than there are addresses", request, error)?;
        }
        Ok(())
    }

    #[test]
    fn refuses_unknown_fd_flags() -> Outcome {
        for flag in [1 << 2, 1 << 20, 1 << 31] {
            let mut request = Request::new(PAGE_SIZE);
            request.fd_flags |= flag;
            refused(
                "a flag that is none of O_CLOEXEC and O_ACCMODE",
                request,
                EINVAL,
            )?;
        }
        Ok(())
    }

    #[test]
    fn refuses_unknown_heap_flags() -> Outcome {
        for heap_flags in [1, 1 << 31, 1 << 63] {
            let request = Request {
                heap_flags,
                ..Request::new(PAGE_SIZE)
            };
            refused("a flag of the heap, which has none", request, EINVAL)?;
        }
        Ok(())
    }

    #[test]
    fn refuses_a_file_descriptor() -> Outcome {
        let request = Request {
            fd: 1,
            ..Request::new(PAGE_SIZE)
        };
        refused("an fd that is not 0", request, EINVAL)
    }

    /// Who is killed gets no memory any more, and keeps none.
    #[test]
    fn refuses_the_killed() -> Outcome {
        let client = Client::new()?;

        without_leak("allocating while killed", 64, || {
            let killed = Killed::new();
            let result = client.allocate(16 * PAGE_SIZE);
            drop(killed);

            match result {
                Ok(_) => ensure!(false, "got a buffer while killed"),
                Err(error) => ensure!(error == EINTR, "expected EINTR, got {error:?}"),
            }
            Ok(())
        })?;
        client.allocate(PAGE_SIZE)?;
        Ok(())
    }

    /// More than the machine has must fail at once, without taking what there is first.
    #[test]
    fn refuses_more_than_there_is() -> Outcome {
        // Rounded down, the second is the longest length that there is.
        for len in [(page::total_ram() + 1) * PAGE_SIZE, usize::MAX - PAGE_SIZE] {
            refused("more than there is memory", Request::new(len), ENOMEM)?;
        }
        Ok(())
    }

    /// Memory of the direct map is left to those who need it, where the kernel has other.
    #[test]
    fn takes_high_memory() -> Outcome {
        let pages = 16 + 4 + 1;
        let vmap = Importer::new(Client::new()?.allocate(pages * PAGE_SIZE)?).vmap()?;
        let mut high = 0;

        for offset in (0..vmap.len()).step_by(PAGE_SIZE) {
            let frame = vmap.frame(offset).ok_or(EFAULT)?;
            high += usize::from(frame.direct_map().is_none());
        }
        let expected = if cfg!(CONFIG_HIGHMEM) { pages } else { 0 };
        ensure!(
            high == expected,
            "expected {expected} pages in high memory, got {high}"
        );
        Ok(())
    }
}
