// SPDX-License-Identifier: GPL-2.0-only
//! One run of one guest: the watcher in the thread of its CPU, the model and the report in another.

#[cfg(test)]
mod tests;

use crate::config::{Options, Watch};
use crate::contract::Calls;
use crate::driver::Driver;
use crate::event::Batch;
use crate::finding::Finding;
use crate::guest::Target;
use crate::names::{Names, SharedNames};
use crate::panics;
use crate::queue::Sink;
use crate::report::Report;
use crate::sites::Sites;
use crate::stats::RunStats;
use crate::symbols::Symbols;
use crate::translate::Layout;
use crate::watcher::{Watcher, fragment};

/// The far end of the queue: what the model's driver finds is written down at once.
pub struct Recorder {
    driver: Driver,
    report: Report,
}

impl Recorder {
    fn write(&mut self) {
        let (driver, report) = (&mut self.driver, &mut self.report);
        let written = panics::caught(|| {
            for finding in driver.findings() {
                report.add(finding);
            }
        });
        if let Err(text) = written {
            report.add(Finding::Failure(text));
        }
    }
}

impl Sink for Recorder {
    fn take(&mut self, batch: &mut Batch) {
        self.driver.take(batch);
        self.write();
    }
}

/// One run.
pub struct Session {
    /// Follows the guest.
    pub watcher: Watcher<Recorder>,
    names: SharedNames,
}

impl Session {
    /// A machine at reset.
    ///
    /// # Errors
    ///
    /// A fragment: files that can't be read or written, a combination that can't be modelled.
    pub fn new(options: &Options, target: Target) -> Result<Self, String> {
        let symbols = match &options.vmlinux {
            Some(path) => Symbols::load(path).map_err(|error| fragment(&error))?,
            None => Symbols::none(),
        };
        let calls = options
            .watch
            .contains(&Watch::Dma)
            .then(|| {
                Calls::new(target, |name| {
                    symbols.address_of(name).map(|extent| extent.address)
                })
            })
            .transpose()?;
        let sees_maps = calls.as_ref().is_some_and(Calls::sees_maps);
        let text = symbols.address_of("_text").map(|extent| extent.address);
        let names = SharedNames::new(Names {
            layout: Layout::new(target, text),
            symbols,
            sites: Sites::default(),
        });
        let recorder = Recorder {
            driver: Driver::new(options.model, target.arch, &options.watch, sees_maps)?,
            report: Report::create(options, target, names.clone())?,
        };
        Ok(Self {
            watcher: Watcher::new(options, target, names.clone(), calls, recorder)?,
            names,
        })
    }

    /// The guest is gone: writes the last records. Whether the run proves that nothing is wrong; none the second time.
    pub fn finish(&mut self) -> Option<bool> {
        let (mut recorder, seen) = self.watcher.finish()?;
        let modelled = recorder.driver.finish();
        recorder.write();
        let names = self.names.lock();
        let memory = modelled.memory + seen.memory + names.sites.memory();
        drop(names);
        let clean = recorder.report.end(&RunStats {
            accesses: modelled.accesses,
            watched_pages: modelled.watched_pages,
            memory,
            ..seen
        });
        Some(clean)
    }
}
