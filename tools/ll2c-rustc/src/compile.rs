// SPDX-License-Identifier: GPL-2.0-only
//! One crate, from Rust over LLVM IR and C to an object.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ll2c::meta::Inlined;
use ll2c::{Options, translate};

use crate::cc::CC;
use crate::error::{Error, io_error};
use crate::invocation::Invocation;
use crate::rustc::Tool;

/// What the translator needs of rustc: no vectors, as it has none, and one module.
const FOR_LL2C: [&str; 3] = [
    "-Cno-vectorize-loops",
    "-Cno-vectorize-slp",
    "-Ccodegen-units=1",
];

/// Makes what `invocation` asks for.
///
/// # Errors
/// [`Error`]; the IR or the C that is at fault stays beside the object.
pub fn compile(tool: &Tool, invocation: &Invocation) -> Result<ExitCode, Error> {
    let mut args = invocation.args.clone();
    let Some((kind, out)) = &invocation.output else {
        return Ok(code(tool.run(&args)?));
    };
    // What cannot be compiled is better said before rustc works for it.
    let cc = CC::of_kbuild(invocation)?;
    let subject = cc.subject()?;
    let (ir, c) = (beside(out, "ll"), beside(out, "c"));
    args.extend(FOR_LL2C.map(String::from));
    args.push(format!("--emit=llvm-ir={}", ir.display()));
    if !tool.run(&args)? {
        return Ok(ExitCode::FAILURE);
    }
    let text = fs::read_to_string(&ir).map_err(io_error("read", &ir))?;
    let options = Options {
        lines: Some(Inlined::Callee),
    };
    let code = translate(&text, &subject, &options).map_err(|source| Error::Translate {
        krate: invocation.krate.clone(),
        ir: ir.clone(),
        source,
    })?;
    fs::write(&c, code).map_err(io_error("write", &c))?;
    if !cc.compile(*kind, &c, out)? {
        return Err(Error::Refused {
            krate: invocation.krate.clone(),
            c,
        });
    }
    if let Some(path) = &invocation.dep_info {
        name_output(path, &ir, out)?;
    }
    if env::var_os("LL2C_KEEP").is_none() {
        for path in [&ir, &c] {
            fs::remove_file(path).map_err(io_error("remove", path))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a process that succeeded or not ends with.
pub fn code(success: bool) -> ExitCode {
    if success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A hidden file beside `out`: Kbuild has rules for `core.c`, and none for `.core.ll2c.c`.
fn beside(out: &Path, extension: &str) -> PathBuf {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{stem}.ll2c.{extension}"))
}

/// rustc lists what the IR was made from; what was asked for is what the object was made from.
fn name_output(dep_info: &Path, ir: &Path, out: &Path) -> Result<(), Error> {
    let text = fs::read_to_string(dep_info).map_err(io_error("read", dep_info))?;
    fs::write(dep_info, renamed(&text, ir, out)).map_err(io_error("write", dep_info))
}

fn renamed(dep_info: &str, ir: &Path, out: &Path) -> String {
    let (ir, out) = (format!("{}:", ir.display()), format!("{}:", out.display()));
    let lines = dep_info
        .split_inclusive('\n')
        .map(|line| match line.strip_prefix(&ir) {
            Some(rest) => format!("{out}{rest}"),
            None => line.to_owned(),
        });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_translation_are_beside_the_object_and_hidden() {
        assert_eq!(
            beside(Path::new("rust/core.o"), "c"),
            Path::new("rust/.core.ll2c.c")
        );
    }

    #[test]
    fn dependencies_are_those_of_the_object() {
        let (ir, out) = (Path::new("rust/.core.ll2c.ll"), Path::new("rust/core.o"));
        let text =
            "rust/.core.ll2c.ll: lib.rs num.rs\n\nrust/libcore.rmeta: lib.rs num.rs\n\nlib.rs:\n";
        assert_eq!(
            renamed(text, ir, out),
            "rust/core.o: lib.rs num.rs\n\nrust/libcore.rmeta: lib.rs num.rs\n\nlib.rs:\n"
        );
    }
}
