// SPDX-License-Identifier: GPL-2.0-only
//! Modules, built as external ones.

use std::path::{Path, PathBuf};

use fs_err as fs;
use walkdir::WalkDir;

use super::{Builder, Error, LINES, STRIPPED, links};
use crate::progress::Progress as _;
use crate::stamp::{Inputs, Stamp, Stamped};

/// The same as [`LINES`] for modules in a debugger, which shows their variables too.
const VARIABLES: [&str; 3] = ["KCFLAGS=-g", "KAFLAGS=-g1", "KRUSTFLAGS=-Cdebuginfo=2"];

/// The same where something stands in for rustc: it knows lines, and variables only of C.
const VARIABLES_OF_C: [&str; 3] = [VARIABLES[0], LINES[1], LINES[2]];

impl Builder<'_> {
    /// All modules.
    pub(super) fn modules(&self, kernel: &Stamp) -> Result<(), Error> {
        let what = format!("modules for {}", self.kernel.name);
        let overlay = self.project.overlay();
        for dir in self.module_dirs {
            // The overlay only adds to a tree, so a folder is the one's or the other's.
            let ours = overlay.join(dir);
            let source = if ours.exists() {
                ours
            } else {
                self.tree.join(dir)
            };
            let inputs = Inputs::new()
                .text(kernel.to_string())
                .text(self.debug_information().join(" "));
            let inputs = inputs.files(&source, |_| true)?;
            let out = self.module_out(dir);
            fs::create_dir_all(&out)?;
            let (stamp, stamped) = (inputs.stamp(), Stamped::new(&out, "modules"));
            if stamped.is(&stamp) {
                continue;
            }
            stamped.forget()?;
            links::sweep(self.dir)?;
            self.task.step("building the modules");
            let m = format!("M={}", self.tree.join(dir).display());
            let mo = format!("MO={}", out.display());
            let mut args = vec![m.as_str(), &mo];
            // The last of two that set the same variable counts.
            args.extend(self.debug_information());
            args.push("modules");
            self.make(&what, &self.dir.join("modules.log"), &args)?;
            self.strip(&what, &out)?;
            stamped.record(&stamp)?;
        }
        Ok(())
    }

    /// What modules are compiled with, for those who look into them.
    fn debug_information(&self) -> [&'static str; 3] {
        match (self.debug, &self.kernel.rustc) {
            (false, _) => LINES,
            (true, None) => VARIABLES,
            (true, Some(_)) => VARIABLES_OF_C,
        }
    }

    /// Where `make M=dir` puts what it makes.
    pub(super) fn module_out(&self, dir: &Path) -> PathBuf {
        let debug = if self.debug { "-debug" } else { "" };
        let modules = self.dir.join(format!("modules{debug}"));
        // A folder out of tree is known by its absolute path.
        match dir.strip_prefix("/") {
            Ok(below) => modules.join("own").join(below),
            Err(_) => modules.join(dir),
        }
    }

    /// Makes copies of the modules in `out` for guests, which need no line tables.
    fn strip(&self, what: &str, out: &Path) -> Result<(), Error> {
        let stripped = out.join(STRIPPED);
        let modules = WalkDir::new(out)
            .into_iter()
            .filter_map(Result::ok)
            .map(walkdir::DirEntry::into_path)
            .filter(|p| p.extension().is_some_and(|e| e == "ko") && !p.starts_with(&stripped));
        for module in modules {
            let copy = stripped.join(module.strip_prefix(out).unwrap_or(&module));
            let dir = copy.parent().unwrap_or(&stripped);
            fs::create_dir_all(dir)?;
            let strip = self
                .toolchain
                .command(format!("{}strip", self.kernel.cross))
                .args(["--strip-debug".as_ref(), module.as_os_str()])
                .args(["-o".as_ref(), copy.as_os_str()])
                .expression();
            self.run(what, &self.dir.join("strip.log"), &strip)?;
        }
        Ok(())
    }
}
