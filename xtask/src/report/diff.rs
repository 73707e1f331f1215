// SPDX-License-Identifier: GPL-2.0-only
//! What is otherwise in one run than in an earlier one.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};

use crate::results::{Cell, Run};
use crate::ui::printable;
use crate::verdict::Verdict;

/// All of it.
#[derive(Debug, Default, PartialEq)]
pub struct Diff {
    /// What fails now and did not, or was not there.
    pub failures: Vec<Change>,
    /// What failed and does not any more.
    pub fixed: Vec<Change>,
    /// What has another verdict otherwise, or is there in one run only.
    pub other: Vec<Change>,
    /// What takes longer or does more.
    pub slower: Vec<Slower>,
}

/// A case, a suite without cases, or what happened around the suites of a boot.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// `CELL SET SUITE.CASE`
    pub what: String,
    /// None where the earlier run does not have it.
    pub before: Option<Verdict>,
    /// None where the later one does not.
    pub after: Option<Verdict>,
}

/// A quantity that has grown.
#[derive(Debug, PartialEq)]
pub struct Slower {
    /// Such as `arm-vivt heap boot`.
    pub what: String,
    /// In the earlier run.
    pub before: f64,
    /// In the later one.
    pub after: f64,
    /// Of both.
    pub unit: &'static str,
}

impl Display for Slower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Slower {
            what,
            before,
            after,
            unit,
        } = self;
        write!(
            f,
            "{what}: {before:.1} {unit} before, {after:.1} {unit} now"
        )
    }
}

impl Diff {
    /// From `before` to `after`.
    pub fn between(before: &Run, after: &Run) -> Diff {
        let (old, new) = (verdicts(before), verdicts(after));
        let mut diff = Diff::default();
        let all = old
            .keys()
            .chain(new.keys().filter(|k| !old.contains_key(*k)));
        for key in all {
            let (before, after) = (old.get(key).copied(), new.get(key).copied());
            if before == after {
                continue;
            }
            // Of a boot that only one run has, one line is enough, but for what fails in it.
            let of_boot = |verdicts: &BTreeMap<Key, Verdict>| {
                let (cell, set, _) = key;
                verdicts.contains_key(&(cell.clone(), set.clone(), String::new()))
            };
            let alone = !of_boot(&old) || !of_boot(&new);
            if alone && !key.2.is_empty() && !after.is_some_and(Verdict::is_failure) {
                continue;
            }
            let failed = before.is_some_and(Verdict::is_failure);
            let fails = after.is_some_and(Verdict::is_failure);
            let list = match (failed, fails) {
                (false, true) => &mut diff.failures,
                // What is not there any more is not fixed.
                (true, false) if after.is_some() => &mut diff.fixed,
                _ => &mut diff.other,
            };
            list.push(Change {
                what: [&key.0, &key.1, &key.2]
                    .map(String::as_str)
                    .join(" ")
                    .trim_end()
                    .to_owned(),
                before,
                after,
            });
        }
        for now in &after.cells {
            let same = |c: &&Cell| c.cell == now.cell && c.set == now.set;
            if let Some(then) = before.cells.iter().find(same) {
                diff.slower.extend(slower(then, now));
            }
        }
        diff
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        *self == Diff::default()
    }

    /// All of it for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let verdict = |v: Option<Verdict>| v.map_or("not there", Verdict::as_str);
        for (title, changes) in [
            ("new failures", &self.failures),
            ("fixed", &self.fixed),
            ("otherwise", &self.other),
        ] {
            if !changes.is_empty() {
                let _ = writeln!(out, "{title}:");
            }
            for change in changes {
                let (before, after) = (verdict(change.before), verdict(change.after));
                let what = printable(&change.what);
                let _ = writeln!(out, "  {what}: {before} before, {after} now");
            }
        }
        if !self.slower.is_empty() {
            out.push_str("slower:\n");
        }
        for slower in &self.slower {
            let _ = writeln!(out, "  {}", printable(&slower.to_string()));
        }
        let _ = writeln!(
            out,
            "{} new failures, {} fixed, {} otherwise, {} slower",
            self.failures.len(),
            self.fixed.len(),
            self.other.len(),
            self.slower.len()
        );
        out
    }
}

/// A cell, a set, and a case, a suite without cases or nothing for the boot itself.
type Key = (String, String, String);

fn verdicts(run: &Run) -> BTreeMap<Key, Verdict> {
    let mut all = BTreeMap::new();
    for cell in &run.cells {
        let key = |name: String| (cell.cell.clone(), cell.set.clone(), name);
        for suite in &cell.suites {
            for case in &suite.cases {
                all.insert(key(format!("{}.{}", suite.name, case.name)), case.verdict);
            }
            if suite.cases.is_empty() {
                all.insert(key(suite.name.clone()), suite.verdict);
            }
        }
        all.insert(key(String::new()), cell.own_verdict());
    }
    all
}

/// Times that have grown by half and a second, and accesses that have grown by a quarter: less is noise.
#[expect(clippy::cast_precision_loss, reason = "counts to be compared roughly")]
fn slower(before: &Cell, after: &Cell) -> Vec<Slower> {
    let accesses = |cell: &Cell| {
        let counts = cell.vcsan.as_ref();
        counts.map_or(0.0, |c| c.loads.saturating_add(c.stores) as f64 / 1e6)
    };
    let time = |what, before: f64, after: f64| {
        (
            what,
            before,
            after,
            "s",
            after > before * 1.5 && after > before + 1.0,
        )
    };
    let (old, new) = (accesses(before), accesses(after));
    let all = [
        time("boot", before.boot_s, after.boot_s),
        time("build", before.build_s, after.build_s),
        (
            "loads and stores",
            old,
            new,
            "million",
            old > 0.0 && new > old * 1.25,
        ),
    ];
    let grown = all.into_iter().filter(|(.., grown)| *grown);
    let named = grown.map(|(what, before, later, unit, _)| Slower {
        what: format!("{} {} {what}", after.cell, after.set),
        before,
        after: later,
        unit,
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn a_run_is_not_otherwise_than_itself() {
        let diff = Diff::between(&example::run(), &example::run());
        assert!(diff.is_empty(), "{diff:?}");
        assert_eq!(
            diff.text(),
            "0 new failures, 0 fixed, 0 otherwise, 0 slower\n"
        );
    }

    #[test]
    fn new_failures_what_is_fixed_and_what_is_gone_are_told_apart() {
        let (before, mut after) = (example::run(), example::run());
        after.cells[0].suites[0].cases[0].verdict = Verdict::Crashed;
        let bad = &mut after.cells[1].suites;
        bad[1].cases[0].verdict = Verdict::Passed;
        // One that failed, and one that did not.
        bad[1].cases.pop();
        bad[0].cases.remove(0);
        let diff = Diff::between(&before, &after);
        let what = |changes: &[Change]| changes.iter().map(|c| c.what.clone()).collect::<Vec<_>>();
        assert_eq!(what(&diff.failures), ["arm-pipt heap heap_alloc.zero"]);
        assert_eq!(what(&diff.fixed), ["arm-vivt heap heap_vmap.reads"]);
        assert_eq!(
            what(&diff.other),
            [
                "arm-vivt heap heap_alloc.zero",
                "arm-vivt heap heap_vmap.stops"
            ]
        );
        assert!(
            diff.text()
                .contains("heap_vmap.stops: hung before, not there now")
        );
        // A case that is new and fails is a new failure.
        let diff = Diff::between(&after, &before);
        assert!(what(&diff.failures).contains(&"arm-vivt heap heap_vmap.stops".into()));
    }

    #[test]
    fn a_boot_that_only_one_run_has_is_one_line_but_for_what_fails_in_it() {
        let (before, mut after) = (example::run(), example::run());
        let bad = after.cells.remove(1);
        let diff = Diff::between(&before, &after);
        assert_eq!(diff.other.len(), 1, "{diff:?}");
        assert_eq!(diff.other[0].what, "arm-vivt heap");
        let mut more = example::run();
        more.cells = vec![bad];
        let diff = Diff::between(&after, &more);
        let what: Vec<&str> = diff.failures.iter().map(|c| c.what.as_str()).collect();
        assert_eq!(
            what,
            [
                "arm-vivt heap",
                "arm-vivt heap heap_vmap.reads",
                "arm-vivt heap heap_vmap.stops"
            ]
        );
    }

    #[test]
    fn what_has_grown_is_slower_and_noise_is_not() {
        let (before, mut after) = (example::run(), example::run());
        after.cells[0].boot_s = before.cells[0].boot_s + 1.5;
        after.cells[1].boot_s = before.cells[1].boot_s + 0.5;
        after.cells[1].vcsan.as_mut().expect("counts").loads = 2_000_000;
        let diff = Diff::between(&before, &after);
        assert_eq!(diff.slower.len(), 1, "{diff:?}");
        assert_eq!(
            diff.slower[0].to_string(),
            "arm-pipt heap boot: 1.2 s before, 2.8 s now"
        );
        let mut more = example::run();
        more.cells[1].vcsan.as_mut().expect("counts").loads = 3_000_000;
        let diff = Diff::between(&after, &more);
        assert_eq!(diff.slower[0].unit, "million");
    }
}
