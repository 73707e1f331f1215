// SPDX-License-Identifier: GPL-2.0-only
//! Boots a guest under QEMU and watches its serial console until it ends or exceeds a limit.

pub mod initramfs;
pub mod orders;
pub mod uimage;
mod watch;

use std::ffi::OsString;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Cell;

pub use watch::{Booted, End, Error, watch};

/// The program that runs a cell's machine.
pub fn program(cell: &Cell) -> String {
    format!("qemu-system-{}", cell.qemu.system)
}

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
    /// The files of those that the guest loads, in that order.
    pub loaded: Vec<String>,
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
            loaded: self.loaded.clone(),
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

/// What stands at the other end of the guest's serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Console {
    /// A log: nothing is ever typed.
    Log,
    /// The user's terminal, with QEMU's own keys (`C-a h` lists them).
    Terminal,
}

/// QEMU's arguments: the cell's machine, its serial line, and nothing that the cell does not ask for.
///
/// Network and display devices would want option ROMs, which are not among the toolchain's packages.
pub fn arguments(
    cell: &Cell,
    media: &Media,
    console: Console,
    command_line: &str,
) -> Vec<OsString> {
    let qemu = &cell.qemu;
    let mut args: Vec<OsString> = vec!["-M".into(), qemu.machine.as_str().into()];
    if let Some(cpu) = &qemu.cpu {
        args.extend(["-cpu".into(), cpu.into()]);
    }
    args.extend(["-m".into(), qemu.memory_mib.to_string().into()]);
    args.extend(["-display", "none", "-nic", "none", "-no-reboot"].map(Into::into));
    let serial: &[&str] = match console {
        Console::Log => &["-serial", "stdio", "-monitor", "none"],
        Console::Terminal => &["-serial", "mon:stdio"],
    };
    args.extend(serial.iter().map(Into::into));
    args.extend(qemu.args.iter().map(Into::into));
    args.extend(["-kernel".into(), media.image.clone().into()]);
    if let Some(dtb) = &media.dtb {
        args.extend(["-dtb".into(), dtb.into()]);
    }
    for (id, file) in &media.disks {
        let file = file.display().to_string().replace(',', ",,");
        let drive = format!("if=none,format=raw,cache=unsafe,id={id},file={file}");
        args.extend(["-drive".into(), drive.into()]);
    }
    args.extend(media.devices.iter().map(Into::into));
    args.extend([
        "-initrd".into(),
        media.initramfs.clone().into(),
        "-append".into(),
        command_line.into(),
    ]);
    args
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

/// A command line of which the guest's kernel would see the beginning only.
#[derive(Debug, thiserror::Error)]
#[error(
    "failed to boot {cell}: its machine passes {most} bytes of command line to the kernel, and {} would be needed; use a shorter --filter: {line}",
    line.len()
)]
pub struct TooLong {
    cell: String,
    most: usize,
    line: String,
}

/// The kernel command line of a guest of `cell`: its console, an end of the run at a panic, and `words` for the kernel
/// itself. What the guest's first program is told stands in [`orders`].
///
/// Time stamps let the KTAP reader tell where a line of the kernel's begins that was torn.
///
/// # Errors
/// [`TooLong`].
pub fn command_line(cell: &Cell, words: &[String]) -> Result<String, TooLong> {
    let mut line = format!("console={} panic=-1 printk.time=1", cell.console);
    for words in cell.command_line.iter().chain(words) {
        line.push(' ');
        line.push_str(words);
    }
    if line.len() > cell.command_line_max {
        return Err(TooLong {
            cell: cell.name.clone(),
            most: cell.command_line_max,
            line,
        });
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::cell;

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
            loaded: vec!["a.ko".into()],
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

    #[test]
    fn a_command_line_that_firmware_would_cut_off_is_refused() {
        let mut cell = cell();
        let words = ["kunit.filter_glob=a_*".to_owned()];
        let line = command_line(&cell, &words).expect("short enough");
        assert_eq!(
            line,
            "console=ttyAMA0 panic=-1 printk.time=1 kunit.filter_glob=a_*"
        );
        cell.command_line_max = line.len();
        assert!(command_line(&cell, &words).is_ok());
        cell.command_line_max -= 1;
        let said = command_line(&cell, &words).unwrap_err().to_string();
        assert!(said.contains("passes 59 bytes"), "{said}");
        assert!(said.contains("60 would be needed"), "{said}");
    }
}
