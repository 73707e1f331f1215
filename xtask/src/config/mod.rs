// SPDX-License-Identifier: GPL-2.0-only
//! The matrix as data: `configs/` in a raw form that serde reads and a checked form that the rest uses.

mod bench;
mod breakage;
mod cell;
mod driver;
mod exporter;
mod finding;
mod history;
mod kernel;
mod mutant;
mod own;
mod series;
mod set;
pub mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use globset::GlobMatcher;

#[cfg(test)]
pub use bench::tests::bench_for_tests;
pub use bench::{HeapBench, Limit};
pub use breakage::{Breakage, Edit, Machine};
pub use cell::{Cell, DCache, Qemu, Role};
pub use driver::{Driver, Slip};
#[cfg(test)]
pub use exporter::tests::exporter_for_tests;
pub use exporter::{Cannot, Exporter, Origin};
pub use finding::Finding;
#[cfg(test)]
pub(crate) use finding::tests as finding_for_tests;
pub use history::{History, How, Shown};
pub use kernel::{Kernel, PageTables};
pub use mutant::Mutant;

pub use own::{MODULE, Own};
pub use series::{Mail, Message, Series, Untested};
pub use set::{Devices, Disk, Module, Program, Set, Watched, names_cases};
pub use yaml::Error;

/// Everything that `configs/` says of the matrix, checked.
#[derive(Debug)]
pub struct Config {
    /// By name, in the order in which reports list them.
    pub cells: BTreeMap<String, Cell>,
    /// By name.
    pub kernels: BTreeMap<String, Kernel>,
    /// By name; [`Set::by_default`] marks those that run when none is named.
    pub sets: BTreeMap<String, Set>,
    /// By name.
    pub exporters: BTreeMap<String, Exporter>,
    /// By name.
    pub findings: BTreeMap<String, Finding>,
    /// By name.
    pub history: BTreeMap<String, History>,
    /// By name.
    pub drivers: BTreeMap<String, Driver>,
    /// By name.
    pub breakages: BTreeMap<String, Breakage>,
    /// By name.
    pub mutants: BTreeMap<String, Mutant>,
    /// By name.
    pub series: BTreeMap<String, Series>,
    /// What the heap may cost.
    pub bench: HeapBench,
    /// What makes of the heap one that can be any mutant.
    pub mutation: Vec<Edit>,
}

impl Config {
    /// Reads `configs/{cells,kernels,exporters,findings,history,drivers,suites,breakages,mutants,series,bench}` below
    /// `dir`.
    ///
    /// # Errors
    /// [`Error`]: a file that can't be read or parsed, or a value that can't be used, such as a cell whose kernel
    /// does not exist.
    pub fn load(dir: &Path) -> Result<Config, Error> {
        let mut kernels = each(&dir.join("kernels"), |path, name| {
            kernel::load(path, name, &dir.join("kconfig"))
        })?;
        let mut sets = each(&dir.join("suites"), |path, name| {
            set::load(path, name, &dir.join("kconfig"))
        })?;
        let cells = each(&dir.join("cells"), cell::load)?;
        let exporters = each(&dir.join("exporters"), |path, name| {
            exporter::load(path, name, &dir.join("kconfig"))
        })?;
        let findings = each(&dir.join("findings"), finding::load)?;
        let history = each(&dir.join("history"), |path, _| history::load(path))?;
        let breakages = each(&dir.join("breakages"), |path, _| {
            yaml::load::<Breakage>(path)
        })?;
        let mutants = each(&dir.join("mutants"), |path, name| {
            mutant::load(path, name, &exporters)
        })?;
        let series = each(&dir.join("series"), |path, _| series::load(path))?;
        let mutation = yaml::load::<mutant::Mutation>(&dir.join("mutation.yaml"))?.edits;
        let bench = bench::load(&dir.join("bench/heap.yaml"))?;
        let bench_page = dir.join("bench/heap.yaml");
        let ours = one("ours", &bench.ours);
        there(&bench_page, "exporter", ours, exporters.keys())?;
        there(&bench_page, "cell", bench.cells(), cells.keys())?;
        let page = |folder: &str, name: &str| dir.join(folder).join(format!("{name}.yaml"));
        for (name, cell) in &cells {
            let kernel = one("kernel", &cell.kernel);
            there(&page("cells", name), "kernel", kernel, kernels.keys())?;
        }
        for (name, exporter) in &exporters {
            let page = page("exporters", name);
            let not_on = exporter.not_on.keys();
            let not_on = not_on.map(|cell| (format!("not_on.{cell}"), cell));
            there(&page, "cell", not_on, cells.keys())?;
            let lines = exporter.command_line.keys();
            let lines = lines.map(|kernel| (format!("command_line.{kernel}"), kernel));
            there(&page, "kernel", lines, kernels.keys())?;
        }
        for (name, set) in &sets {
            let not_on = set.not_on.keys();
            let not_on = not_on.map(|cell| (format!("not_on.{cell}"), cell));
            there(&page("suites", name), "cell", not_on, cells.keys())?;
        }
        for (name, series) in &series {
            there(&page("series", name), "set", series.sets(), sets.keys())?;
        }
        for (name, finding) in &findings {
            let page = page("findings", name);
            there(&page, "exporter", finding.exporters(), exporters.keys())?;
            there(&page, "set", finding.sets(), sets.keys())?;
            there(&page, "cell", finding.cells(), cells.keys())?;
        }
        for (name, bug) in &history {
            let Ok(shown) = &bug.shown else {
                continue;
            };
            let page = page("history", name);
            there(&page, "cell", one("shown.cell", &shown.cell), cells.keys())?;
            match &shown.how {
                How::OnExporter { exporter, .. } => {
                    let exporter = one("shown.on_exporter.exporter", exporter);
                    there(&page, "exporter", exporter, exporters.keys())?;
                }
                How::InSet { set, .. } => {
                    there(&page, "set", one("shown.in_set.set", set), sets.keys())?;
                }
                How::InModule { .. } => {}
            }
        }
        for (name, set) in &mut sets {
            let Some(exporter) = &set.exporter else {
                continue;
            };
            let named = one("exporter", exporter);
            there(&page("suites", name), "exporter", named, exporters.keys())?;
            set.of = exporters.get(exporter).cloned();
        }
        for (name, breakage) in &breakages {
            let cell = one("cell", &breakage.cell);
            there(&page("breakages", name), "cell", cell, cells.keys())?;
        }
        for (name, mutant) in &mutants {
            let Some(filter) = &mutant.suites else {
                continue;
            };
            let mut all = sets.values();
            if all.all(|set| set.expected(Some(filter)).is_empty()) {
                let known = sets.values().flat_map(|set| &set.expect);
                let message = format!("matches no suite: {}", unknown("suite", filter, known));
                return Err(Error::value(&page("mutants", name), "suites", message));
            }
        }
        // Only now, as no cell may name them.
        let kconfig = dir.join("kconfig");
        let of_exporters = exporters.values().map(|e| (e.variant(), &e.fragments));
        let of_sets = sets.values().map(|s| (s.variant(), &s.fragments));
        let variants: Vec<Kernel> = of_exporters
            .chain(of_sets.filter(|(_, fragments)| !fragments.is_empty()))
            .filter_map(|(variant, fragments)| Some((variant?, fragments)))
            .flat_map(|(variant, further)| {
                let kconfig = &kconfig;
                kernels
                    .values()
                    .map(move |kernel| kernel.variant(&variant, further, kconfig))
            })
            .collect();
        kernels.extend(variants.into_iter().map(|k| (k.name.clone(), k)));
        Ok(Config {
            cells,
            kernels,
            sets,
            exporters,
            findings,
            history,
            drivers: each(&dir.join("drivers"), |path, _| driver::load(path))?,
            breakages,
            mutants,
            series,
            bench,
            mutation,
        })
    }

    /// The cells that one of `globs` names; where there is none, those that run by default.
    pub fn named_cells(&self, globs: &[GlobMatcher]) -> Vec<&Cell> {
        let named = |cell: &&Cell| match globs {
            [] => cell.by_default,
            globs => globs.iter().any(|glob| glob.is_match(&cell.name)),
        };
        self.cells.values().filter(named).collect()
    }
}

/// Loads every `*.yaml` in `dir` by its stem.
fn each<T>(
    dir: &Path,
    load: impl Fn(&Path, &str) -> Result<T, Error>,
) -> Result<BTreeMap<String, T>, Error> {
    let mut all = BTreeMap::new();
    for entry in fs_err::read_dir(dir)? {
        let path: PathBuf = entry?.path();
        if path.extension().is_some_and(|e| e == "yaml")
            && let Some(name) = path.file_stem().and_then(|s| s.to_str())
        {
            all.insert(name.to_owned(), load(&path, name)?);
        }
    }
    Ok(all)
}

/// A name and its key in a page.
fn one<'a>(key: &str, name: &'a String) -> [(String, &'a String); 1] {
    [(key.to_owned(), name)]
}

/// Names of a list, each with its key in a page.
fn keyed<'a>(
    list: String,
    names: impl IntoIterator<Item = &'a String>,
) -> impl Iterator<Item = (String, &'a String)> {
    let names = names.into_iter().enumerate();
    names.map(move |(at, name)| (format!("{list}.{at}"), name))
}

/// Refuses a page that names `what` there isn't.
fn there<'a>(
    page: &Path,
    what: &str,
    names: impl IntoIterator<Item = (String, &'a String)>,
    known: impl Iterator<Item = &'a String> + Clone,
) -> Result<(), Error> {
    for (key, name) in names {
        if !known.clone().any(|known| known == name) {
            let message = unknown(what, name, known);
            return Err(Error::value(page, &key, format!("names an {message}")));
        }
    }
    Ok(())
}

/// The candidate nearest to `name`, if one is near enough to be what was meant.
pub fn did_you_mean<'a, S: AsRef<str> + ?Sized + 'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a S>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(name, c.as_ref()), c.as_ref()))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

/// "unknown cell `x`; did you mean `y`? (there are: …)"
pub fn unknown<'a, S: AsRef<str> + 'a>(
    what: &str,
    name: &str,
    candidates: impl IntoIterator<Item = &'a S> + Clone,
) -> String {
    let near = did_you_mean(name, candidates.clone().into_iter().map(AsRef::as_ref))
        .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    let all: Vec<&str> = candidates.into_iter().map(AsRef::as_ref).collect();
    format!(
        "unknown {what} `{name}`{near} (there are: {})",
        all.join(", ")
    )
}

#[cfg(test)]
mod tests;
