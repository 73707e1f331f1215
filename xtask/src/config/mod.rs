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
mod suites;
pub mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[cfg(test)]
pub use bench::tests::bench_for_tests;
pub use bench::{HeapBench, Limit};
pub use breakage::{Breakage, Edit};
pub use cell::{Cell, DCache, Qemu, Role};
pub use driver::{Driver, Slip};
#[cfg(test)]
pub use exporter::tests::exporter_for_tests;
pub use exporter::{Cannot, Exporter, Origin};
pub use finding::Finding;
#[cfg(test)]
pub(crate) use finding::tests as finding_for_tests;
pub use history::{History, How, Shown};
pub use kernel::Kernel;
pub use mutant::Mutant;
pub use own::Own;
pub use series::{Mail, Message, Series};
pub use suites::{Devices, Disk, Module, Program, Suites, Watched};
pub use yaml::Error;

/// Everything that `configs/` says of the matrix, checked.
#[derive(Debug)]
pub struct Config {
    /// By name, in the order in which reports list them.
    pub cells: BTreeMap<String, Cell>,
    /// By name.
    pub kernels: BTreeMap<String, Kernel>,
    /// By name; [`Suites::by_default`] marks those that run when none is named.
    pub suites: BTreeMap<String, Suites>,
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
        let mut suites = each(&dir.join("suites"), |path, name| {
            suites::load(path, name, &dir.join("kconfig"))
        })?;
        let cells = each(&dir.join("cells"), cell::load)?;
        let exporters = each(&dir.join("exporters"), |path, name| {
            exporter::load(path, name, &dir.join("kconfig"))
        })?;
        for (name, exporter) in &exporters {
            let page = |key: &str, message| Error::Value {
                path: dir.join("exporters").join(format!("{name}.yaml")),
                key: key.into(),
                message,
            };
            if let Some(stranger) = exporter.not_on.keys().find(|c| !cells.contains_key(*c)) {
                return Err(page("not_on", unknown("cell", stranger, cells.keys())));
            }
            let strangers = exporter.command_line.keys();
            if let Some(stranger) = strangers.into_iter().find(|k| !kernels.contains_key(*k)) {
                let message = unknown("kernel", stranger, kernels.keys());
                return Err(page("command_line", message));
            }
        }
        let findings = each(&dir.join("findings"), finding::load)?;
        for (name, finding) in &findings {
            let page = |key: &str, message| Error::Value {
                path: dir.join("findings").join(format!("{name}.yaml")),
                key: key.into(),
                message,
            };
            let (of, on) = finding.names();
            if let Some(stranger) = of.into_iter().find(|e| !exporters.contains_key(*e)) {
                let message = unknown("exporter", stranger, exporters.keys());
                return Err(page("exporters", message));
            }
            if let Some(stranger) = on.into_iter().find(|c| !cells.contains_key(*c)) {
                return Err(page("cells", unknown("cell", stranger, cells.keys())));
            }
        }
        let history = each(&dir.join("history"), |path, _| history::load(path))?;
        for (name, bug) in &history {
            let Ok(shown) = &bug.shown else {
                continue;
            };
            let page = |key: &str, message| Error::Value {
                path: dir.join("history").join(format!("{name}.yaml")),
                key: key.into(),
                message,
            };
            if !cells.contains_key(&shown.cell) {
                return Err(page(
                    "shown.cell",
                    unknown("cell", &shown.cell, cells.keys()),
                ));
            }
            match &shown.how {
                How::OnExporter { exporter, .. } if !exporters.contains_key(exporter) => {
                    let message = unknown("exporter", exporter, exporters.keys());
                    return Err(page("shown.on_exporter.exporter", message));
                }
                How::InSet { set, .. } if !suites.contains_key(set) => {
                    return Err(page("shown.in_set.set", unknown("set", set, suites.keys())));
                }
                _ => {}
            }
        }
        for (name, set) in &mut suites {
            let Some(exporter) = &set.exporter else {
                continue;
            };
            let Some(found) = exporters.get(exporter) else {
                return Err(Error::Value {
                    path: dir.join("suites").join(format!("{name}.yaml")),
                    key: "exporter".into(),
                    message: unknown("exporter", exporter, exporters.keys()),
                });
            };
            set.of = Some(found.clone());
        }
        let breakages = each(&dir.join("breakages"), |path, _| {
            yaml::load::<Breakage>(path)
        })?;
        for (name, breakage) in &breakages {
            if !cells.contains_key(&breakage.cell) {
                return Err(Error::Value {
                    path: dir.join("breakages").join(format!("{name}.yaml")),
                    key: "cell".into(),
                    message: unknown("cell", &breakage.cell, cells.keys()),
                });
            }
        }
        let mutants = each(&dir.join("mutants"), |path, name| {
            mutant::load(path, name, &exporters)
        })?;
        let known: Vec<&String> = suites.values().flat_map(|set| &set.expect).collect();
        for (name, mutant) in &mutants {
            let (path, filter) = (dir.join("mutants"), mutant.suites.as_deref());
            if let Some(filter) = filter
                && suites
                    .values()
                    .all(|set| set.expected(Some(filter)).is_empty())
            {
                return Err(Error::Value {
                    path: path.join(format!("{name}.yaml")),
                    key: "suites".into(),
                    message: unknown("suite", filter, known),
                });
            }
        }
        let series = each(&dir.join("series"), |path, _| series::load(path))?;
        let mutation = yaml::load::<mutant::Mutation>(&dir.join("mutation.yaml"))?.edits;
        let bench = bench::load(&dir.join("bench/heap.yaml"))?;
        let page = |key: &str, message| Error::Value {
            path: dir.join("bench/heap.yaml"),
            key: key.into(),
            message,
        };
        if !exporters.contains_key(&bench.ours) {
            let message = unknown("exporter", &bench.ours, exporters.keys());
            return Err(page("ours", message));
        }
        if let Some(stranger) = bench.cells().find(|c| !cells.contains_key(*c)) {
            return Err(page(
                "limits.cells",
                unknown("cell", stranger, cells.keys()),
            ));
        }
        for cell in cells.values() {
            if !kernels.contains_key(&cell.kernel) {
                return Err(Error::Value {
                    path: dir.join("cells").join(format!("{}.yaml", cell.name)),
                    key: "kernel".into(),
                    message: unknown("kernel", &cell.kernel, kernels.keys()),
                });
            }
        }
        // Only now, as no cell may name them.
        let kconfig = dir.join("kconfig");
        let of_exporters = exporters.values().map(|e| (e.variant(), &e.fragments));
        let of_suites = suites.values().map(|s| (s.variant(), &s.fragments));
        let variants: Vec<Kernel> = of_exporters
            .chain(of_suites.filter(|(_, fragments)| !fragments.is_empty()))
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
            suites,
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
}

/// Loads every `*.yaml` in `dir` by its stem.
fn each<T>(
    dir: &Path,
    load: impl Fn(&Path, &str) -> Result<T, Error>,
) -> Result<BTreeMap<String, T>, Error> {
    let read = |source| Error::Read {
        path: dir.to_owned(),
        source,
    };
    let mut all = BTreeMap::new();
    for entry in fs_err::read_dir(dir).map_err(read)? {
        let path: PathBuf = entry.map_err(read)?.path();
        if path.extension().is_some_and(|e| e == "yaml")
            && let Some(name) = path.file_stem().and_then(|s| s.to_str())
        {
            all.insert(name.to_owned(), load(&path, name)?);
        }
    }
    Ok(all)
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
mod tests {
    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn the_configuration_of_this_repository_is_valid() {
        let config = Config::load(&repository().join("configs")).expect("configs/ loads");
        assert!(config.cells.values().any(|c| c.role == Role::Aliasing));
        assert!(config.cells.values().any(|c| c.role == Role::Control));
        assert!(config.suites.values().any(|s| s.by_default));
    }

    #[test]
    fn parisc_is_proven_by_the_size_of_its_data_cache() {
        let config = Config::load(&repository().join("configs")).expect("configs/ loads");
        let proof = &config.cells["parisc"].proof;
        assert!(proof.is_match(b"[    0.318115] Cache flush threshold set to 1 KiB"));
        // Without a size, the kernel patches its flushes out.
        assert!(!proof.is_match(b"[    0.318115] Cache flush threshold set to 0 KiB"));
    }

    #[test]
    fn every_breakage_and_mutant_of_this_repository_fits_its_files() {
        let root = repository();
        let config = Config::load(&root.join("configs")).expect("configs/ loads");
        let read = |file: &Path| fs_err::read_to_string(root.join(file)).ok();
        let breakages = config.breakages.iter().map(|(name, b)| (name, &b.edits));
        let history =
            config
                .history
                .iter()
                .filter_map(|(name, bug)| match &bug.shown.as_ref().ok()?.how {
                    How::InModule { edits, .. } => Some((name, edits)),
                    How::OnExporter { .. } | How::InSet { .. } => None,
                });
        for (name, edits) in breakages.chain(history) {
            for edit in edits {
                let text = read(&edit.file);
                assert!(
                    edit.apply(text.as_deref()).is_some(),
                    "{name}: {}",
                    edit.file.display()
                );
            }
        }
        // Mutants that are chosen at run time are all in one tree.
        let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
        let none = "mutation".to_owned();
        let pages = config.mutants.iter().map(|(n, m)| (n, m.edits(n)));
        for (name, edits) in [(&none, config.mutation.clone())].into_iter().chain(pages) {
            let of_the_kernel = |edit: &&Edit| !edit.file.starts_with("linux");
            for edit in edits.iter().filter(of_the_kernel) {
                let text = texts.get(&edit.file).cloned().or_else(|| read(&edit.file));
                let text = edit.apply(text.as_deref());
                assert!(text.is_some(), "{name}: {}", edit.file.display());
                texts.extend(text.map(|text| (edit.file.clone(), text)));
            }
        }
    }

    #[test]
    fn every_finding_of_this_repository_has_a_page_and_a_fix() {
        let root = repository();
        let config = Config::load(&root.join("configs")).expect("configs/ loads");
        for finding in config.findings.values() {
            for file in [&finding.page, &finding.fix] {
                assert!(root.join(file).is_file(), "{}", file.display());
            }
        }
    }

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let names = ["arm-vivt", "arm-vipt", "mips-be"];
        assert_eq!(did_you_mean("arm-vivtt", names), Some("arm-vivt"));
        assert_eq!(did_you_mean("zzz", names), None);
    }
}
