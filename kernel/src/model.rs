// SPDX-License-Identifier: GPL-2.0

//! A model of what can happen to a buffer, and to the cache lines of its memory.
//!
//! [`explore`] goes through all of it for one [`Cpu`], and says whether anybody reads something old.
//! A [`Change`] leaves something out of what the heap does, to see whether it is needed there.

mod caches;
mod world;

pub use caches::{ALIASES, Alias, CPUS, Caches, Cpu, Maintenance, WORDS};
pub use world::{Change, Explored, Step, User, explore};
