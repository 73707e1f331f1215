// SPDX-License-Identifier: GPL-2.0-only
//! Where things lie in a checkout of aliasheap.

use std::path::{Path, PathBuf};

/// A checkout.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
    fixes: bool,
}

impl Project {
    /// The checkout that this program was built from.
    pub fn this() -> Project {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        Project::at(xtask.parent().unwrap_or(xtask))
    }

    /// The checkout at `root`.
    pub fn at(root: &Path) -> Project {
        Project {
            root: root.to_owned(),
            fixes: false,
        }
    }

    /// The checkout's own folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The matrix.
    pub fn configs(&self) -> PathBuf {
        self.root.join("configs")
    }

    /// Files that a kernel tree gets.
    pub fn overlay(&self) -> PathBuf {
        self.root.join("kernel/overlay")
    }

    /// Changes to files that a kernel tree has.
    pub fn patches(&self) -> PathBuf {
        self.root.join("kernel/patches")
    }

    /// Corrections of what the findings are about, if they are wanted: further changes.
    pub fn fixes(&self) -> Option<PathBuf> {
        self.fixes.then(|| self.root.join("kernel/fixes"))
    }

    /// The same checkout, with or without [`Project::fixes`].
    pub fn with_fixes(self, fixes: bool) -> Project {
        Project { fixes, ..self }
    }

    /// The guest's first program.
    pub fn guest(&self) -> PathBuf {
        self.root.join("kernel/guest")
    }

    /// What gdb gets to know of a kernel.
    pub fn gdb(&self) -> PathBuf {
        self.root.join("kernel/gdb")
    }
}
