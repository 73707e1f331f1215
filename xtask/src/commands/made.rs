// SPDX-License-Identifier: GPL-2.0-only
//! Sets of suites that no page has as they are: of a module of the user's, or on exporters.

use std::path::Path;

use super::named;
use super::test::sets;
use crate::cli;
use crate::config::{Config, Exporter, Own, Set};
use crate::exit::Failure;

/// The sets of suites that `args` ask for and no page has as they are: of a module, or on exporters.
pub(super) fn made(config: &Config, args: &cli::Test) -> Result<Vec<Set>, Failure> {
    match own(args)? {
        Some(own) => Ok(vec![Set::of_module(own, under_module(config, args)?)]),
        None => on_exporters(config, args),
    }
}

/// The module out of tree that the user names.
pub(super) fn own(args: &cli::Test) -> Result<Option<Own>, Failure> {
    let find = |option: &str, path: &Path| {
        std::fs::canonicalize(path)
            .map_err(|e| Failure::usage(format!("failed to find {option} {}: {e}", path.display())))
    };
    let Some(dir) = &args.tested.module else {
        return Ok(None);
    };
    let dir = find("--module", dir)?;
    if !["Kbuild", "Makefile"]
        .iter()
        .any(|name| dir.join(name).is_file())
    {
        return Err(Failure::usage(format!(
            "failed to use --module {}: it has neither a Kbuild nor a Makefile",
            dir.display()
        )));
    }
    let odd = |c: char| c.is_whitespace() || c == ':';
    if dir.to_string_lossy().contains(odd) {
        return Err(Failure::usage(format!(
            "failed to use --module {}: Kbuild builds nothing in a folder whose path has blanks or colons",
            dir.display()
        )));
    }
    let init = args.tested.init.as_ref().map(|init| find("--init", init));
    Ok(Some(Own {
        dir,
        init: init.transpose()?,
    }))
}

/// The set on whose kernel the user's module is to run, if one is named.
fn under_module<'a>(config: &'a Config, args: &cli::Test) -> Result<Option<&'a Set>, Failure> {
    let name = match args.tested.sets.as_slice() {
        [] => return Ok(None),
        [name] => name,
        several => {
            return Err(Failure::usage(format!(
                "failed to use --module with --set {}: a module is for one set",
                several.join(" --set ")
            )));
        }
    };
    let set = named("set of suites", name, &config.sets)?;
    match &set.of {
        None => Ok(Some(set)),
        Some(_) => Err(Failure::usage(format!(
            "failed to use --module with --set {name}: its suites are about an exporter"
        ))),
    }
}

/// The sets that are about an exporter, on those that the user names.
fn on_exporters(config: &Config, args: &cli::Test) -> Result<Vec<Set>, Failure> {
    let mut exporters: Vec<&Exporter> = Vec::new();
    for name in &args.tested.exporters {
        if name == "all" {
            exporters.extend(config.exporters.values());
        } else {
            exporters.push(named("exporter", name, &config.exporters)?);
        }
    }
    let sets = sets(config, &args.tested.sets)?;
    if let Some(other) = sets.iter().find(|set| set.of.is_none())
        && !exporters.is_empty()
    {
        return Err(Failure::usage(format!(
            "failed to run {} with --exporter: its suites are not about an exporter",
            other.name
        )));
    }
    Ok(exporters
        .iter()
        .flat_map(|exporter| sets.iter().map(|set| set.on(exporter)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MODULE;

    fn made_with(sets: &[&str]) -> Result<Vec<Set>, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let config = Config::load(&root.join("configs")).expect("configs/ loads");
        let mut args = cli::Test::default();
        args.tested.module = Some(root.join("docs/examples/module"));
        args.tested.sets = sets.iter().map(|name| (*name).to_owned()).collect();
        made(&config, &args).map_err(|failure| failure.error.to_string())
    }

    #[test]
    fn a_module_runs_on_one_set_that_is_about_no_exporter() {
        let plain = made_with(&[]).expect("a set");
        assert_eq!((plain.len(), plain[0].variant()), (1, None));
        let drivers = made_with(&["drivers"]).expect("a set");
        assert_eq!(drivers[0].name, MODULE);
        assert_eq!(drivers[0].variant().as_deref(), Some("drivers"));
        for (sets, why) in [
            (&["heap"] as &[&str], "its suites are about an exporter"),
            (&["drivers", "kernel-rust"], "a module is for one set"),
            (&["driver"], "did you mean"),
        ] {
            let said = made_with(sets).expect_err("refused");
            assert!(said.contains(why), "{said}");
        }
    }
}
