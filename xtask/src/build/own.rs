// SPDX-License-Identifier: GPL-2.0-only
//! A module out of tree, and the program that tries it.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Builder, Error, exists};
use crate::config::Own;
use crate::media::initramfs;
use crate::stamp::{Inputs, Stamped};

impl Builder<'_> {
    /// The modules that make has made in `dir`, below it, in the order in which its makefile names them.
    pub(super) fn own_modules(&self, dir: &Path) -> Result<Vec<PathBuf>, Error> {
        let order = self.module_out(dir).join("modules.order");
        let text = fs::read_to_string(&order)?;
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
        self.program(init, &name).map(Some)
    }

    /// `file` as `/bin/NAME` of the guest; one that is C source is compiled first.
    pub(super) fn program(&self, init: &Path, name: &str) -> Result<initramfs::File, Error> {
        let what = format!("{} for {}", init.display(), self.kernel.name);
        let program = if init.extension().is_some_and(|e| e == "c") {
            self.compiled(init, name, &what)?
        } else {
            init.to_owned()
        };
        Ok(initramfs::File {
            path: format!("bin/{name}"),
            mode: 0o755,
            bytes: fs::read(&program)?,
        })
    }

    /// The program that C source is compiled to.
    fn compiled(&self, source: &Path, name: &str, what: &str) -> Result<PathBuf, Error> {
        let headers = self.project.overlay().join("include");
        let beside = source.parent().unwrap_or(Path::new("."));
        let header = |path: &Path| path.extension().is_some_and(|e| e == "h");
        // The kernel's own programs for user space, which those of the guest may include.
        let selftests = self.tree.join("tools/testing/selftests");
        let inputs = Inputs::new()
            .text(self.toolchain.id())
            .text(self.tree_id)
            .text(&self.kernel.cross)
            .file(source)?
            .files(beside, header)?
            .files(&headers, |_| true)?;
        let dir = self.dir.join("guest");
        let out = dir.join(format!("bin-{name}"));
        let (stamp, stamped) = (inputs.stamp(), Stamped::new(&dir, &format!("bin-{name}")));
        if stamped.is(&stamp) && out.is_file() {
            return Ok(out);
        }
        let gcc = self
            .toolchain
            .command(format!("{}gcc", self.kernel.cross))
            .args(["-O2", "-static", "-s", "-I"])
            .arg(headers)
            .arg("-idirafter")
            .arg(selftests)
            .arg("-o")
            .arg(&out)
            .arg(source)
            .expression();
        self.run(what, &dir.join(format!("{name}.log")), &gcc)?;
        let out = exists(what, out)?;
        stamped.record(&stamp)?;
        Ok(out)
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
