// SPDX-License-Identifier: GPL-2.0-only
//! VCSan: a QEMU plugin that runs a guest under a model of the data cache that QEMU lacks, and reports accesses that
//! could get wrong data on hardware.
//!
//! [`watcher`] follows the guest and tells by a [`queue`], in the language of [`event`]; the [`driver`] of the model (crate
//! `vcsan-model`) is at its other end, in a thread of its own, and [`report`] puts what that finds into words. A [`session`] holds
//! them all. [`contract`] follows the kernel's DMA API. [`decode`] knows maintenance instructions, [`translate`] page tables, [`symbols`] names. Only `qemu` knows QEMU, so
//! all the rest is tested without it.
//!
//! Who uses whom, from the bottom: what is used by all, `contract` among it; `event`, `finding`, [`stats`]; `queue`, `watcher`, `driver`, `report`,
//! none of which knows another one but by its language; `session`; `qemu`.

pub mod access;
pub mod config;
pub mod contract;
pub mod convention;
pub mod coverage;
pub mod decode;
pub mod driver;
pub mod event;
pub mod finding;
pub mod groups;
pub mod guest;
pub mod history;
pub mod identify;
pub mod loader;
pub mod names;
pub mod notes;
pub mod pages;
pub mod panics;
#[cfg(not(test))]
mod qemu;
pub mod queue;
pub mod report;
pub mod runs;
pub mod session;
pub mod sites;
pub mod stack;
pub mod stats;
pub mod symbols;
pub mod translate;
pub mod watch;
pub mod watcher;
