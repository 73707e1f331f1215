// SPDX-License-Identifier: GPL-2.0-only
//! The real rustc, and the tools that take its arguments.

use std::env;
use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use crate::error::{Error, io_error};

/// What LLVM says of a stand-in that is one architecture to rustc and another to LLVM: the first one's features are unknown
/// to the second, and nobody asked for them.
const HARMLESS: [&str; 2] = [
    "is not a recognized feature for this target (ignoring feature)",
    "is not a recognized processor for this target (ignoring processor)",
];

/// What a command line is for.
#[derive(Debug)]
pub struct Tool {
    /// rustc, or a tool with the same arguments.
    program: OsString,
    /// Whether it compiles, rather than write documentation.
    pub compiles: bool,
}

impl Tool {
    /// Takes the tool's name from the front of `args`, if it is there.
    pub fn take(args: &mut Vec<OsString>) -> Tool {
        let named = args.first().and_then(|a| a.to_str()).unwrap_or_default();
        if let name @ ("rustdoc" | "clippy-driver") = named {
            let tool = Tool {
                program: name.into(),
                compiles: name != "rustdoc",
            };
            args.remove(0);
            return tool;
        }
        Tool {
            program: env::var_os("LL2C_RUSTC").unwrap_or_else(|| "rustc".into()),
            compiles: true,
        }
    }

    /// Runs it in the place of this process. It only returns if that fails.
    pub fn become_it(&self, args: &[OsString]) -> Error {
        let source = Command::new(&self.program).args(args).exec();
        io_error("run", &self.program)(source)
    }

    /// Says its version, and in the same line this program's and a hash of it, so that Kbuild compiles everything anew with
    /// another translator.
    ///
    /// # Errors
    /// It can't be run, or this program can't be read.
    pub fn version(&self, args: &[OsString]) -> Result<ExitCode, Error> {
        let asked = Command::new(&self.program)
            .args(args)
            .output()
            .map_err(io_error("run", &self.program))?;
        let own = env::current_exe().map_err(io_error("find", "/proc/self/exe"))?;
        let mut hash = DefaultHasher::new();
        std::fs::read(&own)
            .map_err(io_error("read", &own))?
            .hash(&mut hash);
        let text = String::from_utf8_lossy(&asked.stdout);
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let version = env!("CARGO_PKG_VERSION");
        write!(
            io::stdout(),
            "{first} (ll2c {version} {:016x})\n{rest}",
            hash.finish()
        )
        .map_err(io_error("write to", "/dev/stdout"))?;
        Ok(ExitCode::from(u8::from(!asked.status.success())))
    }

    /// Runs it and passes on what it says, but for what is harmless; says whether it succeeded.
    ///
    /// # Errors
    /// It can't be run.
    pub fn run(&self, args: &[impl AsRef<OsStr>]) -> Result<bool, Error> {
        let mut child = Command::new(&self.program)
            .args(args)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io_error("run", &self.program))?;
        // Whatever becomes of its messages, it is waited for.
        let passed = child
            .stderr
            .take()
            .map_or(Ok(()), |said| self.pass_on(said));
        let status = child.wait().map_err(io_error("wait for", &self.program))?;
        passed?;
        Ok(status.success())
    }

    fn pass_on(&self, said: impl io::Read) -> Result<(), Error> {
        for line in BufReader::new(said).split(b'\n') {
            let line = line.map_err(io_error("read from", &self.program))?;
            if !is_harmless(&line) {
                let mut out = io::stderr().lock();
                out.write_all(&line)
                    .and_then(|()| out.write_all(b"\n"))
                    .map_err(io_error("write to", "/dev/stderr"))?;
            }
        }
        Ok(())
    }
}

fn is_harmless(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    line.starts_with('\'') && HARMLESS.iter().any(|h| line.trim_end().ends_with(h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_is_named_before_its_arguments() {
        let take = |line: &str| {
            let mut args = line.split(' ').map(OsString::from).collect();
            let tool = Tool::take(&mut args);
            (tool.program, tool.compiles, args.len())
        };
        assert_eq!(take("rustdoc --test lib.rs"), ("rustdoc".into(), false, 2));
        assert_eq!(
            take("clippy-driver x.rs"),
            ("clippy-driver".into(), true, 1)
        );
        assert_eq!(take("--edition=2021 rustdoc").2, 2);
    }

    #[test]
    fn only_llvms_own_notes_are_harmless() {
        assert!(is_harmless(
            b"'+isa-68020' is not a recognized feature for this target (ignoring feature)"
        ));
        assert!(!is_harmless(b"warning: unused variable: `x`"));
        assert!(!is_harmless(
            b"error: x is not a recognized feature for this target (ignoring feature)"
        ));
    }
}
