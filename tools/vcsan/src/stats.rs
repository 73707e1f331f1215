// SPDX-License-Identifier: GPL-2.0-only
//! What was seen of a guest, as numbers for the last record.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use vcsan_model::Op;

/// Accesses to memory, as the model has followed them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Accesses {
    /// Loads through the cache.
    pub loads: u64,
    /// Stores through the cache.
    pub stores: u64,
    /// Accesses past the cache.
    pub uncached: u64,
}

impl Accesses {
    /// Counts accesses through the cache.
    #[inline(always)]
    pub fn add_cached(&mut self, store: bool, count: u32) {
        let kind = if store {
            &mut self.stores
        } else {
            &mut self.loads
        };
        *kind += u64::from(count);
    }
}

/// What the watcher saw besides.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Accesses to devices.
    pub io: u64,
    /// Accesses that the emulator gave no physical address for.
    pub unknown: u64,
    /// Notes of the guest.
    pub notes: u64,
    /// Announced transfers in which a device read memory.
    pub device_reads: u64,
    /// Announced transfers in which a device wrote memory.
    pub device_writes: u64,
    /// Stores to registers of the device that the tests transfer data with.
    pub device_stores: u64,
    /// Tests that announced transfers without a store to that device.
    pub doubtful_transfers: u64,
    /// Instructions that change translations.
    pub translation_changes: u64,
    /// Modules that have called the DMA API, themselves or through others.
    pub callers: BTreeSet<String>,
    /// Whatever else keeps silence from being a proof, in words, and how often.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub doubts: BTreeMap<String, u64>,
}

/// How an instruction names what it maintains: an index into [`FORMS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line, by address.
    Line,
    /// A range of addresses.
    Range,
    /// By set and way.
    SetWay,
    /// All of the cache.
    WholeCache,
    /// All of the cache, one step of a loop.
    Loop,
}

const OPS: [Op; 3] = [Op::WriteBack, Op::Invalidate, Op::WriteBackInvalidate];
const FORMS: [&str; 5] = ["line", "range", "set and way", "whole cache", "loop"];

/// Instructions that do something to the data cache, by operation and form.
#[derive(Clone, Debug, Default)]
pub struct Maintenance {
    instructions: [[u64; FORMS.len()]; OPS.len()],
    lines: u64,
}

impl Maintenance {
    /// Counts instructions, and the lines of the cache that they name.
    pub fn add(&mut self, op: Op, form: Form, times: u64, lines: u64) {
        let op = match op {
            Op::WriteBack => 0,
            Op::Invalidate => 1,
            Op::WriteBackInvalidate => 2,
        };
        self.instructions[op][form as usize] += times;
        self.lines += lines;
    }

    /// How many of each kind there were, without those that there were none of.
    #[must_use]
    pub fn by_kind(&self) -> BTreeMap<String, u64> {
        let kinds = OPS.iter().zip(&self.instructions).flat_map(|(op, counts)| {
            let named = FORMS.iter().zip(counts);
            named.map(|(form, count)| (format!("{}, {form}", op_name(*op)), *count))
        });
        kinds.filter(|(_, count)| *count != 0).collect()
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.instructions.iter().flatten().sum()
    }

    /// The lines that they named, one time each: what is done to a whole cache counts once for each line that it can hold.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        let counts = since.instructions.iter_mut().flatten();
        for (now, then) in counts.zip(earlier.instructions.iter().flatten()) {
            *now -= then;
        }
        since.lines -= earlier.lines;
        since
    }
}

/// A maintenance operation in words.
#[must_use]
pub fn op_name(op: Op) -> &'static str {
    match op {
        Op::WriteBack => "write back",
        Op::Invalidate => "invalidate",
        Op::WriteBackInvalidate => "flush",
    }
}

/// What the CPU did between two notes of the guest.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What the guest calls it.
    pub name: String,
    /// Instructions executed.
    pub instructions: u64,
    /// Of maintenance.
    pub maintenance: Maintenance,
}

/// All of one run.
#[derive(Clone, Debug, Default)]
pub struct RunStats {
    /// As the model has followed them.
    pub accesses: Accesses,
    /// As the watcher saw them.
    pub counts: Counts,
    /// Of maintenance.
    pub maintenance: Maintenance,
    /// Lines at addresses that could not be translated, by function.
    pub untranslated: BTreeMap<String, u64>,
    /// Pages that were ever watched by name.
    pub watched_pages: usize,
    /// Bytes in use.
    pub memory: usize,
}
