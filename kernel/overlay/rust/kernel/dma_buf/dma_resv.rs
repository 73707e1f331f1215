// SPDX-License-Identifier: GPL-2.0

//! Reservation objects: the fences of a buffer.
//!
//! C header: [`include/linux/dma-resv.h`](srctree/include/linux/dma-resv.h)

use crate::{
    bindings,
    error::to_result,
    prelude::*,
    task::MAX_SCHEDULE_TIMEOUT,
    types::Opaque, //
};

/// The fences of a buffer, `struct dma_resv`.
///
/// # Invariants
///
/// Every instance is an initialized `struct dma_resv`.
#[repr(transparent)]
pub struct DmaResv(Opaque<bindings::dma_resv>);

// SAFETY: The C side does its own locking.
unsafe impl Sync for DmaResv {}

impl DmaResv {
    /// Borrows a reservation object.
    ///
    /// # Safety
    ///
    /// `resv` must be initialized, and stay so for `'a`.
    pub(super) unsafe fn from_raw<'a>(resv: *mut bindings::dma_resv) -> &'a Self {
        // SAFETY: By the safety requirements; `Self` is a transparent wrapper.
        unsafe { &*resv.cast() }
    }

    /// Waits for the transfers that an access of the CPU must not meet: those that write, and if
    /// the access is going to `write`, those that read too.
    ///
    /// C equivalent: `dma_resv_wait_timeout()`, with `dma_resv_usage_rw()`.
    ///
    /// # Errors
    ///
    /// `ERESTARTSYS` if a signal ends the wait.
    pub fn wait(&self, write: bool) -> Result {
        // Until somebody reserves room for a fence there is no list. Whoever adds one has to see to
        // it that the access comes later, as the walk of the list takes no lock either.
        // SAFETY: By the type invariant, the field is valid. It may change at any time.
        if unsafe { core::ptr::addr_of!((*self.0.get()).fences).read_volatile() }.is_null() {
            return Ok(());
        }

        // SAFETY: By the type invariant, this is a valid reservation object.
        let left = unsafe {
            bindings::dma_resv_wait_timeout(
                self.0.get(),
                bindings::dma_resv_usage_rw(write),
                true,
                // CAST: The largest `long`, which the C side takes for an `unsigned long`.
                MAX_SCHEDULE_TIMEOUT as c_ulong,
            )
        };

        // CAST: An error code is small.
        to_result(core::cmp::min(left, 0) as c_int)
    }
}
