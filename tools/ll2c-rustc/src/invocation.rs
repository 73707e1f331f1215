// SPDX-License-Identifier: GPL-2.0-only
//! What a command line asks of rustc, as far as a translation changes it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// What is to be done with a command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing but what rustc does.
    Rustc,
    /// To say the version, which Kbuild rebuilds everything for when it changes.
    Version,
    /// To compile for the subject.
    Compile(Invocation),
}

/// What a C compiler makes of the C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An object file.
    Object,
    /// Assembly.
    Assembly,
}

/// A compilation for the subject.
#[derive(Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The crate's name, for messages.
    pub krate: String,
    /// rustc's arguments but those about generated code.
    pub args: Vec<String>,
    /// What generated code there shall be, and where.
    pub output: Option<(Kind, PathBuf)>,
    /// Where rustc writes what the crate was made from, if asked to.
    pub dep_info: Option<PathBuf>,
    /// Whether each function has a section of its own.
    pub function_sections: bool,
    /// Whether the crate is part of a module: Kbuild says `--cfg MODULE`.
    pub module: bool,
}

/// Options whose value may be the next argument, of those that are looked at.
const SPLIT: [&str; 5] = ["--emit", "--target", "--crate-name", "--cfg", "-Z"];

impl Invocation {
    /// Reads a command line without the program's name.
    ///
    /// # Errors
    /// [`Error::Argument`], [`Error::Emit`].
    pub fn of(args: &[OsString]) -> Result<Asked, Error> {
        let args: Vec<String> = args
            .iter()
            .map(|a| a.clone().into_string().map_err(Error::Argument))
            .collect::<Result<_, _>>()?;
        if args
            .iter()
            .any(|a| matches!(a.as_str(), "--version" | "-V" | "-vV" | "-Vv"))
        {
            return Ok(Asked::Version);
        }
        let mut found = Invocation {
            krate: "rust_out".into(),
            args: Vec::new(),
            output: None,
            dep_info: None,
            function_sections: false,
            module: false,
        };
        let (mut for_target, mut question, mut emits) = (false, false, Vec::new());
        let mut rest = args.into_iter();
        while let Some(arg) = rest.next() {
            let (option, value) = if SPLIT.contains(&arg.as_str()) {
                (arg, rest.next().unwrap_or_default())
            } else if let Some(value) = arg.strip_prefix("-Z") {
                ("-Z".to_owned(), value.to_owned())
            } else if let Some((option, value)) = arg.split_once('=')
                && SPLIT.contains(&option)
            {
                (option.to_owned(), value.to_owned())
            } else {
                question |= arg.starts_with("--print");
                found.args.push(arg);
                continue;
            };
            match option.as_str() {
                "--emit" => {
                    emits.extend(value.split(',').map(String::from));
                    continue;
                }
                "--target" => for_target = true,
                "--crate-name" => found.krate.clone_from(&value),
                "--cfg" => found.module |= value == "MODULE",
                _ => {
                    if let Some(yes) = value.strip_prefix("function-sections=") {
                        found.function_sections = yes.starts_with('y');
                    }
                    question |= value.starts_with("unpretty");
                }
            }
            found.args.extend([option, value]);
        }
        if !for_target || question {
            return Ok(Asked::Rustc);
        }
        if emits.is_empty() {
            emits.push("link".into());
        }
        for emit in &emits {
            found.emit(emit)?;
        }
        Ok(Asked::Compile(found))
    }

    /// Notes one item of `--emit`, and leaves it to rustc if it can be.
    fn emit(&mut self, emit: &str) -> Result<(), Error> {
        let (kind, path) = match emit.split_once('=') {
            Some((kind, path)) => (kind, Some(Path::new(path))),
            None => (emit, None),
        };
        match (kind, path) {
            ("obj", Some(path)) => self.output = Some((Kind::Object, path.to_owned())),
            ("asm", Some(path)) => self.output = Some((Kind::Assembly, path.to_owned())),
            ("obj" | "asm" | "link" | "llvm-bc", _) => return Err(Error::Emit(emit.to_owned())),
            _ => {
                if let ("dep-info", Some(path)) = (kind, path) {
                    self.dep_info = Some(path.to_owned());
                }
                self.args.push(format!("--emit={emit}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Asked, Error> {
        let args: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        Invocation::of(&args)
    }

    fn compile(line: &str) -> Invocation {
        match of(line).expect("it can be emitted") {
            Asked::Compile(invocation) => invocation,
            other => panic!("a compilation, not {other:?}"),
        }
    }

    #[test]
    fn an_object_is_ours_and_the_rest_is_rustcs() {
        let found = compile(
            "--edition=2021 -Zfunction-sections=n -Z function-sections=y --target=./scripts/target.json --cfg MODULE \
             --emit=dep-info=rust/.core.o.d --emit=obj=rust/core.o --emit metadata=rust/libcore.rmeta --crate-name core lib.rs",
        );
        assert_eq!(found.krate, "core");
        assert_eq!(found.output, Some((Kind::Object, "rust/core.o".into())));
        assert_eq!(found.dep_info, Some("rust/.core.o.d".into()));
        assert!(found.module && found.function_sections);
        let passed = found.args.join(" ");
        assert!(passed.contains("--emit=metadata=rust/libcore.rmeta"));
        assert!(passed.contains("--target ./scripts/target.json"));
        assert!(!passed.contains("obj="), "{passed}");
    }

    #[test]
    fn host_crates_and_questions_are_rustcs() {
        for line in [
            "--crate-type proc-macro --emit=link=libmacros.so macros/lib.rs",
            "--target=t.json --print sysroot",
            "--target=t.json --emit=obj=x.o -Zunpretty=expanded x.rs",
            "-Cdebuginfo=2 x.rs -o x",
        ] {
            assert_eq!(of(line).expect("it is rustc's"), Asked::Rustc, "{line}");
        }
    }

    #[test]
    fn versions_are_asked_for_in_every_way_that_kbuild_does() {
        for line in ["--version", "--version --verbose", "-vV"] {
            assert_eq!(of(line).expect("a question"), Asked::Version, "{line}");
        }
    }

    #[test]
    fn what_no_c_compiler_makes_is_refused() {
        for line in [
            "--target=t.json --emit=link=libx.rlib x.rs",
            "--target=t.json --emit=llvm-bc=x.bc x.rs",
            "--target=t.json --emit=obj x.rs",
            "--target=t.json x.rs",
        ] {
            assert!(matches!(of(line), Err(Error::Emit(_))), "{line}");
        }
    }
}
