// SPDX-License-Identifier: GPL-2.0-only
//! The command that repeats one boot of a run, or one case of it, and nothing else.
//!
//! It is written from the settings that the command line was read into and read back by the same parser, so that it can't
//! leave one out without a test noticing.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser as _;

use crate::again::Again;
use crate::cli::{Cells, Cli, Command, Global, Reports, Test, Tested};
use crate::config;
use crate::project::Project;
use crate::quote::shell_words;

/// What such a command begins with.
const COMMAND: [&str; 2] = ["cargo", "xtask"];

/// The settings of a run, as far as what it finds depends on them.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeat {
    /// Of every command.
    pub global: Global,
    /// Of `test`.
    pub test: Test,
}

/// Why a line is no command that repeats a boot.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{line}`: {why}")]
pub struct Error {
    line: String,
    why: String,
}

impl Repeat {
    /// What `global` and `test` say, of `project`. Where reports go and how much is shown makes no difference to a run.
    pub fn new(global: &Global, test: &Test, project: &Project) -> Repeat {
        let elsewhere = project.root() != Project::this().root();
        Repeat {
            global: Global {
                checkout: elsewhere.then(|| project.root().to_owned()),
                verbose: false,
                ..global.clone()
            },
            test: Test {
                reports: Reports::default(),
                again: Again::default(),
                ..test.clone()
            },
        }
    }

    /// The same for one cell and one set of suites.
    pub fn of_boot(&self, cell: &str, set: &config::Set) -> Repeat {
        let own = set.own.as_ref();
        let exporter = set.chosen();
        let test = Test {
            cells: Cells {
                cells: vec![cell.to_owned()],
                globs: Vec::new(),
            },
            tested: Tested {
                sets: set.page.iter().cloned().collect(),
                exporters: exporter.iter().map(|of| of.name.clone()).collect(),
                module: own.map(|own| own.dir.clone()),
                init: own.and_then(|own| own.init.clone()),
                ..self.test.tested.clone()
            },
            ..self.test.clone()
        };
        Repeat {
            test,
            ..self.clone()
        }
    }

    /// The same for a boot of the same run of which no more is known than `cell` and `set`, as its report names it.
    pub fn of_planned(&self, cell: &str, set: &str) -> Repeat {
        let mut other = self.clone();
        other.test.cells.cells = vec![cell.to_owned()];
        let tested = &mut other.test.tested;
        if !tested.exporters.is_empty() {
            tested.exporters = vec![set.to_owned()];
        } else if tested.module.is_none() {
            tested.sets = vec![set.to_owned()];
        }
        other
    }

    /// The same for one case. A parameter of a case, after a dot, can't be chosen.
    pub fn of_case(&self, suite: &str, case: &str) -> Repeat {
        let case = case.split('.').next().unwrap_or(case);
        self.filtered(format!("{suite}.{case}"))
    }

    /// The same for what `filter` selects. Of what is done with a module of the user's nothing can be chosen: it is all or none.
    pub fn filtered(&self, filter: String) -> Repeat {
        let mut other = self.clone();
        let suite = filter.split('.').next();
        if other.test.tested.module.is_none() || suite != Some(config::MODULE) {
            other.test.tested.filter = Some(filter);
        }
        other
    }

    /// The words after `cargo xtask`.
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["test".into()];
        words.extend(self.test.words());
        words.extend(self.global.words());
        words
    }

    /// The command, for a shell.
    pub fn line(&self) -> String {
        let command = COMMAND.map(OsString::from).into_iter();
        shell_words(command.chain(self.words()))
    }

    /// Reads what [`Repeat::line`] has written.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(line: &str) -> Result<Repeat, Error> {
        let error = |why: String| Error {
            line: line.to_owned(),
            why,
        };
        let words = shlex::split(line).ok_or_else(|| error("a quote has no end".into()))?;
        let words = words
            .strip_prefix(COMMAND.map(String::from).as_slice())
            .ok_or_else(|| error(format!("it does not begin with {}", COMMAND.join(" "))))?;
        let program = std::iter::once("cargo xtask");
        let cli = Cli::try_parse_from(program.chain(words.iter().map(String::as_str)))
            .map_err(|e| error(e.to_string()))?;
        match cli.command {
            Command::Test(test) => Ok(Repeat {
                global: cli.global,
                test: *test,
            }),
            _ => Err(error("it is no `test`".into())),
        }
    }

    /// The same for any machine: without what only the one has where it was made.
    #[must_use]
    pub fn anywhere(self) -> Repeat {
        Repeat {
            global: Global {
                cache: None,
                jobs: None,
                mirror: None,
                ..self.global
            },
            ..self
        }
    }

    /// The same on this machine: where things lie and how much runs at once is `here`'s. Trees lie where they did, unless `here` says
    /// where.
    pub fn at(self, here: &Global) -> Repeat {
        let cache: Option<PathBuf> = here.cache.clone();
        Repeat {
            global: Global {
                cache,
                kernel: here.kernel.clone().or(self.global.kernel),
                checkout: here.checkout.clone().or(self.global.checkout),
                jobs: here.jobs,
                mirror: here.mirror.clone(),
                verbose: here.verbose,
                ..self.global
            },
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Own};

    fn config() -> Config {
        Config::load(&Project::this().configs()).expect("configs/ loads")
    }

    /// What the parser makes of a command line of a user's.
    fn given(words: &[&str]) -> Repeat {
        let words = ["xtask", "test"].iter().chain(words);
        let cli = Cli::parse_from(words);
        let Command::Test(test) = cli.command else {
            panic!("a test")
        };
        let elsewhere = cli.global.checkout.clone();
        let project = elsewhere.map_or_else(Project::this, |dir| Project::at(&dir));
        Repeat::new(&cli.global, &test, &project)
    }

    #[test]
    fn every_line_is_read_back_as_the_settings_that_it_was_made_from() {
        let config = config();
        let heap = &config.sets["heap"];
        let own = Own {
            dir: "/a b/it's $HOME".into(),
            init: Some("/a b/*.c".into()),
        };
        let sets = [
            heap.clone(),
            config.sets["kernel-rust"].clone(),
            heap.on(&config.exporters["udmabuf"]),
            config::Set::of_module(own.clone(), None),
            config::Set::of_module(own, Some(&config.sets["drivers"])),
        ];
        let given_ways: [&[&str]; 7] = [
            &[],
            &["mips-*", "--architectural", "--patience", "3", "-j", "2"],
            &["--no-vcsan", "--kernel", "/my linux", "--toolchain", "host"],
            &[
                "--contract",
                "--stacks",
                "--suppress",
                "/known",
                "--kernel-version",
                "7.2",
                "--filter",
                "a_*.b?",
            ],
            &["--exporter", "all", "--fixes", "--cache", "/c\"d"],
            &["--fixes", "--qemu", "qemu-11"],
            &[
                "--checkout",
                "/some where",
                "--mirror",
                "http://m/x?y=1&z",
                "--json",
                "x",
                "-v",
            ],
        ];
        for words in given_ways {
            let repeat = given(words);
            for set in &sets {
                let boot = repeat.of_boot("arm-vivt", set);
                assert_eq!(boot.test.cells.cells, ["arm-vivt"]);
                assert_eq!(boot.test.reports, Reports::default());
                for one in [
                    boot.clone(),
                    boot.of_case("system_heap_rust_vmap", "counts.3"),
                ] {
                    let line = one.line();
                    assert_eq!(Repeat::read(&line).expect(&line), one, "{line}");
                }
                // All that the user gave but the choice of cells and sets is kept.
                assert_eq!(boot.global.patience, repeat.global.patience);
                assert_eq!(boot.global.kernel, repeat.global.kernel);
                assert_eq!(boot.test.suppress, repeat.test.suppress);
                assert_eq!(boot.test.stacks, repeat.test.stacks);
                let chosen = |test: &Test| {
                    let Tested {
                        filter,
                        fixes,
                        no_vcsan,
                        architectural,
                        contract,
                        qemu,
                        ..
                    } = test.tested.clone();
                    (filter, fixes, no_vcsan, architectural, contract, qemu)
                };
                assert_eq!(chosen(&boot.test), chosen(&repeat.test));
            }
        }
        // From another boot of the same run.
        for (words, one, another) in [
            (["--contract"], &sets[0], &sets[1]),
            (["--fixes"], &heap.on(&config.exporters["system"]), &sets[2]),
            (["--stacks"], &sets[3], &sets[3]),
        ] {
            let run = given(&words);
            let planned = run.of_boot("parisc", one);
            let planned = planned.of_planned("arm-vivt", &another.name);
            assert_eq!(planned, run.of_boot("arm-vivt", another));
        }
        let module = given(&[]).of_boot("arm-vivt", &sets[3]);
        assert_eq!(module.of_case(config::MODULE, "run a.c"), module);
        assert_ne!(module.of_case("its_own_kunit", "case"), module);
        let case = given(&[]).of_boot("parisc", &sets[0]).of_case("s", "c.3");
        assert_eq!(
            case.line(),
            "cargo xtask test parisc --set heap --filter s.c"
        );
    }

    #[test]
    fn another_machine_has_its_own_folders() {
        let theirs = given(&["--cache", "/theirs", "-j", "9", "--patience", "5"]);
        let here = given(&["--cache", "/ours"]).global;
        let ours = theirs.at(&here);
        assert_eq!(ours.global.cache, Some("/ours".into()));
        assert_eq!(ours.global.jobs, None);
        assert_eq!(ours.global.patience.get(), 5);
        let theirs = given(&["--cache", "/c", "-j", "9", "--mirror", "m", "--fixes"]);
        assert_eq!(theirs.anywhere(), given(&["--fixes"]));
        let theirs = given(&["--kernel", "/theirs", "--checkout", "/their project"]);
        let ours = theirs.clone().at(&here);
        assert_eq!(ours.global.kernel, Some("/theirs".into()));
        assert_eq!(ours.global.checkout, Some("/their project".into()));
        let here = given(&["--kernel", "/k", "--checkout", "/c"]).global;
        let ours = theirs.at(&here);
        assert_eq!(ours.global.kernel, Some("/k".into()));
        assert_eq!(ours.global.checkout, Some("/c".into()));
    }

    #[test]
    fn what_repeats_nothing_is_refused() {
        for (line, says) in [
            ("cargo xtask test 'x", "quote"),
            ("rm -rf /", "begin"),
            ("cargo xtask list", "no `test`"),
            ("cargo xtask test --nonsense", "--nonsense"),
        ] {
            let said = Repeat::read(line).expect_err(line).to_string();
            assert!(said.contains(says), "{said}");
        }
    }
}
