// SPDX-License-Identifier: GPL-2.0-only
//! VCSan: a QEMU plugin that runs a guest under a model of the data cache that QEMU lacks, and reports accesses that
//! could get wrong data on hardware.
//!
//! [`watcher`] follows the guest and tells the [`judge`] by a [`queue`]; that one drives the model (crate `vcsan-model`) in a
//! thread of its own. [`decode`] knows maintenance instructions, [`translate`] page tables, [`symbols`] names; [`report`] has
//! the words. Only `qemu` knows QEMU, so all the rest is tested without it.

pub mod access;
pub mod config;
pub mod coverage;
pub mod decode;
pub mod groups;
pub mod guest;
pub mod history;
pub mod judge;
pub mod notes;
pub mod pages;
pub mod panics;
#[cfg(not(test))]
mod qemu;
pub mod queue;
pub mod report;
pub mod runs;
pub mod sites;
pub mod symbols;
pub mod translate;
pub mod watch;
pub mod watcher;
