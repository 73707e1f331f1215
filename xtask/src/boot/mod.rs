// SPDX-License-Identifier: GPL-2.0-only
//! Boots a guest under QEMU and watches its serial console until it ends or exceeds a limit.

mod watch;

use std::ffi::OsString;

use crate::config::Cell;
use crate::media::Media;

pub use watch::{Booted, End, Error, watch};

/// The program that runs a cell's machine.
pub fn program(cell: &Cell) -> String {
    format!("qemu-system-{}", cell.qemu.system)
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
/// itself. What the guest's first program is told stands in
/// [`crate::media::orders`].
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

    fn media() -> Media {
        Media {
            image: "/m/zImage".into(),
            dtb: None,
            initramfs: "/m/initramfs".into(),
            symbols: "/m/vmlinux".into(),
            modules: "/m/modules".into(),
            scripts: None,
            loaded: Vec::new(),
            disks: Vec::new(),
            devices: Vec::new(),
            own: Vec::new(),
        }
    }

    fn line(cell: &Cell, media: &Media, console: Console) -> String {
        let words = arguments(cell, media, console, "console=ttyAMA0 quiet");
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join("|")
    }

    #[test]
    fn a_guest_has_a_serial_line_and_nothing_that_its_cell_does_not_ask_for() {
        assert_eq!(
            line(&cell(), &media(), Console::Log),
            "-M|versatilepb|-m|128|-display|none|-nic|none|-no-reboot|-serial|stdio|-monitor|none|\
             -kernel|/m/zImage|-initrd|/m/initramfs|-append|console=ttyAMA0 quiet"
        );
        let typed = line(&cell(), &media(), Console::Terminal);
        assert!(typed.contains("|-serial|mon:stdio|-kernel|"), "{typed}");
        assert!(!typed.contains("-monitor"), "{typed}");
    }

    #[test]
    fn a_guest_has_what_its_cell_and_its_set_ask_for() {
        let mut cell = cell();
        cell.qemu.cpu = Some("arm926".into());
        cell.qemu.args = vec!["-icount".into(), "shift=1".into()];
        let media = Media {
            dtb: Some("/m/board.dtb".into()),
            disks: vec![("xfs".into(), "/m,1/xfs".into())],
            devices: vec!["-device".into(), "edu".into()],
            ..media()
        };
        assert_eq!(
            line(&cell, &media, Console::Log),
            "-M|versatilepb|-cpu|arm926|-m|128|-display|none|-nic|none|-no-reboot|-serial|stdio|-monitor|none|\
             -icount|shift=1|-kernel|/m/zImage|-dtb|/m/board.dtb|\
             -drive|if=none,format=raw,cache=unsafe,id=xfs,file=/m,,1/xfs|-device|edu|\
             -initrd|/m/initramfs|-append|console=ttyAMA0 quiet"
        );
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
