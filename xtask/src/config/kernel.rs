// SPDX-License-Identifier: GPL-2.0-only
//! A kernel: one architecture's configuration, built once and shared by the cells that name it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::yaml::{self, Error};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    arch: String,
    cross: String,
    image: PathBuf,
    targets: Vec<String>,
    fragments: Vec<String>,
    rustc: Option<String>,
    debug: Debugged,
    #[serde(default)]
    boot_takes: u32,
}

/// What a debugger is told of the architecture.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Debugged {
    /// The registers in which a C function finds its first three arguments, as gdb calls them.
    pub arguments: [String; 3],
    /// By whose page tables memory is read for gdb; where there are none, QEMU translates addresses for it.
    pub page_tables: Option<PageTables>,
}

/// The page tables that `cargo xtask debug` can walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageTables {
    /// MIPS32 release 2 with RI and XI.
    Mips,
    /// 32-bit PA-RISC.
    Parisc,
}

/// A kernel, checked.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// The file's stem, such as `arm-v5`.
    pub name: String,
    /// Kbuild's `ARCH`.
    pub arch: String,
    /// Kbuild's `CROSS_COMPILE`, such as `arm-linux-gnueabi-`.
    pub cross: String,
    /// The image that QEMU is given, in the build folder.
    pub image: PathBuf,
    /// The make targets that make [`Kernel::image`] and what goes with it.
    pub targets: Vec<String>,
    /// Kconfig fragments on top of allnoconfig, in the order in which a later one wins.
    pub fragments: Vec<PathBuf>,
    /// The package of this workspace that stands in for rustc; the toolchain's rustc where there is none.
    pub rustc: Option<String>,
    /// What a debugger is told of the architecture.
    pub debug: Debugged,
    /// What the longest boot of one of its cells takes on the processor with the heap's suites, in tenths of a second. The kernel
    /// with the longest one goes first, so that no core is idle in the end.
    pub boot_takes: u32,
}

impl Kernel {
    /// The same kernel with further fragments from `kconfig`: one of its own, as it is built in a folder of its own.
    ///
    /// Beside `NAME.config` this takes `NAME-ARCH.config`, where there is one.
    pub(super) fn variant(&self, name: &str, fragments: &[String], kconfig: &Path) -> Kernel {
        let further = fragments.iter().flat_map(|f| {
            let of_the_arch = kconfig.join(format!("{f}-{}.config", self.arch));
            std::iter::once(kconfig.join(format!("{f}.config")))
                .chain(Some(of_the_arch).filter(|path| path.is_file()))
        });
        Kernel {
            name: format!("{}-{name}", self.name),
            fragments: self.fragments.iter().cloned().chain(further).collect(),
            ..self.clone()
        }
    }
}

/// The files of the Kconfig fragments that the page at `path` names.
pub(super) fn fragments(
    path: &Path,
    names: &[String],
    kconfig: &Path,
) -> Result<Vec<PathBuf>, Error> {
    let file = |(at, name): (usize, &String)| {
        let file = kconfig.join(format!("{name}.config"));
        if file.is_file() {
            Ok(file)
        } else {
            let message = format!("names {}, which does not exist", file.display());
            Err(Error::value(path, &format!("fragments.{at}"), message))
        }
    };
    names.iter().enumerate().map(file).collect()
}

pub(super) fn load(path: &Path, name: &str, kconfig: &Path) -> Result<Kernel, Error> {
    let raw: Raw = yaml::load(path)?;
    let value = |key: &str, message: String| Error::value(path, key, message);
    if raw.image.is_absolute() {
        return Err(value("image", "must be a path in the build folder".into()));
    }
    let fragments = fragments(path, &raw.fragments, kconfig)?;
    Ok(Kernel {
        name: name.to_owned(),
        arch: raw.arch,
        cross: raw.cross,
        image: raw.image,
        targets: raw.targets,
        fragments,
        rustc: raw.rustc,
        debug: raw.debug,
        boot_takes: raw.boot_takes,
    })
}
