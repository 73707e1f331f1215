// SPDX-License-Identifier: GPL-2.0-only
//! A module out of tree, of somebody who writes a driver: a set of suites that has no page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Devices, Module, Set, Watched};

/// All suites but the kernel's own, which all begin with `rust`.
const FILTER: &str = "[!r]*";

/// What the user named.
#[derive(Debug, Clone)]
pub struct Own {
    /// The folder that `make M=` is given, absolute.
    pub dir: PathBuf,
    /// What the guest runs once the modules are loaded: a program for its CPU, or C source of one.
    pub init: Option<PathBuf>,
}

impl Own {
    /// The name of the program in the guest.
    pub fn program(&self) -> Option<String> {
        let stem = self.init.as_ref()?.file_stem()?;
        Some(stem.to_string_lossy().into_owned())
    }
}

/// The name of such a set, and of the suite that says what came of loading, running and unloading it.
pub const MODULE: &str = "module";

impl Set {
    /// The set that loads all modules of `own`, runs its program, and unloads them again. With `on`, it is run on that set's
    /// kernels with that set's devices; the set's modules are loaded too, and its program runs where `own` has none.
    pub fn of_module(own: Own, on: Option<&Set>) -> Set {
        let alone = Set {
            name: MODULE.into(),
            page: None,
            summary: String::new(),
            by_default: false,
            exporter: None,
            of: None,
            fragments: Vec::new(),
            command_line: None,
            linear: None,
            not_on: BTreeMap::new(),
            cannot: Vec::new(),
            devices: Devices::default(),
            own: Some(own),
            // Known once they are built.
            tests: Vec::new(),
            program: None,
            vcsan: Some(Watched {
                contract: true,
                ..Watched::default()
            }),
            filter: FILTER.into(),
            expect: Vec::new(),
            silence_s: 60,
            total_s: 600,
        };
        let Some(on) = on else {
            return alone;
        };
        let runs_another = alone.own.as_ref().is_some_and(|own| own.init.is_some());
        let left_out = on.program.as_ref().filter(|_| runs_another);
        let suite = left_out.and_then(|program| program.suite.as_ref());
        let expect = on.expect.iter().filter(|name| Some(*name) != suite);
        Set {
            expect: expect.cloned().collect(),
            program: on.program.clone().filter(|_| !runs_another),
            page: on.page.clone(),
            summary: on.summary.clone(),
            fragments: on.fragments.clone(),
            command_line: on.command_line.clone(),
            linear: on.linear.clone(),
            not_on: on.not_on.clone(),
            cannot: on.cannot.clone(),
            devices: on.devices.clone(),
            tests: on.tests.clone(),
            vcsan: Some(Watched {
                contract: true,
                ..on.vcsan.clone().unwrap_or_default()
            }),
            silence_s: on.silence_s.max(alone.silence_s),
            total_s: on.total_s.max(alone.total_s),
            ..alone
        }
    }

    /// The same set with `files`, below the folder of its own module, as its modules. They are loaded before those of the set
    /// that it is run on, and instead of those that have the same name.
    pub fn with_own_modules(&self, files: Vec<PathBuf>) -> Set {
        let dir = self.own.as_ref().map_or(Path::new(""), |own| &own.dir);
        let module = |file| Module {
            dir: dir.to_owned(),
            file,
        };
        let mut tests: Vec<Module> = files.into_iter().map(module).collect();
        let is_new = |other: &&Module| tests.iter().all(|own| own.name() != other.name());
        let others: Vec<Module> = self.tests.iter().filter(is_new).cloned().collect();
        tests.extend(others);
        Set {
            tests,
            ..self.clone()
        }
    }

    /// The modules among those of [`Set::with_own_modules`] that are the user's.
    pub fn own_modules(&self) -> impl Iterator<Item = &Module> {
        let own = self.own.iter();
        own.flat_map(|own| self.tests.iter().filter(|module| module.dir == own.dir))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn drivers() -> Set {
        let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
        let config = Config::load(&configs).expect("configs/ loads");
        config.sets["drivers"].clone()
    }

    fn own(init: Option<&str>) -> Own {
        Own {
            dir: "/own".into(),
            init: init.map(PathBuf::from),
        }
    }

    #[test]
    fn a_module_on_a_set_has_its_kernel_and_devices() {
        let drivers = drivers();
        let set = Set::of_module(own(None), Some(&drivers));
        assert_eq!(set.name, MODULE);
        assert_eq!(set.page.as_deref(), Some("drivers"));
        assert_eq!(set.variant(), drivers.variant());
        assert_eq!(set.devices.disks.len(), drivers.devices.disks.len());
        assert_eq!(
            set.devices.arguments("malta"),
            drivers.devices.arguments("malta")
        );
        assert!(set.program.is_some());
        assert_eq!(set.expect, ["drivers"]);
        assert!(set.vcsan.expect("watched").contract);
        // With a program of the user's that of the set does not run.
        let set = Set::of_module(own(Some("/try.c")), Some(&drivers));
        assert!(set.program.is_none());
        assert_eq!(set.expect, [""; 0]);
        assert!(Set::of_module(own(None), None).variant().is_none());
    }

    #[test]
    fn a_copy_of_a_driver_is_loaded_instead_of_it() {
        let set = Set::of_module(own(None), Some(&drivers()));
        let names =
            |set: &Set| -> Vec<String> { set.tests.iter().map(Module::file_name).collect() };
        let others = names(&set);
        assert!(others.contains(&"8139cp.ko".to_owned()), "{others:?}");
        let copied = set.with_own_modules(vec!["8139cp.ko".into()]);
        assert_eq!(names(&copied), ["8139cp.ko", "pcnet32.ko"]);
        let own: Vec<&Path> = copied.own_modules().map(|module| &*module.dir).collect();
        assert_eq!(own, [Path::new("/own")]);
        let beside = set.with_own_modules(vec!["mine.ko".into()]);
        let mut all = vec!["mine.ko".to_owned()];
        all.extend(others);
        assert_eq!(names(&beside), all);
    }
}
