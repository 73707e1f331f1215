// SPDX-License-Identifier: GPL-2.0

//! Heaps from which user space can allocate buffers.
//!
//! C header: [`include/linux/dma-heap.h`](srctree/include/linux/dma-heap.h)
//!
//! A module whose only purpose is a heap implements [`Heap`] and declares itself by
//! [`module_dma_heap!`](crate::module_dma_heap). User space finds the heap at `/dev/dma_heap/`, the
//! kernel by [`DmaHeap::find`].

use crate::{
    bindings,
    dma_buf::{
        DmaBuf,
        Exporter, //
    },
    error::from_err_ptr,
    prelude::*,
    str::CStrExt,
    sync::aref::ARef,
    types::Opaque,
    ThisModule, //
};
use core::marker::PhantomData;

/// A heap.
pub trait Heap: 'static {
    /// The name of the heap, and of its device file.
    const NAME: &'static CStr;

    /// What it allocates.
    type Buffer: Exporter;

    /// Allocates a buffer of `len` bytes.
    ///
    /// `len` is a multiple of the page size and at least that; `flags` are the heap flags of the
    /// request, of which there are none yet.
    fn allocate(len: usize, flags: u64) -> Result<impl PinInit<Self::Buffer, Error>>;
}

/// Returns whether what heaps allocate shall be charged to the memory cgroup of who asked for it.
///
/// This is the parameter `mem_accounting` of the dma-heap core.
pub fn mem_accounting() -> bool {
    // SAFETY: It is set before any module is loaded, and never changes after that.
    unsafe { core::ptr::addr_of!(bindings::mem_accounting).read() }
}

/// A heap that has been registered, `struct dma_heap`. Heaps are never removed.
#[repr(transparent)]
pub struct DmaHeap(Opaque<bindings::dma_heap>);

// SAFETY: There is nothing that is bound to a thread.
unsafe impl Sync for DmaHeap {}

impl DmaHeap {
    /// Finds a heap by name. `dma_heap_find()`
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::dma_heap::DmaHeap;
    ///
    /// assert!(DmaHeap::find(c"no such heap").is_none());
    /// ```
    pub fn find(name: &CStr) -> Option<&'static Self> {
        // SAFETY: The name is valid.
        let heap = unsafe { bindings::dma_heap_find(name.as_char_ptr()) };

        // SAFETY: It is null or a heap, which is there for ever.
        unsafe { heap.cast::<Self>().as_ref() }
    }

    /// The name of the heap.
    pub fn name(&self) -> &'static CStr {
        // SAFETY: The heap is valid, and its name is there as long as it is.
        unsafe { CStr::from_char_ptr(bindings::dma_heap_get_name(self.0.get())) }
    }

    /// Allocates a buffer, like the heap's device file does. `dma_heap_buffer_alloc()`
    ///
    /// `len` is in bytes and is rounded up to whole pages, `fd_flags` are `O_CLOEXEC` and an access
    /// mode such as `O_RDWR`.
    ///
    /// # Errors
    ///
    /// `EINVAL` for flags that don't exist, or a length that is zero or can't be rounded up;
    /// otherwise what the heap fails with.
    pub fn allocate(&self, len: usize, fd_flags: u32, heap_flags: u64) -> Result<ARef<DmaBuf>> {
        // SAFETY: The heap is valid.
        let buf = from_err_ptr(unsafe {
            bindings::dma_heap_buffer_alloc(self.0.get(), len, fd_flags, heap_flags)
        })?;

        // SAFETY: A new buffer has one reference, which is ours.
        Ok(unsafe { DmaBuf::from_owned(buf) })
    }
}

/// Registers a heap, and keeps its module loaded for ever.
///
/// Heaps can't be removed, so the module's code has to stay.
///
/// # Safety
///
/// - `module` must be the module that has the code of `H`.
/// - If this is called while the module is being initialized, then that must not fail any more once
///   this has succeeded.
#[doc(hidden)]
pub unsafe fn register<H: Heap>(module: &'static ThisModule) -> Result {
    let module = module.as_ptr();

    let info = bindings::dma_heap_export_info {
        name: H::NAME.as_char_ptr(),
        ops: &Callbacks::<H>::OPS,
        priv_: module.cast(),
    };

    // SAFETY: By the requirements, this is a valid module, or null if it is built in.
    if !unsafe { bindings::try_module_get(module) } {
        return Err(ENODEV);
    }

    // SAFETY: `info` is valid, and what it refers to is there as long as the module, which is for
    // ever if this succeeds.
    let result = from_err_ptr(unsafe { bindings::dma_heap_add(&info) });
    if result.is_err() {
        // SAFETY: We took this reference above.
        unsafe { bindings::module_put(module) };
    }
    result?;
    Ok(())
}

/// The callbacks for `struct dma_heap_ops`.
struct Callbacks<H>(PhantomData<H>);

impl<H: Heap> Callbacks<H> {
    const OPS: bindings::dma_heap_ops = bindings::dma_heap_ops {
        allocate: Some(Self::allocate),
    };

    /// # Safety
    ///
    /// To be called by the dma-heap core, as `allocate`.
    unsafe extern "C" fn allocate(
        heap: *mut bindings::dma_heap,
        len: c_ulong,
        fd_flags: u32,
        heap_flags: u64,
    ) -> *mut bindings::dma_buf {
        // SAFETY: The core passes a heap that `register` has added, with this as its private data.
        let module = unsafe { bindings::dma_heap_get_drvdata(heap) }.cast();

        let result = H::allocate(len, heap_flags).and_then(|buffer| {
            // SAFETY: The module has the code of `H`, hence that of its buffers.
            unsafe { DmaBuf::export(module, H::NAME, len, fd_flags, buffer) }
        });

        match result {
            Ok(buf) => ARef::into_raw(buf).as_ptr().cast(),
            Err(err) => err.to_ptr(),
        }
    }
}

/// Declares a module that registers a heap.
///
/// The module can't be unloaded, since the heap can't be removed.
///
/// # Examples
///
/// ```ignore
/// kernel::module_dma_heap! {
///     type: MyHeap,
///     name: "my_heap",
///     authors: ["Author name"],
///     description: "A heap",
///     license: "GPL",
///     imports_ns: ["DMA_BUF", "DMA_BUF_HEAP"],
/// }
/// ```
#[macro_export]
macro_rules! module_dma_heap {
    (type: $heap:ty, $($f:tt)*) => {
        struct HeapModule;

        impl $crate::Module for HeapModule {
            fn init(module: &'static $crate::ThisModule) -> $crate::error::Result<Self> {
                // SAFETY: The heap is of this module, and nothing comes after this that could fail.
                unsafe { $crate::dma_heap::register::<$heap>(module) }?;
                Ok(Self)
            }
        }

        $crate::prelude::module! {
            type: HeapModule,
            $($f)*
        }
    };
}
