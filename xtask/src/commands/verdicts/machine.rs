// SPDX-License-Identifier: GPL-2.0-only
//! What the machine does to a run: its disk is full, its QEMU dies.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Output;

use rustix::process::{Pid, Signal, kill_process};

use super::super::Context;
use super::super::prepare;
use super::super::scratch::{self, Scratch};
use crate::config::Machine;
use crate::exit::Failure;
use crate::follow::with_started;
use crate::results::Run;

/// Mounts a disk of `$1` MiB at `$2` and runs the rest.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o "size=$1m" tmpfs "$2" && shift 2 && exec "$@""#;

/// Runs tests with `args` on `scratch` while this happens to them: what they print, and their report, if there is one.
pub(super) fn run(
    context: &Context,
    scratch: &Scratch,
    machine: &Machine,
    args: &[OsString],
) -> Result<(Output, Option<Run>), Failure> {
    let mut words = scratch.words(context, &scratch.test(args))?;
    if machine.at().is_some() && !context.global.verbose {
        words.push("--verbose".into());
    }
    let mut small = None;
    if let Machine::SmallDisk { folder, mib, .. } = machine {
        let folder = prepare::cache(context)?.folder(folder)?;
        let mount = [
            "sh".into(),
            "-c".into(),
            ON_A_SMALL_DISK.into(),
            "sh".into(),
            mib.to_string().into(),
            folder.clone().into(),
        ];
        // Where this user may mount what only these processes see.
        let own: &[&str] = if rustix::process::geteuid().is_root() {
            &["unshare", "--mount"]
        } else {
            &["unshare", "--user", "--map-root-user", "--mount"]
        };
        words.splice(0..0, own.iter().map(OsString::from).chain(mount));
        small = Some(folder);
    }
    let mut waits_for = machine.at();
    let run = scratch::again(context, &words, |printed| {
        let is_there = |text: &str| printed.windows(text.len()).any(|w| w == text.as_bytes());
        if waits_for.is_some_and(is_there) {
            waits_for = None;
            match (machine, &small) {
                (Machine::SpoiledPlugin { .. }, _) => spoil_plugin(qemu()?)?,
                (Machine::Stopped { .. }, _) => kill_process(qemu()?, Signal::STOP)?,
                (Machine::SmallDisk { .. }, Some(folder)) => fill(folder)?,
                (Machine::SmallDisk { .. }, None) => {}
            }
        }
        Ok(())
    })?;
    if let Some(text) = waits_for {
        return Err(Failure::infra(format!(
            "failed to break the run: no guest printed \"{text}\""
        )));
    }
    Ok((run, scratch.report()?))
}

/// All processes that this one has started.
fn started() -> Vec<u32> {
    with_started(vec![std::process::id()]).split_off(1)
}

/// Takes what is left of the disk that the run sees in `folder`.
fn fill(folder: &Path) -> io::Result<()> {
    let inside = folder.strip_prefix("/").unwrap_or(folder);
    let run = started().first().copied().unwrap_or_default();
    let filler = Path::new("/proc").join(run.to_string()).join("root");
    let mut filler = fs_err::File::create(filler.join(inside).join("filler"))?;
    let zeros = [0; 4096];
    loop {
        match filler.write_all(&zeros) {
            Err(e) if e.kind() == io::ErrorKind::StorageFull => return Ok(()),
            written => written?,
        }
    }
}

/// The QEMU that runs.
fn qemu() -> io::Result<Pid> {
    let is_qemu = |pid: &u32| {
        let name = fs_err::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name.starts_with("qemu-system"))
    };
    let qemu = started().into_iter().find(is_qemu);
    let qemu = qemu.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    qemu.ok_or_else(|| io::Error::other("there is no QEMU"))
}

/// Overwrites the code of the cache model in the memory of QEMU, which dies when it next calls it.
fn spoil_plugin(qemu: Pid) -> io::Result<()> {
    let pid = qemu.as_raw_nonzero();
    let maps = fs_err::read_to_string(format!("/proc/{pid}/maps"))?;
    let code = maps.lines().find_map(code_of_plugin);
    let code = code.ok_or_else(|| io::Error::other("QEMU has no plugin"))?;
    let memory = fs_err::OpenOptions::new()
        .write(true)
        .open(format!("/proc/{pid}/mem"))?;
    let zeros = vec![0; usize::try_from(code.end - code.start).unwrap_or(0)];
    memory.file().write_all_at(&zeros, code.start)
}

/// Where the plugin's code is, if a line of a process's maps says so.
fn code_of_plugin(line: &str) -> Option<Range<u64>> {
    let mut words = line.split_whitespace();
    let (range, mode) = (words.next()?, words.next()?);
    let (start, end) = range.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let is = mode.contains('x') && line.ends_with("/libvcsan.so");
    is.then_some(number(start)?..number(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_the_plugin_is_found_and_nothing_else() {
        let file = "/runs/1/media/libvcsan.so";
        let code = format!("7f00-7f80 r-xp 00001000 fe:00 1    {file}");
        assert_eq!(code_of_plugin(&code), Some(0x7f00..0x7f80));
        let data = format!("7f80-7f90 rw-p 00001000 fe:00 1    {file}");
        assert_eq!(code_of_plugin(&data), None);
        for other in ["7f00-7f80 r-xp 0 fe:00 1 /usr/bin/qemu", "x", ""] {
            assert_eq!(code_of_plugin(other), None);
        }
    }
}
