// SPDX-License-Identifier: GPL-2.0-only
//! Mutants: is the suites' silence worth something? Each is the heap with one thing broken, and must be caught on every cell
//! on which a model of that cell's CPU says that it matters.

pub mod batch;
pub mod outcome;
pub mod probe;
pub mod run;
pub mod table;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use aliasheap_kernel::mutation;
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use crate::config::{Cell, Config, Edit};
use crate::vcsan::Mode;

pub use outcome::{Outcome, Sighting};

/// The heap as it is, which runs like a mutant and must be silent.
pub const UNCHANGED: &str = "unchanged";

/// One mutant.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// How it is chosen and reported.
    pub name: String,
    /// What is wrong, in words; none where the name says it.
    pub summary: Option<String>,
    /// The exporter whose suites run.
    pub exporter: String,
    /// Suites or cases, each a glob for KUnit: the next one runs if those before it saw nothing where there is something to see.
    pub suites: Vec<String>,
    /// Whether it spoils a guest for those that come after it.
    pub alone: bool,
    /// The change in the terms of the host's model; none if that has no word for it, so that it must be caught everywhere.
    pub model: Option<String>,
    /// What a hazard or failure that shows it looks like.
    pub shows: GlobSet,
    /// Aliases: a hazard whose value was written through one of them shows it too.
    pub written: Vec<String>,
    /// Whether it runs in all modes of a cell's CPU, and not only in what that really does.
    pub all_modes: bool,
    /// The edits that only this one has, so that it needs a kernel of its own.
    pub own_edits: Option<Vec<Edit>>,
}

/// This project's heap among the exporters.
const OWN: &str = "system_rust";

/// All suites that may tell, but for those that do wrong on purpose.
pub const ALL: &str = "system_heap_rust_[!h]*";
/// What shows what a page breaks, unless it names other suites.
const COHERENCY: &str = "system_heap_rust_coherency";
/// What finds most, and is quick.
const SEQUENCES: &str = "system_heap_rust_sequences";

/// The cases of [`SEQUENCES`] that are likely to see a mutation of a plan, and take a fraction of a second.
fn likely(mutation: &mutation::Named) -> &'static str {
    match (mutation.alias, mutation.is_of_a_part) {
        (mutation::Alias::Vmap, false) => "vmap",
        (mutation::Alias::Vmap, true) => "vmap_of_many_pages",
        (mutation::Alias::User, false) => "vmap_and_process",
        (mutation::Alias::User, true) => "process_with_two_parts",
        (mutation::Alias::DirectMap, _) => "direct_map",
    }
}

impl Mutant {
    /// The modes in which it runs on `cell`.
    pub fn modes(&self, cell: &Cell) -> &'static [Mode] {
        let all = Mode::all(cell);
        if self.all_modes { all } else { &all[..1] }
    }

    /// Whether both can run in one guest.
    fn runs_like(&self, other: &Mutant) -> bool {
        let same = self.exporter == other.exporter && self.all_modes == other.all_modes;
        same && !self.alone && !other.alone
    }

    /// Whether it is a mutation of a plan.
    pub fn is_generated(&self) -> bool {
        self.name.contains(':')
    }

    /// What reports count it as.
    pub fn kind(&self) -> &str {
        match self.name.rsplit_once(':') {
            Some((_, kind)) => kind,
            None if self.exporter == OWN => "by hand",
            None => "by hand, of another heap",
        }
    }
}

/// What the host knows of a mutant on a CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Whether it makes a difference, says the model of that CPU.
    matters: bool,
    /// The shortest walk of the suite [`SEQUENCES`] that shows it.
    walk: Option<Walk>,
}

/// A part of a case of the suite [`SEQUENCES`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    case: String,
    /// Which of its stages, counted from 0.
    stage: usize,
    /// After how many steps it ends.
    steps: usize,
}

/// What a mutant is tried with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial<'a> {
    /// The mutant.
    pub mutant: &'a str,
    /// Suites or cases, a glob for KUnit.
    pub suites: String,
    /// The stage of the case, and the number of steps, that are enough.
    pub limit: Option<(usize, usize)>,
}

/// On which CPUs mutants make a difference, as far as the host's model of each knows.
#[derive(Debug, Default)]
pub struct Matters(HashMap<(String, bool), HashMap<String, Known>>);

impl Matters {
    /// Explores the model for the modes of `cells` in which `mutants` run. What was found out before is kept in `folder`.
    pub fn explore(cells: &[&Cell], mutants: &[Mutant], folder: &Path) -> Matters {
        let mut cpus: BTreeMap<(&str, bool), BTreeSet<&str>> = BTreeMap::new();
        for mutant in mutants {
            let Some(change) = &mutant.model else {
                continue;
            };
            for cell in cells {
                for &mode in mutant.modes(cell) {
                    let cpu = (cell.cpu.as_str(), speculates(mode));
                    cpus.entry(cpu).or_default().insert(change);
                }
            }
        }
        let one = |((cpu, speculates), changes): ((&str, bool), BTreeSet<&str>)| {
            let changes: Vec<&str> = changes.into_iter().collect();
            let known = known(cpu, speculates, &changes, folder);
            ((cpu.to_owned(), speculates), known)
        };
        std::thread::scope(|scope| {
            let one = &one;
            let threads: Vec<_> = cpus
                .into_iter()
                .map(|cpu| scope.spawn(move || one(cpu)))
                .collect();
            let all = threads.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            Matters(all.collect())
        })
    }

    /// Whether `mutant` makes a difference on `cell` in `mode`. One that the model has no words for always does.
    pub fn of(&self, mutant: &Mutant, cell: &Cell, mode: Mode) -> bool {
        self.known(mutant, cell, mode)
            .is_none_or(|known| known.matters)
    }

    fn known(&self, mutant: &Mutant, cell: &Cell, mode: Mode) -> Option<&Known> {
        let key = (cell.cpu.clone(), speculates(mode));
        self.0.get(&key)?.get(mutant.model.as_ref()?)
    }

    /// What `mutant` is tried with if `before` other trials saw nothing: first the shortest walk that shows it on a model of
    /// the cell's cache.
    pub fn trial<'m>(
        &self,
        mutant: &'m Mutant,
        cell: &Cell,
        mode: Mode,
        before: usize,
    ) -> Option<Trial<'m>> {
        let mut all = Vec::new();
        let walk = self.known(mutant, cell, mode).and_then(|k| k.walk.as_ref());
        all.extend(walk.map(|walk| Trial {
            mutant: &mutant.name,
            suites: format!("{SEQUENCES}.{}", walk.case),
            limit: Some((walk.stage, walk.steps)),
        }));
        all.extend(mutant.suites.iter().map(|suites| Trial {
            mutant: &mutant.name,
            suites: suites.clone(),
            limit: None,
        }));
        (before < all.len()).then(|| all.swap_remove(before))
    }
}

/// What is known of `changes` on a CPU, from the file for that in `folder`, or else explored and kept there.
fn known(cpu: &str, speculates: bool, changes: &[&str], folder: &Path) -> HashMap<String, Known> {
    let mut hasher = blake3::Hasher::new();
    for source in mutation::SOURCES {
        hasher.update(&(source.len() as u64).to_le_bytes());
        hasher.update(source.as_bytes());
    }
    let id = hasher.finalize().to_hex();
    let mode = if speculates {
        "speculative"
    } else {
        "architectural"
    };
    let file = folder.join(format!("{cpu}-{mode}-{}.json", &id[..16]));
    let read = fs_err::read(&file).ok();
    // Whatever is not what was written is worked out again.
    let mut known: HashMap<String, Known> = read
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let new = changes.iter().filter(|c| !known.contains_key(**c));
    let new: Vec<&str> = new.copied().collect();
    if !new.is_empty() {
        let matters = mutation::matters(cpu, speculates, &new);
        let walk = |change| mutation::shown(cpu, speculates, change);
        known.extend(new.into_iter().zip(matters).map(|(change, matters)| {
            // To find that no walk shows it takes the longest, and is what it is then.
            let walk = matters.then(|| walk(change)).flatten();
            let walk = walk.map(|shown| Walk {
                case: shown.case.to_owned(),
                stage: shown.stage,
                steps: shown.steps,
            });
            (change.to_owned(), Known { matters, walk })
        }));
        let write = || -> std::io::Result<()> {
            fs_err::create_dir_all(folder)?;
            crate::cache::write_whole(&file, &serde_json::to_vec(&known)?, 0o600, folder)
        };
        // Without the file, the next run takes as long as this one.
        let _ = write();
    }
    known
}

fn speculates(mode: Mode) -> bool {
    mode == Mode::Speculative
}

/// Every mutant: those of each step of each plan that the planner can make, and those of `configs/mutants`.
///
/// # Errors
/// A glob that can't be read.
pub fn all(config: &Config) -> Result<Vec<Mutant>, globset::Error> {
    let mut mutants = Vec::new();
    for generated in mutation::all() {
        let likely = format!("{SEQUENCES}.{}", likely(&generated));
        mutants.push(Mutant {
            model: Some(generated.name.clone()),
            name: generated.name,
            summary: None,
            exporter: OWN.into(),
            alone: false,
            all_modes: false,
            suites: vec![likely, SEQUENCES.into(), ALL.into()],
            shows: globs(generated.shows.iter().map(String::as_str))?,
            written: generated.written,
            own_edits: None,
        });
    }
    // Those that can run in one guest are beside each other.
    let mut pages: Vec<_> = config.mutants.iter().collect();
    pages.sort_by_key(|(_, page)| (page.alone, &page.exporter, page.all_modes));
    for (name, page) in pages {
        mutants.push(Mutant {
            name: name.to_owned(),
            summary: Some(page.summary.clone()),
            exporter: page.exporter.clone(),
            alone: page.alone,
            all_modes: page.all_modes,
            suites: [page.suites.as_deref().unwrap_or(COHERENCY), SEQUENCES, ALL]
                .map(Into::into)
                .into(),
            model: page.model.clone(),
            shows: globs(page.shows.iter().map(String::as_str))?,
            written: Vec::new(),
            own_edits: (!page.is_chosen_at_run_time()).then(|| page.edits(name)),
        });
    }
    Ok(mutants)
}

fn globs<'a>(globs: impl Iterator<Item = &'a str>) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(Glob::new(glob)?);
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_out_is_kept_and_a_torn_file_is_not_believed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let changes = ["unchanged", "map-as-asked"];
        let first = known("24Kf", false, &changes, dir.path());
        assert_eq!(first.len(), 2);
        assert!(!first["unchanged"].matters, "{first:?}");

        let file = fs_err::read_dir(dir.path()).expect("a folder").next();
        let file = file.expect("a file").expect("a file").path();
        let kept = r#"{"unchanged":{"matters":true},"map-as-asked":{"matters":false}}"#;
        fs_err::write(&file, kept).expect("written");
        assert!(known("24Kf", false, &changes, dir.path())["unchanged"].matters);
        fs_err::write(&file, &kept[..9]).expect("written");
        assert_eq!(known("24Kf", false, &changes, dir.path()), first);
    }
}
