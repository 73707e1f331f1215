// SPDX-License-Identifier: GPL-2.0

//! Tests of a dma-buf heap on CPUs whose data caches may alias.
//!
//! Buffers come from the heap's device node, an LSI 53C895A copies to and from them by bus-master
//! DMA, and the cases compare every byte through every alias of a page: the kernel's direct map, a
//! vmap, a user mapping.
//!
//! What a green run means: the data is right on the machine that ran it. An emulator without caches
//! passes also without any cache maintenance; there only a model of the caches, fed with the
//! accesses of these cases, can tell.

use kernel::{
    driver,
    miscdevice::MiscDeviceRegistration,
    pci,
    prelude::*,
    InPlaceModule,
    ModuleMetadata, //
};

mod allocation;
mod attachments;
mod check;
mod coherency;
mod contents;
mod device;
mod faults;
mod fences;
mod hazards;
mod heap;
mod leaks;
mod lifecycle;
mod lsi;
mod mmap;
mod node;
mod odd;
#[allow(dead_code, unreachable_pub, reason = "shared with the host")]
#[path = "../ownership.rs"]
mod ownership;
mod sequences;
#[allow(dead_code, unreachable_pub, reason = "shared with the host")]
mod stages;
mod sys;
#[allow(dead_code, unreachable_pub, reason = "shared with the host")]
mod tours;
mod vcsan;
mod vmap;
#[allow(dead_code, unreachable_pub, reason = "shared with the host")]
mod walk;

#[pin_data]
struct Tests {
    #[pin]
    _driver: driver::Registration<pci::Adapter<lsi::Driver>>,
    #[pin]
    _node: MiscDeviceRegistration<node::Node>,
    _heap: Heap,
}

/// Closes the heap's device node when the module goes.
struct Heap;

impl Drop for Heap {
    fn drop(&mut self) {
        sys::close_heap();
    }
}

impl InPlaceModule for Tests {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        vcsan::follow_suites();

        // SAFETY: The init of a module runs once.
        unsafe { lsi::init() };

        // The suites run once the module is live, and each case that needs the heap or the chip
        // fails with the reason if it is missing.
        let _ = sys::open_heap();

        try_pin_init!(Self {
            _driver <- driver::Registration::new(<Self as ModuleMetadata>::NAME, module),
            _node <- MiscDeviceRegistration::register(node::OPTIONS),
            _heap: Heap,
        })
    }
}

module! {
    type: Tests,
    name: "system_heap_rust_kunit",
    authors: ["aliasheap developers"],
    description: "KUnit tests for the Rust system heap",
    license: "GPL",
    imports_ns: ["DMA_BUF", "DMA_BUF_HEAP"],
}
