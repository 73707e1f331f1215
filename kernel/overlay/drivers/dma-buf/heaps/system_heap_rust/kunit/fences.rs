// SPDX-License-Identifier: GPL-2.0

//! Accesses of the CPU that have to wait for transfers, and may be interrupted.

use crate::{
    check::{
        ensure,
        Image,
        Outcome, //
    },
    device::Peer,
    heap::{
        self,
        ARef,
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
    lsi::{
        Chip,
        View, //
    },
    sys::{
        self,
        Killed,
        UserMap, //
    },
};
use core::marker::PhantomData;
use kernel::{
    bindings,
    dma_buf::{
        Exporter,
        MapRequest,
        UserArea, //
    },
    error::to_result,
    mm::vmap::Vmap,
    page::{
        Chunks,
        Pages,
        PAGE_SIZE, //
    },
    prelude::*,
    scatterlist::MappedPages,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};

mod c {
    use kernel::ffi::{
        c_int,
        c_ulong,
        c_void, //
    };

    // Defined in fences.c.
    unsafe extern "C" {
        pub(super) fn heap_test_fence(
            dmabuf: *mut c_void,
            write: bool,
            end: Option<unsafe extern "C" fn(*mut c_void)>,
            data: *mut c_void,
        ) -> *mut c_void;
        pub(super) fn heap_test_fence_end(fence: *mut c_void);
        pub(super) fn heap_test_fences_signaled(dmabuf: *mut c_void) -> bool;
        pub(super) fn heap_test_sync(dmabuf: *mut c_void, arg: c_ulong) -> c_int;
    }
}

/// A transfer that a fence of a buffer stands for. It ends when this is dropped.
pub(crate) struct Transfer<'a> {
    fence: *mut c_void,
    _end: PhantomData<&'a ()>,
}

// SAFETY: Any thread may signal a fence and put a reference to it.
unsafe impl Send for Transfer<'static> {}

impl<'a> Transfer<'a> {
    /// A transfer that reads or writes `buffer`, and goes on.
    pub(crate) fn endless(buffer: &DmaBuf, write: bool) -> Result<Self> {
        // SAFETY: The buffer is valid, and there is nothing to call.
        Self::new(unsafe {
            c::heap_test_fence(buffer.as_raw().cast(), write, None, core::ptr::null_mut())
        })
    }

    /// A transfer that writes `buffer`, and ends with `end` as soon as somebody waits for it.
    ///
    /// # Safety
    ///
    /// The result must be dropped while `end` lives. Whoever waits must do so in this thread.
    unsafe fn ending<F: Fn()>(buffer: &DmaBuf, end: &'a F) -> Result<Self> {
        /// # Safety
        ///
        /// `data` must be a valid reference to an `F`.
        unsafe extern "C" fn call<F: Fn()>(data: *mut c_void) {
            // SAFETY: As promised by the caller. This is the reference below, which lives as long
            // as the fence is not signalled.
            unsafe { (*data.cast::<F>())() }
        }
        let data = core::ptr::from_ref(end).cast_mut().cast();

        // SAFETY: The buffer is valid; the caller has promised the rest.
        Self::new(unsafe {
            c::heap_test_fence(buffer.as_raw().cast(), true, Some(call::<F>), data)
        })
    }

    fn new(fence: *mut c_void) -> Result<Self> {
        let fence = kernel::error::from_err_ptr(fence)?;

        Ok(Self {
            fence,
            _end: PhantomData,
        })
    }
}

impl Drop for Transfer<'_> {
    fn drop(&mut self) {
        // SAFETY: The fence is valid until here.
        unsafe { c::heap_test_fence_end(self.fence) };
    }
}

/// What an exporter has seen.
struct Seen {
    begun: Atomic<i32>,
    ended: Atomic<i32>,
    /// Accesses that were begun while a transfer went on.
    early: Atomic<i32>,
}

/// An exporter that only looks.
struct Probe {
    chunks: Arc<Chunks>,
    seen: Arc<Seen>,
}

impl Exporter for Probe {
    fn map(&self, _buf: &DmaBuf, request: MapRequest<'_>) -> Result<Arc<MappedPages>> {
        let dir = request.direction();

        request.map(self.chunks.clone(), dir)
    }

    fn unmap(&self, _buf: &DmaBuf, mapping: &Arc<MappedPages>) {
        mapping.unmap();
    }

    fn begin_cpu_access(&self, buf: &DmaBuf, _dir: DataDirection) -> Result {
        self.seen.begun.fetch_add(1, Relaxed);
        // SAFETY: The buffer is valid.
        if !unsafe { c::heap_test_fences_signaled(buf.as_raw().cast()) } {
            self.seen.early.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    fn end_cpu_access(&self, _buf: &DmaBuf, _dir: DataDirection) -> Result {
        self.seen.ended.fetch_add(1, Relaxed);
        Ok(())
    }

    fn mmap<'a>(&'a self, area: UserArea<'a>) -> Result {
        area.map(&self.chunks)
    }

    fn vmap(&self, _buf: &DmaBuf) -> Result<Arc<Vmap>> {
        Ok(Arc::new(Vmap::new(self.chunks.clone())?, GFP_KERNEL)?)
    }

    fn vunmap(&self, _buf: &DmaBuf) {}
}

/// A buffer of a page, and what its exporter sees.
fn probe() -> Result<(ARef<DmaBuf>, Arc<Seen>)> {
    let seen = Seen {
        begun: Atomic::new(0),
        ended: Atomic::new(0),
        early: Atomic::new(0),
    };
    let seen = Arc::new(seen, GFP_KERNEL)?;
    let shared = seen.clone();
    let mut chunks = Chunks::new();
    chunks.push(Pages::alloc(0, GFP_KERNEL | __GFP_ZERO)?, GFP_KERNEL)?;

    let chunks = Arc::new(chunks, GFP_KERNEL)?;
    // SAFETY: This module has the code of `Probe`.
    let buffer = unsafe {
        DmaBuf::export(
            &sys::this_module(),
            c"heap_test_probe",
            PAGE_SIZE,
            bindings::O_RDWR,
            try_init!(Probe {
                chunks,
                seen: shared,
            }? Error),
        )
    }?;
    Ok((buffer, seen))
}

/// Opens an access like user space does, by `DMA_BUF_IOCTL_SYNC`.
fn sync(buffer: &DmaBuf, flags: u64) -> Result {
    let arg = UserMap::anonymous(size_of::<u64>())?;
    arg.slice(0, size_of::<u64>()).writer().write(&flags)?;

    // SAFETY: The buffer is valid.
    to_result(unsafe { c::heap_test_sync(buffer.as_raw().cast(), arg.addr()) })
}

/// `DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW`
const START: u64 = 3;

#[kunit_tests(system_heap_rust_fences)]
mod tests {
    use super::*;

    /// The exporter maintains caches when the transfer is over, not before.
    #[test]
    fn begins_after_the_transfer() -> Outcome {
        let (buffer, seen) = probe()?;
        let mut importer = Importer::new(buffer.clone());
        let over = Atomic::<i32>::new(0);
        let end = || over.store(1, Relaxed);

        // SAFETY: `end` outlives it, and this thread waits.
        let transfer = unsafe { Transfer::ending(&buffer, &end) }?;
        importer.begin_cpu_access(FromDevice)?.end()?;

        ensure!(over.load(Relaxed) == 1, "nobody has waited");
        ensure!(seen.begun.load(Relaxed) == 1, "the exporter was not asked");
        ensure!(
            seen.early.load(Relaxed) == 0,
            "the exporter was asked too early"
        );
        drop(transfer);
        Ok(())
    }

    /// Who reads does not wait for who reads; who writes does.
    #[test]
    fn waits_as_long_as_it_has_to() -> Outcome {
        let (buffer, seen) = probe()?;
        let mut importer = Importer::new(buffer.clone());
        let transfer = Transfer::endless(&buffer, false)?;

        importer.begin_cpu_access(FromDevice)?.end()?;
        ensure!(seen.begun.load(Relaxed) == 1, "the exporter was not asked");

        let killed = Killed::new();
        let result = importer.begin_cpu_access(ToDevice).map(drop);
        drop(killed);
        ensure!(result == Err(ERESTARTSYS), "a writer: {result:?}");
        drop(transfer);
        Ok(())
    }

    /// An access that a signal ends has never begun, however often that happens.
    #[test]
    fn interrupted_is_not_begun() -> Outcome {
        let (buffer, seen) = probe()?;
        let mut importer = Importer::new(buffer.clone());
        let transfer = Transfer::endless(&buffer, true)?;

        for _ in 0..3 {
            let killed = Killed::new();
            let result = importer.begin_cpu_access(Bidirectional).map(drop);
            let by_ioctl = sync(&buffer, START);
            drop(killed);

            ensure!(result == Err(ERESTARTSYS), "an importer: {result:?}");
            ensure!(by_ioctl == Err(ERESTARTSYS), "the ioctl: {by_ioctl:?}");
        }
        ensure!(seen.begun.load(Relaxed) == 0, "the exporter was asked");
        ensure!(seen.ended.load(Relaxed) == 0, "an access was ended");

        drop(transfer);
        importer.begin_cpu_access(Bidirectional)?.end()?;
        sync(&buffer, START)?;
        ensure!(seen.begun.load(Relaxed) == 2, "the exporter was not asked");
        ensure!(
            seen.early.load(Relaxed) == 0,
            "the exporter was asked too early"
        );
        Ok(())
    }

    /// The device writes while the CPU waits for it. If the CPU was interrupted before, that
    /// changes nothing.
    #[test]
    fn the_device_writes_meanwhile() -> Outcome {
        Chip::with(|chip| {
            let len = 2 * PAGE_SIZE;
            let peer = Peer::new(chip, len)?;
            let mut buffer = Importer::new(Client::new()?.allocate(len)?);
            let dma_buf: ARef<DmaBuf> = buffer.dma_buf().into();
            let vmap = heap::vmap(&buffer)?;
            let attachment = buffer.attach(chip.dev())?;
            let mapping = attachment.map(FromDevice)?;

            for seed in 0..4 {
                let image = Image::seeded(len, seed);
                peer.write(&image)?;
                let table = buffer.device_access(&mapping)?;
                let (src, dst) = (
                    peer.view(0..len)?,
                    View::of_table(table.sg_table(), 0, len)?,
                );

                let transfer = Transfer::endless(&dma_buf, true)?;
                let killed = Killed::new();
                let result = buffer.begin_cpu_access(Bidirectional).map(drop);
                drop(killed);
                drop(transfer);
                ensure!(result == Err(ERESTARTSYS), "interrupted: {result:?}");

                let failed = Atomic::<i32>::new(0);
                let end = || {
                    if chip.copy(&src, &dst).is_err() {
                        failed.store(1, Relaxed);
                    }
                };
                // SAFETY: `end` outlives it, and this thread waits.
                let transfer = unsafe { Transfer::ending(&dma_buf, &end) }?;
                heap::cpu_check(
                    &mut buffer,
                    FromDevice,
                    Alias::VMap(&vmap),
                    &image,
                    "what the device wrote meanwhile",
                )?;
                drop(transfer);
                ensure!(failed.load(Relaxed) == 0, "the copy failed");
            }
            Ok(())
        })
    }
}
