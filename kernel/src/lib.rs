// SPDX-License-Identifier: GPL-2.0

//! The parts of the heap that know neither pages nor devices, built on the host.
//!
//! The sources are those that the kernel module is built of, in `overlay/`.

#![no_std]

#[path = "../overlay/drivers/dma-buf/heaps/system_heap_rust/ownership.rs"]
pub mod ownership;
