// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask`: the command line of aliasheap.

fn main() {}
