// SPDX-License-Identifier: GPL-2.0-only
//! The guest's first program, and the archive that it unpacks as its root.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Builder, Error, STRIPPED, exists};
use crate::config::Set;
use crate::media::{initramfs, orders};
use crate::progress::Progress as _;
use crate::stamp::{Inputs, Stamped};

impl Builder<'_> {
    /// The guest's first program.
    pub(super) fn init(&self) -> Result<PathBuf, Error> {
        let sources = self.project.guest();
        // What guest and kernel share.
        let headers = self.project.overlay().join("include");
        let inputs = Inputs::new()
            .text(self.toolchain.id())
            .text(&self.kernel.cross)
            .files(&sources, |_| true)?
            .files(&headers, |_| true)?;
        // The kernel has folders of its own in its build folder, `init` among them.
        let dir = self.dir.join("guest");
        fs::create_dir_all(&dir)?;
        let (stamp, stamped) = (inputs.stamp(), Stamped::new(&dir, "init"));
        let out = dir.join("init");
        if stamped.is(&stamp) && out.is_file() {
            return Ok(out);
        }
        self.task.step("building the guest's first program");
        let mut files: Vec<PathBuf> = fs::read_dir(&sources)
            .and_then(|dir| dir.map(|entry| entry.map(|e| e.path())).collect())?;
        files.retain(|f| f.extension().is_some_and(|e| e == "c"));
        files.sort();
        let mut args: Vec<String> = ["-Os", "-static", "-s", "-Wall", "-Wextra", "-Werror"]
            .map(String::from)
            .to_vec();
        args.push(format!("-I{}", headers.display()));
        args.extend(["-o".to_owned(), out.display().to_string()]);
        args.extend(files.iter().map(|f| f.display().to_string()));
        let gcc = self
            .toolchain
            .command(format!("{}gcc", self.kernel.cross))
            .args(args)
            .expression();
        self.run(
            &format!("the guest's first program for {}", self.kernel.name),
            &dir.join("init.log"),
            &gcc,
        )?;
        stamped.record(&stamp)?;
        Ok(out)
    }

    /// The archive that a guest unpacks as its root: the first program, its orders, and the modules of `set`.
    pub(super) fn initramfs(
        &self,
        set: &Set,
        orders: &[String],
        dest: &Path,
    ) -> Result<PathBuf, Error> {
        let init = initramfs::File {
            path: "init".into(),
            mode: 0o755,
            bytes: fs::read(self.init()?)?,
        };
        let orders = initramfs::File {
            path: orders::FILE.into(),
            mode: 0o644,
            bytes: orders
                .iter()
                .flat_map(|order| [order, "\n"])
                .collect::<String>()
                .into(),
        };
        let mut files = vec![init, orders];
        if let Some(own) = &set.own {
            files.extend(self.own_program(own)?);
        }
        if let Some(program) = &set.program {
            // One of the user's own is absolute, and stays as it is.
            let file = self.project.guest().join("programs").join(&program.file);
            files.push(self.program(&file, program.path().trim_start_matches("/bin/"))?);
        }
        if let Some(userland) = self.userland {
            files.extend(self.userland(userland)?);
        }
        for module in set.modules() {
            let what = format!("modules for {}", self.kernel.name);
            let stripped = self.module_out(&module.dir).join(STRIPPED);
            let path = exists(&what, stripped.join(&module.file))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.push(initramfs::File {
                path: format!("lib/modules/{name}"),
                mode: 0o644,
                bytes: fs::read(&path)?,
            });
        }
        let out = dest.join(format!("{}-{}.cpio", self.kernel.name, set.name));
        let file = fs::File::create(&out)?;
        let mut archive = io::BufWriter::new(file);
        initramfs::write(&mut archive, &files).and_then(|()| archive.flush())?;
        Ok(out)
    }
}
