// SPDX-License-Identifier: GPL-2.0-only
//! What a run has at hand, and what of the matrix it is about.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use crate::again::Again;
use crate::build::Userland;
use crate::config::{self, Cell, Config, Kernel, Set};
use crate::media::Media;
use crate::project::Project;
use crate::repeat::Repeat;
use crate::results;
use crate::source::Tree;
use crate::stop::Stop;
use crate::toolchain::Toolchain;
use crate::ui::Ui;
use crate::vcsan::Plugin;

/// What all cells of a run share.
#[derive(Debug)]
pub struct Session<'a> {
    /// The checkout.
    pub project: &'a Project,
    /// Its `configs/`.
    pub config: &'a Config,
    /// The tools.
    pub toolchain: &'a Toolchain,
    /// The kernel tree.
    pub tree: &'a Tree,
    /// The folder below which each kernel has its build folder.
    pub builds: &'a Path,
    /// See [`crate::build::Builder::host_crates`].
    pub host_crates: Mutex<()>,
    /// The cache model, unless the user does without.
    pub vcsan: Option<&'a Plugin>,
    /// What is booted instead of something built, if that is so.
    pub kept: Option<&'a Media>,
    /// What guests have for somebody who looks around in them.
    pub userland: Option<&'a Userland>,
    /// The tools that make the disks of guests, if a set has any.
    pub disks: Option<&'a Toolchain>,
    /// What has the QEMU that boots, if the tools have not.
    pub qemu: Option<&'a Toolchain>,
    /// Whether modules are built for a debugger.
    pub debug: bool,
    /// This run's own folder.
    pub folder: &'a Path,
    /// How many times its limits a guest may take, on a slow or busy machine.
    pub patience: u32,
    /// How much may run at once.
    pub jobs: usize,
    /// The user's wish to end it all.
    pub stop: &'a Stop,
    /// Where progress is shown.
    pub ui: &'a Ui,
}

impl Session<'_> {
    /// What has the QEMU that boots.
    pub fn emulator(&self) -> &Toolchain {
        self.qemu.unwrap_or(self.toolchain)
    }
}

/// What to run.
#[derive(Debug)]
pub struct Selection<'a> {
    /// In the order of the report.
    pub cells: Vec<&'a Cell>,
    /// Each cell boots once for each.
    pub sets: Vec<&'a Set>,
    /// `SUITE[.CASE]`, globs; else each set's own.
    pub filter: Option<&'a str>,
    /// Whether a guest in which something is found is booted once more, for stacks.
    pub stacks: bool,
    /// How often each is booted.
    pub again: Again,
    /// What a cell's report gives to repeat it.
    pub repeat: Repeat,
    /// The kernels whose boots are to be done, by name; none for all.
    pub kernels: Option<BTreeSet<String>>,
}

impl<'a> Selection<'a> {
    /// What is to be done.
    pub(crate) fn boots(&self) -> impl Iterator<Item = Boot<'a>> {
        let wanted = |boot: &Boot<'a>| {
            let kernels = self.kernels.as_ref();
            kernels.is_none_or(|kernels| kernels.contains(&boot.kernel()))
        };
        self.all_boots().filter(wanted)
    }

    /// What will run, in a line.
    pub fn in_short(&self) -> String {
        let boots: Vec<Boot<'_>> = self.boots().filter(|b| b.excluded().is_none()).collect();
        let kernels: BTreeSet<String> = boots.iter().map(Boot::kernel).collect();
        let count = |n: usize, what: &str| match n {
            1 => format!("1 {what}"),
            n => format!("{n} {what}s"),
        };
        let all = match (self.all_boots().count(), boots.len()) {
            (all, here) if all == here => String::new(),
            (all, _) => format!(" of {all}"),
        };
        format!(
            "{} with {}: {}{all}, {}",
            count(self.cells.len(), "cell"),
            count(self.sets.len(), "set"),
            count(boots.len(), "boot"),
            count(kernels.len(), "kernel")
        )
    }

    /// The same with what other shards do.
    pub(crate) fn all_boots(&self) -> impl Iterator<Item = Boot<'a>> {
        let pairs = self
            .cells
            .iter()
            .flat_map(|&cell| self.sets.iter().map(move |&set| (cell, set)));
        pairs
            .enumerate()
            .map(|(at, (cell, set))| Boot { at, cell, set })
    }
}

/// A boot that waits for its kernel, or for its turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Boot<'a> {
    /// Where it stands in the report.
    pub(crate) at: usize,
    pub(crate) cell: &'a Cell,
    pub(crate) set: &'a Set,
}

impl Boot<'_> {
    /// Why the set can't run on this cell, or the exporter under test can't be tested there, if that is so.
    pub(crate) fn excluded(&self) -> Option<&str> {
        let exporter = self.set.of.iter().map(|exporter| &exporter.not_on);
        std::iter::once(&self.set.not_on)
            .chain(exporter)
            .find_map(|not_on| not_on.get(&self.cell.name))
            .map(String::as_str)
    }

    /// What the report says of it before anything has run, for a run under `filter`.
    pub(crate) fn planned(&self, filter: Option<&str>) -> results::Planned {
        // Which suites have a case that a filter names, and which a module has, is not known before.
        let by_case = filter.is_some_and(config::names_cases);
        let suites = if by_case || self.set.own.is_some() || self.excluded().is_some() {
            Vec::new()
        } else {
            self.set.expected(filter)
        };
        results::Planned {
            cell: self.cell.name.clone(),
            set: self.set.name.clone(),
            suites: suites.into_iter().map(Into::into).collect(),
        }
    }

    /// The name of the kernel that it boots.
    pub(crate) fn kernel(&self) -> String {
        self.set.kernel(self.cell)
    }

    pub(crate) fn is_of(&self, kernel: &Kernel) -> bool {
        self.kernel() == kernel.name
    }
}

/// What is known of a cell before anything of it has run.
pub(crate) fn blank(selection: &Selection<'_>, boot: Boot<'_>) -> results::Cell {
    results::Cell {
        cell: boot.cell.name.clone(),
        role: Some(boot.cell.role),
        set: boot.set.name.clone(),
        program: boot.set.program.as_ref().and_then(|p| p.suite.clone()),
        repeat: selection.repeat.of_boot(&boot.cell.name, boot.set).line(),
        ..results::Cell::default()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Test};

    #[test]
    fn what_will_run_is_said_in_a_line() {
        let config = Config::load(&Project::this().configs()).expect("configs/ loads");
        let cells = ["arm-vipt", "arm-vivt", "mips-be"].map(|name| &config.cells[name]);
        let mut selection = Selection {
            cells: cells.into(),
            sets: vec![&config.sets["heap"], &config.sets["stress"]],
            filter: None,
            stacks: false,
            again: Again::default(),
            repeat: Repeat::new(
                &Cli::parse_from(["xtask", "list"]).global,
                &Test::default(),
                &Project::this(),
            ),
            kernels: None,
        };
        let kernels: BTreeSet<String> = selection.boots().map(|b| b.kernel()).collect();
        assert_eq!(
            selection.in_short(),
            format!("3 cells with 2 sets: 6 boots, {} kernels", kernels.len())
        );
        selection.kernels = Some([config.cells["mips-be"].kernel.clone()].into());
        let here = selection.boots().count();
        assert_eq!(here, 2);
        let says = "3 cells with 2 sets: 2 boots of 6, 1 kernel";
        assert_eq!(selection.in_short(), says);
    }

    #[test]
    fn of_whole_suites_it_is_known_which_must_show() {
        let config = Config::load(&Project::this().configs()).expect("configs/ loads");
        let boot = Boot {
            at: 0,
            cell: &config.cells["arm-vivt"],
            set: &config.sets["heap"],
        };
        let planned = |filter| boot.planned(Some(filter)).suites;
        let all = boot.planned(None).suites;
        assert!(all.len() > 10);
        // As the nightly run of the DMA API's contract chooses them.
        let but_hazards = planned("system_heap_rust_[!h]*.*");
        assert_eq!(but_hazards.len(), all.len() - 1);
        assert_eq!(planned("system_heap_rust_[!h]*"), but_hazards);
        assert_eq!(planned("*.is_counted"), [""; 0]);
    }
}
