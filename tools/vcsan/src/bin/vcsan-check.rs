// SPDX-License-Identifier: GPL-2.0-only
//! Whether the plugin's decoder knows every maintenance instruction of a kernel, and is right about what it knows of others.
//!
//! ```text
//! vcsan-check OBJDUMP FILE...
//! vcsan-check mips-linux-gnu-objdump vmlinux drivers/dma-buf/heaps/*.ko
//! ```
//!
//! `OBJDUMP` is the command that disassembles for the kernel's machine; several words if it has to be run in a root.
//! Exit code: 0 if so, 1 if something is missed or taken for what it is not, 2 if a file can't be compared.

use std::error::Error;
use std::process::{Command, ExitCode};
use std::{env, fs};
use vcsan::coverage::{Coverage, compare};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [objdump, files @ ..] = &arguments[..] else {
        return usage();
    };
    if files.is_empty() || objdump.starts_with('-') || objdump.trim().is_empty() {
        return usage();
    }
    let mut known = true;
    for file in files {
        match check(objdump, file) {
            Ok(coverage) => {
                print!("{file}: {coverage}");
                known &= coverage.differences.is_empty();
            }
            Err(error) => {
                eprintln!("failed to check {file}: {}", causes(&*error));
                return ExitCode::from(2);
            }
        }
    }
    println!(
        "{}",
        if known {
            "every maintenance instruction is known, and accesses are what they are taken for"
        } else {
            "see the differences above"
        }
    );
    ExitCode::from(u8::from(!known))
}

fn usage() -> ExitCode {
    eprintln!("usage: vcsan-check OBJDUMP FILE...");
    ExitCode::from(2)
}

fn check(objdump: &str, file: &str) -> Result<Coverage, Box<dyn Error>> {
    let elf = fs::read(file)?;
    let mut words = objdump.split_whitespace();
    let program = words.next().unwrap_or_default();
    let output = Command::new(program)
        .args(words)
        .args(["-d", file])
        .output()
        .map_err(|error| format!("failed to start `{program}`: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "`{objdump} -d {file}` ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        )
        .into());
    }
    Ok(compare(&elf, &String::from_utf8_lossy(&output.stdout))?)
}

fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
