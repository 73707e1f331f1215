// SPDX-License-Identifier: GPL-2.0-only
//! A model of an aliasing write-back data cache that says which accesses may see wrong data.
//!
//! An emulator without caches runs a kernel correctly whether or not the kernel maintains its caches. Feed this model
//! every access, every maintenance operation and every device transfer of such a run, and it reports each read that
//! could have gone wrong on hardware: through another alias of the same memory, or between CPU and device.
//!
//! ```
//! use vcsan_model::{Address, Config, Event, Geometry, Kind, Model, Op, Site};
//!
//! // 32-byte lines, 8 KiB ways: two colours with 4 KiB pages.
//! let mut model = Model::new(Config::new(Geometry::vipt(32, 8192, 4)?))?;
//! let vmap = Address { vaddr: 0xc100_1000, paddr: 0x8000_0000, space: 0 };
//!
//! model.store(vmap, 4, Site::new(1));
//! let found = model.apply(Event::DeviceRead { paddr: 0x8000_0000, len: 4 }, Site::new(2));
//! assert_eq!(found[0].kind, Kind::StaleDeviceRead);
//! assert_eq!((found[0].write, found[0].access), (Site::new(1), Site::new(2)));
//!
//! model.apply(Event::Maintain { op: Op::WriteBack, at: vmap, len: 4 }, Site::new(3));
//! assert!(model.apply(Event::DeviceRead { paddr: 0x8000_0000, len: 4 }, Site::new(2)).is_empty());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # What hardware is assumed to do
//!
//! The worst that it may: a valid line can stay for ever or be dropped at any moment when clean, a dirty line can be
//! written back at any moment, always as a whole. In [speculative mode](config::Mode::Speculative) a mapped alias can
//! also be filled at any moment. Device transfers and uncached accesses reach memory at once, and only the bytes that
//! they name.
//!
//! # What is claimed
//!
//! An *execution* is the sequence of events together with hardware's choices between them. A read *goes wrong* if some
//! byte of it is not what was last written there, by CPU or device, or was freed since.
//!
//! 1. Soundness: if an event goes wrong in some execution, [`Model::apply`](model::Model::apply) reports it, with every
//!    byte that can be wrong.
//! 2. Precision: each byte reported has an execution in which this event gets it wrong; a lost or discarded write, one
//!    in which the newest value is in neither memory nor a dirty line; a stale read, one in which it still is. Bytes
//!    of which both can be true may be reported as lost only.
//!
//! Reports do not change what follows: a second wrong read is reported too. The exception are homonyms, hits on
//! another page's line in a virtually tagged cache: from such a report on, executions count in which that line had left
//! the cache in time. Precision has one more: a line that is accessed between the steps of a loop over its ways is
//! treated soundly, but may be held stale for too long (see [`Event::SetWay`]).
//!
//! # Where things are
//!
//! [`line`](mod@line) holds the rules, as pure functions on one line. [`model`](mod@model) applies them to a machine. [`geometry`] tells
//! which virtual addresses share a copy. [`event`] and [`hazard`] are input and output; [`diagnostics`] has the words.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
pub mod diagnostics;
pub mod event;
pub mod geometry;
pub mod hazard;
pub mod line;
pub mod model;
mod page;
mod sweep;
mod written;

pub use config::{Config, ConfigError, LinearMap, LinearMapError, Mode};
pub use event::{Address, Event, Op, Site};
pub use geometry::{Alias, Geometry, GeometryError};
pub use hazard::{Accessor, Cause, Hazard, Kind};
pub use line::Presence;
pub use model::{AliasCopy, Fast, LineView, Model, Shortcut};
