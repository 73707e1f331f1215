// SPDX-License-Identifier: GPL-2.0-only
//! A module out of tree, and the program that tries it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Builder, Error, exists, io_error};
use crate::boot::initramfs;
use crate::config::Own;

impl Builder<'_> {
    /// The modules that make has made in `dir`, below it, in the order in which its makefile names them.
    pub(super) fn own_modules(&self, dir: &Path) -> Result<Vec<PathBuf>, Error> {
        let order = self.module_out(dir).join("modules.order");
        let text = fs::read_to_string(&order).map_err(io_error("read", &order))?;
        let files = modules_of(&text);
        if files.is_empty() {
            return Err(Error::Missing {
                what: format!("modules in {}", dir.display()),
                missing: dir.join("*.ko"),
            });
        }
        Ok(files)
    }

    /// The program of `own` as a file of the guest; one that is C source is compiled first.
    pub(super) fn own_program(&self, own: &Own) -> Result<Option<initramfs::File>, Error> {
        let (Some(init), Some(name)) = (&own.init, own.program()) else {
            return Ok(None);
        };
        let what = format!("{} for {}", init.display(), self.kernel.name);
        let program = if init.extension().is_some_and(|e| e == "c") {
            let out = self.dir.join("guest").join(format!("own-{name}"));
            let gcc = self
                .toolchain
                .command(format!("{}gcc", self.kernel.cross))
                .args(["-O2", "-static", "-s", "-o"])
                .arg(&out)
                .arg(init)
                .expression();
            self.run(&what, &self.dir.join("guest/own.log"), &gcc)?;
            exists(&what, out)?
        } else {
            init.clone()
        };
        Ok(Some(initramfs::File {
            path: format!("bin/{name}"),
            mode: 0o755,
            bytes: fs::read(&program).map_err(io_error("read", &program))?,
        }))
    }
}

/// What `modules.order` names, as files.
fn modules_of(order: &str) -> Vec<PathBuf> {
    let names = order.lines().map(str::trim).filter(|l| !l.is_empty());
    names
        .map(|name| Path::new(name.trim_start_matches("./")).with_extension("ko"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_stand_in_the_order_of_the_makefile() {
        assert_eq!(
            modules_of("./bus/a.o\nb.o\n"),
            [PathBuf::from("bus/a.ko"), PathBuf::from("b.ko")]
        );
        assert!(modules_of("\n").is_empty());
    }
}
