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
    /// The set that loads all modules of `own`, runs its program, and unloads them again.
    pub fn of_module(own: Own) -> Set {
        Set {
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
        }
    }

    /// The same set with `files`, below the folder of its own module, as its modules.
    pub fn with_own_modules(&self, files: Vec<PathBuf>) -> Set {
        let dir = self.own.as_ref().map_or(Path::new(""), |own| &own.dir);
        let module = |file| Module {
            dir: dir.to_owned(),
            file,
        };
        Set {
            tests: files.into_iter().map(module).collect(),
            ..self.clone()
        }
    }
}
