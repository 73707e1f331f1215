// SPDX-License-Identifier: GPL-2.0-only
//! Boots a guest under QEMU and watches its serial console until it ends or exceeds a limit.

pub mod initramfs;
mod watch;

use std::ffi::OsString;
use std::path::Path;

use crate::config::Cell;

pub use watch::{Booted, End, Error, Limits, watch};

/// The program that runs a cell's machine.
pub fn program(cell: &Cell) -> String {
    format!("qemu-system-{}", cell.qemu.system)
}

/// What a guest is booted from.
#[derive(Debug, Clone, Copy)]
pub struct Media<'a> {
    /// The kernel's build folder, below which the image and the device tree lie.
    pub build: &'a Path,
    /// The kernel image.
    pub image: &'a Path,
    /// The initramfs.
    pub initramfs: &'a Path,
}

/// QEMU's arguments: the cell's machine, its console on standard input and output, nothing beside it.
///
/// The option ROMs of network and display devices are not among the toolchain's packages, so that these devices have
/// to be left out by name.
pub fn arguments(cell: &Cell, media: Media<'_>, command_line: &str) -> Vec<OsString> {
    let qemu = &cell.qemu;
    let mut args: Vec<OsString> = vec!["-M".into(), qemu.machine.as_str().into()];
    if let Some(cpu) = &qemu.cpu {
        args.extend(["-cpu".into(), cpu.into()]);
    }
    args.extend(["-m".into(), qemu.memory_mib.to_string().into()]);
    args.extend(
        [
            "-display",
            "none",
            "-serial",
            "stdio",
            "-monitor",
            "none",
            "-nic",
            "none",
            "-no-reboot",
        ]
        .map(Into::into),
    );
    args.extend(qemu.args.iter().map(Into::into));
    args.extend(["-kernel".into(), media.build.join(media.image).into()]);
    if let Some(dtb) = &qemu.dtb {
        args.extend(["-dtb".into(), media.build.join(dtb).into()]);
    }
    args.extend([
        "-initrd".into(),
        media.initramfs.into(),
        "-append".into(),
        command_line.into(),
    ]);
    args
}

/// The kernel command line of a guest of `cell`: console, end the run at a panic, then `orders`.
pub fn command_line(cell: &Cell, orders: &[String]) -> String {
    let mut line = format!("console={} panic=-1 oops=panic", cell.console);
    for order in orders {
        line.push(' ');
        line.push_str(order);
    }
    line
}
