// SPDX-License-Identifier: GPL-2.0

//! The exporter's side of buffers.

use super::DmaBuf;
use crate::{
    bindings,
    device::Device,
    dma::DataDirection,
    error::{
        from_err_ptr,
        from_result,
        to_result, //
    },
    mm::{
        virt::{
            flags,
            VmaNew, //
        },
        vmap::Vmap, //
    },
    new_mutex,
    page::{
        Chunks,
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    scatterlist::MappedPages,
    sync::{
        aref::ARef,
        Arc,
        Mutex, //
    },
    ThisModule, //
};
use core::marker::PhantomData;

/// Memory that is exported as a [`DmaBuf`]. `struct dma_buf_ops`
///
/// An instance is dropped when the last reference to the buffer is gone.
///
/// # Locks
///
/// [`map`], [`unmap`], [`vmap`] and [`vunmap`] are called with the buffer's reservation lock held,
/// [`mmap`] with the lock of the address space held for writing, [`detach`], [`begin_cpu_access`]
/// and [`end_cpu_access`] with neither.
///
/// [`map`]: Exporter::map
/// [`unmap`]: Exporter::unmap
/// [`vmap`]: Exporter::vmap
/// [`vunmap`]: Exporter::vunmap
/// [`mmap`]: Exporter::mmap
/// [`detach`]: Exporter::detach
/// [`begin_cpu_access`]: Exporter::begin_cpu_access
/// [`end_cpu_access`]: Exporter::end_cpu_access
pub trait Exporter: Send + Sync + Sized + 'static {
    /// Maps the buffer for a device, by [`MapRequest::map`].
    ///
    /// From then on the device may reach it. Each mapping has to be one of its own, also if an
    /// attachment is mapped again.
    fn map(&self, buf: &DmaBuf, request: MapRequest<'_>) -> Result<Arc<MappedPages>>;

    /// Takes what [`Exporter::map`] returned from the device.
    ///
    /// If this doesn't call [`MappedPages::unmap`], that happens afterwards.
    fn unmap(&self, buf: &DmaBuf, mapping: &Arc<MappedPages>);

    /// A device was detached from the buffer, which had been unmapped for it.
    ///
    /// What is kept for later mappings can be dropped here. It may refer to the device.
    fn detach(&self, _buf: &DmaBuf) {}

    /// The CPU is about to access the buffer.
    ///
    /// Before this is called, transfers that the buffer's fences stand for have ended, as far as
    /// the access has to wait for them: one that writes for all, one that reads for those that
    /// write. So the caches can be maintained here. If a signal ends the wait, this is not called.
    ///
    /// If this fails, there is no access, and [`Exporter::end_cpu_access`] is not called for it. It
    /// need not be called after success either: a process can die in its access. Nor is the order
    /// of calls more than a convention, since user space makes them (`DMA_BUF_IOCTL_SYNC`). And the
    /// core waits once more when this has returned. If somebody adds another fence meanwhile and a
    /// signal ends that wait, then the caller is told that the access failed.
    fn begin_cpu_access(&self, buf: &DmaBuf, dir: DataDirection) -> Result;

    /// The CPU has accessed the buffer.
    fn end_cpu_access(&self, buf: &DmaBuf, dir: DataDirection) -> Result;

    /// Maps the buffer into a user's address space.
    ///
    /// The pages have to live for `'a`, that is until `self` is dropped.
    fn mmap<'a>(&'a self, area: UserArea<'a>) -> Result;

    /// Maps the buffer into the kernel's address space.
    ///
    /// While a mapping exists, further callers share it; the dma-buf core keeps the count.
    fn vmap(&self, buf: &DmaBuf) -> Result<Arc<Vmap>>;

    /// The mapping that [`Exporter::vmap`] returned is not used any more.
    fn vunmap(&self, buf: &DmaBuf);
}

/// A device for which a buffer shall be mapped.
///
/// # Invariants
///
/// The dma-buf core is asked to map the buffer for `device`, and has not been told a result.
pub struct MapRequest<'a> {
    device: &'a Device,
    dir: DataDirection,
}

impl MapRequest<'_> {
    /// What the device is going to do.
    pub fn direction(&self) -> DataDirection {
        self.dir
    }

    /// Maps `chunks` for the device, in a direction that includes what the device is going to do.
    ///
    /// # Errors
    ///
    /// See [`MappedPages::new`].
    pub fn map(self, chunks: Arc<Chunks>, dir: DataDirection) -> Result<Arc<MappedPages>> {
        // SAFETY: By the type invariant, an importer maps the buffer for this device. Importers
        // must not let a device go before they have unmapped the buffer, and then the callbacks
        // below call `MappedPages::unmap`.
        unsafe { MappedPages::new(self.device, chunks, dir) }
    }

    /// Maps the same pages as `spare`, a mapping that is not used any more, and in its memory if
    /// nobody else has a reference to it.
    ///
    /// # Errors
    ///
    /// See [`MappedPages::new`].
    pub fn map_again(
        self,
        spare: Arc<MappedPages>,
        dir: DataDirection,
    ) -> Result<Arc<MappedPages>> {
        // SAFETY: As in `map`.
        unsafe { MappedPages::again(spare, self.device, dir) }
    }
}

/// An area of a user's address space into which a buffer is being mapped.
///
/// `'a` is the lifetime of the buffer's memory, which the area keeps.
///
/// # Invariants
///
/// The area lies within the buffer, holds a reference to it, and what lives for `'a` lives as long
/// as that.
pub struct UserArea<'a> {
    vma: &'a VmaNew,
    // Invariant in `'a`: it must not shrink to the lifetime of anything that lives shorter.
    _memory: PhantomData<fn(&'a ()) -> &'a ()>,
}

impl<'a> UserArea<'a> {
    /// Returns whether writes would go to a private copy, now or once the area is made writable.
    ///
    /// This is `is_cow_mapping()`.
    pub fn is_copy_on_write(&self) -> bool {
        self.vma.flags() & (flags::SHARED | flags::MAYWRITE) == flags::MAYWRITE
    }

    /// Maps the part of `chunks` that the area is for, by `remap_pfn_range()`.
    ///
    /// A private area that is not writable can't be made so any more.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `chunks` are shorter than that part or if writes would go to a private copy, or
    /// what `remap_pfn_range()` returns. What was mapped until then is unmapped by the caller of
    /// [`Exporter::mmap`].
    pub fn map(self, chunks: &'a Chunks) -> Result {
        if self.is_copy_on_write() {
            self.vma.try_clear_maywrite()?;
        }

        // SAFETY: The area isn't shared while it is being set up.
        let mut skip = unsafe { (*self.vma.as_ptr()).vm_pgoff };
        let mut addr = self.vma.start();

        for chunk in chunks.iter() {
            if skip >= chunk.count() {
                skip -= chunk.count();
                continue;
            }
            if addr >= self.vma.end() {
                break;
            }

            let left = (self.vma.end() - addr) >> PAGE_SHIFT;
            let count = core::cmp::min(chunk.count() - skip, left);

            // SAFETY: This is a valid page.
            let pfn = unsafe { bindings::page_to_pfn(chunk.as_ptr()) } + skip;

            // SAFETY: There are `count` consecutive pages from `pfn` on, and as many addresses from
            // `addr` on in the area, which isn't shared. The pages live for `'a`.
            to_result(unsafe {
                let prot = (*self.vma.as_ptr()).vm_page_prot;

                bindings::remap_pfn_range(self.vma.as_ptr(), addr, pfn, count * PAGE_SIZE, prot)
            })?;

            addr += count * PAGE_SIZE;
            skip = 0;
        }

        if addr < self.vma.end() {
            return Err(EINVAL);
        }
        Ok(())
    }
}

/// What a `struct dma_buf` has as its private data.
///
/// # Invariants
///
/// While the dma-buf core has mapped the buffer by the `vmap` callback, `vmap` is that mapping.
#[pin_data]
struct Private<T> {
    #[pin]
    data: T,
    #[pin]
    vmap: Mutex<Option<Arc<Vmap>>>,
}

/// Creates [`Private::vmap`].
///
/// Not in a generic function: that is compiled into each module with exporters, and with it the
/// name of the lock's class, of which lockdep wants one for all.
#[inline(never)]
fn new_vmap() -> impl PinInit<Mutex<Option<Arc<Vmap>>>> {
    new_mutex!(None, "DmaBuf::vmap")
}

impl DmaBuf {
    /// Exports memory.
    ///
    /// `size` is in bytes and a multiple of [`PAGE_SIZE`]; `fd_flags` are those of `open()`, such
    /// as `O_RDWR`, of which the access mode counts.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `size` is no multiple of [`PAGE_SIZE`], `ENOMEM`, or what `data` fails with.
    ///
    /// # Safety
    ///
    /// `module` must be the module that has the code of `T`.
    pub unsafe fn export<T: Exporter>(
        module: &ThisModule,
        name: &'static CStr,
        size: usize,
        fd_flags: u32,
        data: impl PinInit<T, Error>,
    ) -> Result<ARef<DmaBuf>> {
        if size % PAGE_SIZE != 0 {
            return Err(EINVAL);
        }

        let private = KBox::try_pin_init(
            try_pin_init!(Private {
                data <- data,
                vmap <- new_vmap(),
            }? Error),
            GFP_KERNEL,
        )?;

        // SAFETY: The callbacks don't move it.
        let private = KBox::into_raw(unsafe { Pin::into_inner_unchecked(private) });

        let info = bindings::dma_buf_export_info {
            exp_name: name.as_char_ptr(),
            owner: module.as_ptr(),
            ops: &Callbacks::<T>::OPS,
            size,
            // CAST: Flags; the C side has them as a signed number.
            flags: fd_flags as c_int,
            resv: core::ptr::null_mut(),
            priv_: private.cast(),
        };

        // SAFETY: `info` is valid, and what it refers to outlives the buffer: the name and the
        // callbacks are static, and `private` is freed by the `release` callback. The buffer holds
        // a reference to the module with them.
        match from_err_ptr(unsafe { bindings::dma_buf_export(&info) }) {
            // SAFETY: A new buffer has one reference, which is ours.
            Ok(buf) => Ok(unsafe { DmaBuf::from_owned(buf) }),
            Err(err) => {
                // SAFETY: It comes from `KBox::into_raw` above, and there is no buffer to use it.
                drop(unsafe { KBox::from_raw(private) });
                Err(err)
            }
        }
    }
}

/// The callbacks for `struct dma_buf_ops`.
struct Callbacks<T>(PhantomData<T>);

impl<T: Exporter> Callbacks<T> {
    const OPS: bindings::dma_buf_ops = bindings::dma_buf_ops {
        map_dma_buf: Some(Self::map_dma_buf),
        unmap_dma_buf: Some(Self::unmap_dma_buf),
        detach: Some(Self::detach),
        release: Some(Self::release),
        begin_cpu_access: Some(Self::begin_cpu_access),
        end_cpu_access: Some(Self::end_cpu_access),
        mmap: Some(Self::mmap),
        vmap: Some(Self::vmap),
        vunmap: Some(Self::vunmap),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `buf` must be a buffer that was exported with these callbacks, and must not be released for
    /// `'a`.
    unsafe fn private<'a>(buf: *mut bindings::dma_buf) -> (&'a DmaBuf, &'a Private<T>) {
        // SAFETY: By the safety requirements, the private data is what `DmaBuf::export` set, and
        // there are only shared references to it until it is released.
        let private = unsafe { &*(*buf).priv_.cast::<Private<T>>() };

        // SAFETY: By the safety requirements.
        (unsafe { DmaBuf::from_raw(buf) }, private)
    }

    /// # Safety
    ///
    /// To be called by the dma-buf core, as `map_dma_buf`.
    unsafe extern "C" fn map_dma_buf(
        attachment: *mut bindings::dma_buf_attachment,
        dir: bindings::dma_data_direction,
    ) -> *mut bindings::sg_table {
        // SAFETY: The core passes a valid attachment, of a buffer with these callbacks.
        let (buf, private) = unsafe { Self::private((*attachment).dmabuf) };

        // SAFETY: The device of an attachment is valid.
        let device = unsafe { Device::from_raw((*attachment).dev) };

        let result = (|| {
            let dir = direction(dir)?;
            // INVARIANT: This callback is the request.
            let mapping = private.data.map(buf, MapRequest { device, dir })?;

            // Reject a mapping that belongs to another device or has already been handed out.
            let claim = if core::ptr::eq(mapping.device().as_raw(), device.as_raw()) {
                mapping.claim()
            } else {
                Err(EINVAL)
            };
            if let Err(err) = claim {
                private.data.unmap(buf, &mapping);
                return Err(err);
            }
            Ok(mapping)
        })();

        match result {
            // `Arc::into_raw` points to the mapping, which starts with the table.
            Ok(mapping) => Arc::into_raw(mapping).cast_mut().cast(),
            Err(err) => err.to_ptr(),
        }
    }

    /// # Safety
    ///
    /// To be called by the dma-buf core, as `unmap_dma_buf`.
    unsafe extern "C" fn unmap_dma_buf(
        attachment: *mut bindings::dma_buf_attachment,
        table: *mut bindings::sg_table,
        _dir: bindings::dma_data_direction,
    ) {
        // SAFETY: The core passes a valid attachment, of a buffer with these callbacks.
        let (buf, private) = unsafe { Self::private((*attachment).dmabuf) };

        // SAFETY: The table is what `map_dma_buf` returned, and it is given back once.
        let mapping = unsafe { Arc::<MappedPages>::from_raw(table.cast()) };

        private.data.unmap(buf, &mapping);
        // Whatever the exporter does, after this the device may be gone.
        mapping.unmap();
    }

    /// # Safety
    ///
    /// To be called by the dma-buf core, as `detach`.
    unsafe extern "C" fn detach(
        buf: *mut bindings::dma_buf,
        _attachment: *mut bindings::dma_buf_attachment,
    ) {
        // SAFETY: The core passes a valid buffer with these callbacks.
        let (buf, private) = unsafe { Self::private(buf) };

        private.data.detach(buf);
    }

    /// # Safety
    ///
    /// To be called by the dma-buf core, as `release`.
    unsafe extern "C" fn release(buf: *mut bindings::dma_buf) {
        // SAFETY: It comes from `KBox::into_raw` in `DmaBuf::export`, and nothing uses it any more.
        drop(unsafe { KBox::from_raw((*buf).priv_.cast::<Private<T>>()) });
    }

    /// # Safety
    ///
    /// To be called by the dma-buf core, as `begin_cpu_access`.
    unsafe extern "C" fn begin_cpu_access(
        buf: *mut bindings::dma_buf,
        dir: bindings::dma_data_direction,
    ) -> c_int {
        // SAFETY: The core passes a valid buffer with these callbacks.
        let (buf, private) = unsafe { Self::private(buf) };

        from_result(|| {
            let dir = direction(dir)?;

            // An access that only reads need not wait for others that read.
            buf.resv().wait(dir != DataDirection::FromDevice)?;
            private.data.begin_cpu_access(buf, dir)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// To be called by the dma-buf core, as `end_cpu_access`.
    unsafe extern "C" fn end_cpu_access(
        buf: *mut bindings::dma_buf,
        dir: bindings::dma_data_direction,
    ) -> c_int {
        // SAFETY: The core passes a valid buffer with these callbacks.
        let (buf, private) = unsafe { Self::private(buf) };

        from_result(|| {
            private.data.end_cpu_access(buf, direction(dir)?)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// To be called by the dma-buf core, as `mmap`.
    unsafe extern "C" fn mmap(
        buf: *mut bindings::dma_buf,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        // SAFETY: The core passes a valid buffer with these callbacks.
        let (_, private) = unsafe { Self::private(buf) };

        // SAFETY: The core passes an area that is being set up.
        let vma = unsafe { VmaNew::from_raw(vma) };

        // INVARIANT: The core has checked that the area lies within the buffer and made it hold the
        // buffer's file, and `private` is released after that is gone.
        let area = UserArea {
            vma,
            _memory: PhantomData,
        };

        from_result(|| {
            private.data.mmap(area)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// To be called by the dma-buf core, as `vmap`.
    unsafe extern "C" fn vmap(buf: *mut bindings::dma_buf, map: *mut bindings::iosys_map) -> c_int {
        // SAFETY: The core passes a valid buffer with these callbacks.
        let (buf, private) = unsafe { Self::private(buf) };

        from_result(|| {
            let mut slot = private.vmap.lock();
            if slot.is_some() {
                return Err(EBUSY);
            }

            let vmap = private.data.vmap(buf)?;
            if vmap.len() < buf.size() {
                private.data.vunmap(buf);
                return Err(EINVAL);
            }

            let result = bindings::iosys_map {
                __bindgen_anon_1: bindings::iosys_map__bindgen_ty_1 {
                    vaddr: vmap.as_ptr(),
                },
                is_iomem: false,
            };

            // SAFETY: The core passes a pointer that is valid for writing.
            unsafe { map.write(result) };

            // INVARIANT: This is the mapping that the core gets to know.
            *slot = Some(vmap);
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// To be called by the dma-buf core, as `vunmap`.
    unsafe extern "C" fn vunmap(buf: *mut bindings::dma_buf, _map: *mut bindings::iosys_map) {
        // SAFETY: The core passes a valid buffer with these callbacks.
        let (buf, private) = unsafe { Self::private(buf) };

        let mut slot = private.vmap.lock();
        *slot = None;
        // The exporter has the last reference, and with it decides when the mapping goes.
        private.data.vunmap(buf);
    }
}

/// Reads a direction. That something is transferred in none is a mistake of the caller.
#[inline]
fn direction(dir: bindings::dma_data_direction) -> Result<DataDirection> {
    let is = |candidate: DataDirection| bindings::dma_data_direction::from(candidate) == dir;

    if is(DataDirection::ToDevice) {
        Ok(DataDirection::ToDevice)
    } else if is(DataDirection::FromDevice) {
        Ok(DataDirection::FromDevice)
    } else if is(DataDirection::Bidirectional) {
        Ok(DataDirection::Bidirectional)
    } else {
        Err(EINVAL)
    }
}
