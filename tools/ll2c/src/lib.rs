// SPDX-License-Identifier: GPL-2.0-only
//! LLVM IR to C, for 32-bit architectures that only GCC knows.
//!
//! [`translate`] is the whole of it: text is read ([`parse`]) into typed IR ([`ir`]), checked ([`verify`]) and lowered
//! ([`lower`]) to C for a subject ([`abi`]). The README says how to use it and what it does not do.

pub mod abi;
pub mod error;
pub mod ir;
pub mod layout;
pub mod lexer;
pub mod lower;
pub mod meta;
pub mod parse;
pub mod verify;

pub use abi::Subject;
pub use error::{Error, Result};
pub use lower::Options;

/// The C text of IR text.
///
/// # Errors
/// The first thing that is malformed or not supported, with function, line and name. Nothing is left out silently.
pub fn translate(src: &str, subject: &Subject, options: &Options) -> Result<String> {
    let mut module = parse::parse(src)?;
    subject.check(&module)?;
    verify::verify(&module)?;
    lower::module(&mut module, subject, options)
}
