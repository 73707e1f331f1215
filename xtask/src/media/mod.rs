// SPDX-License-Identifier: GPL-2.0-only
//! What a guest is booted from: a kernel, an initramfs with modules and orders, disks.

pub mod initramfs;
pub mod orders;
pub mod uimage;

use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a guest is booted from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// The kernel image.
    pub image: PathBuf,
    /// The device tree, for machines that want one.
    pub dtb: Option<PathBuf>,
    /// The initramfs.
    pub initramfs: PathBuf,
    /// The kernel's symbols.
    pub symbols: PathBuf,
    /// The folder with the modules as they were built.
    pub modules: PathBuf,
    /// The folder with the kernel's gdb scripts, for a debugger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scripts: Option<PathBuf>,
    /// The files of those that the guest loads, in that order.
    pub loaded: Vec<String>,
    /// Those among them that are the user's, out of tree.
    #[serde(default)]
    pub own: Vec<String>,
    /// The guest's disks: what QEMU calls each, and its file.
    #[serde(default)]
    pub disks: Vec<(String, PathBuf)>,
    /// QEMU's arguments for what the guest has beside its cell's machine.
    #[serde(default)]
    pub devices: Vec<String>,
}

/// In the folder of a boot, its [`Media`].
const MEDIA: &str = "media.json";

impl Media {
    /// Leaves in `folder` what is booted, for [`Media::read`]. What lies in the run's folder, which `folder` is in, is found there too
    /// where that has been copied to.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        let media = self.mapped(|file| {
            let inside = folder.parent().map(|run| file.strip_prefix(run));
            match inside {
                Some(Ok(inside)) => Path::new("..").join(inside),
                _ => file.to_owned(),
            }
        });
        fs_err::write(folder.join(MEDIA), serde_json::to_vec_pretty(&media)?)
    }

    /// The same with other paths.
    fn mapped(&self, other: impl Fn(&Path) -> PathBuf) -> Media {
        Media {
            image: other(&self.image),
            dtb: self.dtb.as_deref().map(&other),
            initramfs: other(&self.initramfs),
            symbols: other(&self.symbols),
            modules: other(&self.modules),
            scripts: self.scripts.as_deref().map(&other),
            loaded: self.loaded.clone(),
            own: self.own.clone(),
            disks: (self.disks.iter())
                .map(|(id, file)| (id.clone(), other(file)))
                .collect(),
            devices: self.devices.clone(),
        }
    }

    /// The same with disks of its own, in `folder`: a guest writes to them.
    ///
    /// # Errors
    /// They can't be copied.
    pub fn with_disks_in(&self, folder: &Path) -> std::io::Result<Media> {
        let disks = self.disks.iter().map(|(id, file)| {
            let own = folder.join(format!("{id}.img"));
            // Holes stay holes.
            let mut from = fs_err::File::open(file)?;
            let mut to = fs_err::File::create(&own)?;
            copy_with_holes(&mut from, &mut to)?;
            Ok((id.clone(), own))
        });
        Ok(Media {
            disks: disks.collect::<std::io::Result<_>>()?,
            ..self.clone()
        })
    }

    /// What was booted in `folder`, if all of it is there still.
    pub fn read(folder: &Path) -> Option<Media> {
        let media = fs_err::read(folder.join(MEDIA)).ok()?;
        let media: Media = serde_json::from_slice(&media).ok()?;
        let media = media.mapped(|file| match file.strip_prefix("..") {
            Ok(inside) => folder.parent().unwrap_or(folder).join(inside),
            Err(_) => file.to_owned(),
        });
        let files = [&media.image, &media.initramfs, &media.symbols];
        let files = files
            .into_iter()
            .chain(media.disks.iter().map(|(_, file)| file));
        let there = files.chain(&media.dtb).all(|file| file.is_file());
        (there && media.modules.is_dir()).then_some(media)
    }
}

/// Copies `from` to `to`, which is new, without its runs of zeros.
fn copy_with_holes(from: &mut fs_err::File, to: &mut fs_err::File) -> std::io::Result<()> {
    let mut block = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        let read = from.read(&mut block)?;
        if read == 0 {
            return to.set_len(size);
        }
        if block[..read].iter().any(|byte| *byte != 0) {
            to.write_all(&block[..read])?;
        } else {
            to.seek(std::io::SeekFrom::Current(read as i64))?;
        }
        size += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_are_read_back_as_long_as_all_of_them_are_there() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let [run, copy] = ["run", "copy"].map(|name| dir.path().join(name));
        let boot = run.join("boot");
        fs_err::create_dir_all(&boot).expect("created");
        let file = |name: &str| {
            let path = run.join(name);
            fs_err::write(&path, name).expect("written");
            path
        };
        // One that another run has left.
        let symbols = dir.path().join("symbols");
        fs_err::write(&symbols, "symbols").expect("written");
        let media = Media {
            image: file("image"),
            dtb: Some(file("dtb")),
            initramfs: file("cpio"),
            symbols,
            modules: run.clone(),
            scripts: None,
            loaded: vec!["b.ko".into(), "a.ko".into()],
            own: vec!["b.ko".into()],
            disks: vec![("d".into(), file("disk"))],
            devices: Vec::new(),
        };
        assert_eq!(Media::read(&boot), None);
        media.write(&boot).expect("written");
        assert_eq!(Media::read(&boot).as_ref(), Some(&media));
        // An artefact lies elsewhere.
        fs_err::rename(&run, &copy).expect("moved");
        let there = Media::read(&copy.join("boot")).expect("all is there");
        assert_eq!(there.image, copy.join("image"));
        assert_eq!(there.modules, copy);
        assert_eq!(there.symbols, media.symbols);
        assert_eq!(there.disks[0].1, copy.join("disk"));
        fs_err::remove_file(copy.join("dtb")).expect("removed");
        assert_eq!(Media::read(&copy.join("boot")), None);
    }
}
