// SPDX-License-Identifier: GPL-2.0-only
//! A guest under gdb: the [`access`] to stop at, QEMU and gdb in a [`session`], `guest.py`, which gdb runs, and [`memory`],
//! through which it reads.

pub mod access;
pub mod memory;
pub mod session;
