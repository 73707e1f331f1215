// SPDX-License-Identifier: GPL-2.0-only
//! How often a loop of maintenance is still to be executed: counted by code that QEMU generates, without a callback.

use qemu_plugin_sys as sys;

/// Loops that can be counted: kernels have about twenty. Others get a callback each time.
const LOOPS: usize = 128;

/// A score for each loop, at most one of which is not 0.
pub(super) struct Scores {
    board: *mut sys::qemu_plugin_scoreboard,
    /// Keys of the loops that have a score.
    loops: Vec<u32>,
    /// The loop that runs: its score's place, and what that was set to.
    running: Option<(usize, u64)>,
}

impl Scores {
    pub(super) fn new() -> Self {
        Self {
            // SAFETY: allocates, or aborts without memory. A new scoreboard is all zeros.
            board: unsafe { sys::qemu_plugin_scoreboard_new(LOOPS * size_of::<u64>()) },
            loops: Vec::new(),
            running: None,
        }
    }

    fn at(&self, place: usize) -> sys::qemu_plugin_u64 {
        sys::qemu_plugin_u64 {
            score: self.board,
            offset: place * size_of::<u64>(),
        }
    }

    /// The score of a loop, if there is one left for it.
    pub(super) fn entry(&mut self, key: u32) -> Option<sys::qemu_plugin_u64> {
        let known = self.loops.iter().position(|&other| other == key);
        let place = known.unwrap_or_else(|| {
            self.loops.push(key);
            self.loops.len() - 1
        });
        (place < LOOPS).then(|| self.at(place))
    }

    /// The CPU is about to execute a loop so many times, this one included.
    pub(super) fn start(&mut self, key: u32, times: u64) {
        if let Some(place) = self.loops.iter().position(|&other| other == key) {
            // SAFETY: the place is on the scoreboard, and the only vCPU is number 0.
            unsafe { sys::qemu_plugin_u64_set(self.at(place), 0, times) };
            self.running = Some((place, times));
        }
    }

    /// Whether a loop runs.
    #[inline]
    pub(super) fn running(&self) -> bool {
        self.running.is_some()
    }

    /// It does no more. Returns how often it did.
    pub(super) fn stop(&mut self) -> u64 {
        let Some((place, times)) = self.running.take() else {
            return 0;
        };
        // SAFETY: as above.
        let left = unsafe { sys::qemu_plugin_u64_get(self.at(place), 0) };
        // SAFETY: as above.
        unsafe { sys::qemu_plugin_u64_set(self.at(place), 0, 0) };
        times.saturating_sub(left)
    }
}
