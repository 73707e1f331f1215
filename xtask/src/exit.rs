// SPDX-License-Identifier: GPL-2.0-only
//! What the process tells its caller.

use std::process::ExitCode;

use crate::verdict::Verdict;

/// The exit codes, as `--help` explains them.
pub const HELP: &str = "\
Exit codes:
  0    all that ran passed, was skipped, or showed no more than configs/findings knows
  1    tests did not pass: failed, hazard, crashed, hung, boot-failed, not-proven, no-tests or flaky
  2    bad usage: an unknown option, cell, suite or key in configs/
  3    something could not be built
  4    something could not run: the toolchain, QEMU, the disk
  130  interrupted";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All that ran passed, was skipped or is known.
    Ok = 0,
    /// Tests did not pass.
    Tests = 1,
    /// Bad usage; the same code that clap uses.
    Usage = 2,
    /// Something could not be built.
    Build = 3,
    /// Something could not run.
    Infra = 4,
    /// SIGINT, SIGTERM or SIGHUP.
    Interrupted = 130,
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Passed | Verdict::Skipped | Verdict::Known => Exit::Ok,
            Verdict::Flaky
            | Verdict::NoTests
            | Verdict::NotProven
            | Verdict::Failed
            | Verdict::Hazard
            | Verdict::Crashed
            | Verdict::Hung
            | Verdict::BootFailed => Exit::Tests,
            Verdict::BuildFailed => Exit::Build,
            Verdict::Infra => Exit::Infra,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command could not do its work, and the code that tells so.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// What, where, and the remedy.
    pub error: Box<dyn std::error::Error + Send + Sync>,
}

impl From<crate::cache::Error> for Failure {
    fn from(error: crate::cache::Error) -> Failure {
        Failure::infra(error)
    }
}

impl Failure {
    /// The user asked for something that there isn't.
    pub fn usage(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
        Failure {
            exit: Exit::Usage,
            error: error.into(),
        }
    }

    /// The machine or its tools are not up to it.
    pub fn infra(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
        Failure {
            exit: Exit::Infra,
            error: error.into(),
        }
    }

    /// What was to be built is at fault.
    pub fn build(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
        Failure {
            exit: Exit::Build,
            error: error.into(),
        }
    }

    /// The user had enough.
    pub fn interrupted() -> Failure {
        Failure {
            exit: Exit::Interrupted,
            error: "interrupted".into(),
        }
    }
}
