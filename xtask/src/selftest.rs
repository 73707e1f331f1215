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
    "differential",
    "drivers",
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
    let words = without_self(std::env::args_os().collect());
    let matches = command().get_matches_from(words);
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// `words` without a `self` that stands before one of its commands.
fn without_self(mut words: Vec<OsString>) -> Vec<OsString> {
    let named = |word: &OsString| COMMANDS.iter().any(|name| word == name);
    if words.get(1).is_some_and(|word| word == SELF) && words.get(2).is_some_and(named) {
        words.remove(1);
    }
    words
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
            let words = without_self(["xtask", SELF, name].map(OsString::from).to_vec());
            assert_eq!(words, ["xtask", name]);
            let all = command();
            let find = |of: &clap::Command| of.find_subcommand(name).cloned();
            assert!(find(&all).expect(name).is_hide_set());
            let place = all.find_subcommand(SELF).expect("it is there");
            assert!(!find(place).expect(name).is_hide_set());
        }
        // A cell, a file or an option of that name stays.
        for words in [
            ["xtask", "test", SELF],
            ["xtask", SELF, "--help"],
            ["xtask", SELF, "nothing"],
        ] {
            let words = words.map(OsString::from).to_vec();
            assert_eq!(without_self(words.clone()), words);
        }
    }
}
