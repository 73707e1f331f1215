// SPDX-License-Identifier: GPL-2.0-only
//! Joins the reports of shards into one, in which whatever is missing is a failure.

use std::collections::BTreeMap;

use crate::repeat::Repeat;
use crate::results::{Cell, Identity, Planned, Run, Stage, Suite};
use crate::verdict::Verdict;

/// One report of all `shards`.
///
/// # Errors
/// A fragment: they are not of one run, or one is there twice.
pub fn merge(mut shards: Vec<Run>) -> Result<Run, String> {
    let number = |run: &Run| run.shard.map_or(1, |shard| shard.number);
    shards.sort_by_key(number);
    let Some(first) = shards.first() else {
        return Err("failed to merge: there is no report".into());
    };
    let of = first.shard.map_or(1, |shard| shard.of);
    for run in &shards {
        same(first, run)?;
    }
    if let Some(twice) = shards.windows(2).find(|w| number(&w[0]) == number(&w[1])) {
        return Err(format!(
            "failed to merge: shard {} is there twice",
            number(&twice[0])
        ));
    }
    let there: Vec<usize> = shards.iter().map(number).collect();
    let missing: Vec<String> = (1..=of)
        .filter(|n| !there.contains(n))
        .map(|n| n.to_string())
        .collect();
    let planned = first.planned.clone();
    let lines = shards.iter().flat_map(|run| &run.cells);
    let lines: Vec<(String, Repeat)> = lines
        .filter_map(|cell| Some((cell.set.clone(), Repeat::read(&cell.repeat).ok()?)))
        .collect();
    let mut identity = first.identity.clone();
    identity.name = None;
    let mut run = Run::new(identity, Vec::new(), 0.0);
    let mut boots: BTreeMap<(String, String), Cell> = BTreeMap::new();
    for shard in shards {
        let name = |stage: &str| match shard.shard {
            Some(shard) => format!("shard {}: {stage}", shard.number),
            None => stage.to_owned(),
        };
        run.stages.extend(shard.stages.iter().map(|stage| Stage {
            name: name(&stage.name),
            took_s: stage.took_s,
        }));
        // They ran at the same time.
        run.wall_s = run.wall_s.max(shard.wall_s);
        if shard.identity.started < run.identity.started {
            run.identity.started.clone_from(&shard.identity.started);
        }
        run.mutants.extend(shard.mutants);
        for cell in shard.cells {
            let key = (cell.cell.clone(), cell.set.clone());
            if let Some(cell) = boots.insert(key, cell) {
                return Err(format!(
                    "failed to merge: {} ({}) is in two shards; they must be given the same --times",
                    cell.cell, cell.set
                ));
            }
        }
    }
    for plan in &planned {
        let key = (plan.cell.clone(), plan.set.clone());
        let cell = boots.remove(&key);
        run.cells
            .push(cell.map_or_else(|| absent(plan, &missing, &lines), |cell| whole(cell, plan)));
    }
    if let Some(((cell, set), _)) = boots.pop_first() {
        return Err(format!(
            "failed to merge: {cell} ({set}) is in a shard and not in the plan"
        ));
    }
    run.planned = planned;
    run.judge();
    if !missing.is_empty() {
        // Also where the plan is empty.
        run.verdict = run.verdict.max(Verdict::Infra);
    }
    Ok(run)
}

/// Shards are of one run if they were to do the same with the same.
fn same(a: &Run, b: &Run) -> Result<(), String> {
    let (x, y) = (&a.identity, &b.identity);
    let recipe = |of: &Identity| of.tools.as_ref().map(|tools| tools.recipe.clone());
    let differ = [
        (
            "number of shards",
            a.shard.map(|s| s.of) != b.shard.map(|s| s.of),
        ),
        ("commit", x.project != y.project),
        (
            "kernel",
            x.kernel.is_some() && y.kernel.is_some() && x.kernel != y.kernel,
        ),
        // By one recipe, packages may still be of two days.
        (
            "tools",
            recipe(x).is_some() && recipe(y).is_some() && recipe(x) != recipe(y),
        ),
        ("options", x.options != y.options),
        ("plan", a.planned != b.planned),
    ];
    match differ.iter().find(|(_, differ)| *differ) {
        Some((what, _)) => Err(format!(
            "failed to merge reports of two runs: {} and {} have not the same {what}",
            x.name.as_deref().unwrap_or("one"),
            y.name.as_deref().unwrap_or("another")
        )),
        None => Ok(()),
    }
}

/// A boot that no shard has. `lines` repeat others of the run, each with its set.
fn absent(plan: &Planned, missing: &[String], lines: &[(String, Repeat)]) -> Cell {
    let why = match missing {
        [] => "no shard has it; were all given the same --times?".to_owned(),
        missing => format!(
            "no report has it: that of shard {} is missing",
            missing.join(", ")
        ),
    };
    // Where a set is run on several exporters, it is the page of one of them.
    let same = lines.iter().find(|(set, _)| *set == plan.set);
    let line = same.or(lines.first()).map(|(_, repeat)| {
        let repeat = repeat.of_planned(&plan.cell, &plan.set);
        repeat.line()
    });
    Cell {
        cell: plan.cell.clone(),
        set: plan.set.clone(),
        verdict: Verdict::Infra,
        message: Some(why),
        // None of that run is known.
        repeat: line.unwrap_or_else(|| format!("cargo xtask test {}", plan.cell)),
        ..Cell::default()
    }
}

/// `cell` with what it should have shown and did not.
fn whole(mut cell: Cell, plan: &Planned) -> Cell {
    if cell.verdict.is_failure() || cell.verdict == Verdict::Skipped {
        return cell;
    }
    for name in &plan.suites {
        if !cell.suites.iter().any(|s| s.name == *name) {
            cell.suites.push(Suite {
                name: name.clone(),
                ..Suite::default()
            });
            cell.verdict = cell.verdict.max(Verdict::Crashed);
            let message = cell.message.get_or_insert_default();
            *message += &format!("suite {name} is missing from the report\n");
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;
    use crate::results::Shard;

    /// Two shards of a run that passes.
    fn shards() -> Vec<Run> {
        let mut whole = example::run();
        for cell in &mut whole.cells {
            cell.verdict = Verdict::Passed;
            cell.suites
                .iter_mut()
                .for_each(|s| s.verdict = Verdict::Passed);
        }
        let shard = |number: usize| {
            let mut run = example::run();
            run.shard = Some(Shard { number, of: 2 });
            run.cells.clear();
            run.mutants.clear();
            run
        };
        let (mut one, mut two) = (shard(1), shard(2));
        // In another order than that of the plan.
        two.cells.push(whole.cells.remove(0));
        one.cells.push(whole.cells.remove(0));
        two.wall_s = 99.0;
        vec![two, one]
    }

    #[test]
    fn shards_make_one_report_in_the_order_of_the_plan() {
        let run = merge(shards()).expect("they fit");
        let cells: Vec<&str> = run.cells.iter().map(|c| c.cell.as_str()).collect();
        assert_eq!(cells, ["arm-pipt", "arm-vivt"]);
        assert_eq!(
            (run.verdict, run.wall_s, run.shard),
            (Verdict::Passed, 99.0, None)
        );
        assert_eq!(run.stages[1].name, "shard 2: setup");
    }

    #[test]
    fn a_shard_that_is_missing_fails_with_its_boots() {
        let mut one = shards();
        one.remove(0);
        let run = merge(one).expect("they fit");
        assert_eq!(run.verdict, Verdict::Infra);
        assert_eq!(run.cells[0].verdict, Verdict::Infra);
        let why = run.cells[0].message.as_deref().unwrap_or_default();
        assert!(why.contains("shard 2 is missing"), "{why}");
        assert_eq!(run.cells[1].verdict, Verdict::Passed);
        assert!(merge(Vec::new()).is_err());
    }

    #[test]
    fn a_boot_that_is_missing_has_the_line_of_the_run() {
        let mut one = shards();
        one.remove(0);
        let line = |cell: &str| {
            format!("cargo xtask test {cell} --set heap --contract --filter 'a_*.*' --patience 2")
        };
        one[0].cells[0].repeat = line("arm-vivt");
        let run = merge(one).expect("they fit");
        let repeat = Repeat::read(&run.cells[0].repeat).expect("a command");
        assert_eq!(Ok(repeat), Repeat::read(&line("arm-pipt")).map_err(drop));
    }

    #[test]
    fn a_cell_and_a_suite_that_are_missing_fail() {
        let mut lacking = shards();
        lacking[0].cells.clear();
        let run = merge(lacking).expect("they fit");
        assert_eq!(run.cells[0].verdict, Verdict::Infra);
        let mut lacking = shards();
        lacking[1].cells[0].suites.pop();
        let run = merge(lacking).expect("they fit");
        assert_eq!(run.verdict, Verdict::Crashed);
        assert_eq!(run.cells[1].suites[1].name, "heap_vmap");
        assert_eq!(run.cells[1].suites[1].verdict, Verdict::Crashed);
    }

    #[test]
    fn what_is_not_of_one_run_is_refused() {
        type Change = fn(&mut Vec<Run>);
        let changes: [(&str, Change); 8] = [
            ("not the same commit", |s| s[0].identity.project = None),
            ("not the same tools", |s| {
                s[0].identity.tools.as_mut().expect("tools").recipe = "other".into();
            }),
            ("not the same options", |s| {
                s[0].identity.options.fixes = true
            }),
            ("not the same options", |s| {
                s[0].identity.options.suppress = Some("a hash".into())
            }),
            ("not the same plan", |s| drop(s[0].planned.pop())),
            ("not the same number of shards", |s| {
                s[0].shard = Some(Shard { number: 2, of: 3 })
            }),
            ("shard 1 is there twice", |s| s[0].shard = s[1].shard),
            ("is in two shards", |s| {
                let cell = s[0].cells.remove(0);
                let other = &mut s[1].cells[0];
                (other.cell, other.set) = (cell.cell.clone(), cell.set.clone());
                s[0].cells.push(cell);
            }),
        ];
        for (says, change) in changes {
            let mut shards = shards();
            change(&mut shards);
            let said = merge(shards).expect_err(says);
            assert!(said.contains(says), "{said}");
        }
    }
}
