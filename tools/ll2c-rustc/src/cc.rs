// SPDX-License-Identifier: GPL-2.0-only
//! The subject's C compiler, called the way Kbuild calls it for C.

use std::env;
use std::path::Path;
use std::process::Command;

use ll2c::Subject;

use crate::error::{Error, io_error};
use crate::invocation::{Invocation, Kind};

/// A C compiler with its flags.
#[derive(Debug)]
pub struct CC {
    program: Vec<String>,
    flags: Vec<String>,
}

/// Flags of the kernel's C that say what a C programmer wants to be told, instrumented or initialised, rather than what the
/// machine code must be like. rustc has flags of its own for what of it Rust has.
const NOT_OURS: [&str; 11] = [
    "-W",
    "-D",
    "-I",
    "-f*-prefix-map",
    "-fsanitize",
    "-fno-sanitize",
    "-fplugin",
    "-fpatchable-function-entry",
    "-fprofile",
    "-ftrivial-auto-var-init",
    "-fstack-protector",
];

/// What C made of Rust needs besides.
const FOR_RUST: [&str; 3] = [
    // It is not for warnings about what a translator writes.
    "-w",
    // Rust rounds each operation.
    "-ffp-contract=off",
    // All of it is `no_builtins`: a loop that fills memory must not become a call of what it may itself be a part of.
    "-fno-tree-loop-distribute-patterns",
];

impl CC {
    /// The compiler and the flags that Kbuild has for the kind of object that is asked for.
    ///
    /// # Errors
    /// [`Error::Unset`], [`Error::Quotes`].
    pub fn of_kbuild(invocation: &Invocation) -> Result<CC, Error> {
        let words = |name: &'static str| {
            shlex::split(&env::var(name).unwrap_or_default()).ok_or(Error::Quotes(name))
        };
        let program = words("CC")?;
        if program.is_empty() {
            return Err(Error::Unset("CC"));
        }
        let mut flags = words("KBUILD_CFLAGS")?;
        flags.extend(words(if invocation.module {
            "KBUILD_CFLAGS_MODULE"
        } else {
            "KBUILD_CFLAGS_KERNEL"
        })?);
        let mut flags = codegen(flags);
        if invocation.function_sections {
            flags.push("-ffunction-sections".into());
        }
        Ok(CC { program, flags })
    }

    /// The subject that the compiler is for, with the rules of code in a kernel.
    ///
    /// # Errors
    /// The compiler can't be run, or ll2c has no page for its architecture.
    pub fn subject(&self) -> Result<Subject, Error> {
        let said = self
            .command()
            .arg("-dumpmachine")
            .output()
            .map_err(io_error("run", &self.program[0]))?;
        let machine = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        let arch = machine.split('-').next().unwrap_or_default();
        Subject::named(&format!("{arch}-kernel")).map_err(|source| Error::Subject {
            compiler: self.program.join(" "),
            machine: machine.clone(),
            source,
        })
    }

    /// Compiles `c` to `out`; says whether the compiler accepted it.
    ///
    /// # Errors
    /// The compiler can't be run.
    pub fn compile(&self, kind: Kind, c: &Path, out: &Path) -> Result<bool, Error> {
        let status = self
            .command()
            .args(&self.flags)
            .args(FOR_RUST)
            .arg(match kind {
                Kind::Object => "-c",
                Kind::Assembly => "-S",
            })
            .arg("-o")
            .arg(out)
            .arg(c)
            .status()
            .map_err(io_error("run", &self.program[0]))?;
        Ok(status.success())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]);
        command
    }
}

/// Those of the kernel's C flags that say what code is generated.
fn codegen(flags: Vec<String>) -> Vec<String> {
    // What goes to the assembler or the linker is about code.
    let passed_on = |flag: &str| flag.starts_with("-Wa,") || flag.starts_with("-Wl,");
    let not_ours = |flag: &str| {
        !passed_on(flag)
            && NOT_OURS.iter().any(|no| match no.split_once('*') {
                Some((start, middle)) => flag.starts_with(start) && flag.contains(middle),
                None => flag.starts_with(no),
            })
    };
    let mut kept = Vec::new();
    let mut flags = flags.into_iter();
    while let Some(flag) = flags.next() {
        match flag.as_str() {
            "-include" | "-isystem" | "--param" => {
                let value = flags.next();
                if flag == "--param" {
                    kept.push(flag);
                    kept.extend(value);
                }
            }
            _ if not_ours(&flag) => {}
            _ => kept.push(flag),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_about_code_are_kept_and_others_are_not() {
        let flags = "-fmacro-prefix-map=./= -std=gnu11 -Wall -fno-strict-aliasing -mdisable-fpregs -march=1.1 -Os \
            -DX=1 -Wa,-msoft-float -Wp,-MMD,x.d -include a.h --param allow-store-data-races=0 -ftrivial-auto-var-init=zero -fno-stack-protector -g";
        let kept = codegen(flags.split_whitespace().map(String::from).collect());
        assert_eq!(
            kept.join(" "),
            "-std=gnu11 -fno-strict-aliasing -mdisable-fpregs -march=1.1 -Os -Wa,-msoft-float --param allow-store-data-races=0 \
             -fno-stack-protector -g"
        );
    }
}
