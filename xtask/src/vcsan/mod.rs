// SPDX-License-Identifier: GPL-2.0-only
//! The QEMU plugin that watches a guest: how it is built, what it is told, what it has found.

pub mod findings;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::cargo;
use crate::config::{Cell, DCache, Role};
use crate::stop::Stop;

pub use findings::Findings;

/// Why there is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be built.
    #[error("failed to build the cache model; do without it by --no-vcsan")]
    Build(#[from] cargo::Error),
    /// It can't be put beside what boots.
    #[error("failed to copy the cache model to {}", path.display())]
    Copy {
        /// Where it should go.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What the hardware may do on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Lines are filled by accesses only.
    #[default]
    Architectural,
    /// Any mapped alias may be filled at any moment.
    Speculative,
}

/// The plugin, ready to be loaded.
#[derive(Debug)]
pub struct Plugin {
    /// The shared object.
    pub file: PathBuf,
    /// How badly the hardware behaves.
    pub mode: Mode,
}

impl Plugin {
    /// Builds it with cargo.
    ///
    /// # Errors
    /// [`Error`].
    pub fn build(mode: Mode, stop: &Stop) -> Result<Plugin, Error> {
        let file = cargo::build("vcsan", stop)?;
        Ok(Plugin { file, mode })
    }

    /// Puts it into `dest`, where no later build touches it.
    ///
    /// # Errors
    /// [`Error::Copy`].
    pub fn publish(self, dest: &Path) -> Result<Plugin, Error> {
        let file = dest.join("libvcsan.so");
        std::fs::create_dir_all(dest)
            .and_then(|()| std::fs::copy(&self.file, &file))
            .map_err(|source| Error::Copy {
                path: file.clone(),
                source,
            })?;
        Ok(Plugin { file, ..self })
    }

    /// QEMU's arguments that load it for a guest of `cell`, whose symbols are in `vmlinux` and `modules`; what it finds goes
    /// to `out`.
    pub fn arguments(
        &self,
        cell: &Cell,
        vmlinux: &Path,
        modules: &Path,
        out: &Path,
    ) -> [OsString; 2] {
        // Caches with virtual tags are those of CPUs that don't speculate.
        let mode = match cell.dcache {
            DCache::Vivt => Mode::Architectural,
            DCache::Vipt | DCache::Pipt => self.mode,
        };
        let linear = cell.linear.as_ref().filter(|_| mode == Mode::Speculative);
        let linear = linear.map_or_else(String::new, |map| format!(",linear={map}"));
        let mode = match mode {
            Mode::Architectural => "architectural",
            Mode::Speculative => "speculative",
        };
        // Which alias a device sees is defined only where there is one.
        let coherent = match cell.role {
            Role::Aliasing => "off",
            Role::Control => "on",
        };
        let value = format!(
            "{},out={},geometry={},mode={mode},coherent={coherent},vmlinux={},modules={}{linear}",
            quoted(&self.file),
            quoted(out),
            cell.geometry,
            quoted(vmlinux),
            quoted(modules),
        );
        ["-plugin".into(), value.into()]
    }
}

/// A path as a value among QEMU's options, where a comma ends one unless it is doubled.
fn quoted(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
