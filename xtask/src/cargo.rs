// SPDX-License-Identifier: GPL-2.0-only
//! Builds the project's other programs, which run beside compilers and in QEMU.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use cargo_metadata::{CrateType, Message};

use crate::follow::{self, End, Limits, follow};
use crate::project::Project;
use crate::stop::Stop;

/// Why a program could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cargo could not be run.
    #[error("failed to run cargo; is it on PATH?")]
    Cargo {
        /// What the system said.
        source: io::Error,
    },
    /// The program does not compile.
    #[error("`cargo build --package {package}` ended with {status}\n{output}")]
    Build {
        /// Which.
        package: String,
        /// Cargo's exit status.
        status: String,
        /// What the compiler said.
        output: String,
    },
    /// Cargo made something else.
    #[error("failed to find what `cargo build --package {package}` made")]
    Missing {
        /// Which.
        package: String,
    },
    /// It printed without end.
    #[error("failed to run `cargo build --package {package}`")]
    TooMuch {
        /// Which.
        package: String,
        /// How much.
        source: io::Error,
    },
    /// The user interrupted it.
    #[error("interrupted")]
    Interrupted,
}

/// Builds `package` of the checkout that this program was built from, and returns its program, or its shared object if it
/// makes one.
///
/// # Errors
/// [`Error`].
pub fn build(package: &str, stop: &Stop) -> Result<PathBuf, Error> {
    run(package, &[], None, stop)
}

/// The same for a fast program that runs on any C library, also on one that is older than the host's.
///
/// # Errors
/// [`Error`].
pub fn build_static(package: &str, stop: &Stop) -> Result<PathBuf, Error> {
    // Without a target, the flag would be for procedural macros too, which can't be static.
    let options = ["--release", "--target=host-tuple"];
    run(
        package,
        &options,
        Some("-Ctarget-feature=+crt-static"),
        stop,
    )
}

fn run(
    package: &str,
    options: &[&str],
    flags: Option<&str>,
    stop: &Stop,
) -> Result<PathBuf, Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Project::this().root().join("Cargo.toml");
    let mut args: Vec<OsString> = vec![
        "build".into(),
        "--quiet".into(),
        "--locked".into(),
        format!("--package={package}").into(),
        "--message-format=json-render-diagnostics".into(),
        "--manifest-path".into(),
        manifest.into(),
    ];
    args.extend(options.iter().map(OsString::from));
    let mut cargo = duct::cmd(cargo, args);
    if let Some(flags) = flags {
        cargo = cargo.env("RUSTFLAGS", flags);
    }
    let errors = tempfile::NamedTempFile::new().map_err(|source| Error::Cargo { source })?;
    let mut output = Vec::new();
    let end = follow(
        &cargo.stderr_path(errors.path()),
        Limits::NONE,
        stop,
        |piece| {
            output.extend_from_slice(piece);
            Ok(())
        },
    )
    .map_err(|source| Error::Cargo { source })?;
    judge(package, end, || {
        let output = fs_err::read(errors.path()).unwrap_or_default();
        String::from_utf8_lossy(&output).trim_end().to_owned()
    })?;
    made(package, &output).ok_or_else(|| Error::Missing {
        package: package.to_owned(),
    })
}

/// Whether cargo ended well; `said` is what it printed for people.
fn judge(package: &str, end: End, said: impl FnOnce() -> String) -> Result<(), Error> {
    match end {
        End::Ended(status) if status.success() => Ok(()),
        End::Ended(status) => Err(Error::Build {
            package: package.to_owned(),
            status: status.to_string(),
            output: said(),
        }),
        End::TooMuch(limit) => Err(Error::TooMuch {
            package: package.to_owned(),
            source: follow::too_much(limit),
        }),
        // Nothing else limits it, so only the user can have ended it.
        End::Silent(_) | End::TooLong(_) | End::Interrupted => Err(Error::Interrupted),
    }
}

/// The file of `package`, out of what cargo said that it made.
fn made(package: &str, messages: &[u8]) -> Option<PathBuf> {
    Message::parse_stream(messages)
        .filter_map(Result::ok)
        .find_map(|message| match message {
            // The name of a library has no hyphens.
            Message::CompilerArtifact(artifact)
                if artifact.target.name.replace('_', "-") == package =>
            {
                let shared = artifact.target.crate_types.contains(&CrateType::CDyLib);
                let object = artifact
                    .filenames
                    .into_iter()
                    .find(|f| f.extension() == Some("so"));
                artifact.executable.or(object.filter(|_| shared))
            }
            _ => None,
        })
        .map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_without_end_is_no_interruption() {
        let error = judge("vcsan", End::TooMuch(1 << 28), String::new).unwrap_err();
        let said = crate::cause::chain(&error);
        assert!(said.contains("vcsan") && said.contains("256 MiB"), "{said}");
        let error = judge("vcsan", End::Interrupted, String::new).unwrap_err();
        assert!(matches!(error, Error::Interrupted));
    }

    #[test]
    fn a_library_is_found_by_the_name_of_its_package() {
        let artifact = |target: &str, file: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"p","manifest_path":"/Cargo.toml","target":{{"kind":["cdylib"],"crate_types":["cdylib"],"name":"{target}","src_path":"/lib.rs","edition":"2024","doctest":false,"test":false,"doc":true}},"profile":{{"opt_level":"3","debuginfo":1,"debug_assertions":false,"overflow_checks":false,"test":false}},"features":[],"filenames":["{file}"],"executable":null,"fresh":true}}"#
            ) + "\n"
        };
        let said = artifact("vcsan", "/libvcsan.so") + &artifact("vcsan_qemu11", "/lib11.so");
        let found = |package: &str| made(package, said.as_bytes());
        assert_eq!(found("vcsan-qemu11"), Some("/lib11.so".into()));
        assert_eq!(found("vcsan"), Some("/libvcsan.so".into()));
        assert_eq!(found("other"), None);
    }

    #[test]
    fn what_does_not_exist_is_named() {
        let error = build("no-such-package", &Stop::new()).unwrap_err();
        let Error::Build { output, .. } = error else {
            panic!("{error}")
        };
        assert!(output.contains("no-such-package"), "{output}");
    }
}
