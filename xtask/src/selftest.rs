// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask self COMMAND`: what tests the project itself, apart from what its users need.
//!
//! The commands are those of [`crate::cli::Command`]; `self` only shows them in a place of their own. Without it they are
//! understood too, and not shown.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::Cli;

/// The word.
const SELF: &str = "self";

/// The commands.
const COMMANDS: &[&str] = &[
    "bench",
    "clippy",
    "differential",
    "drivers",
    "findings",
    "history",
    "instructions",
    "mutants",
    "pipelines",
    "refused",
    "series",
    "tidy",
    "verdicts",
];

/// What the command line is described by.
pub fn command() -> clap::Command {
    let all = Cli::command();
    let own = COMMANDS.iter().map(|name| {
        let own = all.get_subcommands().find(|c| c.get_name() == *name);
        own.cloned()
            .unwrap_or_else(|| panic!("there is no command {name}"))
    });
    let place = clap::Command::new(SELF)
        .about(
            "Test the project itself: its verdicts, its cache model, its compiler, its house rules",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(own);
    let hidden = |all: clap::Command, name: &&str| all.mut_subcommand(*name, |own| own.hide(true));
    COMMANDS.iter().fold(all, hidden).subcommand(place)
}

/// Reads the command line of this process; ends it where that is wrong, or asks for help.
pub fn parse() -> Cli {
    read(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// Reads a command line. Options of every command may stand on either side of `self`.
fn read(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches_from(words)?;
    // What stands behind `self` is a command like those beside it, and has the options of every command too.
    Cli::from_arg_matches(match matches.subcommand() {
        Some((SELF, inside)) => inside,
        _ => &matches,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_with_self_too() {
        command().debug_assert();
    }

    #[test]
    fn self_s_commands_are_those_of_the_program() {
        for name in COMMANDS {
            let all = command();
            let find = |of: &clap::Command| of.find_subcommand(name).cloned();
            assert!(find(&all).expect(name).is_hide_set());
            let place = all.find_subcommand(SELF).expect("it is there");
            assert!(!find(place).expect(name).is_hide_set());
        }
    }

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn options_of_every_command_stand_on_either_side_of_self() {
        for line in [
            "xtask self tidy --cache /c --jobs 3",
            "xtask --cache /c self tidy --jobs 3",
            "xtask --cache /c --jobs 3 self tidy",
            "xtask self --cache /c --jobs 3 tidy",
            "xtask --cache /c --jobs 3 tidy",
        ] {
            let cli = read(words(line)).expect(line);
            assert!(matches!(cli.command, crate::cli::Command::Tidy), "{line}");
            let cache = cli.global.cache.as_deref();
            assert_eq!(cache, Some(std::path::Path::new("/c")), "{line}");
            assert_eq!(cli.global.jobs.map(|jobs| jobs.get()), Some(3), "{line}");
            assert_eq!(cli.global.patience.get(), 1, "{line}");
        }
        // A cell of that name is one.
        let cli = read(words("xtask build self")).expect("a command line");
        assert!(matches!(cli.command, crate::cli::Command::Build(_)));
        for line in ["xtask self", "xtask self nothing", "xtask self test"] {
            assert!(read(words(line)).is_err(), "{line}");
        }
    }
}
