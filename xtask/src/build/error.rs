// SPDX-License-Identifier: GPL-2.0-only
//! Why something could not be built, and whether it or the machine is to blame.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use super::first_error;
use crate::follow::End;
use crate::toolchain::Failed;
use crate::toolchain::command::{says_disk_full, says_out_of_memory};
use crate::{cache, cargo, toolchain};

/// Why something could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tool says that what it was given is wrong.
    #[error("failed to build {what}:\n{first_error}\nall of it is in {}", log.display())]
    Tool {
        /// Kernel, modules or guest, of which kernel.
        what: String,
        /// The first error and what explains it.
        first_error: String,
        /// The whole output.
        log: PathBuf,
    },
    /// A tool failed for want of room or memory, which says nothing of what it was given.
    #[error("failed to build {what}: {lack}; the tools' output is in {}", log.display())]
    Machine {
        /// Kernel, modules or guest, of which kernel.
        what: String,
        /// What there is not enough of, and what to do.
        lack: &'static str,
        /// The whole output.
        log: PathBuf,
    },
    /// Kconfig does not give what the fragments ask for.
    #[error(
        "failed to configure {kernel}: Kconfig dropped {}; a dependency is missing in this tree or its patches",
        dropped.join(", ")
    )]
    Kconfig {
        /// The kernel's name.
        kernel: String,
        /// The assignments that were asked for and not given.
        dropped: Vec<String>,
    },
    /// Make succeeded and left no result.
    #[error("failed to build {what}: make succeeded, but {} does not exist", missing.display())]
    Missing {
        /// Kernel, modules or guest.
        what: String,
        /// What should be there.
        missing: PathBuf,
    },
    /// A Makefile has left something that leads out of the build folder, or that is no file.
    #[error(
        "failed to build in the folder of this kernel: its Makefiles have made {}, which is no file of the folder; it has been removed",
        path.display()
    )]
    Stranger {
        /// What.
        path: PathBuf,
    },
    /// The kernel tree does not have the exporter under test.
    #[error(
        "failed to test {exporter}: this kernel tree has no {}, which configs/exporters/{exporter}.yaml names",
        file.display()
    )]
    NoExporter {
        /// Its name.
        exporter: String,
        /// Its code.
        file: PathBuf,
    },
    /// A disk of the guest could not be made.
    #[error("failed to make the guest's disk {id}")]
    Disk {
        /// Its name in the set of suites.
        id: String,
        /// What the tool said.
        source: Failed,
    },
    /// What stands in for rustc could not be built.
    #[error("failed to build what stands in for rustc")]
    Rustc(#[source] cargo::Error),
    /// The user interrupted the build. The next run goes on from there.
    #[error("interrupted")]
    Interrupted,
    /// The tools can't be used in the kernel's folder.
    #[error("failed to enter the Debian root")]
    Tools(#[from] toolchain::Error),
    /// The system refused something; it says what, and which file.
    #[error(transparent)]
    Io(#[from] cache::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error.into())
    }
}

impl Error {
    /// Whether the thing built is at fault, rather than the machine or the tools.
    pub fn is_of_the_source(&self) -> bool {
        matches!(
            self,
            Error::Tool { .. }
                | Error::Kconfig { .. }
                | Error::Missing { .. }
                | Error::Stranger { .. }
                | Error::NoExporter { .. }
                | Error::Rustc(_)
        )
    }
}

/// `path`, if make has made it.
pub(super) fn exists(what: &str, path: PathBuf) -> Result<PathBuf, Error> {
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::Missing {
            what: what.to_owned(),
            missing: path,
        })
    }
}

/// How much of a tool's output is looked through for its first error, in bytes.
pub(super) const OUTPUT: usize = 16 << 20;

/// Why a tool failed: what it was given, or the machine.
pub(super) fn failed(what: &str, log: &Path, end: End, output: &str) -> Error {
    let lack = if says_disk_full(output) {
        Some("the disk is full; make room there, or give another folder with --cache DIR")
    } else if says_out_of_memory(output) || killed(end) {
        Some("a tool was killed or got no memory; try fewer --jobs")
    } else {
        None
    };
    let (what, log) = (what.to_owned(), log.to_owned());
    match lack {
        Some(lack) => Error::Machine { what, lack, log },
        None => Error::Tool {
            what,
            first_error: first_error::first_error(output),
            log,
        },
    }
}

/// Whether nobody but the system can have ended it.
fn killed(end: End) -> bool {
    matches!(end, End::Ended(status) if status.signal() == Some(9) || status.code() == Some(137))
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;
    use crate::verdict::Verdict;

    #[test]
    fn the_machine_is_told_from_the_source() {
        let status = |raw| End::Ended(ExitStatus::from_raw(raw));
        for (output, end, verdict) in [
            (
                "a.c:1:1: error: no\nmake: *** Error 1",
                status(512),
                Verdict::BuildFailed,
            ),
            (
                "/tmp/x.s: Fatal error: can't write 4 bytes: No space left on device",
                status(512),
                Verdict::Infra,
            ),
            (
                "arm-linux-gnueabi-gcc: fatal error: Killed signal terminated program cc1",
                status(512),
                Verdict::Infra,
            ),
            (
                "make[3]: *** [scripts/Makefile.build:1: a.o] Killed\n",
                status(512),
                Verdict::Infra,
            ),
            (
                "cc1: out of memory allocating 65536 bytes",
                status(512),
                Verdict::Infra,
            ),
            ("", status(9), Verdict::Infra),
            (
                "a test called KilledByMe failed",
                status(512),
                Verdict::BuildFailed,
            ),
        ] {
            let error = failed("kernel x", Path::new("x.log"), end, output);
            assert_eq!(Verdict::from(&error), verdict, "{output}: {error}");
        }
    }
}
