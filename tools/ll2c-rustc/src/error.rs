// SPDX-License-Identifier: GPL-2.0-only
//! Why there is no object.

use std::io;
use std::path::{Path, PathBuf};

/// A compilation that failed. rustc and the C compiler have said on their own why they did.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument that is not in UTF-8.
    #[error("failed to read the argument {0:?}: it is not UTF-8")]
    Argument(std::ffi::OsString),
    /// An output that no C compiler can make.
    #[error(
        "failed to emit `{0}` for a subject of ll2c; obj=FILE, asm=FILE and what rustc writes before it generates code can be had"
    )]
    Emit(String),
    /// A variable that Kbuild exports is not there.
    #[error(
        "failed to find the C compiler: {0} is not set; Kbuild sets it, elsewhere it names the subject's C compiler"
    )]
    Unset(&'static str),
    /// A variable with unbalanced quotes.
    #[error("failed to split {0} into words: its quotes are not balanced")]
    Quotes(&'static str),
    /// The IR is not supported.
    #[error("failed to translate the crate `{krate}`: {}: {source}", ir.display())]
    Translate {
        /// The crate's name.
        krate: String,
        /// The IR, kept.
        ir: PathBuf,
        /// Function, line and construct.
        source: ll2c::Error,
    },
    /// The C compiler's architecture has no page.
    #[error("failed to find what `{compiler} -dumpmachine` says, `{machine}`: {source}")]
    Subject {
        /// The C compiler.
        compiler: String,
        /// What it said.
        machine: String,
        /// What ll2c knows.
        source: ll2c::Error,
    },
    /// The C compiler refuses what ll2c wrote.
    #[error("failed to compile the crate `{krate}`: the C compiler refuses {}", c.display())]
    Refused {
        /// The crate's name.
        krate: String,
        /// The C, kept.
        c: PathBuf,
    },
    /// The system refused something.
    #[error("failed to {what} {}: {source}", path.display())]
    Io {
        /// Such as "write".
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a failure to `what` the file at `path` is.
pub fn io_error(what: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io {
        what,
        path: path.as_ref().to_owned(),
        source,
    }
}
