// SPDX-License-Identifier: GPL-2.0-only
//! What stands between a guest and gdb: `guest.py`, which gdb runs, and [`memory`], through which it reads.

pub mod memory;
