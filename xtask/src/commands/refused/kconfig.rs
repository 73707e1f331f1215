// SPDX-License-Identifier: GPL-2.0-only
//! Kernels that Kconfig must keep the heap out of.

use std::path::Path;

use fs_err as fs;
use serde::Deserialize;

use crate::build::kconfig::dropped;
use crate::commands::Context;
use crate::config::yaml;
use crate::exit::Failure;
use crate::follow::{self, End};
use crate::toolchain::Toolchain;

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) name: String,
    /// Kbuild's `ARCH`.
    arch: String,
    /// Kbuild's `CROSS_COMPILE`.
    #[serde(default)]
    cross: String,
    /// From `configs/kconfig`.
    #[serde(default)]
    fragments: Vec<String>,
    /// Lines after those.
    config: Vec<String>,
    /// Lines after those, which Kconfig must drop.
    refused: Vec<String>,
}

/// All of them.
pub(super) fn load(context: &Context) -> Result<Vec<Page>, Failure> {
    let path = context.project.root().join("kernel/refused/configs.yaml");
    yaml::load(&path).map_err(Failure::usage)
}

impl Page {
    /// Why Kconfig of the kernel in `tree` does not do as it should. Configures below `dir`.
    pub(super) fn check(
        &self,
        context: &Context,
        toolchain: &Toolchain,
        tree: &Path,
        dir: &Path,
    ) -> Result<Option<String>, Failure> {
        let mut wanted = String::new();
        for name in &self.fragments {
            let path = context.project.configs().join("kconfig").join(name);
            wanted +=
                &fs::read_to_string(path.with_added_extension("config")).map_err(Failure::usage)?;
        }
        let lines = self.config.iter().chain(&self.refused);
        wanted.extend(lines.flat_map(|line| [line, "\n"]));
        let dir = dir.join(&self.name);
        fs::create_dir_all(&dir).map_err(Failure::infra)?;
        let merged = dir.join("wanted.config");
        fs::write(&merged, &wanted).map_err(Failure::infra)?;
        let make = toolchain.command("make").args([
            "-C".into(),
            tree.display().to_string(),
            format!("O={}", dir.display()),
            format!("ARCH={}", self.arch),
            format!("CROSS_COMPILE={}", self.cross),
            format!("KCONFIG_ALLCONFIG={}", merged.display()),
            "allnoconfig".into(),
        ]);
        let make = make.expression().stderr_to_stdout();
        let (end, said) = follow::capture(&make, &context.stop).map_err(Failure::infra)?;
        if context.stop.requested() {
            return Err(Failure::interrupted());
        }
        if !matches!(end, End::Ended(status) if status.success()) {
            let said = String::from_utf8_lossy(&said);
            return Ok(Some(format!("failed to configure it: {}", said.trim())));
        }
        let given = fs::read_to_string(dir.join(".config")).map_err(Failure::infra)?;
        Ok(self.judge(&dropped(&wanted, &given)))
    }

    /// Why it is wrong that Kconfig has dropped these lines.
    fn judge(&self, dropped: &[String]) -> Option<String> {
        let kept: Vec<&str> = not_in(&self.refused, dropped);
        let lost: Vec<&str> = not_in(dropped, &self.refused);
        match (kept.is_empty(), lost.is_empty()) {
            (true, true) => None,
            (false, _) => Some(format!("Kconfig gives {}", kept.join(", "))),
            // Whatever it is, the heap may have been dropped for the same reason.
            _ => Some(format!("Kconfig drops {} too", lost.join(", "))),
        }
    }
}

/// Those of `all` that `others` has not.
fn not_in<'a>(all: &'a [String], others: &[String]) -> Vec<&'a str> {
    let missing = all.iter().filter(|one| !others.contains(one));
    missing.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn just_what_is_refused_may_be_dropped() {
        let lines = |lines: &[&str]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        let page = Page {
            name: "n".into(),
            arch: "a".into(),
            cross: String::new(),
            fragments: Vec::new(),
            config: Vec::new(),
            refused: lines(&["CONFIG_A=m"]),
        };
        assert_eq!(page.judge(&lines(&["CONFIG_A=m"])), None);
        let said = |dropped| page.judge(&lines(dropped)).expect("it is wrong");
        assert_eq!(said(&[]), "Kconfig gives CONFIG_A=m");
        assert_eq!(
            said(&["CONFIG_A=m", "CONFIG_RUST=y"]),
            "Kconfig drops CONFIG_RUST=y too"
        );
    }
}
