// SPDX-License-Identifier: GPL-2.0-only
//! What errors mean: which verdict and exit code they come to.

use crate::exit::{Exit, Failure};
use crate::verdict::Verdict;
use crate::{build, source};

impl From<&build::Error> for Verdict {
    /// Whether the thing built is at fault or the machine.
    fn from(error: &build::Error) -> Verdict {
        if error.is_of_the_source() {
            Verdict::BuildFailed
        } else {
            Verdict::Infra
        }
    }
}

impl From<build::Error> for Failure {
    fn from(error: build::Error) -> Failure {
        Failure {
            exit: Verdict::from(&error).into(),
            error: error.into(),
        }
    }
}

impl From<&source::Error> for Exit {
    fn from(error: &source::Error) -> Exit {
        use source::Error::{
            Gone, Link, Misfit, NoKernel, NoPatch, Occupied, Unsupported, Untracked,
        };
        match error {
            Misfit { .. } | NoPatch { .. } | Occupied { .. } => Exit::Build,
            NoKernel { .. } | Unsupported { .. } | Gone { .. } | Link { .. } | Untracked { .. } => {
                Exit::Usage
            }
            source::Error::Cache(_) | source::Error::Command(_) => Exit::Infra,
        }
    }
}
