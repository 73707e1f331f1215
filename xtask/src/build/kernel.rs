// SPDX-License-Identifier: GPL-2.0-only
//! A kernel, its symbols, and what stands in for rustc.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use fs_err as fs;

use super::{Builder, Error, LINES, SYMBOLS, exists, host_crates, kconfig, links};
use crate::cargo;
use crate::progress::Progress as _;
use crate::stamp::{Inputs, Stamp, Stamped};

impl Builder<'_> {
    /// The kernel image and all that modules are built against.
    pub(super) fn kernel(&self) -> Result<Stamp, Error> {
        let what = format!("kernel {}", self.kernel.name);
        let mut fragments = String::new();
        for path in &self.kernel.fragments {
            fragments += &fs::read_to_string(path)?;
        }
        let (overlay, patches) = (self.project.overlay(), self.project.patches());
        let module_dirs: Vec<PathBuf> = self
            .module_dirs
            .iter()
            .map(|dir| overlay.join(dir))
            .collect();
        // The kernel's configuration is made from the modules' Kconfig too.
        let of_the_kernel = |file: &Path| {
            file.ends_with("Kconfig") || !module_dirs.iter().any(|dir| file.starts_with(dir))
        };
        let inputs = Inputs::new()
            .text(self.tree_id)
            .text(self.toolchain.id())
            .text(&fragments)
            .text(LINES.join(" "))
            .text(format!(
                "{:?}",
                (
                    &self.kernel.arch,
                    &self.kernel.cross,
                    &self.kernel.targets,
                    &self.kernel.image
                )
            ))
            .files(&overlay, of_the_kernel)?
            .files(&patches, |file| {
                file.extension().is_some_and(|e| e == "patch")
            })?;
        let inputs = match self.project.fixes() {
            Some(fixes) => inputs.text("fixes").files(&fixes, |file| {
                file.extension().is_some_and(|e| e == "patch")
            })?,
            None => inputs,
        };
        let inputs = match self.rustc()? {
            Some(rustc) => inputs.file(&rustc)?,
            None => inputs,
        };
        let (stamp, stamped) = (inputs.stamp(), Stamped::new(self.dir, "kernel"));
        let image = self.dir.join(&self.kernel.image);
        if stamped.is(&stamp) && image.is_file() && self.dir.join(SYMBOLS).is_file() {
            return Ok(stamp);
        }
        stamped.forget()?;
        links::sweep(self.dir)?;

        self.task.step("configuring the kernel");
        let merged = self.dir.join("aliasheap.config");
        fs::write(&merged, &fragments)?;
        let log = self.dir.join("kernel.log");
        let allconfig = format!("KCONFIG_ALLCONFIG={}", merged.display());
        self.make(&what, &log, &["allnoconfig", &allconfig])?;
        let config = self.dir.join(".config");
        let given = fs::read_to_string(&config)?;
        let dropped = kconfig::dropped(&fragments, &given);
        if !dropped.is_empty() {
            return Err(Error::Kconfig {
                kernel: self.kernel.name.clone(),
                dropped,
            });
        }

        self.task.step("building the kernel");
        // Modules are linked by a script that no image needs.
        let targets: Vec<&str> = self
            .kernel
            .targets
            .iter()
            .map(String::as_str)
            .chain(["modules_prepare"])
            .collect();
        let mut turn = Some(
            self.host_crates
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if host_crates::share(self.dir)? {
            turn = None;
        }
        self.make_watched(&what, &log, &targets, || {
            if turn.is_some() && host_crates::made(self.dir) {
                turn = None;
            }
        })?;
        exists(&what, image)?;
        // The configuration has no modules of its own, so that all that modules can link to is in the kernel itself.
        let (symbols, exported) = (
            self.dir.join("vmlinux.symvers"),
            self.dir.join("Module.symvers"),
        );
        fs::copy(&symbols, &exported)?;
        self.symbols()?;
        stamped.record(&stamp)?;
        Ok(stamp)
    }

    /// Keeps of the kernel what names its addresses, without its code.
    fn symbols(&self) -> Result<(), Error> {
        let objcopy = self
            .toolchain
            .command(format!("{}objcopy", self.kernel.cross))
            .arg("--only-keep-debug")
            .arg(self.dir.join("vmlinux"))
            .arg(self.dir.join(SYMBOLS))
            .expression();
        let what = format!("the symbols of {}", self.kernel.name);
        self.run(&what, &self.dir.join("symbols.log"), &objcopy)
    }

    /// What stands in for rustc, if anything does, as it is now and where the tools see it.
    fn rustc(&self) -> Result<Option<PathBuf>, Error> {
        let Some(package) = &self.kernel.rustc else {
            return Ok(None);
        };
        self.task.step("building what stands in for rustc");
        let made = cargo::build_static(package, self.stop).map_err(Error::Rustc)?;
        let (new, program) = (self.dir.join(".rustc"), self.dir.join(package));
        fs::copy(&made, &new)?;
        fs::rename(&new, &program)?;
        Ok(Some(program))
    }
}
