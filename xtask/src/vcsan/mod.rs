// SPDX-License-Identifier: GPL-2.0-only
//! The QEMU plugin that watches a guest: how it is built, what it is told, what it has found.

pub mod findings;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::{Cell, Watched};
use crate::stop::Stop;
use crate::toolchain::Toolchain;
use crate::{cache, cargo};

pub use findings::Findings;

/// The package of this workspace that is the plugin for the toolchain's own QEMU.
pub const PACKAGE: &str = "vcsan";

/// Why there is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be built.
    #[error("failed to build the cache model; do without it by --no-vcsan")]
    Build(#[from] cargo::Error),
    /// QEMU could not load it.
    #[error(
        "failed to find {} in the Debian root, which the cache model needs, as this machine's C library is newer; use a container, as README.md says (Other hosts), or do without the model by --no-vcsan",
        Vec::from_iter(_0.iter().map(String::as_str)).join(" and ")
    )]
    Newer(BTreeSet<String>),
    /// It can't be put beside what boots.
    #[error("failed to put the cache model beside what boots")]
    Copy(#[source] cache::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Copy(error.into())
    }
}

/// What the modelled cache may do on its own.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Lines are filled by accesses only.
    Architectural,
    /// Any mapped alias may be filled at any moment.
    Speculative,
}

impl Mode {
    /// All modes of the CPU of `cell`, what it really does first.
    pub fn all(cell: &Cell) -> &'static [Mode] {
        if cell.speculates {
            &[Mode::Speculative, Mode::Architectural]
        } else {
            &[Mode::Architectural]
        }
    }

    /// As options and reports name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Architectural => "architectural",
            Mode::Speculative => "speculative",
        }
    }
}

/// The plugin, ready to be loaded.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// The shared object.
    pub file: PathBuf,
    /// Whether lines are filled by accesses only, whatever a cell's CPU may do.
    pub architectural: bool,
    /// Whether the kernel's DMA API tells of transfers, and not what suites say.
    pub contract: bool,
    /// Whether instructions are counted, for a guest that measures.
    pub count: bool,
    /// A file of findings that are not to be reported.
    pub suppress: Option<PathBuf>,
}

impl Plugin {
    /// Builds it with cargo, for the toolchain's own QEMU.
    ///
    /// # Errors
    /// [`Error`].
    pub fn build(architectural: bool, contract: bool, stop: &Stop) -> Result<Plugin, Error> {
        Plugin::build_package(PACKAGE, architectural, contract, stop)
    }

    /// The same, from another package of this workspace: another QEMU's.
    ///
    /// # Errors
    /// [`Error`].
    pub fn build_package(
        package: &str,
        architectural: bool,
        contract: bool,
        stop: &Stop,
    ) -> Result<Plugin, Error> {
        let file = cargo::build(package, stop)?;
        Ok(Plugin {
            file,
            architectural,
            contract,
            count: false,
            suppress: None,
        })
    }

    /// The same, which counts instructions too.
    pub fn counting(self) -> Plugin {
        Plugin {
            count: true,
            ..self
        }
    }

    /// The same for a set of suites.
    pub fn of(&self, watched: &Watched) -> Plugin {
        Plugin {
            contract: self.contract || watched.contract,
            ..self.clone()
        }
    }

    /// What it lets the cache of `cell` do.
    pub fn mode(&self, cell: &Cell) -> Mode {
        if cell.speculates && !self.architectural {
            Mode::Speculative
        } else {
            Mode::Architectural
        }
    }

    /// Puts it into `dest`, where no later build touches it, if QEMU of `toolchain` can load it.
    ///
    /// # Errors
    /// [`Error::Newer`] and [`Error::Copy`].
    pub fn publish(self, toolchain: &Toolchain, dest: &Path) -> Result<Plugin, Error> {
        let lacking = toolchain.lacking(&self.file)?;
        if !lacking.is_empty() {
            return Err(Error::Newer(lacking));
        }
        let file = dest.join("libvcsan.so");
        fs_err::create_dir_all(dest)?;
        fs_err::copy(&self.file, &file)?;
        let suppress = match &self.suppress {
            Some(own) => {
                let path = dest.join("suppress");
                fs_err::copy(own, &path)?;
                Some(path)
            }
            None => None,
        };
        Ok(Plugin {
            file,
            suppress,
            ..self
        })
    }

    /// QEMU's arguments that load it for a guest of `cell` with that `linear` map, whose symbols are in `vmlinux` and `modules`;
    /// what it finds goes to `out`, with the stacks of what an earlier boot has found, where that is given.
    pub fn arguments(
        &self,
        cell: &Cell,
        linear: Option<&str>,
        vmlinux: &Path,
        modules: &Path,
        out: &Path,
        stacks: Option<&Path>,
    ) -> [OsString; 2] {
        let mode = self.mode(cell);
        let linear = linear.filter(|_| mode == Mode::Speculative);
        let linear = linear.map_or_else(String::new, |map| format!(",linear={map}"));
        let mode = mode.as_str();
        let watch = if self.contract {
            ",watch=notes,watch=dma"
        } else {
            ""
        };
        let count = if self.count {
            ",count=instructions"
        } else {
            ""
        };
        let file = |key: &str, path: Option<&Path>| {
            path.map_or_else(String::new, |path| format!(",{key}={}", quoted(path)))
        };
        let suppress = file("suppress", self.suppress.as_deref());
        let stacks = file("stacks", stacks);
        // No device of any cell sees the cache.
        let value = format!(
            "{},out={},geometry={},mode={mode},coherent=off,vmlinux={},modules={}{linear}{watch}{count}{suppress}{stacks}",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::cell;

    fn plugin() -> Plugin {
        Plugin {
            file: "/a,b/vcsan.so".into(),
            architectural: false,
            contract: false,
            count: false,
            suppress: None,
        }
    }

    /// The options of a guest whose cell has such a cache, with an empty linear map of `0:0:0`.
    fn value(plugin: &Plugin, speculates: bool, stacks: Option<&str>) -> String {
        let cell = Cell {
            speculates,
            ..cell()
        };
        let [vmlinux, modules, out] = ["/v", "/m", "/o"].map(Path::new);
        let stacks = stacks.map(Path::new);
        let [option, value] = plugin.arguments(&cell, Some("0:0:0"), vmlinux, modules, out, stacks);
        assert_eq!(option, "-plugin");
        value.into_string().expect("text")
    }

    #[test]
    fn a_comma_in_a_path_is_no_end_of_it() {
        let value = value(&plugin(), false, None);
        let expected = "/a,,b/vcsan.so,out=/o,geometry=vivt:32:4096:4,mode=architectural,coherent=off,vmlinux=/v,modules=/m";
        assert_eq!(value, expected);
    }

    #[test]
    fn the_linear_map_is_for_caches_that_fill_lines_of_it_on_their_own() {
        let speculates = value(&plugin(), true, None);
        assert!(speculates.contains(",mode=speculative,"), "{speculates}");
        assert!(speculates.ends_with(",linear=0:0:0"), "{speculates}");
        let held = Plugin {
            architectural: true,
            ..plugin()
        };
        let held = value(&held, true, None);
        assert!(held.contains(",mode=architectural,"), "{held}");
        assert!(!held.contains("linear="), "{held}");
    }

    #[test]
    fn what_is_asked_for_is_asked_of_the_plugin() {
        let all = Plugin {
            contract: true,
            count: true,
            suppress: Some("/s,1".into()),
            ..plugin()
        };
        let value = value(&all, false, Some("/found"));
        let end = ",watch=notes,watch=dma,count=instructions,suppress=/s,,1,stacks=/found";
        assert!(value.ends_with(end), "{value}");
    }
}
