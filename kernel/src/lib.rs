// SPDX-License-Identifier: GPL-2.0

//! The parts of the heap that know neither pages nor devices, built on the host, and a [`model`] of
//! the caches to check them against.
//!
//! The source of [`ownership`] is the one that the kernel module is built of, in `overlay/`.

pub mod find_tours;
pub mod machine;
pub mod model;
pub mod mutation;

#[path = "../overlay/drivers/dma-buf/heaps/system_heap_rust/ownership.rs"]
pub mod ownership;

#[path = "../overlay/drivers/dma-buf/heaps/system_heap_rust/kunit/stages.rs"]
pub mod stages;

#[path = "../overlay/drivers/dma-buf/heaps/system_heap_rust/kunit/tours.rs"]
pub mod tours;

#[path = "../overlay/drivers/dma-buf/heaps/system_heap_rust/kunit/walk.rs"]
pub mod walk;
