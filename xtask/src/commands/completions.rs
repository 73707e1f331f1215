// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask completions SHELL`

use clap_complete::Shell;

use crate::exit::{Exit, Failure};

/// The name that the script completes: cargo's own words it can't.
const NAME: &str = "xtask";

pub(super) fn completions(shell: Shell) -> Result<Exit, Failure> {
    print!("{}", String::from_utf8_lossy(&script(shell)));
    Ok(Exit::Ok)
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::selftest::command(), NAME, &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_completes_commands_and_options() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("script");
        fs_err::write(&file, script(Shell::Bash)).expect("written");
        let ask = |words: &str, last: usize| {
            let script = format!(
                ". {}; COMP_WORDS=(xtask {words}); COMP_CWORD={last}; _xtask xtask '' ''; echo \"${{COMPREPLY[*]}}\"",
                file.display()
            );
            let said = std::process::Command::new("bash")
                .args(["-c", &script])
                .output()
                .expect("a shell");
            String::from_utf8(said.stdout).expect("text")
        };
        let commands = ask("''", 1);
        assert!(
            commands.contains("repro") && commands.contains("self"),
            "{commands}"
        );
        assert!(ask("test --arch", 2).contains("--architectural"));
    }
}
