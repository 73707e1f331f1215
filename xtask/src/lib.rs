// SPDX-License-Identifier: GPL-2.0-only
//! The parts behind `cargo xtask`: from a cell in `configs/` to its verdict.
//!
//! One cell goes through five stages, each a module: [`toolchain`] (the tools), [`source`] (a kernel tree with the heap in
//! it), [`build`] (kernel, modules, and the [`media`] of a guest), [`boot`] (QEMU, watched) and [`judge`] (what the log proves,
//! and what the cache model, [`vcsan`], saw). `cell` takes one boot through the last two, [`matrix`] all of a [`session`]'s
//! through all of them, in the order of [`schedule`], and [`report`] says what came of it. [`error`] says which verdict and
//! exit code an error is.

#[macro_use]
mod print;

pub mod again;
pub mod boot;
pub mod build;
pub mod cache;
pub mod cargo;
pub mod cases;
pub mod cause;
mod cell;
pub mod ci;
pub mod cli;
pub mod commands;
pub mod config;
pub mod copy;
pub mod debug;
pub mod error;
pub mod exit;
pub mod follow;
pub mod git;
pub mod judge;
pub mod ktap;
pub mod matrix;
pub mod media;
pub mod mutants;
pub mod progress;
pub mod project;
pub mod quote;
pub mod repeat;
pub mod report;
pub mod results;
pub mod schedule;
pub mod selftest;
pub mod session;
pub mod shard;
pub mod source;
pub mod stamp;
pub mod stop;
pub mod tail;
pub mod toolchain;
pub mod ui;
pub mod vcsan;
pub mod verdict;
