// SPDX-License-Identifier: GPL-2.0-only
//! The cases of suites before anything is built, from their source.

use std::io;

use fs_err as fs;
use globset::Glob;
use walkdir::WalkDir;

use crate::config::{Set, did_you_mean};
use crate::project::Project;

/// `SUITE.CASE` of all cases of `set` whose source is the project's own. Those of the kernel's own suites are known to the kernel.
///
/// # Errors
/// A source can't be read.
pub fn of(project: &Project, set: &Set) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let overlay = project.overlay();
    for dir in set.tests.iter().map(|module| overlay.join(&module.dir)) {
        for file in WalkDir::new(dir).sort_by_file_name() {
            let file = file?;
            if file.path().extension().is_some_and(|e| e == "rs") {
                found.extend(of_rust(&fs::read_to_string(file.path())?));
            }
        }
    }
    if let Some(program) = &set.program
        && let Some(suite) = &program.suite
    {
        let source = project.guest().join("programs").join(&program.file);
        let source = fs::read_to_string(source)?;
        found.extend(of_c(&source).map(|case| format!("{suite}.{case}")));
    }
    Ok(found)
}

/// The tests below `#[kunit_tests(SUITE)]`.
fn of_rust(source: &str) -> Vec<String> {
    let (mut suite, mut test) = (None, false);
    let mut found = Vec::new();
    for line in source.lines().map(str::trim_start) {
        let name = line.strip_prefix("#[kunit_tests(");
        if let Some((name, _)) = name.and_then(|rest| rest.split_once(')')) {
            suite = Some(name);
        } else if line == "#[test]" {
            test = true;
        } else if let Some((name, _)) = line.strip_prefix("fn ").and_then(|f| f.split_once('('))
            && std::mem::take(&mut test)
        {
            found.extend(suite.map(|suite| format!("{suite}.{name}")));
        }
    }
    found
}

/// The rows of a program's table `cases`.
fn of_c(source: &str) -> impl Iterator<Item = &str> {
    let table = source
        .split_once("cases[] = {")
        .map_or("", |(_, rest)| rest);
    let rows = table
        .lines()
        .skip(1)
        .map_while(|row| row.trim_start().strip_prefix("{ \""));
    rows.filter_map(|row| Some(row.split_once('"')?.0))
}

/// Refuses a `filter` (`SUITE.CASE`, globs) that no case of `sets` meets. Where the cases of a suite that it may mean are not known,
/// only the kernel can tell.
///
/// # Errors
/// Why, with what may have been meant.
pub fn check(project: &Project, sets: &[&Set], filter: &str) -> Result<(), String> {
    let Some((_, case)) = filter.split_once('.') else {
        return Ok(());
    };
    let Ok(glob) = Glob::new(case) else {
        return Ok(());
    };
    let glob = glob.compile_matcher();
    let mut known = Vec::new();
    for set in sets {
        let all = of(project, set)
            .map_err(|e| format!("failed to read the cases of {}: {e}", set.name))?;
        for suite in set.expected(Some(filter)) {
            let names = |name: &str| Some(name.strip_prefix(suite)?.strip_prefix('.')?.to_owned());
            let cases: Vec<String> = all.iter().filter_map(|name| names(name)).collect();
            if cases.is_empty() || cases.iter().any(|case| glob.is_match(case)) {
                return Ok(());
            }
            known.extend(cases.into_iter().map(|case| format!("{suite}.{case}")));
        }
    }
    let near = did_you_mean(filter, known.iter().map(String::as_str));
    let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    Err(format!(
        "failed to choose cases: none is called {filter}{near} (`cargo xtask list --cases` lists them)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn cases_of_rust_and_of_c() {
        let rust = "fn helper() {}\n#[kunit_tests(s)]\nmod tests {\n    #[test]\n    fn one() -> Outcome {\n    }\n    fn other() {}\n    #[test]\n    fn two() {}\n}\n";
        assert_eq!(of_rust(rust), ["s.one", "s.two"]);
        let c = "static struct {\n} cases[] = {\n\t{ \"a\", a },\n\t{ \"b\", b },\n};\n\t{ \"c\", c },\n";
        assert_eq!(of_c(c).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_filter_that_no_case_meets_is_refused_before_anything_is_built() {
        let project = Project::this();
        let config = Config::load(&project.configs()).expect("configs/ loads");
        let check = |set: &str, filter| check(&project, &[&config.sets[set]], filter);
        for filter in [
            "system_heap_rust_vmap",
            "system_heap_rust_vmap.*",
            "*_vmap.is_counted",
            "*.is_counted",
            "system_heap_rust_processes.forke?",
        ] {
            assert_eq!(check("heap", filter), Ok(()), "{filter}");
        }
        // The kernel's own source is nowhere yet.
        assert_eq!(check("kernel-rust", "rust_doctests_kernel.x"), Ok(()));
        let said = check("heap", "system_heap_rust_vmap.is_count").expect_err("there is none");
        assert!(
            said.contains("did you mean `system_heap_rust_vmap.is_counted`?"),
            "{said}"
        );
        // A case of another suite.
        let said = check("heap", "system_heap_rust_mmap.is_counted").expect_err("there is none");
        assert!(said.contains("list --cases"), "{said}");
    }
}
