// SPDX-License-Identifier: GPL-2.0-only
//! What both threads need to know to name things: the watcher finds it out, reports say it.

use crate::sites::Sites;
use crate::symbols::Symbols;
use crate::translate::Layout;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Names of code and of addresses.
pub struct Names {
    /// Of code.
    pub symbols: Symbols,
    /// Where events come from.
    pub sites: Sites,
    /// Of regions of the address space.
    pub layout: Layout,
}

/// The same for both threads. Nobody holds it while it waits for the other.
#[derive(Clone)]
pub struct SharedNames(Arc<Mutex<Names>>);

impl SharedNames {
    /// To be shared.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self(Arc::new(Mutex::new(names)))
    }

    /// For a look, or a change.
    pub fn lock(&self) -> MutexGuard<'_, Names> {
        // A panic elsewhere is a failure of the run, and names are good as far as they go.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
