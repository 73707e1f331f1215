// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's own gdb scripts, and the types that they ask gdb for.

use std::io;
use std::path::Path;

use fs_err as fs;

use super::{Builder, Error, exists};
use crate::copy;
use crate::progress::Progress as _;
use crate::stamp::{Inputs, Stamp, Stamped};

/// In a build folder, what gdb reads.
pub(super) const SCRIPTS: &str = "gdb";

/// Where a kernel tree has them, and where they look for each other.
const PLACE: &str = "scripts/gdb";

/// The object that tells gdb the types.
pub(crate) const TYPES: &str = "types.o";

/// What gdb runs of them: it loads the others.
pub(crate) const LOADER: &str = "scripts/gdb/vmlinux-gdb.py";

impl Builder<'_> {
    /// Makes them for a debugger, which does without where this tree's can't be used.
    pub(super) fn scripts(&self, kernel: &Stamp) -> Result<(), Error> {
        let dir = self.dir.join(SCRIPTS);
        match self.make_scripts(kernel, &dir) {
            Err(error) if error.is_of_the_source() => {
                // What is left of them is not used.
                fs::remove_dir_all(&dir)?;
                self.task.warn(&format!(
                    "gdb goes without the kernel's own commands: {error}"
                ));
                Ok(())
            }
            made => made,
        }
    }

    fn make_scripts(&self, kernel: &Stamp, dir: &Path) -> Result<(), Error> {
        let what = format!("gdb scripts for {}", self.kernel.name);
        let (ours, theirs) = (self.project.gdb(), self.tree.join(PLACE));
        exists(&what, theirs.join("vmlinux-gdb.py"))?;
        let inputs = Inputs::new().text(kernel.to_string());
        let inputs = inputs.files(&ours, |_| true)?.files(&theirs, |_| true)?;
        let (stamp, stamped) = (inputs.stamp(), Stamped::new(dir, "scripts"));
        if stamped.is(&stamp) {
            return Ok(());
        }
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        self.task.step("building what gdb knows of the kernel");
        copy::files(&ours, dir)?;
        copy::files(&theirs, &dir.join(PLACE))?;
        let m = format!("M={}", dir.display());
        self.make(&what, &self.dir.join("gdb.log"), &[&m, "modules"])?;
        exists(&what, dir.join(TYPES))?;
        exists(&what, dir.join(PLACE).join("linux/constants.py"))?;
        stamped.record(&stamp)?;
        Ok(())
    }
}
