// SPDX-License-Identifier: GPL-2.0

//! A model of what can happen to a buffer, and to the cache lines of its memory.
//!
//! [`explore`] goes through all of it for one [`Cpu`], and says whether anybody reads something old.
//! A [`Change`] leaves something out of what the heap does, to see whether it is needed there; an
//! [`Exception`] is what the heap does not repair.
//!
//! # Who needs which step
//!
//! A step of the heap's plans that a CPU has "yes" for is needed there: without it, somebody reads
//! something old. `cargo run -p aliasheap-kernel --example steps` computes the table. `documented` is
//! no CPU: it has no more than what the kernel's documentation promises of each operation.
//!
#![doc = include_str!("model/steps.md")]

mod caches;
mod explore;
mod mutated;
mod step;
mod world;

pub use caches::{Alias, CPUS, Caches, Cpu, DIRECT_MAP, Layout, MAX_LINES, Maintenance, WORDS};
pub use explore::{Change, EXCEPTIONS, Exception, Explored, explore, explore_except};
pub use explore::{explore_layout, fails, needs, steps, table};
pub(crate) use mutated::is_of_pages_by_dma;
pub use mutated::{is_wrong, matter};
pub use step::{Step, User};
