// SPDX-License-Identifier: GPL-2.0-only
//! rustc for architectures that only GCC knows, for Kbuild:
//!
//! ```text
//! make RUSTC=ll2c-rustc RUSTDOC='ll2c-rustc rustdoc' CLIPPY_DRIVER='ll2c-rustc clippy-driver' …
//! ```
//!
//! A compilation with `--target` is one for the subject: rustc writes LLVM IR for the stand-in that the target specification
//! describes, ll2c makes C of it, and the kernel's C compiler, with the flags that it compiles C with, makes the object. All
//! others (build scripts, procedural macros, questions about rustc) go to rustc as they are.
//!
//! | variable | meaning |
//! |---|---|
//! | `LL2C_RUSTC` | the real rustc; `rustc` on the PATH if not set |
//! | `LL2C_KEEP` | if set, the IR and the C stay beside each object, as `.NAME.ll2c.{ll,c}` |
//! | `CC`, `KBUILD_CFLAGS`, `KBUILD_CFLAGS_KERNEL`, `KBUILD_CFLAGS_MODULE` | Kbuild exports them |

mod cc;
mod compile;
mod error;
mod invocation;
mod rustc;

use std::env;
use std::process::ExitCode;

use error::Error;
use invocation::{Asked, Invocation};
use rustc::Tool;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Error> {
    let mut args: Vec<_> = env::args_os().skip(1).collect();
    let tool = Tool::take(&mut args);
    if !tool.compiles {
        return Ok(compile::code(tool.run(&args)?));
    }
    match Invocation::of(&args)? {
        Asked::Rustc => Err(tool.become_it(&args)),
        Asked::Version => tool.version(&args),
        Asked::Compile(invocation) => compile::compile(&tool, &invocation),
    }
}
