// SPDX-License-Identifier: GPL-2.0-only
//! Copies of what was built, for one run, where no later build touches them.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::scripts::SCRIPTS;
use super::{Builder, Error, KEPT, SYMBOLS};
use crate::config::{Cell, Module, Set};
use crate::copy;
use crate::media::{Media, uimage};

impl Builder<'_> {
    /// Puts what a guest of `cell` with the modules of `set`, which is told `orders`, is booted from into `dest`, where no
    /// later build touches it.
    ///
    /// # Errors
    /// [`Error::Missing`] for a module that was not made, [`Error::Io`].
    pub fn publish(
        &self,
        cell: &Cell,
        set: &Set,
        orders: &dyn Fn(&Set) -> Vec<String>,
        dest: &Path,
    ) -> Result<Media, Error> {
        fs::create_dir_all(dest)?;
        if let Some(exporter) = &set.of
            && !self.tree.join(&exporter.file).is_file()
        {
            return Err(Error::NoExporter {
                exporter: exporter.name.clone(),
                file: exporter.file.clone(),
            });
        }
        let with_modules = match &set.own {
            Some(own) => Some(set.with_own_modules(self.own_modules(&own.dir)?)),
            None => None,
        };
        let set = with_modules.as_ref().unwrap_or(set);
        let copy = |file: &Path| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let to = dest.join(format!("{}-{name}", self.kernel.name));
            // Another cell of this kernel may have it there already.
            if !to.exists() {
                let kept = keep(&self.dir.join(file), &self.dir.join(KEPT))?;
                // Not every file system has links.
                fs::hard_link(&kept, &to).or_else(|_| fs::copy(&kept, &to).map(drop))?;
            }
            Ok::<_, Error>(to)
        };
        Ok(Media {
            image: match cell.qemu.load {
                Some(load) => {
                    // Another kernel may be booted on this cell, in the same run.
                    let name = format!("{}-{}-uImage", self.kernel.name, cell.name);
                    self.wrap(&dest.join(name), load)?
                }
                None => copy(&self.kernel.image)?,
            },
            dtb: cell.qemu.dtb.as_deref().map(copy).transpose()?,
            initramfs: self.initramfs(set, &orders(set), dest)?,
            symbols: copy(Path::new(SYMBOLS))?,
            modules: self.copy_modules(set, dest)?,
            scripts: self.copy_scripts(dest)?,
            loaded: set.tests.iter().map(Module::file_name).collect(),
            own: set.own_modules().map(Module::file_name).collect(),
            disks: Vec::new(),
            devices: set.devices.arguments(&cell.qemu.machine),
        })
    }

    /// Writes the kernel image with a header that says where it is put.
    fn wrap(&self, to: &Path, load: u32) -> Result<PathBuf, Error> {
        let image = self.dir.join(&self.kernel.image);
        let bare = fs::read(&image)?;
        fs::write(to, uimage::wrap(&bare, load))?;
        Ok(to.to_owned())
    }

    /// Puts the kernel's gdb scripts where a debugger finds them, if it has some.
    fn copy_scripts(&self, dest: &Path) -> Result<Option<PathBuf>, Error> {
        let made = self.dir.join(SCRIPTS);
        if !self.debug || !made.is_dir() {
            return Ok(None);
        }
        let dir = dest.join(format!("{}-gdb", self.kernel.name));
        copy::files(&made, &dir)?;
        Ok(Some(dir))
    }

    /// Puts the modules of `set` where reports find their symbols.
    fn copy_modules(&self, set: &Set, dest: &Path) -> Result<PathBuf, Error> {
        let dir = dest.join(format!("{}-modules", self.kernel.name));
        fs::create_dir_all(&dir)?;
        for module in set.modules() {
            let to = dir.join(module.file.file_name().unwrap_or_default());
            if !to.exists() {
                let from = self.module_out(&module.dir).join(&module.file);
                fs::copy(&from, &to)?;
            }
        }
        Ok(dir)
    }
}

/// A copy of `file` in `folder` that no build writes to: runs share it, for it is large and the same for all of them until a build
/// makes another one.
fn keep(file: &Path, folder: &Path) -> io::Result<PathBuf> {
    let name = file.file_name().unwrap_or_default();
    let kept = folder.join(name);
    // By content: times and sizes may be the same of another build.
    let hash = |path: &Path| -> io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(fs::File::open(path)?)?;
        Ok(hasher.finalize())
    };
    let now = hash(file)?;
    if hash(&kept).is_ok_and(|kept| kept == now) {
        return Ok(kept);
    }
    fs::create_dir_all(folder)?;
    // The old one stays where runs have it.
    let new = kept.with_added_extension("new");
    fs::copy(file, &new)?;
    fs::rename(&new, &kept)?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_file_is_shared_until_its_content_is_another() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let [built, folder, run] = ["zImage", "kept", "run"].map(|name| dir.path().join(name));
        let read = |path: &Path| fs::read_to_string(path).expect("a file");
        fs::write(&built, "one").expect("written");
        let kept = keep(&built, &folder).expect("kept");
        fs::hard_link(&kept, &run).expect("linked");
        assert_eq!(keep(&built, &folder).expect("kept"), kept);
        assert_eq!(read(&kept), "one");
        // What a run has is not written again.
        let same = |a: &Path, b: &Path| {
            use std::os::unix::fs::MetadataExt as _;
            let number = |path: &Path| path.metadata().expect("a file").ino();
            number(a) == number(b)
        };
        assert!(same(&kept, &run));

        // A build of the same size within the same tick of the clock.
        let time = built.metadata().and_then(|data| data.modified());
        let time = time.expect("it has a time");
        fs::write(&built, "two").expect("written");
        let file = fs::File::options()
            .write(true)
            .open(&built)
            .expect("a file");
        file.set_modified(time).expect("set");
        assert_eq!(keep(&built, &folder).expect("kept"), kept);
        assert_eq!((read(&kept), read(&run)), ("two".into(), "one".into()));
        let names = fs::read_dir(&folder).expect("a folder").count();
        assert_eq!(names, 1, "something is left beside it");
    }
}
