// SPDX-License-Identifier: GPL-2.0-only
//! Kconfig fragments: what is asked for, and whether Kconfig gave it.

/// What `fragments` ask for and `config` does not hold, each as the line that was asked for.
///
/// A later line for the same symbol replaces an earlier one, as `scripts/kconfig/merge_config.sh` has it. Kconfig drops
/// a symbol without a word where its dependencies are not met.
pub fn dropped(fragments: &str, config: &str) -> Vec<String> {
    let mut asked: Vec<(&str, &str)> = Vec::new();
    for (symbol, value) in fragments.lines().filter_map(assignment) {
        asked.retain(|(s, _)| *s != symbol);
        asked.push((symbol, value));
    }
    let given: std::collections::HashMap<&str, &str> =
        config.lines().filter_map(assignment).collect();
    asked
        .into_iter()
        .filter(|(symbol, value)| given.get(symbol).copied().unwrap_or("n") != *value)
        .map(|(symbol, value)| format!("{symbol}={value}"))
        .collect()
}

/// `config` with what `wanted` says, whatever it said itself of that.
pub fn merged(wanted: &str, config: &str) -> String {
    let asked: Vec<&str> = wanted
        .lines()
        .filter_map(assignment)
        .map(|(symbol, _)| symbol)
        .collect();
    let others = config
        .lines()
        .filter(|line| assignment(line).is_none_or(|(symbol, _)| !asked.contains(&symbol)));
    let lines = wanted.lines().chain(others);
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The symbol and the value of a line; `n` for "is not set".
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if let Some(symbol) = line
        .strip_prefix("# ")
        .and_then(|l| l.strip_suffix(" is not set"))
    {
        return Some((symbol, "n"));
    }
    line.split_once('=')
        .filter(|(symbol, _)| symbol.starts_with("CONFIG_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kconfig_dropped_or_changed_is_named() {
        let fragments =
            "# a comment\nCONFIG_RUST=y\nCONFIG_PCI=y\nCONFIG_HZ=100\n# CONFIG_NET is not set\n";
        let config = "CONFIG_PCI=y\nCONFIG_HZ=250\n";
        assert_eq!(
            dropped(fragments, config),
            ["CONFIG_RUST=y", "CONFIG_HZ=100"]
        );
    }

    #[test]
    fn a_later_fragment_wins() {
        assert!(
            dropped(
                "CONFIG_SMP=y\n# CONFIG_SMP is not set\n",
                "# CONFIG_SMP is not set\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn what_is_wanted_replaces_what_was_there() {
        let config = "# CONFIG_ASH is not set\nCONFIG_ASH_ECHO=y\n# CONFIG_VI is not set\n";
        assert_eq!(
            merged("CONFIG_ASH=y\n", config),
            "CONFIG_ASH=y\nCONFIG_ASH_ECHO=y\n# CONFIG_VI is not set\n"
        );
    }

    #[test]
    fn a_symbol_that_is_set_against_the_wish_is_named() {
        assert_eq!(
            dropped("# CONFIG_NET is not set\n", "CONFIG_NET=y\n"),
            ["CONFIG_NET=n"]
        );
    }
}
