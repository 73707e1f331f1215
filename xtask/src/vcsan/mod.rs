// SPDX-License-Identifier: GPL-2.0-only
//! The QEMU plugin that watches a guest: how it is built, what it is told, what it has found.

pub mod findings;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use cargo_metadata::{CrateType, Message};

use crate::config::{Cell, Role};
use crate::follow::{End, Limits, follow};
use crate::project::Project;
use crate::stop::Stop;

pub use findings::Findings;

/// Why there is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cargo could not be run.
    #[error("failed to run cargo, which builds the cache model; do without it by --no-vcsan")]
    Cargo {
        /// What the system said.
        source: io::Error,
    },
    /// The plugin does not compile.
    #[error(
        "failed to build the cache model: `cargo build --package vcsan` ended with {status}\n{output}"
    )]
    Build {
        /// Its exit status.
        status: String,
        /// What the compiler said.
        output: String,
    },
    /// Cargo made something else.
    #[error("failed to find the cache model in what `cargo build --package vcsan` made")]
    Missing,
    /// It can't be put beside what boots.
    #[error("failed to copy the cache model to {}", path.display())]
    Copy {
        /// Where it should go.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The user interrupted it.
    #[error("interrupted")]
    Interrupted,
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
    /// Builds it with cargo and puts it into `dest`, where no later build touches it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn build(dest: &Path, mode: Mode, stop: &Stop) -> Result<Plugin, Error> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = Project::this().root().join("Cargo.toml");
        let args: [OsString; 7] = [
            "build".into(),
            "--quiet".into(),
            "--locked".into(),
            "--package=vcsan".into(),
            "--message-format=json-render-diagnostics".into(),
            "--manifest-path".into(),
            manifest.into(),
        ];
        let errors = tempfile::NamedTempFile::new().map_err(|source| Error::Cargo { source })?;
        let mut output = Vec::new();
        let end = follow(
            &duct::cmd(cargo, args).stderr_path(errors.path()),
            Limits::NONE,
            stop,
            |piece| {
                output.extend_from_slice(piece);
                Ok(())
            },
        )
        .map_err(|source| Error::Cargo { source })?;
        match end {
            End::Ended(status) if status.success() => {}
            End::Ended(status) => {
                let output = std::fs::read(errors.path()).unwrap_or_default();
                return Err(Error::Build {
                    status: status.to_string(),
                    output: String::from_utf8_lossy(&output).trim_end().to_owned(),
                });
            }
            End::Silent(_) | End::TooLong(_) | End::Interrupted => return Err(Error::Interrupted),
        }
        let made = shared_object(&output).ok_or(Error::Missing)?;
        let file = dest.join("libvcsan.so");
        std::fs::create_dir_all(dest)
            .and_then(|()| std::fs::copy(&made, &file))
            .map_err(|source| Error::Copy {
                path: file.clone(),
                source,
            })?;
        Ok(Plugin { file, mode })
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
        // No virtually tagged cache speculates.
        let mode = match self.mode {
            Mode::Speculative if !cell.geometry.starts_with("vivt") => "speculative",
            Mode::Speculative | Mode::Architectural => "architectural",
        };
        // Which alias a device sees is defined only where there is one.
        let coherent = match cell.role {
            Role::Aliasing => "off",
            Role::Control => "on",
        };
        let value = format!(
            "{},out={},geometry={},mode={mode},coherent={coherent},vmlinux={},modules={}",
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

/// The plugin's file, out of what cargo said that it made.
fn shared_object(messages: &[u8]) -> Option<PathBuf> {
    Message::parse_stream(messages)
        .filter_map(Result::ok)
        .find_map(|message| match message {
            Message::CompilerArtifact(artifact)
                if artifact.target.name == "vcsan"
                    && artifact.target.crate_types.contains(&CrateType::CDyLib) =>
            {
                let mut files = artifact.filenames.into_iter();
                files.find(|file| file.extension() == Some("so"))
            }
            _ => None,
        })
        .map(Into::into)
}
