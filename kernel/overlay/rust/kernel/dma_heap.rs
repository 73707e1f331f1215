// SPDX-License-Identifier: GPL-2.0

//! Heaps from which user space can allocate buffers.
//!
//! C header: [`include/linux/dma-heap.h`](srctree/include/linux/dma-heap.h)
//!
//! A heap implements [`Heap`]. A module whose only purpose are heaps implements [`HeapModule`],
//! where it adds them, and declares itself by [`module_dma_heap!`](crate::module_dma_heap). User
//! space finds a heap at `/dev/dma_heap/`.

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
    ThisModule, //
};
use core::{
    cell::Cell,
    marker::PhantomData, //
};

/// A heap.
///
/// There may be many of one type, each with a name and data of its own.
pub trait Heap: Send + Sync + 'static {
    /// What it allocates.
    type Buffer: Exporter;

    /// Allocates a buffer of `len` bytes.
    ///
    /// `len` is a multiple of the page size and at least that; `flags` are the heap flags of the
    /// request, of which there are none yet.
    fn allocate(&self, len: usize, flags: u64) -> Result<impl PinInit<Self::Buffer, Error>>;
}

/// Returns whether what heaps allocate shall be charged to the caller's memory cgroup.
///
/// This is the parameter `mem_accounting` of the dma-heap core.
pub fn mem_accounting() -> bool {
    // SAFETY: It is set before any module is loaded, and never changes after that.
    unsafe { core::ptr::addr_of!(bindings::mem_accounting).read() }
}

/// A module that has heaps.
pub trait HeapModule {
    /// Adds the heaps of the module.
    ///
    /// Once one was added, the module stays loaded, whatever this returns then.
    fn init(heaps: &Heaps) -> Result;
}

/// Where a module that is being loaded adds its heaps.
pub struct Heaps {
    module: &'static ThisModule,
    any: Cell<bool>,
}

/// A heap that was added, the private data of a `struct dma_heap`.
struct Added<H> {
    heap: H,
    name: &'static CStr,
    module: &'static ThisModule,
}

impl Heaps {
    /// Adds a heap under a name, which is also that of its device file.
    ///
    /// Neither the heap nor the module can be removed after that.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a name that is taken, empty or has a slash, `ENOMEM`, or what making the device
    /// fails with.
    pub fn add<H: Heap>(&self, name: &'static CStr, heap: H) -> Result {
        let module = self.module.as_ptr();
        let added = KBox::new(
            Added {
                heap,
                name,
                module: self.module,
            },
            GFP_KERNEL,
        )?;
        let added = KBox::into_raw(added);

        let info = bindings::dma_heap_export_info {
            name: name.as_char_ptr(),
            ops: &Callbacks::<H>::OPS,
            priv_: added.cast(),
        };

        // SAFETY: This is a valid module, or null if it is built in. If it is being loaded, there
        // is a reference to it, so this succeeds.
        let kept = unsafe { bindings::try_module_get(module) };

        let result = if kept {
            // SAFETY: `info` is valid, and what it refers to is there for ever if this succeeds:
            // then nobody frees `added`, and the module with the callbacks stays loaded.
            from_err_ptr(unsafe { bindings::dma_heap_add(&info) })
        } else {
            Err(ENODEV)
        };
        if let Err(err) = result {
            // SAFETY: It comes from `KBox::into_raw` above, and no heap has it.
            drop(unsafe { KBox::from_raw(added) });
            if kept {
                // SAFETY: We took this reference above.
                unsafe { bindings::module_put(module) };
            }
            return Err(err);
        }
        self.any.set(true);
        Ok(())
    }
}

/// Lets a module add its heaps. Succeeds if it has added any.
///
/// # Safety
///
/// - `module` must be the module that has the code of `M` and of its heaps.
/// - This must be called while that is being initialized, which must succeed if this does.
#[doc(hidden)]
pub unsafe fn init<M: HeapModule>(module: &'static ThisModule) -> Result {
    let heaps = Heaps {
        module,
        any: Cell::new(false),
    };

    match M::init(&heaps) {
        Err(err) if heaps.any.get() => {
            pr_err!("failed to add all heaps of a module: {err:?}\n");
            Ok(())
        }
        result => result,
    }
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
        // SAFETY: The core passes a heap that `Heaps::add` has added, with this as its private
        // data, which is never freed nor changed.
        let added = unsafe { &*bindings::dma_heap_get_drvdata(heap).cast::<Added<H>>() };

        let result = added.heap.allocate(len, heap_flags).and_then(|buffer| {
            // SAFETY: The module has the code of `H`, hence that of its buffers.
            unsafe { DmaBuf::export(added.module, added.name, len, fd_flags, buffer) }
        });

        match result {
            Ok(buf) => ARef::into_raw(buf).as_ptr().cast(),
            Err(err) => err.to_ptr(),
        }
    }
}

/// Declares a module that has heaps.
///
/// `type` is its [`HeapModule`](crate::dma_heap::HeapModule). The module can't be unloaded, since
/// heaps can't be removed.
///
/// # Examples
///
/// ```ignore
/// struct MyHeaps;
///
/// impl HeapModule for MyHeaps {
///     fn init(heaps: &Heaps) -> Result {
///         heaps.add(c"my_heap", MyHeap::new()?)
///     }
/// }
///
/// kernel::module_dma_heap! {
///     type: MyHeaps,
///     name: "my_heaps",
///     authors: ["Author name"],
///     description: "Heaps",
///     license: "GPL",
///     imports_ns: ["DMA_BUF", "DMA_BUF_HEAP"],
/// }
/// ```
#[macro_export]
macro_rules! module_dma_heap {
    (type: $heaps:ty, $($f:tt)*) => {
        struct TheModule;

        impl $crate::Module for TheModule {
            fn init(module: &'static $crate::ThisModule) -> $crate::error::Result<Self> {
                // SAFETY: The heaps are of this module, and nothing comes after this that could
                // fail.
                unsafe { $crate::dma_heap::init::<$heaps>(module) }?;
                Ok(Self)
            }
        }

        $crate::prelude::module! {
            type: TheModule,
            $($f)*
        }
    };
}
