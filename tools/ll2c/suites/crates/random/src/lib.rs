// SPDX-License-Identifier: GPL-2.0-only
//! What the tests of core and alloc take random numbers from.
#![no_std]
pub use {rand, rand_xorshift};
