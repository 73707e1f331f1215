// SPDX-License-Identifier: GPL-2.0-only
//! A set of KUnit suites that one boot runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use super::exporter::{self, RawCannot};
use super::yaml::{self, Error};
use super::{Cannot, Cell, Exporter, Own};

/// A module that a guest loads before or as its tests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// The folder in the kernel tree that `make M=` is given.
    pub dir: PathBuf,
    /// What that makes, below [`Module::dir`], such as `kunit/a.ko`.
    pub file: PathBuf,
}

impl Module {
    /// As the guest finds it.
    pub fn file_name(&self) -> String {
        let name = self.file.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What the kernel calls it.
    pub fn name(&self) -> String {
        let stem = self.file.file_stem().unwrap_or_default();
        stem.to_string_lossy().replace('-', "_")
    }
}

/// What the cache model is to see of a set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watched {
    /// Whether the kernel's DMA API tells of transfers, as with `--contract`.
    pub contract: bool,
    /// Suites of which every case makes a device read or write memory.
    pub transfers: Vec<String>,
    /// What the guest is told when the model is there.
    pub orders: Vec<String>,
}

/// A program that runs in the guest once the modules are loaded, and prints a suite of its own in KTAP.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// C source of it, below `kernel/guest/programs`, or the user's own file, absolute: source or a program for the guest's CPU.
    pub file: PathBuf,
    /// What it is given.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The suite that it prints; none where nobody judges it.
    #[serde(default)]
    pub suite: Option<String>,
}

impl Program {
    /// Its path in the guest.
    pub fn path(&self) -> String {
        let stem = self.file.file_stem().unwrap_or_default();
        format!("/bin/{}", stem.to_string_lossy())
    }
}

/// A disk of the guest: a file, made anew for each run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// What QEMU's `drive=` is given.
    pub id: String,
    /// Its size, MiB.
    pub size_mib: u64,
    /// The command that makes a file system on it, before the file's name; none for a disk of zeros.
    #[serde(default)]
    pub make: Vec<String>,
}

/// What a guest has beside its cell's machine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Devices {
    /// Disks.
    pub disks: Vec<Disk>,
    /// QEMU's arguments.
    pub args: Vec<String>,
    /// Those for one machine only, before the others, by what `-M` is given up to a comma.
    pub args_of: BTreeMap<String, Vec<String>>,
}

impl Devices {
    /// QEMU's arguments on `machine`.
    pub fn arguments(&self, machine: &str) -> Vec<String> {
        let machine = machine.split(',').next().unwrap_or(machine);
        let own = self.args_of.get(machine).into_iter().flatten();
        own.chain(&self.args).cloned().collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    #[serde(default)]
    by_default: bool,
    exporter: Option<String>,
    #[serde(default)]
    fragments: Vec<String>,
    command_line: Option<String>,
    linear: Option<String>,
    #[serde(default)]
    not_on: BTreeMap<String, String>,
    #[serde(default)]
    cannot: Vec<RawCannot>,
    #[serde(default)]
    devices: Devices,
    #[serde(default)]
    modules: Vec<Module>,
    #[serde(default)]
    program: Option<Program>,
    #[serde(default)]
    vcsan: Option<Watched>,
    filter: String,
    expect: Vec<String>,
    silence_s: u64,
    total_s: u64,
}

/// A set of suites, checked.
#[derive(Debug, Clone)]
pub struct Set {
    /// The file's stem, such as `heap`; with another exporter than the file's own, that exporter's name.
    pub name: String,
    /// The page that it comes from, which `--set` names; none for a module of the user's.
    pub page: Option<String>,
    /// What the set checks.
    pub summary: String,
    /// Whether it runs when no set is named.
    pub by_default: bool,
    /// The exporter whose buffers the suites are about, by its name in `configs/exporters`; none where they are about none.
    pub exporter: Option<String>,
    /// The same, once it is known.
    pub of: Option<Exporter>,
    /// Kconfig fragments on top of those of a cell's kernel. With any, the set has kernels of its own.
    pub fragments: Vec<String>,
    /// What every kernel is told on its command line.
    pub command_line: Option<String>,
    /// The kernel's linear map, as [`Cell::linear`], where it is not the cell's.
    pub linear: Option<String>,
    /// Cells that it can't run on, and why.
    pub not_on: BTreeMap<String, String>,
    /// What can't be done in it.
    pub cannot: Vec<Cannot>,
    /// What the guest has beside its cell's machine.
    pub devices: Devices,
    /// The user's own module out of tree, if that is what the set is about.
    pub own: Option<Own>,
    /// The modules with the tests, in the order in which the guest loads them.
    pub tests: Vec<Module>,
    /// What runs after them, on the page's own exporter only.
    pub program: Option<Program>,
    /// Whether the cache model watches, and what it is to see.
    pub vcsan: Option<Watched>,
    /// What `kunit.filter_glob` selects where the user filters nothing.
    pub filter: String,
    /// The suites that a whole run must show; one that is missing has crashed.
    pub expect: Vec<String>,
    /// A guest that prints nothing for so long hangs, seconds.
    pub silence_s: u64,
    /// A guest that runs for so long hangs, seconds.
    pub total_s: u64,
}

impl Set {
    /// Leaves the program out if its suite is not among those that `filter` selects.
    pub fn narrow(&mut self, filter: &str) {
        let expected = self.expected(Some(filter));
        let selected = |program: &Program| {
            let suite = program.suite.as_deref();
            suite.is_none_or(|suite| expected.contains(&suite))
        };
        if !self.program.as_ref().is_some_and(selected) {
            self.program = None;
        }
    }

    /// The same suites on the buffers of `exporter`.
    pub fn on(&self, exporter: &Exporter) -> Set {
        let own = self.exporter.as_ref() == Some(&exporter.name);
        let program = self.program.as_ref().filter(|_| !own);
        let suite = program.and_then(|program| program.suite.as_ref());
        Set {
            program: self.program.clone().filter(|_| own),
            expect: self
                .expect
                .iter()
                .filter(|name| Some(*name) != suite)
                .cloned()
                .collect(),
            name: exporter.name.clone(),
            of: Some(exporter.clone()),
            ..self.clone()
        }
    }

    /// The exporter that was chosen for these suites, where it is not their page's own.
    pub fn chosen(&self) -> Option<&Exporter> {
        let own = self.page.as_ref() == Some(&self.name);
        self.of.as_ref().filter(|_| !own)
    }

    /// All that the guest loads, in that order: the exporter's modules, then the tests.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.exporters_modules().chain(&self.tests)
    }

    /// The exporter's own among them.
    pub fn exporters_modules(&self) -> impl Iterator<Item = &Module> {
        self.of.iter().flat_map(|exporter| &exporter.modules)
    }

    /// What is added to the name of a kernel that is built for it; none where the cell's own kernel does.
    pub fn variant(&self) -> Option<String> {
        match self.fragments.as_slice() {
            [] => self.of.as_ref().and_then(Exporter::variant),
            fragments => Some(fragments.join("-")),
        }
    }

    /// The name of the kernel that `cell` boots for these suites.
    pub fn kernel(&self, cell: &Cell) -> String {
        match self.variant() {
            Some(variant) => format!("{}-{variant}", cell.kernel),
            None => cell.kernel.clone(),
        }
    }

    /// What the kernel of `cell` maps for good, as [`Cell::linear`].
    pub fn linear<'a>(&'a self, cell: &'a Cell) -> Option<&'a str> {
        self.linear.as_deref().or(cell.linear.as_deref())
    }

    /// What the guest is told beside the modules, a line each: parameters of modules, among them what the tests skip.
    pub fn parameters(&self, watched: bool) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(exporter) = &self.of {
            lines.extend_from_slice(&exporter.parameters);
        }
        let cannot = self.of.iter().flat_map(|exporter| &exporter.cannot);
        let skipped: Vec<&str> = cannot
            .chain(&self.cannot)
            .flat_map(|cannot| &cannot.cases)
            .map(String::as_str)
            .collect();
        if let Some(tests) = self.tests.last().filter(|_| !skipped.is_empty()) {
            lines.push(format!("{}.skip={}", tests.name(), skipped.join(",")));
        }
        if let Some(vcsan) = self.vcsan.as_ref().filter(|_| watched) {
            lines.extend_from_slice(&vcsan.orders);
        }
        lines
    }

    /// The suites that a run under `filter` (`SUITE[.CASE]`, globs) must show.
    pub fn expected(&self, filter: Option<&str>) -> Vec<&str> {
        let suite = filter.map(|f| f.split_once('.').map_or(f, |(suite, _)| suite));
        let glob = suite.and_then(matcher);
        self.expect
            .iter()
            .map(String::as_str)
            .filter(|s| glob.as_ref().is_none_or(|g| g.is_match(s)))
            .collect()
    }
}

/// Whether `filter` (`SUITE[.CASE]`, globs) may leave out cases of a suite, so that a suite may have none of those that are left.
pub fn names_cases(filter: &str) -> bool {
    filter.split_once('.').is_some_and(|(_, case)| case != "*")
}

fn matcher(glob: &str) -> Option<GlobMatcher> {
    Glob::new(glob).ok().map(|g| g.compile_matcher())
}

pub(super) fn load(path: &Path, name: &str, kconfig: &Path) -> Result<Set, Error> {
    let raw: Raw = yaml::load(path)?;
    let value = |key: &str, message: String| Error::value(path, key, message);
    if raw.expect.is_empty() {
        return Err(value(
            "expect",
            "names no suite, so that nothing would be missed".into(),
        ));
    }
    let Some(glob) = matcher(&raw.filter) else {
        return Err(value("filter", "is not a glob".into()));
    };
    if let Some(at) = raw.expect.iter().position(|s| !glob.is_match(s)) {
        let message = "is a suite that `filter` leaves out";
        return Err(value(&format!("expect.{at}"), message.into()));
    }
    super::kernel::fragments(path, &raw.fragments, kconfig)?;
    if !raw.fragments.is_empty() && raw.exporter.is_some() {
        let message = "can't be there beside `exporter`, which has its own".into();
        return Err(value("fragments", message));
    }
    if raw.silence_s == 0 || raw.total_s < raw.silence_s {
        return Err(value(
            "total_s",
            "must be at least `silence_s`, which must be at least 1".into(),
        ));
    }
    let cannot = exporter::cannot(path, raw.cannot)?;
    Ok(Set {
        name: name.to_owned(),
        page: Some(name.to_owned()),
        summary: raw.summary,
        by_default: raw.by_default,
        exporter: raw.exporter,
        of: None,
        fragments: raw.fragments,
        command_line: raw.command_line,
        linear: raw.linear,
        not_on: raw.not_on,
        cannot,
        devices: raw.devices,
        own: None,
        tests: raw.modules,
        program: raw.program,
        vcsan: raw.vcsan,
        filter: raw.filter,
        expect: raw.expect,
        silence_s: raw.silence_s,
        total_s: raw.total_s,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heap() -> Set {
        Set {
            name: "heap".into(),
            page: Some("heap".into()),
            summary: String::new(),
            by_default: true,
            exporter: None,
            of: None,
            fragments: Vec::new(),
            command_line: None,
            linear: None,
            not_on: BTreeMap::new(),
            cannot: Vec::new(),
            devices: Devices::default(),
            own: None,
            tests: Vec::new(),
            program: None,
            vcsan: None,
            filter: "h_*".into(),
            expect: vec!["h_alloc".into(), "h_vmap".into()],
            silence_s: 1,
            total_s: 1,
        }
    }

    #[test]
    fn a_filter_narrows_what_is_expected() {
        assert_eq!(heap().expected(None), ["h_alloc", "h_vmap"]);
        assert_eq!(heap().expected(Some("h_v*")), ["h_vmap"]);
        assert_eq!(heap().expected(Some("h_vmap.counts")), ["h_vmap"]);
        assert!(heap().expected(Some("other")).is_empty());
    }

    #[test]
    fn a_filter_that_leaves_no_case_out_names_none() {
        for filter in ["h_vmap", "h_*", "h_vmap.*", "h_[!a]*.*"] {
            assert!(!names_cases(filter), "{filter}");
        }
        for filter in ["h_vmap.counts", "h_vmap.c*", "*.counts", "h_vmap.**"] {
            assert!(names_cases(filter), "{filter}");
        }
    }

    #[test]
    fn a_machine_may_have_devices_of_its_own_first() {
        let devices = Devices {
            args: vec!["-c".into()],
            args_of: BTreeMap::from([("board".into(), vec!["-a".into()])]),
            ..Devices::default()
        };
        assert_eq!(devices.arguments("board,graphics=off"), ["-a", "-c"]);
        assert_eq!(devices.arguments("other"), ["-c"]);
    }

    #[test]
    fn what_cannot_be_done_in_a_set_is_skipped_there() {
        let raw = RawCannot {
            what: "to fly".into(),
            why: "it has no wings".into(),
            cases: vec!["*_sky.*".into(), "*.look".into()],
        };
        let cannot = exporter::cannot(Path::new("a.yaml"), vec![raw]);
        let set = Set {
            cannot: cannot.expect("globs"),
            tests: vec![Module {
                dir: "d".into(),
                file: "k/t.ko".into(),
            }],
            ..heap()
        };
        assert_eq!(set.parameters(false), ["t.skip=*_sky.*,*.look"]);
        assert!(heap().parameters(false).is_empty());
    }

    #[test]
    fn a_program_runs_where_its_suite_is_selected() {
        let program = Program {
            file: "p.c".into(),
            arguments: Vec::new(),
            suite: Some("h_vmap".into()),
        };
        assert_eq!(program.path(), "/bin/p");
        for (filter, runs) in [("h_v*", true), ("h_vmap.one", true), ("h_alloc", false)] {
            let mut set = Set {
                program: Some(program.clone()),
                ..heap()
            };
            set.narrow(filter);
            assert_eq!(set.program.is_some(), runs, "{filter}");
        }
    }
}
